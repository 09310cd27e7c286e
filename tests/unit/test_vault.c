/* What is sealed opens where it belongs and nowhere else: ra/vault.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/sql_ra.h"
#include "tests/unit/pg.h"
#include "tests/unit/soft_token.h"
#include "tests/unit/vault_parts.h"

#define MUST(call)                                                             \
    do {                                                                       \
        if (!(call))                                                           \
            fail_msg("%s: %s (%s)", #call, err.what, err.cause);               \
    } while (0)

enum { SEALED_MAX = 4096 };

static const char purpose[] = "case_field/N20261124-000001/handler_mobile";
static const char mobile[] = "13800000000";
static struct soft_token token;

static struct db *
ra_open(void)
{
    static struct db_options options = {
        .statements = db_ra_statements,
        .statement_count = DB_RA_STATEMENT_COUNT,
        .connect_timeout_s = 5,
        .statement_timeout_ms = 10000,
    };
    struct db *db = NULL;
    struct error err = {0};

    options.connection = pg_connection("signet_ra");
    MUST(db_open(&options, &db, &err));
    return db;
}

static void
seal(const struct vault *vault, const char *text, struct buf *out)
{
    struct error err = {0};

    MUST(vault_seal(vault, purpose, (const uint8_t *)text, strlen(text), out,
                    &err));
}

static void
assert_opens(const struct vault *vault, const struct buf *sealed,
             const char *text)
{
    struct buf clear = BUF_INIT(SEALED_MAX);
    struct error err = {0};

    MUST(vault_open(vault, purpose, sealed->data, sealed->len, &clear, &err));
    assert_int_equal(clear.len, strlen(text));
    assert_string_equal(buf_text(&clear), text);
    buf_cleanse(&clear);
}

static void
assert_shut(const struct vault *vault, const char *where, const uint8_t *data,
            size_t len, enum error_code code)
{
    struct buf clear = BUF_INIT(SEALED_MAX);
    struct error err = {0};

    assert_false(vault_open(vault, where, data, len, &clear, &err));
    assert_int_equal(err.code, code);
    assert_int_equal(clear.len, 0);
    buf_clear(&clear);
}

static void
what_is_sealed_opens_and_hides_its_text(void **state)
{
    struct vault *vault = vault_parts_make();
    struct buf sealed = BUF_INIT(SEALED_MAX), again = BUF_INIT(SEALED_MAX);
    struct buf empty = BUF_INIT(SEALED_MAX);

    (void)state;
    seal(vault, mobile, &sealed);
    assert_int_equal(sealed.len, strlen(mobile) + VAULT_OVERHEAD);
    assert_null(memmem(sealed.data, sealed.len, mobile, 6));
    assert_opens(vault, &sealed, mobile);
    seal(vault, mobile, &again); /* another nonce: equal texts do not show */
    assert_memory_not_equal(sealed.data, again.data, sealed.len);
    seal(vault, "", &empty);
    assert_int_equal(empty.len, VAULT_OVERHEAD);
    assert_opens(vault, &empty, "");
    buf_clear(&sealed);
    buf_clear(&again);
    buf_clear(&empty);
    vault_free(vault);
}

static void
a_value_moved_to_another_place_does_not_open(void **state)
{
    struct vault *vault = vault_parts_make();
    struct buf sealed = BUF_INIT(SEALED_MAX);

    (void)state;
    seal(vault, mobile, &sealed);
    assert_shut(vault, "case_field/N20261124-000002/handler_mobile",
                sealed.data, sealed.len, ERROR_INTERNAL);
    assert_shut(vault, "case_field/N20261124-000001/handler_email", sealed.data,
                sealed.len, ERROR_INTERNAL);
    assert_shut(vault, "", sealed.data, sealed.len, ERROR_INTERNAL);
    buf_clear(&sealed);
    vault_free(vault);
}

static void
a_value_with_any_octet_changed_or_cut_does_not_open(void **state)
{
    struct vault *vault = vault_parts_make();
    struct buf sealed = BUF_INIT(SEALED_MAX);

    (void)state;
    seal(vault, mobile, &sealed);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        assert_shut(vault, purpose, sealed.data, sealed.len,
                    i < 4 ? ERROR_BUSY : ERROR_INTERNAL);
        sealed.data[i] ^= 1;
        if (i >= 4)
            assert_shut(vault, purpose, sealed.data, i, ERROR_INTERNAL);
    }
    assert_shut(vault, purpose, sealed.data, 0, ERROR_INTERNAL);
    buf_clear(&sealed);
    vault_free(vault);
}

