/* Every call of the RA's API, in the order of docs/openapi.yaml. */
#include "ra/handlers.h"
#include "ra/handlers_document.h"
#include "ra/handlers_payment.h"
#include "ra/handlers_session.h"

const struct http_route ra_routes[] = {
    {HTTP_POST, "/v1/accounts", handle_account_create, NULL},
    {HTTP_GET, "/v1/accounts", handle_account_list, NULL},
    {HTTP_POST, "/v1/applications", handle_application_create, NULL},
    {HTTP_GET, "/v1/applications", handle_application_list, NULL},
    {HTTP_GET, "/v1/applications/{number}", handle_application_show, NULL},
    {HTTP_PUT, "/v1/applications/{number}", handle_application_edit, NULL},
    {HTTP_POST, "/v1/applications/{number}/submit", handle_application_submit,
     NULL},
    {HTTP_POST, "/v1/applications/{number}/withdraw",
     handle_application_withdraw, NULL},
    {HTTP_GET, "/v1/applications/{number}/history", handle_application_history,
     NULL},
    {HTTP_GET, "/v1/applications/{number}/certificate",
     handle_application_certificate, NULL},
    {HTTP_GET, "/v1/applications/{number}/review", handle_review_show, NULL},
    {HTTP_POST, "/v1/applications/{number}/decisions", handle_review_decide,
     NULL},

    {HTTP_POST, "/v1/session/ticket", handle_session_ticket, NULL},
    {HTTP_POST, "/v1/session/passkey/options", handle_session_passkey_options,
     NULL},
    {HTTP_POST, "/v1/session/passkey", handle_session_passkey, NULL},
    {HTTP_GET, "/v1/session", handle_session_show, NULL},
    {HTTP_DELETE, "/v1/session", handle_session_end, NULL},
    {HTTP_GET, "/v1/sessions", handle_session_list, NULL},
    {HTTP_DELETE, "/v1/sessions/{id}", handle_session_end_other, NULL},

    {HTTP_GET, "/v1/officers", handle_officer_list, NULL},
    {HTTP_POST, "/v1/officer-cases", handle_officer_case_create, NULL},
    {HTTP_GET, "/v1/officer-cases", handle_officer_case_list, NULL},
    {HTTP_POST, "/v1/officer-cases/invitation", handle_officer_case_invitation,
     NULL},
    {HTTP_GET, "/v1/officer-cases/{id}", handle_officer_case_show, NULL},
    {HTTP_DELETE, "/v1/officer-cases/{id}", handle_officer_case_withdraw, NULL},
    {HTTP_POST, "/v1/officer-cases/{id}/credential",
     handle_officer_case_credential, NULL},
    {HTTP_POST, "/v1/officer-cases/{id}/decisions", handle_officer_case_decide,
     NULL},

    {HTTP_PUT, "/v1/cases/{number}/documents/{slot}", handle_document_add,
     NULL},
    {HTTP_DELETE, "/v1/cases/{number}/documents/{slot}", handle_document_remove,
     NULL},
    {HTTP_GET, "/v1/cases/{number}/documents/{slot}", handle_document_original,
     NULL},
    {HTTP_GET, "/v1/cases/{number}/documents/{slot}/pages/{page}",
     handle_document_page, NULL},

    {HTTP_POST, "/v1/cases/{number}/payment", handle_payment_choose, NULL},
    {HTTP_GET, "/v1/cases/{number}/payment", handle_payment_show, NULL},
    {HTTP_POST, "/v1/cases/{number}/transfers", handle_transfer_add, NULL},
    {HTTP_POST, "/v1/callbacks/payment", handle_payment_callback, NULL},
    {HTTP_GET, "/v1/refunds", handle_refund_list, NULL},
    {HTTP_POST, "/v1/refunds/{id}/retry", handle_refund_retry, NULL},
    {HTTP_POST, "/v1/refunds/{id}/paid-out", handle_refund_paid_out, NULL},
    {HTTP_GET, "/v1/cases/{number}/invoice", handle_invoice_show, NULL},
    {HTTP_GET, "/v1/reconciliations", handle_reconciliation_list, NULL},
    {HTTP_POST, "/v1/reconciliations/{day}", handle_reconciliation_repeat,
     NULL},
    {HTTP_GET, "/v1/notices", handle_notice_list, NULL},

    {HTTP_GET, "/", handle_static, NULL},
    {HTTP_GET, "/portal", handle_static, NULL},
    {HTTP_GET, "/portal/", handle_static, NULL},
    {HTTP_GET, "/portal/{file}", handle_static, NULL},
    {HTTP_GET, "/console", handle_static, NULL},
    {HTTP_GET, "/console/", handle_static, NULL},
    {HTTP_GET, "/console/{file}", handle_static, NULL},
    {HTTP_GET, "/web/{file}", handle_static, NULL},
};

const size_t ra_route_count = sizeof ra_routes / sizeof ra_routes[0];
