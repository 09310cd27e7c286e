/*
 * What a token does with its keys. Internal to hsm/; calls are made under
 * module_lock() with the token open.
 */
#ifndef HSM_SIGN_H
#define HSM_SIGN_H

#include "hsm/token.h"

/*
 * Signs `input`: the digest of the message, or for Ed25519 the message.
 * `signature` (HSM_SIGNATURE_MAX octets) gets the X.509 form. Once the key is
 * known this is C_SignInit and C_Sign. After a failure the operation may still
 * be active: token->is_operation_open says so (reliability.md, 5).
 */
bool sign_make(struct token *token, const uint8_t *id, size_t id_len,
               enum hsm_scheme scheme, const uint8_t *input, size_t input_len,
               uint8_t *signature, size_t *signature_len,
               struct error *err) MUST_CHECK;

/* Whether the token has the mechanism of this scheme, for signing. */
bool sign_is_supported(struct token *token, enum hsm_scheme scheme,
                       struct error *err) MUST_CHECK;

#endif
