/*
 * Money on a real database, with fakes of the payment provider and of the
 * engine (ra/case_apply.h): every event counts once, nothing is paid
 * back that a certificate was issued for, and nothing is lost in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "db/payment.h"
#include "db/sql_ra.h"
#include "ra/case_tell.h"
#include "ra/payment.h"
#include "ra/receipt.h"
#include "ra/refund.h"
#include "tests/unit/pg.h"

enum { NOW = 1795500000, DAY = 86400 };

/* ---- Fakes ----------------------------------------------------------------
 */

static bool engine_fails; /* as if the machine stopped there */

/* The engine, as far as CASE_PAY goes. */
bool
case_apply_within(const struct business *business, struct db *db,
                  const struct case_act *act, enum case_state *to,
                  struct error *err)
{
    struct db_case_move move = {.number = act->number,
                                .from = "awaiting-payment",
                                .to = "first-review",
                                .at = act->at};

    (void)business;
    (void)to;
    assert_int_equal(act->event, CASE_PAY);
    assert_int_equal(act->who, CASE_BY_SYSTEM);
    if (engine_fails)
        return error_set(err, ERROR_INTERNAL, "the engine fails");
    return db_case_move(db, &move, err);
}

bool
case_note(struct db *db, const struct db_case *row, const char *event,
          const char *actor, const json_t *detail, int64_t at,
          struct error *err)
{
    (void)db;
    (void)detail;
    (void)at;
    (void)err;
    assert_non_null(row->number);
    assert_non_null(actor);
    assert_non_null(event);
    return true;
}

static int told_partial, told_refunded;

bool
case_tell(const struct business *it, struct db *on, const struct db_case *row,
          const char *name, const char *round, const json_t *values, int64_t at,
          struct error *err)
{
    (void)it;
    (void)on;
    (void)row;
    (void)at;
    (void)err;
    assert_non_null(round);
    assert_non_null(json_object_get(values, "amount"));
    told_partial += strcmp(name, "payment-partial") == 0;
    told_refunded += strcmp(name, "refunded") == 0;
    return true;
}

/* The provider: what it was asked for and what it answers. */
static struct {
    enum provider_refund_state refund;
    enum error_code refund_error; /* instead of an answer */
    int refund_calls;
    char refund_id[40];
    char refund_order[40];
    int64_t refund_amount;
    struct provider_order order;
} provider;

bool
payment_provider_is_set(const struct config *config)
{
    (void)config;
    return true;
}

bool
payment_provider_new(const struct config *config, struct payment_provider **out,
                     struct error *err)
{
    (void)config;
    (void)err;
    *out = NULL;
    return true;
}

void
payment_provider_free(struct payment_provider *it)
{
    (void)it;
}

bool
payment_provider_query(struct payment_provider *it, const char *id, int64_t now,
                       struct provider_order *out, struct error *err)
{
    (void)it;
    (void)id;
    (void)now;
    (void)err;
    *out = provider.order;
    return true;
}

bool
payment_provider_refund(struct payment_provider *it, const char *refund_id,
                        const char *order_id, int64_t amount, int64_t now,
                        struct provider_refund *out, struct error *err)
{
    (void)it;
    provider.refund_calls++;
    (void)snprintf(provider.refund_id, sizeof provider.refund_id, "%s",
                   refund_id);
    (void)snprintf(provider.refund_order, sizeof provider.refund_order, "%s",
                   order_id);
    provider.refund_amount = amount;
    if (provider.refund_error != ERROR_NONE)
        return error_set(err, provider.refund_error, "no answer, or no");
    *out = (struct provider_refund){.state = provider.refund, .done_at = now};
    (void)snprintf(out->problem, sizeof out->problem, "account is closed");
    return true;
}

/* ---- Cases ----------------------------------------------------------------
 */

static struct db_options options = {
    .statements = db_ra_statements,
    .statement_count = DB_RA_STATEMENT_COUNT,
    .connect_timeout_s = 5,
    .statement_timeout_ms = 5000,
};
static struct db *db;
static const struct business business;

#define CASE_1 "N20261124-000001"
#define CASE_2 "N20261124-000002"

