/* What the CA's answer does to an application: ra/business.h. */
#include "ra/business.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/review.h"
#include "ra/business_step.h"

enum {
    WAIT_MAX_S = 60, /* an order never waits longer for its next try */
    PROBLEM_MAX = 400,
};

int64_t
business_send_wait_s(int send_count)
{
    return send_count >= 6 ? WAIT_MAX_S : INT64_C(1) << send_count;
}

bool
business_is_for_request(const uint8_t *certificate, size_t certificate_len,
                        const uint8_t *csr, size_t csr_len)
{
    const unsigned char *p = certificate;
    const unsigned char *q = csr;
    X509 *x509 = d2i_X509(NULL, &p, (long)certificate_len);
    X509_REQ *req = d2i_X509_REQ(NULL, &q, (long)csr_len);
    bool is_same =
        x509 != NULL && req != NULL && p == certificate + certificate_len &&
        q == csr + csr_len &&
        EVP_PKEY_eq(X509_get0_pubkey(x509), X509_REQ_get0_pubkey(req)) == 1;
    struct error unused;

    X509_free(x509);
    X509_REQ_free(req);
    error_openssl(&unused, ERROR_INPUT, "leaves the error queue empty");
    return is_same;
}

static bool
decisions_each(const struct db_result *row, void *arg, struct error *err)
{
    struct review_decision decision = {.verdict = REVIEW_APPROVE};
    struct api_decision *part = &decision.signed_part;
    struct db_review review;

    if (!db_review_read(row, 0, &review, err))
        return false;
    /* A revision with another verdict is over: it has no order to send. */
    if (strcmp(review.verdict, review_verdict_name(REVIEW_APPROVE)) != 0)
        return true;
    if (!api_step_find(review.step, &part->step) ||
        strlen(review.officer_id) != TEXT_UUID_LEN ||
        review.signature_len > sizeof part->signature)
        return error_set(err, ERROR_INTERNAL, "decision on %s not understood",
                         review.number);
    memcpy(part->officer_id, review.officer_id, TEXT_UUID_LEN + 1);
    memcpy(part->credential_id, review.credential_id, 32);
    part->decided_at = review.decided_at;
    memcpy(part->signature, review.signature, review.signature_len);
    part->signature_len = review.signature_len;
    json_array_append_new(arg, review_decision_json(&decision));
    return true;
}

bool
business_decisions(struct db *db, const char *number, int revision,
                   json_t **out, struct error *err)
{
    json_t *decisions = json_array();

    if (!db_review_list(db, number, revision, decisions_each, decisions, err)) {
        json_decref(decisions);
        return false;
    }
    *out = decisions;
    return true;
}

struct answer_run {
    const char *number;
    const char *order_id; /* that was answered */
    enum application_event event;
    const struct db_ra_certificate *certificate; /* of an issue */
    const char *problem;                         /* of a refusal */
    int64_t at;
};

static bool
answer_run(struct db *db, void *arg, struct error *err)
{
    struct answer_run *run = arg;
    struct db_application application = {0};
    struct business_step step = {
        .link = {.number = run->number,
                 .at = run->at,
                 .actor = "signet-ra",
                 .remark = run->problem},
        .order_id = run->order_id,
    };
    enum application_state state;
    bool ok = false;

    if (!db_application_get(db, run->number, true, &application, err) ||
        !business_state(&application, &state, err))
        goto out;
    /* Another sender was there first, with the same answer. */
    if (state != APPLICATION_ISSUING ||
        strcmp(application.order_id, run->order_id) != 0) {
        ok = true;
        goto out;
    }
    if (!application_transition_get(state, run->event, APPLICATION_BY_SYSTEM,
                                    &step.link.transition, err) ||
        (run->certificate != NULL &&
         !db_ra_certificate_add(db, run->number, run->certificate, run->at,
                                err)) ||
        !db_application_move(db, run->number, application.state,
                             application_state_name(step.link.transition->to),
                             run->at, err))
        goto out;
    step.account = application.account;
    step.link.revision = application.revision;
    ok = business_step(db, &step, err);
out:
    db_application_clear(&application);
    return ok;
}

