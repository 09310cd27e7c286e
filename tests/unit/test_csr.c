/* Certification requests: RFC 2986; OpenSSL and certtool make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "ca-core/csr.h"
#include "soft_ca.h"

static void
refused(const uint8_t *der, size_t len, const char *reason)
{
    struct csr csr;
    struct error err = {0};

    assert_false(csr_parse(der, len, &csr, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_null(csr.key.key);
    if (strstr(err.what, reason) == NULL)
        fail_msg("\"%s\" does not tell \"%s\"", err.what, reason);
}

static void
accept_request(enum hsm_key_type type, enum hsm_scheme scheme)
{
    struct soft_key key;
    struct buf der = BUF_INIT(CSR_MAX_LEN);
    struct csr csr;
    struct error err = {0};

    soft_key_make(type, &key);
    soft_key_request(&key, scheme, &der);
    if (!csr_parse(der.data, der.len, &csr, &err))
        fail_msg("%s: %s", hsm_scheme_name(scheme), err.what);
    assert_int_equal(csr.key.type, type);
    assert_true(der_equal(csr.spki, soft_key_spki(&key)));
    assert_int_equal(EVP_PKEY_eq(csr.key.key, key.key), 1);
    csr_clear(&csr);
    buf_clear(&der);
    soft_key_clear(&key);
}

static void
requests_of_every_key_and_scheme_are_accepted(void **state)
{
    (void)state;
    for (unsigned scheme = 0; scheme < HSM_SCHEME_COUNT; scheme++)
        for (unsigned type = 0; type < HSM_KEY_TYPE_COUNT; type++)
            if (hsm_scheme_fits((enum hsm_scheme)scheme,
                                (enum hsm_key_type)type) &&
                type != HSM_KEY_RSA_3072 && type != HSM_KEY_RSA_4096)
                accept_request((enum hsm_key_type)type,
                               (enum hsm_scheme)scheme);
    accept_request(HSM_KEY_RSA_4096, HSM_RSA_PKCS1_SHA256);
}

static struct soft_key key;
static struct buf request = BUF_INIT(CSR_MAX_LEN);

static int
make_request(void **state)
{
    (void)state;
    soft_key_make(HSM_KEY_EC_P256, &key);
    soft_key_request(&key, HSM_ECDSA_SHA256, &request);
    return 0;
}

static int
clear_request(void **state)
{
    (void)state;
    soft_key_clear(&key);
    buf_clear(&request);
    return 0;
}

static void
a_request_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < request.len; len++)
        refused(request.data, len, "not exactly one");
}

static void
a_request_followed_by_other_octets_is_refused(void **state)
{
    uint8_t longer[CSR_MAX_LEN] = {0};

    (void)state;
    memcpy(longer, request.data, request.len);
    refused(longer, request.len + 1, "not exactly one");
    refused(longer, CSR_MAX_LEN, "not exactly one");
}

static void
a_request_with_one_bit_changed_is_refused(void **state)
{
    uint8_t changed[CSR_MAX_LEN];

    (void)state;
    for (size_t bit = 0; bit < 8 * request.len; bit++) {
        memcpy(changed, request.data, request.len);
        changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        refused(changed, request.len, "");
    }
}

static void
a_request_that_is_too_long_is_refused_unread(void **state)
{
    static const uint8_t nothing[CSR_MAX_LEN + 1];

    (void)state;
    refused(nothing, sizeof nothing, "too long");
}

/* The same CertificationRequestInfo under another algorithm or key. */
static void
sign_again(const struct soft_key *by, enum hsm_scheme scheme,
           enum hsm_scheme label, struct buf *out)
{
    struct der in = {request.data, request.len}, body;
    struct der_item info;
    uint8_t signature[HSM_SIGNATURE_MAX];
    const uint8_t *algorithm;
    size_t len, algorithm_len, mark;

    assert_true(der_take(&in, DER_SEQUENCE, &body));
    assert_true(der_next(&body, &info));
    soft_key_sign(by, scheme, info.whole, signature, &len);
    algorithm = hsm_scheme_algorithm(label, &algorithm_len);
    mark = der_begin(out, DER_SEQUENCE);
    (void)buf_add(out, info.whole.data, info.whole.len);
    (void)buf_add(out, algorithm, algorithm_len);
    der_add_octet_bits(out, signature, len);
    der_end(out, mark);
}

static void
a_request_signed_by_another_key_is_refused(void **state)
{
    struct buf changed = BUF_INIT(CSR_MAX_LEN);
    struct soft_key other;

    (void)state;
    soft_key_make(HSM_KEY_EC_P256, &other);
    sign_again(&key, HSM_ECDSA_SHA256, HSM_ECDSA_SHA256, &changed);
    {
        struct csr csr;

        assert_true(csr_parse(changed.data, changed.len, &csr, NULL));
        csr_clear(&csr);
    }
    buf_reset(&changed);
    sign_again(&other, HSM_ECDSA_SHA256, HSM_ECDSA_SHA256, &changed);
    refused(changed.data, changed.len, "not signed by its own key");
    buf_clear(&changed);
    soft_key_clear(&other);
}

static void
a_request_under_the_wrong_algorithm_is_refused(void **state)
{
    struct buf changed = BUF_INIT(CSR_MAX_LEN);

    (void)state;
    sign_again(&key, HSM_ECDSA_SHA256, HSM_ECDSA_SHA384, &changed);
    refused(changed.data, changed.len, "");
    buf_reset(&changed);
    sign_again(&key, HSM_ECDSA_SHA256, HSM_RSA_PKCS1_SHA256, &changed);
    refused(changed.data, changed.len, "algorithm");
    buf_reset(&changed);
    sign_again(&key, HSM_ECDSA_SHA256, HSM_ED25519, &changed);
    refused(changed.data, changed.len, "algorithm");
    buf_clear(&changed);
}

/* A request by GnuTLS, which shares no code with OpenSSL. */
static void
a_request_by_certtool_is_accepted(void **state)
{
    char folder[] = "/tmp/test_csr.XXXXXX", command[512], path[64];
    struct buf der = BUF_INIT(CSR_MAX_LEN);
    struct csr csr;
    struct error err = {0};

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(command, sizeof command,
                   "cd %s && printf 'cn = \"某某公司\"\\n' >t &&"
                   " certtool -p --key-type ecdsa --curve secp384r1 --outfile"
                   " k 2>/dev/null && certtool -q --load-privkey k --template"
                   " t --outder --outfile r 2>/dev/null",
                   folder);
    assert_int_equal(system(command), 0);
    (void)snprintf(path, sizeof path, "%s/r", folder);
    assert_true(text_file_read(path, CSR_MAX_LEN, &der, &err));
    if (!csr_parse(der.data, der.len, &csr, &err))
        fail_msg("%s", err.what);
    assert_int_equal(csr.key.type, HSM_KEY_EC_P384);
    csr_clear(&csr);
    buf_clear(&der);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_of_every_key_and_scheme_are_accepted),
        cmocka_unit_test(a_request_cut_anywhere_is_refused),
        cmocka_unit_test(a_request_followed_by_other_octets_is_refused),
        cmocka_unit_test(a_request_with_one_bit_changed_is_refused),
        cmocka_unit_test(a_request_that_is_too_long_is_refused_unread),
        cmocka_unit_test(a_request_signed_by_another_key_is_refused),
        cmocka_unit_test(a_request_under_the_wrong_algorithm_is_refused),
        cmocka_unit_test(a_request_by_certtool_is_accepted),
    };

    return cmocka_run_group_tests(tests, make_request, clear_request);
}
