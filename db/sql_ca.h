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
    /* db/lease.c */
    DB_LEASE_TAKE,
    DB_LEASE_RELEASE,
    /* db/crl.c */
    DB_CRL_BASE,
    DB_CRL_ENTRIES,
    DB_CRL_IS_CHANGED,
    DB_CRL_RESERVE,
    DB_CRL_STORE,
    DB_CRL_OUTLIVE,
    DB_CRL_NEWEST,
    /* db/ocsp_key.c */
    DB_OCSP_KEY_INSERT,
    DB_OCSP_KEY_LIST,
    /* db/log_key.c */
    DB_LOG_KEY_INSERT,
    DB_LOG_KEY_LIST,
    /* db/link.c */
    DB_LINK_INSERT,
    DB_LINK_LIST,

    DB_CA_STATEMENT_COUNT,
};

extern const struct db_statement db_ca_statements[DB_CA_STATEMENT_COUNT];

#endif
