/* `config check`, `config show` and `config doc`: the table of settings. */
#include "base/cli_config.h"

#include <stdio.h>

enum { DOCUMENT_MAX = 1024 * 1024 };

static int
run_check(struct cli *cli)
{
    struct config *config = NULL;
    struct error err = {0};

    if (!cli_rest(cli, 1))
        return 2;
    if (!config_load(cli->argv[0], &config, &err))
        return cli_fail(cli, &err);
    config_free(config);
    printf("%s is right\n", cli->argv[0]);
    return 0;
}

static int
run_show(struct cli *cli)
{
    struct buf text = BUF_INIT(DOCUMENT_MAX);

    if (!cli_rest(cli, 0))
        return 2;
    config_show(cli->config, &text);
    fputs(buf_text(&text), stdout);
    buf_clear(&text);
    return 0;
}

static int
run_doc(struct cli *cli)
{
    struct buf text = BUF_INIT(DOCUMENT_MAX);
    bool is_mdoc = cli_flag(cli, "--mdoc");

    if (!cli_rest(cli, 0))
        return 2;
    config_document(&text, is_mdoc);
    fputs(buf_text(&text), stdout);
    buf_clear(&text);
    return 0;
}

const struct cli_verb config_verbs[] = {
    {"config check", "FILE", "judge a configuration file", false, run_check},
    {"config show", "", "print the settings in force", true, run_show},
    {"config doc", "[--mdoc]", "print every setting with its default", false,
     run_doc},
    {NULL, NULL, NULL, false, NULL},
};
