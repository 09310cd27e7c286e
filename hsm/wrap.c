/* Wrapping of data keys; see hsm/wrap.h. */
#include "hsm/wrap.h"

#include <string.h>

#include "hsm/key.h"

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE generic_type = CKK_GENERIC_SECRET;

#define FLAG(type, value)                                                      \
    {                                                                          \
        (type), &(value), sizeof(value)                                        \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool
wrap_key_generate(struct token *token, const char *label, const uint8_t *id,
                  size_t id_len, struct error *err)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_MECHANISM_TYPE allowed = CKM_AES_KEY_WRAP_PAD;
    CK_ULONG key_len = 32;
    /* feasibility.md, B2: nothing but this mechanism opens what was wrapped,
     * and nobody can change that later. CKA_UNWRAP_TEMPLATE is left out: it
     * would keep the data keys inside, where their users are not. */
    CK_ATTRIBUTE template[] = {
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
        {CKA_ID, (void *)(uintptr_t)id, id_len},
        {CKA_VALUE_LEN, &key_len, sizeof key_len},
        FLAG(CKA_TOKEN, yes),
        FLAG(CKA_PRIVATE, yes),
        FLAG(CKA_SENSITIVE, yes),
        FLAG(CKA_EXTRACTABLE, no),
        FLAG(CKA_WRAP, yes),
        FLAG(CKA_UNWRAP, yes),
        FLAG(CKA_ENCRYPT, no),
        FLAG(CKA_DECRYPT, no),
        FLAG(CKA_SIGN, no),
        FLAG(CKA_VERIFY, no),
        FLAG(CKA_MODIFIABLE, no),
        {CKA_ALLOWED_MECHANISMS, &allowed, sizeof allowed},
    };
    CK_OBJECT_HANDLE handles[2];
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    struct token_key *key;
    CK_ULONG count = 0;
    CK_RV rv;

    if (!key_count(token, CKO_SECRET_KEY, id, id_len, handles, &count, err))
        return false;
    token->fault = HSM_FAULT_NONE;
    if (count > 0)
        return error_set(err, ERROR_CONFLICT, "this CKA_ID is taken");
    rv = token_p11(token)->C_GenerateKey(token->session, &mechanism, template,
                                         COUNT(template), &object);
    if (rv != CKR_OK)
        return token_fail(token, rv, "C_GenerateKey", err);
    if (key_get(token, CKO_SECRET_KEY, id, id_len, &key, err))
        return true;
    (void)token_p11(token)->C_DestroyObject(token->session, object);
    return error_wrap(err, "new wrapping key");
}

bool
wrap_make(struct token *token, const uint8_t *id, size_t id_len,
          const uint8_t *data, size_t len, uint8_t *blob, size_t *blob_len,
          struct error *err)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    CK_ATTRIBUTE template[] = {
        FLAG(CKA_CLASS, secret_class),
        FLAG(CKA_KEY_TYPE, generic_type),
        FLAG(CKA_TOKEN, no),
        FLAG(CKA_PRIVATE, yes),
        FLAG(CKA_SENSITIVE, yes),
        FLAG(CKA_EXTRACTABLE, yes),
        {CKA_VALUE, (void *)(uintptr_t)data, len},
    };
    CK_FUNCTION_LIST *p11 = token_p11(token);
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_ULONG n = WRAP_BLOB_MAX;
    struct token_key *key;
    CK_RV rv;

    token->fault = HSM_FAULT_NONE;
    if (!key_get(token, CKO_SECRET_KEY, id, id_len, &key, err))
        return false;
    rv =
        p11->C_CreateObject(token->session, template, COUNT(template), &object);
    if (rv != CKR_OK)
        return token_fail(token, rv, "C_CreateObject", err);
    rv = p11->C_WrapKey(token->session, &mechanism, key->handle, object, blob,
                        &n);
    (void)p11->C_DestroyObject(token->session, object);
    if (rv != CKR_OK)
        return token_fail(token, rv, "C_WrapKey", err);
    *blob_len = n;
    return true;
}

bool
wrap_open(struct token *token, const uint8_t *id, size_t id_len,
          const uint8_t *blob, size_t len, uint8_t *data, size_t *data_len,
          struct error *err)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    CK_ATTRIBUTE template[] = {
        FLAG(CKA_CLASS, secret_class), FLAG(CKA_KEY_TYPE, generic_type),
        FLAG(CKA_TOKEN, no),           FLAG(CKA_PRIVATE, yes),
        FLAG(CKA_SENSITIVE, no),       FLAG(CKA_EXTRACTABLE, yes),
    };
    CK_ATTRIBUTE value = {CKA_VALUE, data, HSM_WRAP_MAX};
    CK_FUNCTION_LIST *p11 = token_p11(token);
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    struct token_key *key;
    CK_RV rv;

    token->fault = HSM_FAULT_NONE;
    if (!key_get(token, CKO_SECRET_KEY, id, id_len, &key, err))
        return false;
    rv = p11->C_UnwrapKey(token->session, &mechanism, key->handle,
                          (CK_BYTE *)(uintptr_t)blob, len, template,
                          COUNT(template), &object);
    /* SoftHSM says CKR_GENERAL_ERROR to a blob that does not open (B1). */
    if (rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED)
        rv = CKR_WRAPPED_KEY_INVALID;
    if (rv != CKR_OK)
        return token_fail(token, rv, "C_UnwrapKey", err);
    rv = p11->C_GetAttributeValue(token->session, object, &value, 1);
    (void)p11->C_DestroyObject(token->session, object);
    if (rv != CKR_OK)
        return token_fail(token, rv, "C_GetAttributeValue", err);
    if (value.ulValueLen > HSM_WRAP_MAX)
        return error_set(err, ERROR_INPUT, "not a data key");
    *data_len = value.ulValueLen;
    return true;
}
