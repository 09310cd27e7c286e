/* What applicants type: right forms, neighbours that are refused, one form for
 * equal things. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ra/field.h"

typedef bool judge(const char *text, struct buf *out, struct error *err);

static void
gives(judge *fn, const char *typed, const char *wanted)
{
    struct buf out = BUF_INIT(FIELD_VALUE_MAX);
    struct error err = {0};

    if (!fn(typed, &out, &err))
        fail_msg("\"%s\": %s", typed, err.what);
    assert_string_equal(buf_text(&out), wanted);
    buf_clear(&out);
}

/* And says why in both languages. */
static void
refuses(judge *fn, const char *typed)
{
    struct buf out = BUF_INIT(FIELD_VALUE_MAX);
    struct error err = {0};

    if (fn(typed, &out, &err))
        fail_msg("\"%s\" was taken", typed);
    assert_int_equal(err.code, ERROR_INPUT);
    assert_non_null(strstr(err.what, " / "));
    assert_true((unsigned char)err.what[0] >= 0x80); /* Chinese first */
    buf_clear(&out);
}

static void
uscc_with_right_check_character_is_taken(void **state)
{
    (void)state;
    /* Published codes: Tencent, Alibaba (China), Huawei. */
    gives(field_uscc, "9144030071526726XG", "9144030071526726XG");
    gives(field_uscc, "914403001922038216", "914403001922038216");
    gives(field_uscc, " 9144030071526726xg ", "9144030071526726XG");
    gives(field_uscc, "９１４４０３００７１５２６７２６ＸＧ",
          "9144030071526726XG");
}

static void
uscc_with_any_other_character_is_refused(void **state)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    static const char good[] = "9144030071526726XG";

    (void)state;
    /* MOD 31-3 with a prime modulus sees every single change. */
    for (size_t i = 0; i < sizeof good - 1; i++)
        for (size_t k = 0; k < sizeof alphabet - 1; k++) {
            char bad[sizeof good];

            memcpy(bad, good, sizeof good);
            if (bad[i] == alphabet[k])
                continue;
            bad[i] = alphabet[k];
            refuses(field_uscc, bad);
        }
}

static void
uscc_of_wrong_shape_is_refused(void **state)
{
    (void)state;
    refuses(field_uscc, "");
    refuses(field_uscc, "9144030071526726X");
    refuses(field_uscc, "9144030071526726XG0");
    refuses(field_uscc, "9144030071526726IG");
    refuses(field_uscc, "91440300715267\x01"
                        "6XG");
    refuses(field_uscc, "\xff\xfe");
}

static void
id_card_with_right_check_character_is_taken(void **state)
{
    (void)state;
    /* The example of GB 11643-1999, appendix. */
    gives(field_id_card, "11010519491231002X", "11010519491231002X");
    gives(field_id_card, "11010519491231002x", "11010519491231002X");
}

static void
id_card_with_another_digit_is_refused(void **state)
{
    static const char good[] = "11010519491231002X";

    (void)state;
    for (size_t i = 0; i < sizeof good - 2; i++)
        for (char c = '0'; c <= '9'; c++) {
            char bad[sizeof good];

            memcpy(bad, good, sizeof good);
            if (bad[i] == c)
                continue;
            bad[i] = c;
            refuses(field_id_card, bad);
        }
}

static void
id_card_with_no_such_day_of_birth_is_refused(void **state)
{
    (void)state;
    refuses(field_id_card, "110105194902300026"); /* 30 February */
    refuses(field_id_card, "110105194913010024");
    refuses(field_id_card, "110105491231002"); /* the old 15 digits */
    refuses(field_id_card, "X1010519491231002X");
}

static void
mobiles_come_to_one_form(void **state)
{
    (void)state;
    gives(field_mobile, "13800138000", "13800138000");
    gives(field_mobile, "+86 138-0013-8000", "13800138000");
    gives(field_mobile, "0086 13800138000", "13800138000");
    gives(field_mobile, "１３８００１３８０００", "13800138000");
    gives(field_mobile, "+852 5123 4567", "+85251234567");
}

static void
what_is_no_mobile_is_refused(void **state)
{
    (void)state;
    refuses(field_mobile, "");
    refuses(field_mobile, "1380013800");
    refuses(field_mobile, "138001380001");
    refuses(field_mobile, "12800138000");
    refuses(field_mobile, "02089524338");
    refuses(field_mobile, "+8612800138000");
    refuses(field_mobile, "+123");
    refuses(field_mobile, "+86+86 381-0013-8");
    refuses(field_mobile, "0086+85251234567");
    refuses(field_mobile, "+0123456789");
    refuses(field_mobile, "1380013800a");
    refuses(field_mobile, "13800138000\n");
}

