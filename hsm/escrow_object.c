/* Session objects of escrow; see hsm/escrow_object.h. */
#include "hsm/escrow_object.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "hsm/spki.h"

enum { MODULUS_MIN_BITS = 2048, MODULUS_MAX_BITS = 4096, EXPONENT_MAX = 8 };

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;
static CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY;
static CK_KEY_TYPE rsa_type = CKK_RSA;

/* SHA-1 here is OAEP's label hash and MGF1, for which it is sound: SoftHSM
 * 2.6.1 has no other (feasibility.md, B1). */
static CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1,
                                       CKZ_DATA_SPECIFIED, NULL, 0};

static bool
read_rsa(const uint8_t *der, size_t len, uint8_t modulus[SPKI_MODULUS_MAX],
         size_t *modulus_len, uint8_t exponent[EXPONENT_MAX],
         size_t *exponent_len, struct error *err)
{
    const unsigned char *p = der;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)len);
    BIGNUM *n = NULL, *e = NULL;
    bool ok = false;

    if (key == NULL || p != der + len || !EVP_PKEY_is_a(key, "RSA") ||
        EVP_PKEY_get_bits(key) < MODULUS_MIN_BITS ||
        EVP_PKEY_get_bits(key) > MODULUS_MAX_BITS) {
        error_openssl(err, ERROR_INPUT,
                      "not an RSA public key of %d to %d bits",
                      MODULUS_MIN_BITS, MODULUS_MAX_BITS);
        goto out;
    }
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1 ||
        BN_num_bytes(e) > EXPONENT_MAX) {
        error_openssl(err, ERROR_INPUT, "an RSA public key that is none");
        goto out;
    }
    *modulus_len = (size_t)BN_bn2bin(n, modulus);
    *exponent_len = (size_t)BN_bn2bin(e, exponent);
    ok = true;
out:
    BN_free(n);
    BN_free(e);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return ok;
}

bool
escrow_public_key(struct token *token, const uint8_t *spki, size_t len,
                  CK_OBJECT_HANDLE *out, struct error *err)
{
    uint8_t modulus[SPKI_MODULUS_MAX], exponent[EXPONENT_MAX];
    size_t modulus_len, exponent_len;
    CK_RV rv;

    token->fault = HSM_FAULT_NONE;
    if (!read_rsa(spki, len, modulus, &modulus_len, exponent, &exponent_len,
                  err))
        return false;
    {
        CK_ATTRIBUTE template[] = {
            FLAG(CKA_CLASS, public_class),
            FLAG(CKA_KEY_TYPE, rsa_type),
            FLAG(CKA_TOKEN, no),
            FLAG(CKA_WRAP, yes),
            FLAG(CKA_ENCRYPT, no),
            FLAG(CKA_VERIFY, no),
            {CKA_MODULUS, modulus, modulus_len},
            {CKA_PUBLIC_EXPONENT, exponent, exponent_len},
        };

        rv = token_p11(token)->C_CreateObject(token->session, template,
                                              COUNT(template), out);
    }
    return rv == CKR_OK || token_fail(token, rv, "C_CreateObject", err);
}

bool
escrow_wrap_oaep(struct token *token, CK_OBJECT_HANDLE wrapping,
                 CK_OBJECT_HANDLE key, uint8_t out[HSM_ESCROW_CONTENT_KEY_MAX],
                 size_t *out_len, struct error *err)
{
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};
    CK_ULONG len = HSM_ESCROW_CONTENT_KEY_MAX;
    CK_RV rv = token_p11(token)->C_WrapKey(token->session, &mechanism, wrapping,
                                           key, out, &len);

    if (rv != CKR_OK)
        return token_fail(token, rv, "C_WrapKey", err);
    *out_len = len;
    return true;
}

bool
escrow_wrap_for(struct token *token, const uint8_t *spki, size_t len,
                CK_OBJECT_HANDLE key, uint8_t out[HSM_ESCROW_CONTENT_KEY_MAX],
                size_t *out_len, struct error *err)
{
    CK_OBJECT_HANDLE wrapping = CK_INVALID_HANDLE;
    bool ok;

    if (!escrow_public_key(token, spki, len, &wrapping, err))
        return false;
    ok = escrow_wrap_oaep(token, wrapping, key, out, out_len, err);
    escrow_destroy(token, wrapping);
    return ok;
}

bool
escrow_spki(struct token *token, CK_OBJECT_HANDLE object,
            enum hsm_key_type type, uint8_t spki[HSM_SPKI_MAX], size_t *len,
            struct error *err)
{
    uint8_t first[SPKI_MODULUS_MAX], second[SPKI_MODULUS_MAX];
    bool is_ec = type == HSM_KEY_EC_P256;
    CK_ATTRIBUTE template[] = {
        {is_ec ? CKA_EC_PARAMS : CKA_MODULUS, first, sizeof first},
        {is_ec ? CKA_EC_POINT : CKA_PUBLIC_EXPONENT, second, sizeof second},
    };
    enum hsm_key_type made = type;
    CK_RV rv = token_p11(token)->C_GetAttributeValue(token->session, object,
                                                     template, COUNT(template));

    if (rv != CKR_OK)
        return token_fail(token, rv, "C_GetAttributeValue", err);
    token->fault = HSM_FAULT_NONE;
    if (!(is_ec ? spki_ec : spki_rsa)(first, template[0].ulValueLen, second,
                                      template[1].ulValueLen, &made, spki, len,
                                      err))
        return false;
    return made == type ||
           error_set(err, ERROR_INTERNAL, "asked for %s, the token made %s",
                     hsm_key_type_name(type), hsm_key_type_name(made));
}

CK_RV
escrow_unwrap_result(CK_RV rv)
{
    return rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED ||
                   rv == CKR_ATTRIBUTE_VALUE_INVALID ||
                   rv == CKR_WRAPPED_KEY_LEN_RANGE ||
                   rv == CKR_ENCRYPTED_DATA_INVALID ||
                   rv == CKR_ENCRYPTED_DATA_LEN_RANGE
               ? CKR_WRAPPED_KEY_INVALID
               : rv;
}

void
escrow_destroy(struct token *token, CK_OBJECT_HANDLE object)
{
    if (object != CK_INVALID_HANDLE)
        (void)token_p11(token)->C_DestroyObject(token->session, object);
}
