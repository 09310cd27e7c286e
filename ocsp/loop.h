/*
 * The plain HTTP/1.1 back end of the status service: one thread with its own
 * event base and its own SO_REUSEPORT socket, every connection its own; nothing
 * is shared with other loops. Requests are read where they were received, an
 * answer is one send(); answers keep the order of requests.
 */
#ifndef OCSP_LOOP_H
#define OCSP_LOOP_H

#include "base/http_parse.h"
#include "ocsp/reply.h"

enum {
    LOOP_BODY_MAX = 64 * 1024,   /* octets of a request's body */
    LOOP_IDLE_MS = 60 * 1000,    /* between requests */
    LOOP_REQUEST_MS = 10 * 1000, /* from a request's first octet to its last */
    LOOP_WRITE_MS = 30 * 1000,   /* without the peer taking anything */
    LOOP_DRAIN_MS = 2 * 1000, /* for a peer that still sends after its error */
    LOOP_ANSWER_MS = 30 * 1000, /* for the service, which takes far less */
    LOOP_TICK_MS = 500,
    LOOP_STOP_MS = 5 * 1000, /* for connections that are being answered */
};

/* Borrowed for the call. */
struct loop_request {
    const struct http_head *head;
    const uint8_t *body;
    size_t body_len;
};

/* A connection that waits for its answer: an element of a list of the
 * service's, which the loop takes out when the connection is lost. */
struct loop_wait {
    struct loop_wait *next;
    struct loop_wait **link; /* what points here; NULL: in no list */
};

/* Runs on the loop's thread. */
struct loop_service {
    /* The answer, borrowed until the next call; or NULL after `wait` was put
     * into a list, to be answered by loop_answer(). */
    struct reply *(*handle)(void *thread, const struct loop_request *request,
                            struct loop_wait *wait);
    void (*woken)(void *thread); /* after loop_wake() */
    void (*tick)(void *thread);  /* every LOOP_TICK_MS */
    /* A request that HTTP itself forbids, by the parser's status. */
    struct reply *(*refuse)(void *thread, int status);
};

struct loop_stats {
    size_t connections;
    uint64_t accepted;
    uint64_t evicted; /* idle ones closed to make room */
    uint64_t expired; /* deadlines missed */
};

struct loop;

/* Binds. `listen` is "127.0.0.1:8080" or "[::1]:8080"; with port 0 the system
 * chooses, and further loops are given what loop_address() says. */
bool loop_new(const char *listen, size_t connection_max,
              const struct loop_service *service, void *thread,
              struct loop **out, struct error *err) MUST_CHECK;
const char *loop_address(const struct loop *loop);
bool loop_start(struct loop *loop, struct error *err) MUST_CHECK;
/* From another thread: woken() is called soon. */
void loop_wake(struct loop *loop);
/* From another thread: accepts no more, answers what is under way. */
void loop_stop(struct loop *loop);
void loop_join(struct loop *loop);
void loop_free(struct loop *loop); /* after loop_join(); NULL is nothing */

/* On the loop's thread. */
void loop_wait_add(struct loop_wait **list, struct loop_wait *wait);
void loop_answer(struct loop_wait *wait, struct reply *reply);
struct loop_stats loop_stats(const struct loop *loop);

#endif
