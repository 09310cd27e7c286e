/*
 * Signed answers that all threads share, between the signers and the caches of
 * the loops: one certificate is signed for once, whichever loop asks, and every
 * client sees the same ETag. Locked, but off the hot path: asked only when a
 * loop's own cache has nothing.
 */
#ifndef OCSP_SHELF_H
#define OCSP_SHELF_H

#include <pthread.h>

#include "ocsp/cache.h"
#include "ocsp/responder.h"

struct ocsp_shelf {
    pthread_mutex_t lock;
    struct ocsp_cache *cache;
};

void ocsp_shelf_init(struct ocsp_shelf *shelf, size_t entries);
void ocsp_shelf_clear(struct ocsp_shelf *shelf);

/* Fills `out` (one reference) with an answer that tells this status and that
 * need not be signed anew yet. False if there is none. */
bool ocsp_shelf_find(struct ocsp_shelf *shelf, struct der id,
                     const struct ocsp_responder_view *view, int64_t now,
                     struct ocsp_responder_answer *out) MUST_CHECK;

/* Puts a cacheable answer there. If another thread was first with as good a
 * one, `answer` becomes that. */
void ocsp_shelf_put(struct ocsp_shelf *shelf, struct der id, int64_t now,
                    struct ocsp_responder_answer *answer);

#endif
