/* Parcels: ra/shipment.h. */
#include "ra/shipment.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "db/nonce.h"
#include "db/shipment.h"
#include "ra/case_tell.h"
#include "ra/signed_call.h"

enum { PLACE_MAX = 200, EVENT_ID_MAX = 64 };

/* ---- Judging ---------------------------------------------------------------
 */

static bool
is_tracking(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t len = strlen(text);

    return len >= 4 && len <= SHIPMENT_TRACKING_MAX &&
           strspn(text, allowed) == len;
}

bool
shipment_names_check(const char *carrier, const char *tracking,
                     struct error *err)
{
    size_t len = strlen(carrier);
    size_t count = 0;

    if (len == 0 || len > SHIPMENT_CARRIER_MAX ||
        !text_utf8(carrier, len, &count))
        return error_set(err, ERROR_INPUT, "carrier: 1 to %d octets",
                         SHIPMENT_CARRIER_MAX);
    return is_tracking(tracking) ||
           error_set(err, ERROR_INPUT,
                     "tracking: 4 to %d capital letters, digits and hyphens",
                     SHIPMENT_TRACKING_MAX);
}

/* What the courier says, and the state that follows from a state. */
static const struct {
    const char *status;
    const char *from;
    const char *to;
} news_table[] = {
    {"picked-up", "announced", "shipped"},
    {"in-transit", "announced", "shipped"},
    {"delivered", "announced", "delivered"},
    {"delivered", "shipped", "delivered"},
    {"delivered", "failed", "delivered"},
    {"failed", "announced", "failed"},
    {"failed", "shipped", "failed"},
};

enum { NEWS_COUNT = sizeof news_table / sizeof news_table[0] };

const char *
shipment_next(const char *state, const char *status)
{
    for (size_t i = 0; i < NEWS_COUNT; i++)
        if (strcmp(news_table[i].status, status) == 0 &&
            strcmp(news_table[i].from, state) == 0)
            return news_table[i].to;
    return state;
}

static bool
status_check(const char *status, struct error *err)
{
    for (size_t i = 0; i < NEWS_COUNT; i++)
        if (strcmp(news_table[i].status, status) == 0)
            return true;
    return error_set(err, ERROR_INPUT,
                     "status: picked-up, in-transit, delivered or failed");
}

bool
shipment_news_parse(const json_t *object, int64_t now,
                    struct shipment_news *out, struct error *err)
{
    static const char *const names[] = {
        "event_id", "carrier", "tracking", "status", "at", "place", NULL};

    memset(out, 0, sizeof *out);
    if (!json_only(object, names, err) ||
        !json_get_text(object, "event_id", EVENT_ID_MAX, &out->event_id, err) ||
        !json_get_text(object, "carrier", SHIPMENT_CARRIER_MAX, &out->carrier,
                       err) ||
        !json_get_text(object, "tracking", SHIPMENT_TRACKING_MAX,
                       &out->tracking, err) ||
        !json_get_text(object, "status", 16, &out->status, err) ||
        !json_get_time(object, "at", &out->at, err) ||
        !json_find_text(object, "place", PLACE_MAX, &out->place, err) ||
        !shipment_names_check(out->carrier, out->tracking, err) ||
        !status_check(out->status, err))
        return false;
    if (out->event_id[0] == '\0')
        return error_set(err, ERROR_INPUT, "event_id: empty");
    return out->at <= now + SIGNED_TOLERANCE_S ||
           error_set(err, ERROR_INPUT, "at: in the future");
}

/* ---- Out and in ------------------------------------------------------------
 */

static json_t *
parcel_json(const struct db_shipment *shipment)
{
    json_t *out = json_object();

    json_set_text(out, "shipment", shipment->id);
    json_set_text(out, "direction", shipment->direction);
    json_set_text(out, "carrier", shipment->carrier);
    json_set_text(out, "tracking", shipment->tracking);
    if (shipment->device != NULL)
        json_set_text(out, "device", shipment->device);
    return out;
}

/* Notes it in the case's history, and tells the handler of what goes out. */
static bool
note_parcel(const struct business *business, struct db *db,
            const struct db_case *row, const char *event, const char *actor,
            const struct db_shipment *shipment, int64_t at, struct error *err)
{
    json_t *detail = parcel_json(shipment);
    bool ok = case_note(db, row, event, actor, detail, at, err);

    if (ok && strcmp(shipment->direction, "out") == 0)
        ok = case_tell(business, db, row, event, shipment->id, detail, at, err);
    json_decref(detail);
    return ok;
}

struct ship_run {
    const struct business *business;
    const struct shipment_request *request;
    char id[TEXT_UUID_LEN + 1];
};

