/* Decisions, histories and certificates of applications: db/review.h. */
#include "db/review.h"

#include <string.h>

#include "db/sql_ra.h"

bool
db_review_add(struct db *db, const struct db_review *review, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, review->number);
    db_bind_int32(&p, review->revision);
    db_bind_text(&p, review->step);
    db_bind_text(&p, review->officer_id);
    db_bind_text(&p, review->person);
    db_bind_bytes(&p, review->credential_id, 32);
    db_bind_text(&p, review->verdict);
    db_bind_time(&p, review->decided_at);
    db_bind_bytes(&p, review->statement, review->statement_len);
    db_bind_bytes(&p, review->signature, review->signature_len);
    if (!db_exec(db, DB_RA_DECISION_ADD, &p, &changed, err))
        return error_wrap(err, "decision on %s", review->number);
    if (changed != 1)
        return error_set(err, ERROR_CONFLICT,
                         "this step is decided, or this person decided "
                         "another one");
    return true;
}

bool
db_review_list(struct db *db, const char *number, int revision, db_each *each,
               void *arg, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_int32(&p, revision);
    return db_stream(db, DB_RA_DECISION_LIST, &p, each, arg, err);
}

bool
db_review_read(const struct db_result *row, size_t at, struct db_review *out,
               struct error *err)
{
    size_t len = 0;

    memset(out, 0, sizeof *out);
    if (!db_read_text(row, at, 0, &out->number, err) ||
        !db_read_int32(row, at, 1, &out->revision, err) ||
        !db_read_text(row, at, 2, &out->step, err) ||
        !db_read_text(row, at, 3, &out->officer_id, err) ||
        !db_read_text(row, at, 4, &out->person, err) ||
        !db_read_bytes(row, at, 5, &out->credential_id, &len, err) ||
        !db_read_text(row, at, 6, &out->verdict, err) ||
        !db_read_time(row, at, 7, &out->decided_at, err) ||
        !db_read_bytes(row, at, 8, &out->statement, &out->statement_len, err) ||
        !db_read_bytes(row, at, 9, &out->signature, &out->signature_len, err))
        return false;
    return len == 32 ||
           error_set(err, ERROR_INTERNAL, "credential id of %zu octets", len);
}

bool
db_history_last(struct db *db, const char *number, int32_t *seq,
                uint8_t hash[32], struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    const uint8_t *data;
    size_t len = 0;
    bool ok = false;

    *seq = 0;
    memset(hash, 0, 32);
    db_bind_text(&p, number);
    if (!db_query(db, DB_RA_HISTORY_LAST, &p, &r, err))
        return error_wrap(err, "history of %s", number);
    if (db_rows(r) == 0) {
        ok = true;
        goto out;
    }
    if (!db_read_int32(r, 0, 0, seq, err) ||
        !db_read_bytes(r, 0, 1, &data, &len, err))
        goto out;
    if (len != 32) {
        error_set(err, ERROR_INTERNAL, "hash of %zu octets", len);
        goto out;
    }
    memcpy(hash, data, 32);
    ok = true;
out:
    db_result_free(r);
    return ok;
}

bool
db_history_add(struct db *db, const char *number, int seq, int64_t at,
               const struct buf *body, const uint8_t hash[32],
               struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, number);
    db_bind_int32(&p, seq);
    db_bind_time(&p, at);
    db_bind_bytes(&p, body->data, body->len);
    db_bind_bytes(&p, hash, 32);
    if (!db_exec(db, DB_RA_HISTORY_ADD, &p, &changed, err))
        return error_wrap(err, "history of %s", number);
    return true;
}

bool
db_history_list(struct db *db, const char *number, db_each *each, void *arg,
                struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    return db_stream(db, DB_RA_HISTORY_LIST, &p, each, arg, err);
}

bool
db_history_read(const struct db_result *row, size_t at, struct db_history *out,
                struct error *err)
{
    size_t len = 0;

    if (!db_read_int32(row, at, 0, &out->seq, err) ||
        !db_read_bytes(row, at, 1, &out->body, &out->body_len, err) ||
        !db_read_bytes(row, at, 2, &out->hash, &len, err))
        return false;
    return len == 32 ||
           error_set(err, ERROR_INTERNAL, "hash of %zu octets", len);
}

bool
db_ra_certificate_add(struct db *db, const char *number,
                      const struct db_ra_certificate *certificate, int64_t at,
                      struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, number);
    db_bind_text(&p, certificate->issuer);
    db_bind_bytes(&p, certificate->serial, certificate->serial_len);
    db_bind_bytes(&p, certificate->der, certificate->der_len);
    db_bind_bytes(&p, certificate->issuer_der, certificate->issuer_der_len);
    db_bind_time(&p, at);
    if (!db_exec(db, DB_RA_CERTIFICATE_ADD, &p, &changed, err))
        return error_wrap(err, "certificate of %s", number);
    return true;
}

bool
db_ra_certificate_get(struct db *db, const char *number,
                      struct db_ra_certificate *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;

    memset(out, 0, sizeof *out);
    db_bind_text(&p, number);
    if (!db_query(db, DB_RA_CERTIFICATE_GET, &p, &r, err))
        return error_wrap(err, "certificate of %s", number);
    if (db_rows(r) != 1) {
        db_result_free(r);
        return error_set(err, ERROR_NOT_FOUND,
                         "there is no certificate for this application yet");
    }
    out->held = r;
    if (!db_read_text(r, 0, 0, &out->issuer, err) ||
        !db_read_bytes(r, 0, 1, &out->serial, &out->serial_len, err) ||
        !db_read_bytes(r, 0, 2, &out->der, &out->der_len, err) ||
        !db_read_bytes(r, 0, 3, &out->issuer_der, &out->issuer_der_len, err)) {
        db_ra_certificate_clear(out);
        return false;
    }
    return true;
}

void
db_ra_certificate_clear(struct db_ra_certificate *certificate)
{
    db_result_free(certificate->held);
    memset(certificate, 0, sizeof *certificate);
}
