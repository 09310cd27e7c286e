/* Taking orders; see ca-core/desk.h. */
#include "ca-core/desk.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/metrics.h"
#include "ca-core/answer.h"
#include "ca-core/officer.h"
#include "ca-core/pair.h"
#include "ca-core/recover.h"
#include "ca-core/revoke.h"
#include "db/escrow.h"

enum { ATTEMPTS_MAX = 5 };

/* An order under treatment. */
struct desk {
    struct ca_worker *worker;
    const struct api_envelope *envelope;
    const struct api_order *order; /* the envelope's */
    const char *requested_by;
    uint8_t digest[32];
    struct der csr;   /* that the device brought; data NULL: none */
    int64_t until_ms; /* monotonic: answer or refuse by then */
    struct issuer_set *set;
    struct decision_evidence evidence;
    json_t *answer; /* NULL: not yet */
};

/* ---- Known orders ------------------------------------------------------ */

static bool
await_known(struct desk *desk, struct error *err)
{
    struct issue_answer answer;
    bool ok = issue_await(desk->worker->service->issue, desk->order->order_id,
                          desk->digest, desk->until_ms - clock_monotonic_ms(),
                          &answer, err);

    buf_clear(&answer.der);
    return ok;
}

/* The same order completed by another request is another order. */
static bool
is_same_request(const struct desk *desk, const struct db_order *row, bool *out,
                struct error *err)
{
    uint8_t digest[HASH_LEN];

    *out = true;
    if (desk->csr.data == NULL || !row->has_csr_sha256)
        return true;
    if (!hash_sha256(desk->csr.data, desk->csr.len, digest, err))
        return false;
    *out = memcmp(digest, row->csr_sha256, sizeof digest) == 0;
    return true;
}

/* Fills desk->answer if the order is in the database and done. */
static bool
answer_known(struct desk *desk, struct error *err)
{
    struct db *db = desk->worker->db;
    struct db_order *row;
    bool is_same, ok;

    if (!db_order_find(db, desk->order->order_id, &row, err))
        return false;
    if (row == NULL)
        return true;
    ok = is_same_request(desk, row, &is_same, err);
    if (ok && memcmp(row->digest, desk->digest, sizeof desk->digest) != 0) {
        ok = error_set(err, ERROR_CONFLICT,
                       "the order id was used with other content");
    } else if (ok && !is_same) {
        ok = error_set(err, ERROR_CONFLICT,
                       "the order was completed by another request");
    } else if (ok && row->state == DB_ORDER_RECORDED) {
        db_order_free(row);
        row = NULL;
        ok = await_known(desk, err) &&
             db_order_find(db, desk->order->order_id, &row, err);
        if (ok && (row == NULL || row->state == DB_ORDER_RECORDED))
            ok = error_set(err, ERROR_BUSY,
                           "the order is still being worked on");
    }
    if (ok && row->state == DB_ORDER_FAILED)
        ok = error_set(err, ERROR_CONFLICT,
                       "the order failed (%s); send a new one", row->problem);
    if (ok)
        ok = answer_read(db, desk->set, desk->worker->escrow, row,
                         &desk->answer, err);
    db_order_free(row);
    return ok;
}

/* ---- New orders -------------------------------------------------------- */

static struct pair_desk
pair_desk_of(const struct ca_worker *worker, const struct issuer_set *set)
{
    return (struct pair_desk){&worker->service->world, set, worker->db,
                              worker->escrow};
}

/* One attempt to issue. No answer and no error: judge again. */
static bool
issue_once(struct desk *desk, struct error *err)
{
    struct ca_service *service = desk->worker->service;
    struct issue_answer answer = {0};
    struct issue_job *job = NULL;
    struct pair_desk plans = pair_desk_of(desk->worker, desk->set);
    struct issue_plan plan;
    int64_t now = clock_now();
    bool ok = pair_plan(&plans, desk->envelope, now, &plan, err) &&
              issue_job_new(desk->envelope, desk->digest, &desk->evidence,
                            desk->requested_by, service->issuers, desk->set,
                            &plan, now, &job, err);

    pair_plan_clear(&plan);
    if (!ok)
        return false;
    ok = issue_submit(service->issue, job,
                      desk->until_ms - clock_monotonic_ms(), &answer, err);
    /* Whoever sent the same order with another request waited for the same job:
     * the database tells which request it was for. */
    if (ok && answer.end == ISSUE_ISSUED && desk->csr.data == NULL)
        ok = answer_make(
            desk->worker->db, desk->set, desk->order,
            &(struct answer_certificate){answer.issuer, answer.serial.octet,
                                         answer.der.data, answer.der.len},
            &desk->answer, err);
    else if (ok && answer.end != ISSUE_RACED)
        ok = answer_known(desk, err);
    buf_clear(&answer.der);
    return ok;
}

