/*
 * A device's own key, and pairs that may be half; see hsm/device.h.
 *
 * The own key is a private key object with CKA_PRIVATE false (PKCS #11, 4.9):
 * sensitive and not extractable like the others, but seen and used without
 * login, so that a device whose PIN is locked can still say which device it is.
 * A token that shows no such object is none for our holders.
 */
#include <string.h>

#include "hsm/device_object.h"

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

/* CKA_ID and CKA_LABEL of the own key. */
static const uint8_t own_id[] = "signet-device";
enum { OWN_ID_LEN = sizeof own_id - 1 };
static const uint8_t curve_p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48,
                                     0xce, 0x3d, 0x03, 0x01, 0x07};

bool
device_is_native(struct hsm_device *device, CK_OBJECT_HANDLE key)
{
    return device_flag_is(device, key, CKA_LOCAL, true) &&
           device_flag_is(device, key, CKA_SENSITIVE, true) &&
           device_flag_is(device, key, CKA_ALWAYS_SENSITIVE, true) &&
           device_flag_is(device, key, CKA_EXTRACTABLE, false) &&
           device_flag_is(device, key, CKA_NEVER_EXTRACTABLE, true);
}

/* sign_make() finds it as it finds keys that key_get() has judged; this one is
 * judged here, because it is not CKA_PRIVATE. */
static bool
remember(struct token *token, CK_OBJECT_HANDLE handle, struct error *err)
{
    struct token_key *key = NULL;

    for (size_t i = 0; i < token->key_count; i++)
        if (token->keys[i].class == CKO_PRIVATE_KEY &&
            token->keys[i].id_len == OWN_ID_LEN &&
            memcmp(token->keys[i].id, own_id, OWN_ID_LEN) == 0)
            key = &token->keys[i];
    if (key == NULL) {
        if (token->key_count == TOKEN_KEYS_MAX)
            return error_set(err, ERROR_INTERNAL, "too many keys in use");
        key = &token->keys[token->key_count++];
        key->class = CKO_PRIVATE_KEY;
        memcpy(key->id, own_id, OWN_ID_LEN);
        key->id_len = OWN_ID_LEN;
    }
    key->handle = handle;
    return true;
}

/* The handle that was found for this id is of no more use. */
static void
forget(struct token *token, const uint8_t *id, size_t id_len)
{
    for (size_t i = 0; i < token->key_count; i++)
        if (token->keys[i].id_len == id_len &&
            memcmp(token->keys[i].id, id, id_len) == 0)
            token->keys[i].handle = CK_INVALID_HANDLE;
}

bool
device_pair_remove(struct hsm_device *device, const uint8_t *id, size_t id_len,
                   struct error *err)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
    struct token *token = &device->token;

    forget(token, id, id_len);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        CK_OBJECT_HANDLE handles[2];
        CK_ULONG count = 0;

        do {
            if (!key_count(token, classes[i], id, id_len, handles, &count, err))
                return false;
            for (CK_ULONG k = 0; k < count; k++) {
                CK_RV rv = token_p11(token)->C_DestroyObject(token->session,
                                                             handles[k]);

                if (rv != CKR_OK)
                    return token_fail(token, rv, "C_DestroyObject", err);
            }
        } while (count > 0);
    }
    return true;
}

bool
device_pair_find(struct hsm_device *device, const uint8_t *id, size_t id_len,
                 bool *found, CK_OBJECT_HANDLE *handle, struct error *err)
{
    CK_OBJECT_HANDLE private_key[2], public_key[2];
    CK_ULONG private_count = 0, public_count = 0;

    *found = false;
    if (!key_count(&device->token, CKO_PRIVATE_KEY, id, id_len, private_key,
                   &private_count, err) ||
        !key_count(&device->token, CKO_PUBLIC_KEY, id, id_len, public_key,
                   &public_count, err))
        return false;
    if (private_count > 1 || public_count > 1)
        return error_set(err, ERROR_CONFLICT,
                         "the device has more than one key of this id");
    if (private_count != public_count)
        return device_pair_remove(device, id, id_len, err);
    *found = private_count == 1;
    if (*found)
        *handle = private_key[0];
    return true;
}

static bool
own_generate(struct hsm_device *device, CK_OBJECT_HANDLE *private_key,
             struct error *err)
{
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_template[] = {
        {CKA_LABEL, (void *)(uintptr_t)own_id, OWN_ID_LEN},
        {CKA_ID, (void *)(uintptr_t)own_id, OWN_ID_LEN},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &no, sizeof no},
        {CKA_VERIFY, &yes, sizeof yes},
        {CKA_EC_PARAMS, (void *)(uintptr_t)curve_p256, sizeof curve_p256},
    };
    CK_ATTRIBUTE private_template[] = {
        {CKA_LABEL, (void *)(uintptr_t)own_id, OWN_ID_LEN},
        {CKA_ID, (void *)(uintptr_t)own_id, OWN_ID_LEN},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &no, sizeof no},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},
        {CKA_DECRYPT, &no, sizeof no},
        {CKA_UNWRAP, &no, sizeof no},
        {CKA_DERIVE, &no, sizeof no},
    };
    struct token *token = &device->token;
    CK_OBJECT_HANDLE public_key;
    CK_RV rv = token_p11(token)->C_GenerateKeyPair(
        token->session, &mechanism, public_template,
        sizeof public_template / sizeof *public_template, private_template,
        sizeof private_template / sizeof *private_template, &public_key,
        private_key);

    return rv == CKR_OK || token_fail(token, rv, "C_GenerateKeyPair", err);
}

