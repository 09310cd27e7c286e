/* Earlier keys on their way into a device: ra/old_keys.h. */
#include "ra/old_keys.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "db/case_order.h"
#include "ra/case_order.h"
#include "ra/case_recover.h"
#include "ra/case_tell.h"
#include "ra/making.h"

enum {
    TURN_MAX = 20,
    AGAIN_S = 10, /* none is asked about more often */
    STATE_MAX = 16,
};

static const char recover[] = "recover";

/* ---- Asking ----------------------------------------------------------------
 */

/* Whether the decisions are all that an order with activation needs. */
static bool
is_decided(const json_t *decisions)
{
    static const char *const steps[] = {"first-review", "second-review",
                                        "making"};
    size_t found = 0;
    size_t i;
    json_t *decision;

    for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++)
        json_array_foreach((json_t *)(uintptr_t)decisions, i, decision)
        {
            const char *step =
                json_string_value(json_object_get(decision, "step"));

            found += step != NULL && strcmp(step, steps[k]) == 0;
        }
    return found == sizeof steps / sizeof steps[0];
}

/* An order that asked for this carrier with this order pending, and was not
 * refused. */
struct asked {
    const json_t *carrier;
    const char *pending; /* its order_id */
    bool is_there;
};

static bool
asked_each(const struct db_result *row, void *arg, struct error *err)
{
    struct asked *asked = arg;
    struct db_case_order order;
    json_t *envelope = NULL;
    const json_t *one;
    const char *pending;

    if (!db_corder_read(row, 0, &order, err))
        return false;
    if (strcmp(order.purpose, recover) != 0 ||
        strcmp(order.state, "refused") == 0)
        return true;
    if (!json_parse_object(order.envelope, order.envelope_len, &envelope, err))
        return false;
    one = json_object_get(envelope, "order");
    pending = json_string_value(
        json_object_get(json_object_get(one, "pending"), "order_id"));
    if (pending != NULL && strcmp(pending, asked->pending) == 0 &&
        json_equal(json_object_get(one, "carrier"), asked->carrier) == 1)
        asked->is_there = true;
    json_decref(envelope);
    return true;
}

static bool
ask(struct db *db, const struct db_case *row, json_t *own,
    const json_t *decisions, int64_t at, struct error *err)
{
    char order_id[TEXT_UUID_LEN + 1];
    struct asked asked = {.pending = row->order_id};
    json_t *order = json_object();
    bool ok = false;

    if (!text_uuid_draw(order_id, err) ||
        !case_order_carrier(db, row, order, err))
        goto out;
    asked.carrier = json_object_get(order, "carrier");
    if (!db_corder_list(db, row->number, asked_each, &asked, err))
        goto out;
    if (asked.is_there) {
        ok = true;
        goto out;
    }
    json_set_text(order, "order_id", order_id);
    json_set_text(order, "kind", recover);
    json_set_time(order, "created_at", at);
    json_object_set(order, "applicant", json_object_get(own, "applicant"));
    json_object_set(order, "pending", own);
    ok = case_order_send(db, row->number, recover, order, decisions, at, err);
out:
    json_decref(order);
    return ok;
}

/* Whether the case's own order asks for them. */
static bool
own_order(const struct db_case *row, json_t **out, bool *asks,
          struct error *err)
{
    *out = NULL;
    *asks = false;
    if (row->order_id == NULL)
        return true;
    if (!json_parse_object(row->order_body, row->order_body_len, out, err))
        return false;
    *asks = json_object_get(json_object_get(*out, "encryption"), "old_keys") !=
            NULL;
    return true;
}

bool
old_keys_ask(struct db *db, const struct db_case *row, int64_t at,
             struct error *err)
{
    struct making_device device;
    json_t *own = NULL;
    json_t *decisions = NULL;
    bool asks = false;
    bool ok = false;

    if (!own_order(row, &own, &asks, err))
        return false;
    if (!asks) {
        ok = true;
        goto out;
    }
    if (!making_device(db, row, &device, err) ||
        !case_order_decisions(db, row, &decisions, err))
        goto out;
    ok = !device.is_signed || !is_decided(decisions) ||
         ask(db, row, own, decisions, at, err);
out:
    json_decref(own);
    json_decref(decisions);
    return ok;
}

/* ---- What is heard ---------------------------------------------------------
 */

static bool
is_end_without(const char *state)
{
    return strcmp(state, "refused") == 0 || strcmp(state, "expired") == 0 ||
           strcmp(state, "aborted") == 0;
}

/* Somebody has to see to it: the holder may ask again, by a case of its own. */
static bool
tell_service(const struct business *business, struct db *db,
             const struct db_case *row, int64_t at, struct error *err)
{
    return case_tell_service(
        business, db, row, "old-keys-failed",
        "历次加密密钥未能恢复到介质。请联系单位，如仍需解密原来加密的文件，请"
        "办理密钥恢复。/ The earlier encryption keys could not be brought into "
        "the device. See whether the unit still needs them: it may apply for "
        "key recovery.",
        at, err);
}

