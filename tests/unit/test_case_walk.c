/*
 * Random walks of cases on a real database: whatever people, devices, timers
 * and the CA do, in whatever order, the invariants of domain.md, 1.9, hold.
 * CASES=N makes N walks for each business.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ra/case_field.h"
#include "ra/case_send.h"
#include "ra/old_keys.h"
#include "tests/unit/case_parts.h"
#include "tests/unit/fake_ca.h"
#include "tests/unit/pg.h"
#include "tests/unit/ra_parts.h"

enum { CASES = 40, STEPS = 60 };

static struct case_parts parts;
static struct buf csr = BUF_INIT(16384);

/* A small generator of our own: the same walks at every run. */
static uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);

static unsigned
draw(unsigned below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % below;
}

static bool
chance(unsigned percent)
{
    return draw(100) < percent;
}

/* ---- What may happen --------------------------------------------------------
 */

/* What is tried may be refused; it must not fail. */
static void
tried(bool ok, const struct error *err, const char *what)
{
    if (!ok && err->code != ERROR_CONFLICT && err->code != ERROR_DENIED &&
        err->code != ERROR_INPUT)
        fail_msg("%s: %s (%s)", what, err->what, err->cause);
}

static void
decide(const char *number, enum case_event event, enum case_actor who)
{
    const struct case_officer *officers[] = {
        &parts.clerk, &parts.first, &parts.second, &parts.maker, &parts.third};
    enum api_step step = who == CASE_BY_FIRST_REVIEWER ? API_STEP_FIRST_REVIEW
                         : who == CASE_BY_INTAKE_CLERK ? API_STEP_ENTRY
                                                       : API_STEP_SECOND_REVIEW;
    enum api_verdict verdict = event == CASE_RETURN           ? API_RETURN
                               : event == CASE_REJECT         ? API_REJECT
                               : event == CASE_SUPPLEMENT_ASK ? API_SUPPLEMENT
                                                              : API_APPROVE;
    const struct case_officer *officer =
        who == CASE_BY_FIRST_REVIEWER ? &parts.first
        : who == CASE_BY_INTAKE_CLERK ? &parts.clerk
                                      : &parts.second;
    struct error err;

    if (chance(30)) /* anybody */
        officer = officers[draw(5)];
    tried(case_parts_decide(&parts, number, officer, step, verdict, &err), &err,
          "decision");
}

static void
with_device(const char *number, enum case_event event)
{
    struct case_act act = {
        .number = number,
        .event = event,
        .who = CASE_BY_HOLDER,
        .actor = "holder",
        .at = parts.now,
        .known = {.code_is_right = chance(80), .holder_signed = chance(80)},
        .change =
            event == CASE_ACTIVATE ? case_parts_activate : case_parts_sign,
        .arg = &parts};
    struct error err = {0};

    tried(case_apply(&parts.business, parts.db, &act, NULL, &err), &err,
          "device");
}

static void
edit(const char *number, enum case_business business)
{
    json_t *fields = case_parts_own_fields(&parts, business);
    const struct definition *definition =
        definition_get(parts.definitions, business);
    struct db_case row = {0};
    struct error err = {0};

    if (definition_field_find(definition, "street") != NULL)
        json_set_text(fields, "street",
                      chance(50) ? "西湖区文三路 8 号" : "西湖区文三路 9 号");
    if (definition_field_find(definition, "seal") != NULL && chance(50)) {
        json_set_text(fields, "seal", "yes");
        json_set_text(fields, "seals",
                      "[{\"name\":\"某某\",\"type\":\"contract\"}]");
    }
    if (chance(30)) /* locked once submitted */
        json_set_text(fields, "handler_mobile",
                      chance(50) ? "13900000009" : "13800000001");
    assert_true(db_case_get(parts.db, number, false, &row, &err));
    tried(case_edit(&parts.business, parts.db, parts.account, number,
                    chance(90) ? row.revision : 1, fields, parts.now, &err),
          &err, "edit");
    db_case_clear(&row);
    json_decref(fields);
}