static void
email_has_one_form_of_its_domain(void **state)
{
    (void)state;
    gives(field_email, "Li.Si@Example.COM", "Li.Si@example.com");
    gives(field_email, " a+b@x-y.example.cn ", "a+b@x-y.example.cn");
}

static void
what_is_no_email_is_refused(void **state)
{
    (void)state;
    refuses(field_email, "");
    refuses(field_email, "li");
    refuses(field_email, "@example.com");
    refuses(field_email, "li@example");
    refuses(field_email, "li@@example.com");
    refuses(field_email, "li@exa mple.com\r\nBcc: x@y.zz");
    refuses(field_email, ".li@example.com");
    refuses(field_email, "l..i@example.com");
    refuses(field_email, "li@-x.com");
    refuses(field_email, "li@example.com.");
    refuses(field_email, "李@example.com");
}

static bool
text_of_five(const char *text, struct buf *out, struct error *err)
{
    return field_text(text, 5, out, err);
}

static void
text_loses_white_space_that_nobody_sees(void **state)
{
    (void)state;
    gives(text_of_five, "  张　 三  ", "张 三");
    gives(text_of_five, "一二三四五", "一二三四五");
}

static void
text_that_is_empty_long_or_hidden_is_refused(void **state)
{
    (void)state;
    refuses(text_of_five, "");
    refuses(text_of_five, " \xe3\x80\x80 ");
    refuses(text_of_five, "一二三四五六");
    refuses(text_of_five, "a\xe2\x80\x8b"
                          "b"); /* zero width */
    refuses(text_of_five, "a\xe2\x80\xae"
                          "b"); /* right to left */
    refuses(text_of_five, "a\x07");
    refuses(text_of_five, "\xc0\xaf");
}

static bool
seals_text(const char *text, struct buf *out, struct error *err)
{
    const struct definition_field field = {.type = FIELD_SEALS};
    json_t *value = json_string(text);
    bool ok = field_judge(&field, NULL, value, out, err);

    json_decref(value);
    return ok;
}

static void
one_or_two_seals_of_different_types_are_taken(void **state)
{
    (void)state;
    gives(seals_text, "[{\"type\":\"official\", \"name\":\" 某公司 \"}]",
          "[{\"name\":\"某公司\",\"type\":\"official\"}]");
    gives(seals_text,
          "[{\"name\":\"a\",\"type\":\"official\"},"
          "{\"name\":\"b\",\"type\":\"contract\"}]",
          "[{\"name\":\"a\",\"type\":\"official\"},"
          "{\"name\":\"b\",\"type\":\"contract\"}]");
}

static void
other_seals_are_refused(void **state)
{
    (void)state;
    refuses(seals_text, "");
    refuses(seals_text, "[]");
    refuses(seals_text, "{}");
    refuses(seals_text, "[{\"type\":\"finance\",\"name\":\"a\"}]");
    refuses(seals_text, "[{\"type\":\"official\"}]");
    refuses(seals_text, "[{\"type\":\"official\",\"name\":\"\"}]");
    refuses(seals_text, "[{\"type\":\"official\",\"name\":\"a\",\"x\":1}]");
    refuses(seals_text, "[{\"type\":\"official\",\"name\":\"a\"},"
                        "{\"type\":\"official\",\"name\":\"b\"}]");
    refuses(seals_text, "[{\"type\":\"official\",\"name\":\"a\"},"
                        "{\"type\":\"contract\",\"name\":\"b\"},"
                        "{\"type\":\"contract\",\"name\":\"c\"}]");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uscc_with_right_check_character_is_taken),
        cmocka_unit_test(uscc_with_any_other_character_is_refused),
        cmocka_unit_test(uscc_of_wrong_shape_is_refused),
        cmocka_unit_test(id_card_with_right_check_character_is_taken),
        cmocka_unit_test(id_card_with_another_digit_is_refused),
        cmocka_unit_test(id_card_with_no_such_day_of_birth_is_refused),
        cmocka_unit_test(mobiles_come_to_one_form),
        cmocka_unit_test(what_is_no_mobile_is_refused),
        cmocka_unit_test(email_has_one_form_of_its_domain),
        cmocka_unit_test(what_is_no_email_is_refused),
        cmocka_unit_test(text_loses_white_space_that_nobody_sees),
        cmocka_unit_test(text_that_is_empty_long_or_hidden_is_refused),
        cmocka_unit_test(one_or_two_seals_of_different_types_are_taken),
        cmocka_unit_test(other_seals_are_refused),
    };

    return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
