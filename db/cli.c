/* `db migrate` and `db status`. */
#include "db/cli.h"

#include <stdio.h>

#include "base/clock.h"
#include "db/migrate.h"

static bool
require(const struct cli *cli, struct error *err)
{
    static const char *const keys[] = {"db.owner", NULL};

    return config_require(cli->config, keys, err);
}

/* db_migration_each */
static void
print_applied(const struct db_migration *migration, void *arg)
{
    size_t *count = arg;

    (*count)++;
    printf("%s applied\n", migration->name);
    (void)fflush(stdout); /* the next one may take long */
}

static int
run_migrate(struct cli *cli)
{
    struct error err = {0};
    size_t count = 0;

    if (!cli_rest(cli, 0))
        return 2;
    if (!require(cli, &err) ||
        !db_migrate(config_text(cli->config, "db.owner"),
                    config_path(cli->config, "db.migrations_dir"),
                    print_applied, &count, &err))
        return cli_fail(cli, &err);
    if (count == 0)
        puts("nothing to do");
    return 0;
}

/* db_migration_each */
static void
print_status(const struct db_migration *migration, void *arg)
{
    static const char *const words[] = {
        [DB_MIGRATION_APPLIED] = "applied",
        [DB_MIGRATION_PENDING] = "pending",
        [DB_MIGRATION_CHANGED] = "changed since",
        [DB_MIGRATION_UNKNOWN] = "unknown here",
    };
    bool *is_current = arg;
    char at[CLOCK_TEXT_LEN + 1] = "";

    if (migration->applied_at != 0)
        clock_format(migration->applied_at, at);
    printf("%s\t%s\t%s\n", migration->name, words[migration->state], at);
    *is_current = *is_current && migration->state == DB_MIGRATION_APPLIED;
}

static int
run_status(struct cli *cli)
{
    struct error err = {0};
    bool is_current = true;

    if (!cli_rest(cli, 0))
        return 2;
    if (!require(cli, &err) ||
        !db_migration_status(config_text(cli->config, "db.owner"),
                             config_path(cli->config, "db.migrations_dir"),
                             print_status, &is_current, &err))
        return cli_fail(cli, &err);
    return is_current ? 0 : 1;
}

const struct cli_verb db_verbs[] = {
    {"db migrate", "", "apply the pending migrations", true, run_migrate},
    {"db status", "", "list the migrations; status 1 unless all are applied",
     true, run_status},
    {NULL, NULL, NULL, false, NULL},
};
