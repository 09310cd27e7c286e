/* Reading OCSPRequest: what is taken, and each neighbour that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "ocsp/request.h"
#include "ocsp/target.h"

enum { DER_MAX = 128 * 1024 };

static const uint8_t oid_sha1[] = {0x2b, 0x0e, 0x03, 0x02, 0x1a};
static const uint8_t oid_sha256[] = {0x60, 0x86, 0x48, 0x01, 0x65,
                                     0x03, 0x04, 0x02, 0x01};
static const uint8_t oid_sha384[] = {0x60, 0x86, 0x48, 0x01, 0x65,
                                     0x03, 0x04, 0x02, 0x02};
static const uint8_t oid_nonce[] = {0x2b, 0x06, 0x01, 0x05, 0x05,
                                    0x07, 0x30, 0x01, 0x02};
static const uint8_t oid_response[] = {0x2b, 0x06, 0x01, 0x05, 0x05,
                                       0x07, 0x30, 0x01, 0x04};
static const uint8_t oid_other[] = {0x2b, 0x06, 0x01, 0x05, 0x05,
                                    0x07, 0x30, 0x01, 0x07};
static const uint8_t serial_16[16] = {0x11, 0x22, 0x33, 0x44};

/* What a request is made of; zero is the plainest one. */
struct recipe {
    const uint8_t *hash_oid;
    size_t hash_oid_len;
    bool is_without_null;
    size_t hash_len; /* 0: 20 */
    const uint8_t *serial;
    size_t serial_len; /* 0: serial_16 */
    size_t count;      /* 0: 1 */
    int version;       /* -1: written out as 0; above 0: that */
    bool has_name;
    const uint8_t *extension_oid; /* NULL: none */
    bool is_critical;
    size_t nonce_len;
    bool is_nonce_raw;         /* not in an OCTET STRING of its own */
    size_t extension_count;    /* 0: 1 */
    const uint8_t *single_oid; /* a singleRequestExtension */
    bool is_single_critical;
    bool is_signed;
};

static void
add_extension(struct buf *out, const uint8_t *oid, bool is_critical,
              size_t nonce_len, bool is_raw)
{
    uint8_t nonce[256] = {7};
    size_t extension = der_begin(out, DER_SEQUENCE);
    size_t value;

    der_add_oid(out, oid, sizeof oid_nonce);
    if (is_critical)
        der_add_boolean(out, true);
    value = der_begin(out, DER_OCTET_STRING);
    if (is_raw)
        buf_add(out, nonce, nonce_len);
    else
        der_add(out, DER_OCTET_STRING, nonce, nonce_len);
    der_end(out, value);
    der_end(out, extension);
}

static void
add_single(struct buf *out, const struct recipe *r)
{
    static const uint8_t zero[64] = {0};
    size_t hash_len = r->hash_len == 0 ? 20 : r->hash_len;
    size_t single = der_begin(out, DER_SEQUENCE);
    size_t id = der_begin(out, DER_SEQUENCE);
    size_t algorithm = der_begin(out, DER_SEQUENCE);
    size_t outer, list;

    if (r->hash_oid == NULL)
        der_add_oid(out, oid_sha1, sizeof oid_sha1);
    else
        der_add_oid(out, r->hash_oid, r->hash_oid_len);
    if (!r->is_without_null)
        der_add_null(out);
    der_end(out, algorithm);
    der_add(out, DER_OCTET_STRING, zero, hash_len);
    der_add(out, DER_OCTET_STRING, zero, hash_len);
    if (r->serial == NULL)
        der_add(out, DER_INTEGER, serial_16, sizeof serial_16);
    else
        der_add(out, DER_INTEGER, r->serial, r->serial_len);
    der_end(out, id);
    if (r->single_oid != NULL) {
        outer = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
        list = der_begin(out, DER_SEQUENCE);
        add_extension(out, r->single_oid, r->is_single_critical, 4, false);
        der_end(out, list);
        der_end(out, outer);
    }
    der_end(out, single);
}

