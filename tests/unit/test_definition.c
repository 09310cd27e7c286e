/* The businesses as they stand in config/business, and what no business
 * may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "ra/definition.h"

static const char folder[] = SOURCE_DIR "/config/business";
static const char schemas[] = SOURCE_DIR "/config/schema";
static struct definitions *all;

static int
load(void **state)
{
    struct error err = {0};

    (void)state;
    if (!definitions_load(folder, schemas, &all, &err))
        fail_msg("%s", err.what);
    return 0;
}

static int
unload(void **state)
{
    (void)state;
    definitions_free(all);
    return 0;
}

/* ---- Fees: the table of the guide, 八 --------------------------------------
 */

static int64_t
price(enum case_business business, const char *years)
{
    json_t *fields = json_object();
    int64_t at, amount;

    assert_true(clock_parse("2026-11-24T09:00:00Z", &at));
    if (years != NULL)
        json_set_text(fields, "years", years);
    amount = definition_price(definition_get(all, business), fields, at);
    json_decref(fields);
    return amount;
}

static void
fees_are_those_of_the_guide(void **state)
{
    (void)state;
    for (int n = 1; n <= 5; n++) {
        char years[2] = {(char)('0' + n), '\0'};

        assert_int_equal(price(BUSINESS_NEW, years), n * 20000);
        assert_int_equal(price(BUSINESS_RENEW, years), n * 20000);
    }
    assert_int_equal(price(BUSINESS_REISSUE, NULL), 20000);
    assert_int_equal(price(BUSINESS_CHANGE, NULL), 0);
    assert_int_equal(price(BUSINESS_SEAL, NULL), 0);
    assert_int_equal(price(BUSINESS_UNLOCK, NULL), 0);
    assert_int_equal(price(BUSINESS_REVOKE, NULL), 0);
    assert_int_equal(price(BUSINESS_RECOVER, NULL), 0);
}

/* ---- What mails what, who reviews: domain.md, 1.4 ---------------------------
 */

static void
businesses_are_as_the_matrix_says(void **state)
{
    static const struct {
        int reviews;
        bool live, proof, files, sends, after_second, returns, notice;
    } matrix[BUSINESS_COUNT] = {
        [BUSINESS_NEW] = {2, false, false, false, true, false, false, true},
        /* The device proves itself by the signature later on. */
        [BUSINESS_RENEW] = {0, true, false, true, false, false, false, true},
        [BUSINESS_REISSUE] = {2, true, false, true, true, false, false, true},
        [BUSINESS_CHANGE] = {2, true, true, true, true, true, true, true},
        [BUSINESS_SEAL] = {1, true, true, false, false, false, false, true},
        [BUSINESS_UNLOCK] = {1, true, false, false, false, false, false, false},
        [BUSINESS_REVOKE] = {2, true, false, false, false, false, false, true},
        [BUSINESS_RECOVER] = {2, true, false, false, false, false, false,
                              false},
    };

    (void)state;
    for (int i = 0; i < BUSINESS_COUNT; i++) {
        const struct definition *d = definition_get(all, (enum case_business)i);

        assert_int_equal(d->business, i);
        assert_int_equal(d->reviews, matrix[i].reviews);
        assert_int_equal(d->wants_live, matrix[i].live);
        assert_int_equal(d->wants_device_proof, matrix[i].proof);
        assert_int_equal(d->asks_files, matrix[i].files);
        assert_int_equal(d->sends_device, matrix[i].sends);
        assert_int_equal(d->sends_after_second, matrix[i].after_second);
        assert_int_equal(d->returns_device, matrix[i].returns);
        assert_int_equal(d->notice_version != NULL, matrix[i].notice);
    }
    assert_int_equal(definition_get(all, BUSINESS_RENEW)->window_days, 90);
    assert_non_null(definition_get(all, BUSINESS_RENEW)->agreement_version);
}

/* domain.md, 1.7: keys follow the holder unless refused; in a renewal they stay
 * where they are, and the holder answers for himself. */
