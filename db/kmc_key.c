/* Escrowed keys; see db/kmc_key.h. */
#include "db/kmc_key.h"

#include <stdlib.h>
#include <string.h>

#include "db/sql_kmc.h"

bool
db_kmc_recovery_key_insert(struct db *db, const struct db_kmc_recovery_key *key,
                           struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_bytes(&p, key->cka_id, key->cka_id_len);
    db_bind_bytes(&p, key->spki, key->spki_len);
    db_bind_time(&p, key->made_at);
    db_bind_bytes(&p, key->signature, key->signature_len);
    return db_exec(db, DB_KMC_RECOVERY_KEY_INSERT, &p, &changed, err) ||
           error_wrap(err, "add a recovery key");
}

static bool
read_recovery_key(const struct db_result *r, size_t row,
                  struct db_kmc_recovery_key *out, struct error *err)
{
    return db_read_int32(r, row, 0, &out->id, err) &&
           db_read_octets_up_to(r, row, 1, out->cka_id, sizeof out->cka_id,
                                &out->cka_id_len, err) &&
           db_read_octets_up_to(r, row, 2, out->spki, sizeof out->spki,
                                &out->spki_len, err) &&
           db_read_word(r, row, 3, out->state, sizeof out->state, err) &&
           db_read_time(r, row, 4, &out->made_at, err) &&
           db_read_octets_up_to(r, row, 5, out->signature,
                                sizeof out->signature, &out->signature_len,
                                err);
}

bool
db_kmc_recovery_key_list(struct db *db, struct db_kmc_recovery_key **out,
                         size_t *count, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct db_kmc_recovery_key *keys;
    bool ok = true;

    if (!db_query(db, DB_KMC_RECOVERY_KEY_LIST, &p, &r, err))
        return error_wrap(err, "list the recovery keys");
    keys = base_alloc((db_rows(r) + 1) * sizeof *keys);
    for (size_t i = 0; ok && i < db_rows(r); i++)
        ok = read_recovery_key(r, i, &keys[i], err);
    *count = db_rows(r);
    db_result_free(r);
    if (ok)
        *out = keys;
    else
        free(keys);
    return ok;
}

bool
db_kmc_recovery_key_count(struct db *db, struct db_kmc_recovery_key *keys,
                          size_t count, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = true;

    if (!db_query(db, DB_KMC_RECOVERY_KEY_COUNTS, &p, &r, err))
        return error_wrap(err, "count the keys under recovery keys");
    for (size_t i = 0; ok && i < db_rows(r); i++) {
        int64_t number;
        int32_t id;

        ok = db_read_int32(r, i, 0, &id, err) &&
             db_read_int64(r, i, 1, &number, err);
        for (size_t j = 0; ok && j < count; j++)
            if (keys[j].id == id)
                keys[j].key_count = number;
    }
    db_result_free(r);
    return ok;
}

bool
db_kmc_recovery_key_state(struct db *db, int32_t id, const char *from,
                          const char *to, bool *moved, struct error *err)
{
    struct db_params p = {0};
    int64_t changed = 0;

    db_bind_int32(&p, id);
    db_bind_text(&p, from);
    db_bind_text(&p, to);
    if (!db_exec(db, DB_KMC_RECOVERY_KEY_STATE, &p, &changed, err))
        return error_wrap(err, "move a recovery key");
    *moved = changed == 1;
    return true;
}

bool
db_kmc_key_insert(struct db *db, const struct db_kmc_key *key, bool *is_stale,
                  struct error *err)
{
    struct db_params p = {0};
    int64_t changed = 0;

    *is_stale = false;
    db_bind_text(&p, key->id);
    db_bind_text(&p, key->key_type);
    db_bind_bytes(&p, key->spki, key->spki_len);
    db_bind_bytes(&p, key->wrapped, key->wrapped_len);
    db_bind_bytes(&p, key->content_key, key->content_key_len);
    db_bind_int32(&p, key->recovery_key);
    db_bind_text(&p, key->ca);
    db_bind_text(&p, key->request_id);
    db_bind_text(&p, key->holder);
    db_bind_bytes(&p, key->transport_sha256, sizeof key->transport_sha256);
    db_bind_bytes(&p, key->delivery, key->delivery_len);
    db_bind_time(&p, key->made_at);
    db_bind_bytes(&p, key->signature, key->signature_len);
    if (!db_exec(db, DB_KMC_KEY_INSERT, &p, &changed, err))
        return error_wrap(err, "add an escrowed key");
    *is_stale = changed != 1;
    return !*is_stale || error_set(err, ERROR_CONFLICT,
                                   "its recovery key is not active any more");
}

static bool
read_key(const struct db_result *r, size_t row, struct db_kmc_key *out,
         struct error *err)
{
    *out = (struct db_kmc_key){0};
    return db_read_word(r, row, 0, out->id, sizeof out->id, err) &&
           db_read_word(r, row, 1, out->key_type, sizeof out->key_type, err) &&
           db_read_octets_up_to(r, row, 2, out->spki, sizeof out->spki,
                                &out->spki_len, err) &&
           db_read_octets_up_to(r, row, 3, out->wrapped, sizeof out->wrapped,
                                &out->wrapped_len, err) &&
           db_read_octets_up_to(r, row, 4, out->content_key,
                                sizeof out->content_key, &out->content_key_len,
                                err) &&
           db_read_int32(r, row, 5, &out->recovery_key, err) &&
           db_read_octets_up_to(r, row, 6, out->cka_id, sizeof out->cka_id,
                                &out->cka_id_len, err) &&
           db_read_word(r, row, 7, out->state, sizeof out->state, err) &&
           db_read_word(r, row, 8, out->ca, sizeof out->ca, err) &&
           db_read_word(r, row, 9, out->request_id, sizeof out->request_id,
                        err) &&
           db_read_word(r, row, 10, out->holder, sizeof out->holder, err) &&
           db_read_octets(r, row, 11, out->transport_sha256,
                          sizeof out->transport_sha256, err) &&
           (db_is_null(r, row, 12) ||
            db_read_octets_up_to(r, row, 12, out->delivery,
                                 sizeof out->delivery, &out->delivery_len,
                                 err)) &&
           db_read_time(r, row, 13, &out->made_at, err) &&
           db_read_time_null(r, row, 14, &out->retired_at, err) &&
           db_read_octets_up_to(r, row, 15, out->signature,
                                sizeof out->signature, &out->signature_len,
                                err);
}

