/* Verbs of the database: `db migrate`, `db status`. */
#ifndef DB_CLI_H
#define DB_CLI_H

#include "base/cli.h"

extern const struct cli_verb db_verbs[];

#endif
