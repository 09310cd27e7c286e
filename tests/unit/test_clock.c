/* Instants, their text, and calendar years. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

/* Pairs from `date -u -d TEXT +%s`. */
static const struct {
    int64_t at;
    const char *text;
} instants[] = {
    {0, "1970-01-01T00:00:00Z"},
    {-1, "1969-12-31T23:59:59Z"},
    {951782400, "2000-02-29T00:00:00Z"},
    {1795510800, "2026-11-24T09:00:00Z"},
    {2524607999, "2049-12-31T23:59:59Z"},
    {4102444799, "2099-12-31T23:59:59Z"},
    {253402300799, "9999-12-31T23:59:59Z"},
    {-62135596800, "0001-01-01T00:00:00Z"},
};

static void
instants_have_one_text_and_come_back_from_it(void **state)
{
    char text[CLOCK_TEXT_LEN + 1];
    int64_t at;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof instants / sizeof instants[0]; i++) {
        clock_format(instants[i].at, text);
        assert_string_equal(text, instants[i].text);
        assert_true(clock_parse(instants[i].text, &at));
        assert_true(at == instants[i].at);
    }
}

static void
texts_that_are_no_instant_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "2026-11-24",
        "2026-11-24T09:00:00",
        "2026-11-24T09:00:00z",
        "2026-11-24t09:00:00Z",
        "2026-11-24 09:00:00Z",
        "2026-11-24T09:00:00.0Z",
        "2026-11-24T09:00:00+00:00",
        "2026-13-24T09:00:00Z",
        "2026-00-24T09:00:00Z",
        "2026-11-31T09:00:00Z",
        "2026-11-00T09:00:00Z",
        "2026-02-29T09:00:00Z",
        "2100-02-29T09:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T09:60:00Z",
        "2026-11-24T09:00:60Z",
        "0000-11-24T09:00:00Z",
        "+026-11-24T09:00:00Z",
        "2026-1 -24T09:00:00Z",
    };
    int64_t at;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (clock_parse(texts[i], &at))
            fail_msg("taken: %s", texts[i]);
}

static void
assert_years_later(const char *from, int years, const char *to)
{
    char text[CLOCK_TEXT_LEN + 1];
    int64_t at;

    assert_true(clock_parse(from, &at));
    clock_format(clock_add_years(at, years), text);
    assert_string_equal(text, to);
}

static void
years_are_added_by_the_calendar(void **state)
{
    (void)state;
    assert_years_later("2026-11-24T09:00:01Z", 1, "2027-11-24T09:00:01Z");
    assert_years_later("2027-11-24T09:00:01Z", 1, "2028-11-24T09:00:01Z");
    assert_years_later("2024-02-29T12:00:00Z", 1, "2025-02-28T12:00:00Z");
    assert_years_later("2024-02-29T12:00:00Z", 4, "2028-02-29T12:00:00Z");
    assert_years_later("2096-02-29T12:00:00Z", 4, "2100-02-28T12:00:00Z");
}

static void
a_date_that_does_not_exist_has_no_instant(void **state)
{
    struct clock_date date = {2026, 11, 24, 9, 0, 0};
    int64_t at;

    (void)state;
    assert_true(clock_join(&date, &at));
    date.month = 0;
    assert_false(clock_join(&date, &at));
    date.month = 11;
    date.second = 60;
    assert_false(clock_join(&date, &at));
    date.second = 0;
    date.year = 10000;
    assert_false(clock_join(&date, &at));
}

static void
the_clocks_run_forward(void **state)
{
    int64_t us = clock_now_us(), ms = clock_monotonic_ms();

    (void)state;
    assert_true(clock_now_us() >= us);
    assert_true(clock_now() - us / 1000000 <= 1);
    assert_true(clock_monotonic_ms() >= ms);
}

static void
waits_double_up_to_the_longest(void **state)
{
    (void)state;
    assert_int_equal(clock_backoff_s(0, 2, 60), 2);
    assert_int_equal(clock_backoff_s(1, 2, 60), 2);
    assert_int_equal(clock_backoff_s(2, 2, 60), 4);
    assert_int_equal(clock_backoff_s(5, 2, 60), 32);
    assert_int_equal(clock_backoff_s(6, 2, 60), 60);
    assert_int_equal(clock_backoff_s(INT32_MAX, 2, 60), 60);
    assert_int_equal(clock_backoff_s(1, 90, 60), 60);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instants_have_one_text_and_come_back_from_it),
        cmocka_unit_test(texts_that_are_no_instant_are_refused),
        cmocka_unit_test(years_are_added_by_the_calendar),
        cmocka_unit_test(a_date_that_does_not_exist_has_no_instant),
        cmocka_unit_test(the_clocks_run_forward),
        cmocka_unit_test(waits_double_up_to_the_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
