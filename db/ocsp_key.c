/* Rows of ca.ocsp_key; see db/ocsp_key.h. */
#include "db/ocsp_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/sql_ca.h"

bool
db_ocsp_key_insert(struct db *db, const struct db_ocsp_key *key,
                   struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_int32(&p, key->issuer_id);
    db_bind_bytes(&p, key->key_id, key->key_id_len);
    db_bind_text(&p, key->scheme);
    db_bind_bytes(&p, key->spki, key->spki_len);
    return db_exec(db, DB_OCSP_KEY_INSERT, &p, &changed, err) ||
           error_wrap(err, "add an OCSP key");
}

static bool
read_key(const struct db_result *r, size_t row, struct db_ocsp_key *out,
         struct error *err)
{
    const uint8_t *id, *spki, *serial;
    const char *scheme, *order_id;
    size_t serial_len;

    if (!db_read_int32(r, row, 0, &out->issuer_id, err) ||
        !db_read_bytes(r, row, 1, &id, &out->key_id_len, err) ||
        !db_read_text(r, row, 2, &scheme, err) ||
        !db_read_bytes(r, row, 3, &spki, &out->spki_len, err))
        return false;
    if (out->key_id_len > sizeof out->key_id ||
        out->spki_len > sizeof out->spki)
        return error_set(err, ERROR_INTERNAL, "an OCSP key is too long");
    memcpy(out->key_id, id, out->key_id_len);
    memcpy(out->spki, spki, out->spki_len);
    (void)snprintf(out->scheme, sizeof out->scheme, "%s", scheme);
    out->has_certificate = !db_is_null(r, row, 4);
    if (!out->has_certificate)
        return true;
    if (!db_read_text(r, row, 4, &order_id, err) ||
        !db_read_bytes(r, row, 5, &serial, &serial_len, err) ||
        !db_read_bool(r, row, 6, &out->is_intended, err) ||
        !db_read_int64(r, row, 7, &out->not_before, err) ||
        !db_read_int64(r, row, 8, &out->not_after, err))
        return false;
    if (serial_len != sizeof out->serial)
        return error_set(err, ERROR_INTERNAL, "a serial is no serial");
    memcpy(out->serial, serial, serial_len);
    (void)snprintf(out->order_id, sizeof out->order_id, "%s", order_id);
    return true;
}

bool
db_ocsp_key_list(struct db *db, struct db_ocsp_key **out, size_t *count,
                 struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct db_ocsp_key *keys = NULL;
    size_t i;
    bool ok = false;

    if (!db_query(db, DB_OCSP_KEY_LIST, &p, &r, err))
        return error_wrap(err, "list the OCSP keys");
    keys = base_alloc((db_rows(r) + 1) * sizeof *keys);
    for (i = 0; i < db_rows(r); i++)
        if (!read_key(r, i, &keys[i], err))
            goto out;
    *out = keys;
    *count = db_rows(r);
    keys = NULL;
    ok = true;
out:
    free(keys);
    db_result_free(r);
    return ok;
}
