/* Statements of signet_ra about notices; db/sql_ra.h includes them. Used by
 * db/notice.c. */
#ifndef DB_SQL_RA_NOTICE_H
#define DB_SQL_RA_NOTICE_H

/* clang-format off */
#define DB_RA_NOTICE_NAMES                                                     \
    DB_RA_NOTICE_ADD,                                                          \
    DB_RA_NOTICE_CLAIM,                                                        \
    DB_RA_NOTICE_SENT,                                                         \
    DB_RA_NOTICE_FAILED,                                                       \
    DB_RA_NOTICE_LIST,

/* What db_notice_read() reads, in its order. */
#define DB_RA_NOTICE_COLUMNS                                                   \
    " id::text, number, event, channel, language, dedupe, state, send_count,"  \
    " problem, made_at, sent_at"

#define DB_RA_NOTICE_STATEMENTS                                                \
    [DB_RA_NOTICE_ADD] =                                                       \
        {"ra_notice_add",                                                      \
         "INSERT INTO ra.notice (id, number, event, channel, language,"        \
         " dedupe, sealed, state, send_at, made_at) VALUES"                    \
         " ($1::uuid, $2, $3, $4, $5, $6, $7, 'queued', $8, $8)"               \
         " ON CONFLICT (dedupe) DO NOTHING"},                                  \
    [DB_RA_NOTICE_CLAIM] =                                                     \
        {"ra_notice_claim",                                                    \
         "UPDATE ra.notice SET send_at = $3, send_count = send_count + 1"      \
         " WHERE id = (SELECT id FROM ra.notice WHERE state = 'queued'"        \
         " AND channel = $1 AND send_at <= $2 ORDER BY send_at LIMIT 1"        \
         " FOR UPDATE SKIP LOCKED)"                                            \
         " RETURNING" DB_RA_NOTICE_COLUMNS ", sealed"},                        \
    [DB_RA_NOTICE_SENT] =                                                      \
        {"ra_notice_sent",                                                     \
         "UPDATE ra.notice SET state = 'sent', send_at = NULL,"                \
         " sealed = '', problem = NULL, sent_at = $2"                          \
         " WHERE id = $1::uuid AND state = 'queued'"},                         \
    [DB_RA_NOTICE_FAILED] =                                                    \
        {"ra_notice_failed",                                                   \
         "UPDATE ra.notice SET send_at = $2::timestamptz, problem = $3,"       \
         " state = CASE WHEN $2::timestamptz IS NULL THEN 'failed'"            \
         " ELSE 'queued' END, sealed ="                                        \
         " CASE WHEN $2::timestamptz IS NULL THEN ''::bytea ELSE sealed END"   \
         " WHERE id = $1::uuid AND state = 'queued'"},                         \
    [DB_RA_NOTICE_LIST] =                                                      \
        {"ra_notice_list",                                                     \
         "SELECT" DB_RA_NOTICE_COLUMNS " FROM ra.notice"                       \
         " WHERE ($1::text IS NULL OR number = $1)"                            \
         " AND ($2::text IS NULL OR state = $2)"                               \
         " ORDER BY made_at DESC, id LIMIT $3"},
/* clang-format on */

#endif
