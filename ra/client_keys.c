/* Keys for a device: ra/client.h. */
#include "ra/client_internal.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "db/case_order.h"
#include "ra/case_recover.h"
#include "ra/old_keys.h"

/* ---- Who asks --------------------------------------------------------------
 */

/* Only what is on its way to the holder, or in use, is given keys: a device
 * that was lost or came back still has its own key, which needs no PIN. */
static bool
with_holder_check(const struct db_device *device, struct error *err)
{
    static const char *const states[] = {"shipped", "delivered", "active",
                                         "pin-locked"};

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcmp(device->state, states[i]) == 0)
            return true;
    return error_set(err, ERROR_CONFLICT,
                     "介质%s状态为%s，不再交付密钥 / device %s is %s and gets "
                     "no keys",
                     device->serial, device->state, device->serial,
                     device->state);
}

/* The device says so by its own key, and the case is its own. `row` stays empty
 * (number NULL) when no number was given and nothing waits. The caller clears
 * both, whatever is returned. */
static bool
call_check(struct db *db, const struct client_call *call,
           struct db_device *device, struct db_case *row, struct error *err)
{
    struct buf statement = BUF_INIT(CLIENT_STATEMENT_MAX);
    char number[DB_CASE_NUMBER_MAX + 1];
    const char *asked = call->number;
    struct error why = {0};
    bool ok = false;

    if (!device_serial_check(call->device, err) ||
        !client_call_statement(call, &statement, err))
        goto out;
    if (!db_device_get(db, call->device, false, device, &why)) {
        client_unknown(err, &why);
        goto out;
    }
    if (device->spki == NULL ||
        !device_verify(device->spki, device->spki_len, statement.data,
                       statement.len, call->signature, call->signature_len,
                       &why)) {
        client_denied(err);
        goto out;
    }
    if (!with_holder_check(device, err))
        goto out;
    if (asked[0] == '\0') {
        if (!db_corder_of_device(db, call->device, number, sizeof number, err))
            goto out;
        if (number[0] == '\0') {
            ok = true;
            goto out;
        }
        asked = number;
    }
    if (!db_case_get(db, asked, false, row, &why)) {
        client_unknown(err, &why);
        goto out;
    }
    ok = (row->device != NULL && strcmp(row->device, call->device) == 0) ||
         client_denied(err);
out:
    buf_clear(&statement);
    return ok;
}

/* ---- The order that made the pair ------------------------------------------
 */

/* The one that is done; a case issues once. */
struct issue {
    char order_id[TEXT_UUID_LEN + 1]; /* "": none yet, or of no pair */
    bool is_received;
};

static bool
issue_each(const struct db_result *row, void *arg, struct error *err)
{
    struct issue *issue = arg;
    struct db_case_order order;
    json_t *envelope = NULL;

    if (!db_corder_read(row, 0, &order, err))
        return false;
    if (strcmp(order.purpose, "issue") != 0 || strcmp(order.state, "done") != 0)
        return true;
    if (!json_parse_object(order.envelope, order.envelope_len, &envelope, err))
        return false;
    if (json_object_get(json_object_get(envelope, "order"), "encryption") !=
        NULL) {
        memcpy(issue->order_id, order.order_id, sizeof issue->order_id);
        issue->is_received = order.received_at != 0;
    }
    json_decref(envelope);
    return true;
}

static bool
set_key(struct db *db, struct ca_client *ca, const struct db_case *row,
        json_t *out, struct error *err)
{
    struct issue issue = {0};
    struct api_answer answer = {0};

    if (!db_corder_list(db, row->number, issue_each, &issue, err))
        return false;
    if (issue.order_id[0] == '\0' || issue.is_received)
        return true;
    if (!ca_client_answer(ca, issue.order_id, &answer, err))
        return false;
    if (answer.key != NULL)
        json_object_set_new(out, "key", json_deep_copy(answer.key));
    api_answer_clear(&answer);
    return true;
}

/* ---- The earlier keys ------------------------------------------------------
 */

/* The earlier keys are for the device that is in use, with its certificate
 * live: a thief of another, or of this one once it is on hold, gets none. */
static bool
may_have(const struct business *business, struct db *db,
         const struct db_case *row, int64_t at, struct error *err)
{
    struct error why = {0};
    bool holds = false;

    return case_recover_condition(business, db, row->account, row->device, at,
                                  &why, &holds, err) &&
           (holds || error_set(err, ERROR_CONFLICT, "%s", why.what));
}

static bool
is_done(const struct api_answer *answer)
{
    const char *state =
        json_string_value(json_object_get(answer->recovery, "state"));

    return state != NULL && strcmp(state, "done") == 0;
}

static bool
is_given_up(const struct db_case *row)
{
    return strcmp(row->state, "closed") == 0 ||
           strcmp(row->state, "rejected") == 0;
}

static json_t *
recovery_state(const char *state)
{
    json_t *json = json_object();

    json_set_text(json, "state", state);
    return json;
}

static bool
set_recovery(const struct business *business, struct db *db,
             struct ca_client *ca, const struct db_case *row,
             const struct db_device *device, int64_t at, json_t *out,
             struct error *err)
{
    struct old_keys_order order;
    struct api_answer answer = {0};
    json_t *recovery = NULL;
    bool ok = true;

