/* Rows of ra.calendar: db/calendar.h. */
#include "db/calendar.h"

#include "db/sql_ra.h"

bool
db_calendar_list(struct db *db, const char *from, const char *to, db_each *each,
                 void *arg, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, from);
    db_bind_text(&p, to);
    return db_stream(db, DB_RA_CALENDAR_LIST, &p, each, arg, err);
}

bool
db_calendar_read(const struct db_result *row, size_t at, struct db_day *out,
                 struct error *err)
{
    return db_read_text(row, at, 0, &out->day, err) &&
           db_read_bool(row, at, 1, &out->is_working, err) &&
           db_read_text(row, at, 2, &out->note, err);
}

bool
db_calendar_set(struct db *db, const struct db_day *day, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, day->day);
    db_bind_bool(&p, day->is_working);
    db_bind_text(&p, day->note);
    return db_exec(db, DB_RA_CALENDAR_SET, &p, &changed, err) ||
           error_wrap(err, "calendar, %s", day->day);
}

bool
db_calendar_delete(struct db *db, const char *day, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, day);
    return db_exec(db, DB_RA_CALENDAR_DELETE, &p, &changed, err) ||
           error_wrap(err, "calendar, %s", day);
}
