/* ca-core/audit.h and audit_export.h: from the log in a real PostgreSQL and a
 * key in a real token to files that openssl and audit_verify() judge. The call
 * to signet-ca is answered here. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/text.h"
#include "ca-core/audit.h"
#include "ca-core/audit_export.h"
#include "ca-core/audit_verify.h"
#include "ca-core/entry.h"
#include "db/sql_audit.h"
#include "db/sql_ca.h"
#include "tests/unit/pg.h"
#include "tests/unit/soft_token.h"

enum {
    T0 = 1795510800,
    NOW = T0 + 1000,
    ENTRIES = 300,
    PATH_LEN = 128,
    FINDINGS_LEN = 2048
};

static struct soft_token token;
static struct hsm *hsm;
static const struct hsm_key *log_key;
static char folder[] = "/tmp/signet-audit.XXXXXX";

static struct db_options ca_options = {
    .statements = db_ca_statements,
    .statement_count = DB_CA_STATEMENT_COUNT,
    .connect_timeout_s = 5,
    .statement_timeout_ms = 5000,
};
static struct db_options audit_options = {
    .statements = db_audit_statements,
    .statement_count = DB_AUDIT_STATEMENT_COUNT,
    .connect_timeout_s = 5,
};

#define MUST(call)                                                             \
    do {                                                                       \
        if (!(call))                                                           \
            fail_msg("%s: %s (%s)", #call, err.what, err.cause);               \
    } while (0)

/* ---- Setting up -------------------------------------------------------- */

/* db_run: entries a second apart. */
static bool
fill_log(struct db *db, void *arg, struct error *err)
{
    int64_t index;

    (void)arg;
    for (int i = 0; i < ENTRIES; i++)
        if (!entry_append(db, T0 + i, "test.event", "a \"subject\"", NULL,
                          &index, err))
            return false;
    return true;
}

static int
start(void **state)
{
    static const uint8_t id[16] = {1};
    struct error err = {0};

    (void)state;
    pg_start();
    soft_token_make(&token);
    ca_options.connection = pg_connection("signet_ca");
    audit_options.connection = pg_connection("signet_audit");
    if (mkdtemp(folder) != NULL && hsm_open(&token.options, &hsm, &err) &&
        hsm_key_generate(hsm, HSM_KEY_EC_P256, "log", id, sizeof id, &log_key,
                         &err))
        return 0;
    print_error("%s (%s)\n", err.what, err.cause);
    return 1;
}

static int
stop(void **state)
{
    char command[PATH_LEN];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    (void)!system(command);
    hsm_close(hsm);
    soft_token_remove(&token);
    pg_stop();
    return 0;
}

/* What one test works with. */
struct parts {
    struct db *ca, *audit;
    bool is_tampered; /* the CA signs for another time than it was asked */
    bool is_away;
};
static struct parts parts;

static int
open_parts(void **state)
{
    struct error err = {0};

    memset(&parts, 0, sizeof parts);
    pg_reset();
    if (!db_open(&ca_options, &parts.ca, &err) ||
        !db_open(&audit_options, &parts.audit, &err) ||
        !db_transaction(parts.ca, fill_log, NULL, &err)) {
        print_error("%s (%s)\n", err.what, err.cause);
        return 1;
    }
    *state = &parts;
    return 0;
}

static int
close_parts(void **state)
{
    (void)state;
    db_close(parts.ca);
    db_close(parts.audit);
    return 0;
}

/* signet-ca as the client sees it: the real handler's work without HTTP. */
bool __wrap_http_client_json(struct http_client *client,
                             enum http_method method, const char *path,
                             const json_t *body, json_t **out,
                             struct error *err);

bool
__wrap_http_client_json(struct http_client *client, enum http_method method,
                        const char *path, const json_t *body, json_t **out,
                        struct error *err)
{
    int64_t from, to;

    assert_null(client);
    assert_int_equal(method, HTTP_POST);
    assert_string_equal(path, "/v1/log/manifests");
    if (parts.is_away)
        return error_set(err, ERROR_BUSY, "nobody answers");
    return json_get_time(body, "from", &from, err) &&
           json_get_time(body, "to", &to, err) &&
           audit_manifest(parts.ca, hsm, log_key, HSM_ECDSA_SHA256,
                          parts.is_tampered ? from + 5 : from, to, NOW, out,
                          err);
}

