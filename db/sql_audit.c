/* Statements of the role signet_audit; see db/sql_audit.h. */
#include "db/sql_audit.h"

const struct db_statement db_audit_statements[DB_AUDIT_STATEMENT_COUNT] = {
    DB_LOG_STATEMENTS,
};
