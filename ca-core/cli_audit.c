/* `audit export` and `audit verify`. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "ca-core/audit_export.h"
#include "ca-core/audit_verify.h"
#include "ca-core/cli.h"
#include "db/sql_audit.h"

enum {
    WRONG_USE = 2,
    CONNECT_TIMEOUT_S = 10,
    /* The CA reads every hash of the time asked for. */
    MANIFEST_TIMEOUT_MS = 10 * 60 * 1000,
    PATH_LEN = 4096,
    FINDINGS_SHOWN = 50,
};

/* ---- audit export ------------------------------------------------------ */

static bool
read_time(const char *name, const char *text, int64_t *out, struct error *err)
{
    if (text == NULL)
        return error_set(err, ERROR_INPUT, "%s TIME is needed", name);
    return clock_parse(text, out) ||
           error_set(err, ERROR_INPUT,
                     "%s: no time like 2026-11-24T09:00:00Z: %s", name, text);
}

static bool
connect_both(const struct cli *cli, const struct db_options *options,
             struct audit_export *run, struct error *err)
{
    static const char *const keys[] = {"db.audit",
                                       "tls.trust_file",
                                       "cli.ca_url",
                                       "cli.auditor_certificate_file",
                                       "cli.auditor_key_file",
                                       NULL};
    const struct config *config = cli->config;
    struct http_client_options http = {
        .timeout_ms = MANIFEST_TIMEOUT_MS,
        .body_max = MANIFEST_MAX,
    };

    if (!config_require(config, keys, err))
        return false;
    http.base_url = config_text(config, "cli.ca_url");
    http.trust_file = config_path(config, "tls.trust_file");
    http.certificate_file = config_path(config, "cli.auditor_certificate_file");
    http.key_file = config_path(config, "cli.auditor_key_file");
    return db_open(options, &run->db, err) &&
           http_client_new(&http, &run->client, err);
}

static int
run_export(struct cli *cli)
{
    bool is_wrong = false;
    const char *from = cli_option(cli, "--from", &is_wrong);
    const char *to = cli_option(cli, "--to", &is_wrong);
    const char *format = cli_option(cli, "--format", &is_wrong);
    struct audit_export run = {.path = cli_option(cli, "--out", &is_wrong)};
    struct db_options options = {
        .statements = db_audit_statements,
        .statement_count = DB_AUDIT_STATEMENT_COUNT,
        .connect_timeout_s = CONNECT_TIMEOUT_S,
    };
    struct manifest manifest;
    struct error err = {0};
    bool ok;

    if (is_wrong || !cli_rest(cli, 0))
        return WRONG_USE;
    options.connection = config_text(cli->config, "db.audit");
    ok = read_time("--from", from, &run.from, &err) &&
         read_time("--to", to, &run.to, &err) &&
         (audit_format_find(format == NULL ? "jsonl" : format, &run.format) ||
          error_set(&err, ERROR_INPUT, "--format is jsonl or csv")) &&
         (run.path != NULL ||
          error_set(&err, ERROR_INPUT, "--out FILE is needed")) &&
         connect_both(cli, &options, &run, &err) &&
         audit_export(&run, &manifest, &err);
    http_client_free(run.client);
    db_close(run.db);
    if (!ok)
        return cli_fail(cli, &err);
    printf("%s: %lld entries\n", run.path, (long long)manifest.count);
    return 0;
}

/* ---- audit verify ------------------------------------------------------ */

struct shown {
    const char *path;
    size_t count;
};

/* audit_tell */
static void
show_finding(const char *finding, void *arg)
{
    struct shown *shown = arg;

    if (++shown->count <= FINDINGS_SHOWN)
        printf("%s: %s\n", shown->path, finding);
    else if (shown->count == FINDINGS_SHOWN + 1)
        printf("%s: and more\n", shown->path);
}

