/* Unlocking by the holder's client: ra/client.h. */
#include "ra/client_internal.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/json.h"

enum { SEALED_MAX = 256 };

/* The case of a call, judged: an unlocking, its certificate's device, signed
 * with that device's own key. ERROR_DENIED. The caller clears `row`. */
static bool
call_check(struct db *db, const struct client_call *call, struct db_case *row,
           struct error *err)
{
    struct db_device device = {0};
    struct db_holder holder = {0};
    struct buf statement = BUF_INIT(CLIENT_STATEMENT_MAX);
    struct error why = {0};
    bool found = false;
    bool ok = false;

    if (!client_call_statement(call, &statement, err))
        goto out;
    if (!db_case_get(db, call->number, false, row, &why) ||
        !db_device_get(db, call->device, false, &device, &why)) {
        client_unknown(err, &why);
        goto out;
    }
    if (strcmp(row->business, "unlock") != 0 ||
        row->predecessor_issuer == NULL || device.spki == NULL) {
        client_denied(err);
        goto out;
    }
    if (!db_holder_get(db, row->predecessor_issuer, row->predecessor_serial,
                       &found, &holder, err))
        goto out;
    if (!found || holder.device == NULL ||
        strcmp(holder.device, call->device) != 0 ||
        !device_verify(device.spki, device.spki_len, statement.data,
                       statement.len, call->signature, call->signature_len,
                       err)) {
        client_denied(err);
        goto out;
    }
    ok = true;
out:
    buf_clear(&statement);
    db_holder_clear(&holder);
    db_device_clear(&device);
    return ok;
}

static struct case_act
act_of(const struct client_call *call, enum case_event event)
{
    return (struct case_act){.number = call->number,
                             .event = event,
                             .who = CASE_BY_HOLDER,
                             .actor = "holder",
                             .at = call->at};
}

/* ---- The one-time password -------------------------------------------------
 */

/* The device says that its PIN is locked; an active one is so from now on. */
static bool
lock_change(struct db *db, struct db_case *row, void *arg, struct error *err)
{
    const struct client_call *call = arg;
    struct db_device device = {0};
    struct device_act act = {.serial = call->device,
                             .to = DEVICE_PIN_LOCKED,
                             .who = DEVICE_BY_HOLDER,
                             .actor = "holder",
                             .at = call->at};
    bool ok = false;

    (void)row;
    if (!db_device_get(db, call->device, true, &device, err))
        return false;
    ok = strcmp(device.state, "active") != 0 || device_move(db, &act, err);
    db_device_clear(&device);
    return ok;
}

bool
client_unlock_code(const struct business *business, struct db *db,
                   const struct client_call *call, bool is_locked,
                   enum case_state *to, struct error *err)
{
    struct db_case row = {0};
    struct case_act act = act_of(call, CASE_SEND_CODE);
    bool ok;

    if (is_locked) {
        act.change = lock_change;
        act.arg = (void *)(uintptr_t)call;
    }
    ok = call_check(db, call, &row, err) &&
         case_apply(business, db, &act, to, err);
    db_case_clear(&row);
    return ok;
}

static bool
spend_change(struct db *db, struct db_case *row, void *arg, struct error *err)
{
    const struct client_call *call = arg;

    return code_spend(db, row->number, CODE_UNLOCK, call->at, err);
}

bool
client_unlock_verify(const struct business *business, struct db *db,
                     const struct client_call *call, const char *code,
                     enum case_state *to, struct error *err)
{
    struct db_case row = {0};
    struct case_act act = act_of(call, CASE_VERIFY);
    bool ok = false;

    if (!call_check(db, call, &row, err))
        goto out;
    /* Its answer was lost: nothing is tried again. */
    if (strcmp(row.state, "code-verified") == 0) {
        *to = CASE_CODE_VERIFIED;
        ok = true;
        goto out;
    }
    if (!code_try(db, business->vault, call->number, CODE_UNLOCK, code,
                  call->at, &act.known.code_is_right, err))
        goto out;
    if (!act.known.code_is_right) {
        client_denied(err);
        goto out;
    }
    act.change = spend_change;
    act.arg = (void *)(uintptr_t)call;
    ok = case_apply(business, db, &act, to, err);
out:
    db_case_clear(&row);
    return ok;
}

/* ---- The administrator PIN -------------------------------------------------
 */

struct release_run {
    const struct business *business;
    const struct client_call *call;
    const char *drawn;
    char pin[MAKING_PIN_LEN + 1];
    char next[MAKING_PIN_LEN + 1];
};

/* The next PIN: the one on its way, or the one drawn now, sealed and stored
 * before anybody sees it. */
static bool
next_pin(struct db *db, struct release_run *run, const struct db_device *device,
         struct error *err)
{
    const struct vault *vault = run->business->vault;
    struct buf sealed = BUF_INIT(SEALED_MAX);
    bool ok;

