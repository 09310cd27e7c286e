/*
 * The maker's work 制证: a device for a case, its own key and its administrator
 * PIN, and whether the maker signed for it. The decision of step `making`
 * itself goes the way of all decisions (ra/case_review.h); it names the device
 * by what making_device() gives.
 */
#ifndef RA_MAKING_H
#define RA_MAKING_H

#include "ra/case_apply.h"
#include "ra/device.h"

enum {
    MAKING_PIN_LEN = 16, /* letters and digits without look-alikes: 80 bits */
    MAKING_SPKI_MAX = 1024,
    MAKING_SIGNATURE_MAX = 1024,
};

/* What the maker signs for, and the CA core compares with the device that asks
 * (docs/architecture.md, "Orders that a device completes"). */
struct making_device {
    char serial[DB_DEVICE_SERIAL_MAX + 1]; /* "": the case has none yet */
    enum device_state state;
    bool has_key;
    uint8_t spki_sha256[32];
    bool is_signed; /* the last decision of step making names this device */
};
bool making_device(struct db *db, const struct db_case *row,
                   struct making_device *out, struct error *err) MUST_CHECK;

/* Takes a device out of stock (or one rewritten for it) for this case, in place
 * of one that was only allocated, or was lost or came back. ERROR_CONFLICT when
 * the case is not there yet, or has a device. */
bool making_allocate(const struct business *business, struct db *db,
                     const char *number, const char *serial,
                     const char *officer_id, int64_t at,
                     struct error *err) MUST_CHECK;

/* Personalises: the device made its own key and proves it with a signature
 * over the canonical form of {"device", "number", "spki_sha256"}, and by that
 * key it vouches for its transport key (api_transport_encode()); here the
 * administrator PIN is drawn, sealed, and given to the maker's station, once
 * for the device's life but for a repetition with the same keys before it is
 * sent. A device that a CHANGE brought back is rewritten, after the second
 * review. ERROR_CONFLICT with another key of either kind, ERROR_DENIED for a
 * wrong proof. */
struct making_request {
    const char *serial;
    const uint8_t *spki;
    size_t spki_len;
    const uint8_t *proof;
    size_t proof_len;
    const uint8_t *transport; /* SPKI, DER: RSA of 2048 to 4096 bits */
    size_t transport_len;
    const uint8_t *transport_signature;
    size_t transport_signature_len;
    const char *officer_id;
    int64_t at;
};
bool making_personalise(const struct business *business, struct db *db,
                        const struct making_request *request,
                        char pin[MAKING_PIN_LEN + 1],
                        struct error *err) MUST_CHECK;

/* Whether a device may be made for the case, or sent, as it stands now. */
bool making_state_check(const struct business *business,
                        const struct db_case *row,
                        struct error *err) MUST_CHECK;

/* ---- Administrator PINs ----------------------------------------------------
 */

bool making_pin_draw(char pin[MAKING_PIN_LEN + 1],
                     struct error *err) MUST_CHECK;
/* `place` is "admin" or "admin_next": a sealed PIN opens in its place only. */
bool making_pin_seal(const struct vault *vault, const char *serial,
                     const char *place, const char *pin, struct buf *out,
                     struct error *err) MUST_CHECK;
bool making_pin_open(const struct vault *vault, const char *serial,
                     const char *place, const uint8_t *sealed, size_t len,
                     char pin[MAKING_PIN_LEN + 1],
                     struct error *err) MUST_CHECK;

#endif
