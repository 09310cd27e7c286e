/*
 * Runs statements: prepares each when it is first used on a connection, sends,
 * waits with a limit, reads binary results. The connection is non-blocking, so
 * that a server which has stopped answering costs one statement timeout and
 * not the worker.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/db_internal.h"

/* What the server's own timeout may need to reach us. */
enum { MUTE_GRACE_MS = 2000 };

bool
db_is_lost(const struct db *db)
{
    return db->conn == NULL || PQstatus(db->conn) != CONNECTION_OK;
}

/* Sends what is left and reads until a result is there. False: no answer in
 * time. A broken connection is a result, too: PQgetResult() tells it. */
static bool
wait_result(struct db *db)
{
    int64_t limit_ms = db->options->statement_timeout_ms;
    int64_t until = clock_monotonic_ms() + limit_ms + MUTE_GRACE_MS;

    for (;;) {
        struct pollfd fd = {.fd = PQsocket(db->conn), .events = POLLIN};
        int64_t left = limit_ms == 0 ? -1 : until - clock_monotonic_ms();
        int unsent = PQflush(db->conn);
        int ready;

        if (unsent < 0 || (unsent == 0 && PQisBusy(db->conn) == 0))
            return true;
        if (limit_ms != 0 && left <= 0)
            return false;
        if (unsent > 0)
            fd.events |= POLLOUT;
        ready = poll(&fd, 1, (int)left);
        if (ready < 0 && errno != EINTR)
            return false;
        if (ready > 0 && (fd.revents & ~POLLOUT) != 0 &&
            PQconsumeInput(db->conn) == 0)
            return true;
    }
}

PGresult *
db_next(struct db *db, bool *is_mute)
{
    *is_mute = false;
    if (db->conn == NULL)
        return NULL;
    if (!wait_result(db)) {
        PQfinish(db->conn);
        db->conn = NULL;
        *is_mute = true;
        return NULL;
    }
    return PQgetResult(db->conn);
}

static bool
is_copy(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
           status == PGRES_COPY_BOTH;
}

static bool
is_success(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
           status == PGRES_SINGLE_TUPLE;
}

/* Reads to the end of what was sent; *out gets the last result. */
static bool
finish(struct db *db, PGresult **out, struct error *err)
{
    PGresult *last = NULL, *next;
    bool is_mute;

    while ((next = db_next(db, &is_mute)) != NULL) {
        if (last != NULL && !is_success(last)) {
            PQclear(next); /* the first failure tells why */
            continue;
        }
        PQclear(last);
        last = next;
        if (is_copy(last)) { /* which would wait for data for ever */
            db->is_stale = true;
            break;
        }
    }
    if (is_mute) {
        PQclear(last);
        return error_set(err, ERROR_BUSY, "the database does not answer");
    }
    if (last == NULL || !is_success(last)) {
        db_fail(db, last, err);
        PQclear(last);
        return false;
    }
    *out = last;
    return true;
}

bool
db_simple(struct db *db, const char *sql, char out[DB_TAG_MAX + 1],
          struct error *err)
{
    PGresult *result = NULL;

    if (PQsendQuery(db->conn, sql) != 1)
        return db_fail(db, NULL, err);
    if (!finish(db, &result, err))
        return false;
    if (out != NULL) {
        const char *tag = PQcmdStatus(result);
        size_t len = strnlen(tag, DB_TAG_MAX);

        memcpy(out, tag, len);
        out[len] = '\0';
    }
    PQclear(result);
    return true;
}

bool
db_script(struct db *db, const char *sql, struct error *err)
{
    return db_ensure(db, err) && db_simple(db, sql, NULL, err);
}

/* ---- Preparing --------------------------------------------------------- */

/* Whether the statement was prepared with types that these values have. A NULL
 * without a type fits any. */
static bool
types_fit(const struct db_prepared *prepared, const struct db_params *p)
{
    if (prepared->count != p->count)
        return false;
    for (int i = 0; i < p->count; i++)
        if (p->at[i].type != 0 && p->at[i].type != prepared->types[i])
            return false;
    return true;
}

static bool
prepare(struct db *db, size_t statement, const struct db_params *p,
        struct error *err)
{
    struct db_prepared *prepared = &db->prepared[statement];
    const struct db_statement *s = &db->options->statements[statement];
    PGresult *result = NULL;

