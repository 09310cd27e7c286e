/* Shares in waiting; see ca-core/kmc/holding.h. */
#include "ca-core/kmc/holding.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/crypto.h>

struct held {
    char case_id[TEXT_UUID_LEN + 1]; /* "": free */
    unsigned count;
    int64_t since_ms;
    struct share share[SHAMIR_PLACES_MAX];
};

struct holding {
    pthread_mutex_t lock;
    struct held held[HOLDING_CASES_MAX];
};

void
holding_new(struct holding **out)
{
    struct holding *holding = base_alloc(sizeof *holding);

    /* Not to the swap, where that can be had. */
    (void)mlock(holding, sizeof *holding);
    (void)pthread_mutex_init(&holding->lock, NULL);
    *out = holding;
}

void
holding_free(struct holding *holding)
{
    if (holding == NULL)
        return;
    (void)pthread_mutex_destroy(&holding->lock);
    OPENSSL_cleanse(holding, sizeof *holding);
    (void)munlock(holding, sizeof *holding);
    free(holding);
}

/* NULL if there is none; `case_id` "" finds a free place. */
static struct held *
find(struct holding *holding, const char *case_id)
{
    for (size_t i = 0; i < HOLDING_CASES_MAX; i++)
        if (strcmp(holding->held[i].case_id, case_id) == 0)
            return &holding->held[i];
    return NULL;
}

bool
holding_add(struct holding *holding, const char *case_id,
            const struct share *share, int64_t now_ms, struct error *err)
{
    struct held *held;
    unsigned i = 0;
    bool ok = false;

    (void)pthread_mutex_lock(&holding->lock);
    held = find(holding, case_id);
    if (held == NULL && (held = find(holding, "")) != NULL) {
        (void)snprintf(held->case_id, sizeof held->case_id, "%s", case_id);
        held->since_ms = now_ms;
    }
    if (held != NULL) {
        while (i < held->count && held->share[i].octet[0] != share->octet[0])
            i++;
        if (i < SHAMIR_PLACES_MAX) {
            held->share[i] = *share;
            if (i == held->count)
                held->count++;
            ok = true;
        }
    }
    (void)pthread_mutex_unlock(&holding->lock);
    return ok || error_set(err, ERROR_BUSY, "too many recovery cases wait");
}

unsigned
holding_count(struct holding *holding, const char *case_id)
{
    struct held *held;
    unsigned count;

    (void)pthread_mutex_lock(&holding->lock);
    held = find(holding, case_id);
    count = held == NULL ? 0 : held->count;
    (void)pthread_mutex_unlock(&holding->lock);
    return count;
}

unsigned
holding_take(struct holding *holding, const char *case_id,
             struct share shares[SHAMIR_PLACES_MAX])
{
    struct held *held;
    unsigned count = 0;

    (void)pthread_mutex_lock(&holding->lock);
    held = find(holding, case_id);
    if (held != NULL) {
        count = held->count;
        memcpy(shares, held->share, sizeof held->share);
        OPENSSL_cleanse(held, sizeof *held);
    }
    (void)pthread_mutex_unlock(&holding->lock);
    return count;
}

void
holding_drop(struct holding *holding, const char *case_id)
{
    struct held *held;

    (void)pthread_mutex_lock(&holding->lock);
    held = find(holding, case_id);
    if (held != NULL)
        OPENSSL_cleanse(held, sizeof *held);
    (void)pthread_mutex_unlock(&holding->lock);
}

void
holding_expire(struct holding *holding, int64_t now_ms)
{
    (void)pthread_mutex_lock(&holding->lock);
    for (size_t i = 0; i < HOLDING_CASES_MAX; i++) {
        struct held *held = &holding->held[i];

        if (held->case_id[0] != '\0' &&
            now_ms - held->since_ms >= HOLDING_MAX_MS)
            OPENSSL_cleanse(held, sizeof *held);
    }
    (void)pthread_mutex_unlock(&holding->lock);
}

size_t
holding_cases(struct holding *holding,
              char out[HOLDING_CASES_MAX][TEXT_UUID_LEN + 1])
{
    size_t count = 0;

    (void)pthread_mutex_lock(&holding->lock);
    for (size_t i = 0; i < HOLDING_CASES_MAX; i++)
        if (holding->held[i].case_id[0] != '\0')
            memcpy(out[count++], holding->held[i].case_id, TEXT_UUID_LEN + 1);
    (void)pthread_mutex_unlock(&holding->lock);
    return count;
}
