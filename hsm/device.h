/*
 * A holder's USB key 数字证书存储介质 in this process: any PKCS #11 module.
 * Unlike a service's token (hsm.h) it belongs to a person, who types the PIN,
 * has keys of two kinds, signing and encryption, and carries certificates. Not
 * thread-safe. PINs are borrowed and never kept.
 */
#ifndef HSM_DEVICE_H
#define HSM_DEVICE_H

#include "hsm/hsm.h"

enum {
    HSM_DEVICES_MAX = 16,
    HSM_DEVICE_KEYS_MAX = 128,
    HSM_DEVICE_SERIAL_MAX = 16,
    HSM_PIN_MAX = 255,
    HSM_DECRYPTED_MAX = 512,
    HSM_DEVICE_DATA_MAX = 32768, /* octets of one note */
};

struct hsm_device_info {
    char label[HSM_LABEL_MAX + 1];
    char manufacturer[32 + 1];
    char model[16 + 1];
    char serial[HSM_DEVICE_SERIAL_MAX + 1];
    size_t pin_min, pin_max;
    bool has_pin;
    bool is_count_low; /* a wrong PIN was typed since the last right one */
    bool is_final_try; /* the next wrong one locks */
    bool is_locked;
};

/* The devices that are there, without login. A module that cannot be loaded is
 * ERROR_NOT_FOUND. */
bool hsm_device_list(const char *module, struct hsm_device_info *out,
                     size_t *count, struct error *err) MUST_CHECK;

struct hsm_device;

/* The device with this serial number, or, if `serial` is NULL, the only one.
 * ERROR_NOT_FOUND when there is none, ERROR_CONFLICT when there are several. */
bool hsm_device_open(const char *module, const char *serial,
                     struct hsm_device **out, struct error *err) MUST_CHECK;
void hsm_device_close(struct hsm_device *device); /* NULL is nothing */

/* As it is now. */
bool hsm_device_info(struct hsm_device *device, struct hsm_device_info *out,
                     struct error *err) MUST_CHECK;

/* Once; a wrong PIN is ERROR_DENIED and says what the device tells of tries
 * left (PKCS #11 knows no number), a locked one ERROR_CONFLICT. */
bool hsm_device_login(struct hsm_device *device, const char *pin,
                      struct error *err) MUST_CHECK;
void hsm_device_logout(struct hsm_device *device);

/* The holder's PIN. Nobody need be logged in. */
bool hsm_device_set_pin(struct hsm_device *device, const char *old_pin,
                        const char *new_pin, struct error *err) MUST_CHECK;

/* The administrator sets a new PIN of the holder, whose keys survive; logs out
 * again. */
bool hsm_device_reset_pin(struct hsm_device *device, const char *admin_pin,
                          const char *new_pin, struct error *err) MUST_CHECK;
bool hsm_device_set_admin_pin(struct hsm_device *device, const char *old_pin,
                              const char *new_pin,
                              struct error *err) MUST_CHECK;

struct hsm_device_key {
    uint8_t id[HSM_ID_MAX];
    size_t id_len;
    char label[HSM_LABEL_MAX + 1];
    enum hsm_key_type type;
    bool can_sign, can_decrypt; /* decrypt (RSA) or derive (EC) */
    uint8_t spki[HSM_SPKI_MAX];
    size_t spki_len;
};

/* Private keys that have their public half on the device; after login. */
bool hsm_device_keys(struct hsm_device *device,
                     struct hsm_device_key keys[HSM_DEVICE_KEYS_MAX],
                     size_t *count, struct error *err) MUST_CHECK;

/* A signing pair made inside: as hsm_key_generate(). */
bool hsm_device_generate(struct hsm_device *device, enum hsm_key_type type,
                         const char *label, const uint8_t *id, size_t id_len,
                         struct hsm_device_key *out,
                         struct error *err) MUST_CHECK;

/*
 * The device's own key, which never gets a certificate: ECDSA on P-256, made
 * inside, usable without login, by which a locked device says which one it is.
 * ERROR_NOT_FOUND when there is none, ERROR_DENIED when it came from outside.
 * _make makes it at the maker's station; one that is there stays.
 */
bool hsm_device_own_key(struct hsm_device *device, struct hsm_device_key *out,
                        struct error *err) MUST_CHECK;
bool hsm_device_own_key_make(struct hsm_device *device,
                             struct hsm_device_key *out,
                             struct error *err) MUST_CHECK;

/*
 * The transport pair: RSA-2048, made inside, which unwraps what is delivered to
 * this device and does nothing else (hsm/escrow.h). After login, by whatever
 * PIN the device has then. ERROR_NOT_FOUND when there is none, ERROR_DENIED
 * when it came from outside, or can do more. _make makes it at the maker's
 * station; one that is there stays.
 */
bool hsm_device_transport_key(struct hsm_device *device,
                              struct hsm_device_key *out,
                              struct error *err) MUST_CHECK;
