/* ca-core/merkle.h against the vectors of RFC 6962's reference implementation
 * and against the definition of section 2.1 itself. */
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/text.h"
#include "ca-core/merkle.h"

enum { VECTORS = 8, MANY = 70 };

/* The leaves' data, and the root of the tree over the first n of them. */
static const struct {
    const char *data;
    const char *root;
} vectors[VECTORS] = {
    {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
    {"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
    {"2021",
     "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {"3031",
     "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
    {"40414243",
     "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
    {"5051525354555657",
     "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
    {"606162636465666768696a6b6c6d6e6f",
     "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};

static void
assert_hash(const uint8_t hash[MERKLE_HASH_LEN], const char *wanted)
{
    char hex[2 * MERKLE_HASH_LEN + 1];

    text_hex(hash, MERKLE_HASH_LEN, hex);
    assert_string_equal(hex, wanted);
}

static void
roots_are_those_of_the_reference_implementation(void **state)
{
    struct error err = {0};
    struct merkle merkle;

    (void)state;
    assert_true(merkle_init(&merkle, &err));
    for (size_t i = 0; i < VECTORS; i++) {
        uint8_t data[16], leaf[MERKLE_HASH_LEN], root[MERKLE_HASH_LEN];
        size_t len;

        assert_true(text_unhex(vectors[i].data, data, sizeof data, &len));
        assert_true(merkle_leaf(data, len, leaf, &err));
        assert_true(merkle_add(&merkle, leaf, &err));
        assert_true(merkle_root(&merkle, root, &err));
        assert_hash(root, vectors[i].root);
    }
    merkle_clear(&merkle);
}

static void
the_root_of_nothing_is_the_hash_of_nothing(void **state)
{
    uint8_t root[MERKLE_HASH_LEN];
    struct error err = {0};
    struct merkle merkle;

    (void)state;
    assert_true(merkle_init(&merkle, &err));
    assert_true(merkle_root(&merkle, root, &err));
    assert_hash(root, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b"
                      "7852b855");
    merkle_clear(&merkle);
}

/* MTH(D[n]) word for word: split at the largest power of two below n. */
static void
mth(uint8_t (*leaves)[MERKLE_HASH_LEN], size_t n, uint8_t out[MERKLE_HASH_LEN])
{
    uint8_t node[1 + 2 * MERKLE_HASH_LEN] = {0x01};
    size_t k = 1;

    if (n == 1) {
        memcpy(out, leaves[0], MERKLE_HASH_LEN);
        return;
    }
    while (2 * k < n)
        k *= 2;
    mth(leaves, k, node + 1);
    mth(leaves + k, n - k, node + 1 + MERKLE_HASH_LEN);
    assert_int_equal(
        EVP_Q_digest(NULL, "SHA256", NULL, node, sizeof node, out, NULL), 1);
}

static void
roots_are_those_of_the_definition_at_every_size(void **state)
{
    static uint8_t leaves[MANY][MERKLE_HASH_LEN];
    struct error err = {0};
    struct merkle merkle;

    (void)state;
    assert_true(merkle_init(&merkle, &err));
    for (size_t n = 1; n <= MANY; n++) {
        uint8_t wanted[MERKLE_HASH_LEN], root[MERKLE_HASH_LEN];
        uint8_t data = (uint8_t)n;

        assert_true(merkle_leaf(&data, 1, leaves[n - 1], &err));
        assert_true(merkle_add(&merkle, leaves[n - 1], &err));
        assert_true(merkle_root(&merkle, root, &err));
        mth(leaves, n, wanted);
        assert_memory_equal(root, wanted, sizeof root);
    }
    merkle_clear(&merkle);
}

static void
a_leaf_is_never_taken_for_a_node(void **state)
{
    uint8_t pair[2 * MERKLE_HASH_LEN] = {0}, as_leaf[MERKLE_HASH_LEN];
    uint8_t as_node[MERKLE_HASH_LEN];
    struct error err = {0};
    struct merkle merkle;

    (void)state;
    assert_true(merkle_leaf(pair, sizeof pair, as_leaf, &err));
    assert_true(merkle_init(&merkle, &err));
    assert_true(merkle_add(&merkle, pair, &err));
    assert_true(merkle_add(&merkle, pair, &err));
    assert_true(merkle_root(&merkle, as_node, &err));
    assert_memory_not_equal(as_leaf, as_node, sizeof as_leaf);
    merkle_clear(&merkle);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_the_reference_implementation),
        cmocka_unit_test(the_root_of_nothing_is_the_hash_of_nothing),
        cmocka_unit_test(roots_are_those_of_the_definition_at_every_size),
        cmocka_unit_test(a_leaf_is_never_taken_for_a_node),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
