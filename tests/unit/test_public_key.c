/* Subject public keys: RFC 3279, 5480, 8410; the oracle is OpenSSL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "soft_ca.h"

static struct soft_key keys[HSM_KEY_TYPE_COUNT];

static int
make_keys(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HSM_KEY_TYPE_COUNT; i++)
        soft_key_make((enum hsm_key_type)i, &keys[i]);
    return 0;
}

static int
clear_keys(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HSM_KEY_TYPE_COUNT; i++)
        soft_key_clear(&keys[i]);
    return 0;
}

static void
refused(struct der spki, const char *reason)
{
    struct public_key key;
    struct error err = {0};

    assert_false(public_key_parse(spki, &key, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_null(key.key);
    if (strstr(err.what, reason) == NULL)
        fail_msg("\"%s\" does not tell \"%s\"", err.what, reason);
}

static void
a_key_is_the_one_that_openssl_reads(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HSM_KEY_TYPE_COUNT; i++) {
        struct public_key key;
        struct error err = {0};

        assert_true(public_key_parse(soft_key_spki(&keys[i]), &key, &err));
        assert_int_equal(key.type, i);
        assert_int_equal(EVP_PKEY_eq(key.key, keys[i].key), 1);
        public_key_clear(&key);
        assert_null(key.key);
    }
}

static void
a_key_cut_or_followed_by_octets_is_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HSM_KEY_TYPE_COUNT; i++) {
        struct der spki = soft_key_spki(&keys[i]);
        uint8_t longer[PUBLIC_KEY_SPKI_MAX];

        for (size_t len = 0; len < spki.len; len++)
            refused((struct der){spki.data, len}, "not a public key");
        memcpy(longer, spki.data, spki.len);
        longer[spki.len] = 0;
        refused((struct der){longer, spki.len + 1}, "not a public key");
    }
}

/* Every octet of the frame (all but the key itself) changed in every bit. */
static void
a_changed_frame_is_refused(void **state)
{
    static const size_t frame[HSM_KEY_TYPE_COUNT] = {
        [HSM_KEY_RSA_2048] = 33, [HSM_KEY_RSA_3072] = 33,
        [HSM_KEY_RSA_4096] = 33, [HSM_KEY_EC_P256] = 27,
        [HSM_KEY_EC_P384] = 24,  [HSM_KEY_ED25519] = 12};

    (void)state;
    for (unsigned i = 0; i < HSM_KEY_TYPE_COUNT; i++)
        for (size_t bit = 0; bit < 8 * frame[i]; bit++) {
            uint8_t *changed = base_copy(keys[i].spki.data, keys[i].spki.len);

            changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
            refused((struct der){changed, keys[i].spki.len}, "");
            free(changed);
        }
}

static void
refuse_key(EVP_PKEY *key, const char *reason)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);

    assert_true(len > 0);
    refused((struct der){der, (size_t)len}, reason);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}

static void
unsupported_keys_are_refused_by_name(void **state)
{
    (void)state;
    refuse_key(EVP_RSA_gen(1024), "unsupported size");
    refuse_key(EVP_RSA_gen(2056), "unsupported size");
    refuse_key(EVP_EC_gen("P-521"), "unsupported curve");
    refuse_key(EVP_EC_gen("secp256k1"), "unsupported curve");
    refuse_key(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "unsupported algo");
    refuse_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), "unsupported algo");
}

static void
a_point_off_its_curve_is_refused(void **state)
{
    struct der spki = soft_key_spki(&keys[HSM_KEY_EC_P256]);
    uint8_t changed[128];

    (void)state;
    memcpy(changed, spki.data, spki.len);
    changed[spki.len - 1] ^= 1;
    refused((struct der){changed, spki.len}, "not on its curve");
    memset(changed + spki.len - 64, 0, 64); /* (0, 0) */
    refused((struct der){changed, spki.len}, "not on its curve");
    memset(changed + spki.len - 64, 0xff, 64); /* not field elements */
    refused((struct der){changed, spki.len}, "not on its curve");
}

