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

struct server_options {
    const char *listen;
    size_t thread_count;
    size_t connection_max; /* of all threads */
    size_t cache_entries;  /* of each thread */
};

struct server;

/* Binds. Borrows responder and pool for its life. Before any thread. */
bool server_new(const struct server_options *options,
                struct responder *responder, struct signer_pool *pool,
                struct server **out, struct error *err) MUST_CHECK;
const char *server_address(const struct server *server);
bool server_start(struct server *server, struct error *err) MUST_CHECK;
/* Answers what is under way, at most LOOP_STOP_MS; returns when the threads
 * have ended. */
void server_stop(struct server *server);
/* After the pool has stopped. NULL is nothing. */
void server_free(struct server *server);

#endif