static bool
send_apply(struct db *db, struct ship_run *run, const struct db_case *row,
           struct error *err)
{
    const struct shipment_request *request = run->request;
    struct making_device device;
    struct device_act act = {.to = DEVICE_SHIPPED,
                             .who = DEVICE_BY_MAKER,
                             .actor = request->actor,
                             .at = request->at};
    struct db_shipment shipment = {.id = run->id,
                                   .number = request->number,
                                   .direction = "out",
                                   .carrier = request->carrier,
                                   .tracking = request->tracking,
                                   .state = "shipped",
                                   .changed_at = request->at};

    if (!making_state_check(run->business, row, err) ||
        !making_device(db, row, &device, err))
        return false;
    if (device.serial[0] == '\0')
        return error_set(err, ERROR_CONFLICT,
                         "no device is allocated to this case");
    if (!device.is_signed)
        return error_set(err, ERROR_CONFLICT,
                         "the maker has not signed for device %s yet",
                         device.serial);
    act.serial = device.serial;
    shipment.device = device.serial;
    return device_move(db, &act, err) && db_shipment_add(db, &shipment, err) &&
           note_parcel(run->business, db, row, "shipped", request->actor,
                       &shipment, request->at, err);
}

static bool
announce_apply(struct db *db, struct ship_run *run, const struct db_case *row,
               struct error *err)
{
    const struct shipment_request *request = run->request;
    struct db_shipment shipment = {.id = run->id,
                                   .number = request->number,
                                   .direction = "in",
                                   .carrier = request->carrier,
                                   .tracking = request->tracking,
                                   .state = "announced",
                                   .changed_at = request->at};

    /* Papers while they are awaited; a device may come back at the end too. */
    if (strcmp(row->state, "awaiting-originals") != 0 &&
        strcmp(row->state, "supplement") != 0 &&
        strcmp(row->state, "closed") != 0 &&
        strcmp(row->state, "rejected") != 0)
        return error_set(err, ERROR_CONFLICT,
                         "nothing is awaited by mail for a case that is %s",
                         row->state);
    return db_shipment_add(db, &shipment, err) &&
           note_parcel(run->business, db, row, "parcel-announced",
                       request->actor, &shipment, request->at, err);
}

typedef bool ship_apply(struct db *db, struct ship_run *run,
                        const struct db_case *row, struct error *err);

static bool
ship_within(struct db *db, struct ship_run *run, ship_apply *apply,
            struct error *err)
{
    const struct shipment_request *request = run->request;
    struct db_case row = {0};
    bool ok = false;

    if (!db_case_get(db, request->number, true, &row, err))
        return false;
    if (request->account != NULL && strcmp(row.account, request->account) != 0)
        error_set(err, ERROR_NOT_FOUND, "there is no such case");
    else
        ok = apply(db, run, &row, err);
    db_case_clear(&row);
    return ok;
}

static bool
send_run(struct db *db, void *arg, struct error *err)
{
    return ship_within(db, arg, send_apply, err);
}

static bool
announce_run(struct db *db, void *arg, struct error *err)
{
    return ship_within(db, arg, announce_apply, err);
}

static bool
ship(const struct business *business, struct db *db,
     const struct shipment_request *request, db_run *how,
     char id[TEXT_UUID_LEN + 1], struct error *err)
{
    struct ship_run run = {.business = business, .request = request};

    if (!shipment_names_check(request->carrier, request->tracking, err) ||
        !text_uuid_draw(run.id, err) || !db_transaction(db, how, &run, err))
        return false;
    memcpy(id, run.id, sizeof run.id);
    return true;
}

bool
shipment_send(const struct business *business, struct db *db,
              const struct shipment_request *request,
              char id[TEXT_UUID_LEN + 1], struct error *err)
{
    return ship(business, db, request, send_run, id, err);
}

bool
shipment_announce(const struct business *business, struct db *db,
                  const struct shipment_request *request,
                  char id[TEXT_UUID_LEN + 1], struct error *err)
{
    return ship(business, db, request, announce_run, id, err);
}

/* ---- What becomes of a parcel ----------------------------------------------
 */

struct news_run {
    const struct business *business;
    const struct shipment_news *news; /* the courier's; NULL: an officer's */
    const char *id;                   /* the officer's */
    const char *nonce;
    const char *actor;
    int64_t at;
};

/* The device of a parcel that arrived: it may be active or back already. */
static bool
device_arrived(struct db *db, const struct news_run *run,
               const struct db_shipment *shipment, struct error *err)
{
    struct db_device device = {0};
    struct device_act act = {.serial = shipment->device,
                             .to = DEVICE_DELIVERED,
                             .who = DEVICE_BY_COURIER,
                             .actor = run->actor,
                             .at = run->at};
    bool ok = false;

    if (shipment->device == NULL || strcmp(shipment->direction, "out") != 0)
        return true;
    if (!db_device_get(db, shipment->device, true, &device, err))
        return false;
    ok = strcmp(device.state, "shipped") != 0 || device.number == NULL ||
         strcmp(device.number, shipment->number) != 0 ||
         device_move(db, &act, err);
    db_device_clear(&device);
    return ok;
}

