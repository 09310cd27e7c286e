/* Holding what the first reviewer passed until the second decides, and
 * releasing it by that decision alone (domain.md, 1.8 #15 and #17). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core_parts.h"
#include "pg.h"

static struct core core;

static int
start(void **state)
{
    (void)state;
    core_start(&core, 1);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    return core_audit_and_stop(&core);
}

/* A valid certificate: its serial. */
static const char *
issued(const char *name)
{
    static char serial[4][2 * API_SERIAL_LEN + 1];
    static int next;
    json_t *answer = core_must(&core, core_issue_order(name));
    char *out = serial[next++ % 4];

    (void)snprintf(out, sizeof serial[0], "%s", core_serial(answer));
    json_decref(answer);
    return out;
}

static json_t *
with(json_t *take_order, json_t *pending)
{
    json_object_set(take_order, "pending", pending);
    return take_order;
}

static json_t *
hold_for(json_t *pending, const char *serial)
{
    return with(core_change_order("hold", serial, NULL), pending);
}

static json_t *
release_for(json_t *pending, const char *serial)
{
    return with(core_change_order("release", serial, NULL), pending);
}

static json_t *
passed(const json_t *pending)
{
    return core_decide(pending, API_STEP_FIRST_REVIEW,
                       &core.officer[CORE_FIRST], 0);
}

static json_t *
rejected_by(const json_t *pending, const struct core_officer *officer)
{
    struct api_decision decision = {.step = API_STEP_SECOND_REVIEW,
                                    .verdict = API_REJECT,
                                    .decided_at = clock_now(),
                                    .remark = "原件与扫描件不符"};

    memcpy(decision.officer_id, officer->officer_id,
           sizeof decision.officer_id);
    return core_sign(pending, &decision, officer->certificate.data,
                     officer->certificate.len, officer->key.key);
}

static json_t *
rejected(const json_t *pending)
{
    return rejected_by(pending, &core.officer[CORE_SECOND]);
}

static json_t *
one(json_t *order, json_t *decision)
{
    return core_envelope(order, decision, NULL, NULL);
}

static void
must(json_t *take_envelope)
{
    struct error err = {0};
    json_t *answer = core_hand_in(&core, take_envelope, &err);

    if (answer == NULL)
        fail_msg("%s", err.what);
    json_decref(answer);
}

static void
assert_state(const char *serial, const char *state)
{
    char sql[256];

    (void)snprintf(sql, sizeof sql,
                   "SELECT state FROM ca.certificate WHERE serial = '\\x%s'",
                   serial);
    assert_string_equal(pg_ask(sql), state);
}

static void
hold_by_the_first_and_revocation_by_both(void **state)
{
    const char *serial = issued("一号公司");
    json_t *pending = core_change_order("revoke", serial, "superseded");

    (void)state;
    must(one(hold_for(pending, serial), passed(pending)));
    assert_state(serial, "held");
    /* The same decision of the first reviewer carries the revocation. */
    must(core_envelope(pending, passed(pending),
                       core_decide(pending, API_STEP_SECOND_REVIEW,
                                   &core.officer[CORE_SECOND], 0),
                       NULL));
    assert_state(serial, "revoked");
}

static void
hold_is_released_by_the_rejection_of_what_it_was_for(void **state)
{
    const char *serial = issued("二号公司");
    json_t *pending = core_successor_order("reissue", serial, "revoke");

    (void)state;
    must(one(hold_for(pending, serial), passed(pending)));
    must(one(release_for(pending, serial), rejected(pending)));
    assert_state(serial, "valid");
    /* Neither decision serves twice. */
    core_refused(&core, one(hold_for(pending, serial), passed(pending)),
                 ERROR_CONFLICT, "");
    core_refused(&core, one(release_for(pending, serial), rejected(pending)),
                 ERROR_DENIED, "not held for the pending order");
    json_decref(pending);
}

