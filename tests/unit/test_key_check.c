/* Quality of keys: CABF BR 6.1; CVE-2017-15361; CVE-2022-26320. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bn.h>

#include "base/text.h"
#include "ca-core/key_check.h"
#include "soft_ca.h"

/* An RSA key of any size and quality: what public_key_parse() would give. */
struct rsa {
    uint8_t n[512], e[8];
    struct public_key key;
};

static void
rsa_set(struct rsa *rsa, const BIGNUM *n, BN_ULONG e)
{
    BIGNUM *exponent = BN_new();

    memset(rsa, 0, sizeof *rsa);
    assert_int_equal(BN_set_word(exponent, e), 1);
    rsa->key.type = HSM_KEY_RSA_2048;
    rsa->key.rsa_n = (struct der){rsa->n, (size_t)BN_bn2bin(n, rsa->n)};
    rsa->key.rsa_e = (struct der){rsa->e, (size_t)BN_bn2bin(exponent, rsa->e)};
    BN_free(exponent);
}

static bool
judge(const struct public_key *key, struct error *err)
{
    return key_check(key, (struct der){NULL, 0}, NULL, NULL, err);
}

static void
refused(const struct public_key *key, const char *reason)
{
    struct error err = {0};

    assert_false(judge(key, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    if (strstr(err.what, reason) == NULL)
        fail_msg("\"%s\" does not tell \"%s\"", err.what, reason);
}

static BIGNUM *
prime(int bits)
{
    BIGNUM *p = BN_new();

    assert_int_equal(BN_generate_prime_ex(p, bits, 0, NULL, NULL, NULL), 1);
    return p;
}

static BIGNUM *
product(const BIGNUM *p, const BIGNUM *q)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = BN_new();

    assert_int_equal(BN_mul(n, p, q, ctx), 1);
    BN_CTX_free(ctx);
    return n;
}

static void
good_keys_of_every_type_are_fit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HSM_KEY_TYPE_COUNT; i++) {
        struct soft_key made;
        struct public_key key;
        struct error err = {0};

        soft_key_make((enum hsm_key_type)i, &made);
        assert_true(public_key_parse(soft_key_spki(&made), &key, &err));
        if (!key_check(&key, soft_key_spki(&made), NULL, NULL, &err))
            fail_msg("%s", err.what);
        public_key_clear(&key);
        soft_key_clear(&made);
    }
}

static void
small_and_even_exponents_are_unfit(void **state)
{
    BIGNUM *p = prime(512), *q = prime(512), *n = product(p, q);
    struct rsa rsa;
    struct error err = {0};

    (void)state;
    rsa_set(&rsa, n, 3);
    refused(&rsa.key, "below 65537");
    rsa_set(&rsa, n, 65535);
    refused(&rsa.key, "below 65537");
    rsa_set(&rsa, n, 65538);
    refused(&rsa.key, "exponent is even");
    rsa_set(&rsa, n, 65537);
    assert_true(judge(&rsa.key, &err));
    rsa_set(&rsa, n, 65539);
    assert_true(judge(&rsa.key, &err));
    BN_free(n);
    BN_free(p);
    BN_free(q);
}

static void
even_and_divisible_moduli_are_unfit(void **state)
{
    static const BN_ULONG factors[] = {3, 5, 167, 751};
    BIGNUM *p = prime(1024), *n = BN_dup(p);
    struct rsa rsa;
    struct error err = {0};

    (void)state;
    assert_int_equal(BN_add_word(n, 1), 1);
    rsa_set(&rsa, n, 65537);
    refused(&rsa.key, "even");
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
        assert_non_null(BN_copy(n, p));
        assert_int_equal(BN_mul_word(n, factors[i]), 1);
        rsa_set(&rsa, n, 65537);
        refused(&rsa.key, "divisible");
    }
    /* 757 is the first prime that nobody asks to look for. */
    assert_non_null(BN_copy(n, p));
    assert_int_equal(BN_mul_word(n, 757), 1);
    rsa_set(&rsa, n, 65537);
    assert_true(judge(&rsa.key, &err));
    BN_free(n);
    BN_free(p);
}