static bool
find_key(struct db *db, size_t statement, struct db_params *p, bool *is_there,
         struct db_kmc_key *out, struct error *err)
{
    struct db_result *r = NULL;
    bool ok;

    if (!db_query(db, statement, p, &r, err))
        return error_wrap(err, "find an escrowed key");
    *is_there = db_rows(r) == 1;
    ok = !*is_there || read_key(r, 0, out, err);
    db_result_free(r);
    return ok;
}

bool
db_kmc_key_by_request(struct db *db, const char *ca, const char *request_id,
                      bool *is_there, struct db_kmc_key *out, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, ca);
    db_bind_text(&p, request_id);
    return find_key(db, DB_KMC_KEY_BY_REQUEST, &p, is_there, out, err);
}

bool
db_kmc_key_get(struct db *db, const char *id, struct db_kmc_key *out,
               struct error *err)
{
    struct db_params p = {0};
    bool is_there;

    db_bind_text(&p, id);
    return find_key(db, DB_KMC_KEY_GET, &p, &is_there, out, err) &&
           (is_there ||
            error_set(err, ERROR_NOT_FOUND, "no escrowed key %s", id));
}

static bool
list_keys(struct db *db, size_t statement, struct db_params *p,
          struct db_kmc_key **out, size_t *count, struct error *err)
{
    struct db_result *r = NULL;
    struct db_kmc_key *keys;
    bool ok = true;

    if (!db_query(db, statement, p, &r, err))
        return error_wrap(err, "list escrowed keys");
    keys = base_alloc((db_rows(r) + 1) * sizeof *keys);
    for (size_t i = 0; ok && i < db_rows(r); i++) {
        struct error why = {0};

        if (read_key(r, i, &keys[i], &why))
            continue;
        keys[i] = (struct db_kmc_key){0};
        ok = db_read_word(r, i, 0, keys[i].id, sizeof keys[i].id, err);
    }
    *count = db_rows(r);
    db_result_free(r);
    if (ok)
        *out = keys;
    else
        free(keys);
    return ok;
}

bool
db_kmc_key_page(struct db *db, int32_t recovery_key, const char *after,
                int64_t max, struct db_kmc_key **out, size_t *count,
                struct error *err)
{
    struct db_params p = {0};

    db_bind_int32(&p, recovery_key);
    db_bind_text(&p, after);
    db_bind_int64(&p, max);
    return list_keys(db, DB_KMC_KEY_PAGE, &p, out, count, err);
}

bool
db_kmc_key_by_holder(struct db *db, const char *ca, const char *holder,
                     struct db_kmc_key **out, size_t *count, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, ca);
    db_bind_text(&p, holder);
    return list_keys(db, DB_KMC_KEY_BY_HOLDER, &p, out, count, err);
}

bool
db_kmc_key_rewrapped(struct db *db, const struct db_kmc_key *key, int32_t from,
                     struct error *err)
{
    struct db_params p = {0};
    int64_t changed = 0;

    db_bind_text(&p, key->id);
    db_bind_int32(&p, from);
    db_bind_int32(&p, key->recovery_key);
    db_bind_bytes(&p, key->content_key, key->content_key_len);
    db_bind_bytes(&p, key->signature, key->signature_len);
    if (!db_exec(db, DB_KMC_KEY_REWRAPPED, &p, &changed, err))
        return error_wrap(err, "key %s", key->id);
    return changed == 1 ||
           error_set(err, ERROR_CONFLICT, "key %s is not under recovery key %d",
                     key->id, from);
}

static bool
change_one(struct db *db, size_t statement, struct db_params *p, bool *changed,
           struct error *err)
{
    int64_t count = 0;

    if (!db_exec(db, statement, p, &count, err))
        return error_wrap(err, "escrowed key");
    *changed = count == 1;
    return true;
}

bool
db_kmc_key_retire(struct db *db, const char *id, const char *ca, int64_t at,
                  bool *changed, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, id);
    db_bind_text(&p, ca);
    db_bind_time(&p, at);
    return change_one(db, DB_KMC_KEY_RETIRE, &p, changed, err);
}

bool
db_kmc_key_received(struct db *db, const char *id, const char *ca,
                    bool *changed, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, id);
    db_bind_text(&p, ca);
    return change_one(db, DB_KMC_KEY_RECEIVED, &p, changed, err);
}

bool
db_kmc_key_counts(struct db *db, db_kmc_key_count *each, void *arg,
                  struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = true;

    if (!db_query(db, DB_KMC_KEY_COUNTS, &p, &r, err))
        return error_wrap(err, "count the escrowed keys");
    for (size_t i = 0; ok && i < db_rows(r); i++) {
        const char *ca, *type, *state;
        int64_t count;

        ok = db_read_text(r, i, 0, &ca, err) &&
             db_read_text(r, i, 1, &type, err) &&
             db_read_text(r, i, 2, &state, err) &&
             db_read_int64(r, i, 3, &count, err);
        if (ok)
            each(ca, type, state, count, arg);
    }
    db_result_free(r);
    return ok;
}
