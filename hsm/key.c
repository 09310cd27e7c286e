/* Finding, judging and making keys; see hsm/key.h. */
#include "hsm/key.h"

#include <string.h>

#include "base/log.h"
#include "hsm/spki.h"

enum { RSA_EXPONENT_LEN = 3 };

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

#define ATTRIBUTE(type, value, len)                                            \
    {                                                                          \
        (type), (void *)(uintptr_t)(value), (len)                              \
    }
#define FLAG(type, value)                                                      \
    {                                                                          \
        (type), &(value), sizeof(value)                                        \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool
key_count(struct token *token, CK_OBJECT_CLASS class, const uint8_t *id,
          size_t id_len, CK_OBJECT_HANDLE handles[2], CK_ULONG *count,
          struct error *err)
{
    /* CKA_TOKEN: our own copies in the session have the same id. */
    CK_ATTRIBUTE wanted[] = {
        ATTRIBUTE(CKA_CLASS, &class, sizeof class),
        FLAG(CKA_TOKEN, yes),
        ATTRIBUTE(CKA_ID, id, id_len),
    };
    CK_FUNCTION_LIST *p11 = token_p11(token);
    CK_RV rv = p11->C_FindObjectsInit(token->session, wanted, COUNT(wanted));

    if (rv != CKR_OK)
        return token_fail(token, rv, "C_FindObjectsInit", err);
    rv = p11->C_FindObjects(token->session, handles, 2, count);
    if (rv != CKR_OK) {
        token->is_operation_open = true;
        return token_fail(token, rv, "C_FindObjects", err);
    }
    rv = p11->C_FindObjectsFinal(token->session);
    return rv == CKR_OK || token_fail(token, rv, "C_FindObjectsFinal", err);
}

static bool
find_one(struct token *token, CK_OBJECT_CLASS class, const uint8_t *id,
         size_t id_len, CK_OBJECT_HANDLE *out, struct error *err)
{
    CK_OBJECT_HANDLE handles[2];
    CK_ULONG count = 0;
    const char *what = class == CKO_PUBLIC_KEY    ? "public key"
                       : class == CKO_PRIVATE_KEY ? "private key"
                                                  : "secret key";

    if (!key_count(token, class, id, id_len, handles, &count, err))
        return false;
    token->fault = HSM_FAULT_NONE;
    if (count == 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "the token has no %s with this CKA_ID", what);
    if (count > 1)
        return error_set(err, ERROR_CONFLICT,
                         "the token has more than one %s with this CKA_ID",
                         what);
    *out = handles[0];
    return true;
}

/* Reads one attribute; *len is the room before and the length after. */
static bool
read_attribute(struct token *token, CK_OBJECT_HANDLE object,
               CK_ATTRIBUTE_TYPE type, void *out, size_t *len,
               struct error *err)
{
    CK_ATTRIBUTE attribute = {type, out, *len};
    CK_RV rv = token_p11(token)->C_GetAttributeValue(token->session, object,
                                                     &attribute, 1);

    if (rv != CKR_OK)
        return token_fail(token, rv, "C_GetAttributeValue", err);
    if (attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION ||
        attribute.ulValueLen > *len) {
        token->fault = HSM_FAULT_NONE;
        return error_set(err, ERROR_INTERNAL, "attribute 0x%lx is unavailable",
                         type);
    }
    *len = attribute.ulValueLen;
    return true;
}

static bool
flag_is(struct token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
        const char *name, bool wanted, struct error *err)
{
    CK_BBOOL value = CK_FALSE;
    size_t len = sizeof value;

    if (!read_attribute(token, object, type, &value, &len, err))
        return error_wrap(err, "%s", name);
    if (len == sizeof value && (value != CK_FALSE) == wanted)
        return true;
    token->fault = HSM_FAULT_NONE;
    return error_set(err, ERROR_DENIED, "%s of the key is %s", name,
                     wanted ? "false" : "true");
}

/* Promise: what signs can leave the token by no call. */
static bool
is_kept_inside(struct token *token, CK_OBJECT_HANDLE key, struct error *err)
{
    return flag_is(token, key, CKA_PRIVATE, "CKA_PRIVATE", true, err) &&
           flag_is(token, key, CKA_SENSITIVE, "CKA_SENSITIVE", true, err) &&
           flag_is(token, key, CKA_EXTRACTABLE, "CKA_EXTRACTABLE", false, err);
}

static CK_OBJECT_HANDLE
copy_to_session(struct token *token, CK_OBJECT_HANDLE key)
{
    CK_ATTRIBUTE template[] = {FLAG(CKA_TOKEN, no)};
    CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
    CK_RV rv =
        token_p11(token)->C_CopyObject(token->session, key, template, 1, &copy);

    if (rv == CKR_OK)
        return copy;
    /* A token may refuse; the key itself signs as well, only slower. */
    log_event(LOG_LEVEL_DEBUG, "hsm.no-session-copy",
              LOG_TEXT("rv", hsm_rv_name(rv)));
    return key;
}

static struct token_key *
cached(struct token *token, CK_OBJECT_CLASS class, const uint8_t *id,
       size_t id_len)
{
    size_t i;

    for (i = 0; i < token->key_count; i++) {
        struct token_key *key = &token->keys[i];

        if (key->class == class && key->id_len == id_len &&
            memcmp(key->id, id, id_len) == 0)
            return key;
    }
    return NULL;
}

static struct token_key *
remember(struct token *token, CK_OBJECT_CLASS class, const uint8_t *id,
         size_t id_len, struct error *err)
{
    struct token_key *key;

    if (token->key_count == TOKEN_KEYS_MAX) {
        (void)error_set(err, ERROR_INTERNAL, "more than %d keys in use",
                        TOKEN_KEYS_MAX);
        return NULL;
    }
    key = &token->keys[token->key_count++];
    key->class = class;
    memcpy(key->id, id, id_len);
    key->id_len = id_len;
    return key;
}

bool
key_get(struct token *token, CK_OBJECT_CLASS class, const uint8_t *id,
        size_t id_len, struct token_key **out, struct error *err)
{
    struct token_key *key = cached(token, class, id, id_len);
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;

    if (key != NULL && key->handle != CK_INVALID_HANDLE) {
        *out = key;
        return true;
    }
    if (!find_one(token, class, id, id_len, &handle, err)) {
        if (key != NULL && err->code == ERROR_NOT_FOUND) {
            token->fault = HSM_FAULT_DEVICE;
            err->code = ERROR_BUSY;
        }
        return false;
    }
    if (!is_kept_inside(token, handle, err))
        return false;
    if (key == NULL && (key = remember(token, class, id, id_len, err)) == NULL)
        return false;
    if (class == CKO_PRIVATE_KEY && token->options.use_session_copy)
        handle = copy_to_session(token, handle);
    key->handle = handle;
    *out = key;
    return true;
}

static bool
read_rsa(struct token *token, CK_OBJECT_HANDLE object, struct key_public *out,
         struct error *err)
{
    uint8_t modulus[SPKI_MODULUS_MAX], exponent[8];
    size_t modulus_len = sizeof modulus, exponent_len = sizeof exponent;

    return read_attribute(token, object, CKA_MODULUS, modulus, &modulus_len,
                          err) &&
           read_attribute(token, object, CKA_PUBLIC_EXPONENT, exponent,
                          &exponent_len, err) &&
           spki_rsa(modulus, modulus_len, exponent, exponent_len, &out->type,
                    out->spki, &out->spki_len, err);
}

static bool
read_ec(struct token *token, CK_OBJECT_HANDLE object, struct key_public *out,
        struct error *err)
{
    uint8_t params[64], point[SPKI_POINT_MAX + 4];
    size_t params_len = sizeof params, point_len = sizeof point;

    return read_attribute(token, object, CKA_EC_PARAMS, params, &params_len,
                          err) &&
           read_attribute(token, object, CKA_EC_POINT, point, &point_len,
                          err) &&
           spki_ec(params, params_len, point, point_len, &out->type, out->spki,
                   &out->spki_len, err);
}

bool
key_public_get(struct token *token, const uint8_t *id, size_t id_len,
               struct key_public *out, struct error *err)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_KEY_TYPE type = 0;
    size_t len = sizeof type;

    if (!find_one(token, CKO_PUBLIC_KEY, id, id_len, &object, err) ||
        !read_attribute(token, object, CKA_KEY_TYPE, &type, &len, err))
        return false;
    if (type == CKK_RSA)
        return read_rsa(token, object, out, err);
    if (type == CKK_EC || type == CKK_EC_EDWARDS)
        return read_ec(token, object, out, err);
    return error_set(err, ERROR_DENIED, "keys of type 0x%lx are not used here",
                     type);
}

