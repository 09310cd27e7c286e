/*
 * Readers that never wait, and one writer that waits for them: what a reader
 * finds between ocsp_grace_enter() and ocsp_grace_leave() stays until it
 * leaves; the writer first puts the new pointer in place, then waits until
 * everybody who may still look at the old one has left, then frees it.
 */
#ifndef OCSP_GRACE_H
#define OCSP_GRACE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { GRACE_READERS_MAX = 256, GRACE_LINE = 64 };

struct ocsp_grace_reader {
    /* Odd while its thread reads. Alone on its cache line. */
    _Alignas(GRACE_LINE) _Atomic uint64_t turns;
};

struct ocsp_grace {
    struct ocsp_grace_reader reader[GRACE_READERS_MAX];
    size_t count;
};

struct ocsp_grace *ocsp_grace_new(void);
void ocsp_grace_free(struct ocsp_grace *grace); /* NULL is nothing */

/* Each reading thread gets its own; all before the threads start. */
struct ocsp_grace_reader *ocsp_grace_reader_add(struct ocsp_grace *grace);

/* Sections are short: nothing that may wait is called inside. They do not
 * nest. */
static inline void
ocsp_grace_enter(struct ocsp_grace_reader *reader)
{
    atomic_fetch_add_explicit(&reader->turns, 1, memory_order_seq_cst);
}

static inline void
ocsp_grace_leave(struct ocsp_grace_reader *reader)
{
    atomic_fetch_add_explicit(&reader->turns, 1, memory_order_release);
}

/* Returns when every section that was open at the call has been left. */
void ocsp_grace_wait(struct ocsp_grace *grace);

#endif
