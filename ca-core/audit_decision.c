/* Decisions in entries of the log; see ca-core/audit_decision.h. */
#include "ca-core/audit_decision.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/hash.h"
#include "base/text.h"
#include "ca-core/decision.h"

enum { KEYS_MAX = 64, STATEMENT_MAX = 4096 };

struct audit_keys {
    struct {
        uint8_t id[32]; /* SHA-256 of the certificate */
        EVP_PKEY *key;
    } at[KEYS_MAX];
    size_t next; /* to be replaced */
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
        EVP_PKEY_free(keys->at[i].key);
    free(keys);
}

/* The key in a certificate that must be the one named. Borrowed until the next
 * call. */
static bool
get_key(struct audit_keys *keys, const json_t *decision, const uint8_t id[32],
        EVP_PKEY **out, struct error *err)
{
    struct buf certificate = BUF_INIT(API_CERTIFICATE_MAX);
    int64_t not_before, not_after;
    EVP_PKEY *key = NULL;
    uint8_t got[32], digest[32];
    bool ok = false;

    if (!json_get_bytes(decision, "certificate", API_CERTIFICATE_MAX,
                        &certificate, err))
        goto out;
    if (!hash_sha256(buf_text(&certificate), certificate.len, digest, err))
        goto out;
    if (memcmp(digest, id, sizeof digest) != 0) {
        error_set(err, ERROR_INPUT,
                  "\"certificate\" is not the one of \"credential_id\"");
        goto out;
    }
    for (size_t i = 0; i < KEYS_MAX; i++)
        if (keys->at[i].key != NULL && memcmp(keys->at[i].id, id, 32) == 0) {
            *out = keys->at[i].key;
            ok = true;
            goto out;
        }
    if (!decision_credential_read(certificate.data, certificate.len, &key, got,
                                  &not_before, &not_after, err))
        goto out;
    EVP_PKEY_free(keys->at[keys->next].key);
    keys->at[keys->next].key = key;
    memcpy(keys->at[keys->next].id, id, 32);
    keys->next = (keys->next + 1) % KEYS_MAX;
    *out = key;
    ok = true;
out:
    buf_clear(&certificate);
    return ok;
}

bool
audit_decision_parse(const json_t *json, struct api_decision *out,
                     struct error *err)
{
    json_t *bare = json_copy((json_t *)(uintptr_t)json);
    bool ok;

    (void)json_object_del(bare, "statement");
    (void)json_object_del(bare, "certificate");
    ok = api_decision_parse(bare, out, err);
    json_decref(bare);
    return ok;
}

static bool
check_one(struct audit_keys *keys, const json_t *json, const char *order_id,
          const uint8_t digest[32], struct error *err)
{
    struct buf statement = BUF_INIT(STATEMENT_MAX);
    struct api_decision decision = {0};
    const char *text;
    EVP_PKEY *key;
    bool ok = false;

    if (!json_is_object(json))
        return error_set(err, ERROR_INPUT, "no object");
    if (!audit_decision_parse(json, &decision, err) ||
        !json_get_text(json, "statement", STATEMENT_MAX, &text, err) ||
        !api_statement_encode(&decision, order_id, digest, &statement, err) ||
        !get_key(keys, json, decision.credential_id, &key, err))
        goto out;
    if (strcmp(text, buf_text(&statement)) != 0) {
        error_set(err, ERROR_INPUT, "\"statement\" is not one over this order");
        goto out;
    }
    ok = decision_check_signature(&decision, order_id, digest, key, err);
out:
    buf_clear(&statement);
    return ok;
}

/* The digest that was signed is that of the order which stands there. */
static bool
get_order(const json_t *entry, const char **order_id, uint8_t digest[32],
          struct error *err)
{
    char hex[65];
    const char *named;
    json_t *order;

    if (!json_get_object(entry, "order", &order, err) ||
        !json_get_text(order, "order_id", TEXT_UUID_LEN, order_id, err) ||
        !json_get_text(entry, "digest", 64, &named, err) ||
        !json_digest(order, digest, err))
        return false;
    text_hex(digest, 32, hex);
    return strcmp(hex, named) == 0 ||
           error_set(err, ERROR_INPUT, "\"digest\" is not that of the order");
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
