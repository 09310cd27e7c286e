/* A holder's device, on a real SoftHSM; judged by OpenSSL and pkcs11-tool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "ra/client/holding.h"
#include "tests/unit/soft_token.h"

static const uint8_t message[] = "which device this is";
static struct soft_token token;
static struct hsm_device *device;

#define MUST(call)                                                             \
    do {                                                                       \
        if (!(call))                                                           \
            fail_msg("%s: %s (%s)", #call, err.what, err.cause);               \
    } while (0)

static int
set_up(void **state)
{
    struct error err = {0};

    (void)state;
    soft_token_make(&token);
    if (hsm_device_open(SOFT_TOKEN_MODULE, NULL, &device, &err))
        return 0;
    print_error("%s (%s)\n", err.what, err.cause);
    return 1;
}

static int
tear_down(void **state)
{
    (void)state;
    hsm_device_close(device);
    soft_token_remove(&token);
    return 0;
}

static void
log_in(void)
{
    struct error err = {0};

    MUST(hsm_device_login(device, SOFT_TOKEN_PIN, &err));
}

/* pkcs11-tool, with the holder's PIN; its exit status. */
static int
tool(const char *const *more)
{
    const char *argv[24] = {"pkcs11-tool", "--module", SOFT_TOKEN_MODULE,
                            "--login",     "--pin",    SOFT_TOKEN_PIN};
    size_t n = 6;

    while (*more != NULL)
        argv[n++] = *more++;
    argv[n] = NULL;
    return soft_token_run(argv);
}

static void
verify(const struct hsm_device_key *key, const uint8_t *signature, size_t len)
{
    const unsigned char *p = key->spki;
    EVP_PKEY *public_key = d2i_PUBKEY(NULL, &p, (long)key->spki_len);
    struct error err = {0};

    assert_non_null(public_key);
    MUST(hsm_scheme_verify(hsm_scheme_default(key->type), public_key, message,
                           sizeof message, signature, len, &err));
    EVP_PKEY_free(public_key);
}

