/* A holder's USB key; see hsm/device.h. */
#include "hsm/device.h"

#include <stdlib.h>
#include <string.h>

#include "hsm/device_object.h"
#include "hsm/sign.h"

enum { SECRET_MAX = 66 }; /* octets of a P-521 coordinate */

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

/* ---- Which device ----------------------------------------------------------
 */

static void
describe(const CK_TOKEN_INFO *from, struct hsm_device_info *out)
{
    memset(out, 0, sizeof *out);
    module_text(from->label, sizeof from->label, out->label);
    module_text(from->manufacturerID, sizeof from->manufacturerID,
                out->manufacturer);
    module_text(from->model, sizeof from->model, out->model);
    module_text(from->serialNumber, sizeof from->serialNumber, out->serial);
    out->pin_min = from->ulMinPinLen;
    out->pin_max = from->ulMaxPinLen;
    out->has_pin = (from->flags & CKF_USER_PIN_INITIALIZED) != 0;
    out->is_count_low = (from->flags & CKF_USER_PIN_COUNT_LOW) != 0;
    out->is_final_try = (from->flags & CKF_USER_PIN_FINAL_TRY) != 0;
    out->is_locked = (from->flags & CKF_USER_PIN_LOCKED) != 0;
}

/* Fills `out` and `slots`, HSM_DEVICES_MAX each. The lock is held. */
static bool
look_around(struct module *module, struct hsm_device_info *out,
            CK_SLOT_ID *slots, size_t *count, struct error *err)
{
    CK_SLOT_ID all[MODULE_SLOTS_MAX];
    CK_TOKEN_INFO info;
    size_t total = 0;

    *count = 0;
    if (!module_start(module, err) || !module_slots(module, all, &total, err))
        return false;
    for (size_t i = 0; i < total && *count < HSM_DEVICES_MAX; i++) {
        memset(&info, 0, sizeof info);
        if (module->p11->C_GetTokenInfo(all[i], &info) != CKR_OK ||
            (info.flags & CKF_TOKEN_INITIALIZED) == 0)
            continue;
        describe(&info, &out[*count]);
        slots[(*count)++] = all[i];
    }
    return true;
}

bool
hsm_device_list(const char *path, struct hsm_device_info *out, size_t *count,
                struct error *err)
{
    CK_SLOT_ID slots[HSM_DEVICES_MAX];
    struct module *module = NULL;
    bool ok;

    *count = 0;
    if (!module_acquire(path, &module, err))
        return false;
    module_lock();
    ok = look_around(module, out, slots, count, err);
    module_unlock();
    module_release(module);
    return ok;
}

