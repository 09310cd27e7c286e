/* Table ra.calendar: days that are not what their weekday says. */
#ifndef DB_CALENDAR_H
#define DB_CALENDAR_H

#include "db/db.h"

/* Days from `from` to `to`, both "2026-10-01", in order. */
bool db_calendar_list(struct db *db, const char *from, const char *to,
                      db_each *each, void *arg, struct error *err) MUST_CHECK;

/* A row that db_calendar_list() hands out; texts are borrowed from it. */
struct db_day {
    const char *day;
    bool is_working;
    const char *note;
};
bool db_calendar_read(const struct db_result *row, size_t at,
                      struct db_day *out, struct error *err) MUST_CHECK;

bool db_calendar_set(struct db *db, const struct db_day *day,
                     struct error *err) MUST_CHECK;
/* As its weekday says again. */
bool db_calendar_delete(struct db *db, const char *day,
                        struct error *err) MUST_CHECK;

#endif
