/* The writer and its signers; see ca-core/issue.h. */
#include "ca-core/issue.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "ca-core/issue_batch.h"
#include "ca-core/issue_queue.h"
#include "db/order.h"

enum {
    SCAN_MS = 5000,        /* between two looks for orders left behind */
    SCAN_AGE_S = 15,       /* left behind: recorded so long ago */
    SCAN_LIMIT = 1000,     /* orders in one look */
    PAUSE_MS = 200,        /* after trouble with database or token */
    SIGN_ATTEMPTS_MAX = 3, /* then the order has failed */
};

struct issue {
    struct issue_options options;
    pthread_mutex_t lock;
    pthread_cond_t wake_writer, wake_signer;
    bool is_stopping;
    bool is_token_away; /* found so by an order that tries again */
    struct issue_table table;
    struct issue_list intents;   /* to be recorded */
    struct issue_list adopted;   /* recorded, to be read */
    struct issue_list unsigned_; /* recorded, to be signed */
    struct issue_list results;   /* signed, to be stored */
    struct issue_list failed;    /* recorded, not to be signed */

    pthread_t writer, *signers;
    size_t signers_running;

    /* The writer's alone. */
    struct db *db;
    bool must_scan;
    int64_t scanned_ms;
};

static struct metric issued_total = {.name =
                                         "signet_ca_certificates_issued_total",
                                     .help = "Certificates signed and stored."};
static struct metric failed_total = {
    .name = "signet_ca_orders_failed_total",
    .help = "Orders that were recorded and could not be signed."};
static struct metric commits_total = {.name = "signet_ca_writer_commits_total",
                                      .help = "Transactions of the writer."};
static struct metric waiting = {.name = "signet_ca_orders_waiting",
                                .help = "Orders that wait to be recorded.",
                                .is_gauge = true};

/* ---- Ends -------------------------------------------------------------- */

/* With the lock held. */
static void
settle(struct issue *issue, struct issue_pending *pending, enum issue_end end,
       const struct error *err)
{
    pending->is_over = true;
    pending->end = end;
    if (err != NULL)
        pending->err = *err;
    if (!pending->is_stuck)
        issue_table_remove(&issue->table, pending);
    if (pending->waiters > 0)
        (void)pthread_cond_broadcast(&pending->over);
    else if (!pending->is_stuck)
        issue_pending_free(pending);
}

static void
deadline(int64_t wait_ms, struct timespec *out)
{
    int64_t at = clock_monotonic_ms() + wait_ms;

    out->tv_sec = at / 1000;
    out->tv_nsec = at % 1000 * 1000000;
}

/* With the lock held: waits for the end and copies it. */
static bool
wait_for(struct issue *issue, struct issue_pending *pending, int64_t wait_ms,
         struct issue_answer *out, struct error *err)
{
    struct timespec until;
    int busy_count = pending->busy_count;
    bool ok = false;

    deadline(wait_ms, &until);
    pending->waiters++;
    while (!pending->is_over && pending->busy_count == busy_count &&
           pthread_cond_timedwait(&pending->over, &issue->lock, &until) !=
               ETIMEDOUT)
        continue;
    pending->waiters--;
    if (!pending->is_over) {
        error_set(err, ERROR_BUSY, "%s",
                  pending->busy_count != busy_count
                      ? "recorded, and the token is away"
                      : "the order is still being worked on");
    } else if (pending->err.code != ERROR_NONE) {
        if (err != NULL)
            *err = pending->err;
    } else {
        ok = true;
        out->end = pending->end;
        if (pending->end == ISSUE_ISSUED) {
            const struct issue_job *job = pending->job;

            memcpy(out->issuer, job->issuer->row.name, sizeof out->issuer);
            out->serial = job->part[0].serial;
            buf_add(&out->der, job->part[0].der.data, job->part[0].der.len);
        }
    }
    if (pending->is_over && pending->waiters == 0 && !pending->is_stuck)
        issue_pending_free(pending);
    return ok;
}

