/*
 * The manifest of an export of the log: which entries it holds, the root of
 * the Merkle tree over them (RFC 6962, 2.1), signed by the log key. What is
 * signed is the RFC 8785 form of
 *   {"count", "first_index", "from", "last_index", "log_key", "made_at",
 *    "root", "to"}
 * and it travels as
 *   {"manifest": {...}, "public_key": PEM, "scheme", "signature": base64}.
 * Pure.
 */
#ifndef CA_CORE_MANIFEST_H
#define CA_CORE_MANIFEST_H

#include <openssl/evp.h>

#include "base/json.h"
#include "ca-core/merkle.h"
#include "hsm/scheme.h"

enum { MANIFEST_MAX = 65536 }; /* octets of a document */

struct manifest {
    int64_t from, to; /* the time that was asked for: to is not in it */
    int64_t first_index, last_index; /* 0 and -1 if there are no entries */
    int64_t count;
    uint8_t root[MERKLE_HASH_LEN];
    uint8_t log_key[32]; /* SHA-256 of the key's SubjectPublicKeyInfo */
    int64_t made_at;
};

/* A document that was read. */
struct manifest_signed {
    struct manifest manifest;
    enum hsm_scheme scheme;
    EVP_PKEY *key; /* that the document names; owned */
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t signature_len;
};

/* The octets that are signed. */
bool manifest_encode(const struct manifest *manifest, struct buf *out,
                     struct error *err) MUST_CHECK;

/* The document. `spki` is DER. The caller owns *out. */
bool manifest_document(const struct manifest *manifest, enum hsm_scheme scheme,
                       const uint8_t *spki, size_t spki_len,
                       const uint8_t *signature, size_t signature_len,
                       json_t **out, struct error *err) MUST_CHECK;

/* Reads a document strictly; ERROR_INPUT. Its key is the one that log_key
 * names; the signature is not checked. The caller clears. */
bool manifest_parse(const json_t *document, struct manifest_signed *out,
                    struct error *err) MUST_CHECK;
void manifest_clear(struct manifest_signed *manifest); /* zeroed is nothing */

/* ERROR_DENIED unless the signature is `trusted`'s (NULL: that of the
 * document's own key, which proves only that the parts belong together). */
bool manifest_verify(const struct manifest_signed *manifest, EVP_PKEY *trusted,
                     struct error *err) MUST_CHECK;

/* A PEM public key; the caller frees *out. ERROR_INPUT. */
bool manifest_key_parse(const char *pem, size_t len, EVP_PKEY **out,
                        uint8_t sha256[32], struct error *err) MUST_CHECK;

#endif
