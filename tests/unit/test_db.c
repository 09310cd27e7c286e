/* db/db.h against a real PostgreSQL: values, results, errors, streams. */
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/clock.h"
#include "db/db.h"
#include "tests/unit/pg.h"

enum {
    ECHO_INTEGERS,
    ECHO_TEXTS,
    ECHO_TIMES,
    ECHO_BOOL,
    ECHO_ANY,
    ECHO_ARRAYS,
    COUNT_ARRAYS,
    COUNT_ROWS,
    ADD,
    ADD_PLACE,
    SERIES,
    SLEEP,
    RAISE,
    BROKEN,
    NOTIFY,
    STATEMENT_COUNT,
};

static const struct db_statement statements[STATEMENT_COUNT] = {
    [ECHO_INTEGERS] = {"echo_integers",
                       "SELECT $1::bigint, $2::integer, 7::smallint"},
    [ECHO_TEXTS] = {"echo_texts", "SELECT $1::text, $2::bytea"},
    [ECHO_TIMES] = {"echo_times",
                    "SELECT $1::timestamptz, $2::timestamptz,"
                    " extract(epoch FROM $1::timestamptz)::bigint"},
    [ECHO_BOOL] = {"echo_bool", "SELECT $1::boolean"},
    [ECHO_ANY] = {"echo_any", "SELECT coalesce($1, 0::bigint)"},
    [ECHO_ARRAYS] = {"echo_arrays",
                     "SELECT a, b, c FROM unnest($1::bigint[], $2::bytea[],"
                     " $3::text[]) WITH ORDINALITY AS x (a, b, c, n)"
                     " ORDER BY n"},
    [COUNT_ARRAYS] = {"count_arrays",
                      "SELECT cardinality($1::bigint[]),"
                      " cardinality($2::bytea[]), cardinality($3::text[])"},
    [COUNT_ROWS] = {"count_rows", "SELECT count(*) FROM public.item"},
    [ADD] = {"add", "INSERT INTO public.item (name) VALUES ($1)"},
    [ADD_PLACE] = {"add_place",
                   "INSERT INTO public.item (name, place) VALUES ($1, $2)"},
    [SERIES] = {"series", "SELECT generate_series(1, $1::bigint)"},
    [SLEEP] = {"sleep", "SELECT pg_sleep(20)"},
    [RAISE] = {"raise", "SELECT public.fail($1)"},
    [BROKEN] = {"broken", "SELECT nothing FROM nowhere"},
    [NOTIFY] = {"notify", "SELECT pg_notify('status', '')"},
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
    pg_sql("CREATE TABLE public.item (name text PRIMARY KEY, place smallint);"
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

static int
open_db(void **state)
{
    struct error err = {0};
    struct db *db = NULL;

    pg_sql("TRUNCATE public.item");
    if (!db_open(&options, &db, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    *state = db;
    return 0;
}

static int
close_db(void **state)
{
    db_close(*state);
    return 0;
}

static struct db_result *
query(struct db *db, size_t statement, struct db_params *p)
{
    struct error err = {0};
    struct db_result *r = NULL;

    if (!db_query(db, statement, p, &r, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    return r;
}

/* ---- Values ------------------------------------------------------------ */

static void
integers_come_back_as_bound(void **state)
{
    static const int64_t longs[] = {0, -1, INT64_MIN, INT64_MAX, 1000000007};
    static const int32_t ints[] = {0, -1, INT32_MIN, INT32_MAX, -77};

    for (size_t i = 0; i < 5; i++) {
        struct db_params p = {0};
        struct db_result *r;
        struct error err = {0};
        int64_t a, small;
        int32_t b, c;

        db_bind_int64(&p, longs[i]);
        db_bind_int32(&p, ints[i]);
        r = query(*state, ECHO_INTEGERS, &p);
        assert_int_equal(db_rows(r), 1);
        assert_true(db_read_int64(r, 0, 0, &a, &err));
        assert_true(db_read_int32(r, 0, 1, &b, &err));
        assert_true(db_read_int32(r, 0, 2, &c, &err));
        assert_true(db_read_int64(r, 0, 2, &small, &err));
        assert_true(a == longs[i]);
        assert_int_equal(b, ints[i]);
        assert_int_equal(c, 7);
        assert_true(small == 7);
        db_result_free(r);
    }
}

static void
texts_and_octets_come_back_as_bound(void **state)
{
    static const uint8_t octets[] = {0x00, 0xff, 0x00, 0x5c, 0x27};
    struct db_params p = {0};
    struct error err = {0};
    const uint8_t *bytes;
    const char *text;
    struct db_result *r;
    size_t len;

    db_bind_text(&p, "\xe4\xb8\xad\xe6\x96\x87 '; DROP TABLE item; --");
    db_bind_bytes(&p, octets, sizeof octets);
    r = query(*state, ECHO_TEXTS, &p);
    assert_true(db_read_text(r, 0, 0, &text, &err));
    assert_string_equal(text,
                        "\xe4\xb8\xad\xe6\x96\x87 '; DROP TABLE item; --");
    assert_true(db_read_bytes(r, 0, 1, &bytes, &len, &err));
    assert_int_equal(len, sizeof octets);
    assert_memory_equal(bytes, octets, len);
    db_result_free(r);

    db_bind_text(&p, "");
    db_bind_bytes(&p, NULL, 0);
    r = query(*state, ECHO_TEXTS, &p);
    assert_false(db_is_null(r, 0, 0));
    assert_false(db_is_null(r, 0, 1));
    assert_true(db_read_bytes(r, 0, 1, &bytes, &len, &err));
    assert_int_equal(len, 0);
    db_result_free(r);

    db_bind_text(&p, NULL);
    db_bind_null(&p);
    r = query(*state, ECHO_TEXTS, &p);
    assert_true(db_is_null(r, 0, 0));
    assert_true(db_is_null(r, 0, 1));
    db_result_free(r);
}

static void
times_come_back_as_bound(void **state)
{
    /* 0 binds as NULL only where that was asked for. */
    static const int64_t times[] = {
        0, -1, 946684800, 946684799, 1795512345, 253402300799, -62135596800};

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct db_params p = {0};
        struct error err = {0};
        struct db_result *r;
        int64_t at, epoch;

        db_bind_time(&p, times[i]);
        db_bind_time_or_null(&p, times[i]);
        r = query(*state, ECHO_TIMES, &p);
        assert_true(db_read_time(r, 0, 0, &at, &err));
        assert_true(db_read_int64(r, 0, 2, &epoch, &err));
        assert_true(at == times[i]);
        assert_true(epoch == times[i]);
        assert_int_equal(db_is_null(r, 0, 1), times[i] == 0);
        db_result_free(r);
    }
}

static void
booleans_come_back_as_bound(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct db_params p = {0};
        struct error err = {0};
        struct db_result *r;
        bool value;

        db_bind_bool(&p, i == 1);
        r = query(*state, ECHO_BOOL, &p);
        assert_true(db_read_bool(r, 0, 0, &value, &err));
        assert_int_equal(value, i);
        db_result_free(r);
    }
}

static void
arrays_come_back_through_unnest(void **state)
{
    static const int64_t numbers[] = {1, -2, INT64_MAX};
    static const struct db_bytes bytes[] = {
        {(const uint8_t *)"", 0}, {NULL, 0}, {(const uint8_t *)"\0\1", 2}};
    static const char *const texts[] = {NULL, "", "{\"a\",NULL}"};
    struct db_params p = {0};
    struct error err = {0};
    struct db_result *r;
    const uint8_t *data;
    const char *text;
    size_t len;
    int64_t n;

    db_bind_int64_array(&p, numbers, 3);
    db_bind_bytes_array(&p, bytes, 3);
    db_bind_text_array(&p, texts, 3);
    r = query(*state, ECHO_ARRAYS, &p);
    assert_int_equal(db_rows(r), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(db_read_int64(r, i, 0, &n, &err));
        assert_true(n == numbers[i]);
    }
    assert_false(db_is_null(r, 0, 1));
    assert_true(db_is_null(r, 1, 1));
    assert_true(db_read_bytes(r, 2, 1, &data, &len, &err));
    assert_int_equal(len, 2);
    assert_memory_equal(data, "\0\1", 2);
    assert_true(db_is_null(r, 0, 2));
    assert_true(db_read_text(r, 2, 2, &text, &err));
    assert_string_equal(text, "{\"a\",NULL}");
    db_result_free(r);
}

static void
empty_arrays_are_empty_and_not_null(void **state)
{
    struct db_params p = {0};
    struct error err = {0};
    struct db_result *r;
    int32_t n;

    db_bind_int64_array(&p, NULL, 0);
    db_bind_bytes_array(&p, NULL, 0);
    db_bind_text_array(&p, NULL, 0);
    r = query(*state, COUNT_ARRAYS, &p);
    for (int i = 0; i < 3; i++) {
        assert_true(db_read_int32(r, 0, i, &n, &err));
        assert_int_equal(n, 0);
    }
    db_result_free(r);
}

static void
a_null_without_a_type_may_be_followed_by_a_value_and_back(void **state)
{
    for (int i = 0; i < 4; i++) {
        struct db_params p = {0};
        struct error err = {0};
        struct db_result *r;
        int64_t n;

        if (i % 2 == 0)
            db_bind_null(&p);
        else
            db_bind_int32(&p, 40 + i);
        r = query(*state, ECHO_ANY, &p);
        assert_true(db_read_int64(r, 0, 0, &n, &err));
        assert_true(n == (i % 2 == 0 ? 0 : 40 + i));
        db_result_free(r);
    }
}

static void
a_read_of_another_type_is_refused(void **state)
{
    struct db_params p = {0};
    struct error err = {0};
    struct db_result *r;
    const uint8_t *data;
    const char *text;
    int64_t n;
    int32_t small;
    size_t len;
    bool flag;

    db_bind_int64(&p, 5);
    db_bind_int32(&p, 5);
    r = query(*state, ECHO_INTEGERS, &p);
    assert_false(db_read_int32(r, 0, 0, &small, &err)); /* too wide */
    assert_int_equal(err.code, ERROR_INTERNAL);
    assert_false(db_read_text(r, 0, 0, &text, &err));
    assert_false(db_read_bytes(r, 0, 0, &data, &len, &err));
    assert_false(db_read_time(r, 0, 0, &n, &err));
    assert_false(db_read_bool(r, 0, 0, &flag, &err));
    assert_false(db_read_int64(r, 0, 3, &n, &err)); /* no such column */
    assert_false(db_read_int64(r, 1, 0, &n, &err)); /* no such row */
    db_result_free(r);

    db_bind_text(&p, NULL);
    db_bind_bytes(&p, "x", 1);
    r = query(*state, ECHO_TEXTS, &p);
    assert_false(db_read_text(r, 0, 0, &text, &err)); /* NULL */
    assert_false(db_read_text(r, 0, 1, &text, &err));
    assert_false(db_read_int64(r, 0, 1, &n, &err));
    db_result_free(r);
}

/* ---- Errors ------------------------------------------------------------ */

static void
the_second_row_with_one_key_is_a_conflict(void **state)
{
    struct db_params p = {0};
    struct error err = {0};
    int64_t changed = 0;

    db_bind_text(&p, "one");
    assert_true(db_exec(*state, ADD, &p, &changed, &err));
    assert_true(changed == 1);
    db_bind_text(&p, "one");
    assert_false(db_exec(*state, ADD, &p, &changed, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.cause, "23505"));
    assert_string_equal(pg_ask("SELECT count(*) FROM public.item"), "1");
}

static void
a_failure_says_what_its_code_means(void **state)
{
    static const struct {
        const char *sqlstate;
        enum error_code code;
    } cases[] = {
        {"53100", ERROR_BUSY},     {"53200", ERROR_BUSY},
        {"53300", ERROR_BUSY},     {"58030", ERROR_BUSY},
        {"55P03", ERROR_BUSY},     {"57014", ERROR_BUSY},
        {"40001", ERROR_BUSY},     {"23505", ERROR_CONFLICT},
        {"23514", ERROR_INTERNAL}, {"42501", ERROR_INTERNAL},
        {"P0001", ERROR_INTERNAL}, {"22003", ERROR_INTERNAL},
        {"25006", ERROR_BUSY},     {"57P01", ERROR_BUSY},
        {"08006", ERROR_BUSY},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct db_params p = {0};
        struct db_result *r = NULL;
        struct error err = {0};

        db_bind_text(&p, cases[i].sqlstate);
        assert_false(db_query(*state, RAISE, &p, &r, &err));
        assert_int_equal(err.code, cases[i].code);
        assert_non_null(strstr(err.cause, cases[i].sqlstate));
        assert_non_null(strstr(err.cause, "as asked"));
        assert_null(strchr(err.cause, '\n'));
    }
}

static void
a_statement_that_does_not_prepare_is_our_fault(void **state)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct error err = {0};

    assert_false(db_query(*state, BROKEN, &p, &r, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    assert_non_null(strstr(err.what, "broken"));
    db_result_free(query(*state, COUNT_ROWS, &p));
}

static void
a_number_too_large_for_its_column_is_refused_not_cut(void **state)
{
    struct db_params p = {0};
    struct error err = {0};
    int64_t changed;

    db_bind_text(&p, "far");
    db_bind_int32(&p, 70000);
    assert_false(db_exec(*state, ADD_PLACE, &p, &changed, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    db_bind_text(&p, "near");
    db_bind_int32(&p, 7);
    assert_true(db_exec(*state, ADD_PLACE, &p, &changed, &err));
}

static void
a_slow_statement_is_ended_and_busy(void **state)
{
    struct db_options quick = options;
    struct db_params p = {0};
    struct error err = {0};
    struct db_result *r = NULL;
    struct db *db = NULL;
    int64_t since = clock_monotonic_ms();

    (void)state;
    quick.statement_timeout_ms = 200;
    assert_true(db_open(&quick, &db, &err));
    assert_false(db_query(db, SLEEP, &p, &r, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_true(clock_monotonic_ms() - since < 4000);
    db_result_free(query(db, COUNT_ROWS, &p));
    db_close(db);
}

static void
no_connection_string_is_bad_input(void **state)
{
    struct db_options wrong = options;
    struct error err = {0};
    struct db *db = NULL;

    (void)state;
    wrong.connection = "host=/tmp colour=red";
    assert_false(db_open(&wrong, &db, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_null(db);
    wrong.connection = "host=/nonexistent user=x";
    assert_false(db_open(&wrong, &db, &err));
    assert_int_equal(err.code, ERROR_BUSY);
}

/* ---- Streams ----------------------------------------------------------- */

struct sum {
    int64_t count, total, stop_after;
};

/* db_each */
static bool
add_up(const struct db_result *row, void *arg, struct error *err)
{
    struct sum *sum = arg;
    int64_t n;

    assert_int_equal(db_rows(row), 1);
    if (!db_read_int64(row, 0, 0, &n, err))
        return false;
    sum->count++;
    sum->total += n;
    if (sum->count == sum->stop_after)
        return error_set(err, ERROR_CONFLICT, "seen enough");
    return true;
}

static void
a_stream_brings_every_row_alone(void **state)
{
    struct db_params p = {0};
    struct sum sum = {0};
    struct error err = {0};

    db_bind_int64(&p, 20000);
    assert_true(db_stream(*state, SERIES, &p, add_up, &sum, &err));
    assert_true(sum.count == 20000);
    assert_true(sum.total == INT64_C(20000) * 20001 / 2);
}

static void
a_stream_that_is_left_early_leaves_a_connection_of_use(void **state)
{
    struct db_params p = {0};
    struct sum sum = {.stop_after = 3};
    struct error err = {0};
    int64_t since = clock_monotonic_ms();

    db_bind_int64(&p, INT64_C(100000000));
    assert_false(db_stream(*state, SERIES, &p, add_up, &sum, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_string_equal(err.what, "seen enough");
    assert_true(sum.count == 3);
    assert_true(clock_monotonic_ms() - since < 4000);
    db_result_free(query(*state, COUNT_ROWS, &p));
}

static void
a_stream_that_fails_says_why(void **state)
{
    struct db_params p = {0};
    struct sum sum = {0};
    struct error err = {0};

    db_bind_text(&p, "53100");
    assert_false(db_stream(*state, RAISE, &p, add_up, &sum, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_non_null(strstr(err.cause, "53100"));
    db_result_free(query(*state, COUNT_ROWS, &p));
}

/* ---- LISTEN ------------------------------------------------------------ */

static void
a_notification_ends_the_wait(void **state)
{
    struct db_params p = {0};
    struct error err = {0};
    int64_t since = clock_monotonic_ms();
    bool heard = false;

    assert_true(db_listen(*state, "status", &err));
    pg_sql("NOTIFY status");
    assert_true(db_wait(*state, 5000, -1, &heard, &err));
    assert_true(heard);
    assert_true(clock_monotonic_ms() - since < 4000);
    assert_true(db_wait(*state, 20, -1, &heard, &err));
    assert_false(heard);
    /* One that arrived with the answer of a statement is heard, too. */
    db_result_free(query(*state, NOTIFY, &p));
    assert_true(db_wait(*state, 5000, -1, &heard, &err));
    assert_true(heard);
}

static void
a_wake_up_ends_the_wait(void **state)
{
    struct error err = {0};
    int64_t since = clock_monotonic_ms();
    bool heard = true;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_true(db_wait(*state, 10000, ends[0], &heard, &err));
    assert_false(heard);
    assert_true(clock_monotonic_ms() - since < 5000);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int
main(void)
{
#define WITH_DB(test) cmocka_unit_test_setup_teardown(test, open_db, close_db)
    const struct CMUnitTest tests[] = {
        WITH_DB(integers_come_back_as_bound),
        WITH_DB(texts_and_octets_come_back_as_bound),
        WITH_DB(times_come_back_as_bound),
        WITH_DB(booleans_come_back_as_bound),
        WITH_DB(arrays_come_back_through_unnest),
        WITH_DB(empty_arrays_are_empty_and_not_null),
        WITH_DB(a_null_without_a_type_may_be_followed_by_a_value_and_back),
        WITH_DB(a_read_of_another_type_is_refused),
        WITH_DB(the_second_row_with_one_key_is_a_conflict),
        WITH_DB(a_failure_says_what_its_code_means),
        WITH_DB(a_statement_that_does_not_prepare_is_our_fault),
        WITH_DB(a_number_too_large_for_its_column_is_refused_not_cut),
        WITH_DB(a_slow_statement_is_ended_and_busy),
        cmocka_unit_test(no_connection_string_is_bad_input),
        WITH_DB(a_stream_brings_every_row_alone),
        WITH_DB(a_stream_that_is_left_early_leaves_a_connection_of_use),
        WITH_DB(a_stream_that_fails_says_why),
        WITH_DB(a_notification_ends_the_wait),
        WITH_DB(a_wake_up_ends_the_wait),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