static void
answer_init(struct issue_answer *out)
{
    memset(out, 0, sizeof *out);
    out->der.limit = API_CERTIFICATE_MAX;
}

/* With the lock held. */
static bool
join(struct issue *issue, struct issue_pending *pending,
     const uint8_t digest[32], int64_t wait_ms, struct issue_answer *out,
     struct error *err)
{
    if (memcmp(pending->digest, digest, 32) != 0)
        return error_set(err, ERROR_CONFLICT,
                         "the order id was used with other content");
    return wait_for(issue, pending, wait_ms, out, err);
}

bool
issue_submit(struct issue *issue, struct issue_job *take_job, int64_t wait_ms,
             struct issue_answer *out, struct error *err)
{
    struct issue_job *job = take_job;
    struct issue_pending *pending;
    bool ok;

    answer_init(out);
    (void)pthread_mutex_lock(&issue->lock);
    pending = issue_table_find(&issue->table, job->order_id);
    if (pending != NULL) {
        ok = join(issue, pending, job->digest, wait_ms, out, err);
    } else if (issue->is_token_away) {
        /* What cannot be signed need not be recorded: those that were try. */
        ok = error_set(err, ERROR_BUSY, "the token is away");
    } else if (issue->is_stopping ||
               issue->intents.count >= issue->options.queue_max) {
        ok = error_set(err, ERROR_BUSY, "too many orders are waiting");
    } else {
        pending = issue_table_add(&issue->table, job->order_id, job->digest);
        pending->job = job;
        job = NULL;
        issue_list_add(&issue->intents, pending);
        metric_set(&waiting, (int64_t)issue->intents.count);
        (void)pthread_cond_signal(&issue->wake_writer);
        ok = wait_for(issue, pending, wait_ms, out, err);
    }
    (void)pthread_mutex_unlock(&issue->lock);
    issue_job_free(job);
    return ok;
}

/* With the lock held. */
static struct issue_pending *
adopt(struct issue *issue, const char *order_id, const uint8_t digest[32])
{
    struct issue_pending *pending =
        issue_table_add(&issue->table, order_id, digest);

    issue_list_add(&issue->adopted, pending);
    (void)pthread_cond_signal(&issue->wake_writer);
    return pending;
}

bool
issue_await(struct issue *issue, const char *order_id, const uint8_t digest[32],
            int64_t wait_ms, struct issue_answer *out, struct error *err)
{
    struct issue_pending *pending;
    bool ok;

    answer_init(out);
    (void)pthread_mutex_lock(&issue->lock);
    pending = issue_table_find(&issue->table, order_id);
    if (pending != NULL)
        ok = join(issue, pending, digest, wait_ms, out, err);
    else if (issue->is_stopping)
        ok = error_set(err, ERROR_BUSY, "the service is ending");
    else
        ok = wait_for(issue, adopt(issue, order_id, digest), wait_ms, out, err);
    (void)pthread_mutex_unlock(&issue->lock);
    return ok;
}

/* ---- Signing ----------------------------------------------------------- */

/* With the lock held: where a job goes after an attempt to sign it. */
static void
place_signed(struct issue *issue, struct issue_pending *pending, bool ok,
             const struct error *err)
{
    issue->is_token_away =
        !ok && err->code == ERROR_BUSY && pending->job->issuer->key != NULL;
    if (!ok && err->code == ERROR_BUSY) {
        pending->busy_count++;
        (void)pthread_cond_broadcast(&pending->over);
    }
    if (ok) {
        issue_list_add(&issue->results, pending);
        (void)pthread_cond_signal(&issue->wake_writer);
    } else if (err->code == ERROR_BUSY ||
               ++pending->sign_attempts < SIGN_ATTEMPTS_MAX) {
        issue_list_add(&issue->unsigned_, pending);
    } else {
        pending->err = *err;
        issue_list_add(&issue->failed, pending);
        (void)pthread_cond_signal(&issue->wake_writer);
    }
}

