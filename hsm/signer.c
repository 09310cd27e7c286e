/*
 * The callers' side of the pool of signer processes; see hsm/signer.h and
 * hsm/signer_pool.h.
 */
#include "hsm/signer.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "hsm/signer_pool.h"

enum {
    CALL_MS = HSM_WAIT_MS - 100, /* so that the answer is out in time */
    GENERATE_MS = 120000,        /* RSA-4096 on a slow token */
    START_MS = 4000, /* of a start but the first, or twice the longest seen */
    OPEN_WAIT_MS = 5000,
};

static struct timespec
instant(int64_t at_ms)
{
    return (struct timespec){.tv_sec = at_ms / 1000,
                             .tv_nsec = at_ms % 1000 * 1000000};
}

static bool
has_settled(const struct signer_pool *pool)
{
    size_t i;

    if (pool->is_away)
        return true;
    for (i = 0; i < pool->count; i++) {
        if (pool->signers[i].state != SIGNER_IDLE)
            return false;
    }
    return true;
}

static bool
await_start(struct signer_pool *pool, struct error *err)
{
    struct timespec until = instant(clock_monotonic_ms() + OPEN_WAIT_MS);
    bool ok;

    (void)pthread_mutex_lock(&pool->lock);
    while (!has_settled(pool) &&
           pthread_cond_timedwait(&pool->changed, &pool->lock, &until) == 0)
        continue;
    ok = !pool->is_away || pool->why.code == ERROR_BUSY;
    pool->is_open = ok;
    if (!ok)
        *err = pool->why;
    (void)pthread_mutex_unlock(&pool->lock);
    return ok;
}

static void
pool_clear(struct signer_pool *pool)
{
    size_t i;

    for (i = 0; i < pool->count; i++) {
        buf_cleanse(&pool->signers[i].out);
        buf_cleanse(&pool->signers[i].in);
    }
    if (pool->wake >= 0)
        (void)close(pool->wake);
    (void)pthread_cond_destroy(&pool->changed);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->signers);
    free(pool->dead);
    free(pool);
}

bool
signer_pool_new(const struct hsm_options *options, struct signer_pool **out,
                struct error *err)
{
    struct signer_pool *pool = base_alloc(sizeof *pool);
    pthread_condattr_t attributes;
    size_t i;

    pool->options = options;
    pool->count = options->signer_count;
    pool->start_ms = START_MS;
    pool->signers = base_alloc(pool->count * sizeof *pool->signers);
    pool->dead = base_alloc(4 * pool->count * sizeof *pool->dead);
    for (i = 0; i < pool->count; i++) {
        pool->signers[i].fd = -1;
        pool->signers[i].in = (struct buf)BUF_INIT(SIGNER_FRAME_MAX);
        pool->signers[i].out = (struct buf)BUF_INIT(SIGNER_FRAME_MAX);
    }
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&pool->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    pool->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->wake < 0) {
        error_errno(err, ERROR_INTERNAL, "eventfd");
        pool_clear(pool);
        return false;
    }
    if (!signer_keeper_start(pool, err)) {
        pool_clear(pool);
        return false;
    }
    if (!await_start(pool, err)) {
        signer_pool_free(pool);
        return false;
    }
    *out = pool;
    return true;
}

void
signer_pool_free(struct signer_pool *pool)
{
    if (pool == NULL)
        return;
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_stopping = true;
    (void)pthread_mutex_unlock(&pool->lock);
    signer_keeper_wake(pool);
    (void)pthread_join(pool->keeper, NULL);
    pool_clear(pool);
}

