/* The token that makes escrowed keys; see hsm/escrow.h. */
#include "hsm/escrow.h"

#include <stdlib.h>
#include <string.h>

#include "hsm/escrow_object.h"
#include "hsm/spki.h"

enum { CONTENT_KEY_LEN = 32 };

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

struct hsm_escrow {
    struct token token; /* under module_lock() */
    unsigned session;   /* counts sessions: content keys die with theirs */
    CK_SESSION_HANDLE seen;
    unsigned seen_generation;
    uint8_t recovery_spki[HSM_SPKI_MAX]; /* of the handle below */
    size_t recovery_spki_len;
    CK_OBJECT_HANDLE recovery_key;
};

bool
hsm_escrow_takes(enum hsm_key_type type)
{
    return type == HSM_KEY_RSA_2048 || type == HSM_KEY_RSA_3072 ||
           type == HSM_KEY_EC_P256;
}

/* A usable session; when it is not the one of last time, what was in that is
 * gone. */
static bool
ready(struct hsm_escrow *escrow, struct error *err)
{
    struct token *token = &escrow->token;

    if (!token_open(token, err))
        return false;
    if (token->session != escrow->seen ||
        token->generation != escrow->seen_generation) {
        escrow->seen = token->session;
        escrow->seen_generation = token->generation;
        escrow->session++;
        escrow->recovery_key = CK_INVALID_HANDLE;
    }
    return true;
}

/* After a failed call: what the fault asks for, so that the next call finds a
 * session (feasibility.md, A4). */
static void
heal(struct hsm_escrow *escrow)
{
    struct error ignored = {0};

    if (escrow->token.fault == HSM_FAULT_DEVICE)
        token_lose(&escrow->token);
    else if (escrow->token.fault == HSM_FAULT_SESSION &&
             !token_renew(&escrow->token, &ignored))
        token_lose(&escrow->token);
}

bool
hsm_escrow_open(const struct hsm_options *options, struct hsm_escrow **out,
                struct error *err)
{
    struct hsm_escrow *escrow = base_alloc(sizeof *escrow);
    bool ok;

    if (!token_init(&escrow->token, options, err)) {
        free(escrow);
        return false;
    }
    module_lock();
    ok = ready(escrow, err) || err->code == ERROR_BUSY;
    module_unlock();
    if (!ok) {
        hsm_escrow_close(escrow);
        return false;
    }
    *out = escrow;
    return true;
}

void
hsm_escrow_close(struct hsm_escrow *escrow)
{
    if (escrow == NULL)
        return;
    token_clear(&escrow->token);
    free(escrow);
}

/* The recovery key's public half, kept in the session. */
static bool
recovery_key(struct hsm_escrow *escrow, const uint8_t *spki, size_t len,
             struct error *err)
{
    if (escrow->recovery_key != CK_INVALID_HANDLE &&
        escrow->recovery_spki_len == len &&
        memcmp(escrow->recovery_spki, spki, len) == 0)
        return true;
    if (len > sizeof escrow->recovery_spki)
        return error_set(err, ERROR_INPUT, "recovery key too long");
    escrow_destroy(&escrow->token, escrow->recovery_key);
    escrow->recovery_key = CK_INVALID_HANDLE;
    if (!escrow_public_key(&escrow->token, spki, len, &escrow->recovery_key,
                           err))
        return false;
    memcpy(escrow->recovery_spki, spki, len);
    escrow->recovery_spki_len = len;
    return true;
}

static bool
make_pair(struct token *token, enum hsm_key_type type,
          CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key,
          struct error *err)
{
    static const uint8_t exponent[] = {1, 0, 1};
    bool is_ec = type == HSM_KEY_EC_P256;
    CK_MECHANISM mechanism = {
        is_ec ? CKM_EC_KEY_PAIR_GEN : CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ULONG bits = type == HSM_KEY_RSA_3072 ? 3072 : 2048;
    size_t curve_len = 0;
    const uint8_t *curve = is_ec ? spki_curve(type, &curve_len) : NULL;
    CK_ATTRIBUTE rsa_template[] = {
        FLAG(CKA_TOKEN, no),
        FLAG(CKA_ENCRYPT, yes),
        {CKA_MODULUS_BITS, &bits, sizeof bits},
        {CKA_PUBLIC_EXPONENT, (void *)(uintptr_t)exponent, sizeof exponent},
    };
    CK_ATTRIBUTE ec_template[] = {
        FLAG(CKA_TOKEN, no),
        {CKA_EC_PARAMS, (void *)(uintptr_t)curve, curve_len},
    };
    CK_ATTRIBUTE private_template[] = {
        FLAG(CKA_TOKEN, no),
        FLAG(CKA_PRIVATE, yes),
        FLAG(CKA_SENSITIVE, yes),
        FLAG(CKA_EXTRACTABLE, yes),
        FLAG(CKA_SIGN, no),
        {is_ec ? CKA_DERIVE : CKA_DECRYPT, &yes, sizeof yes},
    };
    CK_RV rv = token_p11(token)->C_GenerateKeyPair(
        token->session, &mechanism, is_ec ? ec_template : rsa_template,
        is_ec ? COUNT(ec_template) : COUNT(rsa_template), private_template,
        COUNT(private_template), public_key, private_key);

    return rv == CKR_OK || token_fail(token, rv, "C_GenerateKeyPair", err);
}

static bool
make_content_key(struct token *token, CK_OBJECT_HANDLE *out, struct error *err)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ULONG len = CONTENT_KEY_LEN;
    CK_ATTRIBUTE template[] = {
        FLAG(CKA_TOKEN, no),
        FLAG(CKA_PRIVATE, yes),
        FLAG(CKA_SENSITIVE, yes),
        FLAG(CKA_EXTRACTABLE, yes),
        FLAG(CKA_WRAP, yes),
        FLAG(CKA_UNWRAP, no),
        FLAG(CKA_ENCRYPT, no),
        FLAG(CKA_DECRYPT, no),
        {CKA_VALUE_LEN, &len, sizeof len},
    };
    CK_RV rv = token_p11(token)->C_GenerateKey(token->session, &mechanism,
                                               template, COUNT(template), out);

