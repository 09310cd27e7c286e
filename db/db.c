/* Connections and transactions; see db/db.h. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/random.h>

#include "base/log.h"
#include "db/db_internal.h"

enum {
    ATTEMPTS_MAX = 8,
    WAIT_LEAST_MS = 2,
    WAIT_MOST_MS = 200,
    /* A peer host that has vanished is noticed after this, not after the many
     * minutes that TCP gives. */
    PEER_TIMEOUT_MS = 15000,
};

/* ---- Connecting -------------------------------------------------------- */

static void
on_notice(void *arg, const char *message)
{
    (void)arg;
    log_event(LOG_LEVEL_DEBUG, "db.notice", LOG_TEXT("message", message));
}

static PGconn *
connect_server(const struct db_options *options)
{
    char connect_timeout[16], peer_timeout[16];
    /* What stands before the connection string may be set in it. */
    const char *names[] = {"fallback_application_name", "connect_timeout",
                           "tcp_user_timeout",          "dbname",
                           "client_encoding",           NULL};
    const char *values[] = {"signet",     connect_timeout,
                            peer_timeout, options->connection,
                            "UTF8",       NULL};

    (void)snprintf(connect_timeout, sizeof connect_timeout, "%d",
                   options->connect_timeout_s);
    (void)snprintf(peer_timeout, sizeof peer_timeout, "%d", PEER_TIMEOUT_MS);
    return PQconnectdbParams(names, values, 1);
}

/* What holds for the session: the limit of statements, the channel. */
static bool
set_session(struct db *db, struct error *err)
{
    struct error refused = {0};
    char sql[DB_CHANNEL_MAX + 64];

    (void)snprintf(sql, sizeof sql, "SET statement_timeout = %d",
                   db->options->statement_timeout_ms);
    if (!db_simple(db, sql, NULL, err))
        return false;
    if (db->channel[0] == '\0')
        return true;
    /* A standby refuses; then there is nothing to hear, which is no harm. */
    (void)snprintf(sql, sizeof sql, "LISTEN \"%s\"", db->channel);
    if (!db_simple(db, sql, NULL, &refused))
        db->is_stale = db_is_lost(db);
    return true;
}

static bool
open_connection(struct db *db, struct error *err)
{
    PQfinish(db->conn);
    db->conn = connect_server(db->options);
    db->is_stale = false;
    memset(db->prepared, 0,
           db->options->statement_count * sizeof *db->prepared);
    if (db->conn == NULL || PQstatus(db->conn) != CONNECTION_OK) {
        db_fail(db, NULL, err);
        goto failed;
    }
    (void)PQsetNoticeProcessor(db->conn, on_notice, NULL);
    if (PQsetnonblocking(db->conn, 1) != 0) {
        db_fail(db, NULL, err);
        goto failed;
    }
    if (set_session(db, err))
        return true;
failed:
    PQfinish(db->conn);
    db->conn = NULL;
    return false;
}

/* Reads what came while the connection was idle, such as the farewell of a
 * server that was restarted: found here it costs a new connection; found by
 * the statement it would cost the request. */
static void
listen_for_farewell(struct db *db)
{
    struct pollfd fd = {.fd = PQsocket(db->conn), .events = POLLIN};

    while (!db_is_lost(db) && poll(&fd, 1, 0) > 0)
        if (PQconsumeInput(db->conn) == 0)
            break;
}

bool
db_ensure(struct db *db, struct error *err)
{
    if (db->is_in_transaction) {
        if (!db_is_lost(db))
            return true;
        return error_set(err, ERROR_BUSY, "the database connection was lost");
    }
    if (!db_is_lost(db) && !db->is_stale)
        listen_for_farewell(db);
    if (!db_is_lost(db) && !db->is_stale)
        return true;
    return open_connection(db, err);
}

bool
db_open(const struct db_options *options, struct db **out, struct error *err)
{
    char *why = NULL;
    PQconninfoOption *parsed = PQconninfoParse(options->connection, &why);
    struct db *db;

    if (parsed == NULL) {
        error_cause(err, ERROR_INPUT, why == NULL ? "" : why,
                    "no connection string of PostgreSQL");
        PQfreemem(why);
        return false;
    }
    PQconninfoFree(parsed);
    db = base_alloc(sizeof *db);
    db->options = options;
    db->prepared =
        base_alloc((options->statement_count + 1) * sizeof *db->prepared);
    if (!open_connection(db, err)) {
        db_close(db);
        return false;
    }
    *out = db;
    return true;
}

void
db_close(struct db *db)
{
    if (db == NULL)
        return;
    PQfinish(db->conn);
    free(db->prepared);
    free(db);
}

/* ---- Transactions ------------------------------------------------------ */

static bool
begin(struct db *db, struct error *err)
{
    static const char sql[] = "BEGIN ISOLATION LEVEL READ COMMITTED";

    if (!db_ensure(db, err))
        return false;
    if (db_simple(db, sql, NULL, err))
        return true;
    /* Nothing has been done yet: a lost connection may be replaced. */
    return (db_is_lost(db) || db->is_stale) && db_ensure(db, err) &&
           db_simple(db, sql, NULL, err);
}

static bool
commit(struct db *db, struct error *err)
{
    char tag[DB_TAG_MAX + 1];

    if (db_is_lost(db))
        return error_set(err, ERROR_BUSY, "the database connection was lost");
    if (!db_simple(db, "COMMIT", tag, err)) {
        /* The server answers a COMMIT that it refuses; without an answer it
         * may have been done. */
        if (db_is_lost(db)) {
            db->is_unknown = true;
            db->is_conflicted = false;
            error_wrap(err, "whether this was committed is unknown");
        }
        return false;
    }
    if (strcmp(tag, "COMMIT") == 0)
        return true;
    return error_set(err, ERROR_INTERNAL,
                     "a failed statement was taken for a success");
}

static void
roll_back(struct db *db)
{
    struct error err = {0};

    if (!db_is_lost(db) && !db_simple(db, "ROLLBACK", NULL, &err))
        db->is_stale = true;
}

static bool
attempt(struct db *db, db_run *run, void *arg, struct error *err)
{
    bool ok;

    db->is_conflicted = false;
    if (!begin(db, err))
        return false;
    db->is_in_transaction = true;
    ok = run(db, arg, err);
    if (ok)
        ok = commit(db, err);
    else
        roll_back(db);
    db->is_in_transaction = false;
    return ok;
}

/* Longer each time, and never the same for two that met each other. */
static void
wait_a_while(int attempts)
{
    int most_ms = WAIT_LEAST_MS << attempts;
    uint32_t noise = 0;
    struct timespec ts = {0, 0};

    if (most_ms > WAIT_MOST_MS)
        most_ms = WAIT_MOST_MS;
    (void)!getrandom(&noise, sizeof noise, 0);
    ts.tv_nsec = (most_ms / 2 + (int)(noise % (uint32_t)most_ms)) * 1000000L;
    (void)nanosleep(&ts, NULL);
}

bool
db_transaction(struct db *db, db_run *run, void *arg, struct error *err)
{
    assert(!db->is_in_transaction);
    db->is_unknown = false;
    for (int attempts = 1;; attempts++) {
        if (attempt(db, run, arg, err))
            return true;
        if (!db->is_conflicted || attempts == ATTEMPTS_MAX)
            return false;
        wait_a_while(attempts);
    }
}

bool
db_is_unknown(const struct db *db)
{
    return db->is_unknown;
}
