/*
 * Time: instants are seconds since 1970 UTC in int64_t; durations are
 * monotonic milliseconds. Decisions get the time as an argument.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/error.h"

int64_t clock_now(void);          /* seconds, UTC */
int64_t clock_now_us(void);       /* microseconds, UTC */
int64_t clock_monotonic_ms(void); /* for durations only */

enum { CLOCK_TEXT_LEN = 20 }; /* "2026-11-24T09:00:00Z" */

/* RFC 3339 in UTC, whole seconds. Years 0001 to 9999. */
void clock_format(int64_t at, char out[CLOCK_TEXT_LEN + 1]);
bool clock_parse(const char *text, int64_t *out) MUST_CHECK;

/* The same moment `years` calendar years later; 29 February becomes the 28th
 * (domain.md, 1.8 #2). */
int64_t clock_add_years(int64_t at, int years);

/* Seconds from a try of something to the next, `tries` having been made:
 * `first_s`, doubled each time, and `max_s` at the most. */
int64_t clock_backoff_s(int tries, int64_t first_s, int64_t max_s);

/* Broken-down UTC; month and day count from 1. */
struct clock_date {
    int year, month, day, hour, minute, second;
};
void clock_split(int64_t at, struct clock_date *out);
bool clock_join(const struct clock_date *date, int64_t *out) MUST_CHECK;

#endif
