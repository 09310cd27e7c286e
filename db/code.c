/* Codes that a person types: db/code.h. */
#include "db/code.h"

#include "db/sql_ra.h"

static void
bind_hash_or_null(struct db_params *p, const uint8_t *hash)
{
    if (hash == NULL)
        db_bind_null(p);
    else
        db_bind_bytes(p, hash, DB_CODE_HASH_LEN);
}

static bool
lock_recent(struct db *db, const char *number, const char *purpose,
            const uint8_t *destination, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;

    db_bind_text(&p, number);
    db_bind_text(&p, purpose);
    bind_hash_or_null(&p, destination);
    if (!db_query(db, DB_RA_CODE_LOCK, &p, &r, err))
        return false;
    db_result_free(r);
    return true;
}

bool
db_code_recent(struct db *db, const char *number, const char *purpose,
               const uint8_t *destination, int nth, int64_t since,
               int64_t *last_at, int64_t *nth_at, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    if (!lock_recent(db, number, purpose, destination, err))
        return error_wrap(err, "codes of %s", number);
    db_bind_text(&p, number);
    db_bind_text(&p, purpose);
    bind_hash_or_null(&p, destination);
    db_bind_time(&p, since);
    db_bind_int32(&p, nth - 1);
    if (!db_query(db, DB_RA_CODE_RECENT, &p, &r, err))
        return error_wrap(err, "codes of %s", number);
    ok = db_read_time_null(r, 0, 0, last_at, err) &&
         db_read_time_null(r, 0, 1, nth_at, err);
    db_result_free(r);
    return ok;
}

bool
db_code_add(struct db *db, const struct db_code *code, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, code->number);
    db_bind_text(&p, code->purpose);
    if (!db_exec(db, DB_RA_CODE_VOID, &p, &changed, err))
        return error_wrap(err, "codes of %s", code->number);
    db_bind_text(&p, code->id);
    db_bind_text(&p, code->number);
    db_bind_text(&p, code->purpose);
    db_bind_bytes(&p, code->hash, DB_CODE_HASH_LEN);
    bind_hash_or_null(&p, code->destination);
    db_bind_time(&p, code->expires_at);
    db_bind_int32(&p, code->tries);
    db_bind_time(&p, code->made_at);
    return db_exec(db, DB_RA_CODE_ADD, &p, &changed, err) ||
           error_wrap(err, "code of %s", code->number);
}

bool
db_code_take(struct db *db, const char *number, const char *purpose, int64_t at,
             bool *is_found, uint8_t hash[DB_CODE_HASH_LEN], char id[37],
             struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_text(&p, number);
    db_bind_text(&p, purpose);
    db_bind_time(&p, at);
    if (!db_query(db, DB_RA_CODE_TAKE, &p, &r, err))
        return error_wrap(err, "code of %s", number);
    *is_found = db_rows(r) == 1;
    ok = !*is_found || (db_read_word(r, 0, 0, id, 37, err) &&
                        db_read_octets(r, 0, 1, hash, DB_CODE_HASH_LEN, err));
    db_result_free(r);
    return ok;
}

bool
db_code_give_back(struct db *db, const char *id, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, id);
    return db_exec(db, DB_RA_CODE_GIVE_BACK, &p, &changed, err);
}

bool
db_code_spend(struct db *db, const char *number, const char *purpose,
              int64_t at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, number);
    db_bind_text(&p, purpose);
    db_bind_time(&p, at);
    if (!db_exec(db, DB_RA_CODE_SPEND, &p, &changed, err))
        return error_wrap(err, "code of %s", number);
    if (changed != 1)
        return error_set(err, ERROR_CONFLICT,
                         "this code is spent: ask for another");
    return true;
}

bool
db_code_find(struct db *db, const char *purpose,
             const uint8_t hash[DB_CODE_HASH_LEN], int64_t at, char *number,
             size_t max, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    number[0] = '\0';
    db_bind_text(&p, purpose);
    db_bind_bytes(&p, hash, DB_CODE_HASH_LEN);
    db_bind_time(&p, at);
    if (!db_query(db, DB_RA_CODE_FIND, &p, &r, err))
        return error_wrap(err, "code");
    ok = db_rows(r) == 0 || db_read_word(r, 0, 0, number, max, err);
    db_result_free(r);
    return ok;
}
