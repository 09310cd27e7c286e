/* The officers' register; see db/officer.h. */
#include "db/officer.h"

#include <stdlib.h>
#include <string.h>

#include "db/sql_ca.h"

enum { OFFICER_COLUMNS = 7 };

static bool
read_text(const struct db_result *r, size_t row, int column, char **out,
          struct error *err)
{
    const char *text;

    if (!db_read_text(r, row, column, &text, err))
        return false;
    *out = base_text_copy(text);
    return true;
}

/* Columns officer_id, name, person, is active, since, until, roles. */
static bool
read_officer(const struct db_result *r, size_t row, struct db_officer *o,
             struct error *err)
{
    const char *id;

    if (!db_read_text(r, row, 0, &id, err) ||
        !read_text(r, row, 1, &o->name, err) ||
        !read_text(r, row, 2, &o->person, err) ||
        !db_read_bool(r, row, 3, &o->is_active, err) ||
        !db_read_time(r, row, 4, &o->since, err) ||
        !read_text(r, row, 6, &o->roles, err))
        return false;
    memcpy(o->officer_id, id, strnlen(id, 36));
    return db_is_null(r, row, 5) || db_read_time(r, row, 5, &o->until, err);
}

static void
clear_officer(struct db_officer *o)
{
    free(o->name);
    free(o->person);
    free(o->roles);
}

void
db_officers_free(struct db_officer *officers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        clear_officer(&officers[i]);
    free(officers);
}

bool
db_officer_list(struct db *db, struct db_officer **out, size_t *count,
                struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct db_officer *rows;
    size_t n;

    *out = NULL;
    *count = 0;
    if (!db_query(db, DB_OFFICER_LIST, &p, &r, err))
        return error_wrap(err, "list officers");
    n = db_rows(r);
    rows = base_alloc((n > 0 ? n : 1) * sizeof *rows);
    for (size_t i = 0; i < n; i++)
        if (!read_officer(r, i, &rows[i], err)) {
            db_officers_free(rows, n);
            db_result_free(r);
            return error_wrap(err, "list officers");
        }
    db_result_free(r);
    *out = rows;
    *count = n;
    return true;
}

static bool
read_credential(const struct db_result *r, size_t row, struct db_credential *c,
                struct error *err)
{
    const uint8_t *id, *data;
    size_t id_len;

    if (!read_officer(r, row, &c->officer, err) ||
        !db_read_bytes(r, row, OFFICER_COLUMNS, &id, &id_len, err) ||
        !db_read_bytes(r, row, OFFICER_COLUMNS + 1, &data, &c->public_data_len,
                       err) ||
        !read_text(r, row, OFFICER_COLUMNS + 2, &c->kind, err) ||
        !db_read_bool(r, row, OFFICER_COLUMNS + 3, &c->is_active, err) ||
        !db_read_time(r, row, OFFICER_COLUMNS + 4, &c->not_before, err) ||
        !db_read_time(r, row, OFFICER_COLUMNS + 5, &c->not_after, err))
        return false;
    if (id_len != sizeof c->credential_id)
        return error_set(err, ERROR_INTERNAL, "credential id has %zu octets",
                         id_len);
    memcpy(c->credential_id, id, id_len);
    c->public_data = base_copy(data, c->public_data_len);
    return true;
}

/* Asks and reads; clears `p`. */
static bool
query_credentials(struct db *db, size_t statement, struct db_params *p,
                  struct db_credential **out, size_t *found, struct error *err)
{
    struct db_result *r = NULL;
    struct db_credential *rows;
    bool ok = true;

    *out = NULL;
    *found = 0;
    if (!db_query(db, statement, p, &r, err))
        return error_wrap(err, "find credentials");
    rows = base_alloc((db_rows(r) > 0 ? db_rows(r) : 1) * sizeof *rows);
    for (size_t i = 0; ok && i < db_rows(r); i++)
        ok = read_credential(r, i, &rows[i], err);
    if (ok) {
        *out = rows;
        *found = db_rows(r);
    } else {
        db_credentials_free(rows, db_rows(r));
    }
    db_result_free(r);
    return ok || error_wrap(err, "find credentials");
}

