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
struct ocsp_reply *ocsp_health_reply(struct ocsp_responder *responder,
                                     struct ocsp_grace_reader *reader,
                                     struct ocsp_signer_pool *pool,
                                     int64_t now);

/* Prometheus text. One reference. */
struct ocsp_reply *ocsp_health_metrics_reply(void);

#endif
