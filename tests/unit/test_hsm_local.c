/* The token in this process, on a real SoftHSM; judged by OpenSSL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/rand.h>

#include "base/text.h"
#include "tests/unit/soft_token.h"

static const uint8_t message[] = "what is to be signed";
static struct soft_token token;
static struct hsm *hsm;

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
    if (hsm_open(&token.options, &hsm, &err))
        return 0;
    print_error("%s (%s)\n", err.what, err.cause);
    return 1;
}

static int
tear_down(void **state)
{
    (void)state;
    hsm_close(hsm);
    soft_token_remove(&token);
    return 0;
}

static void
make_id(uint8_t id[16])
{
    assert_int_equal(RAND_bytes(id, 16), 1);
}

static void
sign_and_verify(const struct hsm_key *key, enum hsm_scheme scheme)
{
    uint8_t signature[HSM_SIGNATURE_MAX], altered[sizeof message];
    struct error err = {0};
    size_t len = 0;

    MUST(hsm_sign(hsm, key, scheme, message, sizeof message, signature, &len,
                  &err));
    MUST(hsm_scheme_verify(scheme, key->public_key, message, sizeof message,
                           signature, len, &err));
    memcpy(altered, message, sizeof message);
    altered[0] ^= 1;
    assert_false(hsm_scheme_verify(scheme, key->public_key, altered,
                                   sizeof altered, signature, len, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    signature[len - 1] ^= 1;
    assert_false(hsm_scheme_verify(scheme, key->public_key, message,
                                   sizeof message, signature, len, &err));
    err.code = ERROR_NONE;
    MUST(hsm_sign_checked(hsm, key, scheme, message, sizeof message, signature,
                          &len, &err));
}

static void
every_key_type_signs_with_every_scheme_that_fits(void **state)
{
    size_t type, scheme;

    (void)state;
    for (type = 0; type < HSM_KEY_TYPE_COUNT; type++) {
        const struct hsm_key *key = NULL;
        struct error err = {0};
        uint8_t id[16];

        make_id(id);
        if (type == HSM_KEY_ED25519)
            soft_token_ignore_leaks(true);
        MUST(hsm_key_generate(hsm, (enum hsm_key_type)type, "all", id,
                              sizeof id, &key, &err));
        assert_int_equal(key->type, type);
        for (scheme = 0; scheme < HSM_SCHEME_COUNT; scheme++) {
            if (hsm_scheme_fits((enum hsm_scheme)scheme, key->type))
                sign_and_verify(key, (enum hsm_scheme)scheme);
        }
        if (type == HSM_KEY_ED25519)
            soft_token_ignore_leaks(false);
    }
}

static void
a_taken_id_is_not_given_to_a_second_key(void **state)
{
    const struct hsm_key *key, *again;
    struct error err = {0};
    uint8_t id[16];

    (void)state;
    make_id(id);
    MUST(hsm_key_generate(hsm, HSM_KEY_EC_P256, "one", id, sizeof id, &key,
                          &err));
    assert_false(hsm_key_generate(hsm, HSM_KEY_EC_P256, "two", id, sizeof id,
                                  &again, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    MUST(hsm_key_get(hsm, id, sizeof id, &again, &err));
    assert_ptr_equal(again, key);
}

static void
an_unknown_id_is_not_found(void **state)
{
    const struct hsm_key *key;
    struct error err = {0};
    uint8_t id[16];

    (void)state;
    make_id(id);
    assert_false(hsm_key_get(hsm, id, sizeof id, &key, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void
an_empty_or_overlong_id_is_refused(void **state)
{
    uint8_t id[HSM_ID_MAX + 1] = {1};
    const struct hsm_key *key;
    struct error err = {0};

    (void)state;
    assert_false(hsm_key_get(hsm, id, 0, &key, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_false(hsm_key_get(hsm, id, sizeof id, &key, &err));
    assert_int_equal(err.code, ERROR_INPUT);
}

static void
a_scheme_of_another_family_is_refused(void **state)
{
    uint8_t signature[HSM_SIGNATURE_MAX];
    const struct hsm_key *key;
    struct error err = {0};
    uint8_t id[16];
    size_t len;

    (void)state;
    make_id(id);
    MUST(hsm_key_generate(hsm, HSM_KEY_EC_P256, "p256", id, sizeof id, &key,
                          &err));
    assert_false(hsm_sign(hsm, key, HSM_RSA_PKCS1_SHA256, message,
                          sizeof message, signature, &len, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_false(hsm_sign(hsm, key, HSM_ECDSA_SHA384, message, sizeof message,
                          signature, &len, &err));
    assert_int_equal(err.code, ERROR_INPUT);
}

static void
a_digest_is_signed_as_its_message_would_be(void **state)
{
    uint8_t signature[HSM_SIGNATURE_MAX], digest[EVP_MAX_MD_SIZE];
    const struct hsm_key *key;
    struct error err = {0};
    unsigned digest_len;
    uint8_t id[16];
    size_t len;

    (void)state;
    make_id(id);
    MUST(hsm_key_generate(hsm, HSM_KEY_EC_P256, "p256", id, sizeof id, &key,
                          &err));
    assert_int_equal(EVP_Digest(message, sizeof message, digest, &digest_len,
                                EVP_sha256(), NULL),
                     1);
    MUST(hsm_sign_digest_checked(hsm, key, HSM_ECDSA_SHA256, digest, digest_len,
                                 signature, &len, &err));
    MUST(hsm_scheme_verify(HSM_ECDSA_SHA256, key->public_key, message,
                           sizeof message, signature, len, &err));
    assert_false(hsm_sign_digest(hsm, key, HSM_ECDSA_SHA256, digest,
                                 digest_len - 1, signature, &len, &err));
    assert_int_equal(err.code, ERROR_INPUT);
}

/* Imports a pair that came from outside, as careless people do. */
static void
import_key(const char *id_hex)
{
    char key[160];
    const char *const make[] = {
        "openssl", "genpkey",  "-algorithm",
        "EC",      "-pkeyopt", "ec_paramgen_curve:P-256",
        "-out",    key,        NULL};
    const char *const write[] = {
        "pkcs11-tool",    "--module", SOFT_TOKEN_MODULE, "--token-label",
        "test",           "--login",  "--pin",           SOFT_TOKEN_PIN,
        "--write-object", key,        "--type",          "privkey",
        "--id",           id_hex,     "--extractable",   NULL};

    (void)snprintf(key, sizeof key, "%s/key.pem", token.folder);
    assert_int_equal(soft_token_run(make), 0);
    assert_int_equal(soft_token_run(write), 0);
}

