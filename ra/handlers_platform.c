/* Calls of the host platform: ra/handlers_platform.h. */
#include "ra/handlers_platform.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "ra/account.h"
#include "ra/platform.h"
#include "ra/session.h"
#include "ra/unit_import.h"

enum { REVISION_MAX = 1000000000 };

/* ---- Records ------------------------------------------------------------- */

/* The body, and the account from the path. */
static bool
unit_read(const json_t *body, const char *account, int64_t *expected,
          struct unit *out, struct error *err)
{
    static const char *const names[] = {
        "unit_name", "uscc",   "kind",     "country",  "province",
        "locality",  "street", "language", "revision", NULL};
    struct unit_source source = {.account = account};

    if (!json_only(body, names, err) ||
        !json_find_int(body, "revision", 1, REVISION_MAX, 0, expected, err))
        return false;
    for (size_t i = 1; i < UNIT_FIELD_COUNT; i++) {
        if (!json_find_text(body, unit_field_names[i], UNIT_OCTETS_MAX,
                            unit_source_field(&source, unit_field_names[i]),
                            err))
            return false;
    }
    return unit_judge(&source, out, err);
}

static bool
unit_show(struct db *db, const char *account, json_t **out, struct error *err)
{
    struct db_unit row = {0};
    bool is_there = false;

    if (!db_unit_get(db, account, &is_there, &row, err))
        return false;
    if (is_there)
        *out = unit_json(&row);
    else
        error_set(err, ERROR_NOT_FOUND, "there is no record of this account");
    db_result_free(row.held);
    return is_there;
}

static bool
account_put(struct ra_worker *worker, const struct http_request *req,
            json_t **out, enum unit_outcome *outcome, struct error *err)
{
    const char *account = http_param(req, "account");
    json_t *body = NULL;
    struct unit unit;
    int64_t expected;
    bool ok = http_json(req, &body, err) &&
              unit_read(body, account, &expected, &unit, err) &&
              unit_put(worker->db, &unit, expected, false, clock_now(), outcome,
                       NULL, err) &&
              unit_show(worker->db, account, out, err);

    json_decref(body);
    if (!ok)
        return false;
    json_set_text(*out, "result", unit_outcome_name(*outcome));
    log_event(LOG_LEVEL_INFO, "platform.account", LOG_TEXT("account", account),
              LOG_TEXT("result", unit_outcome_name(*outcome)));
    return true;
}

void
handle_platform_account_put(void *arg, const struct http_request *req,
                            struct http_response *res)
{
    struct ra_worker *worker = arg;
    enum unit_outcome outcome;
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_platform(worker, req, res, &caller))
        return;
    if (account_put(worker, req, &out, &outcome, &err))
        http_reply_json(res, outcome == UNIT_CREATED ? 201 : 200, out);
    else
        http_reply_error(res, req, "platform.account", &err);
}

void
handle_platform_account_show(void *arg, const struct http_request *req,
                             struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_platform(worker, req, res, &caller))
        return;
    if (unit_show(worker->db, http_param(req, "account"), &out, &err))
        http_reply_json(res, 200, out);
    else
        http_reply_error(res, req, "platform.account_show", &err);
}

/* ---- Import -------------------------------------------------------------- */

static bool
import_read(const struct http_request *req, struct unit_import *out,
            struct error *err)
{
    char format[8], dry_run[8];

    if (!http_query(req, "format", format, sizeof format) ||
        (strcmp(format, "csv") != 0 && strcmp(format, "xml") != 0))
        return error_set(err, ERROR_INPUT, "format: csv or xml");
    out->format = strcmp(format, "csv") == 0 ? UNIT_CSV : UNIT_XML;
    if (http_query(req, "dry_run", dry_run, sizeof dry_run)) {
        if (strcmp(dry_run, "1") != 0 && strcmp(dry_run, "0") != 0)
            return error_set(err, ERROR_INPUT, "dry_run: 1 or 0");
        out->is_dry = dry_run[0] == '1';
    }
    out->data = req->body;
    out->len = req->body_len;
    out->at = clock_now();
    return true;
}

/* Whoever may open accounts one by one may open many: the platform, and
 * business administrators from the command line. */
static bool
import_caller(struct ra_worker *worker, const struct http_request *req,
              struct http_response *res, struct caller *out)
{
    struct error err = {0};

    if (!caller_get(worker, req, res, out))
        return false;
    if (out->kind == CALLER_PLATFORM ||
        caller_has_role(out, API_ROLE_BUSINESS_ADMINISTRATOR))
        return true;
    error_set(&err, ERROR_DENIED,
              "records are imported by the host platform and by business "
              "administrators");
    http_reply_error(res, req, "platform.import", &err);
    return false;
}

