/* Working days: ra/calendar.h. */
#include "ra/calendar.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ra/field.h"

enum {
    DAY_S = 86400,
    CHINA_S = 8 * 3600,
    THURSDAY = 3, /* 1970-01-01, Monday being 0 */
    SATURDAY = 5,
    /* Days looked at for the working days asked for: every third is free. */
    SPAN_FACTOR = 3,
    SPAN_MIN = 40,
    SPAN_MAX = CALENDAR_WORKING_MAX * SPAN_FACTOR + SPAN_MIN,
    LINE_MAX_LEN = 512,
};

static int64_t
day_of(int64_t at)
{
    int64_t china = at + CHINA_S;

    return china >= 0 ? china / DAY_S : -((DAY_S - 1 - china) / DAY_S);
}

static void
format_day(int64_t since_epoch, char out[CALENDAR_DAY_LEN + 1])
{
    struct clock_date day;

    clock_split(since_epoch * DAY_S, &day);
    snprintf(out, CALENDAR_DAY_LEN + 1, "%04d-%02d-%02d", day.year, day.month,
             day.day);
}

void
calendar_day_format(int64_t at, char out[CALENDAR_DAY_LEN + 1])
{
    format_day(day_of(at), out);
}

bool
calendar_day_parse(const char *day, int64_t *since_epoch)
{
    char text[CLOCK_TEXT_LEN + 1];
    int64_t at;

    if (strlen(day) != CALENDAR_DAY_LEN)
        return false;
    snprintf(text, sizeof text, "%sT00:00:00Z", day);
    if (!clock_parse(text, &at))
        return false;
    *since_epoch = at / DAY_S;
    return true;
}

bool
calendar_is_working(int64_t since_epoch, int64_t first, const char *exceptions,
                    size_t count)
{
    int64_t place = since_epoch - first;

    if (place >= 0 && place < (int64_t)count && exceptions[place] != 0)
        return exceptions[place] == 'w';
    return ((since_epoch + THURSDAY) % 7 + 7) % 7 < SATURDAY;
}

/* ---- Counting ---------------------------------------------------------------
 */

struct span {
    int64_t first;
    char exceptions[SPAN_MAX];
    size_t count;
};

static bool
span_add(const struct db_result *row, void *arg, struct error *err)
{
    struct span *span = arg;
    struct db_day day;
    int64_t at;

    if (!db_calendar_read(row, 0, &day, err))
        return false;
    if (calendar_day_parse(day.day, &at) && at >= span->first &&
        at < span->first + (int64_t)span->count)
        span->exceptions[at - span->first] = day.is_working ? 'w' : 'h';
    return true;
}

bool
calendar_add(struct db *db, int64_t from, int days, int64_t *out,
             struct error *err)
{
    struct span span = {.first = day_of(from)};
    char first[CALENDAR_DAY_LEN + 1], last[CALENDAR_DAY_LEN + 1];
    int64_t day = span.first;
    int left = days;

    if (days < 0 || days > CALENDAR_WORKING_MAX)
        return error_set(err, ERROR_INTERNAL, "%d working days", days);
    span.count = (size_t)days * SPAN_FACTOR + SPAN_MIN;
    format_day(span.first, first);
    format_day(span.first + (int64_t)span.count, last);
    if (!db_calendar_list(db, first, last, span_add, &span, err))
        return error_wrap(err, "calendar");
    while (left > 0 ||
           !calendar_is_working(day, span.first, span.exceptions, span.count)) {
        day++;
        if (left > 0 &&
            calendar_is_working(day, span.first, span.exceptions, span.count))
            left--;
    }
    *out = from + (day - span.first) * DAY_S;
    return true;
}

/* ---- Setting
 * ------------------------------------------------------------------- */

