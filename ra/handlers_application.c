/* What accounts do with applications, and what both sides read:
 * ra/handlers.h. */
#include "ra/handlers.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "base/clock.h"
#include "base/json.h"
#include "db/review.h"
#include "ra/business.h"

enum { PEM_MAX = 4 * API_CERTIFICATE_MAX };

/* Whether the caller may see it; otherwise as if it were not there. */
static bool
application_for(struct ra_worker *worker, const struct http_request *req,
                const struct caller *caller, struct db_application *out,
                struct error *err)
{
    if (!db_application_get(worker->db, http_param(req, "number"), false, out,
                            err))
        return false;
    if (caller->is_officer ||
        strcmp(out->account, caller->account.account) == 0)
        return true;
    db_application_clear(out);
    return error_set(err, ERROR_NOT_FOUND, "there is no such application");
}

static void
reply_application(struct ra_worker *worker, const char *number, int status,
                  const struct http_request *req, struct http_response *res)
{
    struct db_application application;
    struct error err = {0};
    char path[64];

    if (!db_application_get(worker->db, number, false, &application, &err)) {
        http_reply_error(res, req, "application.show", &err);
        return;
    }
    http_reply_json(res, status, application_json(&application, true));
    if (status == 201) {
        snprintf(path, sizeof path, "/v1/applications/%s", number);
        http_response_header(res, "Location", path);
    }
    db_application_clear(&application);
}

/* Create and edit: a body is read and becomes content. */
static void
application_write(struct ra_worker *worker, const struct http_request *req,
                  struct http_response *res, bool is_edit)
{
    struct db_application_content content = {0};
    struct buf csr = BUF_INIT(2 * API_CSR_MAX);
    char number[DB_APPLICATION_NUMBER_MAX + 1] = "";
    struct caller caller;
    struct error err = {0};
    json_t *body = NULL;
    int revision;
    bool ok = false;

    if (!caller_account(worker, req, res, &caller))
        return;
    if (http_json(req, &body, &err) &&
        application_parse(body, is_edit, &content, &csr, &revision, &err)) {
        content.account = caller.account.account;
        if (is_edit) {
            snprintf(number, sizeof number, "%s", http_param(req, "number"));
            ok = business_edit(worker->db, http_param(req, "number"), revision,
                               &content, clock_now(), &err);
        } else {
            ok = business_create(worker->db, &content, clock_now(), number,
                                 &err);
        }
    }
    if (ok)
        reply_application(worker, number, is_edit ? 200 : 201, req, res);
    else
        http_reply_error(res, req,
                         is_edit ? "application.edit" : "application.create",
                         &err);
    buf_clear(&csr);
    json_decref(body);
}

void
handle_application_create(void *arg, const struct http_request *req,
                          struct http_response *res)
{
    application_write(arg, req, res, false);
}

void
handle_application_edit(void *arg, const struct http_request *req,
                        struct http_response *res)
{
    application_write(arg, req, res, true);
}

typedef bool business_event(struct db *db, const char *account,
                            const char *number, int64_t at, struct error *err);

/* Submit and withdraw: a number, and no body. */
static void
application_event(struct ra_worker *worker, const struct http_request *req,
                  struct http_response *res, business_event *run,
                  const char *name)
{
    const char *number = http_param(req, "number");
    struct caller caller;
    struct error err = {0};

    if (!caller_account(worker, req, res, &caller))
        return;
    if (req->body_len > 0)
        error_set(&err, ERROR_INPUT, "this request has no body");
    else if (run(worker->db, caller.account.account, number, clock_now(),
                 &err)) {
        reply_application(worker, number, 200, req, res);
        return;
    }
    http_reply_error(res, req, name, &err);
}

void
handle_application_submit(void *arg, const struct http_request *req,
                          struct http_response *res)
{
    application_event(arg, req, res, business_submit, "application.submit");
}

void
handle_application_withdraw(void *arg, const struct http_request *req,
                            struct http_response *res)
{
    application_event(arg, req, res, business_withdraw, "application.withdraw");
}

static bool
list_each(const struct db_result *row, void *arg, struct error *err)
{
    struct db_application application;

    if (!db_application_read(row, 0, &application, err))
        return false;
    json_array_append_new(arg, application_json(&application, false));
    return true;
}

