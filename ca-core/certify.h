/*
 * A certificate that the CA makes of itself, without an order from outside: in
 * ceremonies, and for OCSP signers. The way is that of every certificate
 * (promise 1): built and linted, recorded with its TBSCertificate, signed,
 * compared with the record, stored, and only then seen. Interrupted anywhere,
 * it is taken up where it stood: the same order and ordinal give the same
 * certificate.
 */
#ifndef CA_CORE_CERTIFY_H
#define CA_CORE_CERTIFY_H

#include "ca-core/public_key.h"
#include "ca-core/tbs.h"
#include "ca-core/validity.h"
#include "db/certificate.h"
#include "db/issuer.h"
#include "hsm/hsm.h"

/* Who signs. Borrowed, but for key_id. */
struct certify_issuer {
    int32_t issuer_id;
    const char *name;
    struct der subject; /* DER Name */
    uint8_t key_id[PUBLIC_KEY_ID_LEN];
    int64_t not_after; /* INT64_MAX: it signs itself */
    enum hsm_scheme scheme;
    struct hsm *hsm;           /* NULL: for certify_build() alone */
    const struct hsm_key *key; /* likewise */
};

/* From the issuer's row and the token that holds its key; the row must outlive
 * `out`. One without certificate is taken to sign itself. */
bool certify_issuer_init(struct certify_issuer *out,
                         const struct db_issuer *row, struct hsm *hsm,
                         struct error *err) MUST_CHECK;

/* Rows that belong to a transaction of ours: the one in which the certificate
 * is recorded (`certificate` is empty then), or the one in which it becomes
 * valid (it is DER). Runs again if the transaction does. */
typedef bool certify_also(struct db *db, struct der certificate, void *arg,
                          struct error *err);

/* What is certified. Borrowed. */
struct certify_request {
    const char *order_id;
    int32_t ordinal;
    const struct profile *profile;
    struct api_subject subject; /* profile_apply_subject() has judged it */
    struct der spki;
    struct api_validity validity;
    const struct validity_period *period; /* instead of `validity`; or NULL */
    const struct api_san *san;
    size_t san_count;
    const char *publish_url;
    int64_t now;
    certify_also *when_recorded; /* NULL: nothing else is written */
    certify_also *when_valid;    /* likewise */
    void *also_arg;
};

/* A TBSCertificate that was built and found right. */
struct certify_built {
    struct serial serial;
    struct validity_period period;
    struct buf subject; /* DER Name */
    struct buf tbs;
};

/* Builds and lints, with a fresh serial; nothing is recorded or signed. The
 * caller clears `out`, also after a failure. */
bool certify_build(const struct certify_issuer *issuer,
                   const struct certify_request *request,
                   struct certify_built *out, struct error *err) MUST_CHECK;
void certify_built_clear(struct certify_built *built); /* zeroed is nothing */

/* The certificate of the request's order and ordinal: as it is in the database,
 * or made now. The order's row must be there, or be written by `when_recorded`.
 * Neither callback runs for a part of the way that was gone before. `der` is
 * appended to. ERROR_CONFLICT when another key was certified under this order
 * and ordinal. */
bool certify(struct db *db, const struct certify_issuer *issuer,
             const struct certify_request *request, struct buf *der,
             struct error *err) MUST_CHECK;

#endif
