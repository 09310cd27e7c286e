/* Verbs about the vault: ra/cli/cli_vault.h. */
#include "ra/cli/cli_vault.h"

#include <stdio.h>

#include "base/clock.h"
#include "db/sql_ra.h"
#include "hsm/hsm.h"
#include "ra/vault.h"

enum { CLI_WRONG_USE = 2 /* base/cli.h */ };

/* On the RA's host, where its database role and its token are at hand. */
static int
vault_rotate_verb(struct cli *cli)
{
    static const char *const required[] = {"db.ra", NULL};
    struct db_options options = {
        .statements = db_ra_statements,
        .statement_count = DB_RA_STATEMENT_COUNT,
        .connect_timeout_s = 5,
        .statement_timeout_ms = 10000,
    };
    struct hsm_options token;
    struct db *db = NULL;
    struct error err = {0};
    int status = 1;

    if (!cli_rest(cli, 0))
        return CLI_WRONG_USE;
    options.connection = config_text(cli->config, "db.ra");
    if (!config_require(cli->config, required, &err) ||
        !vault_token(cli->config, &token, &err) ||
        !db_open(&options, &db, &err) ||
        !vault_rotate(&token, db, clock_now(), &err)) {
        cli_fail(cli, &err);
        goto out;
    }
    printf("there is a new data key: restart every signet-ra soon, all of them "
           "within a minute\n");
    status = 0;
out:
    db_close(db);
    return status;
}

const struct cli_verb vault_verbs[] = {
    {"vault rotate", "",
     "add a data key for personal data and scans; old ones stay", true,
     vault_rotate_verb},
    {0},
};
