/* The business NEW: ra/business.h. What the CA's answer does stands in
 * ra/business_send.c. */
#include "ra/business.h"

#include <string.h>

#include "db/account.h"
#include "db/review.h"
#include "ra/applicant.h"
#include "ra/business_step.h"
#include "ra/entry.h"

enum { STATEMENT_MAX = 8192, ORDER_MAX = 256 * 1024 };

bool
business_step(struct db *db, struct business_step *step, struct error *err)
{
    struct buf body = BUF_INIT(STATEMENT_MAX * 4);
    uint8_t previous[32];
    uint8_t hash[32];
    int32_t last;
    bool ok = false;

    if (!db_history_last(db, step->link.number, &last, previous, err))
        goto out;
    step->link.seq = last + 1;
    if (!application_step_encode(&step->link, previous, &body, hash, err) ||
        !db_history_add(db, step->link.number, step->link.seq, step->link.at,
                        &body, hash, err) ||
        !entry_application(db, &step->link, step->account, step->order_id,
                           step->decided, hash, err))
        goto out;
    ok = true;
out:
    buf_clear(&body);
    return ok;
}

bool
business_state(const struct db_application *application,
               enum application_state *out, struct error *err)
{
    return application_state_find(application->state, out) ||
           error_set(err, ERROR_INTERNAL, "application %s is %s",
                     application->number, application->state);
}

/* ---- Accounts ------------------------------------------------------------ */

struct account_run {
    const char *account;
    const uint8_t *token_hash;
    const char *officer_id;
    int64_t at;
};

static bool
account_run(struct db *db, void *arg, struct error *err)
{
    struct account_run *run = arg;

    return db_account_create(db, run->account, run->token_hash, run->officer_id,
                             run->at, err) &&
           entry_account(db, run->account, run->officer_id, run->at, err);
}

bool
business_account(struct db *db, const char *account,
                 const uint8_t token_hash[32], const char *officer_id,
                 int64_t at, struct error *err)
{
    struct account_run run = {account, token_hash, officer_id, at};

    return db_transaction(db, account_run, &run, err);
}

/* ---- What applicants do ---------------------------------------------------
 */

/* One request of an applicant. */
struct applicant_run {
    enum application_event event;
    const char *account;
    const char *number; /* not of a new one */
    int revision;       /* of an edit */
    const struct db_application_content *content;
    int64_t at;
    char created[DB_APPLICATION_NUMBER_MAX + 1];
};

static bool
create_run(struct db *db, void *arg, struct error *err)
{
    struct applicant_run *run = arg;
    struct business_step step = {
        .link = {.number = run->created,
                 .at = run->at,
                 .revision = 1,
                 .actor = run->account},
        .account = run->account,
    };

    return application_transition_get(APPLICATION_DRAFT, APPLICATION_CREATE,
                                      APPLICATION_BY_APPLICANT,
                                      &step.link.transition, err) &&
           db_application_create(db, run->content, run->at, run->created,
                                 err) &&
           business_step(db, &step, err);
}

bool
business_create(struct db *db, const struct db_application_content *content,
                int64_t at, char number[DB_APPLICATION_NUMBER_MAX + 1],
                struct error *err)
{
    struct applicant_run run = {
        .account = content->account, .content = content, .at = at};

    if (!db_transaction(db, create_run, &run, err))
        return false;
    memcpy(number, run.created, sizeof run.created);
    return true;
}

static bool
edit_apply(struct db *db, const struct applicant_run *run,
           const struct db_application *application,
           enum application_state state, struct error *err)
{
    if (application->revision != run->revision)
        return error_set(err, ERROR_CONFLICT,
                         "revision %d is the last one: read it, then change it",
                         application->revision);
    if (state == APPLICATION_RETURNED) {
        if (!applicant_edit_check(&application->applicant,
                                  &run->content->applicant, err))
            return false;
        if (application->years != run->content->years)
            return error_set(err, ERROR_CONFLICT,
                             "years is locked since the first submission");
    }
    return db_application_edit(db, application->number, run->revision,
                               run->content, run->at, err);
}

/* The order of this revision, whose id is drawn here once for all. */
static bool
submit_apply(struct db *db, const struct applicant_run *run,
             const struct db_application *application, struct error *err)
{
    struct buf body = BUF_INIT(ORDER_MAX);
    char order_id[TEXT_UUID_LEN + 1];
    uint8_t digest[32];
    bool ok =
        text_uuid_draw(order_id, err) &&
        application_order(application, order_id, run->at, &body, digest, err) &&
        db_application_submit(db, application->number, application->state,
                              application->revision, order_id, &body, digest,
                              run->at, err);

    buf_clear(&body);
    return ok;
}

/* The change itself, without its history. */
static bool
applicant_apply(struct db *db, const struct applicant_run *run,
                const struct db_application *application,
                const struct application_transition *transition,
                struct error *err)
{
    switch (transition->event) {
    case APPLICATION_EDIT:
        return edit_apply(db, run, application, transition->from, err);
    case APPLICATION_SUBMIT:
        return submit_apply(db, run, application, err);
    default:
        return db_application_move(db, application->number, application->state,
                                   application_state_name(transition->to),
                                   run->at, err);
    }
}

static bool
applicant_run(struct db *db, void *arg, struct error *err)
{
    struct applicant_run *run = arg;
    struct db_application application = {0};
    struct db_application changed = {0};
    struct business_step step = {
        .link = {.number = run->number, .at = run->at, .actor = run->account},
        .account = run->account,
    };
    enum application_state state;
    bool ok = false;

    if (!db_application_get(db, run->number, true, &application, err))
        goto out;
    /* As for a number that does not exist: who asks learns nothing. */
    if (strcmp(application.account, run->account) != 0) {
        error_set(err, ERROR_NOT_FOUND, "there is no such application");
        goto out;
    }
    if (!business_state(&application, &state, err) ||
        !application_transition_get(state, run->event, APPLICATION_BY_APPLICANT,
                                    &step.link.transition, err) ||
        !applicant_apply(db, run, &application, step.link.transition, err) ||
        !db_application_get(db, run->number, true, &changed, err))
        goto out;
    step.link.revision = changed.revision;
    step.order_id = changed.order_id;
    ok = business_step(db, &step, err);
out:
    db_application_clear(&application);
    db_application_clear(&changed);
    return ok;
}

bool
business_edit(struct db *db, const char *number, int revision,
              const struct db_application_content *content, int64_t at,
              struct error *err)
{
    struct applicant_run run = {
        .event = APPLICATION_EDIT,
        .account = content->account,
        .number = number,
        .revision = revision,
        .content = content,
        .at = at,
    };

    return db_transaction(db, applicant_run, &run, err);
}

bool
business_submit(struct db *db, const char *account, const char *number,
                int64_t at, struct error *err)
{
    struct applicant_run run = {.event = APPLICATION_SUBMIT,
                                .account = account,
                                .number = number,
                                .at = at};

    return db_transaction(db, applicant_run, &run, err);
}

bool
business_withdraw(struct db *db, const char *account, const char *number,
                  int64_t at, struct error *err)
{
    struct applicant_run run = {.event = APPLICATION_WITHDRAW,
                                .account = account,
                                .number = number,
                                .at = at};

    return db_transaction(db, applicant_run, &run, err);
}
