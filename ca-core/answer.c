/* Answers to orders; see ca-core/answer.h. */
#include "ca-core/answer.h"

#include <stdlib.h>
#include <string.h>

#include "db/certificate.h"
#include "db/escrow.h"

enum { KEY_CERTIFICATES_MAX = 64 }; /* of one recovered key */

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

/* What was named, in its order, and then the other halves of pairs. */
static bool
add_named(struct db *db, const struct issuer_set *set,
          const struct api_certificate_ref *named, size_t count,
          const char *state, json_t *array, struct error *err)
{
    struct db_certificate_ref *refs = base_alloc((count + 1) * sizeof *refs);
    struct db_certificate_status *rows = NULL;
    const struct issuer *issuer;
    size_t known = 0, found = 0;
    bool ok = true;

    for (size_t i = 0; i < count; i++) {
        add_change(array, named[i].issuer, named[i].serial, state);
        if ((issuer = issuer_find(set, named[i].issuer)) == NULL)
            continue;
        refs[known].issuer_id = issuer->row.issuer_id;
        memcpy(refs[known++].serial, named[i].serial, DB_SERIAL_LEN);
    }
    if (known > 0)
        ok = db_certificate_pair_statuses(db, refs, known, &rows, &found, err);
    for (size_t i = 0; ok && i < found; i++)
        if (rows[i].is_mate &&
            (issuer = issuer_by_id(set, rows[i].issuer_id)) != NULL)
            add_change(array, issuer->row.name, rows[i].serial, state);
    free(rows);
    free(refs);
    return ok;
}

static bool
add_changes(struct db *db, const struct issuer_set *set,
            const struct api_order *order, json_t *array, struct error *err)
{
    static const char *const done[API_KIND_COUNT] = {
        [API_HOLD] = "held", [API_RELEASE] = "valid", [API_REVOKE] = "revoked"};

    if (order->has_key)
        return add_by_key(db, set, order, array, err);
    if (done[order->kind] != NULL)
        return add_named(db, set, order->target, order->target_count,
                         done[order->kind], array, err);
    if (!api_kind_is_issuing(order->kind) || order->kind == API_ISSUE ||
        order->fate.action == API_FATE_NONE)
        return true;
    return add_named(db, set, &order->predecessor, 1,
                     order->fate.action == API_FATE_HOLD ? "held" : "revoked",
                     array, err);
}

/* All but the certificates and what the centre has. */
static bool
begin(struct db *db, const struct issuer_set *set,
      const struct api_order *order, json_t **out, json_t **certificates,
      struct error *err)
{
    json_t *answer = json_object(), *changes = json_array();

    *certificates = json_array();
    json_set_text(answer, "order_id", order->order_id);
    json_set_text(answer, "state", "done");
    json_set_text(answer, "kind", api_kind_name(order->kind));
    json_object_set_new(answer, "certificates", *certificates);
    json_object_set_new(answer, "revoked", changes);
    if (!add_changes(db, set, order, changes, err)) {
        json_decref(answer);
        return false;
    }
    *out = answer;
    return true;
}

static void
add_certificate(json_t *array, const struct answer_certificate *certificate)
{
    json_t *item = json_object();

    json_set_text(item, "issuer", certificate->issuer);
    json_set_hex(item, "serial", certificate->serial, API_SERIAL_LEN);
    json_set_bytes(item, "der", certificate->der, certificate->der_len);
    json_array_append_new(array, item);
}

bool
answer_make(struct db *db, const struct issuer_set *set,
            const struct api_order *order,
            const struct answer_certificate *certificate, json_t **out,
            struct error *err)
{
    json_t *certificates;

    if (!begin(db, set, order, out, &certificates, err))
        return false;
    if (certificate != NULL)
        add_certificate(certificates, certificate);
    return true;
}

/* Those of rows that were signed. */
static bool
add_rows(const struct issuer_set *set, const struct db_certificate *rows,
         size_t count, json_t *array, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct issuer *issuer = issuer_by_id(set, rows[i].issuer_id);

        if (issuer == NULL || rows[i].der == NULL)
            return error_set(err, ERROR_INTERNAL, "order %s has no certificate",
                             rows[i].order_id);
        add_certificate(array, &(struct answer_certificate){
                                   issuer->row.name, rows[i].serial,
                                   rows[i].der, rows[i].der_len});
    }
    return true;
}

static void
set_key(json_t *object, const struct escrow_key *key)
{
    json_set_bytes(object, "spki", key->spki, key->spki_len);
    json_set_bytes(object, "wrapped", key->wrapped, key->wrapped_len);
    json_set_bytes(object, "content_key", key->content_key,
                   key->content_key_len);
}

