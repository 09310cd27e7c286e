/* Sessions and tickets: db/session.h. */
#include "db/session.h"

#include <string.h>

#include "db/sql_ra.h"

bool
db_session_add(struct db *db, const struct db_session *session,
               struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_bytes(&p, session->id_hash, sizeof session->id_hash);
    db_bind_text(&p, session->is_officer ? "officer" : "account");
    db_bind_text(&p, session->subject);
    if (session->is_officer)
        db_bind_bytes(&p, session->credential_id,
                      sizeof session->credential_id);
    else
        db_bind_null(&p);
    db_bind_bytes(&p, session->csrf, sizeof session->csrf);
    db_bind_text(&p, session->language);
    db_bind_bytes(&p, session->browser, sizeof session->browser);
    db_bind_time(&p, session->made_at);
    db_bind_time(&p, session->expires_at);
    return db_exec(db, DB_RA_SESSION_ADD, &p, &changed, err) ||
           error_wrap(err, "add a session");
}

static bool
session_read(const struct db_result *r, size_t row, struct db_session *out,
             struct error *err)
{
    const char *kind;

    memset(out, 0, sizeof *out);
    if (!db_read_octets(r, row, 0, out->id_hash, sizeof out->id_hash, err) ||
        !db_read_text(r, row, 1, &kind, err) ||
        !db_read_word(r, row, 2, out->subject, sizeof out->subject, err) ||
        (!db_is_null(r, row, 3) &&
         !db_read_octets(r, row, 3, out->credential_id,
                         sizeof out->credential_id, err)) ||
        !db_read_octets(r, row, 4, out->csrf, sizeof out->csrf, err) ||
        !db_read_word(r, row, 5, out->language, sizeof out->language, err) ||
        !db_read_octets(r, row, 6, out->browser, sizeof out->browser, err) ||
        !db_read_time(r, row, 7, &out->made_at, err) ||
        !db_read_time(r, row, 8, &out->seen_at, err) ||
        !db_read_time(r, row, 9, &out->expires_at, err) ||
        !db_read_time_null(r, row, 10, &out->ended_at, err))
        return false;
    out->is_officer = strcmp(kind, "officer") == 0;
    if (db_is_null(r, row, 11))
        return true;
    return db_read_word(r, row, 11, out->account.account,
                        sizeof out->account.account, err) &&
           db_read_word(r, row, 12, out->account.created_by,
                        sizeof out->account.created_by, err) &&
           db_read_time(r, row, 13, &out->account.created_at, err);
}

bool
db_session_find(struct db *db, const uint8_t id_hash[DB_SESSION_HASH_LEN],
                bool *is_known, struct db_session *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_bytes(&p, id_hash, DB_SESSION_HASH_LEN);
    if (!db_query(db, DB_RA_SESSION_GET, &p, &r, err))
        return error_wrap(err, "find a session");
    *is_known = db_rows(r) == 1;
    ok = !*is_known || session_read(r, 0, out, err);
    db_result_free(r);
    return ok;
}

bool
db_session_seen(struct db *db, const uint8_t id_hash[DB_SESSION_HASH_LEN],
                int64_t at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_bytes(&p, id_hash, DB_SESSION_HASH_LEN);
    db_bind_time(&p, at);
    return db_exec(db, DB_RA_SESSION_SEEN, &p, &changed, err) ||
           error_wrap(err, "session seen");
}

bool
db_session_end(struct db *db, const uint8_t id_hash[DB_SESSION_HASH_LEN],
               int64_t at, bool *is_ended, struct error *err)
{
    struct db_params p = {0};
    int64_t changed = 0;

    db_bind_bytes(&p, id_hash, DB_SESSION_HASH_LEN);
    db_bind_time(&p, at);
    if (!db_exec(db, DB_RA_SESSION_END, &p, &changed, err))
        return error_wrap(err, "end a session");
    *is_ended = changed == 1;
    return true;
}

bool
db_session_list(struct db *db, bool is_officer, const char *subject,
                int64_t now, size_t max, struct db_session *out, size_t *count,
                struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = true;

    db_bind_text(&p, is_officer ? "officer" : "account");
    db_bind_text(&p, subject);
    db_bind_time(&p, now);
    db_bind_int64(&p, (int64_t)max);
    if (!db_query(db, DB_RA_SESSION_LIST, &p, &r, err))
        return error_wrap(err, "list sessions");
    *count = db_rows(r);
    for (size_t i = 0; ok && i < *count; i++)
        ok = session_read(r, i, &out[i], err);
    db_result_free(r);
    return ok;
}

bool
db_ticket_add(struct db *db, const uint8_t hash[32], const char *purpose,
              const char *subject, int64_t expires_at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_bytes(&p, hash, 32);
    db_bind_text(&p, purpose);
    db_bind_text(&p, subject);
    db_bind_time(&p, expires_at);
    return db_exec(db, DB_RA_TICKET_ADD, &p, &changed, err) ||
           error_wrap(err, "add a ticket");
}

static bool
ticket_ask(struct db *db, size_t statement, const uint8_t hash[32],
           const char *purpose, int64_t now, char *subject, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_bytes(&p, hash, 32);
    db_bind_text(&p, purpose);
    db_bind_time(&p, now);
    if (!db_query(db, statement, &p, &r, err))
        return error_wrap(err, "find a ticket");
    if (db_rows(r) != 1)
        ok = error_set(err, ERROR_NOT_FOUND,
                       "this has been used, has run out, or never was");
    else
        ok = db_read_word(r, 0, 0, subject, DB_TICKET_SUBJECT_MAX + 1, err);
    db_result_free(r);
    return ok;
}

bool
db_ticket_get(struct db *db, const uint8_t hash[32], const char *purpose,
              int64_t now, char *subject, struct error *err)
{
    return ticket_ask(db, DB_RA_TICKET_FIND, hash, purpose, now, subject, err);
}

bool
db_ticket_use(struct db *db, const uint8_t hash[32], const char *purpose,
              int64_t now, char *subject, struct error *err)
{
    return ticket_ask(db, DB_RA_TICKET_USE, hash, purpose, now, subject, err);
}

bool
db_ticket_sweep(struct db *db, int64_t before, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_time(&p, before);
    return db_exec(db, DB_RA_TICKET_SWEEP, &p, &changed, err) ||
           error_wrap(err, "sweep tickets");
}
