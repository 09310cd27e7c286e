/* Records of units, their import, and what the host platform does with
 * certificates: ra/unit.h, ra/unit_import.h, ra/platform.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/text.h"
#include "ra/platform.h"
#include "ra/unit_import.h"
#include "tests/unit/case_parts.h"
#include "tests/unit/pg.h"

#define MUST(call)                                                             \
    do {                                                                       \
        if (!(call))                                                           \
            fail_msg("%s: %s (%s)", #call, err.what, err.cause);               \
    } while (0)

static struct case_parts parts;

static const struct unit_source right = {
    .account = "unit-1",
    .unit_name = "杭州示例科技有限公司",
    .uscc = "91330100MA27XYW12A",
    .kind = "company",
    .province = "浙江省",
    .locality = "杭州市",
    .street = "西湖区文三路 1 号",
};

/* A code with the right check character; see the set-up. */
static char uscc[19];

static struct unit_source
source_make(void)
{
    struct unit_source source = right;

    source.uscc = uscc;
    return source;
}

static enum unit_outcome
put(const struct unit_source *source, bool is_dry, int32_t *revision)
{
    enum unit_outcome outcome;
    struct error err = {0};
    struct unit unit;

    MUST(unit_judge(source, &unit, &err));
    MUST(unit_put(parts.db, &unit, 0, is_dry, parts.now, &outcome, revision,
                  &err));
    return outcome;
}

static const char *
entries(const char *account)
{
    char sql[256];

    (void)snprintf(sql, sizeof sql,
                   "SELECT coalesce(string_agg(event, ' ' ORDER BY index), '')"
                   " FROM log.entry WHERE subject = '%s'",
                   account);
    return pg_ask(sql);
}

/* ---- Records ------------------------------------------------------------- */

static void
a_record_makes_its_account_and_an_entry_of_the_log(void **state)
{
    struct unit_source source = source_make();
    int32_t revision = 0;

    (void)state;
    assert_int_equal(put(&source, false, &revision), UNIT_CREATED);
    assert_int_equal(revision, 1);
    assert_string_equal(entries("unit-1"), "account.created");
    assert_string_equal(pg_ask("SELECT token_hash IS NULL FROM ra.account"
                               " WHERE account = 'unit-1'"),
                        "t");
    assert_string_equal(pg_ask("SELECT country || language FROM ra.unit"
                               " WHERE account = 'unit-1'"),
                        "CNzh");
    /* Names are nobody's business for ever. */
    assert_string_equal(
        pg_ask("SELECT count(*) FROM log.entry WHERE"
               " position(convert_to('杭州', 'UTF8') IN body) > 0"),
        "0");
}

static void
the_same_record_again_changes_nothing(void **state)
{
    struct unit_source source = source_make();
    int32_t revision = 0;

    (void)state;
    assert_int_equal(put(&source, false, NULL), UNIT_CREATED);
    source.street = "  西湖区文三路  1 号 "; /* means the same */
    assert_int_equal(put(&source, false, &revision), UNIT_UNCHANGED);
    assert_int_equal(revision, 1);
    assert_string_equal(entries("unit-1"), "account.created");
}

static void
a_changed_record_is_the_next_revision(void **state)
{
    struct unit_source source = source_make();
    int32_t revision = 0;

    (void)state;
    assert_int_equal(put(&source, false, NULL), UNIT_CREATED);
    source.unit_name = "杭州示例科技股份有限公司";
    assert_int_equal(put(&source, false, &revision), UNIT_CHANGED);
    assert_int_equal(revision, 2);
    assert_string_equal(entries("unit-1"), "account.created account.changed");
}

static void
a_dry_run_tells_and_stores_nothing(void **state)
{
    struct unit_source source = source_make();

    (void)state;
    assert_int_equal(put(&source, true, NULL), UNIT_CREATED);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.account"
                               " WHERE account = 'unit-1'"),
                        "0");
    assert_string_equal(entries("unit-1"), "");
}

