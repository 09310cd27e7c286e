/*
 * What a device holds for its holder, step by step: the pair of a case, its
 * request, the certificates that came, and which certificate is the present
 * one. A step that was done is found done.
 */
#ifndef RA_CLIENT_HOLDING_H
#define RA_CLIENT_HOLDING_H

#include <openssl/x509.h>

#include "ra/client/service.h"

/* Labels on the device, for people: that of the case with HOLDING_ENCRYPTION
 * before it, and HOLDING_EARLIER. */
#define HOLDING_ENCRYPTION "encryption "
#define HOLDING_EARLIER "earlier encryption"

/* The pair of this case, made if it is not there. After login. */
bool holding_pair(struct hsm_device *device, enum hsm_key_type type,
                  const char *number, struct hsm_device_key *out,
                  struct error *err) MUST_CHECK;

/* Notes: JSON objects on the device, without secrets. *out is NULL when there
 * is none that can be read: one that was being written when the plug was pulled
 * counts as none. The caller owns it. */
bool holding_note_find(struct hsm_device *device, const char *label,
                       json_t **out, struct error *err) MUST_CHECK;
bool holding_note_put(struct hsm_device *device, const char *label,
                      const json_t *note, struct error *err) MUST_CHECK;

/* Takes in the certificates of an answer (ClientOrder): that of pair 1 beside
 * the pair of this case, whose key it must be for, and those above it. `count`
 * gets the certificates of the holder. */
bool holding_install(struct hsm_device *device, const char *number,
                     const json_t *answer, size_t *count,
                     struct error *err) MUST_CHECK;

/* The same of pair 2, if the answer has one: beside the encryption key, which
 * has been delivered before. ERROR_NOT_FOUND when that key is not there. */
bool holding_has_encryption(const json_t *answer);
bool holding_install_encryption(struct hsm_device *device, const char *number,
                                const json_t *answer,
                                struct error *err) MUST_CHECK;

/* An encryption key that was delivered: {"spki", "wrapped", "content_key"}, and
 * of an earlier one "certificates": [{"der"}], which go in beside it. After
 * login; once more is nothing. */
bool holding_take_key(struct hsm_device *device, const char *label,
                      const json_t *one, struct error *err) MUST_CHECK;

/* The one of these keys that the certificate is for; NULL: none. */
const struct hsm_device_key *holding_key_of(const struct hsm_device_key *keys,
                                            size_t count, X509 *cert);

/* Whether its key usage lets others encrypt to it (RFC 5280, 4.2.1.3). */
bool holding_encrypts(X509 *cert);

/* Which certificate is meant: by its SHA-256 (32 octets), or by its serial
 * number in hex, or, if both are NULL, the newest for signing that is valid
 * now. */
struct holding_wanted {
    const uint8_t *sha256;
    const char *serial;
};

/* The key of that certificate, if both are on the device; after login.
 * ERROR_NOT_FOUND. */
bool holding_present(struct hsm_device *device,
                     const struct holding_wanted *wanted,
                     struct hsm_device_key *out, struct error *err) MUST_CHECK;

#endif
