/* ca-core/entry.h: what is written into the log, octet for octet. */
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "ca-core/entry.h"
#include "db/sql_ca.h"
#include "tests/unit/pg.h"

enum { NOW = 1795510800 }; /* 2026-11-24T09:00:00Z */

static void
a_body_is_canonical_and_holds_time_event_and_subject(void **state)
{
    static const char wanted[] =
        "{\"at\":\"2026-11-24T09:00:00Z\",\"event\":\"order.failed\","
        "\"subject\":\"s\",\"why\":\"\xe6\x97\xa0\",\"zone\":7}";
    struct buf body = BUF_INIT(ENTRY_BODY_MAX);
    json_t *members = json_object();
    uint8_t with_prefix[sizeof wanted], hash[32];
    struct db_entry entry;
    struct error err = {0};

    (void)state;
    json_set_int(members, "zone", 7);
    json_set_text(members, "why", "\xe6\x97\xa0");
    assert_true(
        entry_build(NOW, "order.failed", "s", members, &body, &entry, &err));
    assert_string_equal(buf_text(&body), wanted);
    assert_true(entry.at == NOW);
    assert_int_equal(entry.body_len, sizeof wanted - 1);
    /* RFC 6962, 2.1: SHA-256(0x00 || body). */
    with_prefix[0] = 0x00;
    memcpy(with_prefix + 1, wanted, sizeof wanted - 1);
    assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, with_prefix,
                                  sizeof wanted, hash, NULL),
                     1);
    assert_memory_equal(entry.hash, hash, sizeof hash);
    /* The caller's object is left as it was. */
    assert_int_equal(json_object_size(members), 2);
    json_decref(members);
    buf_clear(&body);
}

static void
an_event_without_members_has_a_body(void **state)
{
    struct buf body = BUF_INIT(ENTRY_BODY_MAX);
    struct db_entry entry;
    struct error err = {0};

    (void)state;
    assert_true(entry_build(NOW, "ca.started", "x", NULL, &body, &entry, &err));
    assert_string_equal(buf_text(&body),
                        "{\"at\":\"2026-11-24T09:00:00Z\",\"event\":"
                        "\"ca.started\",\"subject\":\"x\"}");
    buf_clear(&body);
}

static void
a_body_beyond_its_bound_is_refused(void **state)
{
    struct buf body = BUF_INIT(40);
    struct db_entry entry;
    struct error err = {0};

    (void)state;
    assert_false(entry_build(NOW, "event", "s", NULL, &body, &entry, &err));
    buf_clear(&body);
}

static void
a_fraction_in_a_body_is_refused(void **state)
{
    struct buf body = BUF_INIT(ENTRY_BODY_MAX);
    json_t *members = json_object();
    struct db_entry entry;
    struct error err = {0};

    (void)state;
    json_object_set_new(members, "x", json_real(0.5));
    assert_false(entry_build(NOW, "event", "s", members, &body, &entry, &err));
    json_decref(members);
    buf_clear(&body);
}

static void
a_decision_brings_statement_signature_and_certificate(void **state)
{
    struct api_decision decision = {.step = API_STEP_FIRST_REVIEW,
                                    .decided_at = NOW,
                                    .signature = "sig",
                                    .signature_len = 3};
    static const char id[] = "00000000-0000-4000-8000-000000000001";
    const uint8_t digest[32] = {0xab};
    struct error err = {0};
    const char *statement;
    json_t *json = NULL;

    (void)state;
    memcpy(decision.officer_id, id, sizeof id);
    assert_true(entry_decision_json(&decision, id, digest,
                                    (const uint8_t *)"der", 3, &json, &err));
    assert_true(json_get_text(json, "statement", 4096, &statement, &err));
    assert_string_equal(
        statement,
        "{\"decided_at\":\"2026-11-24T09:00:00Z\",\"digest\":\"ab000000000000"
        "00000000000000000000000000000000000000000000000000\",\"officer_id\":"
        "\"00000000-0000-4000-8000-000000000001\",\"order_id\":"
        "\"00000000-0000-4000-8000-000000000001\",\"step\":\"first-review\","
        "\"verdict\":\"approve\"}");
    assert_string_equal(json_string_value(json_object_get(json, "certificate")),
                        "ZGVy");
    assert_string_equal(json_string_value(json_object_get(json, "signature")),
                        "c2ln");
    json_decref(json);
}

/* db_run */
static bool
append_one(struct db *db, void *arg, struct error *err)
{
    return entry_append(db, NOW, "test.event", "s", NULL, arg, err);
}

static void
an_entry_is_appended_in_a_transaction(void **state)
{
    struct db_options options = {.statements = db_ca_statements,
                                 .statement_count = DB_CA_STATEMENT_COUNT,
                                 .connect_timeout_s = 5,
                                 .statement_timeout_ms = 5000};
    struct db *db = NULL;
    struct error err = {0};
    int64_t index = -1;

    (void)state;
    pg_start();
    options.connection = pg_connection("signet_ca");
    assert_true(db_open(&options, &db, &err));
    assert_true(db_transaction(db, append_one, &index, &err));
    assert_true(index == 0);
    assert_true(db_transaction(db, append_one, &index, &err));
    assert_true(index == 1);
    assert_string_equal(
        pg_ask("SELECT count(*) FROM log.entry WHERE hash = sha256('\\x00' ||"
               " body) AND convert_from(body, 'UTF8')::json->>'event' = event"
               " AND (convert_from(body, 'UTF8')::json->>'at')::timestamptz ="
               " at"),
        "2");
    db_close(db);
    pg_stop();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_canonical_and_holds_time_event_and_subject),
        cmocka_unit_test(an_event_without_members_has_a_body),
        cmocka_unit_test(a_body_beyond_its_bound_is_refused),
        cmocka_unit_test(a_fraction_in_a_body_is_refused),
        cmocka_unit_test(a_decision_brings_statement_signature_and_certificate),
        cmocka_unit_test(an_entry_is_appended_in_a_transaction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
