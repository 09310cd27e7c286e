/* Statements of the role signet_kmc; see db/sql_kmc.h. */
#include "db/sql_kmc.h"

#define KEY_COLUMNS                                                            \
    "SELECT k.id::text, k.key_type, k.spki, k.wrapped, k.content_key,"         \
    " k.recovery_key, r.cka_id, k.state, k.ca, k.request_id::text, k.holder,"  \
    " k.transport_sha256, k.delivery, k.made_at, k.retired_at, k.signature"    \
    " FROM kmc.escrowed_key k JOIN kmc.recovery_key r ON r.id = "              \
    "k.recovery_key"

#define PARTY_COLUMNS                                                          \
    "SELECT name, role, certificate, coalesce(place, 0), coalesce(needed, 0)," \
    " share, share_sha256, enrolled_at, signature FROM kmc.party"

#define CASE_COLUMNS                                                           \
    "SELECT id::text, kind, state, requester, opened_by, body, digest,"        \
    " opened_at, expires_at, closed_at, outcome, answer FROM "                 \
    "kmc.recovery_case"

const struct db_statement db_kmc_statements[DB_KMC_STATEMENT_COUNT] = {
    DB_LOG_STATEMENTS,

    [DB_KMC_RECOVERY_KEY_INSERT] =
        {"kmc_recovery_key_insert",
         "INSERT INTO kmc.recovery_key (cka_id, spki, state, made_at, "
         "signature) VALUES ($1, $2, 'active', $3, $4)"},
    [DB_KMC_RECOVERY_KEY_LIST] =
        {"kmc_recovery_key_list",
         "SELECT id, cka_id, spki, state, made_at, signature"
         " FROM kmc.recovery_key ORDER BY id"},
    [DB_KMC_RECOVERY_KEY_COUNTS] =
        {"kmc_recovery_key_counts",
         "SELECT recovery_key, count(*) FROM kmc.escrowed_key"
         " GROUP BY recovery_key"},
    [DB_KMC_RECOVERY_KEY_STATE] =
        {"kmc_recovery_key_state",
         "UPDATE kmc.recovery_key r SET state = $3"
         " WHERE id = $1 AND state = $2 AND ($3 <> 'retired' OR NOT EXISTS"
         " (SELECT FROM kmc.escrowed_key k WHERE k.recovery_key = r.id))"},

    /* Its recovery key stays active until this commits: a rotation that began
     * waits, and finds the new row. */
    [DB_KMC_KEY_INSERT] =
        {"kmc_key_insert",
         "INSERT INTO kmc.escrowed_key (id, key_type, spki, spki_sha256,"
         " wrapped, content_key, recovery_key, state, ca, request_id, holder,"
         " transport_sha256, delivery, made_at, signature)"
         " SELECT $1::uuid, $2, $3, sha256($3), $4, $5, r.id, 'in-use', $7,"
         " $8::uuid, $9, $10, $11, $12, $13"
         " FROM (SELECT id FROM kmc.recovery_key"
         " WHERE id = $6 AND state = 'active' FOR SHARE) r"},
    [DB_KMC_KEY_BY_REQUEST] = {"kmc_key_by_request",
                               KEY_COLUMNS " WHERE k.ca = $1"
                                           " AND k.request_id = $2::uuid"},
    [DB_KMC_KEY_GET] = {"kmc_key_get", KEY_COLUMNS " WHERE k.id = $1::uuid"},
    /* By recovery key (0: any), after an id ('' begins). */
    [DB_KMC_KEY_PAGE] = {"kmc_key_page", KEY_COLUMNS
                         " WHERE ($1 = 0 OR k.recovery_key = $1)"
                         " AND ($2 = '' OR k.id > nullif($2, '')::uuid)"
                         " ORDER BY k.id LIMIT $3"},
    [DB_KMC_KEY_REWRAPPED] =
        {"kmc_key_rewrapped",
         "UPDATE kmc.escrowed_key SET recovery_key = $3, content_key = $4,"
         " signature = $5 WHERE id = $1::uuid AND recovery_key = $2"},
    [DB_KMC_KEY_RETIRE] =
        {"kmc_key_retire",
         "UPDATE kmc.escrowed_key SET state = 'history', retired_at = $3,"
         " delivery = NULL WHERE id = $1::uuid AND ca = $2"
         " AND state = 'in-use'"},
    [DB_KMC_KEY_RECEIVED] =
        {"kmc_key_received",
         "UPDATE kmc.escrowed_key SET delivery = NULL WHERE id = $1::uuid"
         " AND ca = $2 AND delivery IS NOT NULL"},
    [DB_KMC_KEY_BY_HOLDER] = {"kmc_key_by_holder", KEY_COLUMNS
                              " WHERE k.ca = $1 AND k.holder = $2"
                              " ORDER BY k.made_at, k.id LIMIT 1000"},
    [DB_KMC_KEY_COUNTS] =
        {"kmc_key_counts",
         "SELECT ca, key_type, state, count(*) FROM kmc.escrowed_key"
         " GROUP BY ca, key_type, state ORDER BY ca, key_type, state"},

    [DB_KMC_PARTY_INSERT] =
        {"kmc_party_insert",
         "INSERT INTO kmc.party (name, role, certificate, spki_sha256, place,"
         " needed, share, share_sha256, enrolled_at, signature) VALUES"
         " ($1, $2, $3, $4, nullif($5, 0), nullif($6, 0), $7::bytea,"
         " $8::bytea, $9, $10)"},
    [DB_KMC_PARTY_LIST] = {"kmc_party_list", PARTY_COLUMNS " ORDER BY name"},
    [DB_KMC_PARTY_BY_KEY] = {"kmc_party_by_key",
                             PARTY_COLUMNS " WHERE spki_sha256 = $1"},

    [DB_KMC_CASE_INSERT] =
        {"kmc_case_insert",
         "INSERT INTO kmc.recovery_case (id, kind, state, requester, opened_by,"
         " body, digest, opened_at, expires_at)"
         " VALUES ($1::uuid, $2, 'open', $3, $4, $5, $6, $7, $8)"},
    [DB_KMC_CASE_GET] = {"kmc_case_get", CASE_COLUMNS " WHERE id = $1::uuid"},
    [DB_KMC_CASE_LOCK] = {"kmc_case_lock",
                          CASE_COLUMNS " WHERE id = $1::uuid FOR UPDATE"},
    [DB_KMC_CASE_LIST] = {"kmc_case_list",
                          CASE_COLUMNS " ORDER BY closed_at IS NOT NULL,"
                                       " opened_at DESC, id LIMIT $1"},
    [DB_KMC_CASE_MOVE] =
        {"kmc_case_move",
         "UPDATE kmc.recovery_case SET state = $3, closed_at = $4::timestamptz,"
         " outcome = $5, answer = $6::bytea WHERE id = $1::uuid AND state = "
         "$2"},
    /* Beyond their time: still open, or with an answer that nobody took for as
     * long as the case was given. */
    [DB_KMC_CASE_OVERDUE] = {"kmc_case_overdue", CASE_COLUMNS
                             " WHERE (closed_at IS NULL AND expires_at <= $1)"
                             " OR (answer IS NOT NULL"
                             " AND closed_at + (expires_at - opened_at) <= $1)"
                             " ORDER BY expires_at LIMIT 100"},
    [DB_KMC_CASE_RECEIVED] =
        {"kmc_case_received",
         "UPDATE kmc.recovery_case SET answer = NULL WHERE id = $1::uuid"
         " AND answer IS NOT NULL"},
    [DB_KMC_CASE_COUNTS] =
        {"kmc_case_counts",
         "SELECT kind, state, count(*) FROM kmc.recovery_case"
         " GROUP BY kind, state ORDER BY kind, state"},
    [DB_KMC_APPROVAL_INSERT] =
        {"kmc_approval_insert",
         "INSERT INTO kmc.approval (recovery_case, party, step, verdict,"
         " statement, signature, decided_at)"
         " VALUES ($1::uuid, $2, $3, $4, $5, $6, $7)"
         " ON CONFLICT (recovery_case, party) DO NOTHING"},
    [DB_KMC_APPROVAL_LIST] =
        {"kmc_approval_list",
         "SELECT party, step, verdict, statement, signature, decided_at"
         " FROM kmc.approval WHERE recovery_case = $1::uuid"
         " ORDER BY decided_at, party"},
};
