/* What may become of a USB key: ra/device.h. */
#include "ra/device.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ca-core/api.h"

#define ON(name) DEVICE_##name
#define BY(actor) DEVICE_BY_##actor

/* domain.md, 1.6. A parcel may be activated before the courier has said that
 * it arrived, and one that was lost may turn up again. */
const struct device_transition device_transitions[] = {
    {ON(IN_STOCK), ON(ALLOCATED), BY(MAKER)},
    {ON(REWRITTEN), ON(ALLOCATED), BY(MAKER)},
    {ON(ALLOCATED), ON(IN_STOCK), BY(MAKER)},
    {ON(ALLOCATED), ON(IN_STOCK), BY(SYSTEM)},
    {ON(ALLOCATED), ON(PERSONALISED), BY(MAKER)},
    {ON(RETURNED), ON(REWRITTEN), BY(MAKER)},
    {ON(PERSONALISED), ON(RETURNED), BY(SYSTEM)}, /* never sent */
    {ON(REWRITTEN), ON(RETURNED), BY(SYSTEM)},

    {ON(PERSONALISED), ON(SHIPPED), BY(MAKER)},
    {ON(REWRITTEN), ON(SHIPPED), BY(MAKER)},
    {ON(SHIPPED), ON(DELIVERED), BY(COURIER)},
    {ON(SHIPPED), ON(ACTIVE), BY(SYSTEM)},
    {ON(DELIVERED), ON(ACTIVE), BY(SYSTEM)},

    {ON(ACTIVE), ON(PIN_LOCKED), BY(HOLDER)},
    {ON(PIN_LOCKED), ON(ACTIVE), BY(HOLDER)},

    {ON(ACTIVE), ON(LOST), BY(SYSTEM)}, /* and reissued */
    {ON(PIN_LOCKED), ON(LOST), BY(SYSTEM)},

    {ON(SHIPPED), ON(RETURNED), BY(CLERK)},
    {ON(DELIVERED), ON(RETURNED), BY(CLERK)},
    {ON(ACTIVE), ON(RETURNED), BY(CLERK)},
    {ON(PIN_LOCKED), ON(RETURNED), BY(CLERK)},
    {ON(LOST), ON(RETURNED), BY(CLERK)},

    {ON(IN_STOCK), ON(LOST), BY(CLERK)},
    {ON(ALLOCATED), ON(LOST), BY(CLERK)},
    {ON(PERSONALISED), ON(LOST), BY(CLERK)},
    {ON(SHIPPED), ON(LOST), BY(CLERK)},
    {ON(DELIVERED), ON(LOST), BY(CLERK)},
    {ON(ACTIVE), ON(LOST), BY(CLERK)},
    {ON(PIN_LOCKED), ON(LOST), BY(CLERK)},
    {ON(RETURNED), ON(LOST), BY(CLERK)},
    {ON(REWRITTEN), ON(LOST), BY(CLERK)},

    {ON(IN_STOCK), ON(DESTROYED), BY(CLERK)},
    {ON(ALLOCATED), ON(DESTROYED), BY(CLERK)},
    {ON(PERSONALISED), ON(DESTROYED), BY(CLERK)},
    {ON(RETURNED), ON(DESTROYED), BY(CLERK)},
    {ON(REWRITTEN), ON(DESTROYED), BY(CLERK)},
};

const size_t device_transition_count =
    sizeof device_transitions / sizeof device_transitions[0];

static const char *const state_names[DEVICE_STATE_COUNT] = {
    [DEVICE_IN_STOCK] = "in-stock",         [DEVICE_ALLOCATED] = "allocated",
    [DEVICE_PERSONALISED] = "personalised", [DEVICE_SHIPPED] = "shipped",
    [DEVICE_DELIVERED] = "delivered",       [DEVICE_ACTIVE] = "active",
    [DEVICE_PIN_LOCKED] = "pin-locked",     [DEVICE_RETURNED] = "returned",
    [DEVICE_REWRITTEN] = "rewritten",       [DEVICE_LOST] = "lost",
    [DEVICE_DESTROYED] = "destroyed",
};

