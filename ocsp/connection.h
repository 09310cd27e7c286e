/*
 * One connection of a loop: what is between loop.c (threads, deadlines),
 * listener.c (new connections) and connection.c (requests and answers). For
 * these three files.
 */
#ifndef OCSP_CONNECTION_H
#define OCSP_CONNECTION_H

#include <pthread.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "ocsp/loop.h"

enum ocsp_connection_state {
    CONNECTION_READING,
    CONNECTION_WAITING,  /* for the service's answer */
    CONNECTION_WRITING,  /* an answer that the socket did not take at once */
    CONNECTION_DRAINING, /* told that we close; reads what it still sends */
    CONNECTION_CLOSED,
};

/* Deadlines of one length each, so that each list is in order of time. */
enum deadline {
    DEADLINE_IDLE,
    DEADLINE_REQUEST,
    DEADLINE_WRITE,
    DEADLINE_DRAIN,
    DEADLINE_ANSWER,
    DEADLINE_COUNT,
    DEADLINE_NONE = DEADLINE_COUNT,
};

struct ocsp_connection {
    TAILQ_ENTRY(ocsp_connection)
    link; /* of a deadline's list, or the free list */
    struct ocsp_loop *loop;
    int fd;
    enum ocsp_connection_state state;
    enum deadline deadline;
    int64_t since_ms;
    struct event read, write;

    uint8_t *in; /* octets of requests not complete yet; NULL if none */
    size_t in_len, in_cap;
    size_t need; /* octets that a request is known to have */
    struct http_chunked chunked;
    size_t body_len;   /* of a chunked body: decoded, after the head ... */
    size_t chunked_at; /* ... and where the rest begins; 0: no such body */
    bool is_continued; /* 100 was sent */

    bool is_last; /* close after the answer */
    bool is_bad;  /* ... and what the peer still sends is not looked at */
    bool is_head; /* the answer goes without its body */
    bool is_corked;
    struct ocsp_reply *out; /* being written */
    size_t out_at;
    struct ocsp_loop_wait wait;
};

TAILQ_HEAD(ocsp_connection_list, ocsp_connection);

enum { LOOP_SCRATCH = HTTP_HEAD_MAX + LOOP_BODY_MAX };

struct ocsp_loop {
    struct event_base *base;
    const struct ocsp_loop_service *service;
    void *thread;
    char address[80];
    int listener_fd;
    int wake_fd;
    struct event *listener, *wake, *tick;
    bool is_listening; /* the listener's event is added */
    struct ocsp_connection_list list[DEADLINE_COUNT];
    struct ocsp_connection_list unused;
    size_t connection_max;
    struct ocsp_loop_stats stats;
    _Atomic bool is_stop_asked;
    bool is_stopping;
    int64_t stop_at_ms;
    pthread_t thread_id;
    uint8_t scratch[LOOP_SCRATCH]; /* for one recv() */
};

/* connection.c */
void ocsp_connection_readable(struct ocsp_connection *c);
void ocsp_connection_writable(struct ocsp_connection *c);
void ocsp_connection_answer(struct ocsp_connection *c,
                            struct ocsp_reply *reply);

/* listener.c */
bool ocsp_listener_bind(struct ocsp_loop *loop, const char *address,
                        struct error *err) MUST_CHECK;
void ocsp_listener_ready(evutil_socket_t listener, short what, void *loop);
/* Accepts, or leaves new connections in the system's queue for now. */
void ocsp_listener_switch(struct ocsp_loop *loop, bool is_on);

/* loop.c */
void ocsp_connection_close(struct ocsp_connection *c);
void ocsp_connection_deadline(struct ocsp_connection *c,
                              enum deadline deadline);

#endif
