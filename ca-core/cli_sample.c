/* `signet sample`. */
#include <stdio.h>
#include <string.h>

#include "ca-core/cli.h"
#include "ca-core/sample.h"

enum { PATH_LEN_MAX = 4096 };

/* Unless told: officers/ beside the folder of the trust file, as in a state. */
static void
officers_folder(const struct cli *cli, const char *given, struct buf *out)
{
    const char *trust = config_path(cli->config, "tls.trust_file");
    const char *slash = strrchr(trust, '/');

    if (given != NULL)
        (void)buf_add_text(out, given);
    else
        (void)buf_addf(out, "%.*s/../officers",
                       slash == NULL ? 1 : (int)(slash - trust),
                       slash == NULL ? "." : trust);
}

static int
run_sample(struct cli *cli)
{
    bool is_wrong = false;
    const char *out = cli_option(cli, "--out", &is_wrong);
    const char *given = cli_option(cli, "--officers", &is_wrong);
    struct buf officers = BUF_INIT(PATH_LEN_MAX);
    struct error err = {0};
    size_t count = 0;
    bool ok;

    if (is_wrong || !cli_rest(cli, 0))
        return 2;
    if (out == NULL) {
        error_set(&err, ERROR_INPUT, "name a folder: --out FOLDER");
        (void)cli_fail(cli, &err);
        return 2;
    }
    officers_folder(cli, given, &officers);
    ok = sample_run(cli->config, buf_text(&officers), out, &count, &err);
    buf_clear(&officers);
    if (!ok)
        return cli_fail(cli, &err);
    printf("%zu files in %s\n", count, out);
    return 0;
}

const struct cli_verb sample_verbs[] = {
    {"sample", "--out FOLDER [--officers FOLDER]",
     "Makes one of everything for outside judges, through running services",
     true, run_sample},
    {0},
};