static void
path_of(const char *name, char out[PATH_LEN])
{
    (void)snprintf(out, PATH_LEN, "%s/%s", folder, name);
}

static bool
export_to(const char *path, enum audit_format format, int64_t from, int64_t to,
          struct manifest *manifest, struct error *err)
{
    struct audit_export run = {.db = parts.audit,
                               .from = from,
                               .to = to,
                               .format = format,
                               .path = path};

    return audit_export(&run, manifest, err);
}

/* audit_tell */
static void
note(const char *finding, void *arg)
{
    char *findings = arg;
    size_t used = strlen(findings);

    (void)snprintf(findings + used, FINDINGS_LEN - used, "%s\n", finding);
}

/* The findings of the verifier on the two files, each with a line end. */
static const char *
judge(const char *path)
{
    static char findings[FINDINGS_LEN];
    struct buf text = BUF_INIT(MANIFEST_MAX);
    char manifest_path[PATH_LEN + 16];
    struct manifest_signed manifest;
    struct audit_verdict verdict;
    struct error err = {0};
    json_t *json = NULL;
    FILE *file = fopen(path, "r");

    findings[0] = '\0';
    assert_non_null(file);
    assert_true(audit_manifest_path(path, manifest_path, sizeof manifest_path));
    MUST(text_file_read(manifest_path, MANIFEST_MAX, &text, &err));
    MUST(json_parse_object(text.data, text.len, &json, &err));
    MUST(manifest_parse(json, &manifest, &err));
    MUST(audit_verify(file, &manifest, log_key->public_key, note, findings,
                      &verdict, &err));
    assert_int_equal(verdict.findings > 0, findings[0] != '\0');
    manifest_clear(&manifest);
    json_decref(json);
    buf_clear(&text);
    (void)fclose(file);
    return findings;
}

/* ---- Manifests --------------------------------------------------------- */

/* Writes one member of the document, decoded, to a file. */
static void
spill(const json_t *document, const char *member, const char *path)
{
    struct buf octets = BUF_INIT(MANIFEST_MAX);
    const json_t *value = json_object_get(document, member);
    struct error err = {0};

    if (json_is_object(value))
        MUST(json_canonical(value, &octets, &err));
    else if (strcmp(member, "signature") == 0)
        MUST(json_get_bytes(document, member, MANIFEST_MAX, &octets, &err));
    else
        buf_add_text(&octets, json_string_value(value));
    MUST(text_file_write(path, octets.data, octets.len, 0600, &err));
    buf_clear(&octets);
}

static void
openssl_verifies_a_manifest(void **state)
{
    char octets[PATH_LEN], signature[PATH_LEN], key[PATH_LEN];
    struct error err = {0};
    json_t *document = NULL;

    (void)state;
    MUST(audit_manifest(parts.ca, hsm, log_key, HSM_ECDSA_SHA256, T0, NOW, NOW,
                        &document, &err));
    path_of("octets", octets);
    path_of("signature", signature);
    path_of("key.pem", key);
    spill(document, "manifest", octets);
    spill(document, "signature", signature);
    spill(document, "public_key", key);
    {
        const char *const argv[] = {"openssl", "dgst", "-sha256",
                                    "-verify", key,    "-signature",
                                    signature, octets, NULL};

        assert_int_equal(soft_token_run(argv), 0);
        MUST(text_file_write(octets, "{}", 2, 0600, &err));
        assert_int_not_equal(soft_token_run(argv), 0);
    }
    json_decref(document);
}

static void
a_manifest_of_the_future_or_of_no_time_is_refused(void **state)
{
    static const int64_t times[][2] = {
        {T0, NOW + 1}, {T0, T0}, {T0 + 1, T0}, {NOW + 5, NOW + 9}};

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct error err = {0};
        json_t *document = NULL;

        assert_false(audit_manifest(parts.ca, hsm, log_key, HSM_ECDSA_SHA256,
                                    times[i][0], times[i][1], NOW, &document,
                                    &err));
        assert_int_equal(err.code, ERROR_INPUT);
        assert_null(document);
    }
}

