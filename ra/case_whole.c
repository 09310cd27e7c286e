/* The whole form of a case: ra/case_whole.h. */
#include "ra/case_whole.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "db/case_history.h"
#include "db/form.h"
#include "db/holder.h"
#include "db/payment.h"
#include "ra/case_field.h"
#include "ra/case_json.h"
#include "ra/client.h"
#include "ra/document.h"
#include "ra/finding.h"
#include "ra/intake.h"
#include "ra/making.h"
#include "ra/old_keys.h"
#include "ra/payment_json.h"
#include "ra/shipment.h"

/* ---- Parts of the whole form ----------------------------------------------
 */

static bool
set_slots(struct db *db, const struct db_case *row,
          const struct definition *definition, const json_t *fields,
          json_t *json, struct error *err)
{
    json_t *documents = NULL;
    json_t *slots = json_array();

    json_object_set_new(json, "slots", slots);
    if (!document_list(db, row->number, &documents, err))
        return false;
    for (size_t i = 0; i < definition->slot_count; i++) {
        const struct definition_slot *slot = &definition->slot[i];
        json_t *document = json_object_get(documents, slot->name);
        json_t *one = json_object();

        json_set_text(one, "slot", slot->name);
        json_object_set_new(one, "is_required",
                            json_boolean(slot->is_required));
        json_object_set_new(one, "is_wanted",
                            json_boolean(!slot->is_internal &&
                                         definition_when(slot->when, fields)));
        if (slot->form != NULL)
            json_set_text(one, "form", slot->form);
        if (document != NULL)
            json_object_set(one, "document", document);
        json_array_append_new(slots, one);
    }
    json_decref(documents);
    return true;
}

struct form_run {
    json_t *list;
    int revision;
};

static bool
form_each(const struct db_result *row, void *arg, struct error *err)
{
    struct form_run *run = arg;
    struct db_form form;
    json_t *one;

    if (!db_form_read(row, 0, &form, err))
        return false;
    one = json_object();
    json_set_text(one, "kind", form.kind);
    json_set_int(one, "revision", form.revision);
    json_object_set_new(one, "is_current",
                        json_boolean(form.revision == run->revision));
    json_set_time(one, "made_at", form.made_at);
    json_array_append_new(run->list, one);
    return true;
}

static bool
set_forms(struct db *db, const struct db_case *row, json_t *json,
          struct error *err)
{
    struct form_run run = {json_array(), row->revision};

    json_object_set_new(json, "forms", run.list);
    return db_form_list(db, row->number, form_each, &run, err);
}

static bool
set_payment(struct db *db, const struct db_case *row, json_t *json,
            struct error *err)
{
    struct db_payment payment = {0};
    bool is_there = false;

    if (!db_payment_of_case(db, row->number, false, &payment, &is_there, err))
        return false;
    if (is_there) {
        json_object_set_new(json, "payment", payment_json(&payment));
        db_payment_clear(&payment);
    }
    return true;
}

static bool
certificate_each(const struct db_result *row, void *arg, struct error *err)
{
    struct db_holder holder;
    json_t *one;

    if (!db_holder_read(row, 0, &holder, err))
        return false;
    if (holder.pair != 1)
        return true;
    one = json_object();
    json_set_text(one, "issuer", holder.issuer);
    json_set_hex(one, "serial", holder.serial, DB_HOLDER_SERIAL_LEN);
    json_set_time(one, "not_before", holder.not_before);
    json_set_time(one, "not_after", holder.not_after);
    json_set_text(one, "state", holder.state);
    json_object_set_new(one, "is_bound", json_boolean(holder.bound_at != 0));
    json_object_set_new(arg, "certificate", one);
    return true;
}

