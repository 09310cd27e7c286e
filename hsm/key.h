/*
 * Keys on a token: found by CKA_ID, judged by their attributes, made with the
 * attributes a CA wants. Internal to hsm/; calls are made under module_lock()
 * with the token open.
 */
#ifndef HSM_KEY_H
#define HSM_KEY_H

#include "hsm/token.h"

/* The public half, as X.509 wants it. */
struct key_public {
    enum hsm_key_type type;
    uint8_t spki[HSM_SPKI_MAX];
    size_t spki_len;
};

/*
 * The private or secret key with this id, found once and then kept in the
 * token. Exactly one, and private, sensitive and not extractable, else
 * ERROR_DENIED naming the attribute. ERROR_NOT_FOUND for one never seen; one
 * that was seen and is gone is ERROR_BUSY with the fault HSM_FAULT_DEVICE. With
 * options.use_session_copy a private key's handle is that of a copy in the
 * session, if the token makes one.
 */
bool key_get(struct token *token, CK_OBJECT_CLASS class, const uint8_t *id,
             size_t id_len, struct token_key **out,
             struct error *err) MUST_CHECK;

/* Reads the public key object that has the same id. */
bool key_public_get(struct token *token, const uint8_t *id, size_t id_len,
                    struct key_public *out, struct error *err) MUST_CHECK;

/* Makes a pair and reads both halves back. ERROR_CONFLICT if the id is taken;
 * a pair with other attributes than asked for is destroyed again. */
bool key_generate(struct token *token, enum hsm_key_type type,
                  const char *label, const uint8_t *id, size_t id_len,
                  struct key_public *out, struct error *err) MUST_CHECK;

/* How many token objects of this class have the id (2 stands for more). */
bool key_count(struct token *token, CK_OBJECT_CLASS class, const uint8_t *id,
               size_t id_len, CK_OBJECT_HANDLE handles[2], CK_ULONG *count,
               struct error *err) MUST_CHECK;

#endif