bool hsm_device_transport_key_make(struct hsm_device *device,
                                   struct hsm_device_key *out,
                                   struct error *err) MUST_CHECK;

/* An escrowed key on its way to this device (docs/architecture.md, "Pairs");
 * borrowed. */
struct hsm_device_delivery {
    const uint8_t *content_key; /* AES-256, under the transport key by OAEP */
    size_t content_key_len;
    const uint8_t *wrapped; /* the private key under it, RFC 5649 */
    size_t wrapped_len;
    const uint8_t *spki; /* RSA-2048, RSA-3072, EC P-256 */
    size_t spki_len;
};

/* CKA_ID of a pair that was delivered: the first 20 octets of SHA-256 over its
 * SPKI. */
enum { HSM_DEVICE_IMPORTED_ID_LEN = 20 };
bool hsm_device_imported_id(const uint8_t *spki, size_t spki_len,
                            uint8_t out[HSM_DEVICE_IMPORTED_ID_LEN],
                            struct error *err) MUST_CHECK;

/*
 * Two C_UnwrapKey: the private key is in the token, and nowhere in clear. It
 * decrypts (RSA) or derives (EC) and does nothing else; sensitive, not
 * extractable. What has been opened is held against the SPKI before this
 * succeeds; what does not open, or is another key, is ERROR_INPUT and leaves
 * nothing. A pair that is there and whole stays; half of one, left by a program
 * that was killed, is made again. After login.
 */
bool hsm_device_import(struct hsm_device *device,
                       const struct hsm_device_delivery *delivery,
                       const char *label, struct hsm_device_key *out,
                       struct error *err) MUST_CHECK;

/* The pair of this id, if it is there and whole; after login. Half a pair, left
 * by a program that was killed, is removed. ERROR_DENIED for a key that was not
 * made inside. */
bool hsm_device_pair_find(struct hsm_device *device, const uint8_t *id,
                          size_t id_len, bool *found,
                          struct hsm_device_key *out,
                          struct error *err) MUST_CHECK;
/* Whether the public half of this id is there: without login. */
bool hsm_device_is_public_there(struct hsm_device *device, const uint8_t *id,
                                size_t id_len, bool *out,
                                struct error *err) MUST_CHECK;
/* Whether it holds nothing of a holder that can be seen without login. */
bool hsm_device_is_blank(struct hsm_device *device, bool *out,
                         struct error *err) MUST_CHECK;

/* As hsm_sign(). */
bool hsm_device_sign(struct hsm_device *device,
                     const struct hsm_device_key *key, enum hsm_scheme scheme,
                     const uint8_t *message, size_t message_len,
                     uint8_t *signature, size_t *signature_len,
                     struct error *err) MUST_CHECK;
/* Over the digest of the message: for what is streamed. */
bool hsm_device_sign_digest(struct hsm_device *device,
                            const struct hsm_device_key *key,
                            enum hsm_scheme scheme, const uint8_t *digest,
                            size_t digest_len, uint8_t *signature,
                            size_t *signature_len,
                            struct error *err) MUST_CHECK;

/* RSA: PKCS #1 v1.5 (RFC 8017, 7.2), or OAEP with SHA-1. `out` holds
 * HSM_DECRYPTED_MAX octets; the caller cleanses it. What does not open is
 * ERROR_INPUT. */
bool hsm_device_decrypt(struct hsm_device *device,
                        const struct hsm_device_key *key, bool is_oaep,
                        const uint8_t *data, size_t len, uint8_t *out,
                        size_t *out_len, struct error *err) MUST_CHECK;

/* EC: the x coordinate of the Diffie-Hellman point (SEC 1, 3.3.1), with the
 * other side's uncompressed point. As above. */
bool hsm_device_derive(struct hsm_device *device,
                       const struct hsm_device_key *key, const uint8_t *point,
                       size_t point_len, uint8_t *out, size_t *out_len,
                       struct error *err) MUST_CHECK;

/* Certificates on the device, as DER one after another: `each` may stop by
 * false. */
typedef bool hsm_device_each(const uint8_t *der, size_t len, void *arg,
                             struct error *err);
bool hsm_device_certificates(struct hsm_device *device, hsm_device_each *each,
                             void *arg, struct error *err) MUST_CHECK;
/* Adds one beside the key of this id; one that is there is left as it is. */
bool hsm_device_add_certificate(struct hsm_device *device, const uint8_t *der,
                                size_t len, const char *label,
                                const uint8_t *id, size_t id_len,
                                struct error *err) MUST_CHECK;

/* Notes on the device, known by label, for everybody to read: without login. A
 * new one of the same label is written before the old one is removed. */
bool hsm_device_data_find(struct hsm_device *device, const char *label,
                          bool *found, struct buf *out,
                          struct error *err) MUST_CHECK;
bool hsm_device_data_put(struct hsm_device *device, const char *label,
                         const uint8_t *data, size_t len,
                         struct error *err) MUST_CHECK;
bool hsm_device_data_remove(struct hsm_device *device, const char *label,
                            struct error *err) MUST_CHECK;

#endif