static void
an_extractable_key_is_refused_by_name_of_the_attribute(void **state)
{
    static const uint8_t id[] = {0xbe, 0xef};
    const struct hsm_key *key;
    struct error err = {0};

    (void)state;
    import_key("beef");
    assert_false(hsm_key_get(hsm, id, sizeof id, &key, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_non_null(strstr(err.what, "CKA_EXTRACTABLE"));
}

static void
a_data_key_comes_back_from_its_wrapping(void **state)
{
    static const size_t lens[] = {8, 16, 24, 32, 64};
    uint8_t id[16], data[HSM_WRAP_MAX];
    struct error err = {0};
    size_t i;

    (void)state;
    make_id(id);
    MUST(hsm_wrap_key_generate(hsm, "kek", id, sizeof id, &err));
    assert_false(hsm_wrap_key_generate(hsm, "kek", id, sizeof id, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_int_equal(RAND_bytes(data, sizeof data), 1);
    for (i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct buf blob = BUF_INIT(256), back = BUF_INIT(256);

        MUST(hsm_wrap(hsm, id, sizeof id, data, lens[i], &blob, &err));
        assert_int_equal(blob.len, lens[i] + 8);
        MUST(hsm_unwrap(hsm, id, sizeof id, blob.data, blob.len, &back, &err));
        assert_int_equal(back.len, lens[i]);
        assert_memory_equal(back.data, data, lens[i]);
        blob.data[blob.len / 2] ^= 1;
        buf_reset(&back);
        assert_false(
            hsm_unwrap(hsm, id, sizeof id, blob.data, blob.len, &back, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        buf_clear(&blob);
        buf_clear(&back);
    }
}

static void
a_wrapped_key_that_is_cut_is_refused(void **state)
{
    uint8_t id[16], data[32] = {7};
    struct buf blob = BUF_INIT(256), back = BUF_INIT(256);
    struct error err = {0};
    size_t len;

    (void)state;
    make_id(id);
    MUST(hsm_wrap_key_generate(hsm, "kek", id, sizeof id, &err));
    MUST(hsm_wrap(hsm, id, sizeof id, data, sizeof data, &blob, &err));
    for (len = 0; len < blob.len; len++) {
        assert_false(
            hsm_unwrap(hsm, id, sizeof id, blob.data, len, &back, &err));
        assert_int_equal(err.code, ERROR_INPUT);
    }
    buf_clear(&blob);
    buf_clear(&back);
}

static void
random_octets_differ_from_call_to_call(void **state)
{
    uint8_t one[32], two[32];
    struct error err = {0};

    (void)state;
    MUST(hsm_random(hsm, one, sizeof one, &err));
    MUST(hsm_random(hsm, two, sizeof two, &err));
    assert_memory_not_equal(one, two, sizeof one);
    assert_false(hsm_random(hsm, one, 0, &err));
}

static void
health_is_a_session_or_a_real_signature(void **state)
{
    const struct hsm_key *key;
    struct error err = {0};
    uint8_t id[16];

    (void)state;
    MUST(hsm_healthy(hsm, NULL, &err));
    make_id(id);
    MUST(hsm_key_generate(hsm, HSM_KEY_EC_P384, "p384", id, sizeof id, &key,
                          &err));
    MUST(hsm_healthy(hsm, key, &err));
}

static void
a_key_signs_without_session_copies_too(void **state)
{
    struct hsm_options options = token.options;
    struct hsm *plain = NULL;
    const struct hsm_key *key;
    uint8_t id[16], signature[HSM_SIGNATURE_MAX];
    struct error err = {0};
    size_t len;

    (void)state;
    options.use_session_copy = false;
    MUST(hsm_open(&options, &plain, &err));
    make_id(id);
    MUST(hsm_key_generate(plain, HSM_KEY_EC_P256, "plain", id, sizeof id, &key,
                          &err));
    MUST(hsm_sign_checked(plain, key, HSM_ECDSA_SHA256, message, sizeof message,
                          signature, &len, &err));
    hsm_close(plain);
}

static void
two_tokens_are_open_in_one_process(void **state)
{
    struct hsm_options options = token.options;
    const struct hsm_key *key;
    struct hsm *other = NULL;
    struct error err = {0};
    uint8_t id[16];

    (void)state;
    soft_token_add(&token, "other");
    options.token = "other";
    MUST(hsm_open(&options, &other, &err));
    make_id(id);
    MUST(hsm_key_generate(other, HSM_KEY_EC_P256, "there", id, sizeof id, &key,
                          &err));
    assert_false(hsm_key_get(hsm, id, sizeof id, &key, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    MUST(hsm_healthy(hsm, NULL, &err));
    hsm_close(other);
    MUST(hsm_healthy(hsm, NULL, &err));
}

static void
a_missing_token_is_busy_and_a_missing_module_not_found(void **state)
{
    struct hsm_options options = token.options;
    struct hsm *other = NULL;
    struct error err = {0};

    (void)state;
    options.token = "nowhere";
    assert_false(hsm_open(&options, &other, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    options.module = "/nonexistent/module.so";
    assert_false(hsm_open(&options, &other, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    MUST(hsm_healthy(hsm, NULL, &err));
}

static void
write_pin(const char *pin)
{
    struct error err = {0};

    MUST(text_file_write(token.pin_file, pin, strlen(pin), 0600, &err));
}

static void
a_refused_pin_is_remembered_and_not_tried_again(void **state)
{
    struct hsm_options options = token.options;
    struct hsm *other = NULL;
    struct error err = {0};
    char mark[160];

    (void)state;
    soft_token_add(&token, "locked");
    options.token = "locked";
    write_pin("wrong-pin\n");
    assert_false(hsm_open(&options, &other, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_non_null(strstr(err.cause, "CKR_PIN_INCORRECT"));
    assert_false(hsm_open(&options, &other, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_null(strstr(err.cause, "CKR_PIN_INCORRECT")); /* was not called */
    assert_null(strstr(err.what, "wrong-pin"));
    /* Another PIN has to wait: at most one attempt a minute. */
    write_pin(SOFT_TOKEN_PIN "\n");
    assert_false(hsm_open(&options, &other, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    (void)snprintf(mark, sizeof mark, "%s/locked.refused-pin", token.lock_dir);
    assert_int_equal(unlink(mark), 0);
    MUST(hsm_open(&options, &other, &err));
    hsm_close(other);
}

static void
a_pin_file_that_is_absent_or_empty_is_denied(void **state)
{
    struct hsm_options options = token.options;
    struct hsm *other = NULL;
    struct error err = {0};

    (void)state;
    soft_token_add(&token, "pinless");
    options.token = "pinless";
    options.pin_file = "/nonexistent/pin";
    assert_false(hsm_open(&options, &other, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    write_pin("\nsecond line\n");
    options.pin_file = token.pin_file;
    assert_false(hsm_open(&options, &other, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    write_pin(SOFT_TOKEN_PIN "\n");
}

static void
a_token_that_went_and_came_back_signs_again(void **state)
{
    struct hsm_options options = token.options;
    uint8_t id[16], signature[HSM_SIGNATURE_MAX];
    const struct hsm_key *key;
    struct error err = {0};
    struct hsm *plain = NULL;
    char away[160];
    size_t len;

    (void)state;
    options.use_session_copy = false; /* a copy would not notice */
    MUST(hsm_open(&options, &plain, &err));
    make_id(id);
    MUST(hsm_key_generate(plain, HSM_KEY_EC_P256, "back", id, sizeof id, &key,
                          &err));
    (void)snprintf(away, sizeof away, "%s/away", token.folder);
    assert_int_equal(rename(token.tokens, away), 0);
    assert_false(hsm_sign(plain, key, HSM_ECDSA_SHA256, message, sizeof message,
                          signature, &len, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    (void)rmdir(token.tokens);
    assert_int_equal(rename(away, token.tokens), 0);
    MUST(hsm_sign_checked(plain, key, HSM_ECDSA_SHA256, message, sizeof message,
                          signature, &len, &err));
    hsm_close(plain);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_type_signs_with_every_scheme_that_fits),
        cmocka_unit_test(a_taken_id_is_not_given_to_a_second_key),
        cmocka_unit_test(an_unknown_id_is_not_found),
        cmocka_unit_test(an_empty_or_overlong_id_is_refused),
        cmocka_unit_test(a_scheme_of_another_family_is_refused),
        cmocka_unit_test(a_digest_is_signed_as_its_message_would_be),
        cmocka_unit_test(
            an_extractable_key_is_refused_by_name_of_the_attribute),
        cmocka_unit_test(a_data_key_comes_back_from_its_wrapping),
        cmocka_unit_test(a_wrapped_key_that_is_cut_is_refused),
        cmocka_unit_test(random_octets_differ_from_call_to_call),
        cmocka_unit_test(health_is_a_session_or_a_real_signature),
        cmocka_unit_test(a_key_signs_without_session_copies_too),
        cmocka_unit_test(two_tokens_are_open_in_one_process),
        cmocka_unit_test(
            a_missing_token_is_busy_and_a_missing_module_not_found),
        cmocka_unit_test(a_refused_pin_is_remembered_and_not_tried_again),
        cmocka_unit_test(a_pin_file_that_is_absent_or_empty_is_denied),
        cmocka_unit_test(a_token_that_went_and_came_back_signs_again),
    };

    return cmocka_run_group_tests_name("hsm_local", tests, set_up, tear_down);
}