    return rv == CKR_OK || token_fail(token, rv, "C_GenerateKey", err);
}

static bool
make_locked(struct hsm_escrow *escrow, enum hsm_key_type type,
            const uint8_t *recovery_spki, size_t recovery_spki_len,
            struct hsm_escrow_pair *out, struct error *err)
{
    struct token *token = &escrow->token;
    CK_MECHANISM key_wrap = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE content_key = CK_INVALID_HANDLE;
    CK_ULONG len = sizeof out->wrapped;
    bool ok = false;
    CK_RV rv;

    if (!ready(escrow, err) ||
        !recovery_key(escrow, recovery_spki, recovery_spki_len, err) ||
        !make_pair(token, type, &public_key, &private_key, err) ||
        !escrow_spki(token, public_key, type, out->spki, &out->spki_len, err) ||
        !make_content_key(token, &content_key, err))
        goto out;
    rv = token_p11(token)->C_WrapKey(token->session, &key_wrap, content_key,
                                     private_key, out->wrapped, &len);
    if (rv != CKR_OK) {
        token_fail(token, rv, "C_WrapKey", err);
        goto out;
    }
    out->wrapped_len = len;
    if (!escrow_wrap_oaep(token, escrow->recovery_key, content_key,
                          out->content_key, &out->content_key_len, err))
        goto out;
    out->type = type;
    out->handle = content_key;
    out->session = escrow->session;
    content_key = CK_INVALID_HANDLE;
    ok = true;
out:
    escrow_destroy(token, private_key);
    escrow_destroy(token, public_key);
    escrow_destroy(token, content_key);
    return ok;
}

bool
hsm_escrow_make(struct hsm_escrow *escrow, enum hsm_key_type type,
                const uint8_t *recovery_spki, size_t recovery_spki_len,
                struct hsm_escrow_pair *out, struct error *err)
{
    bool ok;

    memset(out, 0, sizeof *out);
    if (!hsm_escrow_takes(type))
        return error_set(err, ERROR_INPUT, "keys of type %s are not escrowed",
                         hsm_key_type_name(type));
    module_lock();
    ok = make_locked(escrow, type, recovery_spki, recovery_spki_len, out, err);
    if (!ok && escrow->token.fault == HSM_FAULT_SESSION) {
        heal(escrow);
        ok = make_locked(escrow, type, recovery_spki, recovery_spki_len, out,
                         err);
    }
    if (!ok)
        heal(escrow);
    module_unlock();
    return ok;
}

bool
hsm_escrow_deliver(struct hsm_escrow *escrow,
                   const struct hsm_escrow_pair *pair,
                   const uint8_t *transport_spki, size_t transport_spki_len,
                   uint8_t *out, size_t *out_len, struct error *err)
{
    bool ok = false;

    module_lock();
    if (ready(escrow, err)) {
        if (pair->session != escrow->session)
            (void)error_set(err, ERROR_CONFLICT,
                            "the session that made this key has ended");
        else
            ok = escrow_wrap_for(&escrow->token, transport_spki,
                                 transport_spki_len, pair->handle, out, out_len,
                                 err);
        if (!ok)
            heal(escrow);
    }
    module_unlock();
    return ok;
}

/* Under module_lock(). */
static bool
is_live(const struct hsm_escrow *escrow, const struct hsm_escrow_pair *pair)
{
    return pair->handle != CK_INVALID_HANDLE &&
           pair->session == escrow->session &&
           escrow->token.session == escrow->seen &&
           escrow->token.generation == escrow->seen_generation &&
           escrow->token.module->generation == escrow->seen_generation;
}

bool
hsm_escrow_is_live(struct hsm_escrow *escrow,
                   const struct hsm_escrow_pair *pair)
{
    bool ok;

    module_lock();
    ok = is_live(escrow, pair);
    module_unlock();
    return ok;
}

void
hsm_escrow_drop(struct hsm_escrow *escrow, struct hsm_escrow_pair *pair)
{
    module_lock();
    if (is_live(escrow, pair))
        escrow_destroy(&escrow->token, pair->handle);
    pair->handle = CK_INVALID_HANDLE;
    module_unlock();
}
