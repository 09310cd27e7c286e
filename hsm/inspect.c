/* Lists and checks for operators; see hsm/inspect.h. */
#include "hsm/inspect.h"

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "hsm/key.h"
#include "hsm/sign.h"
#include "hsm/token.h"

static const char *const step_names[HSM_STEP_COUNT] = {
    [HSM_STEP_MODULE] = "module",       [HSM_STEP_SLOT] = "slot",
    [HSM_STEP_LOGIN] = "login",         [HSM_STEP_MECHANISM] = "mechanism",
    [HSM_STEP_ATTRIBUTE] = "attribute", [HSM_STEP_SIGNATURE] = "test signature",
};

const char *
hsm_step_name(enum hsm_step step)
{
    assert(step < HSM_STEP_COUNT);
    return step_names[step];
}

/* The handles of all private keys. */
static bool
find_private(struct token *token, CK_OBJECT_HANDLE handles[HSM_LIST_MAX],
             CK_ULONG *count, struct error *err)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_TOKEN, &yes, sizeof yes}};
    CK_FUNCTION_LIST *p11 = token_p11(token);
    CK_RV rv = p11->C_FindObjectsInit(token->session, wanted, 2);

    if (rv != CKR_OK)
        return token_fail(token, rv, "C_FindObjectsInit", err);
    rv = p11->C_FindObjects(token->session, handles, HSM_LIST_MAX, count);
    (void)p11->C_FindObjectsFinal(token->session);
    return rv == CKR_OK || token_fail(token, rv, "C_FindObjects", err);
}

/* Id and label of one; the public half gives the type. */
static bool
describe(struct token *token, CK_OBJECT_HANDLE handle,
         struct hsm_listed_key *out, struct error *err)
{
    uint8_t label[256];
    CK_ATTRIBUTE attributes[] = {{CKA_ID, out->id, sizeof out->id},
                                 {CKA_LABEL, label, sizeof label}};
    CK_RV rv = token_p11(token)->C_GetAttributeValue(token->session, handle,
                                                     attributes, 2);
    size_t len;

    if (rv != CKR_OK)
        return token_fail(token, rv, "C_GetAttributeValue", err);
    out->id_len = attributes[0].ulValueLen;
    len = attributes[1].ulValueLen;
    if (out->id_len == 0 || out->id_len > sizeof out->id)
        return error_set(err, ERROR_DENIED, "a private key has no CKA_ID");
    if (len > HSM_LABEL_MAX)
        len = HSM_LABEL_MAX;
    memcpy(out->label, label, len);
    out->label[len] = '\0';
    return true;
}

static bool
name_key(struct error *err, const struct hsm_listed_key *key)
{
    char hex[2 * HSM_ID_MAX + 1];

    text_hex(key->id, key->id_len, hex);
    return error_wrap(err, "key %s (%s)", hex, key->label);
}

static bool
sign_once(struct token *token, const struct hsm_listed_key *key,
          const struct key_public *public, struct error *err)
{
    static const uint8_t test[] = "signet hsm check";
    enum hsm_scheme scheme = hsm_scheme_default(key->type);
    const EVP_MD *md = hsm_scheme_digest(scheme);
    uint8_t signature[HSM_SIGNATURE_MAX], digest[EVP_MAX_MD_SIZE];
    const unsigned char *p = public->spki;
    unsigned digest_len = 0;
    EVP_PKEY *public_key = NULL;
    size_t len;
    bool ok;

    if (md != NULL &&
        EVP_Digest(test, sizeof test, digest, &digest_len, md, NULL) != 1)
        return error_openssl(err, ERROR_INTERNAL, "cannot hash");
    if (!sign_make(token, key->id, key->id_len, scheme,
                   md == NULL ? test : digest,
                   md == NULL ? sizeof test : digest_len, signature, &len, err))
        return false;
    public_key = d2i_PUBKEY(NULL, &p, (long)public->spki_len);
    ok = public_key != NULL
             ? hsm_scheme_verify(scheme, public_key, test, sizeof test,
                                 signature, len, err)
             : error_openssl(err, ERROR_INTERNAL, "no public key");
    EVP_PKEY_free(public_key);
    return ok;
}

