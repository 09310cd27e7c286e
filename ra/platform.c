/* The host platform's questions and acts: ra/platform.h. */
#include "ra/platform.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "db/holder.h"
#include "db/unit.h"

static const char platform_name[] = "platform"; /* in histories */

/* ---- Progress ------------------------------------------------------------ */

static void
set_time_if(json_t *json, const char *name, int64_t at)
{
    if (at != 0)
        json_set_time(json, name, at);
}

static bool
progress_one(const struct db_result *row, void *arg, struct error *err)
{
    json_t *cases = arg;
    struct db_case one;
    const uint8_t *link;
    const char *remark = NULL;
    json_t *body = NULL, *json;
    size_t len;

    if (!db_case_read(row, 0, &one, err) ||
        !db_unit_progress_read(row, 0, &link, &len, err) ||
        (link != NULL && !json_parse_object(link, len, &body, err)))
        return false;
    json = json_object();
    json_set_text(json, "number", one.number);
    json_set_text(json, "business", one.business);
    json_set_text(json, "state", one.state);
    json_set_int(json, "revision", one.revision);
    json_set_time(json, "created_at", one.created_at);
    set_time_if(json, "submitted_at", one.submitted_at);
    json_set_time(json, "changed_at", one.changed_at);
    set_time_if(json, "deadline_at", one.deadline_at);
    set_time_if(json, "completed_at", one.completed_at);
    if (body != NULL)
        remark = json_string_value(json_object_get(body, "remark"));
    if (remark != NULL)
        json_set_text(json, "remark", remark);
    json_array_append_new(cases, json);
    json_decref(body);
    return true;
}

static bool
live_add(struct db *db, const char *account, int64_t now, json_t *out,
         struct error *err)
{
    struct db_holder live = {0};
    json_t *json;
    bool found;

    if (!db_holder_live(db, account, now, &found, &live, err))
        return false;
    if (!found)
        return true;
    json = json_object();
    json_set_text(json, "issuer", live.issuer);
    json_set_hex(json, "serial", live.serial, DB_HOLDER_SERIAL_LEN);
    json_set_text(json, "state", live.state);
    json_set_time(json, "not_before", live.not_before);
    json_set_time(json, "not_after", live.not_after);
    if (live.device != NULL)
        json_set_text(json, "device", live.device);
    set_time_if(json, "bound_at", live.bound_at);
    json_object_set_new(out, "certificate", json);
    db_holder_clear(&live);
    return true;
}

bool
platform_progress(struct db *db, const char *account, int64_t now, json_t **out,
                  struct error *err)
{
    struct db_unit unit = {0};
    json_t *json = json_object();
    json_t *cases = json_array();
    bool is_there = false, ok = false;

    json_set_text(json, "account", account);
    json_object_set_new(json, "cases", cases);
    if (!db_unit_get(db, account, &is_there, &unit, err))
        goto out;
    if (!is_there) {
        error_set(err, ERROR_NOT_FOUND, "there is no record of this account");
        goto out;
    }
    if (!db_unit_progress(db, account, PLATFORM_CASES_MAX, progress_one, cases,
                          err) ||
        !live_add(db, account, now, json, err))
        goto out;
    *out = json;
    json = NULL;
    ok = true;
out:
    db_result_free(unit.held);
    json_decref(json);
    return ok;
}

/* ---- Binding ------------------------------------------------------------- */

struct run {
    const struct business *business;
    const struct platform_binding *binding;
};

/* The certificate is the account's, and fit to be bound. */
static bool
holder_check(const struct platform_binding *binding, bool found,
             const struct db_holder *holder, struct error *err)
{
    if (!found || strcmp(holder->account, binding->account) != 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "this account has no such certificate");
    if (!binding->is_bound)
        return true;
    if (strcmp(holder->state, "valid") != 0)
        return error_set(err, ERROR_CONFLICT, "the certificate is %s",
                         holder->state);
    if (holder->not_after < binding->at)
        return error_set(err, ERROR_CONFLICT, "the certificate has run out");
    return true;
}

static bool
rows_bind(struct db *db, struct db_case *row, void *arg, struct error *err)
{
    const struct platform_binding *binding = arg;

    return db_unit_bind(db, row->number, binding->is_bound ? binding->at : 0,
                        binding->at, err);
}

/* A renewal goes into a device that is bound already: its case knows no such
 * state, and only the history tells. */
static bool
note_bind(struct db *db, struct db_case *row,
          const struct platform_binding *binding, struct error *err)
{
    return rows_bind(db, row, (void *)(uintptr_t)binding, err) &&
           case_note(
               db, row,
               case_event_name(binding->is_bound ? CASE_BIND : CASE_UNBIND),
               platform_name, NULL, binding->at, err);
}

static bool
case_bind(const struct run *run, struct db *db, const char *number,
          struct error *err)
{
    const struct platform_binding *binding = run->binding;
    struct case_act act = {
        .number = number,
        .event = binding->is_bound ? CASE_BIND : CASE_UNBIND,
        .who = CASE_BY_PLATFORM,
        .actor = platform_name,
        .account = binding->account,
        .at = binding->at,
        .change = rows_bind,
        .arg = (void *)(uintptr_t)binding,
    };
    enum case_business kind;
    enum case_state state;
    struct db_case row = {0};
    bool ok = false;

    if (!db_case_get(db, number, true, &row, err))
        return false;
    if (!case_business_find(row.business, &kind) ||
        !case_state_find(row.state, &state)) {
        error_set(err, ERROR_INTERNAL, "case %s: business or state", number);
        goto out;
    }
    ok = case_transition_find(kind, state, act.event, act.who) == NULL &&
                 (kind == BUSINESS_RENEW || !binding->is_bound)
             ? note_bind(db, &row, binding, err)
             : case_apply_within(run->business, db, &act, NULL, err);
out:
    db_case_clear(&row);
    return ok;
}

static bool
bind_run(struct db *db, void *arg, struct error *err)
{
    const struct run *run = arg;
    const struct platform_binding *binding = run->binding;
    struct db_holder holder = {0};
    bool found = false, ok = false;

    if (!db_holder_get(db, binding->issuer, binding->serial, &found, &holder,
                       err))
        return false;
    if (!holder_check(binding, found, &holder, err))
        goto out;
    ok = (holder.bound_at != 0) == binding->is_bound ||
         case_bind(run, db, holder.number, err);
out:
    db_holder_clear(&holder);
    return ok;
}

bool
platform_bind(const struct business *business, struct db *db,
              const struct platform_binding *binding, struct error *err)
{
    struct run run = {business, binding};

    return db_transaction(db, bind_run, &run, err);
}
