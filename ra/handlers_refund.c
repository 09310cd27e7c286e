/* Refunds and notices for officers: ra/handlers_payment.h. */
#include "ra/handlers_payment.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "db/notice.h"
#include "db/payment.h"
#include "ra/payment_json.h"
#include "ra/refund.h"

/* A page after a UUID, and the case it is about. */
struct listing {
    struct page page;
    char number[DB_CASE_NUMBER_MAX + 1]; /* "": any */
    json_t *list;
    const char *last; /* id of the last one, in `list` */
};

/* Which states there are the rows know: a word that none has finds none. */
static bool
is_word(const char *state)
{
    return strspn(state, "abcdefghijklmnopqrstuvwxyz-") == strlen(state);
}

static bool
listing_parse(const struct http_request *req, struct listing *out,
              struct error *err)
{
    memset(out, 0, sizeof *out);
    if (!page_parse_of(req, is_word, &out->page, err))
        return false;
    if (out->page.after[0] != '\0' && !text_is_uuid(out->page.after))
        return error_set(err, ERROR_INPUT, "after: not the end of a page");
    if (query_has(req, "number") &&
        !http_query(req, "number", out->number, sizeof out->number))
        return error_set(err, ERROR_INPUT, "number: of a case");
    return true;
}

static bool
refund_add(const struct db_result *row, void *arg, struct error *err)
{
    struct listing *listing = arg;
    struct db_refund refund;
    json_t *one;

    if (!db_refund_read(row, 0, &refund, err))
        return false;
    one = refund_json(&refund);
    json_array_append_new(listing->list, one);
    listing->last = json_string_value(json_object_get(one, "id"));
    return true;
}

void
handle_refund_list(void *arg, const struct http_request *req,
                   struct http_response *res)
{
    const unsigned roles = 1u << API_ROLE_FINANCE |
                           1u << API_ROLE_BUSINESS_ADMINISTRATOR |
                           1u << API_ROLE_AUDITOR;
    struct ra_worker *worker = arg;
    struct listing listing;
    struct caller caller;
    struct error err = {0};
    json_t *out;

    if (!caller_with_role(worker, req, res, roles, &caller))
        return;
    if (!listing_parse(req, &listing, &err)) {
        http_reply_error(res, req, "refund.list", &err);
        return;
    }
    listing.list = json_array();
    if (!db_refund_list(worker->db,
                        listing.page.state[0] == '\0' ? NULL
                                                      : listing.page.state,
                        listing.page.after, listing.page.limit, refund_add,
                        &listing, &err)) {
        json_decref(listing.list);
        http_reply_error(res, req, "refund.list", &err);
        return;
    }
    out = json_object();
    json_object_set_new(out, "refunds", listing.list);
    if (json_array_size(listing.list) == listing.page.limit)
        json_set_text(out, "next", listing.last);
    http_reply_json(res, 200, out);
}

/* The refund of the path; false when it is no id. */
static bool
id_of(const struct http_request *req, const char **out, struct error *err)
{
    *out = http_param(req, "id");
    return text_is_uuid(*out) ||
           error_set(err, ERROR_NOT_FOUND, "there is no refund %s", *out);
}

static void
reply_refund(struct ra_worker *worker, const struct http_request *req,
             struct http_response *res, const char *id)
{
    struct db_refund refund;
    struct error err = {0};

    if (!db_refund_get(worker->db, id, &refund, &err)) {
        http_reply_error(res, req, "refund.show", &err);
        return;
    }
    http_reply_json(res, 200, refund_json(&refund));
    db_refund_clear(&refund);
}

void
handle_refund_retry(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    const char *id;

    if (!caller_with_role(worker, req, res, 1u << API_ROLE_FINANCE, &caller))
        return;
    if (id_of(req, &id, &err) &&
        refund_retry(worker->db, id, caller.officer.officer_id, clock_now(),
                     &err))
        reply_refund(worker, req, res, id);
    else
        http_reply_error(res, req, "refund.retry", &err);
}

static bool
paid_out(struct ra_worker *worker, const struct http_request *req,
         const struct caller *caller, const char *id, struct error *err)
{
    static const char *const names[] = {"reference", NULL};
    const char *reference;
    json_t *body = NULL;
    bool ok = http_json(req, &body, err) && json_only(body, names, err) &&
              json_get_text(body, "reference", REFUND_REFERENCE_MAX, &reference,
                            err) &&
              refund_paid_out(worker->business, worker->db, id, reference,
                              caller->officer.officer_id, clock_now(), err);

    json_decref(body);
    return ok;
}

void
handle_refund_paid_out(void *arg, const struct http_request *req,
                       struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    const char *id;

    if (!caller_with_role(worker, req, res, 1u << API_ROLE_FINANCE, &caller))
        return;
    if (id_of(req, &id, &err) && paid_out(worker, req, &caller, id, &err))
        reply_refund(worker, req, res, id);
    else
        http_reply_error(res, req, "refund.paid-out", &err);
}

/* ---- Notices ----------------------------------------------------------------
 */

static bool
notice_add(const struct db_result *row, void *arg, struct error *err)
{
    struct listing *listing = arg;
    struct db_notice notice;
    json_t *one;

    if (!db_notice_read(row, 0, &notice, err))
        return false;
    one = json_object();
    json_set_text(one, "id", notice.id);
    if (notice.number != NULL)
        json_set_text(one, "case", notice.number);
    json_set_text(one, "event", notice.event);
    json_set_text(one, "channel", notice.channel);
    json_set_text(one, "language", notice.language);
    json_set_text(one, "state", notice.state);
    json_set_int(one, "send_count", notice.send_count);
    if (notice.problem != NULL)
        json_set_text(one, "problem", notice.problem);
    json_set_time(one, "made_at", notice.made_at);
    if (notice.sent_at != 0)
        json_set_time(one, "sent_at", notice.sent_at);
    json_array_append_new(listing->list, one);
    return true;
}

void
handle_notice_list(void *arg, const struct http_request *req,
                   struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct listing listing;
    struct caller caller;
    struct error err = {0};
    json_t *out;

    if (!caller_officer(worker, req, res, &caller))
        return;
    if (!listing_parse(req, &listing, &err)) {
        http_reply_error(res, req, "notice.list", &err);
        return;
    }
    listing.list = json_array();
    if (!db_notice_list(
            worker->db, listing.number[0] == '\0' ? NULL : listing.number,
            listing.page.state[0] == '\0' ? NULL : listing.page.state,
            listing.page.limit, notice_add, &listing, &err)) {
        json_decref(listing.list);
        http_reply_error(res, req, "notice.list", &err);
        return;
    }
    out = json_object();
    json_object_set_new(out, "notices", listing.list);
    http_reply_json(res, 200, out);
}
