/* What the files of a holder's device share. Internal to hsm/. */
#ifndef HSM_DEVICE_OBJECT_H
#define HSM_DEVICE_OBJECT_H

#include "hsm/device.h"
#include "hsm/key.h"

enum { OBJECTS_MAX = 256 };

struct hsm_device {
    struct token token;
    CK_SLOT_ID slot;
};

/* Objects with these attributes, OBJECTS_MAX at most. The lock is held. */
bool device_find(struct hsm_device *device, CK_ATTRIBUTE *wanted,
                 CK_ULONG wanted_count, CK_OBJECT_HANDLE handles[OBJECTS_MAX],
                 CK_ULONG *count, struct error *err) MUST_CHECK;

/* Whether a flag of an object is as wanted; one that the device does not tell
 * is not. The lock is held. */
bool device_flag_is(struct hsm_device *device, CK_OBJECT_HANDLE object,
                    CK_ATTRIBUTE_TYPE type, bool wanted);

/* A key that signs. */
void device_key_describe(const struct key_public *public, const uint8_t *id,
                         size_t id_len, const char *label,
                         struct hsm_device_key *out);

#endif