static void
answers(void)
{
    static const char *const recoveries[] = {
        "none", "open", "approved", "done", "refused", "expired", "aborted"};
    struct ra_job job = {.db = parts.db, .business = &parts.business};
    struct error err = {0};

    fake_ca.outcome = chance(70)   ? CA_DONE
                      : chance(50) ? CA_REFUSED
                                   : CA_PENDING;
    pg_sql("UPDATE ra.case_order SET send_at = to_timestamp(0)"
           " WHERE state = 'queued'");
    fake_ca.recovery = recoveries[chance(40) ? 3 : draw(7)];
    if (!case_send_job(&job, parts.now, &err))
        fail_msg("send: %s (%s)", err.what, err.cause);
    /* The CA says what it likes: open, done, refused. */
    pg_sql("UPDATE ra.case_order SET looked_at = to_timestamp(0)");
    if (!old_keys_follow_job(&job, parts.now, &err) && err.code != ERROR_BUSY)
        fail_msg("follow: %s (%s)", err.what, err.cause);
}

static void
device(const char *number)
{
    static int count;
    char serial[32];
    char sql[256];

    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM ra.device d JOIN ra.case_file c"
                   " USING (number) WHERE number = '%s' AND c.state IN"
                   " ('awaiting-originals', 'second-review', 'supplement',"
                   " 'activation-allowed')",
                   number);
    if (strcmp(pg_ask(sql), "0") != 0)
        return;
    (void)snprintf(serial, sizeof serial, "WALK-%06d", ++count);
    (void)case_parts_try_device(&parts, number, serial);
}

/* One event of the table, by the way that it comes in the real world. */
static void
happen(const char *number, enum case_business business,
       const struct case_transition *t)
{
    struct error err;

    if (t->event == CASE_HAND_IN && chance(80))
        case_parts_documents(&parts, number);
    if (t->event == CASE_PAY && chance(80))
        case_parts_pay(number);
    if (t->event == CASE_RECEIVE && chance(80))
        case_parts_papers(number);
    if (t->event == CASE_ACTIVATE && chance(80))
        device(number);
    if ((t->guard & GUARD_DECISION) != 0)
        decide(number, t->event, t->who);
    else if (t->event == CASE_ISSUE || t->event == CASE_REFUSE ||
             (t->event == CASE_FAIL && t->who == CASE_BY_SYSTEM))
        answers();
    else if (t->event == CASE_ACTIVATE || t->event == CASE_SIGN)
        with_device(number, t->event);
    else if (t->event == CASE_EDIT)
        edit(number, business);
    else
        tried(case_parts_act(&parts, number, t->event, t->who, &err), &err,
              case_event_name(t->event));
}

/* What the table does not have, by somebody. */
static void
nonsense(const char *number, enum case_business business, enum case_state state)
{
    enum case_event event = (enum case_event)draw(CASE_EVENT_COUNT);
    enum case_actor who = (enum case_actor)draw(CASE_ACTOR_COUNT);
    struct error err;

    if (case_transition_find(business, state, event, who) != NULL)
        return;
    if (case_parts_act(&parts, number, event, who, &err))
        fail_msg("%s by %s in %s", case_event_name(event), case_actor_name(who),
                 case_state_name(state));
    tried(false, &err, "nonsense");
}

/* ---- One walk ---------------------------------------------------------------
 */

/* The values that are locked, as text; NULL before the first submission. */
static char *
locked_text(const char *number, enum case_business business)
{
    const struct definition *definition =
        definition_get(parts.definitions, business);
    json_t *fields = NULL;
    char *text;

    assert_true(
        case_fields_read(&parts.business, parts.db, number, &fields, NULL));
    for (size_t i = 0; i < definition->field_count; i++)
        if (!definition->field[i].is_locked)
            json_object_del(fields, definition->field[i].name);
    text = json_dumps(fields, JSON_SORT_KEYS | JSON_COMPACT);
    case_fields_free(fields);
    return text;
}

