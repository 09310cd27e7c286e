/* What accounts and officers see of cases: ra/handlers_case.h. */
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "base/clock.h"
#include "db/document.h"
#include "db/holder.h"
#include "ra/case_json.h"
#include "ra/case_whole.h"
#include "ra/handlers_case.h"

enum { PEM_MAX = 8 * API_CERTIFICATE_MAX };

/* Roles that work on cases; the first ones on what is personal in them, too. */
enum {
    SEES_PERSONAL = 1u << API_ROLE_FIRST_REVIEWER |
                    1u << API_ROLE_SECOND_REVIEWER |
                    1u << API_ROLE_INTAKE_CLERK | 1u << API_ROLE_MAKER |
                    1u << API_ROLE_CUSTOMER_SERVICE | 1u << API_ROLE_AUDITOR,
    SEES_CASES = SEES_PERSONAL | 1u << API_ROLE_FINANCE |
                 1u << API_ROLE_BUSINESS_ADMINISTRATOR,
};

bool
case_for(struct ra_worker *worker, const struct caller *caller,
         const char *number, struct db_case *out, struct error *err)
{
    bool is_seen = false;

    if (caller->kind == CALLER_OFFICER &&
        !caller_has_one_of(caller, SEES_CASES))
        return error_set(err, ERROR_DENIED,
                         "none of your roles has business with cases");
    if (!db_case_get(worker->db, number, false, out, err))
        return false;
    is_seen = caller->kind == CALLER_OFFICER ||
              (caller->kind == CALLER_ACCOUNT &&
               strcmp(out->account, caller->account.account) == 0);
    if (is_seen)
        return true;
    db_case_clear(out);
    return error_set(err, ERROR_NOT_FOUND, "there is no such case");
}

/* Takes out what is personal. */
static void
strip_personal(const struct ra_worker *worker, const struct db_case *row,
               json_t *json)
{
    json_t *fields = json_object_get(json, "fields");
    const struct definition *definition;
    enum case_business kind;

    if (!case_business_find(row->business, &kind))
        return;
    definition = definition_get(worker->business->definitions, kind);
    for (size_t i = 0; i < definition->field_count; i++)
        if (definition->field[i].is_personal)
            json_object_del(fields, definition->field[i].name);
}

void
reply_case(struct ra_worker *worker, const struct caller *caller,
           const char *number, int status, const struct http_request *req,
           struct http_response *res)
{
    bool is_officer = caller->kind == CALLER_OFFICER;
    bool is_personal = !is_officer || caller_has_one_of(caller, SEES_PERSONAL);
    struct db_case row = {0};
    struct error err = {0};
    json_t *out = NULL;
    char path[64];

    if (!case_for(worker, caller, number, &row, &err) ||
        (is_officer && is_personal &&
         !db_look_add(worker->db, caller->officer.officer_id, number, "fields",
                      clock_now(), &err)) ||
        !case_whole_json(worker->business, worker->db, &row,
                         case_actors(caller), &out, &err)) {
        http_reply_error(res, req, "case.show", &err);
        goto out;
    }
    if (!is_personal)
        strip_personal(worker, &row, out);
    http_reply_json(res, status, out);
    http_response_header(res, "Cache-Control", "no-store");
    if (status == 201) {
        (void)snprintf(path, sizeof path, "/v1/cases/%s", number);
        http_response_header(res, "Location", path);
    }
out:
    db_case_clear(&row);
}

void
handle_case_show(void *arg, const struct http_request *req,
                 struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;

    if (caller_get(worker, req, res, &caller))
        reply_case(worker, &caller, http_param(req, "number"), 200, req, res);
}

/* ---- Lists ----------------------------------------------------------------
 */

struct list_run {
    json_t *list;
    unsigned actors;
};

static bool
list_each(const struct db_result *row, void *arg, struct error *err)
{
    struct list_run *run = arg;
    struct db_case one;

    if (!db_case_read(row, 0, &one, err))
        return false;
    json_array_append_new(run->list, case_json(&one, run->actors));
    return true;
}

