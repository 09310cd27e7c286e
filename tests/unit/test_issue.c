/* The writer and the desk on a real database and a real token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/clock.h"
#include "ca-core/desk.h"
#include "core_parts.h"
#include "pg.h"

static struct core core;

static int
start(void **state)
{
    (void)state;
    core_start(&core, 2);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    core_stop(&core);
    return 0;
}

static const char *
state_of(const char *serial)
{
    char sql[256];

    (void)snprintf(sql, sizeof sql,
                   "SELECT state FROM ca.certificate"
                   " WHERE serial = '\\x%s'",
                   serial);
    return pg_ask(sql);
}

static void
order_with_two_reviews_becomes_a_certificate(void **state)
{
    json_t *answer = core_must(&core, core_issue_order("第一公司"));
    const char *serial = core_serial(answer);

    (void)state;
    assert_string_equal(state_of(serial), "valid");
    assert_string_equal(json_string_value(json_object_get(answer, "state")),
                        "done");
    assert_string_equal(
        pg_ask("SELECT string_agg(event, ' ' ORDER BY index) FROM log.entry"),
        "order.accepted certificate.issued");
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.decision"), "2");
    assert_string_equal(
        pg_ask("SELECT bool_and(status_index = e.index) FROM ca.certificate"
               " JOIN log.entry e ON e.subject = encode(serial, 'hex')"),
        "t");
    json_decref(answer);
}

struct twin {
    const char *envelope; /* JSON text */
    json_t *answer;
    struct error err;
};

static void *
hand_in_twin(void *arg)
{
    struct twin *twin = arg;

    /* As the RA does: what is busy is asked again, with the same id. */
    for (int i = 0; i < 50 && twin->answer == NULL; i++) {
        twin->answer = core_hand_in(&core, json_loads(twin->envelope, 0, NULL),
                                    &twin->err);
        if (twin->answer == NULL && twin->err.code != ERROR_BUSY)
            break;
        if (twin->answer == NULL)
            (void)nanosleep(&(struct timespec){0, 50000000}, NULL);
    }
    return NULL;
}

static void
same_order_64_times_at_once_gives_one_certificate(void **state)
{
    enum { TWINS = 64 };
    static struct twin twin[TWINS];
    json_t *envelope = core_reviewed(&core, core_issue_order("并发公司"));
    char *text = json_dumps(envelope, JSON_COMPACT);
    pthread_t thread[TWINS];
    char *first = NULL;

    (void)state;
    for (int i = 0; i < TWINS; i++) {
        twin[i] = (struct twin){.envelope = text};
        assert_int_equal(
            pthread_create(&thread[i], NULL, hand_in_twin, &twin[i]), 0);
    }
    for (int i = 0; i < TWINS; i++) {
        char *answer;

        assert_int_equal(pthread_join(thread[i], NULL), 0);
        if (twin[i].answer == NULL)
            fail_msg("twin %d: %s", i, twin[i].err.what);
        answer = json_dumps(twin[i].answer, JSON_SORT_KEYS);
        if (first == NULL)
            first = answer;
        else {
            assert_string_equal(answer, first);
            free(answer);
        }
        json_decref(twin[i].answer);
    }
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.certificate"
                               " WHERE subject_text LIKE '%并发公司%'"),
                        "1");
    free(first);
    free(text);
    json_decref(envelope);
}

static void
many_different_orders_at_once_are_all_issued(void **state)
{
    enum { COUNT = 48 };
    static struct twin twin[COUNT];
    pthread_t thread[COUNT];

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        char name[64];
        json_t *envelope;

        (void)snprintf(name, sizeof name, "公司 %d", i);
        envelope = core_reviewed(&core, core_issue_order(name));
        twin[i] = (struct twin){.envelope = json_dumps(envelope, 0)};
        json_decref(envelope);
    }
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(
            pthread_create(&thread[i], NULL, hand_in_twin, &twin[i]), 0);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        if (twin[i].answer == NULL)
            fail_msg("order %d: %s", i, twin[i].err.what);
        json_decref(twin[i].answer);
        free((void *)(uintptr_t)twin[i].envelope);
    }
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.certificate"
                               " WHERE state = 'intended'"),
                        "0");
    /* Numbered without gaps. */
    assert_string_equal(pg_ask("SELECT max(index) + 1 = count(*)"
                               " FROM log.entry"),
                        "t");
}

