/* SHA-256, the hash of records, digests and identifiers. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { HASH_LEN = 32 };

/* The algorithm is fetched once for the process: fetching it at each call, as
 * OpenSSL's one-shot functions do, costs more than hashing. From any thread. */
bool hash_sha256(const void *data, size_t len, uint8_t out[HASH_LEN],
                 struct error *err) MUST_CHECK;

#endif
