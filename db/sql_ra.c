/* Statements of the role signet_ra; see db/sql_ra.h. */
#include "db/sql_ra.h"

const struct db_statement db_ra_statements[DB_RA_STATEMENT_COUNT] = {
    DB_LOG_STATEMENTS,
};