static bool
parcel_move(struct db *db, const struct news_run *run,
            const struct db_shipment *shipment, const char *to,
            struct error *err)
{
    struct db_case row = {0};
    bool ok = false;

    if (strcmp(to, shipment->state) == 0)
        return true;
    if (!db_case_get(db, shipment->number, true, &row, err))
        return false;
    if (!db_shipment_move(db, shipment->id, shipment->state, to, run->at, err))
        goto out;
    if (strcmp(to, "delivered") == 0 && !device_arrived(db, run, shipment, err))
        goto out;
    ok = strcmp(to, "shipped") == 0 ||
         note_parcel(run->business, db, &row,
                     strcmp(to, "delivered") == 0 ? "delivered"
                                                  : "parcel-failed",
                     run->actor, shipment, run->at, err);
out:
    db_case_clear(&row);
    return ok;
}

static bool
tell_run(struct db *db, void *arg, struct error *err)
{
    struct news_run *run = arg;
    const struct shipment_news *news = run->news;
    struct db_shipment shipment = {0};
    struct db_shipment_event event = {.event_id = news->event_id,
                                      .status = news->status,
                                      .place = news->place,
                                      .at = news->at};
    bool is_new = false;
    bool ok = false;

    if (run->nonce != NULL &&
        !db_nonce_spend(db, "courier", run->nonce, run->at,
                        2 * SIGNED_TOLERANCE_S, err))
        return false;
    if (!db_shipment_by_tracking(db, news->carrier, news->tracking, &shipment,
                                 err))
        return false;
    event.shipment = shipment.id;
    ok = db_shipment_event_add(db, &event, &is_new, err) &&
         (!is_new ||
          parcel_move(db, run, &shipment,
                      shipment_next(shipment.state, news->status), err));
    db_shipment_clear(&shipment);
    return ok;
}

bool
shipment_tell(const struct business *business, struct db *db,
              const struct shipment_news *news, const char *nonce, int64_t at,
              struct error *err)
{
    struct news_run run = {.business = business,
                           .news = news,
                           .nonce = nonce,
                           .actor = "courier",
                           .at = at};

    return db_transaction(db, tell_run, &run, err);
}

static bool
deliver_run(struct db *db, void *arg, struct error *err)
{
    struct news_run *run = arg;
    struct db_shipment shipment = {0};
    bool ok;

    if (!db_shipment_get(db, run->id, &shipment, err))
        return false;
    ok = parcel_move(db, run, &shipment,
                     shipment_next(shipment.state, "delivered"), err);
    db_shipment_clear(&shipment);
    return ok;
}

bool
shipment_deliver(const struct business *business, struct db *db, const char *id,
                 const char *officer_id, int64_t at, struct error *err)
{
    struct news_run run = {
        .business = business, .id = id, .actor = officer_id, .at = at};

    if (!text_is_uuid(id))
        return error_set(err, ERROR_NOT_FOUND, "there is no such shipment");
    return db_transaction(db, deliver_run, &run, err);
}

/* ---- Lists -----------------------------------------------------------------
 */

static bool
list_each(const struct db_result *row, void *arg, struct error *err)
{
    json_t *list = arg;
    struct db_shipment shipment;
    json_t *one;

    if (!db_shipment_read(row, 0, &shipment, err))
        return false;
    one = json_object();
    json_set_text(one, "id", shipment.id);
    json_set_text(one, "direction", shipment.direction);
    json_set_text(one, "carrier", shipment.carrier);
    json_set_text(one, "tracking", shipment.tracking);
    if (shipment.device != NULL)
        json_set_text(one, "device", shipment.device);
    json_set_text(one, "state", shipment.state);
    json_set_time(one, "changed_at", shipment.changed_at);
    json_object_set_new(one, "events", json_array());
    json_array_append_new(list, one);
    return true;
}

static bool
event_each(const struct db_result *row, void *arg, struct error *err)
{
    json_t *list = arg;
    struct db_shipment_event event;
    size_t i;
    json_t *one;

    if (!db_shipment_event_read(row, 0, &event, err))
        return false;
    json_array_foreach(list, i, one)
    {
        json_t *json;

        if (strcmp(json_string_value(json_object_get(one, "id")),
                   event.shipment) != 0)
            continue;
        json = json_object();
        json_set_time(json, "at", event.at);
        json_set_text(json, "status", event.status);
        if (event.place != NULL)
            json_set_text(json, "place", event.place);
        json_array_append_new(json_object_get(one, "events"), json);
    }
    return true;
}

bool
shipment_list_json(struct db *db, const char *number, json_t **out,
                   struct error *err)
{
    *out = json_array();
    if (db_shipment_list(db, number, list_each, *out, err) &&
        db_shipment_events(db, number, event_each, *out, err))
        return true;
    json_decref(*out);
    *out = NULL;
    return false;
}
