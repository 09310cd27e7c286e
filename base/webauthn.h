/*
 * Web Authentication, the relying party's side: W3C Web Authentication Level 2,
 * sections 7.1 (registering) and 7.2 (verifying an assertion). Used for
 * officers' passkeys, by whoever lets them in and by whoever judges what they
 * signed. The user must be present and verified, always.
 *
 * Algorithms: ES256 (P-256), RS256 (2048 to 4096 bits), EdDSA (Ed25519). Of
 * attestation formats "none", and "packed" by the credential itself, whose
 * signature is checked and trusted for nothing: who vouches for a credential is
 * who enrolls it.
 */
#ifndef BASE_WEBAUTHN_H
#define BASE_WEBAUTHN_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "base/error.h"

enum {
    WEBAUTHN_RAW_ID_MAX = 1023,     /* section 4, "Credential ID" */
    WEBAUTHN_PUBLIC_KEY_MAX = 1024, /* a COSE_Key of RSA 4096 fits */
    WEBAUTHN_CLIENT_DATA_MAX = 4096,
    WEBAUTHN_AUTHENTICATOR_DATA_MAX = 4096,
    WEBAUTHN_ATTESTATION_MAX = 16384,
    WEBAUTHN_SIGNATURE_MAX = 512,
    WEBAUTHN_RP_ID_MAX = 253,  /* a domain name */
    WEBAUTHN_ORIGIN_MAX = 300, /* "https://" domain ":" port */
    WEBAUTHN_CHALLENGE_MAX = 64,
};

/* Where and for what a ceremony took place. Borrowed. */
struct webauthn_scene {
    const char *rp_id;  /* "ra.example": SHA-256 of it is signed */
    const char *origin; /* "https://ra.example:8443", exactly */
    const uint8_t *challenge;
    size_t challenge_len; /* 16 to WEBAUTHN_CHALLENGE_MAX */
};

/* What an authenticator said of itself and its user. */
struct webauthn_flags {
    bool is_backup_eligible, is_backed_up;
    uint32_t sign_count; /* 0: the authenticator does not count */
};

/* A new credential. */
struct webauthn_credential {
    uint8_t raw_id[WEBAUTHN_RAW_ID_MAX];
    size_t raw_id_len;
    uint8_t public_key[WEBAUTHN_PUBLIC_KEY_MAX]; /* COSE_Key, RFC 9052, 7 */
    size_t public_key_len;
    struct webauthn_flags flags;
};

/* An assertion as the browser gives it: AuthenticatorAssertionResponse.
 * Borrowed. */
struct webauthn_assertion {
    const uint8_t *authenticator_data;
    size_t authenticator_data_len;
    const uint8_t *client_data; /* clientDataJSON */
    size_t client_data_len;
    const uint8_t *signature;
    size_t signature_len;
};

/* Section 7.1, from AuthenticatorAttestationResponse: attestationObject and
 * clientDataJSON. ERROR_INPUT: malformed, of another algorithm or format.
 * ERROR_DENIED: of another challenge, origin or RP ID, or without the user
 * being present and verified. */
bool webauthn_register(const uint8_t *attestation_object,
                       size_t attestation_object_len,
                       const uint8_t *client_data, size_t client_data_len,
                       const struct webauthn_scene *scene,
                       struct webauthn_credential *out,
                       struct error *err) MUST_CHECK;

/* The public key in a COSE_Key: exactly the members of its type, nothing else,
 * a point of the curve. The caller frees *out. ERROR_INPUT. */
bool webauthn_key_parse(const uint8_t *cose, size_t len, EVP_PKEY **out,
                        struct error *err) MUST_CHECK;

/* Section 7.2: of this key, this scene, by a user present and verified. `out`
 * may be NULL. Whether the count went on is the caller's to judge (7.2, 21).
 * ERROR_INPUT: malformed. ERROR_DENIED: all else. */
bool webauthn_verify(EVP_PKEY *key, const struct webauthn_assertion *assertion,
                     const struct webauthn_scene *scene,
                     struct webauthn_flags *out, struct error *err) MUST_CHECK;

/* Whether a page of `origin` may use `rp_id`: https (or http of localhost), and
 * the host is rp_id or below it (HTML, "is a registrable domain suffix of or
 * equal to", without the list of public suffixes). */
bool webauthn_origin_fits(const char *origin, const char *rp_id) MUST_CHECK;

#endif
