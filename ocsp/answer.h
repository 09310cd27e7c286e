/*
 * OCSPResponse (RFC 6960, 4.2.1) written by our own encoder: what stands in it
 * is decided elsewhere. Clauses are of RFC 6960.
 */
#ifndef OCSP_ANSWER_H
#define OCSP_ANSWER_H

#include "base/der.h"
#include "hsm/scheme.h"

enum ocsp_response_status {
    OCSP_SUCCESSFUL = 0,
    OCSP_MALFORMED_REQUEST = 1,
    OCSP_INTERNAL_ERROR = 2,
    OCSP_TRY_LATER = 3,
    OCSP_UNAUTHORIZED = 6,
};

enum ocsp_cert_status {
    OCSP_CERT_GOOD,
    OCSP_CERT_REVOKED, /* held ones too: the reason tells */
    OCSP_CERT_UNKNOWN,
};

enum {
    OCSP_REASON_UNSPECIFIED = 0, /* RFC 5280, 5.3.1 */
    OCSP_REASON_HOLD = 6,
    OCSP_KEY_HASH_LEN = 20, /* KeyHash is SHA-1: 4.2.1 */
    OCSP_ERROR_LEN = 5,     /* octets of an answer that is not signed */
};

/* What is said about one certificate. */
struct ocsp_single {
    struct der cert_id; /* as the request had it */
    enum ocsp_cert_status status;
    int reason;           /* of OCSP_CERT_REVOKED */
    int64_t revoked_at;   /* of OCSP_CERT_REVOKED */
    int64_t invalid_from; /* the invalidity date, 0 if none: 4.4.5 */
};

struct ocsp_answer {
    uint8_t responder[OCSP_KEY_HASH_LEN]; /* byKey */
    int64_t produced_at;
    int64_t this_update; /* when the status was last known to be right */
    int64_t next_update;
    const struct ocsp_single *single; /* borrowed */
    size_t count;
    struct der nonce;          /* data NULL: none */
    bool has_extended_revoked; /* says revoked of a certificate that was never
                                  issued: 2.2 */
};

/* The ResponseData, which is what is signed. */
void ocsp_answer_tbs(const struct ocsp_answer *answer, struct buf *out);

/* The whole OCSPResponse around a signed ResponseData. `certificate` is the
 * signer's own, in DER. */
void ocsp_answer_encode(struct der tbs, enum hsm_scheme scheme,
                        struct der signature, struct der certificate,
                        struct buf *out);

/* One of the answers that nobody signs: 2.3. */
void ocsp_answer_error(enum ocsp_response_status status,
                       uint8_t out[OCSP_ERROR_LEN]);

#endif
