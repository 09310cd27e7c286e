/* Distinguished names: RFC 5280, 4.1.2.4 and appendix A.1; RFC 4514. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bio.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "ca-core/name.h"

static const struct api_subject full = {{
    [API_COUNTRY] = "CN",
    [API_STATE] = "广东省",
    [API_LOCALITY] = "广州市",
    [API_STREET] = "天河区珠江新城 1 号",
    [API_ORGANIZATION] = "广州示范科技有限公司",
    [API_ORGANIZATION_IDENTIFIER] = "NTRCN-91440101MA5CQ8G73X",
    [API_ORGANIZATIONAL_UNIT] = "Sales, \"North\" + South",
    [API_TITLE] = "经理",
    [API_SURNAME] = "张",
    [API_GIVEN_NAME] = "三",
    [API_SERIAL_NUMBER] = "A-0001",
    [API_COMMON_NAME] = "#1 <a;b=c\\d>",
    [API_EMAIL] = "zhang@example.cn",
}};

/* The same attributes through OpenSSL, in the same order. */
static X509_NAME *
oracle_name(const struct api_subject *subject)
{
    static const struct {
        int nid, type;
    } how[API_ATTRIBUTE_COUNT] = {
        [API_COUNTRY] = {NID_countryName, V_ASN1_PRINTABLESTRING},
        [API_STATE] = {NID_stateOrProvinceName, V_ASN1_UTF8STRING},
        [API_LOCALITY] = {NID_localityName, V_ASN1_UTF8STRING},
        [API_STREET] = {NID_streetAddress, V_ASN1_UTF8STRING},
        [API_ORGANIZATION] = {NID_organizationName, V_ASN1_UTF8STRING},
        [API_ORGANIZATION_IDENTIFIER] = {NID_organizationIdentifier,
                                         V_ASN1_UTF8STRING},
        [API_ORGANIZATIONAL_UNIT] = {NID_organizationalUnitName,
                                     V_ASN1_UTF8STRING},
        [API_TITLE] = {NID_title, V_ASN1_UTF8STRING},
        [API_SURNAME] = {NID_surname, V_ASN1_UTF8STRING},
        [API_GIVEN_NAME] = {NID_givenName, V_ASN1_UTF8STRING},
        [API_SERIAL_NUMBER] = {NID_serialNumber, V_ASN1_PRINTABLESTRING},
        [API_COMMON_NAME] = {NID_commonName, V_ASN1_UTF8STRING},
        [API_EMAIL] = {NID_pkcs9_emailAddress, V_ASN1_IA5STRING},
    };
    X509_NAME *name = X509_NAME_new();

    for (unsigned i = 0; i < API_ATTRIBUTE_COUNT; i++)
        if (subject->attribute[i] != NULL)
            assert_int_equal(X509_NAME_add_entry_by_NID(
                                 name, how[i].nid, how[i].type,
                                 (const unsigned char *)subject->attribute[i],
                                 (int)strlen(subject->attribute[i]), -1, 0),
                             1);
    return name;
}

static void
a_name_is_encoded_as_openssl_encodes_it(void **state)
{
    struct buf der = BUF_INIT(NAME_MAX_LEN);
    struct error err = {0};
    X509_NAME *name = oracle_name(&full);
    unsigned char *expected = NULL;
    int len = i2d_X509_NAME(name, &expected);

    (void)state;
    if (!name_encode(&full, &der, &err))
        fail_msg("%s", err.what);
    assert_int_equal(der.len, len);
    assert_memory_equal(der.data, expected, der.len);
    OPENSSL_free(expected);
    X509_NAME_free(name);
    buf_clear(&der);
}

static void
a_name_is_read_back_as_it_was_written(void **state)
{
    struct buf der = BUF_INIT(NAME_MAX_LEN), storage = BUF_INIT(NAME_MAX_LEN);
    struct api_subject read;
    struct error err = {0};

    (void)state;
    assert_true(name_encode(&full, &der, &err));
    assert_true(
        name_parse((struct der){der.data, der.len}, &read, &storage, &err));
    for (unsigned i = 0; i < API_ATTRIBUTE_COUNT; i++)
        assert_string_equal(read.attribute[i], full.attribute[i]);
    for (size_t len = 0; len < der.len; len++) {
        buf_reset(&storage);
        assert_false(
            name_parse((struct der){der.data, len}, &read, &storage, &err));
    }
    (void)buf_add_byte(&der, 0);
    assert_false(
        name_parse((struct der){der.data, der.len}, &read, &storage, &err));
    buf_clear(&der);
    buf_clear(&storage);
}

