/* Validity periods: domain.md 1.8 #2, #3; RFC 5280, 4.1.2.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ca-core/validity.h"

static const struct validity_limits limits = {
    .rule =
        {
            [API_VALIDITY_YEARS] = {true, 1, 5},
            [API_VALIDITY_DAYS] = {true, 1, 366},
            [API_VALIDITY_KEEP] = {true, 0, 0},
            [API_VALIDITY_EXTEND] = {true, 1, 5},
        },
    .backdate_s = 60,
    .max_days = 1918,
    .extend_window_days = 90,
};

static int64_t
at(const char *text)
{
    int64_t t;

    assert_true(clock_parse(text, &t));
    return t;
}

static void
ends(enum api_validity_rule rule, int amount, const char *now,
     const char *predecessor_end, const char *begin, const char *end)
{
    struct api_validity validity = {rule, amount};
    struct validity_period predecessor = {0}, period;
    char text[CLOCK_TEXT_LEN + 1];
    struct error err = {0};

    if (predecessor_end != NULL)
        predecessor.not_after = at(predecessor_end);
    if (!validity_resolve(&validity, &limits, at(now),
                          predecessor_end != NULL ? &predecessor : NULL,
                          INT64_MAX, &period, &err))
        fail_msg("%s", err.what);
    clock_format(period.not_before, text);
    assert_string_equal(text, begin);
    clock_format(period.not_after, text);
    assert_string_equal(text, end);
}

static void
years_end_one_second_before_the_anniversary(void **state)
{
    (void)state;
    ends(API_VALIDITY_YEARS, 1, "2026-11-24T09:01:00Z", NULL,
         "2026-11-24T09:00:00Z", "2027-11-24T08:59:59Z");
    ends(API_VALIDITY_YEARS, 5, "2026-11-24T09:01:00Z", NULL,
         "2026-11-24T09:00:00Z", "2031-11-24T08:59:59Z");
}

static void
the_29th_of_february_becomes_the_28th(void **state)
{
    (void)state;
    ends(API_VALIDITY_YEARS, 1, "2028-02-29T12:01:00Z", NULL,
         "2028-02-29T12:00:00Z", "2029-02-28T11:59:59Z");
    ends(API_VALIDITY_YEARS, 4, "2028-02-29T12:01:00Z", NULL,
         "2028-02-29T12:00:00Z", "2032-02-29T11:59:59Z");
    ends(API_VALIDITY_EXTEND, 1, "2028-02-01T00:00:00Z", "2028-02-29T23:59:59Z",
         "2028-01-31T23:59:00Z", "2029-02-28T23:59:59Z");
}

static void
days_are_of_86400_seconds(void **state)
{
    (void)state;
    ends(API_VALIDITY_DAYS, 7, "2026-12-28T00:01:00Z", NULL,
         "2026-12-28T00:00:00Z", "2027-01-03T23:59:59Z");
}

static void
keep_keeps_the_end_to_the_second(void **state)
{
    (void)state;
    ends(API_VALIDITY_KEEP, 0, "2026-11-24T09:01:00Z", "2029-05-06T07:08:09Z",
         "2026-11-24T09:00:00Z", "2029-05-06T07:08:09Z");
}

static void
extend_counts_from_the_old_end(void **state)
{
    (void)state;
    ends(API_VALIDITY_EXTEND, 2, "2026-11-24T09:01:00Z", "2027-01-31T08:59:59Z",
         "2026-11-24T09:00:00Z", "2029-01-31T08:59:59Z");
    /* The whole window and five years fit the profile's bound. */
    ends(API_VALIDITY_EXTEND, 5, "2026-11-24T09:01:00Z", "2027-02-22T09:01:00Z",
         "2026-11-24T09:00:00Z", "2032-02-22T09:01:00Z");
}

