/*
 * Statements of the role signet_ra, which is that of signet-ra.
 * Each is used by the file of its noun in db/; they stand by noun here too.
 */
#ifndef DB_SQL_RA_H
#define DB_SQL_RA_H

#include "db/sql_log.h"

enum db_ra_statement {
    DB_RA_BEFORE = DB_LOG_STATEMENT_COUNT - 1, /* the log's come first */
    DB_RA_STATEMENT_COUNT,
};

extern const struct db_statement db_ra_statements[DB_RA_STATEMENT_COUNT];

#endif
