/* Lists and table of the writer; see ca-core/issue_queue.h. */
#include "ca-core/issue_queue.h"

#include <stdlib.h>
#include <string.h>

void
issue_list_init(struct issue_list *list)
{
    list->first = NULL;
    list->last = &list->first;
    list->count = 0;
}

void
issue_list_add(struct issue_list *list, struct issue_pending *pending)
{
    pending->next = NULL;
    *list->last = pending;
    list->last = &pending->next;
    list->count++;
}

struct issue_pending *
issue_list_take(struct issue_list *list)
{
    struct issue_pending *pending = list->first;

    if (pending == NULL)
        return NULL;
    list->first = pending->next;
    if (list->first == NULL)
        list->last = &list->first;
    list->count--;
    pending->next = NULL;
    return pending;
}

/* FNV-1a: ids are random, subjects are few in a batch; no adversary gains. */
static uint64_t
hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037u;

    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 1099511628211u;
    return hash;
}

static struct issue_pending **
slot_of(struct issue_table *table, const char *order_id)
{
    return &table->slot[hash_text(order_id) & (ISSUE_TABLE_SIZE - 1)];
}

struct issue_pending *
issue_table_find(const struct issue_table *table, const char *order_id)
{
    struct issue_pending *p =
        table->slot[hash_text(order_id) & (ISSUE_TABLE_SIZE - 1)];

    while (p != NULL && strcmp(p->order_id, order_id) != 0)
        p = p->chain;
    return p;
}

struct issue_pending *
issue_table_add(struct issue_table *table, const char *order_id,
                const uint8_t digest[32])
{
    struct issue_pending *pending = base_alloc(sizeof *pending);
    struct issue_pending **slot = slot_of(table, order_id);
    pthread_condattr_t attributes;

    memcpy(pending->order_id, order_id, TEXT_UUID_LEN);
    memcpy(pending->digest, digest, sizeof pending->digest);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&pending->over, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    pending->chain = *slot;
    *slot = pending;
    return pending;
}

void
issue_table_remove(struct issue_table *table, struct issue_pending *pending)
{
    struct issue_pending **at = slot_of(table, pending->order_id);

    while (*at != NULL && *at != pending)
        at = &(*at)->chain;
    if (*at != NULL)
        *at = pending->chain;
    pending->chain = NULL;
}

void
issue_pending_free(struct issue_pending *pending)
{
    issue_job_free(pending->job);
    (void)pthread_cond_destroy(&pending->over);
    free(pending);
}

/* What may not be twice in a batch, as hashes; a false match costs a batch. */
struct taken {
    uint64_t key[ISSUE_BATCH_MAX], subject[ISSUE_BATCH_MAX];
    size_t count;
};

/* The second key of a pair is of this order alone. */
static bool
fits(struct taken *taken, const struct issue_job *job)
{
    uint64_t key = 0, subject = 0;

    if (job->part[0].key_all >= 0)
        memcpy(&key, job->part[0].spki_sha256, sizeof key);
    for (size_t i = 0; i < job->part_count && subject == 0; i++)
        if (job->part[i].subject_all >= 0)
            subject = hash_text(job->subject_text);
    for (size_t i = 0; i < taken->count; i++)
        if ((key != 0 && taken->key[i] == key) ||
            (subject != 0 && taken->subject[i] == subject))
            return false;
    taken->key[taken->count] = key;
    taken->subject[taken->count++] = subject;
    return true;
}

size_t
issue_list_take_batch(struct issue_list *list, struct issue_pending **out,
                      size_t max, struct issue_list *dropped)
{
    struct issue_list kept;
    struct issue_pending *pending;
    struct taken taken = {.count = 0};
    size_t n = 0;

    issue_list_init(&kept);
    if (max > ISSUE_BATCH_MAX)
        max = ISSUE_BATCH_MAX;
    while (n < max && (pending = issue_list_take(list)) != NULL) {
        if (pending->waiters == 0)
            issue_list_add(dropped, pending);
        else if (fits(&taken, pending->job))
            out[n++] = pending;
        else
            issue_list_add(&kept, pending);
    }
    /* Those left out keep their place in front. */
    if (kept.count > 0) {
        *kept.last = list->first;
        if (list->first != NULL)
            kept.last = list->last;
        list->first = kept.first;
        list->last = kept.last;
        list->count += kept.count;
    }
    return n;
}
