/* Rows of ca.ocsp_key: keys in the OCSP token that the CA may certify as
 * delegated signers (RFC 6960, 4.2.2.2). */
#ifndef DB_OCSP_KEY_H
#define DB_OCSP_KEY_H

#include "db/certificate.h"

enum { DB_OCSP_KEY_SPKI_MAX = 1024 };

/* A key and the certificate that it has, if any: of those that are valid, or
 * recorded by an order of kind `ocsp-signer`, the one that ends last. What a
 * ceremony recorded, the ceremony finishes. */
struct db_ocsp_key {
    int32_t issuer_id;
    uint8_t key_id[32];
    size_t key_id_len;
    char scheme[33]; /* hsm/scheme.h */
    uint8_t spki[DB_OCSP_KEY_SPKI_MAX];
    size_t spki_len;
    bool has_certificate;
    bool is_intended;  /* recorded, not yet signed */
    char order_id[37]; /* of that certificate */
    uint8_t serial[DB_SERIAL_LEN];
    int64_t not_before;
    int64_t not_after;
};

/* Adds an active key; one that is there already is left as it is. */
bool db_ocsp_key_insert(struct db *db, const struct db_ocsp_key *key,
                        struct error *err) MUST_CHECK;

/* All active keys. The caller frees *out with free(). */
bool db_ocsp_key_list(struct db *db, struct db_ocsp_key **out, size_t *count,
                      struct error *err) MUST_CHECK;

#endif
