/* Statements of signet_ra about this part; db/sql_ra.h includes them. */
#ifndef DB_SQL_RA_DEVICE_H
#define DB_SQL_RA_DEVICE_H

/* clang-format off */
#define DB_RA_DEVICE_NAMES                                                     \
    DB_RA_CODE_LOCK, DB_RA_CODE_RECENT, DB_RA_CODE_VOID, DB_RA_CODE_ADD,       \
    DB_RA_CODE_TAKE, DB_RA_CODE_GIVE_BACK, DB_RA_CODE_SPEND,                   \
    DB_RA_CODE_FIND,

/* A code counts while it is not spent, has tries left and is not outdated;
 * what is voided has no tries left. */
#define DB_RA_DEVICE_STATEMENTS                                                \
    [DB_RA_CODE_LOCK] =                                                        \
        {"ra_code_lock",                                                       \
         "SELECT id::text FROM ra.code"                                        \
         " WHERE ($3::bytea IS NULL AND number = $1 AND purpose = $2)"         \
         " OR destination = $3 ORDER BY made_at DESC, id LIMIT 1 FOR UPDATE"}, \
    [DB_RA_CODE_RECENT] =                                                      \
        {"ra_code_recent",                                                     \
         "SELECT (SELECT max(made_at) FROM ra.code"                            \
         " WHERE number = $1 AND purpose = $2),"                               \
         " (SELECT made_at FROM ra.code WHERE made_at > $4"                    \
         " AND (($3::bytea IS NULL AND number = $1 AND purpose = $2)"          \
         " OR destination = $3)"                                               \
         " ORDER BY made_at DESC OFFSET $5 LIMIT 1)"},                         \
    [DB_RA_CODE_VOID] =                                                        \
        {"ra_code_void",                                                       \
         "UPDATE ra.code SET tries_left = 0 WHERE number = $1"                 \
         " AND purpose = $2 AND used_at IS NULL AND tries_left > 0"},          \
    [DB_RA_CODE_ADD] =                                                         \
        {"ra_code_add",                                                        \
         "INSERT INTO ra.code (id, number, purpose, hash, destination,"        \
         " expires_at, tries_left, made_at)"                                   \
         " VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8)"},                    \
    [DB_RA_CODE_TAKE] =                                                        \
        {"ra_code_take",                                                       \
         "UPDATE ra.code SET tries_left = tries_left - 1"                      \
         " WHERE number = $1 AND purpose = $2 AND used_at IS NULL"             \
         " AND tries_left > 0 AND expires_at > $3"                             \
         " RETURNING id::text, hash"},                                         \
    [DB_RA_CODE_GIVE_BACK] =                                                   \
        {"ra_code_give_back",                                                  \
         "UPDATE ra.code SET tries_left = tries_left + 1"                      \
         " WHERE id = $1::uuid AND used_at IS NULL"},                          \
    [DB_RA_CODE_SPEND] =                                                       \
        {"ra_code_spend",                                                      \
         "UPDATE ra.code SET used_at = $3 WHERE number = $1"                   \
         " AND purpose = $2 AND used_at IS NULL AND tries_left > 0"            \
         " AND expires_at > $3"},                                              \
    [DB_RA_CODE_FIND] =                                                        \
        {"ra_code_find",                                                       \
         "SELECT number FROM ra.code WHERE purpose = $1 AND hash = $2"         \
         " AND used_at IS NULL AND tries_left > 0 AND expires_at > $3"},

/* clang-format on */

#endif
