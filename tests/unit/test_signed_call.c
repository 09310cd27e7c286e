/* Signed calls: what is taken, and everything beside it that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "ra/signed_call.h"

enum { NOW = 1795500000 };

static const char secret[] = "0123456789abcdef0123456789abcdef";
static const char nonce[] = "00112233445566778899aabbccddeeff";
static char private_file[64], public_file[64];

static int
make_keys(void **state)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    FILE *f;

    (void)state;
    (void)snprintf(private_file, sizeof private_file, "/tmp/signed-%d.key",
                   (int)getpid());
    (void)snprintf(public_file, sizeof public_file, "/tmp/signed-%d.pub",
                   (int)getpid());
    f = fopen(private_file, "w");
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL),
                     1);
    (void)fclose(f);
    f = fopen(public_file, "w");
    assert_int_equal(PEM_write_PUBKEY(f, key), 1);
    (void)fclose(f);
    EVP_PKEY_free(key);
    return 0;
}

static int
remove_keys(void **state)
{
    (void)state;
    (void)unlink(private_file);
    (void)unlink(public_file);
    return 0;
}

/* A request as it comes in, signed with the key. */
struct incoming {
    struct http_request req;
    char time[24];
    struct buf signature;
};

static void
incoming_make(struct incoming *in, const struct signed_key *key, int64_t at)
{
    static const char body[] = "{\"amount\":20000}";
    struct signed_call call = {.method = "POST",
                               .target = "/v1/callbacks/payment?a=1",
                               .at = at,
                               .body = body,
                               .body_len = sizeof body - 1};

    memset(in, 0, sizeof *in);
    in->signature = (struct buf)BUF_INIT(256);
    memcpy(call.nonce, nonce, sizeof nonce);
    assert_true(signed_call_sign(key, &call, &in->signature, NULL));
    (void)snprintf(in->time, sizeof in->time, "%lld", (long long)at);
    in->req = (struct http_request){.method = HTTP_POST,
                                    .path = "/v1/callbacks/payment",
                                    .query = "a=1",
                                    .body = (const uint8_t *)body,
                                    .body_len = sizeof body - 1,
                                    .header_count = 3};
    in->req.header[0] = (struct http_header){"signet-time", in->time};
    in->req.header[1] = (struct http_header){"signet-nonce", nonce};
    in->req.header[2] =
        (struct http_header){"signet-signature", buf_text(&in->signature)};
}

static bool
checks(const struct signed_key *key, const struct incoming *in)
{
    char got[SIGNED_NONCE_LEN + 1] = "";
    struct error err = {0};
    bool ok = signed_request_check(key, &in->req, NOW, got, &err);

    if (ok)
        assert_string_equal(got, nonce);
    else
        assert_int_equal(err.code, ERROR_DENIED);
    return ok;
}

static void
with_key(const struct signed_key *signs, const struct signed_key *verifies)
{
    static const char other_nonce[] = "10112233445566778899aabbccddeeff";
    static const uint8_t other_body[] = "{\"amount\":20001}";
    struct incoming in;
    char signature[256];

    incoming_make(&in, signs, NOW);
    assert_true(checks(verifies, &in));
    in.req.method = HTTP_PUT;
    assert_false(checks(verifies, &in));
    in.req.method = HTTP_POST;
    in.req.path = "/v1/callbacks/courier";
    assert_false(checks(verifies, &in));
    in.req.path = "/v1/callbacks/payment";
    in.req.query = "a=2";
    assert_false(checks(verifies, &in));
    in.req.query = "a=1";
    in.req.body = other_body;
    assert_false(checks(verifies, &in));
    in.req.body_len--;
    assert_false(checks(verifies, &in));
    buf_clear(&in.signature);

    incoming_make(&in, signs, NOW);
    in.req.header[1].value = other_nonce;
    assert_false(checks(verifies, &in));
    in.req.header[1].value = "00112233445566778899AABBCCDDEEFF";
    assert_false(checks(verifies, &in));
    in.req.header[1].value = nonce;
    in.req.header[0].value = "1795500001";
    assert_false(checks(verifies, &in));
    in.req.header[0].value = "";
    assert_false(checks(verifies, &in));
    in.req.header[0].value = in.time;
    for (size_t i = 0; i < 3; i++) {
        in.req.header[i].name = "x-other";
        assert_false(checks(verifies, &in));
        in.req.header[i].name = i == 0   ? "signet-time"
                                : i == 1 ? "signet-nonce"
                                         : "signet-signature";
    }
    (void)snprintf(signature, sizeof signature, "%s", buf_text(&in.signature));
    signature[0] = signature[0] == 'A' ? 'B' : 'A';
    in.req.header[2].value = signature;
    assert_false(checks(verifies, &in));
    in.req.header[2].value = "";
    assert_false(checks(verifies, &in));
    in.req.header[2].value = "!!!!";
    assert_false(checks(verifies, &in));
    buf_clear(&in.signature);
}

