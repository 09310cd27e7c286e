/*
 * What the two halves of the pool share: hsm/signer.c (the callers' side) and
 * hsm/signer_keeper.c. Internal to hsm/.
 *
 * A signer is DOWN until its start is due, STARTING until its first word, then
 * IDLE or BUSY with one caller, who alone uses its socket. A caller whose own
 * time is up leaves a signer that still has some OVERDUE. The keeper, one
 * thread, does everything that is nobody's call: starts, first words, overdue
 * answers, the dead.
 */
#ifndef HSM_SIGNER_POOL_H
#define HSM_SIGNER_POOL_H

#include <pthread.h>

#include "hsm/signer.h"
#include "hsm/signer_process.h"

enum signer_state {
    SIGNER_DOWN,
    SIGNER_STARTING,
    SIGNER_IDLE,
    SIGNER_BUSY,
    SIGNER_OVERDUE
};

struct signer {
    enum signer_state state;
    pid_t pid; /* but when DOWN */
    int fd;
    int64_t due_ms;     /* of the next start, or of giving up */
    int64_t started_ms; /* when its process was */
    pid_t watched;      /* the pid that the keeper's poll is about */
    unsigned failures;  /* since a call last went well */
    struct buf out, in; /* who owns the signer owns these */
};

struct signer_pool {
    const struct hsm_options *options;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    pthread_t keeper;
    int wake;     /* eventfd: the keeper has work */
    bool is_open; /* signer_pool_new() has succeeded */
    bool is_stopping;
    bool is_away;          /* the last start failed and none has gone well */
    struct error why;      /* of is_away */
    bool is_refused;       /* the PIN: no start until it changes */
    bool has_started_once; /* start_ms is measured */
    int64_t start_ms;
    struct signer_pin_state pin;
    struct signer *signers;
    size_t count;
    struct signer_reply first_word; /* the keeper's */
    pid_t *dead; /* killed, not yet reaped; room for 4 * count */
    size_t dead_count;
};

/* Starts the keeper's thread; it ends all signers, and then itself, when
 * is_stopping is set and it is woken. */
bool signer_keeper_start(struct signer_pool *pool,
                         struct error *err) MUST_CHECK;

/* The keeper has something to do. */
void signer_keeper_wake(struct signer_pool *pool);

/* With the lock held: ends a signer, however it is; the keeper starts another,
 * the first time at once. */
void signer_retire(struct signer_pool *pool, struct signer *signer);

#endif
