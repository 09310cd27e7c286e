/*
 * The hashes of RFC 6962, 2.1 (SHA-256): leaves of the log, and the tree's root
 * over a stream of leaves with one node for each level. Pure.
 */
#ifndef CA_CORE_MERKLE_H
#define CA_CORE_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "base/error.h"

enum { MERKLE_HASH_LEN = 32, MERKLE_LEVELS = 63 };

/* MTH({d}) = SHA-256(0x00 || d). ERROR_INTERNAL when OpenSSL fails. */
bool merkle_leaf(const uint8_t *data, size_t len, uint8_t out[MERKLE_HASH_LEN],
                 struct error *err) MUST_CHECK;

/* The roots of the complete subtrees that the leaves so far make: one for each
 * bit of `count`, the widest at the highest bit. */
struct merkle {
    EVP_MD_CTX *context; /* kept; owned */
    uint64_t count;
    uint8_t root[MERKLE_LEVELS][MERKLE_HASH_LEN]; /* root[i]: of 2^i leaves */
};

bool merkle_init(struct merkle *merkle, struct error *err) MUST_CHECK;
void merkle_clear(struct merkle *merkle); /* a zeroed one is nothing */

/* The next leaf, by its hash. */
bool merkle_add(struct merkle *merkle, const uint8_t leaf[MERKLE_HASH_LEN],
                struct error *err) MUST_CHECK;

/* MTH over all leaves so far; more may follow. Of none: SHA-256 of nothing. */
bool merkle_root(const struct merkle *merkle, uint8_t out[MERKLE_HASH_LEN],
                 struct error *err) MUST_CHECK;

#endif