/* The remark of the last step that has one. */
static bool
remark_each(const struct db_result *row, void *arg, struct error *err)
{
    struct db_link link;
    json_t *body = NULL;
    json_t *detail;

    if (!db_link_read(row, 0, &link, err) ||
        !json_parse_object(link.body, link.body_len, &body, err))
        return false;
    if (json_object_get(body, "remark") != NULL) {
        json_object_set(arg, "remark", json_object_get(body, "remark"));
        json_object_del(arg, "remarks");
        detail = json_object_get(body, "detail");
        if (json_object_get(detail, "remarks") != NULL)
            json_object_set(arg, "remarks", json_object_get(detail, "remarks"));
    }
    json_decref(body);
    return true;
}

static bool
set_list(json_t *json, const char *name, json_t *take_list)
{
    return json_object_set_new(json, name, take_list) == 0;
}

static bool
set_proof(struct db *db, const struct db_case *row,
          const struct definition *definition, json_t *json, struct error *err)
{
    bool is_proved;

    if (!definition->wants_device_proof)
        return true;
    if (!client_is_proved(db, row->number, &is_proved, err))
        return false;
    json_object_set_new(json, "is_proved", json_boolean(is_proved));
    return true;
}

/* Why the CA refused an order is the officers' affair. */
static bool
set_old_keys(struct db *db, const struct db_case *row, unsigned actors,
             json_t *json, struct error *err)
{
    json_t *old_keys = NULL;

    if (!old_keys_json(db, row, &old_keys, err))
        return false;
    if (old_keys == NULL)
        return true;
    if ((actors & 1u << CASE_BY_APPLICANT) != 0)
        json_object_del(old_keys, "problem");
    json_object_set_new(json, "old_keys", old_keys);
    return true;
}

bool
case_whole_json(const struct business *business, struct db *db,
                const struct db_case *row, unsigned actors, json_t **out,
                struct error *err)
{
    const struct definition *definition;
    json_t *json = case_json(row, actors);
    json_t *fields = NULL;
    json_t *papers = NULL;
    json_t *shipments = NULL;

    if (definition_of(business->definitions, row->business, &definition, err) &&
        case_fields_read(business, db, row->number, &fields, err) &&
        json_object_set(json, "fields", fields) == 0 &&
        set_slots(db, row, definition, fields, json, err) &&
        set_forms(db, row, json, err) && set_payment(db, row, json, err) &&
        intake_papers_json(db, row->number, &papers, err) &&
        set_list(json, "papers", papers) &&
        shipment_list_json(db, row->number, &shipments, err) &&
        set_list(json, "shipments", shipments) &&
        set_proof(db, row, definition, json, err) &&
        set_old_keys(db, row, actors, json, err) &&
        db_link_list(db, row->number, remark_each, json, err) &&
        db_holder_of_case(db, row->number, certificate_each, json, err)) {
        json_decref(fields);
        *out = json;
        return true;
    }
    json_decref(fields);
    json_decref(json);
    return false;
}

/* ---- The time line ---------------------------------------------------------
 */

struct timeline_run {
    json_t *steps;
    bool is_officer;
};

/* What officers do among themselves is not the applicant's. */
static bool
is_shown(const char *event)
{
    static const char *const internal[] = {
        "assigned",      "put-aside",        "resumed",
        "device-made",   "device-allocated", "device-personalised",
        "order-refused",
    };

    for (size_t i = 0; i < sizeof internal / sizeof internal[0]; i++)
        if (strcmp(event, internal[i]) == 0)
            return false;
    return true;
}

