/*
 * The keeper of the signer processes; see hsm/signer_pool.h.
 */
#include "hsm/signer_pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    FIRST_START_MS = 30000, /* later ones: pool->start_ms */
    BACKOFF_FIRST_MS = 50,
    BACKOFF_MAX_MS = 1000,
    PIN_LOOK_MS = 1000, /* between two looks whether the PIN was corrected */
    REAP_MS = 100,
    STOP_MS = 1000,
};

void
signer_keeper_wake(struct signer_pool *pool)
{
    const uint64_t one = 1;

    /* It can only fail when the counter is full: then it is awake. */
    if (write(pool->wake, &one, sizeof one) < 0)
        return;
}

static int64_t
backoff_ms(unsigned failures)
{
    int64_t pause = BACKOFF_FIRST_MS;

    if (failures == 0)
        return 0;
    while (--failures > 0 && pause < BACKOFF_MAX_MS)
        pause *= 2;
    return pause < BACKOFF_MAX_MS ? pause : BACKOFF_MAX_MS;
}

void
signer_retire(struct signer_pool *pool, struct signer *signer)
{
    (void)kill(signer->pid, SIGKILL);
    (void)close(signer->fd);
    pool->dead[pool->dead_count++] = signer->pid;
    signer->fd = -1;
    signer->state = SIGNER_DOWN;
    signer->due_ms = clock_monotonic_ms() + backoff_ms(signer->failures++);
    (void)pthread_cond_broadcast(&pool->changed);
    signer_keeper_wake(pool);
}

static void
reap(struct signer_pool *pool)
{
    size_t i = 0;

    while (i < pool->dead_count) {
        if (waitpid(pool->dead[i], NULL, WNOHANG) == 0)
            i++;
        else
            pool->dead[i] = pool->dead[--pool->dead_count];
    }
}

/* Notes why there is no signer. Said once until something changes. */
static void
note_away(struct signer_pool *pool, const struct error *why)
{
    bool is_news = !pool->is_away || pool->why.code != why->code;

    pool->is_away = true;
    pool->why = *why;
    (void)pthread_cond_broadcast(&pool->changed);
    if (why->code == ERROR_DENIED && !pool->is_refused) {
        pool->is_refused = true;
        signer_pin_state(pool->options, &pool->pin);
        is_news = true;
    }
    /* What hsm_open() returns, its caller logs. */
    if (is_news && (pool->is_open || why->code == ERROR_BUSY))
        log_event(why->code == ERROR_BUSY ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR,
                  "hsm.away", LOG_TEXT("token", pool->options->token),
                  LOG_TEXT("what", why->what), LOG_TEXT("cause", why->cause));
}

static void
start(struct signer_pool *pool, struct signer *signer)
{
    struct error why = {0};

    if (pool->dead_count + pool->count > 4 * pool->count)
        return; /* the machine does not even let go of the dead */
    signer->started_ms = clock_monotonic_ms();
    if (!signer_process_start(pool->options, &signer->pid, &signer->fd, &why)) {
        signer->due_ms = signer->started_ms + BACKOFF_MAX_MS;
        signer->failures++;
        note_away(pool, &why);
        return;
    }
    signer->state = SIGNER_STARTING;
    signer->due_ms = signer->started_ms +
                     (pool->has_started_once ? pool->start_ms : FIRST_START_MS);
}

static void
note_start_time(struct signer_pool *pool, const struct signer *signer)
{
    int64_t took = clock_monotonic_ms() - signer->started_ms;

    pool->has_started_once = true;
    if (2 * took > pool->start_ms)
        pool->start_ms = 2 * took;
}

/* The first word of a signer. */
static void
hear_start(struct signer_pool *pool, struct signer *signer)
{
    struct signer_reply *reply = &pool->first_word;
    struct error why = {0};

    if (!signer_receive(signer->fd, &signer->in, clock_monotonic_ms() + REAP_MS,
                        &why) ||
        !signer_reply_parse(signer->in.data + SIGNER_FRAME_HEAD,
                            signer->in.len - SIGNER_FRAME_HEAD, reply)) {
        (void)error_set(&why, ERROR_BUSY, "a signer ended while it started");
        note_away(pool, &why);
        signer_retire(pool, signer);
        return;
    }
    note_start_time(pool, signer);
    if (reply->error.code != ERROR_NONE) {
        note_away(pool, &reply->error);
        signer_retire(pool, signer);
        return;
    }
    if (pool->is_away)
        log_event(LOG_LEVEL_INFO, "hsm.back",
                  LOG_TEXT("token", pool->options->token));
    pool->is_away = false;
    signer->state = SIGNER_IDLE;
    (void)pthread_cond_broadcast(&pool->changed);
}

/* The answer to a caller who has left. */
static void
hear_overdue(struct signer_pool *pool, struct signer *signer)
{
    struct error why = {0};
    bool ok = signer_receive(signer->fd, &signer->in,
                             clock_monotonic_ms() + REAP_MS, &why) &&
              signer->in.len > SIGNER_FRAME_HEAD + 1 &&
              signer->in.data[SIGNER_FRAME_HEAD + 1] == 0; /* is_lost */

    buf_cleanse(&signer->in);
    if (!ok) {
        signer_retire(pool, signer);
        return;
    }
    signer->state = SIGNER_IDLE;
    (void)pthread_cond_broadcast(&pool->changed);
}

