/* Waiting for readers; see ocsp/grace.h. */
#include "ocsp/grace.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

struct grace *
grace_new(void)
{
    struct grace *grace = aligned_alloc(GRACE_LINE, sizeof *grace);

    if (grace == NULL)
        abort();
    memset(grace, 0, sizeof *grace);
    return grace;
}

void
grace_free(struct grace *grace)
{
    free(grace);
}

struct grace_reader *
grace_reader_add(struct grace *grace)
{
    assert(grace->count < GRACE_READERS_MAX);
    return &grace->reader[grace->count++];
}

void
grace_wait(struct grace *grace)
{
    size_t i;
    uint64_t turns;

    /* Orders the writer's store of the new pointer before these loads, as the
     * readers' fetch_add orders their entry before their load of it. */
    atomic_thread_fence(memory_order_seq_cst);
    for (i = 0; i < grace->count; i++) {
        turns = atomic_load(&grace->reader[i].turns);
        while (turns % 2 == 1 && atomic_load(&grace->reader[i].turns) == turns)
            sched_yield();
    }
}
