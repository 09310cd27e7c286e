/* The writer's transaction; see ca-core/issue_batch.h. */
#include "ca-core/issue_batch.h"

#include <stdlib.h>
#include <string.h>

#include "ca-core/accept.h"
#include "ca-core/status.h"

/* What one attempt of the transaction gathers. Jobs that it leaves out (known,
 * stale, foreign) are not in the arrays. */
struct work {
    struct issue_batch *batch;
    const bool *is_excluded; /* intents that were stale in an attempt before */
    bool *is_stale;          /* intents found stale in this one */
    bool has_stale;

    struct issue_job **fresh; /* intents that are written */
    size_t *fresh_at;         /* their places in the batch */
    size_t fresh_count;
    struct issue_job **mine; /* results that are written */
    size_t mine_count;

    /* Log entries: accepted of fresh, issued of mine, then changes. */
    const struct record **records;
    size_t record_count;
    struct record *change_records; /* owned */
    struct db_certificate_change *changes;
    size_t change_count;
};

static void
work_init(struct work *w, struct issue_batch *batch)
{
    size_t n = batch->intent_count + 1, m = batch->result_count + 1;

    w->batch = batch;
    w->fresh = base_alloc(n * sizeof(struct issue_job *));
    w->fresh_at = base_alloc(n * sizeof *w->fresh_at);
    w->mine = base_alloc(m * sizeof(struct issue_job *));
    w->records = base_alloc((n + 3 * m) * sizeof(struct record *));
    w->change_records = base_alloc(2 * m * sizeof *w->change_records);
    w->changes = base_alloc(2 * m * sizeof *w->changes);
}

static void
work_clear(struct work *w)
{
    for (size_t i = 0; i < w->change_count; i++)
        record_clear(&w->change_records[i]);
    free(w->fresh);
    free(w->fresh_at);
    free(w->mine);
    free((void *)w->records);
    free(w->change_records);
    free(w->changes);
}

/* ---- Before the log's lock --------------------------------------------- */

/* What is signed must not be dated before what was recorded last: a clock that
 * was set back makes notBefore a lie (reliability.md, F15). */
static bool
check_clock(struct db *db, const struct issue_batch *batch, struct error *err)
{
    int64_t last;

    if (!db_order_clock(db, &last, err))
        return false;
    if (batch->now + batch->clock_tolerance_s >= last)
        return true;
    return error_set(err, ERROR_BUSY,
                     "this machine's clock is %lld s behind the log",
                     (long long)(last - batch->now));
}

static bool
insert_orders(struct db *db, struct work *w, struct error *err)
{
    struct issue_batch *batch = w->batch;
    struct db_order_row *rows =
        base_alloc((batch->intent_count + 1) * sizeof *rows);
    size_t *at = base_alloc((batch->intent_count + 1) * sizeof *at);
    bool *is_new = base_alloc((batch->intent_count + 1) * sizeof *is_new);
    size_t n = 0;
    bool ok;

    for (size_t i = 0; i < batch->intent_count; i++) {
        const struct issue_job *job = batch->intent[i];

        if (w->is_excluded[i])
            continue;
        rows[n] = (struct db_order_row){
            .order_id = job->order_id,
            .kind = api_kind_name(job->kind),
            .body = job->body.data,
            .body_len = job->body.len,
            .requested_by = job->requested_by,
            .received_at = job->received_at,
            .csr_sha256 = job->has_csr_sha256 ? job->csr_sha256 : NULL,
        };
        memcpy(rows[n].digest, job->digest, sizeof rows[n].digest);
        at[n++] = i;
    }
    ok = n == 0 || db_order_insert(db, rows, n, is_new, err);
    for (size_t i = 0; ok && i < n; i++) {
        batch->intent_outcome[at[i]] = is_new[i] ? ISSUE_WRITTEN : ISSUE_KNOWN;
        if (is_new[i]) {
            w->fresh_at[w->fresh_count] = at[i];
            w->fresh[w->fresh_count++] = batch->intent[at[i]];
        }
    }
    free(rows);
    free(at);
    free(is_new);
    return ok;
}

static bool
insert_decisions(struct db *db, const struct work *w, struct error *err)
{
    struct db_decision_row *rows =
        base_alloc(w->fresh_count * API_DECISIONS_MAX * sizeof *rows);
    size_t n = 0;
    bool ok;

    for (size_t i = 0; i < w->fresh_count; i++) {
        const struct issue_job *job = w->fresh[i];

        for (size_t d = 0; d < job->decision_count; d++)
            rows[n++] = accept_decision_row(job->order_id, &job->decision[d],
                                            &job->statement[d]);
    }
    ok = n == 0 || db_decision_insert(db, rows, n, err);
    free(rows);
    return ok;
}

