/*
 * Working days 工作日 (domain.md, 1.8 #12): Monday to Friday, but for the days
 * of table ra.calendar, which are holidays 节假日 or make-up days 调休. Days
 * are those of China (UTC+8).
 */
#ifndef RA_CALENDAR_H
#define RA_CALENDAR_H

#include "db/calendar.h"

enum {
    CALENDAR_DAY_LEN = 10,      /* "2026-10-01" */
    CALENDAR_NOTE_MAX = 100,    /* characters */
    CALENDAR_CSV_MAX = 65536,   /* octets of an import */
    CALENDAR_WORKING_MAX = 366, /* working days counted at most */
};

/* The same time of day on the `days`th working day after that of `from`; 0: on
 * the first working day from that of `from` on. */
bool calendar_add(struct db *db, int64_t from, int days, int64_t *out,
                  struct error *err) MUST_CHECK;

/* Pure: whether a day is worked on; `since_epoch` counts days from 1970-01-01,
 * a Thursday; `exceptions` has one octet a day from `first` on: 'w' working,
 * 'h' holiday, 0 as its weekday says. */
bool calendar_is_working(int64_t since_epoch, int64_t first,
                         const char *exceptions, size_t count);

/* The day, in China, of an instant; and the days from 1970-01-01 of
 * "YYYY-MM-DD" (false for what is no day). */
void calendar_day_format(int64_t at, char out[CALENDAR_DAY_LEN + 1]);
bool calendar_day_parse(const char *day, int64_t *since_epoch) MUST_CHECK;

/* Judges "yes"/"no" and note, and stores it. `is_working` NULL: as its weekday
 * says again. ERROR_INPUT. */
bool calendar_set(struct db *db, const char *day, const bool *is_working,
                  const char *note, struct error *err) MUST_CHECK;

/* CSV: comment lines begin with '#', then the header "day,is_working,note",
 * then lines "2026-10-01,no,国庆节". ERROR_INPUT names the line. */
typedef bool calendar_each(const struct db_day *day, void *arg,
                           struct error *err);
bool calendar_parse(const char *csv, size_t len, calendar_each *each, void *arg,
                    size_t *count, struct error *err) MUST_CHECK;

/* All of it or nothing, in a transaction of its own. */
bool calendar_import(struct db *db, const char *csv, size_t len, size_t *count,
                     struct error *err) MUST_CHECK;

#endif