static const char *const actor_names[DEVICE_ACTOR_COUNT] = {
    [DEVICE_BY_MAKER] = "maker",   [DEVICE_BY_COURIER] = "courier",
    [DEVICE_BY_HOLDER] = "holder", [DEVICE_BY_CLERK] = "intake clerk",
    [DEVICE_BY_SYSTEM] = "case",
};

const char *
device_state_name(enum device_state state)
{
    return state_names[state];
}

bool
device_state_find(const char *name, enum device_state *out)
{
    for (int i = 0; i < DEVICE_STATE_COUNT; i++)
        if (strcmp(state_names[i], name) == 0) {
            *out = (enum device_state)i;
            return true;
        }
    return false;
}

bool
device_serial_check(const char *serial, struct error *err)
{
    return api_device_serial_is(serial) ||
           error_set(err, ERROR_INPUT,
                     "serial: 4 to 32 capital letters, digits and hyphens");
}

bool
device_move_check(enum device_state from, enum device_state to,
                  enum device_actor who, struct error *err)
{
    const struct device_transition *other = NULL;

    for (size_t i = 0; i < device_transition_count; i++) {
        const struct device_transition *t = &device_transitions[i];

        if (t->from != from || t->to != to)
            continue;
        if (t->who == who)
            return true;
        other = t;
    }
    if (other != NULL)
        return error_set(err, ERROR_DENIED,
                         "that a %s device is %s is for the "
                         "%s to say",
                         state_names[from], state_names[to],
                         actor_names[other->who]);
    return error_set(err, ERROR_CONFLICT,
                     "a device that is %s does not become %s",
                     state_names[from], state_names[to]);
}

bool
device_state_of(const struct db_device *device, enum device_state *out,
                struct error *err)
{
    return device_state_find(device->state, out) ||
           error_set(err, ERROR_INTERNAL, "device %s is %s", device->serial,
                     device->state);
}

bool
device_move(struct db *db, const struct device_act *act, struct error *err)
{
    struct db_device device = {0};
    struct db_device_move move = {.serial = act->serial,
                                  .to = state_names[act->to],
                                  .actor = act->actor,
                                  .at = act->at};
    enum device_state from;
    bool ok = false;

    if (!db_device_get(db, act->serial, true, &device, err) ||
        !device_state_of(&device, &from, err) ||
        !device_move_check(from, act->to, act->who, err))
        goto out;
    move.from = device.state;
    move.number = act->number == NULL ? device.number : act->number;
    move.account = act->account == NULL ? device.account : act->account;
    if (act->to == DEVICE_IN_STOCK || act->to == DEVICE_DESTROYED)
        move.number = move.account = NULL;
    ok = db_device_move(db, &move, err);
out:
    db_device_clear(&device);
    return ok;
}

/* ---- What follows from a case's way ----------------------------------------
 */

bool
device_activate(struct db *db, const char *number, const char *serial,
                int64_t at, struct error *err)
{
    struct db_device device = {0};
    struct device_act act = {.serial = serial,
                             .to = DEVICE_ACTIVE,
                             .who = DEVICE_BY_SYSTEM,
                             .actor = "signet-ra",
                             .number = number,
                             .at = at};
    bool ok = false;

    if (!db_device_get(db, serial, true, &device, err))
        goto out;
    ok = strcmp(device.state, state_names[DEVICE_ACTIVE]) == 0 ||
         device_move(db, &act, err);
out:
    db_device_clear(&device);
    return ok;
}

bool
device_lose(struct db *db, const char *serial, int64_t at, struct error *err)
{
    struct db_device device = {0};
    struct device_act act = {.serial = serial,
                             .to = DEVICE_LOST,
                             .who = DEVICE_BY_SYSTEM,
                             .actor = "signet-ra",
                             .at = at};
    enum device_state from;
    struct error unused;
    bool ok = false;

    if (!db_device_get(db, serial, true, &device, err) ||
        !device_state_of(&device, &from, err))
        goto out;
    ok = !device_move_check(from, DEVICE_LOST, act.who, &unused) ||
         device_move(db, &act, err);
out:
    db_device_clear(&device);
    return ok;
}

