/*
 * signet-key personalise: the maker's station 制证. The device makes its own
 * key and, behind the PIN for transport, its transport key, for which the own
 * one vouches; it gets the administrator PIN that the RA drew. Repeatable: the
 * same keys, the same PIN, until the device is sent.
 */
#include "ra/client/online.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"

struct making {
    struct client *client;
    struct service *service;
    struct hsm_device *device;
    struct hsm_device_info info;
    struct hsm_device_key own;
    struct hsm_device_key transport;
    char spki_sha256[2 * HASH_LEN + 1];
    char factory[HSM_PIN_MAX + 1];
};

/* {"spki", "proof"}. */
static bool
proof_make(struct making *run, const char *number, json_t *body,
           struct error *err)
{
    json_t *statement = json_object();
    uint8_t hash[HASH_LEN];
    bool ok = hash_sha256(run->own.spki, run->own.spki_len, hash, err);

    if (ok) {
        json_set_text(statement, "device", run->info.serial);
        json_set_text(statement, "number", number);
        text_hex(hash, sizeof hash, run->spki_sha256);
        json_set_text(statement, "spki_sha256", run->spki_sha256);
        json_set_bytes(body, "spki", run->own.spki, run->own.spki_len);
        ok =
            service_sign(run->device, &run->own, statement, body, "proof", err);
    }
    json_decref(statement);
    return ok;
}

/* {"transport", "transport_signature"}: as api_transport_encode() has it. */
static bool
transport_vouch(struct making *run, json_t *body, struct error *err)
{
    json_t *statement = json_object();
    uint8_t hash[HASH_LEN];
    bool ok =
        hash_sha256(run->transport.spki, run->transport.spki_len, hash, err);

    if (ok) {
        json_set_text(statement, "device", run->info.serial);
        json_set_hex(statement, "transport_sha256", hash, sizeof hash);
        json_set_bytes(body, "transport", run->transport.spki,
                       run->transport.spki_len);
        ok = service_sign(run->device, &run->own, statement, body,
                          "transport_signature", err);
    }
    json_decref(statement);
    return ok;
}

/* With the PIN for transport, which is the first that the device gets; it may
 * have got it before. */
static bool
transport_login(struct making *run, struct error *err)
{
    if (run->info.has_pin && !run->info.is_final_try) {
        if (hsm_device_login(run->device, ONLINE_TRANSPORT_PIN, err))
            return true;
        if (err->code != ERROR_DENIED && err->code != ERROR_CONFLICT)
            return false;
        *err = (struct error){0};
    }
    return hsm_device_reset_pin(run->device, run->factory, ONLINE_TRANSPORT_PIN,
                                err) &&
           hsm_device_login(run->device, ONLINE_TRANSPORT_PIN, err);
}

/* Both keys, and what the RA is told of them. */
static bool
keys_make(struct making *run, const char *number, json_t *body,
          struct error *err)
{
    bool ok =
        transport_login(run, err) &&
        hsm_device_own_key_make(run->device, &run->own, err) &&
        hsm_device_transport_key_make(run->device, &run->transport, err) &&
        proof_make(run, number, body, err) && transport_vouch(run, body, err);

    hsm_device_logout(run->device);
    return ok;
}

/* The factory's administrator PIN is replaced; one that was before is the RA's
 * already. */
static bool
admin_pin_set(struct making *run, const char *admin_pin, struct error *err)
{
    if (hsm_device_set_admin_pin(run->device, run->factory, admin_pin, err))
        return true;
    if (err->code != ERROR_DENIED)
        return false;
    *err = (struct error){0};
    return hsm_device_reset_pin(run->device, admin_pin, ONLINE_TRANSPORT_PIN,
                                err);
}

static bool
personalise(struct making *run, const char *number, struct error *err)
{
    char path[SERVICE_PATH_MAX];
    json_t *body = json_object();
    json_t *answer = NULL;
    const char *admin_pin;
    bool is_blank = false;
    bool ok = hsm_device_is_blank(run->device, &is_blank, err);

    if (ok && !is_blank)
        ok = error_set(err, ERROR_CONFLICT,
                       "device %s holds keys or certificates of a holder: "
                       "erase it first with the tool of its manufacturer",
                       run->info.serial);
    (void)snprintf(path, sizeof path, "/v1/devices/%s/personalise",
                   run->info.serial);
    ok = ok &&
         client_pin(run->client, "出厂管理员密码",
                    "Administrator PIN of the factory", run->factory, err) &&
         keys_make(run, number, body, err) &&
         service_post(run->service, path, body, &answer, err) &&
         json_get_text(answer, "admin_pin", SERVICE_PIN_MAX, &admin_pin, err) &&
         admin_pin_set(run, admin_pin, err);
    json_decref(body);
    json_decref(answer);
    return ok;
}

static bool
run_personalise(struct client *client, struct error *err)
{
    struct making run = {.client = client};
    const char *certificate = client_option(client, "--cert");
    const char *key = client_option(client, "--key");
    bool ok = client_rest(client, 1, 1, err);

    if (ok && (certificate == NULL || key == NULL))
        ok = error_set(err, ERROR_INPUT,
                       "the maker's --cert FILE and --key FILE are needed");
    ok = ok &&
         service_new(client->url, client->trust_file, certificate, key,
                     &run.service, err) &&
         client_open(client, false, &run.device, err) &&
         hsm_device_info(run.device, &run.info, err) &&
         client_lock(run.info.serial, err) &&
         personalise(&run, client->argv[0], err);
    if (ok) {
        json_set_text(client->answer, "serial", run.info.serial);
        json_set_text(client->answer, "spki_sha256", run.spki_sha256);
        client_say(client, "介质 %s 制作完成；密钥摘要 %s",
                   "Device %s is personalised; digest of its key %s",
                   run.info.serial, run.spki_sha256);
    }
    OPENSSL_cleanse(run.factory, sizeof run.factory);
    service_free(run.service);
    hsm_device_close(run.device);
    return ok;
}

const struct client_verb client_maker_verbs[] = {
    {"personalise", "CASE --cert FILE --key FILE",
     "制证（制证员）：介质密钥与管理员密码",
     "for makers: the device's own key and administrator PIN", run_personalise},
    {NULL, NULL, NULL, NULL, NULL},
};
