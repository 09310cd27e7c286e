/* Log lines: one event, one line, readable by a JSON parser whatever is in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/log.h"

static int saved = -1;
static FILE *file;

/* Standard error goes to a file while a test writes events. */
static void
catch_stderr(void)
{
    file = tmpfile();
    assert_non_null(file);
    saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
}

/* What came: its size; `text` holds it. */
static size_t
caught(char *text, size_t max)
{
    size_t len;

    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    rewind(file);
    len = fread(text, 1, max - 1, file);
    text[len] = '\0';
    (void)fclose(file);
    return len;
}

static json_t *
line_of(const char *text)
{
    json_error_t where;
    json_t *line = json_loads(text, 0, &where);

    if (line == NULL)
        fail_msg("%s: %s", where.text, text);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    return line;
}

static const char *
member(const json_t *line, const char *name)
{
    return json_string_value(json_object_get(line, name));
}

static void
an_event_is_one_line_of_json_with_its_fields(void **state)
{
    static const uint8_t serial[] = {1, 0xab};
    char text[4096];
    json_t *line;

    (void)state;
    catch_stderr();
    log_open("signet-x", LOG_LEVEL_INFO);
    log_request_set("r1");
    log_event(LOG_LEVEL_WARN, "cert.issued", LOG_HEX("serial", serial, 2),
              LOG_TEXT("profile", "tls"), LOG_INT("count", -3));
    log_request_set(NULL);
    (void)caught(text, sizeof text);
    line = line_of(text);
    assert_string_equal(member(line, "service"), "signet-x");
    assert_string_equal(member(line, "level"), "warn");
    assert_string_equal(member(line, "event"), "cert.issued");
    assert_string_equal(member(line, "request"), "r1");
    assert_string_equal(member(line, "serial"), "01ab");
    assert_string_equal(member(line, "profile"), "tls");
    assert_int_equal(json_integer_value(json_object_get(line, "count")), -3);
    assert_int_equal(strlen(member(line, "at")), 24);
    json_decref(line);
}

static void
what_others_sent_cannot_begin_a_line_of_its_own(void **state)
{
    char text[4096];
    json_t *line;

    (void)state;
    catch_stderr();
    log_event(LOG_LEVEL_INFO, "x", LOG_TEXT("v", "a\"\\\r\n\x01\x7f{\"b\":1}"),
              LOG_TEXT("bad", "\xff\xc3"), LOG_TEXT("good", "\xc3\xa4"),
              LOG_TEXT("none", NULL));
    (void)caught(text, sizeof text);
    line = line_of(text);
    assert_string_equal(member(line, "v"), "a\"\\\r\n\x01\x7f{\"b\":1}");
    assert_string_equal(member(line, "good"), "\xc3\xa4");
    assert_string_equal(member(line, "none"), "");
    json_decref(line);
}

static void
long_values_are_cut_and_the_line_stays_whole(void **state)
{
    static char value[20000];
    char text[20000];
    json_t *line;

    (void)state;
    memset(value, 'a', sizeof value - 1);
    catch_stderr();
    log_event(LOG_LEVEL_INFO, "x", LOG_TEXT("v", value));
    assert_true(caught(text, sizeof text) < 4096);
    line = line_of(text);
    json_decref(line);
    memset(value, '\x01', sizeof value - 1); /* six octets each when escaped */
    catch_stderr();
    log_event(LOG_LEVEL_INFO, "x", LOG_TEXT("v", value), LOG_TEXT("w", value));
    (void)caught(text, sizeof text);
    line = line_of(text);
    assert_true(json_is_true(json_object_get(line, "cut")));
    json_decref(line);
}

static void
events_below_the_level_are_not_written(void **state)
{
    char text[4096];

    (void)state;
    log_open("x", LOG_LEVEL_WARN);
    catch_stderr();
    log_event(LOG_LEVEL_INFO, "x", LOG_INT("n", 1));
    assert_int_equal(caught(text, sizeof text), 0);
    log_open("x", LOG_LEVEL_DEBUG);
}

static void
the_code_of_a_failure_sets_the_level(void **state)
{
    static const struct {
        enum error_code code;
        const char *level;
    } cases[] = {
        {ERROR_INPUT, "info"},    {ERROR_DENIED, "info"},
        {ERROR_CONFLICT, "info"}, {ERROR_NOT_FOUND, "info"},
        {ERROR_BUSY, "warn"},     {ERROR_INTERNAL, "error"},
    };
    char text[4096];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        json_t *line;

        (void)error_cause(&err, cases[i].code, "their words", "our words");
        catch_stderr();
        log_failure("x", &err);
        (void)caught(text, sizeof text);
        line = line_of(text);
        assert_string_equal(member(line, "level"), cases[i].level);
        assert_string_equal(member(line, "what"), "our words");
        assert_string_equal(member(line, "cause"), "their words");
        json_decref(line);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_one_line_of_json_with_its_fields),
        cmocka_unit_test(what_others_sent_cannot_begin_a_line_of_its_own),
        cmocka_unit_test(long_values_are_cut_and_the_line_stays_whole),
        cmocka_unit_test(events_below_the_level_are_not_written),
        cmocka_unit_test(the_code_of_a_failure_sets_the_level),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
