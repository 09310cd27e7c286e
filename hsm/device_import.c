/*
 * Escrowed keys into a holder's device; see hsm/device.h. The content key is an
 * object of the session that unwraps once and is destroyed; the private key is
 * made from it inside the token.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/hash.h"
#include "hsm/device_object.h"
#include "hsm/escrow_object.h"
#include "hsm/spki.h"

enum { TEST_LEN = 32, CIPHERTEXT_MAX = SPKI_MODULUS_MAX };

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static CK_OBJECT_CLASS private_class = CKO_PRIVATE_KEY;
static CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY;
static CK_KEY_TYPE aes_type = CKK_AES;
static CK_KEY_TYPE rsa_type = CKK_RSA;
static CK_KEY_TYPE ec_type = CKK_EC;

struct import {
    struct hsm_device *device;
    const struct hsm_device_delivery *delivery;
    const char *label;
    uint8_t id[HSM_DEVICE_IMPORTED_ID_LEN];
    struct spki_parts parts;
    bool is_ec;
    EVP_PKEY *public_key;
};

bool
hsm_device_imported_id(const uint8_t *spki, size_t spki_len,
                       uint8_t out[HSM_DEVICE_IMPORTED_ID_LEN],
                       struct error *err)
{
    uint8_t hash[HASH_LEN];

    if (!hash_sha256(spki, spki_len, hash, err))
        return false;
    memcpy(out, hash, HSM_DEVICE_IMPORTED_ID_LEN);
    return true;
}

static bool
begin(struct import *import, struct error *err)
{
    const struct hsm_device_delivery *delivery = import->delivery;
    const unsigned char *p = delivery->spki;

    if (!spki_split(delivery->spki, delivery->spki_len, &import->parts, err) ||
        !hsm_device_imported_id(delivery->spki, delivery->spki_len, import->id,
                                err))
        return false;
    if (!hsm_escrow_takes(import->parts.type))
        return error_set(err, ERROR_INPUT, "keys of type %s are not escrowed",
                         hsm_key_type_name(import->parts.type));
    import->is_ec = import->parts.type == HSM_KEY_EC_P256;
    import->public_key = d2i_PUBKEY(NULL, &p, (long)delivery->spki_len);
    return import->public_key != NULL ||
           error_openssl(err, ERROR_INPUT, "the delivered key is no key");
}

/* ---- One pair? --------------------------------------------------------- */

static bool
is_other(struct error *err)
{
    return error_set(err, ERROR_INPUT,
                     "the private key is not that of the delivered certificate "
                     "key");
}

/* What is encrypted here has to be decrypted there. */
static bool
prove_rsa(struct import *import, CK_OBJECT_HANDLE private_key,
          struct error *err)
{
    uint8_t message[TEST_LEN], sealed[CIPHERTEXT_MAX];
    uint8_t opened[HSM_DECRYPTED_MAX];
    size_t sealed_len = sizeof sealed, opened_len = 0;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(import->public_key, NULL);
    bool ok = false;

    if (ctx == NULL || RAND_bytes(message, sizeof message) != 1 ||
        EVP_PKEY_encrypt_init(ctx) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_encrypt(ctx, sealed, &sealed_len, message, sizeof message) !=
            1) {
        error_openssl(err, ERROR_INTERNAL, "encrypt for the delivered key");
        goto out;
    }
    if (!device_decrypt(import->device, private_key, true, sealed, sealed_len,
                        opened, &opened_len, err)) {
        if (err->code == ERROR_INPUT)
            (void)is_other(err);
        goto out;
    }
    ok = (opened_len == sizeof message &&
          memcmp(opened, message, sizeof message) == 0) ||
         is_other(err);
out:
    EVP_PKEY_CTX_free(ctx);
    OPENSSL_cleanse(opened, sizeof opened);
    ERR_clear_error();
    return ok;
}

