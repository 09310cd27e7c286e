/* Codes that a person types (domain.md, 1.8 #14), on a real database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/sql_ra.h"
#include "ra/code.h"
#include "tests/unit/pg.h"
#include "tests/unit/vault_parts.h"

enum { NOW = 1795500000, DAY = 86400 };

#define CASE "U20261124-000001"
#define OTHER "U20261124-000002"
#define MOBILE "13800000001"

static struct db *db;
static struct vault *vault;

static void
open_db(struct db **out)
{
    static struct db_options options = {
        .statements = db_ra_statements,
        .statement_count = DB_RA_STATEMENT_COUNT,
        .connect_timeout_s = 5,
        .statement_timeout_ms = 5000,
    };

    options.connection = pg_connection("signet_ra");
    assert_true(db_open(&options, out, NULL));
}

static int
group_start(void **state)
{
    (void)state;
    pg_start();
    vault = vault_parts_make();
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    vault_free(vault);
    pg_stop();
    return 0;
}

static int
start(void **state)
{
    (void)state;
    pg_reset();
    pg_sql("INSERT INTO ra.account (account, created_at) VALUES"
           " ('example', now()), ('another', now());"
           "INSERT INTO ra.case_file (number, business, account, state,"
           " unit_name, uscc, created_at, changed_at) VALUES"
           " ('" CASE "', 'unlock', 'example', 'approved', 'u', 'x', now(),"
           " now()), ('" OTHER "', 'unlock', 'another', 'approved', 'u', 'x',"
           " now(), now())");
    open_db(&db);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    db_close(db);
    db = NULL;
    return 0;
}

struct draw {
    const char *number;
    enum code_purpose purpose;
    const char *destination;
    int64_t at;
    char code[CODE_MAX + 1];
};

static bool
draw_run(struct db *conn, void *arg, struct error *err)
{
    struct draw *draw = arg;

    return code_draw(conn, vault, draw->number, draw->purpose,
                     draw->destination, draw->at, draw->code, err);
}

static bool
draw(const char *number, enum code_purpose purpose, int64_t at,
     char code[CODE_MAX + 1], struct error *err)
{
    struct draw run = {
        .number = number, .purpose = purpose, .destination = MOBILE, .at = at};
    bool ok = db_transaction(db, draw_run, &run, err);

    memcpy(code, run.code, sizeof run.code);
    return ok;
}

static bool
is_right(const char *number, enum code_purpose purpose, const char *typed,
         int64_t at)
{
    bool right = false;

    assert_true(code_try(db, vault, number, purpose, typed, at, &right, NULL));
    return right;
}

/* Another code of the same form. */
static void
spoil(const char *code, char wrong[CODE_MAX + 1])
{
    memcpy(wrong, code, CODE_MAX + 1);
    wrong[0] = code[0] == '2' ? '3' : '2';
}

/* ---- Trying ----------------------------------------------------------------
 */

