/* The standby pool; see ca-core/kmc/pool.h. */
#include "ca-core/kmc/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct shelf {
    struct hsm_escrow_pair pair[POOL_MAX];
    size_t count;
    bool is_filling;
};

struct kmc_pool {
    struct kmc_pool_options options;
    pthread_mutex_t lock; /* guards what follows */
    struct db_kmc_recovery_key aim;
    bool is_aimed;
    struct shelf shelf[HSM_KEY_TYPE_COUNT];
};

void
kmc_pool_new(const struct kmc_pool_options *options, struct kmc_pool **out)
{
    struct kmc_pool *pool = base_alloc(sizeof *pool);

    pool->options = *options;
    if (pool->options.max > POOL_MAX)
        pool->options.max = POOL_MAX;
    (void)pthread_mutex_init(&pool->lock, NULL);
    for (int type = 0; type < HSM_KEY_TYPE_COUNT; type++)
        pool->shelf[type].is_filling = true;
    *out = pool;
}

static void
empty(struct kmc_pool *pool)
{
    for (int type = 0; type < HSM_KEY_TYPE_COUNT; type++) {
        struct shelf *shelf = &pool->shelf[type];

        while (shelf->count > 0)
            hsm_escrow_drop(pool->options.escrow, &shelf->pair[--shelf->count]);
        shelf->is_filling = true;
    }
}

void
kmc_pool_free(struct kmc_pool *pool)
{
    if (pool == NULL)
        return;
    empty(pool);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void
kmc_pool_aim(struct kmc_pool *pool, const struct db_kmc_recovery_key *key)
{
    (void)pthread_mutex_lock(&pool->lock);
    if (!pool->is_aimed || pool->aim.id != key->id) {
        empty(pool);
        pool->aim = *key;
        pool->is_aimed = true;
    }
    (void)pthread_mutex_unlock(&pool->lock);
}

static bool
aim_of(struct kmc_pool *pool, struct db_kmc_recovery_key *out,
       struct error *err)
{
    bool is_aimed;

    (void)pthread_mutex_lock(&pool->lock);
    is_aimed = pool->is_aimed;
    *out = pool->aim;
    (void)pthread_mutex_unlock(&pool->lock);
    return is_aimed ||
           error_set(err, ERROR_BUSY, "there is no recovery key yet");
}

/* One from the shelf, if there is one. */
static bool
fetch(struct kmc_pool *pool, enum hsm_key_type type,
      struct hsm_escrow_pair *out, struct db_kmc_recovery_key *recovery)
{
    struct shelf *shelf = &pool->shelf[type];
    bool is_there;

    (void)pthread_mutex_lock(&pool->lock);
    is_there = false;
    while (shelf->count > 0 && !is_there) {
        *out = shelf->pair[--shelf->count];
        *recovery = pool->aim;
        is_there = hsm_escrow_is_live(pool->options.escrow, out);
    }
    if (shelf->count < pool->options.min)
        shelf->is_filling = true;
    (void)pthread_mutex_unlock(&pool->lock);
    return is_there;
}

bool
kmc_pool_take(struct kmc_pool *pool, enum hsm_key_type type,
              struct hsm_escrow_pair *out, struct db_kmc_recovery_key *recovery,
              struct error *err)
{
    return fetch(pool, type, out, recovery) ||
           (aim_of(pool, recovery, err) &&
            hsm_escrow_make(pool->options.escrow, type, recovery->spki,
                            recovery->spki_len, out, err));
}

static bool
find_missing(struct kmc_pool *pool, enum hsm_key_type *out)
{
    bool is_missing = false;

    (void)pthread_mutex_lock(&pool->lock);
    for (int type = 0; type < HSM_KEY_TYPE_COUNT && !is_missing; type++) {
        struct shelf *shelf = &pool->shelf[type];

        if (!pool->options.is_kept[type])
            continue;
        if (shelf->count >= pool->options.max)
            shelf->is_filling = false;
        if (shelf->is_filling) {
            *out = (enum hsm_key_type)type;
            is_missing = true;
        }
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return is_missing;
}

bool
kmc_pool_fill(struct kmc_pool *pool, bool *is_full, struct error *err)
{
    struct db_kmc_recovery_key recovery;
    struct hsm_escrow_pair pair;
    enum hsm_key_type type;
    bool is_wanted = false;

    *is_full = !find_missing(pool, &type);
    if (*is_full)
        return true;
    if (!aim_of(pool, &recovery, err) ||
        !hsm_escrow_make(pool->options.escrow, type, recovery.spki,
                         recovery.spki_len, &pair, err))
        return error_wrap(err, "fill the standby pool");
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->aim.id == recovery.id &&
        pool->shelf[type].count < pool->options.max) {
        pool->shelf[type].pair[pool->shelf[type].count++] = pair;
        is_wanted = true;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (!is_wanted)
        hsm_escrow_drop(pool->options.escrow, &pair);
    return true;
}

void
kmc_pool_refill(struct kmc_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    for (int type = 0; type < HSM_KEY_TYPE_COUNT; type++)
        pool->shelf[type].is_filling = true;
    (void)pthread_mutex_unlock(&pool->lock);
}

size_t
kmc_pool_max(struct kmc_pool *pool, enum hsm_key_type type)
{
    return pool->options.is_kept[type] ? pool->options.max : 0;
}

size_t
kmc_pool_count(struct kmc_pool *pool, enum hsm_key_type type)
{
    size_t count;

    (void)pthread_mutex_lock(&pool->lock);
    count = pool->shelf[type].count;
    (void)pthread_mutex_unlock(&pool->lock);
    return count;
}
