/* Following the database; see ocsp/follower.h. */
#include "ocsp/follower.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "db/db.h"
#include "db/sql_ocsp.h"
#include "ocsp/roster.h"

enum {
    CONNECT_TIMEOUT_S = 5,
    STATEMENT_TIMEOUT_MS = 5000,
    LOAD_TIMEOUT_MS = 3600 * 1000, /* 10 million rows take half a minute */
    LISTS_MS = 1000, /* issuers, signers, CRLs: not as urgent as a status */
    RETRY_MS = 500,  /* after a failure */
    LOG_EVERY_MS = 30 * 1000,
};

struct ocsp_follower {
    struct ocsp_responder *responder;
    struct db_options options, load_options;
    int64_t poll_ms;
    struct db *db; /* NULL: not connected yet */
    struct ocsp_roster roster;
    bool is_loaded;
    bool is_trusted; /* the log's head was looked at since the last failure */
    int64_t last_index; /* of the changes that are in the index */
    int64_t lists_ms;   /* when issuers and so on were last read */
    int64_t failed_ms, logged_ms;
    bool is_failing;
    int wake_fd;
    _Atomic bool is_stopping;
    bool is_started;
    pthread_t thread;
};

static struct metric certificates = {.name = "signet_ocsp_certificates",
                                     .help =
                                         "Certificates whose status is known.",
                                     .is_gauge = true};
static struct metric index_size = {.name = "signet_ocsp_index_bytes",
                                   .help = "Octets of the status index.",
                                   .is_gauge = true};
static struct metric changes_total = {
    .name = "signet_ocsp_status_changes_total",
    .help = "Changes of status that were taken in."};
static struct metric synced_at = {
    .name = "signet_ocsp_synced_at",
    .help = "When the index was last known to agree with the database.",
    .is_gauge = true};

static struct ocsp_status
status_of(const struct db_status *row)
{
    return (struct ocsp_status){
        .state = row->is_revoked ? OCSP_STATE_REVOKED
                 : row->is_held  ? OCSP_STATE_HELD
                                 : OCSP_STATE_VALID,
        .reason = row->is_revoked || row->is_held ? row->reason : 0,
        .revoked_at = row->revoked_at,
        .invalid_from = row->invalid_from,
    };
}

struct loading {
    struct ocsp_load *load;
    int64_t last_index;
};

static bool
load_row(const struct db_status *row, void *arg, struct error *err)
{
    struct loading *loading = arg;
    struct ocsp_status status = status_of(row);

    (void)err;
    ocsp_load_add(loading->load, row->issuer_id, row->serial, &status);
    if (row->status_index > loading->last_index)
        loading->last_index = row->status_index;
    return true;
}

static void
measure(struct ocsp_follower *f)
{
    metric_set(&certificates, (int64_t)ocsp_index_count(f->responder->index));
    metric_set(&index_size, (int64_t)ocsp_index_size(f->responder->index));
}

/* Everything anew, as of one instant: indexes are given in the order of
 * commits, so nothing below the highest one seen is missing. */
static bool
load(struct ocsp_follower *f, struct error *err)
{
    struct loading loading = {ocsp_load_new(), -1};
    int64_t since = clock_now();
    struct db *db = NULL;
    bool ok;

    ok = db_open(&f->load_options, &db, err) &&
         db_status_all(db, load_row, &loading, err);
    db_close(db);
    if (!ok) {
        ocsp_load_free(loading.load);
        return error_wrap(err, "load the status of certificates");
    }
    ocsp_index_replace(f->responder->index, loading.load);
    f->last_index = loading.last_index;
    f->is_loaded = true;
    atomic_store(&f->responder->synced_at, since);
    measure(f);
    log_event(
        LOG_LEVEL_INFO, "ocsp.loaded",
        LOG_INT("certificates", (int64_t)ocsp_index_count(f->responder->index)),
        LOG_INT("octets", (int64_t)ocsp_index_size(f->responder->index)),
        LOG_INT("seconds", clock_now() - since));
    return true;
}

static bool
change_row(const struct db_status *row, void *arg, struct error *err)
{
    struct ocsp_follower *f = arg;
    struct ocsp_status status = status_of(row);

    (void)err;
    ocsp_index_change(f->responder->index, row->issuer_id, row->serial,
                      &status);
    f->last_index = row->status_index;
    metric_add(&changes_total, 1);
    return true;
}

static bool
poll_changes(struct ocsp_follower *f, struct error *err)
{
    int64_t since = clock_now(), before = f->last_index;

    if (!db_status_changes(f->db, f->last_index, change_row, f, err))
        return error_wrap(err, "read changes of status");
    atomic_store(&f->responder->synced_at, since);
    metric_set(&synced_at, since);
    if (f->last_index != before)
        measure(f);
    return true;
}

