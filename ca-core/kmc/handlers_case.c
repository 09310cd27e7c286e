/* Calls about cases that open the recovery token. */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "ca-core/kmc/decide.h"
#include "ca-core/kmc/handlers.h"
#include "ca-core/kmc/jobs.h"

enum { LIST_MAX = 200, SIGNATURE_MAX = 1024 };

static json_t *
case_json(const struct db_kmc_case *c)
{
    json_t *json = json_object(), *body = NULL;

    json_set_text(json, "case", c->id);
    json_set_text(json, "kind", c->kind);
    json_set_text(json, "state", c->state);
    json_set_text(json, "requester", c->requester);
    json_set_text(json, "opened_by", c->opened_by);
    json_set_hex(json, "digest", c->digest, sizeof c->digest);
    json_set_time(json, "opened_at", c->opened_at);
    json_set_time(json, "expires_at", c->expires_at);
    if (c->closed_at != 0)
        json_set_time(json, "closed_at", c->closed_at);
    if (c->outcome != NULL)
        json_set_text(json, "outcome", c->outcome);
    if (json_parse_object(c->body, c->body_len, &body, NULL))
        json_object_set_new(json, "body", body);
    json_object_set_new(json, "has_answer", json_boolean(c->answer != NULL));
    return json;
}

/* Authorities see what they opened, people all. */
static bool
may_see(const struct db_kmc_case *c, const struct db_kmc_party *party,
        enum kmc_role role)
{
    return role != KMC_CA || strcmp(c->opened_by, party->name) == 0;
}

void
kmc_post_case(void *arg, const struct http_request *req,
              struct http_response *res)
{
    struct kmc_worker *worker = arg;
    struct db_kmc_party party;
    struct db_kmc_case c = {0};
    struct kmc_request request;
    struct error err = {0};
    enum kmc_role role;
    json_t *json = NULL;

    if (kmc_caller(worker, req, &party, &role, &err) &&
        http_json(req, &json, &err) &&
        kmc_request_parse(json, &request, &err) &&
        decide_open(worker, &party, role, &request, clock_now(), &c, &err))
        http_reply_json(res, 200, case_json(&c));
    else
        http_reply_error(res, req, "kmc.case", &err);
    db_kmc_case_clear(&c);
    json_decref(json);
}

void
kmc_get_cases(void *arg, const struct http_request *req,
              struct http_response *res)
{
    struct kmc_worker *worker = arg;
    struct db_kmc_party party;
    struct db_kmc_case *cases = NULL;
    struct error err = {0};
    enum kmc_role role;
    size_t count = 0;
    json_t *answer, *array;

    if (!kmc_caller(worker, req, &party, &role, &err) ||
        !db_kmc_case_list(worker->db, LIST_MAX, &cases, &count, &err)) {
        http_reply_error(res, req, "kmc.cases", &err);
        return;
    }
    answer = json_object();
    array = json_array();
    for (size_t i = 0; i < count; i++)
        if (may_see(&cases[i], &party, role))
            json_array_append_new(array, case_json(&cases[i]));
    json_object_set_new(answer, "cases", array);
    http_reply_json(res, 200, answer);
    db_kmc_cases_free(cases, count);
}

/* The case that the path names, if the caller may see it. */
static bool
find_case(struct kmc_worker *worker, const struct http_request *req,
          struct db_kmc_party *party, enum kmc_role *role,
          struct db_kmc_case *out, struct error *err)
{
    const char *id = http_param(req, "id");

    *out = (struct db_kmc_case){0};
    if (!text_is_uuid(id))
        return error_set(err, ERROR_NOT_FOUND, "no recovery case %.40s", id);
    return kmc_caller(worker, req, party, role, err) &&
           db_kmc_case_get(worker->db, id, out, err) &&
           (may_see(out, party, *role) ||
            error_set(err, ERROR_NOT_FOUND, "no recovery case %s", id));
}

void
kmc_get_case(void *arg, const struct http_request *req,
             struct http_response *res)
{
    struct kmc_worker *worker = arg;
    struct db_kmc_party party;
    struct db_kmc_approval *approvals = NULL;
    struct db_kmc_case c;
    struct error err = {0};
    enum kmc_role role;
    size_t count = 0;
    json_t *answer, *array;

    if (find_case(worker, req, &party, &role, &c, &err) &&
        db_kmc_approval_list(worker->db, c.id, &approvals, &count, &err)) {
        answer = case_json(&c);
        array = json_array();
        for (size_t i = 0; i < count; i++) {
            json_t *item = json_object();

            json_set_text(item, "party", approvals[i].party);
            json_set_text(item, "step", approvals[i].step);
            json_set_text(item, "verdict", approvals[i].verdict);
            json_set_time(item, "decided_at", approvals[i].decided_at);
            json_array_append_new(array, item);
        }
        json_object_set_new(answer, "decisions", array);
        json_set_int(answer, "shares",
                     holding_count(worker->service->holding, c.id));
        http_reply_json(res, 200, answer);
        db_kmc_approvals_free(approvals, count);
    } else {
        http_reply_error(res, req, "kmc.case.get", &err);
    }
    db_kmc_case_clear(&c);
}

