/*
 * One transaction of the writer: intents of new orders and results of signed
 * ones ride together, since a commit costs the same for one as for many
 * (performance.md, 5 and 11). Only the database is touched here.
 */
#ifndef CA_CORE_ISSUE_BATCH_H
#define CA_CORE_ISSUE_BATCH_H

#include "ca-core/issue_job.h"

enum issue_outcome {
    ISSUE_WRITTEN,
    ISSUE_KNOWN,   /* intent: the order id is there; nothing written */
    ISSUE_STALE,   /* intent: what it was judged upon has changed; likewise */
    ISSUE_FOREIGN, /* result: another process finished the order; likewise */
};

struct issue_batch {
    struct issue_job *const *intent;
    size_t intent_count;
    enum issue_outcome *intent_outcome;
    struct issue_job *const *result;
    size_t result_count;
    enum issue_outcome *result_outcome;
    int64_t now;
    int64_t clock_tolerance_s;
};

/*
 * Writes orders, decisions and certificates as intended, with order.accepted;
 * certificates as valid with what becomes of their predecessors, with
 * certificate.issued and the change's entry. After a failure nothing is written
 * (or unknown: db_is_unknown()) and the outcomes mean nothing. ERROR_BUSY also
 * when the clock is behind the log and there are intents.
 */
bool issue_batch_write(struct db *db, struct issue_batch *batch,
                       struct error *err) MUST_CHECK;

/* Gives an order up that cannot be signed: its certificate void, the order
 * failed, with order.failed. */
bool issue_batch_fail(struct db *db, const struct issue_job *job,
                      const char *problem, int64_t now,
                      struct error *err) MUST_CHECK;

#endif
