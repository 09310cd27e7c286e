/* What applicants do with cases: ra/handlers_case.h. */
#include "ra/handlers_case.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/holder.h"
#include "ra/account.h"
#include "ra/case_facts.h"

/* ---- Businesses -----------------------------------------------------------
 */

/* What an account has open: one for all, and one of each kind beside it. */
struct open_run {
    char main[DB_CASE_NUMBER_MAX + 1]; /* "": none */
    char beside[BUSINESS_COUNT][DB_CASE_NUMBER_MAX + 1];
};

static char *
open_place(struct open_run *open, enum case_business business)
{
    return case_business_is_beside(business) ? open->beside[business]
                                             : open->main;
}

static bool
open_each(const struct db_result *row, void *arg, struct error *err)
{
    struct open_run *run = arg;
    struct db_case one;
    enum case_business business;
    enum case_state state;

    if (!db_case_read(row, 0, &one, err))
        return false;
    if (!case_state_find(one.state, &state) || case_state_is_final(state) ||
        !case_business_find(one.business, &business))
        return true;
    (void)snprintf(open_place(run, business), sizeof run->main, "%s",
                   one.number);
    return true;
}

/* "中文 / English" into its halves. */
static json_t *
both(const char *text)
{
    const char *at = strstr(text, " / ");
    json_t *json = json_object();

    if (at == NULL) {
        json_set_text(json, "zh", text);
        json_set_text(json, "en", text);
    } else {
        json_object_set_new(json, "zh",
                            json_stringn(text, (size_t)(at - text)));
        json_set_text(json, "en", at + 3);
    }
    return json;
}

static void
set_open(json_t *json, const struct definition *definition,
         const struct db_holder *live, struct open_run *open, int64_t now)
{
    const char *other = open_place(open, definition->business);
    struct error why = {0};
    bool is_open = case_condition(definition, live, now, &why);

    if (is_open && other[0] != '\0')
        is_open = error_set(&why, ERROR_CONFLICT,
                            "请先办结或撤回在办业务%s / finish or withdraw %s "
                            "first",
                            other, other);
    json_object_set_new(json, "is_open", json_boolean(is_open));
    if (!is_open)
        json_object_set_new(json, "why_not", both(why.what));
}

/* Where originals go, and whom to call; only what the settings have. */
static json_t *
centre_json(const struct config *config)
{
    json_t *centre = json_object();
    const char *address =
        config == NULL ? "" : config_text(config, "ra.centre");
    const char *hotline =
        config == NULL ? "" : config_text(config, "ra.hotline");

    if (address[0] != '\0')
        json_set_text(centre, "address", address);
    if (hotline[0] != '\0')
        json_set_text(centre, "hotline", hotline);
    return centre;
}

void
handle_business_list(void *arg, const struct http_request *req,
                     struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct db_holder live = {0};
    struct open_run open = {0};
    struct caller caller;
    struct error err = {0};
    int64_t now = clock_now();
    bool found = false;
    bool is_account;
    json_t *list;
    json_t *out;

    if (!caller_get(worker, req, res, &caller))
        return;
    is_account = caller.kind == CALLER_ACCOUNT;
    if (is_account &&
        (!db_holder_live(worker->db, caller.account.account, now, &found, &live,
                         &err) ||
         !db_case_list(worker->db, caller.account.account, NULL, NULL, "",
                       PAGE_LIMIT_MAX, open_each, &open, &err))) {
        http_reply_error(res, req, "business.list", &err);
        db_holder_clear(&live);
        return;
    }
    list = json_array();
    for (int i = 0; i < BUSINESS_COUNT; i++) {
        const struct definition *definition = definition_get(
            worker->business->definitions, (enum case_business)i);
        json_t *one = definition_json(definition, now);

        if (is_account)
            set_open(one, definition, found ? &live : NULL, &open, now);
        json_array_append_new(list, one);
    }
    db_holder_clear(&live);
    out = json_object();
    json_object_set_new(out, "businesses", list);
    json_object_set_new(out, "centre", centre_json(worker->business->config));
    http_reply_json(res, 200, out);
}

/* ---- Filing ---------------------------------------------------------------
 */

static bool
fields_get(const json_t *body, json_t **out, struct error *err)
{
    const char *name;
    json_t *value;

    if (!json_get_object(body, "fields", out, err))
        return false;
    json_object_foreach(
        *out, name,
        value) if (!json_is_string(value) &&
                   !json_is_array(
                       value)) return error_set(err, ERROR_INPUT,
                                                "fields: %.48s: a text", name);
    return true;
}