static void
who_saw_another_revision_changes_nothing(void **state)
{
    struct unit_source source = source_make();
    enum unit_outcome outcome;
    struct error err = {0};
    struct unit unit;

    (void)state;
    assert_int_equal(put(&source, false, NULL), UNIT_CREATED);
    source.street = "西湖区文三路 2 号";
    MUST(unit_judge(&source, &unit, &err));
    assert_false(
        unit_put(parts.db, &unit, 2, false, parts.now, &outcome, NULL, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_string_equal(pg_ask("SELECT revision FROM ra.unit"
                               " WHERE account = 'unit-1'"),
                        "1");
    MUST(unit_put(parts.db, &unit, 1, false, parts.now, &outcome, NULL, &err));
    assert_int_equal(outcome, UNIT_CHANGED);
}

static void
an_account_with_a_token_keeps_it_when_its_record_comes(void **state)
{
    struct unit_source source = source_make();

    (void)state;
    pg_sql("INSERT INTO ra.account (account, token_hash, created_at) VALUES"
           " ('unit-1', sha256('x'), now())");
    assert_int_equal(put(&source, false, NULL), UNIT_CREATED);
    assert_string_equal(entries("unit-1"), "account.changed");
    assert_string_equal(pg_ask("SELECT token_hash = sha256('x') FROM"
                               " ra.account WHERE account = 'unit-1'"),
                        "t");
}

static void
each_field_is_judged_and_named(void **state)
{
    static char long_name[65 * 3 + 1], long_place[129 * 3 + 1];
    static const struct {
        const char *field, *value;
    } wrong[] = {
        {"account", "A"},
        {"account", "unit 1"},
        {"account", NULL},
        {"unit_name", ""},
        {"unit_name", NULL},
        {"unit_name", "a\x07"},
        {"unit_name", long_name},
        {"uscc", "91330100MA27XYW12I"},
        {"uscc", "123"},
        {"uscc", NULL},
        {"kind", "club"},
        {"kind", NULL},
        {"country", "cn"},
        {"country", "CHN"},
        {"province", long_place},
        {"locality", NULL},
        {"street", "\xE2\x80\xAEx"},
        {"language", "fr"},
    };
    struct unit unit;

    (void)state;
    for (int i = 0; i < 65; i++)
        (void)strcat(long_name, "章");
    for (int i = 0; i < 129; i++)
        (void)strcat(long_place, "省");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct unit_source source = source_make();
        struct error err = {0};

        *unit_source_field(&source, wrong[i].field) = wrong[i].value;
        if (unit_judge(&source, &unit, &err))
            fail_msg("%s \"%s\" was taken", wrong[i].field, wrong[i].value);
        assert_int_equal(err.code, ERROR_INPUT);
        if (strcmp(wrong[i].field, "account") != 0)
            assert_int_equal(
                strncmp(err.what, wrong[i].field, strlen(wrong[i].field)), 0);
    }
}

/* ---- Import -------------------------------------------------------------- */

static json_t *
import(enum unit_format format, const char *text, bool is_dry)
{
    struct unit_import import = {
        .format = format,
        .schema_dir = SOURCE_DIR "/config/schema",
        .data = (const uint8_t *)text,
        .len = strlen(text),
        .is_dry = is_dry,
        .at = parts.now,
    };
    struct error err = {0};
    json_t *report = NULL;

    MUST(unit_import(parts.db, &import, &report, &err));
    return report;
}

static void
assert_line(const json_t *report, size_t at, int line, const char *result,
            const char *problem)
{
    const json_t *one = json_array_get(json_object_get(report, "lines"), at);
    const char *said = json_string_value(json_object_get(one, "problem"));

    assert_int_equal(json_integer_value(json_object_get(one, "line")), line);
    assert_string_equal(json_string_value(json_object_get(one, "result")),
                        result);
    if (problem == NULL)
        assert_null(said);
    else if (said == NULL || strstr(said, problem) == NULL)
        fail_msg("line %d: %s", line, said == NULL ? "" : said);
}

static int64_t
count_of(const json_t *report, const char *name)
{
    return json_integer_value(json_object_get(report, name));
}

static void
csv_format(char out[4096])
{
    (void)snprintf(
        out, 4096,
        "\xEF\xBB\xBF"
        "account,unit_name,uscc,kind,province,locality,street,language\r\n"
        "unit-1,\"示例, \"\"甲\"\" 公司\",%s,company,浙江省,杭州市,一路 1 "
        "号,\r\n"
        "unit-2,乙公司,000,company,浙江省,杭州市,二路 1 号,zh\r\n"
        "unit-3,丙公司,%s,company,浙江省\r\n"
        "unit-4,丁\"公司,%s,company,浙江省,杭州市,四路 1 号,zh\r\n"
        "unit-1,甲公司,%s,company,浙江省,杭州市,一路 1 号,zh\r\n"
        "unit-5,戊律师事务所,%s,law-firm,浙江省,杭州市,五路 1 号,en\r\n",
        uscc, uscc, uscc, uscc, uscc);
}

static void
one_bad_line_of_csv_never_loses_the_others(void **state)
{
    char text[4096];
    json_t *report;

    (void)state;
    csv_format(text);
    report = import(UNIT_CSV, text, false);
    assert_int_equal(json_array_size(json_object_get(report, "lines")), 6);
    assert_line(report, 0, 2, "created", NULL);
    assert_line(report, 1, 3, "error", "uscc");
    assert_line(report, 2, 4, "error", "5 fields");
    assert_line(report, 3, 5, "error", "quote");
    assert_line(report, 4, 6, "error", "line 2");
    assert_line(report, 5, 7, "created", NULL);
    assert_int_equal(count_of(report, "created"), 2);
    assert_int_equal(count_of(report, "errors"), 4);
    assert_string_equal(pg_ask("SELECT unit_name FROM ra.unit"
                               " WHERE account = 'unit-1'"),
                        "示例, \"甲\" 公司");
    json_decref(report);
    report = import(UNIT_CSV, text, false);
    assert_int_equal(count_of(report, "created"), 0);
    assert_int_equal(count_of(report, "unchanged"), 2);
    json_decref(report);
}

static void
a_dry_run_of_an_import_reports_the_same_and_stores_nothing(void **state)
{
    char text[4096];
    json_t *dry, *real;

    (void)state;
    csv_format(text);
    dry = import(UNIT_CSV, text, true);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.unit"
                               " WHERE account LIKE 'unit-%'"),
                        "0");
    real = import(UNIT_CSV, text, false);
    assert_true(json_equal(json_object_get(dry, "lines"),
                           json_object_get(real, "lines")));
    assert_true(json_is_true(json_object_get(dry, "dry_run")));
    json_decref(dry);
    json_decref(real);
}