static bool
choose(struct hsm_device *device, const char *serial, struct error *err)
{
    struct hsm_device_info infos[HSM_DEVICES_MAX];
    CK_SLOT_ID slots[HSM_DEVICES_MAX];
    size_t count = 0;
    size_t found = HSM_DEVICES_MAX;

    if (!look_around(device->token.module, infos, slots, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (serial != NULL && strcmp(infos[i].serial, serial) != 0)
            continue;
        if (found != HSM_DEVICES_MAX)
            return error_set(err, ERROR_CONFLICT,
                             "several devices are plugged in (%s, %s): say "
                             "which by its serial number",
                             infos[found].serial, infos[i].serial);
        found = i;
    }
    if (found == HSM_DEVICES_MAX)
        return serial == NULL
                   ? error_set(err, ERROR_NOT_FOUND, "no device is plugged in")
                   : error_set(err, ERROR_NOT_FOUND,
                               "device %s is not plugged in", serial);
    device->slot = slots[found];
    return true;
}

static bool
open_session(struct hsm_device *device, struct error *err)
{
    struct token *token = &device->token;
    CK_RV rv = token_p11(token)->C_OpenSession(
        device->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
        &token->session);

    if (rv != CKR_OK)
        return token_fail(token, rv, "C_OpenSession", err);
    token->slot = device->slot;
    token->generation = token->module->generation;
    return true;
}

bool
hsm_device_open(const char *module, const char *serial, struct hsm_device **out,
                struct error *err)
{
    const struct hsm_options options = {.module = module};
    struct hsm_device *device = base_alloc(sizeof *device);
    bool ok;

    *out = NULL;
    if (!token_init(&device->token, &options, err)) {
        free(device);
        return false;
    }
    module_lock();
    ok = choose(device, serial, err) && open_session(device, err);
    module_unlock();
    if (!ok) {
        hsm_device_close(device);
        return false;
    }
    *out = device;
    return true;
}

void
hsm_device_close(struct hsm_device *device)
{
    if (device == NULL)
        return;
    token_clear(&device->token);
    free(device);
}

bool
hsm_device_info(struct hsm_device *device, struct hsm_device_info *out,
                struct error *err)
{
    CK_TOKEN_INFO info = {0};
    CK_RV rv;

    module_lock();
    rv = token_p11(&device->token)->C_GetTokenInfo(device->slot, &info);
    module_unlock();
    if (rv != CKR_OK)
        return hsm_error(err, rv, "C_GetTokenInfo");
    describe(&info, out);
    return true;
}

/* ---- PINs
 * -------------------------------------------------------------------- */

/* Says what a refused PIN means for the person who typed it. */
static bool
pin_refused(struct hsm_device *device, CK_RV rv, const char *call,
            struct error *err)
{
    struct hsm_device_info info;
    struct error unused = {0};

    (void)hsm_error(err, rv, call);
    if (rv == CKR_PIN_LOCKED)
        return error_set(err, ERROR_CONFLICT,
                         "the PIN is locked after too many wrong ones: apply "
                         "for unlocking");
    if (rv == CKR_PIN_LEN_RANGE)
        return error_set(err, ERROR_INPUT,
                         "the device takes no PIN of this length");
    if (rv != CKR_PIN_INCORRECT)
        return false;
    if (!hsm_device_info(device, &info, &unused))
        info = (struct hsm_device_info){0};
    return error_set(err, ERROR_DENIED, "wrong PIN%s",
                     info.is_locked ? "; the PIN is locked now: apply for "
                                      "unlocking"
                     : info.is_final_try
                         ? "; the next wrong one locks the device"
                         : "");
}

static CK_RV
log_in(struct hsm_device *device, CK_USER_TYPE who, const char *pin)
{
    CK_RV rv;

    module_lock();
    rv = token_p11(&device->token)
             ->C_Login(device->token.session, who,
                       (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin));
    module_unlock();
    return rv;
}

bool
hsm_device_login(struct hsm_device *device, const char *pin, struct error *err)
{
    CK_RV rv = log_in(device, CKU_USER, pin);

    return rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN ||
           pin_refused(device, rv, "C_Login", err);
}

void
hsm_device_logout(struct hsm_device *device)
{
    module_lock();
    (void)token_p11(&device->token)->C_Logout(device->token.session);
    device->token.key_count = 0; /* handles end with the login */
    module_unlock();
}

bool
hsm_device_set_pin(struct hsm_device *device, const char *old_pin,
                   const char *new_pin, struct error *err)
{
    CK_RV rv;

    module_lock();
    rv = token_p11(&device->token)
             ->C_SetPIN(device->token.session,
                        (CK_UTF8CHAR *)(uintptr_t)old_pin, strlen(old_pin),
                        (CK_UTF8CHAR *)(uintptr_t)new_pin, strlen(new_pin));
    module_unlock();
    return rv == CKR_OK || pin_refused(device, rv, "C_SetPIN", err);
}

bool
hsm_device_set_admin_pin(struct hsm_device *device, const char *old_pin,
                         const char *new_pin, struct error *err)
{
    CK_RV rv = log_in(device, CKU_SO, old_pin);
    bool ok;

    if (rv != CKR_OK)
        return pin_refused(device, rv, "C_Login", err) ||
               error_wrap(err, "administrator");
    ok = hsm_device_set_pin(device, old_pin, new_pin, err) ||
         error_wrap(err, "administrator");
    hsm_device_logout(device);
    return ok;
}

bool
hsm_device_reset_pin(struct hsm_device *device, const char *admin_pin,
                     const char *new_pin, struct error *err)
{
    CK_RV rv = log_in(device, CKU_SO, admin_pin);

    if (rv != CKR_OK)
        return pin_refused(device, rv, "C_Login", err) ||
               error_wrap(err, "administrator");
    module_lock();
    rv = token_p11(&device->token)
             ->C_InitPIN(device->token.session,
                         (CK_UTF8CHAR *)(uintptr_t)new_pin, strlen(new_pin));
    module_unlock();
    hsm_device_logout(device);
    return rv == CKR_OK || pin_refused(device, rv, "C_InitPIN", err);
}

/* ---- Objects
 * -------------------------------------------------------------------- */

/* The lock is held, as for all below. */
bool
device_find(struct hsm_device *device, CK_ATTRIBUTE *wanted,
            CK_ULONG wanted_count, CK_OBJECT_HANDLE handles[OBJECTS_MAX],
            CK_ULONG *count, struct error *err)
{
    struct token *token = &device->token;
    CK_FUNCTION_LIST *p11 = token_p11(token);
    CK_RV rv = p11->C_FindObjectsInit(token->session, wanted, wanted_count);

    *count = 0;
    if (rv != CKR_OK)
        return token_fail(token, rv, "C_FindObjectsInit", err);
    rv = p11->C_FindObjects(token->session, handles, OBJECTS_MAX, count);
    (void)p11->C_FindObjectsFinal(token->session);
    return rv == CKR_OK || token_fail(token, rv, "C_FindObjects", err);
}

bool
device_flag_is(struct hsm_device *device, CK_OBJECT_HANDLE object,
               CK_ATTRIBUTE_TYPE type, bool wanted)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};

    return token_p11(&device->token)
                   ->C_GetAttributeValue(device->token.session, object,
                                         &attribute, 1) == CKR_OK &&
           (value != CK_FALSE) == wanted;
}

