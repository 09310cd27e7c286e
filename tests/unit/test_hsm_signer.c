/*
 * Signer processes on a real SoftHSM behind a module that counts and spoils
 * calls (tests/fault/p11fault.c).
 */
#include <ctype.h>
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "tests/unit/soft_token.h"

enum { BUSY_MS = 2000, BACK_MS = 5000, STEADY = 200 };

static const uint8_t message[] = "what is to be signed";
static const uint8_t key_id[] = {0x51, 0x9e};
static struct soft_token token;

#define MUST(call)                                                             \
    do {                                                                       \
        if (!(call))                                                           \
            fail_msg("%s: %s (%s)", #call, err.what, err.cause);               \
    } while (0)

/* A token with one P-256 key and `count` signers. */
static int
set_up(void **state)
{
    const struct hsm_key *key;
    struct error err = {0};
    struct hsm *hsm = NULL;

    (void)state;
    soft_token_make(&token);
    soft_token_spoil(&token);
    if (!hsm_open(&token.options, &hsm, &err) ||
        !hsm_key_generate(hsm, HSM_KEY_EC_P256, "signer", key_id, sizeof key_id,
                          &key, &err)) {
        print_error("%s (%s)\n", err.what, err.cause);
        return 1;
    }
    hsm_close(hsm);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    soft_token_remove(&token);
    return 0;
}

static struct hsm *
open_signers(size_t count, bool use_session_copy)
{
    struct hsm_options options = token.options;
    struct error err = {0};
    struct hsm *hsm = NULL;

    options.signer_count = count;
    options.use_session_copy = use_session_copy;
    MUST(hsm_open(&options, &hsm, &err));
    return hsm;
}

static const struct hsm_key *
get_key(struct hsm *hsm)
{
    const struct hsm_key *key = NULL;
    struct error err = {0};

    MUST(hsm_key_get(hsm, key_id, sizeof key_id, &key, &err));
    return key;
}

static bool
sign(struct hsm *hsm, const struct hsm_key *key, struct error *err)
{
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t len = 0;

    return hsm_sign_checked(hsm, key, HSM_ECDSA_SHA256, message, sizeof message,
                            signature, &len, err);
}

/* Both signers have found the key. */
static void
warm_up(struct hsm *hsm, const struct hsm_key *key)
{
    struct error err = {0};
    int i;

    for (i = 0; i < 20; i++)
        MUST(sign(hsm, key, &err));
}

static void
signs_again_in_time(struct hsm *hsm, const struct hsm_key *key)
{
    int64_t until = clock_monotonic_ms() + BACK_MS;
    struct error err = {0};

    while (!sign(hsm, key, &err)) {
        if (clock_monotonic_ms() >= until)
            fail_msg("not back in time: %s (%s)", err.what, err.cause);
        (void)usleep(20000);
    }
}

static void
is_busy_in_time(struct hsm *hsm, const struct hsm_key *key)
{
    int64_t before = clock_monotonic_ms();
    struct error err = {0};

    assert_false(sign(hsm, key, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_in_range(clock_monotonic_ms() - before, 0, BUSY_MS);
}

/* Our children that are signers; returns how many. */
static size_t
signer_pids(pid_t *pids, size_t max)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    size_t count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL && count < max) {
        char path[300], text[256] = "", state;
        int pid, parent;
        FILE *file;

        (void)snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        if (!isdigit((unsigned char)entry->d_name[0]) ||
            (file = fopen(path, "re")) == NULL)
            continue;
        if (fgets(text, sizeof text, file) != NULL &&
            sscanf(text, "%d (signet-signer) %c %d", &pid, &state, &parent) ==
                3 &&
            parent == getpid() && state != 'Z')
            pids[count++] = pid;
        (void)fclose(file);
    }
    closedir(dir);
    return count;
}

static void
a_steady_signature_is_one_sign_init_and_one_sign(void **state)
{
    static const size_t counts[] = {0, 1, 2};
    struct error err = {0};
    size_t i;
    int n;

    (void)state;
    for (i = 0; i < 2 * sizeof counts / sizeof counts[0]; i++) {
        struct hsm *hsm = open_signers(counts[i / 2], i % 2 == 0);
        const struct hsm_key *key = get_key(hsm);
        long all, inits, signs;

        warm_up(hsm, key);
        all = soft_token_calls(&token, -1);
        inits = soft_token_calls(&token, SOFT_TOKEN_SIGN_INIT);
        signs = soft_token_calls(&token, SOFT_TOKEN_SIGN);
        for (n = 0; n < STEADY; n++)
            MUST(sign(hsm, key, &err));
        assert_int_equal(soft_token_calls(&token, SOFT_TOKEN_SIGN_INIT) - inits,
                         STEADY);
        assert_int_equal(soft_token_calls(&token, SOFT_TOKEN_SIGN) - signs,
                         STEADY);
        assert_int_equal(soft_token_calls(&token, -1) - all, 2 * STEADY);
        hsm_close(hsm);
    }
}

struct worker {
    pthread_t thread;
    struct hsm *hsm;
    const struct hsm_key *key;
    int failures;
};

static void *
work(void *arg)
{
    struct worker *worker = arg;
    struct error err;
    int i;

    for (i = 0; i < 100; i++)
        worker->failures += !sign(worker->hsm, worker->key, &err);
    return NULL;
}

static void
run_workers(struct hsm *hsm, const struct hsm_key *key, size_t count)
{
    struct worker workers[8];
    size_t i;

    assert_in_range(count, 1, 8);
    for (i = 0; i < count; i++) {
        workers[i] = (struct worker){.hsm = hsm, .key = key};
        assert_int_equal(
            pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (i = 0; i < count; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].failures, 0);
    }
}

static void
many_threads_share_two_signers(void **state)
{
    struct hsm *hsm = open_signers(2, true);

    (void)state;
    run_workers(hsm, get_key(hsm), 8);
    hsm_close(hsm);
}

static void
many_threads_share_a_token_in_this_process(void **state)
{
    struct hsm *hsm = open_signers(0, true);

    (void)state;
    run_workers(hsm, get_key(hsm), 4);
    hsm_close(hsm);
}

static void
a_signer_that_dies_in_a_call_is_replaced_within_the_call(void **state)
{
    struct hsm *hsm = open_signers(2, true);
    const struct hsm_key *key = get_key(hsm);
    struct error err = {0};
    char rule[80];
    long signs;

    (void)state;
    warm_up(hsm, key);
    signs = soft_token_calls(&token, SOFT_TOKEN_SIGN);
    (void)snprintf(rule, sizeof rule, "C_Sign %ld %ld kill\n", signs + 1,
                   signs + 2);
    soft_token_rules(&token, rule);
    MUST(sign(hsm, key, &err));
    soft_token_rules(&token, NULL);
    assert_int_equal(soft_token_calls(&token, SOFT_TOKEN_SIGN), signs + 3);
    hsm_close(hsm);
}

static void
killed_signers_are_replaced(void **state)
{
    struct hsm *hsm = open_signers(2, true);
    const struct hsm_key *key = get_key(hsm);
    pid_t pids[4], again[4];
    size_t i;
    int round;

    (void)state;
    for (round = 0; round < 5; round++) {
        assert_int_equal(signer_pids(pids, 4), 2);
        for (i = 0; i < 2; i++)
            assert_int_equal(kill(pids[i], SIGKILL), 0);
        signs_again_in_time(hsm, key);
        (void)usleep(200000);
        if (signer_pids(again, 4) != 2)
            (void)usleep(1000000);
        assert_int_equal(signer_pids(again, 4), 2);
        assert_int_not_equal(again[0], pids[0]);
    }
    hsm_close(hsm);
}

static void
a_module_that_hangs_is_busy_at_once_and_served_again(void **state)
{
    struct hsm *hsm = open_signers(2, true);
    const struct hsm_key *key = get_key(hsm);
    int i;

    (void)state;
    warm_up(hsm, key);
    soft_token_rules(&token, "C_Sign 1 - hang\nC_Login 1 - hang\n");
    for (i = 0; i < 4; i++)
        is_busy_in_time(hsm, key);
    soft_token_rules(&token, NULL);
    signs_again_in_time(hsm, key);
    hsm_close(hsm);
}

static void
a_slow_module_is_waited_for(void **state)
{
    struct hsm *hsm = open_signers(1, true);
    const struct hsm_key *key = get_key(hsm);
    struct error err = {0};
    pid_t before[2], after[2];

    (void)state;
    assert_int_equal(signer_pids(before, 2), 1);
    soft_token_rules(&token, "C_Sign 1 - sleep 700\n");
    MUST(sign(hsm, key, &err));
    soft_token_rules(&token, NULL);
    assert_int_equal(signer_pids(after, 2), 1);
    assert_int_equal(before[0], after[0]);
    hsm_close(hsm);
}

/* reliability.md, F11. */
static const unsigned codes[] = {0x30, 0x31, 0x32, 0xe0, 0xb3, 0x101,
                                 0x82, 0x90, 0x05, 0x06, 0x190};

static void
one_error_of_the_device_is_not_seen_by_the_caller(void **state)
{
    static const char *const calls[] = {"C_SignInit", "C_Sign"};
    static const size_t counts[] = {0, 2};
    size_t i, call, way;
    struct error err = {0};

    (void)state;
    for (way = 0; way < 2; way++) {
        struct hsm *hsm = open_signers(counts[way], true);
        const struct hsm_key *key = get_key(hsm);

        for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
            for (call = 0; call < 2; call++) {
                long n = soft_token_calls(
                    &token, call == 0 ? SOFT_TOKEN_SIGN_INIT : SOFT_TOKEN_SIGN);
                char rule[80];

                (void)snprintf(rule, sizeof rule, "%s %ld %ld rv %x\n",
                               calls[call], n + 1, n + 1, codes[i]);
                soft_token_rules(&token, rule);
                MUST(sign(hsm, key, &err));
                soft_token_rules(&token, NULL);
            }
        }
        hsm_close(hsm);
    }
}