/* The certificate that the applicant means is the one that it is. */
static bool
predecessor_check(struct ra_worker *worker, const struct caller *caller,
                  const json_t *body, struct error *err)
{
    json_t *predecessor;
    const char *issuer;
    const char *serial;
    struct db_holder live = {0};
    uint8_t octets[DB_HOLDER_SERIAL_LEN];
    size_t len = 0;
    bool found = false;
    bool ok;

    if (!json_find_object(body, "predecessor", &predecessor, err))
        return false;
    if (predecessor == NULL)
        return true;
    if (!json_get_text(predecessor, "issuer", API_NAME_MAX, &issuer, err) ||
        !json_get_text(predecessor, "serial", 2 * DB_HOLDER_SERIAL_LEN, &serial,
                       err) ||
        !db_holder_live(worker->db, caller->account.account, clock_now(),
                        &found, &live, err))
        return false;
    ok = found && text_unhex(serial, octets, sizeof octets, &len) &&
         len == sizeof octets && strcmp(issuer, live.issuer) == 0 &&
         memcmp(octets, live.serial, sizeof octets) == 0;
    db_holder_clear(&live);
    return ok || error_set(err, ERROR_CONFLICT,
                           "predecessor: not the live certificate of this "
                           "account");
}

static bool
create(struct ra_worker *worker, const struct http_request *req,
       const struct caller *caller, char number[DB_CASE_NUMBER_MAX + 1],
       struct error *err)
{
    static const char *const names[] = {"business", "notice_version",
                                        "fields",   "predecessor",
                                        "replaces", NULL};
    struct case_new what = {.account = caller->account.account,
                            .is_sample =
                                account_is_sample(caller->account.account),
                            .at = clock_now()};
    json_t *body = NULL;
    const char *business;
    bool ok = false;

    if (!http_json(req, &body, err) || !json_only(body, names, err) ||
        !json_get_text(body, "business", 16, &business, err) ||
        !json_find_text(body, "notice_version", 32, &what.notice_version,
                        err) ||
        !json_find_text(body, "replaces", DB_CASE_NUMBER_MAX, &what.replaces,
                        err) ||
        !fields_get(body, &what.fields, err) ||
        !predecessor_check(worker, caller, body, err))
        goto out;
    if (!case_business_find(business, &what.business)) {
        error_set(err, ERROR_INPUT, "business: there is none of this name");
        goto out;
    }
    ok = case_create(worker->business, worker->db, &what, number, err);
out:
    json_decref(body);
    return ok;
}

void
handle_case_create(void *arg, const struct http_request *req,
                   struct http_response *res)
{
    struct ra_worker *worker = arg;
    char number[DB_CASE_NUMBER_MAX + 1];
    struct caller caller;
    struct error err = {0};

    if (!caller_account(worker, req, res, &caller))
        return;
    if (!create(worker, req, &caller, number, &err)) {
        http_reply_error(res, req, "case.create", &err);
        return;
    }
    log_event(LOG_LEVEL_INFO, "case.created", LOG_TEXT("case", number),
              LOG_TEXT("account", caller.account.account));
    reply_case(worker, &caller, number, 201, req, res);
}

void
handle_case_edit(void *arg, const struct http_request *req,
                 struct http_response *res)
{
    static const char *const names[] = {"revision", "fields", NULL};
    struct ra_worker *worker = arg;
    const char *number = http_param(req, "number");
    struct caller caller;
    struct error err = {0};
    json_t *body = NULL;
    json_t *fields;
    int64_t revision;

    if (!caller_account(worker, req, res, &caller))
        return;
    if (http_json(req, &body, &err) && json_only(body, names, &err) &&
        json_get_int(body, "revision", 1, INT32_MAX, &revision, &err) &&
        fields_get(body, &fields, &err) &&
        case_edit(worker->business, worker->db, caller.account.account, number,
                  (int)revision, fields, clock_now(), &err))
        reply_case(worker, &caller, number, 200, req, res);
    else
        http_reply_error(res, req, "case.edit", &err);
    json_decref(body);
}

/* ---- Steps without a body --------------------------------------------------
 */

static void
step(struct ra_worker *worker, const struct http_request *req,
     struct http_response *res, enum case_event event)
{
    const char *number = http_param(req, "number");
    struct caller caller;
    struct error err = {0};
    struct case_act act = {.number = number,
                           .event = event,
                           .who = CASE_BY_APPLICANT,
                           .at = clock_now()};
    char name[32];

    if (!caller_account(worker, req, res, &caller))
        return;
    act.actor = act.account = caller.account.account;
    (void)snprintf(name, sizeof name, "case.%s", case_event_name(event));
    if (req->body_len > 2) /* "{}" is as good as nothing */
        error_set(&err, ERROR_INPUT, "this request has no body");
    else if (case_apply(worker->business, worker->db, &act, NULL, &err)) {
        log_event(LOG_LEVEL_INFO, name, LOG_TEXT("case", number),
                  LOG_TEXT("account", act.account));
        reply_case(worker, &caller, number, 200, req, res);
        return;
    }
    http_reply_error(res, req, name, &err);
}

void
handle_case_submit(void *arg, const struct http_request *req,
                   struct http_response *res)
{
    step(arg, req, res, CASE_SUBMIT);
}

void
handle_case_hand_in(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    step(arg, req, res, CASE_HAND_IN);
}

void
handle_case_withdraw(void *arg, const struct http_request *req,
                     struct http_response *res)
{
    step(arg, req, res, CASE_WITHDRAW);
}
