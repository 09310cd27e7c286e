/* Forms: the same octets for the same input, legible for people and readers of
 * codes, and nobody else's code is ours. poppler and zbar judge. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <zbar.h>

#include "base/text.h"
#include "db/sql_ra.h"
#include "ra/form.h"
#include "ra/form_page.h"
#include "ra/form_store.h"
#include "tests/unit/pg.h"
#include "tests/unit/vault_parts.h"

#define MUST(call)                                                             \
    do {                                                                       \
        if (!(call))                                                           \
            fail_msg("%s: %s (%s)", #call, err.what, err.cause);               \
    } while (0)

enum {
    AT = 1795500000, /* 2026-11-24 in UTC and in China */
    DPI = 150,
    PICTURE_MAX = 32 * 1024 * 1024,
};

static const char number[] = "N20261124-000001";
static struct vault *vault;
static struct definitions *definitions;
static char folder[] = "/tmp/signet-form-XXXXXX";

/* ---- Inputs -------------------------------------------------------------- */

static json_t *
fields_make(void)
{
    static const char text[] =
        "{\"unit_name\":\"杭州示例科技有限公司\","
        "\"uscc\":\"91330100MA27XYW12A\",\"kind\":\"company\","
        "\"country\":\"CN\",\"province\":\"浙江省\",\"locality\":\"杭州市\","
        "\"street\":\"西湖区文三路 1 号\",\"years\":\"3\",\"seal\":\"yes\","
        "\"seals\":\"[{\\\"name\\\":\\\"杭州示例科技有限公司\\\","
        "\\\"type\\\":\\\"official\\\"},{\\\"name\\\":\\\"杭州示例合同专用章"
        "\\\",\\\"type\\\":\\\"contract\\\"}]\","
        "\"handler_name\":\"周经办\",\"handler_id_type\":\"id-card\","
        "\"handler_id_number\":\"330102199001011234\","
        "\"handler_mobile\":\"13800000000\","
        "\"handler_email\":\"handler@example.com\","
        "\"delivery_recipient\":\"周收件\","
        "\"delivery_mobile\":\"13900000000\","
        "\"delivery_address\":\"浙江省杭州市西湖区文三路 1 号 18 层\"}";
    json_t *fields = json_loads(text, 0, NULL);

    assert_non_null(fields);
    return fields;
}

static struct form_input
input_make(enum case_business business, const char *kind, const json_t *fields)
{
    return (struct form_input){
        .kind = kind,
        .number = number,
        .revision = 1,
        .definition = definition_get(definitions, business),
        .fields = fields,
        .at = AT,
        .centre = "示例市示例路 8 号 服务中心",
    };
}

static void
make(const struct form_input *input, struct buf *pdf)
{
    struct error err = {0};

    MUST(form_make(vault, input, pdf, &err));
    assert_true(pdf->len > 1000 && memcmp(pdf->data, "%PDF-1.5", 8) == 0);
}

/* ---- Judges -------------------------------------------------------------- */

/* Runs a tool of poppler on the PDF; `out` gets what it wrote to a file. */
static void
poppler(const struct buf *pdf, const char *tool, const char *options,
        const char *file, struct buf *out)
{
    struct error err = {0};
    char path[128], command[512];

    (void)snprintf(path, sizeof path, "%s/form.pdf", folder);
    MUST(text_file_write(path, pdf->data, pdf->len, 0600, &err));
    (void)snprintf(command, sizeof command, "cd %s && %s %s form.pdf %s",
                   folder, tool, options, file);
    assert_int_equal(system(command), 0);
    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    if (access(path, R_OK) != 0)
        (void)snprintf(path, sizeof path, "%s/%s.pgm", folder, file);
    MUST(text_file_read(path, PICTURE_MAX, out, &err));
}

static void
text_of(const struct buf *pdf, struct buf *out)
{
    poppler(pdf, "pdftotext", "-enc UTF-8", "text", out);
}

static void
assert_says(const struct buf *text, const char *words)
{
    if (strstr(buf_text(text), words) == NULL)
        fail_msg("\"%s\" is not in the form: %s", words, buf_text(text));
}

