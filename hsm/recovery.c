/* The token that recovers escrowed keys; see hsm/escrow.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "hsm/escrow_object.h"
#include "hsm/key.h"
#include "hsm/login.h"

enum {
    KEY_BITS = 3072,
    LOCK_WAIT_MS = 10000,
    PIN_RANDOM_LEN = HSM_RECOVERY_PIN_LEN / 2,
    TEST_LEN = 32,
    ONE_TIME_LEN = 32,
};

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static CK_OBJECT_CLASS private_class = CKO_PRIVATE_KEY;
static CK_KEY_TYPE aes_type = CKK_AES;

struct hsm_recovery {
    struct token token;
};

/* ---- The token -------------------------------------------------------------
 */

static bool
draw_pin(char out[HSM_RECOVERY_PIN_LEN + 1], struct error *err)
{
    uint8_t random[PIN_RANDOM_LEN];

    if (RAND_priv_bytes(random, sizeof random) != 1)
        return error_openssl(err, ERROR_INTERNAL, "no random octets");
    text_hex(random, sizeof random, out);
    OPENSSL_cleanse(random, sizeof random);
    return true;
}

static bool
find_free_slot(struct module *module, CK_SLOT_ID *out, struct error *err)
{
    CK_SLOT_ID slots[MODULE_SLOTS_MAX];
    CK_TOKEN_INFO info;
    size_t count = 0;

    if (!module_slots(module, slots, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (module->p11->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            (info.flags & CKF_TOKEN_INITIALIZED) == 0) {
            *out = slots[i];
            return true;
        }
    }
    return error_set(err, ERROR_NOT_FOUND, "no slot is free for a new token");
}

/* C_InitToken and C_InitPIN; both PINs are hex, NUL-terminated. */
static bool
initialise(struct module *module, CK_SLOT_ID slot, const char *token,
           const char *so_pin, const char *pin, struct error *err)
{
    CK_FUNCTION_LIST *p11 = module->p11;
    CK_UTF8CHAR *so = (CK_UTF8CHAR *)(uintptr_t)so_pin;
    CK_UTF8CHAR *user = (CK_UTF8CHAR *)(uintptr_t)pin;
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    CK_UTF8CHAR label[HSM_LABEL_MAX];
    const char *call = "C_InitToken";
    CK_RV rv;

    memset(label, ' ', sizeof label);
    memcpy(label, token, strnlen(token, sizeof label));
    rv = p11->C_InitToken(slot, so, HSM_RECOVERY_PIN_LEN, label);
    if (rv == CKR_OK)
        rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
                                NULL, &session);
    if (rv == CKR_OK) {
        call = "C_Login";
        rv = p11->C_Login(session, CKU_SO, so, HSM_RECOVERY_PIN_LEN);
    }
    if (rv == CKR_OK) {
        call = "C_InitPIN";
        rv = p11->C_InitPIN(session, user, HSM_RECOVERY_PIN_LEN);
    }
    if (session != CK_INVALID_HANDLE) {
        (void)p11->C_Logout(session);
        (void)p11->C_CloseSession(session);
    }
    return rv == CKR_OK || hsm_error(err, rv, call);
}

static bool
init_locked(const struct hsm_options *options, struct module *module,
            const char *so_pin, const char *pin, struct error *err)
{
    CK_SLOT_ID slot = 0;
    struct error none = {0};

    if (!module_start(module, err))
        return false;
    if (module_slot_find(module, options->token, NULL, &slot, &none) ||
        none.code == ERROR_CONFLICT)
        return error_set(err, ERROR_CONFLICT, "there is a token %s already",
                         options->token);
    return find_free_slot(module, &slot, err) &&
           initialise(module, slot, options->token, so_pin, pin, err);
}

bool
hsm_recovery_init(const struct hsm_options *options,
                  char pin[HSM_RECOVERY_PIN_LEN + 1], struct error *err)
{
    char so_pin[HSM_RECOVERY_PIN_LEN + 1] = "";
    struct module *module = NULL;
    bool ok = false;
    int lock = -1;

    if (!draw_pin(so_pin, err) || !draw_pin(pin, err) ||
        !module_acquire(options->module, &module, err))
        goto out;
    if (login_lock(options, LOCK_WAIT_MS, &lock, err)) {
        module_lock();
        ok = init_locked(options, module, so_pin, pin, err);
        module_unlock();
    }
    login_unlock(lock);
    module_release(module);
out:
    OPENSSL_cleanse(so_pin, sizeof so_pin);
    if (!ok)
        OPENSSL_cleanse(pin, HSM_RECOVERY_PIN_LEN + 1);
    return ok || error_wrap(err, "token %s", options->token);
}

