/*
 * The way of an application: business NEW 新申请 of domain.md, 1.5, in its
 * shortest honest form. The table of transitions is all there is to it: what
 * is not in it cannot happen, and ra.application_transition says the same to
 * PostgreSQL. Pure: rows and messages are elsewhere.
 */
#ifndef RA_APPLICATION_H
#define RA_APPLICATION_H

#include "ca-core/api.h"
#include "db/application.h"

enum application_state {
    APPLICATION_DRAFT,
    APPLICATION_SUBMITTED,
    APPLICATION_ENTERED,
    APPLICATION_FIRST_PASSED,
    APPLICATION_ISSUING, /* the order is on its way to the CA */
    APPLICATION_ISSUED,
    APPLICATION_RETURNED,
    APPLICATION_REJECTED,
    APPLICATION_WITHDRAWN,
    APPLICATION_STATE_COUNT,
};

enum application_event {
    APPLICATION_CREATE,
    APPLICATION_EDIT,
    APPLICATION_SUBMIT,
    APPLICATION_WITHDRAW,
    APPLICATION_ENTER,
    APPLICATION_PASS_FIRST,
    APPLICATION_PASS_SECOND,
    APPLICATION_RETURN,
    APPLICATION_REJECT,
    APPLICATION_ISSUE,  /* the CA's certificate is stored */
    APPLICATION_REFUSE, /* the CA refused the order */
    APPLICATION_EVENT_COUNT,
};

enum application_actor {
    APPLICATION_BY_APPLICANT,
    APPLICATION_BY_INTAKE_CLERK,
    APPLICATION_BY_FIRST_REVIEWER,
    APPLICATION_BY_SECOND_REVIEWER,
    APPLICATION_BY_SYSTEM,
    APPLICATION_ACTOR_COUNT,
};

struct application_transition {
    enum application_state from;
    enum application_event event;
    enum application_state to;
    enum application_actor who;
    const char *guard; /* in words; the code that asks it is named there */
};

extern const struct application_transition application_transitions[];
extern const size_t application_transition_count;

const char *application_state_name(enum application_state state);
const char *application_event_name(enum application_event event);
const char *application_actor_name(enum application_actor actor);
bool application_state_find(const char *name,
                            enum application_state *out) MUST_CHECK;

/* The one transition for this event by this actor. ERROR_CONFLICT when the
 * state knows no such event, ERROR_DENIED when another has to act. */
bool application_transition_get(enum application_state from,
                                enum application_event event,
                                enum application_actor who,
                                const struct application_transition **out,
                                struct error *err) MUST_CHECK;

/* ---- What the applicant sends ------------------------------------------- */

/* {"applicant", "years", "csr", "revision"?}: `csr` is the PKCS #10 request in
 * PEM, or base64 of its DER. `revision` must be there exactly when
 * `is_edit`. Borrows from `object`; `csr` (given empty) holds the DER. */
bool application_parse(const json_t *object, bool is_edit,
                       struct db_application_content *out, struct buf *csr,
                       int *revision, struct error *err) MUST_CHECK;

/* The request as text (PEM or base64) to DER: exactly one, signed with its own
 * key. ERROR_INPUT. The CA core judges the rest. */
bool application_csr_parse(const char *text, struct buf *der,
                           struct error *err) MUST_CHECK;

/* ---- What the CA is asked ------------------------------------------------ */

/* The order of an application: kind issue, profile organisation-signing; its
 * canonical JSON and digest. */
bool application_order(const struct db_application *application,
                       const char *order_id, int64_t at, struct buf *body,
                       uint8_t digest[32], struct error *err) MUST_CHECK;

/* ---- What is shown ------------------------------------------------------- */

/* For the account and for officers; `is_whole` adds record and request. The
 * caller owns the result. */
json_t *application_json(const struct db_application *application,
                         bool is_whole);

/* ---- History ------------------------------------------------------------- */

struct application_step {
    const char *number;
    int seq; /* from 1 */
    int64_t at;
    int revision;
    const struct application_transition *transition;
    const char *actor;        /* account, officer id, or "signet-ra" */
    const char *remark;       /* NULL if none */
    const uint8_t *statement; /* what an officer signed; NULL if none */
    size_t statement_len;
    const uint8_t *signature;
    size_t signature_len;
    const uint8_t *credential_id; /* 32 octets; NULL if none */
};

/* One link: its canonical JSON, which holds the hash of the one before, and
 * its own hash, SHA-256 of that. */
bool application_step_encode(const struct application_step *step,
                             const uint8_t previous[32], struct buf *body,
                             uint8_t hash[32], struct error *err) MUST_CHECK;

#endif
