/* Buckets of failures by address: ra/throttle.h. */
#include "ra/throttle.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "base/buf.h"

struct bucket {
    uint8_t address[16]; /* IPv4 mapped; of IPv6 the first 64 bits, which is
                            what one customer is given (RFC 6177) */
    int32_t failures;
    int64_t at_ms; /* when `failures` was last brought up to date */
};

struct throttle {
    int32_t failures_max;
    int64_t refill_ms;
    pthread_mutex_t lock;
    struct bucket bucket[THROTTLE_ADDRESSES];
};

struct throttle *
throttle_new(int32_t failures_max, int64_t refill_ms)
{
    struct throttle *throttle = base_alloc(sizeof *throttle);

    throttle->failures_max = failures_max;
    throttle->refill_ms = refill_ms;
    pthread_mutex_init(&throttle->lock, NULL);
    return throttle;
}

void
throttle_free(struct throttle *throttle)
{
    if (throttle == NULL)
        return;
    pthread_mutex_destroy(&throttle->lock);
    free(throttle);
}

static void
address_parse(const char *text, uint8_t out[16])
{
    memset(out, 0, 16);
    if (inet_pton(AF_INET6, text, out) == 1) {
        memset(out + 8, 0, 8);
        return;
    }
    out[10] = out[11] = 0xff;
    /* Not an address at all (a socket's path): all such share a bucket. */
    if (inet_pton(AF_INET, text, out + 12) != 1)
        memset(out + 12, 0, 4);
}

static void
bucket_refill(const struct throttle *throttle, struct bucket *bucket,
              int64_t now_ms)
{
    int64_t gained = (now_ms - bucket->at_ms) / throttle->refill_ms;

    if (gained <= 0)
        return;
    bucket->at_ms += gained * throttle->refill_ms;
    if (gained >= bucket->failures) {
        bucket->failures = 0;
        bucket->at_ms = now_ms;
    } else {
        bucket->failures -= (int32_t)gained;
    }
}

/* The bucket of an address; where none is, one that has run empty, or the one
 * nearest to it. A look at all of them costs some microseconds, and only those
 * who present a wrong token pay it. */
static struct bucket *
bucket_find(struct throttle *throttle, const uint8_t address[16],
            int64_t now_ms, bool is_made)
{
    struct bucket *spare = &throttle->bucket[0];

    for (size_t i = 0; i < THROTTLE_ADDRESSES; i++) {
        struct bucket *bucket = &throttle->bucket[i];

        if (bucket->failures == 0) {
            if (spare->failures != 0)
                spare = bucket;
            continue;
        }
        if (memcmp(bucket->address, address, 16) == 0)
            return bucket;
        if (spare->failures > bucket->failures)
            spare = bucket;
    }
    if (!is_made)
        return NULL;
    memcpy(spare->address, address, 16);
    spare->failures = 0;
    spare->at_ms = now_ms;
    return spare;
}

bool
throttle_admits(struct throttle *throttle, const char *address, int64_t now_ms)
{
    uint8_t key[16];
    struct bucket *bucket;
    bool admits = true;

    address_parse(address, key);
    pthread_mutex_lock(&throttle->lock);
    bucket = bucket_find(throttle, key, now_ms, false);
    if (bucket != NULL) {
        bucket_refill(throttle, bucket, now_ms);
        admits = bucket->failures < throttle->failures_max;
    }
    pthread_mutex_unlock(&throttle->lock);
    return admits;
}

void
throttle_failed(struct throttle *throttle, const char *address, int64_t now_ms)
{
    uint8_t key[16];
    struct bucket *bucket;

    address_parse(address, key);
    pthread_mutex_lock(&throttle->lock);
    bucket = bucket_find(throttle, key, now_ms, true);
    bucket_refill(throttle, bucket, now_ms);
    if (bucket->failures < throttle->failures_max)
        bucket->failures++;
    pthread_mutex_unlock(&throttle->lock);
}
