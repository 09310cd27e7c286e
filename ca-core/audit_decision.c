/* Decisions in entries of the log; see ca-core/audit_decision.h. */
#include "ca-core/audit_decision.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

enum { KEYS_MAX = 64 };

struct audit_keys {
    struct decision_key at[KEYS_MAX]; /* of certificates */
    size_t next;                      /* to be replaced */
};

struct audit_keys *
audit_keys_new(void)
{
    return base_alloc(sizeof(struct audit_keys));
}

void
audit_keys_free(struct audit_keys *keys)
{
    if (keys == NULL)
        return;
    for (size_t i = 0; i < KEYS_MAX; i++)
        decision_key_clear(&keys->at[i]);
    free(keys);
}

bool
audit_decision_key(const json_t *decision, struct decision_key *out,
                   struct error *err)
{
    struct buf certificate = BUF_INIT(API_CERTIFICATE_MAX);
    struct api_credential credential = {.kind = API_CREDENTIAL_X509};
    void *owned[3] = {NULL};
    json_t *passkey;
    bool ok;

    memset(out, 0, sizeof *out);
    if (!json_find_object(decision, "credential", &passkey, err))
        return false;
    if (passkey != NULL) {
        ok = api_credential_parse(passkey, &credential, owned, err);
    } else {
        ok = json_get_bytes(decision, "certificate", API_CERTIFICATE_MAX,
                            &certificate, err);
        credential.certificate = certificate.data;
        credential.certificate_len = certificate.len;
    }
    ok = ok && decision_key_make(&credential, out, err);
    for (size_t i = 0; i < 3; i++)
        free(owned[i]);
    buf_clear(&certificate);
    return ok;
}

static bool
is_passkey(const json_t *decision)
{
    return json_object_get(decision, "credential") != NULL;
}

/* The certificate is the one named: its digest says so. */
static bool
check_certificate(const json_t *decision, const uint8_t id[32],
                  struct error *err)
{
    struct buf certificate = BUF_INIT(API_CERTIFICATE_MAX);
    uint8_t digest[HASH_LEN];
    bool ok = json_get_bytes(decision, "certificate", API_CERTIFICATE_MAX,
                             &certificate, err) &&
              hash_sha256(buf_text(&certificate), certificate.len, digest, err);

    if (ok && memcmp(digest, id, sizeof digest) != 0)
        ok = error_set(err, ERROR_INPUT,
                       "\"certificate\" is not the one of "
                       "\"credential_id\"");
    buf_clear(&certificate);
    return ok;
}

/* The key of the credential, which must be the one named. Borrowed until the
 * next call. */
static bool
get_key(struct audit_keys *keys, const json_t *decision, const uint8_t id[32],
        const struct decision_key **out, struct error *err)
{
    struct decision_key *slot = &keys->at[keys->next];

    /* The id of a passkey says nothing of its key: those are not kept. */
    if (!is_passkey(decision)) {
        if (!check_certificate(decision, id, err))
            return false;
        for (size_t i = 0; i < KEYS_MAX; i++)
            if (keys->at[i].key != NULL && keys->at[i].origin == NULL &&
                memcmp(keys->at[i].id, id, 32) == 0) {
                *out = &keys->at[i];
                return true;
            }
        keys->next = (keys->next + 1) % KEYS_MAX;
    }
    decision_key_clear(slot);
    if (!audit_decision_key(decision, slot, err))
        return false;
    *out = slot;
    return memcmp(slot->id, id, 32) == 0 ||
           error_set(err, ERROR_INPUT,
                     "\"credential\" is not the one of \"credential_id\"");
}

bool
audit_decision_parse(const json_t *json, struct api_decision *out,
                     struct error *err)
{
    json_t *bare = json_copy((json_t *)(uintptr_t)json);
    bool ok;

    (void)json_object_del(bare, "statement");
    (void)json_object_del(bare, "certificate");
    (void)json_object_del(bare, "credential");
    ok = api_decision_parse(bare, out, err);
    json_decref(bare);
    return ok;
}

static bool
check_one(struct audit_keys *keys, const json_t *json, const char *order_id,
          const uint8_t digest[32], struct error *err)
{
    struct buf statement = BUF_INIT(API_STATEMENT_MAX);
    const struct decision_key *key;
    struct api_decision decision;
    struct api_verifier verifier;
    const char *text;
    bool ok = false;

    if (!json_is_object(json))
        return error_set(err, ERROR_INPUT, "no object");
    if (!audit_decision_parse(json, &decision, err) ||
        !json_get_text(json, "statement", API_STATEMENT_MAX, &text, err) ||
        !api_statement_encode(&decision, order_id, digest, &statement, err) ||
        !get_key(keys, json, decision.credential_id, &key, err))
        goto out;
    if (strcmp(text, buf_text(&statement)) != 0) {
        error_set(err, ERROR_INPUT, "\"statement\" is not one over this order");
        goto out;
    }
    verifier = decision_key_verifier(key);
    ok = api_decision_verify(&decision, order_id, digest, &verifier, err);
out:
    buf_clear(&statement);
    return ok;
}

/* The digest that stands there is that of the order which stands there; what
 * was signed is that order, or the one that it has pending. */
static bool
get_order(const json_t *entry, const char **order_id, uint8_t digest[32],
          struct error *err)
{
    char hex[65];
    const char *named;
    json_t *order, *pending;

    if (!json_get_object(entry, "order", &order, err) ||
        !json_get_text(entry, "digest", 64, &named, err) ||
        !json_find_object(order, "pending", &pending, err) ||
        !json_digest(order, digest, err))
        return false;
    text_hex(digest, 32, hex);
    if (strcmp(hex, named) != 0)
        return error_set(err, ERROR_INPUT,
                         "\"digest\" is not that of the order");
    if (pending != NULL && !json_digest(pending, digest, err))
        return false;
    return json_get_text(pending != NULL ? pending : order, "order_id",
                         TEXT_UUID_LEN, order_id, err);
}

bool
audit_decisions_check(struct audit_keys *keys, const json_t *entry,
                      int64_t *checked, struct error *err)
{
    const json_t *event = json_object_get(entry, "event");
    const char *order_id;
    uint8_t digest[32];
    json_t *decisions;

    if (!json_find_array(entry, "decisions", &decisions, err))
        return false;
    if (json_array_size(decisions) == 0)
        return !json_is_string(event) ||
               strcmp(json_string_value(event), "order.accepted") != 0 ||
               error_set(err, ERROR_DENIED, "accepted without a decision");
    if (!get_order(entry, &order_id, digest, err))
        return false;
    for (size_t i = 0; i < json_array_size(decisions); i++) {
        if (!check_one(keys, json_array_get(decisions, i), order_id, digest,
                       err))
            return error_wrap(err, "decisions[%zu]", i);
        ++*checked;
    }
    return true;
}
