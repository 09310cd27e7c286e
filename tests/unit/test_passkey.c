/* Officers with passkeys, before the core's own register
 * (docs/architecture.md, "Passkeys"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core_parts.h"
#include "pg.h"
#include "soft_passkey.h"

#define RP_ID "ra.example"
#define ORIGIN "https://ra.example"

enum { DAY_S = 86400 };

static struct core core;
static struct soft_passkey passkey; /* of officer_id, a first reviewer */
static char officer_id[TEXT_UUID_LEN + 1];

/* ---- Orders about officers --------------------------------------------- */

static json_t *
administered(json_t *take_order)
{
    return core_envelope(take_order,
                         core_decide(take_order, API_STEP_ADMINISTRATION,
                                     &core.officer[CORE_ADMIN], 0),
                         core_decide(take_order, API_STEP_SECOND_ADMINISTRATION,
                                     &core.officer[CORE_ADMIN_2], 0),
                         NULL);
}

static json_t *
order_json(struct api_order *order)
{
    struct error err = {0};

    assert_true(text_uuid_draw(order->order_id, &err));
    order->created_at = clock_now();
    return api_order_json(order);
}

static json_t *
enrolment(const char *id, const char *person,
          const struct api_credential *credential)
{
    struct api_order order = {
        .kind = API_ENROLL_OFFICER,
        .officer = {.officer_id = id,
                    .name = "通行",
                    .person = person,
                    .role = {API_ROLE_FIRST_REVIEWER},
                    .role_count = 1,
                    .credential = *credential},
    };

    return order_json(&order);
}

