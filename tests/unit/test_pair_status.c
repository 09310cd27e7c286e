/*
 * What becomes of one half of a pair becomes of the other, whichever was named
 * (docs/architecture.md, "Pairs"). The pairs here are two certificates that the
 * database is told are of one order: how pairs are made is another test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ca-core/desk.h"
#include "core_parts.h"
#include "pg.h"

enum { SERIAL_TEXT = 2 * API_SERIAL_LEN + 1 };

static struct core core;

/* Whose signing key we have. */
struct pair {
    struct soft_key key;
    struct buf certificate;
    char signing[SERIAL_TEXT], encryption[SERIAL_TEXT];
};

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
    core_stop(&core);
    return 0;
}

/* Of SQL around a serial; static storage. */
static const char *
about(const char *before, const char *serial, const char *after)
{
    static char text[512];

    (void)snprintf(text, sizeof text, "%s'\\x%s'%s", before, serial, after);
    return text;
}

static const char *
ask(const char *before, const char *serial, const char *after)
{
    return pg_ask(about(before, serial, after));
}

static json_t *
issue(json_t *take_order, char serial[SERIAL_TEXT])
{
    json_t *answer = core_must(&core, take_order);

    (void)snprintf(serial, SERIAL_TEXT, "%s", core_serial(answer));
    return answer;
}

static void
begin(struct pair *out, const char *name)
{
    json_t *order = core_issue_order(name), *answer;
    struct buf csr = BUF_INIT(API_CSR_MAX);
    struct error err = {0};
    char other[64], move[256];

    soft_key_make(HSM_KEY_EC_P256, &out->key);
    soft_key_request(&out->key, HSM_ECDSA_SHA256, &csr);
    json_set_bytes(order, "csr", csr.data, csr.len);
    buf_clear(&csr);
    answer = issue(order, out->signing);
    out->certificate = (struct buf)BUF_INIT(API_CERTIFICATE_MAX);
    assert_true(json_get_bytes(
        json_array_get(json_object_get(answer, "certificates"), 0), "der",
        API_CERTIFICATE_MAX, &out->certificate, &err));
    json_decref(answer);
    (void)snprintf(other, sizeof other, "%s加密", name);
    json_decref(issue(core_issue_order(other), out->encryption));
    (void)snprintf(other, sizeof other, "%s",
                   ask("SELECT order_id FROM ca.certificate WHERE serial = ",
                       out->signing, ""));
    (void)snprintf(move, sizeof move,
                   "UPDATE ca.certificate SET ordinal = 1, order_id = '%s'"
                   " WHERE serial = '\\x%s'",
                   other, out->encryption);
    pg_sql(move);
}

static void
end(struct pair *pair)
{
    soft_key_clear(&pair->key);
    buf_clear(&pair->certificate);
}

static void
assert_state(const char *serial, const char *state)
{
    assert_string_equal(
        ask("SELECT state FROM ca.certificate WHERE serial = ", serial, ""),
        state);
}

static void
assert_states(const struct pair *pair, const char *state)
{
    assert_state(pair->signing, state);
    assert_state(pair->encryption, state);
}

/* Names one more certificate. */
static json_t *
and_also(json_t *order, const char *serial)
{
    json_t *more = core_change_order("hold", serial, NULL);

    json_array_extend(
        json_object_get(json_object_get(order, "target"), "certificates"),
        json_object_get(json_object_get(more, "target"), "certificates"));
    json_decref(more);
    return order;
}

static json_t *
by_key(const char *serial, const char *reason)
{
    json_t *order = core_change_order("revoke", serial, reason);
    json_t *target = json_object();

    json_set_text(target, "spki_sha256",
                  ask("SELECT encode(spki_sha256, 'hex') FROM ca.certificate"
                      " WHERE serial = ",
                      serial, ""));
    json_object_set_new(order, "target", target);
    return order;
}

static bool
is_blocked(const char *serial)
{
    return strcmp(ask("SELECT count(*) FROM ca.blocked_key JOIN ca.certificate"
                      " USING (spki_sha256) WHERE serial = ",
                      serial, ""),
                  "1") == 0;
}

