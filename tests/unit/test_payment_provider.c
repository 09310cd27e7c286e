/* What the payment provider says, octets to values: docs/payment-provider.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ra/payment_provider_read.h"

#define ORDER "00000000-0000-4000-8000-000000000001"
#define OTHER "00000000-0000-4000-8000-000000000002"
#define AT "2026-11-24T06:00:00Z"

static bool
order_reads(const char *text, struct provider_order *out)
{
    struct error err = {0};
    bool ok = provider_order_read((const uint8_t *)text, strlen(text), ORDER,
                                  out, &err);

    if (!ok)
        assert_int_equal(err.code, ERROR_INTERNAL); /* the provider's fault */
    return ok;
}

static void
an_order_is_read_whole(void **state)
{
    static struct provider_order order;

    (void)state;
    assert_true(order_reads(
        "{\"order\":\"" ORDER "\",\"provider_id\":\"W1\",\"amount\":20000,"
        "\"pay_url\":\"https://pay.example/1\",\"payments\":"
        "[{\"event_id\":\"P1\",\"amount\":15000,\"at\":\"" AT "\"}]}",
        &order));
    assert_string_equal(order.provider_id, "W1");
    assert_string_equal(order.pay_url, "https://pay.example/1");
    assert_int_equal(order.event_count, 1);
    assert_int_equal(order.event[0].amount, 15000);
    assert_int_equal(order.event[0].at, 1795500000);
}

static void
an_answer_about_another_order_or_of_another_form_is_refused(void **state)
{
#define HEAD "{\"order\":\"" ORDER "\",\"provider_id\":\"W1\",\"amount\":1,"
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"order\":\"" OTHER
        "\",\"provider_id\":\"W1\",\"amount\":1,\"payments\":[]}",
        HEAD "\"payments\":{}}",
        HEAD "\"payments\":[1]}",
        HEAD "\"payments\":[{\"event_id\":\"P 1\",\"amount\":1,\"at\":\"" AT
             "\"}]}",
        HEAD "\"payments\":[{\"event_id\":\"P1\",\"amount\":0,\"at\":\"" AT
             "\"}]}",
        HEAD "\"payments\":[{\"event_id\":\"P1\",\"amount\":-1,\"at\":\"" AT
             "\"}]}",
        HEAD "\"payments\":[{\"event_id\":\"P1\",\"amount\":1.5,\"at\":\"" AT
             "\"}]}",
        HEAD "\"payments\":[{\"event_id\":\"P1\",\"amount\":1,\"at\":\"x\"}]}",
        HEAD "\"pay_url\":\"javascript:alert(1)\",\"payments\":[]}",
        HEAD "\"payments\":[]}x",
    };
    static struct provider_order order;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(order_reads(bad[i], &order));
}

static void
a_refund_is_pending_done_or_refused(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        enum provider_refund_state state;
    } all[] = {
        {"{\"refund\":\"" ORDER "\",\"state\":\"pending\"}", true,
         PROVIDER_REFUND_PENDING},
        {"{\"refund\":\"" ORDER "\",\"state\":\"done\",\"done_at\":\"" AT "\"}",
         true, PROVIDER_REFUND_DONE},
        {"{\"refund\":\"" ORDER "\",\"state\":\"refused\",\"problem\":\"no\"}",
         true, PROVIDER_REFUND_REFUSED},
        {"{\"refund\":\"" ORDER "\",\"state\":\"done\"}", false, 0},
        {"{\"refund\":\"" OTHER "\",\"state\":\"pending\"}", false, 0},
        {"{\"refund\":\"" ORDER "\",\"state\":\"DONE\"}", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct provider_refund refund;

        assert_int_equal(provider_refund_read((const uint8_t *)all[i].text,
                                              strlen(all[i].text), ORDER,
                                              &refund, NULL),
                         all[i].ok);
        if (all[i].ok)
            assert_int_equal(refund.state, all[i].state);
    }
}

