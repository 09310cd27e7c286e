/*
 * PostgreSQL: the only users of libpq are in this folder. Above this file the
 * rest of db/ is one C function for each question, in domain terms; outside,
 * only those and db_open/db_close/db_transaction are called.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct db;
struct db_result;

/* A statement by its number in the table of its role (db/sql_*.c). */
struct db_statement {
    const char *name;
    const char *sql;
};

struct db_options {
    const char *connection; /* libpq keywords; may name several hosts, with
                               target_session_attrs */
    const struct db_statement *statements; /* prepared as each is first used */
    size_t statement_count;
    int connect_timeout_s;
    int statement_timeout_ms; /* 0: none, for long exports */
};

/* A connection belongs to one thread. `options` is borrowed for its life.
 * ERROR_BUSY when the server cannot be reached, ERROR_INPUT when `connection`
 * is no connection string. A connection that was lost is opened again at the
 * next transaction or statement outside one. */
bool db_open(const struct db_options *options, struct db **out,
             struct error *err) MUST_CHECK;
void db_close(struct db *db); /* NULL is nothing */

/* Runs `run` between BEGIN and COMMIT (read committed). On SQLSTATE 40001 and
 * 40P01 runs it again from the start, up to 8 times with jittered waits; so
 * `run` touches only the database and its own locals. A connection lost in
 * COMMIT is ERROR_BUSY with db_is_unknown(): look the row up by its key. */
typedef bool db_run(struct db *db, void *arg, struct error *err);
bool db_transaction(struct db *db, db_run *run, void *arg,
                    struct error *err) MUST_CHECK;
bool db_is_unknown(const struct db *db);

/* ---- For the other files of db/ ---------------------------------------- */

enum { DB_PARAMS_MAX = 40 };

struct db_params {
    int count;
    struct {
        const char *value; /* NULL: SQL NULL */
        int len;
        uint32_t type; /* PostgreSQL type OID */
        bool is_owned;
        char small[8]; /* integers, in network order */
    } at[DB_PARAMS_MAX];
};

/* Bind the next parameter; data is borrowed until db_params_clear(). */
void db_bind_int64(struct db_params *p, int64_t value);    /* bigint */
void db_bind_int32(struct db_params *p, int32_t value);    /* integer */
void db_bind_bool(struct db_params *p, bool value);        /* boolean */
void db_bind_text(struct db_params *p, const char *value); /* text; or NULL */
void db_bind_bytes(struct db_params *p, const void *data, size_t len);
void db_bind_time(struct db_params *p, int64_t at);         /* timestamptz */
void db_bind_time_or_null(struct db_params *p, int64_t at); /* 0: NULL */
void db_bind_null(struct db_params *p);

/* One-dimensional arrays for unnest(). */
struct db_bytes {
    const uint8_t *data; /* NULL: SQL NULL */
    size_t len;
};
void db_bind_int64_array(struct db_params *p, const int64_t *v, size_t n);
void db_bind_bytes_array(struct db_params *p, const struct db_bytes *v,
                         size_t n);
void db_bind_text_array(struct db_params *p, const char *const *v, size_t n);
void db_params_clear(struct db_params *p); /* frees what binding allocated */

/* Run statement number `statement`; both clear `p`. Errors carry the SQLSTATE
 * and message as cause: unique violation is ERROR_CONFLICT, connection trouble
 * and shutdown ERROR_BUSY, disk full ERROR_BUSY, the rest ERROR_INTERNAL. */
bool db_exec(struct db *db, size_t statement, struct db_params *p,
             int64_t *changed, struct error *err) MUST_CHECK;
bool db_query(struct db *db, size_t statement, struct db_params *p,
              struct db_result **out, struct error *err) MUST_CHECK;
void db_result_free(struct db_result *result); /* NULL is nothing */
size_t db_rows(const struct db_result *result);

/* Typed reads: a wrong format, length or unexpected NULL is ERROR_INTERNAL.
 * Text and bytes are borrowed from the result. */
bool db_read_int64(const struct db_result *r, size_t row, int column,
                   int64_t *out, struct error *err) MUST_CHECK;
bool db_read_int32(const struct db_result *r, size_t row, int column,
                   int32_t *out, struct error *err) MUST_CHECK;
bool db_read_bool(const struct db_result *r, size_t row, int column, bool *out,
                  struct error *err) MUST_CHECK;
bool db_read_text(const struct db_result *r, size_t row, int column,
                  const char **out, struct error *err) MUST_CHECK;
bool db_read_bytes(const struct db_result *r, size_t row, int column,
                   const uint8_t **out, size_t *len,
                   struct error *err) MUST_CHECK;
bool db_read_time(const struct db_result *r, size_t row, int column,
                  int64_t *out, struct error *err) MUST_CHECK;
bool db_is_null(const struct db_result *r, size_t row, int column);

/* Octets of one length, as hashes and serials are. */
bool db_read_octets(const struct db_result *r, size_t row, int column,
                    uint8_t *out, size_t len, struct error *err) MUST_CHECK;
/* At most `max` octets, *len of them. */
bool db_read_octets_up_to(const struct db_result *r, size_t row, int column,
                          uint8_t *out, size_t max, size_t *len,
                          struct error *err) MUST_CHECK;
/* Text into an array: what is longer than `max` - 1 is ERROR_INTERNAL. */
bool db_read_word(const struct db_result *r, size_t row, int column, char *out,
                  size_t max, struct error *err) MUST_CHECK;

/* What may be NULL: *out stays as it is (give it empty), or is 0. The copies
 * are the caller's to free; db_read_text_null() borrows. */
bool db_read_bytes_copy(const struct db_result *r, size_t row, int column,
                        uint8_t **out, size_t *len,
                        struct error *err) MUST_CHECK;
bool db_read_text_copy(const struct db_result *r, size_t row, int column,
                       char **out, struct error *err) MUST_CHECK;
bool db_read_text_null(const struct db_result *r, size_t row, int column,
                       const char **out, struct error *err) MUST_CHECK;
bool db_read_time_null(const struct db_result *r, size_t row, int column,
                       int64_t *out, struct error *err) MUST_CHECK;

/* Streams a long answer row by row (single-row mode), constant memory. `each`
 * gets results of one row; false from it ends the query with its error. */
typedef bool db_each(const struct db_result *row, void *arg, struct error *err);
bool db_stream(struct db *db, size_t statement, struct db_params *p,
               db_each *each, void *arg, struct error *err) MUST_CHECK;

/* Runs the text of a migration: all SQL else stands in a table. */
bool db_script(struct db *db, const char *sql, struct error *err) MUST_CHECK;

/* LISTEN on a channel; false on a standby, where it is not to be had. */
bool db_listen(struct db *db, const char *channel,
               struct error *err) MUST_CHECK;
/* Waits up to `timeout_ms` for a notification; true in `*heard` if one came.
 * `wake_fd` (or -1): readable ends the wait. */
bool db_wait(struct db *db, int64_t timeout_ms, int wake_fd, bool *heard,
             struct error *err) MUST_CHECK;

#endif