/* After every (re)connection: a log that ends before what we have seen is
 * another one (restored from a backup, or a standby that lost its primary's
 * last commits), so what we know is worth nothing. */
static bool
check_head(struct ocsp_follower *f, struct error *err)
{
    struct error ignored = {0};
    int64_t next_index;

    if (!db_status_head(f->db, &next_index, err))
        return false;
    if (f->is_loaded && next_index <= f->last_index) {
        log_event(LOG_LEVEL_ERROR, "ocsp.log_went_back",
                  LOG_INT("next_index", next_index),
                  LOG_INT("last_index", f->last_index));
        f->is_loaded = false;
    }
    /* A standby cannot LISTEN; polling alone is right as well. */
    if (!db_listen(f->db, "status", &ignored))
        log_event(LOG_LEVEL_INFO, "ocsp.polling_only",
                  LOG_TEXT("cause", ignored.cause));
    f->is_trusted = true;
    return true;
}

static bool
follow(struct ocsp_follower *f, struct error *err)
{
    if (f->db == NULL && !db_open(&f->options, &f->db, err))
        return error_wrap(err, "connect to the database");
    if (!f->is_trusted && !check_head(f, err))
        return false;
    if (!f->is_loaded && !load(f, err))
        return false;
    if (!poll_changes(f, err))
        return false;
    if (clock_monotonic_ms() - f->lists_ms < LISTS_MS)
        return true;
    if (!ocsp_roster_refresh(&f->roster, f->db, clock_now(), err))
        return false;
    f->lists_ms = clock_monotonic_ms();
    return true;
}

/* Told when it begins, now and then while it lasts, and when it ends. */
static void
note_failure(struct ocsp_follower *f, const struct error *err)
{
    int64_t now = clock_monotonic_ms();

    f->is_trusted = false;
    if (!f->is_failing || now - f->logged_ms >= LOG_EVERY_MS) {
        log_failure("ocsp.follow", err);
        f->logged_ms = now;
    }
    if (!f->is_failing)
        f->failed_ms = now;
    f->is_failing = true;
}

static void
note_success(struct ocsp_follower *f)
{
    if (f->is_failing)
        log_event(LOG_LEVEL_INFO, "ocsp.following_again",
                  LOG_INT("after_ms", clock_monotonic_ms() - f->failed_ms));
    f->is_failing = false;
}

static void
wait_a_moment(struct ocsp_follower *f, int64_t ms)
{
    struct timespec moment = {ms / 1000, ms % 1000 * 1000000};

    (void)nanosleep(&moment, NULL);
    (void)f;
}

static void *
run(void *arg)
{
    struct ocsp_follower *f = arg;
    struct error err;
    bool heard;

    while (!atomic_load(&f->is_stopping)) {
        err = (struct error){0};
        if (follow(f, &err) &&
            db_wait(f->db, f->poll_ms, f->wake_fd, &heard, &err)) {
            note_success(f);
            continue;
        }
        note_failure(f, &err);
        wait_a_moment(f, RETRY_MS);
    }
    return NULL;
}

struct ocsp_follower *
ocsp_follower_new(const struct ocsp_follower_options *options,
                  struct ocsp_responder *responder, struct hsm *hsm)
{
    struct ocsp_follower *f = base_alloc(sizeof *f);

    f->responder = responder;
    f->options = (struct db_options){
        .connection = options->connection,
        .statements = db_ocsp_statements,
        .statement_count = DB_OCSP_STATEMENT_COUNT,
        .connect_timeout_s = CONNECT_TIMEOUT_S,
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
    };
    f->load_options = f->options;
    f->load_options.statement_timeout_ms = LOAD_TIMEOUT_MS;
    f->poll_ms = options->poll_ms;
    f->last_index = -1;
    f->lists_ms = clock_monotonic_ms() - LISTS_MS;
    f->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ocsp_roster_init(&f->roster, responder, hsm);
    metric_register(&certificates);
    metric_register(&index_size);
    metric_register(&changes_total);
    metric_register(&synced_at);
    return f;
}

bool
ocsp_follower_start(struct ocsp_follower *f, struct error *err)
{
    if (f->wake_fd < 0)
        return error_errno(err, ERROR_INTERNAL, "cannot make an eventfd");
    errno = pthread_create(&f->thread, NULL, run, f);
    if (errno != 0)
        return error_errno(err, ERROR_INTERNAL, "cannot start a thread");
    f->is_started = true;
    return true;
}

void
ocsp_follower_free(struct ocsp_follower *f)
{
    static const uint64_t one = 1;

    if (f == NULL)
        return;
    atomic_store(&f->is_stopping, true);
    if (f->is_started) {
        if (write(f->wake_fd, &one, sizeof one) != sizeof one ||
            pthread_join(f->thread, NULL) != 0)
            abort();
    }
    if (f->wake_fd >= 0)
        (void)close(f->wake_fd);
    db_close(f->db);
    free(f);
}