/* The login wants a file: one that is memory of this process alone. */
static bool
pin_memory(const char *pin, int *fd, char path[64], struct error *err)
{
    size_t len = strlen(pin);

    *fd = memfd_create("pin", MFD_CLOEXEC);
    if (*fd < 0 || write(*fd, pin, len) != (ssize_t)len)
        return error_errno(err, ERROR_INTERNAL, "memory for the PIN");
    (void)snprintf(path, 64, "/proc/self/fd/%d", *fd);
    return true;
}

static void
pin_forget(int fd, size_t len)
{
    static const uint8_t nothing[256];
    bool is_gone;

    if (fd < 0)
        return;
    is_gone =
        len <= sizeof nothing && pwrite(fd, nothing, len, 0) == (ssize_t)len;
    if (!is_gone)
        is_gone = ftruncate(fd, 0) == 0;
    (void)close(fd); /* nobody else has it: now it is gone in any case */
}

bool
hsm_recovery_open(const struct hsm_options *options, const char *pin,
                  struct hsm_recovery **out, struct error *err)
{
    struct hsm_recovery *recovery = base_alloc(sizeof *recovery);
    struct hsm_options own = *options;
    char path[64] = "";
    bool ok = false;
    int fd = -1;

    if (!pin_memory(pin, &fd, path, err))
        goto out;
    own.pin_file = path;
    own.signer_count = 0;
    own.use_session_copy = false;
    if (!token_init(&recovery->token, &own, err))
        goto out;
    module_lock();
    ok = token_open(&recovery->token, err);
    module_unlock();
    recovery->token.options.pin_file = NULL;
out:
    pin_forget(fd, strlen(pin));
    if (ok) {
        *out = recovery;
        return true;
    }
    if (recovery->token.module != NULL)
        token_clear(&recovery->token);
    free(recovery);
    return false;
}

void
hsm_recovery_close(struct hsm_recovery *recovery)
{
    struct token *token;

    if (recovery == NULL)
        return;
    token = &recovery->token;
    module_lock();
    if (token->session != CK_INVALID_HANDLE)
        (void)token_p11(token)->C_Logout(token->session);
    module_unlock();
    token_clear(token);
    OPENSSL_cleanse(recovery, sizeof *recovery);
    free(recovery);
}

/* ---- The recovery key ------------------------------------------------------
 */

static bool
make_key(struct token *token, const uint8_t *id, size_t id_len,
         CK_OBJECT_HANDLE *public_key, struct error *err)
{
    static const uint8_t exponent[] = {1, 0, 1};
    static char label[] = "recovery";
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ULONG bits = KEY_BITS;
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    CK_ATTRIBUTE inside[] = {FLAG(CKA_SENSITIVE, yes),
                             FLAG(CKA_EXTRACTABLE, yes)};
    CK_ATTRIBUTE public_template[] = {
        {CKA_LABEL, label, sizeof label - 1},
        {CKA_ID, (void *)(uintptr_t)id, id_len},
        FLAG(CKA_TOKEN, yes),
        FLAG(CKA_WRAP, yes),
        FLAG(CKA_ENCRYPT, no),
        FLAG(CKA_VERIFY, no),
        {CKA_MODULUS_BITS, &bits, sizeof bits},
        {CKA_PUBLIC_EXPONENT, (void *)(uintptr_t)exponent, sizeof exponent},
    };
    CK_ATTRIBUTE private_template[] = {
        {CKA_LABEL, label, sizeof label - 1},
        {CKA_ID, (void *)(uintptr_t)id, id_len},
        FLAG(CKA_TOKEN, yes),
        FLAG(CKA_PRIVATE, yes),
        FLAG(CKA_SENSITIVE, yes),
        FLAG(CKA_EXTRACTABLE, no),
        FLAG(CKA_UNWRAP, yes),
        FLAG(CKA_DECRYPT, no),
        FLAG(CKA_SIGN, no),
        FLAG(CKA_MODIFIABLE, no),
        {CKA_UNWRAP_TEMPLATE, inside, sizeof inside},
    };
    CK_RV rv = token_p11(token)->C_GenerateKeyPair(
        token->session, &mechanism, public_template, COUNT(public_template),
        private_template, COUNT(private_template), public_key, &private_key);

    return rv == CKR_OK || token_fail(token, rv, "C_GenerateKeyPair", err);
}

bool
hsm_recovery_make_key(struct hsm_recovery *recovery, const uint8_t *id,
                      size_t id_len, uint8_t *spki, size_t *spki_len,
                      struct error *err)
{
    struct token *token = &recovery->token;
    CK_OBJECT_HANDLE handles[2], public_key = CK_INVALID_HANDLE;
    struct token_key *key;
    CK_ULONG count = 0;
    bool ok = false;

