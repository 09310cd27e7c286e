/*
 * Parcels: the device out 寄出, papers and old devices in 寄入. The courier
 * tells of them by signed calls (ra/signed_call.h, HMAC with the secret of
 * ra.courier_key_file), of which each counts once (ra.shipment_event).
 */
#ifndef RA_SHIPMENT_H
#define RA_SHIPMENT_H

#include "base/text.h"
#include "ra/case_apply.h"
#include "ra/making.h"

enum { SHIPMENT_CARRIER_MAX = 64, SHIPMENT_TRACKING_MAX = 64 };

/* Carrier: 1 to 64 octets of text; tracking number: capital letters, digits and
 * hyphens. */
bool shipment_names_check(const char *carrier, const char *tracking,
                          struct error *err) MUST_CHECK;

struct shipment_request {
    const char *number;
    const char *carrier;
    const char *tracking;
    const char *actor;   /* officer id or account */
    const char *account; /* applicants': the case must be theirs, else
                            ERROR_NOT_FOUND; NULL for officers */
    int64_t at;
};

/* The device of the case goes out: personalised, and signed for by its maker.
 * `id` gets the shipment's UUID. */
bool shipment_send(const struct business *business, struct db *db,
                   const struct shipment_request *request,
                   char id[TEXT_UUID_LEN + 1], struct error *err) MUST_CHECK;

/* A parcel of the applicant is on its way to us. */
bool shipment_announce(const struct business *business, struct db *db,
                       const struct shipment_request *request,
                       char id[TEXT_UUID_LEN + 1],
                       struct error *err) MUST_CHECK;

/* An officer knows that it arrived. Nothing the second time. */
bool shipment_deliver(const struct business *business, struct db *db,
                      const char *id, const char *officer_id, int64_t at,
                      struct error *err) MUST_CHECK;

/* What the courier tells: {"event_id", "carrier", "tracking", "status": one of
 * picked-up, in-transit, delivered, failed, "at", "place"?}. ERROR_INPUT. The
 * texts are borrowed from `object`. */
struct shipment_news {
    const char *event_id;
    const char *carrier;
    const char *tracking;
    const char *status;
    const char *place; /* NULL */
    int64_t at;
};
bool shipment_news_parse(const json_t *object, int64_t now,
                         struct shipment_news *out,
                         struct error *err) MUST_CHECK;
/* ERROR_NOT_FOUND for a parcel that is not ours. What is told twice, or late,
 * is noted and changes nothing. `nonce` (may be NULL) is spent with it. */
bool shipment_tell(const struct business *business, struct db *db,
                   const struct shipment_news *news, const char *nonce,
                   int64_t at, struct error *err) MUST_CHECK;

/* The state after this news; the same if it changes nothing. Pure. */
const char *shipment_next(const char *state, const char *status);

/* "shipments" of a case (the caller owns the array): [{"id", "direction",
 * "carrier", "tracking", "device"?, "state", "changed_at", "events": [{"at",
 * "status", "place"?}]}]. */
bool shipment_list_json(struct db *db, const char *number, json_t **out,
                        struct error *err) MUST_CHECK;

#endif
