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

struct cache_entry {
    struct reply *reply; /* NULL while the first answer is being signed */
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

struct cache;

/* `entries` is rounded up to a power of two. */
struct cache *cache_new(size_t entries);
void cache_free(struct cache *cache); /* NULL is nothing */

/* NULL if there is none. Borrowed until the next cache_add(). */
struct cache_entry *cache_find(struct cache *cache, struct der id);

/* A new, empty entry for an id that is not there. NULL when all eight of its
 * set have a ticket, or the id is too long. An entry with a ticket stays. */
struct cache_entry *cache_add(struct cache *cache, struct der id);

/* Takes the reply (one reference) in place of the old one. */
void cache_entry_set(struct cache *cache, struct cache_entry *entry,
                     struct reply *take_reply);

struct cache_stats {
    size_t count;
    size_t size; /* octets of replies */
};
struct cache_stats cache_stats(const struct cache *cache);

#endif
