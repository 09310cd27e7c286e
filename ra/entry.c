/* The RA's entries of the log: ra/entry.h. */
#include "ra/entry.h"

#include <openssl/evp.h>

#include "base/json.h"

enum { ENTRY_MAX = 64 * 1024 };

/* Completes the body with what every entry has, and appends it. Takes json. */
static bool
append(struct db *db, json_t *take_json, const char *event, const char *subject,
       int64_t at, struct error *err)
{
    struct buf octets = BUF_INIT(ENTRY_MAX);
    struct db_entry entry = {.at = at, .event = event, .subject = subject};
    size_t len = 0;
    int64_t index;
    bool ok = false;

    json_set_time(take_json, "at", at);
    json_set_text(take_json, "event", event);
    json_set_text(take_json, "subject", subject);
    /* A leaf of the tree: RFC 6962, 2.1. The 0x00 is in front of the body. */
    buf_add_byte(&octets, 0x00);
    if (!json_canonical(take_json, &octets, err))
        goto out;
    if (EVP_Q_digest(NULL, "SHA256", NULL, octets.data, octets.len, entry.hash,
                     &len) != 1) {
        error_openssl(err, ERROR_INTERNAL, "hash of an entry");
        goto out;
    }
    entry.body = octets.data + 1;
    entry.body_len = octets.len - 1;
    ok = db_entry_append(db, &entry, 1, &index, err);
out:
    buf_clear(&octets);
    json_decref(take_json);
    return ok;
}

bool
entry_account(struct db *db, const char *account, const char *officer_id,
              int64_t at, struct error *err)
{
    json_t *json = json_object();

    json_set_text(json, "officer_id", officer_id);
    return append(db, json, "account.created", account, at, err);
}

bool
entry_unit(struct db *db, const char *account, bool is_new, int revision,
           const uint8_t record_hash[32], int64_t at, struct error *err)
{
    json_t *json = json_object();

    json_set_text(json, "actor", "platform");
    json_set_int(json, "revision", revision);
    json_set_hex(json, "record_hash", record_hash, 32);
    return append(db, json, is_new ? "account.created" : "account.changed",
                  account, at, err);
}
