/* Strict DER: what is read, what is refused, and OpenSSL as the judge of what
 * is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/asn1.h>
#include <openssl/objects.h>

#include "base/clock.h"
#include "base/der.h"

#define OCTETS(...) ((const uint8_t[]){__VA_ARGS__})
#define DER_OF(...)                                                            \
    ((struct der){OCTETS(__VA_ARGS__), sizeof OCTETS(__VA_ARGS__)})

static void
items_are_taken_one_after_the_other(void **state)
{
    struct der in = DER_OF(0x05, 0x00, 0x04, 0x02, 0xaa, 0xbb);
    const uint8_t *start = in.data;
    struct der_item item;

    (void)state;
    assert_true(der_next(&in, &item));
    assert_int_equal(item.tag, DER_NULL);
    assert_int_equal(item.value.len, 0);
    assert_true(der_next(&in, &item));
    assert_int_equal(item.tag, DER_OCTET_STRING);
    assert_ptr_equal(item.value.data, start + 4);
    assert_int_equal(item.whole.len, 4);
    assert_int_equal(in.len, 0);
    assert_false(der_next(&in, &item));
}

static void
lengths_that_are_not_der_are_refused(void **state)
{
    const struct der bad[] = {
        DER_OF(0x04),
        DER_OF(0x04, 0x01),                         /* past the end */
        DER_OF(0x30, 0x80, 0x00, 0x00),             /* indefinite */
        DER_OF(0x04, 0x81, 0x01, 0x00),             /* short form would do */
        DER_OF(0x04, 0x82, 0x00, 0x80, 0x00),       /* leading zero */
        DER_OF(0x04, 0x84, 0xff, 0xff, 0xff, 0xff), /* past the end */
        DER_OF(0x04, 0x85, 0x01, 0x00, 0x00, 0x00, 0x00),
        DER_OF(0x04, 0x82, 0x01),
        DER_OF(0x1f, 0x1f, 0x00), /* a tag number over 30 */
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct der in = bad[i];
        struct der_item item;

        assert_false(der_next(&in, &item));
        assert_ptr_equal(in.data, bad[i].data);
        assert_int_equal(in.len, bad[i].len);
    }
}

static void
long_lengths_are_read_in_their_shortest_form(void **state)
{
    static const size_t lens[] = {0, 127, 128, 255, 256, 65535, 65536, 300000};
    uint8_t *content = calloc(1, 300000);
    size_t i;

    (void)state;
    assert_non_null(content);
    for (i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct buf out = BUF_INIT(400000);
        struct der in, value;

        der_add(&out, DER_OCTET_STRING, content, lens[i]);
        in = (struct der){out.data, out.len};
        assert_true(der_take(&in, DER_OCTET_STRING, &value));
        assert_int_equal(value.len, lens[i]);
        assert_int_equal(in.len, 0);
        buf_clear(&out);
    }
    free(content);
}

static void
an_optional_item_is_taken_only_if_it_is_there(void **state)
{
    struct der in = DER_OF(0xa0, 0x02, 0x05, 0x00, 0x05, 0x00), value;
    struct der cut = DER_OF(0xa0, 0x02, 0x05);

    (void)state;
    assert_true(der_take_optional(&in, DER_CONTEXT_CONSTRUCTED(1), &value));
    assert_null(value.data);
    assert_true(der_take_optional(&in, DER_CONTEXT_CONSTRUCTED(0), &value));
    assert_int_equal(value.len, 2);
    assert_false(der_take_optional(&cut, DER_CONTEXT_CONSTRUCTED(0), &value));
    assert_false(der_take(&in, DER_SEQUENCE, &value));
    assert_int_equal(in.len, 2);
}