void
handle_platform_import(void *arg, const struct http_request *req,
                       struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct unit_import import = {
        .schema_dir = config_path(worker->ra->config, "schema_dir")};
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!import_caller(worker, req, res, &caller))
        return;
    if (!import_read(req, &import, &err) ||
        !unit_import(worker->db, &import, &out, &err)) {
        http_reply_error(res, req, "platform.import", &err);
        return;
    }
    log_event(
        LOG_LEVEL_INFO, "platform.import", LOG_TEXT("by", caller_name(&caller)),
        LOG_INT("records",
                (int64_t)json_array_size(json_object_get(out, "lines"))),
        LOG_INT("errors", json_integer_value(json_object_get(out, "errors"))));
    http_reply_json(res, 200, out);
}

/* ---- Sessions ------------------------------------------------------------ */

static bool
session_make(struct ra_worker *worker, const struct http_request *req,
             json_t **out, struct error *err)
{
    static const char *const names[] = {"account", "language", NULL};
    char ticket[SESSION_SECRET_LEN + 1] = "";
    struct buf url = BUF_INIT(2048);
    struct db_unit unit = {0};
    const char *account, *language = NULL;
    json_t *body = NULL;
    int64_t expires_at;
    bool is_there = false, ok = false;

    if (!http_json(req, &body, err) || !json_only(body, names, err) ||
        !json_get_text(body, "account", ACCOUNT_NAME_MAX, &account, err) ||
        !json_find_text(body, "language", 2, &language, err) ||
        !db_unit_get(worker->db, account, &is_there, &unit, err))
        goto out;
    if (!is_there) {
        error_set(err, ERROR_NOT_FOUND, "there is no record of this account");
        goto out;
    }
    if (language == NULL)
        language = unit.language;
    if (strcmp(language, "zh") != 0 && strcmp(language, "en") != 0) {
        error_set(err, ERROR_INPUT, "language: zh or en");
        goto out;
    }
    if (!session_ticket_for_account(worker->db, worker->ra->config, account,
                                    language, clock_now(), ticket, &expires_at,
                                    &url, err))
        goto out;
    *out = json_object();
    json_set_text(*out, "url", buf_text(&url));
    json_set_text(*out, "ticket", ticket);
    json_set_time(*out, "expires_at", expires_at);
    ok = true;
out:
    OPENSSL_cleanse(ticket, sizeof ticket);
    buf_cleanse(&url);
    db_result_free(unit.held);
    json_decref(body);
    return ok;
}

void
handle_platform_session(void *arg, const struct http_request *req,
                        struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_platform(worker, req, res, &caller))
        return;
    if (session_make(worker, req, &out, &err)) {
        http_reply_json(res, 201, out);
        http_response_header(res, "Cache-Control", "no-store");
    } else {
        http_reply_error(res, req, "platform.session", &err);
    }
}

/* ---- Progress and binding ------------------------------------------------ */

void
handle_platform_progress(void *arg, const struct http_request *req,
                         struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_platform(worker, req, res, &caller))
        return;
    if (platform_progress(worker->db, http_param(req, "account"), clock_now(),
                          &out, &err))
        http_reply_json(res, 200, out);
    else
        http_reply_error(res, req, "platform.progress", &err);
}

static bool
binding_change(struct ra_worker *worker, const struct http_request *req,
               bool is_bound, json_t **out, struct error *err)
{
    static const char *const names[] = {"issuer", "serial", NULL};
    const char *account = http_param(req, "account");
    uint8_t serial[PLATFORM_SERIAL_LEN];
    struct platform_binding binding = {
        .account = account,
        .serial = serial,
        .is_bound = is_bound,
        .at = clock_now(),
    };
    const char *text;
    json_t *body = NULL;
    size_t len;
    bool ok = false;

    if (!http_json(req, &body, err) || !json_only(body, names, err) ||
        !json_get_text(body, "issuer", PLATFORM_ISSUER_MAX, &binding.issuer,
                       err) ||
        !json_get_text(body, "serial", 2 * PLATFORM_SERIAL_LEN, &text, err))
        goto out;
    if (!text_unhex(text, serial, sizeof serial, &len) ||
        len != sizeof serial) {
        error_set(err, ERROR_INPUT, "serial: 32 hex digits");
        goto out;
    }
    ok = platform_bind(worker->business, worker->db, &binding, err) &&
         platform_progress(worker->db, account, binding.at, out, err);
    if (ok)
        log_event(LOG_LEVEL_INFO,
                  is_bound ? "platform.bound" : "platform.unbound",
                  LOG_TEXT("account", account), LOG_TEXT("serial", text));
out:
    json_decref(body);
    return ok;
}

static void
binding_handle(struct ra_worker *worker, const struct http_request *req,
               struct http_response *res, bool is_bound)
{
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_platform(worker, req, res, &caller))
        return;
    if (binding_change(worker, req, is_bound, &out, &err))
        http_reply_json(res, 200, out);
    else
        http_reply_error(res, req, "platform.binding", &err);
}

void
handle_platform_bind(void *arg, const struct http_request *req,
                     struct http_response *res)
{
    binding_handle(arg, req, res, true);
}

void
handle_platform_unbind(void *arg, const struct http_request *req,
                       struct http_response *res)
{
    binding_handle(arg, req, res, false);
}