static bool
issue(struct desk *desk, struct error *err)
{
    for (int attempts = 0; attempts < ATTEMPTS_MAX; attempts++) {
        if (!issue_once(desk, err))
            return false;
        if (desk->answer != NULL)
            return true;
    }
    return error_set(err, ERROR_BUSY, "too much changes at once");
}

static bool
check_kind(struct ca_worker *worker, const struct api_order *order, int64_t now,
           struct error *err)
{
    const struct order_world *world = &worker->service->world;

    if (officer_is_about(order->kind))
        return officer_check(worker->db, order, world->passkey_origins, now,
                             err);
    return order->kind != API_RECOVER ||
           recover_check(world, worker->db, order, now, err);
}

static bool
run_kind(struct desk *desk, struct accept *accept, struct error *err)
{
    struct db *db = desk->worker->db;
    struct recover_desk recovery = {.world = &desk->worker->service->world,
                                    .set = desk->set,
                                    .db = db,
                                    .escrow = desk->worker->escrow};

    if (officer_is_about(desk->order->kind))
        return officer_run(db, accept, err);
    return desk->order->kind == API_RECOVER
               ? recover_run(&recovery, accept, clock_now(), err)
               : revoke_run(db, desk->set, accept, err);
}

/* Orders that take effect in one transaction. What the centre says of a
 * recovery is no part of the order. */
static bool
carry_out(struct desk *desk, struct error *err)
{
    int64_t now = clock_now();
    struct accept accept = {0};
    bool ok;

    if (!order_check_shape(desk->order, now,
                           desk->worker->service->world.clock_tolerance_s,
                           err) ||
        !check_kind(desk->worker, desk->order, now, err) ||
        !accept_prepare(&accept, desk->envelope, desk->digest, &desk->evidence,
                        desk->requested_by, now, err))
        return false;
    ok = run_kind(desk, &accept, err);
    if (ok && desk->order->kind != API_RECOVER)
        ok = answer_make(desk->worker->db, desk->set, desk->order, NULL,
                         &desk->answer, err);
    else if (ok || accept.is_known)
        ok = answer_known(desk, err); /* known: the same order was faster */
    accept_clear(&accept);
    return ok;
}

/* ---- Refusing ---------------------------------------------------------- */

struct refusal {
    const struct record *record;
};

static bool
append_refusal(struct db *db, void *arg, struct error *err)
{
    const struct refusal *refusal = arg;
    int64_t index;

    return record_append(db, &refusal->record, 1, &index, err);
}

/* What the sender did wrong is a matter for the auditors: an entry in its own
 * transaction, before the answer. Trouble of ours is none. */
static void
refuse(struct desk *desk, struct error *err)
{
    struct record record = {0};
    struct error trouble = {0};

    if (err->code == ERROR_BUSY || err->code == ERROR_INTERNAL)
        return;
    if (!record_refused(&record, desk->envelope, desk->digest,
                        desk->requested_by, err, clock_now(), &trouble) ||
        !db_transaction(desk->worker->db, append_refusal,
                        &(struct refusal){&record}, &trouble)) {
        log_failure("order.refuse", &trouble);
        error_set(err, ERROR_BUSY, "a refusal cannot be logged now");
    }
    record_clear(&record);
}

/* ---- The desk ---------------------------------------------------------- */

static bool
judge(struct desk *desk, struct error *err)
{
    struct ca_worker *worker = desk->worker;

    struct decision_world world = {
        .keys = worker->keys,
        .db = worker->db,
        .set = desk->set,
        .profiles = worker->service->world.profiles,
        .now = clock_now(),
        .tolerance_s = worker->service->world.clock_tolerance_s,
    };

    if (!decision_verify(&world, desk->envelope, &desk->evidence, err))
        return error_wrap(err, "decisions");
    return api_kind_is_issuing(desk->order->kind) ? issue(desk, err)
                                                  : carry_out(desk, err);
}