static void
add_extensions(struct buf *out, const struct recipe *r)
{
    size_t outer = der_begin(out, DER_CONTEXT_CONSTRUCTED(2));
    size_t list = der_begin(out, DER_SEQUENCE), i;

    for (i = 0; i < (r->extension_count == 0 ? 1 : r->extension_count); i++)
        add_extension(out, r->extension_oid, r->is_critical, r->nonce_len,
                      r->is_nonce_raw);
    der_end(out, list);
    der_end(out, outer);
}

static void
add_signature(struct buf *out)
{
    size_t outer = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    size_t body = der_begin(out, DER_SEQUENCE);
    size_t algorithm = der_begin(out, DER_SEQUENCE);

    der_add_oid(out, oid_sha256, sizeof oid_sha256);
    der_end(out, algorithm);
    der_add_octet_bits(out, "not checked", 11);
    der_end(out, body);
    der_end(out, outer);
}

static void
cook(const struct recipe *r, struct buf *out)
{
    size_t request, tbs, part, i;

    buf_reset(out);
    request = der_begin(out, DER_SEQUENCE);
    tbs = der_begin(out, DER_SEQUENCE);
    if (r->version != 0) {
        part = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
        der_add_small(out, r->version < 0 ? 0 : r->version);
        der_end(out, part);
    }
    if (r->has_name) {
        part = der_begin(out, DER_CONTEXT_CONSTRUCTED(1));
        der_add(out, DER_CONTEXT(2), "host", 4);
        der_end(out, part);
    }
    part = der_begin(out, DER_SEQUENCE);
    for (i = 0; i < (r->count == 0 ? 1 : r->count); i++)
        add_single(out, r);
    der_end(out, part);
    if (r->extension_oid != NULL)
        add_extensions(out, r);
    der_end(out, tbs);
    if (r->is_signed)
        add_signature(out);
    der_end(out, request);
}

static bool
parses(const struct recipe *r, struct ocsp_request *out)
{
    static struct ocsp_request ignored;
    static struct buf der = BUF_INIT(DER_MAX);

    cook(r, &der);
    assert_false(buf_is_full(&der));
    return ocsp_request_parse(der.data, der.len, out == NULL ? &ignored : out);
}

static void
a_plain_request_is_read(void **state)
{
    struct ocsp_request request;

    (void)state;
    assert_true(parses(&(struct recipe){0}, &request));
    assert_int_equal(request.count, 1);
    assert_int_equal(request.id[0].hash, OCSP_HASH_SHA1);
    assert_int_equal(request.id[0].serial.len, 16);
    assert_memory_equal(request.id[0].serial.data, serial_16, 16);
    assert_int_equal(request.id[0].name_hash.len, 20);
    assert_int_equal(request.id[0].whole.data[0], DER_SEQUENCE);
    assert_null(request.nonce.data);
}

static void
the_parameters_of_a_hash_may_be_absent(void **state)
{
    struct ocsp_request request;

    (void)state;
    assert_true(parses(&(struct recipe){.is_without_null = true}, &request));
    assert_int_equal(request.id[0].hash, OCSP_HASH_SHA1);
}

static void
sha256_is_read_and_its_length_is_checked(void **state)
{
    struct recipe r = {.hash_oid = oid_sha256,
                       .hash_oid_len = sizeof oid_sha256,
                       .hash_len = 32};
    struct ocsp_request request;

    (void)state;
    assert_true(parses(&r, &request));
    assert_int_equal(request.id[0].hash, OCSP_HASH_SHA256);
    r.hash_len = 31;
    assert_false(parses(&r, NULL));
    r.hash_len = 20;
    assert_false(parses(&r, NULL));
}

static void
another_hash_is_no_error_of_form(void **state)
{
    struct recipe r = {.hash_oid = oid_sha384,
                       .hash_oid_len = sizeof oid_sha384,
                       .hash_len = 48};
    struct ocsp_request request;

    (void)state;
    assert_true(parses(&r, &request));
    assert_int_equal(request.id[0].hash, OCSP_HASH_OTHER);
}

static void
version_1_may_be_written_out_and_no_other(void **state)
{
    (void)state;
    assert_true(parses(&(struct recipe){.version = -1}, NULL));
    assert_false(parses(&(struct recipe){.version = 1}, NULL));
}