    if (prepared->is_ready && types_fit(prepared, p))
        return true;
    if (prepared->is_ready) { /* a NULL had no type when it was prepared */
        struct buf sql = BUF_INIT(256);
        bool ok;

        buf_addf(&sql, "DEALLOCATE %s", s->name);
        ok = db_simple(db, buf_text(&sql), NULL, err);
        buf_clear(&sql);
        if (!ok)
            return false;
        prepared->is_ready = false;
    }
    prepared->count = p->count;
    for (int i = 0; i < p->count; i++)
        prepared->types[i] = p->at[i].type;
    if (PQsendPrepare(db->conn, s->name, s->sql, p->count, prepared->types) !=
        1)
        return db_fail(db, NULL, err);
    if (!finish(db, &result, err))
        return error_wrap(err, "prepare %s", s->name);
    PQclear(result);
    prepared->is_ready = true;
    return true;
}

/* ---- Running ----------------------------------------------------------- */

/* Sends the statement with its parameters, which are cleared in any case. */
static bool
start(struct db *db, size_t statement, struct db_params *p, struct error *err)
{
    const char *values[DB_PARAMS_MAX];
    int lengths[DB_PARAMS_MAX], formats[DB_PARAMS_MAX];
    bool ok = false;

    assert(statement < db->options->statement_count &&
           db->options->statements[statement].sql != NULL);
    for (int i = 0; i < p->count; i++) {
        values[i] = p->at[i].value;
        lengths[i] = p->at[i].len;
        formats[i] = 1;
    }
    if (!db_ensure(db, err) || !prepare(db, statement, p, err))
        goto out;
    ok = PQsendQueryPrepared(db->conn, db->options->statements[statement].name,
                             p->count, values, lengths, formats, 1) == 1 ||
         db_fail(db, NULL, err);
out:
    db_params_clear(p);
    return ok;
}

/* Runs the statement and gives its last result. */
static bool
run(struct db *db, size_t statement, struct db_params *p, PGresult **out,
    struct error *err)
{
    if (!start(db, statement, p, err))
        return false;
    return finish(db, out, err) ||
           error_wrap(err, "%s", db->options->statements[statement].name);
}

bool
db_exec(struct db *db, size_t statement, struct db_params *p, int64_t *changed,
        struct error *err)
{
    PGresult *result = NULL;

    if (!run(db, statement, p, &result, err))
        return false;
    /* libpq's own decimal text; empty for a command that changes no rows. */
    *changed = strtoll(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return true;
}

bool
db_query(struct db *db, size_t statement, struct db_params *p,
         struct db_result **out, struct error *err)
{
    PGresult *result = NULL;

    if (!run(db, statement, p, &result, err))
        return false;
    *out = base_alloc(sizeof **out);
    (*out)->pg = result;
    return true;
}

/* Ends a query of which no more is wanted. The cancel request opens another
 * connection; should it fail, the rest is read and thrown away. */
static void
abandon(struct db *db)
{
    PGcancel *cancel = PQgetCancel(db->conn);
    char why[256];
    PGresult *result;
    bool is_mute;

    (void)PQcancel(cancel, why, sizeof why);
    PQfreeCancel(cancel);
    while ((result = db_next(db, &is_mute)) != NULL)
        PQclear(result);
}

bool
db_stream(struct db *db, size_t statement, struct db_params *p, db_each *each,
          void *arg, struct error *err)
{
    const char *name = db->options->statements[statement].name;
    struct db_result row;
    bool is_mute, ok = true;

    if (!start(db, statement, p, err))
        return false;
    if (PQsetSingleRowMode(db->conn) != 1)
        return error_set(err, ERROR_INTERNAL, "%s: no single rows", name);
    while ((row.pg = db_next(db, &is_mute)) != NULL) {
        if (!is_success(row.pg)) {
            db_fail(db, row.pg, err);
            ok = error_wrap(err, "%s", name);
        } else if (PQresultStatus(row.pg) == PGRES_SINGLE_TUPLE) {
            ok = each(&row, arg, err);
            if (!ok)
                abandon(db);
        }
        PQclear(row.pg);
    }
    if (is_mute && ok)
        ok = error_set(err, ERROR_BUSY, "%s: the database does not answer",
                       name);
    return ok;
}