static void
hold_with_pending_of_another_certificate_is_refused(void **state)
{
    const char *mine = issued("三号公司"), *other = issued("四号公司");
    json_t *pending = core_change_order("revoke", other, "superseded");
    json_t *order = hold_for(pending, mine);
    struct api_order *parsed = NULL;
    struct error err = {0};

    (void)state;
    assert_false(api_order_parse(order, &parsed, &err));
    assert_non_null(strstr(err.what, "not about these certificates"));
    json_decref(order);
    /* Nor with one more, or one less, than that is about. */
    order = hold_for(pending, other);
    json_array_append(
        json_object_get(json_object_get(order, "target"), "certificates"),
        json_array_get(
            json_object_get(json_object_get(order, "target"), "certificates"),
            0));
    json_object_set_new(
        json_array_get(
            json_object_get(json_object_get(order, "target"), "certificates"),
            1),
        "serial", json_string(mine));
    assert_false(api_order_parse(order, &parsed, &err));
    json_decref(order);
    json_decref(pending);
}

static void
hold_with_pending_needs_the_first_review_of_that_order(void **state)
{
    const char *serial = issued("五号公司");
    json_t *pending = core_change_order("revoke", serial, "superseded");
    json_t *order = hold_for(pending, serial);

    (void)state;
    /* Over the hold instead of what is pending. */
    core_refused(&core, one(json_incref(order), passed(order)), ERROR_DENIED,
                 "is not over this order");
    core_refused(
        &core,
        one(json_incref(order), core_decide(pending, API_STEP_SECOND_REVIEW,
                                            &core.officer[CORE_SECOND], 0)),
        ERROR_DENIED, "has no step second-review");
    core_refused(&core, one(json_incref(order), NULL), ERROR_DENIED,
                 "first-review is missing");
    json_object_set_new(pending, "reason", json_string("unspecified"));
    {
        json_t *before = passed(pending);

        json_object_set_new(pending, "reason", json_string("superseded"));
        core_refused(&core, one(order, before), ERROR_DENIED,
                     "is not over this order");
    }
    json_decref(pending);
}

/* Of either order: who hands the hold in chooses its applicant. */
static void
applicant_of_what_is_pending_does_not_hold(void **state)
{
    const char *serial = issued("申请公司");
    json_t *pending = core_change_order("revoke", serial, "superseded");

    (void)state;
    json_object_set_new(json_object_get(pending, "applicant"), "person",
                        json_string("P-FIRST"));
    core_refused(&core, one(hold_for(pending, serial), passed(pending)),
                 ERROR_DENIED, "the applicant may not decide");
    json_decref(pending);
}

static void
release_needs_another_person_than_the_first_reviewer(void **state)
{
    const char *serial = issued("六号公司");
    json_t *pending = core_change_order("revoke", serial, "superseded");
    struct error err = {0};

    (void)state;
    must(one(hold_for(pending, serial), passed(pending)));
    core_refused(&core,
                 one(release_for(pending, serial),
                     rejected_by(pending, &core.officer[CORE_FIRST])),
                 ERROR_DENIED, "is no second-reviewer");
    assert_true(db_officer_add_role(core.worker->db,
                                    core.officer[CORE_FIRST].officer_id,
                                    "second-reviewer", &err));
    core_refused(&core,
                 one(release_for(pending, serial),
                     rejected_by(pending, &core.officer[CORE_FIRST])),
                 ERROR_DENIED,
                 "one person decided first-review and second-review");
    assert_state(serial, "held");
    must(one(release_for(pending, serial), rejected(pending)));
    json_decref(pending);
}

static void
approval_releases_nothing_and_rejection_carries_nothing_out(void **state)
{
    const char *serial = issued("七号公司");
    json_t *pending = core_change_order("revoke", serial, "superseded");

    (void)state;
    must(one(hold_for(pending, serial), passed(pending)));
    core_refused(&core,
                 one(release_for(pending, serial),
                     core_decide(pending, API_STEP_SECOND_REVIEW,
                                 &core.officer[CORE_SECOND], 0)),
                 ERROR_DENIED, "says approve, not reject");
    core_refused(&core,
                 core_envelope(json_incref(pending), passed(pending),
                               rejected(pending), NULL),
                 ERROR_DENIED, "says reject, not approve");
    assert_state(serial, "held");
    json_decref(pending);
}