static json_t *
addition(const char *id, const struct api_credential *credential)
{
    struct api_order order = {.kind = API_ENROLL_CREDENTIAL,
                              .officer_id = id,
                              .credential = *credential};

    return order_json(&order);
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

static int
start(void **state)
{
    struct api_credential credential;
    struct error err = {0};

    (void)state;
    core_start(&core, 1);
    soft_passkey_make(SOFT_ES256, &passkey);
    credential = soft_passkey_credential(&passkey, RP_ID, ORIGIN);
    assert_true(text_uuid_draw(officer_id, &err));
    must(administered(enrolment(officer_id, "p-passkey", &credential)));
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    soft_passkey_clear(&passkey);
    return core_audit_and_stop(&core);
}

/* ---- Decisions --------------------------------------------------------- */

struct how {
    const struct soft_passkey *key;
    const char *rp_id, *origin;
    uint8_t flags;
};

static const struct how right = {&passkey, RP_ID, ORIGIN, SOFT_BOTH};

static json_t *
decided(const json_t *order, const char *id, const struct how *how)
{
    struct api_decision decision = {.step = API_STEP_FIRST_REVIEW,
                                    .decided_at = clock_now()};
    struct error err = {0};
    uint8_t digest[32];

    memcpy(decision.officer_id, id, sizeof decision.officer_id);
    assert_true(api_order_digest(order, digest, &err));
    soft_passkey_decide(
        how->key, how->rp_id, how->origin, how->flags, &decision,
        json_string_value(json_object_get(order, "order_id")), digest);
    return api_decision_json(&decision);
}

static json_t *
reviewed(json_t *order, json_t *first)
{
    return core_envelope(order, first,
                         core_decide(order, API_STEP_SECOND_REVIEW,
                                     &core.officer[CORE_SECOND], 0),
                         NULL);
}

static void
refused(const struct how *how, const char *why)
{
    json_t *order = core_issue_order("通行公司");

    core_refused(&core, reviewed(order, decided(order, officer_id, how)),
                 ERROR_DENIED, why);
}

static void
officer_decides_by_passkey(void **state)
{
    json_t *order = core_issue_order("一号公司");

    (void)state;
    must(reviewed(order, decided(order, officer_id, &right)));
    assert_string_equal(
        pg_ask("SELECT (client_data IS NOT NULL)::text FROM ca.decision"
               " WHERE authenticator_data IS NOT NULL"),
        "true");
}

static void
assertion_of_another_page_is_refused(void **state)
{
    (void)state;
    refused(&(struct how){&passkey, RP_ID, "https://evil.example", SOFT_BOTH},
            "of origin https://evil.example");
    refused(&(struct how){&passkey, RP_ID, ORIGIN ":8443", SOFT_BOTH},
            "of origin");
    refused(&(struct how){&passkey, "evil.example", ORIGIN, SOFT_BOTH},
            "another RP ID");
}

static void
assertion_without_the_user_verified_is_refused(void **state)
{
    (void)state;
    refused(&(struct how){&passkey, RP_ID, ORIGIN, SOFT_PRESENT},
            "not verified");
    refused(&(struct how){&passkey, RP_ID, ORIGIN, SOFT_VERIFIED},
            "not present");
}

static void
assertion_of_another_key_is_refused(void **state)
{
    struct soft_passkey thief;

    (void)state;
    soft_passkey_make(SOFT_ES256, &thief);
    memcpy(thief.raw_id, passkey.raw_id, sizeof thief.raw_id);
    refused(&(struct how){&thief, RP_ID, ORIGIN, SOFT_BOTH}, "not the key's");
    soft_passkey_clear(&thief);
}

static void
assertion_over_another_statement_is_refused(void **state)
{
    json_t *order = core_issue_order("二号公司");
    json_t *other = core_issue_order("三号公司");
    json_t *decision = decided(order, officer_id, &right);

    (void)state;
    core_refused(&core, reviewed(other, json_incref(decision)), ERROR_DENIED,
                 "another challenge");
    /* What is in the statement is in the challenge: a time that was moved. */
    json_set_time(decision, "decided_at", clock_now() - 60);
    core_refused(&core, reviewed(order, decision), ERROR_DENIED,
                 "another challenge");
}

static void
passkey_and_certificate_do_not_stand_for_each_other(void **state)
{
    json_t *order = core_issue_order("四号公司");
    json_t *by_passkey = decided(order, officer_id, &right);
    json_t *by_key =
        core_decide(order, API_STEP_FIRST_REVIEW, &core.officer[CORE_FIRST], 0);

    (void)state;
    /* A bare signature with the passkey's key over the statement. */
    json_object_del(by_passkey, "client_data");
    json_object_del(by_passkey, "authenticator_data");
    core_refused(&core, reviewed(json_incref(order), by_passkey), ERROR_DENIED,
                 "of another kind");
    json_set_text(by_key, "client_data", "e30=");
    json_set_text(by_key, "authenticator_data", "e30=");
    core_refused(&core, reviewed(order, by_key), ERROR_DENIED,
                 "of another kind");
}

/* ---- Enrolling --------------------------------------------------------- */

static void
passkey_of_a_page_that_is_not_ours_is_not_enrolled(void **state)
{
    char id[TEXT_UUID_LEN + 1];
    struct api_credential credential;
    struct soft_passkey key;
    struct error err = {0};

    (void)state;
    soft_passkey_make(SOFT_EDDSA, &key);
    assert_true(text_uuid_draw(id, &err));
    credential =
        soft_passkey_credential(&key, "evil.example", "https://evil.example");
    core_refused(&core, administered(enrolment(id, "p-evil", &credential)),
                 ERROR_DENIED, "ca.passkey_origins");
    credential = soft_passkey_credential(&key, RP_ID, ORIGIN ".evil");
    core_refused(&core, administered(enrolment(id, "p-evil", &credential)),
                 ERROR_INPUT, "no page that may use");
    credential = soft_passkey_credential(&key, RP_ID, "https://ra.exampl");
    core_refused(&core, administered(enrolment(id, "p-evil", &credential)),
                 ERROR_INPUT, "no page that may use");
    core.service.world.passkey_origins = "";
    credential = soft_passkey_credential(&key, RP_ID, ORIGIN);
    core_refused(&core, administered(enrolment(id, "p-evil", &credential)),
                 ERROR_DENIED, "ca.passkey_origins");
    core.service.world.passkey_origins = "https://other.example " ORIGIN;
    soft_passkey_clear(&key);
}

static void
officer_gets_another_credential_and_decides_with_it(void **state)
{
    const char *first = core.officer[CORE_FIRST].officer_id;
    struct api_credential credential;
    struct soft_passkey key;
    json_t *order = core_issue_order("五号公司");

    (void)state;
    soft_passkey_make(SOFT_RS256, &key);
    credential = soft_passkey_credential(&key, RP_ID, ORIGIN);
    must(administered(addition(first, &credential)));
    assert_string_equal(pg_ask("SELECT count(*) FROM log.entry WHERE event ="
                               " 'officer.credential'"),
                        "1");
    must(reviewed(
        order,
        decided(order, first, &(struct how){&key, RP_ID, ORIGIN, SOFT_BOTH})));
    /* Two credentials are still one person. */
    order = core_issue_order("六号公司");
    {
        struct error err = {0};
        json_t *second;

        assert_true(db_officer_add_role(core.worker->db, first,
                                        "second-reviewer", &err));
        second = core_decide(order, API_STEP_SECOND_REVIEW,
                             &core.officer[CORE_FIRST], 0);
        core_refused(&core,
                     core_envelope(
                         order,
                         decided(order, first,
                                 &(struct how){&key, RP_ID, ORIGIN, SOFT_BOTH}),
                         second, NULL),
                     ERROR_DENIED, "one person decided");
    }
    soft_passkey_clear(&key);
}

static void
credential_that_is_there_already_is_not_added(void **state)
{
    const char *second = core.officer[CORE_SECOND].officer_id;
    struct api_credential credential =
        soft_passkey_credential(&passkey, RP_ID, ORIGIN);
    struct soft_passkey key;

    (void)state;
    core_refused(&core, administered(addition(second, &credential)),
                 ERROR_CONFLICT, "already");
    /* Another key under the same raw id. */
    soft_passkey_make(SOFT_ES256, &key);
    memcpy(key.raw_id, passkey.raw_id, sizeof key.raw_id);
    credential = soft_passkey_credential(&key, RP_ID, ORIGIN);
    core_refused(&core, administered(addition(second, &credential)),
                 ERROR_CONFLICT, "already");
    soft_passkey_clear(&key);
}

static void
credential_is_added_to_active_officers_by_two_others(void **state)
{
    struct api_credential credential;
    struct soft_passkey key;
    json_t *order;

    (void)state;
    soft_passkey_make(SOFT_ES256, &key);
    credential = soft_passkey_credential(&key, RP_ID, ORIGIN);
    core_refused(&core,
                 administered(addition("6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c",
                                       &credential)),
                 ERROR_CONFLICT, "no active officer");
    core_refused(&core,
                 administered(addition(core.officer[CORE_ADMIN].officer_id,
                                       &credential)),
                 ERROR_DENIED, "whom it is about may not decide");
    order = addition(core.officer[CORE_SECOND].officer_id, &credential);
    core_refused(&core,
                 core_envelope(order,
                               core_decide(order, API_STEP_ADMINISTRATION,
                                           &core.officer[CORE_ADMIN], 0),
                               NULL, NULL),
                 ERROR_DENIED, "second-administration is missing");
    soft_passkey_clear(&key);
}

static void
dismissed_officer_decides_with_neither_credential(void **state)
{
    struct api_order dismissal = {.kind = API_DISMISS_OFFICER,
                                  .officer_id = officer_id};
    struct api_credential credential;
    struct soft_passkey key;

    (void)state;
    soft_passkey_make(SOFT_ES256, &key);
    credential = soft_passkey_credential(&key, RP_ID, ORIGIN);
    must(administered(addition(officer_id, &credential)));
    must(administered(order_json(&dismissal)));
    refused(&right, "dismissed");
    refused(&(struct how){&key, RP_ID, ORIGIN, SOFT_BOTH}, "dismissed");
    soft_passkey_clear(&key);
}

static void
list_of_officers_has_what_logging_in_needs(void **state)
{
    const struct http_route *route = NULL;
    struct http_request req = {0};
    struct http_response res = {.body = BUF_INIT(1 << 20)};
    json_t *answer = NULL, *officer;
    struct error err = {0};
    size_t i;
    bool is_there = false;

    (void)state;
    for (i = 0; i < ca_route_count; i++)
        if (strcmp(ca_routes[i].path, "/v1/officers") == 0)
            route = &ca_routes[i];
    assert_non_null(route);
    route->handle(core.worker, &req, &res);
    assert_true(json_parse_object(res.body.data, res.body.len, &answer, &err));
    json_array_foreach(json_object_get(answer, "officers"), i, officer)
    {
        const json_t *credential =
            json_array_get(json_object_get(officer, "credentials"), 0);

        if (strcmp(json_string_value(json_object_get(officer, "officer_id")),
                   officer_id) != 0)
            continue;
        is_there = true;
        assert_string_equal(
            json_string_value(json_object_get(credential, "rp_id")), RP_ID);
        assert_string_equal(
            json_string_value(json_object_get(credential, "origin")), ORIGIN);
        assert_non_null(json_object_get(credential, "public_key"));
        assert_non_null(json_object_get(credential, "raw_id"));
    }
    assert_true(is_there);
    json_decref(answer);
    http_response_clear(&res);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(officer_decides_by_passkey),
        cmocka_unit_test(assertion_of_another_page_is_refused),
        cmocka_unit_test(assertion_without_the_user_verified_is_refused),
        cmocka_unit_test(assertion_of_another_key_is_refused),
        cmocka_unit_test(assertion_over_another_statement_is_refused),
        cmocka_unit_test(passkey_and_certificate_do_not_stand_for_each_other),
        cmocka_unit_test(passkey_of_a_page_that_is_not_ours_is_not_enrolled),
        cmocka_unit_test(officer_gets_another_credential_and_decides_with_it),
        cmocka_unit_test(credential_that_is_there_already_is_not_added),
        cmocka_unit_test(credential_is_added_to_active_officers_by_two_others),
        cmocka_unit_test(list_of_officers_has_what_logging_in_needs),
        cmocka_unit_test(dismissed_officer_decides_with_neither_credential),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