static bool
own_get(struct hsm_device *device, bool is_made, struct hsm_device_key *out,
        struct error *err)
{
    struct key_public public;
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    bool found = false;

    if (!device_pair_find(device, own_id, OWN_ID_LEN, &found, &handle, err))
        return false;
    if (!found && !is_made)
        return error_set(err, ERROR_NOT_FOUND,
                         "this device has no key of its own: it was not "
                         "personalised for a holder");
    if (!found && !own_generate(device, &handle, err))
        return error_wrap(err, "the device's own key");
    if (!device_is_native(device, handle) ||
        !device_flag_is(device, handle, CKA_PRIVATE, false))
        return error_set(err, ERROR_DENIED,
                         "the device's own key was not made inside it");
    if (!key_public_get(&device->token, own_id, OWN_ID_LEN, &public, err) ||
        !remember(&device->token, handle, err))
        return false;
    device_key_describe(&public, own_id, OWN_ID_LEN, (const char *)own_id, out);
    return true;
}

bool
hsm_device_own_key(struct hsm_device *device, struct hsm_device_key *out,
                   struct error *err)
{
    bool ok;

    module_lock();
    ok = own_get(device, false, out, err);
    module_unlock();
    return ok;
}

bool
hsm_device_own_key_make(struct hsm_device *device, struct hsm_device_key *out,
                        struct error *err)
{
    bool ok;

    module_lock();
    ok = own_get(device, true, out, err);
    module_unlock();
    return ok;
}

static bool
pair_get(struct hsm_device *device, const uint8_t *id, size_t id_len,
         bool *found, struct hsm_device_key *out, struct error *err)
{
    struct key_public public;
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;

    *found = false;
    if (!device_needs_login(device, err) ||
        !device_pair_find(device, id, id_len, found, &handle, err))
        return false;
    if (!*found)
        return true;
    if (!device_is_native(device, handle))
        return error_set(err, ERROR_DENIED,
                         "the key on this device was not made inside it");
    if (!key_public_get(&device->token, id, id_len, &public, err))
        return false;
    device_key_describe(&public, id, id_len, "", out);
    return true;
}

bool
hsm_device_pair_find(struct hsm_device *device, const uint8_t *id,
                     size_t id_len, bool *found, struct hsm_device_key *out,
                     struct error *err)
{
    bool ok;

    module_lock();
    ok = pair_get(device, id, id_len, found, out, err);
    module_unlock();
    return ok;
}

bool
hsm_device_is_public_there(struct hsm_device *device, const uint8_t *id,
                           size_t id_len, bool *out, struct error *err)
{
    CK_OBJECT_HANDLE handles[2];
    CK_ULONG count = 0;
    bool ok;

    module_lock();
    ok = key_count(&device->token, CKO_PUBLIC_KEY, id, id_len, handles, &count,
                   err);
    module_unlock();
    *out = ok && count > 0;
    return ok;
}

bool
hsm_device_is_blank(struct hsm_device *device, bool *out, struct error *err)
{
    static CK_OBJECT_CLASS classes[] = {CKO_PUBLIC_KEY, CKO_CERTIFICATE,
                                        CKO_DATA};
    static const struct {
        const uint8_t *id;
        size_t id_len;
    } ours[] = {
        {own_id, OWN_ID_LEN},
        {(const uint8_t *)DEVICE_TRANSPORT_ID, DEVICE_TRANSPORT_ID_LEN},
    };
    CK_OBJECT_HANDLE handles[OBJECTS_MAX], own[2];
    CK_ULONG count = 0, own_count = 0;
    bool ok = true;

    *out = true;
    module_lock();
    for (size_t i = 0; ok && i < sizeof ours / sizeof *ours; i++) {
        ok = key_count(&device->token, CKO_PUBLIC_KEY, ours[i].id,
                       ours[i].id_len, own, &count, err);
        own_count += count;
    }
    for (size_t i = 0; ok && i < sizeof classes / sizeof *classes; i++) {
        CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &classes[i], sizeof classes[i]},
                                 {CKA_TOKEN, &yes, sizeof yes}};

        ok = device_find(device, wanted, 2, handles, &count, err);
        if (ok && count > (classes[i] == CKO_PUBLIC_KEY ? own_count : 0))
            *out = false;
    }
    module_unlock();
    return ok;
}
