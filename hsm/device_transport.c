/*
 * The transport pair of a holder's device; see hsm/device.h.
 *
 * Whoever may use it could otherwise open a delivery and have the key in clear:
 * so it has no CKA_DECRYPT, and, where the module knows CKA_UNWRAP_TEMPLATE
 * (PKCS #11, 4.9), what it opens is an AES key that is sensitive, not
 * extractable, and neither encrypts nor decrypts.
 */
#include <string.h>

#include "hsm/device_object.h"
#include "hsm/escrow_object.h"

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE aes_type = CKK_AES;
static CK_ULONG modulus_bits = 2048;
static uint8_t exponent[] = {1, 0, 1};

static const uint8_t id[] = DEVICE_TRANSPORT_ID;
/* The last attributes of the private key, which not every module knows. */
enum { ID_LEN = DEVICE_TRANSPORT_ID_LEN, OPTIONAL_COUNT = 2 };

/* Without the last `left_out` of the optional attributes. */
static CK_RV
generate(struct token *token, CK_ULONG left_out, CK_OBJECT_HANDLE *public_key,
         CK_OBJECT_HANDLE *private_key)
{
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE opened[] = {
        FLAG(CKA_CLASS, secret_class), FLAG(CKA_KEY_TYPE, aes_type),
        FLAG(CKA_SENSITIVE, yes),      FLAG(CKA_EXTRACTABLE, no),
        FLAG(CKA_ENCRYPT, no),         FLAG(CKA_DECRYPT, no),
    };
    CK_ATTRIBUTE public_template[] = {
        {CKA_LABEL, (void *)(uintptr_t)id, ID_LEN},
        {CKA_ID, (void *)(uintptr_t)id, ID_LEN},
        FLAG(CKA_TOKEN, yes),
        FLAG(CKA_PRIVATE, no),
        FLAG(CKA_WRAP, yes),
        FLAG(CKA_ENCRYPT, no),
        FLAG(CKA_VERIFY, no),
        FLAG(CKA_VERIFY_RECOVER, no),
        FLAG(CKA_MODULUS_BITS, modulus_bits),
        {CKA_PUBLIC_EXPONENT, exponent, sizeof exponent},
    };
    CK_ATTRIBUTE private_template[] = {
        {CKA_LABEL, (void *)(uintptr_t)id, ID_LEN},
        {CKA_ID, (void *)(uintptr_t)id, ID_LEN},
        FLAG(CKA_TOKEN, yes),
        FLAG(CKA_PRIVATE, yes),
        FLAG(CKA_SENSITIVE, yes),
        FLAG(CKA_EXTRACTABLE, no),
        FLAG(CKA_UNWRAP, yes),
        FLAG(CKA_DECRYPT, no),
        FLAG(CKA_SIGN, no),
        FLAG(CKA_SIGN_RECOVER, no),
        FLAG(CKA_DERIVE, no),
        FLAG(CKA_MODIFIABLE, no),
        {CKA_UNWRAP_TEMPLATE, opened, sizeof opened},
    };

    return token_p11(token)->C_GenerateKeyPair(
        token->session, &mechanism, public_template, COUNT(public_template),
        private_template, COUNT(private_template) - left_out, public_key,
        private_key);
}

static bool
make(struct hsm_device *device, struct error *err)
{
    struct token *token = &device->token;
    CK_OBJECT_HANDLE public_key, private_key;
    CK_RV rv = CKR_OK;

    for (CK_ULONG left_out = 0; left_out <= OPTIONAL_COUNT; left_out++) {
        rv = generate(token, left_out, &public_key, &private_key);
        if (rv != CKR_ATTRIBUTE_TYPE_INVALID &&
            rv != CKR_ATTRIBUTE_VALUE_INVALID &&
            rv != CKR_ATTRIBUTE_READ_ONLY && rv != CKR_TEMPLATE_INCONSISTENT)
            break;
    }
    return rv == CKR_OK || token_fail(token, rv, "C_GenerateKeyPair", err);
}

static bool
does_nothing_else(struct hsm_device *device, CK_OBJECT_HANDLE key)
{
    return device_flag_is(device, key, CKA_PRIVATE, true) &&
           device_flag_is(device, key, CKA_UNWRAP, true) &&
           device_flag_is(device, key, CKA_DECRYPT, false) &&
           device_flag_is(device, key, CKA_SIGN, false);
}

bool
device_transport_get(struct hsm_device *device, CK_OBJECT_HANDLE *handle,
                     struct hsm_device_key *out, struct error *err)
{
    struct key_public public;
    bool found = false;

    if (!device_needs_login(device, err) ||
        !device_pair_find(device, id, ID_LEN, &found, handle, err))
        return false;
    if (!found)
        return error_set(err, ERROR_NOT_FOUND,
                         "this device has no transport key: no encryption key "
                         "can be delivered to it");
    if (!device_is_native(device, *handle) ||
        !does_nothing_else(device, *handle))
        return error_set(err, ERROR_DENIED,
                         "the device's transport key was not made inside it "
                         "for transport alone");
    if (!key_public_get(&device->token, id, ID_LEN, &public, err))
        return false;
    if (public.type != HSM_KEY_RSA_2048)
        return error_set(err, ERROR_DENIED,
                         "the device's transport key is not RSA-2048");
    device_key_describe(&public, id, ID_LEN, DEVICE_TRANSPORT_ID, out);
    out->can_sign = false;
    return true;
}

bool
hsm_device_transport_key(struct hsm_device *device, struct hsm_device_key *out,
                         struct error *err)
{
    CK_OBJECT_HANDLE handle;
    bool ok;

    module_lock();
    ok = device_transport_get(device, &handle, out, err);
    module_unlock();
    return ok;
}

bool
hsm_device_transport_key_make(struct hsm_device *device,
                              struct hsm_device_key *out, struct error *err)
{
    CK_OBJECT_HANDLE handle;
    bool ok;

    module_lock();
    ok = device_transport_get(device, &handle, out, err);
    if (!ok && err->code == ERROR_NOT_FOUND) {
        *err = (struct error){0};
        ok = (make(device, err) &&
              device_transport_get(device, &handle, out, err)) ||
             error_wrap(err, "the device's transport key");
    }
    module_unlock();
    return ok;
}
