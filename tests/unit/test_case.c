/*
 * The table of transitions (domain.md, 1.5), whole: what is not in it does not
 * happen, and no walk through it, however odd, breaks the invariants of 1.9.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ra/case.h"

enum { WALKS = 20000, WALK_MAX = 60 };

static const struct case_facts all_hold = {
    .is_complete = true,
    .condition_holds = true,
    .files_are_settled = true,
    .has_all_documents = true,
    .form_is_current = true,
    .due = 100,
    .has_decision = true,
    .has_all_papers = true,
    .device_is_ready = true,
    .code_is_right = true,
    .holder_signed = true,
    .handler_is_of_record = true,
};

static bool
is_in_table(enum case_business business, enum case_state from,
            enum case_event event, enum case_actor who)
{
    for (size_t i = 0; i < case_transition_count; i++) {
        const struct case_transition *t = &case_transitions[i];

        if ((t->business >> business & 1) != 0 && t->from == from &&
            t->event == event && t->who == who)
            return true;
    }
    return false;
}

static void
what_is_not_in_the_table_is_refused(void **state)
{
    const struct case_transition *t;
    struct case_facts facts = all_hold;
    struct error err;
    int refused = 0;

    (void)state;
    for (int b = 0; b < BUSINESS_COUNT; b++)
        for (int s = 0; s < CASE_STATE_COUNT; s++)
            for (int e = 0; e < CASE_EVENT_COUNT; e++)
                for (int w = 0; w < CASE_ACTOR_COUNT; w++)
                    for (facts.due = 0; facts.due <= 1; facts.due++) {
                        if (is_in_table(b, s, e, w))
                            continue;
                        assert_false(
                            case_transition_get(b, s, e, w, &facts, &t, &err));
                        assert_true(err.code == ERROR_CONFLICT ||
                                    err.code == ERROR_DENIED);
                        refused++;
                    }
    assert_true(refused > 90000);
}

static void
each_guard_alone_stops_its_transition(void **state)
{
    static const struct {
        unsigned guard;
        size_t at; /* of the fact */
    } flags[] = {
        {GUARD_COMPLETE, offsetof(struct case_facts, is_complete)},
        {GUARD_CONDITION, offsetof(struct case_facts, condition_holds)},
        {GUARD_FILES, offsetof(struct case_facts, files_are_settled)},
        {GUARD_SLOTS, offsetof(struct case_facts, has_all_documents)},
        {GUARD_FORM, offsetof(struct case_facts, form_is_current)},
        {GUARD_DECISION, offsetof(struct case_facts, has_decision)},
        {GUARD_PAPERS, offsetof(struct case_facts, has_all_papers)},
        {GUARD_DEVICE, offsetof(struct case_facts, device_is_ready)},
        {GUARD_CODE, offsetof(struct case_facts, code_is_right)},
        {GUARD_HOLDER, offsetof(struct case_facts, holder_signed)},
    };
    const struct case_transition *out;
    struct error err;
    int stopped = 0;

    (void)state;
    for (size_t i = 0; i < case_transition_count; i++)
        for (size_t k = 0; k < sizeof flags / sizeof flags[0]; k++) {
            const struct case_transition *t = &case_transitions[i];

            if ((t->guard & flags[k].guard) == 0)
                continue;
            for (int due = 0; due <= 1; due++)
                for (int b = 0; b < BUSINESS_COUNT; b++) {
                    struct case_facts facts = all_hold;
                    bool no = false;

                    if ((t->business >> b & 1) == 0)
                        continue;
                    facts.due = due;
                    memcpy((char *)&facts + flags[k].at, &no, sizeof no);
                    if (case_transition_get(b, t->from, t->event, t->who,
                                            &facts, &out, &err))
                        /* Only by another row without this guard. */
                        assert_int_equal(out->guard & flags[k].guard, 0);
                    else
                        assert_int_equal(err.code, ERROR_CONFLICT);
                    stopped++;
                }
        }
    assert_true(stopped > 50);
}

static void
every_state_is_reached_and_final_ones_end(void **state)
{
    (void)state;
    for (int b = 0; b < BUSINESS_COUNT; b++) {
        bool reached[CASE_STATE_COUNT] = {[CASE_DRAFT] = true};

        for (int round = 0; round < CASE_STATE_COUNT; round++)
            for (size_t i = 0; i < case_transition_count; i++) {
                const struct case_transition *t = &case_transitions[i];

                if ((t->business >> b & 1) != 0 && reached[t->from])
                    reached[t->to] = true;
            }
        for (size_t i = 0; i < case_transition_count; i++) {
            const struct case_transition *t = &case_transitions[i];

            if ((t->business >> b & 1) == 0)
                continue;
            assert_true(reached[t->from]);
            /* What is final stays so: binding is all that follows. */
            if (case_state_is_final(t->from))
                assert_true(case_state_is_final(t->to));
        }
        /* From everywhere there is a way to an end. */
        for (int s = 0; s < CASE_STATE_COUNT; s++) {
            bool ends[CASE_STATE_COUNT] = {[CASE_DRAFT] = false};

            if (!reached[s])
                continue;
            ends[s] = true;
            for (int round = 0; round < CASE_STATE_COUNT; round++)
                for (size_t i = 0; i < case_transition_count; i++) {
                    const struct case_transition *t = &case_transitions[i];

                    if ((t->business >> b & 1) != 0 && ends[t->from])
                        ends[t->to] = true;
                }
            bool ok = false;
            for (int k = 0; k < CASE_STATE_COUNT; k++)
                ok = ok || (ends[k] && case_state_is_final(k));
            assert_true(ok);
        }
    }
}

