/* Links, entries and notices of cases: ra/case_step.h. */
#include "ra/case_step.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "db/case_history.h"
#include "db/entry.h"
#include "ra/calendar.h"
#include "ra/case_tell.h"

enum { LINK_MAX = 64 * 1024 }; /* octets of a link, and of an entry */

/* ---- Links ---------------------------------------------------------------
 */

/* Completes the body, adds the link, and gives its number and hash. */
static bool
link_add(struct db *db, const char *number, const char *event,
         const char *actor, int64_t at, json_t *body, int32_t *seq,
         uint8_t hash[HASH_LEN], struct error *err)
{
    struct buf octets = BUF_INIT(LINK_MAX);
    struct db_link link = {
        .at = at, .event = event, .actor = actor, .hash = hash};
    uint8_t previous[HASH_LEN];
    bool ok = false;

    if (!db_link_last(db, number, seq, previous, err))
        goto out;
    *seq += 1;
    json_set_text(body, "number", number);
    json_set_int(body, "seq", *seq);
    json_set_time(body, "at", at);
    json_set_text(body, "event", event);
    json_set_text(body, "actor", actor);
    json_set_hex(body, "previous", previous, sizeof previous);
    if (!json_canonical(body, &octets, err) ||
        !hash_sha256(octets.data, octets.len, hash, err))
        goto out;
    link.seq = *seq;
    link.body = octets.data;
    link.body_len = octets.len;
    ok = db_link_add(db, number, &link, err);
out:
    buf_clear(&octets);
    return ok;
}

bool
case_note(struct db *db, const struct db_case *row, const char *event,
          const char *actor, const json_t *detail, int64_t at,
          struct error *err)
{
    json_t *body = json_object();
    uint8_t hash[HASH_LEN];
    int32_t seq;
    bool ok;

    json_set_int(body, "revision", row->revision);
    json_set_text(body, "state", row->state);
    if (detail != NULL)
        json_object_set(body, "detail", (json_t *)(uintptr_t)detail);
    ok = link_add(db, row->number, event, actor, at, body, &seq, hash, err);
    json_decref(body);
    return ok;
}

/* What links and entries have in common. */
static json_t *
step_json(const struct case_step *step)
{
    const struct case_transition *t = step->transition;
    json_t *json = json_object();

    json_set_int(json, "revision", step->revision);
    json_set_text(json, "from", case_state_name(t->from));
    json_set_text(json, "to", case_state_name(t->to));
    json_set_text(json, "role", case_actor_name(t->who));
    if (step->order_id != NULL)
        json_set_text(json, "order_id", step->order_id);
    return json;
}

/* The octets of canonical JSON as the object that they are. */
static bool
set_object(json_t *json, const char *name, const uint8_t *data, size_t len,
           struct error *err)
{
    json_t *object = NULL;

    if (!json_parse_object(data, len, &object, err))
        return false;
    json_object_set_new(json, name, object);
    return true;
}

static bool
step_link(struct db *db, const struct case_step *step, int32_t *seq,
          uint8_t hash[HASH_LEN], struct error *err)
{
    const struct case_act *act = step->act;
    const struct case_decided *decided = act->decided;
    json_t *body = step_json(step);
    bool ok = true;

    if (act->remark != NULL && act->remark[0] != '\0')
        json_set_text(body, "remark", act->remark);
    /* 电子认证服务协议: which wording the box accepted (domain.md, 1.2). */
    if (act->event == CASE_SUBMIT &&
        step->definition->agreement_version != NULL)
        json_set_text(body, "agreement_version",
                      step->definition->agreement_version);
    if (act->detail != NULL)
        json_object_set(body, "detail", (json_t *)(uintptr_t)act->detail);
    if (decided != NULL)
        ok = set_object(body, "decision", decided->decision,
                        decided->decision_len, err) &&
             set_object(body, "statement", decided->statement,
                        decided->statement_len, err);
    ok = ok && link_add(db, act->number, case_event_name(act->event),
                        act->actor, act->at, body, seq, hash, err);
    json_decref(body);
    return ok;
}

/* ---- Entries of the log ----------------------------------------------------
 */

/* Names, numbers and remarks stay in the RA's own tables; the hash of the link
 * ties them to the log. What an approval signed stands there whole, so that it
 * can be checked from the log alone. */
static bool
entry_body(const struct case_step *step, const char *event,
           const uint8_t hash[HASH_LEN], json_t **out, struct error *err)
{
    const struct case_decided *decided = step->act->decided;
    json_t *json = step_json(step);

    *out = json;
    json_set_text(json, "account", step->row->account);
    json_set_text(json, "business", step->row->business);
    json_set_text(json, "actor", step->act->actor);
    json_set_hex(json, "history", hash, HASH_LEN);
    json_set_time(json, "at", step->act->at);
    json_set_text(json, "event", event);
    json_set_text(json, "subject", step->act->number);
    if (decided == NULL)
        return true;
    if (!set_object(json, "decision", decided->decision, decided->decision_len,
                    err))
        return false;
    json_object_del(json_object_get(json, "decision"), "remark");
    return strcmp(decided->verdict, "approve") != 0 ||
           set_object(json, "statement", decided->statement,
                      decided->statement_len, err);
}