    if (!old_keys_order_find(db, row, device, &order, err))
        return false;
    if (order.order_id[0] == '\0')
        return true;
    if (order.is_received) {
        recovery = recovery_state("received");
    } else if (is_given_up(row)) {
        recovery = recovery_state("aborted");
    } else if (strcmp(order.state, "done") == 0) {
        ok = old_keys_look(business, db, ca, row->number, order.order_id, at,
                           &answer, err) &&
             (!is_done(&answer) || may_have(business, db, row, at, err));
        if (ok)
            recovery = json_deep_copy(answer.recovery);
    } else {
        bool is_refused = strcmp(order.state, "refused") == 0;

        recovery = recovery_state(is_refused ? "refused" : "waiting");
        if (is_refused)
            json_set_text(recovery, "problem", order.problem);
    }
    if (recovery != NULL)
        json_object_set_new(out, "recovery", recovery);
    api_answer_clear(&answer);
    return ok;
}

bool
client_keys(const struct business *business, struct db *db,
            struct ca_client *ca, const struct client_call *call, json_t **out,
            struct error *err)
{
    struct db_device device = {0};
    struct db_case row = {0};
    json_t *json = json_object();
    bool ok = false;

    if (!call_check(db, call, &device, &row, err))
        goto out;
    json_set_text(json, "number", row.number == NULL ? "" : row.number);
    if (row.number != NULL &&
        (!set_key(db, ca, &row, json, err) ||
         !set_recovery(business, db, ca, &row, &device, call->at, json, err)))
        goto out;
    *out = json_incref(json);
    ok = true;
out:
    json_decref(json);
    db_device_clear(&device);
    db_case_clear(&row);
    return ok;
}

/* ---- Received --------------------------------------------------------------
 */

struct received_run {
    const struct business *business;
    const struct client_call *call;
    const char *order_id;
    enum case_state to;
};

/* Noted once; a case of business recover is at its end (EFFECT_COMPLETE). */
static bool
received_run(struct db *db, void *arg, struct error *err)
{
    struct received_run *run = arg;
    const struct client_call *call = run->call;
    struct case_act act = {.number = call->number,
                           .event = CASE_INSTALL,
                           .who = CASE_BY_HOLDER,
                           .actor = "holder",
                           .at = call->at};
    struct db_case row = {0};
    json_t *detail = json_object();
    bool is_new = false;
    bool ok = db_case_get(db, call->number, true, &row, err) &&
              db_corder_received(db, run->order_id, call->at, &is_new, err);

    json_set_text(detail, "device", call->device);
    json_set_text(detail, "order_id", run->order_id);
    if (ok && is_new)
        ok = case_note(db, &row,
                       strcmp(call->action, "recovered") == 0
                           ? "old-keys-received"
                           : "key-received",
                       "holder", detail, call->at, err) &&
             (strcmp(row.business, "recover") != 0 ||
              case_apply_within(run->business, db, &act, NULL, err));
    json_decref(detail);
    db_case_clear(&row);
    if (!ok || !db_case_get(db, call->number, false, &row, err))
        return false;
    ok = case_state_find(row.state, &run->to) ||
         error_set(err, ERROR_INTERNAL, "state %s", row.state);
    db_case_clear(&row);
    return ok;
}

static bool
nothing_yet(struct error *err)
{
    return error_set(err, ERROR_CONFLICT,
                     "there was nothing to receive yet: ask for the keys "
                     "first");
}

/* The order whose keys the device says it has. They go at the CA with this
 * word, so it is taken for what was there to be fetched alone. */
static bool
order_of(const struct business *business, struct db *db, struct ca_client *ca,
         const struct client_call *call, const struct db_case *row,
         const struct db_device *device, char order_id[TEXT_UUID_LEN + 1],
         bool *is_again, struct error *err)
{
    struct issue issue = {0};
    struct old_keys_order old;
    struct api_answer answer = {0};
    bool ok;

    if (strcmp(call->action, "recovered") != 0) {
        if (!db_corder_list(db, row->number, issue_each, &issue, err))
            return false;
        memcpy(order_id, issue.order_id, sizeof issue.order_id);
        *is_again = issue.is_received;
        return order_id[0] != '\0' || nothing_yet(err);
    }
    if (!old_keys_order_find(db, row, device, &old, err))
        return false;
    memcpy(order_id, old.order_id, sizeof old.order_id);
    *is_again = old.is_received;
    if (old.is_received)
        return true;
    if (old.order_id[0] == '\0' || strcmp(old.state, "done") != 0 ||
        is_given_up(row))
        return nothing_yet(err);
    ok = old_keys_look(business, db, ca, row->number, old.order_id, call->at,
                       &answer, err) &&
         (is_done(&answer) || nothing_yet(err)) &&
         may_have(business, db, row, call->at, err);
    api_answer_clear(&answer);
    return ok;
}

bool
client_keys_received(const struct business *business, struct db *db,
                     struct ca_client *ca, const struct client_call *call,
                     enum case_state *to, struct error *err)
{
    struct db_device device = {0};
    struct db_case row = {0};
    char order_id[TEXT_UUID_LEN + 1] = "";
    struct received_run run = {
        .business = business, .call = call, .order_id = order_id};
    bool is_again = false;
    bool ok = false;

    if (call->number[0] == '\0') {
        error_set(err, ERROR_INPUT, "number: of the case");
        goto out;
    }
    if (!call_check(db, call, &device, &row, err) ||
        !order_of(business, db, ca, call, &row, &device, order_id, &is_again,
                  err))
        goto out;
    /* The CA first: what it was told twice is nothing, and what it was never
     * told would stay there. */
    ok = (is_again || ca_client_received(ca, order_id, err)) &&
         db_transaction(db, received_run, &run, err);
    *to = run.to;
out:
    db_device_clear(&device);
    db_case_clear(&row);
    return ok;
}
