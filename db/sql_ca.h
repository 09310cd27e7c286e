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
    /* db/issuer.c */
    DB_ISSUER_LIST,
    DB_ISSUER_INSERT,
    DB_ISSUER_CERTIFY,
    DB_ISSUER_MOVE,
    /* db/officer.c */
    DB_OFFICER_LIST,
    DB_OFFICER_INSERT,
    DB_OFFICER_ADD_ROLE,
    DB_OFFICER_DISMISS,
    DB_OFFICER_LOCK,
    DB_OFFICER_COUNT_ROLE,
    DB_CREDENTIAL_LIST,
    DB_CREDENTIAL_ALL,
    DB_CREDENTIAL_AMONG,
    DB_CREDENTIAL_INSERT,
    DB_CREDENTIAL_REVOKE_ALL,
    /* db/order.c */
    DB_ORDER_FIND,
    DB_ORDER_HOLDING,
    DB_ORDER_IS_USED,
    DB_ORDER_INSERT,
    DB_ORDER_FINISH,
    DB_ORDER_FAIL,
    DB_ORDER_OPEN,
    DB_ORDER_CLOCK,
    DB_DECISION_INSERT,
    DB_DECISION_INSERT_HOLDER,
    /* db/certificate.c */
    DB_CERTIFICATE_GET,
    DB_CERTIFICATE_MATE,
    DB_CERTIFICATE_IN_DEVICE,
    DB_CERTIFICATE_OF_ORDER,
    DB_CERTIFICATE_BY_KEY,
    DB_CERTIFICATE_BY_SUBJECT,
    DB_CERTIFICATE_BY_ACCOUNT,
    DB_CERTIFICATE_BY_ISSUER,
    DB_CERTIFICATE_COUNT_KEY,
    DB_CERTIFICATE_COUNT_SUBJECT,
    DB_CERTIFICATE_INTEND,
    DB_CERTIFICATE_GUARD,
    DB_CERTIFICATE_STORE,
    DB_CERTIFICATE_CHANGE,
    DB_CERTIFICATE_GIVE_UP,
    DB_CERTIFICATE_LOCK,
    DB_CERTIFICATE_LOCK_KEY,
    DB_CERTIFICATE_LOCK_PAIRS,
    DB_CERTIFICATE_PAIR_STATUSES,
    DB_CERTIFICATE_KEY_STATUSES,
    DB_CERTIFICATE_NOTIFY,
    DB_KEY_BLOCK,
    DB_KEY_BLOCKED,
    /* db/escrow.c */
    DB_ESCROW_ASK,
    DB_ESCROW_KEEP,
    DB_ESCROW_FIND,
    DB_ESCROW_RECEIVE,
    DB_ESCROW_DUE,
    DB_ESCROW_POSTPONE,
    DB_ESCROW_RETIRE,

    DB_CA_STATEMENT_COUNT,
};

extern const struct db_statement db_ca_statements[DB_CA_STATEMENT_COUNT];

#endif
