/* Orders of cases: ra/case_order.h. */
#include "ra/case_order.h"

#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "db/case_history.h"
#include "db/holder.h"
#include "ra/case_field.h"
#include "ra/device.h"

/* ---- What is asked -------------------------------------------------------
 */

static void
set_applicant(json_t *order, const struct db_case *row, const json_t *fields)
{
    json_t *applicant = json_object();

    json_set_text(applicant, "account", row->account);
    json_set_text(applicant, "person",
                  case_field_text(fields, "handler_id_number"));
    json_object_set_new(order, "applicant", applicant);
}

/* A member when the case has the field. */
static void
set_field(json_t *object, const char *name, const json_t *fields,
          const char *field)
{
    const char *value = case_field_text(fields, field);

    if (value[0] != '\0')
        json_set_text(object, name, value);
}

/* domain.md, 1.8 #21: the domicile is ST, L and streetAddress. */
static void
set_subject(json_t *order, const struct db_case *row, const json_t *fields)
{
    json_t *subject = json_object();

    set_field(subject, "country", fields, "country");
    set_field(subject, "state", fields, "province");
    set_field(subject, "locality", fields, "locality");
    set_field(subject, "street", fields, "street");
    json_set_text(subject, "organization", row->unit_name);
    json_set_text(subject, "common_name", row->unit_name);
    json_object_set_new(order, "subject", subject);
    json_set_text(order, "organization_code", row->uscc);
}

static json_t *
certificate_ref(const char *issuer, const uint8_t *serial)
{
    json_t *ref = json_object();

    json_set_text(ref, "issuer", issuer);
    json_set_hex(ref, "serial", serial, API_SERIAL_LEN);
    return ref;
}

static void
set_predecessor(json_t *order, const struct db_case *row, const char *action,
                const char *reason)
{
    json_t *fate = json_object();

    json_set_text(fate, "action", action);
    if (reason != NULL)
        json_set_text(fate, "reason", reason);
    json_object_set_new(
        order, "predecessor",
        certificate_ref(row->predecessor_issuer, row->predecessor_serial));
    json_object_set_new(order, "predecessor_fate", fate);
}

static void
set_validity(json_t *order, const char *rule, const json_t *fields)
{
    json_t *validity = json_object();
    int64_t years;

    json_set_text(validity, "rule", rule);
    if (fields != NULL &&
        text_int64(case_field_text(fields, "years"), 1, 5, &years))
        json_set_int(validity, "years", years);
    json_object_set_new(order, "validity", validity);
}

static json_t *
order_begin(const char *kind, const char *order_id, const struct db_case *row,
            const json_t *fields, int64_t at)
{
    json_t *order = json_object();

    json_set_text(order, "order_id", order_id);
    json_set_text(order, "kind", kind);
    json_set_time(order, "created_at", at);
    set_applicant(order, row, fields);
    return order;
}

/* The certificate of the business. Both halves of a pair move together (1.6):
 * the core takes the other one along, whichever is named. */
static json_t *
target_of(const struct db_case *row)
{
    json_t *target = json_object();
    json_t *list = json_array();

    json_array_append_new(list, certificate_ref(row->predecessor_issuer,
                                                row->predecessor_serial));
    json_object_set_new(target, "certificates", list);
    return target;
}

/* The other half of the pair (architecture.md, "Pairs"). The earlier keys come
 * with it by the holder's word: domain.md, 1.7. */
static json_t *
encryption_json(const struct db_case *row, const struct definition *definition,
                const json_t *fields)
{
    json_t *encryption = json_object();
    json_t *old_keys;

    json_set_text(encryption, "profile", definition->encryption);
    json_set_text(encryption, "key_type", definition->encryption_key);
    if (strcmp(case_field_text(fields, "encrypted_files"), "deliver") == 0) {
        old_keys = json_object();
        json_set_text(old_keys, "document", row->number);
        json_object_set_new(encryption, "old_keys", old_keys);
    }
    return encryption;
}

