/*
 * What signet-ca does by itself, on one thread with its own connection: reads
 * the issuers again, publishes CRLs, renews the certificates of OCSP signers,
 * sends escrowed keys into history. All but the first under leases: any number
 * of processes, one works.
 */
#ifndef CA_CORE_JOBS_H
#define CA_CORE_JOBS_H

#include "ca-core/handlers.h"

struct jobs;

/* Reads the settings and starts the thread. `service` is borrowed for life. */
bool jobs_new(struct ca_service *service, struct jobs **out,
              struct error *err) MUST_CHECK;
void jobs_free(struct jobs *jobs); /* NULL is nothing */

#endif