static bool
insert_intents(struct db *db, const struct work *w, struct error *err)
{
    struct db_certificate_intent *rows =
        base_alloc(w->fresh_count * sizeof *rows);
    bool ok;

    for (size_t i = 0; i < w->fresh_count; i++) {
        const struct issue_job *job = w->fresh[i];
        struct db_certificate_intent *row = &rows[i];

        *row = (struct db_certificate_intent){
            .issuer_id = job->issuer->row.issuer_id,
            .order_id = job->order_id,
            .profile = job->profile,
            .subject = job->subject.data,
            .subject_len = job->subject.len,
            .subject_text = job->subject_text,
            .account = job->account,
            .tbs = job->tbs.data,
            .tbs_len = job->tbs.len,
            .not_before = job->period.not_before,
            .not_after = job->period.not_after,
        };
        memcpy(row->serial, job->serial.octet, DB_SERIAL_LEN);
        memcpy(row->spki_sha256, job->spki_sha256, 32);
        if (job->has_predecessor) {
            row->predecessor_issuer_id = job->predecessor.issuer_id;
            memcpy(row->predecessor, job->predecessor.serial, DB_SERIAL_LEN);
        }
    }
    ok = db_certificate_intend(db, rows, w->fresh_count, err);
    free(rows);
    return ok;
}

/* Orders from recorded to done: whoever does that has the result. */
static bool
finish_orders(struct db *db, struct work *w, struct error *err)
{
    struct issue_batch *batch = w->batch;
    const char **ids = base_alloc(batch->result_count * sizeof(char *));
    bool *is_mine = base_alloc(batch->result_count * sizeof *is_mine);
    bool ok;

    for (size_t i = 0; i < batch->result_count; i++)
        ids[i] = batch->result[i]->order_id;
    ok =
        db_order_finish(db, ids, batch->result_count, batch->now, is_mine, err);
    for (size_t i = 0; ok && i < batch->result_count; i++) {
        batch->result_outcome[i] = is_mine[i] ? ISSUE_WRITTEN : ISSUE_FOREIGN;
        if (is_mine[i])
            w->mine[w->mine_count++] = batch->result[i];
    }
    free((void *)ids);
    free(is_mine);
    return ok;
}

static bool
add_change(struct work *w, const struct issue_job *job, const char *issuer,
           const struct db_certificate_change *change, struct error *err)
{
    struct record *record = &w->change_records[w->change_count];

    if (!record_changed(record, job->order_id, issuer, change, w->batch->now,
                        err))
        return false;
    w->changes[w->change_count++] = *change;
    w->records[w->record_count++] = record;
    return true;
}

/* What the order says becomes of the predecessor. One that was revoked or held
 * since the order was recorded needs nothing more, but a compromise. */
static bool
add_fate(struct db *db, struct work *w, const struct issue_job *job,
         const struct db_certificate_status *rows, size_t count,
         struct error *err)
{
    struct status_request request = {
        .action =
            job->fate.action == API_FATE_HOLD ? STATUS_HOLD : STATUS_REVOKE,
        .reason = job->fate.reason,
        .at = w->batch->now,
    };
    struct db_certificate_change change;

    for (size_t i = 0; i < count; i++)
        if (rows[i].issuer_id == job->predecessor.issuer_id &&
            memcmp(rows[i].serial, job->predecessor.serial, DB_SERIAL_LEN) ==
                0) {
            struct error why = {0};

            if (request.action == STATUS_REVOKE &&
                request.reason == API_REASON_KEY_COMPROMISE &&
                !db_key_block(db, rows[i].spki_sha256, "keyCompromise",
                              job->order_id, w->batch->now, err))
                return false;
            return !status_apply(&rows[i], &request, &change, &why) ||
                   add_change(w, job, job->predecessor_issuer, &change, err);
        }
    return error_set(err, ERROR_INTERNAL, "order %s: no predecessor",
                     job->order_id);
}

/* Two successors of one certificate in one batch: the first decides its fate,
 * the second finds it decided. */
static bool
is_decided(const struct work *w, const struct issue_job *job)
{
    for (size_t i = 0; i < w->change_count; i++)
        if (w->changes[i].issuer_id == job->predecessor.issuer_id &&
            memcmp(w->changes[i].serial, job->predecessor.serial,
                   DB_SERIAL_LEN) == 0)
            return true;
    return false;
}

