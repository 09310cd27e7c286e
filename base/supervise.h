/*
 * Keeps the services of one state folder running: starts them in order,
 * starts again what died, ends them in reverse order on SIGTERM. One process,
 * no thread, one lock file for each state folder.
 */
#ifndef BASE_SUPERVISE_H
#define BASE_SUPERVISE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

struct supervised {
    const char *name;         /* "signet-ca"; log/NAME.log */
    const char *const *argv;  /* NULL-terminated; argv[0] is a path */
    const char *const *ready; /* a command that ends with 0 once it serves;
                                 NULL: at once */
    int stop_signal;          /* SIGTERM, or what the program wants */
};

/* Runs until SIGTERM or SIGINT. `folder`/run gets supervisor.pid (locked) and
 * supervisor.status, a line for each service: name, pid (0: down), start
 * instant, restarts. ERROR_CONFLICT when another supervisor holds the lock. */
bool supervise_run(const char *folder, const struct supervised *services,
                   size_t count, struct error *err) MUST_CHECK;

/* The process that holds the lock of `folder`, 0 if none does. */
pid_t supervise_holder(const char *folder);

#endif
