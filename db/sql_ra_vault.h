/* Statements of signet_ra about data keys; db/sql_ra.h includes them. */
#ifndef DB_SQL_RA_VAULT_H
#define DB_SQL_RA_VAULT_H

#define DB_RA_VAULT_NAMES DB_RA_DATA_KEY_ADD, DB_RA_DATA_KEY_LIST,

/* The identity column is written by us: number 1 belongs to who comes first,
 * however many processes start at once. */
#define DB_RA_VAULT_STATEMENTS                                                 \
    [DB_RA_DATA_KEY_ADD] =                                                     \
        {"ra_data_key_add",                                                    \
         "INSERT INTO ra.data_key (id, kek_id, wrapped, made_at)"              \
         " OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4)"                    \
         " ON CONFLICT DO NOTHING"},                                           \
    [DB_RA_DATA_KEY_LIST] = {"ra_data_key_list",                               \
                             "SELECT id, kek_id, wrapped FROM ra.data_key"     \
                             " ORDER BY id"},

#endif
