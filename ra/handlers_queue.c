/* Queue, search, and who works on a case: ra/handlers_queue.h. */
#include "ra/handlers_queue.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "db/device.h"
#include "ra/case_json.h"
#include "ra/field.h"
#include "ra/queue.h"
#include "ra/search.h"

enum {
    MINE_COUNT_MAX = 999, /* more are told as so many */
    SEARCH_ROWS_MAX = 50,
    HOLD_MAX_S = 90 * 86400,
    REASON_MAX = 200, /* characters */
    WORD_MAX = 24,
};

static unsigned
roles_of(const struct caller *caller)
{
    unsigned roles = 0;

    for (int i = 0; i < API_ROLE_COUNT; i++)
        if (caller_has_role(caller, (enum api_role)i))
            roles |= 1u << i;
    return roles;
}

/* A query parameter; "" when it is absent or empty, false when it has no value,
 * is too long or malformed. */
static bool
query_get(const struct http_request *req, const char *name, char *out,
          size_t size)
{
    out[0] = '\0';
    return http_query(req, name, out, size) || !query_has(req, name);
}

/* ---- Lists of cases
 * ----------------------------------------------------------- */

struct listing {
    json_t *list;
    json_t *certificates, *devices; /* of a search */
    unsigned actors;
    int64_t now;
    char last[DB_CASE_NUMBER_MAX + 1];
};

/* The list form, with who works on the case. */
static json_t *
desk_json(const struct db_case *row, unsigned actors)
{
    json_t *json = case_json(row, actors);

    if (row->held_until != 0)
        json_set_time(json, "held_until", row->held_until);
    if (row->assigned_to != NULL)
        json_set_text(json, "assigned_to", row->assigned_to);
    return json;
}

static bool
listing_add(const struct db_result *row, void *arg, struct error *err)
{
    struct listing *listing = arg;
    struct db_case one;
    json_t *json;

    if (!db_case_read(row, 0, &one, err))
        return false;
    json = desk_json(&one, listing->actors);
    json_set_int(json, "age_s",
                 listing->now > one.changed_at ? listing->now - one.changed_at
                                               : 0);
    json_array_append_new(listing->list, json);
    if (strlen(one.number) < sizeof listing->last)
        memcpy(listing->last, one.number, strlen(one.number) + 1);
    return true;
}

/* What a queue request asks for. */
struct ask {
    char mine[WORD_MAX];
    char state[WORD_MAX];
    char business[WORD_MAX];
    char after[DB_CASE_NUMBER_MAX + 1];
    char sort[WORD_MAX];
    int64_t limit;
};

static bool
ask_parse(const struct http_request *req, struct ask *ask, struct error *err)
{
    enum case_business business;
    enum case_state state;
    char limit[8];

    ask->limit = PAGE_LIMIT_DEFAULT;
    if (!query_get(req, "mine", ask->mine, sizeof ask->mine) ||
        (ask->mine[0] != '\0' && strcmp(ask->mine, "0") != 0 &&
         strcmp(ask->mine, "1") != 0))
        return error_set(err, ERROR_INPUT, "mine: 0 or 1");
    if (!query_get(req, "state", ask->state, sizeof ask->state) ||
        (ask->state[0] != '\0' && !case_state_find(ask->state, &state)))
        return error_set(err, ERROR_INPUT, "state: there is none of this name");
    if (!query_get(req, "business", ask->business, sizeof ask->business) ||
        (ask->business[0] != '\0' &&
         !case_business_find(ask->business, &business)))
        return error_set(err, ERROR_INPUT,
                         "business: there is none of this name");
    if (!query_get(req, "after", ask->after, sizeof ask->after))
        return error_set(err, ERROR_INPUT, "after: not the end of a page");
    if (!query_get(req, "limit", limit, sizeof limit) ||
        (limit[0] != '\0' &&
         !text_int64(limit, 1, PAGE_LIMIT_MAX, &ask->limit)))
        return error_set(err, ERROR_INPUT, "limit: 1 to %d", PAGE_LIMIT_MAX);
    if (!query_get(req, "sort", ask->sort, sizeof ask->sort) ||
        (ask->sort[0] != '\0' && strcmp(ask->sort, "age") != 0 &&
         strcmp(ask->sort, "new") != 0 && strcmp(ask->sort, "deadline") != 0))
        return error_set(err, ERROR_INPUT, "sort: age, new or deadline");
    return true;
}

