/*
 * The pool of signer processes; see hsm/signer.h.
 *
 * A signer is DOWN until its start is due, STARTING until its first word, then
 * IDLE or BUSY with one caller, who alone uses its socket. A caller whose own
 * time is up leaves a signer that still has some OVERDUE. The keeper, one
 * thread, does everything that is nobody's call: starts, first words, overdue
 * answers, the dead.
 */
#include "hsm/signer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "hsm/signer_process.h"

enum {
    CALL_MS = HSM_WAIT_MS - 100, /* so that the answer is out in time */
    GENERATE_MS = 120000,        /* RSA-4096 on a slow token */
    FIRST_START_MS = 30000,
    START_MS = 4000, /* later starts, or twice the longest seen */
    OPEN_WAIT_MS = 5000,
    BACKOFF_FIRST_MS = 50,
    BACKOFF_MAX_MS = 1000,
    PIN_LOOK_MS = 1000, /* between two looks whether the PIN was corrected */
    REAP_MS = 100,
    STOP_MS = 1000,
};

enum state { DOWN, STARTING, IDLE, BUSY, OVERDUE };

struct signer {
    enum state state;
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

static void
wake_keeper(struct signer_pool *pool)
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

/* Ends a signer, however it is. The first time it is replaced at once. */
static void
retire(struct signer_pool *pool, struct signer *signer)
{
    (void)kill(signer->pid, SIGKILL);
    (void)close(signer->fd);
    pool->dead[pool->dead_count++] = signer->pid;
    signer->fd = -1;
    signer->state = DOWN;
    signer->due_ms = clock_monotonic_ms() + backoff_ms(signer->failures++);
    (void)pthread_cond_broadcast(&pool->changed);
    wake_keeper(pool);
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
    signer->state = STARTING;
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
        retire(pool, signer);
        return;
    }
    note_start_time(pool, signer);
    if (reply->error.code != ERROR_NONE) {
        note_away(pool, &reply->error);
        retire(pool, signer);
        return;
    }
    if (pool->is_away)
        log_event(LOG_LEVEL_INFO, "hsm.back",
                  LOG_TEXT("token", pool->options->token));
    pool->is_away = false;
    signer->state = IDLE;
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
        retire(pool, signer);
        return;
    }
    signer->state = IDLE;
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
        is_starting |= pool->signers[i].state == STARTING;
    for (i = 0; i < pool->count; i++) {
        struct signer *signer = &pool->signers[i];

        /* One after another: they would only wait for the login lock. */
        if (signer->state == DOWN && !pool->is_refused && !is_starting &&
            signer->due_ms <= now) {
            start(pool, signer);
            is_starting = signer->state == STARTING;
        } else if (signer->state == STARTING && signer->due_ms <= now) {
            struct error why = {0};

            (void)error_set(&why, ERROR_BUSY, "the module does not start");
            note_away(pool, &why);
            retire(pool, signer);
        } else if (signer->state == OVERDUE && signer->due_ms <= now) {
            retire(pool, signer);
        }
        if ((signer->state == DOWN && !pool->is_refused && !is_starting) ||
            signer->state == STARTING || signer->state == OVERDUE)
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
        bool is_watched = signer->state == STARTING || signer->state == IDLE ||
                          signer->state == OVERDUE;

        signer->watched = signer->pid;
        watched[i + 1] = (struct pollfd){
            .fd = is_watched ? signer->fd : -1,
            .events = signer->state == IDLE ? POLLRDHUP : POLLIN,
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
    if (signer->state == STARTING)
        hear_start(pool, signer);
    else if (signer->state == OVERDUE && (seen->events & POLLIN) != 0)
        hear_overdue(pool, signer);
    else if (signer->state == IDLE && (seen->events & POLLRDHUP) != 0)
        retire(pool, signer);
}

/* Ends what is left: a signer leaves when its socket ends. */
static void
stop_all(struct signer_pool *pool)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    int64_t until = clock_monotonic_ms() + STOP_MS;
    size_t i;

    for (i = 0; i < pool->count; i++) {
        if (pool->signers[i].state == DOWN)
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

static struct timespec
instant(int64_t at_ms)
{
    return (struct timespec){.tv_sec = at_ms / 1000,
                             .tv_nsec = at_ms % 1000 * 1000000};
}

/* All signals belong to the service's own threads. */
static bool
start_keeper(struct signer_pool *pool, struct error *err)
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

static bool
has_settled(const struct signer_pool *pool)
{
    size_t i;

    if (pool->is_away)
        return true;
    for (i = 0; i < pool->count; i++) {
        if (pool->signers[i].state != IDLE)
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
    if (!start_keeper(pool, err)) {
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
    wake_keeper(pool);
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
            if (pool->signers[i].state == IDLE)
                taken = &pool->signers[i];
            has_hope |= pool->signers[i].state == BUSY;
        }
        if (taken != NULL) {
            taken->state = BUSY;
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
    signer->state = IDLE;
    (void)pthread_cond_signal(&pool->changed);
    (void)pthread_mutex_unlock(&pool->lock);
}

static void
give_up(struct signer_pool *pool, struct signer *signer, int64_t due_ms)
{
    (void)pthread_mutex_lock(&pool->lock);
    if (clock_monotonic_ms() < due_ms) {
        signer->state = OVERDUE;
        signer->due_ms = due_ms;
        wake_keeper(pool);
    } else {
        retire(pool, signer);
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
