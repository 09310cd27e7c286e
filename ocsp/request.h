/*
 * An OCSPRequest (RFC 6960, 4.1.1) read where it lies: nothing is allocated and
 * every pointer goes into the caller's octets.
 */
#ifndef OCSP_REQUEST_H
#define OCSP_REQUEST_H

#include "base/der.h"

enum {
    OCSP_REQUEST_LEN_MAX = 64 * 1024, /* octets of DER */
    OCSP_REQUEST_COUNT_MAX = 64,      /* certificates asked for at once */
    OCSP_NONCE_MAX = 128,             /* RFC 9654, 2.1; at least 1 */
    OCSP_SERIAL_MAX = 20,             /* RFC 5280, 4.1.2.2 */
};

enum ocsp_hash {
    OCSP_HASH_SHA1,
    OCSP_HASH_SHA256,
    OCSP_HASH_COUNT,
    OCSP_HASH_OTHER = OCSP_HASH_COUNT, /* names no issuer that we know */
};

struct ocsp_cert_id {
    enum ocsp_hash hash;
    struct der name_hash; /* as long as the hash says, unless it is OTHER */
    struct der key_hash;
    struct der serial; /* content octets of the INTEGER, sign octet included */
    struct der whole;  /* the CertID, as the answer repeats it */
};

struct ocsp_request {
    size_t count; /* at least 1 */
    struct ocsp_cert_id id[OCSP_REQUEST_COUNT_MAX];
    struct der nonce; /* content of the Nonce's OCTET STRING; NULL if none */
};

/*
 * False means malformedRequest: not exactly one DER OCSPRequest, another
 * version, no or too many certificates, a hash of the wrong length, a nonce
 * that is not 1 to 128 octets, or a critical extension that we do not know
 * (4.4). A signature is neither demanded nor looked into: anybody may ask.
 */
bool ocsp_request_parse(const uint8_t *der, size_t len,
                        struct ocsp_request *out) MUST_CHECK;

/* Octets of the hash; 0 for OCSP_HASH_OTHER. */
size_t ocsp_hash_len(enum ocsp_hash hash);

#endif
