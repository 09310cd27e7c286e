/*
 * One loop thread's desk: its cache, its way to the signers, its ready-made
 * error answers. The handler of server.c, on the loop's thread alone.
 */
#ifndef OCSP_DESK_H
#define OCSP_DESK_H

#include "ocsp/cache.h"
#include "ocsp/loop.h"
#include "ocsp/responder.h"
#include "ocsp/signer.h"

enum ocsp_desk_count {
    DESK_CACHED,
    DESK_SIGNED,
    DESK_NOT_MODIFIED,
    DESK_MALFORMED,
    DESK_UNAUTHORIZED,
    DESK_TRY_LATER,
    DESK_COUNT,
};

struct ocsp_desk {
    struct ocsp_responder *responder;
    struct ocsp_signer_pool *pool;
    struct ocsp_grace_reader *reader;
    struct ocsp_loop *loop; /* set when there is one */
    struct ocsp_cache *cache;
    struct ocsp_signer_outbox outbox;
    struct ocsp_reply *error[OCSP_UNAUTHORIZED + 1]; /* dated; NULL: make it */
    struct ocsp_reply
        *held; /* keeps an answer of a list or made for one request */
    uint64_t count[DESK_COUNT];
};

void ocsp_desk_init(struct ocsp_desk *desk, struct ocsp_responder *responder,
                    struct ocsp_signer_pool *pool, size_t cache_entries);
/* When neither loop nor signers run. */
void ocsp_desk_clear(struct ocsp_desk *desk);

/* Answers an OCSPRequest in DER, as loop_service.handle() does. `head` may
 * carry If-None-Match. */
struct ocsp_reply *ocsp_desk_ask(struct ocsp_desk *desk, struct der request,
                                 const struct http_head *head,
                                 struct ocsp_loop_wait *wait);

/* Takes what the signers have done. */
void ocsp_desk_collect(struct ocsp_desk *desk);

/* The answer itself, or 304 if the peer has it. */
struct ocsp_reply *ocsp_desk_conditional(struct ocsp_desk *desk,
                                         struct ocsp_reply *reply,
                                         const struct http_head *head);

/* Takes a reply to keep until the next request: what handle() borrows out. */
struct ocsp_reply *ocsp_desk_hold(struct ocsp_desk *desk,
                                  struct ocsp_reply *take_reply);

/* Lets go of error answers: their Date is old. */
void ocsp_desk_refresh(struct ocsp_desk *desk);

#endif
