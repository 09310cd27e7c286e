/*
 * The one seam to PKCS#11. A struct hsm is one token; behind it stands either
 * the module in this process (tools, ceremonies) or signer processes
 * (services): children that each hold the module, the PIN and one session for
 * life. Callers cannot tell which. Only hsm/ includes Cryptoki.
 *
 * Thread-safe: any thread may call with any open struct hsm; a call that finds
 * no free signer waits, at most HSM_WAIT_MS, then fails with ERROR_BUSY. While
 * the token is away every call is ERROR_BUSY within 2 s; service resumes by
 * itself. A wrong PIN is never tried twice.
 */
#ifndef HSM_HSM_H
#define HSM_HSM_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "hsm/scheme.h"

enum {
    HSM_WAIT_MS = 2000,
    HSM_ID_MAX = 32,
    HSM_LABEL_MAX = 32,
    HSM_SPKI_MAX = 1024,
    HSM_RANDOM_MAX = 1024,
    HSM_WRAP_MAX = 64,                 /* octets of a data key */
    HSM_MESSAGE_MAX = 4 * 1024 * 1024, /* of a message signed with Ed25519;
                                          the others hash here: no limit */
};

struct hsm_options {
    const char *module;   /* path of the PKCS#11 library */
    const char *token;    /* label of the token */
    const char *serial;   /* its serial number, or NULL for any */
    const char *pin_file; /* holds the user PIN, first line */
    const char *lock_dir; /* where the login lock and the guard's copies are */
    size_t signer_count;  /* processes; 0: in this process */
    const char *signer_path; /* the signet-signer program */
    bool use_session_copy;   /* sign with session-object copies where the module
                                allows it (performance.md, 3.2) */
};

struct hsm;

/* Services call this before any thread exists. The signers log in at once; a
 * token that is away is not an error (calls answer ERROR_BUSY until it is
 * there); a wrong PIN or a missing module is. In this process (signer_count 0)
 * a token that is away is ERROR_BUSY. */
bool hsm_open(const struct hsm_options *options, struct hsm **out,
              struct error *err) MUST_CHECK;
void hsm_close(struct hsm *hsm); /* NULL is nothing */

/* A key pair, known by CKA_ID. Found once, kept for life. */
struct hsm_key {
    uint8_t id[HSM_ID_MAX];
    size_t id_len;
    enum hsm_key_type type;
    uint8_t spki[HSM_SPKI_MAX]; /* DER SubjectPublicKeyInfo */
    size_t spki_len;
    EVP_PKEY *public_key; /* decoded once; for verifying. Borrowed. */
};

/* The pair with this CKA_ID: exactly one private key, and it must be private,
 * sensitive and not extractable, else ERROR_DENIED naming the attribute. None
 * is ERROR_NOT_FOUND. The key is borrowed from `hsm`. */
bool hsm_key_get(struct hsm *hsm, const uint8_t *id, size_t id_len,
                 const struct hsm_key **out, struct error *err) MUST_CHECK;

/* Makes a pair: token, private, sensitive, not extractable, sign only; reads
 * the attributes back and makes a test signature. ERROR_CONFLICT if the id is
 * taken. */
bool hsm_key_generate(struct hsm *hsm, enum hsm_key_type type,
                      const char *label, const uint8_t *id, size_t id_len,
                      const struct hsm_key **out, struct error *err) MUST_CHECK;

/* Signs `message`; `signature` (HSM_SIGNATURE_MAX octets) gets the X.509 form:
 * ECDSA as DER SEQUENCE, RSA and Ed25519 raw. In the steady state this is one
 * C_SignInit and one C_Sign. Does not verify: see hsm_sign_checked(). */
bool hsm_sign(struct hsm *hsm, const struct hsm_key *key,
              enum hsm_scheme scheme, const uint8_t *message,
              size_t message_len, uint8_t *signature, size_t *signature_len,
              struct error *err) MUST_CHECK;

/* As hsm_sign(), then verifies with the public key; a wrong signature is
 * ERROR_INTERNAL and never returned (reliability.md, F14). For certificates,
 * CRLs and log heads. */
bool hsm_sign_checked(struct hsm *hsm, const struct hsm_key *key,
                      enum hsm_scheme scheme, const uint8_t *message,
                      size_t message_len, uint8_t *signature,
                      size_t *signature_len, struct error *err) MUST_CHECK;

/* The same over the digest of the message, made by the caller with
 * hsm_scheme_digest(): for what is hashed while it is streamed. Not for
 * Ed25519 (ERROR_INPUT), which hashes by itself. */
bool hsm_sign_digest(struct hsm *hsm, const struct hsm_key *key,
                     enum hsm_scheme scheme, const uint8_t *digest,
                     size_t digest_len, uint8_t *signature,
                     size_t *signature_len, struct error *err) MUST_CHECK;
bool hsm_sign_digest_checked(struct hsm *hsm, const struct hsm_key *key,
                             enum hsm_scheme scheme, const uint8_t *digest,
                             size_t digest_len, uint8_t *signature,
                             size_t *signature_len,
                             struct error *err) MUST_CHECK;

/* At most HSM_RANDOM_MAX octets. */
bool hsm_random(struct hsm *hsm, uint8_t *out, size_t len,
                struct error *err) MUST_CHECK;

/* Symmetric wrapping keys (AES-256, CKA_ID): made not extractable, with the
 * template of feasibility.md B2. Wrap and unwrap are AES key wrap with padding
 * (RFC 5649) of data keys held by the caller (8 to HSM_WRAP_MAX octets, in
 * blocks of 8). A blob that does not open is ERROR_INPUT. */
bool hsm_wrap_key_generate(struct hsm *hsm, const char *label,
                           const uint8_t *id, size_t id_len,
                           struct error *err) MUST_CHECK;
bool hsm_wrap(struct hsm *hsm, const uint8_t *id, size_t id_len,
              const uint8_t *data, size_t len, struct buf *out,
              struct error *err) MUST_CHECK;
bool hsm_unwrap(struct hsm *hsm, const uint8_t *id, size_t id_len,
                const uint8_t *blob, size_t len, struct buf *out,
                struct error *err) MUST_CHECK;

/* A real signature with `key` (or C_GetSessionInfo if NULL): for /health. */
bool hsm_healthy(struct hsm *hsm, const struct hsm_key *key,
                 struct error *err) MUST_CHECK;

#endif
