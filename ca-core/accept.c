/* Rows of an order that is done at once; see ca-core/accept.h. */
#include "ca-core/accept.h"

#include <string.h>

#include "db/order.h"

enum { STATEMENT_MAX = 4096 };

bool
accept_prepare(struct accept *out, const struct api_envelope *envelope,
               const uint8_t digest[32],
               const struct decision_evidence *evidence,
               const char *requested_by, int64_t now, struct error *err)
{
    memset(out, 0, sizeof *out);
    out->envelope = envelope;
    memcpy(out->digest, digest, sizeof out->digest);
    out->requested_by = requested_by;
    out->now = now;
    out->body.limit = API_BODY_MAX;
    for (size_t i = 0; i < envelope->decision_count; i++) {
        out->statement[i].limit = STATEMENT_MAX;
        if (!api_statement_encode(&envelope->decision[i],
                                  envelope->order->order_id, digest,
                                  &out->statement[i], err))
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
    for (size_t i = 0; i < envelope->decision_count; i++) {
        const struct api_decision *decision = &envelope->decision[i];

        rows[i] = (struct db_decision_row){
            .order_id = envelope->order->order_id,
            .step = api_step_name(decision->step),
            .officer_id = decision->officer_id,
            .decided_at = decision->decided_at,
            .statement = accept->statement[i].data,
            .statement_len = accept->statement[i].len,
            .signature = decision->signature,
            .signature_len = decision->signature_len,
        };
        memcpy(rows[i].credential_id, decision->credential_id, 32);
    }
    return db_decision_insert(db, rows, envelope->decision_count, err);
}