/* The codes that zbar finds on this page, and whether all are `wanted`. */
static int
codes_on(const struct buf *pdf, int page, int dpi, const char *wanted)
{
    struct buf pgm = BUF_INIT(PICTURE_MAX);
    zbar_image_scanner_t *scanner = zbar_image_scanner_create();
    zbar_image_t *image = zbar_image_create();
    const zbar_symbol_t *symbol;
    unsigned width, height;
    int offset = 0, count = 0;
    char options[96];

    (void)snprintf(options, sizeof options,
                   "-gray -singlefile -r %d -f %d -l %d", dpi, page, page);
    poppler(pdf, "pdftoppm", options, "page", &pgm);
    assert_int_equal(
        sscanf(buf_text(&pgm), "P5 %u %u 255%n", &width, &height, &offset), 2);
    assert_int_equal(pgm.len, (size_t)offset + 1 + (size_t)width * height);
    zbar_image_set_format(image, 0x30303859); /* "Y800" */
    zbar_image_set_size(image, width, height);
    zbar_image_set_data(image, pgm.data + offset + 1,
                        (unsigned long)width * height, NULL);
    assert_true(zbar_scan_image(scanner, image) >= 0);
    for (symbol = zbar_image_first_symbol(image); symbol != NULL;
         symbol = zbar_symbol_next(symbol)) {
        assert_string_equal(zbar_symbol_get_data(symbol), wanted);
        count++;
    }
    zbar_image_destroy(image);
    zbar_image_scanner_destroy(scanner);
    buf_clear(&pgm);
    return count;
}

/* ---- Pages --------------------------------------------------------------- */

static void
the_same_input_gives_the_same_octets(void **state)
{
    json_t *fields = fields_make();
    struct form_input input = input_make(BUSINESS_NEW, "certificate", fields);
    struct form_input other = input_make(BUSINESS_NEW, "seal", fields);
    struct buf first = BUF_INIT(FORM_PDF_MAX), second = BUF_INIT(FORM_PDF_MAX);
    struct buf between = BUF_INIT(FORM_PDF_MAX);

    (void)state;
    make(&input, &first);
    make(&other, &between); /* what was drawn before leaves no trace */
    make(&input, &second);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    buf_reset(&second);
    input.at++;
    make(&input, &second);
    assert_false(first.len == second.len &&
                 memcmp(first.data, second.data, first.len) == 0);
    buf_clear(&first);
    buf_clear(&second);
    buf_clear(&between);
    json_decref(fields);
}

static void *
draw_some(void *arg)
{
    const struct buf *wanted = arg;
    json_t *fields = fields_make();
    struct form_input input = input_make(BUSINESS_NEW, "certificate", fields);
    int wrong = 0;

    for (int i = 0; i < 3; i++) {
        struct buf pdf = BUF_INIT(FORM_PDF_MAX);
        struct error err = {0};

        if (!form_make(vault, &input, &pdf, &err) || pdf.len != wanted->len ||
            memcmp(pdf.data, wanted->data, pdf.len) != 0)
            wrong++;
        buf_clear(&pdf);
    }
    json_decref(fields);
    return (void *)(intptr_t)wrong;
}

static void
forms_that_several_threads_draw_at_once_are_the_same(void **state)
{
    json_t *fields = fields_make();
    struct form_input input = input_make(BUSINESS_NEW, "certificate", fields);
    struct buf pdf = BUF_INIT(FORM_PDF_MAX);
    pthread_t thread[4];
    void *wrong;

    (void)state;
    make(&input, &pdf);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, draw_some, &pdf), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(thread[i], &wrong), 0);
        assert_int_equal((intptr_t)wrong, 0);
    }
    buf_clear(&pdf);
    json_decref(fields);
}

static void
every_printed_field_can_be_read_from_the_text(void **state)
{
    static const char *const words[] = {
        "机构数字证书申请表",
        "Application for an Organisation's Digital Certificate",
        "N20261124-000001",
        "2026-11-24",
        "杭州示例科技有限公司",
        "91330100MA27XYW12A",
        "浙江省杭州市西湖区文三路 1 号",
        "3年", /* poppler sees no room between */
        "周经办",
        "居民身份证",
        "330102199001011234",
        "13800000000",
        "周收件",
        "经办人签署",
        "盖章处",
        "申请日期",
        "示例市示例路 8 号 服务中心",
        "第 1 页，共 2 页",
    };
    json_t *fields = fields_make();
    struct form_input input = input_make(BUSINESS_NEW, "certificate", fields);
    struct buf pdf = BUF_INIT(FORM_PDF_MAX), text = BUF_INIT(FORM_PDF_MAX);

    (void)state;
    make(&input, &pdf);
    text_of(&pdf, &text);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_says(&text, words[i]);
    assert_null(strstr(buf_text(&text), "handler@example.com")); /* no */
    buf_clear(&pdf);
    buf_clear(&text);
    json_decref(fields);
}

