/* Comma-separated values, strictly: base/csv.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/csv.h"

static struct csv csv;
static struct csv_record record;

static void
open_text(const char *text)
{
    csv_open(&csv, (const uint8_t *)text, strlen(text));
}

static void
assert_record(int line, size_t count, const char *const *field)
{
    struct error err = {0};

    assert_false(csv_is_end(&csv));
    if (!csv_next(&csv, &record, &err))
        fail_msg("%s", err.what);
    assert_int_equal(record.line, line);
    assert_int_equal(record.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(record.field[i], field[i]);
}
#define RECORD(line, ...)                                                      \
    do {                                                                       \
        static const char *const fields[] = {__VA_ARGS__};                     \
        assert_record(line, sizeof fields / sizeof fields[0], fields);         \
    } while (0)

static void
assert_wrong(int line, const char *what)
{
    struct error err = {0};

    assert_false(csv_is_end(&csv));
    assert_false(csv_next(&csv, &record, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_int_equal(record.line, line);
    assert_non_null(strstr(err.what, what));
}

static void
records_end_with_crlf_or_lf_or_the_file(void **state)
{
    (void)state;
    open_text("a,b\r\nc,d\ne,f");
    RECORD(1, "a", "b");
    RECORD(2, "c", "d");
    RECORD(3, "e", "f");
    assert_true(csv_is_end(&csv));
    open_text("a\n\n\r\nb\n");
    RECORD(1, "a");
    RECORD(4, "b");
    assert_true(csv_is_end(&csv));
    open_text("");
    assert_true(csv_is_end(&csv));
}

static void
a_byte_order_mark_is_no_part_of_the_first_field(void **state)
{
    (void)state;
    open_text("\xEF\xBB\xBF"
              "名称,b\n");
    RECORD(1, "名称", "b");
}

static void
quoted_fields_hold_commas_quotes_and_line_ends(void **state)
{
    (void)state;
    open_text("\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\",\"\",\n x ,,\n");
    RECORD(1, "a,b", "say \"hi\"", "two\r\nlines", "", "");
    RECORD(3, " x ", "", "");
}

static void
a_wrong_record_costs_its_line_and_no_other(void **state)
{
    (void)state;
    open_text("a\"b,c\ngood,1\n\"open,\ngood,2\n\"x\"y\na\rb\ngood,3\n");
    assert_wrong(1, "quote inside");
    RECORD(2, "good", "1");
    assert_wrong(3, "after a closing quote"); /* the one of line 5 */
    RECORD(4, "good", "2");
    assert_wrong(5, "after a closing quote");
    assert_wrong(6, "carriage return");
    RECORD(7, "good", "3");
    assert_true(csv_is_end(&csv));
    open_text("\"open,\ngood,4\n");
    assert_wrong(1, "not closed");
    RECORD(2, "good", "4");
}

static void
what_is_no_utf8_or_holds_nul_is_refused(void **state)
{
    static const uint8_t nul[] = {'a', 0, 'b', '\n', 'c'};

    (void)state;
    open_text("\xC0\xAF,x\n\xE4\xB8,\n\xED\xA0\x80\nok\n");
    assert_wrong(1, "UTF-8");
    assert_wrong(2, "UTF-8");
    assert_wrong(3, "UTF-8");
    RECORD(4, "ok");
    csv_open(&csv, nul, sizeof nul);
    assert_wrong(1, "UTF-8");
    RECORD(2, "c");
}

static void
records_are_bounded_in_length_and_in_fields(void **state)
{
    static char text[CSV_RECORD_MAX + 64];
    struct error err = {0};

    (void)state;
    memset(text, 'x', CSV_RECORD_MAX);
    (void)strcpy(text + CSV_RECORD_MAX, "\nnext\n");
    open_text(text);
    assert_true(csv_next(&csv, &record, &err));
    RECORD(2, "next");
    memset(text, 'x', CSV_RECORD_MAX + 1);
    (void)strcpy(text + CSV_RECORD_MAX + 1, "\nnext\n");
    open_text(text);
    assert_wrong(1, "longer");
    RECORD(2, "next");
    memset(text, ',', CSV_FIELDS_MAX - 1);
    (void)strcpy(text + CSV_FIELDS_MAX - 1, "\nnext\n");
    open_text(text);
    assert_true(csv_next(&csv, &record, &err));
    assert_int_equal(record.count, CSV_FIELDS_MAX);
    memset(text, ',', CSV_FIELDS_MAX);
    (void)strcpy(text + CSV_FIELDS_MAX, "\nnext\n");
    open_text(text);
    assert_wrong(1, "more than");
    RECORD(2, "next");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_end_with_crlf_or_lf_or_the_file),
        cmocka_unit_test(a_byte_order_mark_is_no_part_of_the_first_field),
        cmocka_unit_test(quoted_fields_hold_commas_quotes_and_line_ends),
        cmocka_unit_test(a_wrong_record_costs_its_line_and_no_other),
        cmocka_unit_test(what_is_no_utf8_or_holds_nul_is_refused),
        cmocka_unit_test(records_are_bounded_in_length_and_in_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
