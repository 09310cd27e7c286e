/* The writer's transaction; see ca-core/issue_batch.h. */
#include "ca-core/issue_batch.h"

#include <stdlib.h>
#include <string.h>

#include "ca-core/accept.h"
#include "ca-core/status.h"
#include "db/escrow.h"

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
    size_t issued_count; /* their certificates */

    /* Log entries: accepted of fresh, issued of mine, then changes. */
    const struct record **records;
    size_t record_count;
    struct record *change_records; /* owned */
    struct db_certificate_change *changes;
    size_t change_count;
};

/* Changes that results bring: of what they succeed, and of their own that are
 * blocked. */
enum { CHANGES_MAX = 2 + ISSUE_PARTS_MAX };

static void
work_init(struct work *w, struct issue_batch *batch)
{
    size_t n = batch->intent_count + 1, m = batch->result_count + 1;

    w->batch = batch;
    w->fresh = base_alloc(n * sizeof(struct issue_job *));
    w->fresh_at = base_alloc(n * sizeof *w->fresh_at);
    w->mine = base_alloc(m * sizeof(struct issue_job *));
    w->records = base_alloc((n + (ISSUE_PARTS_MAX + CHANGES_MAX) * m) *
                            sizeof(struct record *));
    w->change_records = base_alloc(CHANGES_MAX * m * sizeof *w->change_records);
    w->changes = base_alloc(CHANGES_MAX * m * sizeof *w->changes);
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

static struct db_certificate_intent
intent_of(const struct issue_job *job, size_t ordinal)
{
    const struct issue_part *part = &job->part[ordinal];
    struct db_certificate_intent row = {
        .issuer_id = job->issuer->row.issuer_id,
        .order_id = job->order_id,
        .ordinal = (int32_t)ordinal,
        .profile = part->profile,
        .subject = job->subject.data,
        .subject_len = job->subject.len,
        .subject_text = job->subject_text,
        .account = job->account,
        .tbs = part->tbs.data,
        .tbs_len = part->tbs.len,
        .not_before = job->period.not_before,
        .not_after = job->period.not_after,
    };

    memcpy(row.serial, part->serial.octet, DB_SERIAL_LEN);
    memcpy(row.spki_sha256, part->spki_sha256, 32);
    if (part->has_predecessor) {
        row.predecessor_issuer_id = part->predecessor.issuer_id;
        memcpy(row.predecessor, part->predecessor.serial, DB_SERIAL_LEN);
    }
    return row;
}

static bool
insert_intents(struct db *db, const struct work *w, struct error *err)
{
    struct db_certificate_intent *rows =
        base_alloc(w->fresh_count * ISSUE_PARTS_MAX * sizeof *rows);
    size_t n = 0;
    bool ok;

    for (size_t i = 0; i < w->fresh_count; i++)
        for (size_t k = 0; k < w->fresh[i]->part_count; k++)
            rows[n++] = intent_of(w->fresh[i], k);
    ok = db_certificate_intend(db, rows, n, err);
    free(rows);
    for (size_t i = 0; ok && i < w->fresh_count; i++) {
        const struct issue_job *job = w->fresh[i];

        /* Its certificate's last second is inside the period. */
        if (job->escrow_key[0] != '\0')
            ok = db_escrow_keep(db, job->order_id, job->escrow_key,
                                job->part[1].spki_sha256,
                                job->period.not_after + 1, err);
    }
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

static bool
is_same(int32_t issuer_id, const uint8_t *serial,
        const struct db_certificate_ref *ref)
{
    return issuer_id == ref->issuer_id &&
           memcmp(serial, ref->serial, DB_SERIAL_LEN) == 0;
}

/* What the order says becomes of the predecessor. One that was revoked or held
 * since the order was recorded needs nothing more, but a compromise. */
static bool
add_fate(struct db *db, struct work *w, const struct issue_job *job,
         const struct issue_old *old, const struct db_certificate_status *rows,
         size_t count, struct error *err)
{
    struct status_request request = {
        .action =
            job->fate.action == API_FATE_HOLD ? STATUS_HOLD : STATUS_REVOKE,
        .reason = job->fate.reason,
        .at = w->batch->now,
    };
    struct db_certificate_change change;

    for (size_t i = 0; i < count; i++)
        if (is_same(rows[i].issuer_id, rows[i].serial, &old->ref)) {
            struct error why = {0};

            if (request.action == STATUS_REVOKE &&
                request.reason == API_REASON_KEY_COMPROMISE &&
                !db_key_block(db, rows[i].spki_sha256, "keyCompromise",
                              job->order_id, w->batch->now, err))
                return false;
            return !status_apply(&rows[i], &request, &change, &why) ||
                   add_change(w, job, old->issuer, &change, err);
        }
    return error_set(err, ERROR_INTERNAL, "order %s: no predecessor",
                     job->order_id);
}

/* Two successors of one certificate in one batch: the first decides its fate,
 * the second finds it decided. */
static bool
is_decided(const struct work *w, const struct issue_old *old)
{
    for (size_t i = 0; i < w->change_count; i++)
        if (is_same(w->changes[i].issuer_id, w->changes[i].serial, &old->ref))
            return true;
    return false;
}

static bool
gather_fates(struct db *db, struct work *w, struct error *err)
{
    struct db_certificate_ref *refs =
        base_alloc((2 * w->mine_count + 1) * sizeof *refs);
    struct db_certificate_status *rows = NULL;
    size_t n = 0, found = 0;
    bool ok = true;

    for (size_t i = 0; i < w->mine_count; i++)
        for (size_t k = 0; k < w->mine[i]->old_count; k++)
            refs[n++] = w->mine[i]->old[k].ref;
    if (n > 0)
        ok = db_certificate_lock(db, refs, n, &rows, &found, err);
    for (size_t i = 0; ok && n > 0 && i < w->mine_count; i++)
        for (size_t k = 0; ok && k < w->mine[i]->old_count; k++)
            if (!is_decided(w, &w->mine[i]->old[k]))
                ok = add_fate(db, w, w->mine[i], &w->mine[i]->old[k], rows,
                              found, err);
    free(refs);
    free(rows);
    return ok;
}

/* ---- Under the log's lock ---------------------------------------------- */

static struct db_certificate_premise
premise_of(const struct issue_job *job, const struct issue_part *part)
{
    struct db_certificate_premise row = {
        .issuer_id = job->issuer->row.issuer_id,
        .profile = part->profile,
        .subject_text = job->subject_text,
        .subject_all = part->subject_all,
        .key_all = part->key_all,
    };

    memcpy(row.spki_sha256, part->spki_sha256, 32);
    if (part->has_predecessor) {
        row.predecessor_issuer_id = part->predecessor.issuer_id;
        memcpy(row.predecessor, part->predecessor.serial, DB_SERIAL_LEN);
        row.predecessor_index = part->predecessor_index;
    }
    return row;
}

/* Nobody else commits now: what the intents were judged upon must still be so.
 */
static bool
guard_intents(struct db *db, struct work *w, struct error *err)
{
    size_t max = w->fresh_count * ISSUE_PARTS_MAX, n = 0;
    struct db_certificate_premise *rows = base_alloc(max * sizeof *rows);
    size_t *at = base_alloc(max * sizeof *at); /* places in the batch */
    bool *is_stale = base_alloc(max * sizeof *is_stale);
    bool ok;

    for (size_t i = 0; i < w->fresh_count; i++)
        for (size_t k = 0; k < w->fresh[i]->part_count; k++) {
            rows[n] = premise_of(w->fresh[i], &w->fresh[i]->part[k]);
            at[n++] = w->fresh_at[i];
        }
    ok = db_certificate_guard(db, rows, n, is_stale, err);
    for (size_t i = 0; ok && i < n; i++)
        if (is_stale[i]) {
            w->is_stale[at[i]] = true;
            w->has_stale = true;
        }
    free(rows);
    free(at);
    free(is_stale);
    return ok;
}

static bool
store_results(struct db *db, const struct work *w, int64_t first,
              struct error *err)
{
    struct db_certificate_result *rows =
        base_alloc(w->issued_count * sizeof *rows);
    size_t n = 0;
    bool ok;

    for (size_t i = 0; i < w->mine_count; i++)
        for (size_t k = 0; k < w->mine[i]->part_count; k++) {
            const struct issue_part *part = &w->mine[i]->part[k];

            rows[n] = (struct db_certificate_result){
                .issuer_id = w->mine[i]->issuer->row.issuer_id,
                .der = part->der.data,
                .der_len = part->der.len,
                .status_index = first + (int64_t)(w->fresh_count + n),
            };
            memcpy(rows[n++].serial, part->serial.octet, DB_SERIAL_LEN);
        }
    ok = db_certificate_store(db, rows, n, err);
    free(rows);
    return ok;
}

/* All certificates of an order, whichever of its keys is blocked. */
static bool
revoke_own(struct work *w, const struct issue_job *job, struct error *err)
{
    for (size_t k = 0; k < job->part_count; k++) {
        struct db_certificate_change change = {
            .issuer_id = job->issuer->row.issuer_id,
            .from = DB_CERTIFICATE_VALID,
            .to = DB_CERTIFICATE_REVOKED,
            .reason = API_REASON_KEY_COMPROMISE,
            .revoked_at = w->batch->now,
        };

        memcpy(change.serial, job->part[k].serial.octet, DB_SERIAL_LEN);
        if (!add_change(w, job, job->issuer->row.name, &change, err))
            return false;
    }
    return true;
}

/* A key that was blocked while its certificate was being signed: the signature
 * exists, so the certificate is accounted for, and revoked at once. */
static bool
revoke_blocked(struct db *db, struct work *w, struct error *err)
{
    uint8_t(*keys)[32] = base_alloc(w->issued_count * sizeof *keys);
    bool *blocked = base_alloc(w->issued_count * sizeof *blocked);
    size_t before = w->change_count, records = w->record_count, n = 0;
    int64_t first;
    bool ok;

    for (size_t i = 0; i < w->mine_count; i++)
        for (size_t k = 0; k < w->mine[i]->part_count; k++)
            memcpy(keys[n++], w->mine[i]->part[k].spki_sha256, 32);
    ok = db_key_blocked(db, (const uint8_t(*)[32])keys, n, blocked, err);
    n = 0;
    for (size_t i = 0; ok && i < w->mine_count; i++) {
        bool is_blocked = false;

        for (size_t k = 0; k < w->mine[i]->part_count; k++)
            is_blocked = blocked[n++] || is_blocked;
        if (is_blocked)
            ok = revoke_own(w, w->mine[i], err);
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
    size_t offset = w->fresh_count + w->issued_count;
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
        for (size_t k = 0; k < w->mine[i]->part_count; k++, w->issued_count++)
            w->records[w->record_count++] = &w->mine[i]->part[k].issued;
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
    const struct issue_job *job = f->job;
    struct db_certificate_ref refs[ISSUE_PARTS_MAX];
    int64_t index;

    for (size_t k = 0; k < job->part_count; k++) {
        refs[k].issuer_id = job->issuer->row.issuer_id;
        memcpy(refs[k].serial, job->part[k].serial.octet, DB_SERIAL_LEN);
    }
    return db_order_fail(db, job->order_id, f->problem, f->now, err) &&
           db_certificate_void(db, refs, job->part_count, err) &&
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
