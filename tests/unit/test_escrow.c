/* The client of the key management centre, against a fake of its API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "fake_kmc.h"
#include "soft_ca.h"

static struct fake_kmc kmc;
static struct escrow *escrow;
static struct soft_key transport;
static char request[TEXT_UUID_LEN + 1];

static int
start(void **state)
{
    struct error err = {0};

    (void)state;
    fake_kmc_start(&kmc);
    soft_key_make(HSM_KEY_RSA_2048, &transport);
    if (!escrow_new(&kmc.options, &escrow, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    escrow_free(escrow);
    soft_key_clear(&transport);
    fake_kmc_stop(&kmc);
    return 0;
}

static int
afresh(void **state)
{
    (void)state;
    kmc.is_busy = kmc.is_forbidding = false;
    kmc.says = NULL;
    return text_uuid_draw(request, NULL) ? 0 : -1;
}

static bool
ask(const char *holder, struct escrow_key *out, struct error *err)
{
    return escrow_key_ask(escrow, request, HSM_KEY_RSA_2048, holder,
                          soft_key_spki(&transport), out, err);
}

/* ---- Keys -------------------------------------------------------------- */

static void
same_request_gets_the_same_key(void **state)
{
    struct escrow_key first, again, found;
    struct error err = {0};

    (void)state;
    assert_true(escrow_key_find(escrow, request, &found, &err));
    assert_string_equal(found.id, "");
    assert_true(ask("某 account/1&?", &first, &err));
    assert_int_equal(first.type, HSM_KEY_RSA_2048);
    assert_true(first.wrapped_len > 0 && first.content_key_len > 0);
    assert_true(ask("某 account/1&?", &again, &err));
    assert_string_equal(again.id, first.id);
    assert_true(escrow_key_find(escrow, request, &found, &err));
    assert_string_equal(found.id, first.id);
}

static void
keys_of_a_holder_are_found_by_any_name(void **state)
{
    static const char *const holders[] = {"a b", "a%20b", "机构&x=1",
                                          "holder=b"};
    struct escrow_key *keys;
    struct error err = {0};
    size_t count;

    (void)state;
    for (size_t i = 0; i < sizeof holders / sizeof *holders; i++) {
        const struct fake_kmc_key *key = fake_kmc_add(&kmc, holders[i]);

        assert_true(escrow_keys_of(escrow, holders[i], &keys, &count, &err));
        assert_int_equal(count, 1);
        assert_string_equal(keys[0].id, key->id);
        assert_int_equal(keys[0].wrapped_len, 0);
        free(keys);
    }
    assert_true(escrow_keys_of(escrow, "nobody", &keys, &count, &err));
    assert_int_equal(count, 0);
    free(keys);
}

static void
what_was_received_is_told_no_more(void **state)
{
    struct escrow_key key;
    struct error err = {0};

    (void)state;
    assert_true(ask("account-2", &key, &err));
    assert_true(escrow_key_received(escrow, key.id, &err));
    assert_true(escrow_key_received(escrow, key.id, &err));
    assert_true(escrow_key_find(escrow, request, &key, &err));
    assert_int_equal(key.wrapped_len, 0);
    assert_false(key.is_history);
    assert_true(escrow_key_retire(escrow, key.id, &err));
    assert_true(escrow_key_find(escrow, request, &key, &err));
    assert_true(key.is_history);
}

/* ---- What may go wrong ------------------------------------------------- */

