/*
 * Personal data and scans at rest: AES-256-GCM under data keys that a key of
 * the token wraps (design.md, "Scans and personal numbers"). The data keys are
 * opened once, when the service starts. A sealed value is
 * key id (4 octets) | nonce (12) | ciphertext | tag (16), and bound to where it
 * belongs by `purpose`, the additional data: a value moved to another row or
 * column does not open. Thread-safe.
 */
#ifndef RA_VAULT_H
#define RA_VAULT_H

#include "base/buf.h"
#include "base/config.h"
#include "db/db.h"

enum {
    VAULT_OVERHEAD = 32, /* octets that sealing adds */
    VAULT_BLIND_LEN = 32,
    VAULT_PURPOSE_MAX = 200,
};

struct vault;

/* Opens the token, and the data keys in ra.data_key; makes the first one.
 * ERROR_BUSY while the token is away. */
bool vault_new(const struct config *config, struct db *db, struct vault **out,
               struct error *err) MUST_CHECK;
void vault_free(struct vault *vault); /* cleanses; NULL is nothing */

/* `purpose` says where the value stands: "case_field/N20261124-000001/mobile".
 */
bool vault_seal(const struct vault *vault, const char *purpose,
                const uint8_t *data, size_t len, struct buf *out,
                struct error *err) MUST_CHECK;
/* ERROR_INTERNAL for what was not sealed for this purpose. The caller cleanses
 * the result. */
bool vault_open(const struct vault *vault, const char *purpose,
                const uint8_t *sealed, size_t len, struct buf *out,
                struct error *err) MUST_CHECK;

/* HMAC-SHA-256 over field name and text under a key of its own: to find equal
 * values without opening any. */
void vault_blind(const struct vault *vault, const char *field, const char *text,
                 uint8_t out[VAULT_BLIND_LEN]);

/* A fresh data key for what is sealed from now on; old ones stay. */
bool vault_rotate(struct vault *vault, struct db *db, int64_t at,
                  struct error *err) MUST_CHECK;

#endif