static void
integers_are_minimal_and_not_negative(void **state)
{
    struct der in, value;
    int64_t n;

    (void)state;
    in = DER_OF(0x02, 0x02, 0x00, 0x80);
    assert_true(der_take_small(&in, 1000, &n));
    assert_int_equal(n, 128);
    in = DER_OF(0x02, 0x01, 0x00);
    assert_true(der_take_small(&in, 1000, &n));
    assert_int_equal(n, 0);
    in = DER_OF(0x02, 0x02, 0x00, 0x80);
    assert_true(der_take_unsigned(&in, &value));
    assert_int_equal(value.len, 1);
    in = DER_OF(0x02, 0x01, 0x80);
    assert_false(der_take_unsigned(&in, &value));
    in = DER_OF(0x02, 0x02, 0x00, 0x7f);
    assert_false(der_take_unsigned(&in, &value));
    in = DER_OF(0x02, 0x00);
    assert_false(der_take_unsigned(&in, &value));
    in = DER_OF(0x02, 0x01, 0x05);
    assert_false(der_take_small(&in, 4, &n));
    in = DER_OF(0x02, 0x08, 0x01, 0, 0, 0, 0, 0, 0, 0);
    assert_false(der_take_small(&in, INT64_MAX, &n));
}

static void
booleans_and_bit_strings_have_one_form(void **state)
{
    struct der in, value;
    bool b;

    (void)state;
    in = DER_OF(0x01, 0x01, 0xff);
    assert_true(der_take_boolean(&in, &b));
    assert_true(b);
    in = DER_OF(0x01, 0x01, 0x00);
    assert_true(der_take_boolean(&in, &b));
    assert_false(b);
    in = DER_OF(0x01, 0x01, 0x01);
    assert_false(der_take_boolean(&in, &b));
    in = DER_OF(0x01, 0x02, 0xff, 0xff);
    assert_false(der_take_boolean(&in, &b));
    in = DER_OF(0x03, 0x02, 0x00, 0xaa);
    assert_true(der_take_octet_bits(&in, &value));
    assert_int_equal(value.len, 1);
    in = DER_OF(0x03, 0x02, 0x01, 0xaa);
    assert_false(der_take_octet_bits(&in, &value));
    in = DER_OF(0x03, 0x00);
    assert_false(der_take_octet_bits(&in, &value));
}

static bool
time_is_taken(uint8_t tag, const char *text, int64_t *at)
{
    struct buf out = BUF_INIT(100);
    struct der in;
    bool ok;

    der_add(&out, tag, text, strlen(text));
    in = (struct der){out.data, out.len};
    ok = der_take_time(&in, at);
    buf_clear(&out);
    return ok;
}

static void
times_are_read_in_the_forms_of_rfc_5280(void **state)
{
    static const char *const bad_utc[] = {
        "2611240900Z",   "261124090000",    "261124090000+0000",
        "261324090000Z", "261124090000Zx",  "26112409000aZ",
        "260229090000Z", "20261124090000Z",
    };
    static const char *const bad_generalized[] = {
        "20501124090000",     "20501124090000.5Z", "205011240900Z",
        "20501124090000+00Z", "20501324090000Z",
    };
    int64_t at;
    size_t i;

    (void)state;
    assert_true(time_is_taken(DER_UTC_TIME, "700101000000Z", &at));
    assert_int_equal(at, 0);
    assert_true(time_is_taken(DER_UTC_TIME, "491231235959Z", &at));
    assert_int_equal(at, 2524607999);
    assert_true(time_is_taken(DER_UTC_TIME, "500101000000Z", &at));
    assert_int_equal(at, -631152000);
    assert_true(time_is_taken(DER_GENERALIZED_TIME, "20500101000000Z", &at));
    assert_int_equal(at, 2524608000);
    for (i = 0; i < sizeof bad_utc / sizeof bad_utc[0]; i++)
        if (time_is_taken(DER_UTC_TIME, bad_utc[i], &at))
            fail_msg("taken: %s", bad_utc[i]);
    for (i = 0; i < sizeof bad_generalized / sizeof bad_generalized[0]; i++)
        if (time_is_taken(DER_GENERALIZED_TIME, bad_generalized[i], &at))
            fail_msg("taken: %s", bad_generalized[i]);
    assert_false(time_is_taken(DER_OCTET_STRING, "700101000000Z", &at));
}

