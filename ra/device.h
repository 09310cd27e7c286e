/*
 * USB keys 数字证书存储介质: what may become of one (domain.md, 1.6), as a
 * table. Every move is checked here and leaves a row of ra.device_event.
 */
#ifndef RA_DEVICE_H
#define RA_DEVICE_H

#include <jansson.h>

#include "db/device.h"

enum device_state {
    DEVICE_IN_STOCK,
    DEVICE_ALLOCATED,    /* for one case */
    DEVICE_PERSONALISED, /* its own key made, administrator PIN set */
    DEVICE_SHIPPED,
    DEVICE_DELIVERED,
    DEVICE_ACTIVE, /* holds a certificate */
    DEVICE_PIN_LOCKED,
    DEVICE_RETURNED,
    DEVICE_REWRITTEN, /* personalised again */
    DEVICE_LOST,
    DEVICE_DESTROYED,
    DEVICE_STATE_COUNT,
};

enum device_actor {
    DEVICE_BY_MAKER,
    DEVICE_BY_COURIER, /* or whoever tells of the parcel */
    DEVICE_BY_HOLDER,
    DEVICE_BY_CLERK, /* intake clerk, maker, business administrator */
    DEVICE_BY_SYSTEM,
    DEVICE_ACTOR_COUNT,
};

struct device_transition {
    enum device_state from;
    enum device_state to;
    enum device_actor who;
};

extern const struct device_transition device_transitions[];
extern const size_t device_transition_count;

const char *device_state_name(enum device_state state); /* "pin-locked" */
bool device_state_find(const char *name, enum device_state *out) MUST_CHECK;
/* Of a row; ERROR_INTERNAL for a name that there is not. */
bool device_state_of(const struct db_device *device, enum device_state *out,
                     struct error *err) MUST_CHECK;
/* Whether a serial is written as on our devices: 4 to 32 of A-Z, 0-9, '-', not
 * beginning with '-'. */
bool device_serial_check(const char *serial, struct error *err) MUST_CHECK;

/* ERROR_CONFLICT when the table has no such move, ERROR_DENIED when it is for
 * another actor. */
bool device_move_check(enum device_state from, enum device_state to,
                       enum device_actor who, struct error *err) MUST_CHECK;

/* In the caller's transaction: locks the row, checks, moves it, writes the
 * event. `number` and `account` are what it belongs to from now on; NULL: as
 * before. Going into stock or out of use it belongs to nothing. */
struct device_act {
    const char *serial;
    enum device_state to;
    enum device_actor who;
    const char *actor; /* officer id, "courier", "holder", "signet-ra" */
    const char *number;
    const char *account;
    int64_t at;
};
bool device_move(struct db *db, const struct device_act *act,
                 struct error *err) MUST_CHECK;

/* ---- What follows from a case's way (ra/case_apply.c) ----------------------
 */

/* EFFECT_DEVICE: the device of the case is active from now on; nothing when it
 * is already (renewal). */
bool device_activate(struct db *db, const char *number, const char *serial,
                     int64_t at, struct error *err) MUST_CHECK;

/* Reissued because it was lost: its certificate has gone, and it with it.
 * Nothing when somebody has it on the books as something else by now. */
bool device_lose(struct db *db, const char *serial, int64_t at,
                 struct error *err) MUST_CHECK;

/* The case is given up (EFFECT_RECALL): what was only allocated goes back into
 * stock, what was personalised and not sent is at home (returned). What is out
 * stays as it is until the intake clerk has it: *is_out. */
bool device_recall(struct db *db, const char *number, int64_t at, bool *is_out,
                   struct error *err) MUST_CHECK;

/* Signed by this public key (DER) as devices sign: api_verify(). ERROR_DENIED.
 */
bool device_verify(const uint8_t *spki, size_t spki_len, const uint8_t *data,
                   size_t len, const uint8_t *signature, size_t signature_len,
                   struct error *err) MUST_CHECK;

/* Whether earlier keys of this account can be wrapped for the device: it is in
 * use, by that account, and has a transport key. False says why, "中文 /
 * English". */
bool device_carries(const struct db_device *device, const char *account,
                    struct error *why) MUST_CHECK;
/* Such a device as an order to recover names it (docs/architecture.md, "Old
 * keys"): {"serial", "spki", "transport", "transport_signature"}. */
json_t *device_carrier_json(const struct db_device *device);

json_t *device_json(const struct db_device *device);

#endif
