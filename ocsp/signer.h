/*
 * The threads that sign: a small pool between the loops, which never wait, and
 * the token, which is waited for. The queue is bounded: full means tryLater at
 * once.
 */
#ifndef OCSP_SIGNER_H
#define OCSP_SIGNER_H

#include <pthread.h>

#include "ocsp/responder.h"

/* Where finished jobs go: one for each loop. `notify` is called from a signing
 * thread when the box was empty. */
struct ocsp_signer_job;
struct ocsp_signer_outbox {
    pthread_mutex_t lock;
    struct ocsp_signer_job *first, **last;
    void (*notify)(void *arg);
    void *arg;
};

struct ocsp_signer_job {
    struct ocsp_signer_job *next;
    struct ocsp_signer_outbox *outbox; /* borrowed until the job is back */
    void *owner;                       /* the submitter's */
    int64_t queued_ms;                 /* monotonic */
    struct ocsp_responder_answer answer;
    size_t len;
    uint8_t request[]; /* DER */
};

void ocsp_signer_outbox_init(struct ocsp_signer_outbox *outbox,
                             void (*notify)(void *), void *arg);
/* All finished jobs, in the order they finished; the caller frees each, and
 * its reply. */
struct ocsp_signer_job *
ocsp_signer_outbox_take(struct ocsp_signer_outbox *outbox);

struct ocsp_signer_pool;

/* `hsm` and `responder` are borrowed. Before any thread: readers are added.
 * `shared_entries` answers are kept for all loops. */
struct ocsp_signer_pool *ocsp_signer_pool_new(struct ocsp_responder *responder,
                                              struct hsm *hsm,
                                              size_t thread_count,
                                              size_t queue_max,
                                              size_t shared_entries);
bool ocsp_signer_pool_start(struct ocsp_signer_pool *pool,
                            struct error *err) MUST_CHECK;

/* A job with a copy of the request. */
struct ocsp_signer_job *ocsp_signer_job_new(struct ocsp_signer_outbox *outbox,
                                            void *owner, struct der request);
/* Takes the job; false, and the job is the caller's, when the queue is full. */
bool ocsp_signer_submit(struct ocsp_signer_pool *pool,
                        struct ocsp_signer_job *job);

/* What the token did last: `problem` (ERROR_WHAT_MAX + 1) is "" if all is
 * well. Idle pools try a signature every few seconds, so it is never old. */
bool ocsp_signer_pool_healthy(struct ocsp_signer_pool *pool, char *problem);

/* Ends the threads; jobs not begun come back as tryLater. NULL is nothing. */
void ocsp_signer_pool_stop(struct ocsp_signer_pool *pool);
void ocsp_signer_pool_free(struct ocsp_signer_pool *pool);

#endif
