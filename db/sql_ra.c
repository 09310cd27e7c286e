/* Statements of the role signet_ra; see db/sql_ra.h. */
#include "db/sql_ra.h"

/* What db_application_read() reads, in its order. */
#define APPLICATION_COLUMNS                                                    \
    "SELECT a.number, a.account, a.state, a.revision, a.years::integer,"       \
    " a.csr, a.order_id::text, a.order_body, a.order_digest, a.created_at,"    \
    " a.changed_at, a.send_count, a.send_problem, r.unit_name, r.uscc,"        \
    " r.kind, r.country, r.province, r.locality, r.street, r.handler_name,"    \
    " r.handler_person, r.handler_mobile, r.handler_email"                     \
    " FROM ra.application a JOIN ra.applicant r USING (number)"

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

    /* lpad() would cut a number of more digits: never less than there are. */
    [DB_RA_APPLICATION_CREATE] =
        {"ra_application_create",
         "INSERT INTO ra.application"
         " (number, account, state, years, csr, created_at, changed_at)"
         " SELECT 'N' || to_char($4 AT TIME ZONE 'UTC', 'YYYYMMDD') || '-' ||"
         " lpad(n, greatest(6, length(n)), '0'), $1, 'draft', $2, $3, $4, $4"
         " FROM (SELECT nextval('ra.application_number')::text AS n) AS next"
         " ON CONFLICT DO NOTHING RETURNING number"},
    [DB_RA_APPLICANT_CREATE] =
        {"ra_applicant_create",
         "INSERT INTO ra.applicant (number, unit_name, uscc, kind, country,"
         " province, locality, street, handler_name, handler_person,"
         " handler_mobile, handler_email)"
         " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"},
    [DB_RA_APPLICATION_GET] = {"ra_application_get",
                               APPLICATION_COLUMNS " WHERE a.number = $1"},
    [DB_RA_APPLICATION_LOCK] = {"ra_application_lock", APPLICATION_COLUMNS
                                " WHERE a.number = $1 FOR UPDATE OF a"},
    [DB_RA_APPLICATION_LIST] =
        {"ra_application_list", APPLICATION_COLUMNS
         " WHERE ($1::text IS NULL OR a.account = $1)"
         " AND ($2::text IS NULL OR a.state = $2) AND a.number > $3"
         " ORDER BY a.number LIMIT $4"},
    [DB_RA_APPLICATION_EDIT] =
        {"ra_application_edit",
         "UPDATE ra.application SET revision = revision + 1, years = $3,"
         " csr = $4, changed_at = $5"
         " WHERE number = $1 AND revision = $2"
         " AND state IN ('draft', 'returned')"},
    [DB_RA_APPLICANT_EDIT] =
        {"ra_applicant_edit",
         "UPDATE ra.applicant SET unit_name = $2, uscc = $3, kind = $4,"
         " country = $5, province = $6, locality = $7, street = $8,"
         " handler_name = $9, handler_person = $10, handler_mobile = $11,"
         " handler_email = $12 WHERE number = $1"},
    [DB_RA_APPLICATION_MOVE] =
        {"ra_application_move",
         "UPDATE ra.application SET state = $3, changed_at = $4,"
         " send_at = CASE WHEN $3 = 'issuing' THEN $4::timestamptz END,"
         " send_problem = NULL"
         " WHERE number = $1 AND state = $2"},
    /* Each submission is a revision of its own: decisions belong to one. */
    [DB_RA_APPLICATION_SUBMIT] =
        {"ra_application_submit",
         "UPDATE ra.application SET state = 'submitted',"
         " revision = revision + (order_id IS NOT NULL)::integer,"
         " order_id = $4::uuid, order_body = $5, order_digest = $6,"
         " changed_at = $7"
         " WHERE number = $1 AND state = $2 AND revision = $3"},
    [DB_RA_APPLICATION_CLAIM] =
        {"ra_application_claim",
         "UPDATE ra.application SET send_at = $2, send_count = send_count + 1"
         " WHERE number = (SELECT number FROM ra.application"
         " WHERE state = 'issuing' AND send_at <= $1"
         " ORDER BY send_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
         " RETURNING number"},
    [DB_RA_APPLICATION_PUT_OFF] =
        {"ra_application_put_off",
         "UPDATE ra.application SET send_at = $3, send_problem = $2"
         " WHERE number = $1 AND state = 'issuing'"},
    [DB_RA_APPLICATION_COUNTS] =
        {"ra_application_counts",
         "SELECT state, count(*) FROM ra.application GROUP BY state"},

    [DB_RA_DECISION_ADD] =
        {"ra_decision_add",
         "INSERT INTO ra.decision (number, revision, step, officer_id, person,"
         " credential_id, verdict, decided_at, statement, signature)"
         " VALUES ($1, $2, $3, $4::uuid, $5, $6, $7, $8, $9, $10)"
         " ON CONFLICT DO NOTHING"},
    [DB_RA_DECISION_LIST] =
        {"ra_decision_list",
         "SELECT number, revision, step, officer_id::text, person,"
         " credential_id, verdict, decided_at, statement, signature"
         " FROM ra.decision WHERE number = $1 AND revision = $2"
         " ORDER BY array_position("
         "ARRAY['entry', 'first-review', 'second-review'], step)"},
    [DB_RA_HISTORY_LAST] = {"ra_history_last",
                            "SELECT seq, hash FROM ra.history WHERE number = $1"
                            " ORDER BY seq DESC LIMIT 1"},
    [DB_RA_HISTORY_ADD] =
        {"ra_history_add",
         "INSERT INTO ra.history (number, seq, at, body, hash)"
         " VALUES ($1, $2, $3, $4, $5)"},
    [DB_RA_HISTORY_LIST] =
        {"ra_history_list",
         "SELECT seq, body, hash FROM ra.history WHERE number = $1"
         " ORDER BY seq"},
    [DB_RA_CERTIFICATE_ADD] =
        {"ra_certificate_add",
         "INSERT INTO ra.certificate"
         " (number, issuer, serial, der, issuer_der, stored_at)"
         " VALUES ($1, $2, $3, $4, $5, $6)"},
    [DB_RA_CERTIFICATE_GET] =
        {"ra_certificate_get",
         "SELECT issuer, serial, der, issuer_der FROM ra.certificate"
         " WHERE number = $1"},

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