static bool
id_is_free(struct token *token, const uint8_t *id, size_t id_len,
           struct error *err)
{
    CK_OBJECT_HANDLE handles[2];
    CK_ULONG private_count = 0, public_count = 0;

    if (!key_count(token, CKO_PRIVATE_KEY, id, id_len, handles, &private_count,
                   err) ||
        !key_count(token, CKO_PUBLIC_KEY, id, id_len, handles, &public_count,
                   err))
        return false;
    token->fault = HSM_FAULT_NONE;
    if (private_count + public_count > 0)
        return error_set(err, ERROR_CONFLICT, "this CKA_ID is taken");
    return true;
}

/* What to ask C_GenerateKeyPair for. */
struct recipe {
    CK_MECHANISM mechanism;
    CK_KEY_TYPE key_type;
    CK_ULONG modulus_bits; /* 0: a curve */
    const uint8_t *params;
    size_t params_len;
};

static struct recipe
recipe_of(enum hsm_key_type type)
{
    struct recipe recipe = {
        {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0}, CKK_RSA, 0, NULL, 0};

    switch (type) {
    case HSM_KEY_RSA_2048:
        recipe.modulus_bits = 2048;
        break;
    case HSM_KEY_RSA_3072:
        recipe.modulus_bits = 3072;
        break;
    case HSM_KEY_RSA_4096:
        recipe.modulus_bits = 4096;
        break;
    case HSM_KEY_ED25519:
        recipe.mechanism.mechanism = CKM_EC_EDWARDS_KEY_PAIR_GEN;
        recipe.key_type = CKK_EC_EDWARDS;
        break;
    default:
        recipe.mechanism.mechanism = CKM_EC_KEY_PAIR_GEN;
        recipe.key_type = CKK_EC;
        break;
    }
    if (recipe.modulus_bits == 0)
        recipe.params = spki_curve(type, &recipe.params_len);
    return recipe;
}

