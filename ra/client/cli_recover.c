/*
 * signet-key recover: receives encryption keys that wait for this device, and
 * begins a recovery of the holder's earlier ones (docs/business.md, 密钥恢复),
 * which the portal goes on with.
 */
#include <string.h>

#include "base/json.h"
#include "ra/client/delivery.h"

enum { CASES_MAX = 64 };

/* ---- recover --start
 * ------------------------------------------------------ */

static bool
start(struct online *online, json_t **out, struct error *err)
{
    static const struct holding_wanted newest = {NULL, NULL};
    struct hsm_device_key key, transport;
    json_t *body = NULL;
    bool ok =
        online_login(online, err) &&
        hsm_device_transport_key(online->device, &transport, err) &&
        holding_present(online->device, &newest, &key, err) &&
        service_call(online->device, &key, online->info.serial, "recover", "",
                     &body, err) &&
        service_post(online->service, "/v1/client/recoveries", body, out, err);

    json_decref(body);
    return ok;
}

static bool
run_start(struct online *online, struct error *err)
{
    json_t *answer = NULL;
    const char *number, *state;
    bool ok =
        start(online, &answer, err) &&
        json_get_text(answer, "number", SERVICE_NUMBER_MAX, &number, err) &&
        json_get_text(answer, "state", 32, &state, err);

    if (ok) {
        online_tell(online, number, state);
        client_say(
            online->client,
            "密钥恢复业务 %s 已建立。请在网页填写并打印申请表，盖章后上传"
            "；审核通过后运行 signet-key recover 接收密钥",
            "Key recovery %s is begun. Fill it in on the page, print the "
            "form, stamp and upload it; when it is approved, run "
            "signet-key recover to receive the keys",
            number);
    }
    json_decref(answer);
    return ok;
}

/* ---- recover
 * -------------------------------------------------------------- */

static void
tell(struct online *online, const struct delivery *last, size_t total,
     bool is_key)
{
    json_t *answer = online->client->answer;

    online_tell(online, last->number,
                last->case_state[0] != '\0' ? last->case_state : "waiting");
    delivery_tell(online, last);
    json_object_set_new(answer, "earlier_keys",
                        json_integer((json_int_t)total));
    json_object_set_new(answer, "has_key", json_boolean(is_key));
    if (is_key)
        client_say(online->client,
                   "已写入加密密钥；请再次运行 activate 或 renew 写入其证书",
                   "The encryption key is on the device; run activate or renew "
                   "again to install its certificate");
}

/* One case after another, until nothing more comes. */
static bool
receive(struct online *online, const char *number, struct error *err)
{
    struct delivery last = {.number = ""};
    size_t total = 0;
    bool is_key = false;

    for (int i = 0; i < CASES_MAX; i++) {
        struct delivery one;

        if (!delivery_take(online, number, NULL, &one, err))
            return false;
        if (one.number[0] == '\0')
            break;
        last = one;
        total += one.earlier_count;
        is_key = is_key || one.has_key;
        if ((one.earlier_count == 0 && !one.has_key) || number[0] != '\0')
            break;
    }
    if (last.number[0] == '\0') {
        json_object_set_new(online->client->answer, "earlier_keys",
                            json_integer(0));
        online_tell(online, "", "nothing");
        client_say(online->client,
                   "没有待接收的密钥。申请恢复历史加密密钥：signet-key recover "
                   "--start",
                   "No keys wait for this device. To apply for earlier "
                   "encryption keys: signet-key recover --start");
        return true;
    }
    tell(online, &last, total, is_key);
    return true;
}

static bool
run_recover(struct client *client, struct error *err)
{
    bool is_start = client_flag(client, "--start");
    struct online online;
    bool ok = online_begin(client, 0, is_start ? 0 : 1, &online, err);
    const char *number = ok && client->argc == 1 ? client->argv[0] : "";

    if (ok && strlen(number) > SERVICE_NUMBER_MAX)
        ok = error_set(err, ERROR_INPUT, "no number of a case");
    ok = ok &&
         (is_start ? run_start(&online, err) : receive(&online, number, err));
    online_end(&online);
    return ok;
}

const struct client_verb client_recover_verbs[] = {
    {"recover", "[CASE] | --start", "接收历史加密密钥；--start 申请密钥恢复",
     "receives earlier encryption keys; --start applies for them", run_recover},
    {NULL, NULL, NULL, NULL, NULL},
};