/* {"verdict", "decided_at", "signature", "share"?}: `signature` and `share` are
 * the caller's. */
static bool
read_decision(const json_t *json, struct buf *signature, struct share *share,
              struct decide_decision *out, struct error *err)
{
    static const char *const names[] = {"verdict", "decided_at", "signature",
                                        "share", NULL};
    struct buf octets = BUF_INIT(SHARE_LEN);
    bool ok = false;

    *out = (struct decide_decision){0};
    if (!json_only(json, names, err) ||
        !json_get_text(json, "verdict", 16, &out->verdict, err) ||
        !json_get_time(json, "decided_at", &out->decided_at, err) ||
        !json_get_bytes(json, "signature", SIGNATURE_MAX, signature, err))
        return false;
    out->signature = signature->data;
    out->signature_len = signature->len;
    if (json_object_get(json, "share") == NULL)
        return true;
    if (json_get_bytes(json, "share", SHARE_LEN, &octets, err)) {
        ok = octets.len == SHARE_LEN ||
             error_set(err, ERROR_INPUT, "share: %d octets", SHARE_LEN);
        if (ok)
            memcpy(share->octet, octets.data, SHARE_LEN);
        out->share = share;
    }
    buf_cleanse(&octets);
    return ok;
}

void
kmc_post_decision(void *arg, const struct http_request *req,
                  struct http_response *res)
{
    struct kmc_worker *worker = arg;
    struct buf signature = BUF_INIT(SIGNATURE_MAX);
    struct decide_decision decision;
    struct db_kmc_party party;
    struct share share = {{0}};
    struct error err = {0};
    const char *id = http_param(req, "id"), *state = "";
    enum kmc_role role;
    json_t *json = NULL, *answer;

    if (!text_is_uuid(id))
        (void)error_set(&err, ERROR_NOT_FOUND, "no recovery case %.40s", id);
    else if (kmc_caller(worker, req, &party, &role, &err) &&
             http_json(req, &json, &err) &&
             read_decision(json, &signature, &share, &decision, &err) &&
             decide_take(worker, &party, role, id, &decision, clock_now(),
                         &state, &err)) {
        answer = json_object();
        json_set_text(answer, "state", state);
        http_reply_json(res, 200, answer);
        kmc_jobs_wake(worker->service->jobs);
    }
    if (err.code != ERROR_NONE)
        http_reply_error(res, req, "kmc.decision", &err);
    OPENSSL_cleanse(&share, sizeof share);
    /* The share stood in the message, which is this worker's copy. */
    if (req->body != NULL)
        OPENSSL_cleanse((void *)(uintptr_t)req->body, req->body_len);
    buf_clear(&signature);
    json_decref(json);
}

void
kmc_post_abort(void *arg, const struct http_request *req,
               struct http_response *res)
{
    struct kmc_worker *worker = arg;
    struct db_kmc_party party;
    struct db_kmc_case c;
    struct error err = {0};
    enum kmc_role role;
    bool ok = find_case(worker, req, &party, &role, &c, &err) &&
              decide_abort(worker, &party, c.id, clock_now(), &err);

    db_kmc_case_clear(&c);
    ok = ok && find_case(worker, req, &party, &role, &c, &err);
    if (ok)
        http_reply_json(res, 200, case_json(&c));
    else
        http_reply_error(res, req, "kmc.case.abort", &err);
    db_kmc_case_clear(&c);
}

/* For who opened the case. */
static bool
find_answered(struct kmc_worker *worker, const struct http_request *req,
              struct db_kmc_case *out, struct error *err)
{
    struct db_kmc_party party;
    enum kmc_role role;

    if (!find_case(worker, req, &party, &role, out, err))
        return false;
    if (strcmp(out->opened_by, party.name) != 0)
        return error_set(err, ERROR_DENIED,
                         "the answer is for who opened the case");
    return true;
}

void
kmc_get_answer(void *arg, const struct http_request *req,
               struct http_response *res)
{
    struct db_kmc_case c;
    struct error err = {0};

    if (find_answered(arg, req, &c, &err) &&
        (c.answer != NULL ||
         error_set(&err,
                   strcmp(c.state, "done") == 0 ? ERROR_NOT_FOUND
                                                : ERROR_CONFLICT,
                   "case %s is %s and has no answer", c.id, c.state)))
        http_reply_bytes(res, 200, "application/json", c.answer, c.answer_len);
    else
        http_reply_error(res, req, "kmc.answer", &err);
    db_kmc_case_clear(&c);
}

void
kmc_post_answer_received(void *arg, const struct http_request *req,
                         struct http_response *res)
{
    struct kmc_worker *worker = arg;
    struct db_kmc_case c;
    struct error err = {0};

    if (find_answered(worker, req, &c, &err) &&
        decide_forget(worker->db, c.id, "kmc.answer-received", clock_now(),
                      &err))
        http_reply_json(res, 200, json_object());
    else
        http_reply_error(res, req, "kmc.answer.received", &err);
    db_kmc_case_clear(&c);
}
