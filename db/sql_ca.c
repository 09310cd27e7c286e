/* Statements of the role signet_ca; see db/sql_ca.h. */
#include "db/sql_ca.h"

#define CERTIFICATE_COLUMNS                                                    \
    "issuer_id::integer, serial, order_id::text, ordinal::integer, profile,"   \
    " subject, subject_text, spki_sha256, account, tbs, der, not_before,"      \
    " not_after, state, coalesce(reason, -1)::integer, revoked_at,"            \
    " invalid_from, coalesce(predecessor_issuer_id, 0)::integer, predecessor," \
    " coalesce(status_index, -1)"

#define STATUS_COLUMNS                                                         \
    "issuer_id::integer, serial, state, coalesce(reason, -1)::integer,"        \
    " revoked_at, invalid_from, spki_sha256"

/* The rows ($1 and $2: issuers and serials), the certificates with a key ($1);
 * and with those the other half of each that is one of a pair: what one order
 * from outside made together. Ceremonies number their certificates too. */
#define NAMED                                                                  \
    "SELECT w.issuer AS issuer_id, w.serial"                                   \
    " FROM unnest($1::bigint[], $2::bytea[]) AS w (issuer, serial)"

#define KEYED                                                                  \
    "SELECT k.issuer_id, k.serial FROM ca.certificate k"                       \
    " WHERE k.spki_sha256 = $1"

#define MATE_ROWS                                                              \
    " JOIN ca.certificate h USING (issuer_id, serial)"                         \
    " JOIN ca.certificate m ON m.order_id = h.order_id"                        \
    " AND m.ordinal = 1 - h.ordinal"                                           \
    " JOIN ca.order o ON o.order_id = h.order_id"                              \
    " AND o.kind IN ('issue', 'renew', 'reissue', 'change')"                   \
    " WHERE m.state IN ('valid', 'held', 'revoked')"

/* Grouped, not looked up in one another: ten thousand of them are no worse than
 * ten, whatever the plan. */
#define PAIRS(those)                                                           \
    " ca.certificate JOIN (SELECT issuer_id, serial,"                          \
    " bool_and(is_mate) AS is_mate FROM ("                                     \
    "SELECT issuer_id, serial, false AS is_mate FROM (" those ") AS n"         \
    " UNION ALL SELECT m.issuer_id, m.serial, true FROM (" those               \
    ") AS r" MATE_ROWS ") AS u GROUP BY issuer_id, serial) AS p"               \
    " USING (issuer_id, serial)"

#define ESCROW_COLUMNS                                                         \
    "order_id::text, coalesce(key_id::text, ''), received_at IS NOT NULL"

#define OFFICER_COLUMNS                                                        \
    "o.officer_id::text, o.name, o.person, o.state = 'active', o.since,"       \
    " o.until, coalesce((SELECT string_agg(role, ',' ORDER BY role)"           \
    " FROM ca.officer_role r WHERE r.officer_id = o.officer_id), '')"

/* A certificate of ours that is held or revoked speaks for nobody, whatever the
 * register says of it. A scalar, which no plan turns into a join with all that
 * was ever revoked: one look at index certificate_withdrawn. */
#define IS_CREDENTIAL_ACTIVE                                                   \
    "c.state = 'active' AND coalesce((SELECT false FROM ca.certificate w"      \
    " WHERE sha256(w.der) = c.credential_id"                                   \
    " AND w.state IN ('held', 'revoked') LIMIT 1), true)"

#define DECISIONS                                                              \
    "unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[],"      \
    " $6::bytea[], $7::bytea[], $8::bytea[], $9::bytea[], $10::bigint[])"      \
    " AS d (order_id, step, officer_id, verdict, credential_id, statement,"    \
    " signature, authenticator_data, client_data, at)"

