/*
 * A private PostgreSQL for tests: one cluster for each test program, in a
 * folder of its own, reached by a socket, with the schema of db/migrations.
 * What goes wrong here ends the test program.
 */
#ifndef TESTS_UNIT_PG_H
#define TESTS_UNIT_PG_H

#include <stddef.h>

/* In a cmocka group set-up and tear-down. Starting takes about 3 seconds. */
void pg_start(void);
void pg_stop(void);

/* libpq connection string for a role: "signet_ca", "signet_ra", "signet_ocsp",
 * "signet_audit", "signet_owner", or "postgres", who may do all. Borrowed until
 * pg_stop(). */
const char *pg_connection(const char *role);

/* Throws all rows away: every connection is cut, the schema is as new. */
void pg_reset(void);

/* Runs SQL as `postgres`. */
void pg_sql(const char *sql);
/* The same for a question with one answer, as text; NULL is "". Borrowed until
 * the next. */
const char *pg_ask(const char *sql);
/* Runs SQL as `role` and gives the SQLSTATE of its failure, or "" when it did
 * not fail. Borrowed until the next. */
const char *pg_sqlstate(const char *role, const char *sql);

/* A server that dies as by kill -9, and one that is started again. */
void pg_kill(void);
void pg_restart(void);

/* A second cluster is another struct pg. */
struct pg;
struct pg *pg_new(void); /* an empty cluster, running */
void pg_free(struct pg *pg);
const char *pg_folder(const struct pg *pg); /* holds the socket, port 5432 */
void pg_run(const struct pg *pg, const char *sql); /* as pg_sql() */

#endif
