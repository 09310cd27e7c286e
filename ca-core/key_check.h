/*
 * Is a public key fit to be certified? Sizes and exponents (CABF BR 6.1.5,
 * 6.1.6), factors below 752 (SP 800-89, 5.3.3), the ROCA fingerprint
 * (CVE-2017-15361), primes so near that Fermat's method finds them
 * (CVE-2022-26320), keys known to be compromised.
 */
#ifndef CA_CORE_KEY_CHECK_H
#define CA_CORE_KEY_CHECK_H

#include "ca-core/public_key.h"

/* Sets *is_blocked for the SHA-256 of an SPKI; false is a failure to look. */
typedef bool key_blocked_fn(void *arg,
                            const uint8_t digest[PUBLIC_KEY_DIGEST_LEN],
                            bool *is_blocked, struct error *err);

/* ERROR_INPUT tells what is wrong with the key; ERROR_DENIED: it is blocked.
 * `is_blocked` may be NULL when no list applies. The EC point was found to be
 * on its curve by public_key_parse(). */
bool key_check(const struct public_key *key, struct der spki,
               key_blocked_fn *is_blocked, void *arg,
               struct error *err) MUST_CHECK;

#endif