static const char *
or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

static void
queue_fill(const struct ra_worker *worker, const struct caller *caller,
           const struct ask *ask, struct db_queue *queue)
{
    *queue = (struct db_queue){
        .is_mine = strcmp(ask->mine, "1") == 0,
        .officer_id = caller->officer.officer_id,
        .person = caller->officer.person,
        .now = clock_now(),
        .sort = strcmp(ask->sort, "new") == 0        ? DB_QUEUE_NEWEST
                : strcmp(ask->sort, "deadline") == 0 ? DB_QUEUE_DEADLINE
                                                     : DB_QUEUE_OLDEST,
        .after = ask->after,
        .max = (size_t)ask->limit,
    };
    queue_tasks(worker->business->definitions, roles_of(caller),
                or_null(ask->state), or_null(ask->business), queue);
}

void
handle_queue(void *arg, const struct http_request *req,
             struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct listing listing = {0};
    struct db_queue queue;
    struct caller caller;
    struct ask ask;
    struct error err = {0};
    json_t *out;

    if (!caller_with_role(worker, req, res, DESK_ROLES, &caller))
        return;
    if (!ask_parse(req, &ask, &err)) {
        http_reply_error(res, req, "queue", &err);
        return;
    }
    queue_fill(worker, &caller, &ask, &queue);
    listing.list = json_array();
    listing.actors = case_actors(&caller);
    listing.now = queue.now;
    if (!db_queue_page(worker->db, &queue, listing_add, &listing, &err)) {
        json_decref(listing.list);
        http_reply_error(res, req, "queue", &err);
        return;
    }
    out = json_object();
    if (json_array_size(listing.list) == queue.max)
        json_set_text(out, "next", listing.last);
    json_object_set_new(out, "cases", listing.list);
    http_reply_json(res, 200, out);
}

/* ---- Counts
 * ----------------------------------------------------------------------- */

void
queue_count_add(json_t *object, const char *name, int64_t count)
{
    json_set_int(object, name,
                 json_integer_value(json_object_get(object, name)) + count);
}

struct counts {
    json_t *by_state, *by_business;
};

static bool
counts_add(const struct db_result *row, void *arg, struct error *err)
{
    struct counts *counts = arg;
    struct db_queue_count one;

    if (!db_queue_count_read(row, 0, &one, err))
        return false;
    queue_count_add(counts->by_state, one.state, one.count);
    queue_count_add(counts->by_business, one.business, one.count);
    return true;
}

size_t
queue_states(const char *states[CASE_STATE_COUNT])
{
    size_t count = 0;

    for (int i = 0; i < CASE_STATE_COUNT; i++)
        if (!case_state_is_final((enum case_state)i))
            states[count++] = case_state_name((enum case_state)i);
    return count;
}

void
handle_queue_counts(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    struct ra_worker *worker = arg;
    const struct ask ask = {.mine = "1", .limit = PAGE_LIMIT_DEFAULT};
    struct counts counts = {json_object(), json_object()};
    const char *states[CASE_STATE_COUNT];
    struct db_queue queue;
    struct caller caller;
    struct error err = {0};
    int64_t mine = 0;
    json_t *out = json_object();

    json_object_set_new(out, "by_state", counts.by_state);
    json_object_set_new(out, "by_business", counts.by_business);
    if (!caller_with_role(worker, req, res, DESK_ROLES, &caller)) {
        json_decref(out);
        return;
    }
    queue_fill(worker, &caller, &ask, &queue);
    if (!db_queue_mine(worker->db, &queue, MINE_COUNT_MAX, &mine, &err) ||
        !db_queue_counts(worker->db, states, queue_states(states), counts_add,
                         &counts, &err)) {
        json_decref(out);
        http_reply_error(res, req, "queue.counts", &err);
        return;
    }
    json_set_int(out, "mine", mine);
    http_reply_json(res, 200, out);
}

