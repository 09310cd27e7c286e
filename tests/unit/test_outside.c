/*
 * Our side of the interfaces to the outside against the other side's: the
 * simulator tests/sim/world.py, a program that shares no code with us. Outbox
 * and payments are on a real database.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/http_client.h"
#include "base/json.h"
#include "base/text.h"
#include "db/notice.h"
#include "db/sql_ra.h"
#include "ra/notice.h"
#include "ra/notice_sender.h"
#include "ra/payment_provider.h"
#include "ra/reconciliation.h"
#include "ra/signed_call.h"
#include "tests/unit/pg.h"

/* ---- A vault that seals nothing
 * ---------------------------------------------- */

bool
vault_seal(const struct vault *vault, const char *purpose, const uint8_t *data,
           size_t len, struct buf *out, struct error *err)
{
    (void)vault;
    (void)err;
    assert_true(strncmp(purpose, "notice/", 7) == 0);
    return buf_add(out, data, len);
}

bool
vault_open(const struct vault *vault, const char *purpose,
           const uint8_t *sealed, size_t len, struct buf *out,
           struct error *err)
{
    return vault_seal(vault, purpose, sealed, len, out, err);
}

/* ---- The simulator
 * ----------------------------------------------------------- */

static char folder[64];
static pid_t world_pid;
static json_t *addresses;
static struct http_client *control;
static struct config *config;

static const char *
address(const char *name)
{
    const char *text = json_string_value(json_object_get(addresses, name));

    assert_non_null(text);
    return text;
}