json_t *
case_order_json(const struct db_case *row, const struct definition *definition,
                const json_t *fields, const char *order_id, int64_t at)
{
    static const struct {
        enum case_business business;
        const char *kind;
        bool has_subject;
        const char *rule;
        const char *reason; /* of the old certificate's revocation */
    } issuing[] = {
        {BUSINESS_NEW, "issue", true, "years", NULL},
        {BUSINESS_REISSUE, "reissue", false, "keep", "superseded"},
        {BUSINESS_CHANGE, "change", true, "keep", "affiliationChanged"},
    };
    json_t *order;
    json_t *activation;

    for (size_t i = 0; i < sizeof issuing / sizeof issuing[0]; i++) {
        if (definition->business != issuing[i].business)
            continue;
        order = order_begin(issuing[i].kind, order_id, row, fields, at);
        json_set_text(order, "profile", definition->profile);
        if (issuing[i].has_subject)
            set_subject(order, row, fields);
        set_validity(order, issuing[i].rule,
                     definition->business == BUSINESS_NEW ? fields : NULL);
        if (issuing[i].reason != NULL)
            set_predecessor(order, row, "revoke", issuing[i].reason);
        activation = json_object();
        json_set_time(activation, "until",
                      at + INT64_C(86400) * CASE_ORDER_ACTIVATION_DAYS);
        json_object_set_new(order, "activation", activation);
        if (definition->encryption != NULL)
            json_object_set_new(order, "encryption",
                                encryption_json(row, definition, fields));
        return order;
    }
    if (definition->business == BUSINESS_RECOVER) {
        order = order_begin("recover", order_id, row, fields, at);
        json_set_text(order, "document", row->number);
        return order; /* case_order_carrier() adds whom for */
    }
    order = order_begin("revoke", order_id, row, fields, at);
    json_object_set_new(order, "target", target_of(row));
    json_set_text(order, "reason", case_field_text(fields, "reason"));
    return order;
}

/* ---- What is decided without the core ------------------------------------
 */

static bool
document_each(const struct db_result *row, void *arg, struct error *err)
{
    struct db_case_document document;

    if (!db_case_document_read(row, 0, &document, err))
        return false;
    json_set_hex(arg, document.slot, document.sha256, 32);
    return true;
}

static bool
statement_body(struct db *db, const struct db_case *row, const json_t *fields,
               const char *order_id, json_t **out, struct error *err)
{
    json_t *body = json_object();
    json_t *documents = json_object();
    uint8_t hash[32];

    json_set_text(body, "case", row->number);
    json_set_text(body, "business", row->business);
    json_set_int(body, "revision", row->revision);
    json_set_text(body, "order_id", order_id);
    json_object_set(body, "documents", documents);
    *out = body;
    if (!json_digest(fields, hash, err) ||
        !db_case_documents(db, row->number, document_each, documents, err)) {
        json_decref(documents);
        json_decref(body);
        *out = NULL;
        return false;
    }
    json_set_hex(body, "fields_sha256", hash, 32);
    json_decref(documents);
    return true;
}

/* What customer service adds is about nothing that a reviewer decides. */
static void
drop_internal(const struct definition *definition, json_t *documents)
{
    for (size_t i = 0; i < definition->slot_count; i++)
        if (definition->slot[i].is_internal)
            json_object_del(documents, definition->slot[i].name);
}

bool
case_order_is_current(struct db *db, const struct db_case *row,
                      const struct definition *definition, bool *out,
                      struct error *err)
{
    json_t *order = NULL;
    json_t *then = NULL; /* borrowed from order */
    json_t *now = json_object();
    bool ok =
        json_parse_object(row->order_body, row->order_body_len, &order, err) &&
        json_find_object(order, "documents", &then, err) &&
        db_case_documents(db, row->number, document_each, now, err);

    if (ok && then != NULL) {
        drop_internal(definition, then);
        drop_internal(definition, now);
    }
    *out = ok && (then == NULL || json_equal(then, now) == 1);
    json_decref(now);
    json_decref(order);
    return ok;
}

/* What a device is for keys: its row, if it has a transport key.
 * ERROR_CONFLICT for one that was made before devices had them. */