static void
openssl_reads_the_times_that_we_write(void **state)
{
    static const int64_t instants[] = {0, 1795510800, 2524607999, 2524608000,
                                       253402300799};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof instants / sizeof instants[0]; i++) {
        struct buf out = BUF_INIT(100);
        const unsigned char *p;
        ASN1_TIME *time;
        struct tm tm;

        der_add_time(&out, instants[i]);
        assert_int_equal(out.data[0], instants[i] < 2524608000
                                          ? DER_UTC_TIME
                                          : DER_GENERALIZED_TIME);
        p = out.data;
        time = d2i_ASN1_TIME(NULL, &p, (long)out.len);
        assert_non_null(time);
        assert_int_equal(ASN1_TIME_to_tm(time, &tm), 1);
        assert_true((int64_t)timegm(&tm) == instants[i]);
        ASN1_TIME_free(time);
        buf_clear(&out);
    }
}

static void
openssl_reads_the_integers_that_we_write(void **state)
{
    static const int64_t numbers[] = {0,     1,     127,        128,
                                      32767, 32768, 0x7fffffff, INT64_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct buf out = BUF_INIT(100);
        const unsigned char *p;
        ASN1_INTEGER *integer, *own = ASN1_INTEGER_new();
        int64_t n;

        der_add_small(&out, numbers[i]);
        p = out.data;
        integer = d2i_ASN1_INTEGER(NULL, &p, (long)out.len);
        assert_non_null(integer);
        assert_int_equal(ASN1_INTEGER_get_int64(&n, integer), 1);
        assert_true(n == numbers[i]);
        assert_int_equal(ASN1_INTEGER_set_int64(own, numbers[i]), 1);
        assert_int_equal(i2d_ASN1_INTEGER(own, NULL), out.len);
        ASN1_INTEGER_free(integer);
        ASN1_INTEGER_free(own);
        buf_clear(&out);
    }
}