static void
hold_for_another_reason_is_not_released_by_one_person(void **state)
{
    const char *serial = issued("八号公司");
    json_t *pending = core_change_order("revoke", serial, "superseded");
    json_t *other = core_change_order("revoke", serial, "superseded");
    json_t *plain = core_change_order("hold", serial, NULL);

    (void)state;
    /* One reviewer held it, for no order that is pending. */
    must(one(plain, passed(plain)));
    core_refused(&core, one(release_for(pending, serial), rejected(pending)),
                 ERROR_DENIED, "not held for the pending order");
    must(core_reviewed(&core, core_change_order("release", serial, NULL)));
    /* It is held for another order than the one that is rejected. */
    must(one(hold_for(other, serial), passed(other)));
    core_refused(&core, one(release_for(pending, serial), rejected(pending)),
                 ERROR_DENIED, "not held for the pending order");
    /* Released by two, and held anew without one pending. */
    must(core_reviewed(&core, core_change_order("release", serial, NULL)));
    plain = core_change_order("hold", serial, NULL);
    must(one(plain, passed(plain)));
    core_refused(&core, one(release_for(other, serial), rejected(other)),
                 ERROR_DENIED, "not held for the pending order");
    assert_state(serial, "held");
    json_decref(pending);
    json_decref(other);
}

static void
pending_is_a_whole_order_of_its_own_kind(void **state)
{
    const char *serial = issued("九号公司");
    json_t *renewal = core_successor_order("renew", serial, "none");
    json_t *broken = core_change_order("revoke", serial, "superseded");
    json_t *own = core_change_order("revoke", serial, "superseded");
    json_t *order;
    struct api_order *parsed = NULL;
    struct error err = {0};

    (void)state;
    order = hold_for(renewal, serial);
    assert_false(api_order_parse(order, &parsed, &err));
    assert_non_null(strstr(err.what, "revoke, reissue or change, not renew"));
    json_decref(order);
    json_object_del(broken, "reason");
    order = hold_for(broken, serial);
    assert_false(api_order_parse(order, &parsed, &err));
    assert_non_null(strstr(err.what, "pending"));
    json_decref(order);
    order = hold_for(own, serial);
    json_object_set(order, "order_id", json_object_get(own, "order_id"));
    assert_false(api_order_parse(order, &parsed, &err));
    assert_non_null(strstr(err.what, "order id of its own"));
    json_object_set_new(json_object_get(own, "applicant"), "account",
                        json_string("account-2"));
    json_object_set_new(order, "order_id",
                        json_string("6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c"));
    assert_false(api_order_parse(order, &parsed, &err));
    assert_non_null(strstr(err.what, "another account"));
    json_decref(order);
    order = with(core_change_order("revoke", serial, NULL), own);
    assert_false(api_order_parse(order, &parsed, &err));
    assert_non_null(strstr(err.what, "has no pending"));
    json_decref(order);
    json_decref(renewal);
    json_decref(broken);
    json_decref(own);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hold_by_the_first_and_revocation_by_both),
        cmocka_unit_test(hold_is_released_by_the_rejection_of_what_it_was_for),
        cmocka_unit_test(hold_with_pending_of_another_certificate_is_refused),
        cmocka_unit_test(
            hold_with_pending_needs_the_first_review_of_that_order),
        cmocka_unit_test(
            approval_releases_nothing_and_rejection_carries_nothing_out),
        cmocka_unit_test(applicant_of_what_is_pending_does_not_hold),
        cmocka_unit_test(hold_for_another_reason_is_not_released_by_one_person),
        cmocka_unit_test(pending_is_a_whole_order_of_its_own_kind),
        cmocka_unit_test(release_needs_another_person_than_the_first_reviewer),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
