/*
 * Credentials with their keys decoded: certificates (x509) and passkeys
 * (docs/architecture.md, "Passkeys"), as the register and the log hold them.
 */
#ifndef CA_CORE_DECISION_KEY_H
#define CA_CORE_DECISION_KEY_H

#include "ca-core/api.h"

/* A passkey has no end of its own: RFC 5280, 4.1.2.5, "no well-defined
 * expiration date". */
#define DECISION_NO_END INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

struct decision_key {
    uint8_t id[32]; /* of the credential */
    EVP_PKEY *key;
    char *rp_id, *origin;          /* passkey; NULL: certificate */
    int64_t not_before, not_after; /* passkey: 0 and DECISION_NO_END */
};

/* Of a credential as it is sent. ERROR_INPUT: unreadable, or of a key that
 * signs no decisions. Clear with decision_key_clear(). */
bool decision_key_make(const struct api_credential *credential,
                       struct decision_key *out, struct error *err) MUST_CHECK;

/* Of a credential as it is kept: the DER certificate, or the canonical JSON of
 * a passkey. */
bool decision_key_read(enum api_credential_kind kind, const uint8_t *data,
                       size_t len, struct decision_key *out,
                       struct error *err) MUST_CHECK;
void decision_key_clear(struct decision_key *key); /* zeroed is nothing */

/* What is kept of a credential: see decision_key_read(). */
bool decision_key_encode(const struct api_credential *credential,
                         struct buf *out, struct error *err) MUST_CHECK;

/* "x509", "passkey" of the register. ERROR_INTERNAL for others. */
bool decision_key_kind(const char *name, enum api_credential_kind *out,
                       struct error *err) MUST_CHECK;

struct api_verifier decision_key_verifier(const struct decision_key *key);

#endif