static bool
device_with_transport(struct db *db, const struct db_case *row,
                      struct db_device *out, struct error *err)
{
    if (row->device == NULL)
        return error_set(err, ERROR_CONFLICT, "case %s has no device",
                         row->number);
    if (!db_device_get(db, row->device, false, out, err))
        return false;
    if (out->spki != NULL && out->transport != NULL)
        return true;
    error_set(err, ERROR_CONFLICT,
              "介质%s没有传输密钥，无法接收加密密钥，请办理补办以更换介质 / "
              "device %s has no transport key and can receive no encryption "
              "key: apply for a reissue, which brings a new device",
              row->device, row->device);
    db_device_clear(out);
    return false;
}

bool
case_order_carrier(struct db *db, const struct db_case *row, json_t *order,
                   struct error *err)
{
    struct db_device device = {0};

    if (!device_with_transport(db, row, &device, err))
        return false;
    json_object_set_new(order, "carrier", device_carrier_json(&device));
    db_device_clear(&device);
    return true;
}

/* A holder who never had a key for encryption has no earlier ones to ask for.
 */
static bool
old_keys_settle(struct db *db, const struct db_case *row, json_t *order,
                struct error *err)
{
    json_t *encryption = json_object_get(order, "encryption");
    bool has_earlier = false;

    if (json_object_get(encryption, "old_keys") == NULL)
        return true;
    if (!db_holder_has_encryption(db, row->account, &has_earlier, err))
        return false;
    if (!has_earlier)
        json_object_del(encryption, "old_keys");
    return true;
}

bool
case_order_make(struct db *db, const struct db_case *row,
                const struct definition *definition, const json_t *fields,
                int64_t at, struct error *err)
{
    struct buf body = BUF_INIT(CASE_ORDER_MAX);
    char order_id[TEXT_UUID_LEN + 1];
    uint8_t digest[32];
    json_t *order = NULL;
    bool ok = false;

    if (!text_uuid_draw(order_id, err))
        return false;
    if (definition->business == BUSINESS_SEAL ||
        definition->business == BUSINESS_UNLOCK) {
        if (!statement_body(db, row, fields, order_id, &order, err))
            goto out;
    } else {
        order = case_order_json(row, definition, fields, order_id, at);
        if (!old_keys_settle(db, row, order, err) ||
            (definition->business == BUSINESS_RECOVER &&
             !case_order_carrier(db, row, order, err)))
            goto out;
    }
    ok = json_canonical(order, &body, err) &&
         hash_sha256(body.data, body.len, digest, err) &&
         db_case_order(db, row->number, order_id, &body, digest, err);
out:
    json_decref(order);
    buf_clear(&body);
    return ok;
}

/* ---- Putting orders on their way ------------------------------------------
 */

static bool
put(struct db *db, const char *number, const char *purpose, const char *state,
    const json_t *order, const json_t *decisions, const json_t *more,
    int64_t at, struct error *err)
{
    struct buf body = BUF_INIT(CASE_ORDER_MAX);
    struct db_case_order row = {
        .number = number, .purpose = purpose, .state = state, .made_at = at};
    json_t *envelope = more == NULL ? json_object() : json_deep_copy(more);
    bool ok = false;

    json_object_set(envelope, "order", (json_t *)(uintptr_t)order);
    json_object_set(envelope, "decisions", (json_t *)(uintptr_t)decisions);
    if (json_get_text(order, "order_id", TEXT_UUID_LEN, &row.order_id, err) &&
        json_canonical(envelope, &body, err)) {
        row.envelope = body.data;
        row.envelope_len = body.len;
        ok = db_corder_add(db, &row, err);
    }
    json_decref(envelope);
    buf_clear(&body);
    return ok;
}

bool
case_order_put(struct db *db, const char *number, const char *purpose,
               const json_t *order, const json_t *decisions, const json_t *more,
               int64_t at, struct error *err)
{
    return put(db, number, purpose, "waiting", order, decisions, more, at, err);
}

bool
case_order_send(struct db *db, const char *number, const char *purpose,
                const json_t *order, const json_t *decisions, int64_t at,
                struct error *err)
{
    return put(db, number, purpose, "queued", order, decisions, NULL, at, err);
}

