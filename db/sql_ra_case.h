/*
 * Statements of signet_ra about cases and what hangs on them; db/sql_ra.h
 * includes them.
 */
#ifndef DB_SQL_RA_CASE_H
#define DB_SQL_RA_CASE_H

/* What db_case_read() reads, in its order; `c` is ra.case_file. */
#define DB_RA_CASE_COLUMNS                                                     \
    "c.number, c.business, c.account, c.state, c.revision, c.unit_name,"       \
    " c.uscc, c.language, c.notice_version, c.predecessor_issuer,"             \
    " c.predecessor_serial, c.device, c.order_id::text, c.order_body,"         \
    " c.order_digest, c.replaces, c.assigned_to::text,"                        \
    " c.held_until, c.is_sample, c.created_at, c.submitted_at, c.changed_at,"  \
    " c.deadline_at, c.completed_at"

/* Of db_corder_read() and db_holder_read(). */
#define DB_RA_CORDER_COLUMNS                                                   \
    "order_id::text, number, purpose, envelope, state, send_count, problem,"   \
    " made_at, recovery, recovery_until, received_at"
#define DB_RA_HOLDER_COLUMNS                                                   \
    "issuer, serial, pair::integer, number, account, device, der, issuer_der," \
    " spki_sha256, state, reason, not_before, not_after, bound_at,"            \
    " handler_case"

/* Statements that need a word: case_create has greatest(6, ...) because lpad()
 * would cut a number of more digits; corder_claim lets orders of one case go
 * in the order in which they were made, but none waits for a recovery. */
#define DB_RA_CASE_NAMES                                                       \
    DB_RA_CASE_CREATE, DB_RA_CASE_GET, DB_RA_CASE_LOCK, DB_RA_CASE_LIST,       \
        DB_RA_CASE_MOVE, DB_RA_CASE_REVISE, DB_RA_CASE_ORDER,                  \
        DB_RA_CASE_COPIES, DB_RA_CASE_DEVICE, DB_RA_CASE_FACTS,                \
        DB_RA_CASE_DOCUMENTS, DB_RA_CASE_DOCUMENT_VOID, DB_RA_CASE_PAPER,      \
        DB_RA_CASE_NAMESAKES, DB_RA_SEAL_ADD, DB_RA_SEAL_AGAIN,                \
        DB_RA_SEAL_MOVE, DB_RA_SEAL_DROP, DB_RA_SEAL_REPLACED, DB_RA_SEAL_END, \
        DB_RA_SEAL_COUNT, DB_RA_SEAL_ORDERED, DB_RA_CASE_RECORD,               \
        DB_RA_FIELD_SET, DB_RA_FIELD_DELETE, DB_RA_FIELD_LIST,                 \
        DB_RA_LINK_LAST, DB_RA_LINK_ADD, DB_RA_LINK_LIST, DB_RA_DECIDED_ADD,   \
        DB_RA_DECIDED_LIST, DB_RA_CORDER_ADD, DB_RA_CORDER_QUEUE,              \
        DB_RA_CORDER_CLAIM, DB_RA_CORDER_GET, DB_RA_CORDER_DONE,               \
        DB_RA_CORDER_PUT_OFF, DB_RA_CORDER_LIST, DB_RA_HOLDER_ADD,             \
        DB_RA_HOLDER_CHANGE, DB_RA_HOLDER_HANDLER, DB_RA_HOLDER_GET,           \
        DB_RA_HOLDER_LIVE, DB_RA_HOLDER_OF_CASE, DB_RA_HOLDER_DUE,             \
        DB_RA_HOLDER_LOOKED, DB_RA_HOLDER_HAS_ENCRYPTION,                      \
        DB_RA_CORDER_RECOVERY, DB_RA_CORDER_RECEIVED, DB_RA_CORDER_LOOKED,     \
        DB_RA_CORDER_OPEN, DB_RA_CORDER_LEFT, DB_RA_CORDER_OF_DEVICE,

