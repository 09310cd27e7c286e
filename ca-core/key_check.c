/* Quality of public keys; see ca-core/key_check.h. */
#include "ca-core/key_check.h"

#include <string.h>

#include <openssl/bn.h>

enum { FERMAT_ROUNDS = 100 }; /* CABF BR 6.1.1.3 */

/* Primes below 752: no RSA modulus of ours has one (SP 800-89, 5.3.3). */
static const uint16_t small_primes[] = {
    3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,  47,  53,
    59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103, 107, 109, 113, 127,
    131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199,
    211, 223, 227, 229, 233, 239, 241, 251, 257, 263, 269, 271, 277, 281, 283,
    293, 307, 311, 313, 317, 331, 337, 347, 349, 353, 359, 367, 373, 379, 383,
    389, 397, 401, 409, 419, 421, 431, 433, 439, 443, 449, 457, 461, 463, 467,
    479, 487, 491, 499, 503, 509, 521, 523, 541, 547, 557, 563, 569, 571, 577,
    587, 593, 599, 601, 607, 613, 617, 619, 631, 641, 643, 647, 653, 659, 661,
    673, 677, 683, 691, 701, 709, 719, 727, 733, 739, 743, 751,
};
enum { SMALL_PRIME_COUNT = sizeof small_primes / sizeof small_primes[0] };

/*
 * ROCA: primes of the flawed generator are k*M + 65537^a mod M, M a primorial,
 * so the modulus lies in the subgroup that 65537 generates modulo each of these
 * primes. A random modulus passes all of them once in 2^27 (Nemec et al.,
 * "The Return of Coppersmith's Attack", 2017).
 */
enum { ROCA_PRIME_FIRST = 11, ROCA_PRIME_LAST = 167 };

static bool
is_in_roca_group(uint64_t residue, uint64_t prime)
{
    uint64_t power = 1;

    do {
        if (power == residue)
            return true;
        power = power * 65537 % prime;
    } while (power != 1);
    return false;
}

static bool
check_small_factors(const BIGNUM *n, struct error *err)
{
    bool is_roca = true;

    for (size_t i = 0; i < SMALL_PRIME_COUNT; i++) {
        BN_ULONG prime = small_primes[i];
        BN_ULONG residue = BN_mod_word(n, prime);

        if (residue == 0)
            return error_set(err, ERROR_INPUT,
                             "RSA modulus is divisible by %u (SP 800-89, "
                             "5.3.3)",
                             small_primes[i]);
        if (is_roca && prime >= ROCA_PRIME_FIRST && prime <= ROCA_PRIME_LAST)
            is_roca = is_in_roca_group(residue, prime);
    }
    if (is_roca)
        return error_set(err, ERROR_INPUT,
                         "RSA key of a flawed generator (ROCA, "
                         "CVE-2017-15361)");
    return true;
}

/* out = floor(sqrt(n)), Newton's method from above. */
static bool
square_root(const BIGNUM *n, BIGNUM *out, BN_CTX *ctx)
{
    BIGNUM *next;
    bool ok = false;

    BN_zero(out);
    if (BN_is_zero(n))
        return true;
    BN_CTX_start(ctx);
    if ((next = BN_CTX_get(ctx)) == NULL ||
        BN_set_bit(out, (BN_num_bits(n) + 1) / 2) != 1)
        goto out;
    for (;;) {
        if (BN_div(next, NULL, n, out, ctx) != 1 ||
            BN_add(next, next, out) != 1 || BN_rshift1(next, next) != 1)
            goto out;
        if (BN_cmp(next, out) >= 0)
            break;
        if (BN_copy(out, next) == NULL)
            goto out;
    }
    ok = true;
out:
    BN_CTX_end(ctx);
    return ok;
}

/* Could it be a square? Residues tell for all but one number in 8000 without a
 * root. */
static bool
may_be_square(const BIGNUM *n)
{
    static const uint16_t moduli[] = {64, 63, 65, 11, 17, 19, 23};

    for (size_t i = 0; i < sizeof moduli / sizeof moduli[0]; i++) {
        BN_ULONG residue = BN_mod_word(n, moduli[i]);
        BN_ULONG k = 0;

        while (k < moduli[i] && k * k % moduli[i] != residue)
            k++;
        if (k == moduli[i])
            return false;
    }
    return true;
}

/* Fermat: n = a^2 - b^2 for an a just above the root when the primes are
 * near. Sets *is_near. */