    module_lock();
    if (!token_open(token, err) ||
        !key_count(token, CKO_PRIVATE_KEY, id, id_len, handles, &count, err))
        goto out;
    if (count > 0) {
        (void)error_set(err, ERROR_CONFLICT, "this CKA_ID is taken");
        goto out;
    }
    ok =
        make_key(token, id, id_len, &public_key, err) &&
        escrow_spki(token, public_key, HSM_KEY_RSA_3072, spki, spki_len, err) &&
        key_get(token, CKO_PRIVATE_KEY, id, id_len, &key, err);
out:
    module_unlock();
    return ok || error_wrap(err, "new recovery key");
}

/* ---- Blobs -----------------------------------------------------------------
 */

static bool
open_content_key(struct token *token, const struct hsm_recovery_blob *blob,
                 CK_OBJECT_HANDLE *out, struct error *err)
{
    CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1,
                                    CKZ_DATA_SPECIFIED, NULL, 0};
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};
    CK_ATTRIBUTE template[] = {
        FLAG(CKA_CLASS, secret_class), FLAG(CKA_KEY_TYPE, aes_type),
        FLAG(CKA_TOKEN, no),           FLAG(CKA_PRIVATE, yes),
        FLAG(CKA_SENSITIVE, yes),      FLAG(CKA_EXTRACTABLE, yes),
        FLAG(CKA_UNWRAP, yes),
    };
    struct token_key *key;
    CK_RV rv;

    if (!token_open(token, err) ||
        !key_get(token, CKO_PRIVATE_KEY, blob->id, blob->id_len, &key, err))
        return error_wrap(err, "recovery key");
    rv = escrow_unwrap_result(token_p11(token)->C_UnwrapKey(
        token->session, &mechanism, key->handle,
        (CK_BYTE *)(uintptr_t)blob->content_key, blob->content_key_len,
        template, COUNT(template), out));
    return rv == CKR_OK || token_fail(token, rv, "C_UnwrapKey", err);
}

bool
hsm_recovery_rewrap(struct hsm_recovery *recovery,
                    const struct hsm_recovery_blob *blob,
                    const uint8_t *target_spki, size_t target_spki_len,
                    uint8_t *out, size_t *out_len, struct error *err)
{
    struct token *token = &recovery->token;
    CK_OBJECT_HANDLE content_key = CK_INVALID_HANDLE;
    bool ok;

    module_lock();
    ok = open_content_key(token, blob, &content_key, err) &&
         escrow_wrap_for(token, target_spki, target_spki_len, content_key, out,
                         out_len, err);
    escrow_destroy(token, content_key);
    module_unlock();
    return ok;
}

static bool
open_private_key(struct token *token, CK_OBJECT_HANDLE content_key,
                 const struct hsm_recovery_blob *blob, bool is_ec,
                 CK_OBJECT_HANDLE *out, struct error *err)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    CK_KEY_TYPE type = is_ec ? CKK_EC : CKK_RSA;
    CK_ATTRIBUTE template[] = {
        FLAG(CKA_CLASS, private_class),
        FLAG(CKA_KEY_TYPE, type),
        FLAG(CKA_TOKEN, no),
        FLAG(CKA_PRIVATE, yes),
        FLAG(CKA_SENSITIVE, yes),
        FLAG(CKA_EXTRACTABLE, yes),
        FLAG(CKA_SIGN, yes),
    };
    CK_RV rv = escrow_unwrap_result(token_p11(token)->C_UnwrapKey(
        token->session, &mechanism, content_key,
        (CK_BYTE *)(uintptr_t)blob->wrapped, blob->wrapped_len, template,
        COUNT(template), out));

    return rv == CKR_OK || token_fail(token, rv, "C_UnwrapKey", err);
}

/* ECDSA's raw r and s as DER. */
static bool
ecdsa_der(const uint8_t *raw, size_t len, uint8_t out[HSM_SIGNATURE_MAX],
          size_t *out_len)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, (int)(len / 2), NULL);
    BIGNUM *s = BN_bin2bn(raw + len / 2, (int)(len / 2), NULL);
    unsigned char *p = out;
    int n = 0;

    if (sig != NULL && r != NULL && s != NULL &&
        ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL; /* its own now */
        n = i2d_ECDSA_SIG(sig, &p);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    *out_len = (size_t)(n > 0 ? n : 0);
    return n > 0;
}

