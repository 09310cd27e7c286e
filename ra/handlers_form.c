/* Forms of cases: ra/handlers_platform.h. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "db/document.h"
#include "ra/form_page.h"
#include "ra/form_store.h"
#include "ra/handlers_platform.h"

/* The form is the applicant's own, or for officers who work on cases. */
static bool
may_see(const struct caller *caller, const struct db_case *row,
        struct error *err)
{
    if (caller->kind == CALLER_OFFICER) {
        if (caller_has_one_of(caller, 1u << API_ROLE_FIRST_REVIEWER |
                                          1u << API_ROLE_SECOND_REVIEWER |
                                          1u << API_ROLE_INTAKE_CLERK |
                                          1u << API_ROLE_CUSTOMER_SERVICE |
                                          1u << API_ROLE_AUDITOR))
            return true;
        return error_set(err, ERROR_DENIED,
                         "forms are for reviewers, intake clerks, customer "
                         "service and auditors");
    }
    return (caller->kind == CALLER_ACCOUNT &&
            strcmp(caller->account.account, row->account) == 0) ||
           error_set(err, ERROR_NOT_FOUND, "there is no such case");
}

static bool
form_read(struct ra_worker *worker, const struct http_request *req,
          const struct caller *caller, struct buf *pdf, char name[96],
          struct error *err)
{
    const char *number = http_param(req, "number");
    const char *kind = http_param(req, "kind");
    struct db_case row = {0};
    char what[64];
    bool ok = false;

    if (!db_case_get(worker->db, number, false, &row, err))
        return false;
    (void)snprintf(what, sizeof what, "form:%s", kind);
    (void)snprintf(name, 96, "attachment; filename=\"%s-%d-%s.pdf\"",
                   row.number, (int)row.revision, kind);
    if (!may_see(caller, &row, err) ||
        !form_get(worker->db, worker->business->vault, number, row.revision,
                  kind, pdf, err))
        goto out;
    /* The row of the look stands before anything is seen. */
    ok = caller->kind != CALLER_OFFICER ||
         db_look_add(worker->db, caller->officer.officer_id, number, what,
                     clock_now(), err);
out:
    db_case_clear(&row);
    return ok;
}

void
handle_form_show(void *arg, const struct http_request *req,
                 struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct buf pdf = BUF_INIT(FORM_PDF_MAX);
    struct caller caller;
    struct error err = {0};
    char name[96];

    if (!caller_get(worker, req, res, &caller))
        return;
    if (form_read(worker, req, &caller, &pdf, name, &err)) {
        http_reply_take(res, 200, "application/pdf", &pdf);
        http_response_header(res, "Content-Disposition", name);
        http_response_header(res, "Cache-Control", "no-store");
    } else {
        http_reply_error(res, req, "form.show", &err);
    }
    buf_cleanse(&pdf);
}
