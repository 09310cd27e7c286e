/* Statements of the role signet_ocsp; see db/sql_ocsp.h. */
#include "db/sql_ocsp.h"

#define STATUS_COLUMNS                                                         \
    "SELECT issuer_id::integer, serial, state = 'held', state = 'revoked',"    \
    " coalesce(reason, 0)::integer, revoked_at, invalid_from,"                 \
    " coalesce(status_index, -1)"                                              \
    " FROM ca.certificate WHERE state IN ('valid', 'held', 'revoked')"

const struct db_statement db_ocsp_statements[DB_OCSP_STATEMENT_COUNT] = {
    [DB_OCSP_LOG_HEAD] = {"log_head", "SELECT next_index FROM log.head"},

    [DB_OCSP_STATUS_ALL] = {"status_all", STATUS_COLUMNS},

    [DB_OCSP_STATUS_CHANGES] = {"status_changes",
                                STATUS_COLUMNS " AND status_index > $1"
                                               " ORDER BY status_index"},

    [DB_OCSP_STATUS_ISSUERS] =
        {"status_issuers",
         "SELECT issuer_id::integer, name, subject, spki, certificate,"
         " EXISTS (SELECT FROM ca.ocsp_key k WHERE k.issuer_id = i.issuer_id)"
         " FROM ca.issuer i WHERE certificate IS NOT NULL ORDER BY issuer_id"},

    /* Newest first for each issuer; the caller takes the first that it can
     * use. */
    [DB_OCSP_STATUS_SIGNERS] =
        {"status_signers",
         "SELECT k.issuer_id::integer, k.key_id, k.spki, k.scheme, c.der"
         " FROM ca.ocsp_key k JOIN ca.certificate c"
         " ON c.spki_sha256 = sha256(k.spki) AND c.issuer_id = k.issuer_id"
         " WHERE k.state = 'active' AND c.state = 'valid'"
         " AND c.not_before <= now() AND c.not_after > now()"
         " ORDER BY k.issuer_id, c.not_before DESC, c.serial"},

    [DB_OCSP_STATUS_CRLS] =
        {"status_crls",
         "SELECT DISTINCT ON (c.issuer_id) c.issuer_id::integer, i.name,"
         " c.number, c.this_update, c.next_update"
         " FROM ca.crl c JOIN ca.issuer i USING (issuer_id)"
         " WHERE c.der IS NOT NULL ORDER BY c.issuer_id, c.number DESC"},

    [DB_OCSP_STATUS_CRL_GET] = {"status_crl_get",
                                "SELECT der FROM ca.crl"
                                " WHERE issuer_id = $1::integer"
                                " AND number = $2 AND der IS NOT NULL"},
};
