/* Parcels and papers over HTTP: ra/handlers_device.h. */
#include "ra/handlers_device.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "ra/form.h"
#include "ra/intake.h"
#include "ra/shipment.h"
#include "ra/signed_call.h"

enum {
    CLERK = 1u << API_ROLE_INTAKE_CLERK | 1u << API_ROLE_MAKER,
};

/* ---- Parcels ---------------------------------------------------------------
 */

/* `tracking` gets the number in capitals, as couriers print it. */
static bool
shipment_read(const json_t *body, const char **direction,
              struct shipment_request *request,
              char tracking[SHIPMENT_TRACKING_MAX + 1], struct error *err)
{
    static const char *const names[] = {"direction", "carrier", "tracking",
                                        NULL};

    if (!json_only(body, names, err) ||
        !json_get_text(body, "direction", 3, direction, err) ||
        !json_get_text(body, "carrier", SHIPMENT_CARRIER_MAX, &request->carrier,
                       err) ||
        !json_get_text(body, "tracking", SHIPMENT_TRACKING_MAX,
                       &request->tracking, err))
        return false;
    for (size_t i = 0; i <= strlen(request->tracking); i++)
        tracking[i] = (char)toupper((unsigned char)request->tracking[i]);
    request->tracking = tracking;
    return strcmp(*direction, "out") == 0 || strcmp(*direction, "in") == 0 ||
           error_set(err, ERROR_INPUT, "direction: out or in");
}

/* Out: the maker. In: the applicant, or who takes parcels in. */
static bool
shipment_allowed(const struct caller *caller, const char *direction,
                 struct error *err)
{
    bool is_out = strcmp(direction, "out") == 0;

    if (caller->kind == CALLER_ACCOUNT && !is_out)
        return true;
    if (is_out && caller_has_role(caller, API_ROLE_MAKER))
        return true;
    if (!is_out && caller_has_role(caller, API_ROLE_INTAKE_CLERK))
        return true;
    return error_set(err, ERROR_DENIED, "this is for a %s",
                     is_out ? "maker" : "unit account or intake clerk");
}

void
handle_shipment_create(void *arg, const struct http_request *req,
                       struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct shipment_request request = {.number = http_param(req, "number"),
                                       .at = clock_now()};
    char tracking[SHIPMENT_TRACKING_MAX + 1];
    const char *direction;
    char id[TEXT_UUID_LEN + 1];
    struct caller caller;
    struct error err = {0};
    json_t *body = NULL;
    json_t *out;

    if (!caller_get(worker, req, res, &caller))
        return;
    request.actor = caller_name(&caller);
    if (caller.kind == CALLER_ACCOUNT)
        request.account = caller.account.account;
    if (!http_json(req, &body, &err) ||
        !shipment_read(body, &direction, &request, tracking, &err) ||
        !shipment_allowed(&caller, direction, &err) ||
        !(strcmp(direction, "out") == 0
              ? shipment_send(worker->business, worker->db, &request, id, &err)
              : shipment_announce(worker->business, worker->db, &request, id,
                                  &err))) {
        http_reply_error(res, req, "shipment.create", &err);
    } else {
        out = json_object();
        json_set_text(out, "id", id);
        http_reply_json(res, 201, out);
    }
    json_decref(body);
}

void
handle_shipment_deliver(void *arg, const struct http_request *req,
                        struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *out;

    if (!caller_with_role(worker, req, res, CLERK, &caller))
        return;
    if (!shipment_deliver(worker->business, worker->db, http_param(req, "id"),
                          caller.officer.officer_id, clock_now(), &err)) {
        http_reply_error(res, req, "shipment.deliver", &err);
        return;
    }
    out = json_object();
    json_set_text(out, "id", http_param(req, "id"));
    json_set_text(out, "state", "delivered");
    http_reply_json(res, 200, out);
}

/* ---- The courier -----------------------------------------------------------
 */