static void
equal_texts_of_one_field_are_blinded_alike_and_no_others(void **state)
{
    struct vault *vault = vault_parts_make();
    uint8_t a[VAULT_BLIND_LEN], b[VAULT_BLIND_LEN];

    (void)state;
    vault_blind(vault, "mobile", mobile, a);
    vault_blind(vault, "mobile", mobile, b);
    assert_memory_equal(a, b, sizeof a);
    vault_blind(vault, "phone", mobile, b);
    assert_memory_not_equal(a, b, sizeof a);
    vault_blind(vault, "mobile", "13800000001", b);
    assert_memory_not_equal(a, b, sizeof a);
    vault_blind(vault, "mobile1", "3800000000", b);
    assert_memory_not_equal(a, b, sizeof a);
    vault_free(vault);
}

static void
the_first_start_makes_a_data_key_and_the_next_one_opens_it(void **state)
{
    struct db *db = ra_open();
    struct vault *first = NULL, *second = NULL;
    struct buf sealed = BUF_INIT(SEALED_MAX);
    struct error err = {0};

    (void)state;
    MUST(vault_load(&token.options, db, &first, &err));
    MUST(vault_load(&token.options, db, &second, &err));
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.data_key"), "1");
    seal(first, mobile, &sealed);
    assert_opens(second, &sealed, mobile);
    vault_free(first);
    vault_free(second);
    buf_clear(&sealed);
    db_close(db);
}

static void
a_fresh_data_key_seals_after_the_next_start_and_old_values_still_open(
    void **state)
{
    struct db *db = ra_open();
    struct vault *old = NULL, *new = NULL;
    struct buf before = BUF_INIT(SEALED_MAX), after = BUF_INIT(SEALED_MAX);
    uint8_t a[VAULT_BLIND_LEN], b[VAULT_BLIND_LEN];
    struct error err = {0};

    (void)state;
    MUST(vault_load(&token.options, db, &old, &err));
    seal(old, mobile, &before);
    MUST(vault_rotate(&token.options, db, 1800000000, &err));
    MUST(vault_load(&token.options, db, &new, &err));
    seal(new, mobile, &after);
    assert_memory_not_equal(before.data, after.data, 4);
    assert_opens(new, &before, mobile);
    assert_opens(new, &after, mobile);
    assert_shut(old, purpose, after.data, after.len, ERROR_BUSY);
    vault_blind(old, "mobile", mobile, a);
    vault_blind(new, "mobile", mobile, b);
    assert_memory_equal(a, b, sizeof a);
    vault_free(old);
    vault_free(new);
    buf_clear(&before);
    buf_clear(&after);
    db_close(db);
}

static void
data_keys_do_not_open_with_another_token(void **state)
{
    struct hsm_options other = token.options;
    struct db *db = ra_open();
    struct vault *vault = NULL;
    struct error err = {0};

    (void)state;
    MUST(vault_load(&token.options, db, &vault, &err));
    vault_free(vault);
    vault = NULL;
    soft_token_add(&token, "other");
    other.token = "other";
    assert_false(vault_load(&other, db, &vault, &err));
    assert_non_null(strstr(err.what, "right token"));
    assert_null(vault);
    db_close(db);
}

static int
start(void **state)
{
    (void)state;
    pg_start();
    soft_token_make(&token);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    soft_token_remove(&token);
    pg_stop();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_opens_and_hides_its_text),
        cmocka_unit_test(a_value_moved_to_another_place_does_not_open),
        cmocka_unit_test(a_value_with_any_octet_changed_or_cut_does_not_open),
        cmocka_unit_test(
            equal_texts_of_one_field_are_blinded_alike_and_no_others),
        cmocka_unit_test(
            the_first_start_makes_a_data_key_and_the_next_one_opens_it),
        cmocka_unit_test(
            a_fresh_data_key_seals_after_the_next_start_and_old_values_still_open),
        cmocka_unit_test(data_keys_do_not_open_with_another_token),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
