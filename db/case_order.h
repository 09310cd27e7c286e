/* Orders of cases on their way to the CA core: table ra.case_order. */
#ifndef DB_CASE_ORDER_H
#define DB_CASE_ORDER_H

#include "db/db.h"

struct db_case_order {
    const char *order_id;
    const char *number;
    const char *purpose;     /* "issue", "hold", "release", "revoke",
                                "supersede", "recover" */
    const uint8_t *envelope; /* canonical JSON */
    size_t envelope_len;
    const char *state; /* "waiting", "queued", "done", "refused" */
    int32_t send_count;
    const char *problem; /* NULL if none */
    int64_t made_at;
    const char *recovery;   /* of recover: what was last heard of it (a state of
                               architecture.md, "Old keys"); NULL: nothing */
    int64_t recovery_until; /* 0: none */
    int64_t received_at;    /* the device has the keys; 0: not yet */
    struct db_result *held; /* on the way out */
};

/* A new one, or another envelope for one that has not gone or was refused.
 * ERROR_CONFLICT for one that is on its way or done. */
bool db_corder_add(struct db *db, const struct db_case_order *order,
                   struct error *err) MUST_CHECK;

/* The last waiting (or refused) one of this purpose goes from now on. *queued
 * tells whether there was one. */
bool db_corder_queue(struct db *db, const char *number, const char *purpose,
                     int64_t at, bool *queued, struct error *err) MUST_CHECK;

/* One that is due; another sender's turn is not before `again_at`. *found
 * false when there is none. The caller clears `out`. */
bool db_corder_claim(struct db *db, int64_t now, int64_t again_at, bool *found,
                     struct db_case_order *out, struct error *err) MUST_CHECK;
/* Locked. ERROR_NOT_FOUND. The caller clears `out`. */
bool db_corder_get(struct db *db, const char *order_id,
                   struct db_case_order *out, struct error *err) MUST_CHECK;
void db_corder_clear(struct db_case_order *order);

/* `state` "done" or "refused". *changed false when another sender was first. */
bool db_corder_done(struct db *db, const char *order_id, const char *state,
                    const char *problem, int64_t at, bool *changed,
                    struct error *err) MUST_CHECK;
bool db_corder_put_off(struct db *db, const char *order_id, const char *problem,
                       int64_t again_at, struct error *err) MUST_CHECK;

/* What was heard of a recovery at `at`. */
bool db_corder_recovery(struct db *db, const char *order_id,
                        const char *recovery, int64_t until, int64_t at,
                        struct error *err) MUST_CHECK;
/* The device has the keys. *changed false when it had said so before. */
bool db_corder_received(struct db *db, const char *order_id, int64_t at,
                        bool *changed, struct error *err) MUST_CHECK;

/* We asked about it at `at`, and it came to nothing. */
bool db_corder_looked(struct db *db, const char *order_id, int64_t at,
                      struct error *err) MUST_CHECK;

/* Recoveries that stood open when they were last heard of, before `before`; the
 * longest unheard first. */
struct db_corder_open {
    char order_id[37];
    char number[33];
};
bool db_corder_open_list(struct db *db, int64_t before, size_t max,
                         struct db_corder_open *out, size_t *count,
                         struct error *err) MUST_CHECK;
/* Recoveries that are done, of cases that were given up: nobody fetches them;
 * the longest unheard first. */
bool db_corder_left_list(struct db *db, size_t max, struct db_corder_open *out,
                         size_t *count, struct error *err) MUST_CHECK;
/* The oldest case of this device, in its present life, with keys that it has
 * not received; "" if there is none. `number` has `max` octets. */
bool db_corder_of_device(struct db *db, const char *serial, char *number,
                         size_t max, struct error *err) MUST_CHECK;

/* Of one case, oldest first; `each` gets rows for db_corder_read(). */
bool db_corder_list(struct db *db, const char *number, db_each *each, void *arg,
                    struct error *err) MUST_CHECK;
bool db_corder_read(const struct db_result *row, size_t at,
                    struct db_case_order *out, struct error *err) MUST_CHECK;

#endif
