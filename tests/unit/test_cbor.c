/* CBOR as CTAP2 writes it, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/cbor.h"
#include "base/text.h"

static uint8_t octets[65536];

static size_t
load(const char *hex)
{
    size_t len;

    assert_true(text_unhex(hex, octets, sizeof octets, &len));
    return len;
}

static struct cbor
parsed(const char *hex)
{
    struct error err = {0};
    struct cbor value;

    if (!cbor_parse(octets, load(hex), NULL, &value, &err))
        fail_msg("%s: %s", hex, err.what);
    return value;
}

static void
refused(const char *hex, const char *why)
{
    struct error err = {0};
    struct cbor value;

    if (cbor_parse(octets, load(hex), NULL, &value, &err))
        fail_msg("%s was taken", hex);
    assert_int_equal(err.code, ERROR_INPUT);
    if (strstr(err.what, why) == NULL)
        fail_msg("%s: '%s' lacks '%s'", hex, err.what, why);
}

/* RFC 8949, appendix A. */
static void
integers_are_read(void **state)
{
    static const struct {
        const char *hex;
        int64_t value;
    } rows[] = {
        {"00", 0},
        {"17", 23},
        {"1818", 24},
        {"1903e8", 1000},
        {"1a000f4240", 1000000},
        {"1b000000e8d4a51000", INT64_C(1000000000000)},
        {"20", -1},
        {"3863", -100},
        {"390100", -257},
        {"3b7fffffffffffffff", INT64_MIN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cbor value = parsed(rows[i].hex);

        assert_int_equal(value.type, CBOR_INTEGER);
        assert_true(value.integer == rows[i].value);
    }
}

static void
octets_texts_and_constants_are_read(void **state)
{
    (void)state;
    assert_int_equal(parsed("4401020304").len, 4);
    assert_memory_equal(parsed("6449455446").data, "IETF", 4);
    assert_int_equal(parsed("62c3bc").type, CBOR_TEXT);
    assert_int_equal(parsed("f4").type, CBOR_FALSE);
    assert_int_equal(parsed("f5").type, CBOR_TRUE);
    assert_int_equal(parsed("f6").type, CBOR_NULL);
    assert_int_equal(parsed("83010203").count, 3);
    assert_int_equal(parsed("a0").count, 0);
}

static void
members_are_found_by_text_and_by_integer(void **state)
{
    struct cbor map = parsed("a4010220f56161820102626262a0"), found;

    (void)state;
    assert_true(cbor_find_integer(&map, 1, &found));
    assert_int_equal(found.integer, 2);
    assert_true(cbor_find_integer(&map, -1, &found));
    assert_int_equal(found.type, CBOR_TRUE);
    assert_true(cbor_find_text(&map, "a", &found));
    assert_int_equal(found.count, 2);
    assert_true(cbor_find_text(&map, "bb", &found));
    assert_int_equal(found.type, CBOR_MAP);
    assert_false(cbor_find_text(&map, "b", &found));
    assert_false(cbor_find_integer(&map, 2, &found));
    map = parsed("80");
    assert_false(cbor_find_integer(&map, 1, &found));
}

static void
number_in_more_octets_than_it_needs_is_refused(void **state)
{
    static const char *const rows[] = {
        "1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3817", "580100"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        refused(rows[i], "shortest");
}

static void
indefinite_length_is_refused(void **state)
{
    (void)state;
    refused("5f42010243030405ff", "indefinite");
    refused("9fff", "indefinite");
    refused("bf61610161629f0203ffff", "indefinite");
    refused("ff", "indefinite");
    refused("1c", "indefinite");
}

static void
keys_out_of_order_or_twice_are_refused(void **state)
{
    (void)state;
    refused("a202010102", "order");       /* 2 before 1 */
    refused("a201010102", "order");       /* 1 twice */
    refused("a220010100", "order");       /* -1 before 1 */
    refused("a2626262016161f5", "order"); /* "bb" before "a" */
    refused("a2616201616101", "order");   /* "b" before "a" */
    refused("a261610101f5", "order");     /* text before integer */
}

static void
truncated_or_followed_is_refused(void **state)
{
    struct error err = {0};
    struct cbor value;
    size_t used;

    (void)state;
    refused("", "too early");
    refused("18", "too early");
    refused("430102", "too early");
    refused("8201", "too early");
    refused("a101", "too early");
    refused("0000", "follow");
    assert_true(cbor_parse(octets, load("0000"), &used, &value, &err));
    assert_int_equal(used, 1);
}

/* A count that nothing stands behind costs nothing. */
static void
huge_counts_are_refused_at_once(void **state)
{
    (void)state;
    refused("9b7fffffffffffffff", "too early");
    refused("bb7fffffffffffffff", "too early");
    refused("5b7fffffffffffffff", "too early");
    refused("9bffffffffffffffff", "too early");
    refused("1bffffffffffffffff", "beyond 64 bits");
    refused("3b8000000000000000", "beyond 64 bits");
}

static void
nesting_deeper_than_four_is_refused(void **state)
{
    (void)state;
    assert_int_equal(parsed("8181818100").type, CBOR_ARRAY);
    refused("818181818100", "deeper");
    refused("a101a101a101a101a10100", "deeper");
}

static void
tags_fractions_and_other_simple_values_are_refused(void **state)
{
    (void)state;
    refused("c074323031332d30332d32315432303a30343a30305a", "tag");
    refused("f93c00", "");
    refused("fb3ff199999999999a", "");
    refused("f7", "simple");
    refused("f0", "simple");
    refused("f818", "simple");
}

static void
text_that_is_no_utf8_and_other_keys_are_refused(void **state)
{
    (void)state;
    refused("62c328", "UTF-8");
    refused("6100", "UTF-8");
    refused("a1410100", "key");
    refused("a1f500", "key");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read),
        cmocka_unit_test(octets_texts_and_constants_are_read),
        cmocka_unit_test(members_are_found_by_text_and_by_integer),
        cmocka_unit_test(number_in_more_octets_than_it_needs_is_refused),
        cmocka_unit_test(indefinite_length_is_refused),
        cmocka_unit_test(keys_out_of_order_or_twice_are_refused),
        cmocka_unit_test(truncated_or_followed_is_refused),
        cmocka_unit_test(huge_counts_are_refused_at_once),
        cmocka_unit_test(nesting_deeper_than_four_is_refused),
        cmocka_unit_test(tags_fractions_and_other_simple_values_are_refused),
        cmocka_unit_test(text_that_is_no_utf8_and_other_keys_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