static void
two_orders_for_one_subject_at_once_give_one_certificate(void **state)
{
    static struct twin twin[2];
    pthread_t thread[2];
    int issued = 0;

    (void)state;
    for (int i = 0; i < 2; i++) {
        json_t *envelope = core_reviewed(&core, core_issue_order("同名公司"));

        twin[i] = (struct twin){.envelope = json_dumps(envelope, 0)};
        json_decref(envelope);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            pthread_create(&thread[i], NULL, hand_in_twin, &twin[i]), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        if (twin[i].answer != NULL)
            issued++;
        else
            assert_int_equal(twin[i].err.code, ERROR_CONFLICT);
        json_decref(twin[i].answer);
        free((void *)(uintptr_t)twin[i].envelope);
    }
    assert_int_equal(issued, 1);
}

static void
order_id_with_other_content_is_a_conflict(void **state)
{
    json_t *order = core_issue_order("甲公司"), *other;
    struct error err = {0};
    json_t *answer;

    (void)state;
    other = core_issue_order("乙公司");
    json_object_set(other, "order_id", json_object_get(order, "order_id"));
    answer = core_must(&core, order);
    assert_null(core_hand_in(&core, core_reviewed(&core, other), &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_string_equal(pg_ask("SELECT event FROM log.entry"
                               " ORDER BY index DESC LIMIT 1"),
                        "order.refused");
    json_decref(answer);
}

static void
renewed_certificate_revokes_its_predecessor_in_one_transaction(void **state)
{
    json_t *old = core_must(&core, core_issue_order("续期公司"));
    json_t *renewed = core_must(
        &core, core_successor_order("renew", core_serial(old), "revoke"));

    (void)state;
    assert_string_equal(state_of(core_serial(old)), "revoked");
    assert_string_equal(state_of(core_serial(renewed)), "valid");
    assert_string_equal(
        pg_ask("SELECT string_agg(event, ' ' ORDER BY index) FROM"
               " (SELECT * FROM log.entry ORDER BY index DESC LIMIT 3) e"),
        "order.accepted certificate.issued certificate.revoked");
    assert_int_equal(json_array_size(json_object_get(renewed, "revoked")), 1);
    json_decref(old);
    json_decref(renewed);
}

static void
reissue_copies_subject_and_end_date(void **state)
{
    json_t *old = core_must(&core, core_issue_order("补发公司"));
    json_t *fresh = core_must(
        &core, core_successor_order("reissue", core_serial(old), "revoke"));
    char sql[512];

    (void)state;
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(DISTINCT (subject, not_after)) FROM"
                   " ca.certificate WHERE serial IN ('\\x%s', '\\x%s')",
                   core_serial(old), core_serial(fresh));
    assert_string_equal(pg_ask(sql), "1");
    json_decref(old);
    json_decref(fresh);
}

static void
revoked_predecessor_is_refused(void **state)
{
    json_t *old = core_must(&core, core_issue_order("撤销公司"));
    struct error err = {0};

    (void)state;
    json_decref(core_must(
        &core, core_change_order("revoke", core_serial(old), "superseded")));
    assert_null(core_hand_in(
        &core,
        core_reviewed(&core,
                      core_successor_order("renew", core_serial(old), "none")),
        &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    json_decref(old);
}

static void
recorded_order_is_finished_at_start_with_the_recorded_tbs(void **state)
{
    json_t *answer = core_must(&core, core_issue_order("中断公司"));
    const char *id = json_string_value(json_object_get(answer, "order_id"));
    json_t *again = NULL;
    struct error err = {0};
    char sql[600], tbs[9000];

    (void)state;
    /* As a kill between record and result leaves it. */
    (void)snprintf(sql, sizeof sql,
                   "SET session_replication_role = replica;"
                   "UPDATE ca.order SET state = 'recorded', finished_at = NULL"
                   " WHERE order_id = '%s';"
                   "UPDATE ca.certificate SET state = 'intended', der = NULL,"
                   " status_index = NULL WHERE order_id = '%s'",
                   id, id);
    pg_sql(sql);
    (void)snprintf(sql, sizeof sql,
                   "SELECT encode(tbs, 'hex') FROM ca.certificate"
                   " WHERE order_id = '%s'",
                   id);
    (void)snprintf(tbs, sizeof tbs, "%s", pg_ask(sql));
    core_restart_writer(&core, 2);
    for (int i = 0; i < 100; i++) {
        json_decref(again);
        again = NULL;
        assert_true(desk_find(core.worker, id, &again, &err));
        if (strcmp(json_string_value(json_object_get(again, "state")),
                   "done") == 0)
            break;
        (void)nanosleep(&(struct timespec){0, 50000000}, NULL);
    }
    assert_string_equal(json_string_value(json_object_get(again, "state")),
                        "done");
    assert_string_equal(core_serial(again), core_serial(answer));
    (void)snprintf(sql, sizeof sql,
                   "SELECT encode(substring(der FROM 5 FOR"
                   " octet_length(tbs)), 'hex') FROM ca.certificate"
                   " WHERE order_id = '%s'",
                   id);
    assert_string_equal(pg_ask(sql), tbs);
    json_decref(answer);
    json_decref(again);
}

static void
clock_behind_the_log_issues_nothing(void **state)
{
    struct error err = {0};

    (void)state;
    pg_sql("INSERT INTO log.entry SELECT next_index, now() + interval '1 hour',"
           " 'test', 'test', '{}', sha256('{}') FROM log.head;"
           "UPDATE log.head SET next_index = next_index + 1");
    assert_null(core_hand_in(
        &core, core_reviewed(&core, core_issue_order("时钟公司")), &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_non_null(strstr(err.what, "behind the log"));
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.certificate WHERE"
                               " subject_text LIKE '%时钟公司%'"),
                        "0");
    pg_sql("SET session_replication_role = replica;"
           "DELETE FROM log.entry WHERE event = 'test';"
           "UPDATE log.head SET next_index = next_index - 1");
}

static void
database_away_is_busy_and_the_order_goes_through_later(void **state)
{
    json_t *envelope = core_reviewed(&core, core_issue_order("断库公司"));
    struct error err = {0};
    json_t *answer = NULL;

    (void)state;
    pg_kill();
    assert_null(core_hand_in(&core, json_deep_copy(envelope), &err));
    assert_int_equal(err.code, ERROR_BUSY);
    pg_restart();
    for (int i = 0; i < 50 && answer == NULL; i++) {
        answer = core_hand_in(&core, json_deep_copy(envelope), &err);
        if (answer == NULL)
            (void)nanosleep(&(struct timespec){0, 100000000}, NULL);
    }
    if (answer == NULL)
        fail_msg("%s", err.what);
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.certificate WHERE"
                               " subject_text LIKE '%断库公司%'"),
                        "1");
    json_decref(answer);
    json_decref(envelope);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_with_two_reviews_becomes_a_certificate),
        cmocka_unit_test(same_order_64_times_at_once_gives_one_certificate),
        cmocka_unit_test(many_different_orders_at_once_are_all_issued),
        cmocka_unit_test(
            two_orders_for_one_subject_at_once_give_one_certificate),
        cmocka_unit_test(order_id_with_other_content_is_a_conflict),
        cmocka_unit_test(
            renewed_certificate_revokes_its_predecessor_in_one_transaction),
        cmocka_unit_test(reissue_copies_subject_and_end_date),
        cmocka_unit_test(revoked_predecessor_is_refused),
        cmocka_unit_test(
            recorded_order_is_finished_at_start_with_the_recorded_tbs),
        cmocka_unit_test(clock_behind_the_log_issues_nothing),
        cmocka_unit_test(
            database_away_is_busy_and_the_order_goes_through_later),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
