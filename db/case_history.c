/* Links and decisions of cases: db/case_history.h. */
#include "db/case_history.h"

#include <string.h>

#include "db/sql_ra.h"

static bool
read_hash(const struct db_result *r, size_t row, int column,
          const uint8_t **out, struct error *err)
{
    size_t len = 0;

    if (!db_read_bytes(r, row, column, out, &len, err))
        return false;
    return len == 32 ||
           error_set(err, ERROR_INTERNAL, "hash of %zu octets", len);
}

bool
db_link_last(struct db *db, const char *number, int32_t *seq, uint8_t hash[32],
             struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    const uint8_t *data;
    bool ok = true;

    *seq = 0;
    memset(hash, 0, 32);
    db_bind_text(&p, number);
    if (!db_query(db, DB_RA_LINK_LAST, &p, &r, err))
        return error_wrap(err, "history of %s", number);
    if (db_rows(r) == 1) {
        ok = db_read_int32(r, 0, 0, seq, err) && read_hash(r, 0, 1, &data, err);
        if (ok)
            memcpy(hash, data, 32);
    }
    db_result_free(r);
    return ok;
}

bool
db_link_add(struct db *db, const char *number, const struct db_link *link,
            struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, number);
    db_bind_int32(&p, link->seq);
    db_bind_time(&p, link->at);
    db_bind_text(&p, link->event);
    db_bind_text(&p, link->actor);
    db_bind_bytes(&p, link->body, link->body_len);
    db_bind_bytes(&p, link->hash, 32);
    return db_exec(db, DB_RA_LINK_ADD, &p, &changed, err) ||
           error_wrap(err, "history of %s", number);
}

bool
db_link_list(struct db *db, const char *number, db_each *each, void *arg,
             struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    return db_stream(db, DB_RA_LINK_LIST, &p, each, arg, err);
}

bool
db_link_read(const struct db_result *row, size_t at, struct db_link *out,
             struct error *err)
{
    memset(out, 0, sizeof *out);
    return db_read_int32(row, at, 0, &out->seq, err) &&
           db_read_bytes(row, at, 1, &out->body, &out->body_len, err) &&
           read_hash(row, at, 2, &out->hash, err);
}

bool
db_decided_add(struct db *db, const char *number, int revision,
               const struct db_decided *decided, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, number);
    db_bind_int32(&p, revision);
    db_bind_text(&p, decided->step);
    db_bind_text(&p, decided->officer_id);
    db_bind_text(&p, decided->person);
    db_bind_bytes(&p, decided->credential_id, 32);
    db_bind_text(&p, decided->verdict);
    db_bind_time(&p, decided->decided_at);
    db_bind_bytes(&p, decided->decision, decided->decision_len);
    db_bind_bytes(&p, decided->statement, decided->statement_len);
    return db_exec(db, DB_RA_DECIDED_ADD, &p, &changed, err) ||
           error_wrap(err, "decision on %s", number);
}

bool
db_decided_list(struct db *db, const char *number, int revision, bool is_last,
                db_each *each, void *arg, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_int32(&p, revision);
    db_bind_bool(&p, is_last);
    return db_stream(db, DB_RA_DECIDED_LIST, &p, each, arg, err);
}

bool
db_decided_read(const struct db_result *row, size_t at, struct db_decided *out,
                struct error *err)
{
    memset(out, 0, sizeof *out);
    return db_read_text(row, at, 0, &out->step, err) &&
           db_read_int32(row, at, 1, &out->round, err) &&
           db_read_text(row, at, 2, &out->officer_id, err) &&
           db_read_text(row, at, 3, &out->person, err) &&
           read_hash(row, at, 4, &out->credential_id, err) &&
           db_read_text(row, at, 5, &out->verdict, err) &&
           db_read_time(row, at, 6, &out->decided_at, err) &&
           db_read_bytes(row, at, 7, &out->decision, &out->decision_len, err) &&
           db_read_bytes(row, at, 8, &out->statement, &out->statement_len, err);
}
