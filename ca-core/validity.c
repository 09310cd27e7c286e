/* Validity periods; see ca-core/validity.h. */
#include "ca-core/validity.h"

#include <assert.h>

#include "base/clock.h"

enum { DAY_S = 86400 };

static const char *const rule_names[VALIDITY_RULE_COUNT] = {
    [API_VALIDITY_YEARS] = "years",
    [API_VALIDITY_DAYS] = "days",
    [API_VALIDITY_KEEP] = "keep",
    [API_VALIDITY_EXTEND] = "extend",
};

const char *
validity_rule_name(enum api_validity_rule rule)
{
    return rule_names[rule];
}

static bool
check_rule(const struct api_validity *validity,
           const struct validity_limits *limits, struct error *err)
{
    const char *name = rule_names[validity->rule];

    if (!limits->rule[validity->rule].is_allowed)
        return error_set(err, ERROR_INPUT,
                         "the profile has no validity rule \"%s\"", name);
    if (validity->rule != API_VALIDITY_KEEP &&
        (validity->amount < limits->rule[validity->rule].min ||
         validity->amount > limits->rule[validity->rule].max))
        return error_set(err, ERROR_INPUT,
                         "validity \"%s\" is %d; the profile allows %d to %d",
                         name, validity->amount,
                         limits->rule[validity->rule].min,
                         limits->rule[validity->rule].max);
    return true;
}

/* domain.md, 1.8 #3: what has expired is applied for anew, for its device can
 * no longer prove possession; and nobody extends years ahead. */
static bool
check_predecessor(const struct api_validity *validity,
                  const struct validity_limits *limits, int64_t now,
                  const struct validity_period *predecessor, struct error *err)
{
    if (predecessor == NULL)
        return error_set(err, ERROR_INPUT,
                         "validity rule \"%s\" needs a predecessor",
                         rule_names[validity->rule]);
    if (predecessor->not_after < now)
        return error_set(err, ERROR_CONFLICT, "the predecessor has expired");
    if (validity->rule == API_VALIDITY_EXTEND &&
        predecessor->not_after - now >
            (int64_t)limits->extend_window_days * DAY_S)
        return error_set(err, ERROR_CONFLICT,
                         "the predecessor can be extended only in its last %d "
                         "days",
                         limits->extend_window_days);
    return true;
}

/* The end is the last second inside: RFC 5280, 4.1.2.5. */
static int64_t
resolve_end(const struct api_validity *validity, int64_t not_before,
            const struct validity_period *predecessor)
{
    switch (validity->rule) {
    case API_VALIDITY_YEARS:
        return clock_add_years(not_before, validity->amount) - 1;
    case API_VALIDITY_DAYS:
        return not_before + (int64_t)validity->amount * DAY_S - 1;
    case API_VALIDITY_KEEP:
        return predecessor->not_after;
    case API_VALIDITY_EXTEND:
        return clock_add_years(predecessor->not_after + 1, validity->amount) -
               1;
    }
    return not_before;
}

bool
validity_resolve(const struct api_validity *validity,
                 const struct validity_limits *limits, int64_t now,
                 const struct validity_period *predecessor,
                 int64_t issuer_not_after, struct validity_period *out,
                 struct error *err)
{
    assert(limits->backdate_s >= 0 &&
           limits->backdate_s <= VALIDITY_BACKDATE_MAX_S);
    if (!check_rule(validity, limits, err))
        return false;
    if ((validity->rule == API_VALIDITY_KEEP ||
         validity->rule == API_VALIDITY_EXTEND) &&
        !check_predecessor(validity, limits, now, predecessor, err))
        return false;
    if (issuer_not_after < now)
        return error_set(err, ERROR_CONFLICT, "the issuer has expired");
    out->not_before = now - limits->backdate_s;
    out->not_after = resolve_end(validity, out->not_before, predecessor);
    /* A certificate that outlives its issuer cannot be relied on to its end
     * (RFC 5280, 6.1.3), and a period that was paid for is not cut quietly. */
    if (out->not_after > issuer_not_after) {
        if (!limits->is_cut_at_issuer)
            return error_set(err, ERROR_CONFLICT,
                             "the issuer expires before the certificate would");
        out->not_after = issuer_not_after;
    }
    if (out->not_after + 1 - out->not_before >
        (int64_t)limits->max_days * DAY_S)
        return error_set(err, ERROR_INPUT,
                         "the period is longer than the profile's %d days",
                         limits->max_days);
    return true;
}
