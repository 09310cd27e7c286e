/* Serial numbers: RFC 5280, 4.1.2.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ca-core/serial.h"

static void
serials_are_positive_and_never_the_same(void **state)
{
    enum { COUNT = 1000 };
    static struct serial drawn[COUNT];
    unsigned char ones[SERIAL_LEN] = {0}, zeros[SERIAL_LEN] = {0};

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        assert_true(serial_draw(&drawn[i], NULL));
        assert_in_range(drawn[i].octet[0], 0x01, 0x7f);
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(drawn[i].octet, drawn[k].octet, SERIAL_LEN);
        for (int k = 0; k < SERIAL_LEN; k++) {
            ones[k] |= drawn[i].octet[k];
            zeros[k] |= (unsigned char)~drawn[i].octet[k];
        }
    }
    /* Each of the 127 bits was seen as one and as zero. */
    assert_int_equal(ones[0], 0x7f);
    for (int k = 0; k < SERIAL_LEN; k++) {
        assert_int_equal(zeros[k], 0xff);
        if (k > 0)
            assert_int_equal(ones[k], 0xff);
    }
}

static void
a_serial_is_read_as_it_is_written(void **state)
{
    struct serial drawn, read;
    char text[SERIAL_TEXT_LEN + 1];

    (void)state;
    assert_true(serial_draw(&drawn, NULL));
    serial_format(&drawn, text);
    assert_int_equal(strlen(text), SERIAL_TEXT_LEN);
    assert_true(serial_parse(text, &read, NULL));
    assert_memory_equal(read.octet, drawn.octet, SERIAL_LEN);
}

static void
what_was_never_drawn_is_no_serial(void **state)
{
    static const char *const wrong[] = {
        "",
        "01",
        "00112233445566778899aabbccddeeff",   /* leading zero */
        "80112233445566778899aabbccddeeff",   /* negative */
        "01112233445566778899aabbccddeef",    /* short by a digit */
        "01112233445566778899aabbccddee",     /* by an octet */
        "01112233445566778899aabbccddeeff00", /* long */
        "01112233445566778899aabbccddeefg",
        " 1112233445566778899aabbccddeeff",
    };
    struct serial serial;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        memset(&err, 0, sizeof err);
        assert_false(serial_parse(wrong[i], &serial, &err));
        assert_int_equal(err.code, ERROR_INPUT);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serials_are_positive_and_never_the_same),
        cmocka_unit_test(a_serial_is_read_as_it_is_written),
        cmocka_unit_test(what_was_never_drawn_is_no_serial),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
