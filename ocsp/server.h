/*
 * The service on its loops: which request is which (OCSP, CRL, CA certificate,
 * health, metrics), and the cached path of OCSP. What cannot be answered from
 * memory goes to the signers; a loop never waits.
 */
#ifndef OCSP_SERVER_H
#define OCSP_SERVER_H

#include "ocsp/loop.h"
#include "ocsp/responder.h"
#include "ocsp/signer.h"

struct ocsp_server_options {
    const char *listen;
    size_t thread_count;
    size_t connection_max; /* of all threads */
    size_t cache_entries;  /* of each thread */
};

struct ocsp_server;

/* Binds. Borrows responder and pool for its life. Before any thread. */
bool ocsp_server_new(const struct ocsp_server_options *options,
                     struct ocsp_responder *responder,
                     struct ocsp_signer_pool *pool, struct ocsp_server **out,
                     struct error *err) MUST_CHECK;
const char *ocsp_server_address(const struct ocsp_server *server);
bool ocsp_server_start(struct ocsp_server *server,
                       struct error *err) MUST_CHECK;
/* Answers what is under way, at most LOOP_STOP_MS; returns when the threads
 * have ended. */
void ocsp_server_stop(struct ocsp_server *server);
/* After the pool has stopped. NULL is nothing. */
void ocsp_server_free(struct ocsp_server *server);

#endif