static void
a_device_that_stays_away_is_busy_and_comes_back(void **state)
{
    struct hsm *hsm = open_signers(2, true);
    const struct hsm_key *key = get_key(hsm);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char rule[160];

        warm_up(hsm, key);
        (void)snprintf(rule, sizeof rule,
                       "C_SignInit 1 - rv %x\nC_OpenSession 1 - rv e0\n",
                       codes[i]);
        soft_token_rules(&token, rule);
        is_busy_in_time(hsm, key);
        is_busy_in_time(hsm, key);
        soft_token_rules(&token, NULL);
        signs_again_in_time(hsm, key);
    }
    hsm_close(hsm);
}

static void
after_a_failed_signature_the_session_is_closed(void **state)
{
    static const size_t counts[] = {0, 1};
    size_t way;

    (void)state;
    for (way = 0; way < 2; way++) {
        struct hsm *hsm = open_signers(counts[way], true);
        const struct hsm_key *key = get_key(hsm);
        struct error err = {0};
        long closed, signs;
        char rule[80];

        warm_up(hsm, key);
        closed = soft_token_calls(&token, SOFT_TOKEN_CLOSE_SESSION);
        signs = soft_token_calls(&token, SOFT_TOKEN_SIGN);
        /* A refusal (CKR_DATA_LEN_RANGE), and the operation stays active. */
        (void)snprintf(rule, sizeof rule, "C_Sign %ld %ld rv 21\n", signs + 1,
                       signs + 1);
        soft_token_rules(&token, rule);
        assert_false(sign(hsm, key, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        soft_token_rules(&token, NULL);
        assert_int_equal(soft_token_calls(&token, SOFT_TOKEN_CLOSE_SESSION),
                         closed + 1);
        MUST(sign(hsm, key, &err));
        hsm_close(hsm);
    }
}

static void
a_token_that_vanished_is_busy_and_signs_when_it_is_back(void **state)
{
    struct hsm *hsm = open_signers(2, false); /* a copy would not notice */
    const struct hsm_key *key = get_key(hsm);
    char away[160];
    int i;

    (void)state;
    warm_up(hsm, key);
    (void)snprintf(away, sizeof away, "%s/away", token.folder);
    assert_int_equal(rename(token.tokens, away), 0);
    for (i = 0; i < 5; i++)
        is_busy_in_time(hsm, key);
    (void)usleep(1500000);
    is_busy_in_time(hsm, key);
    (void)rmdir(token.tokens);
    assert_int_equal(rename(away, token.tokens), 0);
    signs_again_in_time(hsm, key);
    hsm_close(hsm);
}

static void
a_token_away_at_the_start_is_no_error(void **state)
{
    struct hsm_options options = token.options;
    const struct hsm_key *key;
    struct hsm *hsm = NULL;
    struct error err = {0};
    int64_t until;

    (void)state;
    options.signer_count = 2;
    options.token = "later";
    MUST(hsm_open(&options, &hsm, &err));
    assert_false(hsm_healthy(hsm, NULL, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    soft_token_add(&token, "later");
    until = clock_monotonic_ms() + BACK_MS;
    while (!hsm_healthy(hsm, NULL, &err)) {
        assert_true(clock_monotonic_ms() < until);
        (void)usleep(20000);
    }
    MUST(hsm_key_generate(hsm, HSM_KEY_RSA_2048, "later", key_id, sizeof key_id,
                          &key, &err));
    hsm_close(hsm);
}

static void
remove_mark(const char *label)
{
    char mark[160];

    (void)snprintf(mark, sizeof mark, "%s/%s.refused-pin", token.lock_dir,
                   label);
    (void)unlink(mark);
}

static void
a_refused_pin_stops_the_start_after_one_attempt(void **state)
{
    struct hsm_options options = token.options;
    struct hsm *hsm = NULL;
    struct error err = {0};
    long logins;
    int i;

    (void)state;
    options.signer_count = 2;
    logins = soft_token_calls(&token, SOFT_TOKEN_LOGIN);
    soft_token_rules(&token, "C_Login 1 - rv a0\n");
    for (i = 0; i < 8; i++) {
        assert_false(hsm_open(&options, &hsm, &err));
        assert_int_equal(err.code, ERROR_DENIED);
        assert_null(strstr(err.what, SOFT_TOKEN_PIN));
    }
    assert_int_equal(soft_token_calls(&token, SOFT_TOKEN_LOGIN), logins + 1);
    soft_token_rules(&token, NULL);
    remove_mark("test");
}

static void
a_pin_refused_while_serving_waits_for_the_operator(void **state)
{
    struct hsm *hsm = open_signers(2, true);
    const struct hsm_key *key = get_key(hsm);
    pid_t pids[4];
    long logins;
    size_t i;

    (void)state;
    logins = soft_token_calls(&token, SOFT_TOKEN_LOGIN);
    soft_token_rules(&token, "C_Login 1 - rv a0\n");
    assert_int_equal(signer_pids(pids, 4), 2);
    for (i = 0; i < 2; i++)
        assert_int_equal(kill(pids[i], SIGKILL), 0);
    (void)usleep(2500000);
    is_busy_in_time(hsm, key);
    assert_int_equal(soft_token_calls(&token, SOFT_TOKEN_LOGIN), logins + 1);
    /* The operator put it right, and says so by removing the mark. */
    soft_token_rules(&token, NULL);
    remove_mark("test");
    signs_again_in_time(hsm, key);
    hsm_close(hsm);
}

static void
a_wrong_signature_is_never_released(void **state)
{
    static const size_t counts[] = {0, 2};
    size_t way;

    (void)state;
    for (way = 0; way < 2; way++) {
        uint8_t signature[HSM_SIGNATURE_MAX] = {0};
        static const uint8_t nothing[HSM_SIGNATURE_MAX];
        struct hsm *hsm = open_signers(counts[way], true);
        const struct hsm_key *key = get_key(hsm);
        struct error err = {0};
        size_t len = 1;

        warm_up(hsm, key);
        soft_token_rules(&token, "C_Sign 1 - flip\n");
        assert_false(hsm_sign_checked(hsm, key, HSM_ECDSA_SHA256, message,
                                      sizeof message, signature, &len, &err));
        soft_token_rules(&token, NULL);
        assert_int_equal(err.code, ERROR_INTERNAL);
        assert_int_equal(len, 0);
        assert_memory_equal(signature, nothing, sizeof nothing);
        MUST(sign(hsm, key, &err));
        hsm_close(hsm);
    }
}

static void
eight_signers_serve_eight_threads(void **state)
{
    struct hsm *hsm = open_signers(8, true);
    pid_t pids[16];
    int i;

    (void)state;
    for (i = 0; i < 100 && signer_pids(pids, 16) < 8; i++)
        (void)usleep(50000);
    run_workers(hsm, get_key(hsm), 8);
    assert_int_equal(signer_pids(pids, 16), 8);
    hsm_close(hsm);
    assert_int_equal(signer_pids(pids, 16), 0);
}

static void
a_new_key_is_known_to_every_signer(void **state)
{
    static const uint8_t id[] = {0x0a, 0x0b};
    struct hsm *hsm = open_signers(2, true);
    const struct hsm_key *key = NULL;
    struct error err = {0};

    (void)state;
    MUST(hsm_key_generate(hsm, HSM_KEY_EC_P256, "new", id, sizeof id, &key,
                          &err));
    run_workers(hsm, key, 8);
    hsm_close(hsm);
}

static void
assert_lacks_pin(const char *folder, const char *name)
{
    struct buf text = BUF_INIT(1 << 20);
    struct error err = {0};
    char path[320];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    if (text_file_read(path, text.limit, &text, &err) && text.len > 0)
        assert_null(memmem(text.data, text.len, SOFT_TOKEN_PIN,
                           strlen(SOFT_TOKEN_PIN)));
    buf_clear(&text);
}

static void
the_pin_is_in_no_argument_environment_or_file_of_ours(void **state)
{
    struct hsm *hsm = open_signers(2, true);
    char folder[160], file[300];
    struct dirent *entry;
    pid_t pids[4];
    size_t i;
    DIR *dir;

    (void)state;
    assert_int_equal(signer_pids(pids, 4), 2);
    for (i = 0; i < 2; i++) {
        (void)snprintf(folder, sizeof folder, "/proc/%d", pids[i]);
        assert_lacks_pin(folder, "cmdline");
        assert_lacks_pin(folder, "environ");
    }
    dir = opendir(token.lock_dir);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        (void)snprintf(file, sizeof file, "%s", entry->d_name);
        assert_lacks_pin(token.lock_dir, file);
    }
    closedir(dir);
    hsm_close(hsm);
}

static void
a_missing_signer_program_or_module_is_an_error(void **state)
{
    struct hsm_options options = token.options;
    struct hsm *hsm = NULL;
    struct error err = {0};

    (void)state;
    options.signer_count = 1;
    options.signer_path = "/nonexistent/signet-signer";
    assert_false(hsm_open(&options, &hsm, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    options = token.options;
    options.signer_count = 1;
    options.module = "/nonexistent/module.so";
    assert_false(hsm_open(&options, &hsm, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_signature_is_one_sign_init_and_one_sign),
        cmocka_unit_test(many_threads_share_two_signers),
        cmocka_unit_test(many_threads_share_a_token_in_this_process),
        cmocka_unit_test(
            a_signer_that_dies_in_a_call_is_replaced_within_the_call),
        cmocka_unit_test(killed_signers_are_replaced),
        cmocka_unit_test(a_module_that_hangs_is_busy_at_once_and_served_again),
        cmocka_unit_test(a_slow_module_is_waited_for),
        cmocka_unit_test(one_error_of_the_device_is_not_seen_by_the_caller),
        cmocka_unit_test(a_device_that_stays_away_is_busy_and_comes_back),
        cmocka_unit_test(after_a_failed_signature_the_session_is_closed),
        cmocka_unit_test(
            a_token_that_vanished_is_busy_and_signs_when_it_is_back),
        cmocka_unit_test(a_token_away_at_the_start_is_no_error),
        cmocka_unit_test(a_refused_pin_stops_the_start_after_one_attempt),
        cmocka_unit_test(a_pin_refused_while_serving_waits_for_the_operator),
        cmocka_unit_test(a_wrong_signature_is_never_released),
        cmocka_unit_test(eight_signers_serve_eight_threads),
        cmocka_unit_test(a_new_key_is_known_to_every_signer),
        cmocka_unit_test(the_pin_is_in_no_argument_environment_or_file_of_ours),
        cmocka_unit_test(a_missing_signer_program_or_module_is_an_error),
    };

    return cmocka_run_group_tests_name("hsm_signer", tests, set_up, tear_down);
}
