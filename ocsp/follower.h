/*
 * The thread that follows the database: loads every certificate's status at
 * start, then asks for what has changed every ocsp.poll_ms and at each NOTIFY
 * on channel `status`; keeps issuers, signers and published files current. When
 * the database is away it tries again by itself, and the service goes on with
 * what it has.
 */
#ifndef OCSP_FOLLOWER_H
#define OCSP_FOLLOWER_H

#include "ocsp/responder.h"

struct ocsp_follower_options {
    const char *connection; /* of the role signet_ocsp; borrowed */
    int64_t poll_ms;
};

struct ocsp_follower;

/* `responder` and `hsm` are borrowed. */
struct ocsp_follower *
ocsp_follower_new(const struct ocsp_follower_options *options,
                  struct ocsp_responder *responder, struct hsm *hsm);
bool ocsp_follower_start(struct ocsp_follower *follower,
                         struct error *err) MUST_CHECK;
/* Ends the thread and frees. NULL is nothing. */
void ocsp_follower_free(struct ocsp_follower *follower);

#endif