static void
businesses_that_issue_order_a_pair_and_ask_about_the_earlier_keys(void **state)
{
    static const enum case_business issuing[] = {
        BUSINESS_NEW, BUSINESS_REISSUE, BUSINESS_CHANGE, BUSINESS_RENEW};

    (void)state;
    for (size_t i = 0; i < sizeof issuing / sizeof issuing[0]; i++) {
        const struct definition *d = definition_get(all, issuing[i]);
        const struct definition_field *files =
            definition_field_find(d, "encrypted_files");

        assert_string_equal(d->encryption, "organisation-encryption");
        assert_string_equal(d->encryption_key, "rsa-2048");
        assert_non_null(files);
        if (issuing[i] == BUSINESS_RENEW)
            assert_null(files->otherwise);
        else
            assert_string_equal(files->otherwise, "deliver");
    }
    assert_null(definition_get(all, BUSINESS_REVOKE)->encryption);
    assert_null(definition_get(all, BUSINESS_SEAL)->encryption);
}

static bool
wants_slot(enum case_business business, const char *slot, const char *kind,
           const char *seal)
{
    const struct definition_slot *s =
        definition_slot_find(definition_get(all, business), slot);
    json_t *fields = json_object();
    bool wants;

    json_set_text(fields, "kind", kind);
    json_set_text(fields, "seal", seal);
    wants = s != NULL && s->is_required && definition_when(s->when, fields);
    json_decref(fields);
    return wants;
}

static void
a_law_firm_hands_in_its_practice_licence_instead(void **state)
{
    static const enum case_business with_licence[] = {
        BUSINESS_NEW, BUSINESS_REISSUE, BUSINESS_CHANGE, BUSINESS_UNLOCK,
        BUSINESS_REVOKE};

    (void)state;
    for (size_t i = 0; i < sizeof with_licence / sizeof with_licence[0]; i++) {
        enum case_business b = with_licence[i];

        assert_true(wants_slot(b, "business-licence", "company", "yes"));
        assert_true(wants_slot(b, "business-licence", "other", "yes"));
        assert_false(wants_slot(b, "practice-licence", "company", "yes"));
        assert_true(wants_slot(b, "practice-licence", "law-firm", "yes"));
        assert_false(wants_slot(b, "business-licence", "law-firm", "yes"));
        assert_true(wants_slot(b, "handler-id", "company", "no"));
    }
}

static void
the_seal_form_is_wanted_only_with_seal_service(void **state)
{
    static const enum case_business nic[] = {BUSINESS_NEW, BUSINESS_REISSUE,
                                             BUSINESS_CHANGE};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(wants_slot(nic[i], "seal-form", "company", "yes"));
        assert_false(wants_slot(nic[i], "seal-form", "company", "no"));
        assert_true(wants_slot(nic[i], "certificate-form", "company", "no"));
    }
    assert_true(wants_slot(BUSINESS_SEAL, "seal-form", "company", "no"));
    assert_int_equal(definition_get(all, BUSINESS_RENEW)->slot_count, 0);
}

/* 1.8 #9: what is printed is locked, but domicile and delivery address; and
 * what SEAL alone edits under review. */
static void
printed_fields_are_locked_but_domicile_and_delivery(void **state)
{
    (void)state;
    for (int i = 0; i < BUSINESS_COUNT; i++) {
        const struct definition *d = definition_get(all, (enum case_business)i);

        for (size_t k = 0; k < d->field_count; k++) {
            const struct definition_field *f = &d->field[k];
            bool is_open = strcmp(f->name, "province") == 0 ||
                           strcmp(f->name, "locality") == 0 ||
                           strcmp(f->name, "street") == 0 ||
                           strncmp(f->name, "delivery_", 9) == 0 ||
                           strcmp(f->name, "handler_email") == 0 ||
                           (i == BUSINESS_SEAL && f->type == FIELD_SEALS);

            if (f->is_locked == is_open)
                fail_msg("%s: %s", case_business_name(d->business), f->name);
        }
        assert_true(definition_field_find(d, "unit_name")->from_record);
        assert_true(definition_field_find(d, "handler_mobile")->is_personal);
    }
}

static int
days(enum case_business business, enum case_state from, enum case_event event)
{
    const struct definition *d = definition_get(all, business);
    int last = 0;

    for (size_t i = 0; i < d->timer_count; i++)
        if (d->timer[i].state == from && d->timer[i].event == event)
            last = d->timer[i].days;
    return last;
}

