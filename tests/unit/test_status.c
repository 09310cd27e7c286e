/* Transitions of certificates: the table, and what requests make of rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ca-core/status.h"
#include "pg.h"

enum { THEN = 1000, NOW = 2000 };

static struct db_certificate_status
row(enum db_certificate_state state, int32_t reason)
{
    return (struct db_certificate_status){
        .issuer_id = 3,
        .serial = {1, 2},
        .state = state,
        .reason = reason,
        .revoked_at = reason >= 0 ? THEN : 0,
    };
}

static struct status_request
request(enum status_action action, enum api_reason reason)
{
    return (struct status_request){
        .action = action, .reason = reason, .at = NOW};
}

static void
table_of_transitions_is_that_of_the_database(void **state)
{
    (void)state;
    pg_start();
    for (int from = 0; from < DB_CERTIFICATE_STATE_COUNT; from++)
        for (int to = 0; to < DB_CERTIFICATE_STATE_COUNT; to++) {
            char sql[256];

            (void)snprintf(
                sql, sizeof sql,
                "SELECT count(*) FROM ca.certificate_transition"
                " WHERE from_state = '%s' AND to_state = '%s'",
                db_certificate_state_name((enum db_certificate_state)from),
                db_certificate_state_name((enum db_certificate_state)to));
            assert_int_equal(strcmp(pg_ask(sql), "1") == 0,
                             status_may_follow((enum db_certificate_state)from,
                                               (enum db_certificate_state)to));
        }
    pg_stop();
}

static void
hold_has_reason_certificate_hold_and_release_has_none(void **state)
{
    struct db_certificate_status valid = row(DB_CERTIFICATE_VALID, -1);
    struct db_certificate_status held = row(DB_CERTIFICATE_HELD, 6);
    struct status_request hold = request(STATUS_HOLD, 0);
    struct status_request release = request(STATUS_RELEASE, 0);
    struct db_certificate_change change;
    struct error err = {0};

    (void)state;
    assert_true(status_apply(&valid, &hold, &change, &err));
    assert_int_equal(change.to, DB_CERTIFICATE_HELD);
    assert_int_equal(change.reason, 6);
    assert_int_equal(change.revoked_at, NOW);
    assert_true(status_apply(&held, &release, &change, &err));
    assert_int_equal(change.to, DB_CERTIFICATE_VALID);
    assert_int_equal(change.reason, -1);
    assert_int_equal(change.revoked_at, 0);
}

static void
held_then_revoked_counts_from_the_hold(void **state)
{
    struct db_certificate_status held = row(DB_CERTIFICATE_HELD, 6);
    struct status_request revoke =
        request(STATUS_REVOKE, API_REASON_SUPERSEDED);
    struct db_certificate_change change;
    struct error err = {0};

    (void)state;
    assert_true(status_apply(&held, &revoke, &change, &err));
    assert_int_equal(change.reason, API_REASON_SUPERSEDED);
    assert_int_equal(change.revoked_at, THEN);
}

static void
revoked_again_for_compromise_keeps_the_instant(void **state)
{
    struct db_certificate_status revoked =
        row(DB_CERTIFICATE_REVOKED, API_REASON_SUPERSEDED);
    struct status_request raise =
        request(STATUS_REVOKE, API_REASON_KEY_COMPROMISE);
    struct db_certificate_change change;
    struct error err = {0};

    (void)state;
    raise.invalid_from = 500;
    assert_true(status_apply(&revoked, &raise, &change, &err));
    assert_int_equal(change.from, DB_CERTIFICATE_REVOKED);
    assert_int_equal(change.to, DB_CERTIFICATE_REVOKED);
    assert_int_equal(change.reason, API_REASON_KEY_COMPROMISE);
    assert_int_equal(change.revoked_at, THEN);
    assert_int_equal(change.invalid_from, 500);
}

static void
what_the_state_does_not_allow_is_a_conflict_that_names_the_serial(void **state)
{
    const struct {
        struct db_certificate_status row;
        struct status_request request;
    } cases[] = {
        {row(DB_CERTIFICATE_HELD, 6), request(STATUS_HOLD, 0)},
        {row(DB_CERTIFICATE_VALID, -1), request(STATUS_RELEASE, 0)},
        {row(DB_CERTIFICATE_REVOKED, 4), request(STATUS_RELEASE, 0)},
        {row(DB_CERTIFICATE_REVOKED, 4), request(STATUS_HOLD, 0)},
        {row(DB_CERTIFICATE_REVOKED, 4),
         request(STATUS_REVOKE, API_REASON_CESSATION_OF_OPERATION)},
        {row(DB_CERTIFICATE_REVOKED, 1),
         request(STATUS_REVOKE, API_REASON_KEY_COMPROMISE)},
        {row(DB_CERTIFICATE_INTENDED, -1),
         request(STATUS_REVOKE, API_REASON_KEY_COMPROMISE)},
        {row(DB_CERTIFICATE_VOID, -1),
         request(STATUS_REVOKE, API_REASON_KEY_COMPROMISE)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct db_certificate_change change;
        struct error err = {0};

        assert_false(
            status_apply(&cases[i].row, &cases[i].request, &change, &err));
        assert_int_equal(err.code, ERROR_CONFLICT);
        assert_non_null(strstr(err.what, "0102000000"));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hold_has_reason_certificate_hold_and_release_has_none),
        cmocka_unit_test(held_then_revoked_counts_from_the_hold),
        cmocka_unit_test(revoked_again_for_compromise_keeps_the_instant),
        cmocka_unit_test(
            what_the_state_does_not_allow_is_a_conflict_that_names_the_serial),
        cmocka_unit_test(table_of_transitions_is_that_of_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
