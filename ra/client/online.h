/* What the verbs of signet-key that speak to the RA share. */
#ifndef RA_CLIENT_ONLINE_H
#define RA_CLIENT_ONLINE_H

#include "ra/client/client.h"
#include "ra/client/holding.h"

/* The PIN that a device is sent with. Everybody knows it, it guards nothing:
 * before activation there is no key of the holder. It is no PIN by our policy,
 * so no holder has it; a device that does not take it any more was opened by
 * somebody. docs/devices.md, "PINs". */
#define ONLINE_TRANSPORT_PIN "12345678"

struct online {
    struct client *client;
    struct service *service;
    struct hsm_device *device;
    struct hsm_device_info info;
    enum hsm_key_type type; /* of a key to be made; --key-type */
    int64_t wait_s;         /* for the CA; --wait */
    bool is_logged_in;
};

/* Takes the options, finds the device, locks it against a second signet-key,
 * and gets ready to call. Nobody is logged in. Between `min` and `max`
 * arguments are left for the verb. */
bool online_begin(struct client *client, int min, int max, struct online *out,
                  struct error *err) MUST_CHECK;
void online_end(struct online *online);

/* Asks for the holder's PIN, once. */
bool online_login(struct online *online, struct error *err) MUST_CHECK;

/* What has become of an order: GET /client/activations/{id}; while it is
 * waiting, asks again until wait_s are over. */
bool online_order(struct online *online, const char *order_id, json_t **out,
                  struct error *err) MUST_CHECK;

/* Says why the CA refused an order. Returns false. */
bool online_refused(const json_t *order, struct error *err);

/* Puts the certificates of a finished order into the device and says so. */
bool online_install(struct online *online, const char *number,
                    const json_t *order, struct error *err) MUST_CHECK;

/* Signs the call and sends it. */
bool online_call(struct online *online, const struct hsm_device_key *key,
                 const char *area, const char *number, const char *action,
                 const char *path_end, json_t *take_more, json_t **out,
                 struct error *err) MUST_CHECK;

/* Number and state of the answer become part of what --json prints. */
void online_tell(struct online *online, const char *number, const char *state);

#endif
