/*
 * Carries a case from one state to the next: the new state, what follows from
 * it, the link of its history, the entry of the log and the notices are one
 * transaction, or nothing happened. Every change of a case goes through here.
 */
#ifndef RA_CASE_APPLY_H
#define RA_CASE_APPLY_H

#include "db/case_file.h"
#include "ra/case_review.h"
#include "ra/definition.h"
#include "ra/vault.h"

/* What the business side shares; const after start. */
struct business {
    const struct config *config;
    const struct definitions *definitions;
    struct vault *vault;
};

struct case_act {
    const char *number;
    enum case_event event;
    enum case_actor who;
    const char *actor;   /* account, officer id, "signet-ra", "platform" */
    const char *account; /* applicants': the case must be theirs, else
                            ERROR_NOT_FOUND; NULL for others */
    const char *remark;  /* for the history and the applicant; or NULL */
    const struct case_decided *decided; /* a verified decision; or NULL */
    int64_t at;
    /* Facts that only the caller knows: is_complete, code_is_right,
     * holder_signed are taken from here, the rest is read. */
    struct case_facts known;
    /* The caller's own rows, in the same transaction, after the guards and
     * before the state changes; may be NULL. */
    bool (*change)(struct db *db, struct db_case *row, void *arg,
                   struct error *err);
    void *arg;
};

/* `to` (may be NULL) gets the new state. ERROR_CONFLICT, ERROR_DENIED as
 * case_transition_get(). */
bool case_apply(const struct business *business, struct db *db,
                const struct case_act *act, enum case_state *to,
                struct error *err) MUST_CHECK;
/* The same inside a transaction that the caller has begun. */
bool case_apply_within(const struct business *business, struct db *db,
                       const struct case_act *act, enum case_state *to,
                       struct error *err) MUST_CHECK;

/* Notes in the history what changes no state: "document-added", "assigned",
 * "shipped". `detail` (may be NULL) is a JSON object that goes into the link;
 * no personal data. Within a transaction that holds the case's row locked. */
bool case_note(struct db *db, const struct db_case *row, const char *event,
               const char *actor, const json_t *detail, int64_t at,
               struct error *err) MUST_CHECK;

#endif
