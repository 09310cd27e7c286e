/* Rows of an order that is done at once; see ca-core/accept.h. */
#include "ca-core/accept.h"

#include <string.h>

#include "base/hash.h"
#include "db/order.h"

/* What the decisions over a pending order are used up by: one hold, one
 * release, and one recovery for each device. */
static bool
use_of(const struct api_order *order, const uint8_t pending[HASH_LEN],
       uint8_t out[HASH_LEN], struct error *err)
{
    const struct api_carrier *carrier = &order->carrier;
    struct buf use = BUF_INIT(HASH_LEN + API_DEVICE_MAX + API_DEVICE_SPKI_MAX);
    bool ok;

    (void)buf_add(&use, pending, HASH_LEN);
    if (order->kind == API_RECOVER) {
        (void)buf_add(&use, carrier->serial, strlen(carrier->serial));
        (void)buf_add(&use, carrier->spki, carrier->spki_len);
        ok = hash_sha256(use.data, use.len, out, err);
    } else {
        memcpy(out, pending, HASH_LEN);
        ok = true;
    }
    buf_clear(&use);
    return ok;
}

bool
accept_prepare(struct accept *out, const struct api_envelope *envelope,
               const uint8_t digest[32],
               const struct decision_evidence *evidence,
               const char *requested_by, int64_t now, struct error *err)
{
    const struct api_order *over;
    uint8_t over_digest[32];

    memset(out, 0, sizeof *out);
    if (!api_order_signed(envelope->order, &over, over_digest, err) ||
        !use_of(envelope->order, over_digest, out->pending_use, err))
        return false;
    out->has_pending = over != envelope->order;
    out->envelope = envelope;
    memcpy(out->digest, digest, sizeof out->digest);
    out->requested_by = requested_by;
    out->now = now;
    out->body.limit = API_BODY_MAX;
    for (size_t i = 0; i < envelope->decision_count; i++) {
        out->statement[i].limit = API_STATEMENT_MAX;
        if (!api_statement_encode(&envelope->decision[i], over->order_id,
                                  over_digest, &out->statement[i], err))
            goto fail;
    }
    if (json_canonical(envelope->order->json, &out->body, err) &&
        record_accepted(&out->record, envelope, digest, evidence, requested_by,
                        now, err))
        return true;
fail:
    accept_clear(out);
    return false;
}

void
accept_clear(struct accept *accept)
{
    buf_clear(&accept->body);
    for (size_t i = 0; i < API_DECISIONS_MAX; i++)
        buf_clear(&accept->statement[i]);
    record_clear(&accept->record);
}

struct db_decision_row
accept_decision_row(const char *order_id, const struct api_decision *decision,
                    const struct buf *statement)
{
    bool is_passkey = decision->client_data_len > 0;
    struct db_decision_row row = {
        .order_id = order_id,
        .step = api_step_name(decision->step),
        .officer_id =
            decision->officer_id[0] != '\0' ? decision->officer_id : NULL,
        .verdict = api_verdict_name(decision->verdict),
        .decided_at = decision->decided_at,
        .statement = statement->data,
        .statement_len = statement->len,
        .signature = decision->signature,
        .signature_len = decision->signature_len,
        .authenticator_data = is_passkey ? decision->authenticator_data : NULL,
        .authenticator_data_len = decision->authenticator_data_len,
        .client_data = is_passkey ? decision->client_data : NULL,
        .client_data_len = decision->client_data_len,
    };

    memcpy(row.credential_id, decision->credential_id, 32);
    return row;
}

bool
accept_insert(struct db *db, struct accept *accept, struct error *err)
{
    const struct api_envelope *envelope = accept->envelope;
    struct db_decision_row rows[API_DECISIONS_MAX];
    struct db_order_row order = {
        .order_id = envelope->order->order_id,
        .kind = api_kind_name(envelope->order->kind),
        .body = accept->body.data,
        .body_len = accept->body.len,
        .requested_by = accept->requested_by,
        .received_at = accept->now,
        .finished_at = accept->now,
        .pending_digest = accept->has_pending ? accept->pending_use : NULL,
    };
    bool is_new;

    memcpy(order.digest, accept->digest, sizeof order.digest);
    accept->is_known = false;
    if (!db_order_insert(db, &order, 1, &is_new, err))
        return false;
    if (!is_new) {
        accept->is_known = true;
        return error_set(err, ERROR_CONFLICT, "the order is known");
    }
    for (size_t i = 0; i < envelope->decision_count; i++)
        rows[i] =
            accept_decision_row(envelope->order->order_id,
                                &envelope->decision[i], &accept->statement[i]);
    return db_decision_insert(db, rows, envelope->decision_count, err);
}
