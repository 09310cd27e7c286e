/* Strict JSON, and RFC 8785 against the examples of the RFC itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/text.h"

static json_t *
parsed(const char *text)
{
    struct error err = {0};
    json_t *value = NULL;

    if (!json_parse_object((const uint8_t *)text, strlen(text), &value, &err))
        fail_msg("%s: %s", text, err.what);
    return value;
}

static void
assert_no_json(const char *text, size_t len)
{
    struct error err = {0};
    json_t *value = NULL;

    assert_false(json_parse_object((const uint8_t *)text, len, &value, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_null(value);
}

static void
assert_canonical(const char *text, const char *canonical)
{
    struct buf out = BUF_INIT(65536);
    struct error err = {0};
    json_t *value = parsed(text);

    assert_true(json_canonical(value, &out, &err));
    assert_string_equal(buf_text(&out), canonical);
    buf_clear(&out);
    json_decref(value);
}

static void
anything_but_one_object_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "[]",
        "1",
        "null",
        "{",
        "{}{}",
        "{} x",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":1/*x*/}",
        "{\"a\":NaN}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc0\x80\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "\xef\xbb\xbf{}",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_no_json(texts[i], strlen(texts[i]));
    assert_no_json("{}\0", 3);
    json_decref(parsed(" {} \r\n"));
}

