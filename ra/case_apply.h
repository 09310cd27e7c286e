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

/* The text of a setting; "" when there is none, or no settings. */
const char *business_setting(const struct business *business, const char *name);

struct case_act {
    const char *number;
    enum case_event event;
    enum case_actor who;
    const char *actor;    /* account, officer id, "signet-ra", "platform" */
    const char *account;  /* applicants': the case must be theirs, else
                             ERROR_NOT_FOUND; NULL for others */
    const char *remark;   /* for the history and the applicant; or NULL */
    const json_t *detail; /* object for the link of the history, without
                             personal data; or NULL */
    const struct case_decided *decided; /* a verified decision; or NULL */
    int64_t at;
    /* Facts that only the caller knows: code_is_right and holder_signed are
     * taken from here; all others are read, fields judged by the definition. */
    struct case_facts known;
    /* The caller's own rows, in the same transaction, after the guards and
     * before effects and the new state; may be NULL. `row` is locked; what is
     * written to ra.case_file and case_field is read again afterwards. */
    bool (*change)(struct db *db, struct db_case *row, void *arg,
                   struct error *err);
    void *arg;
};

/* ---- Filing and editing ----------------------------------------------------
 */

struct case_new {
    const char *account;
    enum case_business business;
    const char *notice_version; /* accepted; NULL: none */
    json_t *fields;       /* {"name": "value"}; completed from the record and
                             normalised in place */
    const char *replaces; /* closed case of the same account; or NULL */
    bool is_sample;
    int64_t at;
};
/* A draft. The certificate that the business is about is the account's live
 * one. ERROR_CONFLICT when the condition of the business does not hold, there
 * is an open one, or the notice accepted is not the present one; ERROR_INPUT
 * for a field that is wrong. */
bool case_create(const struct business *business, struct db *db,
                 const struct case_new *what,
                 char number[DB_CASE_NUMBER_MAX + 1],
                 struct error *err) MUST_CHECK;

/* All fields anew. ERROR_CONFLICT when `revision` is not the last one, or a
 * locked field would change. */
bool case_edit(const struct business *business, struct db *db,
               const char *account, const char *number, int revision,
               json_t *fields, int64_t at, struct error *err) MUST_CHECK;

/* ---- Carrying out ----------------------------------------------------------
 */

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
