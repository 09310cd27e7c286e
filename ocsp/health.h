/* /health and /metrics of signet-ocsp. */
#ifndef OCSP_HEALTH_H
#define OCSP_HEALTH_H

#include "ocsp/responder.h"
#include "ocsp/signer.h"

/* After this without a word from the database it counts as away: several
 * questions at the longest ocsp.poll_ms. */
enum { HEALTH_DATABASE_AGE_S = 10 };

/* A JSON object with "ok" or a problem for database, signer and certificate;
 * 200 or 503. One reference. */
struct reply *health_reply(struct responder *responder,
                           struct grace_reader *reader,
                           struct signer_pool *pool, int64_t now);

/* Prometheus text. One reference. */
struct reply *health_metrics_reply(void);

#endif
