/* Statements of the role signet_ocsp; see db/sql_ocsp.h. */
#include "db/sql_ocsp.h"

const struct db_statement db_ocsp_statements[DB_OCSP_STATEMENT_COUNT] = {
    [DB_OCSP_LOG_HEAD] = {"log_head", "SELECT next_index FROM log.head"},
};