static bool
courier_take(struct ra_worker *worker, const struct http_request *req,
             struct error *err)
{
    const char *path = config_path(worker->ra->config, "ra.courier_key_file");
    char nonce[SIGNED_NONCE_LEN + 1];
    struct shipment_news news;
    struct signed_key *key = NULL;
    int64_t now = clock_now();
    json_t *body = NULL;
    bool ok;

    if (path[0] == '\0')
        return error_set(err, ERROR_NOT_FOUND, "no courier is expected here");
    ok = signed_key_secret(path, &key, err);
    if (!ok)
        err->code = ERROR_INTERNAL; /* ours, not the courier's */
    ok = ok && signed_request_check(key, req, now, nonce, err) &&
         http_json(req, &body, err) &&
         shipment_news_parse(body, now, &news, err) &&
         shipment_tell(worker->business, worker->db, &news, nonce, now, err);
    signed_key_free(key);
    json_decref(body);
    return ok;
}

void
handle_courier(void *arg, const struct http_request *req,
               struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct error err = {0};
    json_t *out;

    if (!courier_take(worker, req, &err)) {
        http_reply_error(res, req, "courier.callback", &err);
        return;
    }
    out = json_object();
    json_set_text(out, "result", "taken");
    http_reply_json(res, 200, out);
}

/* ---- Papers ----------------------------------------------------------------
 */

static bool
intake_json(struct ra_worker *worker, const char *number, json_t **out,
            struct error *err)
{
    struct db_case row = {0};
    json_t *papers = NULL;
    json_t *shipments = NULL;
    bool ok = false;

    if (!db_case_get(worker->db, number, false, &row, err))
        return false;
    if (!intake_papers_json(worker->db, number, &papers, err) ||
        !shipment_list_json(worker->db, number, &shipments, err))
        goto out;
    *out = json_object();
    json_set_text(*out, "number", row.number);
    json_set_text(*out, "business", row.business);
    json_set_text(*out, "state", row.state);
    json_set_text(*out, "unit_name", row.unit_name);
    json_set_int(*out, "revision", row.revision);
    json_object_set(*out, "papers", papers);
    json_object_set(*out, "shipments", shipments);
    ok = true;
out:
    json_decref(papers);
    json_decref(shipments);
    db_case_clear(&row);
    return ok;
}

void
handle_intake(void *arg, const struct http_request *req,
              struct http_response *res)
{
    static const char *const names[] = {"code", NULL};
    struct ra_worker *worker = arg;
    char number[DB_CASE_NUMBER_MAX + 1];
    const char *code;
    struct caller caller;
    struct error err = {0};
    json_t *body = NULL;
    json_t *out = NULL;

    if (!caller_with_role(worker, req, res, CLERK, &caller))
        return;
    if (!http_json(req, &body, &err) || !json_only(body, names, &err) ||
        !json_get_text(body, "code", FORM_CODE_MAX, &code, &err) ||
        !intake_find(worker->business, code, number, &err) ||
        !intake_json(worker, number, &out, &err))
        http_reply_error(res, req, "intake.find", &err);
    else
        http_reply_json(res, 200, out);
    json_decref(body);
}

void
handle_papers(void *arg, const struct http_request *req,
              struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct intake intake;
    enum case_state to;
    struct caller caller;
    struct error err = {0};
    json_t *body = NULL;
    json_t *papers = NULL;
    json_t *out;

    if (!caller_with_role(worker, req, res, 1u << API_ROLE_INTAKE_CLERK,
                          &caller))
        return;
    if (!http_json(req, &body, &err) || !intake_parse(body, &intake, &err))
        goto failed;
    intake.number = http_param(req, "number");
    intake.officer_id = caller.officer.officer_id;
    intake.at = clock_now();
    if (!intake_take(worker->business, worker->db, &intake, &to, &papers, &err))
        goto failed;
    out = json_object();
    json_set_text(out, "number", intake.number);
    json_set_text(out, "state", case_state_name(to));
    json_object_set_new(out, "papers", papers);
    http_reply_json(res, 200, out);
    json_decref(body);
    return;
failed:
    http_reply_error(res, req, "intake.papers", &err);
    json_decref(body);
}
