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
    LOOP_EVICT_MS = 1000,        /* idle for less is not made to leave */
    LOOP_REQUEST_MS = 10 * 1000, /* from a request's first octet to its last */
    LOOP_WRITE_MS = 30 * 1000,   /* without the peer taking anything */
    LOOP_DRAIN_MS = 2 * 1000, /* for a peer that still sends after its error */
    LOOP_ANSWER_MS = 30 * 1000, /* for the service, which takes far less */
    LOOP_TICK_MS = 500,
    LOOP_STOP_MS = 5 * 1000, /* for connections that are being answered */
};

/* Borrowed for the call. */
struct ocsp_loop_request {
    const struct http_head *head;
    const uint8_t *body;
    size_t body_len;
};

/* A connection that waits for its answer: an element of a list of the
 * service's, which the loop takes out when the connection is lost. */
struct ocsp_loop_wait {
    struct ocsp_loop_wait *next;
    struct ocsp_loop_wait **link; /* what points here; NULL: in no list */
};

/* Runs on the loop's thread. */
struct ocsp_loop_service {
    /* The answer, borrowed until the next call; or NULL after `wait` was put
     * into a list, to be answered by ocsp_loop_answer(). */
    struct ocsp_reply *(*handle)(void *thread,
                                 const struct ocsp_loop_request *request,
                                 struct ocsp_loop_wait *wait);
    void (*woken)(void *thread); /* after ocsp_loop_wake() */
    void (*tick)(void *thread);  /* every LOOP_TICK_MS */
    /* A request that HTTP itself forbids, by the parser's status. */
    struct ocsp_reply *(*refuse)(void *thread, int status);
};

struct ocsp_loop_stats {
    size_t connections;
    uint64_t accepted;
    uint64_t evicted; /* idle ones closed to make room */
    uint64_t expired; /* deadlines missed */
};

struct ocsp_loop;

/* Binds. `listen` is "127.0.0.1:8080" or "[::1]:8080"; with port 0 the system
 * chooses, and further loops are given what ocsp_loop_address() says. */
bool ocsp_loop_new(const char *listen, size_t connection_max,
                   const struct ocsp_loop_service *service, void *thread,
                   struct ocsp_loop **out, struct error *err) MUST_CHECK;
const char *ocsp_loop_address(const struct ocsp_loop *loop);
bool ocsp_loop_start(struct ocsp_loop *loop, struct error *err) MUST_CHECK;
/* From another thread: woken() is called soon. */
void ocsp_loop_wake(struct ocsp_loop *loop);
/* From another thread: accepts no more, answers what is under way. */
void ocsp_loop_stop(struct ocsp_loop *loop);
void ocsp_loop_join(struct ocsp_loop *loop);
void ocsp_loop_free(
    struct ocsp_loop *loop); /* after ocsp_loop_join(); NULL is nothing */

/* On the loop's thread. */
void ocsp_loop_wait_add(struct ocsp_loop_wait **list,
                        struct ocsp_loop_wait *wait);
void ocsp_loop_answer(struct ocsp_loop_wait *wait, struct ocsp_reply *reply);
struct ocsp_loop_stats ocsp_loop_stats(const struct ocsp_loop *loop);

#endif