static void
make_case(const char *number, const char *account, const char *state)
{
    char sql[2048];

    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO ra.account (account, created_at) VALUES ('%s', now())"
        " ON CONFLICT DO NOTHING;"
        "INSERT INTO ra.case_file (number, business, account, state, unit_name,"
        " uscc, created_at, changed_at) VALUES ('%s', 'new', '%s', 'draft',"
        " '示例公司', '91350100M000100Y43', now(), now());"
        "INSERT INTO ra.case_field (number, name, sealed, is_locked)"
        " VALUES ('%s', 'handler_mobile', '13800000000', true);"
        "SET session_replication_role = replica;"
        "UPDATE ra.case_file SET state = '%s' WHERE number = '%s'",
        account, number, account, number, state, number);
    pg_sql(sql);
}

static void
set_state(const char *number, const char *state)
{
    char sql[256];

    (void)snprintf(sql, sizeof sql,
                   "SET session_replication_role = replica;"
                   "UPDATE ra.case_file SET state = '%s' WHERE number = '%s'",
                   state, number);
    pg_sql(sql);
}

static void
set_device(const char *number, const char *state)
{
    char sql[512];

    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO ra.device (serial, model, state, number, spki, changed_at)"
        " VALUES ('KEY-1', 'm', '%s', '%s', 'x', now())"
        " ON CONFLICT (serial) DO UPDATE SET state = excluded.state",
        state, number);
    pg_sql(sql);
}

/* `sql` has one %s. */
#define ASSERT_ASK(sql, number, expected)                                      \
    do {                                                                       \
        char question[512];                                                    \
                                                                               \
        (void)snprintf(question, sizeof question, sql, number);                \
        assert_string_equal(pg_ask(question), expected);                       \
    } while (0)

static const char *
payment_of(const char *number)
{
    static char id[4][40];
    static int next;
    char *out = id[next++ % 4], sql[256];

    (void)snprintf(sql, sizeof sql,
                   "SELECT id FROM ra.payment WHERE number = '%s'"
                   " ORDER BY state = 'closed', created_at DESC LIMIT 1",
                   number);
    (void)snprintf(out, sizeof id[0], "%s", pg_ask(sql));
    return out;
}

static int
group_start(void **state)
{
    (void)state;
    pg_start();
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    pg_stop();
    return 0;
}

