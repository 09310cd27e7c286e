/*
 * Statements of the role signet_audit, which is that of exports.
 * Each is used by the file of its noun in db/; they stand by noun here too.
 */
#ifndef DB_SQL_AUDIT_H
#define DB_SQL_AUDIT_H

#include "db/sql_log.h"

enum db_audit_statement {
    DB_AUDIT_BEFORE = DB_LOG_STATEMENT_COUNT - 1, /* the log's come first */
    DB_AUDIT_STATEMENT_COUNT,
};

extern const struct db_statement db_audit_statements[DB_AUDIT_STATEMENT_COUNT];

#endif
