/* Statements of signet_ra about money; db/sql_ra.h includes them. Used by
 * db/payment.c and db/invoice.c. */
#ifndef DB_SQL_RA_PAYMENT_H
#define DB_SQL_RA_PAYMENT_H

/* clang-format off */
#define DB_RA_PAYMENT_NAMES                                                    \
    DB_RA_PAYMENT_ADD,                                                         \
    DB_RA_PAYMENT_GET,                                                         \
    DB_RA_PAYMENT_LOCK,                                                        \
    DB_RA_PAYMENT_OF_CASE,                                                     \
    DB_RA_PAYMENT_OF_CASE_LOCK,                                                \
    DB_RA_PAYMENT_CHANGE,                                                      \
    DB_RA_PAYMENT_CHOOSE,                                                      \
    DB_RA_PAYMENT_ORDERED,                                                     \
    DB_RA_PAYMENT_TO_ASK,                                                      \
    DB_RA_PAYMENT_TO_SETTLE,                                                   \
    DB_RA_PAYMENT_EVENT_ADD,                                                   \
    DB_RA_PAYMENT_NET,                                                         \
    DB_RA_PAYMENT_DEVICES_OUT,                                                 \
    DB_RA_PAYMENT_CASE_STATE,                                                  \
    DB_RA_REFUND_ADD,                                                          \
    DB_RA_REFUND_GET,                                                          \
    DB_RA_REFUND_CLAIM,                                                        \
    DB_RA_REFUND_CHANGE,                                                       \
    DB_RA_REFUND_DEVICE_BACK,                                                  \
    DB_RA_REFUND_UNSENT,                                                       \
    DB_RA_REFUND_MOVE,                                                         \
    DB_RA_REFUND_HASTEN,                                                       \
    DB_RA_REFUND_LIST,                                                         \
    DB_RA_PAYMENT_EVENT_OWNER,                                                 \
    DB_RA_NONCE_FORGET,                                                        \
    DB_RA_NONCE_SPEND,                                                         \
    DB_RA_INVOICE_DUE,                                                         \
    DB_RA_INVOICE_NEXT,                                                        \
    DB_RA_INVOICE_ADD,                                                         \
    DB_RA_INVOICE_GET,                                                         \
    DB_RA_RECONCILIATION_EVENTS,                                               \
    DB_RA_RECONCILIATION_PUT,                                                  \
    DB_RA_RECONCILIATION_EXISTS,                                               \
    DB_RA_RECONCILIATION_LIST,

/* What payment_read() and db_refund_read() read, in their order. */
#define DB_RA_PAYMENT_COLUMNS                                                  \
    "SELECT id::text, number, amount, received, refunded, state, method,"      \
    " provider_id, origin::text, invoice_title, invoice_tax_number,"           \
    " invoice_email, created_at, paid_at, changed_at FROM ra.payment"
#define DB_RA_REFUND_COLUMNS                                                   \
    "SELECT r.id::text, r.payment::text,"                                      \
    " coalesce(p.origin, p.id)::text, p.number, r.amount, r.method,"           \
    " r.reason, r.state, r.officer_id::text, r.send_at, r.send_count,"         \
    " r.problem, r.made_at, r.changed_at"                                      \
    " FROM ra.refund r JOIN ra.payment p ON p.id = r.payment"

/* An open payment goes before one that was closed. */
#define DB_RA_PAYMENT_NEWEST                                                   \
    " WHERE number = $1 ORDER BY state = 'closed', created_at DESC LIMIT 1"

