/*
 * Statements of the role signet_kmc, which is that of signet-kmc. Each is used
 * by the file of its noun in db/; they stand by noun here too.
 */
#ifndef DB_SQL_KMC_H
#define DB_SQL_KMC_H

#include "db/sql_log.h"

enum db_kmc_statement {
    DB_KMC_RECOVERY_KEY_INSERT = DB_LOG_STATEMENT_COUNT, /* kmc_key.c */
    DB_KMC_RECOVERY_KEY_LIST,
    DB_KMC_RECOVERY_KEY_COUNTS,
    DB_KMC_RECOVERY_KEY_STATE,
    DB_KMC_KEY_INSERT,
    DB_KMC_KEY_BY_REQUEST,
    DB_KMC_KEY_GET,
    DB_KMC_KEY_PAGE,
    DB_KMC_KEY_REWRAPPED,
    DB_KMC_KEY_RETIRE,
    DB_KMC_KEY_RECEIVED,
    DB_KMC_KEY_BY_HOLDER,
    DB_KMC_KEY_COUNTS,

    DB_KMC_PARTY_INSERT, /* kmc_party.c */
    DB_KMC_PARTY_LIST,
    DB_KMC_PARTY_BY_KEY,

    DB_KMC_CASE_INSERT, /* kmc_case.c */
    DB_KMC_CASE_GET,
    DB_KMC_CASE_LOCK,
    DB_KMC_CASE_LIST,
    DB_KMC_CASE_MOVE,
    DB_KMC_CASE_OVERDUE,
    DB_KMC_CASE_RECEIVED,
    DB_KMC_CASE_COUNTS,
    DB_KMC_APPROVAL_INSERT,
    DB_KMC_APPROVAL_LIST,

    DB_KMC_STATEMENT_COUNT,
};

extern const struct db_statement db_kmc_statements[DB_KMC_STATEMENT_COUNT];

#endif
