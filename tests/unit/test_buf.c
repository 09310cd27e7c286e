/* Buffers: growth, the limit, and what is handed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void
an_empty_buffer_is_an_empty_text(void **state)
{
    struct buf buf = BUF_INIT(10);

    (void)state;
    assert_string_equal(buf_text(&buf), "");
    assert_false(buf_is_full(&buf));
    buf_clear(&buf);
}

static void
octets_are_appended_and_a_nul_follows(void **state)
{
    struct buf buf = BUF_INIT(100000);
    size_t i;

    (void)state;
    for (i = 0; i < 10000; i++)
        assert_true(buf_add_byte(&buf, (uint8_t)i));
    assert_int_equal(buf.len, 10000);
    assert_int_equal(buf.data[9999], 9999 % 256);
    assert_int_equal(buf.data[10000], 0);
    buf_reset(&buf);
    assert_true(buf_add_text(&buf, "a"));
    assert_true(buf_addf(&buf, "%d-%s", 7, "b"));
    assert_true(buf_add(&buf, NULL, 0));
    assert_string_equal(buf_text(&buf), "a7-b");
    buf_clear(&buf);
}

static void
the_limit_can_be_reached_but_not_passed(void **state)
{
    struct buf buf = BUF_INIT(5);

    (void)state;
    assert_true(buf_add_text(&buf, "12345"));
    assert_false(buf_is_full(&buf));
    assert_false(buf_add_byte(&buf, '6'));
    assert_true(buf_is_full(&buf));
    assert_string_equal(buf_text(&buf), "12345");
    buf_clear(&buf);
}

static void
after_an_overrun_nothing_more_is_added(void **state)
{
    struct buf buf = BUF_INIT(5);

    (void)state;
    assert_false(buf_addf(&buf, "%s", "123456"));
    assert_false(buf_add_byte(&buf, 'x')); /* it would fit: a gap would be */
    assert_int_equal(buf.len, 0);
    assert_false(buf_add(&buf, "x", SIZE_MAX));
    buf_reset(&buf);
    assert_true(buf_add_byte(&buf, 'x'));
    buf_clear(&buf);
}

static void
taking_leaves_an_empty_buffer_with_its_limit(void **state)
{
    struct buf buf = BUF_INIT(5);
    uint8_t *data;
    size_t len;

    (void)state;
    assert_true(buf_add_text(&buf, "123"));
    data = buf_take(&buf, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(data, "123", 4);
    free(data);
    assert_int_equal(buf.len, 0);
    assert_false(buf_add_text(&buf, "123456"));
    data = buf_take(&buf, &len);
    assert_non_null(data);
    assert_int_equal(len, 0);
    free(data);
    buf_clear(&buf);
}

static void
a_cleansed_buffer_may_be_used_again(void **state)
{
    struct buf buf = BUF_INIT(5);

    (void)state;
    buf_cleanse(&buf);
    assert_true(buf_add_text(&buf, "pin"));
    buf_cleanse(&buf);
    assert_null(buf.data);
    assert_true(buf_add_text(&buf, "pin"));
    buf_cleanse(&buf);
}

static void
copies_are_their_own(void **state)
{
    char text[] = "abc";
    char *copy = base_text_copy(text);
    uint8_t *octets = base_copy(text, 2);
    char *zeroed = base_alloc(4);

    (void)state;
    text[0] = 'x';
    assert_string_equal(copy, "abc");
    assert_memory_equal(octets, "ab", 2);
    assert_memory_equal(zeroed, "\0\0\0\0", 4);
    assert_null(base_text_copy(NULL));
    free(copy);
    free(octets);
    free(zeroed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_an_empty_text),
        cmocka_unit_test(octets_are_appended_and_a_nul_follows),
        cmocka_unit_test(the_limit_can_be_reached_but_not_passed),
        cmocka_unit_test(after_an_overrun_nothing_more_is_added),
        cmocka_unit_test(taking_leaves_an_empty_buffer_with_its_limit),
        cmocka_unit_test(a_cleansed_buffer_may_be_used_again),
        cmocka_unit_test(copies_are_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
