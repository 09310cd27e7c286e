/* Accounts of the registration authority: db/account.h. */
#include "db/account.h"

#include <string.h>

#include "db/sql_ra.h"

static bool
account_read(const struct db_result *r, size_t row, struct db_account *out,
             struct error *err)
{
    const char *account;
    const char *created_by;

    if (!db_read_text(r, row, 0, &account, err) ||
        !db_read_text(r, row, 1, &created_by, err) ||
        !db_read_time(r, row, 2, &out->created_at, err))
        return false;
    if (strlen(account) >= sizeof out->account ||
        strlen(created_by) >= sizeof out->created_by)
        return error_set(err, ERROR_INTERNAL, "account row too long");
    memcpy(out->account, account, strlen(account) + 1);
    memcpy(out->created_by, created_by, strlen(created_by) + 1);
    return true;
}

bool
db_account_create(struct db *db, const char *account,
                  const uint8_t token_hash[DB_TOKEN_HASH_LEN],
                  const char *officer_id, int64_t at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, account);
    db_bind_bytes(&p, token_hash, DB_TOKEN_HASH_LEN);
    db_bind_text(&p, officer_id);
    db_bind_time(&p, at);
    if (!db_exec(db, DB_RA_ACCOUNT_CREATE, &p, &changed, err))
        return error_wrap(err, "create account %s", account);
    if (changed != 1)
        return error_set(err, ERROR_CONFLICT, "there is an account %s already",
                         account);
    return true;
}

bool
db_account_by_token(struct db *db, const uint8_t token_hash[DB_TOKEN_HASH_LEN],
                    bool *is_known, struct db_account *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_bytes(&p, token_hash, DB_TOKEN_HASH_LEN);
    if (!db_query(db, DB_RA_ACCOUNT_BY_TOKEN, &p, &r, err))
        return error_wrap(err, "find account");
    *is_known = db_rows(r) == 1;
    ok = !*is_known || account_read(r, 0, out, err);
    db_result_free(r);
    return ok;
}

bool
db_account_list(struct db *db, const char *after, size_t max,
                struct db_account *out, size_t *count, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = true;

    db_bind_text(&p, after);
    db_bind_int64(&p, (int64_t)max);
    if (!db_query(db, DB_RA_ACCOUNT_LIST, &p, &r, err))
        return error_wrap(err, "list accounts");
    *count = db_rows(r);
    for (size_t i = 0; ok && i < *count; i++)
        ok = account_read(r, i, &out[i], err);
    db_result_free(r);
    return ok;
}