static json_t *
control_call(enum http_method method, const char *path, const char *body)
{
    struct http_answer answer;
    struct error err = {0};
    json_t *out;

    if (!http_client_call(control, method, path, "application/json", body,
                          body == NULL ? 0 : strlen(body), &answer, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    if (answer.status >= 300)
        fail_msg("%s: %d %s", path, answer.status, buf_text(&answer.body));
    out = json_loads(buf_text(&answer.body), 0, NULL);
    http_answer_clear(&answer);
    return out;
}

static void
behave(const char *body)
{
    json_decref(control_call(HTTP_POST, "/behave", body));
}

static struct config *
config_make(const char *url_of_payment, const char *payment_key,
            const char *provider_key)
{
    struct buf text = BUF_INIT(8192);
    struct config *out = NULL;
    struct error err = {0};

    (void)buf_addf(&text,
                   "ra.public_url = http://127.0.0.1:9\n"
                   "ra.payment_url = %s\nra.payment_key_file = %s\n"
                   "ra.payment_provider_key_file = %s\n"
                   "ra.sms_url = %s\nra.sms_key_file = %s\n"
                   "ra.smtp_url = %s\nra.smtp_from = office@ca.example\n"
                   "ra.platform_webhook_url = %s\n"
                   "ra.platform_webhook_key_file = %s\n",
                   url_of_payment, payment_key, provider_key,
                   address("sms_url"), address("sms_key_file"),
                   address("smtp_url"), address("webhook_url"),
                   address("webhook_key_file"));
    if (!config_parse(buf_text(&text), text.len, "test", "/", &out, &err))
        fail_msg("%s", err.what);
    buf_clear(&text);
    return out;
}

static void
world_start(void)
{
    struct timespec wait = {0, 50000000};
    struct buf text = BUF_INIT(65536);
    char file[96];

    (void)snprintf(folder, sizeof folder, "/tmp/signet-world.XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/world.json", folder);
    world_pid = fork();
    if (world_pid == 0) {
        (void)execlp("python3", "python3", SOURCE_DIR "/tests/sim/world.py",
                     folder, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 400 && access(file, R_OK) != 0; i++)
        (void)nanosleep(&wait, NULL);
    assert_true(text_file_read(file, 65536, &text, NULL));
    assert_true(json_parse_object(text.data, text.len, &addresses, NULL));
    buf_clear(&text);
}

static int
group_start(void **state)
{
    (void)state;
    pg_start();
    world_start();
    assert_true(http_client_new(
        &(struct http_client_options){.base_url = address("control_url"),
                                      .timeout_ms = 20000,
                                      .body_max = 1024 * 1024},
        &control, NULL));
    config = config_make(address("pay_url"), address("payment_key_file"),
                         address("payment_provider_key_file"));
    return 0;
}

static int
group_stop(void **state)
{
    char command[128];

    (void)state;
    http_client_free(control);
    config_free(config);
    json_decref(addresses);
    (void)kill(world_pid, SIGTERM);
    (void)waitpid(world_pid, NULL, 0);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
    pg_stop();
    return 0;
}

static struct db_options options = {
    .statements = db_ra_statements,
    .statement_count = DB_RA_STATEMENT_COUNT,
    .connect_timeout_s = 5,
    .statement_timeout_ms = 5000,
};
static struct db *db;
static struct business business;
static struct ra_job job;

static int
start(void **state)
{
    (void)state;
    pg_reset();
    behave("{\"sms\":\"ok\",\"smtp\":\"ok\",\"webhook\":\"ok\",\"pay\":\"ok\","
           "\"refunds\":\"ok\"}");
    json_decref(control_call(HTTP_DELETE, "/", NULL));
    options.connection = pg_connection("signet_ra");
    assert_true(db_open(&options, &db, NULL));
    business.config = config;
    job = (struct ra_job){.db = db, .business = &business, .config = config};
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    db_close(db);
    return 0;
}

/* ---- Payments
 * ------------------------------------------------------------------ */

static struct payment_provider *
provider_new(const struct config *from)
{
    struct payment_provider *out = NULL;
    struct error err = {0};

    if (!payment_provider_new(from, &out, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    return out;
}

static void
pay(const char *id, const char *body)
{
    char path[80];

    (void)snprintf(path, sizeof path, "/orders/%s/pay", id);
    json_decref(control_call(HTTP_POST, path, body));
}

static void
an_order_is_made_once_paid_and_asked_about(void **state)
{
    static struct provider_order order, again;
    struct payment_provider *provider = provider_new(config);
    struct error err = {0};
    char id[TEXT_UUID_LEN + 1];
    int64_t now = clock_now();

    (void)state;
    assert_true(text_uuid_draw(id, NULL));
    assert_false(payment_provider_query(provider, id, now, &order, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_true(payment_provider_order(provider, id, 20000, "数字证书", now,
                                       &order, &err));
    assert_true(strncmp(order.pay_url, "http://127.0.0.1:", 17) == 0);
    assert_true(payment_provider_order(provider, id, 20000, "数字证书", now,
                                       &again, &err));
    assert_string_equal(order.provider_id, again.provider_id);
    assert_false(
        payment_provider_order(provider, id, 30000, "x", now, &again, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    pay(id, "{\"amount\":15000,\"is_silent\":true}");
    pay(id, "{\"is_silent\":true}");
    assert_true(payment_provider_query(provider, id, now, &order, &err));
    assert_int_equal(order.event_count, 2);
    assert_int_equal(order.event[0].amount, 15000);
    assert_int_equal(order.event[1].amount, 5000);
    assert_string_equal(order.pay_url, "");
    behave("{\"pay\":\"busy\"}");
    assert_false(payment_provider_query(provider, id, now, &order, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    payment_provider_free(provider);
}

static void
a_refund_happens_once_and_never_for_more_than_was_paid(void **state)
{
    static struct provider_order order;
    struct payment_provider *provider = provider_new(config);
    struct provider_refund refund;
    struct error err = {0};
    char id[TEXT_UUID_LEN + 1], first[TEXT_UUID_LEN + 1],
        second[TEXT_UUID_LEN + 1], path[80];
    int64_t now = clock_now();

    (void)state;
    assert_true(text_uuid_draw(id, NULL) && text_uuid_draw(first, NULL) &&
                text_uuid_draw(second, NULL));
    assert_true(
        payment_provider_order(provider, id, 20000, "x", now, &order, &err));
    pay(id, "{\"is_silent\":true}");
    behave("{\"refunds\":\"pending\"}");
    assert_true(payment_provider_refund(provider, first, id, 15000, now,
                                        &refund, &err));
    assert_int_equal(refund.state, PROVIDER_REFUND_PENDING);
    (void)snprintf(path, sizeof path, "/refunds/%s", first);
    json_decref(control_call(HTTP_POST, path, "{\"state\":\"done\"}"));
    for (int i = 0; i < 2; i++) {
        assert_true(payment_provider_refund(provider, first, id, 15000, now,
                                            &refund, &err));
        assert_int_equal(refund.state, PROVIDER_REFUND_DONE);
    }
    assert_false(payment_provider_refund(provider, second, id, 5001, now,
                                         &refund, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    behave("{\"refunds\":\"refuse\"}");
    assert_true(payment_provider_refund(provider, second, id, 5000, now,
                                        &refund, &err));
    assert_int_equal(refund.state, PROVIDER_REFUND_REFUSED);
    payment_provider_free(provider);
}

static void
who_signs_with_another_key_is_not_believed_on_either_side(void **state)
{
    static struct provider_order order;
    struct payment_provider *provider;
    struct config *wrong;
    struct error err = {0};
    char id[TEXT_UUID_LEN + 1], other_key[96], other_public[96];

    (void)state;
    assert_true(text_uuid_draw(id, NULL));
    (void)snprintf(other_key, sizeof other_key, "%s/payment-provider.key",
                   folder);
    (void)snprintf(other_public, sizeof other_public, "%s/payment-ra.pub",
                   folder);
    /* We are not who we say. */
    wrong = config_make(address("pay_url"), other_key,
                        address("payment_provider_key_file"));
    provider = provider_new(wrong);
    assert_false(payment_provider_order(provider, id, 1, "x", clock_now(),
                                        &order, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    payment_provider_free(provider);
    config_free(wrong);
    /* They are not who they should be. */
    wrong = config_make(address("pay_url"), address("payment_key_file"),
                        other_public);
    provider = provider_new(wrong);
    assert_false(payment_provider_order(provider, id, 1, "x", clock_now(),
                                        &order, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    payment_provider_free(provider);
    config_free(wrong);
    /* Our clock is wrong. */
    provider = provider_new(config);
    assert_false(payment_provider_order(provider, id, 1, "x",
                                        clock_now() - 2 * SIGNED_TOLERANCE_S,
                                        &order, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    payment_provider_free(provider);
}

static void
a_provider_in_clear_on_another_machine_is_refused(void **state)
{
    struct config *wrong =
        config_make("http://pay.example", address("payment_key_file"),
                    address("payment_provider_key_file"));
    struct payment_provider *provider = NULL;
    struct error err = {0};

    (void)state;
    assert_false(payment_provider_new(wrong, &provider, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    config_free(wrong);
}

static void
the_statement_of_a_day_is_fetched_and_compared(void **state)
{
    static struct provider_order order;
    struct payment_provider *provider = provider_new(config);
    struct error err = {0};
    char id[TEXT_UUID_LEN + 1], day[RECONCILIATION_DAY_LEN + 1], body[80];
    int64_t now = clock_now();
    bool is_matched = true;

    (void)state;
    assert_true(text_uuid_draw(id, NULL));
    assert_true(
        payment_provider_order(provider, id, 777, "x", now, &order, &err));
    pay(id, "{\"is_silent\":true}");
    reconciliation_day_of(now, day);
    assert_false(reconciliation_run(config, db, day, now, &is_matched, &err));
    assert_int_equal(err.code, ERROR_CONFLICT); /* not over yet */
    assert_false(reconciliation_run(config, db, day, now + 2 * 86400,
                                    &is_matched,
                                    &err)); /* signed too far off */
    /* The provider closes the day early, for us. */
    (void)snprintf(body, sizeof body, "{\"day\":\"%s\"}", day);
    json_decref(control_call(HTTP_POST, "/statement", body));
    {
        struct buf csv = BUF_INIT(PROVIDER_STATEMENT_MAX);

        assert_true(payment_provider_statement(provider, day, now, &csv, &err));
        assert_true(reconciliation_make(db, day, csv.data, csv.len, now,
                                        &is_matched, &err));
        buf_clear(&csv);
    }
    assert_false(is_matched);
    assert_string_equal(
        pg_ask("SELECT count(*) > 0 FROM ra.reconciliation,"
               " json_array_elements(convert_from(report, 'UTF8')::json ->"
               " 'differences') AS d WHERE d ->> 'kind' = 'missing-here'"
               " AND (d ->> 'provider')::int = 777"),
        "t");
    payment_provider_free(provider);
}

/* ---- Notices
 * ----------------------------------------------------------------- */

static void
queue(const char *channel, const char *dedupe, const char *to,
      const char *subject, const char *text, int64_t at)
{
    struct notice notice = {.event = "test",
                            .channel = channel,
                            .language = "zh",
                            .dedupe = dedupe,
                            .to = to,
                            .subject = subject,
                            .text = text};
    struct error err = {0};

    if (!notice_queue(db, NULL, &notice, at, &err))
        fail_msg("%s (%s)", err.what, err.cause);
}

static void
run_job(int64_t now)
{
    struct error err = {0};

    if (!notice_job(&job, now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
}

/* The member `name` of element `i` of a list; the list has `count`. */
static void
assert_listed(const char *path, size_t count, size_t i, const char *name,
              const char *expected)
{
    json_t *list = control_call(HTTP_GET, path, NULL);

    assert_int_equal(json_array_size(list), count);
    if (count > 0)
        assert_string_equal(
            json_string_value(json_object_get(json_array_get(list, i), name)),
            expected);
    json_decref(list);
}

static void
each_channel_delivers_once_and_the_text_is_gone_afterwards(void **state)
{
    static const char text[] = "您的激活码：ABCD-EFGH\n.\n..two dots";
    int64_t now = clock_now();
    json_t *list;

    (void)state;
    queue("sms", "1/sms", "13800000000", NULL, "验证码 123456", now);
    queue("sms", "1/sms", "13800000000", NULL, "验证码 123456", now);
    queue("email", "1/email", "li@unit.example",
          "业务单 N20261124-000001 的激活码，很长的主题，"
          "需要分成几个编码词才能放得下",
          text, now);
    queue("webhook", "1/webhook", "", NULL,
          "{\"type\":\"case\",\"number\":\"N20261124-000001\"}", now);
    run_job(now);
    run_job(now + 1000);
    assert_listed("/sms", 1, 0, "text", "验证码 123456");
    assert_listed("/mails", 1, 0, "subject",
                  "业务单 N20261124-000001 的激活码，很长的主题，"
                  "需要分成几个编码词才能放得下");
    list = control_call(HTTP_GET, "/mails", NULL);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(list, 0), "text")),
        text);
    json_decref(list);
    list = control_call(HTTP_GET, "/webhooks", NULL);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(
        json_string_value(json_object_get(
            json_object_get(json_array_get(list, 0), "news"), "number")),
        "N20261124-000001");
    json_decref(list);
    assert_string_equal(
        pg_ask("SELECT string_agg(state || octet_length(sealed), ' ')"
               " FROM ra.notice"),
        "sent0 sent0 sent0");
}

static void
what_is_away_is_tried_again_and_holds_up_no_other(void **state)
{
    int64_t now = clock_now();
    json_t *list;

    (void)state;
    behave("{\"sms\":\"busy\",\"smtp\":\"busy\"}");
    queue("sms", "1/sms", "13800000000", NULL, "one", now);
    queue("email", "1/email", "li@unit.example", "s", "one", now);
    queue("webhook", "1/webhook", "", NULL, "{}", now);
    run_job(now);
    assert_listed("/sms", 0, 0, NULL, NULL);
    list = control_call(HTTP_GET, "/webhooks", NULL);
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.notice WHERE state = 'queued'"
               " AND send_count = 1 AND problem IS NOT NULL"),
        "2");
    behave("{\"sms\":\"ok\",\"smtp\":\"ok\"}");
    run_job(now + 1); /* it waits */
    assert_listed("/sms", 0, 0, NULL, NULL);
    run_job(now + NOTICE_WAIT_S);
    assert_listed("/sms", 1, 0, "text", "one");
    assert_listed("/mails", 1, 0, "from", "office@ca.example");
}

static void
what_is_refused_or_too_old_is_given_up_and_the_text_is_gone(void **state)
{
    int64_t now = clock_now();

    (void)state;
    behave("{\"sms\":\"busy\",\"smtp\":\"refuse\",\"webhook\":\"refuse\"}");
    queue("sms", "1/sms", "13800000000", NULL, "code", now - NOTICE_GIVE_UP_S);
    queue("email", "1/email", "li@unit.example", "s", "code", now);
    queue("webhook", "1/webhook", "", NULL, "{}", now);
    queue("email", "2/email", "no address", "s", "code", now);
    run_job(now);
    assert_string_equal(
        pg_ask("SELECT string_agg(state || octet_length(sealed), ' ')"
               " FROM ra.notice"),
        "failed0 failed0 failed0 failed0");
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.notice WHERE problem IS NULL"), "0");
    behave("{\"sms\":\"ok\",\"smtp\":\"ok\"}");
    run_job(now + 86400);
    assert_listed("/sms", 0, 0, NULL, NULL);
}

static bool
carry_never(void *arg, const struct notice_content *content, int64_t now,
            struct error *err)
{
    (void)content;
    (void)now;
    ++*(int *)arg;
    return error_set(err, ERROR_INTERNAL, "no");
}

static void
a_notice_waits_longer_each_time_and_not_for_ever(void **state)
{
    int64_t now = clock_now(), at = now;
    int tries = 0;
    size_t count;

    (void)state;
    queue("sms", "1/sms", "1", NULL, "x", now);
    while (strcmp(pg_ask("SELECT state FROM ra.notice"), "queued") == 0) {
        assert_true(notice_send_due(db, NULL, "sms", carry_never, &tries, at,
                                    &count, NULL));
        at += 60;
    }
    assert_true(at - now <= NOTICE_GIVE_UP_S + NOTICE_WAIT_MAX_S + 60);
    assert_in_range(tries, 48, 70);
}

static void
a_sender_that_dies_after_claiming_delays_and_loses_nothing(void **state)
{
    struct db_notice notice;
    int64_t now = clock_now();

    (void)state;
    queue("sms", "1/sms", "13800000000", NULL, "one", now);
    assert_true(
        db_notice_claim(db, "sms", now, now + NOTICE_CLAIM_S, &notice, NULL));
    assert_non_null(notice.id);
    db_notice_clear(&notice);
    run_job(now + 1);
    assert_listed("/sms", 0, 0, NULL, NULL);
    run_job(now + NOTICE_CLAIM_S);
    assert_listed("/sms", 1, 0, "text", "one");
}

/* ---- Templates
 * ------------------------------------------------------------------ */

static void
templates_are_filled_and_unknown_names_are_refused(void **state)
{
    json_t *values = json_object();
    struct buf out = BUF_INIT(256);
    struct error err = {0};

    (void)state;
    json_set_text(values, "number", "N1");
    json_set_text(values, "code", "${number}");
    assert_true(notice_fill("单 ${number}: ${code}.", values, &out, &err));
    assert_string_equal(buf_text(&out), "单 N1: ${number}.");
    assert_false(notice_fill("${other}", values, &out, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    assert_false(notice_fill("${number", values, &out, &err));
    buf_clear(&out);
    json_decref(values);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(an_order_is_made_once_paid_and_asked_about),
        TEST(a_refund_happens_once_and_never_for_more_than_was_paid),
        TEST(who_signs_with_another_key_is_not_believed_on_either_side),
        TEST(a_provider_in_clear_on_another_machine_is_refused),
        TEST(the_statement_of_a_day_is_fetched_and_compared),
        TEST(each_channel_delivers_once_and_the_text_is_gone_afterwards),
        TEST(what_is_away_is_tried_again_and_holds_up_no_other),
        TEST(what_is_refused_or_too_old_is_given_up_and_the_text_is_gone),
        TEST(a_notice_waits_longer_each_time_and_not_for_ever),
        TEST(a_sender_that_dies_after_claiming_delays_and_loses_nothing),
        cmocka_unit_test(templates_are_filled_and_unknown_names_are_refused),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
