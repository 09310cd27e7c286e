/*
 * The writer: one thread with one database connection that commits whatever has
 * queued, and threads that sign meanwhile (performance.md, 11). Record, sign,
 * compare, store, answer: nothing is signed that was not committed, nothing is
 * seen that was not committed (promise 1). Orders that a process left recorded
 * are finished at start, after trouble with the database, and when asked for.
 */
#ifndef CA_CORE_ISSUE_H
#define CA_CORE_ISSUE_H

#include "ca-core/issue_job.h"

enum {
    ISSUE_BATCH_MAX =
        128,              /* 64 is near the best already: performance.md, 5.1 */
    ISSUE_WAIT_MS = 4500, /* answer or refuse within 5 s: reliability.md, I9 */
};

struct issue_options {
    const struct db_options *db; /* for the writer's own connection */
    struct issuers *issuers;
    size_t signer_count; /* threads that sign */
    size_t queue_max;    /* orders waiting to be recorded; more are BUSY */
    int64_t clock_tolerance_s;
};

struct issue;

/* Starts the threads; `options` is copied, what it points to is borrowed for
 * life. The database need not be there yet. */
bool issue_new(const struct issue_options *options, struct issue **out,
               struct error *err) MUST_CHECK;

/* Ends the threads: what is signed is stored, the rest stays recorded for the
 * next start. Nobody may be waiting. NULL is nothing. */
void issue_free(struct issue *issue);

enum issue_end {
    ISSUE_ISSUED, /* one certificate */
    ISSUE_SEEN,   /* the order id is in the database: read it there; a pair */
    ISSUE_RACED,  /* what it was judged upon has changed: judge again */
};

struct issue_answer {
    enum issue_end end;
    char issuer[DB_ISSUER_NAME_MAX + 1]; /* issued: */
    struct serial serial;
    struct buf der; /* the caller clears */
};

/*
 * Has the job recorded, signed and stored, and waits for that. An order with
 * the same id that is on its way is joined: all get the same octets.
 * ERROR_BUSY: queue full, database or token away, or no end within `wait_ms`;
 * the order may have been recorded, ask again with the same id. ERROR_CONFLICT:
 * the id is on its way with another digest.
 */
bool issue_submit(struct issue *issue, struct issue_job *take_job,
                  int64_t wait_ms, struct issue_answer *out,
                  struct error *err) MUST_CHECK;

/* Waits for an order that was found recorded; takes it up if nobody works on
 * it. As issue_submit(). */
bool issue_await(struct issue *issue, const char *order_id,
                 const uint8_t digest[32], int64_t wait_ms,
                 struct issue_answer *out, struct error *err) MUST_CHECK;

#endif
