/*
 * Session objects that escrow and recovery work with. Internal to hsm/; calls
 * are made under module_lock() with the token open.
 */
#ifndef HSM_ESCROW_OBJECT_H
#define HSM_ESCROW_OBJECT_H

#include "hsm/escrow.h"
#include "hsm/token.h"

/* Of templates: an attribute by a variable of its type; how many there are. */
#define FLAG(type, value)                                                      \
    {                                                                          \
        (type), &(value), sizeof(value)                                        \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An RSA public key that wraps, from its SPKI. ERROR_INPUT: it is none of 2048
 * to 4096 bits. */
bool escrow_public_key(struct token *token, const uint8_t *spki, size_t len,
                       CK_OBJECT_HANDLE *out, struct error *err) MUST_CHECK;

/* A key under an RSA public key that stands in the session. */
bool escrow_wrap_oaep(struct token *token, CK_OBJECT_HANDLE wrapping,
                      CK_OBJECT_HANDLE key,
                      uint8_t out[HSM_ESCROW_CONTENT_KEY_MAX], size_t *out_len,
                      struct error *err) MUST_CHECK;

/* For the public key of this SPKI: makes it, wraps, destroys it. */
bool escrow_wrap_for(struct token *token, const uint8_t *spki, size_t len,
                     CK_OBJECT_HANDLE key,
                     uint8_t out[HSM_ESCROW_CONTENT_KEY_MAX], size_t *out_len,
                     struct error *err) MUST_CHECK;

/* The SPKI of a public key object. */
bool escrow_spki(struct token *token, CK_OBJECT_HANDLE object,
                 enum hsm_key_type type, uint8_t spki[HSM_SPKI_MAX],
                 size_t *len, struct error *err) MUST_CHECK;

/* What C_UnwrapKey returned: CKR_WRAPPED_KEY_INVALID for what tokens say of a
 * blob that does not open (SoftHSM: CKR_GENERAL_ERROR; feasibility.md, B1). */
CK_RV escrow_unwrap_result(CK_RV rv);

void escrow_destroy(struct token *token, CK_OBJECT_HANDLE object);

#endif
