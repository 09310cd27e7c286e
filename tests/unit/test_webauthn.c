/* Passkeys: what a browser gives is taken, and each thing that is not so is
 * refused by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "soft_passkey.h"

static const uint8_t challenge[32] = {7};
static const struct webauthn_scene scene = {"ra.example", "https://ra.example",
                                            challenge, sizeof challenge};

static struct soft_passkey passkey; /* ES256 */

static int
start(void **state)
{
    (void)state;
    soft_passkey_make(SOFT_ES256, &passkey);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    soft_passkey_clear(&passkey);
    return 0;
}

/* ---- Registering ------------------------------------------------------- */

struct registration {
    struct buf client_data, object;
};

static void
begin(struct registration *r, const struct soft_passkey *key, uint8_t flags,
      const char *format)
{
    r->client_data = (struct buf)BUF_INIT(WEBAUTHN_CLIENT_DATA_MAX);
    r->object = (struct buf)BUF_INIT(WEBAUTHN_ATTESTATION_MAX);
    soft_client_data("webauthn.create", &scene, ",\"crossOrigin\":false",
                     &r->client_data);
    soft_passkey_attest(key, &scene, flags, format, &r->client_data,
                        &r->object);
}

/* "" or why not. Ends it. */
static const char *
end(struct registration *r, struct webauthn_credential *out)
{
    static struct error err;
    bool ok;

    memset(&err, 0, sizeof err);
    ok = webauthn_register(r->object.data, r->object.len, r->client_data.data,
                           r->client_data.len, &scene, out, &err);
    buf_clear(&r->client_data);
    buf_clear(&r->object);
    assert_true(ok || err.code == ERROR_INPUT || err.code == ERROR_DENIED);
    return ok ? "" : err.what;
}

static void
lacks(const char *what, const char *why)
{
    if (strstr(what, why) == NULL)
        fail_msg("'%s' lacks '%s'", what, why);
}

static void
credential_of_each_algorithm_is_registered_and_verifies(void **state)
{
    static const char *const formats[] = {"none", "packed"};

    (void)state;
    for (int algorithm = SOFT_ES256; algorithm <= SOFT_EDDSA; algorithm++) {
        struct webauthn_credential credential;
        struct webauthn_flags flags;
        struct soft_assertion a;
        struct registration r;
        struct soft_passkey key;
        struct error err = {0};
        EVP_PKEY *read;

        soft_passkey_make((enum soft_algorithm)algorithm, &key);
        for (int i = 0; i < 2; i++) {
            begin(&r, &key, SOFT_BOTH, formats[i]);
            assert_string_equal(end(&r, &credential), "");
        }
        assert_int_equal(credential.raw_id_len, sizeof key.raw_id);
        assert_memory_equal(credential.raw_id, key.raw_id, sizeof key.raw_id);
        assert_int_equal(credential.flags.sign_count, 7);
        assert_true(webauthn_key_parse(credential.public_key,
                                       credential.public_key_len, &read, &err));
        assert_int_equal(EVP_PKEY_eq(read, key.key), 1);
        soft_passkey_assert(&key, &scene, SOFT_BOTH | 0x18, &a);
        assert_true(webauthn_verify(
            read,
            &(struct webauthn_assertion){a.authenticator_data.data,
                                         a.authenticator_data.len,
                                         a.client_data.data, a.client_data.len,
                                         a.signature, a.signature_len},
            &scene, &flags, &err));
        assert_true(flags.is_backup_eligible && flags.is_backed_up);
        soft_assertion_clear(&a);
        EVP_PKEY_free(read);
        soft_passkey_clear(&key);
    }
}

static void
registration_without_the_user_is_refused(void **state)
{
    struct webauthn_credential credential;
    struct registration r;

    (void)state;
    begin(&r, &passkey, SOFT_PRESENT, "none");
    lacks(end(&r, &credential), "not verified");
    begin(&r, &passkey, SOFT_VERIFIED, "none");
    lacks(end(&r, &credential), "not present");
    begin(&r, &passkey, SOFT_BOTH | 0x10, "none");
    lacks(end(&r, &credential), "backed up");
}