/* What is due by the clock. Returns when to look again, -1 for never. */
static int64_t
keep_time(struct signer_pool *pool)
{
    int64_t now = clock_monotonic_ms();
    int64_t next = pool->dead_count > 0 ? now + REAP_MS : -1;
    bool is_starting = false;
    struct signer_pin_state pin;
    size_t i;

    if (pool->is_refused) {
        signer_pin_state(pool->options, &pin);
        pool->is_refused = !signer_pin_changed(&pool->pin, &pin);
        next = now + PIN_LOOK_MS;
    }
    for (i = 0; i < pool->count; i++)
        is_starting |= pool->signers[i].state == SIGNER_STARTING;
    for (i = 0; i < pool->count; i++) {
        struct signer *signer = &pool->signers[i];

        /* One after another: they would only wait for the login lock. */
        if (signer->state == SIGNER_DOWN && !pool->is_refused && !is_starting &&
            signer->due_ms <= now) {
            start(pool, signer);
            is_starting = signer->state == SIGNER_STARTING;
        } else if (signer->state == SIGNER_STARTING && signer->due_ms <= now) {
            struct error why = {0};

            (void)error_set(&why, ERROR_BUSY, "the module does not start");
            note_away(pool, &why);
            signer_retire(pool, signer);
        } else if (signer->state == SIGNER_OVERDUE && signer->due_ms <= now) {
            signer_retire(pool, signer);
        }
        if ((signer->state == SIGNER_DOWN && !pool->is_refused &&
             !is_starting) ||
            signer->state == SIGNER_STARTING || signer->state == SIGNER_OVERDUE)
            next = next < 0 || signer->due_ms < next ? signer->due_ms : next;
    }
    return next;
}

/* Of an idle signer only its end is of interest: a caller may take it at any
 * moment, and its answers must not wake the keeper. */
static void
watch(struct signer_pool *pool, struct pollfd *watched)
{
    size_t i;

    watched[0] = (struct pollfd){.fd = pool->wake, .events = POLLIN};
    for (i = 0; i < pool->count; i++) {
        struct signer *signer = &pool->signers[i];
        bool is_watched = signer->state == SIGNER_STARTING ||
                          signer->state == SIGNER_IDLE ||
                          signer->state == SIGNER_OVERDUE;

        signer->watched = signer->pid;
        watched[i + 1] = (struct pollfd){
            .fd = is_watched ? signer->fd : -1,
            .events = signer->state == SIGNER_IDLE ? POLLRDHUP : POLLIN,
        };
    }
}

static void
keep_signer(struct signer_pool *pool, struct signer *signer,
            const struct pollfd *seen)
{
    /* Meanwhile another process may have the same descriptor. */
    if (seen->fd < 0 || seen->revents == 0 || signer->pid != signer->watched)
        return;
    if (signer->state == SIGNER_STARTING)
        hear_start(pool, signer);
    else if (signer->state == SIGNER_OVERDUE && (seen->events & POLLIN) != 0)
        hear_overdue(pool, signer);
    else if (signer->state == SIGNER_IDLE && (seen->events & POLLRDHUP) != 0)
        signer_retire(pool, signer);
}

/* Ends what is left: a signer leaves when its socket ends. */
static void
stop_all(struct signer_pool *pool)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    int64_t until = clock_monotonic_ms() + STOP_MS;
    size_t i;

    for (i = 0; i < pool->count; i++) {
        if (pool->signers[i].state == SIGNER_DOWN)
            continue;
        (void)close(pool->signers[i].fd);
        pool->dead[pool->dead_count++] = pool->signers[i].pid;
    }
    while (reap(pool), pool->dead_count > 0 && clock_monotonic_ms() < until)
        (void)nanosleep(&pause, NULL);
    for (i = 0; i < pool->dead_count; i++) {
        (void)kill(pool->dead[i], SIGKILL);
        (void)waitpid(pool->dead[i], NULL, 0);
    }
}

static void *
keep(void *arg)
{
    struct signer_pool *pool = arg;
    struct pollfd *watched = base_alloc((pool->count + 1) * sizeof *watched);
    uint64_t drained;
    size_t i;

    (void)pthread_mutex_lock(&pool->lock);
    while (!pool->is_stopping) {
        int64_t next, left;

        reap(pool);
        next = keep_time(pool);
        watch(pool, watched);
        (void)pthread_mutex_unlock(&pool->lock);
        left = next < 0 ? -1 : next - clock_monotonic_ms();
        (void)poll(watched, pool->count + 1,
                   next < 0 ? -1 : (int)(left < 0 ? 0 : left));
        if (read(pool->wake, &drained, sizeof drained) < 0)
            drained = 0; /* not woken */
        (void)pthread_mutex_lock(&pool->lock);
        for (i = 0; i < pool->count; i++)
            keep_signer(pool, &pool->signers[i], &watched[i + 1]);
    }
    stop_all(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    free(watched);
    return NULL;
}

/* All signals belong to the service's own threads. */
bool
signer_keeper_start(struct signer_pool *pool, struct error *err)
{
    sigset_t all, before;
    int rc;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&pool->keeper, NULL, keep, pool);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        return true;
    errno = rc;
    return error_errno(err, ERROR_INTERNAL, "cannot start a thread");
}