/* Stores what the CA issued, after a look at it. */
static bool
answer_store(struct db *db, struct ca_client *ca,
             const struct db_application *application,
             const struct api_answer *answer, int64_t at, struct error *err)
{
    const struct api_answer_certificate *issued = &answer->certificate[0];
    struct buf issuer_der = BUF_INIT(API_CERTIFICATE_MAX);
    struct db_ra_certificate certificate = {
        .issuer = issued->issuer,
        .serial = issued->serial,
        .serial_len = API_SERIAL_LEN,
        .der = issued->der,
        .der_len = issued->der_len,
    };
    struct answer_run run = {.number = application->number,
                             .order_id = application->order_id,
                             .event = APPLICATION_ISSUE,
                             .certificate = &certificate,
                             .at = at};
    bool ok = false;

    if (!business_is_for_request(issued->der, issued->der_len, application->csr,
                                 application->csr_len)) {
        error_set(err, ERROR_INTERNAL,
                  "the CA's certificate is for another key than the request");
        goto out;
    }
    if (!ca_client_issuer(ca, issued->issuer, &issuer_der, err))
        goto out;
    certificate.issuer_der = issuer_der.data;
    certificate.issuer_der_len = issuer_der.len;
    ok = db_transaction(db, answer_run, &run, err);
out:
    buf_clear(&issuer_der);
    return ok;
}

/* Back to the applicant, with the CA's words as remark. */
static bool
answer_refused(struct db *db, const struct db_application *application,
               int64_t at, const struct error *refusal, struct error *err)
{
    char problem[PROBLEM_MAX];
    struct answer_run run = {.number = application->number,
                             .order_id = application->order_id,
                             .event = APPLICATION_REFUSE,
                             .problem = problem,
                             .at = at};

    snprintf(problem, sizeof problem, "%.*s", PROBLEM_MAX - 1, refusal->what);
    return db_transaction(db, answer_run, &run, err);
}

static bool
put_off(struct db *db, const struct db_application *application,
        const struct error *why, struct error *err)
{
    char problem[PROBLEM_MAX];
    int64_t again_at =
        clock_now() + business_send_wait_s(application->send_count);

    log_failure("order.unanswered", why);
    snprintf(problem, sizeof problem, "%.*s", PROBLEM_MAX - 1, why->what);
    if (db_application_put_off(db, application->number, problem, again_at, err))
        return true;
    return err->code == ERROR_CONFLICT; /* answered to another sender */
}

/* The order and its decisions as the CA wants them. */
static enum ca_outcome
order_send(struct db *db, struct ca_client *ca,
           const struct db_application *application, struct api_answer *answer,
           struct error *err)
{
    json_t *order = NULL;
    json_t *decisions = NULL;
    enum ca_outcome outcome = CA_PENDING;

    if (json_parse_object(application->order_body, application->order_body_len,
                          &order, err) &&
        business_decisions(db, application->number, application->revision,
                           &decisions, err))
        outcome = ca_client_order(ca, order, decisions, application->order_id,
                                  answer, err);
    json_decref(order);
    json_decref(decisions);
    return outcome;
}

bool
business_send(struct db *db, struct ca_client *ca, const char *number,
              int64_t at, struct error *err)
{
    struct db_application application = {0};
    struct api_answer answer = {0};
    struct error trouble = {0};
    enum ca_outcome outcome;
    enum application_state state;
    bool ok = false;

    if (!db_application_get(db, number, false, &application, err) ||
        !business_state(&application, &state, err))
        goto out;
    ok = true;
    if (state != APPLICATION_ISSUING)
        goto out;
    outcome = order_send(db, ca, &application, &answer, &trouble);
    if (outcome == CA_DONE &&
        !answer_store(db, ca, &application, &answer, at, &trouble))
        outcome = CA_PENDING; /* the CA will say the same again */
    if (outcome == CA_REFUSED)
        ok = answer_refused(db, &application, at, &trouble, err);
    if (outcome == CA_PENDING)
        ok = put_off(db, &application, &trouble, err);
out:
    api_answer_clear(&answer);
    db_application_clear(&application);
    return ok;
}
