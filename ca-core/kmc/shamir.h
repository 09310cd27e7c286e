/*
 * Sharing of a secret m of n (A. Shamir, "How to share a secret", CACM 22(11),
 * 1979) over GF(2^8) with the polynomial of AES (FIPS 197, 4.2), each octet by
 * itself. Any m shares give the secret; m - 1 fit every secret alike. Nothing
 * here tells a wrong share: ca-core/kmc/share.h does.
 */
#ifndef CA_CORE_KMC_SHAMIR_H
#define CA_CORE_KMC_SHAMIR_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { SHAMIR_PLACES_MAX = 16, SHAMIR_SECRET_MAX = 64 };

/* Share i (from 0) is the polynomial at i + 1; `shares` holds `count` of `len`
 * octets one after another. 2 <= needed <= count <= SHAMIR_PLACES_MAX. Fails
 * for want of entropy. */
bool shamir_split(const uint8_t *secret, size_t len, unsigned needed,
                  unsigned count, uint8_t *shares,
                  struct error *err) MUST_CHECK;

/* From `count` shares at these places (1 to 255, all different, else
 * ERROR_INPUT). */
bool shamir_join(const uint8_t *places, const uint8_t *shares, unsigned count,
                 size_t len, uint8_t *secret, struct error *err) MUST_CHECK;

#endif
