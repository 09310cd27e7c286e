/*
 * AES-256 keys that wrap data keys: RFC 5649, CKM_AES_KEY_WRAP_PAD. Internal
 * to hsm/; calls are made under module_lock() with the token open.
 */
#ifndef HSM_WRAP_H
#define HSM_WRAP_H

#include "hsm/token.h"

/* ERROR_CONFLICT if the id is taken. */
bool wrap_key_generate(struct token *token, const char *label,
                       const uint8_t *id, size_t id_len,
                       struct error *err) MUST_CHECK;

enum { WRAP_BLOB_MAX = HSM_WRAP_MAX + 16 };

/* `blob` holds WRAP_BLOB_MAX octets. */
bool wrap_make(struct token *token, const uint8_t *id, size_t id_len,
               const uint8_t *data, size_t len, uint8_t *blob, size_t *blob_len,
               struct error *err) MUST_CHECK;

/* `data` holds HSM_WRAP_MAX octets. A blob that is damaged, or of another key,
 * is ERROR_INPUT. */
bool wrap_open(struct token *token, const uint8_t *id, size_t id_len,
               const uint8_t *blob, size_t len, uint8_t *data, size_t *data_len,
               struct error *err) MUST_CHECK;

#endif