static void
any_change_of_a_call_under_a_secret_is_refused(void **state)
{
    struct signed_key *key = NULL, *other = NULL;
    struct incoming in;

    (void)state;
    assert_true(signed_key_secret_new(secret, sizeof secret - 1, &key, NULL));
    assert_true(signed_key_secret_new("another secret, which is long enough",
                                      36, &other, NULL));
    with_key(key, key);
    incoming_make(&in, other, NOW);
    assert_false(checks(key, &in));
    buf_clear(&in.signature);
    signed_key_free(key);
    signed_key_free(other);
}

static void
any_change_of_a_call_under_a_key_pair_is_refused(void **state)
{
    struct signed_key *own = NULL, *theirs = NULL, *mac = NULL;
    struct incoming in;

    (void)state;
    assert_true(signed_key_private(private_file, &own, NULL));
    assert_true(signed_key_public(public_file, &theirs, NULL));
    assert_true(signed_key_secret_new(secret, sizeof secret - 1, &mac, NULL));
    with_key(own, theirs);
    /* A MAC is no signature, and the other way round. */
    incoming_make(&in, mac, NOW);
    assert_false(checks(theirs, &in));
    buf_clear(&in.signature);
    incoming_make(&in, own, NOW);
    assert_false(checks(mac, &in));
    buf_clear(&in.signature);
    signed_key_free(own);
    signed_key_free(theirs);
    signed_key_free(mac);
}

static void
a_call_is_taken_for_five_minutes(void **state)
{
    static const int64_t good[] = {0, SIGNED_TOLERANCE_S, -SIGNED_TOLERANCE_S};
    static const int64_t bad[] = {SIGNED_TOLERANCE_S + 1,
                                  -SIGNED_TOLERANCE_S - 1, -86400};
    struct signed_key *key = NULL;
    struct incoming in;

    (void)state;
    assert_true(signed_key_secret_new(secret, sizeof secret - 1, &key, NULL));
    for (size_t i = 0; i < 3; i++) {
        incoming_make(&in, key, NOW + good[i]);
        assert_true(checks(key, &in));
        buf_clear(&in.signature);
        incoming_make(&in, key, NOW + bad[i]);
        assert_false(checks(key, &in));
        buf_clear(&in.signature);
    }
    signed_key_free(key);
}

static void
an_answer_belongs_to_its_call(void **state)
{
    struct signed_key *key = NULL;
    struct buf signature = BUF_INIT(256);

    (void)state;
    assert_true(signed_key_secret_new(secret, sizeof secret - 1, &key, NULL));
    assert_true(signed_answer_sign(key, 200, nonce, "{}", 2, &signature, NULL));
    assert_true(signed_answer_verify(key, 200, nonce, "{}", 2,
                                     buf_text(&signature), NULL));
    assert_false(signed_answer_verify(key, 201, nonce, "{}", 2,
                                      buf_text(&signature), NULL));
    assert_false(signed_answer_verify(key, 200, secret, "{}", 2,
                                      buf_text(&signature), NULL));
    assert_false(signed_answer_verify(key, 200, nonce, "[]", 2,
                                      buf_text(&signature), NULL));
    buf_clear(&signature);
    signed_key_free(key);
}

static void
keys_that_are_none_are_refused(void **state)
{
    struct signed_key *key = NULL;
    struct error err = {0};

    (void)state;
    assert_false(
        signed_key_secret_new(secret, SIGNED_SECRET_MIN - 1, &key, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_false(signed_key_private(public_file, &key, &err));
    assert_false(signed_key_public(private_file, &key, &err));
    assert_false(signed_key_public("/nonexistent", &key, &err));
    assert_null(key);
}

static void
only_this_machine_is_spoken_to_in_clear(void **state)
{
    (void)state;
    assert_true(outside_is_local("http://127.0.0.1:80/x"));
    assert_true(outside_is_local("http://[::1]:80"));
    assert_true(outside_is_local("smtp://localhost"));
    assert_false(outside_is_local("http://127.0.0.1.example/"));
    assert_false(outside_is_local("http://127.0.0.1@example/"));
    assert_false(outside_is_local("http://127.0.0.1:80@example/"));
    assert_false(outside_is_local("http://example/127.0.0.1"));
    assert_false(outside_is_local("localhost"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_change_of_a_call_under_a_secret_is_refused),
        cmocka_unit_test(any_change_of_a_call_under_a_key_pair_is_refused),
        cmocka_unit_test(a_call_is_taken_for_five_minutes),
        cmocka_unit_test(an_answer_belongs_to_its_call),
        cmocka_unit_test(keys_that_are_none_are_refused),
        cmocka_unit_test(only_this_machine_is_spoken_to_in_clear),
    };

    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
