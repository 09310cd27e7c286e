/* The life of cases that open the recovery token, apart from what is done with
 * it (work.h). Every step is an entry of the log, in its transaction. */
#ifndef CA_CORE_KMC_DECIDE_H
#define CA_CORE_KMC_DECIDE_H

#include "ca-core/kmc/case.h"
#include "ca-core/kmc/service.h"

/* Opens a case for this party; the same again answers the same. The caller
 * clears `out`. ERROR_DENIED, _CONFLICT, _NOT_FOUND (a key), _INPUT (a key of
 * another holder). */
bool decide_open(struct kmc_worker *worker, const struct db_kmc_party *party,
                 enum kmc_role role, struct kmc_request *request, int64_t now,
                 struct db_kmc_case *out, struct error *err) MUST_CHECK;

struct decide_decision {
    const char *verdict; /* "approve" or "refuse" */
    int64_t decided_at;
    const uint8_t *signature;
    size_t signature_len;
    const struct share *share; /* an operator's, to approve; NULL */
};

/* Takes a decision; *state (static) is the case's then. An operator who has
 * approved may hand the share in again after this service has begun anew. */
bool decide_take(struct kmc_worker *worker, const struct db_kmc_party *party,
                 enum kmc_role role, const char *case_id,
                 const struct decide_decision *decision, int64_t now,
                 const char **state, struct error *err) MUST_CHECK;

/* Who opened a case withdraws it. */
bool decide_abort(struct kmc_worker *worker, const struct db_kmc_party *party,
                  const char *case_id, int64_t now,
                  struct error *err) MUST_CHECK;

/* Ends a case from `from`: state, outcome, answer and the entry `event`, with
 * `members` (borrowed; NULL: none); its shares go. */
bool decide_end(struct kmc_service *service, struct db *db,
                const struct db_kmc_case *c, const char *from, const char *to,
                const char *event, const char *outcome,
                const struct buf *answer, const json_t *members, int64_t now,
                struct error *err) MUST_CHECK;

/* The answer is not needed any more: it goes, with the entry `event`, if it is
 * there still. */
bool decide_forget(struct db *db, const char *case_id, const char *event,
                   int64_t now, struct error *err) MUST_CHECK;

/* What is beyond its time: open cases expire, answers that nobody took go. */
bool decide_expire(struct kmc_service *service, struct db *db, int64_t now,
                   struct error *err) MUST_CHECK;

#endif
