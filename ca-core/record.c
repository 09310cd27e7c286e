/* Entries of the log about orders; see ca-core/record.h. */
#include "ca-core/record.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hsm/scheme.h"

static bool
hash(const void *data, size_t len, uint8_t out[32], struct error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned got = 0;
    bool ok;

    if (context == NULL)
        abort();
    ok = EVP_DigestInit_ex(context, hsm_scheme_digest(HSM_ECDSA_SHA256),
                           NULL) == 1 &&
         EVP_DigestUpdate(context, data, len) == 1 &&
         EVP_DigestFinal_ex(context, out, &got) == 1 && got == 32;
    EVP_MD_CTX_free(context);
    return ok || error_openssl(err, ERROR_INTERNAL, "SHA-256");
}

bool
record_make(struct record *out, json_t *take_members, const char *event,
            const char *subject, int64_t at, struct error *err)
{
    bool ok;

    memset(out, 0, sizeof *out);
    out->body.limit = ENTRY_BODY_MAX;
    (void)snprintf(out->event, sizeof out->event, "%s", event);
    (void)snprintf(out->subject, sizeof out->subject, "%s", subject);
    ok = entry_build(at, out->event, out->subject, take_members, &out->body,
                     &out->entry, err);
    json_decref(take_members);
    if (!ok)
        record_clear(out);
    return ok;
}

void
record_clear(struct record *record)
{
    buf_clear(&record->body);
}

/* The decisions as they were sent. */
static json_t *
presented(const struct api_envelope *envelope)
{
    json_t *array = json_array();

    for (size_t i = 0; i < envelope->decision_count; i++)
        json_array_append_new(array, api_decision_json(&envelope->decision[i]));
    return array;
}

/* The decisions with what was signed and who can be shown to have signed. */
static bool
verified(const struct api_envelope *envelope,
         const struct decision_evidence *evidence, json_t **out,
         struct error *err)
{
    const struct api_order *over;
    json_t *array, *object;
    uint8_t digest[32];

    if (!api_order_signed(envelope->order, &over, digest, err))
        return false;
    array = json_array();
    for (size_t i = 0; i < envelope->decision_count; i++) {
        const struct buf *credential = &evidence->credential[i];

        if (!entry_decision_json(&envelope->decision[i], over->order_id, digest,
                                 credential->data, credential->len, &object,
                                 err)) {
            json_decref(array);
            return false;
        }
        json_array_append_new(array, object);
    }
    *out = array;
    return true;
}

static json_t *
about_order(const struct api_envelope *envelope, const uint8_t digest[32],
            const char *requested_by)
{
    json_t *body = json_object();

    json_set_text(body, "order_id", envelope->order->order_id);
    json_set_text(body, "kind", api_kind_name(envelope->order->kind));
    json_set_hex(body, "digest", digest, 32);
    json_set_text(body, "requested_by", requested_by);
    return body;
}

bool
record_accepted(struct record *out, const struct api_envelope *envelope,
                const uint8_t digest[32],
                const struct decision_evidence *evidence,
                const char *requested_by, int64_t at, struct error *err)
{
    json_t *body, *decisions;

    if (!verified(envelope, evidence, &decisions, err))
        return false;
    body = about_order(envelope, digest, requested_by);
    if (envelope->completion.csr != NULL)
        api_completion_set(body, &envelope->completion);
    json_object_set(body, "order", envelope->order->json);
    json_object_set_new(body, "decisions", decisions);
    return record_make(out, body, "order.accepted", envelope->order->order_id,
                       at, err);
}

bool
record_refused(struct record *out, const struct api_envelope *envelope,
               const uint8_t digest[32], const char *requested_by,
               const struct error *why, int64_t at, struct error *err)
{
    json_t *body = about_order(envelope, digest, requested_by);

    json_object_set_new(body, "presented", presented(envelope));
    if (envelope->completion.csr != NULL)
        api_completion_set(body, &envelope->completion);
    json_set_text(body, "code", error_code_name(why->code));
    json_set_text(body, "why", why->what);
    return record_make(out, body, "order.refused", envelope->order->order_id,
                       at, err);
}

