/*
 * Statements of the role signet_ca, which is that of signet-ca and of
 * ceremonies. Each is used by the file of its noun in db/; they stand by noun
 * here too.
 */
#ifndef DB_SQL_CA_H
#define DB_SQL_CA_H

#include "db/sql_log.h"

enum db_ca_statement {
    DB_CA_BEFORE = DB_LOG_STATEMENT_COUNT - 1, /* the log's come first */
    DB_CA_STATEMENT_COUNT,
};

extern const struct db_statement db_ca_statements[DB_CA_STATEMENT_COUNT];

#endif