bool
case_order_queue(struct db *db, const char *number, const char *purpose,
                 int64_t at, struct error *err)
{
    bool queued;

    if (!db_corder_queue(db, number, purpose, at, &queued, err))
        return false;
    return queued || error_set(err, ERROR_INTERNAL,
                               "case %s has no order to %s", number, purpose);
}

static bool
own_order(const struct db_case *row, json_t **out, struct error *err)
{
    if (row->order_id == NULL)
        return error_set(err, ERROR_INTERNAL, "case %s has no order",
                         row->number);
    return json_parse_object(row->order_body, row->order_body_len, out, err);
}

/* The one decision as an array. */
static bool
one_decision(const struct case_decided *decided, json_t **out,
             struct error *err)
{
    json_t *decision = NULL;

    if (!json_parse_object(decided->decision, decided->decision_len, &decision,
                           err))
        return false;
    *out = json_array();
    json_array_append_new(*out, decision);
    return true;
}

/* A hold or release with the order of the case as `pending`. */
static bool
put_pending(struct db *db, const struct db_case *row, const char *kind,
            const struct case_decided *decided, int64_t at, struct error *err)
{
    char order_id[TEXT_UUID_LEN + 1];
    json_t *pending = NULL;
    json_t *decisions = NULL;
    json_t *order = NULL;
    bool ok = false;

    if (!text_uuid_draw(order_id, err) || !own_order(row, &pending, err) ||
        !one_decision(decided, &decisions, err))
        goto out;
    order = json_object();
    json_set_text(order, "order_id", order_id);
    json_set_text(order, "kind", kind);
    json_set_time(order, "created_at", at);
    json_object_set(order, "applicant", json_object_get(pending, "applicant"));
    json_object_set_new(order, "target", target_of(row));
    json_object_set(order, "pending", pending);
    ok = put(db, row->number, kind, "queued", order, decisions, NULL, at, err);
out:
    json_decref(pending);
    json_decref(decisions);
    json_decref(order);
    return ok;
}

bool
case_order_hold(struct db *db, const struct db_case *row,
                const struct case_decided *decided, int64_t at,
                struct error *err)
{
    return put_pending(db, row, "hold", decided, at, err);
}

static bool
held_each(const struct db_result *row, void *arg, struct error *err)
{
    bool *is_held = arg;
    struct db_case_order order;

    if (!db_corder_read(row, 0, &order, err))
        return false;
    if (strcmp(order.purpose, "hold") == 0 &&
        strcmp(order.state, "refused") != 0)
        *is_held = true;
    return true;
}

bool
case_order_has_held(struct db *db, const char *number, bool *out,
                    struct error *err)
{
    *out = false;
    return db_corder_list(db, number, held_each, out, err);
}

bool
case_order_release(struct db *db, const struct db_case *row,
                   const struct case_decided *decided, int64_t at,
                   struct error *err)
{
    bool is_held = false;

    if (!case_order_has_held(db, row->number, &is_held, err))
        return false;
    return !is_held || put_pending(db, row, "release", decided, at, err);
}

bool
case_order_decided(struct db *db, const struct db_case *row,
                   const char *purpose, int64_t at, struct error *err)
{
    json_t *order = NULL;
    json_t *decisions = NULL;
    bool ok = own_order(row, &order, err) &&
              case_order_decisions(db, row, &decisions, err) &&
              put(db, row->number, purpose, "queued", order, decisions, NULL,
                  at, err);

    json_decref(order);
    json_decref(decisions);
    return ok;
}

/* ---- What a device completes -----------------------------------------------
 */

/* What the key of the second certificate is wrapped for: from our books, by the
 * device's word (architecture.md, "Pairs"). */
static bool
set_transport(struct db *db, const struct db_case *row, const json_t *order,
              json_t *more, struct error *err)
{
    struct db_device device = {0};

    if (json_object_get(order, "encryption") == NULL)
        return true;
    if (!device_with_transport(db, row, &device, err))
        return false;
    json_set_bytes(more, "transport", device.transport, device.transport_len);
    json_set_bytes(more, "transport_signature", device.transport_signature,
                   device.transport_signature_len);
    db_device_clear(&device);
    return true;
}

