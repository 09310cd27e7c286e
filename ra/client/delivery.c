/* Encryption keys that wait for a device; see ra/client/delivery.h. */
#include "ra/client/delivery.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define ASK "/v1/client/keys"
#define CONFIRM "/v1/client/keys/received"

/* {"device", "number", "signed_at", "signature"}, by the device's own key, and
 * the action where it is told. The own key is found anew: a login came between,
 * or may have. */
static bool
call(struct online *online, const char *path, const char *action,
     const char *number, json_t **out, struct error *err)
{
    struct hsm_device_key own;
    json_t *body = NULL;
    bool ok = hsm_device_own_key(online->device, &own, err) &&
              service_call(online->device, &own, online->info.serial, action,
                           number, &body, err);

    if (ok) {
        json_set_text(body, "number", number);
        if (strcmp(path, CONFIRM) == 0)
            json_set_text(body, "action", action);
        ok = service_post(online->service, path, body, out, err);
    }
    json_decref(body);
    return ok;
}

static bool
confirm(struct online *online, const char *action, struct delivery *delivery,
        struct error *err)
{
    json_t *answer = NULL;
    const char *state = "";
    bool ok = call(online, CONFIRM, action, delivery->number, &answer, err) &&
              json_get_text(answer, "state", sizeof delivery->case_state - 1,
                            &state, err);

    if (ok)
        (void)snprintf(delivery->case_state, sizeof delivery->case_state, "%s",
                       state);
    json_decref(answer);
    return ok;
}

/* The key first, then its certificate, then the word that it is here. A
 * certificate whose key was confirmed before finds it on this device, or on
 * none. */
static bool
take_pair(struct online *online, const json_t *key, const json_t *order,
          struct delivery *delivery, struct error *err)
{
    char label[HSM_LABEL_MAX + 1];

    (void)snprintf(label, sizeof label, HOLDING_ENCRYPTION "%s",
                   delivery->number);
    if (key != NULL) {
        client_say(online->client, "正在写入加密密钥……",
                   "Taking the encryption key into the device ...");
        if (!online_login(online, err) ||
            !holding_take_key(online->device, label, key, err))
            return error_wrap(err, "encryption key");
    }
    if (order != NULL && !holding_install_encryption(
                             online->device, delivery->number, order, err))
        return key == NULL && err->code == ERROR_NOT_FOUND
                   ? error_set(err, ERROR_CONFLICT,
                               "the encryption key of case %s was delivered "
                               "before and is not on this device any more: "
                               "signet-key recover --start",
                               delivery->number)
                   : false;
    delivery->has_key = key != NULL;
    return key == NULL || confirm(online, "received", delivery, err);
}

static bool
take_earlier(struct online *online, const json_t *keys,
             struct delivery *delivery, struct error *err)
{
    size_t count = json_array_size(keys);
    const json_t *one;
    size_t i;

    if (!online_login(online, err))
        return false;
    json_array_foreach(keys, i, one)
    {
        client_say(online->client, "正在写入历史加密密钥 %zu/%zu……",
                   "Taking in earlier encryption key %zu of %zu ...", i + 1,
                   count);
        if (!holding_take_key(online->device, HOLDING_EARLIER, one, err))
            return error_wrap(err, "earlier encryption key %zu of %zu", i + 1,
                              count);
    }
    delivery->earlier_count = count;
    return confirm(online, "recovered", delivery, err);
}

bool
delivery_take(struct online *online, const char *number, const json_t *order,
              struct delivery *out, struct error *err)
{
    json_t *answer = NULL, *key = NULL, *recovery = NULL, *keys = NULL;
    const char *which, *state = "";
    bool ok;

    memset(out, 0, sizeof *out);
    ok = call(online, ASK, "keys", number, &answer, err) &&
         json_get_text(answer, "number", SERVICE_NUMBER_MAX, &which, err) &&
         json_find_object(answer, "key", &key, err) &&
         json_find_object(answer, "recovery", &recovery, err) &&
         (recovery == NULL ||
          (json_get_text(recovery, "state", DELIVERY_STATE_MAX, &state, err) &&
           json_find_array(recovery, "keys", &keys, err)));
    if (ok) {
        (void)snprintf(out->number, sizeof out->number, "%s", which);
        (void)snprintf(out->recovery, sizeof out->recovery, "%s", state);
        ok = take_pair(online, key, order, out, err);
    }
    ok = ok && (keys == NULL || take_earlier(online, keys, out, err));
    json_decref(answer);
    return ok;
}

/* ---- What people are told
 * ---------------------------------------------------- */

static bool
is_one_of(const char *state, const char *a, const char *b, const char *c)
{
    return strcmp(state, a) == 0 || strcmp(state, b) == 0 ||
           strcmp(state, c) == 0;
}

void
delivery_tell(struct online *online, const struct delivery *delivery)
{
    struct client *client = online->client;
    const char *state = delivery->recovery;

    json_object_set_new(client->answer, "earlier_keys",
                        json_integer((json_int_t)delivery->earlier_count));
    if (state[0] != '\0')
        json_set_text(client->answer, "recovery", state);
    if (delivery->earlier_count > 0)
        client_say(client, "已写入 %zu 个历史加密密钥，旧文件可以解密",
                   "%zu earlier encryption keys are on the device: old files "
                   "can be decrypted",
                   delivery->earlier_count);
    else if (is_one_of(state, "waiting", "open", "approved"))
        client_say(client,
                   "历史加密密钥的恢复尚待密钥管理中心审批。请稍后运行 "
                   "signet-key recover 接收；在此之前旧文件暂不能解密",
                   "The earlier encryption keys are not approved yet by the "
                   "key management centre. Run signet-key recover later to "
                   "receive them; until then old files cannot be decrypted");
    else if (is_one_of(state, "refused", "expired", "aborted"))
        client_say(client,
                   "历史加密密钥的恢复未获批准。如需解密旧文件，请运行 "
                   "signet-key recover --start 重新申请",
                   "The recovery of the earlier encryption keys was not "
                   "approved. To decrypt old files, apply again: signet-key "
                   "recover --start");
}