static void
compressed_points_and_infinity_are_refused(void **state)
{
    struct der spki = soft_key_spki(&keys[HSM_KEY_EC_P256]);
    uint8_t changed[128];

    (void)state;
    memcpy(changed, spki.data, spki.len);
    changed[1] = (uint8_t)(changed[1] - 32);   /* SEQUENCE */
    changed[24] = (uint8_t)(changed[24] - 32); /* BIT STRING */
    changed[26] = 0x02;
    refused((struct der){changed, spki.len - 32}, "uncompressed");
    changed[1] = (uint8_t)(spki.data[1] - 64);
    changed[24] = (uint8_t)(spki.data[24] - 64);
    changed[26] = 0x00;
    refused((struct der){changed, spki.len - 64}, "uncompressed");
}

static void
rsa_parameters_must_be_null(void **state)
{
    static const uint8_t absent[] = {0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48,
                                     0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
    struct der spki = soft_key_spki(&keys[HSM_KEY_RSA_2048]);
    struct buf changed = BUF_INIT(1024);
    size_t mark = der_begin(&changed, DER_SEQUENCE);

    (void)state;
    (void)buf_add(&changed, absent, sizeof absent);
    (void)buf_add(&changed, spki.data + 19, spki.len - 19);
    der_end(&changed, mark);
    refused(soft_der(&changed), "parameters");
    buf_clear(&changed);
}

static void
a_negative_or_padded_modulus_is_refused(void **state)
{
    struct der spki = soft_key_spki(&keys[HSM_KEY_RSA_2048]);
    uint8_t changed[512];

    (void)state;
    memcpy(changed, spki.data, spki.len);
    /* 00 c5.. becomes 80 c5..: negative. */
    assert_int_equal(changed[32], 0x00);
    changed[32] = 0x80;
    refused((struct der){changed, spki.len}, "not an RSA public key");
    changed[32] = 0x00;
    changed[33] &= 0x7f; /* a sign octet that is not needed */
    refused((struct der){changed, spki.len}, "not an RSA public key");
}

static void
identifiers_are_sha256_of_the_key_and_of_the_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HSM_KEY_TYPE_COUNT; i++) {
        struct der spki = soft_key_spki(&keys[i]);
        uint8_t id[PUBLIC_KEY_ID_LEN], digest[PUBLIC_KEY_DIGEST_LEN];
        unsigned char expected[32];
        X509_PUBKEY *pubkey = NULL;
        const unsigned char *bits, *p = spki.data;
        int len;

        assert_non_null(d2i_X509_PUBKEY(&pubkey, &p, (long)spki.len));
        assert_int_equal(
            X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, pubkey), 1);
        SHA256(bits, (size_t)len, expected);
        assert_true(public_key_id(spki, id, NULL));
        assert_memory_equal(id, expected, sizeof id);
        SHA256(spki.data, spki.len, expected);
        assert_true(public_key_digest(spki, digest, NULL));
        assert_memory_equal(digest, expected, sizeof digest);
        X509_PUBKEY_free(pubkey);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_the_one_that_openssl_reads),
        cmocka_unit_test(a_key_cut_or_followed_by_octets_is_refused),
        cmocka_unit_test(a_changed_frame_is_refused),
        cmocka_unit_test(unsupported_keys_are_refused_by_name),
        cmocka_unit_test(a_point_off_its_curve_is_refused),
        cmocka_unit_test(compressed_points_and_infinity_are_refused),
        cmocka_unit_test(rsa_parameters_must_be_null),
        cmocka_unit_test(a_negative_or_padded_modulus_is_refused),
        cmocka_unit_test(identifiers_are_sha256_of_the_key_and_of_the_whole),
    };

    return cmocka_run_group_tests(tests, make_keys, clear_keys);
}