/* The devices of a case; there are one or two (the old one and the new one). */
enum { OWN_MAX = 4 };
struct own {
    size_t count;
    struct {
        char serial[DB_DEVICE_SERIAL_MAX + 1];
        enum device_state state;
    } at[OWN_MAX];
};

static bool
own_each(const struct db_result *row, void *arg, struct error *err)
{
    struct own *own = arg;
    struct db_device device;

    if (!db_device_read(row, 0, &device, err))
        return false;
    if (own->count == OWN_MAX || strlen(device.serial) > DB_DEVICE_SERIAL_MAX)
        return error_set(err, ERROR_INTERNAL, "too many devices for a case");
    if (!device_state_of(&device, &own->at[own->count].state, err))
        return false;
    memcpy(own->at[own->count++].serial, device.serial,
           strlen(device.serial) + 1);
    return true;
}

bool
device_recall(struct db *db, const char *number, int64_t at, bool *is_out,
              struct error *err)
{
    struct own own = {0};

    *is_out = false;
    if (!db_device_of_case(db, number, own_each, &own, err))
        return false;
    for (size_t i = 0; i < own.count; i++) {
        struct device_act act = {.serial = own.at[i].serial,
                                 .who = DEVICE_BY_SYSTEM,
                                 .actor = "signet-ra",
                                 .at = at};

        switch (own.at[i].state) {
        case DEVICE_ALLOCATED:
            act.to = DEVICE_IN_STOCK;
            break;
        case DEVICE_PERSONALISED:
        case DEVICE_REWRITTEN:
            act.to = DEVICE_RETURNED;
            break;
        case DEVICE_SHIPPED:
        case DEVICE_DELIVERED:
            *is_out = true;
            continue;
        default:
            continue;
        }
        if (!device_move(db, &act, err))
            return false;
    }
    return true;
}

/* ---- Signatures ------------------------------------------------------------
 */

bool
device_verify(const uint8_t *spki, size_t spki_len, const uint8_t *data,
              size_t len, const uint8_t *signature, size_t signature_len,
              struct error *err)
{
    const unsigned char *p = spki;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki_len);
    bool ok;

    if (key == NULL || p != spki + spki_len)
        ok = error_openssl(err, ERROR_DENIED, "no usable public key");
    else
        ok = api_verify(key, data, len, signature, signature_len, err);
    EVP_PKEY_free(key);
    return ok;
}

/* ---- Carrying keys ---------------------------------------------------------
 */

bool
device_carries(const struct db_device *device, const char *account,
               struct error *why)
{
    bool is_in_use = strcmp(device->state, state_names[DEVICE_ACTIVE]) == 0 ||
                     strcmp(device->state, state_names[DEVICE_PIN_LOCKED]) == 0;

    if (!is_in_use || device->account == NULL ||
        strcmp(device->account, account) != 0)
        return error_set(why, ERROR_CONFLICT,
                         "本单位未在使用介质%s / device %s is not in use by "
                         "this unit",
                         device->serial, device->serial);
    return device->transport != NULL ||
           error_set(
               why, ERROR_CONFLICT,
               "介质%s没有传输密钥，无法接收恢复的密钥，请办理变更或补办以"
               "更换介质 / device %s has no transport key and cannot take "
               "keys: a change or reissue brings one that can",
               device->serial, device->serial);
}

json_t *
device_carrier_json(const struct db_device *device)
{
    json_t *carrier = json_object();

    json_set_text(carrier, "serial", device->serial);
    json_set_bytes(carrier, "spki", device->spki, device->spki_len);
    json_set_bytes(carrier, "transport", device->transport,
                   device->transport_len);
    json_set_bytes(carrier, "transport_signature", device->transport_signature,
                   device->transport_signature_len);
    return carrier;
}

json_t *
device_json(const struct db_device *device)
{
    json_t *out = json_object();

    json_set_text(out, "serial", device->serial);
    json_set_text(out, "model", device->model);
    json_set_text(out, "state", device->state);
    if (device->number != NULL)
        json_set_text(out, "number", device->number);
    if (device->account != NULL)
        json_set_text(out, "account", device->account);
    if (device->batch != NULL)
        json_set_text(out, "batch", device->batch);
    json_set_time(out, "changed_at", device->changed_at);
    return out;
}
