/* signet.conf: what is read, and how every mistake is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/config.h"
#include "base/text.h"

static struct config *
parsed(const char *text)
{
    struct config *config = NULL;
    struct error err = {0};

    if (!config_parse(text, strlen(text), "x.conf", "/etc/x", &config, &err))
        fail_msg("%s", err.what);
    return config;
}

static void
assert_refused(const char *text, const char *what)
{
    struct config *config = NULL;
    struct error err = {0};

    assert_false(
        config_parse(text, strlen(text), "x.conf", "/", &config, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_string_equal(err.what, what);
    assert_null(config);
}

static void
an_empty_file_gives_the_defaults(void **state)
{
    struct config *config = parsed("");

    (void)state;
    assert_string_equal(config_text(config, "log.level"), "info");
    assert_string_equal(config_text(config, "hsm.ca.token"), "signet-ca");
    assert_string_equal(config_text(config, "db.ca"), "");
    assert_string_equal(config_path(config, "tls.trust_file"), "");
    assert_int_equal(config_int(config, "ca.workers"), 16);
    assert_true(config_bool(config, "hsm.session_copy"));
    assert_false(config_bool(config, "ocsp.extended_revoked"));
    config_free(config);
}

static void
values_are_read_with_comments_and_spaces_around(void **state)
{
    struct config *config = parsed("# comment\r\n\n"
                                   "  ca.workers\t=  4  \r\n"
                                   "db.ca = host=/run dbname=s # no comment\n"
                                   "\t# log.level = x\n"
                                   "log.level=debug\n"
                                   "ocsp.extended_revoked = yes");

    (void)state;
    assert_int_equal(config_int(config, "ca.workers"), 4);
    assert_string_equal(config_text(config, "db.ca"),
                        "host=/run dbname=s # no comment");
    assert_string_equal(config_text(config, "log.level"), "debug");
    assert_true(config_bool(config, "ocsp.extended_revoked"));
    config_free(config);
}

static void
paths_are_relative_to_the_file(void **state)
{
    struct config *config =
        parsed("ca.key_file = tls/ca.key\nra.key_file = /k\n");

    (void)state;
    assert_string_equal(config_path(config, "ca.key_file"),
                        "/etc/x/tls/ca.key");
    assert_string_equal(config_path(config, "ra.key_file"), "/k");
    config_free(config);
}

static void
an_unknown_setting_is_told_with_line_and_nearest_name(void **state)
{
    (void)state;
    assert_refused("\nca.worker = 3\n", "x.conf:2: unknown setting "
                                        "\"ca.worker\"; did you mean "
                                        "\"ca.workers\"?");
    assert_refused("something.else = 3",
                   "x.conf:1: unknown setting \"something.else\"");
    assert_refused(" = 3", "x.conf:1: unknown setting \"\"");
}

static void
a_bad_value_is_told_with_what_is_wanted(void **state)
{
    (void)state;
    assert_refused("ca.workers = 0",
                   "x.conf:1: \"ca.workers\" wants a number from 1 to 256");
    assert_refused("ca.workers = 257",
                   "x.conf:1: \"ca.workers\" wants a number from 1 to 256");
    assert_refused("ca.workers = 4x",
                   "x.conf:1: \"ca.workers\" wants a number from 1 to 256");
    assert_refused("ca.workers =",
                   "x.conf:1: \"ca.workers\" wants a number from 1 to 256");
    assert_refused("hsm.session_copy = true",
                   "x.conf:1: \"hsm.session_copy\" wants yes or no");
    assert_refused("log.level = inf", "x.conf:1: \"log.level\" wants one of "
                                      "info|debug|warn|error");
    assert_refused("log.level = info|debug",
                   "x.conf:1: \"log.level\" wants one of "
                   "info|debug|warn|error");
    assert_refused("ca.listen =",
                   "x.conf:1: \"ca.listen\" wants 1 to 128 octets");
}

static void
a_setting_given_twice_is_refused(void **state)
{
    (void)state;
    assert_refused("ca.workers = 3\nca.workers = 3\n",
                   "x.conf:2: \"ca.workers\" is set twice");
}

static void
lines_and_files_of_another_kind_are_refused(void **state)
{
    struct config *config = NULL;
    struct error err = {0};

    (void)state;
    assert_refused("ca.workers 3", "x.conf:1: no \"key = value\"");
    assert_false(config_parse("ca.listen = a\0b", 15, "x", "/", &config, &err));
    assert_false(config_parse("# \xff", 3, "x", "/", &config, &err));
    assert_false(config_load("/nonexistent/x.conf", &config, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_false(config_load("/", &config, &err));
    assert_int_equal(err.code, ERROR_INPUT);
}

static void
what_a_service_requires_is_named_when_missing(void **state)
{
    static const char *const keys[] = {"ca.workers", "db.ca", "ca.listen",
                                       NULL};
    struct config *config = parsed("db.ca = x\n");
    struct error err = {0};

    (void)state;
    assert_false(config_require(config, keys, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_string_equal(err.what,
                        "the configuration does not set \"ca.listen\"");
    config_free(config);
    config = parsed("db.ca = x\nca.listen = y\n");
    assert_true(config_require(config, keys, &err));
    config_free(config);
}

static void
what_is_shown_is_read_to_the_same(void **state)
{
    struct config *config = parsed("ca.key_file = k\nca.workers = 3\n");
    struct buf first = BUF_INIT(65536), second = BUF_INIT(65536);

    (void)state;
    config_show(config, &first);
    config_free(config);
    config = parsed(buf_text(&first));
    config_show(config, &second);
    config_free(config);
    assert_string_equal(buf_text(&first), buf_text(&second));
    assert_non_null(strstr(buf_text(&first), "ca.key_file = /etc/x/k\n"));
    buf_clear(&first);
    buf_clear(&second);
}

static void
every_setting_has_a_default_in_range_and_a_sentence_of_help(void **state)
{
    struct buf text = BUF_INIT(1024 * 1024);
    size_t i;

    (void)state;
    config_document(&text, false);
    for (i = 0; i < config_setting_count; i++) {
        const char *help = config_settings[i].help;

        assert_int_equal(help[strlen(help) - 1], '.');
        assert_non_null(strstr(buf_text(&text), config_settings[i].key));
    }
    config_free(parsed(buf_text(&text))); /* parsing takes the defaults too */
    buf_clear(&text);
}

