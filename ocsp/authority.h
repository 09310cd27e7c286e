/*
 * The issuers that this responder answers for, and who signs for each: the
 * newest valid certificate for a key of ca.ocsp_key. A list is made by the
 * follower, never changes, and is replaced as a whole.
 */
#ifndef OCSP_AUTHORITY_H
#define OCSP_AUTHORITY_H

#include <stdatomic.h>

#include "hsm/hsm.h"
#include "ocsp/answer.h"
#include "ocsp/request.h"

enum { OCSP_HASH_LEN_MAX = 32 };

/* A delegated signer (RFC 6960, 4.2.2.2). Counted: a signature may outlive the
 * list. */
struct ocsp_signer {
    _Atomic unsigned refs;
    const struct hsm_key *key; /* borrowed from the hsm */
    enum hsm_scheme scheme;
    uint8_t key_hash[OCSP_KEY_HASH_LEN];
    int64_t not_before, not_after;
    uint8_t *certificate; /* DER */
    size_t certificate_len;
};

struct ocsp_authority {
    int32_t issuer_id;
    uint8_t name_hash[OCSP_HASH_COUNT][OCSP_HASH_LEN_MAX];
    uint8_t key_hash[OCSP_HASH_COUNT][OCSP_HASH_LEN_MAX];
    bool is_delegated;          /* there are keys in ca.ocsp_key for it */
    struct ocsp_signer *signer; /* NULL: none can sign now */
    uint64_t revision;          /* changes with the signer's certificate */
};

struct ocsp_authorities {
    size_t count;
    struct ocsp_authority at[];
};

/* The hashes of an issuer: of its DER Name and of its public key, the BIT
 * STRING's content (RFC 6960, 4.1.1). ERROR_INPUT when `spki` is not one. */
bool ocsp_authority_init(struct ocsp_authority *authority, int32_t issuer_id,
                         struct der name, struct der spki,
                         struct error *err) MUST_CHECK;

/* The one that a CertID names; NULL if we do not know it. */
const struct ocsp_authority *
ocsp_authority_find(const struct ocsp_authorities *list,
                    const struct ocsp_cert_id *id);

/* A signer from its certificate and key: the certificate must be for this key
 * and for OCSPSigning, and the scheme must fit. ERROR_INPUT, ERROR_BUSY and
 * ERROR_NOT_FOUND of the token. One reference. */
bool ocsp_signer_new(struct hsm *hsm, struct der key_id, struct der spki,
                     const char *scheme, struct der certificate,
                     struct ocsp_signer **out, struct error *err) MUST_CHECK;
struct ocsp_signer *ocsp_signer_ref(struct ocsp_signer *signer);
void ocsp_signer_unref(struct ocsp_signer *signer); /* NULL is nothing */

struct ocsp_authorities *ocsp_authorities_new(size_t count);
void ocsp_authorities_free(struct ocsp_authorities *list); /* and unrefs */

#endif
