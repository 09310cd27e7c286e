/* USB keys: db/device.h. */
#include "db/device.h"

#include <string.h>

#include "db/sql_ra.h"

bool
db_device_stock(struct db *db, const char *const *serials, size_t count,
                const char *model, const char *batch, int64_t at,
                int64_t *added, struct error *err)
{
    struct db_params p = {0};

    db_bind_text_array(&p, serials, count);
    db_bind_text(&p, model);
    db_bind_text(&p, batch);
    db_bind_time(&p, at);
    return db_exec(db, DB_RA_DEVICE_STOCK, &p, added, err) ||
           error_wrap(err, "devices into stock");
}

/* Octets that may be NULL; borrowed. */
static bool
read_octets(const struct db_result *r, size_t row, int column,
            const uint8_t **out, size_t *len, struct error *err)
{
    return db_is_null(r, row, column) ||
           db_read_bytes(r, row, column, out, len, err);
}

bool
db_device_read(const struct db_result *row, size_t at, struct db_device *out,
               struct error *err)
{
    memset(out, 0, sizeof *out);
    return db_read_text(row, at, 0, &out->serial, err) &&
           db_read_text(row, at, 1, &out->model, err) &&
           db_read_text(row, at, 2, &out->state, err) &&
           db_read_text_null(row, at, 3, &out->number, err) &&
           db_read_text_null(row, at, 4, &out->account, err) &&
           read_octets(row, at, 5, &out->spki, &out->spki_len, err) &&
           read_octets(row, at, 6, &out->admin_sealed, &out->admin_sealed_len,
                       err) &&
           read_octets(row, at, 7, &out->admin_next_sealed,
                       &out->admin_next_sealed_len, err) &&
           db_read_text_null(row, at, 8, &out->batch, err) &&
           db_read_time(row, at, 9, &out->changed_at, err) &&
           read_octets(row, at, 10, &out->transport, &out->transport_len,
                       err) &&
           read_octets(row, at, 11, &out->transport_signature,
                       &out->transport_signature_len, err);
}

bool
db_device_get(struct db *db, const char *serial, bool is_locked,
              struct db_device *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;

    memset(out, 0, sizeof *out);
    db_bind_text(&p, serial);
    if (!db_query(db, is_locked ? DB_RA_DEVICE_LOCK : DB_RA_DEVICE_GET, &p, &r,
                  err))
        return error_wrap(err, "device %s", serial);
    if (db_rows(r) != 1) {
        db_result_free(r);
        return error_set(err, ERROR_NOT_FOUND, "there is no device %s", serial);
    }
    if (!db_device_read(r, 0, out, err)) {
        db_result_free(r);
        return false;
    }
    out->held = r;
    return true;
}

void
db_device_clear(struct db_device *device)
{
    db_result_free(device->held);
    memset(device, 0, sizeof *device);
}

bool
db_device_list(struct db *db, const char *state, const char *after, size_t max,
               db_each *each, void *arg, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, state);
    db_bind_text(&p, after);
    db_bind_int64(&p, (int64_t)max);
    return db_stream(db, DB_RA_DEVICE_LIST, &p, each, arg, err);
}

bool
db_device_of_case(struct db *db, const char *number, db_each *each, void *arg,
                  struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    return db_stream(db, DB_RA_DEVICE_OF_CASE, &p, each, arg, err);
}

bool
db_device_move(struct db *db, const struct db_device_move *move,
               struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, move->serial);
    db_bind_text(&p, move->from);
    db_bind_text(&p, move->to);
    db_bind_text(&p, move->number);
    db_bind_text(&p, move->account);
    db_bind_time(&p, move->at);
    if (!db_exec(db, DB_RA_DEVICE_MOVE, &p, &changed, err))
        return error_wrap(err, "device %s", move->serial);
    if (changed != 1)
        return error_set(err, ERROR_CONFLICT, "device %s is no longer %s",
                         move->serial, move->from);
    db_bind_text(&p, move->serial);
    db_bind_time(&p, move->at);
    db_bind_text(&p, move->from);
    db_bind_text(&p, move->to);
    db_bind_text(&p, move->actor);
    db_bind_text(&p, move->number);
    return db_exec(db, DB_RA_DEVICE_EVENT, &p, &changed, err) ||
           error_wrap(err, "device %s", move->serial);
}

bool
db_device_personalise(struct db *db, const struct db_device *device,
                      struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, device->serial);
    db_bind_bytes(&p, device->spki, device->spki_len);
    db_bind_bytes(&p, device->admin_sealed, device->admin_sealed_len);
    db_bind_bytes(&p, device->transport, device->transport_len);
    db_bind_bytes(&p, device->transport_signature,
                  device->transport_signature_len);
    if (!db_exec(db, DB_RA_DEVICE_PERSONALISE, &p, &changed, err))
        return error_wrap(err, "device %s", device->serial);
    return changed == 1 || error_set(err, ERROR_NOT_FOUND,
                                     "there is no device %s", device->serial);
}

/* One of the two changes of the PIN. */
static bool
pin_change(struct db *db, size_t statement, const char *serial,
           const struct buf *sealed, const char *otherwise, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, serial);
    db_bind_bytes(&p, sealed->data, sealed->len);
    if (!db_exec(db, statement, &p, &changed, err))
        return error_wrap(err, "device %s", serial);
    return changed == 1 || error_set(err, ERROR_CONFLICT, "%s", otherwise);
}

bool
db_device_pin_next(struct db *db, const char *serial, const struct buf *sealed,
                   struct error *err)
{
    return pin_change(db, DB_RA_DEVICE_PIN_NEXT, serial, sealed,
                      "another administrator PIN is on its way", err);
}

bool
db_device_pin_shift(struct db *db, const char *serial, const struct buf *sealed,
                    struct error *err)
{
    return pin_change(db, DB_RA_DEVICE_PIN_SHIFT, serial, sealed,
                      "no administrator PIN is on its way", err);
}