/* ---- Who works on it
 * ------------------------------------------------------------------ */

/* One act on a case that changes no state. */
struct desk_act {
    const char *number;
    const char *event; /* of the history */
    const char *actor;
    bool is_administrator;
    const char *officer_id; /* to whom it is given; NULL: nobody */
    int64_t until;          /* of a hold */
    json_t *detail;         /* for the history; owned by who acts */
    int64_t at;
    unsigned actors;
    bool (*run)(struct db *db, const struct desk_act *act,
                const struct db_case *row, struct error *err);
};

static bool
desk_run(struct db *db, void *arg, struct error *err)
{
    struct desk_act *act = arg;
    struct db_case row = {0};
    enum case_state state;
    bool ok = false;

    if (!db_case_get(db, act->number, true, &row, err))
        return false;
    if (!case_state_find(row.state, &state) || case_state_is_final(state)) {
        error_set(err, ERROR_CONFLICT, "a case that is %s is over", row.state);
        goto out;
    }
    ok = act->run(db, act, &row, err) &&
         case_note(db, &row, act->event, act->actor, act->detail, act->at, err);
out:
    db_case_clear(&row);
    return ok;
}

static bool
assign_run(struct db *db, const struct desk_act *act, const struct db_case *row,
           struct error *err)
{
    bool is_own =
        row->assigned_to == NULL || strcmp(row->assigned_to, act->actor) == 0;
    bool is_to_self =
        act->officer_id == NULL || strcmp(act->officer_id, act->actor) == 0;

    if (!act->is_administrator && (!is_own || !is_to_self))
        return error_set(err, ERROR_DENIED,
                         "you may take what nobody has, and give back what "
                         "you have; else ask a business administrator");
    return db_case_assign(db, act->number, act->officer_id, err);
}

static bool
hold_run(struct db *db, const struct desk_act *act, const struct db_case *row,
         struct error *err)
{
    if (row->assigned_to != NULL && strcmp(row->assigned_to, act->actor) != 0 &&
        !act->is_administrator)
        return error_set(err, ERROR_DENIED, "another officer works on it");
    return db_case_hold(db, act->number, act->actor, act->until, err);
}

static bool
resume_run(struct db *db, const struct desk_act *act, const struct db_case *row,
           struct error *err)
{
    if (row->held_until == 0)
        return error_set(err, ERROR_CONFLICT, "it is not put aside");
    return db_case_hold(db, act->number, NULL, 0, err);
}

static void
desk_reply(struct ra_worker *worker, const struct http_request *req,
           struct http_response *res, struct desk_act *act)
{
    struct db_case row = {0};
    struct error err = {0};
    char event[32];

    snprintf(event, sizeof event, "case.%s", act->event);
    if (!db_transaction(worker->db, desk_run, act, &err) ||
        !db_case_get(worker->db, act->number, false, &row, &err)) {
        http_reply_error(res, req, event, &err);
        return;
    }
    log_event(LOG_LEVEL_INFO, event, LOG_TEXT("number", act->number),
              LOG_TEXT("officer", act->actor));
    http_reply_json(res, 200, desk_json(&row, act->actors));
    db_case_clear(&row);
}

static void
desk_fill(struct desk_act *act, const struct http_request *req,
          const struct caller *caller, const char *event)
{
    act->number = http_param(req, "number");
    act->event = event;
    act->actor = caller->officer.officer_id;
    act->is_administrator =
        caller_has_role(caller, API_ROLE_BUSINESS_ADMINISTRATOR);
    act->actors = case_actors(caller);
    act->at = clock_now();
}

