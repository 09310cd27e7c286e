/*
 * Escrow of encryption keys with two tokens (feasibility.md, B4). The token
 * that makes keys (kgen) has only the public half of the recovery key: what it
 * wrapped it cannot read back. The one that recovers (krec) has the private
 * half, which serves to unwrap content keys and nothing else. Formats: the
 * private key (PKCS #8) under an AES-256 content key by RFC 5649, the content
 * key under an RSA key by OAEP with SHA-1 (RFC 8017, 7.1), which is what
 * SoftHSM 2.6.1 has. Private keys are never token objects and never leave a
 * token in clear, but in hsm_recovery_reveal().
 */
#ifndef HSM_ESCROW_H
#define HSM_ESCROW_H

#include "hsm/hsm.h"

enum {
    HSM_ESCROW_WRAPPED_MAX = 2048, /* RSA-3072: 1,800 octets and some */
    HSM_ESCROW_CONTENT_KEY_MAX = 512,
    HSM_RECOVERY_PIN_LEN = 32,
};

/* Whether keys of this type are escrowed: RSA-2048, RSA-3072, EC P-256. */
bool hsm_escrow_takes(enum hsm_key_type type);

/* ---- kgen ------------------------------------------------------------------
 */

/* Thread-safe: one call after another. */
struct hsm_escrow;

/* In this process. ERROR_BUSY while the token is away: later calls find it. */
bool hsm_escrow_open(const struct hsm_options *options, struct hsm_escrow **out,
                     struct error *err) MUST_CHECK;
void hsm_escrow_close(struct hsm_escrow *escrow); /* NULL is nothing */

/* A pair whose private half lies wrapped; its content key is still in the
 * token's session, so that it can be delivered. */
struct hsm_escrow_pair {
    enum hsm_key_type type;
    uint8_t spki[HSM_SPKI_MAX];
    size_t spki_len;
    uint8_t wrapped[HSM_ESCROW_WRAPPED_MAX];
    size_t wrapped_len;
    uint8_t content_key[HSM_ESCROW_CONTENT_KEY_MAX]; /* for the recovery key */
    size_t content_key_len;
    unsigned long handle; /* of the content key; for this file alone */
    unsigned session;
};

/* Makes a pair, wraps it for the recovery key (SPKI, RSA) and destroys the
 * private key. */
bool hsm_escrow_make(struct hsm_escrow *escrow, enum hsm_key_type type,
                     const uint8_t *recovery_spki, size_t recovery_spki_len,
                     struct hsm_escrow_pair *out, struct error *err) MUST_CHECK;

/* The content key under a transport key (SPKI, RSA of 2048 to 4096 bits);
 * `out` holds HSM_ESCROW_CONTENT_KEY_MAX octets. ERROR_INPUT: no such key;
 * ERROR_CONFLICT: the session ended, the pair cannot be delivered any more. */
bool hsm_escrow_deliver(struct hsm_escrow *escrow,
                        const struct hsm_escrow_pair *pair,
                        const uint8_t *transport_spki,
                        size_t transport_spki_len, uint8_t *out,
                        size_t *out_len, struct error *err) MUST_CHECK;

/* Whether the session that the pair needs still stands, as far as is known. */
bool hsm_escrow_is_live(struct hsm_escrow *escrow,
                        const struct hsm_escrow_pair *pair);

/* Destroys the content key. Once for each pair. */
void hsm_escrow_drop(struct hsm_escrow *escrow, struct hsm_escrow_pair *pair);

/* ---- krec ------------------------------------------------------------------
 */

/* Initialises a free slot as this token: both PINs are drawn, that of the
 * security officer is forgotten at once, the user's stands in `pin`, for the
 * caller to split and cleanse. ERROR_CONFLICT if there is such a token. */
bool hsm_recovery_init(const struct hsm_options *options,
                       char pin[HSM_RECOVERY_PIN_LEN + 1],
                       struct error *err) MUST_CHECK;

struct hsm_recovery;

/* Logs in; options->pin_file is not used. The PIN is borrowed for the call. */
bool hsm_recovery_open(const struct hsm_options *options, const char *pin,
                       struct hsm_recovery **out, struct error *err) MUST_CHECK;
/* Logs out. NULL is nothing. */
void hsm_recovery_close(struct hsm_recovery *recovery);

/* A recovery key: RSA-3072, which unwraps and does nothing else. `spki` holds
 * HSM_SPKI_MAX octets. */
bool hsm_recovery_make_key(struct hsm_recovery *recovery, const uint8_t *id,
                           size_t id_len, uint8_t *spki, size_t *spki_len,
                           struct error *err) MUST_CHECK;

/* The wrapped things of one escrowed key; borrowed. */
struct hsm_recovery_blob {
    const uint8_t *id; /* CKA_ID of the recovery key */
    size_t id_len;
    const uint8_t *content_key;
    size_t content_key_len;
    const uint8_t *wrapped;
    size_t wrapped_len;
    const uint8_t *spki;
    size_t spki_len;
};

/* The content key for another RSA key: a holder's, or the next recovery key.
 * The private key is not touched. What does not open is ERROR_INPUT. */
bool hsm_recovery_rewrap(struct hsm_recovery *recovery,
                         const struct hsm_recovery_blob *blob,
                         const uint8_t *target_spki, size_t target_spki_len,
                         uint8_t *out, size_t *out_len,
                         struct error *err) MUST_CHECK;

/* Opens the private key inside the token, signs with it and verifies with
 * blob->spki. ERROR_INPUT: it does not open or belongs to another SPKI. */
bool hsm_recovery_prove(struct hsm_recovery *recovery,
                        const struct hsm_recovery_blob *blob,
                        struct error *err) MUST_CHECK;

/* The private key in clear, PKCS #8, after hsm_recovery_prove(). The caller
 * cleanses `out`. */
bool hsm_recovery_reveal(struct hsm_recovery *recovery,
                         const struct hsm_recovery_blob *blob, struct buf *out,
                         struct error *err) MUST_CHECK;

#endif
