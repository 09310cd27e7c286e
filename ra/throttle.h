/*
 * How often an address may present a credential that opens nothing: a bucket of
 * failures for each address, refilled with time. Shared by all workers.
 */
#ifndef RA_THROTTLE_H
#define RA_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle;

enum {
    /* A person who mistypes stays far below, a guesser soon above. Tokens are
     * 256 random bits: this bounds load and noise, not the odds. */
    THROTTLE_FAILURES_MAX = 60,
    THROTTLE_REFILL_MS = 1000,
    THROTTLE_ADDRESSES = 4096,
    /* Log-ins that fail, of passkeys and tickets: an office behind one address
     * gets in again, a program gets nowhere. */
    THROTTLE_LOGINS_MAX = 20,
    THROTTLE_LOGINS_REFILL_MS = 30000,
};

/* So many failures at once, and one more every `refill_ms`. */
struct throttle *throttle_new(int32_t failures_max, int64_t refill_ms);
void throttle_free(struct throttle *throttle); /* NULL is nothing */

/* Whether this address may present a token now. `now_ms` is monotonic. */
bool throttle_admits(struct throttle *throttle, const char *address,
                     int64_t now_ms);

/* Notes a token that opened nothing. */
void throttle_failed(struct throttle *throttle, const char *address,
                     int64_t now_ms);

#endif