static bool
timeline_each(const struct db_result *row, void *arg, struct error *err)
{
    struct timeline_run *run = arg;
    struct db_link link;
    json_t *body = NULL;
    json_t *one;
    json_t *detail;
    const char *event;
    bool ok = false;

    if (!db_link_read(row, 0, &link, err) ||
        !json_parse_object(link.body, link.body_len, &body, err) ||
        !json_get_text(body, "event", 64, &event, err))
        goto out;
    ok = true;
    if (!run->is_officer && !is_shown(event))
        goto out;
    one = json_object();
    json_object_set(one, "at", json_object_get(body, "at"));
    json_set_text(one, "event", event);
    json_object_set(one, "state",
                    json_object_get(body, json_object_get(body, "to") != NULL
                                              ? "to"
                                              : "state"));
    if (json_object_get(body, "role") != NULL)
        json_object_set(one, "role", json_object_get(body, "role"));
    if (json_object_get(body, "remark") != NULL)
        json_object_set(one, "remark", json_object_get(body, "remark"));
    detail = json_object_get(body, "detail");
    if (detail != NULL) {
        detail = json_copy(detail);
        if (!run->is_officer)
            json_object_del(detail, "checks");
        json_object_set_new(one, "detail", detail);
    }
    if (run->is_officer)
        json_object_set(one, "actor", json_object_get(body, "actor"));
    json_array_append_new(run->steps, one);
out:
    json_decref(body);
    return ok;
}

bool
case_timeline_json(struct db *db, const struct db_case *row, bool is_officer,
                   json_t **out, struct error *err)
{
    struct timeline_run run = {json_array(), is_officer};
    json_t *json = json_object();

    json_object_set_new(json, "steps", run.steps);
    if (!db_link_list(db, row->number, timeline_each, &run, err)) {
        json_decref(json);
        return false;
    }
    *out = json;
    return true;
}

static bool
history_each(const struct db_result *row, void *arg, struct error *err)
{
    struct db_link link;
    json_t *one;

    if (!db_link_read(row, 0, &link, err))
        return false;
    one = json_object();
    json_set_int(one, "seq", link.seq);
    json_set_bytes(one, "link", link.body, link.body_len);
    json_set_hex(one, "hash", link.hash, 32);
    json_array_append_new(arg, one);
    return true;
}

bool
case_history_json(struct db *db, const struct db_case *row, json_t **out,
                  struct error *err)
{
    json_t *json = json_object();
    json_t *history = json_array();

    json_set_text(json, "number", row->number);
    json_object_set_new(json, "history", history);
    if (!db_link_list(db, row->number, history_each, history, err)) {
        json_decref(json);
        return false;
    }
    *out = json;
    return true;
}

/* ---- For reviewers ---------------------------------------------------------
 */

static bool
decision_each(const struct db_result *row, void *arg, struct error *err)
{
    struct db_decided decided;
    json_t *one = NULL;

    if (!db_decided_read(row, 0, &decided, err) ||
        !json_parse_object(decided.decision, decided.decision_len, &one, err))
        return false;
    json_set_int(one, "round", decided.round);
    json_array_append_new(arg, one);
    return true;
}

/* The steps that this revision takes. */
static json_t *
steps_json(const struct definition *definition)
{
    json_t *steps = json_array();

    if (definition->reviews == 2)
        json_array_append_new(steps, json_string("entry"));
    if (definition->reviews >= 1)
        json_array_append_new(steps, json_string("first-review"));
    if (definition->reviews == 2)
        json_array_append_new(steps, json_string("second-review"));
    if (definition->sends_device)
        json_array_append_new(steps, json_string("making"));
    return steps;
}

static json_t *
checklist_json(const struct definition *definition, const json_t *fields)
{
    json_t *list = json_array();

    for (size_t i = 0; i < definition->slot_count; i++) {
        const struct definition_slot *slot = &definition->slot[i];
        json_t *one;
        json_t *items;

        if (slot->check_count == 0 || slot->is_internal ||
            !definition_when(slot->when, fields))
            continue;
        one = json_object();
        items = json_array();
        json_set_text(one, "slot", slot->name);
        for (size_t k = 0; k < slot->check_count; k++) {
            json_t *item = json_object();

            json_set_text(item, "zh", slot->check[k].in[0]);
            json_set_text(item, "en", slot->check[k].in[1]);
            json_array_append_new(items, item);
        }
        json_object_set_new(one, "items", items);
        json_array_append_new(list, one);
    }
    return list;
}