#define DB_RA_CASE_STATEMENTS                                                  \
    [DB_RA_CASE_CREATE] =                                                      \
        {"ra_case_create",                                                     \
         "INSERT INTO ra.case_file (number, business, account, state,"         \
         " unit_name, uscc, language, notice_version, notice_at,"              \
         " predecessor_issuer, predecessor_serial, device, replaces,"          \
         " is_sample, created_at, changed_at, deadline_at)"                    \
         " SELECT $1 || to_char($2 AT TIME ZONE 'UTC', 'YYYYMMDD') || '-' ||"  \
         " lpad(n, greatest(6, length(n)), '0'), $3, $4, 'draft', $5, $6, $7," \
         " $8, CASE WHEN $8::text IS NOT NULL THEN $2::timestamptz END,"       \
         " $9, $10, $11, $12, $13, $2, $2, $14"                                \
         " FROM (SELECT nextval('ra.case_number')::text AS n) AS next"         \
         " ON CONFLICT DO NOTHING RETURNING number"},                          \
    [DB_RA_CASE_GET] = {"ra_case_get",                                         \
                        "SELECT " DB_RA_CASE_COLUMNS                           \
                        " FROM ra.case_file c WHERE c.number = $1"},           \
    [DB_RA_CASE_LOCK] = {"ra_case_lock",                                       \
                         "SELECT " DB_RA_CASE_COLUMNS                          \
                         " FROM ra.case_file c WHERE c.number = $1"            \
                         " FOR UPDATE OF c"},                                  \
    [DB_RA_CASE_LIST] = {"ra_case_list",                                       \
                         "SELECT " DB_RA_CASE_COLUMNS " FROM ra.case_file c"   \
                         " WHERE ($1::text IS NULL OR c.account = $1)"         \
                         " AND ($2::text IS NULL OR c.state = $2)"             \
                         " AND ($3::text IS NULL OR c.business = $3)"          \
                         " AND ($4 = '' OR (c.created_at, c.number) <"         \
                         " (SELECT a.created_at, a.number FROM ra.case_file a" \
                         " WHERE a.number = $4))"                              \
                         " ORDER BY c.created_at DESC, c.number DESC"          \
                         " LIMIT $5"},                                         \
    [DB_RA_CASE_MOVE] =                                                        \
        {"ra_case_move",                                                       \
         "UPDATE ra.case_file SET changed_at = CASE WHEN state <> $3"          \
         " THEN $4::timestamptz ELSE changed_at END,"                          \
         " assigned_to = CASE WHEN state = $3 THEN assigned_to END,"           \
         " held_by = CASE WHEN state = $3 THEN held_by END,"                   \
         " held_until = CASE WHEN state = $3 THEN held_until END,"             \
         " state = $3, deadline_at = $5,"                                      \
         " completed_at = coalesce(completed_at, $6),"                         \
         " submitted_at = coalesce(submitted_at, $7)"                          \
         " WHERE number = $1 AND state = $2"},                                 \
    [DB_RA_CASE_REVISE] = {"ra_case_revise",                                   \
                           "UPDATE ra.case_file SET revision = revision + 1"   \
                           " WHERE number = $1 AND revision = $2"},            \
    [DB_RA_CASE_ORDER] =                                                       \
        {"ra_case_order",                                                      \
         "UPDATE ra.case_file SET order_id = $2::uuid, order_body = $3,"       \
         " order_digest = $4 WHERE number = $1"},                              \
    [DB_RA_CASE_COPIES] = {"ra_case_copies",                                   \
                           "UPDATE ra.case_file SET unit_name = $2, uscc = $3" \
                           " WHERE number = $1"},                              \
    [DB_RA_CASE_DEVICE] =                                                      \
        {"ra_case_device",                                                     \
         "UPDATE ra.case_file SET device = $2 WHERE number = $1"},             \
    [DB_RA_CASE_FACTS] =                                                       \
        {"ra_case_facts",                                                      \
         "SELECT (SELECT count(*) FROM ra.holder_certificate h"                \
         " WHERE h.account = c.account AND h.pair = 1"                         \
         " AND h.state <> 'revoked' AND h.not_after > $2),"                    \
         " p.state, p.not_after, p.bound_at IS NOT NULL,"                      \
         " pay.amount, pay.received - pay.refunded,"                           \
         " (SELECT count(*) FROM ra.paper r WHERE r.number = c.number),"       \
         " (SELECT count(*) FROM ra.paper r WHERE r.number = c.number"         \
         " AND r.state = 'received'),"                                         \
         " d.state,"                                                           \
         " EXISTS (SELECT FROM ra.case_decision m WHERE m.number = c.number"   \
         " AND m.revision = c.revision AND m.step = 'making'"                  \
         " AND m.verdict = 'approve'),"                                        \
         " (SELECT count(*) = 3 FROM ra.case_field a JOIN ra.case_field b"     \
         " USING (name) WHERE a.number = c.number"                             \
         " AND b.number = p.handler_case AND a.name IN ('handler_name',"       \
         " 'handler_id_number', 'handler_mobile')"                             \
         " AND (a.value = b.value OR a.blind = b.blind)),"                     \
         " (SELECT count(*) FROM ra.form f WHERE f.number = c.number"          \
         " AND f.revision = c.revision), p.handler_case,"                      \
         " EXISTS (SELECT FROM ra.code k WHERE k.number = c.number"            \
         " AND k.purpose = 'handler-change' AND k.used_at IS NOT NULL),"       \
         " (SELECT count(*) FROM ra.case_file o WHERE o.number <> c.number"    \
         " AND o.account = c.account AND o.completed_at IS NULL"               \
         " AND o.state NOT IN ('rejected', 'closed', 'failed', 'done')),"      \
         " coalesce(p.account = c.account, false)"                             \
         " FROM ra.case_file c LEFT JOIN ra.holder_certificate p"              \
         " ON p.issuer = c.predecessor_issuer"                                 \
         " AND p.serial = c.predecessor_serial"                                \
         " LEFT JOIN ra.payment pay ON pay.number = c.number"                  \
         " AND pay.state <> 'closed'"                                          \
         " LEFT JOIN ra.device d ON d.serial = c.device"                       \
         " AND d.number = c.number WHERE c.number = $1"},                      \
    [DB_RA_CASE_DOCUMENTS] =                                                   \
        {"ra_case_documents",                                                  \
         "SELECT d.slot, d.id::text, d.sha256 FROM ra.document d"              \
         " WHERE d.number = $1 AND d.state = 'current' ORDER BY d.slot"},      \
    [DB_RA_CASE_DOCUMENT_VOID] =                                               \
        {"ra_case_document_void",                                              \
         "UPDATE ra.document SET state = 'void' WHERE number = $1"             \
         " AND state = 'current' AND slot = ANY ($2::text[])"},                \
    [DB_RA_CASE_PAPER] = {"ra_case_paper",                                     \
                          "INSERT INTO ra.paper (number, slot, state, "        \
                          "changed_at)"                                        \
                          " VALUES ($1, $2, 'awaited', $3) ON "                \
                          "CONFLICT DO NOTHING"},                              \
    [DB_RA_CASE_NAMESAKES] =                                                   \
        {"ra_case_namesakes",                                                  \
         "SELECT count(DISTINCT c.account) FROM ra.case_file c"                \
         " WHERE c.account <> $1 AND (c.unit_name = $2 OR c.uscc = $3)"        \
         " AND ((c.completed_at IS NULL"                                       \
         " AND c.state NOT IN ('rejected', 'closed', 'failed', 'done'))"       \
         " OR EXISTS (SELECT FROM ra.holder_certificate h"                     \
         " WHERE h.account = c.account AND h.state <> 'revoked'"               \
         " AND h.not_after > $4))"},                                           \
    [DB_RA_SEAL_ADD] =                                                         \
        {"ra_seal_add",                                                        \
         "INSERT INTO ra.seal (number, type, name, account, document,"         \
         " issuer, serial, state, made_at, changed_at)"                        \
         " VALUES ($1, $2, $3, $4, $5::uuid, $6, $7, 'ordered', $8, $8)"       \
         " ON CONFLICT DO NOTHING"},                                           \
    [DB_RA_SEAL_AGAIN] =                                                       \
        {"ra_seal_again",                                                      \
         "INSERT INTO ra.seal (number, type, name, account, document,"         \
         " issuer, serial, state, made_at, changed_at)"                        \
         " SELECT DISTINCT ON (type) $1, type, name, account, document,"       \
         " $4, $5::bytea, 'ordered', $6::timestamptz, $6::timestamptz"         \
         " FROM ra.seal WHERE issuer = $2 AND serial = $3"                     \
         " AND state <> 'void' ORDER BY type, made_at DESC"                    \
         " ON CONFLICT DO NOTHING"},                                           \
    [DB_RA_SEAL_MOVE] = {"ra_seal_move",                                       \
                         "UPDATE ra.seal SET state = $3, changed_at = $4"      \
                         " WHERE number = $1 AND state = $2"},                 \
    [DB_RA_SEAL_DROP] = {"ra_seal_drop",                                       \
                         "UPDATE ra.seal SET state = 'void', changed_at = $2"  \
                         " WHERE number = $1 AND state <> 'void'"},            \
    [DB_RA_SEAL_REPLACED] =                                                    \
        {"ra_seal_replaced",                                                   \
         "UPDATE ra.seal o SET state = 'void', changed_at = $2"                \
         " FROM ra.seal n WHERE n.number = $1 AND n.state = 'installed'"       \
         " AND o.issuer = n.issuer AND o.serial = n.serial"                    \
         " AND o.type = n.type AND o.number <> n.number"                       \
         " AND o.state <> 'void'"},                                            \
    [DB_RA_SEAL_END] =                                                         \
        {"ra_seal_end",                                                        \
         "UPDATE ra.seal SET state = 'void', changed_at = $3"                  \
         " WHERE issuer = $1 AND serial = $2 AND state <> 'void'"},            \
    [DB_RA_SEAL_COUNT] =                                                       \
        {"ra_seal_count",                                                      \
         "SELECT count(*) FROM ra.seal WHERE issuer = $1 AND serial = $2"      \
         " AND state <> 'void'"},                                              \
    [DB_RA_SEAL_ORDERED] =                                                     \
        {"ra_seal_ordered",                                                    \
         "SELECT number, type, name, account, document::text, issuer,"         \
         " serial, state, made_at FROM ra.seal WHERE state = 'ordered'"        \
         " ORDER BY made_at, number, type LIMIT $1"},                          \
    [DB_RA_CASE_RECORD] = {"ra_case_record",                                   \
                           "SELECT unit_name, uscc, kind, country, "           \
                           "province, locality, street,"                       \
                           " language FROM ra.unit WHERE account = $1"},       \
    [DB_RA_FIELD_SET] =                                                        \
        {"ra_field_set",                                                       \
         "INSERT INTO ra.case_field (number, name, value, sealed, blind,"      \
         " is_locked) VALUES ($1, $2, $3, $4, $5, $6)"                         \
         " ON CONFLICT (number, name) DO UPDATE SET value = "                  \
         "EXCLUDED.value,"                                                     \
         " sealed = EXCLUDED.sealed, blind = EXCLUDED.blind"},                 \
    [DB_RA_FIELD_DELETE] =                                                     \
        {"ra_field_delete",                                                    \
         "DELETE FROM ra.case_field WHERE number = $1 AND name = $2"},         \
    [DB_RA_FIELD_LIST] =                                                       \
        {"ra_field_list",                                                      \
         "SELECT name, value, sealed FROM ra.case_field WHERE number = $1"     \
         " ORDER BY name"},                                                    \
    [DB_RA_LINK_LAST] = {"ra_link_last",                                       \
                         "SELECT seq, hash FROM ra.case_history"               \
                         " WHERE number = $1 ORDER BY seq DESC LIMIT 1"},      \
    [DB_RA_LINK_ADD] = {"ra_link_add",                                         \
                        "INSERT INTO ra.case_history (number, seq, at, "       \
                        "event, actor, body,"                                  \
                        " hash) VALUES ($1, $2, $3, $4, $5, $6, $7)"},         \
    [DB_RA_LINK_LIST] =                                                        \
        {"ra_link_list",                                                       \
         "SELECT seq, body, hash FROM ra.case_history WHERE number = $1"       \
         " ORDER BY seq"},                                                     \
    [DB_RA_DECIDED_ADD] =                                                      \
        {"ra_decided_add",                                                     \
         "INSERT INTO ra.case_decision (number, revision, step, round,"        \
         " officer_id, person, credential_id, verdict, decided_at, "           \
         "decision,"                                                           \
         " statement) SELECT $1, $2, $3, coalesce(max(round), 0) + 1,"         \
         " $4::uuid, $5, $6, $7, $8, $9, $10 FROM ra.case_decision"            \
         " WHERE number = $1 AND revision = $2 AND step = $3"},                \
    [DB_RA_DECIDED_LIST] =                                                     \
        {"ra_decided_list",                                                    \
         "SELECT d.step, d.round, d.officer_id::text, d.person,"               \
         " d.credential_id, d.verdict, d.decided_at, d.decision, d.statement"  \
         " FROM ra.case_decision d WHERE d.number = $1 AND d.revision = $2"    \
         " AND (NOT $3 OR d.round = (SELECT max(l.round)"                      \
         " FROM ra.case_decision l WHERE l.number = d.number"                  \
         " AND l.revision = d.revision AND l.step = d.step))"                  \
         " ORDER BY array_position(ARRAY['entry', 'first-review',"             \
         " 'second-review', 'making'], d.step), d.round"},                     \
    [DB_RA_CORDER_ADD] =                                                       \
        {"ra_corder_add",                                                      \
         "INSERT INTO ra.case_order (order_id, number, purpose, envelope,"     \
         " state, made_at, send_at) VALUES ($1::uuid, $2, $3, $4, $5, $6,"     \
         " CASE WHEN $5 = 'queued' THEN $6::timestamptz END)"                  \
         " ON CONFLICT (order_id) DO UPDATE SET envelope = "                   \
         "EXCLUDED.envelope,"                                                  \
         " state = EXCLUDED.state, send_at = EXCLUDED.send_at, problem = "     \
         "NULL"                                                                \
         " WHERE ra.case_order.state IN ('waiting', 'refused')"                \
         " AND ra.case_order.number = EXCLUDED.number"                         \
         " AND ra.case_order.purpose = EXCLUDED.purpose"},                     \
    [DB_RA_CORDER_QUEUE] =                                                     \
        {"ra_corder_queue",                                                    \
         "UPDATE ra.case_order SET state = 'queued', send_at = $3,"            \
         " problem = NULL WHERE order_id = (SELECT order_id FROM"              \
         " ra.case_order WHERE number = $1 AND purpose = $2"                   \
         " AND state IN ('waiting', 'refused')"                                \
         " ORDER BY place DESC LIMIT 1)"},                                     \
    [DB_RA_CORDER_CLAIM] =                                                     \
        {"ra_corder_claim",                                                    \
         "UPDATE ra.case_order SET send_at = $2, send_count = send_count "     \
         "+ 1"                                                                 \
         " WHERE order_id = (SELECT o.order_id FROM ra.case_order o"           \
         " WHERE o.state = 'queued' AND o.send_at <= $1"                       \
         " AND NOT EXISTS (SELECT FROM ra.case_order b"                        \
         " WHERE b.number = o.number AND b.state = 'queued'"                   \
         " AND b.place < o.place AND b.purpose <> 'recover')"                  \
         " ORDER BY o.send_at LIMIT 1 FOR UPDATE OF o SKIP LOCKED)"            \
         " RETURNING " DB_RA_CORDER_COLUMNS},                                  \
    [DB_RA_CORDER_GET] = {"ra_corder_get",                                     \
                          "SELECT " DB_RA_CORDER_COLUMNS " FROM ra.case_order" \
                          " WHERE order_id = $1::uuid FOR UPDATE"},            \
    [DB_RA_CORDER_DONE] =                                                      \
        {"ra_corder_done",                                                     \
         "UPDATE ra.case_order SET state = $2, problem = $3, send_at = "       \
         "NULL,"                                                               \
         " done_at = $4 WHERE order_id = $1::uuid AND state = 'queued'"},      \
    [DB_RA_CORDER_PUT_OFF] =                                                   \
        {"ra_corder_put_off",                                                  \
         "UPDATE ra.case_order SET send_at = $3, problem = $2"                 \
         " WHERE order_id = $1::uuid AND state = 'queued'"},                   \
    [DB_RA_CORDER_LIST] = {"ra_corder_list",                                   \
                           "SELECT " DB_RA_CORDER_COLUMNS                      \
                           " FROM ra.case_order"                               \
                           " WHERE number = $1 ORDER BY place"},               \
    [DB_RA_CORDER_RECOVERY] =                                                  \
        {"ra_corder_recovery",                                                 \
         "UPDATE ra.case_order SET recovery = $2, recovery_until = $3,"        \
         " looked_at = $4 WHERE order_id = $1::uuid AND purpose = 'recover'"}, \
    [DB_RA_CORDER_RECEIVED] =                                                  \
        {"ra_corder_received",                                                 \
         "UPDATE ra.case_order SET received_at = $2"                           \
         " WHERE order_id = $1::uuid AND received_at IS NULL"},                \
    [DB_RA_CORDER_LOOKED] = {"ra_corder_looked",                               \
                             "UPDATE ra.case_order SET looked_at = $2"         \
                             " WHERE order_id = $1::uuid"},                    \
    [DB_RA_CORDER_OPEN] = {"ra_corder_open",                                   \
                           "SELECT order_id::text, number FROM"                \
                           " ra.case_order WHERE recovery IN ('open',"         \
                           " 'approved') AND looked_at < $1"                   \
                           " ORDER BY looked_at LIMIT $2"},                    \
    [DB_RA_CORDER_LEFT] =                                                      \
        {"ra_corder_left",                                                     \
         "SELECT o.order_id::text, o.number FROM ra.case_order o"              \
         " JOIN ra.case_file c USING (number)"                                 \
         " WHERE o.recovery = 'done' AND o.received_at IS NULL"                \
         " AND c.state IN ('closed', 'rejected')"                              \
         " ORDER BY o.looked_at LIMIT $1"},                                    \
    [DB_RA_CORDER_OF_DEVICE] =                                                 \
        {"ra_corder_of_device",                                                \
         "SELECT o.number FROM ra.device d"                                    \
         " JOIN ra.case_file f ON f.number = d.number"                         \
         " JOIN ra.case_file c ON c.device = d.serial"                         \
         " AND c.account = d.account AND c.created_at >= f.created_at"         \
         " JOIN ra.case_order o ON o.number = c.number"                        \
         " WHERE d.serial = $1 AND o.received_at IS NULL"                      \
         " AND c.state NOT IN ('closed', 'rejected')"                          \
         " AND ((o.purpose = 'issue' AND o.state = 'done' AND EXISTS (SELECT"  \
         " FROM ra.holder_certificate h WHERE h.number = o.number"             \
         " AND h.pair = 2)) OR (o.purpose = 'recover'"                         \
         " AND (o.state = 'queued' OR o.recovery IN ('open', 'approved',"      \
         " 'done')))) ORDER BY o.place LIMIT 1"},                              \
    [DB_RA_HOLDER_ADD] =                                                       \
        {"ra_holder_add",                                                      \
         "INSERT INTO ra.holder_certificate (issuer, serial, pair, "           \
         "number,"                                                             \
         " account, device, der, issuer_der, spki_sha256, state, "             \
         "not_before,"                                                         \
         " not_after, stored_at, changed_at, handler_case)"                    \
         " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'valid', $10, $11,"     \
         " $12, $12, $13)"},                                                   \
    [DB_RA_HOLDER_CHANGE] =                                                    \
        {"ra_holder_change",                                                   \
         "UPDATE ra.holder_certificate SET state = $3, reason = $4,"           \
         " changed_at = $5 WHERE number = (SELECT number FROM"                 \
         " ra.holder_certificate WHERE issuer = $1 AND serial = $2)"           \
         " AND state <> 'revoked'"},                                           \
    [DB_RA_HOLDER_HANDLER] =                                                   \
        {"ra_holder_handler",                                                  \
         "UPDATE ra.holder_certificate SET handler_case = $3 WHERE "           \
         "number ="                                                            \
         " (SELECT number FROM ra.holder_certificate WHERE issuer = $1"        \
         " AND serial = $2)"},                                                 \
    [DB_RA_HOLDER_GET] = {"ra_holder_get",                                     \
                          "SELECT " DB_RA_HOLDER_COLUMNS                       \
                          " FROM ra.holder_certificate"                        \
                          " WHERE issuer = $1 AND serial = $2"},               \
    [DB_RA_HOLDER_LIVE] =                                                      \
        {"ra_holder_live",                                                     \
         "SELECT " DB_RA_HOLDER_COLUMNS " FROM ra.holder_certificate"          \
         " WHERE account = $1 AND pair = 1 AND state <> 'revoked'"             \
         " AND not_after > $2 ORDER BY not_after DESC LIMIT 1"},               \
    [DB_RA_HOLDER_DUE] =                                                       \
        {"ra_holder_due",                                                      \
         "SELECT issuer, serial, number FROM ra.holder_certificate"            \
         " WHERE state <> 'revoked' AND not_after > $1 AND looked_at < $2"     \
         " AND pair = 1"                                                       \
         " ORDER BY looked_at LIMIT $3"},                                      \
    [DB_RA_HOLDER_LOOKED] = {"ra_holder_looked",                               \
                             "UPDATE ra.holder_certificate SET looked_at = $3" \
                             " WHERE issuer = $1 AND serial = $2"},            \
    [DB_RA_HOLDER_HAS_ENCRYPTION] =                                            \
        {"ra_holder_has_encryption",                                           \
         "SELECT EXISTS (SELECT FROM ra.holder_certificate"                    \
         " WHERE account = $1 AND pair = 2)"},                                 \
    [DB_RA_HOLDER_OF_CASE] = {"ra_holder_of_case",                             \
                              "SELECT " DB_RA_HOLDER_COLUMNS                   \
                              " FROM ra.holder_certificate"                    \
                              " WHERE number = $1 ORDER BY pair"},

#endif