static void
both_codes_of_every_page_are_read_from_a_scan_of_150_dpi(void **state)
{
    static const struct {
        enum case_business business;
        const char *kind;
        int pages;
    } forms[] = {
        {BUSINESS_NEW, "certificate", 2},  {BUSINESS_NEW, "seal", 2},
        {BUSINESS_UNLOCK, "unlock", 1},    {BUSINESS_REVOKE, "revocation", 1},
        {BUSINESS_RECOVER, "recovery", 1},
    };
    json_t *fields = fields_make();

    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct form_input input =
            input_make(forms[i].business, forms[i].kind, fields);
        struct buf pdf = BUF_INIT(FORM_PDF_MAX);
        char code[FORM_CODE_MAX + 1];
        struct form_code read;
        struct error err = {0};

        make(&input, &pdf);
        MUST(form_code_make(vault, &input, code, &err));
        for (int page = 1; page <= forms[i].pages; page++) {
            assert_int_equal(codes_on(&pdf, page, DPI, code), 2);
            assert_int_equal(codes_on(&pdf, page, 100, code), 2);
        }
        assert_true(form_code_read(vault, code, &read));
        assert_true(read.is_ours);
        assert_string_equal(read.number, number);
        assert_string_equal(read.kind, forms[i].kind);
        assert_int_equal(read.revision, 1);
        buf_clear(&pdf);
    }
    json_decref(fields);
}

/* Each word that poppler finds lies on the paper, and none on a code. */
static void
assert_words_lie_well(const struct buf *pdf)
{
    struct buf boxes = BUF_INIT(PICTURE_MAX);
    const double code_right = 18 / 25.4 * 72 + 22 / 25.4 * 72;
    const double top_end = 34 / 25.4 * 72, foot_start = (297 - 34) / 25.4 * 72;
    const double margin = 11 / 25.4 * 72;
    const char *at;
    double a, b, c, d;
    int count = 0;

    poppler(pdf, "pdftotext", "-bbox -enc UTF-8", "boxes", &boxes);
    for (at = buf_text(&boxes); (at = strstr(at, "<word xMin=")) != NULL;
         at++) {
        assert_int_equal(sscanf(at,
                                "<word xMin=\"%lf\" yMin=\"%lf\" xMax=\"%lf\" "
                                "yMax=\"%lf\"",
                                &a, &b, &c, &d),
                         4);
        count++;
        if (a < margin || c > 595.28 - margin || b < margin ||
            d > 841.89 - margin / 2)
            fail_msg("a word at the edge: %.80s", at);
        if (a < code_right &&
            (b < top_end - 0.1 || (d > foot_start + 0.1 && b < 841.89 - 34)))
            fail_msg("a word on a code: %.80s", at);
    }
    assert_true(count > 50);
    buf_clear(&boxes);
}

static void
no_word_leaves_the_paper_or_touches_a_code(void **state)
{
    json_t *fields = fields_make();
    char name[64 * 3 + 1] = "", address[200 * 3 + 1] = "";
    struct form_input input;
    struct buf pdf = BUF_INIT(FORM_PDF_MAX), text = BUF_INIT(FORM_PDF_MAX);

    (void)state;
    input = input_make(BUSINESS_NEW, "certificate", fields);
    make(&input, &pdf);
    assert_words_lie_well(&pdf);
    /* The longest of everything. */
    for (int i = 0; i < 64; i++)
        (void)strcat(name, "章");
    for (int i = 0; i < 200; i++)
        (void)strcat(address, "路");
    json_object_set_new(fields, "unit_name", json_string(name));
    json_object_set_new(fields, "handler_name", json_string(name));
    json_object_set_new(fields, "delivery_address", json_string(address));
    json_object_set_new(
        fields, "street",
        json_string("WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW"
                    "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW"
                    "WWWWWWWWWWWWWWWW"));
    buf_reset(&pdf);
    make(&input, &pdf);
    assert_words_lie_well(&pdf);
    text_of(&pdf, &text);
    assert_says(&text, "共 2 页"); /* as many as its slot takes */
    input.kind = "seal";
    buf_reset(&pdf);
    make(&input, &pdf);
    assert_words_lie_well(&pdf);
    buf_reset(&text);
    text_of(&pdf, &text);
    assert_says(&text, "共 2 页");
    buf_clear(&text);
    buf_clear(&pdf);
    json_decref(fields);
}