static void
registration_of_another_page_type_or_challenge_is_refused(void **state)
{
    static const struct {
        const char *from, *to, *why;
    } rows[] = {
        {"webauthn.create", "webauthn.get", "of type webauthn.get"},
        {"https://ra.example", "https://evil.example", "of origin"},
        {"https://ra.example", "https://ra.example:8443", "of origin"},
        {"\"challenge\":\"B", "\"challenge\":\"C", "another challenge"},
        {"\"crossOrigin\":false", "\"crossOrigin\":true", "another's page"},
        {"\"crossOrigin\":false", "\"topOrigin\":\"x\"", "another's page"},
        {"\"crossOrigin\":false", "\"crossOrigin\":\"no\"", "crossOrigin"},
        {"\"origin\"", "\"oridin\"", "\"origin\" is missing"},
        {"{", "\xef\xbb\xbf{", "no JSON"},
    };
    struct webauthn_credential credential;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf changed = BUF_INIT(WEBAUTHN_CLIENT_DATA_MAX);
        struct registration r;
        const char *at;

        begin(&r, &passkey, SOFT_BOTH, "none");
        at = strstr(buf_text(&r.client_data), rows[i].from);
        assert_non_null(at);
        buf_addf(&changed, "%.*s%s%s", (int)(at - buf_text(&r.client_data)),
                 buf_text(&r.client_data), rows[i].to,
                 at + strlen(rows[i].from));
        buf_clear(&r.client_data);
        r.client_data = changed;
        lacks(end(&r, &credential), rows[i].why);
    }
}

static void
attestation_by_others_or_by_another_key_is_refused(void **state)
{
    struct webauthn_credential credential;
    struct soft_passkey other;
    struct registration r;

    (void)state;
    begin(&r, &passkey, SOFT_BOTH, "tpm");
    lacks(end(&r, &credential), "ask for none");
    /* The self-signature is by the key that is registered. */
    soft_passkey_make(SOFT_ES256, &other);
    begin(&r, &(struct soft_passkey){.key = other.key, .cose = passkey.cose},
          SOFT_BOTH, "packed");
    lacks(end(&r, &credential), "not the key's");
    soft_passkey_clear(&other);
}

static void
every_truncation_and_extension_of_a_registration_is_refused(void **state)
{
    struct webauthn_credential credential;
    struct registration r;
    size_t whole;

    (void)state;
    begin(&r, &passkey, SOFT_BOTH, "none");
    whole = r.object.len;
    assert_string_equal(end(&r, &credential), "");
    for (size_t len = 0; len < whole; len++) {
        begin(&r, &passkey, SOFT_BOTH, "none");
        r.object.len = len;
        assert_true(end(&r, &credential)[0] != '\0');
    }
    begin(&r, &passkey, SOFT_BOTH, "none");
    buf_add_byte(&r.object, 0);
    lacks(end(&r, &credential), "follow");
}

static void
key_with_another_member_or_off_the_curve_is_refused(void **state)
{
    struct buf cose = BUF_INIT(WEBAUTHN_PUBLIC_KEY_MAX);
    struct error err = {0};
    EVP_PKEY *key;

    (void)state;
    buf_add(&cose, passkey.cose.data, passkey.cose.len);
    assert_true(webauthn_key_parse(cose.data, cose.len, &key, &err));
    EVP_PKEY_free(key);
    cose.data[cose.len - 1] ^= 1; /* of y */
    assert_false(webauthn_key_parse(cose.data, cose.len, &key, &err));
    cose.data[cose.len - 1] ^= 1;
    cose.data[4] = 0x27; /* alg -8 for an EC key */
    assert_false(webauthn_key_parse(cose.data, cose.len, &key, &err));
    cose.data[4] = 0x26;
    cose.data[0] = 0xa6; /* -4: the private key */
    buf_add(&cose, "\x23\x41\x01", 3);
    assert_false(webauthn_key_parse(cose.data, cose.len, &key, &err));
    assert_null(key);
    buf_clear(&cose);
}

