/* C_SignInit and C_Sign for each scheme; see hsm/sign.h. */
#include "hsm/sign.h"

#include <string.h>

#include "base/der.h"
#include "hsm/key.h"

enum { DIGEST_MAX = 64, DIGEST_INFO_MAX = 19 + DIGEST_MAX };

/* What is before the digest in a DigestInfo: RFC 8017, 9.2, note 1. */
static const uint8_t info_sha256[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                      0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                      0x01, 0x05, 0x00, 0x04, 0x20};
static const uint8_t info_sha384[] = {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                      0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                      0x02, 0x05, 0x00, 0x04, 0x30};
static const uint8_t info_sha512[] = {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                      0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                      0x03, 0x05, 0x00, 0x04, 0x40};

static const struct method {
    CK_MECHANISM_TYPE mechanism;
    CK_MECHANISM_TYPE hash; /* of PSS */
    CK_RSA_PKCS_MGF_TYPE mgf;
    const uint8_t *info; /* of PKCS1 */
    size_t input_len;    /* 0: any */
} methods[HSM_SCHEME_COUNT] = {
    [HSM_RSA_PKCS1_SHA256] = {CKM_RSA_PKCS, 0, 0, info_sha256, 32},
    [HSM_RSA_PKCS1_SHA384] = {CKM_RSA_PKCS, 0, 0, info_sha384, 48},
    [HSM_RSA_PKCS1_SHA512] = {CKM_RSA_PKCS, 0, 0, info_sha512, 64},
    [HSM_RSA_PSS_SHA256] = {CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, NULL,
                            32},
    [HSM_RSA_PSS_SHA384] = {CKM_RSA_PKCS_PSS, CKM_SHA384, CKG_MGF1_SHA384, NULL,
                            48},
    [HSM_RSA_PSS_SHA512] = {CKM_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA512, NULL,
                            64},
    [HSM_ECDSA_SHA256] = {CKM_ECDSA, 0, 0, NULL, 32},
    [HSM_ECDSA_SHA384] = {CKM_ECDSA, 0, 0, NULL, 48},
    [HSM_ED25519] = {CKM_EDDSA, 0, 0, NULL, 0},
};

/* r and s, of equal length, as RFC 3279, 2.2.3 has them. */
static bool
ecdsa_encode(const uint8_t *raw, size_t len, uint8_t *out, size_t *out_len)
{
    struct buf der = BUF_INIT(HSM_SIGNATURE_MAX);
    size_t mark = der_begin(&der, DER_SEQUENCE);
    bool ok;

    der_add_unsigned(&der, raw, len / 2);
    der_add_unsigned(&der, raw + len / 2, len / 2);
    der_end(&der, mark);
    ok = len > 0 && len % 2 == 0 && !buf_is_full(&der);
    if (ok) {
        memcpy(out, der.data, der.len);
        *out_len = der.len;
    }
    buf_clear(&der);
    return ok;
}

static bool
call_token(struct token *token, CK_OBJECT_HANDLE key,
           const struct method *method, const uint8_t *input, size_t len,
           uint8_t *raw, CK_ULONG *raw_len, struct error *err)
{
    CK_RSA_PKCS_PSS_PARAMS pss = {method->hash, method->mgf, len};
    CK_MECHANISM mechanism = {method->mechanism, NULL, 0};
    CK_FUNCTION_LIST *p11 = token_p11(token);
    CK_RV rv;

    if (method->mechanism == CKM_RSA_PKCS_PSS) {
        mechanism.pParameter = &pss;
        mechanism.ulParameterLen = sizeof pss;
    }
    if ((rv = p11->C_SignInit(token->session, &mechanism, key)) != CKR_OK)
        return token_fail(token, rv, "C_SignInit", err);
    rv = p11->C_Sign(token->session, (CK_BYTE *)(uintptr_t)input, len, raw,
                     raw_len);
    if (rv == CKR_OK)
        return true;
    token->is_operation_open = true;
    return token_fail(token, rv, "C_Sign", err);
}

bool
sign_make(struct token *token, const uint8_t *id, size_t id_len,
          enum hsm_scheme scheme, const uint8_t *input, size_t input_len,
          uint8_t *signature, size_t *signature_len, struct error *err)
{
    const struct method *method = &methods[scheme];
    uint8_t info[DIGEST_INFO_MAX], raw[HSM_SIGNATURE_MAX];
    CK_ULONG raw_len = sizeof raw;
    struct token_key *key;

    token->fault = HSM_FAULT_NONE;
    if (method->input_len != 0 && input_len != method->input_len)
        return error_set(err, ERROR_INPUT, "%s signs %zu octets, not %zu",
                         hsm_scheme_name(scheme), method->input_len, input_len);
    if (!key_get(token, CKO_PRIVATE_KEY, id, id_len, &key, err))
        return false;
    if (method->info != NULL) {
        memcpy(info, method->info, sizeof info_sha256);
        memcpy(info + sizeof info_sha256, input, input_len);
        input = info;
        input_len += sizeof info_sha256;
    }
    if (!call_token(token, key->handle, method, input, input_len, raw, &raw_len,
                    err))
        return false;
    if (method->mechanism == CKM_ECDSA) {
        if (ecdsa_encode(raw, raw_len, signature, signature_len))
            return true;
        return error_set(err, ERROR_INTERNAL,
                         "%lu octets are no ECDSA signature", raw_len);
    }
    memcpy(signature, raw, raw_len);
    *signature_len = raw_len;
    return true;
}

bool
sign_is_supported(struct token *token, enum hsm_scheme scheme,
                  struct error *err)
{
    CK_MECHANISM_INFO info = {0};
    CK_RV rv = token_p11(token)->C_GetMechanismInfo(
        token->slot, methods[scheme].mechanism, &info);

    if (rv == CKR_OK && (info.flags & CKF_SIGN) != 0)
        return true;
    if (rv == CKR_OK)
        rv = CKR_MECHANISM_INVALID;
    (void)token_fail(token, rv, "C_GetMechanismInfo", err);
    return error_wrap(err, "%s", hsm_scheme_name(scheme));
}
