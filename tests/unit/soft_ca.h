/*
 * A certification authority with software keys, for tests of what certificates
 * contain: keys of every type, requests, certificates by profile. OpenSSL makes
 * the keys and signatures, ours is what is under test.
 */
#ifndef TESTS_UNIT_SOFT_CA_H
#define TESTS_UNIT_SOFT_CA_H

#include <openssl/evp.h>

#include "ca-core/lint.h"
#include "ca-core/profile.h"
#include "ca-core/public_key.h"
#include "ca-core/tbs.h"

#define SOFT_CA_SCHEMAS SOURCE_DIR "/config/schema"
#define SOFT_CA_PROFILES SOURCE_DIR "/config/profiles"

struct soft_key {
    enum hsm_key_type type;
    EVP_PKEY *key;
    struct buf spki; /* i2d_PUBKEY() */
};

void soft_key_make(enum hsm_key_type type, struct soft_key *out);
void soft_key_clear(struct soft_key *key);
struct der soft_key_spki(const struct soft_key *key);

/* HSM_SIGNATURE_MAX octets; X.509 form. */
void soft_key_sign(const struct soft_key *key, enum hsm_scheme scheme,
                   struct der message, uint8_t *signature, size_t *len);

/* A PKCS #10 request by OpenSSL, with the subject "CN=request". */
void soft_key_request(const struct soft_key *key, enum hsm_scheme scheme,
                      struct buf *out);

struct soft_ca {
    const char *name; /* "root-1" */
    struct soft_key key;
    enum hsm_scheme scheme;
    struct buf subject; /* DER */
    struct buf certificate;
    uint8_t key_id[PUBLIC_KEY_ID_LEN];
    struct validity_period period;
};

/* Signed by `parent`, or by itself if that is NULL; valid for 30 or 15 years
 * from soft_ca_now(). */
void soft_ca_make(struct soft_ca *ca, const char *name, enum hsm_key_type type,
                  const struct profile *profile, const struct soft_ca *parent);
void soft_ca_clear(struct soft_ca *ca);

/* An hour before the program began: foreign judges know no time but now. */
int64_t soft_ca_now(void);

/* What tbs_build() needs for a certificate by the CA over the key: a drawn
 * serial, one year from soft_ca_now(), the subject as given (DER). */
struct tbs_input soft_ca_input(const struct soft_ca *ca, struct der subject,
                               const struct soft_key *key);

/* Signs a TBSCertificate: `out` gets the certificate. */
void soft_ca_sign(const struct soft_ca *ca, struct der tbs, struct buf *out);

/* A subject that the profile allows, with every attribute that it requires.
 * Appends DER. */
void soft_ca_subject(const struct profile *profile, const char *common_name,
                     struct buf *out);

/* The names and the code that the profile needs, put into the input. */
void soft_ca_fill(const struct profile *profile, struct tbs_input *input);

struct der soft_der(const struct buf *buf);

#endif
