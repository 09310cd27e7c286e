/*
 * What every service's main does: --config FILE, logging, signals, the loop,
 * a graceful stop on SIGTERM and SIGINT, no core with secrets in it.
 */
#ifndef BASE_SERVICE_H
#define BASE_SERVICE_H

#include "base/config.h"

struct event_base;

struct service {
    const char *name; /* "signet-ca" */
    const char *help; /* one line for --help */
    /* Opens everything: signer processes first (they must start before any
     * thread), then threads and listeners. On failure cleans up after itself.
     * The process ends with 78 (EX_CONFIG) if err.code is ERROR_INPUT or
     * _DENIED: a supervisor does not restart that at once. */
    bool (*start)(const struct config *config, struct event_base *base,
                  void **state, struct error *err);
    /* Begins a graceful stop on the loop; calls done(arg) when it may end. */
    void (*stop)(void *state, void (*done)(void *), void *arg);
    void (*free)(void *state);
};

/* Returns the exit status. */
int service_main(int argc, char **argv, const struct service *service);

#endif
