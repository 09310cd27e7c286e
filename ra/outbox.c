/* Orders without an answer are sent again: ra/outbox.h. */
#include "ra/outbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "ra/business.h"

enum {
    ROUND_S = 1, /* between two looks at the table */
    /* Longer than one sending takes at worst (ra/ca_client.c: three tries of
     * ten seconds): a row that was claimed is another's until then. */
    CLAIM_S = 45,
};

struct outbox {
    struct ra *ra;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_ending;
};

static struct metric sent = {
    .name = "signet_ra_orders_sent_again_total",
    .help = "Orders that were sent again because they had no answer.",
};

static bool
wait_round(struct outbox *outbox)
{
    struct timespec until;
    bool is_ending;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ROUND_S;
    pthread_mutex_lock(&outbox->lock);
    if (!outbox->is_ending)
        pthread_cond_timedwait(&outbox->wake, &outbox->lock, &until);
    is_ending = outbox->is_ending;
    pthread_mutex_unlock(&outbox->lock);
    return !is_ending;
}

static bool
is_ending(struct outbox *outbox)
{
    bool ending;

    pthread_mutex_lock(&outbox->lock);
    ending = outbox->is_ending;
    pthread_mutex_unlock(&outbox->lock);
    return ending;
}

/* Sends what is due, one after the other. */
static void
send_due(struct outbox *outbox, struct ra_worker *worker)
{
    char number[DB_APPLICATION_NUMBER_MAX + 1];
    struct error err = {0};
    int64_t now;

    while (!is_ending(outbox)) {
        now = clock_now();
        if (!db_application_claim(worker->db, now, now + CLAIM_S, number,
                                  &err)) {
            log_failure("outbox.claim", &err);
            return;
        }
        if (number[0] == '\0')
            return;
        metric_add(&sent, 1);
        if (!business_send(worker->db, worker->ca, number, now, &err)) {
            log_failure("outbox.send", &err);
            return;
        }
    }
}

static void *
outbox_run(void *arg)
{
    struct outbox *outbox = arg;
    struct ra_worker *worker = NULL;
    struct error err = {0};

    do {
        if (worker == NULL) {
            worker = ra_worker_new(outbox->ra, &err);
            if (worker == NULL)
                log_failure("outbox.open", &err);
        }
        if (worker != NULL)
            send_due(outbox, worker);
    } while (wait_round(outbox));
    ra_worker_free(worker);
    return NULL;
}

bool
outbox_start(struct ra *ra, struct outbox **out, struct error *err)
{
    struct outbox *outbox = base_alloc(sizeof *outbox);
    pthread_condattr_t attribute;

    metric_register(&sent);
    outbox->ra = ra;
    pthread_mutex_init(&outbox->lock, NULL);
    pthread_condattr_init(&attribute);
    pthread_condattr_setclock(&attribute, CLOCK_MONOTONIC);
    pthread_cond_init(&outbox->wake, &attribute);
    pthread_condattr_destroy(&attribute);
    if (pthread_create(&outbox->thread, NULL, outbox_run, outbox) != 0) {
        pthread_cond_destroy(&outbox->wake);
        pthread_mutex_destroy(&outbox->lock);
        free(outbox);
        return error_set(err, ERROR_INTERNAL, "no thread for the outbox");
    }
    *out = outbox;
    return true;
}

void
outbox_stop(struct outbox *outbox)
{
    if (outbox == NULL)
        return;
    pthread_mutex_lock(&outbox->lock);
    outbox->is_ending = true;
    pthread_cond_signal(&outbox->wake);
    pthread_mutex_unlock(&outbox->lock);
    pthread_join(outbox->thread, NULL);
    pthread_cond_destroy(&outbox->wake);
    pthread_mutex_destroy(&outbox->lock);
    free(outbox);
}
