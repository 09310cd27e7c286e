/* Shamir's sharing; see ca-core/kmc/shamir.h. */
#include "ca-core/kmc/shamir.h"

#include <assert.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

enum { REDUCTION = 0x1b }; /* x^8 = x^4 + x^3 + x + 1 */

/* In constant time: one factor is secret. */
static uint8_t
multiply(uint8_t a, uint8_t b)
{
    unsigned product = 0, x = a, y = b;

    for (int bit = 0; bit < 8; bit++) {
        product ^= x & (0U - (y & 1));
        x = ((x << 1) ^ (REDUCTION & (0U - (x >> 7)))) & 0xff;
        y >>= 1;
    }
    return (uint8_t)product;
}

/* a^254: the inverse, as the group has 255 elements. */
static uint8_t
invert(uint8_t a)
{
    uint8_t square = a, result = 1;

    for (int bit = 1; bit < 8; bit++) {
        square = multiply(square, square);
        result = multiply(result, square);
    }
    return result;
}

bool
shamir_split(const uint8_t *secret, size_t len, unsigned needed, unsigned count,
             uint8_t *shares, struct error *err)
{
    uint8_t coefficient[SHAMIR_PLACES_MAX];

    assert(needed >= 2 && needed <= count && count <= SHAMIR_PLACES_MAX &&
           len <= SHAMIR_SECRET_MAX);
    for (size_t i = 0; i < len; i++) {
        if (RAND_priv_bytes(coefficient, (int)needed - 1) != 1) {
            OPENSSL_cleanse(coefficient, sizeof coefficient);
            return error_openssl(err, ERROR_INTERNAL, "no random octets");
        }
        for (unsigned share = 0; share < count; share++) {
            uint8_t y = 0;

            /* Horner, from the highest power down to the secret. */
            for (unsigned power = needed - 1; power > 0; power--)
                y = multiply(y ^ coefficient[power - 1], (uint8_t)(share + 1));
            shares[share * len + i] = y ^ secret[i];
        }
    }
    OPENSSL_cleanse(coefficient, sizeof coefficient);
    return true;
}

bool
shamir_join(const uint8_t *places, const uint8_t *shares, unsigned count,
            size_t len, uint8_t *secret, struct error *err)
{
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j <= i; j++)
            if (places[i] == 0 || (j < i && places[i] == places[j]))
                return error_set(err, ERROR_INPUT,
                                 "two shares are of one place");
    for (size_t octet = 0; octet < len; octet++) {
        uint8_t sum = 0;

        /* Lagrange at 0. */
        for (unsigned i = 0; i < count; i++) {
            uint8_t weight = 1;

            for (unsigned j = 0; j < count; j++)
                if (j != i)
                    weight = multiply(
                        weight,
                        multiply(places[j],
                                 invert((uint8_t)(places[i] ^ places[j]))));
            sum ^= multiply(weight, shares[i * len + octet]);
        }
        secret[octet] = sum;
    }
    return true;
}
