/* Statements of the role signet_ra; see db/sql_ra.h. */
#include "db/sql_ra.h"

const struct db_statement db_ra_statements[DB_RA_STATEMENT_COUNT] = {
    DB_LOG_STATEMENTS,

    [DB_RA_ACCOUNT_CREATE] =
        {"ra_account_create",
         "INSERT INTO ra.account (account, token_hash, created_by, created_at)"
         " VALUES ($1, $2, $3::uuid, $4) ON CONFLICT (account) DO NOTHING"},
    [DB_RA_ACCOUNT_BY_TOKEN] =
        {"ra_account_by_token",
         "SELECT account, coalesce(created_by::text, ''), created_at"
         " FROM ra.account"
         " WHERE token_hash = $1"},
    [DB_RA_ACCOUNT_LIST] =
        {"ra_account_list",
         "SELECT account, coalesce(created_by::text, ''), created_at"
         " FROM ra.account"
         " WHERE account > $1 ORDER BY account LIMIT $2"},

    /* clang-format off */
    DB_RA_CASE_STATEMENTS
    DB_RA_READ_STATEMENTS
    DB_RA_DOCUMENT_STATEMENTS
    DB_RA_FORM_STATEMENTS
    DB_RA_UNIT_STATEMENTS
    DB_RA_VAULT_STATEMENTS
    DB_RA_DEVICE_STATEMENTS
    DB_RA_PAYMENT_STATEMENTS
    DB_RA_NOTICE_STATEMENTS
    DB_RA_SESSION_STATEMENTS
    DB_RA_JOB_STATEMENTS
    /* clang-format on */
};