/* ---- Exports ----------------------------------------------------------- */

static void
an_export_is_right_in_both_formats(void **state)
{
    struct manifest manifest;
    struct error err = {0};
    char path[PATH_LEN];

    (void)state;
    path_of("log.jsonl", path);
    MUST(export_to(path, AUDIT_JSONL, T0, NOW, &manifest, &err));
    assert_true(manifest.count == ENTRIES);
    assert_string_equal(judge(path), "");
    path_of("log.csv", path);
    MUST(export_to(path, AUDIT_CSV, T0 + 10, T0 + 20, &manifest, &err));
    assert_true(manifest.first_index == 10 && manifest.last_index == 19);
    assert_string_equal(judge(path), "");
}

static void
an_export_of_a_time_without_entries_is_empty_and_right(void **state)
{
    struct manifest manifest;
    struct error err = {0};
    char path[PATH_LEN];

    (void)state;
    path_of("empty.jsonl", path);
    MUST(export_to(path, AUDIT_JSONL, T0 - 100, T0, &manifest, &err));
    assert_true(manifest.count == 0);
    assert_string_equal(judge(path), "");
    assert_int_equal(access(path, R_OK), 0);
}

/* The database's administrator takes the lock off the log. */
static void
tamper(const char *sql)
{
    pg_sql("ALTER TABLE log.entry DISABLE TRIGGER USER");
    pg_sql(sql);
    pg_sql("ALTER TABLE log.entry ENABLE TRIGGER USER");
}

static void
an_entry_altered_in_the_database_is_named(void **state)
{
    struct manifest manifest;
    struct error err = {0};
    char path[PATH_LEN];

    (void)state;
    tamper("UPDATE log.entry SET body = convert_to(replace(convert_from(body,"
           " 'UTF8'), 'test.event', 'rest.event'), 'UTF8') WHERE index = 77");
    path_of("altered.jsonl", path);
    MUST(export_to(path, AUDIT_JSONL, T0, NOW, &manifest, &err));
    assert_non_null(
        strstr(judge(path), "entry 77 was altered: its hash is another\n"));
}

static void
an_entry_removed_from_the_database_stops_the_export(void **state)
{
    struct manifest manifest;
    struct error err = {0};
    char path[PATH_LEN];

    (void)state;
    tamper("DELETE FROM log.entry WHERE index = 77");
    path_of("removed.jsonl", path);
    assert_false(export_to(path, AUDIT_JSONL, T0, NOW, &manifest, &err));
    assert_non_null(strstr(err.what, "entry 77"));
    assert_int_not_equal(access(path, F_OK), 0);
}

static void
a_manifest_of_another_time_stops_the_export(void **state)
{
    struct manifest manifest;
    struct error err = {0};
    char path[PATH_LEN];

    (void)state;
    parts.is_tampered = true;
    path_of("other.jsonl", path);
    assert_false(export_to(path, AUDIT_JSONL, T0, NOW, &manifest, &err));
    assert_int_not_equal(access(path, F_OK), 0);
}

static void
a_ca_that_is_away_leaves_no_file(void **state)
{
    struct manifest manifest;
    struct error err = {0};
    char path[PATH_LEN];

    (void)state;
    parts.is_away = true;
    path_of("away.jsonl", path);
    assert_false(export_to(path, AUDIT_JSONL, T0, NOW, &manifest, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_int_not_equal(access(path, F_OK), 0);
}

int
main(void)
{
#define WITH_PARTS(test)                                                       \
    cmocka_unit_test_setup_teardown(test, open_parts, close_parts)
    const struct CMUnitTest tests[] = {
        WITH_PARTS(openssl_verifies_a_manifest),
        WITH_PARTS(a_manifest_of_the_future_or_of_no_time_is_refused),
        WITH_PARTS(an_export_is_right_in_both_formats),
        WITH_PARTS(an_export_of_a_time_without_entries_is_empty_and_right),
        WITH_PARTS(an_entry_altered_in_the_database_is_named),
        WITH_PARTS(an_entry_removed_from_the_database_stops_the_export),
        WITH_PARTS(a_manifest_of_another_time_stops_the_export),
        WITH_PARTS(a_ca_that_is_away_leaves_no_file),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
