/* Statements of the role signet_ca; see db/sql_ca.h. */
#include "db/sql_ca.h"

const struct db_statement db_ca_statements[DB_CA_STATEMENT_COUNT] = {
    DB_LOG_STATEMENTS,
};