static bool
treat(struct desk *desk, struct error *err)
{
    struct error why = {0};

    if (!answer_known(desk, err))
        return false;
    if (desk->answer != NULL || judge(desk, &why))
        return true;
    /* The same order, handed in twice at once, stands in its own way: its twin
     * has the key, the subject, the certificates' new state. */
    if (why.code == ERROR_CONFLICT) {
        if (!answer_known(desk, err))
            return false;
        if (desk->answer != NULL)
            return true;
    }
    if (err != NULL)
        *err = why;
    return false;
}

bool
desk_order(struct ca_worker *worker, const struct api_envelope *envelope,
           const char *requested_by, json_t **out, struct error *err)
{
    struct desk desk = {
        .worker = worker,
        .envelope = envelope,
        .order = envelope->order,
        .requested_by = requested_by,
        .csr = {envelope->completion.csr, envelope->completion.csr_len},
        .until_ms = clock_monotonic_ms() + ISSUE_WAIT_MS};
    bool ok;

    if (!api_order_digest(envelope->order->json, desk.digest, err))
        return false;
    desk.set = issuers_get(worker->service->issuers);
    ok = treat(&desk, err);
    if (!ok)
        refuse(&desk, err);
    else
        log_event(LOG_LEVEL_INFO, "order.done",
                  LOG_TEXT("order_id", envelope->order->order_id),
                  LOG_TEXT("kind", api_kind_name(envelope->order->kind)));
    issuers_release(worker->service->issuers, desk.set);
    decision_evidence_clear(&desk.evidence);
    *out = desk.answer;
    return ok;
}

bool
desk_find(struct ca_worker *worker, const char *order_id, json_t **out,
          struct error *err)
{
    struct issuer_set *set;
    struct db_order *row;
    bool ok;

    if (!text_is_uuid(order_id))
        return error_set(err, ERROR_INPUT, "no UUID");
    if (!db_order_find(worker->db, order_id, &row, err))
        return false;
    if (row == NULL)
        return error_set(err, ERROR_NOT_FOUND, "no order %s", order_id);
    if (row->state == DB_ORDER_DONE) {
        set = issuers_get(worker->service->issuers);
        ok = answer_read(worker->db, set, worker->escrow, row, out, err);
        issuers_release(worker->service->issuers, set);
    } else {
        *out = json_object();
        json_set_text(*out, "order_id", order_id);
        json_set_text(*out, "kind", row->kind);
        json_set_text(*out, "state",
                      row->state == DB_ORDER_FAILED ? "failed" : "recorded");
        if (row->problem != NULL)
            json_set_text(*out, "problem", row->problem);
        ok = true;
    }
    db_order_free(row);
    return ok;
}

static bool
receive_key(struct ca_worker *worker, const char *order_id, struct error *err)
{
    struct db_escrow row;
    bool is_there;

    if (!db_escrow_find(worker->db, order_id, &is_there, &row, err))
        return false;
    if (!is_there)
        return error_set(err, ERROR_CONFLICT, "order %s delivers no keys",
                         order_id);
    return row.is_received ||
           (escrow_key_received(worker->escrow, row.key_id, err) &&
            db_escrow_receive(worker->db, order_id, clock_now(), err));
}

static bool
receive_recovered(struct ca_worker *worker, const char *order_id,
                  struct error *err)
{
    struct escrow_case opened;
    bool is_there;

    return escrow_case_find(worker->escrow, order_id, &is_there, &opened,
                            err) &&
           (!is_there || !opened.has_answer ||
            escrow_case_received(worker->escrow, order_id, err));
}

bool
desk_received(struct ca_worker *worker, const char *order_id, json_t **out,
              struct error *err)
{
    struct db_order *row;
    enum api_kind kind;
    bool ok;

    if (!text_is_uuid(order_id))
        return error_set(err, ERROR_INPUT, "no UUID");
    if (!db_order_find(worker->db, order_id, &row, err))
        return false;
    if (row == NULL || !api_kind_find(row->kind, &kind))
        ok = error_set(err, ERROR_NOT_FOUND, "no order %s", order_id);
    else if (row->state != DB_ORDER_DONE)
        ok = error_set(err, ERROR_CONFLICT, "order %s is not done", order_id);
    else
        ok = kind == API_RECOVER ? receive_recovered(worker, order_id, err)
                                 : receive_key(worker, order_id, err);
    db_order_free(row);
    if (!ok)
        return false;
    *out = json_object();
    json_set_text(*out, "order_id", order_id);
    return true;
}

