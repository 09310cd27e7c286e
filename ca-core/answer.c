/* Answers to orders; see ca-core/answer.h. */
#include "ca-core/answer.h"

#include <stdlib.h>
#include <string.h>

#include "db/certificate.h"

static void
add_change(json_t *array, const char *issuer, const uint8_t *serial,
           const char *state)
{
    json_t *item = json_object();

    json_set_text(item, "issuer", issuer);
    json_set_hex(item, "serial", serial, API_SERIAL_LEN);
    json_set_text(item, "state", state);
    json_array_append_new(array, item);
}

/* All with the key are revoked and stay so: the list only grows while none can
 * be added, the key being blocked. */
static bool
add_by_key(struct db *db, const struct issuer_set *set,
           const struct api_order *order, json_t *array, struct error *err)
{
    struct db_certificate_status *rows;
    size_t count;

    if (!db_certificate_key_statuses(db, order->spki_sha256, &rows, &count,
                                     err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct issuer *issuer = issuer_by_id(set, rows[i].issuer_id);

        if (issuer != NULL && rows[i].state == DB_CERTIFICATE_REVOKED)
            add_change(array, issuer->row.name, rows[i].serial, "revoked");
    }
    free(rows);
    return true;
}

static bool
add_changes(struct db *db, const struct issuer_set *set,
            const struct api_order *order, json_t *array, struct error *err)
{
    static const char *const done[API_KIND_COUNT] = {
        [API_HOLD] = "held", [API_RELEASE] = "valid", [API_REVOKE] = "revoked"};

    if (order->has_key)
        return add_by_key(db, set, order, array, err);
    for (size_t i = 0; i < order->target_count; i++)
        add_change(array, order->target[i].issuer, order->target[i].serial,
                   done[order->kind]);
    if (api_kind_is_issuing(order->kind) && order->kind != API_ISSUE &&
        order->fate.action != API_FATE_NONE)
        add_change(array, order->predecessor.issuer, order->predecessor.serial,
                   order->fate.action == API_FATE_HOLD ? "held" : "revoked");
    return true;
}

bool
answer_make(struct db *db, const struct issuer_set *set,
            const struct api_order *order,
            const struct answer_certificate *certificate, json_t **out,
            struct error *err)
{
    json_t *answer = json_object(), *certificates = json_array();
    json_t *changes = json_array();

    json_set_text(answer, "order_id", order->order_id);
    json_set_text(answer, "state", "done");
    json_set_text(answer, "kind", api_kind_name(order->kind));
    if (certificate != NULL) {
        json_t *item = json_object();

        json_set_text(item, "issuer", certificate->issuer);
        json_set_hex(item, "serial", certificate->serial, API_SERIAL_LEN);
        json_set_bytes(item, "der", certificate->der, certificate->der_len);
        json_array_append_new(certificates, item);
    }
    json_object_set_new(answer, "certificates", certificates);
    json_object_set_new(answer, "revoked", changes);
    if (!add_changes(db, set, order, changes, err)) {
        json_decref(answer);
        return false;
    }
    *out = answer;
    return true;
}

static bool
with_certificate(struct db *db, const struct issuer_set *set,
                 const struct api_order *order, json_t **out, struct error *err)
{
    struct db_certificate *rows;
    struct answer_certificate certificate;
    const struct issuer *issuer;
    size_t count;
    bool ok;

    if (!db_certificate_of_order(db, order->order_id, &rows, &count, err))
        return false;
    issuer = count == 1 ? issuer_by_id(set, rows[0].issuer_id) : NULL;
    if (issuer == NULL || rows[0].der == NULL) {
        db_certificates_free(rows, count);
        return error_set(err, ERROR_INTERNAL, "order %s has no certificate",
                         order->order_id);
    }
    certificate = (struct answer_certificate){issuer->row.name, rows[0].serial,
                                              rows[0].der, rows[0].der_len};
    ok = answer_make(db, set, order, &certificate, out, err);
    db_certificates_free(rows, count);
    return ok;
}

bool
answer_read(struct db *db, const struct issuer_set *set,
            const struct db_order *row, json_t **out, struct error *err)
{
    struct api_order *order = NULL;
    json_t *json = NULL;
    enum api_kind kind;
    bool ok = false;

    /* What ceremonies and the system order of themselves is no message. */
    if (!api_kind_find(row->kind, &kind))
        return error_set(err, ERROR_NOT_FOUND, "no order from outside");
    if (json_parse_object(row->body, row->body_len, &json, err) &&
        api_order_parse(json, &order, err))
        ok = api_kind_is_issuing(order->kind)
                 ? with_certificate(db, set, order, out, err)
                 : answer_make(db, set, order, NULL, out, err);
    api_order_free(order);
    json_decref(json);
    return ok;
}
