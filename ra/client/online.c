/* What the verbs that speak to the RA share; see ra/client/online.h. */
#include "ra/client/online.h"

#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

enum { WAIT_DEFAULT_S = 120, WAIT_MAX_S = 86400, POLL_MS = 400 };

static bool
options_read(struct client *client, struct online *out, struct error *err)
{
    const char *type = client_option(client, "--key-type");
    const char *wait = client_option(client, "--wait");

    out->type = HSM_KEY_EC_P256;
    out->wait_s = WAIT_DEFAULT_S;
    if (type != NULL && !hsm_key_type_find(type, &out->type))
        return error_set(err, ERROR_INPUT,
                         "--key-type: rsa-2048, rsa-3072, ec-p256 or ec-p384");
    return wait == NULL || text_int64(wait, 0, WAIT_MAX_S, &out->wait_s) ||
           error_set(err, ERROR_INPUT, "--wait: seconds, at most %d",
                     WAIT_MAX_S);
}

bool
online_begin(struct client *client, int min, int max, struct online *out,
             struct error *err)
{
    memset(out, 0, sizeof *out);
    out->client = client;
    return options_read(client, out, err) &&
           client_rest(client, min, max, err) &&
           service_new(client->url, client->trust_file, NULL, NULL,
                       &out->service, err) &&
           client_open(client, false, &out->device, err) &&
           hsm_device_info(out->device, &out->info, err) &&
           client_lock(out->info.serial, err);
}

void
online_end(struct online *online)
{
    service_free(online->service);
    hsm_device_close(online->device);
}

bool
online_login(struct online *online, struct error *err)
{
    char pin[HSM_PIN_MAX + 1] = "";

    if (online->is_logged_in)
        return true;
    online->is_logged_in =
        client_pin(online->client, "密码", "PIN", pin, err) &&
        hsm_device_login(online->device, pin, err);
    OPENSSL_cleanse(pin, sizeof pin);
    return online->is_logged_in;
}

bool
online_order(struct online *online, const char *order_id, json_t **out,
             struct error *err)
{
    const struct timespec pause = {0, POLL_MS * 1000000L};
    int64_t until = clock_monotonic_ms() + online->wait_s * 1000;
    char path[SERVICE_PATH_MAX];
    const char *state;
    bool is_told = false;

    if (!service_path("activations", order_id, NULL, path, err))
        return false;
    for (;;) {
        if (!service_get(online->service, path, out, err))
            return false;
        if (!json_get_text(*out, "state", 16, &state, err)) {
            json_decref(*out);
            *out = NULL;
            return false;
        }
        if (strcmp(state, "waiting") != 0 || clock_monotonic_ms() >= until)
            return true;
        if (!is_told)
            client_say(online->client, "正在签发证书……",
                       "The certificate is being issued ...");
        is_told = true;
        json_decref(*out);
        (void)nanosleep(&pause, NULL);
    }
}

bool
online_refused(const json_t *order, struct error *err)
{
    const char *problem = NULL;

    return json_find_text(order, "problem", ERROR_WHAT_MAX, &problem, err) &&
           error_set(err, ERROR_CONFLICT, "the CA refused it: %s",
                     problem == NULL ? "" : problem);
}

bool
online_install(struct online *online, const char *number, const json_t *order,
               struct error *err)
{
    size_t count = 0;

    client_say(online->client, "正在写入证书……",
               "Writing the certificate into the device ...");
    return online_login(online, err) &&
           holding_install(online->device, number, order, &count, err);
}

bool
online_call(struct online *online, const struct hsm_device_key *key,
            const char *area, const char *number, const char *action,
            const char *path_end, json_t *take_more, json_t **out,
            struct error *err)
{
    char path[SERVICE_PATH_MAX];
    json_t *body = NULL;
    bool ok = service_path(area, number, path_end, path, err) &&
              service_call(online->device, key, online->info.serial, action,
                           number, &body, err);

    if (ok && take_more != NULL)
        (void)json_object_update(body, take_more);
    ok = ok && service_post(online->service, path, body, out, err);
    json_decref(take_more);
    json_decref(body);
    return ok;
}

void
online_tell(struct online *online, const char *number, const char *state)
{
    json_set_text(online->client->answer, "device", online->info.serial);
    json_set_text(online->client->answer, "number", number);
    json_set_text(online->client->answer, "state", state);
}
