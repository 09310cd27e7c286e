/* Errors: what is kept, what is dropped, and that nothing overflows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/error.h"

static void
setting_an_error_returns_false_and_drops_the_cause(void **state)
{
    struct error err = {.cause = "old"};

    (void)state;
    assert_false(error_set(&err, ERROR_CONFLICT, "serial %d", 7));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_string_equal(err.what, "serial 7");
    assert_string_equal(err.cause, "");
}

static void
an_errno_becomes_the_cause(void **state)
{
    struct error err = {0};

    (void)state;
    errno = ENOENT;
    assert_false(error_errno(&err, ERROR_INTERNAL, "open"));
    assert_string_equal(err.cause, "No such file or directory");
}

static void
openssl_s_first_error_is_the_cause_and_the_queue_is_left_empty(void **state)
{
    static const unsigned char garbage[] = {0xff, 0xff};
    const unsigned char *p = garbage;
    struct error err = {0};

    (void)state;
    assert_null(d2i_X509(NULL, &p, sizeof garbage));
    assert_false(error_openssl(&err, ERROR_INPUT, "certificate"));
    assert_non_null(strstr(err.cause, "error:"));
    assert_int_equal(ERR_peek_error(), 0);
    assert_false(error_openssl(&err, ERROR_INPUT, "nothing queued"));
    assert_string_equal(err.cause, "");
}

static void
context_goes_in_front_and_keeps_code_and_cause(void **state)
{
    struct error err = {0};

    (void)state;
    (void)error_cause(&err, ERROR_BUSY, "their words", "inner");
    assert_false(error_wrap(&err, "outer %s", "x"));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_string_equal(err.what, "outer x: inner");
    assert_string_equal(err.cause, "their words");
}

static void
long_texts_are_cut_and_end(void **state)
{
    char text[4096];
    struct error err = {0};
    int i;

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)error_cause(&err, ERROR_INPUT, text, "%s", text);
    assert_int_equal(strlen(err.what), ERROR_WHAT_MAX - 1);
    assert_int_equal(strlen(err.cause), ERROR_CAUSE_MAX - 1);
    for (i = 0; i < 10; i++)
        (void)error_wrap(&err, "%s", text);
    assert_int_equal(strlen(err.what), ERROR_WHAT_MAX - 1);
}

static void
nobody_need_want_the_error(void **state)
{
    (void)state;
    assert_false(error_set(NULL, ERROR_INPUT, "x"));
    assert_false(error_errno(NULL, ERROR_INPUT, "x"));
    assert_false(error_openssl(NULL, ERROR_INPUT, "x"));
    assert_false(error_cause(NULL, ERROR_INPUT, "x", "x"));
    assert_false(error_wrap(NULL, "x"));
}

static void
every_code_has_a_name_of_its_own(void **state)
{
    int a, b;

    (void)state;
    for (a = ERROR_NONE; a <= ERROR_INTERNAL; a++)
        for (b = ERROR_NONE; b < a; b++)
            assert_string_not_equal(error_code_name((enum error_code)a),
                                    error_code_name((enum error_code)b));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_an_error_returns_false_and_drops_the_cause),
        cmocka_unit_test(an_errno_becomes_the_cause),
        cmocka_unit_test(
            openssl_s_first_error_is_the_cause_and_the_queue_is_left_empty),
        cmocka_unit_test(context_goes_in_front_and_keeps_code_and_cause),
        cmocka_unit_test(long_texts_are_cut_and_end),
        cmocka_unit_test(nobody_need_want_the_error),
        cmocka_unit_test(every_code_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
