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

enum desk_count {
    DESK_CACHED,
    DESK_SIGNED,
    DESK_NOT_MODIFIED,
    DESK_MALFORMED,
    DESK_UNAUTHORIZED,
    DESK_TRY_LATER,
    DESK_COUNT,
};

struct desk {
    struct responder *responder;
    struct signer_pool *pool;
    struct grace_reader *reader;
    struct loop *loop; /* set when there is one */
    struct cache *cache;
    struct signer_outbox outbox;
    struct reply *error[OCSP_UNAUTHORIZED + 1]; /* dated; NULL: make it */
    struct reply *held; /* keeps an answer of a list or made for one request */
    uint64_t count[DESK_COUNT];
};

void desk_init(struct desk *desk, struct responder *responder,
               struct signer_pool *pool, size_t cache_entries);
/* When neither loop nor signers run. */
void desk_clear(struct desk *desk);

/* Answers an OCSPRequest in DER, as loop_service.handle() does. `head` may
 * carry If-None-Match. */
struct reply *desk_ask(struct desk *desk, struct der request,
                       const struct http_head *head, struct loop_wait *wait);

/* Takes what the signers have done. */
void desk_collect(struct desk *desk);

/* The answer itself, or 304 if the peer has it. */
struct reply *desk_conditional(struct desk *desk, struct reply *reply,
                               const struct http_head *head);

/* Takes a reply to keep until the next request: what handle() borrows out. */
struct reply *desk_hold(struct desk *desk, struct reply *take_reply);

/* Lets go of error answers: their Date is old. */
void desk_refresh(struct desk *desk);

#endif