/* Every field as long as it may be. */
static json_t *
longest_fields(const struct definition *definition)
{
    json_t *fields = json_object();

    for (size_t i = 0; i < definition->field_count; i++) {
        const struct definition_field *field = &definition->field[i];
        char text[256 * 3 + 1] = "";

        if (field->type == FIELD_CHOICE) {
            json_object_set_new(fields, field->name,
                                json_string(field->choice[0].value));
        } else if (field->type == FIELD_FLAG) {
            json_object_set_new(fields, field->name, json_string("yes"));
        } else if (field->type == FIELD_SEALS) {
            for (int c = 0; c < 64; c++)
                (void)strcat(text, "章");
            json_object_set_new(fields, field->name,
                                json_pack("[{s:s,s:s},{s:s,s:s}]", "type",
                                          "official", "name", text, "type",
                                          "contract", "name", text));
        } else {
            for (int c = 0; c < field->max && c < 255; c++)
                (void)strcat(text, "章");
            json_object_set_new(fields, field->name, json_string(text));
        }
    }
    return fields;
}

static void
every_form_at_its_bounds_has_as_many_pages_as_its_slot_takes(void **state)
{
    (void)state;
    for (int b = 0; b < BUSINESS_COUNT; b++) {
        const struct definition *definition =
            definition_get(definitions, (enum case_business)b);
        json_t *fields = longest_fields(definition);

        for (size_t i = 0; i < definition->slot_count; i++) {
            const struct definition_slot *slot = &definition->slot[i];
            struct form_input input;
            struct buf pdf = BUF_INIT(FORM_PDF_MAX);
            struct buf text = BUF_INIT(FORM_PDF_MAX);
            char more[64];

            if (slot->form == NULL)
                continue;
            input = input_make((enum case_business)b, slot->form, fields);
            input.serial = "3F0A9C55D2714B0E8A6612F09B7D41E3";
            input.device = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
            make(&input, &pdf);
            assert_words_lie_well(&pdf);
            text_of(&pdf, &text);
            (void)snprintf(more, sizeof more, "Page %d of",
                           slot->pages_max + 1);
            if (strstr(buf_text(&text), more) != NULL)
                fail_msg("%s, %s: more than %d pages",
                         case_business_name((enum case_business)b), slot->form,
                         slot->pages_max);
            buf_clear(&pdf);
            buf_clear(&text);
        }
        json_decref(fields);
    }
}

