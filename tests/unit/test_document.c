/*
 * Documents of a case on a real database, examined by the real signet-scan:
 * who may bring and see what and when, what is found, and what is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/config.h"
#include "ra/case_field.h"
#include "ra/document.h"
#include "ra/finding.h"
#include "ra/form.h"
#include "tests/unit/case_parts.h"
#include "tests/unit/pg.h"
#include "tests/unit/scan/pictures.h"

#define OFFICER "00000000-0000-4000-8000-000000000004"

enum { FILE_MAX = 32 * 1024 * 1024 };

static struct case_parts parts;
static struct config *config;
static char number[DB_CASE_NUMBER_MAX + 1];

static int
set_up(void **state)
{
    static const char text[] = "ra.scan_path = " BINARY_DIR "/bin/signet-scan\n"
                               "ra.upload_max = 2000000\n";
    struct error err = {0};

    (void)state;
    pg_start();
    case_parts_init(&parts);
    if (!config_parse(text, sizeof text - 1, "test", "/", &config, &err))
        fail_msg("%s", err.what);
    parts.business.config = config;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    case_parts_clear(&parts);
    config_free(config);
    pg_stop();
    return 0;
}

/* A case whose form is ready. */
static int
begin(void **state)
{
    struct error err;

    (void)state;
    case_parts_open(&parts);
    if (!case_parts_create(&parts, BUSINESS_NEW, number, &err) ||
        !case_parts_act(&parts, number, CASE_SUBMIT, CASE_BY_APPLICANT, &err))
        fail_msg("%s", err.what);
    assert_string_equal(case_parts_state(number), "form-ready");
    return 0;
}

static int
end(void **state)
{
    (void)state;
    case_parts_close(&parts);
    return 0;
}

/* ---- Files -----------------------------------------------------------------
 */

/* A stamped page with this code, or none. */
static void
make_page(const char *code, struct buf *out)
{
    PIX *pix = picture_draw(&(struct picture){
        .dpi = 150, .has_text = true, .seal = SEAL, .code = code});

    picture_jpeg(pix, 75, out);
    pixDestroy(&pix);
}

/* What the form of the case bears now. */
static void
code_of(const char *of, int revision, const char *kind,
        char out[FORM_CODE_MAX + 1])
{
    struct form_input input = {
        .kind = kind,
        .number = of,
        .revision = revision,
        .definition = definition_get(parts.definitions, BUSINESS_NEW)};
    json_t *fields = NULL;
    struct error err = {0};

    assert_true(
        case_fields_read(&parts.business, parts.db, number, &fields, &err));
    input.fields = fields;
    assert_true(form_code_make(parts.vault, &input, out, &err));
    case_fields_free(fields);
}

static bool
upload_as(const char *account, const char *slot, const struct buf *file,
          json_t **out, struct error *err)
{
    struct document_upload upload = {.number = number,
                                     .slot = slot,
                                     .account = account,
                                     .actor =
                                         account == NULL ? OFFICER : account,
                                     .file_name = "营业执照 scan.jpg",
                                     .data = file->data,
                                     .len = file->len,
                                     .at = parts.now};

    *err = (struct error){0};
    return document_add(&parts.business, parts.db, &upload, out, err);
}

static json_t *
upload(const char *slot, const struct buf *file)
{
    struct error err;
    json_t *out = NULL;

    if (!upload_as("example", slot, file, &out, &err))
        fail_msg("%s: %s", err.what, err.cause);
    return out;
}

static void
assert_refused(const char *account, const char *slot, const struct buf *file,
               enum error_code code)
{
    struct error err;

    assert_false(upload_as(account, slot, file, NULL, &err));
    if (err.code != code)
        fail_msg("%s: %s", err.what, err.cause);
}

/* The level of a finding in what an upload answered; "" if there is none. */
static const char *
found(const json_t *document, const char *code)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(document, "findings"), i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "code")), code) == 0)
            return json_string_value(json_object_get(one, "level"));
    }
    return "";
}