bool
db_credential_list(struct db *db, const uint8_t (*ids)[32], size_t count,
                   struct db_credential **out, size_t *found, struct error *err)
{
    struct db_bytes *wanted =
        base_alloc((count > 0 ? count : 1) * sizeof *wanted);
    struct db_params p = {0};
    bool ok;

    for (size_t i = 0; i < count; i++)
        wanted[i] = (struct db_bytes){ids[i], 32};
    db_bind_bytes_array(&p, wanted, count);
    ok = query_credentials(db, DB_CREDENTIAL_LIST, &p, out, found, err);
    free(wanted);
    return ok;
}

bool
db_credential_all(struct db *db, struct db_credential **out, size_t *found,
                  struct error *err)
{
    struct db_params p = {0};

    return query_credentials(db, DB_CREDENTIAL_ALL, &p, out, found, err);
}

bool
db_credential_among(struct db *db, const int64_t *issuer_ids,
                    const struct db_bytes *serials, size_t count,
                    int64_t *found, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_int64_array(&p, issuer_ids, count);
    db_bind_bytes_array(&p, serials, count);
    ok = db_query(db, DB_CREDENTIAL_AMONG, &p, &r, err) &&
         db_read_int64(r, 0, 0, found, err);
    db_result_free(r);
    return ok || error_wrap(err, "look for credentials");
}

void
db_credentials_free(struct db_credential *credentials, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        clear_officer(&credentials[i].officer);
        free(credentials[i].public_data);
        free(credentials[i].kind);
    }
    free(credentials);
}

bool
db_officer_insert(struct db *db, const char *officer_id, const char *name,
                  const char *person, int64_t since, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, officer_id);
    db_bind_text(&p, name);
    db_bind_text(&p, person);
    db_bind_time(&p, since);
    return db_exec(db, DB_OFFICER_INSERT, &p, &changed, err) ||
           error_wrap(err, "enroll officer");
}

bool
db_officer_add_role(struct db *db, const char *officer_id, const char *role,
                    struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, officer_id);
    db_bind_text(&p, role);
    return db_exec(db, DB_OFFICER_ADD_ROLE, &p, &changed, err) ||
           error_wrap(err, "give role %s", role);
}

bool
db_credential_insert(struct db *db, const uint8_t credential_id[32],
                     const char *officer_id, const char *kind,
                     const uint8_t *public_data, size_t len, int64_t not_before,
                     int64_t not_after, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_bytes(&p, credential_id, 32);
    db_bind_text(&p, officer_id);
    db_bind_text(&p, kind);
    db_bind_bytes(&p, public_data, len);
    db_bind_time(&p, not_before);
    db_bind_time(&p, not_after);
    return db_exec(db, DB_CREDENTIAL_INSERT, &p, &changed, err) ||
           error_wrap(err, "add credential");
}

bool
db_officer_dismiss(struct db *db, const char *officer_id, int64_t until,
                   struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, officer_id);
    db_bind_time(&p, until);
    if (!db_exec(db, DB_OFFICER_DISMISS, &p, &changed, err))
        return error_wrap(err, "dismiss officer");
    if (changed != 1)
        return error_set(err, ERROR_CONFLICT, "no active officer %s",
                         officer_id);
    db_bind_text(&p, officer_id);
    return db_exec(db, DB_CREDENTIAL_REVOKE_ALL, &p, &changed, err) ||
           error_wrap(err, "revoke credentials");
}

bool
db_officer_lock(struct db *db, const char *officer_id, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_text(&p, officer_id);
    ok = db_query(db, DB_OFFICER_LOCK, &p, &r, err);
    if (ok && db_rows(r) != 1)
        ok = error_set(err, ERROR_CONFLICT, "no active officer %s", officer_id);
    db_result_free(r);
    return ok || error_wrap(err, "lock officer");
}

bool
db_officer_count_role(struct db *db, const char *role, int64_t *count,
                      struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_text(&p, role);
    ok = db_query(db, DB_OFFICER_COUNT_ROLE, &p, &r, err) &&
         db_read_int64(r, 0, 0, count, err);
    db_result_free(r);
    return ok || error_wrap(err, "count officers");
}