/* config/signet.conf is made by `signet config doc`; so is this. */
static void
the_example_file_is_what_the_table_says(void **state)
{
    struct buf made = BUF_INIT(1024 * 1024), shipped = BUF_INIT(1024 * 1024);
    struct error err = {0};

    (void)state;
    config_document(&made, false);
    assert_true(text_file_read(SOURCE_DIR "/config/signet.conf", shipped.limit,
                               &shipped, &err));
    assert_string_equal(buf_text(&made), buf_text(&shipped));
    buf_clear(&made);
    buf_clear(&shipped);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(values_are_read_with_comments_and_spaces_around),
        cmocka_unit_test(paths_are_relative_to_the_file),
        cmocka_unit_test(an_unknown_setting_is_told_with_line_and_nearest_name),
        cmocka_unit_test(a_bad_value_is_told_with_what_is_wanted),
        cmocka_unit_test(a_setting_given_twice_is_refused),
        cmocka_unit_test(lines_and_files_of_another_kind_are_refused),
        cmocka_unit_test(what_a_service_requires_is_named_when_missing),
        cmocka_unit_test(what_is_shown_is_read_to_the_same),
        cmocka_unit_test(
            every_setting_has_a_default_in_range_and_a_sentence_of_help),
        cmocka_unit_test(the_example_file_is_what_the_table_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