/* A secret with a key that is made up for this: here and there the same. */
static bool
prove_ec(struct import *import, CK_OBJECT_HANDLE private_key, struct error *err)
{
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    EVP_PKEY_CTX *ctx = other == NULL ? NULL : EVP_PKEY_CTX_new(other, NULL);
    unsigned char *point = NULL;
    size_t point_len =
        other == NULL ? 0 : EVP_PKEY_get1_encoded_public_key(other, &point);
    uint8_t ours[HSM_DECRYPTED_MAX], theirs[HSM_DECRYPTED_MAX];
    size_t ours_len = sizeof ours, theirs_len = 0;
    bool ok = false;

    if (ctx == NULL || point_len == 0 || EVP_PKEY_derive_init(ctx) != 1 ||
        EVP_PKEY_derive_set_peer(ctx, import->public_key) != 1 ||
        EVP_PKEY_derive(ctx, ours, &ours_len) != 1) {
        error_openssl(err, ERROR_INTERNAL, "derive with the delivered key");
        goto out;
    }
    ok = device_derive(import->device, private_key, point, point_len, theirs,
                       &theirs_len, err) &&
         ((theirs_len == ours_len && memcmp(ours, theirs, ours_len) == 0) ||
          is_other(err));
out:
    OPENSSL_free(point);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(other);
    ERR_clear_error();
    return ok;
}

/* Kept inside, for its one purpose, and the other half of the SPKI. */
static bool
prove(struct import *import, CK_OBJECT_HANDLE private_key, struct error *err)
{
    struct hsm_device *device = import->device;

    if (!device_flag_is(device, private_key, CKA_PRIVATE, true) ||
        !device_flag_is(device, private_key, CKA_SENSITIVE, true) ||
        !device_flag_is(device, private_key, CKA_EXTRACTABLE, false) ||
        !device_flag_is(device, private_key, CKA_SIGN, false))
        return error_set(err, ERROR_INPUT,
                         "the device does not keep the delivered key inside");
    return import->is_ec ? prove_ec(import, private_key, err)
                         : prove_rsa(import, private_key, err);
}

/* ---- Into the token ---------------------------------------------------- */

static bool
open_content_key(struct import *import, CK_OBJECT_HANDLE *out,
                 struct error *err)
{
    CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1,
                                    CKZ_DATA_SPECIFIED, NULL, 0};
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};
    CK_ATTRIBUTE template[] = {
        FLAG(CKA_CLASS, secret_class), FLAG(CKA_KEY_TYPE, aes_type),
        FLAG(CKA_TOKEN, no),           FLAG(CKA_PRIVATE, yes),
        FLAG(CKA_SENSITIVE, yes),      FLAG(CKA_EXTRACTABLE, no),
        FLAG(CKA_UNWRAP, yes),         FLAG(CKA_WRAP, no),
        FLAG(CKA_ENCRYPT, no),         FLAG(CKA_DECRYPT, no),
    };
    const struct hsm_device_delivery *delivery = import->delivery;
    struct token *token = &import->device->token;
    struct hsm_device_key transport;
    CK_OBJECT_HANDLE key;
    CK_RV rv;

    if (!device_transport_get(import->device, &key, &transport, err))
        return false;
    rv = escrow_unwrap_result(token_p11(token)->C_UnwrapKey(
        token->session, &mechanism, key,
        (CK_BYTE *)(uintptr_t)delivery->content_key, delivery->content_key_len,
        template, COUNT(template), out));
    if (rv == CKR_OK)
        return true;
    (void)token_fail(token, rv, "C_UnwrapKey", err);
    if (rv == CKR_WRAPPED_KEY_INVALID)
        (void)error_set(err, ERROR_INPUT,
                        "the delivery does not open with this device's "
                        "transport key");
    return false;
}

static bool
open_private_key(struct import *import, CK_OBJECT_HANDLE content_key,
                 CK_OBJECT_HANDLE *out, struct error *err)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    /* SoftHSM's defaults would let it sign. */
    CK_ATTRIBUTE template[] = {
        FLAG(CKA_CLASS, private_class),
        {CKA_KEY_TYPE, import->is_ec ? &ec_type : &rsa_type, sizeof rsa_type},
        {CKA_ID, import->id, sizeof import->id},
        {CKA_LABEL, (void *)(uintptr_t)import->label, strlen(import->label)},
        FLAG(CKA_TOKEN, yes),
        FLAG(CKA_PRIVATE, yes),
        FLAG(CKA_SENSITIVE, yes),
        FLAG(CKA_EXTRACTABLE, no),
        FLAG(CKA_SIGN, no),
        FLAG(CKA_SIGN_RECOVER, no),
        FLAG(CKA_UNWRAP, no),
        {CKA_DECRYPT, import->is_ec ? &no : &yes, sizeof no},
        {CKA_DERIVE, import->is_ec ? &yes : &no, sizeof no},
    };
    const struct hsm_device_delivery *delivery = import->delivery;
    struct token *token = &import->device->token;
    CK_RV rv = escrow_unwrap_result(token_p11(token)->C_UnwrapKey(
        token->session, &mechanism, content_key,
        (CK_BYTE *)(uintptr_t)delivery->wrapped, delivery->wrapped_len,
        template, COUNT(template), out));

    if (rv == CKR_OK)
        return true;
    (void)token_fail(token, rv, "C_UnwrapKey", err);
    if (rv == CKR_WRAPPED_KEY_INVALID)
        (void)error_set(err, ERROR_INPUT, "the delivered key does not open");
    return false;
}