/* kty 3, alg -257, n of 128 octets, e 65537. */
static void
rsa_key_of_1024_bits_is_refused(void **state)
{
    struct buf cose = BUF_INIT(WEBAUTHN_PUBLIC_KEY_MAX);
    uint8_t n[128];
    struct error err = {0};
    EVP_PKEY *key;

    (void)state;
    memset(n, 0xff, sizeof n);
    buf_add(&cose, "\xa4\x01\x03\x03\x39\x01\x00\x20", 8);
    soft_cbor_bytes(&cose, n, sizeof n);
    buf_add(&cose, "\x21\x43\x01\x00\x01", 5);
    assert_false(webauthn_key_parse(cose.data, cose.len, &key, &err));
    lacks(err.what, "2048 to 4096");
    buf_clear(&cose);
}

/* ---- Assertions -------------------------------------------------------- */

static const char *
verified(struct soft_assertion *a, const struct webauthn_scene *at)
{
    static struct error err;
    bool ok;

    memset(&err, 0, sizeof err);
    ok =
        webauthn_verify(passkey.key,
                        &(struct webauthn_assertion){
                            a->authenticator_data.data,
                            a->authenticator_data.len, a->client_data.data,
                            a->client_data.len, a->signature, a->signature_len},
                        at, NULL, &err);
    soft_assertion_clear(a);
    return ok ? "" : err.what;
}

static void
assertion_of_another_page_rp_or_challenge_is_refused(void **state)
{
    static const uint8_t other[32] = {8};
    static const struct {
        struct webauthn_scene at;
        const char *why;
    } rows[] = {
        {{"ra.example", "https://ra.example", other, 32}, "another challenge"},
        {{"ra.example", "https://ra.example:1", challenge, 32}, "of origin"},
        {{"example", "https://ra.example", challenge, 32}, "another RP ID"},
        {{"ra.example", "https://ra.example", challenge, 31},
         "another challenge"},
    };
    struct soft_assertion a;

    (void)state;
    soft_passkey_assert(&passkey, &scene, SOFT_BOTH, &a);
    assert_string_equal(verified(&a, &scene), "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        soft_passkey_assert(&passkey, &rows[i].at, SOFT_BOTH, &a);
        lacks(verified(&a, &scene), rows[i].why);
    }
}

static void
assertion_without_the_user_is_refused(void **state)
{
    struct soft_assertion a;

    (void)state;
    soft_passkey_assert(&passkey, &scene, SOFT_PRESENT, &a);
    lacks(verified(&a, &scene), "not verified");
    soft_passkey_assert(&passkey, &scene, SOFT_VERIFIED, &a);
    lacks(verified(&a, &scene), "not present");
}

static void
assertion_changed_after_it_was_signed_is_refused(void **state)
{
    struct soft_assertion a;

    (void)state;
    /* The count is signed. */
    soft_passkey_assert(&passkey, &scene, SOFT_BOTH, &a);
    a.authenticator_data.data[36] ^= 1;
    lacks(verified(&a, &scene), "not the key's");
    soft_passkey_assert(&passkey, &scene, SOFT_BOTH, &a);
    a.signature[a.signature_len - 1] ^= 1;
    lacks(verified(&a, &scene), "not the key's");
    soft_passkey_assert(&passkey, &scene, SOFT_BOTH, &a);
    a.signature_len--;
    lacks(verified(&a, &scene), "not the key's");
    soft_passkey_assert(&passkey, &scene, SOFT_BOTH, &a);
    buf_add_byte(&a.client_data, ' ');
    lacks(verified(&a, &scene), "not the key's");
}