static void
xml_is_imported_under_its_schema(void **state)
{
    char text[4096];
    json_t *report;

    (void)state;
    (void)snprintf(text, sizeof text,
                   "<units xmlns=\"urn:signet:units:1\">\n"
                   "<unit account=\"unit-1\">"
                   "<street>一路 &lt;1&gt; 号</street>"
                   "<unit_name>甲公司</unit_name><uscc>%s</uscc>"
                   "<kind>company</kind><province>浙江省</province>"
                   "<locality>杭州市</locality></unit>\n"
                   "<unit account=\"unit-2\"><unit_name>乙公司</unit_name>"
                   "<uscc>1</uscc><kind>company</kind>"
                   "<province>浙江省</province><locality>杭州市</locality>"
                   "<street>二路</street></unit>\n"
                   "</units>\n",
                   uscc);
    report = import(UNIT_XML, text, false);
    assert_line(report, 0, 2, "created", NULL);
    assert_line(report, 1, 3, "error", "uscc");
    assert_string_equal(pg_ask("SELECT street FROM ra.unit"
                               " WHERE account = 'unit-1'"),
                        "一路 <1> 号");
    json_decref(report);
}

static void
a_file_that_is_wrong_as_a_whole_is_refused_as_a_whole(void **state)
{
    static const struct {
        enum unit_format format;
        const char *text, *what;
    } wrong[] = {
        {UNIT_CSV, "", "empty"},
        {UNIT_CSV, "account,unit_name\n", "is missing"},
        {UNIT_CSV, "account,name\n", "\"name\""},
        {UNIT_CSV, "account,account\n", "twice"},
        {UNIT_XML, "", ""},
        {UNIT_XML, "<units/>", ""},
        {UNIT_XML, "<!DOCTYPE x><units xmlns=\"urn:signet:units:1\"/>", ""},
        {UNIT_XML,
         "<units xmlns=\"urn:signet:units:1\"><unit account=\"x\"/></units>",
         ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct unit_import import = {
            .format = wrong[i].format,
            .schema_dir = SOURCE_DIR "/config/schema",
            .data = (const uint8_t *)wrong[i].text,
            .len = strlen(wrong[i].text),
            .at = parts.now,
        };
        struct error err = {0};
        json_t *report = NULL;

        if (unit_import(parts.db, &import, &report, &err))
            fail_msg("\"%s\" was taken", wrong[i].text);
        assert_int_equal(err.code, ERROR_INPUT);
        assert_non_null(strstr(err.what, wrong[i].what));
        assert_null(report);
    }
}

static void
more_records_than_the_limit_are_refused(void **state)
{
    struct buf text = BUF_INIT(UNIT_IMPORT_MAX);
    struct unit_import import = {
        .format = UNIT_CSV, .is_dry = true, .at = parts.now};
    struct error err = {0};
    json_t *report = NULL;

    (void)state;
    buf_add_text(&text, "account,unit_name,uscc,kind,province,locality,street"
                        "\n");
    for (int i = 0; i <= UNIT_IMPORT_RECORDS_MAX; i++)
        buf_add_text(&text, "x,,,,,,\n");
    import.data = text.data;
    import.len = text.len;
    assert_false(unit_import(parts.db, &import, &report, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_non_null(strstr(err.what, "2000"));
    buf_clear(&text);
}

/* ---- Progress and binding ------------------------------------------------ */

static json_t *
progress(const char *account)
{
    struct error err = {0};
    json_t *out = NULL;

    MUST(platform_progress(parts.db, account, parts.now, &out, &err));
    return out;
}

static bool
bind(const json_t *certificate, const char *account, bool is_bound,
     struct error *err)
{
    uint8_t serial[PLATFORM_SERIAL_LEN];
    struct platform_binding binding = {
        .account = account,
        .issuer = json_string_value(json_object_get(certificate, "issuer")),
        .serial = serial,
        .is_bound = is_bound,
        .at = parts.now,
    };
    size_t len;

    assert_true(
        text_unhex(json_string_value(json_object_get(certificate, "serial")),
                   serial, sizeof serial, &len));
    return platform_bind(&parts.business, parts.db, &binding, err);
}

static void
progress_tells_cases_and_the_live_certificate(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err = {0};
    json_t *out;
    const json_t *one;

    (void)state;
    case_parts_live(&parts, "example", parts.now + 86400 * 30);
    MUST(case_parts_create(&parts, BUSINESS_REVOKE, number, &err));
    out = progress("example");
    assert_int_equal(json_array_size(json_object_get(out, "cases")), 2);
    assert_non_null(
        json_object_get(json_object_get(out, "certificate"), "bound_at"));
    for (size_t i = 0; i < 2; i++) {
        one = json_array_get(json_object_get(out, "cases"), i);
        if (strcmp(json_string_value(json_object_get(one, "number")), number) ==
            0)
            assert_string_equal(
                json_string_value(json_object_get(one, "state")), "draft");
    }
    json_decref(out);
    assert_false(platform_progress(parts.db, "nobody", parts.now, &out, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void
unbinding_and_binding_move_case_and_certificate_together(void **state)
{
    struct error err = {0};
    json_t *out;
    const json_t *certificate;

    (void)state;
    case_parts_live(&parts, "example", parts.now + 86400 * 30);
    out = progress("example");
    certificate = json_object_get(out, "certificate");
    MUST(bind(certificate, "example", true, &err)); /* it is: nothing happens */
    assert_string_equal(pg_ask("SELECT state FROM ra.case_file"), "bound");
    MUST(bind(certificate, "example", false, &err));
    assert_string_equal(pg_ask("SELECT state FROM ra.case_file"), "activated");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.holder_certificate"
                               " WHERE bound_at IS NOT NULL"),
                        "0");
    MUST(bind(certificate, "example", false, &err));
    MUST(bind(certificate, "example", true, &err));
    assert_string_equal(pg_ask("SELECT state FROM ra.case_file"), "bound");
    assert_string_equal(
        pg_ask("SELECT string_agg(event || ' ' || actor, ',' ORDER BY seq)"
               " FROM ra.case_history WHERE event IN ('bound', 'unbound')"),
        "unbound platform,bound platform");
    json_decref(out);
}

static void
nobody_binds_what_is_not_theirs_or_not_valid(void **state)
{
    struct error err = {0};
    json_t *out;
    const json_t *certificate;

    (void)state;
    case_parts_live(&parts, "example", parts.now + 86400 * 30);
    case_parts_account("other");
    out = progress("example");
    certificate = json_object_get(out, "certificate");
    assert_false(bind(certificate, "other", false, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    MUST(bind(certificate, "example", false, &err));
    pg_sql("UPDATE ra.holder_certificate SET state = 'held'");
    assert_false(bind(certificate, "example", true, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    pg_sql("UPDATE ra.holder_certificate SET state = 'valid',"
           " not_after = to_timestamp(1795400000)");
    assert_false(bind(certificate, "example", true, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    json_decref(out);
}

/* ---- Group --------------------------------------------------------------- */

/* The last character of GB 32100-2015, by another way than ra/field.c. */
static void
uscc_make(void)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    static const char body[] = "91330100MA27XYW12";
    int weight = 1, sum = 0;

    for (int i = 0; i < 17; i++) {
        sum += (int)(strchr(alphabet, body[i]) - alphabet) * weight;
        weight = weight * 3 % 31;
    }
    (void)snprintf(uscc, sizeof uscc, "%s%c", body,
                   alphabet[(31 - sum % 31) % 31]);
}

static int
start(void **state)
{
    (void)state;
    uscc_make();
    pg_start();
    case_parts_init(&parts);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    case_parts_clear(&parts);
    pg_stop();
    return 0;
}

static int
open_parts(void **state)
{
    (void)state;
    case_parts_open(&parts);
    return 0;
}

static int
close_parts(void **state)
{
    (void)state;
    case_parts_close(&parts);
    return 0;
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, open_parts, close_parts)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_makes_its_account_and_an_entry_of_the_log),
        TEST(the_same_record_again_changes_nothing),
        TEST(a_changed_record_is_the_next_revision),
        TEST(a_dry_run_tells_and_stores_nothing),
        TEST(who_saw_another_revision_changes_nothing),
        TEST(an_account_with_a_token_keeps_it_when_its_record_comes),
        TEST(each_field_is_judged_and_named),
        TEST(one_bad_line_of_csv_never_loses_the_others),
        TEST(a_dry_run_of_an_import_reports_the_same_and_stores_nothing),
        TEST(xml_is_imported_under_its_schema),
        TEST(a_file_that_is_wrong_as_a_whole_is_refused_as_a_whole),
        TEST(more_records_than_the_limit_are_refused),
        TEST(progress_tells_cases_and_the_live_certificate),
        TEST(unbinding_and_binding_move_case_and_certificate_together),
        TEST(nobody_binds_what_is_not_theirs_or_not_valid),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