/* "key", until the device has it. */
static bool
add_key(struct db *db, struct escrow *escrow, const char *order_id,
        json_t *answer, struct error *err)
{
    struct escrow_key *key;
    struct db_escrow row;
    bool is_there, ok;
    json_t *object;

    if (!db_escrow_find(db, order_id, &is_there, &row, err))
        return false;
    if (!is_there || row.is_received)
        return true;
    key = base_alloc(sizeof *key);
    ok = escrow_key_find(escrow, order_id, key, err);
    if (ok && strcmp(key->id, row.key_id) != 0)
        ok = error_set(err, ERROR_INTERNAL,
                       "signet-kmc has another key for order %s", order_id);
    if (ok && key->wrapped_len > 0) {
        object = json_object();
        set_key(object, key);
        json_object_set_new(answer, "key", object);
    }
    free(key);
    return ok;
}

static bool
with_certificates(struct db *db, const struct issuer_set *set,
                  struct escrow *escrow, const struct api_order *order,
                  json_t **out, struct error *err)
{
    size_t wanted = order->encryption.profile != NULL ? 2 : 1;
    struct db_certificate *rows;
    json_t *certificates, *answer = NULL;
    size_t count;
    bool ok;

    if (!db_certificate_of_order(db, order->order_id, &rows, &count, err))
        return false;
    ok = (count == wanted ||
          error_set(err, ERROR_INTERNAL, "order %s has %zu certificates",
                    order->order_id, count)) &&
         begin(db, set, order, &answer, &certificates, err) &&
         add_rows(set, rows, count, certificates, err) &&
         (wanted == 1 || add_key(db, escrow, order->order_id, answer, err));
    db_certificates_free(rows, count);
    if (ok)
        *out = answer;
    else
        json_decref(answer);
    return ok;
}

/* ---- Recoveries -------------------------------------------------------- */

/* One recovered key with the certificates that it is of. */
static bool
add_recovered(struct db *db, const struct issuer_set *set,
              const struct escrow_key *key, json_t *array, struct error *err)
{
    json_t *item = json_object(), *certificates = json_array();
    struct db_certificate *rows = NULL;
    uint8_t digest[PUBLIC_KEY_DIGEST_LEN];
    size_t count = 0;
    bool ok;

    json_array_append_new(array, item);
    json_set_text(item, "key_type", hsm_key_type_name(key->type));
    set_key(item, key);
    json_object_set_new(item, "certificates", certificates);
    ok = public_key_digest((struct der){key->spki, key->spki_len}, digest,
                           err) &&
         db_certificate_by_key(db, digest, KEY_CERTIFICATES_MAX, &rows, &count,
                               err);
    for (size_t i = 0; ok && i < count; i++)
        if (rows[i].der != NULL)
            ok = add_rows(set, &rows[i], 1, certificates, err);
    db_certificates_free(rows, count);
    return ok;
}

static bool
add_recovered_keys(struct db *db, const struct issuer_set *set,
                   struct escrow *escrow, const char *order_id,
                   json_t *recovery, struct error *err)
{
    struct escrow_key *keys = NULL;
    struct error why = {0};
    json_t *array = json_array();
    size_t count = 0;
    bool ok = escrow_case_answer(escrow, order_id, &keys, &count, &why);

    /* Received between two questions. */
    if (!ok && why.code == ERROR_NOT_FOUND) {
        json_decref(array);
        return true;
    }
    if (!ok && err != NULL)
        *err = why;
    for (size_t i = 0; ok && i < count; i++)
        ok = add_recovered(db, set, &keys[i], array, err);
    json_object_set_new(recovery, "keys", array);
    free(keys);
    return ok;
}

/* As the case stands at the centre; nobody opened one when there were no keys
 * (recover_run()). */
static bool
with_recovery(struct db *db, const struct issuer_set *set,
              struct escrow *escrow, const struct api_order *order,
              json_t **out, struct error *err)
{
    json_t *answer = NULL, *recovery = json_object();
    struct escrow_case opened;
    bool is_there = false, ok;

    ok = answer_make(db, set, order, NULL, &answer, err) &&
         escrow_case_find(escrow, order->order_id, &is_there, &opened, err);
    json_set_text(recovery, "state", is_there ? opened.state : "none");
    if (is_there)
        json_set_time(recovery, "expires_at", opened.expires_at);
    if (ok && is_there && opened.has_answer)
        ok =
            add_recovered_keys(db, set, escrow, order->order_id, recovery, err);
    if (!ok) {
        json_decref(recovery);
        json_decref(answer);
        return false;
    }
    json_object_set_new(answer, "recovery", recovery);
    *out = answer;
    return true;
}

bool
answer_read(struct db *db, const struct issuer_set *set, struct escrow *escrow,
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
                 ? with_certificates(db, set, escrow, order, out, err)
             : order->kind == API_RECOVER
                 ? with_recovery(db, set, escrow, order, out, err)
                 : answer_make(db, set, order, NULL, out, err);
    api_order_free(order);
    json_decref(json);
    return ok;
}
