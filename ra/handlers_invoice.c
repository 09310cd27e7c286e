/* Invoices and reconciliations over HTTP: ra/handlers_payment.h. */
#include "ra/handlers_payment.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "db/invoice.h"
#include "ra/invoice.h"
#include "ra/reconciliation.h"

static const unsigned money_roles = 1u << API_ROLE_FINANCE |
                                    1u << API_ROLE_BUSINESS_ADMINISTRATOR |
                                    1u << API_ROLE_AUDITOR;

void
handle_invoice_show(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    struct ra_worker *worker = arg;
    const char *number = http_param(req, "number");
    struct buf xml = BUF_INIT(INVOICE_XML_MAX);
    struct caller caller;
    struct error err = {0};
    char name[64];
    int64_t invoice_number = 0;

    if (!caller_get(worker, req, res, &caller))
        return;
    if (payment_case_check(worker, &caller, number, &err) &&
        db_invoice_get(worker->db, number, &invoice_number, &xml, &err) &&
        invoice_number == 0)
        error_set(&err, ERROR_NOT_FOUND,
                  "there is no invoice for case %s yet: it is made one to two "
                  "working days after completion",
                  number);
    if (err.code != ERROR_NONE) {
        http_reply_error(res, req, "invoice.show", &err);
    } else {
        http_reply_take(res, 200, "application/xml", &xml);
        (void)snprintf(name, sizeof name,
                       "attachment; filename=\"invoice-%0*lld.xml\"",
                       INVOICE_NUMBER_LEN, (long long)invoice_number);
        http_response_header(res, "Content-Disposition", name);
    }
    buf_clear(&xml);
}

/* ---- Reconciliations --------------------------------------------------------
 */

static bool
report_add(const struct db_result *row, void *arg, struct error *err)
{
    json_t *list = arg;
    struct db_reconciliation one;
    json_t *report = NULL;

    if (!db_reconciliation_read(row, 0, &one, err) ||
        !json_parse_object(one.report, one.report_len, &report, err))
        return false;
    json_set_time(report, "made_at", one.made_at);
    json_array_append_new(list, report);
    return true;
}

/* `after`: the day that ended the last page. */
static bool
list_read(struct ra_worker *worker, const struct http_request *req,
          json_t *list, struct error *err)
{
    enum { PAGE = 31 };
    char after[RECONCILIATION_DAY_LEN + 1] = "";
    int64_t unused;

    if (query_has(req, "after") &&
        (!http_query(req, "after", after, sizeof after) ||
         !reconciliation_day_start(after, &unused, err)))
        return error_set(err, ERROR_INPUT, "after: a day such as 2026-11-24");
    return db_reconciliation_list(worker->db, after, PAGE, report_add, list,
                                  err);
}

void
handle_reconciliation_list(void *arg, const struct http_request *req,
                           struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *list, *out;

    if (!caller_with_role(worker, req, res, money_roles, &caller))
        return;
    list = json_array();
    if (!list_read(worker, req, list, &err)) {
        json_decref(list);
        http_reply_error(res, req, "reconciliation.list", &err);
        return;
    }
    out = json_object();
    json_object_set_new(out, "reconciliations", list);
    http_reply_json(res, 200, out);
}

void
handle_reconciliation_repeat(void *arg, const struct http_request *req,
                             struct http_response *res)
{
    struct ra_worker *worker = arg;
    const char *day = http_param(req, "day");
    struct caller caller;
    struct error err = {0};
    bool is_matched = false;
    json_t *out;

    if (!caller_with_role(worker, req, res, 1u << API_ROLE_FINANCE, &caller))
        return;
    if (!reconciliation_run(worker->ra->config, worker->db, day, clock_now(),
                            &is_matched, &err)) {
        http_reply_error(res, req, "reconciliation.run", &err);
        return;
    }
    out = json_object();
    json_set_text(out, "day", day);
    json_object_set_new(out, "is_matched", json_boolean(is_matched));
    http_reply_json(res, 200, out);
}
