/* What officers do with applications: ra/business.h. */
#include "ra/business.h"

#include <string.h>

#include "db/review.h"
#include "ra/business_step.h"

enum { STATEMENT_MAX = 8192 };

struct decide_run {
    const char *number;
    const char *order_id; /* that was verified */
    const struct review_decision *decision;
    const struct review_officer *officer;
    const uint8_t *certificate; /* the officer's, DER */
    size_t certificate_len;
    const struct buf *statement;
    int64_t at;
    enum application_state to;
};

static bool
earlier_each(const struct db_result *row, void *arg, struct error *err)
{
    struct review_earlier *earlier = arg;
    struct db_review review;
    size_t i = earlier->count;

    if (!db_review_read(row, 0, &review, err))
        return false;
    if (i == API_STEP_COUNT ||
        strlen(review.step) >= sizeof earlier->at[i].step ||
        strlen(review.person) >= sizeof earlier->at[i].person)
        return error_set(err, ERROR_INTERNAL,
                         "too many decisions, or too long");
    memcpy(earlier->at[i].step, review.step, strlen(review.step) + 1);
    memcpy(earlier->at[i].person, review.person, strlen(review.person) + 1);
    earlier->at[i].decided_at = review.decided_at;
    earlier->count++;
    return true;
}

/* The row of ra.decision. */
static bool
decision_write(struct db *db, const struct decide_run *run, int revision,
               struct error *err)
{
    const struct api_decision *part = &run->decision->signed_part;
    struct db_review review = {
        .number = run->number,
        .revision = revision,
        .step = api_step_name(part->step),
        .officer_id = part->officer_id,
        .person = run->officer->person,
        .credential_id = part->credential_id,
        .verdict = review_verdict_name(run->decision->verdict),
        .decided_at = part->decided_at,
        .statement = run->statement->data,
        .statement_len = run->statement->len,
        .signature = part->signature,
        .signature_len = part->signature_len,
    };

    return db_review_add(db, &review, err);
}

static bool
step_write(struct db *db, const struct decide_run *run,
           const struct db_application *application,
           const struct application_transition *transition, struct error *err)
{
    const struct review_decision *decision = run->decision;
    const struct entry_decision decided = {decision, run->certificate,
                                           run->certificate_len};
    struct business_step step = {
        .link = {.number = run->number,
                 .at = run->at,
                 .revision = application->revision,
                 .transition = transition,
                 .actor = run->officer->officer_id,
                 .remark = decision->verdict == REVIEW_APPROVE
                               ? NULL
                               : decision->remark,
                 .statement = run->statement->data,
                 .statement_len = run->statement->len,
                 .signature = decision->signed_part.signature,
                 .signature_len = decision->signed_part.signature_len,
                 .credential_id = decision->signed_part.credential_id},
        .account = application->account,
        .order_id = run->order_id,
        .decided = &decided,
    };

    return business_step(db, &step, err);
}

static bool
decide_run(struct db *db, void *arg, struct error *err)
{
    struct decide_run *run = arg;
    struct db_application application = {0};
    struct review_earlier earlier = {0};
    const struct application_transition *transition;
    enum application_state state;
    bool ok = false;

    if (!db_application_get(db, run->number, true, &application, err) ||
        !business_state(&application, &state, err) ||
        !review_transition_get(run->decision, state, &transition, err))
        goto out;
    /* Another revision has another order: what was signed is history. */
    if (strcmp(application.order_id, run->order_id) != 0) {
        error_set(err, ERROR_CONFLICT, "the application changed meanwhile");
        goto out;
    }
    if (!db_review_list(db, run->number, application.revision, earlier_each,
                        &earlier, err) ||
        !review_officer_check(run->decision, run->officer,
                              application.applicant.handler_person, &earlier,
                              run->at, err) ||
        !decision_write(db, run, application.revision, err) ||
        !db_application_move(db, run->number, application.state,
                             application_state_name(transition->to), run->at,
                             err) ||
        !step_write(db, run, &application, transition, err))
        goto out;
    run->to = transition->to;
    ok = true;
out:
    db_application_clear(&application);
    return ok;
}

/* Before the entry: the CA would issue this, and the account has no live
 * certificate (domain.md, 1.4: NEW). */
static bool
entry_check(struct ca_client *ca, const struct db_application *application,
            int64_t at, struct error *err)
{
    json_t *order = NULL;
    bool has_live;
    bool ok = false;

    if (!ca_client_has_live(ca, application->account, at, &has_live, err))
        return false;
    if (has_live)
        return error_set(err, ERROR_CONFLICT,
                         "account %s has a live certificate: it needs renewal, "
                         "reissue or change, not a new application",
                         application->account);
    if (json_parse_object(application->order_body, application->order_body_len,
                          &order, err))
        ok = ca_client_check(ca, order, err) ||
             error_wrap(err, "the CA would not issue this");
    json_decref(order);
    return ok;
}

bool
business_decide(struct db *db, struct ca_client *ca, const char *number,
                const struct review_decision *decision,
                const struct review_officer *officer,
                const uint8_t *certificate, size_t certificate_len, int64_t at,
                enum application_state *to, struct error *err)
{
    struct db_application application = {0};
    struct buf statement = BUF_INIT(STATEMENT_MAX);
    struct decide_run run = {.number = number,
                             .decision = decision,
                             .officer = officer,
                             .certificate = certificate,
                             .certificate_len = certificate_len,
                             .statement = &statement,
                             .at = at};
    const struct application_transition *transition;
    enum application_state state;
    bool ok = false;

    if (!db_application_get(db, number, false, &application, err) ||
        !business_state(&application, &state, err) ||
        !review_transition_get(decision, state, &transition, err))
        goto out;
    run.order_id = application.order_id;
    if (!review_statement_encode(decision, application.order_id,
                                 application.order_digest, &statement, err) ||
        !review_signature_verify(decision, &statement, certificate,
                                 certificate_len, err))
        goto out;
    if (transition->event == APPLICATION_ENTER &&
        !entry_check(ca, &application, at, err))
        goto out;
    ok = db_transaction(db, decide_run, &run, err);
    *to = run.to;
out:
    buf_clear(&statement);
    db_application_clear(&application);
    return ok;
}
