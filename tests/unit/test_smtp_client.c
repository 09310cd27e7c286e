/* Mail as octets: what stands in it, and what never does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/smtp_client.h"
#include "base/text.h"

static struct smtp_mail
mail_of(const char *subject, const char *text)
{
    return (struct smtp_mail){.from = "office@ca.example",
                              .to = "li@unit.example",
                              .id = "00000000-0000-4000-8000-000000000001",
                              .subject = subject,
                              .text = text,
                              .at = 1795500000};
}

static void
encode(const struct smtp_mail *mail, struct buf *out)
{
    struct error err = {0};

    if (!smtp_message_encode(mail, out, &err))
        fail_msg("%s", err.what);
}

static void
a_mail_has_the_headers_that_it_needs(void **state)
{
    struct smtp_mail mail = mail_of("Hello", "one line");
    struct buf out = BUF_INIT(SMTP_MESSAGE_MAX);

    (void)state;
    encode(&mail, &out);
    assert_string_equal(
        buf_text(&out),
        "Date: Tue, 24 Nov 2026 06:00:00 +0000\r\n"
        "From: <office@ca.example>\r\n"
        "To: <li@unit.example>\r\n"
        "Message-ID: <00000000-0000-4000-8000-000000000001@ca.example>\r\n"
        "Subject: =?UTF-8?B?SGVsbG8=?=\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=UTF-8\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
        "b25lIGxpbmU=\r\n");
    buf_clear(&out);
}

static void
no_line_is_longer_than_78_and_no_character_is_cut(void **state)
{
    struct buf subject = BUF_INIT(4096), out = BUF_INIT(SMTP_MESSAGE_MAX);
    struct buf word = BUF_INIT(64);
    struct smtp_mail mail;
    const char *line, *start;

    (void)state;
    for (int i = 0; i < 60; i++)
        (void)buf_add_text(&subject, i % 3 == 0 ? "证书a" : "业务");
    mail = mail_of(buf_text(&subject), buf_text(&subject));
    encode(&mail, &out);
    for (line = buf_text(&out); *line != '\0'; line = strstr(line, "\r\n") + 2)
        assert_true(strstr(line, "\r\n") - line <= 78);
    for (line = buf_text(&out); (start = strstr(line, "=?UTF-8?B?")) != NULL;
         line = start + 10) {
        size_t count;

        buf_reset(&word);
        assert_true(text_unbase64(
            start + 10, (size_t)(strstr(start, "?=") - start - 10), &word));
        assert_true(text_utf8(buf_text(&word), word.len, &count));
    }
    buf_clear(&subject);
    buf_clear(&out);
    buf_clear(&word);
}

static void
line_ends_of_the_text_become_crlf(void **state)
{
    struct smtp_mail mail = mail_of("s", "a\nb\r\nc\rd");
    struct buf out = BUF_INIT(SMTP_MESSAGE_MAX);

    (void)state;
    encode(&mail, &out);
    /* "a\r\nb\r\nc\r\nd" */
    assert_non_null(strstr(buf_text(&out), "\r\n\r\nYQ0KYg0KYw0KZA==\r\n"));
    buf_clear(&out);
}

static void
addresses_and_subjects_that_would_add_headers_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "li",
                                      "@unit.example",
                                      "li@",
                                      "li@@unit.example",
                                      "li@unit.example\r\nBcc: x@y.example",
                                      "li@unit.example>",
                                      "li @unit.example",
                                      "李@unit.example"};
    struct buf out = BUF_INIT(SMTP_MESSAGE_MAX);
    struct smtp_mail mail;
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mail = mail_of("s", "t");
        mail.to = bad[i];
        assert_false(smtp_message_encode(&mail, &out, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        mail = mail_of("s", "t");
        mail.from = bad[i];
        assert_false(smtp_message_encode(&mail, &out, &err));
    }
    mail = mail_of("s\r\nBcc: x@y.example", "t");
    assert_false(smtp_message_encode(&mail, &out, &err));
    mail = mail_of("s", "\xff");
    assert_false(smtp_message_encode(&mail, &out, &err));
    mail = mail_of("s", "t");
    mail.id = "a@b";
    assert_false(smtp_message_encode(&mail, &out, &err));
    buf_clear(&out);
}

static void
a_server_that_is_not_there_is_busy(void **state)
{
    struct smtp_options options = {.url = "smtp://127.0.0.1:1",
                                   .timeout_ms = 2000};
    struct smtp_mail mail = mail_of("s", "t");
    struct error err = {0};

    (void)state;
    assert_false(smtp_send(&options, &mail, &err));
    assert_int_equal(err.code, ERROR_BUSY);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_has_the_headers_that_it_needs),
        cmocka_unit_test(no_line_is_longer_than_78_and_no_character_is_cut),
        cmocka_unit_test(line_ends_of_the_text_become_crlf),
        cmocka_unit_test(
            addresses_and_subjects_that_would_add_headers_are_refused),
        cmocka_unit_test(a_server_that_is_not_there_is_busy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
