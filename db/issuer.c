/* Rows of ca.issuer; see db/issuer.h. */
#include "db/issuer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/sql_ca.h"

static const char *const state_names[DB_ISSUER_STATE_COUNT] = {
    "planned", "active", "retired", "crl-only"};

const char *
db_issuer_state_name(enum db_issuer_state state)
{
    return state_names[state];
}

bool
db_issuer_state_find(const char *name, enum db_issuer_state *out)
{
    for (int i = 0; i < DB_ISSUER_STATE_COUNT; i++)
        if (strcmp(state_names[i], name) == 0) {
            *out = (enum db_issuer_state)i;
            return true;
        }
    return false;
}

static bool
read_issuer(const struct db_result *r, size_t row, struct db_issuer *i,
            struct error *err)
{
    const uint8_t *key_id;
    const char *state;

    if (!db_read_int32(r, row, 0, &i->issuer_id, err) ||
        !db_read_word(r, row, 1, i->name, sizeof i->name, err) ||
        !db_read_text(r, row, 2, &state, err) ||
        !db_read_bool(r, row, 3, &i->is_root, err) ||
        !db_read_int32(r, row, 4, &i->generation, err) ||
        !db_read_word(r, row, 5, i->token, sizeof i->token, err) ||
        !db_read_bytes(r, row, 6, &key_id, &i->key_id_len, err) ||
        !db_read_word(r, row, 7, i->key_type, sizeof i->key_type, err) ||
        !db_read_word(r, row, 8, i->scheme, sizeof i->scheme, err) ||
        !db_read_bytes_copy(r, row, 9, &i->subject, &i->subject_len, err) ||
        !db_read_bytes_copy(r, row, 10, &i->spki, &i->spki_len, err) ||
        !db_read_bytes_copy(r, row, 11, &i->certificate, &i->certificate_len,
                            err) ||
        !db_read_int32(r, row, 13, &i->parent_id, err) ||
        !db_read_time(r, row, 14, &i->created_at, err))
        return false;
    if (!db_is_null(r, row, 12) &&
        !db_read_time(r, row, 12, &i->not_after, err))
        return false;
    if (!db_issuer_state_find(state, &i->state) ||
        i->key_id_len > sizeof i->key_id)
        return error_set(err, ERROR_INTERNAL, "issuer %s is malformed",
                         i->name);
    memcpy(i->key_id, key_id, i->key_id_len);
    return true;
}

bool
db_issuer_list(struct db *db, struct db_issuer **out, size_t *count,
               struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct db_issuer *rows;
    size_t n;

    *out = NULL;
    *count = 0;
    if (!db_query(db, DB_ISSUER_LIST, &p, &r, err))
        return error_wrap(err, "list issuers");
    n = db_rows(r);
    rows = base_alloc((n > 0 ? n : 1) * sizeof *rows);
    for (size_t i = 0; i < n; i++)
        if (!read_issuer(r, i, &rows[i], err)) {
            db_issuers_free(rows, n);
            db_result_free(r);
            return error_wrap(err, "list issuers");
        }
    db_result_free(r);
    *out = rows;
    *count = n;
    return true;
}

void
db_issuers_free(struct db_issuer *issuers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(issuers[i].subject);
        free(issuers[i].spki);
        free(issuers[i].certificate);
    }
    free(issuers);
}

bool
db_issuer_insert(struct db *db, struct db_issuer *issuer, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_text(&p, issuer->name);
    db_bind_text(&p, state_names[issuer->state]);
    db_bind_bool(&p, issuer->is_root);
    db_bind_int32(&p, issuer->generation);
    db_bind_text(&p, issuer->token);
    db_bind_bytes(&p, issuer->key_id, issuer->key_id_len);
    db_bind_text(&p, issuer->key_type);
    db_bind_text(&p, issuer->scheme);
    db_bind_bytes(&p, issuer->subject, issuer->subject_len);
    db_bind_bytes(&p, issuer->spki, issuer->spki_len);
    if (issuer->certificate != NULL)
        db_bind_bytes(&p, issuer->certificate, issuer->certificate_len);
    else
        db_bind_null(&p);
    db_bind_time_or_null(&p, issuer->not_after);
    db_bind_int32(&p, issuer->parent_id);
    db_bind_time(&p, issuer->created_at);
    ok = db_query(db, DB_ISSUER_INSERT, &p, &r, err) &&
         db_read_int32(r, 0, 0, &issuer->issuer_id, err);
    db_result_free(r);
    return ok || error_wrap(err, "add issuer %s", issuer->name);
}

bool
db_issuer_certify(struct db *db, int32_t issuer_id, const uint8_t *certificate,
                  size_t len, int64_t not_after, enum db_issuer_state state,
                  struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_int32(&p, issuer_id);
    db_bind_bytes(&p, certificate, len);
    db_bind_time(&p, not_after);
    db_bind_text(&p, state_names[state]);
    if (!db_exec(db, DB_ISSUER_CERTIFY, &p, &changed, err))
        return error_wrap(err, "certify issuer");
    return changed == 1 ||
           error_set(err, ERROR_CONFLICT, "the issuer is not planned");
}

bool
db_issuer_move(struct db *db, int32_t issuer_id, enum db_issuer_state from,
               enum db_issuer_state to, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_int32(&p, issuer_id);
    db_bind_text(&p, state_names[from]);
    db_bind_text(&p, state_names[to]);
    if (!db_exec(db, DB_ISSUER_MOVE, &p, &changed, err))
        return error_wrap(err, "move issuer");
    return changed == 1 || error_set(err, ERROR_CONFLICT,
                                     "the issuer is not %s", state_names[from]);
}
