/* Answers shared by all threads; see ocsp/shelf.h. */
#include "ocsp/shelf.h"

#include <string.h>

void
ocsp_shelf_init(struct ocsp_shelf *shelf, size_t entries)
{
    pthread_mutex_init(&shelf->lock, NULL);
    shelf->cache = ocsp_cache_new(entries);
}

void
ocsp_shelf_clear(struct ocsp_shelf *shelf)
{
    ocsp_cache_free(shelf->cache);
    pthread_mutex_destroy(&shelf->lock);
}

static void
take(const struct ocsp_cache_entry *entry, struct ocsp_responder_answer *out)
{
    memset(out, 0, sizeof *out);
    out->status = OCSP_SUCCESSFUL;
    out->reply = ocsp_reply_ref(entry->reply);
    out->is_cacheable = true;
    out->certificate = entry->status;
    out->revision = entry->signer;
    out->refresh_at = entry->refresh_at;
    out->next_update = entry->next_update;
}

/* The lock is held. */
static struct ocsp_cache_entry *
find_fresh(struct ocsp_shelf *shelf, struct der id,
           const struct ocsp_status *status, uint64_t revision, int64_t now)
{
    struct ocsp_cache_entry *entry = ocsp_cache_find(shelf->cache, id);

    return ocsp_cache_entry_is_right(entry, status, revision, now) &&
                   now < entry->refresh_at
               ? entry
               : NULL;
}

bool
ocsp_shelf_find(struct ocsp_shelf *shelf, struct der id,
                const struct ocsp_responder_view *view, int64_t now,
                struct ocsp_responder_answer *out)
{
    struct ocsp_cache_entry *entry;

    pthread_mutex_lock(&shelf->lock);
    entry = find_fresh(shelf, id, &view->status, view->revision, now);
    if (entry != NULL)
        take(entry, out);
    pthread_mutex_unlock(&shelf->lock);
    return entry != NULL;
}

void
ocsp_shelf_put(struct ocsp_shelf *shelf, struct der id, int64_t now,
               struct ocsp_responder_answer *answer)
{
    struct ocsp_reply *mine = answer->reply;
    struct ocsp_cache_entry *entry;

    pthread_mutex_lock(&shelf->lock);
    entry = find_fresh(shelf, id, &answer->certificate, answer->revision, now);
    if (entry != NULL) {
        take(entry, answer);
        ocsp_reply_unref(mine);
    } else {
        entry = ocsp_cache_find(shelf->cache, id);
        if (entry == NULL)
            entry = ocsp_cache_add(shelf->cache, id);
        if (entry != NULL)
            ocsp_cache_entry_fill(shelf->cache, entry, ocsp_reply_ref(mine),
                                  &answer->certificate, answer->revision,
                                  answer->refresh_at, answer->next_update);
    }
    pthread_mutex_unlock(&shelf->lock);
}