static void
centre_that_is_busy_or_gone_is_busy(void **state)
{
    struct escrow_options nowhere = kmc.options;
    struct escrow *other;
    struct escrow_key key;
    struct error err = {0};

    (void)state;
    kmc.is_busy = true;
    assert_false(ask("account-3", &key, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_true(escrow_seems_away());
    kmc.is_busy = false;
    nowhere.url = "https://127.0.0.1:1";
    assert_true(escrow_new(&nowhere, &other, &err));
    assert_false(escrow_key_find(other, request, &key, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    escrow_free(other);
    assert_true(ask("account-3", &key, &err));
    assert_false(escrow_seems_away());
}

static void
refusal_of_the_centre_is_ours_to_mend(void **state)
{
    struct escrow_key key;
    struct soft_key another;
    struct error err = {0};

    (void)state;
    kmc.is_forbidding = true;
    assert_false(ask("account-4", &key, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    kmc.is_forbidding = false;
    assert_true(ask("account-4", &key, &err));
    soft_key_make(HSM_KEY_RSA_2048, &another);
    assert_false(escrow_key_ask(escrow, request, HSM_KEY_RSA_2048, "account-4",
                                soft_key_spki(&another), &key, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    soft_key_clear(&another);
}

static void
without_a_centre_there_are_no_pairs(void **state)
{
    struct escrow *none;
    struct escrow_key key;
    struct error err = {0};

    (void)state;
    assert_true(escrow_new(&(struct escrow_options){0}, &none, &err));
    assert_null(none);
    assert_false(escrow_key_find(none, request, &key, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_non_null(strstr(err.what, "ca.kmc_url"));
}

static bool
load(const char *text, struct config **config, struct escrow_options *out,
     struct error *err)
{
    assert_true(config_parse(text, strlen(text), "test", "/", config, err));
    return escrow_options_load(*config, out, err);
}

static void
without_its_setting_there_is_no_centre(void **state)
{
    struct config *config;
    struct escrow_options options;
    struct error err = {0};

    (void)state;
    assert_true(load("db.ca = dbname=x\n", &config, &options, &err));
    assert_null(options.url);
    config_free(config);
}

static void
centre_without_our_certificate_or_key_is_no_start(void **state)
{
    struct config *config;
    struct escrow_options options;
    struct error err = {0};

    (void)state;
    assert_false(load("ca.kmc_url = https://kmc\n"
                      "ca.client_certificate_file = ca.pem\n",
                      &config, &options, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    config_free(config);
    err = (struct error){0};
    assert_true(load("ca.kmc_url = https://kmc\n"
                     "ca.client_certificate_file = ca.pem\n"
                     "ca.client_key_file = ca.key\n",
                     &config, &options, &err));
    assert_string_equal(options.url, "https://kmc");
    config_free(config);
}

static void
server_of_another_name_is_not_told_anything(void **state)
{
    struct escrow_options stranger = kmc.options;
    struct escrow *other;
    struct escrow_key key;
    struct error err = {0};
    char trust[160];
    int calls = kmc.calls;

    (void)state;
    (void)snprintf(trust, sizeof trust, "%s/foreign.pem", kmc.folder);
    stranger.trust_file = trust;
    assert_true(escrow_new(&stranger, &other, &err));
    assert_false(escrow_key_find(other, request, &key, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    escrow_free(other);
    assert_int_equal(kmc.calls, calls);
}

/* Takes an object; says whether it is read as a key. */
static bool
is_key(json_t *take_json, const char *name, json_t *take_value)
{
    static struct escrow_key key;
    struct error err = {0};
    bool ok;

    if (take_value != NULL)
        json_object_set_new(take_json, name, take_value);
    else if (name != NULL)
        json_object_del(take_json, name);
    ok = escrow_key_parse(take_json, &key, &err);
    if (!ok)
        assert_int_equal(err.code, ERROR_INTERNAL);
    json_decref(take_json);
    return ok;
}

static json_t *
good_key(void)
{
    json_t *json = json_object();

    json_set_text(json, "id", "01234567-89ab-4def-8123-456789abcdef");
    json_set_text(json, "state", "in-use");
    json_set_text(json, "key_type", "rsa-2048");
    json_set_text(json, "holder", "account-1");
    json_set_text(json, "made_at", "2026-01-01T00:00:00Z");
    json_set_bytes(json, "spki", transport.spki.data, transport.spki.len);
    json_set_bytes(json, "wrapped", (const uint8_t *)"w", 1);
    json_set_bytes(json, "content_key", (const uint8_t *)"c", 1);
    return json;
}

static void
strange_answers_are_no_keys(void **state)
{
    char *long_text = calloc(1, 8192);

    (void)state;
    memset(long_text, 'A', 8188);
    assert_true(is_key(good_key(), NULL, NULL));
    assert_false(is_key(good_key(), "id", NULL));
    assert_false(is_key(good_key(), "id", json_string("x")));
    assert_false(is_key(good_key(), "state", json_string("standby")));
    assert_false(is_key(good_key(), "key_type", json_string("ec-p256")));
    assert_false(is_key(good_key(), "key_type", json_string("dsa")));
    assert_false(is_key(good_key(), "holder", NULL));
    assert_false(is_key(good_key(), "spki", json_string("AAAA")));
    assert_false(is_key(good_key(), "wrapped", NULL)); /* one without other */
    assert_false(is_key(good_key(), "content_key", NULL));
    assert_false(is_key(good_key(), "wrapped", json_string("")));
    assert_false(is_key(good_key(), "wrapped", json_string(long_text)));
    assert_false(is_key(good_key(), "private", json_true()));
    free(long_text);
}

static void
answers_that_are_no_json_or_too_much_are_ours_to_mend(void **state)
{
    struct escrow_key key, *keys;
    struct error err = {0};
    size_t count;

    (void)state;
    kmc.says = "{";
    assert_false(ask("account-5", &key, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    kmc.says = "{}";
    assert_false(escrow_keys_of(escrow, "account-5", &keys, &count, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    assert_null(keys);
    kmc.says = "{\"keys\": [{}, {}]}";
    assert_false(escrow_key_find(escrow, request, &key, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
}

/* ---- Recovery ---------------------------------------------------------- */

static void
case_is_opened_once_and_answered_until_received(void **state)
{
    const struct fake_kmc_key *old = fake_kmc_add(&kmc, "account-6");
    struct escrow_request wanted = {
        .id = request,
        .requester = "p-applicant",
        .reason = "earlier keys",
        .document = "K-1",
        .holder = "account-6",
        .key_id = {old->id},
        .key_count = 1,
        .target = soft_key_spki(&transport),
    };
    struct escrow_case seen;
    struct escrow_key *keys;
    struct error err = {0};
    bool is_there;
    size_t count;

    (void)state;
    assert_true(escrow_case_find(escrow, request, &is_there, &seen, &err));
    assert_false(is_there);
    assert_true(escrow_case_open(escrow, &wanted, &err));
    assert_true(escrow_case_open(escrow, &wanted, &err));
    assert_int_equal(kmc.case_count, 1);
    assert_true(escrow_case_find(escrow, request, &is_there, &seen, &err));
    assert_string_equal(seen.state, "open");
    assert_false(seen.has_answer);
    assert_false(escrow_case_answer(escrow, request, &keys, &count, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    kmc.opened[0].state = "done";
    assert_true(escrow_case_answer(escrow, request, &keys, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(keys[0].id, old->id);
    free(keys);
    assert_true(escrow_case_received(escrow, request, &err));
    assert_false(escrow_case_answer(escrow, request, &keys, &count, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    wanted.document = "K-2";
    assert_false(escrow_case_open(escrow, &wanted, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
}

int
main(void)
{
#define AFRESH(name) cmocka_unit_test_setup(name, afresh)
    const struct CMUnitTest tests[] = {
        AFRESH(same_request_gets_the_same_key),
        AFRESH(keys_of_a_holder_are_found_by_any_name),
        AFRESH(what_was_received_is_told_no_more),
        AFRESH(centre_that_is_busy_or_gone_is_busy),
        AFRESH(refusal_of_the_centre_is_ours_to_mend),
        AFRESH(without_a_centre_there_are_no_pairs),
        AFRESH(without_its_setting_there_is_no_centre),
        AFRESH(centre_without_our_certificate_or_key_is_no_start),
        AFRESH(server_of_another_name_is_not_told_anything),
        AFRESH(strange_answers_are_no_keys),
        AFRESH(answers_that_are_no_json_or_too_much_are_ours_to_mend),
        AFRESH(case_is_opened_once_and_answered_until_received),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
