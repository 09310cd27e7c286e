/* The outbox of notices: db/notice.h. */
#include "db/notice.h"

#include <string.h>

#include "db/sql_ra.h"

bool
db_notice_add(struct db *db, const struct db_notice *notice, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, notice->id);
    db_bind_text(&p, notice->number);
    db_bind_text(&p, notice->event);
    db_bind_text(&p, notice->channel);
    db_bind_text(&p, notice->language);
    db_bind_text(&p, notice->dedupe);
    db_bind_bytes(&p, notice->sealed, notice->sealed_len);
    db_bind_time(&p, notice->made_at);
    return db_exec(db, DB_RA_NOTICE_ADD, &p, &changed, err) ||
           error_wrap(err, "notice %s", notice->dedupe);
}

bool
db_notice_read(const struct db_result *r, size_t at, struct db_notice *out,
               struct error *err)
{
    memset(out, 0, sizeof *out);
    return db_read_text(r, at, 0, &out->id, err) &&
           db_read_text_null(r, at, 1, &out->number, err) &&
           db_read_text(r, at, 2, &out->event, err) &&
           db_read_text(r, at, 3, &out->channel, err) &&
           db_read_text(r, at, 4, &out->language, err) &&
           db_read_text(r, at, 5, &out->dedupe, err) &&
           db_read_text(r, at, 6, &out->state, err) &&
           db_read_int32(r, at, 7, &out->send_count, err) &&
           db_read_text_null(r, at, 8, &out->problem, err) &&
           db_read_time(r, at, 9, &out->made_at, err) &&
           db_read_time_null(r, at, 10, &out->sent_at, err);
}

bool
db_notice_claim(struct db *db, const char *channel, int64_t now, int64_t until,
                struct db_notice *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;

    memset(out, 0, sizeof *out);
    db_bind_text(&p, channel);
    db_bind_time(&p, now);
    db_bind_time(&p, until);
    if (!db_query(db, DB_RA_NOTICE_CLAIM, &p, &r, err))
        return error_wrap(err, "claim notice");
    if (db_rows(r) == 0) {
        db_result_free(r);
        return true;
    }
    if (!db_notice_read(r, 0, out, err) ||
        !db_read_bytes(r, 0, 11, &out->sealed, &out->sealed_len, err)) {
        db_result_free(r);
        return false;
    }
    out->held = r;
    return true;
}

void
db_notice_clear(struct db_notice *notice)
{
    db_result_free(notice->held);
    memset(notice, 0, sizeof *notice);
}

bool
db_notice_sent(struct db *db, const char *id, int64_t at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, id);
    db_bind_time(&p, at);
    return db_exec(db, DB_RA_NOTICE_SENT, &p, &changed, err) ||
           error_wrap(err, "notice %s", id);
}

bool
db_notice_failed(struct db *db, const char *id, int64_t send_at,
                 const char *problem, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, id);
    db_bind_time_or_null(&p, send_at);
    db_bind_text(&p, problem);
    return db_exec(db, DB_RA_NOTICE_FAILED, &p, &changed, err) ||
           error_wrap(err, "notice %s", id);
}

bool
db_notice_list(struct db *db, const char *number, const char *state,
               size_t limit, db_each *each, void *arg, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_text(&p, state);
    db_bind_int32(&p, (int32_t)limit);
    return db_stream(db, DB_RA_NOTICE_LIST, &p, each, arg, err);
}