static CK_RV
generate(struct token *token, enum hsm_key_type type, const char *label,
         const uint8_t *id, size_t id_len, CK_OBJECT_HANDLE *public_key,
         CK_OBJECT_HANDLE *private_key)
{
    static const uint8_t exponent[RSA_EXPONENT_LEN] = {1, 0, 1};
    struct recipe recipe = recipe_of(type);
    CK_ATTRIBUTE public_template[] = {
        ATTRIBUTE(CKA_LABEL, label, strlen(label)),
        ATTRIBUTE(CKA_ID, id, id_len),
        FLAG(CKA_TOKEN, yes),
        FLAG(CKA_VERIFY, yes),
        FLAG(CKA_ENCRYPT, no),
        FLAG(CKA_WRAP, no),
        ATTRIBUTE(CKA_EC_PARAMS, recipe.params, recipe.params_len),
        ATTRIBUTE(CKA_PUBLIC_EXPONENT, exponent, sizeof exponent),
    };
    CK_ULONG public_count = COUNT(public_template);
    CK_ATTRIBUTE private_template[] = {
        ATTRIBUTE(CKA_LABEL, label, strlen(label)),
        ATTRIBUTE(CKA_ID, id, id_len),
        FLAG(CKA_TOKEN, yes),
        FLAG(CKA_PRIVATE, yes),
        FLAG(CKA_SENSITIVE, yes),
        FLAG(CKA_EXTRACTABLE, no),
        FLAG(CKA_SIGN, yes),
        FLAG(CKA_DECRYPT, no),
        FLAG(CKA_UNWRAP, no),
        FLAG(CKA_DERIVE, no),
    };

    if (recipe.modulus_bits != 0)
        public_template[public_count - 2] = (CK_ATTRIBUTE)ATTRIBUTE(
            CKA_MODULUS_BITS, &recipe.modulus_bits, sizeof recipe.modulus_bits);
    else
        public_count--; /* a curve has no exponent */
    return token_p11(token)->C_GenerateKeyPair(
        token->session, &recipe.mechanism, public_template, public_count,
        private_template, COUNT(private_template), public_key, private_key);
}

bool
key_generate(struct token *token, enum hsm_key_type type, const char *label,
             const uint8_t *id, size_t id_len, struct key_public *out,
             struct error *err)
{
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    struct token_key *key;
    CK_RV rv;

    if (!id_is_free(token, id, id_len, err))
        return false;
    rv = generate(token, type, label, id, id_len, &public_key, &private_key);
    if (rv != CKR_OK)
        return token_fail(token, rv, "C_GenerateKeyPair", err);
    if (is_kept_inside(token, private_key, err) &&
        key_public_get(token, id, id_len, out, err) &&
        key_get(token, CKO_PRIVATE_KEY, id, id_len, &key, err)) {
        if (out->type == type)
            return true;
        (void)error_set(err, ERROR_INTERNAL, "asked for %s, the token made %s",
                        hsm_key_type_name(type), hsm_key_type_name(out->type));
    }
    (void)token_p11(token)->C_DestroyObject(token->session, private_key);
    (void)token_p11(token)->C_DestroyObject(token->session, public_key);
    return error_wrap(err, "new key");
}