static void
rare_characters_are_shown_and_what_the_font_lacks_is_refused(void **state)
{
    json_t *fields = fields_make();
    struct form_input input = input_make(BUSINESS_NEW, "certificate", fields);
    struct buf pdf = BUF_INIT(FORM_PDF_MAX), text = BUF_INIT(FORM_PDF_MAX);
    struct error err = {0};

    (void)state;
    json_object_set_new(fields, "unit_name", json_string("龘𠮷食品店"));
    make(&input, &pdf);
    text_of(&pdf, &text);
    assert_says(&text, "龘𠮷食品店");
    json_object_set_new(fields, "unit_name", json_string("ሀሁ Ltd"));
    buf_reset(&pdf);
    assert_false(form_make(vault, &input, &pdf, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_non_null(strstr(err.what, "ሀሁ"));
    buf_clear(&pdf);
    buf_clear(&text);
    json_decref(fields);
}

static void
text_is_never_taken_for_markup(void **state)
{
    json_t *fields = fields_make();
    struct form_input input = input_make(BUSINESS_NEW, "certificate", fields);
    struct buf pdf = BUF_INIT(FORM_PDF_MAX), text = BUF_INIT(FORM_PDF_MAX);

    (void)state;
    json_object_set_new(fields, "unit_name", json_string("<b>A&B</b> %s"));
    make(&input, &pdf);
    text_of(&pdf, &text);
    assert_says(&text, "<b>A&B</b> %s");
    buf_clear(&pdf);
    buf_clear(&text);
    json_decref(fields);
}

static void
a_seal_form_has_two_boxes_for_each_seal(void **state)
{
    json_t *fields = fields_make();
    struct form_input input = input_make(BUSINESS_SEAL, "seal", fields);
    struct buf pdf = BUF_INIT(FORM_PDF_MAX), text = BUF_INIT(FORM_PDF_MAX);
    const char *at;
    int count = 0;

    (void)state;
    make(&input, &pdf);
    text_of(&pdf, &text);
    assert_says(&text, "1. 公章：杭州示例科技有限公司");
    assert_says(&text, "2. 合同专用章：杭州示例合同专用章");
    for (at = buf_text(&text); (at = strstr(at, "印章采集处")) != NULL; at++)
        count++;
    assert_int_equal(count, 4);
    buf_clear(&pdf);
    buf_clear(&text);
    json_decref(fields);
}

/* ---- Codes --------------------------------------------------------------- */

static void
a_code_tells_a_changed_field_and_no_unprinted_one(void **state)
{
    json_t *fields = fields_make();
    struct form_input input = input_make(BUSINESS_NEW, "certificate", fields);
    char first[FORM_CODE_MAX + 1], second[FORM_CODE_MAX + 1];
    struct error err = {0};

    (void)state;
    MUST(form_code_make(vault, &input, first, &err));
    json_object_set_new(fields, "handler_email", json_string("x@example.com"));
    MUST(form_code_make(vault, &input, second, &err));
    assert_string_equal(first, second);
    json_object_set_new(fields, "street", json_string("西湖区文三路 2 号"));
    MUST(form_code_make(vault, &input, second, &err));
    assert_string_not_equal(first, second);
    json_decref(fields);
}

static void
a_code_with_any_character_changed_is_not_ours(void **state)
{
    json_t *fields = fields_make();
    struct form_input input = input_make(BUSINESS_NEW, "certificate", fields);
    char code[FORM_CODE_MAX + 1], spoilt[FORM_CODE_MAX + 2];
    struct form_code read;
    struct error err = {0};
    size_t len;

    (void)state;
    MUST(form_code_make(vault, &input, code, &err));
    len = strlen(code);
    for (size_t i = 0; i < len; i++) {
        memcpy(spoilt, code, len + 1);
        spoilt[i] = spoilt[i] == '1' ? '2' : '1';
        assert_false(form_code_read(vault, spoilt, &read) && read.is_ours);
        memcpy(spoilt, code, len + 1);
        spoilt[i] = '\0';
        assert_false(form_code_read(vault, spoilt, &read));
    }
    (void)snprintf(spoilt, sizeof spoilt, "%s0", code);
    assert_false(form_code_read(vault, spoilt, &read));
    (void)snprintf(spoilt, sizeof spoilt, "%s:", code);
    assert_false(form_code_read(vault, spoilt, &read));
    json_decref(fields);
}

static void
what_is_no_code_is_told_apart(void **state)
{
    static const char hex[] = ":0123456789abcdef:0123456789abcdef01234567";
    static const char *const wrong[] = {
        "",
        ":::::",
        "https://example.com/",
        "SIGNET2:N20261124-000001:1:certificate",
        "SIGNET1:N20261124-00001:1:certificate",
        "SIGNET1:X20261124-000001:1:certificate",
        "SIGNET1:N20261124-000001:0:certificate",
        "SIGNET1:N20261124-000001:01:certificate",
        "SIGNET1:N20261124-000001:-1:certificate",
        "SIGNET1:N20261124-000001:99999999:certificate",
        "SIGNET1:N20261124-000001:1:cert",
        "SIGNET1:N20261124-000001:1:",
    };
    struct form_code read;
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)snprintf(text, sizeof text, "%s%s", wrong[i], hex);
        assert_false(form_code_read(vault, text, &read));
        assert_false(form_code_read(vault, wrong[i], &read));
    }
    (void)snprintf(text, sizeof text,
                   "SIGNET1:N20261124-000001:1:certificate%s", hex);
    assert_true(form_code_read(vault, text, &read)); /* of the right form, */
    assert_false(read.is_ours);                      /* and not by us */
    text[strlen(text) - 1] = 'F';
    assert_false(form_code_read(vault, text, &read));
}

