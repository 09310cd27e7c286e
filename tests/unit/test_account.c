/* Accounts' names and tokens, and how often a wrong token may be shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "ra/account.h"
#include "ra/throttle.h"

static struct http_request
request_with(const char *authorization)
{
    struct http_request req = {0};

    req.header[0] = (struct http_header){"authorization", authorization};
    req.header_count = authorization == NULL ? 0 : 1;
    return req;
}

static void
token_opens_with_the_hash_it_was_made_with(void **state)
{
    char token[ACCOUNT_TOKEN_LEN + 1];
    char value[ACCOUNT_TOKEN_LEN + 16];
    uint8_t made[ACCOUNT_HASH_LEN];
    uint8_t read[ACCOUNT_HASH_LEN];
    struct http_request req;

    (void)state;
    assert_true(account_token_draw(token, made, NULL));
    assert_int_equal(strlen(token), ACCOUNT_TOKEN_LEN);
    (void)snprintf(value, sizeof value, "bearer %s", token);
    req = request_with(value);
    assert_true(account_token_read(&req, read));
    assert_memory_equal(made, read, sizeof made);
}

static void
two_tokens_differ(void **state)
{
    char one[ACCOUNT_TOKEN_LEN + 1];
    char other[ACCOUNT_TOKEN_LEN + 1];
    uint8_t hash[ACCOUNT_HASH_LEN];

    (void)state;
    assert_true(account_token_draw(one, hash, NULL));
    assert_true(account_token_draw(other, hash, NULL));
    assert_string_not_equal(one, other);
}

static void
what_cannot_be_a_token_is_not_looked_up(void **state)
{
    static const char good[] =
        "Bearer signet_"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    uint8_t hash[ACCOUNT_HASH_LEN];
    char bad[sizeof good + 2];
    struct http_request req = request_with(good);

    (void)state;
    assert_true(account_token_read(&req, hash));

    memcpy(bad, good, sizeof good);
    bad[sizeof good - 2] = '\0'; /* one digit short */
    req = request_with(bad);
    assert_false(account_token_read(&req, hash));

    (void)snprintf(bad, sizeof bad, "%s0", good); /* one too many */
    req = request_with(bad);
    assert_false(account_token_read(&req, hash));

    memcpy(bad, good, sizeof good);
    bad[sizeof good - 2] = 'F'; /* upper case is another text */
    req = request_with(bad);
    assert_false(account_token_read(&req, hash));

    memcpy(bad, good, sizeof good);
    memcpy(bad, "Basic  ", 7);
    req = request_with(bad);
    assert_false(account_token_read(&req, hash));

    req = request_with(NULL);
    assert_false(account_token_read(&req, hash));
}

static void
account_names_are_short_and_plain(void **state)
{
    static const char *const good[] = {"abc", "a-1.b_c", "0ab"};
    static const char *const bad[] = {
        "ab", "", "-ab", ".ab", "Abc", "ab c", "ab/c", "ab%00", "\xe5\x8d\x95"};
    char longest[ACCOUNT_NAME_MAX + 2];
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(account_name_check(good[i], &err));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(account_name_check(bad[i], &err));
        assert_int_equal(err.code, ERROR_INPUT);
    }
    memset(longest, 'a', sizeof longest);
    longest[ACCOUNT_NAME_MAX] = '\0';
    assert_true(account_name_check(longest, &err));
    longest[ACCOUNT_NAME_MAX] = 'a';
    longest[ACCOUNT_NAME_MAX + 1] = '\0';
    assert_false(account_name_check(longest, &err));
}

static void
address_that_fails_too_often_has_to_wait(void **state)
{
    struct throttle *throttle =
        throttle_new(THROTTLE_FAILURES_MAX, THROTTLE_REFILL_MS);

    (void)state;
    for (int i = 0; i < THROTTLE_FAILURES_MAX; i++) {
        assert_true(throttle_admits(throttle, "192.0.2.1", 1000));
        throttle_failed(throttle, "192.0.2.1", 1000);
    }
    assert_false(throttle_admits(throttle, "192.0.2.1", 1000));
    assert_true(throttle_admits(throttle, "192.0.2.2", 1000));
    assert_true(
        throttle_admits(throttle, "192.0.2.1", 1000 + THROTTLE_REFILL_MS));
    throttle_failed(throttle, "192.0.2.1", 1000 + THROTTLE_REFILL_MS);
    assert_false(
        throttle_admits(throttle, "192.0.2.1", 1000 + THROTTLE_REFILL_MS));
    throttle_free(throttle);
}

static void
one_customers_ipv6_addresses_share_a_bucket(void **state)
{
    struct throttle *throttle =
        throttle_new(THROTTLE_FAILURES_MAX, THROTTLE_REFILL_MS);

    (void)state;
    for (int i = 0; i < THROTTLE_FAILURES_MAX; i++)
        throttle_failed(throttle, i % 2 ? "2001:db8::1" : "2001:db8::2", 0);
    assert_false(throttle_admits(throttle, "2001:db8::3", 0));
    assert_true(throttle_admits(throttle, "2001:db8:0:1::3", 0));
    throttle_free(throttle);
}

static void
more_addresses_than_buckets_are_survived(void **state)
{
    struct throttle *throttle =
        throttle_new(THROTTLE_FAILURES_MAX, THROTTLE_REFILL_MS);
    char address[32];

    (void)state;
    for (int i = 0; i < THROTTLE_ADDRESSES + 100; i++) {
        (void)snprintf(address, sizeof address, "10.%d.%d.1", i / 256, i % 256);
        throttle_failed(throttle, address, 0);
    }
    assert_true(throttle_admits(throttle, "10.0.0.1", 0));
    throttle_free(throttle);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_opens_with_the_hash_it_was_made_with),
        cmocka_unit_test(two_tokens_differ),
        cmocka_unit_test(what_cannot_be_a_token_is_not_looked_up),
        cmocka_unit_test(account_names_are_short_and_plain),
        cmocka_unit_test(address_that_fails_too_often_has_to_wait),
        cmocka_unit_test(one_customers_ipv6_addresses_share_a_bucket),
        cmocka_unit_test(more_addresses_than_buckets_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