/* One signature by the opened key over random octets. */
static bool
is_half_of(struct token *token, CK_OBJECT_HANDLE private_key, EVP_PKEY *public,
           bool is_ec, struct error *err)
{
    CK_MECHANISM mechanism = {is_ec ? CKM_ECDSA : CKM_RSA_PKCS, NULL, 0};
    uint8_t message[TEST_LEN], raw[HSM_SIGNATURE_MAX], der[HSM_SIGNATURE_MAX];
    CK_ULONG raw_len = sizeof raw;
    size_t len;
    EVP_PKEY_CTX *ctx = NULL;
    bool ok = false;
    CK_RV rv;

    if (RAND_bytes(message, sizeof message) != 1)
        return error_openssl(err, ERROR_INTERNAL, "no random octets");
    rv = token_p11(token)->C_SignInit(token->session, &mechanism, private_key);
    if (rv == CKR_OK)
        rv = token_p11(token)->C_Sign(token->session, message, sizeof message,
                                      raw, &raw_len);
    if (rv != CKR_OK)
        return token_fail(token, rv, "C_Sign", err);
    len = raw_len;
    ctx = EVP_PKEY_CTX_new(public, NULL);
    if (ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
        (is_ec ? ecdsa_der(raw, raw_len, der, &len)
               : EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1))
        ok = EVP_PKEY_verify(ctx, is_ec ? der : raw, len, message,
                             sizeof message) == 1;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return ok || error_set(err, ERROR_INPUT,
                           "the key that was opened is not that of the record");
}

/* Opens the key of a blob inside the token and holds it against the SPKI. */
static bool
open_proved(struct token *token, const struct hsm_recovery_blob *blob,
            CK_OBJECT_HANDLE *out, struct error *err)
{
    const unsigned char *p = blob->spki;
    EVP_PKEY *public = d2i_PUBKEY(NULL, &p, (long)blob->spki_len);
    CK_OBJECT_HANDLE content_key = CK_INVALID_HANDLE;
    bool is_ec, ok;

    ERR_clear_error();
    if (public == NULL || p != blob->spki + blob->spki_len) {
        EVP_PKEY_free(public);
        return error_set(err, ERROR_INPUT, "the record has no public key");
    }
    is_ec = EVP_PKEY_is_a(public, "EC") == 1;
    ok = open_content_key(token, blob, &content_key, err) &&
         open_private_key(token, content_key, blob, is_ec, out, err) &&
         is_half_of(token, *out, public, is_ec, err);
    escrow_destroy(token, content_key);
    EVP_PKEY_free(public);
    return ok;
}

bool
hsm_recovery_prove(struct hsm_recovery *recovery,
                   const struct hsm_recovery_blob *blob, struct error *err)
{
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    bool ok;

    module_lock();
    ok = open_proved(&recovery->token, blob, &private_key, err);
    escrow_destroy(&recovery->token, private_key);
    module_unlock();
    return ok;
}

/* Out of the token under a key that we know, and opened here. */
static bool
take_out(struct token *token, CK_OBJECT_HANDLE private_key, struct buf *out,
         struct error *err)
{
    uint8_t one_time[ONE_TIME_LEN], wrapped[HSM_ESCROW_WRAPPED_MAX];
    uint8_t clear[HSM_ESCROW_WRAPPED_MAX + 16];
    CK_ULONG value_len = sizeof one_time, wrapped_len = sizeof wrapped;
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    CK_ATTRIBUTE template[] = {
        FLAG(CKA_CLASS, secret_class),
        FLAG(CKA_KEY_TYPE, aes_type),
        FLAG(CKA_TOKEN, no),
        FLAG(CKA_WRAP, yes),
        {CKA_VALUE, one_time, value_len},
    };
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
    int len = 0;
    bool ok = false;
    CK_RV rv;

    if (RAND_priv_bytes(one_time, sizeof one_time) != 1) {
        error_openssl(err, ERROR_INTERNAL, "no random octets");
        goto out;
    }
    rv = token_p11(token)->C_CreateObject(token->session, template,
                                          COUNT(template), &key);
    if (rv == CKR_OK)
        rv = token_p11(token)->C_WrapKey(token->session, &mechanism, key,
                                         private_key, wrapped, &wrapped_len);
    if (rv != CKR_OK) {
        token_fail(token, rv, "C_WrapKey", err);
        goto out;
    }
    if (ctx == NULL || cipher == NULL ||
        (EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW),
         EVP_DecryptInit_ex2(ctx, cipher, one_time, NULL, NULL) != 1) ||
        EVP_DecryptUpdate(ctx, clear, &len, wrapped, (int)wrapped_len) != 1) {
        error_openssl(err, ERROR_INTERNAL, "open the key in memory");
        goto out;
    }
    ok = buf_add(out, clear, (size_t)len) ||
         error_set(err, ERROR_INTERNAL, "key too long");
out:
    escrow_destroy(token, key);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    OPENSSL_cleanse(one_time, sizeof one_time);
    OPENSSL_cleanse(clear, sizeof clear);
    return ok;
}

bool
hsm_recovery_reveal(struct hsm_recovery *recovery,
                    const struct hsm_recovery_blob *blob, struct buf *out,
                    struct error *err)
{
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    bool ok;

    module_lock();
    ok = open_proved(&recovery->token, blob, &private_key, err) &&
         take_out(&recovery->token, private_key, out, err);
    escrow_destroy(&recovery->token, private_key);
    module_unlock();
    return ok;
}
