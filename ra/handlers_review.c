/* What officers read and decide: ra/handlers.h. */
#include "ra/handlers.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "ra/business.h"

/* The record, the order of this revision and the decisions there are: what an
 * officer's program shows before it signs. */
static json_t *
review_json(struct ra_worker *worker, const char *number, struct error *err)
{
    struct db_application application = {0};
    json_t *order = NULL;
    json_t *decisions = NULL;
    json_t *out = NULL;

    if (!db_application_get(worker->db, number, false, &application, err))
        goto out;
    if (application.order_id == NULL) {
        error_set(err, ERROR_CONFLICT,
                  "this application was not submitted yet");
        goto out;
    }
    if (!json_parse_object(application.order_body, application.order_body_len,
                           &order, err) ||
        !business_decisions(worker->db, number, application.revision,
                            &decisions, err))
        goto out;
    out = json_object();
    json_object_set_new(out, "application",
                        application_json(&application, true));
    json_object_set(out, "order", order);
    json_set_hex(out, "digest", application.order_digest, 32);
    json_object_set(out, "decisions", decisions);
    if (application.send_problem != NULL)
        json_set_text(out, "send_problem", application.send_problem);
out:
    json_decref(order);
    json_decref(decisions);
    db_application_clear(&application);
    return out;
}

void
handle_review_show(void *arg, const struct http_request *req,
                   struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *out;

    if (!caller_officer(worker, req, res, &caller))
        return;
    out = review_json(worker, http_param(req, "number"), &err);
    if (out != NULL)
        http_reply_json(res, 200, out);
    else
        http_reply_error(res, req, "review.show", &err);
}

void
handle_review_decide(void *arg, const struct http_request *req,
                     struct http_response *res)
{
    struct ra_worker *worker = arg;
    const char *number = http_param(req, "number");
    struct review_decision decision;
    struct caller caller;
    struct error err = {0};
    enum application_state to = APPLICATION_DRAFT;
    json_t *body = NULL;
    json_t *out = NULL;

    if (!caller_officer(worker, req, res, &caller))
        return;
    if (!http_json(req, &body, &err) ||
        !review_decision_parse(body, &decision, &err) ||
        !business_decide(worker->db, worker->ca, number, &decision,
                         &caller.officer, req->peer.certificate,
                         req->peer.certificate_len, clock_now(), &to, &err)) {
        http_reply_error(res, req, "review.decide", &err);
        goto out;
    }
    log_event(LOG_LEVEL_INFO, "review.decided", LOG_TEXT("application", number),
              LOG_TEXT("step", api_step_name(decision.signed_part.step)),
              LOG_TEXT("verdict", review_verdict_name(decision.verdict)),
              LOG_TEXT("officer", caller.officer.officer_id));
    /* The decision stands from here on, whatever comes of the order: it is
     * sent again by the outbox until the CA has answered. */
    if (to == APPLICATION_ISSUING &&
        !business_send(worker->db, worker->ca, number, clock_now(), &err))
        log_failure("order.send", &err);
    out = review_json(worker, number, &err);
    if (out != NULL)
        http_reply_json(res, 200, out);
    else
        http_reply_error(res, req, "review.show", &err);
out:
    json_decref(body);
}
