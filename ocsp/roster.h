/*
 * The lists that the follower reads from the database every second: issuers
 * with their signers, CRLs and CA certificates. What has not changed is taken
 * over from the list before.
 */
#ifndef OCSP_ROSTER_H
#define OCSP_ROSTER_H

#include "db/status.h"
#include "ocsp/responder.h"

/* CA certificates change with the CA's generation: HTTP caches may keep them
 * for a day. */
enum { ROSTER_CERTIFICATE_MAX_AGE_S = 86400 };

struct ocsp_roster {
    struct ocsp_responder *responder;
    struct hsm *hsm;
    uint64_t revision;  /* of the newest signer */
    int64_t signers_ms; /* no new signer is tried before: the token is away */
    int64_t silent_ms;  /* no signer refused is told before */
};

void ocsp_roster_init(struct ocsp_roster *roster,
                      struct ocsp_responder *responder, struct hsm *hsm);

/* Reads all and puts new lists in place. On failure the old ones stay. */
bool ocsp_roster_refresh(struct ocsp_roster *roster, struct db *db, int64_t now,
                         struct error *err) MUST_CHECK;

#endif
