/* Transactions and connections that come and go, on a real PostgreSQL. */
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "db/db.h"
#include "tests/unit/pg.h"

enum {
    ADD,
    RAISE_PLACE,
    COUNT_ROWS,
    PID,
    RAISE,
    FILL,
    STATEMENT_COUNT,
};

static const struct db_statement statements[STATEMENT_COUNT] = {
    [ADD] = {"add", "INSERT INTO public.item (name, place) VALUES ($1, 0)"},
    [RAISE_PLACE] = {"raise_place", "UPDATE public.item SET place = place + 1"
                                    " WHERE name = $1"},
    [COUNT_ROWS] = {"count_rows", "SELECT count(*) FROM public.item"},
    [PID] = {"pid", "SELECT pg_backend_pid()"},
    [RAISE] = {"raise", "SELECT public.fail($1)"},
    [FILL] = {"fill", "INSERT INTO public.small"
                      " SELECT repeat(md5(n::text), 30)"
                      " FROM generate_series(1, 20000) AS n"},
};

static struct db_options options = {
    .statements = statements,
    .statement_count = STATEMENT_COUNT,
    .connect_timeout_s = 5,
    .statement_timeout_ms = 5000,
};

static int
start(void **state)
{
    (void)state;
    pg_start();
    pg_sql("CREATE TABLE public.item (name text PRIMARY KEY, place integer);"
           "CREATE FUNCTION public.fail(code text) RETURNS integer"
           " LANGUAGE plpgsql AS $$ BEGIN"
           " RAISE EXCEPTION 'as asked' USING ERRCODE = code; END $$");
    options.connection = pg_connection("postgres");
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    pg_stop();
    return 0;
}

static struct db *
open_with(const struct db_options *with)
{
    struct error err = {0};
    struct db *db = NULL;

    if (!db_open(with, &db, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    return db;
}

static int
open_db(void **state)
{
    pg_sql("TRUNCATE public.item");
    pg_sql("INSERT INTO public.item VALUES ('a', 0), ('b', 0)");
    *state = open_with(&options);
    return 0;
}

static int
close_db(void **state)
{
    db_close(*state);
    return 0;
}

static bool
add(struct db *db, const char *name, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, name);
    return db_exec(db, ADD, &p, &changed, err);
}

static bool
raise_place(struct db *db, const char *name, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, name);
    return db_exec(db, RAISE_PLACE, &p, &changed, err);
}

static int32_t
backend_pid(struct db *db)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct error err = {0};
    int32_t pid = 0;

    if (!db_query(db, PID, &p, &r, &err) || !db_read_int32(r, 0, 0, &pid, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    db_result_free(r);
    return pid;
}

static bool
count_rows(struct db *db, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = db_query(db, COUNT_ROWS, &p, &r, err);

    db_result_free(r);
    return ok;
}

/* Cuts the connection and waits until its backend has gone. */
static void
terminate(int32_t pid)
{
    char sql[128];

    (void)snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 5000)",
                   pid);
    assert_string_equal(pg_ask(sql), "t");
}

/* ---- Begin to end ------------------------------------------------------ */

/* db_run */
static bool
add_two(struct db *db, void *arg, struct error *err)
{
    return add(db, "one", err) && add(db, "two", err) &&
           (arg == NULL ||
            error_set(err, ERROR_DENIED, "thought better of it"));
}

static void
a_transaction_that_succeeds_is_committed(void **state)
{
    struct error err = {0};

    assert_true(db_transaction(*state, add_two, NULL, &err));
    assert_false(db_is_unknown(*state));
    assert_string_equal(pg_ask("SELECT count(*) FROM public.item"), "4");
}