bool
record_failed(struct record *out, const char *order_id, const char *problem,
              int64_t at, struct error *err)
{
    json_t *body = json_object();

    json_set_text(body, "order_id", order_id);
    json_set_text(body, "why", problem);
    return record_make(out, body, "order.failed", order_id, at, err);
}

/* Certificates are known by their serials. */
static bool
make_for_serial(struct record *out, json_t *take_body, const char *event,
                const uint8_t *serial, int64_t at, struct error *err)
{
    char text[2 * DB_SERIAL_LEN + 1];

    text_hex(serial, DB_SERIAL_LEN, text);
    json_set_text(take_body, "serial", text);
    return record_make(out, take_body, event, text, at, err);
}

bool
record_issued(struct record *out, const struct record_issue *issue, int64_t at,
              struct error *err)
{
    uint8_t digest[32];
    json_t *body;

    if (!hash(issue->der, issue->der_len, digest, err))
        return false;
    body = json_object();
    json_set_text(body, "order_id", issue->order_id);
    json_set_text(body, "issuer", issue->issuer);
    json_set_text(body, "profile", issue->profile);
    json_set_hex(body, "sha256", digest, sizeof digest);
    if (issue->spki_sha256 != NULL)
        json_set_hex(body, "spki_sha256", issue->spki_sha256, 32);
    return make_for_serial(out, body, "certificate.issued", issue->serial, at,
                           err);
}

bool
record_changed(struct record *out, const char *order_id, const char *issuer,
               const struct db_certificate_change *change, int64_t at,
               struct error *err)
{
    const char *event = change->to == DB_CERTIFICATE_HELD ? "certificate.held"
                        : change->to == DB_CERTIFICATE_VALID
                            ? "certificate.released"
                            : "certificate.revoked";
    json_t *body = json_object();

    json_set_text(body, "order_id", order_id);
    json_set_text(body, "issuer", issuer);
    json_set_text(body, "from", db_certificate_state_name(change->from));
    if (change->reason >= 0)
        json_set_text(body, "reason",
                      api_reason_name((enum api_reason)change->reason));
    if (change->revoked_at != 0)
        json_set_time(body, "revoked_at", change->revoked_at);
    if (change->invalid_from != 0)
        json_set_time(body, "invalidity_date", change->invalid_from);
    return make_for_serial(out, body, event, change->serial, at, err);
}

bool
record_officer(struct record *out, const struct api_order *order, int64_t at,
               struct error *err)
{
    static const char *const events[] = {
        "officer.enrolled", "officer.dismissed", "officer.credential"};
    json_t *body = json_object();
    const char *officer_id = order->kind == API_ENROLL_OFFICER
                                 ? order->officer.officer_id
                                 : order->officer_id;

    json_set_text(body, "order_id", order->order_id);
    json_set_text(body, "officer_id", officer_id);
    /* With the credential: an auditor checks decisions by it. */
    if (order->kind == API_ENROLL_OFFICER)
        json_object_set(body, "officer",
                        json_object_get(order->json, "officer"));
    else if (order->kind == API_ENROLL_CREDENTIAL)
        json_object_set(body, "credential",
                        json_object_get(order->json, "credential"));
    return record_make(out, body, events[order->kind - API_ENROLL_OFFICER],
                       officer_id, at, err);
}

bool
record_append(struct db *db, const struct record *const *records, size_t count,
              int64_t *first, struct error *err)
{
    struct db_entry *entries = base_alloc(count * sizeof *entries);
    bool ok;

    assert(count > 0);
    for (size_t i = 0; i < count; i++)
        entries[i] = records[i]->entry;
    ok = db_entry_append(db, entries, count, first, err);
    free(entries);
    return ok;
}
