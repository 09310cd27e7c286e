/*
 * Parcels and papers: tables ra.shipment, ra.shipment_event and ra.paper.
 */
#ifndef DB_SHIPMENT_H
#define DB_SHIPMENT_H

#include "db/db.h"

/* Borrowed from the caller on the way in, from `held` on the way out. */
struct db_shipment {
    const char *id; /* UUID */
    const char *number;
    const char *direction; /* "out", "in" */
    const char *carrier;
    const char *tracking;
    const char *device; /* NULL */
    const char *state;
    int64_t changed_at;
    struct db_result *held;
};

/* ERROR_CONFLICT when the carrier's number is another parcel's. */
bool db_shipment_add(struct db *db, const struct db_shipment *shipment,
                     struct error *err) MUST_CHECK;
/* By id, or by carrier and tracking; locked. ERROR_NOT_FOUND. The caller
 * clears `out`. */
bool db_shipment_get(struct db *db, const char *id, struct db_shipment *out,
                     struct error *err) MUST_CHECK;
bool db_shipment_by_tracking(struct db *db, const char *carrier,
                             const char *tracking, struct db_shipment *out,
                             struct error *err) MUST_CHECK;
void db_shipment_clear(struct db_shipment *shipment);
/* ERROR_CONFLICT when it is no longer in `from`. */
bool db_shipment_move(struct db *db, const char *id, const char *from,
                      const char *to, int64_t at, struct error *err) MUST_CHECK;
/* Of a case, oldest first; `each` gets rows for db_shipment_read(). */
bool db_shipment_list(struct db *db, const char *number, db_each *each,
                      void *arg, struct error *err) MUST_CHECK;
bool db_shipment_read(const struct db_result *row, size_t at,
                      struct db_shipment *out, struct error *err) MUST_CHECK;

struct db_shipment_event {
    const char *shipment;
    const char *event_id; /* the courier's */
    const char *status;
    const char *place; /* NULL */
    int64_t at;
};
/* *is_new false when this one is known already. */
bool db_shipment_event_add(struct db *db, const struct db_shipment_event *event,
                           bool *is_new, struct error *err) MUST_CHECK;
/* Of all parcels of a case, by time. */
bool db_shipment_events(struct db *db, const char *number, db_each *each,
                        void *arg, struct error *err) MUST_CHECK;
bool db_shipment_event_read(const struct db_result *row, size_t at,
                            struct db_shipment_event *out,
                            struct error *err) MUST_CHECK;

/* ---- Papers ----------------------------------------------------------------
 */

struct db_paper {
    const char *slot;
    const char *state;  /* "awaited", "received", "defective" */
    const char *remark; /* NULL */
    int64_t changed_at;
};
bool db_paper_list(struct db *db, const char *number, db_each *each, void *arg,
                   struct error *err) MUST_CHECK;
bool db_paper_read(const struct db_result *row, size_t at, struct db_paper *out,
                   struct error *err) MUST_CHECK;
/* ERROR_INPUT when the case awaits no such paper. */
bool db_paper_set(struct db *db, const char *number,
                  const struct db_paper *paper, const char *officer_id,
                  struct error *err) MUST_CHECK;

#endif
