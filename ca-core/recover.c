/* Orders that recover earlier keys; see ca-core/recover.h. */
#include "ca-core/recover.h"

#include <stdlib.h>
#include <string.h>

enum { REASON_MAX = 128 };

bool
recover_check(const struct order_world *world, const struct api_order *order,
              struct error *err)
{
    if (!world->makes_pairs)
        return error_set(err, ERROR_INPUT,
                         "this CA makes no pairs, and keeps no keys "
                         "(ca.kmc_url)");
    return order_check_transport(
        (struct der){order->carrier.transport, order->carrier.transport_len},
        err);
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

bool
recover_run(struct db *db, struct escrow *escrow, struct accept *accept,
            struct error *err)
{
    return open_case(escrow, accept->envelope->order, err) &&
           db_transaction(db, run_order, accept, err);
}
