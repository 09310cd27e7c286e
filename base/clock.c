/* Instants and their text; see base/clock.h. */
#include "base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t
clock_now(void)
{
    return clock_now_us() / 1000000;
}

int64_t
clock_now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_monotonic_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
clock_split(int64_t at, struct clock_date *out)
{
    time_t t = (time_t)at;
    struct tm tm;

    (void)gmtime_r(&t, &tm);
    out->year = tm.tm_year + 1900;
    out->month = tm.tm_mon + 1;
    out->day = tm.tm_mday;
    out->hour = tm.tm_hour;
    out->minute = tm.tm_min;
    out->second = tm.tm_sec;
}

bool
clock_join(const struct clock_date *date, int64_t *out)
{
    struct tm tm = {
        .tm_year = date->year - 1900,
        .tm_mon = date->month - 1,
        .tm_mday = date->day,
        .tm_hour = date->hour,
        .tm_min = date->minute,
        .tm_sec = date->second,
    };
    struct clock_date back;
    int64_t at = (int64_t)timegm(&tm);

    /* timegm() normalises 31 June; what does not come back was no date. */
    clock_split(at, &back);
    if (date->year < 1 || date->year > 9999 || back.year != date->year ||
        back.month != date->month || back.day != date->day ||
        back.hour != date->hour || back.minute != date->minute ||
        back.second != date->second)
        return false;
    *out = at;
    return true;
}

void
clock_format(int64_t at, char out[CLOCK_TEXT_LEN + 1])
{
    struct clock_date d;
    char text[80];

    clock_split(at, &d);
    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", d.year,
                   d.month, d.day, d.hour, d.minute, d.second);
    memcpy(out, text, CLOCK_TEXT_LEN);
    out[CLOCK_TEXT_LEN] = '\0';
}

static bool
two_digits(const char *text, int *out)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
        return false;
    *out = (text[0] - '0') * 10 + (text[1] - '0');
    return true;
}

bool
clock_parse(const char *text, int64_t *out)
{
    struct clock_date d;
    int century, year;

    if (strlen(text) != CLOCK_TEXT_LEN || text[4] != '-' || text[7] != '-' ||
        text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
        text[19] != 'Z')
        return false;
    if (!two_digits(text, &century) || !two_digits(text + 2, &year) ||
        !two_digits(text + 5, &d.month) || !two_digits(text + 8, &d.day) ||
        !two_digits(text + 11, &d.hour) || !two_digits(text + 14, &d.minute) ||
        !two_digits(text + 17, &d.second))
        return false;
    d.year = century * 100 + year;
    return clock_join(&d, out);
}

int64_t
clock_add_years(int64_t at, int years)
{
    struct clock_date d;
    int64_t later;

    clock_split(at, &d);
    d.year += years;
    if (clock_join(&d, &later))
        return later;
    d.day = 28; /* the only date that a year may lack is 29 February */
    if (!clock_join(&d, &later))
        assert(false && "years out of range");
    return later;
}

int64_t
clock_backoff_s(int tries, int64_t first_s, int64_t max_s)
{
    int64_t wait = first_s;

    for (int i = 1; i < tries && wait < max_s; i++)
        wait *= 2;
    return wait < max_s ? wait : max_s;
}
