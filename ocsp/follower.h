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

struct follower_options {
    const char *connection; /* of the role signet_ocsp; borrowed */
    int64_t poll_ms;
};

struct follower;

/* `responder` and `hsm` are borrowed. */
struct follower *follower_new(const struct follower_options *options,
                              struct responder *responder, struct hsm *hsm);
bool follower_start(struct follower *follower, struct error *err) MUST_CHECK;
/* Ends the thread and frees. NULL is nothing. */
void follower_free(struct follower *follower);

#endif