bool
device_needs_login(struct hsm_device *device, struct error *err)
{
    CK_SESSION_INFO info = {0};
    CK_RV rv = token_p11(&device->token)
                   ->C_GetSessionInfo(device->token.session, &info);

    if (rv != CKR_OK)
        return token_fail(&device->token, rv, "C_GetSessionInfo", err);
    return info.state == CKS_RW_USER_FUNCTIONS ||
           error_set(err, ERROR_DENIED, "nobody is logged in to the device");
}

void
device_key_describe(const struct key_public *public, const uint8_t *id,
                    size_t id_len, const char *label,
                    struct hsm_device_key *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->id, id, id_len);
    out->id_len = id_len;
    (void)strncpy(out->label, label, sizeof out->label - 1);
    out->type = public->type;
    out->can_sign = true;
    out->spki_len = public->spki_len;
    memcpy(out->spki, public->spki, public->spki_len);
}

/* False for a key that is not for us: without id, without public half. */
static bool
read_key(struct hsm_device *device, CK_OBJECT_HANDLE object,
         struct hsm_device_key *out)
{
    uint8_t label[256];
    CK_ATTRIBUTE attributes[] = {{CKA_ID, out->id, sizeof out->id},
                                 {CKA_LABEL, label, sizeof label}};
    struct key_public public;
    struct error unused = {0};
    size_t len;

