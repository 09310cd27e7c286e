/* Uploads and looks at them: ra/handlers_document.h. */
#include "ra/handlers_document.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "ra/document.h"
#include "ra/scan_wire.h"

enum { NAME_OCTETS_MAX = 4 * DOCUMENT_NAME_MAX, HEADER_MAX = 4096 };

/* Who compares scans, and who checks those who did. */
static const unsigned viewers =
    1u << API_ROLE_FIRST_REVIEWER | 1u << API_ROLE_SECOND_REVIEWER |
    1u << API_ROLE_INTAKE_CLERK | 1u << API_ROLE_CUSTOMER_SERVICE |
    1u << API_ROLE_AUDITOR;

/* An account, or an officer of one of these roles; else the answer is written.
 */
static bool
caller_of(struct ra_worker *worker, const struct http_request *req,
          struct http_response *res, unsigned roles, struct caller *out)
{
    struct error err = {0};

    if (!caller_get(worker, req, res, out))
        return false;
    if (out->kind == CALLER_ACCOUNT || caller_has_one_of(out, roles))
        return true;
    error_set(&err, ERROR_DENIED,
              "documents are for those who work on the case");
    http_reply_error(res, req, "document.caller", &err);
    return false;
}

static const char *
account_of(const struct caller *caller)
{
    return caller->kind == CALLER_ACCOUNT ? caller->account.account : NULL;
}

static struct document_viewer
viewer_of(const struct caller *caller)
{
    return (struct document_viewer){
        .account = account_of(caller),
        .officer_id =
            caller->kind == CALLER_OFFICER ? caller->officer.officer_id : NULL,
        .at = clock_now(),
    };
}

void
handle_document_add(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    struct ra_worker *worker = arg;
    char name[NAME_OCTETS_MAX + 1];
    struct document_upload upload = {
        .number = http_param(req, "number"),
        .slot = http_param(req, "slot"),
        .file_name = name,
        .data = req->body,
        .len = req->body_len,
        .at = clock_now(),
    };
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_of(worker, req, res, 1u << API_ROLE_CUSTOMER_SERVICE, &caller))
        return;
    upload.account = account_of(&caller);
    upload.actor = caller_name(&caller);
    if (!http_query(req, "name", name, sizeof name))
        error_set(&err, ERROR_INPUT, "name: the file's name, as ?name=");
    else if (document_add(worker->business, worker->db, &upload, &out, &err)) {
        http_reply_json(res, 201, out);
        return;
    }
    http_reply_error(res, req, "document.add", &err);
}

void
handle_document_remove(void *arg, const struct http_request *req,
                       struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};

    if (!caller_of(worker, req, res, 1u << API_ROLE_CUSTOMER_SERVICE, &caller))
        return;
    if (document_remove(worker->business, worker->db, http_param(req, "number"),
                        http_param(req, "slot"), account_of(&caller),
                        caller_name(&caller), clock_now(), &err))
        http_reply_bytes(res, 204, NULL, "", 0);
    else
        http_reply_error(res, req, "document.remove", &err);
}

/* Whatever a browser is brought to do with it: nothing runs, nothing is loaded,
 * no page frames it. */
static void
confine(struct http_response *res)
{
    http_response_header(res, "Content-Security-Policy",
                         "default-src 'none'; frame-ancestors 'none'; "
                         "sandbox");
    http_response_header(res, "Cross-Origin-Resource-Policy", "same-origin");
}

/* RFC 6266, 4.3, and RFC 8187, 3.2: the name percent-encoded, after one of
 * ASCII for those who cannot read it. */
static void
add_disposition(struct http_response *res, const char *slot, const char *name)
{
    struct buf value = BUF_INIT(HEADER_MAX);
    static const char digits[] = "0123456789ABCDEF";

    (void)buf_addf(&value, "attachment; filename=\"%s\"; filename*=UTF-8''",
                   slot);
    for (; *name != '\0'; name++) {
        uint8_t c = (uint8_t)*name;

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
            (c >= 'a' && c <= 'z') || strchr("-._~", c) != NULL) {
            (void)buf_add_byte(&value, c);
        } else {
            (void)buf_add_byte(&value, '%');
            (void)buf_add_byte(&value, (uint8_t)digits[c >> 4]);
            (void)buf_add_byte(&value, (uint8_t)digits[c & 15]);
        }
    }
    http_response_header(res, "Content-Disposition", buf_text(&value));
    buf_clear(&value);
}

/* Types are static in a response; the database knows these three. */
static const char *
media_type(const char *type)
{
    static const char *const known[] = {"application/pdf", "image/jpeg",
                                        "image/png"};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i], type) == 0)
            return known[i];
    return "application/octet-stream";
}

void
handle_document_original(void *arg, const struct http_request *req,
                         struct http_response *res)
{
    struct ra_worker *worker = arg;
    const char *slot = http_param(req, "slot");
    struct db_document info = {0};
    struct document_viewer viewer;
    struct buf octets = BUF_INIT(0);
    struct caller caller;
    struct error err = {0};

    if (!caller_of(worker, req, res, viewers, &caller))
        return;
    viewer = viewer_of(&caller);
    if (document_original(worker->business, worker->db,
                          http_param(req, "number"), slot, &viewer, &info,
                          &octets, &err)) {
        http_reply_take(res, 200, media_type(info.media_type), &octets);
        add_disposition(res, info.slot, info.file_name);
        confine(res);
    } else {
        http_reply_error(res, req, "document.original", &err);
    }
    buf_cleanse(&octets);
    db_document_clear(&info);
}

void
handle_document_page(void *arg, const struct http_request *req,
                     struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct document_viewer viewer;
    struct buf jpeg = BUF_INIT(0);
    struct caller caller;
    struct error err = {0};
    int64_t page;

    if (!caller_of(worker, req, res, viewers, &caller))
        return;
    viewer = viewer_of(&caller);
    if (!text_int64(http_param(req, "page"), 1, SCAN_PAGES_MAX, &page)) {
        error_set(&err, ERROR_NOT_FOUND, "there is no such page");
        http_reply_error(res, req, "document.page", &err);
    } else if (document_page(worker->business, worker->db,
                             http_param(req, "number"), http_param(req, "slot"),
                             (int)page, &viewer, &jpeg, &err)) {
        http_reply_take(res, 200, "image/jpeg", &jpeg);
        confine(res);
    } else {
        http_reply_error(res, req, "document.page", &err);
    }
    buf_cleanse(&jpeg);
}