static bool
note(struct db *db, const struct db_case *row, const char *order_id,
     const char *state, const char *problem, int64_t at, struct error *err)
{
    json_t *detail = json_object();
    bool ok;

    json_set_text(detail, "order_id", order_id);
    json_set_text(detail, "state", state);
    if (problem != NULL)
        json_set_text(detail, "problem", problem);
    ok = case_note(db, row, "old-keys", "signet-ca", detail, at, err);
    json_decref(detail);
    return ok;
}

/* What is told once, by the new state. Cases of business recover have notices
 * of their steps. */
static bool
tell(const struct business *business, struct db *db, const struct db_case *row,
     const char *order_id, const char *state, int64_t at, struct error *err)
{
    /* Nor does anybody fetch keys for a case that was given up. */
    if (strcmp(row->business, recover) == 0 ||
        strcmp(row->state, case_state_name(CASE_CLOSED)) == 0)
        return true;
    if (strcmp(state, "done") == 0)
        return case_tell(business, db, row, "old-keys-ready", order_id, NULL,
                         at, err);
    return !is_end_without(state) ||
           (case_tell(business, db, row, "old-keys-failed", order_id, NULL, at,
                      err) &&
            tell_service(business, db, row, at, err));
}

bool
old_keys_heard(const struct business *business, struct db *db,
               const struct db_case *row, const char *order_id,
               const json_t *recovery, int64_t at, struct error *err)
{
    struct db_case_order order = {0};
    const char *state;
    int64_t until = 0;
    bool is_new;
    bool ok = false;

    if (!json_get_text(recovery, "state", STATE_MAX, &state, err) ||
        (json_object_get(recovery, "expires_at") != NULL &&
         !json_get_time(recovery, "expires_at", &until, err)) ||
        !db_corder_get(db, order_id, &order, err))
        goto out;
    is_new = order.recovery == NULL || strcmp(order.recovery, state) != 0;
    ok = db_corder_recovery(db, order_id, state, until, at, err) &&
         (!is_new ||
          (note(db, row, order_id, state, NULL, at, err) &&
           tell(business, db, row, order_id, state, at, err) &&
           (strcmp(row->business, recover) != 0 ||
            case_recover_step(business, db, row, state, NULL, at, err))));
out:
    db_corder_clear(&order);
    return ok;
}

bool
old_keys_refused(const struct business *business, struct db *db,
                 const struct db_case *row, const char *order_id,
                 const char *problem, int64_t at, struct error *err)
{
    if (!note(db, row, order_id, "refused", problem, at, err))
        return false;
    if (strcmp(row->business, recover) == 0)
        return case_recover_step(business, db, row, NULL, problem, at, err);
    return tell(business, db, row, order_id, "refused", at, err);
}

/* ---- Asking again ----------------------------------------------------------
 */

struct heard_run {
    const struct business *business;
    const char *number;
    const char *order_id;
    const json_t *recovery;
    int64_t at;
};

static bool
heard_run(struct db *db, void *arg, struct error *err)
{
    const struct heard_run *run = arg;
    struct db_case row = {0};
    bool ok = db_case_get(db, run->number, true, &row, err) &&
              old_keys_heard(run->business, db, &row, run->order_id,
                             run->recovery, run->at, err);

    db_case_clear(&row);
    return ok;
}

bool
old_keys_look(const struct business *business, struct db *db,
              struct ca_client *ca, const char *number, const char *order_id,
              int64_t at, struct api_answer *answer, struct error *err)
{
    struct heard_run run = {business, number, order_id, NULL, at};

    if (!ca_client_answer(ca, order_id, answer, err))
        return false;
    if (answer->recovery == NULL)
        return error_set(err, ERROR_INTERNAL,
                         "signet-ca says nothing of recovery %s", order_id);
    run.recovery = answer->recovery;
    return db_transaction(db, heard_run, &run, err);
}

/* Nobody is to have them any more. */
static bool
left_write(struct db *db, void *arg, struct error *err)
{
    const struct heard_run *run = arg;
    struct db_case row = {0};
    bool ok =
        db_case_get(db, run->number, true, &row, err) &&
        db_corder_recovery(db, run->order_id, "aborted", 0, run->at, err) &&
        note(db, &row, run->order_id, "aborted", NULL, run->at, err);

    db_case_clear(&row);
    return ok;
}

static bool
drop_one(struct ra_job *job, const struct db_corder_open *left, int64_t now,
         struct error *err)
{
    struct heard_run run = {job->business, left->number, left->order_id, NULL,
                            now};

    return ca_client_received(job->ca, left->order_id, err) &&
           db_transaction(job->db, left_write, &run, err);
}

