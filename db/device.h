/*
 * USB keys: tables ra.device and ra.device_event. Which move is allowed stands
 * in ra/device.c; here the WHERE clause names the old state and one row is
 * expected.
 */
#ifndef DB_DEVICE_H
#define DB_DEVICE_H

#include "db/db.h"

enum { DB_DEVICE_SERIAL_MAX = 32, DB_DEVICE_STATE_MAX = 15 };

/* Borrowed from the caller on the way in, from `held` on the way out. */
struct db_device {
    const char *serial;
    const char *model;
    const char *state;
    const char *number;  /* the case that it is for; NULL */
    const char *account; /* NULL */
    const uint8_t *spki; /* of its own key, DER; NULL before */
    size_t spki_len;
    const uint8_t *admin_sealed; /* NULL before */
    size_t admin_sealed_len;
    const uint8_t *admin_next_sealed; /* NULL: none on its way */
    size_t admin_next_sealed_len;
    const char *batch; /* NULL */
    int64_t changed_at;
    /* Its transport key, SPKI in DER, and the own key's signature over it;
     * NULL: none (before, or made when devices had none). */
    const uint8_t *transport;
    size_t transport_len;
    const uint8_t *transport_signature;
    size_t transport_signature_len;
    struct db_result *held;
};

/* New ones into stock; those that are known already stay as they are. *added
 * counts the new ones. */
bool db_device_stock(struct db *db, const char *const *serials, size_t count,
                     const char *model, const char *batch, int64_t at,
                     int64_t *added, struct error *err) MUST_CHECK;

/* ERROR_NOT_FOUND. Locked: no other transaction changes it until this one
 * ends. The caller clears `out`. */
bool db_device_get(struct db *db, const char *serial, bool is_locked,
                   struct db_device *out, struct error *err) MUST_CHECK;
void db_device_clear(struct db_device *device);
/* Of a state (NULL: any), by serial after `after`; `each` gets rows for
 * db_device_read(), which borrows from the row. */
bool db_device_list(struct db *db, const char *state, const char *after,
                    size_t max, db_each *each, void *arg,
                    struct error *err) MUST_CHECK;
bool db_device_read(const struct db_result *row, size_t at,
                    struct db_device *out, struct error *err) MUST_CHECK;
/* Serials of the devices that are for a case. */
bool db_device_of_case(struct db *db, const char *number, db_each *each,
                       void *arg, struct error *err) MUST_CHECK;

/* The new state, with its event. `number` (NULL: none) is the case that it is
 * for from now on; `account` as well. ERROR_CONFLICT when it is no longer in
 * `from`. */
struct db_device_move {
    const char *serial;
    const char *from;
    const char *to;
    const char *number;
    const char *account;
    const char *actor;
    int64_t at;
};
bool db_device_move(struct db *db, const struct db_device_move *move,
                    struct error *err) MUST_CHECK;

/* Of `device`: its own key, its transport key and its administrator PIN,
 * sealed; no next PIN. */
bool db_device_personalise(struct db *db, const struct db_device *device,
                           struct error *err) MUST_CHECK;
/* The PIN that is to replace the present one. ERROR_CONFLICT when there is one
 * on its way. */
bool db_device_pin_next(struct db *db, const char *serial,
                        const struct buf *sealed, struct error *err) MUST_CHECK;
/* Acknowledged: it is the present one, sealed for that place. */
bool db_device_pin_shift(struct db *db, const char *serial,
                         const struct buf *sealed,
                         struct error *err) MUST_CHECK;

#endif