static void
refused(const struct validity_limits *l, enum api_validity_rule rule,
        int amount, const char *predecessor_end, int64_t issuer_end,
        enum error_code code, const char *reason)
{
    struct api_validity validity = {rule, amount};
    struct validity_period predecessor = {0}, period;
    struct error err = {0};

    if (predecessor_end != NULL)
        predecessor.not_after = at(predecessor_end);
    assert_false(validity_resolve(&validity, l, at("2026-11-24T09:01:00Z"),
                                  predecessor_end != NULL ? &predecessor : NULL,
                                  issuer_end, &period, &err));
    assert_int_equal(err.code, code);
    if (strstr(err.what, reason) == NULL)
        fail_msg("\"%s\" does not tell \"%s\"", err.what, reason);
}

static void
what_the_profile_does_not_allow_is_refused(void **state)
{
    struct validity_limits narrow = limits;

    (void)state;
    refused(&limits, API_VALIDITY_YEARS, 0, NULL, INT64_MAX, ERROR_INPUT,
            "1 to 5");
    refused(&limits, API_VALIDITY_YEARS, 6, NULL, INT64_MAX, ERROR_INPUT,
            "1 to 5");
    refused(&limits, API_VALIDITY_DAYS, -1, NULL, INT64_MAX, ERROR_INPUT,
            "1 to 366");
    refused(&limits, API_VALIDITY_KEEP, 0, NULL, INT64_MAX, ERROR_INPUT,
            "predecessor");
    narrow.max_days = 364;
    refused(&narrow, API_VALIDITY_YEARS, 1, NULL, INT64_MAX, ERROR_INPUT,
            "364 days");
    narrow.rule[API_VALIDITY_YEARS].is_allowed = false;
    refused(&narrow, API_VALIDITY_YEARS, 1, NULL, INT64_MAX, ERROR_INPUT,
            "no validity rule");
}

static void
an_expired_or_distant_predecessor_is_not_extended(void **state)
{
    (void)state;
    refused(&limits, API_VALIDITY_EXTEND, 1, "2026-11-24T09:00:59Z", INT64_MAX,
            ERROR_CONFLICT, "expired");
    refused(&limits, API_VALIDITY_KEEP, 0, "2026-11-24T09:00:59Z", INT64_MAX,
            ERROR_CONFLICT, "expired");
    refused(&limits, API_VALIDITY_EXTEND, 1, "2027-02-22T09:01:01Z", INT64_MAX,
            ERROR_CONFLICT, "last 90 days");
}

static void
nothing_outlives_its_issuer(void **state)
{
    struct validity_limits cut = limits;
    struct api_validity year = {API_VALIDITY_YEARS, 1};
    struct validity_period period;
    int64_t end = at("2027-11-24T08:59:58Z");

    (void)state;
    refused(&limits, API_VALIDITY_YEARS, 1, NULL, end, ERROR_CONFLICT,
            "issuer expires");
    assert_true(validity_resolve(&year, &limits, at("2026-11-24T09:01:00Z"),
                                 NULL, end + 1, &period, NULL));
    cut.is_cut_at_issuer = true;
    assert_true(validity_resolve(&year, &cut, at("2026-11-24T09:01:00Z"), NULL,
                                 end, &period, NULL));
    assert_int_equal(period.not_after, end);
    refused(&cut, API_VALIDITY_YEARS, 1, NULL, at("2026-11-24T09:00:59Z"),
            ERROR_CONFLICT, "issuer has expired");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(years_end_one_second_before_the_anniversary),
        cmocka_unit_test(the_29th_of_february_becomes_the_28th),
        cmocka_unit_test(days_are_of_86400_seconds),
        cmocka_unit_test(keep_keeps_the_end_to_the_second),
        cmocka_unit_test(extend_counts_from_the_old_end),
        cmocka_unit_test(what_the_profile_does_not_allow_is_refused),
        cmocka_unit_test(an_expired_or_distant_predecessor_is_not_extended),
        cmocka_unit_test(nothing_outlives_its_issuer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
