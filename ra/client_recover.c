/* Key recovery begun by the holder's client: ra/client.h. */
#include "ra/client_internal.h"

#include <string.h>

#include "ra/device.h"

/* The live certificate of the account that has this device, in this device.
 * ERROR_DENIED. The caller clears `out`. */
static bool
certificate_of_device(struct db *db, const struct client_call *call,
                      struct db_holder *out, struct error *err)
{
    struct db_device device = {0};
    struct error why = {0};
    bool found = false;
    bool ok = false;

    if (!db_device_get(db, call->device, false, &device, &why))
        return client_unknown(err, &why);
    if (device.account == NULL)
        client_denied(err);
    else if (db_holder_live(db, device.account, call->at, &found, out, err))
        ok = (found && out->device != NULL &&
              strcmp(out->device, call->device) == 0) ||
             client_denied(err);
    db_device_clear(&device);
    return ok;
}

struct open_recovery {
    char number[DB_CASE_NUMBER_MAX + 1]; /* "": none */
    enum case_state state;
};

static bool
open_each(const struct db_result *row, void *arg, struct error *err)
{
    struct open_recovery *open = arg;
    struct db_case one;

    if (!db_case_read(row, 0, &one, err))
        return false;
    if (!case_state_find(one.state, &open->state))
        return error_set(err, ERROR_INTERNAL, "case %s is %s", one.number,
                         one.state);
    if (!case_state_is_final(open->state))
        memcpy(open->number, one.number, strlen(one.number) + 1);
    return true;
}

bool
client_recovery_begin(const struct business *business, struct db *db,
                      const struct client_call *call,
                      char number[DB_CASE_NUMBER_MAX + 1], enum case_state *to,
                      struct error *err)
{
    struct buf statement = BUF_INIT(CLIENT_STATEMENT_MAX);
    struct db_holder holder = {0};
    struct open_recovery open = {.number = ""};
    json_t *fields = json_object();
    struct case_new what = {
        .business = BUSINESS_RECOVER, .fields = fields, .at = call->at};
    bool ok = false;

    if (!client_call_statement(call, &statement, err) ||
        !certificate_of_device(db, call, &holder, err))
        goto out;
    if (!client_verify_certificate(&holder, &statement, call->signature,
                                   call->signature_len, err)) {
        client_denied(err);
        goto out;
    }
    what.account = holder.account;
    *to = CASE_DRAFT;
    /* None is filed while one is open: the open one is the newest. */
    if (!db_case_list(db, holder.account, NULL,
                      case_business_name(BUSINESS_RECOVER), "", 1, open_each,
                      &open, err))
        goto out;
    if (open.number[0] == '\0') {
        ok = case_create(business, db, &what, number, err);
    } else {
        memcpy(number, open.number, sizeof open.number);
        *to = open.state;
        ok = true;
    }
out:
    json_decref(fields);
    db_holder_clear(&holder);
    buf_clear(&statement);
    return ok;
}