static void
names_are_found_again(void **state)
{
    (void)state;
    for (int i = 0; i < CASE_STATE_COUNT; i++) {
        enum case_state out;

        assert_true(case_state_find(case_state_name(i), &out));
        assert_int_equal(out, i);
    }
    for (int i = 0; i < CASE_EVENT_COUNT; i++) {
        enum case_event out;

        assert_true(case_event_find(case_event_name(i), &out));
        assert_int_equal(out, i);
    }
    for (int i = 0; i < BUSINESS_COUNT; i++) {
        enum case_business out;

        assert_true(case_business_find(case_business_name(i), &out));
        assert_int_equal(out, i);
    }
}

static void
number_has_the_letter_of_a_business(void **state)
{
    static const char *const wrong[] = {
        "",
        "X20261124-000001",
        "k20261124-000001",
        "K2026112-0000001",
        "K20261124_000001",
        "K20261124-00000",
        "K20261124-00000a",
        "K20261124-0000010000000000000000",
    };

    (void)state;
    for (int b = 0; b < BUSINESS_COUNT; b++) {
        char number[] = "?20261124-000001";

        number[0] = case_business_letter((enum case_business)b);
        assert_true(case_number_is(number, strlen(number)));
        assert_false(case_number_is(number, strlen(number) - 1));
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(case_number_is(wrong[i], strlen(wrong[i])));
}

/* ---- Random walks ----------------------------------------------------------
 */

/* A small generator of our own: the same walks at every run. */
static uint64_t seed;

static unsigned
draw(unsigned below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % below;
}

static unsigned fired[256]; /* by row of the table */

static bool
chance(unsigned percent)
{
    return draw(100) < percent;
}

/* What has happened to a case, as effects tell it. */
struct model {
    enum case_business business;
    enum case_state state;
    int revision;
    bool first_passed, second_passed; /* of this revision */
    bool has_payment, is_paid, is_refunded;
    bool is_free;
    bool is_issued; /* an order to issue went, and was done */
    bool is_sent;   /* an order to issue is on its way */
    bool is_recovering, is_recovered;
    bool is_held, is_released, is_revoking, is_revoked;
    bool is_completed;
    int forms_of; /* revision of the uploaded form; 0: none */
    int printed;  /* revision of the form that was made; 0: none */
};

static void
check_invariants(const struct model *m, const struct case_transition *t)
{
    bool is_renew = m->business == BUSINESS_RENEW;

    /* 1: no certificate before both reviews, but for renewals. */
    if ((t->effect & EFFECT_ISSUE) != 0 && !is_renew)
        assert_true(m->first_passed && m->second_passed);
    if (m->is_issued && !is_renew)
        assert_true(m->first_passed && m->second_passed);
    /* 4: a free business has no payment. */
    if (m->is_free)
        assert_false(m->has_payment);
    /* Nothing is reviewed, or issued, before it is paid. */
    if (!m->is_free && (t->event == CASE_PASS || m->is_sent))
        assert_true(m->is_paid || (m->business == BUSINESS_SEAL ||
                                   m->business == BUSINESS_UNLOCK));
    /* 5: no refund after activation or issue. */
    if ((t->effect & EFFECT_REFUND) != 0)
        assert_false(m->is_issued);
    /* 6: what a reviewer passes has the form of this revision. */
    if (t->event == CASE_PASS && t->from != CASE_SECOND_REVIEW)
        assert_int_equal(m->forms_of, m->revision);
    /* Keys are asked for by two reviewers, and put in where they came. */
    if ((t->effect & EFFECT_RECOVER) != 0)
        assert_true(m->first_passed && m->second_passed);
    if (m->business == BUSINESS_RECOVER && t->event == CASE_INSTALL)
        assert_true(m->is_recovered);
    /* A revocation is published only after a hold and two reviews. */
    if ((t->effect & EFFECT_REVOKE) != 0)
        assert_true(m->first_passed && m->second_passed && m->is_held);
    /* A certificate that this case held and did not revoke is released when it
     * is rejected. */
    if (m->state == CASE_REJECTED && m->is_held)
        assert_true(m->is_released || m->is_revoked);
    /* 办结 and the end are one. */
    if (m->is_completed && !case_state_is_final(m->state))
        fail();
    if (m->state == CASE_CLOSED || m->state == CASE_REJECTED)
        assert_false(m->is_completed);
}

static void
model_apply(struct model *m, const struct case_transition *t)
{
    if ((t->effect & EFFECT_REVISION) != 0 ||
        ((t->effect & EFFECT_ORDER) != 0 && m->printed == m->revision)) {
        m->revision++;
        m->forms_of = 0;
        m->first_passed = m->second_passed = false;
    }
    if ((t->effect & EFFECT_ORDER) != 0)
        m->printed = m->revision;
    if ((t->effect & EFFECT_PAYMENT) != 0)
        m->has_payment = true;
    if (t->event == CASE_PAY)
        m->is_paid = true;
    if ((t->effect & EFFECT_REFUND) != 0 && m->is_paid) {
        assert_false(m->is_refunded); /* once */
        m->is_refunded = true;
    }
    if (t->event == CASE_PASS) {
        if (t->who == CASE_BY_FIRST_REVIEWER)
            m->first_passed = true;
        else
            m->second_passed = true;
    }
    if ((t->effect & EFFECT_HOLD) != 0)
        m->is_held = true;
    if ((t->effect & EFFECT_RELEASE) != 0)
        m->is_released = true;
    if ((t->effect & EFFECT_ISSUE) != 0)
        m->is_sent = true;
    if ((t->effect & EFFECT_REVOKE) != 0)
        m->is_revoking = true;
    if ((t->effect & EFFECT_RECOVER) != 0)
        m->is_recovering = true;
    if (t->event == CASE_ISSUE && t->who == CASE_BY_SYSTEM) {
        assert_true(m->is_sent || m->is_revoking || m->is_recovering);
        m->is_issued = m->is_sent;
        m->is_revoked = m->is_revoking;
        m->is_recovered = m->is_recovering;
        m->is_sent = m->is_revoking = m->is_recovering = false;
    }
    /* A recovery is decided anew by both. */
    if (t->event == CASE_REFUSE && m->is_recovering)
        m->first_passed = m->second_passed = false;
    if (t->event == CASE_REFUSE)
        m->is_sent = m->is_revoking = m->is_recovering = false;
    if ((t->effect & EFFECT_COMPLETE) != 0) {
        assert_false(m->is_completed && !case_state_is_final(t->from));
        m->is_completed = true;
    }
    m->state = t->to;
}

/* Facts as they could be; what hangs on the model does. */
static struct case_facts
facts_draw(struct model *m, enum case_event event)
{
    struct case_facts facts = {
        .is_complete = chance(90),
        .condition_holds = chance(90),
        .files_are_settled = chance(90),
        .has_all_documents = m->forms_of != 0 && chance(90),
        .form_is_current = m->forms_of == m->revision,
        .has_decision = chance(90),
        .has_all_papers = chance(80),
        .device_is_ready = chance(80),
        .code_is_right = chance(80),
        .holder_signed = chance(80),
        .handler_is_of_record = chance(50),
    };

    /* The gateway speaks only when money came in. */
    facts.due = m->is_free || m->is_paid ? 0 : 20000;
    if (event == CASE_PAY)
        facts.due = m->has_payment ? 0 : facts.due;
    return facts;
}

static void
walk(enum case_business business)
{
    struct model m = {.business = business,
                      .state = CASE_DRAFT,
                      .revision = 1,
                      /* What costs is said in XML, not here. */
                      .is_free = chance(40)};

    for (int i = 0; i < WALK_MAX; i++) {
        enum case_event event = (enum case_event)draw(CASE_EVENT_COUNT);
        enum case_actor who = (enum case_actor)draw(CASE_ACTOR_COUNT);
        const struct case_transition *t;
        struct case_facts facts;
        struct error err;

        /* Mostly something that the table has; else anything. */
        if (chance(90)) {
            t = &case_transitions[draw((unsigned)case_transition_count)];
            while ((t->business >> business & 1) == 0 || t->from != m.state) {
                t = &case_transitions[draw((unsigned)case_transition_count)];
                if (case_state_is_final(m.state))
                    break;
            }
            /* Ends come too soon otherwise. */
            if (case_state_is_final(t->to) && !chance(25))
                continue;
            event = t->event;
            who = t->who;
        }
        if (chance(60) && m.printed == m.revision)
            m.forms_of = m.revision;
        facts = facts_draw(&m, event);
        if (!case_transition_get(business, m.state, event, who, &facts, &t,
                                 &err))
            continue;
        fired[t - case_transitions]++;
        model_apply(&m, t);
        check_invariants(&m, t);
    }
}

static void
no_walk_breaks_an_invariant(void **state)
{
    (void)state;
    for (int b = 0; b < BUSINESS_COUNT; b++) {
        seed = UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)b;
        for (int i = 0; i < WALKS; i++)
            walk((enum case_business)b);
    }
    /* They went everywhere; a case is not created twice. */
    for (size_t i = 0; i < case_transition_count; i++)
        if (fired[i] == 0)
            fail_msg("never: %s %s by %s",
                     case_state_name(case_transitions[i].from),
                     case_event_name(case_transitions[i].event),
                     case_actor_name(case_transitions[i].who));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_in_the_table_is_refused),
        cmocka_unit_test(each_guard_alone_stops_its_transition),
        cmocka_unit_test(every_state_is_reached_and_final_ones_end),
        cmocka_unit_test(names_are_found_again),
        cmocka_unit_test(number_has_the_letter_of_a_business),
        cmocka_unit_test(no_walk_breaks_an_invariant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
