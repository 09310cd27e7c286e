/* Parcels and papers: db/shipment.h. */
#include "db/shipment.h"

#include <string.h>

#include "db/sql_ra.h"

bool
db_shipment_add(struct db *db, const struct db_shipment *shipment,
                struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, shipment->id);
    db_bind_text(&p, shipment->number);
    db_bind_text(&p, shipment->direction);
    db_bind_text(&p, shipment->carrier);
    db_bind_text(&p, shipment->tracking);
    db_bind_text(&p, shipment->device);
    db_bind_text(&p, shipment->state);
    db_bind_time(&p, shipment->changed_at);
    if (!db_exec(db, DB_RA_SHIPMENT_ADD, &p, &changed, err))
        return error_wrap(err, "shipment of %s", shipment->number);
    if (changed != 1)
        return error_set(err, ERROR_CONFLICT,
                         "%s %s is known already: see whether the number is "
                         "right",
                         shipment->carrier, shipment->tracking);
    return true;
}

bool
db_shipment_read(const struct db_result *row, size_t at,
                 struct db_shipment *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    return db_read_text(row, at, 0, &out->id, err) &&
           db_read_text(row, at, 1, &out->number, err) &&
           db_read_text(row, at, 2, &out->direction, err) &&
           db_read_text(row, at, 3, &out->carrier, err) &&
           db_read_text(row, at, 4, &out->tracking, err) &&
           db_read_text_null(row, at, 5, &out->device, err) &&
           db_read_text(row, at, 6, &out->state, err) &&
           db_read_time(row, at, 7, &out->changed_at, err);
}

/* Runs the question; one row or ERROR_NOT_FOUND. */
static bool
shipment_query(struct db *db, size_t statement, struct db_params *p,
               struct db_shipment *out, struct error *err)
{
    struct db_result *r = NULL;

    memset(out, 0, sizeof *out);
    if (!db_query(db, statement, p, &r, err))
        return error_wrap(err, "shipment");
    if (db_rows(r) != 1) {
        db_result_free(r);
        return error_set(err, ERROR_NOT_FOUND, "there is no such shipment");
    }
    if (!db_shipment_read(r, 0, out, err)) {
        db_result_free(r);
        return false;
    }
    out->held = r;
    return true;
}

bool
db_shipment_get(struct db *db, const char *id, struct db_shipment *out,
                struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, id);
    return shipment_query(db, DB_RA_SHIPMENT_GET, &p, out, err);
}

bool
db_shipment_by_tracking(struct db *db, const char *carrier,
                        const char *tracking, struct db_shipment *out,
                        struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, carrier);
    db_bind_text(&p, tracking);
    return shipment_query(db, DB_RA_SHIPMENT_BY_TRACKING, &p, out, err);
}

void
db_shipment_clear(struct db_shipment *shipment)
{
    db_result_free(shipment->held);
    memset(shipment, 0, sizeof *shipment);
}

bool
db_shipment_move(struct db *db, const char *id, const char *from,
                 const char *to, int64_t at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, id);
    db_bind_text(&p, from);
    db_bind_text(&p, to);
    db_bind_time(&p, at);
    if (!db_exec(db, DB_RA_SHIPMENT_MOVE, &p, &changed, err))
        return error_wrap(err, "shipment");
    return changed == 1 ||
           error_set(err, ERROR_CONFLICT, "the shipment is no longer %s", from);
}

bool
db_shipment_list(struct db *db, const char *number, db_each *each, void *arg,
                 struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    return db_stream(db, DB_RA_SHIPMENT_LIST, &p, each, arg, err);
}

bool
db_shipment_event_add(struct db *db, const struct db_shipment_event *event,
                      bool *is_new, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, event->shipment);
    db_bind_text(&p, event->event_id);
    db_bind_time(&p, event->at);
    db_bind_text(&p, event->status);
    db_bind_text(&p, event->place);
    if (!db_exec(db, DB_RA_SHIPMENT_EVENT, &p, &changed, err))
        return error_wrap(err, "shipment");
    *is_new = changed == 1;
    return true;
}

bool
db_shipment_events(struct db *db, const char *number, db_each *each, void *arg,
                   struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    return db_stream(db, DB_RA_SHIPMENT_EVENTS, &p, each, arg, err);
}

bool
db_shipment_event_read(const struct db_result *row, size_t at,
                       struct db_shipment_event *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    return db_read_text(row, at, 0, &out->shipment, err) &&
           db_read_text(row, at, 1, &out->event_id, err) &&
           db_read_time(row, at, 2, &out->at, err) &&
           db_read_text(row, at, 3, &out->status, err) &&
           db_read_text_null(row, at, 4, &out->place, err);
}

bool
db_paper_list(struct db *db, const char *number, db_each *each, void *arg,
              struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    return db_stream(db, DB_RA_PAPER_LIST, &p, each, arg, err);
}

bool
db_paper_read(const struct db_result *row, size_t at, struct db_paper *out,
              struct error *err)
{
    memset(out, 0, sizeof *out);
    return db_read_text(row, at, 0, &out->slot, err) &&
           db_read_text(row, at, 1, &out->state, err) &&
           db_read_text_null(row, at, 2, &out->remark, err) &&
           db_read_time(row, at, 3, &out->changed_at, err);
}

bool
db_paper_set(struct db *db, const char *number, const struct db_paper *paper,
             const char *officer_id, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, number);
    db_bind_text(&p, paper->slot);
    db_bind_text(&p, paper->state);
    db_bind_text(&p, paper->remark);
    db_bind_text(&p, officer_id);
    db_bind_time(&p, paper->changed_at);
    if (!db_exec(db, DB_RA_PAPER_SET, &p, &changed, err))
        return error_wrap(err, "papers of %s", number);
    return changed == 1 ||
           error_set(err, ERROR_INPUT, "%s: this case awaits no such paper",
                     paper->slot);
}