static bool
step_entry(struct db *db, const struct case_step *step,
           const uint8_t hash[HASH_LEN], struct error *err)
{
    struct buf octets = BUF_INIT(LINK_MAX);
    struct db_entry entry = {.at = step->act->at, .subject = step->act->number};
    char event[64];
    json_t *json = NULL;
    int64_t index;
    bool ok = false;

    snprintf(event, sizeof event, "case.%s", case_event_name(step->act->event));
    entry.event = event;
    /* A leaf of the tree: RFC 6962, 2.1. The 0x00 is in front of the body. */
    buf_add_byte(&octets, 0x00);
    if (!entry_body(step, event, hash, &json, err) ||
        !json_canonical(json, &octets, err) ||
        !hash_sha256(octets.data, octets.len, entry.hash, err))
        goto out;
    entry.body = octets.data + 1;
    entry.body_len = octets.len - 1;
    ok = db_entry_append(db, &entry, 1, &index, err);
out:
    json_decref(json);
    buf_clear(&octets);
    return ok;
}

/* ---- Notices ---------------------------------------------------------------
 */

/* What is told as the last day: when the state runs out, not when somebody is
 * reminded of it. */
static bool
told_deadline(struct db *db, const struct case_step *step, int64_t *out,
              struct error *err)
{
    enum case_event event = CASE_REMIND;
    int64_t since = step->transition->from == step->transition->to
                        ? step->row->changed_at
                        : step->act->at;
    int64_t at = since;

    *out = step->deadline_at;
    while (event != CASE_EXPIRE && at != 0) {
        if (!case_timer_next(db, step->definition, step->transition->to, since,
                             at, &event, &at, err))
            return false;
        if (at != 0)
            *out = at;
    }
    return true;
}

/* What texts may name of a step: ra/definition.h. */
static json_t *
values_of(const struct case_step *step, int64_t deadline_at)
{
    const char *remark = step->act->remark;
    char day[CALENDAR_DAY_LEN + 1] = "";
    json_t *values = json_object();

    if (deadline_at != 0)
        calendar_day_format(deadline_at, day);
    json_set_text(values, "remark", remark == NULL ? "" : remark);
    json_set_text(values, "deadline", day);
    if (step->code != NULL)
        json_set_text(values, "code", step->code);
    return values;
}

static bool
step_notices(struct db *db, const struct case_step *step, int32_t seq,
             struct error *err)
{
    char round[16];
    struct case_notice notice = {
        .business = step->business,
        .row = step->row,
        .definition = step->definition,
        .fields = step->fields,
        .name = case_event_name(step->act->event),
        .state = case_state_name(step->transition->to),
        .round = round,
        .seq = seq,
        .at = step->act->at,
    };
    json_t *values = NULL;
    int64_t deadline;
    bool ok = true;

    if (!told_deadline(db, step, &deadline, err))
        return false;
    (void)snprintf(round, sizeof round, "%d", seq);
    notice.values = values = values_of(step, deadline);
    for (size_t i = 0; ok && i < step->definition->notice_count; i++) {
        const struct definition_notice *of = &step->definition->notices[i];

        if (of->event == step->act->event &&
            (of->to == CASE_STATE_COUNT || of->to == step->transition->to))
            ok = case_notice_queue(db, &notice, of, err);
    }
    json_decref(values);
    return ok;
}

bool
case_step_write(struct db *db, const struct case_step *step, struct error *err)
{
    uint8_t hash[HASH_LEN];
    int32_t seq;

    return step_link(db, step, &seq, hash, err) &&
           step_notices(db, step, seq, err) && step_entry(db, step, hash, err);
}

/* ---- Timers ----------------------------------------------------------------
 */

bool
case_timer_next(struct db *db, const struct definition *definition,
                enum case_state state, int64_t since, int64_t after,
                enum case_event *event, int64_t *at, struct error *err)
{
    *at = 0;
    for (size_t i = 0; i < definition->timer_count; i++) {
        const struct definition_timer *timer = &definition->timer[i];
        int64_t due = since + INT64_C(86400) * timer->days;

        if (timer->state == state && timer->is_working_days &&
            !calendar_add(db, since, timer->days, &due, err))
            return false;
        if (timer->state != state || due <= after || (*at != 0 && due >= *at))
            continue;
        *event = timer->event;
        *at = due;
    }
    return true;
}