static void
timers_are_those_of_the_domain(void **state)
{
    (void)state;
    assert_int_equal(days(BUSINESS_NEW, CASE_AWAITING_PAYMENT, CASE_EXPIRE),
                     30);
    assert_int_equal(days(BUSINESS_NEW, CASE_AWAITING_ORIGINALS, CASE_EXPIRE),
                     60);
    assert_int_equal(days(BUSINESS_NEW, CASE_ACTIVATION_ALLOWED, CASE_REMIND),
                     90);
    assert_int_equal(days(BUSINESS_SEAL, CASE_DRAFT, CASE_EXPIRE), 90);
    assert_int_equal(days(BUSINESS_CHANGE, CASE_RETURNED, CASE_EXPIRE), 90);
    /* A revocation waits as long as it takes. */
    assert_int_equal(
        days(BUSINESS_REVOKE, CASE_AWAITING_ORIGINALS, CASE_EXPIRE), 0);
}

static bool
tells(const struct definition *d, enum case_event event, enum case_state to)
{
    for (size_t i = 0; i < d->notice_count; i++)
        if (d->notices[i].event == event &&
            (d->notices[i].to == to || d->notices[i].to == CASE_STATE_COUNT) &&
            strcmp(d->notices[i].channel, "sms") == 0)
            return true;
    return false;
}

static void
people_are_told_what_the_guide_says(void **state)
{
    const struct definition *d = definition_get(all, BUSINESS_NEW);

    (void)state;
    assert_true(tells(d, CASE_PASS, CASE_AWAITING_ORIGINALS));
    assert_true(tells(d, CASE_PASS, CASE_ACTIVATION_ALLOWED));
    assert_true(tells(d, CASE_RETURN, CASE_RETURNED));
    assert_true(tells(d, CASE_REJECT, CASE_REJECTED));
    assert_true(tells(d, CASE_SUPPLEMENT_ASK, CASE_SUPPLEMENT));
    assert_non_null(definition_notice_find(d, "shipped", "sms"));
    assert_non_null(definition_notice_find(d, "invoiced", "sms"));
    assert_non_null(definition_notice_find(d, "refunded", "sms"));
    assert_null(definition_notice_find(d, "passed", "sms"));
    d = definition_get(all, BUSINESS_UNLOCK);
    assert_true(tells(d, CASE_SEND_CODE, CASE_CODE_SENT));
    assert_true(tells(d, CASE_RESET, CASE_DONE)); /* 1.8 #14 */
    assert_non_null(definition_notice_find(definition_get(all, BUSINESS_RENEW),
                                           "certificate-expiring", "sms"));
    assert_non_null(definition_notice_find(definition_get(all, BUSINESS_REVOKE),
                                           "certificate-held", "sms"));
}

/* ---- Fields of a case
 * -------------------------------------------------------- */

static json_t *
whole_fields(void)
{
    return json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}",
        "unit_name", "深圳某科技有限公司", "uscc", "9144030071526726XG", "kind",
        "company", "country", "CN", "province", "广东省", "locality", "深圳市",
        "street", " 某路8号 ", "years", "3", "seals",
        "[{\"type\":\"official\",\"name\":\"深圳某科技有限公司\"}]",
        "handler_name", "张三", "handler_id_number", "11010519491231002x",
        "handler_mobile", "+86 138 0013 8000", "delivery_recipient", "张三",
        "delivery_mobile", "13800138000", "delivery_address", "深圳市某路8号",
        "handler_email", "");
}

static bool
check(json_t *fields, bool is_whole, struct error *err)
{
    return definition_fields_check(definition_get(all, BUSINESS_NEW), fields,
                                   is_whole, err);
}

static void
assert_field(const json_t *fields, const char *name, const char *value)
{
    const char *is = json_string_value(json_object_get(fields, name));

    if (value == NULL)
        assert_null(is);
    else
        assert_string_equal(is, value);
}

static void
whole_fields_pass_and_come_to_one_form(void **state)
{
    json_t *fields = whole_fields();
    struct error err = {0};

    (void)state;
    if (!check(fields, true, &err))
        fail_msg("%s", err.what);
    assert_field(fields, "street", "某路8号");
    assert_field(fields, "handler_id_number", "11010519491231002X");
    assert_field(fields, "handler_mobile", "13800138000");
    assert_field(fields, "handler_id_type", "id-card"); /* default */
    assert_field(fields, "seal", "yes");
    assert_field(fields, "handler_email", NULL); /* empty is nothing */
    json_decref(fields);
}