/* Nobody is given a case who cannot take it. */
static bool
officer_is_there(struct ra_worker *worker, const char *officer_id,
                 struct error *err)
{
    json_t *rows = NULL;
    bool is_there = false;

    if (!officer_rows(worker->ra->officers, worker->ca, &rows, err))
        return false;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *id = json_string_value(json_object_get(row, "officer_id"));
        const char *state = json_string_value(json_object_get(row, "state"));

        is_there = is_there || (id != NULL && strcmp(id, officer_id) == 0 &&
                                state != NULL && strcmp(state, "active") == 0);
    }
    json_decref(rows);
    return is_there || error_set(err, ERROR_INPUT,
                                 "officer_id: no active officer of this id");
}

static bool
assign_parse(struct ra_worker *worker, const json_t *body, struct desk_act *act,
             struct error *err)
{
    static const char *const names[] = {"officer_id", NULL};
    const json_t *officer = json_object_get(body, "officer_id");

    if (!json_only(body, names, err))
        return false;
    if (officer == NULL || json_is_null(officer))
        return officer != NULL || error_set(err, ERROR_INPUT,
                                            "\"officer_id\" is missing; null "
                                            "gives the case back");
    if (!json_get_text(body, "officer_id", TEXT_UUID_LEN, &act->officer_id,
                       err))
        return false;
    if (!text_is_uuid(act->officer_id))
        return error_set(err, ERROR_INPUT, "officer_id: not a UUID");
    json_set_text(act->detail, "officer_id", act->officer_id);
    return strcmp(act->officer_id, act->actor) == 0 ||
           officer_is_there(worker, act->officer_id, err);
}

void
handle_case_assign(void *arg, const struct http_request *req,
                   struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct desk_act act = {.run = assign_run};
    struct caller caller;
    struct error err = {0};
    json_t *body = NULL;

    if (!caller_with_role(worker, req, res, DESK_WORKERS, &caller))
        return;
    desk_fill(&act, req, &caller, "assigned");
    act.detail = json_object();
    if (http_json(req, &body, &err) && assign_parse(worker, body, &act, &err))
        desk_reply(worker, req, res, &act);
    else
        http_reply_error(res, req, "case.assigned", &err);
    json_decref(act.detail);
    json_decref(body);
}

static bool
hold_parse(const json_t *body, struct desk_act *act, struct error *err)
{
    static const char *const names[] = {"reason", "until", NULL};
    struct buf clean = BUF_INIT(FIELD_VALUE_MAX);
    const char *reason;
    bool ok;

    if (!json_only(body, names, err) ||
        !json_get_time(body, "until", &act->until, err) ||
        !json_get_text(body, "reason", FIELD_VALUE_MAX, &reason, err))
        return false;
    if (act->until <= act->at || act->until > act->at + HOLD_MAX_S)
        return error_set(err, ERROR_INPUT,
                         "until: 应在今后90天内 / within the next 90 days");
    ok = field_text(reason, REASON_MAX, &clean, err) ||
         error_wrap(err, "reason");
    if (ok) {
        json_set_time(act->detail, "until", act->until);
        json_set_text(act->detail, "reason", buf_text(&clean));
    }
    buf_clear(&clean);
    return ok;
}

void
handle_case_hold(void *arg, const struct http_request *req,
                 struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct desk_act act = {.run = hold_run};
    struct caller caller;
    struct error err = {0};
    json_t *body = NULL;

    if (!caller_with_role(worker, req, res, DESK_WORKERS, &caller))
        return;
    desk_fill(&act, req, &caller, "put-aside");
    act.detail = json_object();
    if (http_json(req, &body, &err) && hold_parse(body, &act, &err))
        desk_reply(worker, req, res, &act);
    else
        http_reply_error(res, req, "case.put-aside", &err);
    json_decref(act.detail);
    json_decref(body);
}

