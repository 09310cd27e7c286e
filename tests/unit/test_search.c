/* What somebody typed into the search box. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ra/search.h"

static struct search
parse(const char *typed)
{
    struct search out;
    struct error err = {0};

    if (!search_parse(typed, &out, &err))
        fail_msg("\"%s\": %s", typed, err.what);
    return out;
}

static void
a_case_is_found_by_its_number_and_by_the_code_on_its_form(void **state)
{
    (void)state;
    assert_string_equal(parse(" n20261124-000001 ").number, "N20261124-000001");
    assert_string_equal(
        parse("SIGNET1:R20261124-1000001:2:revocation:00ff:abcd").number,
        "R20261124-1000001");
    assert_string_equal(parse("N20261124").number, "");
    assert_string_equal(parse("X20261124-000001").number, "");
    assert_string_equal(parse("N20261124-00001").number, "");
    assert_string_equal(parse("SIGNET1:").number, "");
}

static void
numbers_come_to_the_form_that_rows_have(void **state)
{
    (void)state;
    assert_string_equal(parse("9144030071526726xg").uscc, "9144030071526726XG");
    assert_string_equal(parse("9144030071526726XF").uscc, "");
    assert_string_equal(parse("+86 138-0013-8000").mobile, "13800138000");
    assert_string_equal(parse("11010519491231002x").id_number,
                        "11010519491231002X");
    assert_string_equal(parse("usb-2026-0007").device, "USB-2026-0007");
    assert_string_equal(parse("example-unit").account, "example-unit");
}

static void
a_serial_is_32_hexadecimal_digits(void **state)
{
    struct search found = parse("0A0b0c0d0e0f00010203040506070809");

    (void)state;
    assert_true(found.has_serial);
    assert_int_equal(found.serial[0], 0x0a);
    assert_int_equal(found.serial[15], 0x09);
    assert_false(parse("0a0b0c0d0e0f000102030405060708").has_serial);
    assert_false(parse("0a0b0c0d0e0f0001020304050607080g").has_serial);
}

static void
anything_may_be_how_a_name_begins(void **state)
{
    (void)state;
    assert_string_equal(parse(" 深圳市　某 ").name, "深圳市 某");
    assert_string_equal(parse("100%_'").name, "100%_'");
}

static void
nothing_too_much_and_what_does_not_show_is_refused(void **state)
{
    static char lots[1000];
    struct search out;
    struct error err = {0};

    (void)state;
    memset(lots, 'a', sizeof lots - 1);
    assert_false(search_parse("", &out, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_false(search_parse("  ", &out, &err));
    assert_false(search_parse(lots, &out, &err));
    assert_false(search_parse("a\x01", &out, &err));
    assert_false(search_parse("\xff", &out, &err));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_case_is_found_by_its_number_and_by_the_code_on_its_form),
        cmocka_unit_test(numbers_come_to_the_form_that_rows_have),
        cmocka_unit_test(a_serial_is_32_hexadecimal_digits),
        cmocka_unit_test(anything_may_be_how_a_name_begins),
        cmocka_unit_test(nothing_too_much_and_what_does_not_show_is_refused),
    };

    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