static int
start(void **state)
{
    (void)state;
    pg_reset();
    memset(&provider, 0, sizeof provider);
    provider.refund = PROVIDER_REFUND_DONE;
    engine_fails = false;
    told_partial = told_refunded = 0;
    options.connection = pg_connection("signet_ra");
    assert_true(db_open(&options, &db, NULL));
    pg_sql("INSERT INTO ra.case_transition VALUES"
           " ('new', 'awaiting-payment', 'first-review')"
           " ON CONFLICT DO NOTHING");
    make_case(CASE_1, "account-a", "awaiting-payment");
    assert_true(payment_open(db, CASE_1, 20000, NOW, NULL));
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

static bool
receive_on(struct db *on, const char *number, const char *event_id,
           int64_t amount, const char *nonce, struct receipt_outcome *out,
           struct error *err)
{
    struct receipt receipt = {.order = payment_of(number),
                              .event_id = event_id,
                              .method = "online",
                              .amount = amount,
                              .came_at = NOW,
                              .actor = "payment-provider",
                              .nonce = nonce};

    return receipt_take(&business, on, &receipt, NOW + 10, out, err);
}

static void
receive(const char *number, const char *event_id, int64_t amount)
{
    struct error err = {0};

    if (!receive_on(db, number, event_id, amount, NULL, NULL, &err))
        fail_msg("%s (%s)", err.what, err.cause);
}

static bool
give_back_run(struct db *on, void *arg, struct error *err)
{
    return payment_give_back(on, arg, "withdrawn", NOW + 20, err);
}

static bool
close_run(struct db *on, void *arg, struct error *err)
{
    return payment_give_back(on, arg, "closed", NOW + 20, err);
}

static void
give_back(const char *number, db_run *run)
{
    char copy[32];

    (void)snprintf(copy, sizeof copy, "%s", number);
    set_state(number, "closed");
    assert_true(db_transaction(db, run, copy, NULL));
}

static size_t
send_refunds(int64_t at)
{
    size_t count;

    assert_true(refund_send_due(&business, db, NULL, at, 100, &count, NULL));
    return count;
}

/* ---- Coming in ------------------------------------------------------------
 */

static void
the_whole_amount_lets_the_case_go_on(void **state)
{
    (void)state;
    receive(CASE_1, "E1", 20000);
    ASSERT_ASK("SELECT state FROM ra.case_file WHERE number = '%s'", CASE_1,
               "first-review");
    ASSERT_ASK("SELECT state || ' ' || received FROM ra.payment"
               " WHERE number = '%s'",
               CASE_1, "paid 20000");
}

static void
an_event_that_comes_twice_counts_once(void **state)
{
    struct receipt_outcome out;

    (void)state;
    receive(CASE_1, "E1", 20000);
    assert_true(receive_on(db, CASE_1, "E1", 20000, NULL, &out, NULL));
    assert_true(out.is_known);
    ASSERT_ASK("SELECT received FROM ra.payment WHERE number = '%s'", CASE_1,
               "20000");
    ASSERT_ASK("SELECT count(*) FROM ra.refund%s", "", "0");
}

static void
a_part_waits_for_the_rest_and_the_handler_is_told(void **state)
{
    (void)state;
    receive(CASE_1, "E1", 15000);
    receive(CASE_1, "E1", 15000);
    ASSERT_ASK("SELECT state FROM ra.case_file WHERE number = '%s'", CASE_1,
               "awaiting-payment");
    assert_int_equal(told_partial, 1);
    receive(CASE_1, "E2", 5000);
    ASSERT_ASK("SELECT state FROM ra.case_file WHERE number = '%s'", CASE_1,
               "first-review");
    ASSERT_ASK("SELECT count(*) FROM ra.refund%s", "", "0");
}

static void
too_much_lets_the_case_go_on_and_the_surplus_goes_back(void **state)
{
    (void)state;
    receive(CASE_1, "E1", 25000);
    ASSERT_ASK("SELECT state FROM ra.case_file WHERE number = '%s'", CASE_1,
               "first-review");
    ASSERT_ASK(
        "SELECT amount || ' ' || reason || ' ' || state FROM ra.refund%s", "",
        "5000 overpaid due");
    assert_int_equal(send_refunds(NOW + 20), 1);
    assert_int_equal(provider.refund_amount, 5000);
    ASSERT_ASK("SELECT state || ' ' || received || ' ' || refunded"
               " FROM ra.payment WHERE number = '%s'",
               CASE_1, "paid 25000 5000");
}

static void
what_is_paid_twice_goes_back_once_even_after_activation(void **state)
{
    (void)state;
    receive(CASE_1, "E1", 20000);
    set_state(CASE_1, "activated");
    receive(CASE_1, "E2", 20000);
    receive(CASE_1, "E2", 20000);
    ASSERT_ASK("SELECT string_agg(amount || ' ' || reason, ',')"
               " FROM ra.refund%s",
               "", "20000 overpaid");
    assert_int_equal(send_refunds(NOW + 20), 1);
    ASSERT_ASK("SELECT state || ' ' || received - refunded"
               " FROM ra.payment WHERE number = '%s'",
               CASE_1, "paid 20000");
}

static void
what_comes_after_the_case_was_closed_goes_back(void **state)
{
    (void)state;
    give_back(CASE_1, give_back_run);
    ASSERT_ASK("SELECT state FROM ra.payment WHERE number = '%s'", CASE_1,
               "closed");
    receive(CASE_1, "E1", 20000);
    receive(CASE_1, "E1", 20000);
    ASSERT_ASK("SELECT string_agg(amount || ' ' || reason || ' ' || state, ',')"
               " FROM ra.refund%s",
               "", "20000 late due");
    ASSERT_ASK("SELECT state FROM ra.case_file WHERE number = '%s'", CASE_1,
               "closed");
    assert_int_equal(send_refunds(NOW + 20), 1);
    ASSERT_ASK("SELECT state FROM ra.payment WHERE number = '%s'", CASE_1,
               "refunded");
    /* And one more, later still. */
    receive(CASE_1, "E2", 300);
    assert_int_equal(send_refunds(NOW + 30), 1);
    ASSERT_ASK("SELECT state || ' ' || received || ' ' || refunded"
               " FROM ra.payment WHERE number = '%s'",
               CASE_1, "refunded 20300 20300");
}

static void
money_for_an_unknown_order_is_refused(void **state)
{
    struct receipt receipt = {.order = "00000000-0000-4000-8000-000000000001",
                              .event_id = "E1",
                              .method = "online",
                              .amount = 1,
                              .came_at = NOW,
                              .actor = "payment-provider"};
    struct error err = {0};

    (void)state;
    assert_false(receipt_take(&business, db, &receipt, NOW, NULL, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    ASSERT_ASK("SELECT count(*) FROM ra.payment_event%s", "", "0");
}

static void
an_event_with_another_amount_or_for_another_case_is_refused(void **state)
{
    struct error err = {0};

    (void)state;
    make_case(CASE_2, "account-b", "awaiting-payment");
    assert_true(payment_open(db, CASE_2, 20000, NOW, NULL));
    receive(CASE_1, "E1", 20000);
    assert_false(receive_on(db, CASE_1, "E1", 30000, NULL, NULL, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_false(receive_on(db, CASE_2, "E1", 20000, NULL, NULL, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    ASSERT_ASK("SELECT received FROM ra.payment WHERE number = '%s'", CASE_2,
               "0");
}

static void
a_nonce_is_taken_once_and_given_back_when_the_change_fails(void **state)
{
    static const char nonce[] = "0123456789abcdef0123456789abcdef";
    struct error err = {0};

    (void)state;
    engine_fails = true;
    assert_false(receive_on(db, CASE_1, "E1", 20000, nonce, NULL, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    ASSERT_ASK("SELECT received FROM ra.payment WHERE number = '%s'", CASE_1,
               "0");
    engine_fails = false;
    assert_true(receive_on(db, CASE_1, "E1", 20000, nonce, NULL, &err));
    assert_false(receive_on(db, CASE_1, "E2", 20000, nonce, NULL, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    ASSERT_ASK("SELECT received FROM ra.payment WHERE number = '%s'", CASE_1,
               "20000");
}

struct racer {
    const char *event_id;
    int64_t amount;
    bool ok;
};

static void *
race(void *arg)
{
    struct racer *racer = arg;
    struct receipt receipt = {.event_id = racer->event_id,
                              .method = "online",
                              .amount = racer->amount,
                              .came_at = NOW,
                              .actor = "payment-provider"};
    struct db_payment payment;
    struct db *mine = NULL;
    char id[40];
    bool is_there;

    racer->ok =
        db_open(&options, &mine, NULL) &&
        db_payment_of_case(mine, CASE_1, false, &payment, &is_there, NULL);
    if (racer->ok) {
        (void)snprintf(id, sizeof id, "%s", payment.id);
        db_payment_clear(&payment);
        receipt.order = id;
        racer->ok = receipt_take(&business, mine, &receipt, NOW, NULL, NULL);
    }
    db_close(mine);
    return NULL;
}

static void
many_workers_with_the_same_and_other_events_count_each_once(void **state)
{
    struct racer racer[8];
    pthread_t thread[8];

    (void)state;
    for (int i = 0; i < 8; i++) {
        static const char *const ids[] = {"E1", "E2"};

        racer[i] = (struct racer){ids[i % 2], 20000, false};
        assert_int_equal(pthread_create(&thread[i], NULL, race, &racer[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(thread[i], NULL);
        assert_true(racer[i].ok);
    }
    ASSERT_ASK("SELECT state || ' ' || received FROM ra.payment"
               " WHERE number = '%s'",
               CASE_1, "paid 40000");
    ASSERT_ASK("SELECT string_agg(amount || ' ' || reason, ',')"
               " FROM ra.refund%s",
               "", "20000 overpaid");
}

static void
asking_takes_what_a_lost_callback_would_have_told(void **state)
{
    char url[PROVIDER_URL_MAX + 1];

    (void)state;
    provider.order.event_count = 1;
    (void)snprintf(provider.order.event[0].event_id, PROVIDER_ID_MAX, "E1");
    provider.order.event[0].amount = 20000;
    provider.order.event[0].at = NOW;
    assert_true(
        receipt_ask(&business, db, NULL, payment_of(CASE_1), NOW, url, NULL));
    receive(CASE_1, "E1", 20000);
    assert_true(
        receipt_ask(&business, db, NULL, payment_of(CASE_1), NOW, url, NULL));
    ASSERT_ASK("SELECT state || ' ' || received FROM ra.payment"
               " WHERE number = '%s'",
               CASE_1, "paid 20000");
}

/* ---- Going back -----------------------------------------------------------
 */

static void
a_case_given_up_before_shipping_is_paid_back_at_once(void **state)
{
    (void)state;
    receive(CASE_1, "E1", 20000);
    set_device(CASE_1, "personalised");
    give_back(CASE_1, give_back_run);
    give_back(CASE_1, give_back_run);
    assert_int_equal(send_refunds(NOW + 20), 1);
    assert_int_equal(provider.refund_amount, 20000);
    ASSERT_ASK("SELECT state FROM ra.payment WHERE number = '%s'", CASE_1,
               "refunded");
    assert_int_equal(told_refunded, 1);
}

static void
a_part_that_was_paid_is_paid_back(void **state)
{
    (void)state;
    receive(CASE_1, "E1", 700);
    give_back(CASE_1, give_back_run);
    assert_int_equal(send_refunds(NOW + 20), 1);
    assert_int_equal(provider.refund_amount, 700);
}

static void
a_device_that_is_out_is_waited_for(void **state)
{
    static const char *const out[] = {"shipped", "delivered", "lost"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        (void)stop(NULL);
        (void)start(NULL);
        receive(CASE_1, "E1", 20000);
        set_device(CASE_1, out[i]);
        if (i == 2)
            pg_sql("INSERT INTO ra.device_event VALUES ('KEY-1', 1, now(),"
                   " 'personalised', 'shipped', 'x', '" CASE_1 "')");
        give_back(CASE_1, give_back_run);
        ASSERT_ASK("SELECT state FROM ra.refund%s", "", "waiting-device");
        assert_int_equal(send_refunds(NOW + 1000 * DAY), 0);
        assert_true(payment_device_back(db, CASE_1, NOW + 30, NULL));
        assert_int_equal(send_refunds(NOW + 30), 1);
        ASSERT_ASK("SELECT state FROM ra.payment WHERE number = '%s'", CASE_1,
                   "refunded");
    }
}

static void
nothing_is_paid_back_once_a_certificate_is_there(void **state)
{
    static const char *const states[] = {"activated", "bound", "issued",
                                         "installed"};
    struct error err = {0};

    (void)state;
    receive(CASE_1, "E1", 20000);
    for (size_t i = 0; i < 4; i++) {
        set_state(CASE_1, states[i]);
        assert_false(
            payment_give_back(db, CASE_1, "withdrawn", NOW + 20, &err));
        assert_int_equal(err.code, ERROR_CONFLICT);
        /* The database says the same to whoever does not ask us. */
        assert_false(payment_refund(db, payment_of(CASE_1), 1, "withdrawn", NOW,
                                    NOW, &err));
    }
    ASSERT_ASK("SELECT count(*) FROM ra.refund%s", "", "0");
}

static void
a_free_case_has_nothing_to_give_back(void **state)
{
    (void)state;
    make_case(CASE_2, "account-b", "form-ready");
    assert_true(payment_give_back(db, CASE_2, "withdrawn", NOW, NULL));
    ASSERT_ASK("SELECT count(*) FROM ra.payment WHERE number = '%s'", CASE_2,
               "0");
}

static void
money_goes_back_the_way_it_came(void **state)
{
    struct receipt receipt = {.order = payment_of(CASE_1),
                              .event_id = "bank:77",
                              .method = "transfer",
                              .amount = 15000,
                              .came_at = NOW,
                              .actor = "00000000-0000-4000-8000-000000000009"};
    struct error err = {0};
    char id[40];

    (void)state;
    receive(CASE_1, "E1", 5000);
    assert_true(receipt_take(&business, db, &receipt, NOW, NULL, &err));
    ASSERT_ASK("SELECT state FROM ra.case_file WHERE number = '%s'", CASE_1,
               "first-review");
    give_back(CASE_1, give_back_run);
    assert_int_equal(send_refunds(NOW + 20), 1);
    assert_int_equal(provider.refund_amount, 5000);
    ASSERT_ASK("SELECT state FROM ra.payment WHERE number = '%s'", CASE_1,
               "refunding");
    (void)snprintf(
        id, sizeof id, "%s",
        pg_ask("SELECT id FROM ra.refund WHERE method = 'transfer'"));
    assert_true(refund_paid_out(&business, db, id, "out-1", receipt.actor,
                                NOW + 30, &err));
    assert_false(refund_paid_out(&business, db, id, "out-1", receipt.actor,
                                 NOW + 30, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    ASSERT_ASK("SELECT state FROM ra.payment WHERE number = '%s'", CASE_1,
               "refunded");
}

static void
a_refund_without_answer_is_sent_again_under_the_same_number(void **state)
{
    char first[40];

    (void)state;
    receive(CASE_1, "E1", 20000);
    give_back(CASE_1, give_back_run);
    provider.refund_error = ERROR_BUSY;
    assert_int_equal(send_refunds(NOW + 20), 1);
    (void)snprintf(first, sizeof first, "%s", provider.refund_id);
    assert_int_equal(send_refunds(NOW + 21), 0); /* it waits */
    provider.refund_error = ERROR_NONE;
    provider.refund = PROVIDER_REFUND_PENDING;
    assert_int_equal(send_refunds(NOW + 20 + REFUND_WAIT_S), 1);
    provider.refund = PROVIDER_REFUND_DONE;
    assert_int_equal(send_refunds(NOW + DAY), 1);
    assert_string_equal(provider.refund_id, first);
    assert_int_equal(send_refunds(NOW + 2 * DAY), 0);
    ASSERT_ASK("SELECT refunded FROM ra.payment WHERE number = '%s'", CASE_1,
               "20000");
}

static void
a_crash_after_the_providers_answer_is_repeated_safely(void **state)
{
    char id[37];

    (void)state;
    receive(CASE_1, "E1", 20000);
    give_back(CASE_1, give_back_run);
    /* Claimed, sent, and the process is gone before it could write. */
    assert_true(
        db_refund_claim(db, NOW + 20, NOW + 20 + REFUND_CLAIM_S, id, NULL));
    assert_string_not_equal(id, "");
    assert_int_equal(send_refunds(NOW + 21), 0);
    assert_int_equal(send_refunds(NOW + 20 + REFUND_CLAIM_S), 1);
    assert_string_equal(provider.refund_id, id);
    ASSERT_ASK("SELECT refunded FROM ra.payment WHERE number = '%s'", CASE_1,
               "20000");
}

static void
a_refused_refund_is_finances_to_retry(void **state)
{
    static const char officer[] = "00000000-0000-4000-8000-000000000009";
    struct error err = {0};
    char id[40];

    (void)state;
    receive(CASE_1, "E1", 20000);
    give_back(CASE_1, give_back_run);
    (void)snprintf(id, sizeof id, "%s", pg_ask("SELECT id FROM ra.refund"));
    assert_false(refund_retry(db, id, officer, NOW, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    provider.refund = PROVIDER_REFUND_REFUSED;
    assert_int_equal(send_refunds(NOW + 20), 1);
    ASSERT_ASK("SELECT state || ': ' || problem FROM ra.refund%s", "",
               "failed: account is closed");
    assert_int_equal(send_refunds(NOW + 100 * DAY), 0);
    provider.refund = PROVIDER_REFUND_DONE;
    assert_true(refund_retry(db, id, officer, NOW + 30, &err));
    assert_int_equal(send_refunds(NOW + 30), 1);
    ASSERT_ASK("SELECT state FROM ra.payment WHERE number = '%s'", CASE_1,
               "refunded");
}

static void
a_refund_is_given_up_after_a_bounded_number_of_tries(void **state)
{
    int64_t at = NOW + 20;

    (void)state;
    receive(CASE_1, "E1", 20000);
    give_back(CASE_1, give_back_run);
    provider.refund_error = ERROR_BUSY;
    while (send_refunds(at) > 0)
        at += REFUND_WAIT_MAX_S;
    assert_int_equal(provider.refund_calls, REFUND_TRIES_MAX);
    ASSERT_ASK("SELECT state FROM ra.refund%s", "", "failed");
}

/* ---- Taking over ----------------------------------------------------------
 */

struct takeover {
    const char *from, *to;
    int64_t amount;
};

static bool
takeover_run(struct db *on, void *arg, struct error *err)
{
    const struct takeover *takeover = arg;

    return payment_transfer(on, takeover->from, takeover->to, takeover->amount,
                            NOW + 40, err) &&
           payment_open(on, takeover->to, takeover->amount, NOW + 40, err);
}

static void
a_replacing_case_takes_the_payment_over(void **state)
{
    struct takeover takeover = {CASE_1, CASE_2, 20000};
    char origin[40];

    (void)state;
    receive(CASE_1, "E1", 20000);
    (void)snprintf(origin, sizeof origin, "%s", payment_of(CASE_1));
    give_back(CASE_1, close_run);
    assert_int_equal(send_refunds(NOW + 30), 0); /* it waits for this */
    make_case(CASE_2, "account-a", "awaiting-payment");
    assert_true(db_transaction(db, takeover_run, &takeover, NULL));
    assert_true(receipt_settle(&business, db, NOW + 50, NULL));
    ASSERT_ASK("SELECT state FROM ra.case_file WHERE number = '%s'", CASE_2,
               "first-review");
    assert_int_equal(send_refunds(NOW + 100 * DAY), 0);
    ASSERT_ASK("SELECT state FROM ra.payment WHERE number = '%s'", CASE_1,
               "transferred");
    /* Given up in its turn, it goes back by the order that was paid. */
    give_back(CASE_2, give_back_run);
    assert_int_equal(send_refunds(NOW + 60), 1);
    assert_string_equal(provider.refund_order, origin);
    assert_int_equal(provider.refund_amount, 20000);
}

static void
a_payment_that_does_not_fit_is_paid_back(void **state)
{
    struct takeover takeover = {CASE_1, CASE_2, 40000};

    (void)state;
    receive(CASE_1, "E1", 20000);
    give_back(CASE_1, close_run);
    make_case(CASE_2, "account-a", "awaiting-payment");
    assert_true(db_transaction(db, takeover_run, &takeover, NULL));
    ASSERT_ASK("SELECT state || ' ' || received || ' ' || amount"
               " FROM ra.payment WHERE number = '%s'",
               CASE_2, "created 0 40000");
    assert_int_equal(send_refunds(NOW + 40), 1);
    assert_int_equal(provider.refund_amount, 20000);
}

static void
what_was_sent_back_already_is_not_taken_over(void **state)
{
    struct takeover takeover = {CASE_1, CASE_2, 20000};

    (void)state;
    receive(CASE_1, "E1", 20000);
    give_back(CASE_1, close_run);
    assert_int_equal(send_refunds(NOW + 20 + PAYMENT_REPLACE_S), 1);
    make_case(CASE_2, "account-a", "awaiting-payment");
    assert_true(db_transaction(db, takeover_run, &takeover, NULL));
    ASSERT_ASK("SELECT state FROM ra.payment WHERE number = '%s'", CASE_2,
               "created");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(the_whole_amount_lets_the_case_go_on),
        TEST(an_event_that_comes_twice_counts_once),
        TEST(a_part_waits_for_the_rest_and_the_handler_is_told),
        TEST(too_much_lets_the_case_go_on_and_the_surplus_goes_back),
        TEST(what_is_paid_twice_goes_back_once_even_after_activation),
        TEST(what_comes_after_the_case_was_closed_goes_back),
        TEST(money_for_an_unknown_order_is_refused),
        TEST(an_event_with_another_amount_or_for_another_case_is_refused),
        TEST(a_nonce_is_taken_once_and_given_back_when_the_change_fails),
        TEST(many_workers_with_the_same_and_other_events_count_each_once),
        TEST(asking_takes_what_a_lost_callback_would_have_told),
        TEST(a_case_given_up_before_shipping_is_paid_back_at_once),
        TEST(a_part_that_was_paid_is_paid_back),
        TEST(a_device_that_is_out_is_waited_for),
        TEST(nothing_is_paid_back_once_a_certificate_is_there),
        TEST(a_free_case_has_nothing_to_give_back),
        TEST(money_goes_back_the_way_it_came),
        TEST(a_refund_without_answer_is_sent_again_under_the_same_number),
        TEST(a_crash_after_the_providers_answer_is_repeated_safely),
        TEST(a_refused_refund_is_finances_to_retry),
        TEST(a_refund_is_given_up_after_a_bounded_number_of_tries),
        TEST(a_replacing_case_takes_the_payment_over),
        TEST(a_payment_that_does_not_fit_is_paid_back),
        TEST(what_was_sent_back_already_is_not_taken_over),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
