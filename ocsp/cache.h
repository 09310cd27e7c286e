/*
 * Signed answers for one certificate without a nonce, ready to send. Each loop
 * thread has its own, so nothing is locked. An entry is keyed by the CertID's
 * octets (issuer, serial and hash algorithm as the client wrote them) and
 * remembers the status it tells: whoever asks compares it with the index, so a
 * revocation invalidates without any message.
 *
 * A fixed number of entries in sets of eight; a full set gives up its oldest.
 * Serials never issued are not cached: they would let anybody fill it.
 */
#ifndef OCSP_CACHE_H
#define OCSP_CACHE_H

#include "base/der.h"
#include "ocsp/reply.h"
#include "ocsp/status.h"

struct ocsp_cache_entry {
    struct ocsp_reply *reply; /* NULL while the first answer is being signed */
    struct ocsp_status status;
    uint64_t signer;     /* revision of the signer that signed it */
    int64_t refresh_at;  /* sign anew from then on, if that can be done */
    int64_t next_update; /* worthless from then on */
    void *ticket;        /* who is waiting for the next answer; NULL: nobody */
    uint32_t used_at;    /* order of use */
    uint8_t id_len;
    uint8_t id[];
};

/* The longest CertID that is cached: SHA-256, a serial of 20 octets. */
enum { CACHE_ID_MAX = 127 };

struct ocsp_cache;

/* `entries` is rounded up to a power of two. */
struct ocsp_cache *ocsp_cache_new(size_t entries);
void ocsp_cache_free(struct ocsp_cache *cache); /* NULL is nothing */

/* NULL if there is none. Borrowed until the next ocsp_cache_add(). */
struct ocsp_cache_entry *ocsp_cache_find(struct ocsp_cache *cache,
                                         struct der id);

/* A new, empty entry for an id that is not there. NULL when all eight of its
 * set have a ticket, or the id is too long. An entry with a ticket stays. */
struct ocsp_cache_entry *ocsp_cache_add(struct ocsp_cache *cache,
                                        struct der id);

/* Takes the reply (one reference) in place of the old one. */
void ocsp_cache_entry_set(struct ocsp_cache *cache,
                          struct ocsp_cache_entry *entry,
                          struct ocsp_reply *take_reply);

/* The same with all that is to be known of it. */
void ocsp_cache_entry_fill(struct ocsp_cache *cache,
                           struct ocsp_cache_entry *entry,
                           struct ocsp_reply *take_reply,
                           const struct ocsp_status *status, uint64_t signer,
                           int64_t refresh_at, int64_t next_update);

/* Whether the entry (NULL: no) has an answer that may still be given: it tells
 * this status and is signed by this signer. The status is compared, not the
 * time of change: a hold and its release leave an answer right. */
bool ocsp_cache_entry_is_right(const struct ocsp_cache_entry *entry,
                               const struct ocsp_status *status,
                               uint64_t signer, int64_t now);

struct ocsp_cache_stats {
    size_t count;
    size_t size; /* octets of replies */
};
struct ocsp_cache_stats ocsp_cache_stats(const struct ocsp_cache *cache);

#endif