static void
a_requestor_and_a_signature_are_not_asked_for_and_not_minded(void **state)
{
    (void)state;
    assert_true(
        parses(&(struct recipe){.has_name = true, .is_signed = true}, NULL));
}

static void
a_nonce_has_1_to_128_octets(void **state)
{
    struct recipe r = {.extension_oid = oid_nonce, .nonce_len = 1};
    struct ocsp_request request;

    (void)state;
    assert_true(parses(&r, &request));
    assert_int_equal(request.nonce.len, 1);
    r.nonce_len = 128;
    assert_true(parses(&r, &request));
    assert_int_equal(request.nonce.len, 128);
    r.is_critical = true; /* we know it, so it may be */
    assert_true(parses(&r, NULL));
    r.nonce_len = 0;
    assert_false(parses(&r, NULL));
    r.nonce_len = 129;
    assert_false(parses(&r, NULL));
}

static void
a_nonce_outside_its_octet_string_is_rejected(void **state)
{
    struct recipe r = {
        .extension_oid = oid_nonce, .nonce_len = 16, .is_nonce_raw = true};

    (void)state;
    assert_false(parses(&r, NULL));
}

static void
two_nonces_are_rejected(void **state)
{
    struct recipe r = {
        .extension_oid = oid_nonce, .nonce_len = 16, .extension_count = 2};

    (void)state;
    assert_false(parses(&r, NULL));
}

static void
an_unknown_extension_counts_only_when_it_is_critical(void **state)
{
    struct recipe r = {.extension_oid = oid_other, .nonce_len = 3};

    (void)state;
    assert_true(parses(&r, NULL));
    r.is_critical = true;
    assert_false(parses(&r, NULL));
    r.extension_oid = oid_response; /* known: 4.4.3 */
    assert_true(parses(&r, NULL));
}

static void
an_extension_of_one_certificate_counts_only_when_it_is_critical(void **state)
{
    struct recipe r = {.single_oid = oid_other};

    (void)state;
    assert_true(parses(&r, NULL));
    r.is_single_critical = true;
    assert_false(parses(&r, NULL));
    r.single_oid = oid_nonce; /* does not belong there */
    assert_false(parses(&r, NULL));
}

static void
up_to_64_certificates_may_be_asked_for(void **state)
{
    struct ocsp_request request;

    (void)state;
    assert_true(
        parses(&(struct recipe){.count = OCSP_REQUEST_COUNT_MAX}, &request));
    assert_int_equal(request.count, OCSP_REQUEST_COUNT_MAX);
    assert_false(
        parses(&(struct recipe){.count = OCSP_REQUEST_COUNT_MAX + 1}, NULL));
    assert_false(parses(&(struct recipe){.count = 1000}, NULL));
}

static void
serials_are_minimal_integers_of_at_most_20_octets(void **state)
{
    static const uint8_t zeros[21] = {0}, padded[] = {0x00, 0x7f};
    static const uint8_t negative[] = {0x80}, padded_negative[] = {0xff, 0x80};
    uint8_t longest[21] = {1};
    struct recipe r = {.serial = zeros, .serial_len = 1};

    (void)state;
    assert_true(parses(&r, NULL));
    r.serial = negative; /* well formed; never issued */
    assert_true(parses(&r, NULL));
    r.serial = longest;
    r.serial_len = 20;
    assert_true(parses(&r, NULL));
    r.serial_len = 21;
    assert_false(parses(&r, NULL));
    r.serial_len = 0;
    assert_false(parses(&r, NULL));
    r.serial = padded;
    r.serial_len = 2;
    assert_false(parses(&r, NULL));
    r.serial = padded_negative;
    assert_false(parses(&r, NULL));
}

static void
truncated_and_extended_requests_are_rejected(void **state)
{
    struct recipe r = {.extension_oid = oid_nonce,
                       .nonce_len = 32,
                       .has_name = true,
                       .is_signed = true};
    struct buf der = BUF_INIT(DER_MAX);
    struct ocsp_request request;
    size_t len;

    (void)state;
    cook(&r, &der);
    for (len = 0; len < der.len; len++)
        assert_false(ocsp_request_parse(der.data, len, &request));
    assert_true(ocsp_request_parse(der.data, der.len, &request));
    buf_add_byte(&der, 0);
    assert_false(ocsp_request_parse(der.data, der.len, &request));
    buf_clear(&der);
}