const struct db_statement db_ca_statements[DB_CA_STATEMENT_COUNT] = {
    DB_LOG_STATEMENTS,

    /* By the database's clock alone: the holders' need not agree. */
    [DB_LEASE_TAKE] =
        {"lease_take",
         "INSERT INTO ca.lease (name, holder, until)"
         " VALUES ($1, $2, clock_timestamp() + $3 * interval '1 second')"
         " ON CONFLICT (name) DO UPDATE"
         " SET holder = excluded.holder, until = excluded.until"
         " WHERE lease.holder = excluded.holder"
         " OR lease.until < clock_timestamp()"},
    [DB_LEASE_RELEASE] = {"lease_release",
                          "UPDATE ca.lease SET until = '-infinity'"
                          " WHERE name = $1 AND holder = $2"},

    [DB_CRL_BASE] =
        {"crl_base",
         "WITH newest AS (SELECT this_update, next_update, status_index"
         " FROM ca.crl WHERE issuer_id = $1 AND signed_at IS NOT NULL"
         " ORDER BY number DESC LIMIT 1),"
         " kept AS (SELECT this_update, status_index"
         " FROM ca.crl WHERE issuer_id = $1 AND signed_at IS NOT NULL"
         " AND this_update <= $2 ORDER BY number DESC LIMIT 1)"
         " SELECT next_index,"
         " (SELECT coalesce(max(number), 0) FROM ca.crl WHERE issuer_id = $1),"
         " coalesce((SELECT extract(epoch FROM this_update)::bigint"
         " FROM newest), 0),"
         " coalesce((SELECT extract(epoch FROM next_update)::bigint"
         " FROM newest), 0),"
         " coalesce((SELECT status_index FROM newest), 0),"
         " coalesce((SELECT extract(epoch FROM this_update)::bigint"
         " FROM kept), 0),"
         " coalesce((SELECT status_index FROM kept), 0)"
         " FROM log.head"},
    [DB_CRL_ENTRIES] =
        {"crl_entries",
         "SELECT serial, extract(epoch FROM revoked_at)::bigint,"
         " coalesce(reason, 0)::integer,"
         " coalesce(extract(epoch FROM invalid_from)::bigint, 0)"
         " FROM ca.certificate"
         " WHERE issuer_id = $1 AND state IN ('held', 'revoked')"
         " AND (not_after >= $2 OR status_index >= $3) ORDER BY serial"},
    /* Its issue is no change that a CRL shows. */
    [DB_CRL_IS_CHANGED] = {"crl_is_changed",
                           "SELECT EXISTS (SELECT FROM ca.certificate c"
                           " JOIN log.entry e ON e.index = c.status_index"
                           " WHERE c.status_index >= $2 AND c.issuer_id = $1"
                           " AND e.event <> 'certificate.issued')"},
    [DB_CRL_RESERVE] = {"crl_reserve",
                        "INSERT INTO ca.crl (issuer_id, number, this_update,"
                        " next_update, entries, status_index, sha256)"
                        " VALUES ($1, $2, $3, $4, $5, $6, $7)"},
    [DB_CRL_STORE] = {"crl_store",
                      "UPDATE ca.crl SET der = $3, sha256 = $4, signed_at = $5"
                      " WHERE issuer_id = $1 AND number = $2"
                      " AND signed_at IS NULL"},
    [DB_CRL_OUTLIVE] =
        {"crl_outlive",
         "UPDATE ca.crl SET der = NULL WHERE issuer_id = $1"
         " AND der IS NOT NULL AND number < (SELECT max(number) FROM ca.crl"
         " WHERE issuer_id = $1 AND number < $2 AND signed_at IS NOT NULL)"},
    [DB_CRL_NEWEST] = {"crl_newest", "SELECT number, der FROM ca.crl"
                                     " WHERE issuer_id = $1 AND der IS NOT NULL"
                                     " ORDER BY number DESC LIMIT 1"},

    [DB_OCSP_KEY_INSERT] =
        {"ocsp_key_insert",
         "INSERT INTO ca.ocsp_key (issuer_id, key_id, scheme, spki, state)"
         " VALUES ($1, $2, $3, $4, 'active') ON CONFLICT DO NOTHING"},
    [DB_OCSP_KEY_LIST] =
        {"ocsp_key_list",
         "SELECT k.issuer_id::integer, k.key_id, k.scheme, k.spki,"
         " c.order_id::text, c.serial, c.state = 'intended',"
         " extract(epoch FROM c.not_before)::bigint,"
         " extract(epoch FROM c.not_after)::bigint"
         " FROM ca.ocsp_key k LEFT JOIN LATERAL ("
         " SELECT * FROM ca.certificate"
         " WHERE spki_sha256 = sha256(k.spki) AND issuer_id = k.issuer_id"
         " AND (state = 'valid' OR state = 'intended' AND EXISTS ("
         " SELECT FROM ca.order o WHERE o.order_id = certificate.order_id"
         " AND o.kind = 'ocsp-signer'))"
         " ORDER BY not_after DESC LIMIT 1) c ON true"
         " WHERE k.state = 'active' AND NOT EXISTS (SELECT"
         " FROM ca.blocked_key b WHERE b.spki_sha256 = sha256(k.spki))"
         " ORDER BY k.issuer_id, k.key_id"},

    [DB_LOG_KEY_INSERT] =
        {"log_key_insert",
         "INSERT INTO ca.log_key (key_id, scheme, spki, state)"
         " VALUES ($1, $2, $3, 'active') ON CONFLICT DO NOTHING"},
    [DB_LOG_KEY_LIST] = {"log_key_list",
                         "SELECT key_id, scheme, spki FROM ca.log_key"
                         " WHERE state = 'active' ORDER BY key_id"},

    [DB_LINK_INSERT] =
        {"link_insert",
         "INSERT INTO ca.link_certificate (subject_id, signer_id, certificate)"
         " VALUES ($1, $2, $3)"},
    [DB_LINK_LIST] = {"link_list",
                      "SELECT subject_id::integer, signer_id::integer,"
                      " certificate FROM ca.link_certificate"
                      " ORDER BY subject_id, signer_id"},

    [DB_ISSUER_LIST] =
        {"issuer_list",
         "SELECT issuer_id::integer, name, state, is_root, generation, token,"
         " key_id, key_type, scheme, subject, spki, certificate, not_after,"
         " coalesce(parent_id, 0)::integer, created_at"
         " FROM ca.issuer ORDER BY issuer_id"},
    [DB_ISSUER_INSERT] =
        {"issuer_insert",
         "INSERT INTO ca.issuer (name, state, is_root, generation, token,"
         " key_id, key_type, scheme, subject, spki, certificate, not_after,"
         " parent_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
         " $10, $11, $12, nullif($13, 0)::smallint, $14)"
         " RETURNING issuer_id::integer"},
    [DB_ISSUER_CERTIFY] = {"issuer_certify",
                           "UPDATE ca.issuer SET certificate = $2,"
                           " not_after = $3, state = $4"
                           " WHERE issuer_id = $1 AND state = 'planned'"},
    [DB_ISSUER_MOVE] = {"issuer_move", "UPDATE ca.issuer SET state = $3"
                                       " WHERE issuer_id = $1 AND state = $2"},

    [DB_OFFICER_LIST] = {"officer_list",
                         "SELECT " OFFICER_COLUMNS " FROM ca.officer o"
                         " ORDER BY o.name, o.officer_id"},
    [DB_OFFICER_INSERT] =
        {"officer_insert",
         "INSERT INTO ca.officer (officer_id, name, person, state, since)"
         " VALUES ($1::uuid, $2, $3, 'active', $4)"},
    [DB_OFFICER_ADD_ROLE] = {"officer_add_role",
                             "INSERT INTO ca.officer_role (officer_id, role)"
                             " VALUES ($1::uuid, $2)"},
    [DB_OFFICER_DISMISS] = {"officer_dismiss",
                            "UPDATE ca.officer SET state = 'dismissed',"
                            " until = $2"
                            " WHERE officer_id = $1::uuid"
                            " AND state = 'active'"},
    [DB_OFFICER_LOCK] = {"officer_lock",
                         "SELECT officer_id::text FROM ca.officer"
                         " WHERE officer_id = $1::uuid AND state = 'active'"
                         " FOR SHARE"},
    [DB_OFFICER_COUNT_ROLE] =
        {"officer_count_role",
         "SELECT count(*) FROM ca.officer o JOIN ca.officer_role r"
         " USING (officer_id) WHERE r.role = $1 AND o.state = 'active'"},
    [DB_CREDENTIAL_LIST] =
        {"credential_list",
         "SELECT " OFFICER_COLUMNS ", c.credential_id, c.public_data, c.kind,"
         " " IS_CREDENTIAL_ACTIVE ", c.not_before, c.not_after"
         " FROM ca.credential c JOIN ca.officer o USING (officer_id)"
         " WHERE c.credential_id = ANY ($1::bytea[])"},
    [DB_CREDENTIAL_ALL] =
        {"credential_all",
         "SELECT " OFFICER_COLUMNS ", c.credential_id, c.public_data, c.kind,"
         " " IS_CREDENTIAL_ACTIVE ", c.not_before, c.not_after"
         " FROM ca.credential c JOIN ca.officer o USING (officer_id)"
         " ORDER BY c.not_before, c.credential_id"},
    [DB_CREDENTIAL_AMONG] =
        {"credential_among",
         "SELECT count(*) FROM unnest($1::bigint[], $2::bytea[])"
         " AS w (issuer, serial) JOIN ca.certificate x"
         " ON x.issuer_id = w.issuer AND x.serial = w.serial"
         " JOIN ca.credential c ON c.credential_id = sha256(x.der)"
         " AND c.state = 'active'"},
    [DB_CREDENTIAL_INSERT] =
        {"credential_insert",
         "INSERT INTO ca.credential (credential_id, officer_id, kind,"
         " public_data, state, not_before, not_after)"
         " VALUES ($1, $2::uuid, $3, $4, 'active', $5, $6)"},
    [DB_CREDENTIAL_REVOKE_ALL] =
        {"credential_revoke_all",
         "UPDATE ca.credential SET state = 'revoked'"
         " WHERE officer_id = $1::uuid AND state = 'active'"},

    [DB_ORDER_FIND] = {"order_find",
                       "SELECT order_id::text, digest, kind, body, state,"
                       " problem, requested_by, received_at, finished_at,"
                       " csr_sha256"
                       " FROM ca.order WHERE order_id = $1::uuid"},
    /* Their last change is the hold in force; it names its order. */
    [DB_ORDER_HOLDING] =
        {"order_holding",
         "WITH held AS (SELECT (convert_from(e.body, 'UTF8')::jsonb"
         " ->> 'order_id')::uuid AS order_id"
         " FROM unnest($1::bigint[], $2::bytea[]) AS w (issuer, serial)"
         " JOIN ca.certificate c ON c.issuer_id = w.issuer"
         " AND c.serial = w.serial AND c.state = 'held'"
         " JOIN log.entry e ON e.index = c.status_index),"
         " one AS (SELECT order_id FROM held GROUP BY order_id"
         " HAVING count(*) = $3)"
         " SELECT o.pending_digest, f.officer_id::text, f.person"
         " FROM one JOIN ca.order o USING (order_id)"
         " JOIN ca.decision d USING (order_id)"
         " JOIN ca.officer f ON f.officer_id = d.officer_id"
         " WHERE o.kind = 'hold' AND o.pending_digest IS NOT NULL"},
    [DB_ORDER_IS_USED] = {"order_is_used",
                          "SELECT EXISTS (SELECT FROM ca.order"
                          " WHERE pending_digest = $3 AND kind = $2"
                          " AND order_id <> $1::uuid)"},
    [DB_ORDER_INSERT] =
        {"order_insert",
         "INSERT INTO ca.order (order_id, digest, kind, body, state,"
         " requested_by, received_at, finished_at, csr_sha256, pending_digest)"
         " SELECT o.id::uuid, o.digest, o.kind, o.body,"
         " CASE WHEN o.finished = 0 THEN 'recorded' ELSE 'done' END, o.by,"
         " to_timestamp(o.received), to_timestamp(nullif(o.finished, 0)),"
         " o.csr, o.pending"
         " FROM unnest($1::text[], $2::bytea[], $3::text[], $4::bytea[],"
         " $5::text[], $6::bigint[], $7::bigint[], $8::bytea[], $9::bytea[])"
         " AS o (id, digest, kind, body, by, received, finished, csr, pending)"
         " ORDER BY o.id ON CONFLICT (order_id) DO NOTHING"
         " RETURNING order_id::text"},
    [DB_ORDER_FINISH] =
        {"order_finish",
         "WITH mine AS (SELECT order_id FROM ca.order WHERE order_id IN"
         " (SELECT id::uuid FROM unnest($1::text[]) AS w (id))"
         " AND state = 'recorded' ORDER BY order_id FOR UPDATE)"
         " UPDATE ca.order o SET state = 'done', finished_at = $2"
         " FROM mine WHERE o.order_id = mine.order_id"
         " RETURNING o.order_id::text"},
    [DB_ORDER_FAIL] = {"order_fail",
                       "UPDATE ca.order SET state = 'failed', problem = $2,"
                       " finished_at = $3"
                       " WHERE order_id = $1::uuid AND state = 'recorded'"},
    [DB_ORDER_OPEN] = {"order_open",
                       "SELECT order_id::text, digest FROM ca.order"
                       " WHERE state = 'recorded' AND kind IN"
                       " ('issue', 'renew', 'rekey', 'reissue', 'change')"
                       " AND received_at < $1"
                       " ORDER BY received_at LIMIT $2"},
    [DB_ORDER_CLOCK] = {"order_clock", "SELECT at FROM log.entry"
                                       " ORDER BY index DESC LIMIT 1"},
    /* Only of officers and credentials that are active at this moment; and the
     * officers stay so until the end of the transaction: who was dismissed
     * meanwhile does not come after that in the log. */
    [DB_DECISION_INSERT] =
        {"decision_insert",
         "INSERT INTO ca.decision (order_id, step, officer_id, credential_id,"
         " verdict, decided_at, statement, signature, authenticator_data,"
         " client_data)"
         " SELECT d.order_id::uuid, d.step, c.officer_id, c.credential_id,"
         " d.verdict, to_timestamp(d.at), d.statement, d.signature,"
         " d.authenticator_data, d.client_data"
         " FROM " DECISIONS
         " JOIN ca.credential c ON c.credential_id = d.credential_id"
         " AND c.officer_id = d.officer_id::uuid AND " IS_CREDENTIAL_ACTIVE
         " JOIN ca.officer o ON o.officer_id = c.officer_id"
         " AND o.state = 'active' FOR SHARE OF o"},
    [DB_DECISION_INSERT_HOLDER] =
        {"decision_insert_holder",
         "INSERT INTO ca.decision (order_id, step, credential_id, verdict,"
         " decided_at, statement, signature)"
         " SELECT d.order_id::uuid, d.step, d.credential_id, d.verdict,"
         " to_timestamp(d.at), d.statement, d.signature FROM " DECISIONS},

    [DB_CERTIFICATE_GET] = {"certificate_get",
                            "SELECT " CERTIFICATE_COLUMNS " FROM ca.certificate"
                            " WHERE issuer_id = $1 AND serial = $2"},
    [DB_CERTIFICATE_MATE] =
        {"certificate_mate",
         "SELECT " CERTIFICATE_COLUMNS " FROM ca.certificate"
         " WHERE (issuer_id, serial) IN (SELECT"
         " m.issuer_id, m.serial FROM (SELECT $1::smallint"
         " AS issuer_id, $2::bytea AS serial) AS r" MATE_ROWS ")"},
    [DB_CERTIFICATE_IN_DEVICE] =
        {"certificate_in_device",
         "WITH RECURSIVE line AS (SELECT c.issuer_id, c.serial"
         " FROM ca.certificate c JOIN ca.decision d USING (order_id)"
         " WHERE c.account = $1 AND c.ordinal = 0 AND d.step = 'making'"
         " AND convert_from(d.statement, 'UTF8')::jsonb -> 'device'"
         " = jsonb_build_object('serial', $2::text,"
         " 'spki_sha256', encode($3, 'hex'))"
         " UNION SELECT c.issuer_id, c.serial FROM line l JOIN ca.certificate "
         "c ON c.account = $1"
         " AND c.ordinal = 0 AND c.predecessor_issuer_id = l.issuer_id"
         " AND c.predecessor = l.serial"
         " JOIN ca.order o ON o.order_id = c.order_id AND o.kind = 'renew')"
         " SELECT " CERTIFICATE_COLUMNS " FROM ca.certificate"
         " JOIN line USING (issuer_id, serial)"
         " WHERE state = 'valid' AND not_after >= $4"
         " ORDER BY not_before DESC, serial LIMIT 1"},
    [DB_CERTIFICATE_OF_ORDER] = {"certificate_of_order",
                                 "SELECT " CERTIFICATE_COLUMNS
                                 " FROM ca.certificate"
                                 " WHERE order_id = $1::uuid ORDER BY ordinal"},
    [DB_CERTIFICATE_BY_KEY] =
        {"certificate_by_key",
         "SELECT " CERTIFICATE_COLUMNS " FROM ca.certificate"
         " WHERE spki_sha256 = $1 ORDER BY not_before DESC, serial LIMIT $2"},
    [DB_CERTIFICATE_BY_SUBJECT] =
        {"certificate_by_subject",
         "SELECT " CERTIFICATE_COLUMNS " FROM ca.certificate"
         " WHERE subject_text = $1 ORDER BY not_before DESC, serial LIMIT $2"},
    [DB_CERTIFICATE_BY_ACCOUNT] =
        {"certificate_by_account",
         "SELECT " CERTIFICATE_COLUMNS " FROM ca.certificate"
         " WHERE account = $1 ORDER BY not_before DESC, serial LIMIT $2"},
    [DB_CERTIFICATE_BY_ISSUER] =
        {"certificate_by_issuer",
         "SELECT " CERTIFICATE_COLUMNS " FROM ca.certificate"
         " WHERE issuer_id = $1 ORDER BY not_before DESC, serial LIMIT $2"},
    /* The line of a certificate: what it succeeded, and so on. */
    [DB_CERTIFICATE_COUNT_KEY] =
        {"certificate_count_key",
         "WITH RECURSIVE line (issuer_id, serial) AS ("
         " SELECT $2::smallint, $3::bytea"
         " UNION SELECT c.predecessor_issuer_id, c.predecessor FROM line"
         " JOIN ca.certificate c USING (issuer_id, serial)"
         " WHERE c.predecessor IS NOT NULL)"
         " SELECT count(*), count(*) FILTER (WHERE state <> 'void'"
         " AND (issuer_id, serial) NOT IN (SELECT * FROM line))"
         " FROM ca.certificate WHERE spki_sha256 = $1"},
    /* By the subject's index alone (+ 0): half the table is one issuer's. */
    [DB_CERTIFICATE_COUNT_SUBJECT] =
        {"certificate_count_subject",
         "SELECT count(*), count(*) FILTER (WHERE (state = 'intended'"
         " OR state IN ('valid', 'held') AND not_after >= $6)"
         " AND NOT (issuer_id = $4 AND serial = $5))"
         " FROM ca.certificate"
         " WHERE issuer_id + 0 = $1 AND profile = $2 AND subject_text = $3"},
    [DB_CERTIFICATE_INTEND] =
        {"certificate_intend",
         "INSERT INTO ca.certificate (issuer_id, serial, order_id, ordinal,"
         " profile, subject, subject_text, spki_sha256, account, tbs,"
         " not_before, not_after, state, predecessor_issuer_id, predecessor)"
         " SELECT c.issuer, c.serial, c.order_id::uuid, c.ordinal, c.profile,"
         " c.subject, c.subject_text, c.key, c.account, c.tbs,"
         " to_timestamp(c.not_before), to_timestamp(c.not_after), 'intended',"
         " nullif(c.pred_issuer, 0), c.pred"
         " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[],"
         " $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[],"
         " $10::bytea[], $11::bytea[], $12::bytea[], $13::bytea[],"
         " $14::bytea[]) AS c (issuer, ordinal, not_before, not_after,"
         " pred_issuer, order_id, profile, subject_text, account, serial,"
         " subject, key, tbs, pred)"},
    [DB_CERTIFICATE_GUARD] =
        {"certificate_guard",
         "SELECT g.place FROM unnest($1::bigint[], $2::bigint[], $3::bigint[],"
         " $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::bytea[],"
         " $9::bytea[]) WITH ORDINALITY AS g (issuer, subject_all, key_all,"
         " pred_issuer, pred_index, profile, subject_text, key, pred, place)"
         " WHERE EXISTS (SELECT FROM ca.blocked_key b"
         " WHERE b.spki_sha256 = g.key)"
         " OR g.key_all >= 0 AND (SELECT count(*) FROM ca.certificate c"
         " WHERE c.spki_sha256 = g.key) <> g.key_all + 1"
         " OR g.subject_all >= 0 AND (SELECT count(*) FROM ca.certificate c"
         " WHERE c.subject_text = g.subject_text AND c.profile = g.profile"
         " AND c.issuer_id + 0 = g.issuer) <> g.subject_all + 1"
         " OR g.pred IS NOT NULL AND NOT EXISTS (SELECT FROM ca.certificate c"
         " WHERE c.issuer_id = g.pred_issuer AND c.serial = g.pred"
         " AND c.status_index = g.pred_index)"},
    /* What was signed must be what was recorded: a certificate of 256 to 65535
     * octets has its TBSCertificate after four octets of tag and length. IS NOT
     * DISTINCT FROM keeps the planner off the index of intended rows, which
     * would be read whole, with all that were intended since the last vacuum.
     */
    [DB_CERTIFICATE_STORE] =
        {"certificate_store",
         "UPDATE ca.certificate c SET state = 'valid', der = r.der,"
         " status_index = r.index FROM unnest($1::bigint[], $2::bigint[],"
         " $3::bytea[], $4::bytea[]) AS r (issuer, index, serial, der)"
         " WHERE c.issuer_id = r.issuer AND c.serial = r.serial"
         " AND c.state IS NOT DISTINCT FROM 'intended' AND"
         " substring(r.der FROM 5 FOR octet_length(c.tbs)) = c.tbs"},
    [DB_CERTIFICATE_CHANGE] =
        {"certificate_change",
         "UPDATE ca.certificate c SET state = r.target,"
         " reason = nullif(r.reason, -1),"
         " revoked_at = to_timestamp(nullif(r.at, 0)),"
         " invalid_from = to_timestamp(nullif(r.invalid, 0)),"
         " status_index = r.index FROM unnest($1::bigint[], $2::bigint[],"
         " $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[],"
         " $8::bytea[]) AS r (issuer, reason, at, invalid, index, origin,"
         " target, serial)"
         " WHERE c.issuer_id = r.issuer AND c.serial = r.serial"
         " AND c.state = r.origin"},
    [DB_CERTIFICATE_GIVE_UP] =
        {"certificate_give_up",
         "UPDATE ca.certificate c SET state = 'void'"
         " FROM unnest($1::bigint[], $2::bytea[]) AS r (issuer, serial)"
         " WHERE c.issuer_id = r.issuer AND c.serial = r.serial"
         " AND c.state IS NOT DISTINCT FROM 'intended'"},
    [DB_CERTIFICATE_LOCK] = {"certificate_lock",
                             "SELECT " STATUS_COLUMNS ", false"
                             " FROM ca.certificate"
                             " WHERE (issuer_id, serial) IN (" NAMED ")"
                             " ORDER BY issuer_id, serial FOR UPDATE"},
    [DB_CERTIFICATE_LOCK_PAIRS] =
        {"certificate_lock_pairs",
         "SELECT " STATUS_COLUMNS ", is_mate FROM" PAIRS(
             NAMED) " ORDER BY issuer_id, serial FOR UPDATE OF certificate"},
    [DB_CERTIFICATE_PAIR_STATUSES] = {"certificate_pair_statuses",
                                      "SELECT " STATUS_COLUMNS
                                      ", is_mate FROM" PAIRS(
                                          NAMED) " ORDER BY issuer_id, serial"},
    [DB_CERTIFICATE_LOCK_KEY] =
        {"certificate_lock_key",
         "SELECT " STATUS_COLUMNS ", is_mate FROM" PAIRS(
             KEYED) " WHERE state IN ('valid', 'held', 'revoked')"
                    " ORDER BY issuer_id, serial FOR UPDATE OF certificate"},
    [DB_CERTIFICATE_KEY_STATUSES] =
        {"certificate_key_statuses",
         "SELECT " STATUS_COLUMNS ", is_mate FROM" PAIRS(
             KEYED) " WHERE state IN ('valid', 'held', 'revoked')"
                    " ORDER BY issuer_id, serial"},
    [DB_CERTIFICATE_NOTIFY] = {"certificate_notify", "NOTIFY status"},
    [DB_KEY_BLOCK] = {"key_block", "INSERT INTO ca.blocked_key"
                                   " (spki_sha256, why, order_id, blocked_at)"
                                   " VALUES ($1, $2, $3::uuid, $4)"
                                   " ON CONFLICT DO NOTHING"},
    [DB_KEY_BLOCKED] =
        {"key_blocked",
         "SELECT w.place FROM unnest($1::bytea[]) WITH ORDINALITY"
         " AS w (key, place) JOIN ca.blocked_key b ON b.spki_sha256 = w.key"},

    [DB_ESCROW_ASK] = {"escrow_ask",
                       "INSERT INTO ca.escrow (order_id, asked_at, due_at)"
                       " VALUES ($1::uuid, $2, $3) ON CONFLICT (order_id)"
                       " DO UPDATE SET asked_at = excluded.asked_at,"
                       " due_at = excluded.due_at, retired_at = NULL"
                       " WHERE escrow.key_id IS NULL"},
    [DB_ESCROW_KEEP] = {"escrow_keep",
                        "UPDATE ca.escrow SET key_id = $2::uuid,"
                        " spki_sha256 = $3, due_at = $4"
                        " WHERE order_id = $1::uuid AND key_id IS NULL"},
    [DB_ESCROW_FIND] = {"escrow_find",
                        "SELECT " ESCROW_COLUMNS " FROM ca.escrow"
                        " WHERE order_id = $1::uuid"
                        " AND key_id IS NOT NULL"},
    [DB_ESCROW_RECEIVE] = {"escrow_receive",
                           "UPDATE ca.escrow SET received_at = $2"
                           " WHERE order_id = $1::uuid"
                           " AND received_at IS NULL"},
    [DB_ESCROW_DUE] = {"escrow_due", "SELECT " ESCROW_COLUMNS " FROM ca.escrow"
                                     " WHERE retired_at IS NULL"
                                     " AND due_at <= $1"
                                     " ORDER BY due_at LIMIT $2"},
    [DB_ESCROW_POSTPONE] = {"escrow_postpone",
                            "UPDATE ca.escrow SET due_at = $2"
                            " WHERE order_id = $1::uuid"
                            " AND retired_at IS NULL"},
    [DB_ESCROW_RETIRE] = {"escrow_retire",
                          "UPDATE ca.escrow SET retired_at = $2"
                          " WHERE order_id = $1::uuid"
                          " AND retired_at IS NULL"},
};
