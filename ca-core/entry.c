/* Bodies of log entries; see ca-core/entry.h. */
#include "ca-core/entry.h"

#include <assert.h>

#include "ca-core/merkle.h"

bool
entry_build(int64_t at, const char *event, const char *subject,
            const json_t *members, struct buf *body, struct db_entry *out,
            struct error *err)
{
    json_t *json = members == NULL ? json_object()
                                   : json_copy((json_t *)(uintptr_t)members);
    bool ok;

    assert(json != NULL && body->len == 0);
    assert(json_object_get(json, "at") == NULL &&
           json_object_get(json, "event") == NULL &&
           json_object_get(json, "subject") == NULL);
    json_set_time(json, "at", at);
    json_set_text(json, "event", event);
    json_set_text(json, "subject", subject);
    *out = (struct db_entry){.at = at, .event = event, .subject = subject};
    ok = json_canonical(json, body, err) &&
         merkle_leaf(body->data, body->len, out->hash, err);
    out->body = body->data;
    out->body_len = body->len;
    json_decref(json);
    return ok || error_wrap(err, "entry %s of %s", event, subject);
}

bool
entry_append(struct db *db, int64_t at, const char *event, const char *subject,
             const json_t *members, int64_t *index, struct error *err)
{
    struct buf body = BUF_INIT(ENTRY_BODY_MAX);
    struct db_entry entry;
    bool ok = entry_build(at, event, subject, members, &body, &entry, err) &&
              db_entry_append(db, &entry, 1, index, err);

    buf_clear(&body);
    return ok;
}

bool
entry_decision_json(const struct api_decision *decision, const char *order_id,
                    const uint8_t digest[32], const uint8_t *credential,
                    size_t credential_len, json_t **out, struct error *err)
{
    struct buf statement = BUF_INIT(API_STATEMENT_MAX);
    json_t *json, *passkey = NULL;

    if (!api_statement_encode(decision, order_id, digest, &statement, err) ||
        (decision->client_data_len > 0 &&
         !json_parse_object(credential, credential_len, &passkey, err))) {
        buf_clear(&statement);
        return false;
    }
    json = api_decision_json(decision);
    json_set_text(json, "statement", buf_text(&statement));
    if (passkey != NULL)
        json_object_set_new(json, "credential", passkey);
    else
        json_set_bytes(json, "certificate", credential, credential_len);
    buf_clear(&statement);
    *out = json;
    return true;
}