/* ---- At rest ------------------------------------------------------------- */

static void
a_form_is_kept_sealed_and_given_back_as_it_was(void **state)
{
    static const struct db_options plain = {
        .statements = db_ra_statements,
        .statement_count = DB_RA_STATEMENT_COUNT,
        .connect_timeout_s = 5,
        .statement_timeout_ms = 10000,
    };
    struct db_options options = plain;
    json_t *fields = fields_make();
    struct form_input input = input_make(BUSINESS_NEW, "certificate", fields);
    struct buf pdf = BUF_INIT(FORM_PDF_MAX), again = BUF_INIT(FORM_PDF_MAX);
    struct db *db = NULL;
    struct error err = {0};

    (void)state;
    options.connection = pg_connection("signet_ra");
    pg_sql("INSERT INTO ra.account (account, created_at)"
           " VALUES ('unit-1', now())");
    pg_sql("INSERT INTO ra.case_file (number, business, account, state,"
           " unit_name, uscc, created_at, changed_at)"
           " VALUES ('N20261124-000001', 'new', 'unit-1', 'draft', 'x', 'x',"
           " now(), now())");
    MUST(db_open(&options, &db, &err));
    make(&input, &pdf);
    MUST(form_store(db, vault, &input, &pdf, AT, &err));
    MUST(form_get(db, vault, number, 1, "certificate", &again, &err));
    assert_int_equal(pdf.len, again.len);
    assert_memory_equal(pdf.data, again.data, pdf.len);
    assert_string_equal(
        pg_ask("SELECT position('\\x25504446'::bytea IN sealed) FROM ra.form"),
        "0");
    assert_false(form_store(db, vault, &input, &pdf, AT, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    buf_reset(&again);
    assert_false(form_get(db, vault, number, 2, "certificate", &again, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    pg_sql("ALTER TABLE ra.form DISABLE TRIGGER ALL;"
           "UPDATE ra.form SET revision = 2");
    assert_false(form_get(db, vault, number, 2, "certificate", &again, &err));
    assert_int_equal(err.code, ERROR_INTERNAL); /* it was moved */
    buf_clear(&pdf);
    buf_clear(&again);
    json_decref(fields);
    db_close(db);
}

static int
start(void **state)
{
    struct error err = {0};

    (void)state;
    if (!definitions_load(SOURCE_DIR "/config/business",
                          SOURCE_DIR "/config/schema", &definitions, &err)) {
        print_error("%s (%s)\n", err.what, err.cause);
        return 1;
    }
    vault = vault_parts_make();
    pg_start();
    return mkdtemp(folder) == NULL;
}

static int
stop(void **state)
{
    char command[64];

    (void)state;
    pg_stop();
    vault_free(vault);
    definitions_free(definitions);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_input_gives_the_same_octets),
        cmocka_unit_test(forms_that_several_threads_draw_at_once_are_the_same),
        cmocka_unit_test(every_printed_field_can_be_read_from_the_text),
        cmocka_unit_test(
            both_codes_of_every_page_are_read_from_a_scan_of_150_dpi),
        cmocka_unit_test(no_word_leaves_the_paper_or_touches_a_code),
        cmocka_unit_test(
            every_form_at_its_bounds_has_as_many_pages_as_its_slot_takes),
        cmocka_unit_test(
            rare_characters_are_shown_and_what_the_font_lacks_is_refused),
        cmocka_unit_test(text_is_never_taken_for_markup),
        cmocka_unit_test(a_seal_form_has_two_boxes_for_each_seal),
        cmocka_unit_test(a_code_tells_a_changed_field_and_no_unprinted_one),
        cmocka_unit_test(a_code_with_any_character_changed_is_not_ours),
        cmocka_unit_test(what_is_no_code_is_told_apart),
        cmocka_unit_test(a_form_is_kept_sealed_and_given_back_as_it_was),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