    memset(out, 0, sizeof *out);
    if (token_p11(&device->token)
                ->C_GetAttributeValue(device->token.session, object, attributes,
                                      2) != CKR_OK ||
        attributes[0].ulValueLen == 0 ||
        attributes[0].ulValueLen > sizeof out->id)
        return false;
    out->id_len = attributes[0].ulValueLen;
    len =
        attributes[1].ulValueLen <= sizeof label ? attributes[1].ulValueLen : 0;
    len = len > HSM_LABEL_MAX ? HSM_LABEL_MAX : len;
    memcpy(out->label, label, len);
    if (!key_public_get(&device->token, out->id, out->id_len, &public, &unused))
        return false;
    out->type = public.type;
    out->spki_len = public.spki_len;
    memcpy(out->spki, public.spki, public.spki_len);
    out->can_sign = device_flag_is(device, object, CKA_SIGN, true);
    out->can_decrypt = device_flag_is(device, object, CKA_DECRYPT, true) ||
                       device_flag_is(device, object, CKA_DERIVE, true);
    return true;
}

bool
hsm_device_keys(struct hsm_device *device,
                struct hsm_device_key keys[HSM_DEVICE_KEYS_MAX], size_t *count,
                struct error *err)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_TOKEN, &yes, sizeof yes}};
    CK_OBJECT_HANDLE handles[OBJECTS_MAX];
    CK_ULONG found;
    bool ok;

    *count = 0;
    module_lock();
    ok = device_find(device, wanted, 2, handles, &found, err);
    for (CK_ULONG i = 0; ok && i < found && *count < HSM_DEVICE_KEYS_MAX; i++)
        if (read_key(device, handles[i], &keys[*count]))
            (*count)++;
    module_unlock();
    return ok;
}

bool
hsm_device_generate(struct hsm_device *device, enum hsm_key_type type,
                    const char *label, const uint8_t *id, size_t id_len,
                    struct hsm_device_key *out, struct error *err)
{
    struct key_public public;
    bool ok;

    if (id_len == 0 || id_len > HSM_ID_MAX)
        return error_set(err, ERROR_INPUT, "an id of 1 to %d octets",
                         HSM_ID_MAX);
    module_lock();
    ok = key_generate(&device->token, type, label, id, id_len, &public, err);
    module_unlock();
    if (ok)
        device_key_describe(&public, id, id_len, label, out);
    return ok;
}

/* ---- What keys do
 * ------------------------------------------------------------------ */

bool
hsm_device_sign_digest(struct hsm_device *device,
                       const struct hsm_device_key *key, enum hsm_scheme scheme,
                       const uint8_t *digest, size_t digest_len,
                       uint8_t *signature, size_t *signature_len,
                       struct error *err)
{
    bool ok;

    module_lock();
    ok = sign_make(&device->token, key->id, key->id_len, scheme, digest,
                   digest_len, signature, signature_len, err);
    module_unlock();
    return ok;
}

bool
hsm_device_sign(struct hsm_device *device, const struct hsm_device_key *key,
                enum hsm_scheme scheme, const uint8_t *message,
                size_t message_len, uint8_t *signature, size_t *signature_len,
                struct error *err)
{
    const EVP_MD *md = hsm_scheme_digest(scheme);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (md == NULL)
        return hsm_device_sign_digest(device, key, scheme, message, message_len,
                                      signature, signature_len, err);
    if (EVP_Digest(message, message_len, digest, &len, md, NULL) != 1)
        return error_openssl(err, ERROR_INTERNAL, "cannot hash");
    return hsm_device_sign_digest(device, key, scheme, digest, len, signature,
                                  signature_len, err);
}

/* The private key's object. Keys that come from elsewhere (escrow) are
 * sensitive and not extractable like those made inside. */
static bool
private_of(struct hsm_device *device, const struct hsm_device_key *key,
           CK_OBJECT_HANDLE *out, struct error *err)
{
    struct token_key *found;

    if (!key_get(&device->token, CKO_PRIVATE_KEY, key->id, key->id_len, &found,
                 err))
        return false;
    *out = found->handle;
    return true;
}

