/* The cache of signed answers; see ocsp/cache.h. */
#include "ocsp/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum { WAYS = 8 };

struct set {
    uint32_t tag[WAYS]; /* of the id; 0: empty */
    struct ocsp_cache_entry *entry[WAYS];
};

struct ocsp_cache {
    struct set *set;
    size_t mask;
    uint32_t clock;
    struct ocsp_cache_stats stats;
};

struct ocsp_cache *
ocsp_cache_new(size_t entries)
{
    struct ocsp_cache *cache = base_alloc(sizeof *cache);
    size_t sets = 1;

    while (sets * WAYS < entries)
        sets *= 2;
    cache->set = base_alloc(sets * sizeof *cache->set);
    cache->mask = sets - 1;
    return cache;
}

static void
entry_free(struct ocsp_cache *cache, struct ocsp_cache_entry *entry)
{
    assert(entry->ticket == NULL);
    ocsp_cache_entry_set(cache, entry, NULL);
    cache->stats.count--;
    free(entry);
}

void
ocsp_cache_free(struct ocsp_cache *cache)
{
    size_t i, way;

    if (cache == NULL)
        return;
    for (i = 0; i <= cache->mask; i++)
        for (way = 0; way < WAYS; way++)
            if (cache->set[i].tag[way] != 0)
                entry_free(cache, cache->set[i].entry[way]);
    free(cache->set);
    free(cache);
}

/* The last octets of a CertID are the serial's, which our CA drew at random:
 * nobody outside can choose which issued serials meet in one set. */
static uint64_t
hash_id(struct der id)
{
    uint64_t n;

    assert(id.len >= sizeof n);
    memcpy(&n, id.data + id.len - sizeof n, sizeof n);
    return n * UINT64_C(0x9e3779b97f4a7c15);
}

static struct set *
set_of(struct ocsp_cache *cache, struct der id, uint32_t *tag)
{
    uint64_t hash = hash_id(id);

    *tag = (uint32_t)hash | 1; /* never 0 */
    return &cache->set[(hash >> 32) & cache->mask];
}

struct ocsp_cache_entry *
ocsp_cache_find(struct ocsp_cache *cache, struct der id)
{
    struct ocsp_cache_entry *entry;
    struct set *set;
    uint32_t tag;
    size_t way;

    set = set_of(cache, id, &tag);
    for (way = 0; way < WAYS; way++) {
        entry = set->entry[way];
        if (set->tag[way] == tag && entry->id_len == id.len &&
            memcmp(entry->id, id.data, id.len) == 0) {
            entry->used_at = ++cache->clock;
            return entry;
        }
    }
    return NULL;
}

/* An empty way, else the one unused for longest that nobody waits for. */
static size_t
choose_way(const struct ocsp_cache *cache, const struct set *set)
{
    size_t best = WAYS, way;
    uint32_t age, oldest = 0;

    for (way = 0; way < WAYS; way++) {
        if (set->tag[way] == 0)
            return way;
        age = cache->clock - set->entry[way]->used_at;
        if (set->entry[way]->ticket == NULL && (best == WAYS || age > oldest)) {
            best = way;
            oldest = age;
        }
    }
    return best;
}

struct ocsp_cache_entry *
ocsp_cache_add(struct ocsp_cache *cache, struct der id)
{
    struct ocsp_cache_entry *entry;
    struct set *set;
    uint32_t tag;
    size_t way;

    if (id.len > CACHE_ID_MAX)
        return NULL;
    set = set_of(cache, id, &tag);
    if ((way = choose_way(cache, set)) == WAYS)
        return NULL;
    if (set->tag[way] != 0)
        entry_free(cache, set->entry[way]);
    entry = base_alloc(sizeof *entry + id.len);
    entry->id_len = (uint8_t)id.len;
    memcpy(entry->id, id.data, id.len);
    entry->used_at = ++cache->clock;
    set->tag[way] = tag;
    set->entry[way] = entry;
    cache->stats.count++;
    return entry;
}

void
ocsp_cache_entry_set(struct ocsp_cache *cache, struct ocsp_cache_entry *entry,
                     struct ocsp_reply *take_reply)
{
    if (entry->reply != NULL) {
        cache->stats.size -= entry->reply->len;
        ocsp_reply_unref(entry->reply);
    }
    entry->reply = take_reply;
    if (take_reply != NULL)
        cache->stats.size += take_reply->len;
}

void
ocsp_cache_entry_fill(struct ocsp_cache *cache, struct ocsp_cache_entry *entry,
                      struct ocsp_reply *take_reply,
                      const struct ocsp_status *status, uint64_t signer,
                      int64_t refresh_at, int64_t next_update)
{
    ocsp_cache_entry_set(cache, entry, take_reply);
    entry->status = *status;
    entry->signer = signer;
    entry->refresh_at = refresh_at;
    entry->next_update = next_update;
}

bool
ocsp_cache_entry_is_right(const struct ocsp_cache_entry *entry,
                          const struct ocsp_status *status, uint64_t signer,
                          int64_t now)
{
    return entry != NULL && entry->reply != NULL && entry->signer == signer &&
           now < entry->next_update &&
           ocsp_status_equal(&entry->status, status);
}

struct ocsp_cache_stats
ocsp_cache_stats(const struct ocsp_cache *cache)
{
    return cache->stats;
}