static void
a_published_roca_modulus_is_found(void **state)
{
    /* mod01 of the detector by those who found it (github.com/crocs-muni/roca).
     */
    static const char published[] =
        "944e13208a280c37efc31c3114485e590192adbb8e11c87cad60cdef0037ce99"
        "278330d3f471a2538fa667802ed2a3c44a8b7dea826e888d0aa341fd664f7fa7";
    BIGNUM *n = NULL;
    struct rsa rsa;
    struct error err = {0};

    (void)state;
    assert_int_equal(BN_hex2bn(&n, published), 128);
    rsa_set(&rsa, n, 65537);
    refused(&rsa.key, "ROCA");
    /* Its neighbours are no such keys. */
    for (int i = 0; i < 20; i++) {
        assert_int_equal(BN_add_word(n, 2), 1);
        rsa_set(&rsa, n, 65537);
        memset(&err, 0, sizeof err);
        if (!judge(&rsa.key, &err))
            assert_non_null(strstr(err.what, "divisible"));
    }
    BN_free(n);
}

/* p = k*M + 65537^a mod M, as the flawed generator made them; M is the product
 * of the first 126 primes for 2048-bit keys. */
static BIGNUM *
roca_prime(void)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *m = BN_new(), *k = BN_new(), *a = BN_new(), *p = BN_new();
    BIGNUM *g = BN_new();
    int count = 0;

    BN_one(m);
    for (BN_ULONG i = 2; count < 126; i++) {
        bool is_prime = true;

        for (BN_ULONG d = 2; d * d <= i && is_prime; d++)
            is_prime = i % d != 0;
        if (is_prime) {
            assert_int_equal(BN_mul_word(m, i), 1);
            count++;
        }
    }
    assert_int_equal(BN_set_word(g, 65537), 1);
    do {
        assert_int_equal(BN_rand(k, 1024 - BN_num_bits(m), BN_RAND_TOP_ONE,
                                 BN_RAND_BOTTOM_ANY),
                         1);
        assert_int_equal(BN_rand(a, 62, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY),
                         1);
        assert_int_equal(BN_mod_exp(p, g, a, m, ctx), 1);
        assert_int_equal(BN_mul(k, k, m, ctx), 1);
        assert_int_equal(BN_add(p, p, k), 1);
    } while (BN_check_prime(p, ctx, NULL) != 1);
    BN_free(m);
    BN_free(k);
    BN_free(a);
    BN_free(g);
    BN_CTX_free(ctx);
    return p;
}

static void
a_roca_key_of_2048_bits_is_found(void **state)
{
    BIGNUM *p = roca_prime(), *q = roca_prime(), *n = product(p, q);
    BIGNUM *good = prime(1024), *half = product(p, good);
    struct rsa rsa;
    struct error err = {0};

    (void)state;
    rsa_set(&rsa, n, 65537);
    refused(&rsa.key, "ROCA");
    rsa_set(&rsa, half, 65537); /* one good prime hides the other */
    assert_true(judge(&rsa.key, &err));
    BN_free(n);
    BN_free(half);
    BN_free(good);
    BN_free(p);
    BN_free(q);
}

/* The next prime, some gaps on. */
static BIGNUM *
prime_after(const BIGNUM *p, int gaps)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *q = BN_dup(p);

    while (gaps > 0) {
        assert_int_equal(BN_add_word(q, 2), 1);
        if (BN_check_prime(q, ctx, NULL) == 1)
            gaps--;
    }
    BN_CTX_free(ctx);
    return q;
}