#define DB_RA_PAYMENT_STATEMENTS                                               \
    [DB_RA_PAYMENT_ADD] =                                                      \
        {"ra_payment_add",                                                     \
         "INSERT INTO ra.payment (id, number, amount, received, state,"        \
         " method, origin, invoice_title, invoice_tax_number, invoice_email,"  \
         " created_at, paid_at, changed_at)"                                   \
         " VALUES ($1::uuid, $2, $3, $4, $5, $6, $7::uuid, $8, $9, $10, $11,"  \
         " $12, $11)"                                                          \
         " ON CONFLICT (number) WHERE state <> 'closed' DO NOTHING"},          \
    [DB_RA_PAYMENT_GET] = {"ra_payment_get", DB_RA_PAYMENT_COLUMNS             \
                           " WHERE id = $1::uuid"},                            \
    [DB_RA_PAYMENT_LOCK] = {"ra_payment_lock", DB_RA_PAYMENT_COLUMNS           \
                            " WHERE id = $1::uuid FOR UPDATE"},                \
    [DB_RA_PAYMENT_OF_CASE] = {"ra_payment_of_case",                           \
                               DB_RA_PAYMENT_COLUMNS DB_RA_PAYMENT_NEWEST},    \
    [DB_RA_PAYMENT_OF_CASE_LOCK] = {"ra_payment_of_case_lock",                 \
                                    DB_RA_PAYMENT_COLUMNS DB_RA_PAYMENT_NEWEST \
                                    " FOR UPDATE"},                            \
    [DB_RA_PAYMENT_CHANGE] =                                                   \
        {"ra_payment_change",                                                  \
         "UPDATE ra.payment SET state = $3, received = received + $4,"         \
         " refunded = refunded + $5, paid_at = coalesce(paid_at, $6),"         \
         " changed_at = $7 WHERE id = $1::uuid AND state = $2"},               \
    [DB_RA_PAYMENT_CHOOSE] =                                                   \
        {"ra_payment_choose",                                                  \
         "UPDATE ra.payment SET method = coalesce($2, method),"                \
         " invoice_title = coalesce($3, invoice_title),"                       \
         " invoice_tax_number = coalesce($4, invoice_tax_number),"             \
         " invoice_email = coalesce($5, invoice_email), changed_at = $6"       \
         " WHERE id = $1::uuid AND state = 'created'"},                        \
    [DB_RA_PAYMENT_ORDERED] =                                                  \
        {"ra_payment_ordered",                                                 \
         "UPDATE ra.payment SET provider_id = $2, changed_at = $3"             \
         " WHERE id = $1::uuid AND coalesce(provider_id, $2) = $2"},           \
    [DB_RA_PAYMENT_TO_ASK] =                                                   \
        {"ra_payment_to_ask",                                                  \
         "UPDATE ra.payment SET changed_at = $2 WHERE id IN (SELECT id"        \
         " FROM ra.payment WHERE state = 'created' AND provider_id IS NOT"     \
         " NULL AND changed_at <= $1 ORDER BY changed_at LIMIT $3"             \
         " FOR UPDATE SKIP LOCKED) RETURNING id::text, number"},               \
    [DB_RA_PAYMENT_TO_SETTLE] =                                                \
        {"ra_payment_to_settle",                                               \
         "SELECT p.id::text, p.number FROM ra.case_file c"                     \
         " JOIN ra.payment p USING (number)"                                   \
         " WHERE c.state = 'awaiting-payment' AND p.state = 'paid'"            \
         " ORDER BY p.changed_at LIMIT $1"},                                   \
    [DB_RA_PAYMENT_EVENT_ADD] =                                                \
        {"ra_payment_event_add",                                               \
         "INSERT INTO ra.payment_event"                                        \
         " (payment, event_id, kind, method, amount, at, actor)"               \
         " VALUES ($1::uuid, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"}, \
    [DB_RA_PAYMENT_NET] =                                                      \
        {"ra_payment_net",                                                     \
         "SELECT (coalesce((SELECT sum(amount) FROM ra.payment_event"          \
         " WHERE payment = $1::uuid AND method = $2"                           \
         " AND kind IN ('received', 'late')), 0)"                              \
         " - coalesce((SELECT sum(amount) FROM ra.refund"                      \
         " WHERE payment = $1::uuid AND method = $2), 0))::bigint"},           \
    [DB_RA_PAYMENT_DEVICES_OUT] =                                              \
        {"ra_payment_devices_out",                                             \
         "SELECT count(*) FROM ra.device d WHERE number = $1 AND (state IN"    \
         " ('shipped', 'delivered', 'active', 'pin-locked')"                   \
         " OR state = 'lost' AND EXISTS (SELECT FROM ra.device_event e"        \
         " WHERE e.serial = d.serial AND e.number = $1"                        \
         " AND e.to_state = 'shipped'))"},                                     \
    [DB_RA_PAYMENT_CASE_STATE] =                                               \
        {"ra_payment_case_state",                                              \
         "SELECT state FROM ra.case_file WHERE number = $1"},                  \
    [DB_RA_REFUND_ADD] =                                                       \
        {"ra_refund_add",                                                      \
         "INSERT INTO ra.refund (id, payment, amount, method, reason, state,"  \
         " send_at, made_at, changed_at)"                                      \
         " VALUES ($1::uuid, $2::uuid, $3, $4, $5, $6, $7, $8, $8)"},          \
    [DB_RA_REFUND_GET] = {"ra_refund_get", DB_RA_REFUND_COLUMNS                \
                          " WHERE r.id = $1::uuid FOR UPDATE OF r"},           \
    [DB_RA_REFUND_CLAIM] =                                                     \
        {"ra_refund_claim",                                                    \
         "UPDATE ra.refund SET state = 'sent', send_at = $2,"                  \
         " send_count = send_count + 1, changed_at = $1"                       \
         " WHERE id = (SELECT id FROM ra.refund WHERE method = 'online'"       \
         " AND state IN ('due', 'sent') AND send_at <= $1"                     \
         " ORDER BY send_at LIMIT 1 FOR UPDATE SKIP LOCKED)"                   \
         " RETURNING id::text"},                                               \
    [DB_RA_REFUND_CHANGE] =                                                    \
        {"ra_refund_change",                                                   \
         "UPDATE ra.refund SET state = $3, send_at = $4, problem = $5,"        \
         " officer_id = coalesce($6::uuid, officer_id), send_count ="          \
         " CASE WHEN $7 THEN 0 ELSE send_count END, changed_at = $8"           \
         " WHERE id = $1::uuid AND state = $2"},                               \
    [DB_RA_REFUND_DEVICE_BACK] =                                               \
        {"ra_refund_device_back",                                              \
         "UPDATE ra.refund SET state = 'due', changed_at = $2, send_at = $2"   \
         " WHERE state = 'waiting-device'"                                     \
         " AND payment IN (SELECT id FROM ra.payment WHERE number = $1)"},     \
    [DB_RA_REFUND_UNSENT] =                                                    \
        {"ra_refund_unsent",                                                   \
         "SELECT coalesce(sum(amount), 0)::bigint FROM (SELECT amount"         \
         " FROM ra.refund WHERE payment = $1::uuid"                            \
         " AND ($2::text IS NULL OR method = $2)"                              \
         " AND (state = 'waiting-device' OR state = 'due' AND send_count = 0)" \
         " AND reason NOT IN ('overpaid', 'late') FOR UPDATE) AS unsent"},     \
    [DB_RA_REFUND_MOVE] =                                                      \
        {"ra_refund_move",                                                     \
         "UPDATE ra.refund SET state = 'moved', send_at = NULL,"               \
         " changed_at = $2 WHERE payment = $1::uuid"                           \
         " AND (state = 'waiting-device' OR state = 'due' AND send_count = 0)" \
         " AND reason NOT IN ('overpaid', 'late')"},                           \
    [DB_RA_REFUND_HASTEN] =                                                    \
        {"ra_refund_hasten",                                                   \
         "UPDATE ra.refund SET send_at = $2 WHERE payment = $1::uuid"          \
         " AND state = 'due' AND send_at > $2"},                               \
    [DB_RA_REFUND_LIST] =                                                      \
        {"ra_refund_list", DB_RA_REFUND_COLUMNS                                \
         " WHERE ($1::text IS NULL OR r.state = $1) AND ($2::text = ''"        \
         " OR (r.made_at, r.id) < (SELECT made_at, id FROM ra.refund"          \
         " WHERE id = nullif($2, '')::uuid))"                                  \
         " ORDER BY r.made_at DESC, r.id DESC LIMIT $3"},                      \
    [DB_RA_PAYMENT_EVENT_OWNER] =                                              \
        {"ra_payment_event_owner",                                             \
         "SELECT payment::text, amount FROM ra.payment_event"                  \
         " WHERE event_id = $1"},                                              \
    [DB_RA_NONCE_FORGET] = {"ra_nonce_forget",                                 \
                            "DELETE FROM ra.nonce WHERE at < $1"},             \
    [DB_RA_NONCE_SPEND] =                                                      \
        {"ra_nonce_spend",                                                     \
         "INSERT INTO ra.nonce (sender, nonce, at) VALUES ($1, $2, $3)"        \
         " ON CONFLICT DO NOTHING"},                                           \
    [DB_RA_INVOICE_DUE] =                                                      \
        {"ra_invoice_due",                                                     \
         "SELECT c.number, c.completed_at FROM ra.case_file c"                 \
         " JOIN ra.payment p ON p.number = c.number AND p.state = 'paid'"      \
         " WHERE c.completed_at <= $1 AND NOT EXISTS"                          \
         " (SELECT FROM ra.invoice i WHERE i.number = c.number)"               \
         " ORDER BY c.completed_at, c.number LIMIT $2"},                       \
    [DB_RA_INVOICE_NEXT] =                                                     \
        {"ra_invoice_next",                                                    \
         "UPDATE ra.invoice_counter SET last = last + 1 WHERE singleton"       \
         " RETURNING last"},                                                   \
    [DB_RA_INVOICE_ADD] =                                                      \
        {"ra_invoice_add",                                                     \
         "INSERT INTO ra.invoice"                                              \
         " (invoice_number, number, payment, amount, xml, issued_at)"          \
         " VALUES ($1, $2, $3::uuid, $4, $5, $6)"},                            \
    [DB_RA_INVOICE_GET] =                                                      \
        {"ra_invoice_get",                                                     \
         "SELECT invoice_number, xml FROM ra.invoice"                          \
         " WHERE number = $1"},                                                \
    [DB_RA_RECONCILIATION_EVENTS] =                                            \
        {"ra_reconciliation_events",                                           \
         "SELECT e.event_id, coalesce(p.origin, p.id)::text, e.amount,"        \
         " p.number, e.kind, p.state FROM ra.payment_event e"                  \
         " JOIN ra.payment p ON p.id = e.payment WHERE e.method = 'online'"    \
         " AND e.at >= $1 AND e.at < $2 AND e.actor <> 'signet-ra'"            \
         " ORDER BY e.event_id"},                                              \
    [DB_RA_RECONCILIATION_PUT] =                                               \
        {"ra_reconciliation_put",                                              \
         "INSERT INTO ra.reconciliation (day, report, is_matched, made_at)"    \
         " VALUES ($1::text::date, $2, $3, $4) ON CONFLICT (day) DO UPDATE"    \
         " SET report = $2, is_matched = $3, made_at = $4"},                   \
    [DB_RA_RECONCILIATION_EXISTS] =                                            \
        {"ra_reconciliation_exists",                                           \
         "SELECT EXISTS (SELECT FROM ra.reconciliation"                        \
         " WHERE day = $1::text::date)"},                                      \
    [DB_RA_RECONCILIATION_LIST] =                                              \
        {"ra_reconciliation_list",                                             \
         "SELECT day::text, report, is_matched, made_at"                       \
         " FROM ra.reconciliation WHERE ($1::text = ''"                        \
         " OR day < $1::text::date) ORDER BY day DESC LIMIT $2"},
/* clang-format on */

#endif