static bool
read_manifest(const char *path, struct manifest_signed *out, struct error *err)
{
    struct buf text = BUF_INIT(MANIFEST_MAX);
    char name[PATH_LEN];
    json_t *json = NULL;
    bool ok;

    if (!audit_manifest_path(path, name, sizeof name))
        return error_set(err, ERROR_INPUT, "%s: path too long", path);
    ok = text_file_read(name, MANIFEST_MAX, &text, err) &&
         json_parse_object(text.data, text.len, &json, err) &&
         manifest_parse(json, out, err);
    json_decref(json);
    buf_clear(&text);
    return ok || error_wrap(err, "%s", name);
}

static bool
read_key(const char *path, EVP_PKEY **out, struct error *err)
{
    struct buf text = BUF_INIT(MANIFEST_MAX);
    uint8_t sha256[32];
    bool ok;

    if (path == NULL)
        return true;
    ok = text_file_read(path, MANIFEST_MAX, &text, err) &&
         manifest_key_parse(buf_text(&text), text.len, out, sha256, err);
    buf_clear(&text);
    return ok || error_wrap(err, "%s", path);
}

static bool
verify_file(const char *path, const struct manifest_signed *manifest,
            EVP_PKEY *trusted, struct audit_verdict *out, struct error *err)
{
    struct shown shown = {.path = path};
    FILE *file = fopen(path, "re");
    bool ok;

    if (file == NULL)
        return error_errno(err, ERROR_NOT_FOUND, "open %s", path);
    ok = audit_verify(file, manifest, trusted, show_finding, &shown, out, err);
    (void)fclose(file);
    return ok;
}

static void
show_verdict(const char *path, const struct manifest_signed *manifest,
             bool is_trusted, const struct audit_verdict *verdict)
{
    char made_at[CLOCK_TEXT_LEN + 1];
    char key[2 * sizeof manifest->manifest.log_key + 1];

    clock_format(manifest->manifest.made_at, made_at);
    text_hex(manifest->manifest.log_key, sizeof manifest->manifest.log_key,
             key);
    printf("%s: %lld entries, %lld decisions, manifest of %s by log key %s\n",
           path, (long long)verdict->entries, (long long)verdict->decisions,
           made_at, key);
    /* One export must begin where the one before it ended. */
    if (manifest->manifest.count > 0)
        printf("%s: entries %lld to %lld of the log\n", path,
               (long long)manifest->manifest.first_index,
               (long long)manifest->manifest.last_index);
    if (verdict->officers >= 0)
        printf("%s: orders judged by its %lld officers\n", path,
               (long long)verdict->officers);
    else
        printf("%s: roles of officers not judged: it does not begin with the "
               "log's first entry\n",
               path);
    if (verdict->findings > 0)
        printf("%s: WRONG: %lld findings\n", path,
               (long long)verdict->findings);
    else if (is_trusted)
        printf("%s: right\n", path);
    else
        printf("%s: right if that log key is; give it with --key\n", path);
}

static int
run_verify(struct cli *cli)
{
    bool is_wrong = false;
    const char *key_path = cli_option(cli, "--key", &is_wrong);
    struct manifest_signed manifest = {0};
    struct audit_verdict verdict = {0};
    EVP_PKEY *trusted = NULL;
    struct error err = {0};
    const char *path;
    bool ok;

    if (is_wrong || !cli_rest(cli, 1))
        return WRONG_USE;
    path = cli->argv[0];
    ok = read_key(key_path, &trusted, &err) &&
         read_manifest(path, &manifest, &err) &&
         verify_file(path, &manifest, trusted, &verdict, &err);
    if (ok)
        show_verdict(path, &manifest, trusted != NULL, &verdict);
    else
        (void)cli_fail(cli, &err);
    manifest_clear(&manifest);
    EVP_PKEY_free(trusted);
    return ok && verdict.findings == 0 ? 0 : 1;
}

const struct cli_verb audit_verbs[] = {
    {"audit export", "--from TIME --to TIME [--format jsonl|csv] --out FILE",
     "write the log's entries of a time, with a signed manifest beside them",
     true, run_export},
    {"audit verify", "FILE [--key PEM]",
     "judge an export, with neither database nor network", false, run_verify},
    {NULL, NULL, NULL, false, NULL},
};
