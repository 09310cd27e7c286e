/* Text forms: one spelling of each value, and no other is taken. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"

static void
hex_goes_out_lower_and_comes_in_either_case(void **state)
{
    static const uint8_t octets[] = {0x00, 0xab, 0xff};
    uint8_t out[3];
    char text[7];
    size_t len;

    (void)state;
    text_hex(octets, 3, text);
    assert_string_equal(text, "00abff");
    assert_true(text_unhex("00aBFf", out, 3, &len));
    assert_int_equal(len, 3);
    assert_memory_equal(out, octets, 3);
    assert_true(text_unhex("", out, 3, &len));
    assert_int_equal(len, 0);
    assert_false(text_unhex("0", out, 3, &len));
    assert_false(text_unhex("0g", out, 3, &len));
    assert_false(text_unhex(" 00", out, 3, &len));
    assert_false(text_unhex("00112233", out, 3, &len));
}

/* RFC 4648, section 10. */
static void
base64_agrees_with_the_rfc(void **state)
{
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xbf", "+/+/"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct buf text = BUF_INIT(16), octets = BUF_INIT(16);

        text_base64((const uint8_t *)pairs[i][0], strlen(pairs[i][0]), &text);
        assert_string_equal(buf_text(&text), pairs[i][1]);
        assert_true(text_unbase64(buf_text(&text), text.len, &octets));
        assert_string_equal(buf_text(&octets), pairs[i][0]);
        buf_clear(&text);
        buf_clear(&octets);
    }
}

static void
base64_of_another_spelling_is_refused(void **state)
{
    static const char *const texts[] = {
        "Zg",    "Zg=",  "Z===",     "====", "Zh==", "Zm9=",  "Zg==Zg==",
        "Zm9v ", "Zm 9", "Zm9v\n\n", "Zm-_", "=Zm9", "Zm9v=", "Z=9v",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buf out = BUF_INIT(16);

        if (text_unbase64(texts[i], strlen(texts[i]), &out))
            fail_msg("taken: %s", texts[i]);
        buf_clear(&out);
    }
}

static void
integers_have_one_spelling_and_a_range(void **state)
{
    static const char *const texts[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "01",
        "-0",
        "-01",
        "1x",
        "0x1",
        "1.0",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999",
    };
    int64_t n;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (text_int64(texts[i], INT64_MIN, INT64_MAX, &n))
            fail_msg("taken: %s", texts[i]);
    assert_true(text_int64("0", 0, 0, &n));
    assert_int_equal(n, 0);
    assert_true(text_int64("-9223372036854775808", INT64_MIN, INT64_MAX, &n));
    assert_true(n == INT64_MIN);
    assert_true(text_int64("9223372036854775807", INT64_MIN, INT64_MAX, &n));
    assert_true(n == INT64_MAX);
    assert_true(text_int64("10", 10, 10, &n));
    assert_false(text_int64("9", 10, 20, &n));
    assert_false(text_int64("21", 10, 20, &n));
}

static void
characters_of_utf_8_are_counted(void **state)
{
    static const char text[] = "a\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80"
                               "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf";
    size_t count;

    (void)state;
    assert_true(text_utf8(text, sizeof text - 1, &count));
    assert_int_equal(count, 7);
    assert_true(text_utf8("", 0, &count));
    assert_int_equal(count, 0);
}

/* RFC 3629, sections 3 and 10. */
static void
ill_formed_utf_8_is_refused(void **state)
{
    static const char *const texts[] = {
        "\x80",
        "\xc3",
        "\xc3(",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xe0\x80\xaf",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x80\x80\xaf",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xe4\xb8",
        "\xf0\x9f\x98",
    };
    size_t i, count;

    (void)state;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (text_utf8(texts[i], strlen(texts[i]), &count))
            fail_msg("taken: case %zu", i);
    assert_false(text_utf8("a\0b", 3, &count));
}

static void
a_uuid_is_lower_case_and_whole(void **state)
{
    char drawn[TEXT_UUID_LEN + 1], other[TEXT_UUID_LEN + 1];
    struct error err = {0};

    (void)state;
    assert_true(text_is_uuid("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"));
    assert_false(text_is_uuid("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"));
    assert_false(text_is_uuid("f81d4fae-7dec-11d0-a765-00a0c91e6bf"));
    assert_false(text_is_uuid("f81d4fae-7dec-11d0-a765-00a0c91e6bf67"));
    assert_false(text_is_uuid("f81d4fae-7dec-11d0-a765x00a0c91e6bf6"));
    assert_false(text_is_uuid("f81d4fae-7dec-11d0-a765-00a0c91e6bfg"));
    assert_true(text_uuid_draw(drawn, &err));
    assert_true(text_uuid_draw(other, &err));
    assert_true(text_is_uuid(drawn));
    assert_int_equal(drawn[14], '4');           /* the version */
    assert_non_null(strchr("89ab", drawn[19])); /* the variant */
    assert_string_not_equal(drawn, other);
}

static char folder[] = "/tmp/signet-text-XXXXXX";
static char file[sizeof folder + 16];

static int
make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(file, sizeof file, "%s/file", folder);
    return 0;
}

static int
remove_folder(void **state)
{
    (void)state;
    (void)unlink(file);
    return rmdir(folder); /* fails if something was left beside the file */
}

static void
a_file_is_written_with_its_mode_and_read_again(void **state)
{
    struct buf text = BUF_INIT(100);
    struct error err = {0};
    struct stat st;

    (void)state;
    assert_true(text_file_write(file, "first", 5, 0644, &err));
    assert_true(text_file_write(file, "second", 6, 0600, &err));
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(text_file_read(file, 6, &text, &err));
    assert_string_equal(buf_text(&text), "second");
    buf_clear(&text);
    assert_false(text_file_read(file, 5, &text, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    buf_clear(&text);
}

static void
files_that_cannot_be_are_told(void **state)
{
    struct buf text = BUF_INIT(100);
    struct error err = {0};

    (void)state;
    assert_false(text_file_read("/nonexistent", 5, &text, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_false(text_file_read("/", 5, &text, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    assert_false(text_file_write("/nonexistent/x", "", 0, 0600, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
}

static void
percent_leaves_the_unreserved_alone(void **state)
{
    struct buf out = BUF_INIT(32), full = BUF_INIT(4);

    (void)state;
    assert_true(text_percent("aZ09-._~ &=+%\xe5", &out));
    assert_string_equal(buf_text(&out), "aZ09-._~%20%26%3D%2B%25%E5");
    assert_false(text_percent("a&b", &full));
    buf_clear(&out);
    buf_clear(&full);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_goes_out_lower_and_comes_in_either_case),
        cmocka_unit_test(base64_agrees_with_the_rfc),
        cmocka_unit_test(base64_of_another_spelling_is_refused),
        cmocka_unit_test(integers_have_one_spelling_and_a_range),
        cmocka_unit_test(characters_of_utf_8_are_counted),
        cmocka_unit_test(ill_formed_utf_8_is_refused),
        cmocka_unit_test(a_uuid_is_lower_case_and_whole),
        cmocka_unit_test(a_file_is_written_with_its_mode_and_read_again),
        cmocka_unit_test(files_that_cannot_be_are_told),
        cmocka_unit_test(percent_leaves_the_unreserved_alone),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