static void
nesting_is_bounded(void **state)
{
    char text[2 * JSON_MAX_DEPTH_LEVELS + 16] = "{\"a\":";
    size_t at = strlen(text);

    (void)state;
    memset(text + at, '[', JSON_MAX_DEPTH_LEVELS - 1);
    memset(text + at + JSON_MAX_DEPTH_LEVELS - 1, ']',
           JSON_MAX_DEPTH_LEVELS - 1);
    (void)strcat(text, "}");
    json_decref(parsed(text));
    memset(text + at, '[', JSON_MAX_DEPTH_LEVELS);
    memset(text + at + JSON_MAX_DEPTH_LEVELS, ']', JSON_MAX_DEPTH_LEVELS);
    (void)strcat(text, "}");
    assert_no_json(text, strlen(text));
    /* Brackets inside a text are no nesting. */
    json_decref(
        parsed("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"}"));
}

/* RFC 8785, 3.2.3: names in the order of UTF-16 code units. */
static void
members_are_sorted_by_utf_16_code_units(void **state)
{
    (void)state;
    assert_canonical("{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\","
                     "\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\","
                     "\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning "
                     "Face\",\"\\u0080\":\"Control\",\"\\u00f6\":\"Latin Small "
                     "Letter O With Diaeresis\"}",
                     "{\"\\r\":\"Carriage Return\",\"1\":\"One\","
                     "\"\xc2\x80\":\"Control\",\"\xc3\xb6\":\"Latin Small "
                     "Letter O With Diaeresis\",\"\xe2\x82\xac\":\"Euro Sign\","
                     "\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
                     "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
    assert_canonical("{\"aa\":1,\"a\":2,\"\":3,\"B\":4}",
                     "{\"\":3,\"B\":4,\"a\":2,\"aa\":1}");
}

/* RFC 8785, 3.2.2.2. */
static void
texts_are_escaped_as_the_rfc_says(void **state)
{
    (void)state;
    assert_canonical("{\"a\":\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c"
                     "\\\\\\\"\\/\\u007f\\b\\f\\t\\u001F\"}",
                     "{\"a\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\x7f"
                     "\\b\\f\\t\\u001f\"}");
}

static void
nested_values_are_written_without_white_space(void **state)
{
    (void)state;
    assert_canonical("{ \"b\" : [ 1 , {\"d\":null,\"c\":[]} , -7 ] ,\n"
                     " \"a\" : { } , \"t\" : true, \"f\":false, \"z\":-0 }",
                     "{\"a\":{},\"b\":[1,{\"c\":[],\"d\":null},-7],\"f\":false,"
                     "\"t\":true,\"z\":0}");
}

static void
numbers_that_readers_may_see_differently_are_refused(void **state)
{
    static const char *const texts[] = {
        "{\"a\":1.5}",
        "{\"a\":1e3}",
        "{\"a\":1.0}",
        "{\"a\":9007199254740993}",
        "{\"a\":-9007199254740993}",
        "{\"b\":[{\"a\":1.5}]}",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buf out = BUF_INIT(100);
        struct error err = {0};
        json_t *value = parsed(texts[i]);

        assert_false(json_canonical(value, &out, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        buf_clear(&out);
        json_decref(value);
    }
    assert_canonical("{\"a\":9007199254740992}", "{\"a\":9007199254740992}");
}

static void
the_digest_is_sha_256_of_the_canonical_form(void **state)
{
    /* printf '{"a":1,"b":2}' | sha256sum */
    static const char expected[] =
        "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777";
    json_t *value = parsed("{\"b\":2,\"a\":1}");
    struct error err = {0};
    uint8_t digest[32];
    char hex[65];

    (void)state;
    assert_true(json_digest(value, digest, &err));
    text_hex(digest, sizeof digest, hex);
    assert_string_equal(hex, expected);
    json_decref(value);
}

static void
canonical_text_over_the_limit_is_refused(void **state)
{
    struct buf out = BUF_INIT(6);
    json_t *value = parsed("{\"a\":1}");
    struct error err = {0};

    (void)state;
    assert_false(json_canonical(value, &out, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    buf_clear(&out);
    json_decref(value);
}

static void
members_of_the_wrong_type_are_named(void **state)
{
    json_t *object = parsed("{\"t\":1,\"i\":\"1\",\"b\":0,\"o\":[],\"a\":{}}");
    struct error err = {0};
    const char *text;
    int64_t n;
    json_t *value;
    bool b;

    (void)state;
    assert_false(json_get_text(object, "t", 10, &text, &err));
    assert_non_null(strstr(err.what, "\"t\""));
    assert_false(json_find_text(object, "t", 10, &text, &err));
    assert_false(json_get_int(object, "i", 0, 9, &n, &err));
    assert_false(json_find_bool(object, "b", true, &b, &err));
    assert_false(json_get_object(object, "o", &value, &err));
    assert_false(json_find_array(object, "a", &value, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    json_decref(object);
}

static void
missing_members_are_an_error_for_get_and_not_for_find(void **state)
{
    json_t *object = parsed("{}");
    struct error err = {0};
    const char *text = "x";
    int64_t n = 7;
    json_t *value = object;
    bool b = false;

    (void)state;
    assert_false(json_get_text(object, "m", 10, &text, &err));
    assert_string_equal(err.what, "\"m\" is missing");
    assert_true(json_find_text(object, "m", 10, &text, &err));
    assert_null(text);
    assert_false(json_get_int(object, "m", 0, 9, &n, &err));
    assert_true(json_find_int(object, "m", 0, 9, 5, &n, &err));
    assert_int_equal(n, 5);
    assert_true(json_find_bool(object, "m", true, &b, &err));
    assert_true(b);
    assert_false(json_get_object(object, "m", &value, &err));
    assert_true(json_find_object(object, "m", &value, &err));
    assert_null(value);
    assert_false(json_get_array(object, "m", &value, &err));
    assert_true(json_find_array(object, "m", &value, &err));
    json_decref(object);
}

static void
values_out_of_bounds_are_refused(void **state)
{
    json_t *object = parsed("{\"t\":\"abcd\",\"i\":10,\"h\":\"YWJjZA==\","
                            "\"x\":\"YWJjZA\",\"at\":\"2026-11-24T09:00:00Z\","
                            "\"no\":\"2026-11-31T09:00:00Z\"}");
    struct buf bytes = BUF_INIT(16);
    struct error err = {0};
    const char *text;
    int64_t n;

    (void)state;
    assert_true(json_get_text(object, "t", 4, &text, &err));
    assert_false(json_get_text(object, "t", 3, &text, &err));
    assert_true(json_get_int(object, "i", 10, 10, &n, &err));
    assert_false(json_get_int(object, "i", 0, 9, &n, &err));
    assert_true(json_get_bytes(object, "h", 4, &bytes, &err));
    assert_string_equal(buf_text(&bytes), "abcd");
    assert_false(json_get_bytes(object, "h", 3, &bytes, &err));
    assert_false(json_get_bytes(object, "x", 4, &bytes, &err));
    assert_true(json_get_time(object, "at", &n, &err));
    assert_int_equal(n, 1795510800);
    assert_false(json_get_time(object, "no", &n, &err));
    buf_clear(&bytes);
    json_decref(object);
}

static void
unknown_members_are_refused_by_name(void **state)
{
    static const char *const names[] = {"a", "b", NULL};
    json_t *good = parsed("{\"a\":1}");
    json_t *bad = parsed("{\"a\":1,\"c\":1}");
    struct error err = {0};

    (void)state;
    assert_true(json_only(good, names, &err));
    assert_false(json_only(bad, names, &err));
    assert_string_equal(err.what, "unknown member \"c\"");
    json_decref(good);
    json_decref(bad);
}

static void
what_is_set_is_got_again(void **state)
{
    static const uint8_t octets[] = {0, 0xff, 0x10};
    struct buf bytes = BUF_INIT(3);
    json_t *object = json_object();
    struct error err = {0};
    const char *text;
    int64_t n;

    (void)state;
    json_set_text(object, "t", "x");
    json_set_int(object, "i", -5);
    json_set_bytes(object, "b", octets, 3);
    json_set_hex(object, "h", octets, 3);
    json_set_time(object, "at", 0);
    assert_true(json_get_text(object, "t", 1, &text, &err));
    assert_true(json_get_int(object, "i", -5, 0, &n, &err));
    assert_true(json_get_bytes(object, "b", 3, &bytes, &err));
    assert_memory_equal(bytes.data, octets, 3);
    assert_true(json_get_text(object, "h", 6, &text, &err));
    assert_string_equal(text, "00ff10");
    assert_true(json_get_time(object, "at", &n, &err));
    assert_int_equal(n, 0);
    buf_clear(&bytes);
    json_decref(object);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anything_but_one_object_is_refused),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(members_are_sorted_by_utf_16_code_units),
        cmocka_unit_test(texts_are_escaped_as_the_rfc_says),
        cmocka_unit_test(nested_values_are_written_without_white_space),
        cmocka_unit_test(numbers_that_readers_may_see_differently_are_refused),
        cmocka_unit_test(the_digest_is_sha_256_of_the_canonical_form),
        cmocka_unit_test(canonical_text_over_the_limit_is_refused),
        cmocka_unit_test(members_of_the_wrong_type_are_named),
        cmocka_unit_test(missing_members_are_an_error_for_get_and_not_for_find),
        cmocka_unit_test(values_out_of_bounds_are_refused),
        cmocka_unit_test(unknown_members_are_refused_by_name),
        cmocka_unit_test(what_is_set_is_got_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
