/*
 * Statements of the log that several roles share. The tables of sql_ca.c,
 * sql_ra.c and sql_audit.c begin with them, so that db/entry.c works with any
 * of these connections. A statement is prepared when it is first used: a role
 * that may not read the log has the numbers and never asks.
 */
#ifndef DB_SQL_LOG_H
#define DB_SQL_LOG_H

#include "db/db.h"

enum db_log_statement {
    DB_LOG_APPEND,
    DB_LOG_RANGE,
    DB_LOG_ENTRIES,
    DB_LOG_HASHES,
    DB_LOG_STATEMENT_COUNT,
};

/* One round trip: takes the row of log.head, numbers the entries and writes
 * them. No RETURNING on log.entry, which the RA may not read. */
#define DB_LOG_STATEMENTS                                                      \
    [DB_LOG_APPEND] =                                                          \
        {"log_append",                                                         \
         "WITH head AS (UPDATE log.head"                                       \
         " SET next_index = next_index + cardinality($1::bigint[])"            \
         " WHERE singleton"                                                    \
         " RETURNING next_index - cardinality($1::bigint[]) AS first),"        \
         " added AS (INSERT INTO log.entry"                                    \
         " (index, at, event, subject, body, hash)"                            \
         " SELECT first + e.place - 1, to_timestamp(e.at), e.event,"           \
         " e.subject, e.body, e.hash FROM head,"                               \
         " unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[],"          \
         " $5::bytea[]) WITH ORDINALITY"                                       \
         " AS e (at, event, subject, body, hash, place))"                      \
         " SELECT first FROM head"},                                           \
    [DB_LOG_RANGE] =                                                           \
        {"log_range",                                                          \
         "SELECT (SELECT min(index) FROM log.entry WHERE at >= $1), (SELECT "  \
         "max(index) FROM log.entry WHERE at < $2)"},                          \
    [DB_LOG_ENTRIES] =                                                         \
        {"log_entries",                                                        \
         "SELECT index, at, event, subject, body, hash FROM log.entry"         \
         " WHERE index BETWEEN $1 AND $2 ORDER BY index"},                     \
    [DB_LOG_HASHES] = {"log_hashes",                                           \
                       "SELECT index, hash FROM log.entry WHERE index "        \
                       "BETWEEN $1 AND $2 ORDER BY index"}

#endif
