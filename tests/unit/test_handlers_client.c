/*
 * The calls of the holder's client as literal requests: what is malformed is
 * told so, what opens nothing is refused alike, and soon not even tried.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ra/handlers_client.h"
#include "ra/handlers_device.h"
#include "tests/unit/case_parts.h"
#include "tests/unit/pg.h"

static struct case_parts parts;
static struct ra ra;
static struct ra_worker worker;

static int
group_start(void **state)
{
    (void)state;
    pg_start();
    case_parts_init(&parts);
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    case_parts_clear(&parts);
    pg_stop();
    return 0;
}

static int
start(void **state)
{
    (void)state;
    case_parts_open(&parts);
    ra = (struct ra){
        .throttle = throttle_new(THROTTLE_FAILURES_MAX, THROTTLE_REFILL_MS),
        .business = parts.business};
    worker = (struct ra_worker){
        .ra = &ra, .db = parts.db, .business = &parts.business};
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    throttle_free(ra.throttle);
    case_parts_close(&parts);
    return 0;
}

static int
call(http_handler *handler, const char *body, const char *site)
{
    struct http_request req = {
        .method = HTTP_POST,
        .path = "/",
        .query = "",
        .body = (const uint8_t *)body,
        .body_len = strlen(body),
        .peer = {.address = "192.0.2.1"},
        .param = {{"number", "U20261124-000001"},
                  {"id", "00000000-0000-4000-8000-000000000001"}},
        .param_count = 2,
    };
    struct http_response res = {0};
    int status;

    req.header[0] = (struct http_header){"content-type", "application/json"};
    req.header[1] = (struct http_header){"sec-fetch-site", site};
    req.header_count = site == NULL ? 1 : 2;
    handler(&worker, &req, &res);
    status = res.status;
    http_response_clear(&res);
    return status;
}

static http_handler *const client_calls[] = {
    handle_client_challenge,
    handle_client_proof,
    handle_client_activation_open,
    handle_client_activate,
    handle_client_renewal_request,
    handle_client_renewal_sign,
    handle_client_renewal_installed,
    handle_client_unlock_code,
    handle_client_unlock_verify,
    handle_client_unlock_release,
    handle_client_unlock_done,
    handle_client_unlock_failed,
    handle_client_seal_installed,
    handle_client_recovery_begin,
    handle_client_keys,
    handle_client_keys_received,
};

enum { CALLS = sizeof client_calls / sizeof client_calls[0] };

static void
malformed_calls_are_told_so(void **state)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{",
        "{}",
        "{\"x\":1}",
        "{\"code\":1,\"device\":1,\"signed_at\":1,\"signature\":1}",
        "{\"device\":\"UK-000001\",\"signed_at\":\"yesterday\","
        "\"signature\":\"AA==\"}",
        "{\"device\":\"UK-000001\",\"signed_at\":\"2026-11-24T00:00:00Z\","
        "\"signature\":\"not base64\"}",
    };

    (void)state;
    for (size_t i = 0; i < CALLS; i++)
        for (size_t k = 0; k < sizeof bodies / sizeof bodies[0]; k++)
            assert_int_equal(call(client_calls[i], bodies[k], NULL), 400);
}

static void
calls_from_another_sites_page_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(call(client_calls[i], "{}", "cross-site"), 403);
}

/* What asks for keys without being the device: one answer, and slowed. */
static void
keys_of_a_device_that_is_not_ours_are_denied_and_slowed(void **state)
{
    char time[CLOCK_TEXT_LEN + 1];
    char body[256];
    int status = 0;

    (void)state;
    clock_format(clock_now(), time);
    (void)snprintf(body, sizeof body,
                   "{\"device\":\"UK-000001\",\"number\":\"\","
                   "\"signed_at\":\"%s\",\"signature\":\"AA==\"}",
                   time);
    assert_int_equal(call(handle_client_keys, body, NULL), 403);
    (void)snprintf(body, sizeof body,
                   "{\"action\":\"keys\",\"device\":\"UK-000001\","
                   "\"number\":\"U20261124-000001\",\"signed_at\":\"%s\","
                   "\"signature\":\"AA==\"}",
                   time);
    assert_int_equal(call(handle_client_keys_received, body, NULL), 400);
    (void)snprintf(body, sizeof body,
                   "{\"action\":\"recovered\",\"device\":\"UK-000001\","
                   "\"number\":\"U20261124-000001\",\"signed_at\":\"%s\","
                   "\"signature\":\"AA==\"}",
                   time);
    for (int i = 0; i < 200 && status != 429; i++) {
        status = call(handle_client_keys_received, body, NULL);
        assert_true(status == 403 || status == 429);
    }
    assert_int_equal(status, 429);
}

static void
whoever_guesses_codes_is_slowed(void **state)
{
    int status = 0;
    int refused = 0;

    (void)state;
    for (int i = 0; i < 200 && status != 429; i++) {
        status = call(handle_client_challenge, "{\"code\":\"12345678\"}", NULL);
        refused += status == 403;
    }
    assert_int_equal(status, 429);
    assert_true(refused <= THROTTLE_FAILURES_MAX + 10);
    /* Other calls of that address as well. */
    assert_int_equal(call(handle_client_proof, "{}", NULL), 429);
}

static void
courier_is_not_heard_without_a_secret(void **state)
{
    struct config *config = NULL;

    (void)state;
    assert_true(config_parse("", 0, "test", "/", &config, NULL));
    ra.config = config;
    assert_int_equal(call(handle_courier, "{}", NULL), 404);
    config_free(config);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
        TEST(malformed_calls_are_told_so),
        TEST(calls_from_another_sites_page_are_refused),
        TEST(keys_of_a_device_that_is_not_ours_are_denied_and_slowed),
        TEST(whoever_guesses_codes_is_slowed),
        TEST(courier_is_not_heard_without_a_secret),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
