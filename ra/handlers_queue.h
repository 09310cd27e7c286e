/* The officers' desk over HTTP (docs/openapi.yaml): queue, search,
 * certificates, overviews, calendar. handlers_queue.c, handlers_certificate.c,
 * handlers_overview.c. */
#ifndef RA_HANDLERS_QUEUE_H
#define RA_HANDLERS_QUEUE_H

#include "db/case_read.h"
#include "ra/handlers.h"

http_handler handle_queue;        /* GET /v1/queue */
http_handler handle_queue_counts; /* GET /v1/queue/counts */
http_handler handle_case_assign;  /* POST /v1/cases/{number}/assign */
http_handler handle_case_hold;    /* POST /v1/cases/{number}/hold */
http_handler handle_case_resume;  /* POST /v1/cases/{number}/resume */
http_handler handle_search;       /* GET /v1/search?q= */

http_handler handle_certificate_list; /* GET /v1/certificates */
http_handler
    handle_certificate_show; /* GET /v1/certificates/{issuer}/{serial} */

http_handler handle_dashboard;       /* GET /v1/dashboard */
http_handler handle_calendar_list;   /* GET /v1/calendar?year= */
http_handler handle_calendar_set;    /* PUT /v1/calendar/{day} */
http_handler handle_calendar_import; /* POST /v1/calendar/import */

/* {"issuer", "serial", "pair": 1 signing or 2 encryption, "number": of the
 * case, "account", "unit_name", "subject"?, "device"?, "state": valid, held,
 * revoked or expired, "reason"?, "not_before", "not_after", "bound_at"?}. The
 * caller owns it. */
json_t *certificate_json(const struct db_certificate_row *row, int64_t now);

/* The states in which cases wait for something, in the order of the table; how
 * many there are. And one more of a name, in an object of counts. */
size_t queue_states(const char *states[CASE_STATE_COUNT]);
void queue_count_add(json_t *object, const char *name, int64_t count);

/* Those who work with cases, or look at the work: bits, 1 << enum api_role. */
enum {
    DESK_WORKERS = 1u << API_ROLE_FIRST_REVIEWER |
                   1u << API_ROLE_SECOND_REVIEWER | 1u << API_ROLE_MAKER |
                   1u << API_ROLE_INTAKE_CLERK | 1u << API_ROLE_FINANCE |
                   1u << API_ROLE_CUSTOMER_SERVICE |
                   1u << API_ROLE_BUSINESS_ADMINISTRATOR,
    DESK_ROLES = DESK_WORKERS | 1u << API_ROLE_AUDITOR,
};

#endif