static bool
check_key(struct token *token, CK_OBJECT_HANDLE handle, enum hsm_step *step,
          struct error *err)
{
    struct hsm_listed_key key;
    struct key_public public;
    struct token_key *found;

    *step = HSM_STEP_ATTRIBUTE;
    if (!describe(token, handle, &key, err))
        return false;
    if (!key_get(token, CKO_PRIVATE_KEY, key.id, key.id_len, &found, err) ||
        !key_public_get(token, key.id, key.id_len, &public, err))
        return name_key(err, &key);
    key.type = public.type;
    *step = HSM_STEP_MECHANISM;
    if (!sign_is_supported(token, hsm_scheme_default(key.type), err))
        return name_key(err, &key);
    *step = HSM_STEP_SIGNATURE;
    return sign_once(token, &key, &public, err) || name_key(err, &key);
}

bool
hsm_check(const struct hsm_options *options, enum hsm_step *failed,
          size_t *key_count, struct error *err)
{
    CK_OBJECT_HANDLE handles[HSM_LIST_MAX];
    struct token token;
    CK_ULONG count = 0;
    bool ok;
    size_t i;

    *failed = HSM_STEP_MODULE;
    *key_count = 0;
    if (!token_init(&token, options, err))
        return false;
    module_lock();
    ok = token_open(&token, err);
    *failed = token.step;
    if (ok) {
        *failed = HSM_STEP_MECHANISM;
        ok = sign_is_supported(&token, HSM_ECDSA_SHA256, err);
    }
    if (ok) {
        *failed = HSM_STEP_ATTRIBUTE;
        ok = find_private(&token, handles, &count, err);
    }
    for (i = 0; i < count && ok; i++)
        ok = check_key(&token, handles[i], failed, err);
    module_unlock();
    token_clear(&token);
    *key_count = count;
    return ok;
}

bool
hsm_key_list(const struct hsm_options *options,
             struct hsm_listed_key keys[HSM_LIST_MAX], size_t *count,
             struct error *err)
{
    CK_OBJECT_HANDLE handles[HSM_LIST_MAX];
    struct key_public public;
    struct token token;
    CK_ULONG found = 0;
    bool ok;

    *count = 0;
    if (!token_init(&token, options, err))
        return false;
    module_lock();
    ok = token_open(&token, err) && find_private(&token, handles, &found, err);
    for (; ok && *count < found; (*count)++) {
        struct hsm_listed_key *key = &keys[*count];

        ok = describe(&token, handles[*count], key, err) &&
             (key_public_get(&token, key->id, key->id_len, &public, err) ||
              name_key(err, key));
        key->type = public.type;
    }
    module_unlock();
    token_clear(&token);
    return ok;
}

static void
describe_token(const CK_TOKEN_INFO *info, struct hsm_listed_token *out)
{
    module_text(info->label, sizeof info->label, out->label);
    module_text(info->manufacturerID, sizeof info->manufacturerID,
                out->manufacturer);
    module_text(info->model, sizeof info->model, out->model);
    module_text(info->serialNumber, sizeof info->serialNumber, out->serial);
    out->has_pin = (info->flags & CKF_USER_PIN_INITIALIZED) != 0;
    out->is_locked = (info->flags & CKF_USER_PIN_LOCKED) != 0;
}

bool
hsm_token_list(const char *module_path,
               struct hsm_listed_token tokens[HSM_LIST_MAX], size_t *count,
               struct error *err)
{
    CK_SLOT_ID slots[MODULE_SLOTS_MAX];
    struct module *module = NULL;
    size_t slot_count = 0;
    CK_TOKEN_INFO info;
    bool ok;
    size_t i;

    *count = 0;
    if (!module_acquire(module_path, &module, err))
        return false;
    module_lock();
    ok = module_start(module, err) &&
         module_slots(module, slots, &slot_count, err);
    for (i = 0; i < slot_count && *count < HSM_LIST_MAX; i++) {
        memset(&info, 0, sizeof info);
        if (module->p11->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            (info.flags & CKF_TOKEN_INITIALIZED) != 0)
            describe_token(&info, &tokens[(*count)++]);
    }
    module_unlock();
    module_release(module);
    return ok;
}