static void
own_key_signs_without_login_and_after_a_logout(void **state)
{
    uint8_t signature[HSM_SIGNATURE_MAX];
    struct hsm_device_key key, again;
    struct error err = {0};
    bool is_blank = false;
    size_t len = 0;

    (void)state;
    assert_false(hsm_device_own_key(device, &key, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    MUST(hsm_device_own_key_make(device, &key, &err));
    MUST(hsm_device_sign(device, &key, HSM_ECDSA_SHA256, message,
                         sizeof message, signature, &len, &err));
    verify(&key, signature, len);
    MUST(hsm_device_own_key_make(device, &again, &err));
    assert_memory_equal(again.spki, key.spki, key.spki_len);
    log_in();
    hsm_device_logout(device);
    MUST(hsm_device_own_key(device, &again, &err));
    MUST(hsm_device_sign(device, &again, HSM_ECDSA_SHA256, message,
                         sizeof message, signature, &len, &err));
    verify(&key, signature, len);
    MUST(hsm_device_is_blank(device, &is_blank, &err));
    assert_true(is_blank);
}

static void
half_a_pair_is_removed_and_a_whole_one_is_found(void **state)
{
    static const char *const halve[] = {
        "--delete-object", "--type", "privkey", "--id", NULL, NULL};
    const char *arguments[6];
    struct hsm_device_key key, found_key;
    struct error err = {0};
    char hex[2 * SERVICE_ID_LEN + 1];
    bool found, is_blank;

    (void)state;
    log_in();
    MUST(holding_pair(device, HSM_KEY_EC_P256, "N1", &key, &err));
    MUST(holding_pair(device, HSM_KEY_EC_P256, "N1", &found_key, &err));
    assert_memory_equal(found_key.spki, key.spki, key.spki_len);
    MUST(hsm_device_is_blank(device, &is_blank, &err));
    assert_false(is_blank);
    memcpy(arguments, halve, sizeof halve);
    text_hex(key.id, key.id_len, hex);
    arguments[4] = hex;
    assert_int_equal(tool(arguments), 0);
    MUST(hsm_device_pair_find(device, key.id, key.id_len, &found, &found_key,
                              &err));
    assert_false(found);
    MUST(hsm_device_is_public_there(device, key.id, key.id_len, &found, &err));
    assert_false(found);
    MUST(holding_pair(device, HSM_KEY_EC_P256, "N1", &found_key, &err));
    assert_memory_not_equal(found_key.spki, key.spki, key.spki_len);
}

/* Made by openssl, and written into the device under the id of a case. */
static void
bring(const char *hex)
{
    char path[128], public_path[128];
    const char *const write_private[] = {
        "--write-object", path, "--type", "privkey", "--id", hex, NULL};
    const char *const write_public[] = {
        "--write-object", public_path, "--type", "pubkey", "--id", hex, NULL};
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/key.der", token.folder);
    (void)snprintf(public_path, sizeof public_path, "%s/pub.der", token.folder);
    assert_non_null(file = fopen(path, "we"));
    assert_true(i2d_PrivateKey_fp(file, key) > 0);
    assert_int_equal(fclose(file), 0);
    assert_non_null(file = fopen(public_path, "we"));
    assert_true(i2d_PUBKEY_fp(file, key) > 0);
    assert_int_equal(fclose(file), 0);
    EVP_PKEY_free(key);
    assert_int_equal(tool(write_private), 0);
    assert_int_equal(tool(write_public), 0);
}

static void
key_that_was_not_made_inside_is_refused(void **state)
{
    uint8_t id[SERVICE_ID_LEN];
    char hex[2 * SERVICE_ID_LEN + 1];
    struct hsm_device_key key;
    struct error err = {0};
    bool found;

    (void)state;
    MUST(service_key_id("N2", id, &err));
    text_hex(id, sizeof id, hex);
    bring(hex);
    log_in();
    assert_false(
        hsm_device_pair_find(device, id, sizeof id, &found, &key, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_false(holding_pair(device, HSM_KEY_RSA_2048, "N2", &key, &err));
}

static void
note_replaces_the_one_before_it(void **state)
{
    static uint8_t much[HSM_DEVICE_DATA_MAX + 1];
    struct buf out = BUF_INIT(HSM_DEVICE_DATA_MAX);
    struct error err = {0};
    bool found;

    (void)state;
    MUST(hsm_device_data_find(device, "a", &found, &out, &err));
    assert_false(found);
    MUST(hsm_device_data_put(device, "a", (const uint8_t *)"one", 3, &err));
    MUST(hsm_device_data_put(device, "b", (const uint8_t *)"other", 5, &err));
    MUST(hsm_device_data_put(device, "a", (const uint8_t *)"two", 3, &err));
    MUST(hsm_device_data_find(device, "a", &found, &out, &err));
    assert_true(found);
    assert_int_equal(out.len, 3);
    assert_memory_equal(out.data, "two", 3);
    MUST(hsm_device_data_remove(device, "a", &err));
    MUST(hsm_device_data_find(device, "a", &found, &out, &err));
    assert_false(found);
    MUST(hsm_device_data_put(device, "a", much, sizeof much - 1, &err));
    assert_false(hsm_device_data_put(device, "a", much, sizeof much, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    buf_clear(&out);
}

static void
note_that_is_no_json_counts_as_none(void **state)
{
    struct error err = {0};
    json_t *note = NULL;

    (void)state;
    MUST(hsm_device_data_put(device, "n", (const uint8_t *)"{\"a\":", 5, &err));
    MUST(holding_note_find(device, "n", &note, &err));
    assert_null(note);
}

static void
request_of_each_kind_of_key_is_signed_by_it(void **state)
{
    static const enum hsm_key_type types[] = {
        HSM_KEY_RSA_2048, HSM_KEY_RSA_3072, HSM_KEY_EC_P256, HSM_KEY_EC_P384};

    (void)state;
    log_in();
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct buf csr = BUF_INIT(SERVICE_CSR_MAX);
        struct hsm_device_key key;
        struct error err = {0};
        const unsigned char *p;
        X509_REQ *req;
        EVP_PKEY *public_key;

        MUST(holding_pair(device, types[i], hsm_key_type_name(types[i]), &key,
                          &err));
        MUST(service_csr(device, &key, "SIM-0001", &csr, &err));
        p = csr.data;
        req = d2i_X509_REQ(NULL, &p, (long)csr.len);
        assert_non_null(req);
        assert_true(p == csr.data + csr.len);
        p = key.spki;
        public_key = d2i_PUBKEY(NULL, &p, (long)key.spki_len);
        assert_int_equal(X509_REQ_verify(req, public_key), 1);
        EVP_PKEY_free(public_key);
        X509_REQ_free(req);
        buf_clear(&csr);
    }
}

static void
path_of_what_is_no_number_is_refused(void **state)
{
    static const char *const wrong[] = {"",     "../x", "N1/done",
                                        "N1?x", "N 1",  "%2e"};
    char path[SERVICE_PATH_MAX];
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(service_path("unlocks", wrong[i], "code", path, &err));
        assert_int_equal(err.code, ERROR_INPUT);
    }
    MUST(service_path("unlocks", "U20261124-000001", "code", path, &err));
    assert_string_equal(path, "/v1/client/unlocks/U20261124-000001/code");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(own_key_signs_without_login_and_after_a_logout),
        TEST(half_a_pair_is_removed_and_a_whole_one_is_found),
        TEST(key_that_was_not_made_inside_is_refused),
        TEST(note_replaces_the_one_before_it),
        TEST(note_that_is_no_json_counts_as_none),
        TEST(request_of_each_kind_of_key_is_signed_by_it),
        TEST(path_of_what_is_no_number_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
