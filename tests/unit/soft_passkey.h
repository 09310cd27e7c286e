/* A passkey in software, as an authenticator and a browser would behave: for
 * tests. */
#ifndef TESTS_UNIT_SOFT_PASSKEY_H
#define TESTS_UNIT_SOFT_PASSKEY_H

#include "base/buf.h"
#include "base/webauthn.h"
#include "ca-core/api.h"

enum { SOFT_PRESENT = 0x01, SOFT_VERIFIED = 0x04, SOFT_BOTH = 0x05 };

enum soft_algorithm { SOFT_ES256, SOFT_RS256, SOFT_EDDSA };

struct soft_passkey {
    EVP_PKEY *key;
    uint8_t raw_id[16];
    struct buf cose;
};

void soft_passkey_make(enum soft_algorithm algorithm, struct soft_passkey *out);
void soft_passkey_clear(struct soft_passkey *passkey);

/* The head of a CBOR data item. */
void soft_cbor_head(struct buf *out, unsigned major, size_t n);
void soft_cbor_text(struct buf *out, const char *text);
void soft_cbor_bytes(struct buf *out, const void *data, size_t len);

/* clientDataJSON; `more` is put in before the end: ",\"crossOrigin\":true". */
void soft_client_data(const char *type, const struct webauthn_scene *scene,
                      const char *more, struct buf *out);

/* authData with attested credential data, and the attestation object of
 * `format` ("none"; "packed": by the credential itself). */
void soft_passkey_attest(const struct soft_passkey *passkey,
                         const struct webauthn_scene *scene, uint8_t flags,
                         const char *format, const struct buf *client_data,
                         struct buf *out);

struct soft_assertion {
    struct buf authenticator_data;
    struct buf client_data;
    uint8_t signature[WEBAUTHN_SIGNATURE_MAX];
    size_t signature_len;
};
void soft_passkey_assert(const struct soft_passkey *passkey,
                         const struct webauthn_scene *scene, uint8_t flags,
                         struct soft_assertion *out);
/* The signature anew, over what the parts are now. */
void soft_assertion_sign(const struct soft_passkey *passkey,
                         struct soft_assertion *assertion);
void soft_assertion_clear(struct soft_assertion *assertion);

/* As a credential of an officer. Borrows. */
struct api_credential soft_passkey_credential(const struct soft_passkey *key,
                                              const char *rp_id,
                                              const char *origin);

/* Fills in the credential id and signs the decision as a browser would at this
 * RP ID and origin. */
void soft_passkey_decide(const struct soft_passkey *passkey, const char *rp_id,
                         const char *origin, uint8_t flags,
                         struct api_decision *decision, const char *order_id,
                         const uint8_t digest[32]);

#endif
