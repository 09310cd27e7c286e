/*
 * From when to when: the order's validity rule and the profile's limits make
 * the two dates. Pure; the time is an argument. A period ends inclusively
 * (RFC 5280, 4.1.2.5), so N years from T end one second before the same moment
 * N years later; 29 February becomes the 28th (domain.md, 1.8 #2).
 */
#ifndef CA_CORE_VALIDITY_H
#define CA_CORE_VALIDITY_H

#include <stdint.h>

#include "base/error.h"
#include "ca-core/api.h"

enum { VALIDITY_BACKDATE_MAX_S = 300 };

enum { VALIDITY_RULE_COUNT = API_VALIDITY_EXTEND + 1 };

/* "years", "days", "keep", "extend". */
const char *validity_rule_name(enum api_validity_rule rule);

/* What a profile allows. */
struct validity_limits {
    struct {
        bool is_allowed;
        int min, max; /* years or days */
    } rule[VALIDITY_RULE_COUNT];
    int backdate_s;         /* notBefore is now less this */
    int max_days;           /* of the whole period, hard */
    int extend_window_days; /* how long before its end a predecessor may be
                               extended (domain.md, 1.8 #3) */
    bool is_cut_at_issuer;  /* else a period past the issuer's is refused */
};

struct validity_period {
    int64_t not_before, not_after; /* instants; the last one is inside */
};

/* `predecessor`: its period, NULL if there is none; `issuer_not_after`:
 * INT64_MAX for a self-signed certificate. ERROR_INPUT: not allowed by the
 * limits; ERROR_CONFLICT: the predecessor has expired or the issuer does not
 * live long enough. */
bool validity_resolve(const struct api_validity *validity,
                      const struct validity_limits *limits, int64_t now,
                      const struct validity_period *predecessor,
                      int64_t issuer_not_after, struct validity_period *out,
                      struct error *err) MUST_CHECK;

#endif