/* A signer for this caller alone. Waits as long as there is hope. */
static struct signer *
check_out(struct signer_pool *pool, int64_t until_ms, struct error *err)
{
    struct timespec until = instant(until_ms);
    struct signer *taken = NULL;
    int rc = 0;

    (void)pthread_mutex_lock(&pool->lock);
    while (taken == NULL) {
        bool has_hope = !pool->is_away;
        size_t i;

        for (i = 0; i < pool->count && taken == NULL; i++) {
            if (pool->signers[i].state == SIGNER_IDLE)
                taken = &pool->signers[i];
            has_hope |= pool->signers[i].state == SIGNER_BUSY;
        }
        if (taken != NULL) {
            taken->state = SIGNER_BUSY;
        } else if (!has_hope) {
            *err = pool->why;
            /* Whatever it is, it is not the caller's doing. */
            err->code = ERROR_BUSY;
            break;
        } else if (rc != 0) {
            (void)error_set(err, ERROR_BUSY, "no signer is free");
            break;
        } else {
            rc = pthread_cond_timedwait(&pool->changed, &pool->lock, &until);
        }
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return taken;
}

static void
check_in(struct signer_pool *pool, struct signer *signer)
{
    (void)pthread_mutex_lock(&pool->lock);
    signer->failures = 0;
    signer->state = SIGNER_IDLE;
    (void)pthread_cond_signal(&pool->changed);
    (void)pthread_mutex_unlock(&pool->lock);
}

static void
give_up(struct signer_pool *pool, struct signer *signer, int64_t due_ms)
{
    (void)pthread_mutex_lock(&pool->lock);
    if (clock_monotonic_ms() < due_ms) {
        signer->state = SIGNER_OVERDUE;
        signer->due_ms = due_ms;
        signer_keeper_wake(pool);
    } else {
        signer_retire(pool, signer);
    }
    (void)pthread_mutex_unlock(&pool->lock);
}

static bool
is_making(const struct signer_request *request)
{
    return request->op == SIGNER_KEY_GENERATE || request->op == SIGNER_WRAP_KEY;
}

/* Whether another signer should be asked. Signing twice is harmless: what is
 * signed was recorded before. Making a key twice is not. */
static bool
ask(struct signer_pool *pool, struct signer *signer,
    const struct signer_request *request, int64_t until_ms,
    struct signer_reply *reply)
{
    struct error *err = &reply->error;
    int64_t now = clock_monotonic_ms();
    int64_t due = now + (is_making(request) ? GENERATE_MS : CALL_MS);
    int64_t until = is_making(request) || due < until_ms ? due : until_ms;

    buf_reset(&signer->out);
    signer_request_encode(request, &signer->out);
    if (!signer_send(signer->fd, &signer->out, until, err) ||
        !signer_receive(signer->fd, &signer->in, until, err)) {
        bool is_gone = err->code != ERROR_BUSY;

        err->code = ERROR_BUSY;
        give_up(pool, signer, is_gone ? 0 : due);
        return is_gone && !is_making(request);
    }
    if (!signer_reply_parse(signer->in.data + SIGNER_FRAME_HEAD,
                            signer->in.len - SIGNER_FRAME_HEAD, reply)) {
        give_up(pool, signer, 0);
        return error_set(err, ERROR_INTERNAL, "a signer talks nonsense");
    }
    /* Who signs knows the key: a signer that cannot find it is ill. */
    if (request->op == SIGNER_SIGN && err->code == ERROR_NOT_FOUND) {
        err->code = ERROR_BUSY;
        reply->is_lost = true;
    }
    if (reply->is_lost) {
        give_up(pool, signer, 0);
        return !is_making(request);
    }
    if (request->op == SIGNER_WRAP || request->op == SIGNER_UNWRAP ||
        request->op == SIGNER_RANDOM) {
        buf_cleanse(&signer->in);
        buf_cleanse(&signer->out);
    }
    check_in(pool, signer);
    return false;
}

void
signer_pool_call(struct signer_pool *pool, const struct signer_request *request,
                 struct signer_reply *reply)
{
    int64_t until = clock_monotonic_ms() + CALL_MS;
    struct signer *signer;
    size_t tries;

    /* As many tries as there are signers and one: all may have lost the token
     * that has come back meanwhile. */
    for (tries = 0; tries <= pool->count; tries++) {
        if ((signer = check_out(pool, until, &reply->error)) == NULL ||
            !ask(pool, signer, request, until, reply))
            return;
    }
}