static bool
gather_fates(struct db *db, struct work *w, struct error *err)
{
    struct db_certificate_ref *refs =
        base_alloc((w->mine_count + 1) * sizeof *refs);
    struct db_certificate_status *rows = NULL;
    size_t n = 0, found = 0;
    bool ok = true;

    for (size_t i = 0; i < w->mine_count; i++)
        if (w->mine[i]->has_predecessor &&
            w->mine[i]->fate.action != API_FATE_NONE)
            refs[n++] = w->mine[i]->predecessor;
    if (n > 0)
        ok = db_certificate_lock(db, refs, n, &rows, &found, err);
    for (size_t i = 0; ok && n > 0 && i < w->mine_count; i++)
        if (w->mine[i]->has_predecessor &&
            w->mine[i]->fate.action != API_FATE_NONE &&
            !is_decided(w, w->mine[i]))
            ok = add_fate(db, w, w->mine[i], rows, found, err);
    free(refs);
    free(rows);
    return ok;
}

/* ---- Under the log's lock ---------------------------------------------- */

/* Nobody else commits now: what the intents were judged upon must still be so.
 */
static bool
guard_intents(struct db *db, struct work *w, struct error *err)
{
    struct db_certificate_premise *rows =
        base_alloc(w->fresh_count * sizeof *rows);
    bool *is_stale = base_alloc(w->fresh_count * sizeof *is_stale);
    bool ok;

    for (size_t i = 0; i < w->fresh_count; i++) {
        const struct issue_job *job = w->fresh[i];

        rows[i] = (struct db_certificate_premise){
            .issuer_id = job->issuer->row.issuer_id,
            .profile = job->profile,
            .subject_text = job->subject_text,
            .subject_all = job->subject_all,
            .key_all = job->key_all,
        };
        memcpy(rows[i].spki_sha256, job->spki_sha256, 32);
        if (job->has_predecessor) {
            rows[i].predecessor_issuer_id = job->predecessor.issuer_id;
            memcpy(rows[i].predecessor, job->predecessor.serial, DB_SERIAL_LEN);
            rows[i].predecessor_index = job->predecessor_index;
        }
    }
    ok = db_certificate_guard(db, rows, w->fresh_count, is_stale, err);
    for (size_t i = 0; ok && i < w->fresh_count; i++)
        if (is_stale[i]) {
            w->is_stale[w->fresh_at[i]] = true;
            w->has_stale = true;
        }
    free(rows);
    free(is_stale);
    return ok;
}

static bool
store_results(struct db *db, const struct work *w, int64_t first,
              struct error *err)
{
    struct db_certificate_result *rows =
        base_alloc(w->mine_count * sizeof *rows);
    bool ok;

    for (size_t i = 0; i < w->mine_count; i++) {
        const struct issue_job *job = w->mine[i];

        rows[i] = (struct db_certificate_result){
            .issuer_id = job->issuer->row.issuer_id,
            .der = job->der.data,
            .der_len = job->der.len,
            .status_index = first + (int64_t)(w->fresh_count + i),
        };
        memcpy(rows[i].serial, job->serial.octet, DB_SERIAL_LEN);
    }
    ok = db_certificate_store(db, rows, w->mine_count, err);
    free(rows);
    return ok;
}

/* A key that was blocked while its certificate was being signed: the signature
 * exists, so the certificate is accounted for, and revoked at once. */
static bool
revoke_blocked(struct db *db, struct work *w, struct error *err)
{
    uint8_t(*keys)[32] = base_alloc(w->mine_count * sizeof *keys);
    bool *blocked = base_alloc(w->mine_count * sizeof *blocked);
    size_t before = w->change_count, records = w->record_count;
    int64_t first;
    bool ok;

    for (size_t i = 0; i < w->mine_count; i++)
        memcpy(keys[i], w->mine[i]->spki_sha256, 32);
    ok = db_key_blocked(db, (const uint8_t(*)[32])keys, w->mine_count, blocked,
                        err);
    for (size_t i = 0; ok && i < w->mine_count; i++) {
        const struct issue_job *job = w->mine[i];
        struct db_certificate_change change = {
            .issuer_id = job->issuer->row.issuer_id,
            .from = DB_CERTIFICATE_VALID,
            .to = DB_CERTIFICATE_REVOKED,
            .reason = API_REASON_KEY_COMPROMISE,
            .revoked_at = w->batch->now,
        };

        memcpy(change.serial, job->serial.octet, DB_SERIAL_LEN);
        if (blocked[i])
            ok = add_change(w, job, job->issuer->row.name, &change, err);
    }
    if (ok && w->change_count > before) {
        ok = record_append(db, w->records + records, w->change_count - before,
                           &first, err);
        for (size_t i = before; i < w->change_count; i++)
            w->changes[i].status_index = first + (int64_t)(i - before);
        ok = ok && db_certificate_change(db, w->changes + before,
                                         w->change_count - before, err);
    }
    free(keys);
    free(blocked);
    return ok;
}