bool
case_order_complete(struct db *db, const struct db_case *row,
                    const struct case_completion *completion, int64_t at,
                    struct error *err)
{
    json_t *more = json_object();
    json_t *device = json_object();
    json_t *order = NULL;
    json_t *decisions = NULL;
    bool ok;

    json_set_text(device, "serial", completion->device);
    json_set_bytes(device, "spki", completion->spki, completion->spki_len);
    json_object_set_new(more, "device", device);
    json_set_bytes(more, "csr", completion->csr, completion->csr_len);
    json_set_bytes(more, "device_signature", completion->signature,
                   completion->signature_len);
    ok = own_order(row, &order, err) &&
         set_transport(db, row, order, more, err) &&
         case_order_decisions(db, row, &decisions, err) &&
         put(db, row->number, "issue", "waiting", order, decisions, more, at,
             err);
    json_decref(more);
    json_decref(order);
    json_decref(decisions);
    return ok;
}

/* The holder signs for the transport key too: the client looks whether it is
 * its own device's. The present keys stay there; none is delivered. */
static bool
renewal_encryption(struct db *db, const struct db_case *row,
                   const struct definition *definition, json_t **out,
                   struct error *err)
{
    struct db_device device = {0};
    json_t *encryption;

    if (definition->encryption == NULL)
        return true;
    if (!device_with_transport(db, row, &device, err))
        return false;
    encryption = json_object();
    json_set_text(encryption, "profile", definition->encryption);
    json_set_text(encryption, "key_type", definition->encryption_key);
    json_set_bytes(encryption, "transport", device.transport,
                   device.transport_len);
    db_device_clear(&device);
    *out = encryption;
    return true;
}

bool
case_order_renewal(struct db *db, const struct db_case *row,
                   const struct definition *definition, const json_t *fields,
                   const uint8_t *csr, size_t csr_len, int64_t at,
                   struct case_order_draft out[2], struct error *err)
{
    struct case_order_draft *renew = &out[0];
    struct case_order_draft *supersede = &out[1];
    json_t *encryption = NULL;

    memset(out, 0, 2 * sizeof *out);
    if (!text_uuid_draw(renew->order_id, err) ||
        !text_uuid_draw(supersede->order_id, err) ||
        !renewal_encryption(db, row, definition, &encryption, err))
        return false;
    renew->purpose = "issue";
    renew->order = order_begin("renew", renew->order_id, row, fields, at);
    json_set_text(renew->order, "profile", definition->profile);
    json_set_bytes(renew->order, "csr", csr, csr_len);
    set_validity(renew->order, "extend", fields);
    set_predecessor(renew->order, row, "none", NULL);
    if (encryption != NULL)
        json_object_set_new(renew->order, "encryption", encryption);
    supersede->purpose = "supersede";
    supersede->order =
        order_begin("revoke", supersede->order_id, row, fields, at);
    json_object_set_new(supersede->order, "target", target_of(row));
    json_set_text(supersede->order, "reason", "superseded");
    if (api_order_digest(renew->order, renew->digest, err) &&
        api_order_digest(supersede->order, supersede->digest, err))
        return true;
    json_decref(renew->order);
    json_decref(supersede->order);
    memset(out, 0, 2 * sizeof *out);
    return false;
}

static bool
decision_each(const struct db_result *row, void *arg, struct error *err)
{
    struct db_decided decided;
    json_t *decision = NULL;

    if (!db_decided_read(row, 0, &decided, err))
        return false;
    if (strcmp(decided.verdict, "approve") != 0)
        return true;
    if (!json_parse_object(decided.decision, decided.decision_len, &decision,
                           err))
        return false;
    json_array_append_new(arg, decision);
    return true;
}

bool
case_order_decisions(struct db *db, const struct db_case *row, json_t **out,
                     struct error *err)
{
    *out = json_array();
    if (db_decided_list(db, row->number, row->revision, true, decision_each,
                        *out, err))
        return true;
    json_decref(*out);
    *out = NULL;
    return false;
}
