/*
 * The orders on their way, as issue.c keeps them: each is in one list or in the
 * hands of one thread, and all can be found by id. Not thread-safe: issue.c
 * holds its lock.
 */
#ifndef CA_CORE_ISSUE_QUEUE_H
#define CA_CORE_ISSUE_QUEUE_H

#include <pthread.h>

#include "ca-core/issue.h"

struct issue_pending {
    struct issue_pending *next;  /* in its list */
    struct issue_pending *chain; /* in the table */
    char order_id[TEXT_UUID_LEN + 1];
    uint8_t digest[32];
    struct issue_job *job; /* owned; NULL until an adopted order was read */
    int waiters;
    int sign_attempts; /* that failed for another reason than being busy */
    int busy_count;    /* attempts that found the token away */
    pthread_cond_t over;
    bool is_over;
    bool is_stuck; /* over, and must not be taken up again */
    enum issue_end end;
    struct error err; /* code ERROR_NONE: `end` holds */
};

struct issue_list {
    struct issue_pending *first, **last;
    size_t count;
};

void issue_list_init(struct issue_list *list);
void issue_list_add(struct issue_list *list, struct issue_pending *pending);
struct issue_pending *issue_list_take(struct issue_list *list); /* or NULL */

enum { ISSUE_TABLE_SIZE = 4096 }; /* a power of two */

struct issue_table {
    struct issue_pending *slot[ISSUE_TABLE_SIZE];
};

struct issue_pending *issue_table_find(const struct issue_table *table,
                                       const char *order_id); /* or NULL */
/* Makes one and puts it into the table. */
struct issue_pending *issue_table_add(struct issue_table *table,
                                      const char *order_id,
                                      const uint8_t digest[32]);
void issue_table_remove(struct issue_table *table,
                        struct issue_pending *pending);
void issue_pending_free(struct issue_pending *pending);

/* Takes at most `max` off the front. Two with the same key or subject whose
 * rules count certificates go into different batches: the second then sees the
 * first. Those that nobody waits for any more go to `dropped`. */
size_t issue_list_take_batch(struct issue_list *list,
                             struct issue_pending **out, size_t max,
                             struct issue_list *dropped);

#endif
