/*
 * What all threads of the service share, and the one decision that they share:
 * what a request is answered. Follower writes; loops and signers read inside
 * sections of `grace`.
 */
#ifndef OCSP_RESPONDER_H
#define OCSP_RESPONDER_H

#include "ocsp/authority.h"
#include "ocsp/published.h"
#include "ocsp/reply.h"
#include "ocsp/status.h"

struct ocsp_responder {
    struct ocsp_grace *grace;
    struct ocsp_index *index;
    _Atomic(struct ocsp_authorities *) authorities; /* never NULL */
    _Atomic(struct ocsp_published *) published;     /* never NULL */
    /* The last instant at which the index was known to be what the database
     * says; 0: never yet. It is the thisUpdate of answers, so they run out by
     * themselves when the database stays away. */
    _Atomic int64_t synced_at;
    int64_t validity_s;
    int64_t http_max_age_s;
    bool is_extended_revoked; /* RFC 6960, 2.2 */
};

void ocsp_responder_init(struct ocsp_responder *responder);
/* When no thread runs any more. */
void ocsp_responder_clear(struct ocsp_responder *responder);

/* What a loop needs to choose a cached answer. */
struct ocsp_responder_view {
    struct ocsp_status status; /* of the first certificate asked for */
    uint64_t revision;         /* of the authority */
};

/* False means unauthorized: not all is about one issuer whose certificates we
 * speak for (2.3). Never waits. */
bool ocsp_responder_look(struct ocsp_responder *responder,
                         struct ocsp_grace_reader *reader,
                         const struct ocsp_request *request,
                         struct ocsp_responder_view *out) MUST_CHECK;

/* A signed answer, or why there is none. */
struct ocsp_responder_answer {
    enum ocsp_response_status status;
    struct ocsp_reply *reply;       /* of OCSP_SUCCESSFUL: one reference */
    bool is_cacheable;              /* one issued certificate, no nonce */
    struct ocsp_status certificate; /* the status that it tells, if so */
    uint64_t revision;              /* of the authority */
    int64_t refresh_at;
    int64_t next_update;
};

/* Decides and signs. May wait for the token, so never on a loop's thread. The
 * status is looked up here, after the request has waited for its turn. A
 * failure that is ours is in `err`, for the log. */
void ocsp_responder_sign(struct ocsp_responder *responder, struct hsm *hsm,
                         struct ocsp_grace_reader *reader, struct der request,
                         int64_t now, struct ocsp_responder_answer *out,
                         struct error *err);

#endif