static void
a_callback_has_these_members_and_no_others(void **state)
{
#define CALL                                                                   \
    "{\"order\":\"" ORDER "\",\"event_id\":\"P1\",\"amount\":1,\"at\":\"" AT   \
    "\""
    struct provider_callback callback;
    struct error err = {0};

    (void)state;
    assert_true(provider_callback_parse((const uint8_t *)CALL "}", sizeof CALL,
                                        &callback, &err));
    assert_string_equal(callback.order, ORDER);
    assert_string_equal(callback.event.event_id, "P1");
    assert_false(provider_callback_parse(
        (const uint8_t *)CALL ",\"case\":\"N1\"}",
        sizeof CALL ",\"case\":\"N1\"}" - 1, &callback, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_false(provider_callback_parse((const uint8_t *)CALL, sizeof CALL - 1,
                                         &callback, &err));
}

#define HEADER "kind,event_id,order,amount,at\n"
#define LINE_1 "payment,P2," ORDER ",20000," AT "\n"
#define LINE_2 "refund," OTHER "," ORDER ",5000," AT "\n"

static bool
statement_reads(const char *text, struct provider_statement *out)
{
    struct error err = {0};
    bool ok = provider_statement_parse((const uint8_t *)text, strlen(text), out,
                                       &err);

    if (!ok) {
        assert_int_equal(err.code, ERROR_INPUT);
        assert_null(out->line);
    }
    return ok;
}

static void
a_statement_is_read_in_the_order_of_events(void **state)
{
    struct provider_statement statement;

    (void)state;
    assert_true(
        statement_reads(HEADER LINE_1 LINE_2 "total,2,,15000,\n", &statement));
    assert_int_equal(statement.count, 2);
    assert_true(statement.line[0].is_refund);
    assert_string_equal(statement.line[1].event_id, "P2");
    provider_statement_clear(&statement);
    assert_true(statement_reads(HEADER "total,0,,0,\n", &statement));
    assert_int_equal(statement.count, 0);
    provider_statement_clear(&statement);
    assert_true(statement_reads("kind,event_id,order,amount,at\r\n"
                                "total,0,,0,\r\n",
                                &statement));
    provider_statement_clear(&statement);
}

static void
a_statement_that_was_cut_or_altered_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        HEADER,
        HEADER LINE_1,
        HEADER LINE_1 "total,1,,20000,", /* no line end */
        HEADER LINE_1 "total,2,,20000,\n",
        HEADER LINE_1 "total,1,,20001,\n",
        HEADER LINE_1 "total,1,,20000,\n\n",
        HEADER LINE_1 "total,1,,20000,\n" LINE_2,
        HEADER LINE_1 LINE_1 "total,2,,40000,\n",
        LINE_1 "total,1,,20000,\n",
        HEADER "payment,P2," ORDER ",20000\ntotal,1,,20000,\n",
        HEADER "payment,P2," ORDER ",20000," AT ",x\ntotal,1,,20000,\n",
        HEADER "payment,P2," ORDER ",020000," AT "\ntotal,1,,20000,\n",
        HEADER "payment,P2,order,20000," AT "\ntotal,1,,20000,\n",
        HEADER "paid,P2," ORDER ",20000," AT "\ntotal,1,,20000,\n",
        HEADER "payment,," ORDER ",20000," AT "\ntotal,1,,20000,\n",
    };
    struct provider_statement statement;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(statement_reads(bad[i], &statement));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_is_read_whole),
        cmocka_unit_test(
            an_answer_about_another_order_or_of_another_form_is_refused),
        cmocka_unit_test(a_refund_is_pending_done_or_refused),
        cmocka_unit_test(a_callback_has_these_members_and_no_others),
        cmocka_unit_test(a_statement_is_read_in_the_order_of_events),
        cmocka_unit_test(a_statement_that_was_cut_or_altered_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