/* ---- Checking only ----------------------------------------------------- */

static void
add_affected(json_t *array, const struct issuer_set *set, int32_t issuer_id,
             const uint8_t *serial, enum db_certificate_state from,
             const char *to)
{
    const struct issuer *issuer = issuer_by_id(set, issuer_id);
    json_t *item = json_object();

    json_set_text(item, "issuer", issuer != NULL ? issuer->row.name : "");
    json_set_hex(item, "serial", serial, API_SERIAL_LEN);
    json_set_text(item, "from", db_certificate_state_name(from));
    json_set_text(item, "to", to);
    json_array_append_new(array, item);
}

static void
add_fate(json_t *affects, const struct issuer_set *set,
         const struct api_order *order, const struct db_certificate *old)
{
    if (old != NULL && order->fate.action != API_FATE_NONE)
        add_affected(affects, set, old->issuer_id, old->serial, old->state,
                     order->fate.action == API_FATE_HOLD ? "held" : "revoked");
}

static bool
check_issuing(struct ca_worker *worker, const struct issuer_set *set,
              const struct api_order *order, json_t *out, json_t *affects,
              struct error *err)
{
    struct pair_desk plans = pair_desk_of(worker, set);
    struct order_plan plan = {0};
    bool ok = pair_check(&plans, order, clock_now(), &plan, err);

    if (ok) {
        /* Not with a key that was made up. */
        if (order->csr != NULL)
            json_set_bytes(out, "tbs", plan.tbs.data, plan.tbs.len);
        json_set_text(out, "issuer", plan.issuer->row.name);
        add_fate(affects, set, order, plan.predecessor);
        add_fate(affects, set, order, plan.mate);
    }
    order_plan_clear(&plan);
    return ok;
}

static bool
check_changing(struct ca_worker *worker, const struct issuer_set *set,
               const struct api_order *order, json_t *affects,
               struct error *err)
{
    struct db_certificate_change *changes;
    size_t count;

    if (!revoke_check(worker->db, set, order, clock_now(), &changes, &count,
                      err))
        return false;
    for (size_t i = 0; i < count; i++)
        add_affected(affects, set, changes[i].issuer_id, changes[i].serial,
                     changes[i].from, db_certificate_state_name(changes[i].to));
    free(changes);
    return true;
}

static bool
check_known(struct ca_worker *worker, const struct api_order *order,
            struct error *err)
{
    struct db_order *row;
    bool is_known;

    if (!db_order_find(worker->db, order->order_id, &row, err))
        return false;
    is_known = row != NULL;
    db_order_free(row);
    return !is_known ||
           error_set(err, ERROR_CONFLICT, "an order with this id is known");
}

bool
desk_check(struct ca_worker *worker, const struct api_order *order,
           json_t **out, struct error *err)
{
    struct issuer_set *set = issuers_get(worker->service->issuers);
    json_t *answer = json_object(), *steps = json_array();
    json_t *affects = json_array();
    int64_t now = clock_now();
    uint8_t digest[32];
    bool ok;

    json_object_set_new(answer, "steps", steps);
    json_object_set_new(answer, "affects", affects);
    for (const char *const *s = decision_steps(order); *s != NULL; s++)
        json_array_append_new(steps, json_string(*s));
    ok = api_order_digest(order->json, digest, err) &&
         check_known(worker, order, err) &&
         order_check_shape(order, now, worker->service->world.clock_tolerance_s,
                           err);
    if (ok)
        json_set_hex(answer, "digest", digest, sizeof digest);
    if (ok && api_kind_is_issuing(order->kind))
        ok = check_issuing(worker, set, order, answer, affects, err);
    else if (ok &&
             (officer_is_about(order->kind) || order->kind == API_RECOVER))
        ok = check_kind(worker, order, now, err);
    else if (ok)
        ok = check_changing(worker, set, order, affects, err);
    issuers_release(worker->service->issuers, set);
    if (ok)
        *out = answer;
    else
        json_decref(answer);
    return ok;
}
