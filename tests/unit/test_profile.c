/* Profiles: schema, logic, and their rules over orders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "soft_ca.h"

static struct profile_set set;

static int
load(void **state)
{
    struct error err = {0};

    (void)state;
    if (!profile_set_load(SOFT_CA_PROFILES, SOFT_CA_SCHEMAS, &set, &err)) {
        fprintf(stderr, "%s\n", err.what);
        return -1;
    }
    return 0;
}

static int
clear(void **state)
{
    (void)state;
    profile_set_clear(&set);
    return 0;
}

static const struct profile *
get(const char *name)
{
    const struct profile *profile = profile_set_find(&set, name);

    assert_non_null(profile);
    return profile;
}

static void
the_shipped_profiles_are_right_and_sorted(void **state)
{
    static const char *const names[] = {
        "issuing-ca",
        "link-ca",
        "ocsp-signer",
        "officer",
        "organisation-encryption",
        "organisation-signing",
        "root-ca",
        "timestamp-signer",
        "tls-client",
        "tls-server",
    };

    (void)state;
    assert_int_equal(set.count, sizeof names / sizeof names[0]);
    for (size_t i = 0; i < set.count; i++)
        assert_string_equal(set.at[i]->name, names[i]);
    assert_null(profile_set_find(&set, "root"));
}

/* A shipped profile with one text replaced. */
static void
refused(const char *name, const char *from, const char *to, const char *reason)
{
    struct buf xml = BUF_INIT(65536), changed = BUF_INIT(65536);
    struct profile *profile;
    struct error err = {0};
    const char *at;
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s.xml", SOFT_CA_PROFILES, name);
    assert_true(text_file_read(path, 65536, &xml, &err));
    if ((at = strstr(buf_text(&xml), from)) == NULL)
        fail_msg("%s has no \"%s\"", name, from);
    (void)buf_add(&changed, xml.data, (size_t)(at - buf_text(&xml)));
    (void)buf_add_text(&changed, to);
    (void)buf_add_text(&changed, at + strlen(from));
    if (profile_parse(changed.data, changed.len, "wrong.xml", SOFT_CA_SCHEMAS,
                      &profile, &err))
        fail_msg("accepted with \"%s\"", to);
    assert_null(profile);
    assert_int_equal(err.code, ERROR_INPUT);
    if (strstr(err.what, "wrong.xml, line ") == NULL ||
        strstr(err.what, reason) == NULL)
        fail_msg("\"%s\" does not tell \"%s\"", err.what, reason);
    buf_clear(&xml);
    buf_clear(&changed);
}