static bool
search_near_primes(const BIGNUM *n, BN_CTX *ctx, bool *is_near)
{
    BIGNUM *a, *rest, *root, *square;
    bool ok = false;

    *is_near = false;
    BN_CTX_start(ctx);
    a = BN_CTX_get(ctx);
    rest = BN_CTX_get(ctx);
    root = BN_CTX_get(ctx);
    square = BN_CTX_get(ctx);
    if (square == NULL || !square_root(n, a, ctx) ||
        BN_sqr(rest, a, ctx) != 1 || BN_sub(rest, rest, n) != 1)
        goto out;
    /* rest = a^2 - n throughout; (a+1)^2 = a^2 + 2a + 1. It is not positive at
     * the start, as a is the floor. */
    for (int i = 0; i <= FERMAT_ROUNDS; i++) {
        if (!BN_is_negative(rest) && may_be_square(rest)) {
            if (!square_root(rest, root, ctx) || BN_sqr(square, root, ctx) != 1)
                goto out;
            if (BN_cmp(square, rest) == 0) {
                *is_near = true;
                break;
            }
        }
        if (BN_add(rest, rest, a) != 1 || BN_add(rest, rest, a) != 1 ||
            BN_add_word(rest, 1) != 1 || BN_add_word(a, 1) != 1)
            goto out;
    }
    ok = true;
out:
    BN_CTX_end(ctx);
    return ok;
}

static bool
check_rsa(const struct public_key *key, struct error *err)
{
    BN_CTX *ctx = NULL;
    BIGNUM *n = NULL;
    bool is_near = false, ok = false;

    if ((key->rsa_n.data[key->rsa_n.len - 1] & 1) == 0)
        return error_set(err, ERROR_INPUT, "RSA modulus is even");
    /* Odd and at least 2^16 + 1: CABF BR 6.1.6. */
    if ((key->rsa_e.data[key->rsa_e.len - 1] & 1) == 0)
        return error_set(err, ERROR_INPUT, "RSA exponent is even");
    if (key->rsa_e.len < 3)
        return error_set(err, ERROR_INPUT, "RSA exponent is below 65537");
    if ((ctx = BN_CTX_new()) == NULL ||
        (n = BN_bin2bn(key->rsa_n.data, (int)key->rsa_n.len, NULL)) == NULL) {
        error_openssl(err, ERROR_INTERNAL, "RSA key check");
        goto out;
    }
    if (!check_small_factors(n, err))
        goto out;
    if (!search_near_primes(n, ctx, &is_near)) {
        error_openssl(err, ERROR_INTERNAL, "RSA key check");
        goto out;
    }
    if (is_near) {
        error_set(err, ERROR_INPUT,
                  "RSA primes so near that the key is factored (Fermat, "
                  "CVE-2022-26320)");
        goto out;
    }
    ok = true;
out:
    BN_free(n);
    BN_CTX_free(ctx);
    return ok;
}

/* p = 2^255 - 19, little-endian, is ed ff .. ff 7f. */
static bool
is_canonical_ed25519(const uint8_t *point)
{
    if ((point[31] & 0x7f) != 0x7f || point[0] < 0xed)
        return true;
    for (size_t i = 1; i < 31; i++)
        if (point[i] != 0xff)
            return true;
    return false;
}

/* The points of order 1, 2, 4 and 8 in canonical form, without the sign bit: a
 * signature by such a key proves nothing, as anybody can make one. */
static const uint8_t small_order_points[][32] = {
    {0},
    {1},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
};

static bool
check_ed25519(const struct public_key *key, struct error *err)
{
    uint8_t point[32];

    memcpy(point, key->point.data, sizeof point);
    if (!is_canonical_ed25519(point))
        return error_set(err, ERROR_INPUT,
                         "Ed25519 key is not canonical (RFC 8032, 5.1.3)");
    point[31] &= 0x7f;
    for (size_t i = 0; i < sizeof small_order_points / sizeof point; i++)
        if (memcmp(point, small_order_points[i], sizeof point) == 0)
            return error_set(err, ERROR_INPUT,
                             "Ed25519 key is a point of small order");
    return true;
}

bool
key_check(const struct public_key *key, struct der spki,
          key_blocked_fn *is_blocked, void *arg, struct error *err)
{
    uint8_t digest[PUBLIC_KEY_DIGEST_LEN];
    bool blocked = false;

    if (key->rsa_n.data != NULL && !check_rsa(key, err))
        return false;
    if (key->type == HSM_KEY_ED25519 && !check_ed25519(key, err))
        return false;
    if (is_blocked == NULL)
        return true;
    if (!public_key_digest(spki, digest, err) ||
        !is_blocked(arg, digest, &blocked, err))
        return false;
    if (blocked)
        return error_set(err, ERROR_DENIED,
                         "this key is blocked: it was reported compromised");
    return true;
}