void
handle_case_resume(void *arg, const struct http_request *req,
                   struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct desk_act act = {.run = resume_run};
    struct caller caller;

    if (!caller_with_role(worker, req, res, DESK_WORKERS, &caller))
        return;
    desk_fill(&act, req, &caller, "resumed");
    desk_reply(worker, req, res, &act);
}

/* ---- Search
 * -----------------------------------------------------------------------------
 */

static bool
certificate_add(const struct db_result *row, void *arg, struct error *err)
{
    struct listing *listing = arg;
    struct db_certificate_row one;

    if (!db_certificates_read(row, 0, &one, err))
        return false;
    json_array_append_new(listing->certificates,
                          certificate_json(&one, listing->now));
    return true;
}

static bool
find_certificates(struct db *db, const uint8_t *serial, const char *device,
                  struct listing *listing, struct error *err)
{
    const struct db_certificate_filter filter = {.serial = serial,
                                                 .device = device};

    return db_certificates(db, &filter, SEARCH_ROWS_MAX, certificate_add,
                           listing, err);
}

static bool
find_device(struct db *db, const char *serial, struct listing *listing,
            struct error *err)
{
    struct db_device device = {0};
    json_t *one;

    if (!db_device_get(db, serial, false, &device, err)) {
        if (err->code != ERROR_NOT_FOUND)
            return false;
        *err = (struct error){0};
        return true;
    }
    one = json_object();
    json_set_text(one, "serial", device.serial);
    json_set_text(one, "model", device.model);
    json_set_text(one, "state", device.state);
    if (device.number != NULL)
        json_set_text(one, "number", device.number);
    json_array_append_new(listing->devices, one);
    db_device_clear(&device);
    return true;
}

static bool
search_run(struct ra_worker *worker, const char *typed, struct listing *listing,
           struct error *err)
{
    const struct vault *vault = worker->business->vault;
    uint8_t mobile[VAULT_BLIND_LEN], id_number[VAULT_BLIND_LEN];
    struct db_search ask = {.max = SEARCH_ROWS_MAX};
    struct search search;

    if (!search_parse(typed, &search, err))
        return false;
    ask.number = or_null(search.number);
    ask.name = search.name;
    ask.uscc = or_null(search.uscc);
    ask.device = or_null(search.device);
    ask.account = or_null(search.account);
    ask.serial = search.has_serial ? search.serial : NULL;
    if (search.mobile[0] != '\0') {
        vault_blind(vault, "handler_mobile", search.mobile, mobile);
        ask.mobile = mobile;
    }
    if (search.id_number[0] != '\0') {
        vault_blind(vault, "handler_id_number", search.id_number, id_number);
        ask.id_number = id_number;
    }
    return db_search(worker->db, &ask, listing_add, listing, err) &&
           (!search.has_serial ||
            find_certificates(worker->db, search.serial, NULL, listing, err)) &&
           (search.device[0] == '\0' ||
            (find_certificates(worker->db, NULL, search.device, listing, err) &&
             find_device(worker->db, search.device, listing, err)));
}

void
handle_search(void *arg, const struct http_request *req,
              struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct listing listing = {0};
    struct caller caller;
    char typed[SEARCH_TEXT_MAX + 1];
    struct error err = {0};
    json_t *out;

    if (!caller_with_role(worker, req, res, DESK_ROLES, &caller))
        return;
    out = json_object();
    listing.list = json_array();
    listing.certificates = json_array();
    listing.devices = json_array();
    listing.actors = case_actors(&caller);
    listing.now = clock_now();
    json_object_set_new(out, "cases", listing.list);
    json_object_set_new(out, "certificates", listing.certificates);
    json_object_set_new(out, "devices", listing.devices);
    if (!query_get(req, "q", typed, sizeof typed))
        error_set(&err, ERROR_INPUT, "q: too long, or not text");
    if (err.code == ERROR_NONE && search_run(worker, typed, &listing, &err)) {
        http_reply_json(res, 200, out);
        return;
    }
    json_decref(out);
    http_reply_error(res, req, "search", &err);
}