static void *
run_signer(void *arg)
{
    struct issue *issue = arg;
    struct issue_pending *pending;
    struct timespec until;

    (void)pthread_mutex_lock(&issue->lock);
    while (!issue->is_stopping) {
        struct error err = {0};
        bool ok;

        pending = issue_list_take(&issue->unsigned_);
        if (pending == NULL) {
            (void)pthread_cond_wait(&issue->wake_signer, &issue->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&issue->lock);
        ok = issue_job_sign(pending->job, clock_now(), &err);
        if (!ok) {
            error_wrap(&err, "order %s", pending->order_id);
            log_failure("issue.sign", &err);
        }
        (void)pthread_mutex_lock(&issue->lock);
        place_signed(issue, pending, ok, &err);
        if (!ok && !issue->is_stopping) {
            /* The token needs time, not haste. */
            deadline(PAUSE_MS, &until);
            (void)pthread_cond_timedwait(&issue->wake_signer, &issue->lock,
                                         &until);
        }
    }
    issue->signers_running--;
    (void)pthread_cond_signal(&issue->wake_writer);
    (void)pthread_mutex_unlock(&issue->lock);
    return NULL;
}

/* ---- Writing ----------------------------------------------------------- */

struct batch {
    struct issue_pending *intent[ISSUE_BATCH_MAX];
    size_t intent_count;
    struct issue_pending *result[ISSUE_BATCH_MAX];
    size_t result_count;
};

static bool
write_once(struct issue *issue, const struct batch *batch,
           enum issue_outcome *intent, enum issue_outcome *result,
           struct error *err)
{
    struct issue_job *intents[ISSUE_BATCH_MAX], *results[ISSUE_BATCH_MAX];
    struct issue_batch work = {
        .intent = intents,
        .intent_count = batch->intent_count,
        .intent_outcome = intent,
        .result = results,
        .result_count = batch->result_count,
        .result_outcome = result,
        .now = clock_now(),
        .clock_tolerance_s = issue->options.clock_tolerance_s,
    };

    for (size_t i = 0; i < batch->intent_count; i++)
        intents[i] = batch->intent[i]->job;
    for (size_t i = 0; i < batch->result_count; i++)
        results[i] = batch->result[i]->job;
    metric_add(&commits_total, 1);
    return issue_batch_write(issue->db, &work, err);
}

static void
settle_written(struct issue *issue, const struct batch *batch,
               const enum issue_outcome *intent,
               const enum issue_outcome *result)
{
    (void)pthread_mutex_lock(&issue->lock);
    for (size_t i = 0; i < batch->intent_count; i++)
        if (intent[i] == ISSUE_WRITTEN) {
            issue_list_add(&issue->unsigned_, batch->intent[i]);
            (void)pthread_cond_signal(&issue->wake_signer);
        } else {
            settle(issue, batch->intent[i],
                   intent[i] == ISSUE_KNOWN ? ISSUE_SEEN : ISSUE_RACED, NULL);
        }
    for (size_t i = 0; i < batch->result_count; i++) {
        /* Another process's signature counts then, not ours. */
        bool is_ours = result[i] == ISSUE_WRITTEN;
        size_t count = batch->result[i]->job->part_count;

        if (is_ours)
            metric_add(&issued_total, (int64_t)count);
        settle(issue, batch->result[i],
               is_ours && count == 1 ? ISSUE_ISSUED : ISSUE_SEEN, NULL);
    }
    (void)pthread_mutex_unlock(&issue->lock);
}

/* One that cannot be written by itself. A result stays recorded: it is an
 * error that someone must look at, and taking it up again would repeat it. */
static void
settle_refused(struct issue *issue, const struct batch *batch,
               const struct error *err)
{
    bool is_result = batch->result_count > 0;
    struct issue_pending *pending =
        is_result ? batch->result[0] : batch->intent[0];

    if (is_result || err->code == ERROR_INTERNAL)
        log_failure("issue.write", err);
    (void)pthread_mutex_lock(&issue->lock);
    pending->is_stuck = is_result;
    settle(issue, pending, ISSUE_SEEN, err);
    (void)pthread_mutex_unlock(&issue->lock);
}

/* The database is away, or the clock is wrong. What was not recorded is
 * refused; whether it was may be unknown, so a look for orders left behind
 * follows. What is signed is kept until it can be stored. */
static void
settle_busy(struct issue *issue, const struct batch *batch,
            const struct error *err)
{
    (void)pthread_mutex_lock(&issue->lock);
    for (size_t i = 0; i < batch->intent_count; i++)
        settle(issue, batch->intent[i], ISSUE_SEEN, err);
    for (size_t i = 0; i < batch->result_count; i++)
        issue_list_add(&issue->results, batch->result[i]);
    issue->must_scan = true;
    (void)pthread_mutex_unlock(&issue->lock);
}

static void
pause_a_while(void)
{
    (void)nanosleep(&(struct timespec){0, PAUSE_MS * 1000000L}, NULL);
}

static void write_batch(struct issue *issue, const struct batch *batch);

/* It may be for the intents alone (the clock): results do not wait for that. */
static void
refuse_busy(struct issue *issue, const struct batch *batch,
            const struct error *err)
{
    struct batch part = *batch;

    if (batch->intent_count == 0 || batch->result_count == 0) {
        settle_busy(issue, batch, err);
        pause_a_while();
        return;
    }
    part.result_count = 0;
    settle_busy(issue, &part, err);
    part.intent_count = 0;
    part.result_count = batch->result_count;
    write_batch(issue, &part);
}

static void
write_batch(struct issue *issue, const struct batch *batch)
{
    enum issue_outcome intent[ISSUE_BATCH_MAX], result[ISSUE_BATCH_MAX];
    size_t total = batch->intent_count + batch->result_count;
    struct error err = {0};

    if (total == 0)
        return;
    if (write_once(issue, batch, intent, result, &err)) {
        settle_written(issue, batch, intent, result);
        return;
    }
    if (err.code == ERROR_BUSY) {
        log_failure("issue.write", &err);
        refuse_busy(issue, batch, &err);
        return;
    }
    if (total == 1) {
        settle_refused(issue, batch, &err);
        return;
    }
    /* One of them is bad: each by itself, so that it is the only one. */
    for (size_t i = 0; i < batch->result_count; i++)
        write_batch(issue, &(struct batch){.result = {batch->result[i]},
                                           .result_count = 1});
    for (size_t i = 0; i < batch->intent_count; i++)
        write_batch(issue, &(struct batch){.intent = {batch->intent[i]},
                                           .intent_count = 1});
}

/* ---- Orders left behind ------------------------------------------------ */

static void
read_adopted(struct issue *issue, struct issue_pending *pending)
{
    struct issue_job *job = NULL;
    struct error err = {0};
    bool ok = issuers_ready(issue->options.issuers, issue->db, &err) &&
              issue_job_read(issue->db, issue->options.issuers,
                             pending->order_id, &job, &err);

    (void)pthread_mutex_lock(&issue->lock);
    if (ok) {
        log_event(LOG_LEVEL_INFO, "issue.resumed",
                  LOG_TEXT("order_id", pending->order_id));
        pending->job = job;
        issue_list_add(&issue->unsigned_, pending);
        (void)pthread_cond_signal(&issue->wake_signer);
    } else if (err.code == ERROR_CONFLICT) {
        settle(issue, pending, ISSUE_SEEN, NULL); /* it has ended by now */
    } else {
        if (err.code == ERROR_INTERNAL)
            log_failure("issue.resume", &err);
        pending->is_stuck = err.code == ERROR_INTERNAL;
        settle(issue, pending, ISSUE_SEEN, &err);
    }
    (void)pthread_mutex_unlock(&issue->lock);
}

/* Right after trouble every open order is looked at, otherwise only old ones:
 * the young are on their way, here or in another process. */
static void
scan(struct issue *issue)
{
    int64_t before = clock_now() + (issue->must_scan ? 1 : -SCAN_AGE_S);
    struct db_open_order *open = NULL;
    struct error err = {0};
    size_t count = 0;

    if (!db_order_open(issue->db, before, SCAN_LIMIT, &open, &count, &err)) {
        log_failure("issue.scan", &err);
        pause_a_while();
        return;
    }
    (void)pthread_mutex_lock(&issue->lock);
    for (size_t i = 0; i < count; i++)
        if (issue_table_find(&issue->table, open[i].order_id) == NULL)
            (void)adopt(issue, open[i].order_id, open[i].digest);
    (void)pthread_mutex_unlock(&issue->lock);
    free(open);
    /* A full look may have left some out. */
    issue->must_scan = issue->must_scan && count == SCAN_LIMIT;
    issue->scanned_ms = clock_monotonic_ms();
}

static void
fail_order(struct issue *issue, struct issue_pending *pending)
{
    struct error why = pending->err, err = {0};
    bool ok =
        issue_batch_fail(issue->db, pending->job, why.what, clock_now(), &err);

    if (!ok)
        log_failure("issue.fail", &err);
    (void)pthread_mutex_lock(&issue->lock);
    if (!ok && err.code == ERROR_BUSY) {
        issue_list_add(&issue->failed, pending);
    } else {
        metric_add(&failed_total, 1);
        pending->is_stuck = !ok;
        settle(issue, pending, ISSUE_SEEN, &why);
    }
    (void)pthread_mutex_unlock(&issue->lock);
    if (!ok)
        pause_a_while();
}

/* ---- The writer's loop ------------------------------------------------- */

/* With the lock held. */
static void
take_batch(struct issue *issue, struct batch *batch)
{
    struct issue_list dropped;
    struct issue_pending *pending;

    issue_list_init(&dropped);
    batch->intent_count = issue_list_take_batch(&issue->intents, batch->intent,
                                                ISSUE_BATCH_MAX, &dropped);
    metric_set(&waiting, (int64_t)issue->intents.count);
    batch->result_count = 0;
    while (batch->result_count < ISSUE_BATCH_MAX &&
           (pending = issue_list_take(&issue->results)) != NULL)
        batch->result[batch->result_count++] = pending;
    while ((pending = issue_list_take(&dropped)) != NULL) {
        struct error late = {0};

        error_set(&late, ERROR_BUSY, "nobody waited any longer");
        settle(issue, pending, ISSUE_SEEN, &late);
    }
}

static bool
is_scan_due(const struct issue *issue)
{
    int64_t since_ms = clock_monotonic_ms() - issue->scanned_ms;

    return since_ms >= (issue->must_scan ? PAUSE_MS : SCAN_MS);
}

/* With the lock held: until there is something to do. */
static void
wait_for_work(struct issue *issue)
{
    struct timespec until;

    deadline(SCAN_MS, &until);
    while (!issue->is_stopping && issue->intents.count == 0 &&
           issue->adopted.count == 0 && issue->results.count == 0 &&
           issue->failed.count == 0 && !is_scan_due(issue))
        if (pthread_cond_timedwait(&issue->wake_writer, &issue->lock, &until) ==
            ETIMEDOUT)
            break;
}

/* One after the other: each costs a few questions, and there are few. */
static void
do_rare_work(struct issue *issue)
{
    struct issue_list adopted, failed;
    struct issue_pending *pending;

    (void)pthread_mutex_lock(&issue->lock);
    adopted = issue->adopted;
    if (adopted.count == 0)
        issue_list_init(&adopted);
    failed = issue->failed;
    if (failed.count == 0)
        issue_list_init(&failed);
    issue_list_init(&issue->adopted);
    issue_list_init(&issue->failed);
    (void)pthread_mutex_unlock(&issue->lock);
    while ((pending = issue_list_take(&adopted)) != NULL)
        read_adopted(issue, pending);
    while ((pending = issue_list_take(&failed)) != NULL)
        fail_order(issue, pending);
    if (is_scan_due(issue))
        scan(issue);
}

/* Opened here, so that it belongs to this thread. */
static bool
ensure_db(struct issue *issue, const struct batch *batch)
{
    struct error err = {0};

    if (issue->db != NULL || db_open(issue->options.db, &issue->db, &err))
        return true;
    log_failure("issue.database", &err);
    settle_busy(issue, batch, &err);
    pause_a_while();
    return false;
}

static void *
run_writer(void *arg)
{
    struct issue *issue = arg;
    struct batch batch;
    bool is_ending = false;

    while (!is_ending) {
        (void)pthread_mutex_lock(&issue->lock);
        wait_for_work(issue);
        /* The end comes when the signers have handed in their last. */
        while (issue->is_stopping && issue->signers_running > 0)
            (void)pthread_cond_wait(&issue->wake_writer, &issue->lock);
        is_ending = issue->is_stopping;
        take_batch(issue, &batch);
        (void)pthread_mutex_unlock(&issue->lock);
        if (!ensure_db(issue, &batch))
            continue;
        write_batch(issue, &batch);
        if (!is_ending)
            do_rare_work(issue);
    }
    db_close(issue->db);
    return NULL;
}

/* ---- Life -------------------------------------------------------------- */

static void
drop_all(struct issue *issue)
{
    for (size_t i = 0; i < ISSUE_TABLE_SIZE; i++)
        while (issue->table.slot[i] != NULL) {
            struct issue_pending *pending = issue->table.slot[i];

            issue->table.slot[i] = pending->chain;
            issue_pending_free(pending);
        }
}

static void
join_threads(struct issue *issue, size_t signers, bool has_writer)
{
    (void)pthread_mutex_lock(&issue->lock);
    issue->is_stopping = true;
    (void)pthread_cond_broadcast(&issue->wake_signer);
    (void)pthread_cond_broadcast(&issue->wake_writer);
    (void)pthread_mutex_unlock(&issue->lock);
    for (size_t i = 0; i < signers; i++)
        (void)pthread_join(issue->signers[i], NULL);
    if (has_writer)
        (void)pthread_join(issue->writer, NULL);
}

static void
destroy(struct issue *issue)
{
    drop_all(issue);
    (void)pthread_cond_destroy(&issue->wake_writer);
    (void)pthread_cond_destroy(&issue->wake_signer);
    (void)pthread_mutex_destroy(&issue->lock);
    free(issue->signers);
    free(issue);
}

static void
init_locks(struct issue *issue)
{
    pthread_condattr_t attributes;

    (void)pthread_mutex_init(&issue->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&issue->wake_writer, &attributes);
    (void)pthread_cond_init(&issue->wake_signer, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

static void
register_metrics(void)
{
    static bool is_done;

    if (is_done)
        return;
    is_done = true;
    metric_register(&issued_total);
    metric_register(&failed_total);
    metric_register(&commits_total);
    metric_register(&waiting);
}

bool
issue_new(const struct issue_options *options, struct issue **out,
          struct error *err)
{
    struct issue *issue = base_alloc(sizeof *issue);
    size_t count = options->signer_count > 0 ? options->signer_count : 1;
    sigset_t all, before;
    size_t started = 0;
    bool has_writer = false;

    register_metrics();
    issue->options = *options;
    init_locks(issue);
    issue_list_init(&issue->intents);
    issue_list_init(&issue->adopted);
    issue_list_init(&issue->unsigned_);
    issue_list_init(&issue->results);
    issue_list_init(&issue->failed);
    issue->must_scan = true;
    issue->signers = base_alloc(count * sizeof *issue->signers);
    issue->signers_running = count;
    /* Signals belong to the loop's thread. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < count && pthread_create(&issue->signers[started], NULL,
                                             run_signer, issue) == 0)
        started++;
    if (started == count)
        has_writer =
            pthread_create(&issue->writer, NULL, run_writer, issue) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!has_writer) {
        join_threads(issue, started, false);
        destroy(issue);
        return error_set(err, ERROR_INTERNAL, "cannot start the writer");
    }
    *out = issue;
    return true;
}

void
issue_free(struct issue *issue)
{
    size_t count;

    if (issue == NULL)
        return;
    count = issue->options.signer_count > 0 ? issue->options.signer_count : 1;
    join_threads(issue, count, true);
    destroy(issue);
}