static void
names_that_we_never_write_are_not_read(void **state)
{
    static const uint8_t twice[] = {0x30, 0x18, 0x31, 0x0a, 0x30, 0x08, 0x06,
                                    0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 0x61,
                                    0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55,
                                    0x04, 0x03, 0x0c, 0x01, 0x62};
    static const uint8_t bmp[] = {0x30, 0x0d, 0x31, 0x0b, 0x30,
                                  0x09, 0x06, 0x03, 0x55, 0x04,
                                  0x03, 0x1e, 0x02, 0x00, 0x61};
    static const uint8_t unknown[] = {0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06,
                                      0x03, 0x55, 0x04, 0x7f, 0x0c, 0x01, 0x61};
    struct buf storage = BUF_INIT(NAME_MAX_LEN);
    struct api_subject read;

    (void)state;
    assert_false(
        name_parse((struct der){twice, sizeof twice}, &read, &storage, NULL));
    assert_false(
        name_parse((struct der){bmp, sizeof bmp}, &read, &storage, NULL));
    assert_false(name_parse((struct der){unknown, sizeof unknown}, &read,
                            &storage, NULL));
    buf_clear(&storage);
}

static void
text_of(const struct api_subject *subject, struct buf *out)
{
    struct buf der = BUF_INIT(NAME_MAX_LEN);

    assert_true(name_encode(subject, &der, NULL));
    assert_true(name_format((struct der){der.data, der.len}, out, NULL));
    buf_clear(&der);
}

