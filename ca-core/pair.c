/* Planning what an order makes; see ca-core/pair.h. */
#include "ca-core/pair.h"

#include <stdlib.h>
#include <string.h>

#include "db/escrow.h"

/* A key that was asked for and got no order: nobody sends the order again after
 * that. Decisions are not older; and what waited for its device is sent at once
 * when that is there. */
enum { ABANDONED_S = 31 * 86400 };

/* The centre makes the key, or tells the one that it made for this order. That
 * it is asked stands in our books before. */
static bool
ask_for_key(const struct pair_desk *desk, const struct api_order *order,
            struct der transport, int64_t now, struct escrow_key *out,
            struct error *err)
{
    return db_escrow_ask(desk->db, order->order_id, now, now + ABANDONED_S,
                         err) &&
           escrow_key_ask(desk->escrow, order->order_id,
                          order->encryption.key_type, order->account, transport,
                          out, err) &&
           (!out->is_history ||
            error_set(err, ERROR_CONFLICT,
                      "the key that was made for this order was given up; "
                      "send a new one"));
}

/* With the key that the centre made. */
static bool
plan_with_key(const struct pair_desk *desk, const struct api_order *order,
              struct der transport, int64_t now, struct issue_plan *plan,
              struct error *err)
{
    struct escrow_key *key = base_alloc(sizeof *key);
    bool ok = ask_for_key(desk, order, transport, now, key, err);

    if (ok) {
        struct der spki = {key->spki, key->spki_len};

        plan->is_pair = true;
        memcpy(plan->escrow_key, key->id, sizeof plan->escrow_key);
        ok = order_plan_second(desk->world, desk->set, desk->db, order,
                               &plan->first, &spki, now, &plan->second, err);
    }
    free(key);
    return ok;
}

/* Whether the other half could be certified, whatever its key. */
static bool
check_second(const struct pair_desk *desk, const struct api_order *order,
             const struct order_plan *first, int64_t now, struct error *err)
{
    struct order_plan second;
    bool ok = order_plan_second(desk->world, desk->set, desk->db, order, first,
                                NULL, now, &second, err);

    order_plan_clear(&second);
    return ok;
}

bool
pair_plan(const struct pair_desk *desk, const struct api_envelope *envelope,
          int64_t now, struct issue_plan *out, struct error *err)
{
    const struct api_completion *completion = &envelope->completion;
    const struct api_order *order = envelope->order;
    struct der csr = {completion->csr, completion->csr_len};
    struct der transport = {order->encryption.transport,
                            order->encryption.transport_len};

    memset(out, 0, sizeof *out);
    if (!order_plan(desk->world, desk->set, desk->db, order, &csr, now,
                    &out->first, err))
        return false;
    if (order->encryption.profile == NULL)
        return true;
    if (transport.data == NULL)
        transport =
            (struct der){completion->transport, completion->transport_len};
    return order_check_transport(transport, err) &&
           check_second(desk, order, &out->first, now, err) &&
           plan_with_key(desk, order, transport, now, out, err);
}

void
pair_plan_clear(struct issue_plan *plan)
{
    order_plan_clear(&plan->first);
    order_plan_clear(&plan->second);
}

bool
pair_check(const struct pair_desk *desk, const struct api_order *order,
           int64_t now, struct order_plan *first, struct error *err)
{
    struct der transport = {order->encryption.transport,
                            order->encryption.transport_len};

    return order_plan(desk->world, desk->set, desk->db, order, NULL, now, first,
                      err) &&
           (order->encryption.profile == NULL ||
            (check_second(desk, order, first, now, err) &&
             (transport.data == NULL ||
              order_check_transport(transport, err))));
}
