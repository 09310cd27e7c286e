/*
 * signet-key unlock: a new PIN by one-time password and an administrator PIN
 * that is used once (docs/devices.md, "Unlocking"). Broken off at any point it
 * is repeated: the device has the administrator PIN that was, or the next one.
 */
#include "ra/client/online.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/json.h"

struct unlocking {
    struct online online;
    struct hsm_device_key own;
    const char *number;
    char pin[HSM_PIN_MAX + 1];
};

/* The own key is found anew: a login as administrator ended meanwhile, and all
 * handles with it. */
static bool
call(struct unlocking *run, const char *action, const char *path_end,
     json_t *take_more, json_t **out, struct error *err)
{
    if (!hsm_device_own_key(run->online.device, &run->own, err)) {
        json_decref(take_more);
        return false;
    }
    return online_call(&run->online, &run->own, "unlocks", run->number, action,
                       path_end, take_more, out, err);
}

static bool
code_ask(struct unlocking *run, struct error *err)
{
    json_t *more = json_object();
    json_t *answer = NULL;
    bool ok;

    json_object_set_new(more, "is_locked",
                        json_boolean(run->online.info.is_locked));
    ok = call(run, "code", "code", more, &answer, err);
    json_decref(answer);
    if (ok) {
        online_tell(&run->online, run->number, "code-sent");
        client_say(run->online.client, "验证码已发送至登记的手机",
                   "A one-time password was sent to the number on file");
    }
    return ok;
}

static bool
code_verify(struct unlocking *run, struct error *err)
{
    char code[HSM_PIN_MAX + 1] = "";
    json_t *more = json_object();
    json_t *answer = NULL;
    bool ok = client_code(run->online.client, "验证码（短信）",
                          "One-time password (text message)", code, err);

    json_set_text(more, "code", code);
    OPENSSL_cleanse(code, sizeof code);
    if (ok)
        ok = call(run, "verify", "verification", more, &answer, err);
    else
        json_decref(more);
    json_decref(answer);
    return ok;
}

/* ERROR_DENIED: neither of the two PINs is right. */
static bool
reset(struct unlocking *run, const char *admin_pin, const char *next_pin,
      struct error *err)
{
    struct hsm_device *device = run->online.device;

    if (hsm_device_reset_pin(device, admin_pin, run->pin, err))
        return hsm_device_set_admin_pin(device, admin_pin, next_pin, err);
    if (err->code != ERROR_DENIED)
        return false;
    *err = (struct error){0};
    return hsm_device_reset_pin(device, next_pin, run->pin, err);
}

/* Both PINs are refused: this unlocking is at its end. What else goes wrong,
 * as a device that is pulled out, is repeated. */
static void
report_failure(struct unlocking *run, struct error *err)
{
    struct error unused = {0};
    json_t *more = json_object();
    json_t *answer = NULL;

    json_set_text(more, "reason", "administrator PIN refused");
    if (call(run, "failed", "failed", more, &answer, &unused))
        error_set(err, ERROR_CONFLICT,
                  "the device refuses its administrator PIN: it has to be "
                  "replaced; tell customer service");
    json_decref(answer);
}

/* Acknowledges; for one that is done already, only says so. */
static bool
acknowledge(struct unlocking *run, struct error *err)
{
    const char *state = "";
    json_t *answer = NULL;
    bool ok = call(run, "done", "done", NULL, &answer, err) &&
              json_get_text(answer, "state", 32, &state, err);

    if (ok)
        online_tell(&run->online, run->number, state);
    json_decref(answer);
    return ok;
}

static bool
finish(struct unlocking *run, const json_t *released, struct error *err)
{
    const char *admin_pin, *next_pin;

    if (!json_get_text(released, "admin_pin", SERVICE_PIN_MAX, &admin_pin,
                       err) ||
        !json_get_text(released, "next_admin_pin", SERVICE_PIN_MAX, &next_pin,
                       err))
        return false;
    client_say(run->online.client, "正在重置密码……", "Setting the new PIN ...");
    if (!reset(run, admin_pin, next_pin, err)) {
        if (err->code == ERROR_DENIED || err->code == ERROR_CONFLICT)
            report_failure(run, err);
        return false;
    }
    if (!acknowledge(run, err))
        return false;
    client_say(run->online.client, "解锁完成，新密码已生效",
               "Unlocked: the new PIN is set");
    return true;
}

/* The one-time password, if it has to be asked for and is not on its way. */
static bool
code_stage(struct unlocking *run, struct error *err)
{
    if (run->online.client->code_file == NULL && !code_ask(run, err)) {
        if (err->code != ERROR_CONFLICT)
            return false;
        *err = (struct error){0};
    }
    return code_verify(run, err);
}

/* The PINs of one that stands at "code-verified"; otherwise there is a
 * conflict: it is done, when an answer was lost, or the one-time password is
 * wanted. The new PIN is known before they are asked for, so that nothing waits
 * for a person while they are here. */
static bool
unlock(struct unlocking *run, struct error *err)
{
    json_t *released = NULL;
    struct error unused = {0};
    bool ok;

    if (!client_new_pin(run->online.client, run->pin, err))
        return false;
    ok = call(run, "administrator-pin", "administrator-pin", NULL, &released,
              err);
    if (!ok && err->code == ERROR_CONFLICT) {
        *err = (struct error){0};
        if (acknowledge(run, &unused)) {
            client_say(run->online.client,
                       "此解锁业务已完成，密码为当时设置的密码",
                       "This unlocking is done: the PIN is the one that was "
                       "set then");
            return true;
        }
        ok = code_stage(run, err) &&
             call(run, "administrator-pin", "administrator-pin", NULL,
                  &released, err);
    }
    ok = ok && finish(run, released, err);
    json_decref(released);
    return ok;
}

static bool
run_unlock(struct client *client, struct error *err)
{
    bool is_asking = client_flag(client, "--ask-code");
    struct unlocking run = {.number = ""};
    bool ok = online_begin(client, 1, 1, &run.online, err);

    if (ok) {
        run.number = client->argv[0];
        ok = is_asking ? code_ask(&run, err) : unlock(&run, err);
    }
    OPENSSL_cleanse(run.pin, sizeof run.pin);
    online_end(&run.online);
    return ok;
}

const struct client_verb client_unlock_verbs[] = {
    {"unlock", "CASE [--ask-code]", "解锁并设置新密码（短信验证码）",
     "sets a new PIN by a one-time password", run_unlock},
    {NULL, NULL, NULL, NULL, NULL},
};