void
handle_application_list(void *arg, const struct http_request *req,
                        struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct page page;
    struct error err = {0};
    json_t *list = json_array();
    json_t *out;
    size_t count;

    if (!caller_get(worker, req, res, &caller))
        goto out;
    if (!page_parse(req, &page, &err) ||
        !db_application_list(worker->db,
                             caller.is_officer ? NULL : caller.account.account,
                             page.state[0] != '\0' ? page.state : NULL,
                             page.after, page.limit, list_each, list, &err)) {
        http_reply_error(res, req, "application.list", &err);
        goto out;
    }
    out = json_object();
    json_object_set(out, "applications", list);
    count = json_array_size(list);
    if (count == page.limit)
        json_object_set(
            out, "next",
            json_object_get(json_array_get(list, count - 1), "number"));
    http_reply_json(res, 200, out);
out:
    json_decref(list);
}

void
handle_application_show(void *arg, const struct http_request *req,
                        struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct db_application application = {0};
    struct caller caller;
    struct error err = {0};

    if (!caller_get(worker, req, res, &caller))
        return;
    if (!application_for(worker, req, &caller, &application, &err)) {
        http_reply_error(res, req, "application.show", &err);
        return;
    }
    http_reply_json(res, 200, application_json(&application, true));
    db_application_clear(&application);
}

/* What became of it, for the account; officers also get the links themselves,
 * whose hashes they can check. */
struct history_list {
    json_t *list;
    bool is_officer;
};

static bool
history_each(const struct db_result *row, void *arg, struct error *err)
{
    static const char *const shown[] = {"seq",  "at", "event", "revision",
                                        "from", "to", "role",  "remark"};
    struct history_list *history = arg;
    struct db_history link;
    json_t *body = NULL;
    json_t *one;

    if (!db_history_read(row, 0, &link, err) ||
        !json_parse_object(link.body, link.body_len, &body, err))
        return false;
    one = json_object();
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (json_object_get(body, shown[i]) != NULL)
            json_object_set(one, shown[i], json_object_get(body, shown[i]));
    if (history->is_officer) {
        json_set_bytes(one, "link", link.body, link.body_len);
        json_set_hex(one, "hash", link.hash, 32);
    }
    json_array_append_new(history->list, one);
    json_decref(body);
    return true;
}

void
handle_application_history(void *arg, const struct http_request *req,
                           struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct db_application application = {0};
    struct history_list history = {0};
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_get(worker, req, res, &caller))
        return;
    history.list = json_array();
    history.is_officer = caller.is_officer;
    if (!application_for(worker, req, &caller, &application, &err) ||
        !db_history_list(worker->db, application.number, history_each, &history,
                         &err)) {
        http_reply_error(res, req, "application.history", &err);
        goto out;
    }
    out = json_object();
    json_set_text(out, "number", application.number);
    json_object_set(out, "history", history.list);
    http_reply_json(res, 200, out);
out:
    json_decref(history.list);
    db_application_clear(&application);
}

static bool
pem_add(struct buf *out, const uint8_t *der, size_t len, struct error *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long text_len = 0;
    bool ok = bio != NULL &&
              PEM_write_bio(bio, PEM_STRING_X509, "", der, (long)len) > 0 &&
              (text_len = BIO_get_mem_data(bio, &text)) > 0 &&
              buf_add(out, text, (size_t)text_len);

    BIO_free(bio);
    return ok || error_openssl(err, ERROR_INTERNAL, "PEM of a certificate");
}

void
handle_application_certificate(void *arg, const struct http_request *req,
                               struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct db_application application = {0};
    struct db_ra_certificate certificate = {0};
    struct buf pem = BUF_INIT(PEM_MAX);
    struct caller caller;
    struct error err = {0};

    if (!caller_get(worker, req, res, &caller))
        return;
    if (!application_for(worker, req, &caller, &application, &err) ||
        !db_ra_certificate_get(worker->db, application.number, &certificate,
                               &err) ||
        !pem_add(&pem, certificate.der, certificate.der_len, &err) ||
        !pem_add(&pem, certificate.issuer_der, certificate.issuer_der_len,
                 &err))
        http_reply_error(res, req, "application.certificate", &err);
    else /* RFC 8555, 9.1: leaf first, each certifying the one before */
        http_reply_take(res, 200, "application/pem-certificate-chain", &pem);
    buf_clear(&pem);
    db_ra_certificate_clear(&certificate);
    db_application_clear(&application);
}