static void
right_code_is_right_until_it_is_spent(void **state)
{
    char code[CODE_MAX + 1];
    struct error err = {0};

    (void)state;
    assert_true(draw(CASE, CODE_UNLOCK, NOW, code, NULL));
    assert_int_equal(strlen(code), 6);
    for (int i = 0; i < 8; i++) /* a client that asks again is not locked out */
        assert_true(is_right(CASE, CODE_UNLOCK, code, NOW + 1));
    assert_true(code_spend(db, CASE, CODE_UNLOCK, NOW + 2, NULL));
    assert_false(is_right(CASE, CODE_UNLOCK, code, NOW + 3));
    assert_false(code_spend(db, CASE, CODE_UNLOCK, NOW + 3, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
}

static void
right_code_is_wrong_after_too_many_wrong_ones(void **state)
{
    char code[CODE_MAX + 1];
    char wrong[CODE_MAX + 1];

    (void)state;
    assert_true(draw(CASE, CODE_UNLOCK, NOW, code, NULL));
    spoil(code, wrong);
    for (int i = 0; i < 4; i++)
        assert_false(is_right(CASE, CODE_UNLOCK, wrong, NOW));
    assert_true(is_right(CASE, CODE_UNLOCK, code, NOW));
    assert_false(is_right(CASE, CODE_UNLOCK, wrong, NOW));
    assert_false(is_right(CASE, CODE_UNLOCK, code, NOW)); /* the sixth */
}

static void
eleventh_try_of_an_activation_code_fails_even_when_right(void **state)
{
    char code[CODE_MAX + 1];
    char wrong[CODE_MAX + 1];

    (void)state;
    assert_true(draw(CASE, CODE_ACTIVATION, NOW, code, NULL));
    spoil(code, wrong);
    for (int i = 0; i < 10; i++)
        assert_false(is_right(CASE, CODE_ACTIVATION, wrong, NOW));
    assert_false(is_right(CASE, CODE_ACTIVATION, code, NOW));
}

static void
text_that_is_no_code_costs_a_try_too(void **state)
{
    static const char *const typed[] = {"", "12345", "1234567", "12345a",
                                        "\xc3\xa9"};
    char code[CODE_MAX + 1];

    (void)state;
    assert_true(draw(CASE, CODE_UNLOCK, NOW, code, NULL));
    for (int i = 0; i < 5; i++)
        assert_false(is_right(CASE, CODE_UNLOCK, typed[i], NOW));
    assert_false(is_right(CASE, CODE_UNLOCK, code, NOW));
}

static bool
fail_after_a_try(struct db *conn, void *arg, struct error *err)
{
    (void)conn;
    (void)arg;
    return error_set(err, ERROR_CONFLICT, "rolled back");
}

static void
tries_outlive_a_roll_back(void **state)
{
    char code[CODE_MAX + 1];
    char wrong[CODE_MAX + 1];

    (void)state;
    assert_true(draw(CASE, CODE_UNLOCK, NOW, code, NULL));
    spoil(code, wrong);
    for (int i = 0; i < 5; i++) {
        assert_false(is_right(CASE, CODE_UNLOCK, wrong, NOW));
        assert_false(db_transaction(db, fail_after_a_try, NULL, NULL));
    }
    assert_false(is_right(CASE, CODE_UNLOCK, code, NOW));
}

static void
activation_code_may_be_typed_with_hyphens_and_in_small_letters(void **state)
{
    char code[CODE_MAX + 1];
    char typed[2 * CODE_MAX + 1];
    size_t n = 0;

    (void)state;
    assert_true(draw(CASE, CODE_ACTIVATION, NOW, code, NULL));
    assert_int_equal(strlen(code), 12);
    assert_null(strpbrk(code, "IO01"));
    for (size_t i = 0; code[i] != '\0'; i++) {
        if (i > 0 && i % 4 == 0)
            typed[n++] = '-';
        typed[n++] = (char)(code[i] >= 'A' ? code[i] + 32 : code[i]);
    }
    typed[n] = '\0';
    assert_true(is_right(CASE, CODE_ACTIVATION, typed, NOW));
}

static void
code_runs_out_to_the_second(void **state)
{
    char code[CODE_MAX + 1];

    (void)state;
    assert_true(draw(CASE, CODE_UNLOCK, NOW, code, NULL));
    assert_true(is_right(CASE, CODE_UNLOCK, code, NOW + 299));
    assert_false(is_right(CASE, CODE_UNLOCK, code, NOW + 300));
    assert_true(draw(CASE, CODE_ACTIVATION, NOW, code, NULL));
    assert_true(is_right(CASE, CODE_ACTIVATION, code, NOW + 90 * DAY - 1));
    assert_false(is_right(CASE, CODE_ACTIVATION, code, NOW + 90 * DAY));
}

static void
code_opens_nothing_of_another_case_or_purpose(void **state)
{
    char code[CODE_MAX + 1];
    char other[CODE_MAX + 1];

    (void)state;
    assert_true(draw(CASE, CODE_UNLOCK, NOW, code, NULL));
    assert_true(draw(CASE, CODE_HANDLER_CHANGE, NOW, other, NULL));
    /* One in a million; then the test proves nothing either way. */
    if (strcmp(code, other) != 0)
        assert_false(is_right(CASE, CODE_HANDLER_CHANGE, code, NOW));
    assert_false(is_right(OTHER, CODE_UNLOCK, code, NOW));
    /* The hash itself, moved to another case, does not fit there. */
    pg_sql("UPDATE ra.code SET number = '" OTHER "' WHERE purpose = 'unlock'");
    assert_false(is_right(OTHER, CODE_UNLOCK, code, NOW));
}

static void
next_code_voids_the_one_before(void **state)
{
    char first[CODE_MAX + 1];
    char second[CODE_MAX + 1];

    (void)state;
    assert_true(draw(CASE, CODE_ACTIVATION, NOW, first, NULL));
    assert_true(draw(CASE, CODE_ACTIVATION, NOW, second, NULL));
    assert_false(is_right(CASE, CODE_ACTIVATION, first, NOW));
    assert_true(is_right(CASE, CODE_ACTIVATION, second, NOW));
}

static void
no_code_stands_in_the_database(void **state)
{
    char code[CODE_MAX + 1];
    char question[160];

    (void)state;
    assert_true(draw(CASE, CODE_ACTIVATION, NOW, code, NULL));
    (void)snprintf(question, sizeof question,
                   "SELECT count(*) FROM ra.code AS c WHERE c::text LIKE"
                   " '%%%s%%'",
                   code);
    assert_string_equal(pg_ask(question), "0");
}

/* ---- Sending ---------------------------------------------------------------
 */

static void
second_code_before_a_minute_is_refused_with_the_seconds(void **state)
{
    char code[CODE_MAX + 1];
    struct error err = {0};

    (void)state;
    assert_true(draw(CASE, CODE_UNLOCK, NOW, code, NULL));
    assert_false(draw(CASE, CODE_UNLOCK, NOW + 59, code, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.what, "1 s"));
    assert_true(draw(CASE, CODE_UNLOCK, NOW + 60, code, NULL));
}

static void
eleventh_code_of_a_day_to_one_number_is_refused_whatever_the_case(void **state)
{
    char code[CODE_MAX + 1];
    struct error err = {0};

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_true(draw(i % 2 == 0 ? CASE : OTHER, CODE_UNLOCK, NOW + i * 100,
                         code, NULL));
    assert_false(draw(CASE, CODE_UNLOCK, NOW + 5000, code, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.what, "81400 s"));
    assert_false(draw(OTHER, CODE_HANDLER_CHANGE, NOW + 5000, code, &err));
    assert_false(draw(CASE, CODE_UNLOCK, NOW + DAY - 1, code, &err));
    assert_true(draw(CASE, CODE_UNLOCK, NOW + DAY, code, NULL));
    /* One went out of the window, one came in. */
    assert_false(draw(CASE, CODE_UNLOCK, NOW + DAY + 60, code, &err));
}

static void
activation_code_is_limited_only_where_a_person_asks(void **state)
{
    char code[CODE_MAX + 1];
    struct error err = {0};

    (void)state;
    assert_true(
        code_may_draw(db, vault, CASE, CODE_ACTIVATION, NULL, NOW, NULL));
    for (int i = 0; i < 10; i++)
        assert_true(draw(CASE, CODE_ACTIVATION, NOW + i, code, NULL));
    assert_false(
        code_may_draw(db, vault, CASE, CODE_ACTIVATION, NULL, NOW + 10, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_false(
        code_may_draw(db, vault, CASE, CODE_ACTIVATION, NULL, NOW + 100, &err));
    assert_true(code_may_draw(db, vault, CASE, CODE_ACTIVATION, NULL,
                              NOW + DAY + 100, NULL));
}

/* ---- Pairing ---------------------------------------------------------------
 */

static void
client_code_finds_its_case_and_no_other_text_does(void **state)
{
    char code[CODE_MAX + 1];
    char wrong[CODE_MAX + 1];
    char number[32];

    (void)state;
    assert_true(draw(CASE, CODE_CLIENT, NOW, code, NULL));
    /* 32 letters: a guess at all codes of a day at once is one in 2^40. */
    assert_int_equal(strlen(code), 8);
    assert_int_equal(strspn(code, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"), 8);
    assert_true(code_client_find(db, vault, code, NOW, number, 32, NULL));
    assert_string_equal(number, CASE);
    spoil(code, wrong);
    assert_true(code_client_find(db, vault, wrong, NOW, number, 32, NULL));
    assert_string_equal(number, "");
    assert_true(code_client_find(db, vault, code, NOW + 900, number, 32, NULL));
    assert_string_equal(number, "");
    assert_true(draw(CASE, CODE_CLIENT, NOW, wrong, NULL));
    assert_true(code_client_find(db, vault, code, NOW, number, 32, NULL));
    assert_string_equal(number, "");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
        TEST(right_code_is_right_until_it_is_spent),
        TEST(right_code_is_wrong_after_too_many_wrong_ones),
        TEST(eleventh_try_of_an_activation_code_fails_even_when_right),
        TEST(text_that_is_no_code_costs_a_try_too),
        TEST(tries_outlive_a_roll_back),
        TEST(activation_code_may_be_typed_with_hyphens_and_in_small_letters),
        TEST(code_runs_out_to_the_second),
        TEST(code_opens_nothing_of_another_case_or_purpose),
        TEST(next_code_voids_the_one_before),
        TEST(no_code_stands_in_the_database),
        TEST(second_code_before_a_minute_is_refused_with_the_seconds),
        TEST(eleventh_code_of_a_day_to_one_number_is_refused_whatever_the_case),
        TEST(activation_code_is_limited_only_where_a_person_asks),
        TEST(client_code_finds_its_case_and_no_other_text_does),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