static void
nested_items_get_their_lengths_when_they_end(void **state)
{
    static const uint8_t expected[] = {0x30, 0x0a, 0x30, 0x03, 0x01, 0x01,
                                       0xff, 0x05, 0x00, 0x03, 0x01, 0x00};
    struct buf out = BUF_INIT(1000);
    size_t outer, inner;

    (void)state;
    outer = der_begin(&out, DER_SEQUENCE);
    inner = der_begin(&out, DER_SEQUENCE);
    der_add_boolean(&out, true);
    der_end(&out, inner);
    der_add_null(&out);
    der_add_octet_bits(&out, NULL, 0);
    der_end(&out, outer);
    assert_int_equal(out.len, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    buf_clear(&out);
}

static void
a_writer_that_overruns_writes_no_length(void **state)
{
    struct buf out = BUF_INIT(200);
    uint8_t content[200] = {0};
    size_t outer;

    (void)state;
    outer = der_begin(&out, DER_SEQUENCE);
    der_add(&out, DER_OCTET_STRING, content, sizeof content);
    der_end(&out, outer);
    assert_true(buf_is_full(&out));
    buf_clear(&out);
}

/* X.690, 11.2.2: keyUsage with digitalSignature (0) and so on. */
static void
named_bits_lose_their_trailing_zeros(void **state)
{
    static const struct {
        uint16_t bits;
        uint8_t octets[5];
        size_t len;
    } cases[] = {
        {0x0000, {0x03, 0x01, 0x00}, 3},
        {0x0001, {0x03, 0x02, 0x07, 0x80}, 4},
        {0x0060, {0x03, 0x02, 0x01, 0x06}, 4},
        {0x0080, {0x03, 0x02, 0x00, 0x01}, 4},
        {0x0100, {0x03, 0x03, 0x07, 0x00, 0x80}, 5},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = BUF_INIT(100);

        der_add_named_bits(&out, cases[i].bits, 9);
        assert_int_equal(out.len, cases[i].len);
        assert_memory_equal(out.data, cases[i].octets, cases[i].len);
        buf_clear(&out);
    }
}

static void
oids_agree_with_openssl_both_ways(void **state)
{
    static const char *const texts[] = {
        "1.2.840.10045.4.3.2",
        "2.5.29.15",
        "0.9.2342.19200300.100.1.1",
        "1.3.6.1.5.5.7.48.1.2",
        "2.999.1",
        "1.39.128",
        "0.0",
        "2.47",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ASN1_OBJECT *object = OBJ_txt2obj(texts[i], 1);
        uint8_t content[64];
        char text[64];
        size_t len;

        assert_non_null(object);
        assert_true(der_oid_parse(texts[i], content, sizeof content, &len));
        assert_int_equal(len, OBJ_length(object));
        assert_memory_equal(content, OBJ_get0_data(object), len);
        assert_true(der_oid_format(content, len, text, sizeof text));
        assert_string_equal(text, texts[i]);
        ASN1_OBJECT_free(object);
    }
}

static void
malformed_oids_are_refused(void **state)
{
    static const char *const texts[] = {
        "",      "1",
        "1.",    ".1",
        "3.1",   "1.40",
        "1..2",  "1.2.",
        "01.2",  "1.02",
        "1.2.a", "1.-2",
        "1.2 ",  "1.2.99999999999999999999",
    };
    const struct der bad[] = {
        DER_OF(0x2a, 0x86),       /* does not end */
        DER_OF(0x2a, 0x80, 0x01), /* not minimal: 8.19.2 */
        DER_OF(0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
               0x7f),
    };
    uint8_t content[8];
    char text[64];
    size_t i, len;

    (void)state;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (der_oid_parse(texts[i], content, sizeof content, &len))
            fail_msg("taken: %s", texts[i]);
    assert_false(
        der_oid_parse("1.2.840.113549.1.1.1.1", content, sizeof content, &len));
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(
            der_oid_format(bad[i].data, bad[i].len, text, sizeof text));
    assert_false(der_oid_format(content, 0, text, sizeof text));
    assert_false(der_oid_format(OCTETS(0x2a, 0x03), 2, text, 5));
}

static void
equality_is_of_length_and_octets(void **state)
{
    (void)state;
    assert_true(der_equal(DER_OF(1, 2), DER_OF(1, 2)));
    assert_false(der_equal(DER_OF(1, 2), DER_OF(1, 3)));
    assert_false(der_equal(DER_OF(1, 2), DER_OF(1, 2, 3)));
    assert_true(der_equal((struct der){NULL, 0}, (struct der){NULL, 0}));
}

static void
an_object_identifier_ends_and_has_no_needless_octets(void **state)
{
    static const struct {
        uint8_t octet[5];
        size_t len;
        bool is_right;
    } cases[] = {
        {{0x06, 0x01, 0x2a}, 3, true},
        {{0x06, 0x03, 0x2a, 0x86, 0x48}, 5, true},
        {{0x06, 0x00}, 2, false},                   /* no arc */
        {{0x06, 0x02, 0x2a, 0x86}, 4, false},       /* the arc goes on */
        {{0x06, 0x03, 0x2a, 0x80, 0x01}, 5, false}, /* leading zero */
        {{0x05, 0x01, 0x2a}, 3, false},             /* another tag */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct der in = {cases[i].octet, cases[i].len}, content = {0};

        assert_int_equal(der_take_oid(&in, &content), cases[i].is_right);
        assert_int_equal(in.len, cases[i].is_right ? 0 : cases[i].len);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_taken_one_after_the_other),
        cmocka_unit_test(lengths_that_are_not_der_are_refused),
        cmocka_unit_test(long_lengths_are_read_in_their_shortest_form),
        cmocka_unit_test(an_optional_item_is_taken_only_if_it_is_there),
        cmocka_unit_test(integers_are_minimal_and_not_negative),
        cmocka_unit_test(booleans_and_bit_strings_have_one_form),
        cmocka_unit_test(times_are_read_in_the_forms_of_rfc_5280),
        cmocka_unit_test(openssl_reads_the_times_that_we_write),
        cmocka_unit_test(openssl_reads_the_integers_that_we_write),
        cmocka_unit_test(nested_items_get_their_lengths_when_they_end),
        cmocka_unit_test(a_writer_that_overruns_writes_no_length),
        cmocka_unit_test(named_bits_lose_their_trailing_zeros),
        cmocka_unit_test(oids_agree_with_openssl_both_ways),
        cmocka_unit_test(malformed_oids_are_refused),
        cmocka_unit_test(equality_is_of_length_and_octets),
        cmocka_unit_test(an_object_identifier_ends_and_has_no_needless_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
