/* Rows of ca.log_key; see db/log_key.h. */
#include "db/log_key.h"

#include <stdio.h>
#include <string.h>

#include "db/sql_ca.h"

bool
db_log_key_insert(struct db *db, const struct db_log_key *key,
                  struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_bytes(&p, key->key_id, key->key_id_len);
    db_bind_text(&p, key->scheme);
    db_bind_bytes(&p, key->spki, key->spki_len);
    return db_exec(db, DB_LOG_KEY_INSERT, &p, &changed, err) ||
           error_wrap(err, "add a log key");
}

bool
db_log_key_get(struct db *db, struct db_log_key *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    const uint8_t *id, *spki;
    const char *scheme;
    bool ok = false;

    if (!db_query(db, DB_LOG_KEY_LIST, &p, &r, err))
        return error_wrap(err, "get the log key");
    if (db_rows(r) == 0) {
        error_set(err, ERROR_NOT_FOUND, "there is no log key");
        goto out;
    }
    if (db_rows(r) > 1) {
        error_set(err, ERROR_INTERNAL, "there are %zu active log keys",
                  db_rows(r));
        goto out;
    }
    if (!db_read_bytes(r, 0, 0, &id, &out->key_id_len, err) ||
        !db_read_text(r, 0, 1, &scheme, err) ||
        !db_read_bytes(r, 0, 2, &spki, &out->spki_len, err))
        goto out;
    if (out->key_id_len > sizeof out->key_id ||
        out->spki_len > sizeof out->spki) {
        error_set(err, ERROR_INTERNAL, "the log key is too long");
        goto out;
    }
    memcpy(out->key_id, id, out->key_id_len);
    memcpy(out->spki, spki, out->spki_len);
    (void)snprintf(out->scheme, sizeof out->scheme, "%s", scheme);
    ok = true;
out:
    db_result_free(r);
    return ok;
}
