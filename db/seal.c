/* Seals: db/seal.h. */
#include "db/seal.h"

#include "db/sql_ra.h"

enum { SERIAL_LEN = 16 };

static bool
run(struct db *db, size_t statement, struct db_params *p, struct error *err)
{
    int64_t changed;

    return db_exec(db, statement, p, &changed, err) || error_wrap(err, "seals");
}

bool
db_seal_add(struct db *db, const struct db_seal *seal, int64_t at,
            struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, seal->number);
    db_bind_text(&p, seal->type);
    db_bind_text(&p, seal->name);
    db_bind_text(&p, seal->account);
    db_bind_text(&p, seal->document);
    db_bind_text(&p, seal->issuer);
    db_bind_bytes(&p, seal->serial, SERIAL_LEN);
    db_bind_time(&p, at);
    return run(db, DB_RA_SEAL_ADD, &p, err);
}

bool
db_seal_again(struct db *db, const struct db_seal_again *again, int64_t at,
              struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, again->number);
    db_bind_text(&p, again->old_issuer);
    db_bind_bytes(&p, again->old_serial, SERIAL_LEN);
    db_bind_text(&p, again->issuer);
    db_bind_bytes(&p, again->serial, SERIAL_LEN);
    db_bind_time(&p, at);
    return run(db, DB_RA_SEAL_AGAIN, &p, err);
}

bool
db_seal_move(struct db *db, const char *number, const char *from,
             const char *to, int64_t at, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_text(&p, from);
    db_bind_text(&p, to);
    db_bind_time(&p, at);
    return run(db, DB_RA_SEAL_MOVE, &p, err);
}

bool
db_seal_drop(struct db *db, const char *number, int64_t at, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_time(&p, at);
    return run(db, DB_RA_SEAL_DROP, &p, err);
}

bool
db_seal_replaced(struct db *db, const char *number, int64_t at,
                 struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_time(&p, at);
    return run(db, DB_RA_SEAL_REPLACED, &p, err);
}

bool
db_seal_end(struct db *db, const char *issuer, const uint8_t *serial,
            int64_t at, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, issuer);
    db_bind_bytes(&p, serial, SERIAL_LEN);
    db_bind_time(&p, at);
    return run(db, DB_RA_SEAL_END, &p, err);
}

bool
db_seal_count(struct db *db, const char *issuer, const uint8_t *serial,
              int64_t *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_text(&p, issuer);
    db_bind_bytes(&p, serial, SERIAL_LEN);
    ok = db_query(db, DB_RA_SEAL_COUNT, &p, &r, err) &&
         db_read_int64(r, 0, 0, out, err);
    db_result_free(r);
    return ok || error_wrap(err, "seals");
}

bool
db_seal_ordered(struct db *db, size_t max, db_each *each, void *arg,
                struct error *err)
{
    struct db_params p = {0};

    db_bind_int64(&p, (int64_t)max);
    return db_stream(db, DB_RA_SEAL_ORDERED, &p, each, arg, err);
}

bool
db_seal_read(const struct db_result *row, size_t at, struct db_seal *out,
             struct error *err)
{
    size_t len = 0;

    return db_read_text(row, at, 0, &out->number, err) &&
           db_read_text(row, at, 1, &out->type, err) &&
           db_read_text(row, at, 2, &out->name, err) &&
           db_read_text(row, at, 3, &out->account, err) &&
           db_read_text(row, at, 4, &out->document, err) &&
           db_read_text(row, at, 5, &out->issuer, err) &&
           db_read_bytes(row, at, 6, &out->serial, &len, err) &&
           db_read_text(row, at, 7, &out->state, err) &&
           db_read_time(row, at, 8, &out->made_at, err);
}