static bool
make_public_key(struct import *import, struct error *err)
{
    const bool is_ec = import->is_ec;
    struct spki_parts *parts = &import->parts;
    CK_ATTRIBUTE template[] = {
        FLAG(CKA_CLASS, public_class),
        {CKA_KEY_TYPE, is_ec ? &ec_type : &rsa_type, sizeof rsa_type},
        {CKA_ID, import->id, sizeof import->id},
        {CKA_LABEL, (void *)(uintptr_t)import->label, strlen(import->label)},
        FLAG(CKA_TOKEN, yes),
        FLAG(CKA_PRIVATE, no),
        FLAG(CKA_VERIFY, no),
        FLAG(CKA_WRAP, no),
        {CKA_ENCRYPT, is_ec ? &no : &yes, sizeof no},
        {is_ec ? CKA_EC_PARAMS : CKA_MODULUS, parts->first, parts->first_len},
        {is_ec ? CKA_EC_POINT : CKA_PUBLIC_EXPONENT, parts->second,
         parts->second_len},
    };
    struct token *token = &import->device->token;
    CK_OBJECT_HANDLE object;
    CK_RV rv = token_p11(token)->C_CreateObject(token->session, template,
                                                COUNT(template), &object);

    return rv == CKR_OK || token_fail(token, rv, "C_CreateObject", err);
}

/* As the device shows it, which has to be as it was delivered. */
static bool
read_back(struct import *import, struct hsm_device_key *out, struct error *err)
{
    const struct hsm_device_delivery *delivery = import->delivery;
    struct key_public public;

    if (!key_public_get(&import->device->token, import->id, sizeof import->id,
                        &public, err))
        return false;
    if (public.spki_len != delivery->spki_len ||
        memcmp(public.spki, delivery->spki, public.spki_len) != 0)
        return is_other(err);
    device_key_describe(&public, import->id, sizeof import->id, import->label,
                        out);
    out->can_sign = false;
    out->can_decrypt = true;
    return true;
}

/* Nothing that is wrong stays: what is half, or another key under this id. */
static bool
find(struct import *import, bool *found, struct hsm_device_key *out,
     struct error *err)
{
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    bool ok = device_pair_find(import->device, import->id, sizeof import->id,
                               found, &private_key, err);

    if (ok && (!*found || (prove(import, private_key, err) &&
                           read_back(import, out, err))))
        return true;
    *found = false;
    if (err->code != ERROR_INPUT && err->code != ERROR_CONFLICT)
        return false;
    *err = (struct error){0};
    return device_pair_remove(import->device, import->id, sizeof import->id,
                              err);
}

static bool
make(struct import *import, struct hsm_device_key *out, struct error *err)
{
    CK_OBJECT_HANDLE content_key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    struct error unused = {0};
    bool is_open = open_content_key(import, &content_key, err) &&
                   open_private_key(import, content_key, &private_key, err);

    escrow_destroy(&import->device->token, content_key);
    if (is_open && prove(import, private_key, err) &&
        make_public_key(import, err) && read_back(import, out, err))
        return true;
    if (is_open && !device_pair_remove(import->device, import->id,
                                       sizeof import->id, &unused))
        (void)error_wrap(err, "and what is half stays behind");
    return false;
}

bool
hsm_device_import(struct hsm_device *device,
                  const struct hsm_device_delivery *delivery, const char *label,
                  struct hsm_device_key *out, struct error *err)
{
    struct import import = {
        .device = device, .delivery = delivery, .label = label};
    bool found = false;
    bool ok = begin(&import, err);

    module_lock();
    ok = ok && device_needs_login(device, err) &&
         find(&import, &found, out, err) && (found || make(&import, out, err));
    module_unlock();
    EVP_PKEY_free(import.public_key);
    return ok;
}