static void
registration_passed_off_as_an_assertion_is_refused(void **state)
{
    struct soft_assertion a;

    (void)state;
    soft_passkey_assert(&passkey, &scene, SOFT_BOTH, &a);
    buf_reset(&a.client_data);
    soft_client_data("webauthn.create", &scene, "", &a.client_data);
    soft_assertion_sign(&passkey, &a);
    lacks(verified(&a, &scene), "of type webauthn.create");
    soft_passkey_assert(&passkey, &scene, SOFT_BOTH, &a);
    a.authenticator_data.data[32] |= 0x40;
    buf_add(&a.authenticator_data, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1x\xa0",
            20);
    soft_assertion_sign(&passkey, &a);
    lacks(verified(&a, &scene), "no assertion");
}

static void
extensions_are_read_and_must_be_a_map(void **state)
{
    struct soft_assertion a;

    (void)state;
    soft_passkey_assert(&passkey, &scene, SOFT_BOTH | 0x80, &a);
    buf_add(&a.authenticator_data, "\xa1\x61x\xf5", 4);
    soft_assertion_sign(&passkey, &a);
    assert_string_equal(verified(&a, &scene), "");
    soft_passkey_assert(&passkey, &scene, SOFT_BOTH | 0x80, &a);
    buf_add(&a.authenticator_data, "\xf5", 1);
    soft_assertion_sign(&passkey, &a);
    lacks(verified(&a, &scene), "no map");
    soft_passkey_assert(&passkey, &scene, SOFT_BOTH, &a);
    buf_add(&a.authenticator_data, "\xa0", 1);
    soft_assertion_sign(&passkey, &a);
    lacks(verified(&a, &scene), "follow");
}

static void
origin_belongs_to_the_rp_id(void **state)
{
    (void)state;
    assert_true(webauthn_origin_fits("https://ra.example", "ra.example"));
    assert_true(webauthn_origin_fits("https://ra.example:8443", "ra.example"));
    assert_true(webauthn_origin_fits("https://a.ra.example", "ra.example"));
    assert_true(webauthn_origin_fits("http://localhost:1234", "localhost"));
    assert_true(webauthn_origin_fits("https://localhost:1234", "localhost"));
    assert_false(webauthn_origin_fits("https://xra.example", "ra.example"));
    assert_false(webauthn_origin_fits("http://ra.example", "ra.example"));
    assert_false(webauthn_origin_fits("https://example", "ra.example"));
    assert_false(webauthn_origin_fits("https://ra.example/", "ra.example"));
    assert_false(webauthn_origin_fits("https://ra.example:0", "ra.example"));
    assert_false(webauthn_origin_fits("https://u@ra.example", "ra.example"));
    assert_false(webauthn_origin_fits("https://RA.example", "ra.example"));
    assert_false(webauthn_origin_fits("ra.example", "ra.example"));
    assert_false(webauthn_origin_fits("https://ra.example", ""));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            credential_of_each_algorithm_is_registered_and_verifies),
        cmocka_unit_test(registration_without_the_user_is_refused),
        cmocka_unit_test(
            registration_of_another_page_type_or_challenge_is_refused),
        cmocka_unit_test(attestation_by_others_or_by_another_key_is_refused),
        cmocka_unit_test(
            every_truncation_and_extension_of_a_registration_is_refused),
        cmocka_unit_test(key_with_another_member_or_off_the_curve_is_refused),
        cmocka_unit_test(rsa_key_of_1024_bits_is_refused),
        cmocka_unit_test(assertion_of_another_page_rp_or_challenge_is_refused),
        cmocka_unit_test(assertion_without_the_user_is_refused),
        cmocka_unit_test(assertion_changed_after_it_was_signed_is_refused),
        cmocka_unit_test(registration_passed_off_as_an_assertion_is_refused),
        cmocka_unit_test(extensions_are_read_and_must_be_a_map),
        cmocka_unit_test(origin_belongs_to_the_rp_id),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