static bool
form_is_current(void)
{
    struct error err = {0};
    bool is = false;

    assert_true(db_document_form_is_current(parts.db, number, &is, &err));
    return is;
}

static const struct document_viewer applicant = {.account = "example"};
static const struct document_viewer officer = {.officer_id = OFFICER,
                                               .at = 1795500000};

/* ---- Tests -----------------------------------------------------------------
 */

static void
a_document_comes_back_as_it_came_and_rests_sealed(void **state)
{
    struct buf file = BUF_INIT(FILE_MAX);
    struct buf octets = BUF_INIT(0);
    struct buf jpeg = BUF_INIT(0);
    struct db_document info;
    struct error err = {0};
    json_t *out;

    (void)state;
    make_page(NULL, &file);
    out = upload("business-licence", &file);
    assert_string_equal(found(out, "red-seal"), "ok");
    assert_string_equal(found(out, "page-count"), "ok");
    assert_string_equal(found(out, "form-code"), "");
    assert_int_equal(json_integer_value(json_object_get(out, "page_count")), 1);
    json_decref(out);
    assert_true(document_original(&parts.business, parts.db, number,
                                  "business-licence", &applicant, &info,
                                  &octets, &err));
    assert_string_equal(info.media_type, "image/jpeg");
    assert_string_equal(info.file_name, "营业执照 scan.jpg");
    assert_int_equal(octets.len, file.len);
    assert_memory_equal(octets.data, file.data, file.len);
    db_document_clear(&info);
    assert_true(document_page(&parts.business, parts.db, number,
                              "business-licence", 1, &applicant, &jpeg, &err));
    assert_memory_equal(jpeg.data, "\xff\xd8\xff", 3);
    assert_false(document_page(&parts.business, parts.db, number,
                               "business-licence", 2, &applicant, &octets,
                               &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    /* Nothing of it can be recognised in the database. */
    assert_string_equal(
        pg_ask("SELECT count(*) FROM (SELECT sealed FROM ra.document UNION ALL"
               " SELECT sealed FROM ra.document_page) s WHERE"
               " position('\\xffd8ff'::bytea IN sealed) = 1 OR"
               " position('JFIF'::bytea IN sealed) > 0"),
        "0");
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.case_history WHERE event ="
               " 'document-added'"),
        "1");
    buf_clear(&file);
    buf_clear(&octets);
    buf_clear(&jpeg);
}

