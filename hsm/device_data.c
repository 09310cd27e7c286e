/* Notes on a holder's device, as data objects; see hsm/device.h. */
#include <string.h>

#include "hsm/device_object.h"

static const char application[] = "signet-key";
static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;
static CK_OBJECT_CLASS data_class = CKO_DATA;

/* The lock is held, as for all below. */
static bool
find(struct hsm_device *device, const char *label,
     CK_OBJECT_HANDLE handles[OBJECTS_MAX], CK_ULONG *count, struct error *err)
{
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &data_class, sizeof data_class},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_APPLICATION, (void *)(uintptr_t)application,
         sizeof application - 1},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
    };

    return device_find(device, wanted, sizeof wanted / sizeof *wanted, handles,
                       count, err);
}

static bool
read_one(struct hsm_device *device, CK_OBJECT_HANDLE object, struct buf *out,
         struct error *err)
{
    struct token *token = &device->token;
    uint8_t value[HSM_DEVICE_DATA_MAX];
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof value};
    CK_RV rv = token_p11(token)->C_GetAttributeValue(token->session, object,
                                                     &attribute, 1);

    if (rv != CKR_OK)
        return token_fail(token, rv, "C_GetAttributeValue", err);
    buf_reset(out);
    return (attribute.ulValueLen <= sizeof value &&
            buf_add(out, value, attribute.ulValueLen)) ||
           error_set(err, ERROR_INPUT, "a note on the device is too long");
}

bool
hsm_device_data_find(struct hsm_device *device, const char *label, bool *found,
                     struct buf *out, struct error *err)
{
    CK_OBJECT_HANDLE handles[OBJECTS_MAX];
    CK_ULONG count = 0;
    bool ok;

    *found = false;
    module_lock();
    ok = find(device, label, handles, &count, err);
    /* Two: one was to replace the other. Which does not matter to who writes
     * one note at a time; the later handle is the newer with most modules. */
    if (ok && count > 0) {
        ok = read_one(device, handles[count - 1], out, err);
        *found = ok && out->len > 0;
    }
    module_unlock();
    return ok;
}

static bool
create(struct hsm_device *device, const char *label, const uint8_t *data,
       size_t len, struct error *err)
{
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &data_class, sizeof data_class},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &no, sizeof no},
        {CKA_APPLICATION, (void *)(uintptr_t)application,
         sizeof application - 1},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
        {CKA_VALUE, (void *)(uintptr_t)data, len},
    };
    struct token *token = &device->token;
    CK_OBJECT_HANDLE object;
    CK_RV rv = token_p11(token)->C_CreateObject(
        token->session, template, sizeof template / sizeof *template, &object);

    return rv == CKR_OK || token_fail(token, rv, "C_CreateObject", err);
}

static bool
remove_all(struct hsm_device *device, const CK_OBJECT_HANDLE *handles,
           CK_ULONG count, struct error *err)
{
    struct token *token = &device->token;

    for (CK_ULONG i = 0; i < count; i++) {
        CK_RV rv =
            token_p11(token)->C_DestroyObject(token->session, handles[i]);

        if (rv != CKR_OK)
            return token_fail(token, rv, "C_DestroyObject", err);
    }
    return true;
}

bool
hsm_device_data_put(struct hsm_device *device, const char *label,
                    const uint8_t *data, size_t len, struct error *err)
{
    CK_OBJECT_HANDLE handles[OBJECTS_MAX];
    CK_ULONG count = 0;
    bool ok;

    if (len == 0 || len > HSM_DEVICE_DATA_MAX)
        return error_set(err, ERROR_INPUT,
                         "a note of 1 to %d octets fits on a device",
                         HSM_DEVICE_DATA_MAX);
    module_lock();
    ok = find(device, label, handles, &count, err) &&
         create(device, label, data, len, err) &&
         remove_all(device, handles, count, err);
    module_unlock();
    return ok;
}

bool
hsm_device_data_remove(struct hsm_device *device, const char *label,
                       struct error *err)
{
    CK_OBJECT_HANDLE handles[OBJECTS_MAX];
    CK_ULONG count = 0;
    bool ok;

    module_lock();
    ok = find(device, label, handles, &count, err) &&
         remove_all(device, handles, count, err);
    module_unlock();
    return ok;
}