static bool
append(struct db *db, struct work *w, struct error *err)
{
    size_t offset = w->fresh_count + w->mine_count;
    int64_t first;

    if (w->record_count == 0)
        return true;
    if (!record_append(db, w->records, w->record_count, &first, err))
        return false;
    for (size_t i = 0; i < w->change_count; i++)
        w->changes[i].status_index = first + (int64_t)(offset + i);
    if (w->fresh_count > 0 && !guard_intents(db, w, err))
        return false;
    if (w->has_stale)
        return error_set(err, ERROR_CONFLICT, "judged upon what has changed");
    if (w->mine_count == 0)
        return true;
    return store_results(db, w, first, err) &&
           (w->change_count == 0 ||
            db_certificate_change(db, w->changes, w->change_count, err)) &&
           revoke_blocked(db, w, err) && db_certificate_notify(db, err);
}

/* Row locks in one order, the log's last: docs/architecture.md. */
static bool
write_batch(struct db *db, struct work *w, struct error *err)
{
    if (w->batch->intent_count > 0 &&
        (!check_clock(db, w->batch, err) || !insert_orders(db, w, err)))
        return false;
    if (w->fresh_count > 0 &&
        (!insert_decisions(db, w, err) || !insert_intents(db, w, err)))
        return false;
    if (w->batch->result_count > 0 && !finish_orders(db, w, err))
        return false;
    for (size_t i = 0; i < w->fresh_count; i++)
        w->records[w->record_count++] = &w->fresh[i]->accepted;
    for (size_t i = 0; i < w->mine_count; i++)
        w->records[w->record_count++] = &w->mine[i]->issued;
    return gather_fates(db, w, err) && append(db, w, err);
}

struct attempt {
    struct issue_batch *batch;
    bool *is_excluded, *is_stale;
    bool has_stale;
};

static bool
run_batch(struct db *db, void *arg, struct error *err)
{
    struct attempt *attempt = arg;
    struct work w = {.is_excluded = attempt->is_excluded,
                     .is_stale = attempt->is_stale};
    bool ok;

    work_init(&w, attempt->batch);
    ok = write_batch(db, &w, err);
    attempt->has_stale = w.has_stale;
    work_clear(&w);
    return ok;
}

bool
issue_batch_write(struct db *db, struct issue_batch *batch, struct error *err)
{
    size_t n = batch->intent_count;
    struct attempt attempt = {
        .batch = batch,
        .is_excluded = base_alloc((n + 1) * sizeof(bool)),
        .is_stale = base_alloc((n + 1) * sizeof(bool)),
    };
    bool ok;

    /* A stale intent rolls the whole back; the others go again without it. */
    for (;;) {
        attempt.has_stale = false;
        ok = db_transaction(db, run_batch, &attempt, err);
        if (ok || !attempt.has_stale)
            break;
        for (size_t i = 0; i < n; i++)
            if (attempt.is_stale[i])
                attempt.is_excluded[i] = true;
    }
    for (size_t i = 0; i < n; i++)
        if (attempt.is_excluded[i])
            batch->intent_outcome[i] = ISSUE_STALE;
    free(attempt.is_excluded);
    free(attempt.is_stale);
    return ok;
}

/* ---- Giving up --------------------------------------------------------- */

struct failing {
    const struct issue_job *job;
    const char *problem;
    int64_t now;
    const struct record *record;
};

static bool
run_fail(struct db *db, void *arg, struct error *err)
{
    const struct failing *f = arg;
    struct db_certificate_ref ref = {f->job->issuer->row.issuer_id, {0}};
    int64_t index;

    memcpy(ref.serial, f->job->serial.octet, DB_SERIAL_LEN);
    return db_order_fail(db, f->job->order_id, f->problem, f->now, err) &&
           db_certificate_void(db, &ref, 1, err) &&
           record_append(db, &f->record, 1, &index, err);
}

bool
issue_batch_fail(struct db *db, const struct issue_job *job,
                 const char *problem, int64_t now, struct error *err)
{
    struct record record = {0};
    struct failing f = {job, problem, now, &record};
    bool ok = record_failed(&record, job->order_id, problem, now, err) &&
              db_transaction(db, run_fail, &f, err);

    record_clear(&record);
    return ok;
}