bool
device_decrypt(struct hsm_device *device, CK_OBJECT_HANDLE key, bool is_oaep,
               const uint8_t *data, size_t len, uint8_t *out, size_t *out_len,
               struct error *err)
{
    CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1,
                                    CKZ_DATA_SPECIFIED, NULL, 0};
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    struct token *token = &device->token;
    CK_ULONG room = HSM_DECRYPTED_MAX;
    CK_RV rv;

    if (is_oaep)
        mechanism = (CK_MECHANISM){CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};
    rv = token_p11(token)->C_DecryptInit(token->session, &mechanism, key);
    if (rv != CKR_OK)
        return token_fail(token, rv, "C_DecryptInit", err);
    rv = token_p11(token)->C_Decrypt(token->session, (CK_BYTE *)(uintptr_t)data,
                                     len, out, &room);
    *out_len = room;
    if (rv == CKR_OK)
        return true;
    (void)token_fail(token, rv, "C_Decrypt", err);
    if (token->fault == HSM_FAULT_NONE || rv == CKR_GENERAL_ERROR)
        err->code = ERROR_INPUT;
    return false;
}

bool
hsm_device_decrypt(struct hsm_device *device, const struct hsm_device_key *key,
                   bool is_oaep, const uint8_t *data, size_t len, uint8_t *out,
                   size_t *out_len, struct error *err)
{
    CK_OBJECT_HANDLE object;
    bool ok;

    module_lock();
    ok = private_of(device, key, &object, err) &&
         device_decrypt(device, object, is_oaep, data, len, out, out_len, err);
    module_unlock();
    return ok;
}

/* The secret is a session object that may be read: it is what CMS wants to
 * hash, and gone a moment later. */
bool
device_derive(struct hsm_device *device, CK_OBJECT_HANDLE key,
              const uint8_t *point, size_t point_len, uint8_t *out,
              size_t *out_len, struct error *err)
{
    CK_ECDH1_DERIVE_PARAMS params = {CKD_NULL, 0, NULL, point_len,
                                     (CK_BYTE *)(uintptr_t)point};
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &params, sizeof params};
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG len = (point_len - 1) / 2;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class},   {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &no, sizeof no},         {CKA_SENSITIVE, &no, sizeof no},
        {CKA_EXTRACTABLE, &yes, sizeof yes}, {CKA_VALUE_LEN, &len, sizeof len},
    };
    CK_ATTRIBUTE value = {CKA_VALUE, out, HSM_DECRYPTED_MAX};
    CK_OBJECT_HANDLE secret = CK_INVALID_HANDLE;
    struct token *token = &device->token;
    CK_FUNCTION_LIST *p11 = token_p11(token);
    CK_RV rv = p11->C_DeriveKey(token->session, &mechanism, key, template,
                                sizeof template / sizeof *template, &secret);

    if (rv != CKR_OK) {
        (void)token_fail(token, rv, "C_DeriveKey", err);
        if (token->fault == HSM_FAULT_NONE)
            err->code = ERROR_INPUT;
        return false;
    }
    rv = p11->C_GetAttributeValue(token->session, secret, &value, 1);
    (void)p11->C_DestroyObject(token->session, secret);
    *out_len = value.ulValueLen;
    return rv == CKR_OK || token_fail(token, rv, "C_GetAttributeValue", err);
}

bool
hsm_device_derive(struct hsm_device *device, const struct hsm_device_key *key,
                  const uint8_t *point, size_t point_len, uint8_t *out,
                  size_t *out_len, struct error *err)
{
    CK_OBJECT_HANDLE object;
    bool ok;

    if (point_len < 3 || point_len > 1 + 2 * SECRET_MAX || point[0] != 4)
        return error_set(err, ERROR_INPUT,
                         "the other side's point is not uncompressed");
    module_lock();
    ok = private_of(device, key, &object, err) &&
         device_derive(device, object, point, point_len, out, out_len, err);
    module_unlock();
    return ok;
}
