/* Overviews and the calendar over HTTP: ra/handlers_queue.h. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "db/case_read.h"
#include "ra/calendar.h"
#include "ra/handlers_queue.h"

enum {
    DAYS = 30, /* that an overview looks back */
    MONTHS = 12,
    DAY_S = 86400,
    YEAR_MIN = 2000,
    YEAR_MAX = 2100,
};

/* ---- Dashboard
 * ----------------------------------------------------------------- */

struct series {
    json_t *list;
    const char *at;    /* "day", "month" */
    const char *value; /* "n", "median_s" */
};

static bool
series_add(const struct db_result *row, void *arg, struct error *err)
{
    struct series *series = arg;
    struct db_point point;
    json_t *one;

    if (!db_point_read(row, 0, &point, err))
        return false;
    one = json_object();
    json_set_text(one, series->at, point.at);
    json_set_int(one, series->value, point.value);
    json_array_append_new(series->list, one);
    return true;
}

static bool
states_add(const struct db_result *row, void *arg, struct error *err)
{
    json_t *counts = arg;
    struct db_queue_count one;

    if (!db_queue_count_read(row, 0, &one, err))
        return false;
    queue_count_add(counts, one.state, one.count);
    return true;
}

/* In the order of the way of a case. */
static bool
queue_add(struct db *db, json_t *out, struct error *err)
{
    const char *states[CASE_STATE_COUNT];
    json_t *counts = json_object();
    json_t *list = json_array();
    size_t count = queue_states(states);
    bool ok = db_queue_counts(db, states, count, states_add, counts, err);

    for (size_t i = 0; i < count; i++) {
        json_t *one = json_object();

        json_set_text(one, "state", states[i]);
        json_set_int(one, "n",
                     json_integer_value(json_object_get(counts, states[i])));
        json_array_append_new(list, one);
    }
    json_object_set_new(out, "queue", list);
    json_decref(counts);
    return ok;
}

static bool
dashboard(struct db *db, int64_t now, json_t *out, struct error *err)
{
    static const struct {
        const char *name;
        enum db_series series;
        const char *at, *value;
    } parts[] = {
        {"turnaround", DB_SERIES_TURNAROUND, "day", "median_s"},
        {"issued", DB_SERIES_ISSUED, "day", "n"},
        {"revoked", DB_SERIES_REVOKED, "day", "n"},
        {"expiring", DB_SERIES_ENDING, "month", "n"},
    };

    if (!queue_add(db, out, err))
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct series series = {json_array(), parts[i].at, parts[i].value};
        bool is_ahead = parts[i].series == DB_SERIES_ENDING;

        json_object_set_new(out, parts[i].name, series.list);
        if (!db_series(db, parts[i].series,
                       is_ahead ? now : now - (int64_t)DAYS * DAY_S,
                       clock_add_years(now, MONTHS / 12), series_add, &series,
                       err))
            return false;
    }
    return true;
}

void
handle_dashboard(void *arg, const struct http_request *req,
                 struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *out;

    if (!caller_with_role(worker, req, res, DESK_ROLES, &caller))
        return;
    out = json_object();
    if (dashboard(worker->db, clock_now(), out, &err)) {
        http_reply_json(res, 200, out);
        return;
    }
    json_decref(out);
    http_reply_error(res, req, "dashboard", &err);
}

/* ---- Calendar
 * --------------------------------------------------------------------- */

static bool
day_add(const struct db_result *row, void *arg, struct error *err)
{
    struct db_day day;
    json_t *one;

    if (!db_calendar_read(row, 0, &day, err))
        return false;
    one = json_object();
    json_set_text(one, "day", day.day);
    json_object_set_new(one, "is_working", json_boolean(day.is_working));
    json_set_text(one, "note", day.note);
    json_array_append_new(arg, one);
    return true;
}

void
handle_calendar_list(void *arg, const struct http_request *req,
                     struct http_response *res)
{
    struct ra_worker *worker = arg;
    char year[8], from[16], to[16];
    struct clock_date today;
    struct caller caller;
    struct error err = {0};
    int64_t number;
    json_t *list, *out;

    if (!caller_with_role(worker, req, res, DESK_ROLES, &caller))
        return;
    clock_split(clock_now(), &today);
    number = today.year;
    if (query_has(req, "year") &&
        (!http_query(req, "year", year, sizeof year) ||
         !text_int64(year, YEAR_MIN, YEAR_MAX, &number))) {
        error_set(&err, ERROR_INPUT, "year: %d to %d", YEAR_MIN, YEAR_MAX);
        http_reply_error(res, req, "calendar", &err);
        return;
    }
    snprintf(from, sizeof from, "%04d-01-01", (int)number);
    snprintf(to, sizeof to, "%04d-12-31", (int)number);
    list = json_array();
    if (!db_calendar_list(worker->db, from, to, day_add, list, &err)) {
        json_decref(list);
        http_reply_error(res, req, "calendar", &err);
        return;
    }
    out = json_object();
    json_set_int(out, "year", number);
    json_object_set_new(out, "days", list);
    http_reply_json(res, 200, out);
}

static bool
set_day(struct ra_worker *worker, const struct http_request *req,
        struct error *err)
{
    static const char *const names[] = {"is_working", "note", NULL};
    const json_t *working;
    json_t *body = NULL;
    const char *note = NULL;
    bool is_working = false;
    bool ok = false;

    if (!http_json(req, &body, err) || !json_only(body, names, err))
        goto out;
    working = json_object_get(body, "is_working");
    if (working == NULL ||
        (!json_is_boolean(working) && !json_is_null(working))) {
        error_set(err, ERROR_INPUT,
                  "is_working: true, false, or null for a usual day");
        goto out;
    }
    is_working = json_is_true(working);
    if (!json_is_null(working) &&
        !json_get_text(body, "note", 4 * CALENDAR_NOTE_MAX, &note, err))
        goto out;
    ok = calendar_set(worker->db, http_param(req, "day"),
                      json_is_null(working) ? NULL : &is_working, note, err);
out:
    json_decref(body);
    return ok;
}

void
handle_calendar_set(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *out;

    if (!caller_with_role(worker, req, res,
                          1u << API_ROLE_BUSINESS_ADMINISTRATOR, &caller))
        return;
    if (!set_day(worker, req, &err)) {
        http_reply_error(res, req, "calendar.set", &err);
        return;
    }
    log_event(LOG_LEVEL_INFO, "calendar.set",
              LOG_TEXT("day", http_param(req, "day")),
              LOG_TEXT("officer", caller.officer.officer_id));
    out = json_object();
    json_set_text(out, "day", http_param(req, "day"));
    http_reply_json(res, 200, out);
}

void
handle_calendar_import(void *arg, const struct http_request *req,
                       struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    size_t count = 0;
    json_t *out;

    if (!caller_with_role(worker, req, res,
                          1u << API_ROLE_BUSINESS_ADMINISTRATOR, &caller))
        return;
    if (!http_media_type_is(req, "text/csv"))
        error_set(&err, ERROR_INPUT, "send text/csv");
    if (err.code != ERROR_NONE ||
        !calendar_import(worker->db,
                         req->body_len == 0 ? "" : (const char *)req->body,
                         req->body_len, &count, &err)) {
        http_reply_error(res, req, "calendar.import", &err);
        return;
    }
    log_event(LOG_LEVEL_INFO, "calendar.import",
              LOG_INT("days", (int64_t)count),
              LOG_TEXT("officer", caller.officer.officer_id));
    out = json_object();
    json_set_int(out, "days", (int64_t)count);
    http_reply_json(res, 200, out);
}
