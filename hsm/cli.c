/* `hsm check`, `hsm token list` and `hsm key list`; see hsm/inspect.h. */
#include "hsm/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "hsm/inspect.h"

/* The tokens of a configuration; asked for or not, those that sign for
 * services. The root's is present in ceremonies, the RA's holds no key that
 * signs. */
static const char *const names[] = {"ca", "ocsp", "ra", "root"};
enum { SERVED = 2, NAME_COUNT = 4 };

static bool
options_of(const struct config *config, const char *name,
           struct hsm_options *out, struct error *err)
{
    char token[32], pin_file[32];

    (void)snprintf(token, sizeof token, "hsm.%s.token", name);
    (void)snprintf(pin_file, sizeof pin_file, "hsm.%s.pin_file", name);
    *out = (struct hsm_options){
        .module = config_path(config, "hsm.module"),
        .token = config_text(config, token),
        .pin_file = config_path(config, pin_file),
        .lock_dir = config_path(config, "hsm.lock_dir"),
        .use_session_copy = config_bool(config, "hsm.session_copy"),
    };
    return config_require(
        config, (const char *const[]){"hsm.module", pin_file, NULL}, err);
}

/* `--token`: which of the names. *count of them, from *first on. */
static bool
choose(const char *wanted, size_t *first, size_t *count)
{
    *first = 0;
    *count = SERVED;
    if (wanted == NULL)
        return true;
    *count = 1;
    for (; *first < NAME_COUNT; (*first)++) {
        if (strcmp(names[*first], wanted) == 0)
            return true;
    }
    (void)fprintf(stderr, "signet: --token is ca, ocsp, ra or root, not %s\n",
                  wanted);
    return false;
}

static bool
check_one(const struct cli *cli, const char *name)
{
    struct hsm_options options;
    enum hsm_step failed = HSM_STEP_MODULE;
    struct error err = {0};
    size_t key_count = 0;
    size_t step;
    bool ok;

    if (!options_of(cli->config, name, &options, &err)) {
        (void)cli_fail(cli, &err);
        return false;
    }
    ok = hsm_check(&options, &failed, &key_count, &err);
    (void)printf("token %s (%s)\n", options.token, name);
    for (step = 0; step < HSM_STEP_COUNT; step++) {
        if (!ok && step == failed) {
            (void)printf("  %-14s FAILED\n", hsm_step_name(failed));
            (void)error_wrap(&err, "step %s", hsm_step_name(failed));
            (void)fflush(stdout);
            (void)cli_fail(cli, &err);
            return false;
        }
        (void)printf("  %-14s ok\n", hsm_step_name((enum hsm_step)step));
    }
    (void)printf("  %zu key%s\n", key_count, key_count == 1 ? "" : "s");
    return true;
}

static int
run_check(struct cli *cli)
{
    bool is_wrong = false;
    const char *wanted = cli_option(cli, "--token", &is_wrong);
    size_t first, count, i;
    bool ok = true;

    if (is_wrong || !cli_rest(cli, 0) || !choose(wanted, &first, &count))
        return 2;
    for (i = first; i < first + count; i++)
        ok &= check_one(cli, names[i]);
    return ok ? 0 : 1;
}

static int
run_token_list(struct cli *cli)
{
    static struct hsm_listed_token tokens[HSM_LIST_MAX];
    struct error err = {0};
    size_t count, i;

    if (!cli_rest(cli, 0))
        return 2;
    if (!hsm_token_list(config_path(cli->config, "hsm.module"), tokens, &count,
                        &err))
        return cli_fail(cli, &err);
    for (i = 0; i < count; i++)
        (void)printf("%-32s  serial %-16s  %s, %s%s%s\n", tokens[i].label,
                     tokens[i].serial, tokens[i].manufacturer, tokens[i].model,
                     tokens[i].has_pin ? "" : ", no user PIN",
                     tokens[i].is_locked ? ", user PIN locked" : "");
    return 0;
}

static int
run_key_list(struct cli *cli)
{
    static struct hsm_listed_key keys[HSM_LIST_MAX];
    bool is_wrong = false;
    const char *wanted = cli_option(cli, "--token", &is_wrong);
    char hex[2 * HSM_ID_MAX + 1];
    struct hsm_options options;
    struct error err = {0};
    size_t first, chosen, count, i;

    if (is_wrong || !cli_rest(cli, 0) || !choose(wanted, &first, &chosen))
        return 2;
    for (; chosen > 0; chosen--, first++) {
        if (!options_of(cli->config, names[first], &options, &err) ||
            !hsm_key_list(&options, keys, &count, &err))
            return cli_fail(cli, &err);
        for (i = 0; i < count; i++) {
            text_hex(keys[i].id, keys[i].id_len, hex);
            (void)printf("%-8s %-32s %-8s %s\n", names[first], hex,
                         hsm_key_type_name(keys[i].type), keys[i].label);
        }
    }
    return 0;
}

const struct cli_verb hsm_verbs[] = {
    {"hsm check", "[--token ca|ocsp|root]",
     "Try every step up to a test signature; name the one that fails", true,
     run_check},
    {"hsm token list", "", "List the tokens of the module", true,
     run_token_list},
    {"hsm key list", "[--token ca|ocsp|root]", "List the keys of a token", true,
     run_key_list},
    {NULL, NULL, NULL, false, NULL},
};
