/* Waiting for readers; see ocsp/grace.h. */
#include "ocsp/grace.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

struct ocsp_grace *
ocsp_grace_new(void)
{
    struct ocsp_grace *grace = aligned_alloc(GRACE_LINE, sizeof *grace);

    if (grace == NULL)
        abort();
    memset(grace, 0, sizeof *grace);
    return grace;
}

void
ocsp_grace_free(struct ocsp_grace *grace)
{
    free(grace);
}

struct ocsp_grace_reader *
ocsp_grace_reader_add(struct ocsp_grace *grace)
{
    assert(grace->count < GRACE_READERS_MAX);
    return &grace->reader[grace->count++];
}

void
ocsp_grace_wait(struct ocsp_grace *grace)
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