static void
a_picture_moved_to_another_page_does_not_open(void **state)
{
    struct buf file = BUF_INIT(FILE_MAX);
    struct buf jpeg = BUF_INIT(0);
    struct error err = {0};

    (void)state;
    make_page(NULL, &file);
    json_decref(upload("business-licence", &file));
    json_decref(upload("handler-id", &file));
    pg_sql("UPDATE ra.document_page SET sealed = (SELECT p.sealed FROM"
           " ra.document_page p JOIN ra.document d ON d.id = p.document"
           " WHERE d.slot = 'handler-id') WHERE document = (SELECT id FROM"
           " ra.document WHERE slot = 'business-licence')");
    assert_false(document_page(&parts.business, parts.db, number,
                               "business-licence", 1, &applicant, &jpeg, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    buf_clear(&file);
    buf_clear(&jpeg);
}

static void
a_new_document_takes_the_place_of_the_old(void **state)
{
    struct buf file = BUF_INIT(FILE_MAX);
    struct error err = {0};

    (void)state;
    make_page(NULL, &file);
    json_decref(upload("business-licence", &file));
    json_decref(upload("business-licence", &file));
    assert_string_equal(
        pg_ask("SELECT string_agg(state, ' ' ORDER BY state) FROM"
               " ra.document"),
        "current replaced");
    assert_true(document_remove(&parts.business, parts.db, number,
                                "business-licence", "example", "example",
                                parts.now, &err));
    assert_string_equal(
        pg_ask("SELECT string_agg(state, ' ' ORDER BY state) FROM"
               " ra.document"),
        "replaced void");
    assert_false(document_remove(&parts.business, parts.db, number,
                                 "business-licence", "example", "example",
                                 parts.now, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(
        pg_ask("SELECT string_agg(event, ' ' ORDER BY seq) FROM"
               " ra.case_history WHERE event LIKE 'document-%'"),
        "document-added document-added document-removed");
    buf_clear(&file);
}

static void
documents_are_taken_from_the_applicant_in_their_slots_while_open(void **state)
{
    struct buf file = BUF_INIT(FILE_MAX);

    (void)state;
    make_page(NULL, &file);
    case_parts_account("stranger");
    assert_refused("stranger", "business-licence", &file, ERROR_NOT_FOUND);
    assert_refused("example", "no-such-slot", &file, ERROR_NOT_FOUND);
    /* Of customer service, and not of customer service. */
    assert_refused("example", "statement", &file, ERROR_DENIED);
    assert_refused(NULL, "business-licence", &file, ERROR_DENIED);
    /* A company has no licence of a law firm; this case wants no seal. */
    assert_refused("example", "practice-licence", &file, ERROR_CONFLICT);
    assert_refused("example", "seal-form", &file, ERROR_CONFLICT);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.document"), "0");
    buf_clear(&file);
}

static void
other_states_take_no_documents_but_statements(void **state)
{
    static const char *const closed[] = {"draft",        "awaiting-payment",
                                         "first-review", "second-review",
                                         "activated",    "rejected"};
    struct buf file = BUF_INIT(FILE_MAX);
    struct error err;
    char sql[200];

    (void)state;
    make_page(NULL, &file);
    pg_sql("ALTER TABLE ra.case_file DISABLE TRIGGER ALL");
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        (void)snprintf(sql, sizeof sql, "UPDATE ra.case_file SET state = '%s'",
                       closed[i]);
        pg_sql(sql);
        assert_refused("example", "business-licence", &file, ERROR_CONFLICT);
        assert_false(document_remove(&parts.business, parts.db, number,
                                     "business-licence", "example", "example",
                                     parts.now, &err));
        assert_int_equal(err.code, ERROR_CONFLICT);
    }
    /* The last one is final. */
    assert_refused(NULL, "statement", &file, ERROR_CONFLICT);
    pg_sql("UPDATE ra.case_file SET state = 'first-review'");
    assert_true(upload_as(NULL, "statement", &file, NULL, &err));
    pg_sql("UPDATE ra.case_file SET state = 'returned'");
    json_decref(upload("business-licence", &file));
    buf_clear(&file);
}

/* What an officer looks at is not exchanged under their eyes. */
static void
under_review_of_a_seal_only_an_empty_slot_is_filled(void **state)
{
    struct buf file = BUF_INIT(FILE_MAX);

    (void)state;
    make_page(NULL, &file);
    pg_sql("ALTER TABLE ra.case_file DISABLE TRIGGER ALL;"
           "UPDATE ra.case_file SET business = 'seal', state = 'in-review'"
           " WHERE state = 'form-ready';"
           "ALTER TABLE ra.case_field DISABLE TRIGGER ALL;"
           "UPDATE ra.case_field SET value = 'yes' WHERE name = 'seal'");
    json_decref(upload("seal-form", &file));
    assert_refused("example", "seal-form", &file, ERROR_CONFLICT);
    buf_clear(&file);
}

static void
a_form_is_known_by_its_code(void **state)
{
    static const struct {
        const char *number; /* NULL: the case's */
        int revision;
        const char *kind;
        const char *level;
        bool is_current;
    } forms[] = {
        {NULL, 1, "certificate", "ok", true},
        {NULL, 2, "certificate", "warning", false},
        {NULL, 1, "seal", "warning", false},
        {"N20261124-999999", 1, "certificate", "warning", false},
    };
    struct buf file = BUF_INIT(FILE_MAX);

    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char code[FORM_CODE_MAX + 1];
        json_t *out;

        code_of(forms[i].number == NULL ? number : forms[i].number,
                forms[i].revision, forms[i].kind, code);
        buf_reset(&file);
        make_page(code, &file);
        out = upload("certificate-form", &file);
        assert_string_equal(found(out, "form-code"), forms[i].level);
        assert_int_equal(form_is_current(), forms[i].is_current);
        json_decref(out);
    }
    buf_clear(&file);
}

static void
a_form_that_we_did_not_make_is_refused_and_one_nobody_can_read_is_not(
    void **state)
{
    struct buf file = BUF_INIT(FILE_MAX);
    char code[FORM_CODE_MAX + 1];
    json_t *out;

    (void)state;
    code_of(number, 1, "certificate", code);
    code[strlen(code) - 1] = code[strlen(code) - 1] == '0' ? '1' : '0';
    make_page(code, &file);
    out = upload("certificate-form", &file);
    assert_string_equal(found(out, "form-code-forged"), "warning");
    assert_false(form_is_current());
    json_decref(out);
    buf_reset(&file);
    make_page(NULL, &file);
    out = upload("certificate-form", &file);
    assert_string_equal(found(out, "form-code"), "note");
    assert_true(form_is_current());
    json_decref(out);
    /* Of an older revision it is none, whatever could be read. */
    pg_sql("UPDATE ra.case_file SET revision = 2");
    assert_false(form_is_current());
    buf_clear(&file);
}

static void
what_is_poor_about_a_scan_is_told(void **state)
{
    struct buf file = BUF_INIT(FILE_MAX);
    PIX *pix = picture_draw(&(struct picture){
        .dpi = 75, .has_text = true, .is_grey = true, .degrees = 4});
    json_t *out;

    (void)state;
    picture_pdf(pix, 75, 3, &file);
    out = upload("business-licence", &file);
    assert_string_equal(found(out, "page-count"), "warning");
    assert_string_equal(found(out, "low-resolution"), "note");
    assert_string_equal(found(out, "not-colour"), "warning");
    assert_string_equal(found(out, "skew"), "note");
    assert_string_equal(found(out, "red-seal"), "warning");
    assert_string_equal(found(out, "blank-page"), "");
    json_decref(out);
    pixDestroy(&pix);
    pix = picture_draw(&(struct picture){.dpi = 150});
    buf_reset(&file);
    picture_jpeg(pix, 75, &file);
    out = upload("business-licence", &file);
    assert_string_equal(found(out, "blank-page"), "warning");
    /* What was found about the old one is gone with it. */
    assert_string_equal(found(out, "skew"), "");
    json_decref(out);
    pixDestroy(&pix);
    buf_clear(&file);
}

static void
one_file_in_two_slots_is_noticed(void **state)
{
    struct buf file = BUF_INIT(FILE_MAX);
    json_t *out;

    (void)state;
    make_page(NULL, &file);
    json_decref(upload("business-licence", &file));
    out = upload("handler-id", &file);
    assert_string_equal(found(out, "same-file"), "warning");
    json_decref(out);
    buf_clear(&file);
}

static void
a_hostile_file_leaves_nothing_behind(void **state)
{
    static const char html[] = "<html><script>alert(1)</script></html>";
    struct buf file = BUF_INIT(FILE_MAX);

    (void)state;
    (void)buf_add(&file, html, sizeof html - 1);
    assert_refused("example", "business-licence", &file, ERROR_INPUT);
    buf_reset(&file);
    assert_refused("example", "business-licence", &file, ERROR_INPUT);
    for (int i = 0; i < 2000001; i++)
        (void)buf_add_byte(&file, 'x');
    assert_refused("example", "business-licence", &file, ERROR_INPUT);
    assert_string_equal(pg_ask("SELECT (SELECT count(*) FROM ra.document) +"
                               " (SELECT count(*) FROM ra.finding) + (SELECT"
                               " count(*) FROM ra.case_history WHERE event ="
                               " 'document-added')"),
                        "0");
    buf_clear(&file);
}

static void
names_of_files_are_for_display_only(void **state)
{
    static const char *const wrong[] = {"",
                                        "../../etc/passwd",
                                        "a\\b",
                                        "a\nb",
                                        "a\x7f",
                                        "\xff",
                                        "a\xe2\x80\xae"
                                        "gpj.exe"};
    struct document_upload what = {.number = number,
                                   .slot = "business-licence",
                                   .account = "example",
                                   .actor = "example",
                                   .data = (const uint8_t *)"x",
                                   .len = 1,
                                   .at = parts.now};
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        what.file_name = wrong[i];
        assert_false(
            document_add(&parts.business, parts.db, &what, NULL, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        assert_non_null(strstr(err.what, "name"));
    }
}

static void
a_slot_does_not_take_uploads_without_end(void **state)
{
    struct buf file = BUF_INIT(FILE_MAX);
    char sql[500];

    (void)state;
    make_page(NULL, &file);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO ra.document (id, number, slot, revision,"
                   " state, media_type, file_name, len, sha256, sealed,"
                   " page_count, added_at) SELECT gen_random_uuid(), '%s',"
                   " 'business-licence', 1, 'replaced', 'image/png', 'x', 1,"
                   " sha256('x'), 'x', 1, now() FROM generate_series(1, %d)",
                   number, DOCUMENT_TRIES_MAX);
    pg_sql(sql);
    assert_refused("example", "business-licence", &file, ERROR_CONFLICT);
    json_decref(upload("handler-id", &file));
    buf_clear(&file);
}

static void
each_look_of_an_officer_is_a_row_and_an_accounts_is_not(void **state)
{
    struct buf file = BUF_INIT(FILE_MAX);
    struct buf jpeg = BUF_INIT(0);
    struct db_document info;
    struct error err = {0};
    const struct document_viewer stranger = {.account = "stranger"};

    (void)state;
    make_page(NULL, &file);
    json_decref(upload("business-licence", &file));
    assert_true(document_page(&parts.business, parts.db, number,
                              "business-licence", 1, &applicant, &jpeg, &err));
    buf_clear(&jpeg);
    assert_false(document_page(&parts.business, parts.db, number,
                               "business-licence", 1, &stranger, &jpeg, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.look"), "0");
    assert_true(document_page(&parts.business, parts.db, number,
                              "business-licence", 1, &officer, &jpeg, &err));
    buf_clear(&jpeg);
    assert_true(document_original(&parts.business, parts.db, number,
                                  "business-licence", &officer, &info, &jpeg,
                                  &err));
    db_document_clear(&info);
    buf_clear(&jpeg);
    assert_string_equal(
        pg_ask("SELECT string_agg(what || ' ' || officer_id, ', ' ORDER BY id)"
               " FROM ra.look"),
        "document:business-licence:1 " OFFICER
        ", document:business-licence " OFFICER);
    /* No row, no look. */
    pg_sql("REVOKE INSERT ON ra.look FROM signet_ra");
    assert_false(document_page(&parts.business, parts.db, number,
                               "business-licence", 1, &officer, &jpeg, &err));
    assert_null(jpeg.data);
    pg_sql("GRANT INSERT ON ra.look TO signet_ra");
    buf_clear(&file);
}

/* ---- Findings --------------------------------------------------------------
 */

static void
every_finding_says_something_in_both_languages(void **state)
{
    (void)state;
    for (size_t i = 0; i < finding_kind_count; i++) {
        const struct finding_kind *kind = &finding_kinds[i];

        assert_ptr_equal(finding_find(kind->code, kind->level), kind);
        for (int language = 0; language < DEFINITION_LANGUAGES; language++) {
            struct buf text = BUF_INIT(1000);

            finding_format(kind, NULL, language, &text);
            assert_true(text.len > 5 && !buf_is_full(&text));
            assert_null(strstr(buf_text(&text), "${"));
            buf_clear(&text);
        }
    }
    assert_null(finding_find("page-count", FINDING_NOTE));
}

static void
what_a_finding_carries_stands_in_its_text(void **state)
{
    json_t *detail = json_pack("{s:[i,i], s:i}", "pages", 2, 5, "dpi", 96);
    json_t *evil =
        json_pack("{s:s, s:i}", "number", "N1\x1b[2J\n", "revision", 3);
    struct buf text = BUF_INIT(1000);

    (void)state;
    finding_format(finding_find("low-resolution", FINDING_NOTE), detail, 1,
                   &text);
    assert_string_equal(buf_text(&text), "page 2, 5: low resolution (96 dpi)");
    buf_reset(&text);
    finding_format(finding_find("form-code", FINDING_WARNING), evil, 1, &text);
    assert_string_equal(buf_text(&text),
                        "the form is another one (N1?[2J?, revision 3)");
    json_decref(detail);
    json_decref(evil);
    buf_clear(&text);
}

static void
findings_of_a_subject_replace_those_before(void **state)
{
    struct findings list = {0};
    struct error err = {0};
    json_t *out = NULL;

    (void)state;
    finding_add(&list, "field:uscc", "uscc-check-digit", FINDING_WARNING, NULL);
    finding_add(&list, "case", "same-unit", FINDING_WARNING,
                json_pack("{s:i}", "count", 2));
    assert_true(finding_store(parts.db, number, 1, &list, parts.now, &err));
    finding_clear(&list);
    finding_add(&list, "field:uscc", "uscc-check-digit", FINDING_OK, NULL);
    finding_add(&list, "field:uscc", "uscc-check-digit", FINDING_WARNING, NULL);
    assert_int_equal(list.count, 1);
    assert_true(finding_store(parts.db, number, 1, &list, parts.now, &err));
    finding_clear(&list);
    assert_true(finding_list(parts.db, number, &out, &err));
    assert_int_equal(json_array_size(out), 2);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(out, 0), "code")),
        "same-unit");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(out, 1), "level")),
        "ok");
    json_decref(out);
}