/* What a change changes, field by field, against the case that issued the
 * certificate. */
static bool
set_changes(const struct business *business, struct db *db,
            const struct db_case *row, const struct definition *definition,
            const json_t *fields, json_t *json, struct error *err)
{
    struct db_holder old = {0};
    json_t *before = NULL;
    json_t *changes = json_array();
    bool found = false;
    bool ok = false;

    json_object_set_new(json, "changes", changes);
    if (definition->business != BUSINESS_CHANGE ||
        row->predecessor_issuer == NULL)
        return true;
    if (!db_holder_get(db, row->predecessor_issuer, row->predecessor_serial,
                       &found, &old, err))
        return false;
    if (found && !case_fields_read(business, db, old.number, &before, err))
        goto out;
    ok = true;
    for (size_t i = 0; found && i < definition->field_count; i++) {
        const char *name = definition->field[i].name;
        const char *was = case_field_text(before, name);
        const char *is = case_field_text(fields, name);
        json_t *one;

        if (strcmp(was, is) == 0 || json_object_get(before, name) == NULL)
            continue;
        one = json_object();
        json_set_text(one, "field", name);
        json_set_text(one, "old", was);
        json_set_text(one, "new", is);
        json_array_append_new(changes, one);
    }
out:
    case_fields_free(before);
    db_holder_clear(&old);
    return ok;
}

/* What a maker signs for. */
static bool
set_device(struct db *db, const struct db_case *row, json_t *json,
           struct error *err)
{
    struct making_device device;
    json_t *one;

    if (!making_device(db, row, &device, err))
        return false;
    if (device.serial[0] == '\0' || !device.has_key)
        return true;
    one = json_object();
    json_set_text(one, "serial", device.serial);
    json_set_hex(one, "spki_sha256", device.spki_sha256, 32);
    json_set_text(one, "state", device_state_name(device.state));
    json_object_set_new(one, "is_signed", json_boolean(device.is_signed));
    json_object_set_new(json, "making_device", one);
    return true;
}

bool
case_review_json(const struct business *business, struct db *db,
                 const struct db_case *row, unsigned actors, json_t **out,
                 struct error *err)
{
    const struct definition *definition;
    json_t *json = NULL;
    json_t *order = NULL;
    json_t *findings = NULL;
    json_t *decisions = json_array();
    const json_t *fields;
    bool ok = false;

    if (row->order_id == NULL) {
        error_set(err, ERROR_CONFLICT, "this case was not submitted yet");
        goto out;
    }
    if (!definition_of(business->definitions, row->business, &definition,
                       err) ||
        !case_whole_json(business, db, row, actors, &json, err) ||
        !json_parse_object(row->order_body, row->order_body_len, &order, err) ||
        !finding_list(db, row->number, &findings, err) ||
        !db_decided_list(db, row->number, row->revision, false, decision_each,
                         decisions, err))
        goto out;
    fields = json_object_get(json, "fields");
    json_object_set(json, "order", order);
    json_set_hex(json, "digest", row->order_digest, 32);
    json_set_text(json, "order_id", row->order_id);
    if (row->held_until != 0)
        json_set_time(json, "held_until", row->held_until);
    if (row->assigned_to != NULL)
        json_set_text(json, "assigned_to", row->assigned_to);
    json_object_set_new(json, "steps", steps_json(definition));
    json_object_set(json, "decisions", decisions);
    json_object_set(json, "findings", findings);
    json_object_set_new(json, "checklist", checklist_json(definition, fields));
    ok = set_changes(business, db, row, definition, fields, json, err) &&
         set_device(db, row, json, err);
out:
    json_decref(order);
    json_decref(findings);
    json_decref(decisions);
    if (ok)
        *out = json;
    else
        json_decref(json);
    return ok;
}
