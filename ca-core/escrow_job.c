/* Keys into history; see ca-core/escrow_job.h. */
#include "ca-core/escrow_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/escrow.h"

enum {
    LEASE_S = 60,
    BATCH_MAX = 64,      /* keys in one run: each is a call */
    PAUSE_MS = 30000,    /* after the centre was away */
    POSTPONED_S = 86400, /* what it refuses is tried again */
};

bool
escrow_job_init(struct escrow_job *job, const struct escrow_options *options,
                struct error *err)
{
    memset(job, 0, sizeof *job);
    return lease_init(&job->lease, "escrow", err) &&
           escrow_new(options, &job->escrow, err);
}

void
escrow_job_clear(struct escrow_job *job)
{
    escrow_free(job->escrow);
    job->escrow = NULL;
}

/* An order that never came: the centre may have made a key for it, or not. */
static bool
find_key(struct escrow *escrow, const struct db_escrow *row,
         char id[TEXT_UUID_LEN + 1], struct error *err)
{
    struct escrow_key *key;
    bool ok;

    memcpy(id, row->key_id, TEXT_UUID_LEN + 1);
    if (id[0] != '\0')
        return true;
    key = base_alloc(sizeof *key);
    ok = escrow_key_find(escrow, row->order_id, key, err);
    if (ok)
        memcpy(id, key->id, TEXT_UUID_LEN + 1);
    free(key);
    return ok;
}

static bool
retire(struct escrow *escrow, struct db *db, const struct db_escrow *row,
       int64_t now, struct error *err)
{
    char id[TEXT_UUID_LEN + 1];

    if (!find_key(escrow, row, id, err) ||
        (id[0] != '\0' && !escrow_key_retire(escrow, id, err)) ||
        !db_escrow_retire(db, row->order_id, now, err))
        return error_wrap(err, "the key of order %s", row->order_id);
    log_event(LOG_LEVEL_INFO, "escrow.retired",
              LOG_TEXT("order_id", row->order_id), LOG_TEXT("key", id));
    return true;
}

static bool
retire_all(struct escrow_job *job, struct db *db, int64_t now,
           struct error *err)
{
    struct db_escrow *rows = NULL;
    size_t count = 0;
    bool ok = db_escrow_due(db, now, BATCH_MAX, &rows, &count, err);

    for (size_t i = 0; ok && i < count && lease_is_held(&job->lease); i++) {
        struct error why = {0};

        if (retire(job->escrow, db, &rows[i], now, &why))
            continue;
        if (why.code == ERROR_BUSY) {
            ok = false;
            job->next_ms = clock_monotonic_ms() + PAUSE_MS;
            if (err != NULL)
                *err = why;
        } else {
            log_failure("escrow.retire", &why);
            ok = db_escrow_postpone(db, rows[i].order_id, now + POSTPONED_S,
                                    err);
        }
    }
    free(rows);
    return ok;
}

bool
escrow_job_run(struct escrow_job *job, struct db *db, int64_t now,
               struct error *err)
{
    bool is_ours;

    if (job->escrow == NULL || clock_monotonic_ms() < job->next_ms)
        return true;
    return lease_take(&job->lease, db, LEASE_S, &is_ours, err) &&
           (!is_ours || retire_all(job, db, now, err));
}