static void
a_profile_against_the_schema_is_refused_with_its_line(void **state)
{
    (void)state;
    refused("officer", "name=\"officer\"", "name=\"Officer\"", "pattern");
    refused("officer", "name=\"officer\"",
            "name=\"a23456789012345678901234567890123456789012345678901234567"
            "8901234x\"",
            "pattern");
    refused("officer", "</profile>", "", "line");
    refused("officer", "<keys>", "<keys><key type=\"rsa-1024\"/>", "rsa-1024");
    refused("officer", "<keys>", "<keys><key type=\"ec-p256\"/>", "ec-p256");
    refused("officer", "presence=\"fixed\"", "presence=\"maybe\"", "maybe");
    refused("officer", "by=\"officers\"", "by=\"anybody\"", "anybody");
    refused("officer", "backdate-seconds=\"60\"", "backdate-seconds=\"301\"",
            "301");
    refused("officer", "<purpose>clientAuth", "<purpose>everything",
            "everything");
    refused("officer", "<authority-key-identifier/>", "<name-constraints/>",
            "name-constraints");
    refused("officer", "<unique ", "<secret/><unique ", "secret");
    refused("officer", "<title lang=\"zh\"", "<title lang=\"en\"",
            "title-once");
    refused("officer", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<!DOCTYPE profile>", "DTD");
}

static void
a_profile_that_contradicts_itself_is_refused_with_its_line(void **state)
{
    (void)state;
    /* Names. */
    refused("officer", "value=\"CN\"", "value=\"cn\"", "capital letters");
    refused("officer", "value=\"CN\"", "", "fixed");
    refused("officer", "name=\"title\" presence=\"optional\"",
            "name=\"title\" presence=\"optional\" value=\"x\"", "fixed");
    refused("officer", "name=\"title\" presence=\"optional\"",
            "name=\"title\" presence=\"optional\" max=\"65\"", "A.1");
    refused("tls-client", "presence=\"required\"", "presence=\"optional\"",
            "no attribute is required");
    /* Orders. */
    refused("ocsp-signer", "<orders by=\"system\"/>",
            "<orders by=\"system\"><order kind=\"issue\"/></orders>",
            "officers order");
    refused("ocsp-signer", "by=\"system\"", "by=\"officers\"",
            "officers order");
    refused("organisation-signing", "<order kind=\"renew\"/>", "",
            "where renew is allowed");
    refused("organisation-signing", "holder=\"renew\"", "holder=\"revoke\"",
            "holder");
    /* Periods. */
    refused("officer", "<years min=\"1\" max=\"3\"/>",
            "<years min=\"4\" max=\"3\"/>", "min is above max");
    refused("ocsp-signer", "<days min=\"1\" max=\"90\"/>", "<keep/>",
            "neither years nor days");
    /* Usages. */
    refused("tls-server", "for=\"rsa\"", "", "RFC 4055");
    refused("organisation-encryption", "<key type=\"ec-p384\"/>",
            "<key type=\"ed25519\"/>", "no usage");
    refused("tls-client", "digitalSignature", "nonRepudiation", "4.2.1.12");
    refused("tls-client", "digitalSignature", "keyCertSign", "4.2.1.12");
    refused("issuing-ca", "name=\"keyCertSign\"", "name=\"nonRepudiation\"",
            "4.2.1.9");
    refused("issuing-ca", "<basic-constraints path-length=\"0\"/>", "",
            "4.2.1.9");
    refused("issuing-ca", "<subject-key-identifier/>", "", "4.2.1.2");
    refused("issuing-ca", "<authority-key-identifier/>", "", "4.2.1.1");
    refused("root-ca", "<subject-key-identifier/>",
            "<subject-key-identifier/><authority-key-identifier/>", "4.2.1.1");
    refused("timestamp-signer", "<extended-key-usage critical=\"true\">",
            "<extended-key-usage>", "RFC 3161");
    refused("timestamp-signer", "<purpose>timeStamping</purpose>",
            "<purpose>timeStamping</purpose><purpose>clientAuth</purpose>",
            "RFC 3161");
    refused("tls-client", "<authority-key-identifier/>",
            "<authority-key-identifier/><ocsp-nocheck/>", "RFC 6960");
    refused("tls-client", "ocsp=\"true\" ca-issuers=\"true\"",
            "ocsp=\"false\" ca-issuers=\"0\"", "empty");
    refused("organisation-signing", "presence=\"required\"/>\n    <subject-alt",
            "presence=\"required\" oid=\"2.5.29.15\"/>\n    <subject-alt",
            "of its own");
}

static void
a_folder_with_a_wrong_name_or_without_profiles_is_refused(void **state)
{
    char folder[] = "/tmp/test_profile.XXXXXX", command[512];
    struct profile_set other;
    struct error err = {0};

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_false(profile_set_load(folder, SOFT_CA_SCHEMAS, &other, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    (void)snprintf(command, sizeof command, "cp %s/officer.xml %s/clerk.xml",
                   SOFT_CA_PROFILES, folder);
    assert_int_equal(system(command), 0);
    assert_false(profile_set_load(folder, SOFT_CA_SCHEMAS, &other, &err));
    assert_non_null(strstr(err.what, "holds the profile \"officer\""));
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    assert_false(profile_set_load(folder, SOFT_CA_SCHEMAS, &other, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void
subjects_are_what_the_profile_says(void **state)
{
    const struct profile *profile = get("officer");
    struct api_subject subject = {{[API_ORGANIZATION] = "某CA",
                                   [API_SERIAL_NUMBER] = "P-17",
                                   [API_COMMON_NAME] = "张三"}};
    struct api_subject out;
    struct error err = {0};

    (void)state;
    assert_true(profile_apply_subject(profile, &subject, &out, &err));
    assert_string_equal(out.attribute[API_COUNTRY], "CN");
    assert_string_equal(out.attribute[API_COMMON_NAME], "张三");
    assert_null(out.attribute[API_TITLE]);
    subject.attribute[API_COUNTRY] = "CN";
    assert_true(profile_apply_subject(profile, &subject, &out, &err));
    subject.attribute[API_COUNTRY] = "DE";
    assert_false(profile_apply_subject(profile, &subject, &out, &err));
    assert_non_null(strstr(err.what, "country"));
    subject.attribute[API_COUNTRY] = NULL;
    subject.attribute[API_STREET] = "x";
    assert_false(profile_apply_subject(profile, &subject, &out, &err));
    assert_non_null(strstr(err.what, "street"));
    subject.attribute[API_STREET] = NULL;
    subject.attribute[API_SERIAL_NUMBER] = NULL;
    assert_false(profile_apply_subject(profile, &subject, &out, &err));
    assert_non_null(strstr(err.what, "serial_number"));
    subject.attribute[API_SERIAL_NUMBER] = "号";
    assert_false(profile_apply_subject(profile, &subject, &out, &err));
    assert_int_equal(err.code, ERROR_INPUT);
}

static void
alternative_names_are_of_allowed_types_and_form(void **state)
{
    static const struct {
        struct api_san san;
        bool is_right;
    } rows[] = {
        {{API_SAN_DNS, "a.example.cn"}, true},
        {{API_SAN_DNS, "*.example.cn"}, true},
        {{API_SAN_DNS, "xn--fiqs8s.example"}, true},
        {{API_SAN_DNS, "localhost"}, true},
        {{API_SAN_DNS, "*.cn"}, false},
        {{API_SAN_DNS, "a.*.cn"}, false},
        {{API_SAN_DNS, "*"}, false},
        {{API_SAN_DNS, ""}, false},
        {{API_SAN_DNS, "a..cn"}, false},
        {{API_SAN_DNS, "a.cn."}, false},
        {{API_SAN_DNS, "-a.cn"}, false},
        {{API_SAN_DNS, "a-.cn"}, false},
        {{API_SAN_DNS, "a_b.cn"}, false},
        {{API_SAN_DNS, "例子.cn"}, false},
        {{API_SAN_DNS, "192.0.2.1"}, false},
        {{API_SAN_DNS,
          "a23456789012345678901234567890123456789012345678901234567890123."
          "cn"},
         true},
        {{API_SAN_DNS,
          "a234567890123456789012345678901234567890123456789012345678901234."
          "cn"},
         false},
        {{API_SAN_IP, "192.0.2.1"}, true},
        {{API_SAN_IP, "2001:db8::1"}, true},
        {{API_SAN_IP, "192.0.2.256"}, false},
        {{API_SAN_IP, "192.0.2.0/24"}, false},
        {{API_SAN_IP, "a"}, false},
        {{API_SAN_EMAIL, "a@example.cn"}, false}, /* not of tls-server */
        {{API_SAN_URI, "http://example.cn/"}, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err = {0};

        if (profile_check_san(get("tls-server"), &rows[i].san, 1, &err) !=
            rows[i].is_right)
            fail_msg("\"%s\": %s", rows[i].san.value, err.what);
    }
}

static void
mailboxes_and_uris_are_of_their_form(void **state)
{
    static const struct {
        struct api_san san;
        bool is_right;
    } rows[] = {
        {{API_SAN_EMAIL, "a.b+c@example.cn"}, true},
        {{API_SAN_EMAIL, "a@b@example.cn"}, false},
        {{API_SAN_EMAIL, ".a@example.cn"}, false},
        {{API_SAN_EMAIL, "a..b@example.cn"}, false},
        {{API_SAN_EMAIL, "@example.cn"}, false},
        {{API_SAN_EMAIL, "a@"}, false},
        {{API_SAN_EMAIL, "a b@example.cn"}, false},
        {{API_SAN_URI, "https://example.cn/a?b#c"}, true},
        {{API_SAN_URI, "https://u@example.cn:8443"}, true},
        {{API_SAN_URI, "http://[2001:db8::1]:80/"}, true},
        {{API_SAN_URI, "urn:uuid:f81d4fae"}, true},
        {{API_SAN_URI, "http:///path"}, false},
        {{API_SAN_URI, "http://a_b.cn/"}, false},
        {{API_SAN_URI, "//example.cn"}, false},
        {{API_SAN_URI, "1http://example.cn"}, false},
        {{API_SAN_URI, "http://example.cn/ x"}, false},
        {{API_SAN_URI, "http:"}, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err = {0};

        if (san_check(&rows[i].san, &err) != rows[i].is_right)
            fail_msg("\"%s\": %s", rows[i].san.value, err.what);
    }
}

static void
alternative_names_are_counted_and_never_twice(void **state)
{
    struct api_san san[] = {{API_SAN_EMAIL, "a@example.cn"},
                            {API_SAN_EMAIL, "b@example.cn"},
                            {API_SAN_EMAIL, "c@example.cn"},
                            {API_SAN_EMAIL, "d@example.cn"},
                            {API_SAN_EMAIL, "e@example.cn"}};
    const struct profile *profile = get("organisation-signing");
    struct error err = {0};

    (void)state;
    assert_true(profile_check_san(profile, NULL, 0, &err));
    assert_true(profile_check_san(profile, san, 4, &err));
    assert_false(profile_check_san(profile, san, 5, &err));
    san[1] = san[0];
    assert_false(profile_check_san(profile, san, 2, &err));
    assert_non_null(strstr(err.what, "twice"));
}

static void
organization_codes_are_there_when_they_must(void **state)
{
    const struct profile *with = get("organisation-signing");
    const struct profile *without = get("officer");
    struct error err = {0};

    (void)state;
    assert_true(
        profile_check_organization_code(with, "91440101MA5CQ8G73X", &err));
    assert_false(profile_check_organization_code(with, NULL, &err));
    assert_false(profile_check_organization_code(with, "", &err));
    assert_false(profile_check_organization_code(with, "91440101ma", &err));
    assert_false(profile_check_organization_code(with, "代码", &err));
    assert_true(profile_check_organization_code(without, NULL, &err));
    assert_false(profile_check_organization_code(without, "9144", &err));
}

static void
issuers_are_of_the_kind_and_name_that_the_profile_says(void **state)
{
    (void)state;
    assert_true(profile_allows_issuer(get("officer"), "issuing-1", false));
    assert_false(profile_allows_issuer(get("officer"), "root-1", true));
    assert_true(profile_allows_issuer(get("issuing-ca"), "root-1", true));
    assert_false(profile_allows_issuer(get("issuing-ca"), "issuing-1", false));
    assert_true(profile_allows_issuer(get("ocsp-signer"), "root-1", true));
    assert_true(profile_allows_issuer(get("ocsp-signer"), "issuing-1", false));
    assert_false(profile_allows_issuer(get("root-ca"), "root-1", true));
}

static void
orders_are_of_the_kinds_that_the_profile_says(void **state)
{
    (void)state;
    assert_int_equal(get("officer")->ordered_by, PROFILE_BY_OFFICERS);
    assert_true(get("officer")->is_kind_allowed[API_CHANGE]);
    assert_false(get("officer")->is_kind_allowed[API_REVOKE]);
    assert_false(get("timestamp-signer")->is_kind_allowed[API_CHANGE]);
    assert_int_equal(get("root-ca")->ordered_by, PROFILE_BY_CEREMONY);
    assert_int_equal(get("ocsp-signer")->ordered_by, PROFILE_BY_SYSTEM);
    assert_false(get("ocsp-signer")->is_kind_allowed[API_ISSUE]);
}

static void
only_authorities_have_basic_constraints(void **state)
{
    (void)state;
    for (size_t i = 0; i < set.count; i++) {
        const struct profile *profile = set.at[i];
        bool is_authority = strstr(profile->name, "-ca") != NULL;

        assert_int_equal(profile->is_ca, is_authority);
        assert_int_equal(profile->has[EXTENSION_BASIC_CONSTRAINTS],
                         is_authority);
    }
}

static void
every_profile_can_be_told_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < set.count; i++) {
        struct buf text = BUF_INIT(65536);

        profile_format(set.at[i], &text);
        assert_false(buf_is_full(&text));
        assert_non_null(strstr(buf_text(&text), set.at[i]->title_zh));
        assert_non_null(strstr(buf_text(&text), "keyUsage, critical"));
        buf_clear(&text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_profiles_are_right_and_sorted),
        cmocka_unit_test(a_profile_against_the_schema_is_refused_with_its_line),
        cmocka_unit_test(
            a_profile_that_contradicts_itself_is_refused_with_its_line),
        cmocka_unit_test(
            a_folder_with_a_wrong_name_or_without_profiles_is_refused),
        cmocka_unit_test(subjects_are_what_the_profile_says),
        cmocka_unit_test(alternative_names_are_of_allowed_types_and_form),
        cmocka_unit_test(mailboxes_and_uris_are_of_their_form),
        cmocka_unit_test(alternative_names_are_counted_and_never_twice),
        cmocka_unit_test(organization_codes_are_there_when_they_must),
        cmocka_unit_test(
            issuers_are_of_the_kind_and_name_that_the_profile_says),
        cmocka_unit_test(orders_are_of_the_kinds_that_the_profile_says),
        cmocka_unit_test(only_authorities_have_basic_constraints),
        cmocka_unit_test(every_profile_can_be_told_in_words),
    };

    return cmocka_run_group_tests(tests, load, clear);
}