static void
near_primes_are_found_and_distant_ones_not(void **state)
{
    BIGNUM *p = prime(1024), *n = product(p, p);
    BIGNUM *q = prime_after(p, 1), *near = product(p, q);
    BIGNUM *shifted = BN_new(), *far;
    BN_CTX *ctx = BN_CTX_new();
    struct rsa rsa;
    struct error err = {0};

    (void)state;
    rsa_set(&rsa, n, 65537);
    refused(&rsa.key, "Fermat"); /* p = q: a square */
    rsa_set(&rsa, near, 65537);
    refused(&rsa.key, "Fermat");
    /* |p - q| of 2^515: (p-q)^2 / 8 sqrt(n) is about 2^3 rounds. */
    assert_int_equal(BN_set_word(shifted, 1), 1);
    assert_int_equal(BN_lshift(shifted, shifted, 515), 1);
    BN_free(q);
    q = BN_dup(p);
    assert_int_equal(BN_add(q, q, shifted), 1);
    far = product(p, q);
    rsa_set(&rsa, far, 65537);
    if (judge(&rsa.key, &err))
        fail_msg("a distance of 2^515 was not found");
    if (strstr(err.what, "divisible") == NULL)
        assert_non_null(strstr(err.what, "Fermat"));
    BN_free(far);
    BN_free(shifted);
    BN_free(near);
    BN_free(n);
    BN_free(q);
    BN_free(p);
    BN_CTX_free(ctx);
}

static void
ed25519_points_of_small_order_are_unfit(void **state)
{
    static const char *const wrong[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        /* not canonical: p, p + 1, 2^255 - 1 */
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t point[32];
        size_t len;
        struct public_key key = {.type = HSM_KEY_ED25519,
                                 .point = {point, sizeof point}};

        assert_true(text_unhex(wrong[i], point, sizeof point, &len));
        refused(&key, "Ed25519");
    }
}

static bool
look_up(void *arg, const uint8_t digest[PUBLIC_KEY_DIGEST_LEN],
        bool *is_blocked, struct error *err)
{
    const uint8_t *blocked = arg;

    if (blocked == NULL)
        return error_set(err, ERROR_BUSY, "the database is away");
    *is_blocked = memcmp(digest, blocked, PUBLIC_KEY_DIGEST_LEN) == 0;
    return true;
}

static void
a_blocked_key_is_denied_and_its_neighbour_is_not(void **state)
{
    struct soft_key made[2];
    uint8_t digest[PUBLIC_KEY_DIGEST_LEN];
    struct error err = {0};

    (void)state;
    for (int i = 0; i < 2; i++)
        soft_key_make(HSM_KEY_EC_P256, &made[i]);
    assert_true(public_key_digest(soft_key_spki(&made[0]), digest, NULL));
    for (int i = 0; i < 2; i++) {
        struct public_key key;

        assert_true(public_key_parse(soft_key_spki(&made[i]), &key, NULL));
        assert_int_equal(
            key_check(&key, soft_key_spki(&made[i]), look_up, digest, &err),
            i == 1);
        if (i == 0)
            assert_int_equal(err.code, ERROR_DENIED);
        /* A list that cannot be asked lets nobody through. */
        assert_false(
            key_check(&key, soft_key_spki(&made[i]), look_up, NULL, &err));
        assert_int_equal(err.code, ERROR_BUSY);
        public_key_clear(&key);
    }
    for (int i = 0; i < 2; i++)
        soft_key_clear(&made[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_keys_of_every_type_are_fit),
        cmocka_unit_test(small_and_even_exponents_are_unfit),
        cmocka_unit_test(even_and_divisible_moduli_are_unfit),
        cmocka_unit_test(a_published_roca_modulus_is_found),
        cmocka_unit_test(a_roca_key_of_2048_bits_is_found),
        cmocka_unit_test(near_primes_are_found_and_distant_ones_not),
        cmocka_unit_test(ed25519_points_of_small_order_are_unfit),
        cmocka_unit_test(a_blocked_key_is_denied_and_its_neighbour_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
