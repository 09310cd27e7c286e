/*
 * Personal data and scans at rest: AES-256-GCM under data keys that a key of
 * the token wraps (design.md, "Scans and personal numbers"). The data keys are
 * opened once, when the service starts: the token is there for a second and
 * then closed, so that a process which the network reaches holds neither PIN
 * nor module nor a way to unwrap anything else. A sealed value is
 * key id (4 octets) | nonce (12) | ciphertext | tag (16), and bound to where it
 * belongs by `purpose`, the additional data: a value moved to another row or
 * column does not open. Thread-safe.
 */
#ifndef RA_VAULT_H
#define RA_VAULT_H

#include "base/buf.h"
#include "base/config.h"
#include "db/db.h"

struct hsm_options;

enum {
    VAULT_OVERHEAD = 32, /* octets that sealing adds */
    VAULT_BLIND_LEN = 32,
    VAULT_PURPOSE_MAX = 200,
    VAULT_KEY_LEN = 32,
};

/* CKA_ID of the wrapping key. A ceremony makes it (hsm_wrap_key_generate()),
 * or the first start does. */
#define VAULT_WRAPPING_ID "signet-ra-vault"

struct vault;

/* Opens the token hsm.ra.token, and the data keys in ra.data_key; makes the
 * first one; closes the token. Before any thread. ERROR_BUSY while the token is
 * away. */
bool vault_new(const struct config *config, struct db *db, struct vault **out,
               struct error *err) MUST_CHECK;
/* The same with the token given. */
bool vault_load(const struct hsm_options *token, struct db *db,
                struct vault **out, struct error *err) MUST_CHECK;
void vault_free(struct vault *vault); /* cleanses; NULL is nothing */

/* From data keys in clear, by rising number; the last one seals. They are
 * copied. */
struct vault_key {
    uint32_t id;
    uint8_t key[VAULT_KEY_LEN];
};
bool vault_make(const struct vault_key *key, size_t count, struct vault **out,
                struct error *err) MUST_CHECK;

/* `purpose` says where the value stands: "case_field/N20261124-000001/mobile".
 * Appends to `out`, whose limit has to leave len + VAULT_OVERHEAD. */
bool vault_seal(const struct vault *vault, const char *purpose,
                const uint8_t *data, size_t len, struct buf *out,
                struct error *err) MUST_CHECK;
/* Appends to `out`. ERROR_INTERNAL for what was not sealed for this purpose;
 * ERROR_BUSY for a key made after this process started. The caller cleanses
 * the result. */
bool vault_open(const struct vault *vault, const char *purpose,
                const uint8_t *sealed, size_t len, struct buf *out,
                struct error *err) MUST_CHECK;

/* HMAC-SHA-256 over field name and text under a key of its own, the same for
 * the life of the database: to find equal values without opening any, and to
 * know again what we made. */
void vault_blind(const struct vault *vault, const char *field, const char *text,
                 uint8_t out[VAULT_BLIND_LEN]);

/* Adds a fresh data key for what is sealed from the next start on; old ones
 * stay. All processes of signet-ra are restarted after it. */
bool vault_rotate(const struct hsm_options *token, struct db *db, int64_t at,
                  struct error *err) MUST_CHECK;

/* Fills in the options of the token hsm.ra.*, in this process. Borrows the
 * texts of the configuration. */
bool vault_token(const struct config *config, struct hsm_options *out,
                 struct error *err) MUST_CHECK;

#endif
