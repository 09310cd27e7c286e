/* Rows of ra.data_key; see db/vault.h. */
#include "db/vault.h"

#include <string.h>

#include "db/sql_ra.h"

bool
db_data_key_add(struct db *db, const struct db_data_key *key, int64_t at,
                bool *is_added, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_int32(&p, key->id);
    db_bind_bytes(&p, key->kek_id, key->kek_id_len);
    db_bind_bytes(&p, key->wrapped, key->wrapped_len);
    db_bind_time(&p, at);
    if (!db_exec(db, DB_RA_DATA_KEY_ADD, &p, &changed, err))
        return error_wrap(err, "add data key %d", (int)key->id);
    *is_added = changed == 1;
    return true;
}

static bool
data_key_read(const struct db_result *r, size_t row, struct db_data_key *out,
              struct error *err)
{
    const uint8_t *kek_id, *wrapped;

    if (!db_read_int32(r, row, 0, &out->id, err) ||
        !db_read_bytes(r, row, 1, &kek_id, &out->kek_id_len, err) ||
        !db_read_bytes(r, row, 2, &wrapped, &out->wrapped_len, err))
        return false;
    if (out->kek_id_len > sizeof out->kek_id ||
        out->wrapped_len > sizeof out->wrapped)
        return error_set(err, ERROR_INTERNAL, "data key %d is too long",
                         (int)out->id);
    memcpy(out->kek_id, kek_id, out->kek_id_len);
    memcpy(out->wrapped, wrapped, out->wrapped_len);
    return true;
}

bool
db_data_key_list(struct db *db, struct db_data_key *out, size_t *count,
                 struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = true;

    if (!db_query(db, DB_RA_DATA_KEY_LIST, &p, &r, err))
        return error_wrap(err, "list data keys");
    *count = db_rows(r);
    if (*count > DB_DATA_KEYS_MAX)
        ok = error_set(err, ERROR_INTERNAL, "there are %zu data keys", *count);
    for (size_t i = 0; ok && i < *count; i++)
        ok = data_key_read(r, i, &out[i], err);
    db_result_free(r);
    return ok;
}
