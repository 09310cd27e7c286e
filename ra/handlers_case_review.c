/* What officers do with cases: ra/handlers_case.h. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/document.h"
#include "ra/case_json.h"
#include "ra/case_review.h"
#include "ra/case_whole.h"
#include "ra/handlers_case.h"

enum {
    REVIEWS = 1u << API_ROLE_FIRST_REVIEWER | 1u << API_ROLE_SECOND_REVIEWER |
              1u << API_ROLE_INTAKE_CLERK | 1u << API_ROLE_MAKER |
              1u << API_ROLE_AUDITOR,
    REMARK_MAX = 1000, /* octets */
};

void
handle_case_review(void *arg, const struct http_request *req,
                   struct http_response *res)
{
    struct ra_worker *worker = arg;
    const char *number = http_param(req, "number");
    struct db_case row = {0};
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_with_role(worker, req, res, REVIEWS, &caller))
        return;
    if (!case_for(worker, &caller, number, &row, &err) ||
        !db_look_add(worker->db, caller.officer.officer_id, number, "fields",
                     clock_now(), &err) ||
        !case_review_json(worker->business, worker->db, &row,
                          case_actors(&caller), &out, &err)) {
        http_reply_error(res, req, "case.review", &err);
    } else {
        http_reply_json(res, 200, out);
        http_response_header(res, "Cache-Control", "no-store");
    }
    db_case_clear(&row);
}

static void
reply_state(struct http_response *res, enum case_state state)
{
    json_t *out = json_object();

    json_set_text(out, "state", case_state_name(state));
    http_reply_json(res, 200, out);
}

void
handle_case_decide(void *arg, const struct http_request *req,
                   struct http_response *res)
{
    struct ra_worker *worker = arg;
    const char *number = http_param(req, "number");
    struct case_review review = {0};
    struct caller caller;
    struct error err = {0};
    enum case_state to = CASE_DRAFT;
    json_t *body = NULL;

    if (!caller_officer(worker, req, res, &caller))
        return;
    if (!http_json(req, &body, &err) ||
        !case_review_parse(body, &review, &err) ||
        !case_review_decide(worker->business, worker->db, number, &review,
                            &caller.officer, req->peer.certificate,
                            req->peer.certificate_len, clock_now(), &to,
                            &err)) {
        http_reply_error(res, req, "case.decide", &err);
    } else {
        log_event(
            LOG_LEVEL_INFO, "case.decided", LOG_TEXT("case", number),
            LOG_TEXT("step", api_step_name(review.decision.step)),
            LOG_TEXT("verdict", api_verdict_name(review.decision.verdict)),
            LOG_TEXT("officer", caller.officer.officer_id));
        reply_state(res, to);
    }
    case_review_clear(&review);
    json_decref(body);
}

/* ---- Customer service ------------------------------------------------------
 */

/* Whom an officer acts as when a case is closed: finance gives back what a
 * renewal cost that the CA refused, customer service closes all else. */
static bool
closer_get(const struct caller *caller, const struct db_case *row,
           enum case_actor *out, struct error *err)
{
    if (strcmp(row->state, "issue-failed") == 0) {
        *out = CASE_BY_FINANCE;
        return caller_has_role(caller, API_ROLE_FINANCE) ||
               error_set(err, ERROR_DENIED,
                         "what the CA refused is given back by finance");
    }
    *out = CASE_BY_CUSTOMER_SERVICE;
    return caller_has_role(caller, API_ROLE_CUSTOMER_SERVICE) ||
           error_set(err, ERROR_DENIED, "cases are closed by customer service");
}

/* The applicant's stamped statement (domain.md, 1.2) has to be there where the
 * business has a place for it. */
static bool
statement_check(struct ra_worker *worker, const struct db_case *row,
                struct error *err)
{
    struct db_document document = {0};
    enum case_business kind;

    if (!case_business_find(row->business, &kind) ||
        definition_slot_find(
            definition_get(worker->business->definitions, kind), "statement") ==
            NULL)
        return true;
    if (db_document_get(worker->db, row->number, "statement", &document, err)) {
        db_document_clear(&document);
        return true;
    }
    if (err->code != ERROR_NOT_FOUND)
        return false;
    return error_set(err, ERROR_CONFLICT,
                     "请先上传盖章说明 / upload the stamped statement first");
}

static bool
officer_step(struct ra_worker *worker, const struct caller *caller,
             const char *number, enum case_event event, const char *remark,
             enum case_state *to, struct error *err)
{
    struct db_case row = {0};
    struct case_act act = {.number = number,
                           .event = event,
                           .who = CASE_BY_CUSTOMER_SERVICE,
                           .actor = caller->officer.officer_id,
                           .remark = remark,
                           .at = clock_now()};
    bool ok =
        case_for(worker, caller, number, &row, err) &&
        (event != CASE_CLOSE || (closer_get(caller, &row, &act.who, err) &&
                                 statement_check(worker, &row, err))) &&
        case_apply(worker->business, worker->db, &act, to, err);

    if (ok)
        log_event(LOG_LEVEL_INFO, "case.moved", LOG_TEXT("case", number),
                  LOG_TEXT("what", case_event_name(event)),
                  LOG_TEXT("officer", act.actor));
    db_case_clear(&row);
    return ok;
}

void
handle_case_close(void *arg, const struct http_request *req,
                  struct http_response *res)
{
    static const char *const names[] = {"remark", NULL};
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    enum case_state to = CASE_CLOSED;
    const char *remark;
    json_t *body = NULL;

    if (!caller_with_role(
            worker, req, res,
            1u << API_ROLE_CUSTOMER_SERVICE | 1u << API_ROLE_FINANCE, &caller))
        return;
    if (http_json(req, &body, &err) && json_only(body, names, &err) &&
        json_get_text(body, "remark", REMARK_MAX, &remark, &err) &&
        (remark[0] != '\0' ||
         error_set(&err, ERROR_INPUT,
                   "remark: the applicant must learn why")) &&
        officer_step(worker, &caller, http_param(req, "number"), CASE_CLOSE,
                     remark, &to, &err))
        reply_state(res, to);
    else
        http_reply_error(res, req, "case.close", &err);
    json_decref(body);
}

void
handle_case_retry(void *arg, const struct http_request *req,
                  struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    enum case_state to = CASE_ISSUING;

    if (!caller_with_role(worker, req, res, 1u << API_ROLE_CUSTOMER_SERVICE,
                          &caller))
        return;
    if (officer_step(worker, &caller, http_param(req, "number"), CASE_RETRY,
                     NULL, &to, &err))
        reply_state(res, to);
    else
        http_reply_error(res, req, "case.retry", &err);
}
