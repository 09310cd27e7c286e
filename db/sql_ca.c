/* Statements of the role signet_ca; see db/sql_ca.h. */
#include "db/sql_ca.h"

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
    [DB_CRL_IS_CHANGED] =
        {"crl_is_changed",
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
    [DB_CRL_NEWEST] = {"crl_newest",
                       "SELECT number, der FROM ca.crl"
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
         " AND state IN ('intended', 'valid')"
         " ORDER BY not_after DESC LIMIT 1) c ON true"
         " WHERE k.state = 'active' ORDER BY k.issuer_id, k.key_id"},

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
};