static void
text_is_that_of_rfc_4514(void **state)
{
    static const struct api_subject some = {{
        [API_COUNTRY] = "CN",
        [API_LOCALITY] = "a b",
        [API_ORGANIZATION] = "广州, \"示范\" + <科技>; 有限\\公司",
        [API_COMMON_NAME] = "#1",
    }};
    struct buf text = BUF_INIT(4096);
    X509_NAME *name = oracle_name(&some);
    BIO *bio = BIO_new(BIO_s_mem());
    char *expected;
    long len;

    (void)state;
    text_of(&some, &text);
    assert_string_equal(buf_text(&text),
                        "CN=\\#1,O=广州\\, \\\"示范\\\" \\+ \\<科技\\>\\; "
                        "有限\\\\公司,L=a b,C=CN");
    X509_NAME_print_ex(bio, name, 0,
                       XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    len = BIO_get_mem_data(bio, &expected);
    assert_int_equal(text.len, len);
    assert_memory_equal(buf_text(&text), expected, text.len);
    BIO_free(bio);
    X509_NAME_free(name);
    buf_clear(&text);
}

static void
text_of_foreign_names_is_hex_where_it_must(void **state)
{
    static const uint8_t multi[] = {
        0x30, 0x23, 0x31, 0x21, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04,
        0x03, 0x0c, 0x01, 0x0a, 0x30, 0x15, 0x06, 0x0a, 0x09, 0x92,
        0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19, 0x16, 0x07,
        0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65};
    struct buf text = BUF_INIT(4096);
    struct error err = {0};

    (void)state;
    if (!name_format((struct der){multi, sizeof multi}, &text, &err))
        fail_msg("%s", err.what);
    assert_string_equal(
        buf_text(&text),
        "CN=\\0a+0.9.2342.19200300.100.1.25=#16076578616d706c65");
    buf_reset(&text);
    assert_false(
        name_format((struct der){multi, sizeof multi - 1}, &text, &err));
    buf_clear(&text);
}

/* `count` times the text, with NUL. The caller frees. */
static char *
repeat(const char *text, size_t count)
{
    struct buf out = BUF_INIT(262144);

    for (size_t i = 0; i < count; i++)
        (void)buf_add_text(&out, text);
    return (char *)buf_take(&out, &(size_t){0});
}

static void
bounds_are_counted_in_characters(void **state)
{
    (void)state;
    for (unsigned i = 0; i < API_ATTRIBUTE_COUNT; i++) {
        enum api_attribute attribute = (enum api_attribute)i;
        size_t max = name_attribute_max(attribute);
        char *longest, *longer;
        struct error err = {0};

        if (attribute == API_COUNTRY || attribute == API_EMAIL)
            continue;
        longest = repeat(attribute == API_SERIAL_NUMBER ? "9" : "汉", max);
        longer = repeat(attribute == API_SERIAL_NUMBER ? "9" : "汉", max + 1);
        if (!name_check_value(attribute, longest, max, &err))
            fail_msg("%s", err.what);
        assert_false(name_check_value(attribute, longer, max, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        assert_false(name_check_value(attribute, longest, max - 1, &err));
        /* A profile cannot raise the bound. */
        assert_false(name_check_value(attribute, longer, max + 1, &err));
        free(longest);
        free(longer);
    }
    assert_int_equal(name_attribute_max(API_COMMON_NAME), 64);
    assert_int_equal(name_attribute_max(API_ORGANIZATION), 64);
    assert_int_equal(name_attribute_max(API_ORGANIZATIONAL_UNIT), 64);
    assert_int_equal(name_attribute_max(API_LOCALITY), 128);
    assert_int_equal(name_attribute_max(API_STATE), 128);
    assert_int_equal(name_attribute_max(API_EMAIL), 255);
}

static void
values_of_the_wrong_form_are_refused(void **state)
{
    static const struct {
        enum api_attribute attribute;
        const char *value;
    } wrong[] = {
        {API_COMMON_NAME, ""},
        {API_COMMON_NAME, " a"},
        {API_COMMON_NAME, "a "},
        {API_COMMON_NAME, " "},
        {API_COMMON_NAME, "　公司"}, /* ideographic space */
        {API_COMMON_NAME, "a\tb"},
        {API_COMMON_NAME, "a\x7f"},
        {API_COMMON_NAME, "a\xc2\x85"},   /* C1 control */
        {API_COMMON_NAME, "a\xe2\x80\xae" /* right-to-left override */
                          "b"},
        {API_COMMON_NAME, "a\xe2\x80\x8b" /* zero-width space */
                          "b"},
        {API_COMMON_NAME, "\xef\xbb\xbf" /* byte order mark */
                          "b"},
        {API_COMMON_NAME, "\xed\xa0\x80"}, /* a surrogate */
        {API_COMMON_NAME, "\xc0\x80"},     /* overlong */
        {API_COMMON_NAME, "\xe5\xb9"},     /* cut */
        {API_COMMON_NAME, "\xb9\xe3"},     /* GBK */
        {API_COUNTRY, "cn"},
        {API_COUNTRY, "C"},
        {API_COUNTRY, "CHN"},
        {API_COUNTRY, "C1"},
        {API_COUNTRY, "中国"},
        {API_SERIAL_NUMBER, "a_b"},
        {API_SERIAL_NUMBER, "a@b"},
        {API_SERIAL_NUMBER, "号"},
        {API_EMAIL, "someone"},
        {API_EMAIL, "某人@example.cn"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct error err = {0};
        struct buf der = BUF_INIT(NAME_MAX_LEN);
        struct api_subject subject = {{0}};

        subject.attribute[wrong[i].attribute] = wrong[i].value;
        if (name_encode(&subject, &der, &err))
            fail_msg("row %zu was accepted", i);
        assert_int_equal(err.code, ERROR_INPUT);
        assert_non_null(
            strstr(err.what, api_attribute_name(wrong[i].attribute)));
        buf_clear(&der);
    }
}

static void
a_name_needs_an_attribute(void **state)
{
    struct api_subject subject = {{0}};
    struct buf der = BUF_INIT(NAME_MAX_LEN);
    struct error err = {0};

    (void)state;
    assert_false(name_encode(&subject, &der, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    buf_clear(&der);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_encoded_as_openssl_encodes_it),
        cmocka_unit_test(a_name_is_read_back_as_it_was_written),
        cmocka_unit_test(names_that_we_never_write_are_not_read),
        cmocka_unit_test(text_is_that_of_rfc_4514),
        cmocka_unit_test(text_of_foreign_names_is_hex_where_it_must),
        cmocka_unit_test(bounds_are_counted_in_characters),
        cmocka_unit_test(values_of_the_wrong_form_are_refused),
        cmocka_unit_test(a_name_needs_an_attribute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