    if (device->admin_next_sealed != NULL)
        return making_pin_open(vault, device->serial, "admin_next",
                               device->admin_next_sealed,
                               device->admin_next_sealed_len, run->next, err);
    ok = making_pin_seal(vault, device->serial, "admin_next", run->drawn,
                         &sealed, err) &&
         db_device_pin_next(db, device->serial, &sealed, err);
    if (ok)
        memcpy(run->next, run->drawn, sizeof run->next);
    buf_clear(&sealed);
    return ok;
}

static bool
release_run(struct db *db, void *arg, struct error *err)
{
    struct release_run *run = arg;
    const struct client_call *call = run->call;
    struct db_case row = {0};
    struct db_device device = {0};
    json_t *detail = NULL;
    bool ok = false;

    if (!db_case_get(db, call->number, true, &row, err) ||
        !db_device_get(db, call->device, true, &device, err))
        goto out;
    if (strcmp(row.state, "code-verified") != 0) {
        error_set(err, ERROR_CONFLICT,
                  "the device is reset after the code was verified; this case "
                  "is %s",
                  row.state);
        goto out;
    }
    if (device.admin_sealed == NULL) {
        error_set(err, ERROR_CONFLICT, "device %s has no administrator PIN",
                  device.serial);
        goto out;
    }
    detail = json_object();
    json_set_text(detail, "device", device.serial);
    ok = making_pin_open(run->business->vault, device.serial, "admin",
                         device.admin_sealed, device.admin_sealed_len, run->pin,
                         err) &&
         next_pin(db, run, &device, err) &&
         case_note(db, &row, "administrator-pin-released", "holder", detail,
                   call->at, err);
out:
    json_decref(detail);
    db_device_clear(&device);
    db_case_clear(&row);
    return ok;
}

bool
client_unlock_release(const struct business *business, struct db *db,
                      const struct client_call *call,
                      char pin[MAKING_PIN_LEN + 1],
                      char next[MAKING_PIN_LEN + 1], struct error *err)
{
    struct db_case row = {0};
    char drawn[MAKING_PIN_LEN + 1];
    struct release_run run = {
        .business = business, .call = call, .drawn = drawn};
    bool ok = call_check(db, call, &row, err) && making_pin_draw(drawn, err) &&
              db_transaction(db, release_run, &run, err);

    if (ok) {
        memcpy(pin, run.pin, sizeof run.pin);
        memcpy(next, run.next, sizeof run.next);
    }
    OPENSSL_cleanse(drawn, sizeof drawn);
    OPENSSL_cleanse(&run, sizeof run);
    db_case_clear(&row);
    return ok;
}

/* ---- The end ---------------------------------------------------------------
 */

struct done_run {
    const struct business *business;
    const struct client_call *call;
};

/* Acknowledged: the next PIN is the present one, and the device works. */
static bool
done_change(struct db *db, struct db_case *row, void *arg, struct error *err)
{
    struct done_run *run = arg;
    const struct client_call *call = run->call;
    const struct vault *vault = run->business->vault;
    struct db_device device = {0};
    struct buf sealed = BUF_INIT(SEALED_MAX);
    char pin[MAKING_PIN_LEN + 1] = "";
    struct device_act act = {.serial = call->device,
                             .to = DEVICE_ACTIVE,
                             .who = DEVICE_BY_HOLDER,
                             .actor = "holder",
                             .at = call->at};
    bool ok = false;

    (void)row;
    if (!db_device_get(db, call->device, true, &device, err))
        return false;
    if (device.admin_next_sealed == NULL) {
        error_set(err, ERROR_CONFLICT,
                  "no administrator PIN was released for device %s",
                  device.serial);
        goto out;
    }
    ok =
        making_pin_open(vault, device.serial, "admin_next",
                        device.admin_next_sealed, device.admin_next_sealed_len,
                        pin, err) &&
        making_pin_seal(vault, device.serial, "admin", pin, &sealed, err) &&
        db_device_pin_shift(db, device.serial, &sealed, err) &&
        (strcmp(device.state, "pin-locked") != 0 || device_move(db, &act, err));
out:
    OPENSSL_cleanse(pin, sizeof pin);
    buf_clear(&sealed);
    db_device_clear(&device);
    return ok;
}

bool
client_unlock_done(const struct business *business, struct db *db,
                   const struct client_call *call, enum case_state *to,
                   struct error *err)
{
    struct db_case row = {0};
    struct done_run run = {business, call};
    struct case_act act = act_of(call, CASE_RESET);
    bool ok;

    act.change = done_change;
    act.arg = &run;
    *to = CASE_DONE;
    ok = call_check(db, call, &row, err) &&
         (strcmp(row.state, "done") == 0 ||
          case_apply(business, db, &act, to, err));
    db_case_clear(&row);
    return ok;
}

bool
client_unlock_failed(const struct business *business, struct db *db,
                     const struct client_call *call, const char *reason,
                     enum case_state *to, struct error *err)
{
    struct db_case row = {0};
    struct case_act act = act_of(call, CASE_FAIL);
    bool ok;

    act.remark = reason;
    *to = CASE_FAILED;
    ok = call_check(db, call, &row, err) &&
         (strcmp(row.state, "failed") == 0 ||
          case_apply(business, db, &act, to, err));
    db_case_clear(&row);
    return ok;
}