static bool
follow_one(struct ra_job *job, const struct db_corder_open *open, int64_t now,
           struct error *err)
{
    struct api_answer answer = {0};
    bool ok = old_keys_look(job->business, job->db, job->ca, open->number,
                            open->order_id, now, &answer, err);

    api_answer_clear(&answer);
    return ok;
}

/* One that goes wrong for good keeps its place in no line: the others have
 * their turn. What is away is away for all. */
static bool
each(struct ra_job *job, const struct db_corder_open *list, size_t count,
     bool (*one)(struct ra_job *, const struct db_corder_open *, int64_t,
                 struct error *),
     int64_t now, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct error why = {0};

        if (one(job, &list[i], now, &why))
            continue;
        (void)error_wrap(&why, "recovery %s", list[i].order_id);
        if (why.code == ERROR_BUSY) {
            if (err != NULL)
                *err = why;
            return false;
        }
        log_failure("old-keys", &why);
        if (!db_corder_looked(job->db, list[i].order_id, now, err))
            return false;
    }
    return true;
}

bool
old_keys_follow_job(struct ra_job *job, int64_t now, struct error *err)
{
    struct db_corder_open list[TURN_MAX];
    size_t count = 0;

    return db_corder_open_list(job->db, now - AGAIN_S, TURN_MAX, list, &count,
                               err) &&
           each(job, list, count, follow_one, now, err) &&
           db_corder_left_list(job->db, TURN_MAX, list, &count, err) &&
           each(job, list, count, drop_one, now, err);
}

/* ---- Telling ---------------------------------------------------------------
 */

struct shown {
    json_t *json; /* of the last one */
};

static const char *
state_of(const struct db_case_order *order)
{
    if (strcmp(order->state, "refused") == 0)
        return "refused";
    if (order->received_at != 0)
        return "received";
    return order->recovery != NULL ? order->recovery : "waiting";
}

static bool
shown_each(const struct db_result *row, void *arg, struct error *err)
{
    struct shown *shown = arg;
    struct db_case_order order;

    if (!db_corder_read(row, 0, &order, err))
        return false;
    if (strcmp(order.purpose, recover) != 0)
        return true;
    json_object_clear(shown->json);
    json_set_text(shown->json, "state", state_of(&order));
    if (order.recovery_until != 0 && order.received_at == 0)
        json_set_time(shown->json, "expires_at", order.recovery_until);
    if (order.received_at != 0)
        json_set_time(shown->json, "received_at", order.received_at);
    if (order.problem != NULL && strcmp(order.state, "refused") == 0)
        json_set_text(shown->json, "problem", order.problem);
    return true;
}

bool
old_keys_json(struct db *db, const struct db_case *row, json_t **out,
              struct error *err)
{
    struct shown shown = {.json = json_object()};
    json_t *own = NULL;
    bool asks = false;
    bool ok = own_order(row, &own, &asks, err);

    json_decref(own);
    if (ok && asks)
        json_set_text(shown.json, "state", "asked");
    ok = ok && db_corder_list(db, row->number, shown_each, &shown, err);
    *out = NULL;
    if (ok && json_object_size(shown.json) > 0)
        *out = json_incref(shown.json);
    json_decref(shown.json);
    return ok;
}

/* ---- For a device ----------------------------------------------------------
 */

struct search {
    const json_t *carrier;
    struct old_keys_order *out;
};

static bool
search_each(const struct db_result *row, void *arg, struct error *err)
{
    struct search *search = arg;
    struct old_keys_order *out = search->out;
    struct db_case_order order;
    json_t *envelope = NULL;

    if (!db_corder_read(row, 0, &order, err))
        return false;
    if (strcmp(order.purpose, recover) != 0)
        return true;
    if (!json_parse_object(order.envelope, order.envelope_len, &envelope, err))
        return false;
    if (json_equal(
            json_object_get(json_object_get(envelope, "order"), "carrier"),
            search->carrier) == 1) {
        (void)snprintf(out->order_id, sizeof out->order_id, "%s",
                       order.order_id);
        (void)snprintf(out->state, sizeof out->state, "%s", order.state);
        (void)snprintf(out->problem, sizeof out->problem, "%s",
                       order.problem == NULL ? "" : order.problem);
        out->is_received = order.received_at != 0;
    }
    json_decref(envelope);
    return true;
}

bool
old_keys_order_find(struct db *db, const struct db_case *row,
                    const struct db_device *device, struct old_keys_order *out,
                    struct error *err)
{
    struct search search = {.out = out};
    json_t *carrier;
    bool ok;

    memset(out, 0, sizeof *out);
    if (device->transport == NULL)
        return true;
    search.carrier = carrier = device_carrier_json(device);
    ok = db_corder_list(db, row->number, search_each, &search, err);
    json_decref(carrier);
    return ok;
}
