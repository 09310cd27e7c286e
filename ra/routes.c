/* Every call of the RA's API, in the order of docs/openapi.yaml. */
#include "ra/handlers.h"

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
};

const size_t ra_route_count = sizeof ra_routes / sizeof ra_routes[0];
