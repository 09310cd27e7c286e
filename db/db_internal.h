/* What the db_*.c files share about a connection. Nobody else includes this. */
#ifndef DB_DB_INTERNAL_H
#define DB_DB_INTERNAL_H

#include <libpq-fe.h>

#include "db/db.h"

enum { DB_CHANNEL_MAX = 63, DB_TAG_MAX = 31 };

/* What a statement was prepared with: the server keeps the types. */
struct db_prepared {
    bool is_ready;
    int count;
    Oid types[DB_PARAMS_MAX];
};

struct db {
    const struct db_options *options; /* borrowed */
    PGconn *conn;                     /* NULL or broken: to be opened again */
    struct db_prepared *prepared;     /* one for each statement */
    bool is_in_transaction;
    bool is_conflicted; /* a statement of this transaction met 40001, 40P01 */
    bool is_unknown;
    bool is_stale; /* the server is no good to us any more: open another */
    char channel[DB_CHANNEL_MAX + 1]; /* that we listen on, or "" */
};

struct db_result {
    PGresult *pg;
};

/* db.c: a usable connection, opened again if need be. In a transaction a lost
 * one is an error. */
bool db_ensure(struct db *db, struct error *err) MUST_CHECK;

/* db_statement.c: the next result of what is under way, NULL at its end. Waits
 * no longer than a statement may take, then gives the connection up: *is_mute.
 * The caller clears the result. */
PGresult *db_next(struct db *db, bool *is_mute);
/* Runs text without parameters, such as BEGIN; *out gets the tag of the last
 * command ("COMMIT") if it is not NULL. */
bool db_simple(struct db *db, const char *sql, char out[DB_TAG_MAX + 1],
               struct error *err) MUST_CHECK;
bool db_is_lost(const struct db *db);

/* db_error.c: fills `err` from a result (NULL: from the connection) and marks
 * the connection if it is of no more use. Returns false. */
bool db_fail(struct db *db, const PGresult *result, struct error *err);

#endif