bool
calendar_set(struct db *db, const char *day, const bool *is_working,
             const char *note, struct error *err)
{
    struct buf clean = BUF_INIT(FIELD_VALUE_MAX);
    struct db_day row = {.day = day};
    int64_t unused;
    bool ok;

    if (!calendar_day_parse(day, &unused))
        return error_set(err, ERROR_INPUT,
                         "day: 不是日期 / not a day, as 2026-10-01");
    if (is_working == NULL)
        return db_calendar_delete(db, day, err);
    row.is_working = *is_working;
    ok = field_text(note, CALENDAR_NOTE_MAX, &clean, err) ||
         error_wrap(err, "note");
    row.note = buf_text(&clean);
    ok = ok && db_calendar_set(db, &row, err);
    buf_clear(&clean);
    return ok;
}

static bool
bad_line(struct error *err, int number, const char *what)
{
    return error_set(err, ERROR_INPUT, "line %d: %s", number, what);
}

static bool
line_parse(char *line, int number, calendar_each *each, void *arg,
           struct error *err)
{
    char *working = strchr(line, ',');
    char *note = working == NULL ? NULL : strchr(working + 1, ',');
    struct buf clean = BUF_INIT(FIELD_VALUE_MAX);
    struct db_day day = {.day = line};
    struct error why = {0};
    int64_t unused;
    bool ok = true;

    if (note == NULL || strchr(note + 1, ',') != NULL)
        return bad_line(err, number, "day, yes or no, and a note are needed");
    *working++ = '\0';
    *note++ = '\0';
    day.is_working = strcmp(working, "yes") == 0;
    if (!calendar_day_parse(line, &unused))
        return bad_line(err, number, "not a day, as 2026-10-01");
    if (!day.is_working && strcmp(working, "no") != 0)
        return bad_line(err, number, "is_working is yes or no");
    if (!field_text(note, CALENDAR_NOTE_MAX, &clean, &why))
        ok = bad_line(err, number, why.what);
    day.note = buf_text(&clean);
    ok = ok && (each == NULL || each(&day, arg, err));
    buf_clear(&clean);
    return ok;
}

bool
calendar_parse(const char *csv, size_t len, calendar_each *each, void *arg,
               size_t *count, struct error *err)
{
    static const char header[] = "day,is_working,note";
    const char *end = csv + len;
    bool has_header = false;
    char line[LINE_MAX_LEN];

    *count = 0;
    if (len > CALENDAR_CSV_MAX)
        return error_set(err, ERROR_INPUT, "longer than %d octets",
                         CALENDAR_CSV_MAX);
    for (int number = 1; csv < end; number++) {
        const char *stop = memchr(csv, '\n', (size_t)(end - csv));
        size_t line_len = (size_t)((stop == NULL ? end : stop) - csv);

        if (line_len >= sizeof line || memchr(csv, '\0', line_len) != NULL)
            return bad_line(err, number, "too long, or not text");
        memcpy(line, csv, line_len);
        if (line_len > 0 && line[line_len - 1] == '\r')
            line_len--;
        line[line_len] = '\0';
        csv = stop == NULL ? end : stop + 1;
        if (line[0] == '#' || line[0] == '\0')
            continue;
        if (!has_header) {
            if (strcmp(line, header) != 0)
                return bad_line(err, number,
                                "the header day,is_working,note is needed");
            has_header = true;
            continue;
        }
        if (!line_parse(line, number, each, arg, err))
            return false;
        *count += 1;
    }
    return *count > 0 || error_set(err, ERROR_INPUT, "no day in it");
}

struct import {
    const char *csv;
    size_t len;
    size_t count;
};

static bool
import_day(const struct db_day *day, void *arg, struct error *err)
{
    return db_calendar_set(arg, day, err);
}

static bool
import_run(struct db *db, void *arg, struct error *err)
{
    struct import *import = arg;

    return calendar_parse(import->csv, import->len, import_day, db,
                          &import->count, err);
}

bool
calendar_import(struct db *db, const char *csv, size_t len, size_t *count,
                struct error *err)
{
    struct import import = {.csv = csv, .len = len};

    if (!db_transaction(db, import_run, &import, err))
        return false;
    *count = import.count;
    return true;
}
