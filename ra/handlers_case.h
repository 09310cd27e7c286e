/*
 * Cases over HTTP (docs/openapi.yaml): filing and the applicant's part
 * (handlers_case.c), what all see (handlers_case_show.c), the officers' part
 * (handlers_case_review.c). Another account's number is 404, as one that does
 * not exist.
 */
#ifndef RA_HANDLERS_CASE_H
#define RA_HANDLERS_CASE_H

#include "ra/handlers.h"

http_handler handle_business_list; /* GET /v1/businesses */
http_handler handle_case_create;   /* POST /v1/cases */
http_handler handle_case_edit;     /* PUT /v1/cases/{number} */
http_handler handle_case_submit;   /* POST .../submit */
http_handler handle_case_hand_in;  /* POST .../hand-in */
http_handler handle_case_withdraw; /* POST .../withdraw */

http_handler handle_case_list;        /* GET /v1/cases */
http_handler handle_case_show;        /* GET /v1/cases/{number} */
http_handler handle_case_timeline;    /* GET .../timeline */
http_handler handle_case_history;     /* GET .../history */
http_handler handle_case_certificate; /* GET .../certificate */

http_handler handle_case_review; /* GET .../review */
http_handler handle_case_decide; /* POST .../decisions */
http_handler handle_case_close;  /* POST .../close */
http_handler handle_case_retry;  /* POST .../retry */

/* The case, if the caller may see it: an account its own, an officer who works
 * on cases any. The caller clears `out`. */
bool case_for(struct ra_worker *worker, const struct caller *caller,
              const char *number, struct db_case *out,
              struct error *err) MUST_CHECK;

/* Answers with the whole form. An officer's look is written down first; who
 * only handles money sees no personal fields. */
void reply_case(struct ra_worker *worker, const struct caller *caller,
                const char *number, int status, const struct http_request *req,
                struct http_response *res);

#endif
