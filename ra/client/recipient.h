/*
 * RecipientInfos of a CMS file (RFC 5652, 6.2; RFC 5753), and the content key
 * that one of them holds for a key on the device.
 */
#ifndef RA_CLIENT_RECIPIENT_H
#define RA_CLIENT_RECIPIENT_H

#include "base/der.h"
#include "hsm/device.h"

enum {
    RECIPIENTS_MAX = 256,
    CONTENT_KEY_MAX = 64,
};

struct recipient {
    /* Which certificate: issuer (DER Name) and serial number, or the subject
     * key identifier; the others are empty. */
    struct der issuer, serial, key_id;
    struct der encrypted_key;
    bool is_agreement;
    bool is_oaep;     /* of key transport */
    struct der point; /* of key agreement: the ephemeral public key */
    struct der ukm;
    struct der wrap_algorithm; /* whole AlgorithmIdentifier */
    const char *kdf_digest;    /* "SHA256" */
};

/* Reads a DER SET of RecipientInfo; `out` borrows from it. Kinds that we know
 * nothing of (passwords, KEKs) are left out. ERROR_INPUT. */
bool recipients_parse(const uint8_t *set, size_t len,
                      struct recipient out[RECIPIENTS_MAX], size_t *count,
                      struct error *err) MUST_CHECK;

/* Whether it is for the holder of this certificate (DER). */
bool recipient_is_for(const struct recipient *recipient, const uint8_t *der,
                      size_t len);

/* The content key, opened by the device. The caller cleanses `out`,
 * CONTENT_KEY_MAX octets. ERROR_INPUT for one that does not open. */
bool recipient_open(const struct recipient *recipient,
                    struct hsm_device *device, const struct hsm_device_key *key,
                    uint8_t *out, size_t *len, struct error *err) MUST_CHECK;

#endif
