/* Statements of signet_ra about sessions, tickets and officers' cases;
 * db/sql_ra.h includes them. */
#ifndef DB_SQL_RA_SESSION_H
#define DB_SQL_RA_SESSION_H

#define DB_RA_SESSION_NAMES                                                    \
    DB_RA_SESSION_ADD, DB_RA_SESSION_GET, DB_RA_SESSION_SEEN,                  \
        DB_RA_SESSION_END, DB_RA_SESSION_LIST, DB_RA_TICKET_ADD,               \
        DB_RA_TICKET_FIND, DB_RA_TICKET_USE, DB_RA_TICKET_SWEEP,               \
        DB_RA_OFFICER_CASE_ADD, DB_RA_OFFICER_CASE_GET,                        \
        DB_RA_OFFICER_CASE_LIST, DB_RA_OFFICER_CASE_READY,                     \
        DB_RA_OFFICER_CASE_DECIDE, DB_RA_OFFICER_CASE_END,                     \
        DB_RA_OFFICER_CASE_SENDING,

/* What db_officer_case_read() reads, in its order. */
#define OFFICER_CASE_COLUMNS                                                   \
    "SELECT id::text, kind, officer_id::text, name, person, roles, state,"     \
    " credential, order_id::text, order_body, order_digest, decisions,"        \
    " problem, invited_by::text, made_at, changed_at FROM ra.officer_case"

#define SESSION_COLUMNS                                                        \
    "SELECT s.id_hash, s.kind, s.subject, s.credential_id, s.csrf,"            \
    " s.language, s.browser, s.made_at, s.seen_at, s.expires_at,"              \
    " s.ended_at, a.account, coalesce(a.created_by::text, ''), a.created_at"   \
    " FROM ra.session s LEFT JOIN ra.account a"                                \
    " ON s.kind = 'account' AND a.account = s.subject"

#define DB_RA_SESSION_STATEMENTS                                               \
    [DB_RA_SESSION_ADD] =                                                      \
        {"ra_session_add",                                                     \
         "INSERT INTO ra.session (id_hash, kind, subject, credential_id,"      \
         " csrf, language, browser, made_at, seen_at, expires_at)"             \
         " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)"},                  \
    [DB_RA_SESSION_GET] = {"ra_session_get",                                   \
                           SESSION_COLUMNS " WHERE s.id_hash = $1"},           \
    [DB_RA_SESSION_SEEN] = {"ra_session_seen",                                 \
                            "UPDATE ra.session SET seen_at = $2"               \
                            " WHERE id_hash = $1 AND ended_at IS NULL"         \
                            " AND seen_at < $2"},                              \
    [DB_RA_SESSION_END] = {"ra_session_end",                                   \
                           "UPDATE ra.session SET ended_at = $2"               \
                           " WHERE id_hash = $1 AND ended_at IS NULL"},        \
    [DB_RA_SESSION_LIST] = {"ra_session_list", SESSION_COLUMNS                 \
                            " WHERE s.kind = $1"                               \
                            " AND ($2::text IS NULL OR s.subject = $2)"        \
                            " AND s.ended_at IS NULL AND s.expires_at > $3"    \
                            " ORDER BY s.made_at DESC LIMIT $4"},              \
    [DB_RA_TICKET_ADD] =                                                       \
        {"ra_ticket_add",                                                      \
         "INSERT INTO ra.ticket (hash, purpose, subject, expires_at)"          \
         " VALUES ($1, $2, $3, $4)"},                                          \
    [DB_RA_TICKET_FIND] =                                                      \
        {"ra_ticket_find",                                                     \
         "SELECT subject FROM ra.ticket WHERE hash = $1 AND purpose = $2"      \
         " AND expires_at > $3 AND used_at IS NULL"}, /* Of two who come at    \
                                                         once, one finds it    \
                                                         unused. */            \
        [DB_RA_TICKET_USE] =                                                   \
            {"ra_ticket_use",                                                  \
             "UPDATE ra.ticket SET used_at = $3 WHERE hash = $1"               \
             " AND purpose = $2 AND expires_at > $3 AND used_at IS NULL"       \
             " RETURNING subject"},                                            \
    [DB_RA_TICKET_SWEEP] = {"ra_ticket_sweep",                                 \
                            "DELETE FROM ra.ticket WHERE expires_at < $1"},    \
    [DB_RA_OFFICER_CASE_ADD] =                                                 \
        {"ra_officer_case_add",                                                \
         "INSERT INTO ra.officer_case (id, kind, officer_id, name, person,"    \
         " roles, state, order_id, order_body, order_digest, invited_by,"      \
         " made_at, changed_at) VALUES ($1::uuid, $2, $3::uuid, $4, $5, $6,"   \
         " $7, $8::uuid, $9, $10, $11::uuid, $12, $12)"},                      \
    [DB_RA_OFFICER_CASE_GET] = {"ra_officer_case_get", OFFICER_CASE_COLUMNS    \
                                " WHERE id = $1::uuid FOR UPDATE"},            \
    [DB_RA_OFFICER_CASE_LIST] = {"ra_officer_case_list", OFFICER_CASE_COLUMNS  \
                                 " ORDER BY made_at DESC, id LIMIT $1"},       \
    [DB_RA_OFFICER_CASE_SENDING] =                                             \
        {"ra_officer_case_sending", OFFICER_CASE_COLUMNS                       \
         " WHERE state = 'sending'"                                            \
         " AND changed_at < $1 ORDER BY made_at LIMIT $2"},                    \
    [DB_RA_OFFICER_CASE_READY] =                                               \
        {"ra_officer_case_ready",                                              \
         "UPDATE ra.officer_case SET state = 'ready', credential = $2,"        \
         " order_id = $3::uuid, order_body = $4, order_digest = $5,"           \
         " changed_at = $6 WHERE id = $1::uuid AND state = 'invited'"},        \
    [DB_RA_OFFICER_CASE_DECIDE] =                                              \
        {"ra_officer_case_decide",                                             \
         "UPDATE ra.officer_case SET state = $3, decisions = $4,"              \
         " changed_at = $5 WHERE id = $1::uuid AND state = $2"},               \
    [DB_RA_OFFICER_CASE_END] = {                                               \
        "ra_officer_case_end",                                                 \
        "UPDATE ra.officer_case SET state = $3, problem = $4,"                 \
        " changed_at = $5 WHERE id = $1::uuid AND state = $2"},

#endif
