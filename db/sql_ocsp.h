/*
 * Statements of the role signet_ocsp, which is that of signet-ocsp. Each is
 * used by the file of its noun in db/; they stand by noun here too.
 */
#ifndef DB_SQL_OCSP_H
#define DB_SQL_OCSP_H

#include "db/db.h"

enum db_ocsp_statement {
    DB_OCSP_LOG_HEAD,

    DB_OCSP_STATUS_ALL, /* status.c */
    DB_OCSP_STATUS_CHANGES,
    DB_OCSP_STATUS_ISSUERS,
    DB_OCSP_STATUS_SIGNERS,
    DB_OCSP_STATUS_CRLS,
    DB_OCSP_STATUS_CRL_GET,

    DB_OCSP_STATEMENT_COUNT,
};

extern const struct db_statement db_ocsp_statements[DB_OCSP_STATEMENT_COUNT];

#endif
