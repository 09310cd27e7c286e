/* The internal API of signet-ca: docs/architecture.md lists the calls. */
#ifndef CA_CORE_HANDLERS_H
#define CA_CORE_HANDLERS_H

#include "base/config.h"
#include "base/http.h"
#include "ca-core/crl.h"
#include "ca-core/decision_verify.h"
#include "ca-core/escrow.h"
#include "ca-core/issue.h"
#include "ca-core/peer.h"

/* What all workers share; nothing of it changes while they run. */
struct ca_service {
    const struct config *config;
    struct profile_set profiles;
    struct order_world world;
    struct db_options db;
    struct hsm *hsm;
    const char *token; /* label of hsm's */
    struct issuers *issuers;
    struct issue *issue;
    struct crl_schedule crl;
    struct escrow_options escrow;
};

/* One thread's. */
struct ca_worker {
    struct ca_service *service; /* borrowed */
    struct db *db;
    struct escrow *escrow; /* NULL: this CA makes no pairs */
    struct decision_keys *keys;
    struct peer_memory peers;
};

extern const struct http_route ca_routes[];
extern const size_t ca_route_count;

/* A handler in a file of its own: handlers_log.c. */
void ca_post_manifest(void *worker, const struct http_request *req,
                      struct http_response *res);

/* For http_server_options. */
void *ca_worker_new(void *service, struct error *err);
void ca_worker_free(void *worker);
bool ca_worker_admit(void *worker, const struct http_request *req,
                     struct error *err);
bool ca_health(void *worker, json_t *out);

#endif