static void
what_is_required_is_wanted_only_at_submission(void **state)
{
    json_t *fields = whole_fields();
    struct error err = {0};

    (void)state;
    json_object_del(fields, "delivery_address");
    assert_true(check(fields, false, &err));
    assert_false(check(fields, true, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_string_equal(err.what,
                        "delivery_address: 必须填写 / must be filled in");
    json_decref(fields);
}

static void
a_wrong_field_is_named_in_both_languages(void **state)
{
    json_t *fields = whole_fields();
    struct error err = {0};

    (void)state;
    json_set_text(fields, "uscc", "9144030071526726XF");
    assert_false(check(fields, false, &err));
    assert_memory_equal(err.what, "uscc: ", 6);
    assert_non_null(strstr(err.what, "校验位"));
    assert_non_null(strstr(err.what, " / "));
    json_decref(fields);
}

static void
fields_that_are_not_of_the_business_are_refused(void **state)
{
    json_t *fields = whole_fields();
    struct error err = {0};

    (void)state;
    json_set_text(fields, "reason", "lost");
    assert_false(check(fields, false, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    json_decref(fields);
}

static void
seals_go_when_the_seal_service_is_not_wanted(void **state)
{
    json_t *fields = whole_fields();
    struct error err = {0};

    (void)state;
    json_set_text(fields, "seal", "no");
    assert_true(check(fields, true, &err));
    assert_field(fields, "seals", NULL);
    json_set_text(fields, "seal", "yes");
    assert_false(check(fields, true, &err)); /* now they are missing */
    json_decref(fields);
}

static void
another_paper_than_the_identity_card_has_another_number(void **state)
{
    json_t *fields = whole_fields();
    struct error err = {0};

    (void)state;
    json_set_text(fields, "handler_id_number", "e12345678");
    assert_false(check(fields, true, &err));
    json_set_text(fields, "handler_id_type", "passport");
    assert_true(check(fields, true, &err));
    assert_field(fields, "handler_id_number", "E12345678");
    json_decref(fields);
}

static void
renewal_takes_the_agreement(void **state)
{
    const struct definition *d = definition_get(all, BUSINESS_RENEW);
    const struct definition_field *f = definition_field_find(d, "agreement");

    (void)state;
    assert_non_null(f);
    assert_true(f->is_required);
    assert_int_equal(f->choice_count, 1); /* a box, and nothing but yes */
}

static void
json_has_what_pages_need_and_no_internal_slot(void **state)
{
    json_t *json =
        definition_json(definition_get(all, BUSINESS_NEW), INT64_C(1795510800));
    json_t *slots = json_object_get(json, "slots");
    json_t *price_json = json_object_get(json, "price");

    (void)state;
    assert_int_equal(json_array_size(slots), 5);
    assert_int_equal(json_integer_value(json_object_get(price_json, "amount")),
                     20000);
    assert_true(json_is_true(json_object_get(price_json, "is_per_year")));
    assert_non_null(strstr(json_string_value(json_object_get(
                               json_object_get(json, "notice"), "zh")),
                           "一个CA对应一个单位账号"));
    json_decref(json);
}

/* ---- What no business may say
 * --------------------------------------------------- */

/* The folder again with one text of one file replaced. */
static void
refused(const char *file, const char *old, const char *new, const char *why)
{
    static const char *const names[] = {"common",  "new",    "renew",
                                        "reissue", "change", "seal",
                                        "unlock",  "revoke", "recover"};
    char work[] = "/tmp/test_definition.XXXXXX";
    struct definitions *made = NULL;
    struct error err = {0};
    char path[512];

    assert_non_null(mkdtemp(work));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct buf in = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
        const char *at;

        snprintf(path, sizeof path, "%s/%s.xml", folder, names[i]);
        assert_true(text_file_read(path, 1 << 20, &in, &err));
        at = strcmp(names[i], file) == 0 ? strstr(buf_text(&in), old) : NULL;
        if (strcmp(names[i], file) == 0)
            assert_non_null(at);
        if (at != NULL) {
            buf_add(&out, in.data, (size_t)(at - buf_text(&in)));
            buf_add_text(&out, new);
            buf_add_text(&out, at + strlen(old));
        } else {
            buf_add(&out, in.data, in.len);
        }
        snprintf(path, sizeof path, "%s/%s.xml", work, names[i]);
        assert_true(text_file_write(path, out.data, out.len, 0600, &err));
        buf_clear(&in);
        buf_clear(&out);
    }
    if (definitions_load(work, schemas, &made, &err))
        fail_msg("%s: \"%s\" was taken", file, new);
    assert_int_equal(err.code, ERROR_INPUT);
    if (strstr(err.what, why) == NULL || strstr(err.what, ".xml") == NULL)
        fail_msg("\"%s\" does not say \"%s\" of %s", err.what, why, file);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s.xml", work, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(work);
}

static void
what_contradicts_the_table_is_refused(void **state)
{
    (void)state;
    refused("new", "reviews=\"2\"", "reviews=\"1\"", "reviews");
    refused("new", " profile=\"organisation-signing\"", "", "profile");
    refused("new", " encryption-key=\"rsa-2048\"", "", "encryption-key");
    refused("revoke", "reviews=\"2\"",
            "reviews=\"2\" encryption=\"organisation-encryption\""
            " encryption-key=\"rsa-2048\"",
            "profile");
    refused("new", "<device send=\"first-review\"/>", "", "device");
    refused("seal", "<slots mailed=\"false\">",
            "<slots><slot name=\"x\" copies=\"1\"><label zh=\"x\" "
            "en=\"x\"/></slot>",
            "copies");
    refused("seal", "<timers>",
            "<prices><price from=\"2026-01-01\" amount=\"1\" per=\"time\"/>"
            "</prices><timers>",
            "fee");
    refused("reissue", "per=\"time\"", "per=\"year\"", "years");
    refused("new", "<timer state=\"draft\" event=\"expired\" days=\"90\"/>", "",
            "draft wants a timer");
    refused("seal", "<timer state=\"draft\"", "<timer state=\"in-review\"",
            "in-review");
    refused("seal", "event=\"expired\" days=\"90\"",
            "event=\"expired\" days=\"400\" working=\"true\"", "working days");
    refused("renew", "<agreement name=\"service-agreement\"/>", "",
            "agreement");
}

static void
a_code_goes_by_text_message_alone_and_always(void **state)
{
    (void)state;
    refused("new", "<use name=\"activation-code\"/>", "", "code");
    refused("unlock", "to=\"code-sent\" channels=\"sms\">",
            "to=\"code-sent\" channels=\"webhook\">", "${code}");
    refused("common", "en=\"The papers of your ${business}",
            "en=\"${code} The papers of your ${business}", "${code}");
}

static void
what_hangs_in_the_air_is_refused(void **state)
{
    (void)state;
    refused("new", "<use name=\"seals\"/>", "<use name=\"seels\"/>", "seels");
    refused("new", "<use name=\"seal\"/>", "", "seal=yes");
    refused("new", "<use name=\"years\"/>",
            "<use name=\"years\"/><use name=\"years\"/>", "twice");
    refused("new", "<use name=\"handler_mobile\"/>", "", "handler_mobile");
    refused("new", "from=\"2020-01-01\"",
            "from=\"2020-01-01\" until=\"2019-01-01\"", "days");
    refused("new", "<use name=\"paid\"/>",
            "<notice on=\"sign\" channels=\"sms\"><text zh=\"x\" "
            "en=\"x\"/></notice>",
            "nothing leads to it");
    refused("new", "name=\"new\"", "name=\"renew\"", "not the business");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fees_are_those_of_the_guide),
        cmocka_unit_test(businesses_are_as_the_matrix_says),
        cmocka_unit_test(
            businesses_that_issue_order_a_pair_and_ask_about_the_earlier_keys),
        cmocka_unit_test(a_law_firm_hands_in_its_practice_licence_instead),
        cmocka_unit_test(the_seal_form_is_wanted_only_with_seal_service),
        cmocka_unit_test(printed_fields_are_locked_but_domicile_and_delivery),
        cmocka_unit_test(timers_are_those_of_the_domain),
        cmocka_unit_test(people_are_told_what_the_guide_says),
        cmocka_unit_test(whole_fields_pass_and_come_to_one_form),
        cmocka_unit_test(what_is_required_is_wanted_only_at_submission),
        cmocka_unit_test(a_wrong_field_is_named_in_both_languages),
        cmocka_unit_test(fields_that_are_not_of_the_business_are_refused),
        cmocka_unit_test(seals_go_when_the_seal_service_is_not_wanted),
        cmocka_unit_test(
            another_paper_than_the_identity_card_has_another_number),
        cmocka_unit_test(renewal_takes_the_agreement),
        cmocka_unit_test(json_has_what_pages_need_and_no_internal_slot),
        cmocka_unit_test(what_contradicts_the_table_is_refused),
        cmocka_unit_test(a_code_goes_by_text_message_alone_and_always),
        cmocka_unit_test(what_hangs_in_the_air_is_refused),
    };

    return cmocka_run_group_tests_name("definition", tests, load, unload);
}
