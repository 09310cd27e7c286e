/* `signet ceremony check|run|rollover|root-crl|verify`. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ca-core/ceremony.h"
#include "ca-core/cli.h"

enum { REPORT_MAX = 4 * 1024 * 1024, PATH_LEN_MAX = 4096 };

static bool
load_profiles(const struct cli *cli, struct profile_set *out, struct error *err)
{
    return profile_set_load(config_path(cli->config, "ca.profiles_dir"),
                            config_path(cli->config, "schema_dir"), out, err);
}

static bool
load(const struct cli *cli, struct profile_set *profiles, struct ceremony **out,
     struct error *err)
{
    return load_profiles(cli, profiles, err) &&
           ceremony_load(cli->argv[0], config_path(cli->config, "schema_dir"),
                         profiles, out, err);
}

static int
run_check(struct cli *cli)
{
    struct buf report = BUF_INIT(REPORT_MAX);
    struct profile_set profiles = {0};
    struct ceremony *ceremony = NULL;
    struct error err = {0};
    int status = 0;

    if (!cli_rest(cli, 1))
        return 2;
    if (load(cli, &profiles, &ceremony, &err) &&
        ceremony_check(ceremony, &profiles,
                       config_text(cli->config, "publish.url"), clock_now(),
                       &report, &err))
        (void)fputs(buf_text(&report), stdout);
    else
        status = cli_fail(cli, &err);
    ceremony_free(ceremony);
    profile_set_clear(&profiles);
    buf_clear(&report);
    return status;
}

static bool
has_generation(const struct ceremony *ceremony)
{
    size_t i;

    for (i = 0; i < ceremony->authority_count; i++)
        if (ceremony->authority[i].replaces != NULL)
            return true;
    return false;
}

static bool
run_file(struct cli *cli, const char *out, bool is_rollover, struct error *err)
{
    struct profile_set profiles = {0};
    struct ceremony *ceremony = NULL;
    bool was_done = false, ok;

    ok = load(cli, &profiles, &ceremony, err);
    if (ok && is_rollover && !has_generation(ceremony))
        ok = error_set(err, ERROR_INPUT,
                       "no authority of the file replaces another");
    ok = ok &&
         ceremony_run(ceremony, cli->config, &profiles, out, &was_done, err);
    if (ok && was_done)
        printf("ceremony %s was done before; nothing was made\n", ceremony->id);
    else if (ok)
        printf("ceremony %s is done; its protocol is "
               "%s/protocol/ceremony-%s.json\n",
               ceremony->id, out, ceremony->id);
    ceremony_free(ceremony);
    profile_set_clear(&profiles);
    return ok;
}

static int
run_with_out(struct cli *cli, bool is_rollover)
{
    bool is_wrong = false;
    const char *out = cli_option(cli, "--out", &is_wrong);
    struct error err = {0};

    if (is_wrong || !cli_rest(cli, 1))
        return 2;
    if (out == NULL) {
        error_set(&err, ERROR_INPUT, "name a folder: --out DIR");
        (void)cli_fail(cli, &err);
        return 2;
    }
    return run_file(cli, out, is_rollover, &err) ? 0 : cli_fail(cli, &err);
}

static int
run_run(struct cli *cli)
{
    return run_with_out(cli, false);
}

static int
run_rollover(struct cli *cli)
{
    return run_with_out(cli, true);
}

static int
run_root_crl(struct cli *cli)
{
    struct buf report = BUF_INIT(REPORT_MAX);
    struct profile_set profiles = {0};
    struct error err = {0};
    int status = 0;

    if (!cli_rest(cli, -1) || cli->argc > 1)
        return 2;
    if (load_profiles(cli, &profiles, &err) &&
        ceremony_root_crl(cli->config, &profiles,
                          cli->argc == 1 ? cli->argv[0] : NULL, &report, &err))
        (void)fputs(buf_text(&report), stdout);
    else
        status = cli_fail(cli, &err);
    profile_set_clear(&profiles);
    buf_clear(&report);
    return status;
}

/* PROTOCOL.json and PROTOCOL.sig stand in DIR/protocol, the key in DIR/public.
 */
static int
run_verify(struct cli *cli)
{
    struct buf report = BUF_INIT(REPORT_MAX);
    struct buf signature = BUF_INIT(PATH_LEN_MAX),
               log_key = BUF_INIT(PATH_LEN_MAX);
    bool is_wrong = false;
    const char *key = cli_option(cli, "--key", &is_wrong), *slash, *path;
    struct error err = {0};
    size_t len;
    int status = 0;

    if (is_wrong || !cli_rest(cli, 1))
        return 2;
    path = cli->argv[0];
    len = strlen(path);
    if (len > 5 && strcmp(path + len - 5, ".json") == 0)
        len -= 5;
    (void)buf_addf(&signature, "%.*s.sig", (int)len, path);
    slash = strrchr(path, '/');
    if (key != NULL)
        (void)buf_add_text(&log_key, key);
    else
        (void)buf_addf(&log_key, "%.*s/../public/log.pem",
                       slash == NULL ? 1 : (int)(slash - path),
                       slash == NULL ? "." : path);
    if (ceremony_verify(path, buf_text(&signature), buf_text(&log_key), &report,
                        &err))
        printf("signed with %s\n%s", buf_text(&log_key), buf_text(&report));
    else
        status = cli_fail(cli, &err);
    buf_clear(&log_key);
    buf_clear(&signature);
    buf_clear(&report);
    return status;
}

const struct cli_verb ceremony_verbs[] = {
    {"ceremony check", "FILE",
     "Builds and lints with throw-away keys; prints what would be signed", true,
     run_check},
    {"ceremony run", "FILE --out DIR",
     "Runs the ceremony, or the rest of one that was interrupted", true,
     run_run},
    {"ceremony rollover", "FILE --out DIR",
     "The same for a new generation of an authority", true, run_rollover},
    {"ceremony root-crl", "[ROOT]",
     "Makes the root's next CRL and OCSP signer certificates", true,
     run_root_crl},
    {"ceremony verify", "PROTOCOL [--key FILE]",
     "Checks the signature of a protocol and prints it", false, run_verify},
    {0},
};