static void
a_transaction_that_fails_leaves_nothing(void **state)
{
    struct error err = {0};

    assert_false(db_transaction(*state, add_two, &err, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_string_equal(pg_ask("SELECT count(*) FROM public.item"), "2");
    assert_true(db_transaction(*state, add_two, NULL, &err));
}

/* db_run */
static bool
overlook_a_failure(struct db *db, void *arg, struct error *err)
{
    struct error overlooked = {0};

    (void)arg;
    (void)err;
    (void)add(db, "one", &overlooked);
    (void)add(db, "one", &overlooked);
    return true;
}

static void
a_failure_that_was_overlooked_is_not_taken_for_a_commit(void **state)
{
    struct error err = {0};

    assert_false(db_transaction(*state, overlook_a_failure, NULL, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    assert_string_equal(pg_ask("SELECT count(*) FROM public.item"), "2");
}

/* ---- Conflicts --------------------------------------------------------- */

struct crossing {
    struct db *db;
    const char *first, *second;
    pthread_barrier_t *both;
    int runs;
    bool ok;
    struct error err;
};

/* db_run: takes two rows; the other thread takes them the other way round. */
static bool
take_both(struct db *db, void *arg, struct error *err)
{
    struct crossing *crossing = arg;

    if (!raise_place(db, crossing->first, err))
        return false;
    if (crossing->runs++ == 0)
        (void)pthread_barrier_wait(crossing->both);
    return raise_place(db, crossing->second, err);
}

static void *
cross(void *arg)
{
    struct crossing *crossing = arg;

    crossing->ok =
        db_transaction(crossing->db, take_both, crossing, &crossing->err);
    return NULL;
}

static void
a_deadlock_is_resolved_by_running_again(void **state)
{
    pthread_barrier_t both;
    struct crossing here = {.db = *state, .first = "a", .second = "b"};
    struct crossing there = {.first = "b", .second = "a"};
    pthread_t thread;

    there.db = open_with(&options);
    assert_int_equal(pthread_barrier_init(&both, NULL, 2), 0);
    here.both = there.both = &both;
    assert_int_equal(pthread_create(&thread, NULL, cross, &there), 0);
    (void)cross(&here);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)pthread_barrier_destroy(&both);
    db_close(there.db);
    if (!here.ok || !there.ok)
        fail_msg("%s%s", here.err.what, there.err.what);
    assert_true(here.runs + there.runs >= 3);
    assert_string_equal(pg_ask("SELECT sum(place) FROM public.item"), "4");
}

/* db_run */
static bool
always_conflict(struct db *db, void *arg, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    ++*(int *)arg;
    db_bind_text(&p, "40001");
    ok = db_query(db, RAISE, &p, &r, err);
    db_result_free(r);
    return ok;
}

static void
a_conflict_without_end_is_given_up_as_busy(void **state)
{
    struct error err = {0};
    int runs = 0;

    assert_false(db_transaction(*state, always_conflict, &runs, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_int_equal(runs, 8);
    assert_true(db_transaction(*state, add_two, NULL, &err));
}

/* db_run */
static bool
conflict_then_refuse(struct db *db, void *arg, struct error *err)
{
    struct error overlooked = {0};

    if (++*(int *)arg == 1)
        return always_conflict(db, &(int){0}, &overlooked) ||
               error_set(err, ERROR_BUSY, "%s", overlooked.what);
    return error_set(err, ERROR_DENIED, "no");
}

static void
a_refusal_is_not_run_again(void **state)
{
    struct error err = {0};
    int runs = 0;

    assert_false(db_transaction(*state, conflict_then_refuse, &runs, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_int_equal(runs, 2);
}

/* ---- Lost connections -------------------------------------------------- */

/* db_run */
static bool
lose_the_connection(struct db *db, void *arg, struct error *err)
{
    (void)arg;
    if (!add(db, "one", err))
        return false;
    terminate(backend_pid(db));
    return add(db, "two", err);
}

static void
a_connection_killed_in_mid_transaction_is_replaced(void **state)
{
    struct error err = {0};

    assert_false(db_transaction(*state, lose_the_connection, NULL, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_false(db_is_unknown(*state));
    assert_string_equal(pg_ask("SELECT count(*) FROM public.item"), "2");
    assert_true(db_transaction(*state, add_two, NULL, &err));
    assert_string_equal(pg_ask("SELECT count(*) FROM public.item"), "4");
}

static void
a_connection_killed_while_idle_costs_no_request(void **state)
{
    struct error err = {0};

    terminate(backend_pid(*state));
    assert_true(count_rows(*state, &err));
    terminate(backend_pid(*state));
    assert_true(db_transaction(*state, add_two, NULL, &err));
}

static void
a_connection_killed_in_commit_leaves_the_outcome_unknown(void **state)
{
    struct error err = {0};

    pg_sql("CREATE OR REPLACE FUNCTION public.die() RETURNS trigger"
           " LANGUAGE plpgsql AS $$ BEGIN"
           " PERFORM pg_terminate_backend(pg_backend_pid());"
           " PERFORM pg_sleep(5); RETURN NULL; END $$;"
           "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON public.item"
           " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
           " EXECUTE FUNCTION public.die()");
    assert_false(db_transaction(*state, add_two, NULL, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_true(db_is_unknown(*state));
    pg_sql("DROP TRIGGER die ON public.item");
    assert_true(db_transaction(*state, add_two, NULL, &err));
    assert_false(db_is_unknown(*state));
}

static void
a_server_that_is_away_is_busy_until_it_is_back(void **state)
{
    struct error err = {0};
    int64_t since;

    pg_kill();
    since = clock_monotonic_ms();
    assert_false(db_transaction(*state, add_two, NULL, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_false(count_rows(*state, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_true(clock_monotonic_ms() - since < 2000);
    pg_restart();
    assert_true(db_transaction(*state, add_two, NULL, &err));
    pg_restart();
    assert_true(count_rows(*state, &err));
}

static void
a_server_that_does_not_answer_costs_one_timeout(void **state)
{
    struct db_options quick = options;
    struct db *db;
    struct error err = {0};
    int64_t since = clock_monotonic_ms();
    int32_t pid;

    (void)state;
    quick.statement_timeout_ms = 300;
    db = open_with(&quick);
    pid = backend_pid(db);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_false(count_rows(db, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_true(clock_monotonic_ms() - since < 5000);
    assert_true(count_rows(db, &err));
    assert_int_equal(kill(pid, SIGCONT), 0);
    db_close(db);
}

/* ---- A full disk ------------------------------------------------------- */

/* Mounting is for root; as another user through sudo. */
static void
must_run(const char *command, const char *folder)
{
    struct buf line = BUF_INIT(512);

    buf_addf(&line, "%s%s %s", geteuid() == 0 ? "" : "sudo -n ", command,
             folder);
    if (buf_is_full(&line) || system(buf_text(&line)) != 0)
        fail_msg("%s", buf_text(&line));
    buf_clear(&line);
}

/* db_run */
static bool
fill(struct db *db, void *arg, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    (void)arg;
    return db_exec(db, FILL, &p, &changed, err);
}

static void
a_full_disk_is_busy_and_heals(void **state)
{
    char folder[] = "/tmp/signet-full.XXXXXX";
    char sql[256];
    struct error err = {0};

    assert_non_null(mkdtemp(folder));
    /* Owned by whom the server runs as. */
    must_run("mount -t tmpfs -o size=4m,mode=0700,uid=$([ $(id -u) = 0 ]"
             " && id -u postgres || id -u) signet",
             folder);
    (void)snprintf(sql, sizeof sql, "CREATE TABLESPACE small LOCATION '%s'",
                   folder);
    pg_sql(sql);
    pg_sql("CREATE TABLE public.small (content text) TABLESPACE small");
    assert_false(db_transaction(*state, fill, NULL, &err));
    pg_sql("DROP TABLE public.small");
    pg_sql("CHECKPOINT");
    pg_sql("DROP TABLESPACE small");
    must_run("umount -l", folder); /* backends may look at it still */
    (void)rmdir(folder);
    assert_int_equal(err.code, ERROR_BUSY);
    assert_non_null(strstr(err.cause, "53100"));
    assert_true(db_transaction(*state, add_two, NULL, &err));
}

/* ---- Several hosts ----------------------------------------------------- */

static void
set_read_only(const struct pg *pg, const char *value)
{
    char sql[128];

    (void)snprintf(sql, sizeof sql,
                   "ALTER SYSTEM SET default_transaction_read_only = %s",
                   value);
    pg_run(pg, "SET default_transaction_read_only = off");
    pg_run(pg, sql);
    pg_run(pg, "SELECT pg_reload_conf()");
}

static void
the_writable_one_of_several_hosts_is_found_and_found_again(void **state)
{
    struct db_options several = options;
    struct pg *first = pg_new(), *second = pg_new();
    char connection[512];
    struct error err = {0};
    struct db *db;

    (void)state;
    pg_run(first, "CREATE TABLE public.item (name text, place integer)");
    pg_run(second, "CREATE TABLE public.item (name text, place integer)");
    set_read_only(first, "on");
    (void)snprintf(connection, sizeof connection,
                   "host=%s,%s port=5432 dbname=postgres user=postgres"
                   " target_session_attrs=read-write",
                   pg_folder(first), pg_folder(second));
    several.connection = connection;
    db = open_with(&several);
    assert_true(db_transaction(db, add_two, NULL, &err));

    /* The other one takes over; ours refuses to write from now on. */
    set_read_only(second, "on");
    set_read_only(first, "off");
    for (int i = 0; i < 100; i++) {
        if (!db_transaction(db, add_two, NULL, &err))
            break;
        (void)usleep(20000);
    }
    assert_int_equal(err.code, ERROR_BUSY);
    assert_true(db_transaction(db, add_two, NULL, &err));
    pg_free(second);
    assert_true(db_transaction(db, add_two, NULL, &err));
    db_close(db);
    pg_free(first);
}

int
main(void)
{
#define WITH_DB(test) cmocka_unit_test_setup_teardown(test, open_db, close_db)
    const struct CMUnitTest tests[] = {
        WITH_DB(a_transaction_that_succeeds_is_committed),
        WITH_DB(a_transaction_that_fails_leaves_nothing),
        WITH_DB(a_failure_that_was_overlooked_is_not_taken_for_a_commit),
        WITH_DB(a_deadlock_is_resolved_by_running_again),
        WITH_DB(a_conflict_without_end_is_given_up_as_busy),
        WITH_DB(a_refusal_is_not_run_again),
        WITH_DB(a_connection_killed_in_mid_transaction_is_replaced),
        WITH_DB(a_connection_killed_while_idle_costs_no_request),
        WITH_DB(a_connection_killed_in_commit_leaves_the_outcome_unknown),
        WITH_DB(a_server_that_is_away_is_busy_until_it_is_back),
        WITH_DB(a_server_that_does_not_answer_costs_one_timeout),
        WITH_DB(a_full_disk_is_busy_and_heals),
        cmocka_unit_test(
            the_writable_one_of_several_hosts_is_found_and_found_again),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
