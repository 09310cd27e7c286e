/* The internal API of signet-kmc: docs/architecture.md lists the calls. */
#ifndef CA_CORE_KMC_HANDLERS_H
#define CA_CORE_KMC_HANDLERS_H

#include "ca-core/kmc/case.h"
#include "ca-core/kmc/service.h"

extern const struct http_route kmc_routes[];
extern const size_t kmc_route_count;

/* Who calls: the party with the key of this client certificate, its row as the
 * KMC recorded it. ERROR_DENIED: nobody that is enrolled. */
bool kmc_caller(struct kmc_worker *worker, const struct http_request *req,
                struct db_kmc_party *out, enum kmc_role *role,
                struct error *err) MUST_CHECK;

/* Cases: handlers_case.c. */
void kmc_post_case(void *worker, const struct http_request *req,
                   struct http_response *res);
void kmc_get_cases(void *worker, const struct http_request *req,
                   struct http_response *res);
void kmc_get_case(void *worker, const struct http_request *req,
                  struct http_response *res);
void kmc_post_decision(void *worker, const struct http_request *req,
                       struct http_response *res);
void kmc_post_abort(void *worker, const struct http_request *req,
                    struct http_response *res);
void kmc_get_answer(void *worker, const struct http_request *req,
                    struct http_response *res);
void kmc_post_answer_received(void *worker, const struct http_request *req,
                              struct http_response *res);

/* For http_server_options. */
void *kmc_worker_new(void *service, struct error *err);
void kmc_worker_free(void *worker);
bool kmc_health(void *worker, json_t *out);

#endif
