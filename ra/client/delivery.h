/*
 * Encryption keys that wait for a device: that of a pair that was issued, and
 * the earlier ones of its holder (docs/openapi.yaml, /v1/client/keys). Each is
 * taken in by two C_UnwrapKey and confirmed when it stands in the device with
 * its certificate; broken off anywhere, the same again goes on.
 */
#ifndef RA_CLIENT_DELIVERY_H
#define RA_CLIENT_DELIVERY_H

#include "ra/client/online.h"

enum { DELIVERY_STATE_MAX = 16 };

struct delivery {
    char number[SERVICE_NUMBER_MAX + 1]; /* "": nothing waits */
    char case_state[32];                 /* after what was confirmed; or "" */
    bool has_key;                        /* that of the pair came */
    size_t earlier_count;                /* of the earlier ones that came */
    /* Where the recovery of the earlier ones stands; "": none was asked for. */
    char recovery[DELIVERY_STATE_MAX + 1];
};

/*
 * Asks what waits by this case ("": by the oldest that something waits for),
 * takes it in and confirms it. `order` is the answer with the pair's
 * certificates (ClientOrder), whose second is installed before its key is
 * confirmed; NULL: there is none at hand. Asks for the PIN when there is
 * something to take in.
 */
bool delivery_take(struct online *online, const char *number,
                   const json_t *order, struct delivery *out,
                   struct error *err) MUST_CHECK;

/* Tells people where the earlier keys stand and what they can do, and puts
 * "earlier_keys" and "recovery" into what --json prints. */
void delivery_tell(struct online *online, const struct delivery *delivery);

#endif