static void
walk(enum case_business business, int turn)
{
    char account[32];
    char number[DB_CASE_NUMBER_MAX + 1];
    const struct definition *definition =
        definition_get(parts.definitions, business);
    char *locked = NULL;
    struct error err;

    (void)snprintf(account, sizeof account, "%s-%d",
                   case_business_name(business), turn);
    parts.account = account;
    case_parts_account(account);
    pg_sql("DELETE FROM ra.code"); /* ten a day to one number */
    if (definition->wants_live)
        case_parts_live(&parts, account, parts.now + INT64_C(86400) * 60);
    if (definition->wants_live && business != BUSINESS_SEAL && chance(50))
        case_parts_seal(account);
    if (!case_parts_create(&parts, business, number, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    for (int i = 0; i < STEPS; i++) {
        const struct case_transition *t =
            &case_transitions[draw((unsigned)case_transition_count)];
        enum case_state state;

        assert_true(case_state_find(case_parts_state(number), &state));
        if (locked == NULL && state != CASE_DRAFT && state != CASE_CLOSED)
            locked = locked_text(number, business);
        if (case_state_is_final(state) && chance(50))
            break;
        if (chance(10)) {
            nonsense(number, business, state);
            continue;
        }
        for (int k = 0;
             k < 4000 && ((t->business >> business & 1) == 0 ||
                          t->from != state || t->event == CASE_CREATE ||
                          (case_state_is_final(t->to) &&
                           t->who != CASE_BY_SYSTEM && chance(97)));
             k++)
            t = &case_transitions[draw((unsigned)case_transition_count)];
        if ((t->business >> business & 1) != 0 && t->from == state)
            happen(number, business, t);
    }
    if (locked != NULL) {
        char *now = locked_text(number, business);

        assert_string_equal(now, locked); /* 7 */
        free(now);
    }
    free(locked);
}

/* ---- Invariants -------------------------------------------------------------
 */

static void
assert_none(const char *what, const char *sql)
{
    if (strcmp(pg_ask(sql), "0") != 0)
        fail_msg("%s: %s", what, pg_ask(sql));
}

static void
check_invariants(void)
{
    assert_none("1: a certificate without two reviews",
                "SELECT count(*) FROM ra.holder_certificate h"
                " JOIN ra.case_file c USING (number)"
                " WHERE c.business <> 'renew' AND h.number NOT LIKE 'N2020%'"
                " AND (SELECT count(DISTINCT person) FROM ra.case_decision d"
                " WHERE d.number = c.number AND d.revision = c.revision"
                " AND d.verdict = 'approve' AND d.step IN ('first-review',"
                " 'second-review')) < 2");
    assert_none("1: a device that nobody signed for",
                "SELECT count(*) FROM ra.case_order o JOIN ra.case_file c"
                " USING (number) WHERE o.purpose = 'issue'"
                " AND c.business <> 'renew' AND NOT EXISTS (SELECT FROM"
                " ra.case_decision d WHERE d.number = c.number"
                " AND d.step = 'making' AND d.revision = c.revision)");
    assert_none("1: keys asked for without two reviews",
                "SELECT count(*) FROM ra.case_order o JOIN ra.case_file c"
                " USING (number), LATERAL (SELECT count(DISTINCT d ->>"
                " 'officer_id') AS officers FROM jsonb_array_elements("
                " convert_from(o.envelope, 'UTF8')::jsonb -> 'decisions') d)"
                " AS by WHERE c.business = 'recover' AND by.officers <> 2");
    assert_none("1: keys put in that never came",
                "SELECT count(*) FROM ra.case_file c WHERE c.business ="
                " 'recover' AND c.state IN ('keys-ready', 'installed') AND NOT"
                " EXISTS (SELECT FROM ra.case_order o WHERE o.number = c.number"
                " AND o.recovery = 'done')");
    assert_none("2: one person with two steps of a revision",
                "SELECT count(*) FROM ra.case_decision a JOIN ra.case_decision"
                " b USING (number, revision, person) WHERE a.step <> b.step");
    assert_none("4: another price than that of the table",
                "SELECT count(*) FROM ra.payment p JOIN ra.case_file c USING"
                " (number) LEFT JOIN ra.case_field y ON y.number = c.number"
                " AND y.name = 'years' WHERE p.amount <> 20000 *"
                " CASE c.business WHEN 'reissue' THEN 1 WHEN 'new' THEN"
                " y.value::integer WHEN 'renew' THEN y.value::integer"
                " ELSE 0 END");
    assert_none("5: a refund after the end",
                "SELECT count(*) FROM ra.refund r JOIN ra.payment p ON"
                " p.id = r.payment JOIN ra.case_file c USING (number) WHERE"
                " r.reason <> 'overpaid' AND c.state IN ('activated', 'bound',"
                " 'issued', 'installed')");
    assert_none("6: a form of another revision was passed",
                "SELECT count(*) FROM ra.case_file c JOIN ra.document d"
                " USING (number) WHERE d.state = 'current'"
                " AND d.form_state <> 'none' AND d.revision <> c.revision"
                " AND c.state NOT IN ('returned', 'form-ready', 'closed',"
                " 'in-review')");
    assert_none("8: two live certificates of one account",
                "SELECT count(*) FROM (SELECT h.account FROM"
                " ra.holder_certificate h WHERE h.pair = 1"
                " AND h.state <> 'revoked' AND h.not_after > now()"
                " AND NOT EXISTS (SELECT FROM ra.case_file c WHERE"
                " c.account = h.account AND (c.state = 'issued' OR EXISTS"
                " (SELECT FROM ra.case_order o WHERE o.number = c.number"
                " AND o.purpose = 'supersede' AND o.state <> 'done')))"
                " GROUP BY 1 HAVING count(*) > 1) AS two");
    assert_none("10: a broken chain",
                "SELECT count(*) FROM ra.case_history h"
                " LEFT JOIN ra.case_history p ON p.number = h.number"
                " AND p.seq = h.seq - 1 WHERE sha256(h.body) <> h.hash"
                " OR convert_from(h.body, 'UTF8')::jsonb ->> 'previous' <>"
                " encode(coalesce(p.hash, decode(repeat('00', 32), 'hex')),"
                " 'hex')");
    assert_none("10: a reviewer's step without a signature",
                "SELECT count(*) FROM ra.case_history h, LATERAL"
                " (SELECT convert_from(h.body, 'UTF8')::jsonb AS b) AS x"
                " WHERE b ->> 'role' IN ('first-reviewer', 'second-reviewer')"
                " AND NOT b ? 'decision'");
    assert_none("10: a step without its entry",
                "SELECT count(*) FROM ra.case_history h LEFT JOIN log.entry e"
                " ON e.subject = h.number AND e.event = 'case.' || h.event"
                " AND convert_from(e.body, 'UTF8')::jsonb ->> 'history' ="
                " encode(h.hash, 'hex') WHERE e.index IS NULL"
                " AND convert_from(h.body, 'UTF8')::jsonb ? 'from'");
    assert_none("11: a seal of a certificate that is revoked",
                "SELECT count(*) FROM ra.seal s JOIN ra.holder_certificate h"
                " USING (issuer, serial) WHERE h.state = 'revoked'"
                " AND s.state <> 'void'");
    assert_none("11: a seal that was asked for and is not ordered",
                "SELECT count(*) FROM ra.case_file c JOIN ra.case_field f ON"
                " f.number = c.number AND f.name = 'seal' AND f.value = 'yes'"
                " WHERE c.state IN ('activated', 'bound') AND NOT EXISTS"
                " (SELECT FROM ra.seal s WHERE s.number = c.number)"
                " AND c.number NOT LIKE 'N2020%'");
    assert_none("11: a renewed certificate whose seal is not made again",
                "SELECT count(*) FROM ra.case_file c JOIN ra.seal o ON"
                " o.issuer = c.predecessor_issuer AND o.serial ="
                " c.predecessor_serial WHERE c.business = 'renew'"
                " AND c.state = 'installed' AND NOT EXISTS (SELECT FROM"
                " ra.seal s WHERE s.number = c.number)");
    assert_none("a case that ends where it is not",
                "SELECT count(*) FROM ra.case_file WHERE completed_at IS NOT"
                " NULL AND state IN ('closed', 'rejected', 'failed')");
    assert_none("a device that is active in no activated case",
                "SELECT count(*) FROM ra.device d JOIN ra.case_file c"
                " USING (number) WHERE d.serial LIKE 'WALK%'"
                " AND (d.state = 'active') <> (c.state IN ('activated',"
                " 'bound'))");
    assert_none("a rejected case that keeps a certificate on hold",
                "SELECT count(*) FROM ra.case_file c JOIN"
                " ra.holder_certificate h ON h.issuer = c.predecessor_issuer"
                " AND h.serial = c.predecessor_serial WHERE"
                " c.state = 'rejected' AND h.state = 'held' AND NOT EXISTS"
                " (SELECT FROM ra.case_order o WHERE o.number = c.number"
                " AND o.purpose = 'release'"
                " AND o.state IN ('queued', 'refused'))");
}

static int
group_start(void **state)
{
    (void)state;
    pg_start();
    case_parts_init(&parts);
    fake_ca.key = parts_key("P-256");
    parts_csr(fake_ca.key, &csr);
    parts.csr = &csr;
    case_parts_open(&parts);
    fake_ca_reset();
    fake_ca.not_before = parts.now;
    fake_ca.not_after = parts.now + INT64_C(86400) * 700;
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    case_parts_close(&parts);
    case_parts_clear(&parts);
    EVP_PKEY_free(fake_ca.key);
    buf_clear(&csr);
    pg_stop();
    return 0;
}

static void
walks(enum case_business business)
{
    const char *text = getenv("CASES");
    int count = text == NULL ? CASES : atoi(text);
    char sql[512];

    for (int i = 0; i < count; i++)
        walk(business, i);
    check_invariants();
    (void)snprintf(sql, sizeof sql,
                   "SELECT string_agg(state || ' ' || n, ', ') FROM (SELECT"
                   " state, count(*) AS n FROM ra.case_file WHERE"
                   " business = '%s' AND number NOT LIKE 'N2020%%'"
                   " GROUP BY state ORDER BY state) AS ends",
                   case_business_name(business));
    print_message("%s ended: %s\n", case_business_name(business), pg_ask(sql));
}

#define WALKS(name, business)                                                  \
    static void name(void **state)                                             \
    {                                                                          \
        (void)state;                                                           \
        walks(business);                                                       \
    }

WALKS(no_walk_of_new_breaks_an_invariant, BUSINESS_NEW)
WALKS(no_walk_of_renew_breaks_an_invariant, BUSINESS_RENEW)
WALKS(no_walk_of_reissue_breaks_an_invariant, BUSINESS_REISSUE)
WALKS(no_walk_of_change_breaks_an_invariant, BUSINESS_CHANGE)
WALKS(no_walk_of_seal_breaks_an_invariant, BUSINESS_SEAL)
WALKS(no_walk_of_unlock_breaks_an_invariant, BUSINESS_UNLOCK)
WALKS(no_walk_of_revoke_breaks_an_invariant, BUSINESS_REVOKE)
WALKS(no_walk_of_recover_breaks_an_invariant, BUSINESS_RECOVER)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_walk_of_new_breaks_an_invariant),
        cmocka_unit_test(no_walk_of_renew_breaks_an_invariant),
        cmocka_unit_test(no_walk_of_reissue_breaks_an_invariant),
        cmocka_unit_test(no_walk_of_change_breaks_an_invariant),
        cmocka_unit_test(no_walk_of_seal_breaks_an_invariant),
        cmocka_unit_test(no_walk_of_unlock_breaks_an_invariant),
        cmocka_unit_test(no_walk_of_revoke_breaks_an_invariant),
        cmocka_unit_test(no_walk_of_recover_breaks_an_invariant),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