/* The answer lists both, and each with that state. */
static void
assert_both(json_t *take_answer, const struct pair *pair, const char *state)
{
    const json_t *changes = json_object_get(take_answer, "revoked");
    bool is_signing = false, is_encryption = false;

    assert_int_equal(json_array_size(changes), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *item = json_array_get(changes, i);
        const char *serial = json_string_value(json_object_get(item, "serial"));

        is_signing |= strcmp(serial, pair->signing) == 0;
        is_encryption |= strcmp(serial, pair->encryption) == 0;
        assert_string_equal(json_string_value(json_object_get(item, "state")),
                            state);
    }
    assert_true(is_signing && is_encryption);
    json_decref(take_answer);
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

static json_t *
by_holder(json_t *take_order, const struct pair *pair)
{
    struct api_decision decision = {.step = API_STEP_HOLDER,
                                    .decided_at = clock_now()};
    json_t *signature = core_sign(take_order, &decision, pair->certificate.data,
                                  pair->certificate.len, pair->key.key);

    return core_envelope(take_order, signature, NULL, NULL);
}

/* The serial of the other half, or "". */
static const char *
mate_of(const char *serial)
{
    static char out[SERIAL_TEXT];
    struct db_certificate row = {
        .issuer_id = (int32_t)atoi(ask("SELECT issuer_id FROM ca.certificate"
                                       " WHERE serial = ",
                                       serial, ""))};
    struct db_certificate *mate = NULL;
    struct error err = {0};
    size_t len;

    assert_true(text_unhex(serial, row.serial, sizeof row.serial, &len));
    if (!db_certificate_mate(core.worker->db, &row, &mate, &err))
        fail_msg("%s", err.what);
    out[0] = '\0';
    if (mate != NULL) {
        assert_int_equal(mate->issuer_id, row.issuer_id);
        text_hex(mate->serial, DB_SERIAL_LEN, out);
    }
    db_certificate_free(mate);
    return out;
}

static void
other_half_is_found_from_either_side(void **state)
{
    char alone[SERIAL_TEXT];
    struct pair pair;

    (void)state;
    begin(&pair, "一号公司");
    json_decref(issue(core_issue_order("单证公司"), alone));
    assert_string_equal(mate_of(pair.signing), pair.encryption);
    assert_string_equal(mate_of(pair.encryption), pair.signing);
    assert_string_equal(mate_of(alone), "");
    end(&pair);
}

/* A ceremony numbers all that it makes. */
static void
certificates_of_one_ceremony_are_no_pair(void **state)
{
    struct pair pair;

    (void)state;
    begin(&pair, "仪式");
    pg_sql(about("UPDATE ca.order SET kind = 'ceremony' WHERE order_id ="
                 " (SELECT order_id FROM ca.certificate WHERE serial = ",
                 pair.signing, ")"));
    assert_string_equal(mate_of(pair.signing), "");
    json_decref(
        core_must(&core, core_change_order("hold", pair.signing, NULL)));
    assert_state(pair.signing, "held");
    assert_state(pair.encryption, "valid");
    end(&pair);
}

static void
whichever_half_is_named_the_other_follows(void **state)
{
    struct pair pair;

    (void)state;
    begin(&pair, "二号公司");
    assert_both(core_must(&core, core_change_order("hold", pair.signing, NULL)),
                &pair, "held");
    assert_states(&pair, "held");
    assert_both(
        core_must(&core, core_change_order("release", pair.encryption, NULL)),
        &pair, "valid");
    assert_states(&pair, "valid");
    assert_both(core_must(&core, core_change_order("revoke", pair.encryption,
                                                   "superseded")),
                &pair, "revoked");
    assert_states(&pair, "revoked");
    /* In one transaction, and both are in the log. */
    assert_string_equal(
        ask("SELECT count(DISTINCT status_index) || ' ' || max(status_index)"
            " - min(status_index) FROM ca.certificate WHERE order_id ="
            " (SELECT order_id FROM ca.certificate WHERE serial = ",
            pair.signing, ")"),
        "2 1");
    assert_string_equal(
        ask("SELECT count(*) FROM log.entry e JOIN ca.certificate c ON"
            " e.index = c.status_index AND e.subject = encode(c.serial, 'hex')"
            " WHERE e.event = 'certificate.revoked' AND c.order_id = (SELECT"
            " order_id FROM ca.certificate WHERE serial = ",
            pair.signing, ")"),
        "2");
    assert_false(is_blocked(pair.signing));
    assert_false(is_blocked(pair.encryption));
    end(&pair);
}

static void
naming_both_is_the_same_as_naming_one(void **state)
{
    struct pair pair;

    (void)state;
    begin(&pair, "三号公司");
    assert_both(core_must(&core, and_also(core_change_order(
                                              "hold", pair.encryption, NULL),
                                          pair.signing)),
                &pair, "held");
    assert_states(&pair, "held");
    assert_both(core_must(&core, and_also(core_change_order("release",
                                                            pair.signing, NULL),
                                          pair.encryption)),
                &pair, "valid");
    assert_both(
        core_must(&core, and_also(core_change_order("revoke", pair.signing,
                                                    "superseded"),
                                  pair.encryption)),
        &pair, "revoked");
    assert_states(&pair, "revoked");
    /* And then either is revoked already. */
    core_refused(
        &core,
        core_reviewed(
            &core, core_change_order("revoke", pair.encryption, "superseded")),
        ERROR_CONFLICT, "revoked already");
    end(&pair);
}

static void
order_by_key_takes_the_other_half_and_blocks_what_it_names(void **state)
{
    struct pair pair;

    (void)state;
    begin(&pair, "四号公司");
    assert_both(core_must(&core, by_key(pair.encryption, "superseded")), &pair,
                "revoked");
    assert_states(&pair, "revoked");
    assert_true(is_blocked(pair.encryption));
    assert_false(is_blocked(pair.signing));
    end(&pair);
}

static void
compromise_of_one_blocks_both_keys(void **state)
{
    struct pair by_serial, by_its_key;

    (void)state;
    begin(&by_serial, "五号公司");
    begin(&by_its_key, "六号公司");
    assert_both(core_must(&core, core_change_order("revoke", by_serial.signing,
                                                   "keyCompromise")),
                &by_serial, "revoked");
    assert_true(is_blocked(by_serial.signing));
    assert_true(is_blocked(by_serial.encryption));
    assert_both(core_must(&core, by_key(by_its_key.signing, "keyCompromise")),
                &by_its_key, "revoked");
    assert_true(is_blocked(by_its_key.signing));
    assert_true(is_blocked(by_its_key.encryption));
    end(&by_serial);
    end(&by_its_key);
}

/* The reason of both rises when one is found to be compromised later. */
static void
later_compromise_raises_the_reason_of_both(void **state)
{
    struct pair pair;

    (void)state;
    begin(&pair, "七号公司");
    json_decref(core_must(
        &core, core_change_order("revoke", pair.signing, "superseded")));
    json_decref(core_must(
        &core, core_change_order("revoke", pair.encryption, "keyCompromise")));
    assert_string_equal(
        ask("SELECT string_agg(reason::text, ' ') FROM ca.certificate WHERE"
            " order_id = (SELECT order_id FROM ca.certificate WHERE"
            " serial = ",
            pair.signing, ")"),
        "1 1");
    end(&pair);
}

/* Whatever made it so: a half that is where the order wants it stands against
 * nothing, unless it was named. */
static void
half_that_is_there_already_is_no_conflict(void **state)
{
    struct pair pair;

    (void)state;
    begin(&pair, "八号公司");
    pg_sql(about("UPDATE ca.certificate SET state = 'revoked', reason = 4,"
                 " revoked_at = now() WHERE serial = ",
                 pair.encryption, ""));
    json_decref(
        core_must(&core, core_change_order("hold", pair.signing, NULL)));
    assert_state(pair.signing, "held");
    assert_state(pair.encryption, "revoked");
    json_decref(
        core_must(&core, core_change_order("release", pair.signing, NULL)));
    assert_state(pair.signing, "valid");
    core_refused(
        &core,
        core_reviewed(&core, and_also(core_change_order("revoke", pair.signing,
                                                        "superseded"),
                                      pair.encryption)),
        ERROR_CONFLICT, "revoked already");
    assert_state(pair.signing, "valid");
    json_decref(core_must(
        &core, core_change_order("revoke", pair.signing, "superseded")));
    assert_states(&pair, "revoked");
    end(&pair);
}

static void
hold_and_rejection_of_what_is_pending_take_both(void **state)
{
    struct api_decision no = {.step = API_STEP_SECOND_REVIEW,
                              .verdict = API_REJECT,
                              .decided_at = clock_now(),
                              .remark = "原件与扫描件不符"};
    const struct core_officer *second = &core.officer[CORE_SECOND];
    struct pair pair;
    json_t *pending, *order;

    (void)state;
    begin(&pair, "九号公司");
    pending = core_change_order("revoke", pair.signing, "superseded");
    order = core_change_order("hold", pair.signing, NULL);
    json_object_set(order, "pending", pending);
    must(core_envelope(order,
                       core_decide(pending, API_STEP_FIRST_REVIEW,
                                   &core.officer[CORE_FIRST], 0),
                       NULL, NULL));
    assert_states(&pair, "held");
    memcpy(no.officer_id, second->officer_id, sizeof no.officer_id);
    order = core_change_order("release", pair.signing, NULL);
    json_object_set(order, "pending", pending);
    must(core_envelope(order,
                       core_sign(pending, &no, second->certificate.data,
                                 second->certificate.len, second->key.key),
                       NULL, NULL));
    assert_states(&pair, "valid");
    json_decref(pending);
    end(&pair);
}

static void
check_shows_that_both_are_affected(void **state)
{
    json_t *json, *out = NULL, *affects;
    struct api_order *order = NULL;
    struct error err = {0};
    struct pair pair;

    (void)state;
    begin(&pair, "十号公司");
    json = core_change_order("hold", pair.encryption, NULL);
    assert_true(api_order_parse(json, &order, &err));
    if (!desk_check(core.worker, order, &out, &err))
        fail_msg("%s", err.what);
    affects = json_object_get(out, "affects");
    assert_int_equal(json_array_size(affects), 2);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(json_string_value(json_object_get(
                                json_array_get(affects, i), "to")),
                            "held");
    assert_states(&pair, "valid");
    json_decref(out);
    api_order_free(order);
    json_decref(json);
    end(&pair);
}

static void
holder_may_name_both_halves_and_nobody_elses(void **state)
{
    struct pair pair, other;

    (void)state;
    begin(&pair, "甲公司");
    begin(&other, "乙公司");
    core_refused(&core,
                 by_holder(and_also(core_change_order("revoke", pair.signing,
                                                      "superseded"),
                                    other.encryption),
                           &pair),
                 ERROR_DENIED, "not the one that the order is about");
    core_refused(&core,
                 by_holder(and_also(core_change_order("revoke", pair.encryption,
                                                      "superseded"),
                                    other.signing),
                           &pair),
                 ERROR_DENIED, "not the one that the order is about");
    assert_states(&other, "valid");
    must(by_holder(
        and_also(core_change_order("revoke", pair.signing, "superseded"),
                 pair.encryption),
        &pair));
    assert_states(&pair, "revoked");
    must(by_holder(core_change_order("revoke", other.signing, "superseded"),
                   &other));
    assert_states(&other, "revoked");
    end(&pair);
    end(&other);
}

/* What is held is the authority's to decide, also when it is the other half. */
static void
holder_revokes_nothing_while_the_other_half_is_held(void **state)
{
    struct pair pair;

    (void)state;
    begin(&pair, "丙公司");
    pg_sql(about("UPDATE ca.certificate SET state = 'held', reason = 6,"
                 " revoked_at = now() WHERE serial = ",
                 pair.encryption, ""));
    core_refused(
        &core,
        by_holder(core_change_order("revoke", pair.signing, "superseded"),
                  &pair),
        ERROR_CONFLICT, "a certificate is held");
    assert_state(pair.signing, "valid");
    end(&pair);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_half_is_found_from_either_side),
        cmocka_unit_test(certificates_of_one_ceremony_are_no_pair),
        cmocka_unit_test(whichever_half_is_named_the_other_follows),
        cmocka_unit_test(naming_both_is_the_same_as_naming_one),
        cmocka_unit_test(
            order_by_key_takes_the_other_half_and_blocks_what_it_names),
        cmocka_unit_test(compromise_of_one_blocks_both_keys),
        cmocka_unit_test(later_compromise_raises_the_reason_of_both),
        cmocka_unit_test(half_that_is_there_already_is_no_conflict),
        cmocka_unit_test(hold_and_rejection_of_what_is_pending_take_both),
        cmocka_unit_test(check_shows_that_both_are_affected),
        cmocka_unit_test(holder_may_name_both_halves_and_nobody_elses),
        cmocka_unit_test(holder_revokes_nothing_while_the_other_half_is_held),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