#define ON_A_CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_finding_says_something_in_both_languages),
        cmocka_unit_test(what_a_finding_carries_stands_in_its_text),
        ON_A_CASE(findings_of_a_subject_replace_those_before),
        ON_A_CASE(a_document_comes_back_as_it_came_and_rests_sealed),
        ON_A_CASE(a_picture_moved_to_another_page_does_not_open),
        ON_A_CASE(a_new_document_takes_the_place_of_the_old),
        ON_A_CASE(
            documents_are_taken_from_the_applicant_in_their_slots_while_open),
        ON_A_CASE(other_states_take_no_documents_but_statements),
        ON_A_CASE(under_review_of_a_seal_only_an_empty_slot_is_filled),
        ON_A_CASE(a_form_is_known_by_its_code),
        ON_A_CASE(
            a_form_that_we_did_not_make_is_refused_and_one_nobody_can_read_is_not),
        ON_A_CASE(what_is_poor_about_a_scan_is_told),
        ON_A_CASE(one_file_in_two_slots_is_noticed),
        ON_A_CASE(a_hostile_file_leaves_nothing_behind),
        ON_A_CASE(names_of_files_are_for_display_only),
        ON_A_CASE(a_slot_does_not_take_uploads_without_end),
        ON_A_CASE(each_look_of_an_officer_is_a_row_and_an_accounts_is_not),
    };

    setMsgSeverity(L_SEVERITY_NONE);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
