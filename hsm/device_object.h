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

/* As hsm_device_decrypt() and hsm_device_derive(), with the private key's
 * object. The lock is held. */
bool device_decrypt(struct hsm_device *device, CK_OBJECT_HANDLE key,
                    bool is_oaep, const uint8_t *data, size_t len, uint8_t *out,
                    size_t *out_len, struct error *err) MUST_CHECK;
bool device_derive(struct hsm_device *device, CK_OBJECT_HANDLE key,
                   const uint8_t *point, size_t point_len, uint8_t *out,
                   size_t *out_len, struct error *err) MUST_CHECK;

/* ERROR_DENIED unless the holder is logged in: without login a device shows no
 * private key, and every pair looks half. The lock is held, as for all below.
 */
bool device_needs_login(struct hsm_device *device,
                        struct error *err) MUST_CHECK;

/* Made inside, and never to be had outside: PKCS #11, 4.4 and 4.9. A key that
 * somebody brought along has not CKA_LOCAL. */
bool device_is_native(struct hsm_device *device, CK_OBJECT_HANDLE key);

/* *handle is the private key of a whole pair. A half, left by a program that
 * was killed while the device made it, is taken away: nobody has a certificate
 * for it. */
bool device_pair_find(struct hsm_device *device, const uint8_t *id,
                      size_t id_len, bool *found, CK_OBJECT_HANDLE *handle,
                      struct error *err) MUST_CHECK;

/* Takes away all keys of this id. */
bool device_pair_remove(struct hsm_device *device, const uint8_t *id,
                        size_t id_len, struct error *err) MUST_CHECK;

/* The transport key; see hsm_device_transport_key(). */
bool device_transport_get(struct hsm_device *device, CK_OBJECT_HANDLE *handle,
                          struct hsm_device_key *out,
                          struct error *err) MUST_CHECK;

/* CKA_ID and CKA_LABEL of the transport key. */
#define DEVICE_TRANSPORT_ID "signet-transport"
enum { DEVICE_TRANSPORT_ID_LEN = sizeof DEVICE_TRANSPORT_ID - 1 };

/* A key that signs. */
void device_key_describe(const struct key_public *public, const uint8_t *id,
                         size_t id_len, const char *label,
                         struct hsm_device_key *out);

#endif