/* No change of one octet of the frame makes another request of it: either the
 * structure breaks or only a value differs. */
static void
no_octet_changed_lets_the_reader_leave_the_request(void **state)
{
    struct recipe r = {.extension_oid = oid_nonce, .nonce_len = 32};
    struct buf der = BUF_INIT(DER_MAX);
    struct ocsp_request request;
    size_t at;
    unsigned bit;

    (void)state;
    cook(&r, &der);
    for (at = 0; at < der.len; at++)
        for (bit = 0; bit < 8; bit++) {
            der.data[at] ^= (uint8_t)(1u << bit);
            if (ocsp_request_parse(der.data, der.len, &request)) {
                assert_true(request.id[0].whole.data >= der.data);
                assert_true(request.id[0].whole.data +
                                request.id[0].whole.len <=
                            der.data + der.len);
            }
            der.data[at] ^= (uint8_t)(1u << bit);
        }
    buf_clear(&der);
}

static bool
decodes(const char *path, const char *want)
{
    uint8_t out[TARGET_DER_MAX];
    size_t len;

    return ocsp_target_decode((struct http_span){path, strlen(path)}, out,
                              &len) &&
           len == strlen(want) && memcmp(out, want, len) == 0;
}

static void
the_path_of_a_get_is_base64_percent_encoded_or_not(void **state)
{
    (void)state;
    assert_true(decodes("MDEyMw==", "0123"));
    assert_true(decodes("MDEyMw%3D%3D", "0123"));
    assert_true(decodes("MDEyMw%3d%3d", "0123"));
    assert_true(decodes("Pj4/", ">>?"));
    assert_true(decodes("Pj4%2F", ">>?"));
    assert_true(decodes("Pz8+", "?"
                                "?>"));
    assert_true(decodes("Pz8%2B", "?"
                                  "?>"));
    assert_true(decodes("%4DDEy", "012"));
    assert_true(decodes("MDE=", "01"));
    assert_true(decodes("", ""));
}

static void
base64_that_is_not_canonical_is_rejected(void **state)
{
    static const char *const bad[] = {
        "MDE",  "MDEyMw",   "MDEyMw=", "M",     "MDE=MDEy", "MD=y",   "M===",
        "MDF=", "MDEyMx==", "MD Ey",   "MDE%",  "MDE%3",    "MDE%3g", "MDE%00",
        "MDE-", "MDE_",     "====",    "MDEy%", "MDEyMw==A"};
    uint8_t out[TARGET_DER_MAX];
    size_t i, len;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(ocsp_target_decode(
            (struct http_span){bad[i], strlen(bad[i])}, out, &len));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_request_is_read),
        cmocka_unit_test(the_parameters_of_a_hash_may_be_absent),
        cmocka_unit_test(sha256_is_read_and_its_length_is_checked),
        cmocka_unit_test(another_hash_is_no_error_of_form),
        cmocka_unit_test(version_1_may_be_written_out_and_no_other),
        cmocka_unit_test(
            a_requestor_and_a_signature_are_not_asked_for_and_not_minded),
        cmocka_unit_test(a_nonce_has_1_to_128_octets),
        cmocka_unit_test(a_nonce_outside_its_octet_string_is_rejected),
        cmocka_unit_test(two_nonces_are_rejected),
        cmocka_unit_test(an_unknown_extension_counts_only_when_it_is_critical),
        cmocka_unit_test(
            an_extension_of_one_certificate_counts_only_when_it_is_critical),
        cmocka_unit_test(up_to_64_certificates_may_be_asked_for),
        cmocka_unit_test(serials_are_minimal_integers_of_at_most_20_octets),
        cmocka_unit_test(truncated_and_extended_requests_are_rejected),
        cmocka_unit_test(no_octet_changed_lets_the_reader_leave_the_request),
        cmocka_unit_test(the_path_of_a_get_is_base64_percent_encoded_or_not),
        cmocka_unit_test(base64_that_is_not_canonical_is_rejected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