/* The business that a list asks for; "" for any. */
static bool
business_query(const struct http_request *req, char out[16], struct error *err)
{
    enum case_business unused;

    out[0] = '\0';
    if (!http_query(req, "business", out, 16))
        out[0] = '\0';
    return out[0] == '\0' || case_business_find(out, &unused) ||
           error_set(err, ERROR_INPUT, "business: there is none of this name");
}

void
handle_case_list(void *arg, const struct http_request *req,
                 struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct list_run run = {0};
    struct caller caller;
    struct page page;
    struct error err = {0};
    char business[16];
    json_t *out;
    size_t count;

    if (!caller_get(worker, req, res, &caller))
        return;
    run.list = json_array();
    run.actors = case_actors(&caller);
    if (caller.kind == CALLER_OFFICER &&
        !caller_has_one_of(&caller, SEES_CASES))
        error_set(&err, ERROR_DENIED,
                  "none of your roles has business with cases");
    if (err.code != ERROR_NONE || !page_parse(req, &page, &err) ||
        !business_query(req, business, &err) ||
        !db_case_list(worker->db,
                      caller.kind == CALLER_ACCOUNT ? caller.account.account
                                                    : NULL,
                      page.state[0] != '\0' ? page.state : NULL,
                      business[0] != '\0' ? business : NULL, page.after,
                      page.limit, list_each, &run, &err)) {
        http_reply_error(res, req, "case.list", &err);
        json_decref(run.list);
        return;
    }
    out = json_object();
    json_object_set_new(out, "cases", run.list);
    count = json_array_size(run.list);
    if (count == page.limit)
        json_object_set(
            out, "next",
            json_object_get(json_array_get(run.list, count - 1), "number"));
    http_reply_json(res, 200, out);
}

/* ---- What happened --------------------------------------------------------
 */

void
handle_case_timeline(void *arg, const struct http_request *req,
                     struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct db_case row = {0};
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_get(worker, req, res, &caller))
        return;
    if (case_for(worker, &caller, http_param(req, "number"), &row, &err) &&
        case_timeline_json(worker->db, &row, caller.kind == CALLER_OFFICER,
                           &out, &err))
        http_reply_json(res, 200, out);
    else
        http_reply_error(res, req, "case.timeline", &err);
    db_case_clear(&row);
}

void
handle_case_history(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct db_case row = {0};
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_officer(worker, req, res, &caller))
        return;
    if (case_for(worker, &caller, http_param(req, "number"), &row, &err) &&
        case_history_json(worker->db, &row, &out, &err))
        http_reply_json(res, 200, out);
    else
        http_reply_error(res, req, "case.history", &err);
    db_case_clear(&row);
}

/* ---- The certificate -------------------------------------------------------
 */

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

/* Leaf and issuer of the signing certificate. */
static bool
certificate_each(const struct db_result *row, void *arg, struct error *err)
{
    struct db_holder holder;

    return db_holder_read(row, 0, &holder, err) &&
           (holder.pair != 1 ||
            (pem_add(arg, holder.der, holder.der_len, err) &&
             pem_add(arg, holder.issuer_der, holder.issuer_der_len, err)));
}

void
handle_case_certificate(void *arg, const struct http_request *req,
                        struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct buf pem = BUF_INIT(PEM_MAX);
    struct db_case row = {0};
    struct caller caller;
    struct error err = {0};

    if (!caller_get(worker, req, res, &caller))
        return;
    if (case_for(worker, &caller, http_param(req, "number"), &row, &err) &&
        db_holder_of_case(worker->db, row.number, certificate_each, &pem,
                          &err) &&
        pem.len == 0)
        error_set(&err, ERROR_NOT_FOUND,
                  "there is no certificate of this case yet");
    if (err.code != ERROR_NONE)
        http_reply_error(res, req, "case.certificate", &err);
    else /* RFC 8555, 9.1: leaf first, each certifying the one before */
        http_reply_take(res, 200, "application/pem-certificate-chain", &pem);
    buf_clear(&pem);
    db_case_clear(&row);
}
