/* Orders that recover earlier keys; see ca-core/recover.h. */
#include "ca-core/recover.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "db/certificate.h"
#include "db/order.h"

enum { REASON_MAX = 128 };

/* The order that the device completes, once it did. */
static bool
is_completed(struct db *db, const char *order_id, bool *out, struct error *err)
{
    struct db_order *row;

    if (!db_order_find(db, order_id, &row, err))
        return false;
    *out = row != NULL && row->state == DB_ORDER_DONE;
    db_order_free(row);
    return true;
}

static bool
check_device(struct db *db, const struct api_order *order, int64_t now,
             struct error *err)
{
    const struct api_carrier *carrier = &order->carrier;
    bool has_certificate = true, is_in_it = false;
    uint8_t digest[HASH_LEN];

    if (order->pending != NULL &&
        !is_completed(db, order->pending->order_id, &has_certificate, err))
        return false;
    if (!has_certificate)
        return true;
    if (!hash_sha256(carrier->spki, carrier->spki_len, digest, err) ||
        !db_certificate_in_device(db, order->account, carrier->serial, digest,
                                  now, &is_in_it, err))
        return false;
    return is_in_it || error_set(err, ERROR_DENIED,
                                 "carrier: device %s holds no valid "
                                 "certificate of this account",
                                 carrier->serial);
}

bool
recover_check(const struct order_world *world, struct db *db,
              const struct api_order *order, int64_t now, struct error *err)
{
    if (!world->makes_pairs)
        return error_set(err, ERROR_INPUT,
                         "this CA makes no pairs, and keeps no keys "
                         "(ca.kmc_url)");
    return order_check_transport((struct der){order->carrier.transport,
                                              order->carrier.transport_len},
                                 err) &&
           check_device(db, order, now, err);
}

/* All that the holder has there, but the one that the device gets with the
 * pending order anyway. */
static bool
choose_keys(struct escrow *escrow, const struct api_order *order,
            const struct escrow_key *keys, size_t count,
            struct escrow_request *request, struct error *err)
{
    struct escrow_key *own = base_alloc(sizeof *own);
    bool ok = true;

    if (order->pending != NULL)
        ok = escrow_key_find(escrow, order->pending->order_id, own, err);
    for (size_t i = 0; ok && i < count; i++) {
        if (strcmp(keys[i].id, own->id) == 0)
            continue;
        if (request->key_count == ESCROW_KEYS_MAX)
            ok = error_set(err, ERROR_CONFLICT,
                           "the holder has more than %d keys, which is more "
                           "than one recovery may be about",
                           ESCROW_KEYS_MAX);
        else
            request->key_id[request->key_count++] = keys[i].id;
    }
    free(own);
    return ok;
}

static bool
open_case(struct escrow *escrow, const struct api_order *order,
          struct error *err)
{
    char reason[REASON_MAX];
    struct escrow_request request = {
        .id = order->order_id,
        .requester = order->person,
        .reason = reason,
        .document = order->pending != NULL ? order->pending->encryption.old_keys
                                           : order->document,
        .holder = order->account,
        .target = {order->carrier.transport, order->carrier.transport_len},
    };
    struct escrow_key *keys = NULL;
    struct escrow_case known;
    bool is_there = false, ok;
    size_t count = 0;

    (void)snprintf(reason, sizeof reason, "earlier keys into the device %s",
                   order->carrier.serial);
    if (!escrow_case_find(escrow, order->order_id, &is_there, &known, err))
        return false;
    if (is_there)
        return true;
    ok = escrow_keys_of(escrow, order->account, &keys, &count, err) &&
         choose_keys(escrow, order, keys, count, &request, err) &&
         (request.key_count == 0 || escrow_case_open(escrow, &request, err));
    free(keys);
    return ok;
}

static bool
run_order(struct db *db, void *arg, struct error *err)
{
    struct accept *accept = arg;
    const struct record *record = &accept->record;
    int64_t first;

    return accept_insert(db, accept, err) &&
           record_append(db, &record, 1, &first, err);
}

/* Looked at before people at the centre are called upon; the transaction
 * decides (order_pending). */
static bool
check_unused(struct db *db, const struct accept *accept, struct error *err)
{
    const struct api_order *order = accept->envelope->order;
    bool is_used = false;

    if (!accept->has_pending)
        return true;
    return db_order_is_used(db, order->order_id, api_kind_name(order->kind),
                            accept->pending_use, &is_used, err) &&
           (!is_used ||
            error_set(err, ERROR_CONFLICT,
                      "the earlier keys were asked for by this pending order "
                      "and for this device before"));
}

bool
recover_run(struct db *db, struct escrow *escrow, struct accept *accept,
            struct error *err)
{
    return check_unused(db, accept, err) &&
           open_case(escrow, accept->envelope->order, err) &&
           db_transaction(db, run_order, accept, err);
}
