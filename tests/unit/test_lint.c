/*
 * The lint: clean certificates pass; each wrong one is found, with the clause.
 * The wrong ones are made by OpenSSL from a clean one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "soft_ca.h"

static struct profile_set set;
static struct soft_ca root, issuing;
static struct soft_key ec, rsa, ed;
static const struct profile *server, *client, *signing;

static int
make(void **state)
{
    struct error err = {0};

    (void)state;
    if (!profile_set_load(SOFT_CA_PROFILES, SOFT_CA_SCHEMAS, &set, &err)) {
        fprintf(stderr, "%s\n", err.what);
        return -1;
    }
    server = profile_set_find(&set, "tls-server");
    client = profile_set_find(&set, "tls-client");
    signing = profile_set_find(&set, "organisation-signing");
    soft_key_make(HSM_KEY_EC_P256, &ec);
    soft_key_make(HSM_KEY_RSA_2048, &rsa);
    soft_key_make(HSM_KEY_ED25519, &ed);
    soft_ca_make(&root, "root-1", HSM_KEY_EC_P384,
                 profile_set_find(&set, "root-ca"), NULL);
    soft_ca_make(&issuing, "issuing-1", HSM_KEY_EC_P256,
                 profile_set_find(&set, "issuing-ca"), &root);
    return 0;
}

static int
clear(void **state)
{
    (void)state;
    soft_key_clear(&ec);
    soft_key_clear(&rsa);
    soft_key_clear(&ed);
    soft_ca_clear(&root);
    soft_ca_clear(&issuing);
    profile_set_clear(&set);
    return 0;
}

/* A clean certificate of the profile. */
static X509 *
clean(const struct profile *profile, const struct soft_key *key)
{
    struct buf subject = BUF_INIT(NAME_MAX_LEN), tbs = BUF_INIT(TBS_MAX_LEN);
    struct buf der = BUF_INIT(TBS_CERTIFICATE_MAX_LEN);
    struct tbs_input input;
    const unsigned char *p;
    struct findings findings;
    struct error err = {0};
    X509 *x509;

    soft_ca_subject(profile, "某单位", &subject);
    input = soft_ca_input(&issuing, soft_der(&subject), key);
    soft_ca_fill(profile, &input);
    if (!tbs_build(profile, &input, &tbs, &err))
        fail_msg("%s", err.what);
    soft_ca_sign(&issuing, soft_der(&tbs), &der);
    if (!lint_certificate(profile, NULL, soft_der(&der), &findings))
        fail_msg("%s: %s", findings.at[0].clause, findings.at[0].what);
    p = der.data;
    x509 = d2i_X509(NULL, &p, (long)der.len);
    assert_non_null(x509);
    buf_clear(&subject);
    buf_clear(&tbs);
    buf_clear(&der);
    return x509;
}

static bool
has_clause(const struct findings *findings, const char *clause)
{
    for (size_t i = 0; i < findings->count && i < LINT_FINDINGS_MAX; i++)
        if (strcmp(findings->at[i].clause, clause) == 0)
            return true;
    return false;
}

/* The lint of these octets names the clause. */
static void
found_in(const struct profile *profile, const struct lint_issuer *issuer,
         struct der der, const char *clause)
{
    struct findings findings;

    assert_false(lint_certificate(profile, issuer, der, &findings));
    if (!has_clause(&findings, clause))
        fail_msg("not \"%s\" but \"%s: %s\" (%zu)", clause,
                 findings.at[0].clause, findings.at[0].what, findings.count);
}

/* Signs the changed certificate again, judges, frees it. */
static void
found(const struct profile *profile, X509 *changed, const char *clause)
{
    unsigned char *der = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int len;

    assert_int_equal(
        EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, issuing.key.key), 1);
    assert_true(X509_sign_ctx(changed, ctx) > 0);
    len = i2d_X509(changed, &der);
    assert_true(len > 0);
    found_in(profile, NULL, (struct der){der, (size_t)len}, clause);
    OPENSSL_free(der);
    EVP_MD_CTX_free(ctx);
    X509_free(changed);
}

static void
what_is_no_certificate_is_found(void **state)
{
    X509 *x509 = clean(client, &ec);
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    uint8_t *longer = base_alloc((size_t)len + 1);

    (void)state;
    for (size_t cut = 0; cut < (size_t)len; cut++)
        found_in(NULL, NULL, (struct der){der, cut}, "RFC 5280, 4.1");
    memcpy(longer, der, (size_t)len);
    found_in(NULL, NULL, (struct der){longer, (size_t)len + 1},
             "RFC 5280, 4.1");
    free(longer);
    OPENSSL_free(der);
    X509_free(x509);
}

static void
the_two_algorithms_are_the_same(void **state)
{
    X509 *x509 = clean(client, &ec);
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    struct der in = {der, (size_t)len}, body, tbs;
    struct der_item item;

    (void)state;
    assert_true(der_take(&in, DER_SEQUENCE, &body));
    assert_true(der_next(&body, &item));
    tbs = item.whole;
    /* The outer one: ecdsa-with-SHA256 becomes ecdsa-with-SHA384. */
    assert_int_equal(tbs.data[tbs.len + 11], 0x02);
    der[(size_t)(tbs.data - der) + tbs.len + 11] = 0x03;
    found_in(NULL, NULL, (struct der){der, (size_t)len}, "RFC 5280, 4.1.1.2");
    OPENSSL_free(der);
    X509_free(x509);
}

static X509 *
with_serial(const char *decimal)
{
    X509 *x509 = clean(client, &ec);
    ASN1_INTEGER *serial = s2i_ASN1_INTEGER(NULL, decimal);

    assert_int_equal(X509_set_serialNumber(x509, serial), 1);
    ASN1_INTEGER_free(serial);
    return x509;
}

static void
serials_are_positive_random_and_not_too_long(void **state)
{
    (void)state;
    found(client, with_serial("0"), "RFC 5280, 4.1.2.2");
    found(client, with_serial("-5"), "RFC 5280, 4.1.2.2");
    found(client, with_serial("1"), "CABF BR, 7.1");
    found(client, with_serial("0x010203040506070809101112131415161718192021"),
          "RFC 5280, 4.1.2.2");
}

static void
the_version_is_3(void **state)
{
    X509 *x509 = clean(client, &ec);

    (void)state;
    X509_set_version(x509, X509_VERSION_1);
    found(client, x509, "RFC 5280, 4.1.2.1");
}

static X509 *
with_dates(const char *before, int before_type, const char *after,
           int after_type)
{
    X509 *x509 = clean(client, &ec);
    ASN1_TIME *time = X509_getm_notBefore(x509);

    ASN1_STRING_set(time, before, -1);
    time->type = before_type;
    time = X509_getm_notAfter(x509);
    ASN1_STRING_set(time, after, -1);
    time->type = after_type;
    return x509;
}

static void
dates_are_of_the_right_type_and_order(void **state)
{
    static const char clause[] = "RFC 5280, 4.1.2.5";

    (void)state;
    found(client,
          with_dates("20261124090000Z", V_ASN1_GENERALIZEDTIME, "271124090000Z",
                     V_ASN1_UTCTIME),
          clause);
    found(client,
          with_dates("261124090000Z", V_ASN1_UTCTIME, "2611240900Z",
                     V_ASN1_UTCTIME),
          clause);
    found(client,
          with_dates("261124090000Z", V_ASN1_UTCTIME, "261124090000+0800",
                     V_ASN1_UTCTIME),
          clause);
    found(client,
          with_dates("261124090000Z", V_ASN1_UTCTIME, "271324090000Z",
                     V_ASN1_UTCTIME),
          clause);
    found(client,
          with_dates("261124090000Z", V_ASN1_UTCTIME, "251124090000Z",
                     V_ASN1_UTCTIME),
          clause);
    found(client,
          with_dates("261124090000Z", V_ASN1_UTCTIME, "20271124090000.5Z",
                     V_ASN1_GENERALIZEDTIME),
          clause);
    found(client,
          with_dates("261124090000Z", V_ASN1_UTCTIME, "471124090000Z",
                     V_ASN1_UTCTIME),
          "profile tls-client");
}

static X509 *
with_subject(const char *type, int string_type, const char *value, int len)
{
    X509 *x509 = clean(client, &ec);

    assert_int_equal(X509_NAME_add_entry_by_txt(
                         X509_get_subject_name(x509), type, string_type,
                         (const unsigned char *)value, len, -1, 0),
                     1);
    return x509;
}

/* OpenSSL encodes no malformed UTF-8, so it is put in afterwards; the signature
 * is not what is judged. */
static void
found_with_malformed_utf8(void)
{
    X509 *x509 = with_subject("O", V_ASN1_UTF8STRING, "~~~~", 4);
    unsigned char *der = NULL, *at;
    int len;

    assert_true(i2d_re_X509_tbs(x509, &der) > 0);
    OPENSSL_free(der);
    der = NULL;
    len = i2d_X509(x509, &der);
    at = memmem(der, (size_t)len, "~~~~", 4);
    assert_non_null(at);
    at[1] = 0xff;
    found_in(NULL, NULL, (struct der){der, (size_t)len},
             "RFC 5280, appendix A.1");
    OPENSSL_free(der);
    X509_free(x509);
}

static void
names_have_the_string_types_and_bounds_of_appendix_a(void **state)
{
    static const char clause[] = "RFC 5280, appendix A.1";
    char longer[256];

    (void)state;
    memset(longer, 'x', sizeof longer);
    found(NULL, with_subject("C", V_ASN1_UTF8STRING, "CN", 2), clause);
    found(NULL, with_subject("C", V_ASN1_PRINTABLESTRING, "cn", 2), clause);
    found(NULL, with_subject("O", V_ASN1_T61STRING, "x", 1), clause);
    found(NULL, with_subject("O", V_ASN1_BMPSTRING, "\0x", 2), clause);
    found_with_malformed_utf8();
    found(NULL, with_subject("O", V_ASN1_UTF8STRING, "", 0), clause);
    found(NULL, with_subject("O", V_ASN1_UTF8STRING, "a\0b", 3), clause);
    found(NULL, with_subject("O", V_ASN1_UTF8STRING, " a", 2), clause);
    found(NULL, with_subject("OU", V_ASN1_UTF8STRING, longer, 65), clause);
    found(NULL, with_subject("L", V_ASN1_UTF8STRING, longer, 129), clause);
    found(NULL, with_subject("O", V_ASN1_PRINTABLESTRING, "a_b", 3),
          "X.680, 41.4");
    found(NULL, with_subject("serialNumber", V_ASN1_UTF8STRING, "1", 1),
          clause);
    found(NULL, with_subject("CN", V_ASN1_UTF8STRING, "again", 5),
          "X.501, 9.3");
    found(NULL, with_subject("DC", V_ASN1_IA5STRING, "cn", 2),
          "RFC 5280, 4.1.2.4");
    found(NULL,
          with_subject("emailAddress", V_ASN1_IA5STRING, "a@example.cn", 12),
          "RFC 5280, 4.1.2.6");
    found(client, with_subject("L", V_ASN1_UTF8STRING, longer, 64),
          "profile tls-client");
}

static void
empty_names_are_found(void **state)
{
    X509 *x509 = clean(client, &ec);
    X509_NAME *empty = X509_NAME_new();

    (void)state;
    X509_set_subject_name(x509, empty);
    found(NULL, x509, "RFC 5280, 4.1.2.6");
    x509 = clean(client, &ec);
    X509_set_issuer_name(x509, empty);
    found(NULL, x509, "RFC 5280, 4.1.2.4");
    X509_NAME_free(empty);
}

static void
weak_and_unsupported_keys_are_found(void **state)
{
    X509 *x509 = clean(client, &rsa);
    EVP_PKEY *key = EVP_RSA_gen(1024);

    (void)state;
    X509_set_pubkey(x509, key);
    found(NULL, x509, "RFC 5280, 4.1.2.7");
    EVP_PKEY_free(key);
    {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        BIGNUM *three = BN_new();

        BN_set_word(three, 3);
        key = NULL;
        assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
        assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, three), 1);
        assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
        EVP_PKEY_CTX_free(ctx);
        BN_free(three);
    }
    x509 = clean(client, &rsa);
    X509_set_pubkey(x509, key);
    found(NULL, x509, "CABF BR, 6.1.1.3");
    EVP_PKEY_free(key);
}

/* Removes the extension, if it is there, and puts another value in. */
static X509 *
with_extension(const struct profile *profile, const struct soft_key *key,
               int nid, const char *value)
{
    X509 *x509 = clean(profile, key);
    int at = X509_get_ext_by_NID(x509, nid, -1);
    X509V3_CTX ctx;

    if (at >= 0)
        X509_EXTENSION_free(X509_delete_ext(x509, at));
    if (value != NULL) {
        X509_EXTENSION *e;

        X509V3_set_ctx(&ctx, x509, x509, NULL, NULL, 0);
        e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
        assert_non_null(e);
        assert_int_equal(X509_add_ext(x509, e, at), 1);
        X509_EXTENSION_free(e);
    }
    return x509;
}

/* The same with octets as the value. */
static X509 *
with_octets(const struct profile *profile, const struct soft_key *key, int nid,
            bool is_critical, const char *octets, int len)
{
    X509 *x509 = with_extension(profile, key, nid, NULL);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *e;

    ASN1_OCTET_STRING_set(value, (const unsigned char *)octets, len);
    e = X509_EXTENSION_create_by_NID(NULL, nid, is_critical, value);
    assert_int_equal(X509_add_ext(x509, e, -1), 1);
    X509_EXTENSION_free(e);
    ASN1_OCTET_STRING_free(value);
    return x509;
}

static void
an_extension_twice_is_found(void **state)
{
    X509 *x509 = clean(client, &ec);
    int at = X509_get_ext_by_NID(x509, NID_ext_key_usage, -1);

    (void)state;
    assert_int_equal(X509_add_ext(x509, X509_get_ext(x509, at), -1), 1);
    found(NULL, x509, "RFC 5280, 4.2");
}

static void
key_identifiers_are_there_and_right(void **state)
{
    (void)state;
    found(NULL, with_extension(client, &ec, NID_authority_key_identifier, NULL),
          "RFC 5280, 4.2.1.1");
    found(NULL,
          with_octets(client, &ec, NID_authority_key_identifier, true,
                      "\x30\x03\x80\x01\x01", 5),
          "RFC 5280, 4.2.1.1");
    found(NULL,
          with_octets(client, &ec, NID_authority_key_identifier, false,
                      "\x30\x00", 2),
          "RFC 5280, 4.2.1.1");
    found(client, with_extension(client, &ec, NID_subject_key_identifier, NULL),
          "profile tls-client");
    found(client,
          with_extension(client, &ec, NID_subject_key_identifier, "01:02:03"),
          "RFC 7093, 2");
    found(NULL,
          with_octets(client, &ec, NID_subject_key_identifier, false,
                      "\x04\x00", 2),
          "RFC 5280, 4.2.1.2");
}

static void
authorities_and_others_are_told_apart(void **state)
{
    (void)state;
    found(
        NULL,
        with_extension(client, &ec, NID_basic_constraints, "critical,CA:TRUE"),
        "RFC 5280, 4.2.1.3");
    found(client,
          with_extension(client, &ec, NID_basic_constraints, "CA:FALSE"),
          "profile tls-client");
    found(NULL, with_extension(client, &ec, NID_basic_constraints, "CA:TRUE"),
          "RFC 5280, 4.2.1.9");
    found(NULL,
          with_octets(client, &ec, NID_basic_constraints, true,
                      "\x30\x03\x01\x01\x00", 5),
          "X.690, 11.5");
    found(NULL,
          with_octets(client, &ec, NID_basic_constraints, true,
                      "\x30\x03\x02\x01\x00", 5),
          "RFC 5280, 4.2.1.9");
    found(NULL,
          with_octets(client, &ec, NID_basic_constraints, true,
                      "\x30\x03\x01\x01\x01", 5),
          "RFC 5280, 4.2.1.9");
    found(NULL,
          with_extension(client, &ec, NID_key_usage, "critical,keyCertSign"),
          "RFC 5280, 4.2.1.3");
}

static void
usages_fit_the_key_and_the_purposes(void **state)
{
    static const char families[] = "RFC 4055, 1.2; RFC 8813, 3; RFC 9295, 3";

    (void)state;
    found(NULL,
          with_extension(client, &ec, NID_key_usage,
                         "critical,digitalSignature,keyEncipherment"),
          families);
    found(NULL,
          with_extension(client, &rsa, NID_key_usage,
                         "critical,digitalSignature,keyAgreement"),
          families);
    found(NULL,
          with_extension(client, &ed, NID_key_usage,
                         "critical,digitalSignature,keyAgreement"),
          families);
    found(NULL,
          with_extension(client, &ec, NID_key_usage, "critical,nonRepudiation"),
          "RFC 5280, 4.2.1.12");
    found(client,
          with_extension(client, &ec, NID_key_usage,
                         "critical,digitalSignature,nonRepudiation"),
          "profile tls-client");
    found(NULL, with_extension(client, &ec, NID_key_usage, "digitalSignature"),
          "RFC 5280, 4.2.1.3");
    /* Named bits: trailing zeros, unused bits set, none at all. */
    found(NULL,
          with_octets(client, &ec, NID_key_usage, true, "\x03\x02\x00\x80", 4),
          "RFC 5280, 4.2.1.3");
    found(NULL,
          with_octets(client, &ec, NID_key_usage, true, "\x03\x02\x07\xc0", 4),
          "RFC 5280, 4.2.1.3");
    found(NULL,
          with_octets(client, &ec, NID_key_usage, true, "\x03\x02\x07\x00", 4),
          "RFC 5280, 4.2.1.3");
    found(NULL,
          with_octets(client, &ec, NID_key_usage, true, "\x03\x01\x00", 3),
          "RFC 5280, 4.2.1.3");
    found(client, with_extension(client, &ec, NID_key_usage, NULL),
          "profile tls-client");
}

static void
purposes_are_once_and_those_of_the_profile(void **state)
{
    (void)state;
    found(
        NULL,
        with_extension(client, &ec, NID_ext_key_usage, "clientAuth,clientAuth"),
        "RFC 5280, 4.2.1.12");
    found(NULL,
          with_octets(client, &ec, NID_ext_key_usage, false, "\x30\x00", 2),
          "RFC 5280, 4.2.1.12");
    found(client,
          with_extension(client, &ec, NID_ext_key_usage,
                         "clientAuth,emailProtection"),
          "profile tls-client");
    found(NULL,
          with_extension(client, &ec, NID_ext_key_usage,
                         "critical,timeStamping,clientAuth"),
          "RFC 3161, 2.3");
    found(NULL, with_extension(client, &ec, NID_ext_key_usage, "timeStamping"),
          "RFC 3161, 2.3");
    found(NULL, with_extension(client, &ec, NID_ext_key_usage, "serverAuth"),
          "RFC 9525, 2");
    found(NULL,
          with_octets(client, &ec, NID_id_pkix_OCSP_noCheck, false, "\x05\x00",
                      2),
          "RFC 6960, 4.2.2.2.1");
}

static void
policies_names_and_pointers_are_well_formed(void **state)
{
    (void)state;
    found(NULL,
          with_octets(client, &ec, NID_certificate_policies, false, "\x30\x00",
                      2),
          "RFC 5280, 4.2.1.4");
    found(NULL,
          with_octets(client, &ec, NID_certificate_policies, false,
                      "\x30\x0a\x30\x03\x06\x01\x2a\x30\x03\x06\x01\x2a", 12),
          "RFC 5280, 4.2.1.4");
    found(NULL,
          with_octets(server, &ec, NID_subject_alt_name, false, "\x30\x00", 2),
          "RFC 5280, 4.2.1.6");
    found(NULL, with_extension(server, &ec, NID_subject_alt_name, "DNS:a_b.cn"),
          "RFC 5280, 4.2.1.6");
    found(NULL,
          with_octets(server, &ec, NID_subject_alt_name, false,
                      "\x30\x05\x87\x03\x01\x02\x03", 7),
          "RFC 5280, 4.2.1.6");
    found(NULL,
          with_octets(server, &ec, NID_subject_alt_name, false,
                      "\x30\x05\x82\x03\x61\x00\x62", 7),
          "RFC 5280, 4.2.1.6");
    found(
        server,
        with_extension(server, &ec, NID_subject_alt_name, "email:a@example.cn"),
        "profile tls-server");
    found(server,
          with_extension(server, &ec, NID_subject_alt_name,
                         "critical,DNS:a.example.cn"),
          "profile tls-server");
    found(NULL,
          with_extension(client, &ec, NID_info_access,
                         "critical,OCSP;URI:http://a.cn/"),
          "RFC 5280, 4.2.2.1");
    found(NULL,
          with_extension(client, &ec, NID_info_access, "OCSP;URI:ldap://a.cn/"),
          "RFC 5280, 4.2.2.1");
    found(client,
          with_extension(client, &ec, NID_info_access, "OCSP;URI:http://a.cn/"),
          "profile tls-client");
    found(NULL,
          with_extension(client, &ec, NID_crl_distribution_points,
                         "URI:https://a.cn/"),
          "RFC 5280, 4.2.1.13");
    found(client,
          with_extension(client, &ec, NID_crl_distribution_points, NULL),
          "profile tls-client");
}

static void
what_the_profile_does_not_know_is_found(void **state)
{
    X509 *x509 = clean(signing, &ec);
    X509_EXTENSION *e =
        X509V3_EXT_conf_nid(NULL, NULL, NID_netscape_comment, "a comment");

    (void)state;
    assert_int_equal(X509_add_ext(x509, e, -1), 1);
    X509_EXTENSION_free(e);
    found(signing, x509, "profile organisation-signing");
    /* A certificate of one profile under another. */
    found(signing, clean(client, &ec), "profile organisation-signing");
    found(profile_set_find(&set, "organisation-encryption"),
          clean(signing, &ed), "profile organisation-encryption");
}

static void
it_chains_to_its_issuer(void **state)
{
    struct lint_issuer right = {soft_der(&issuing.subject),
                                {issuing.key_id, sizeof issuing.key_id},
                                issuing.period.not_after};
    struct lint_issuer wrong;
    X509 *x509 = clean(client, &ec);
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    struct der all = {der, (size_t)len};
    struct findings findings;

    (void)state;
    assert_true(lint_certificate(client, &right, all, &findings));
    wrong = right;
    wrong.subject = soft_der(&root.subject);
    found_in(client, &wrong, all, "RFC 5280, 4.1.2.4");
    wrong = right;
    wrong.key_id = (struct der){root.key_id, sizeof root.key_id};
    found_in(client, &wrong, all, "RFC 5280, 4.2.1.1");
    wrong = right;
    wrong.not_after = soft_ca_now();
    found_in(client, &wrong, all, "RFC 5280, 6.1.3");
    OPENSSL_free(der);
    X509_free(x509);
}

static void
roots_and_issuing_authorities_are_clean(void **state)
{
    struct findings findings;

    (void)state;
    assert_true(lint_certificate(profile_set_find(&set, "root-ca"), NULL,
                                 soft_der(&root.certificate), &findings));
    assert_true(lint_certificate(profile_set_find(&set, "issuing-ca"), NULL,
                                 soft_der(&issuing.certificate), &findings));
    found_in(profile_set_find(&set, "root-ca"), NULL,
             soft_der(&issuing.certificate), "profile root-ca");
}

/* The frame around the throw-away signature. */
static void
a_refusal_names_the_first_clause(void **state)
{
    struct buf subject = BUF_INIT(NAME_MAX_LEN), tbs = BUF_INIT(TBS_MAX_LEN);
    struct findings findings;
    struct tbs_input input;
    struct error err = {0};

    (void)state;
    soft_ca_subject(client, "某单位", &subject);
    input = soft_ca_input(&issuing, soft_der(&subject), &ec);
    assert_true(tbs_build(client, &input, &tbs, &err));
    assert_true(
        lint_tbs(client, NULL, soft_der(&tbs), input.scheme, &findings, &err));
    assert_int_equal(findings.count, 0);
    /* Another scheme than the one inside. */
    assert_false(lint_tbs(client, NULL, soft_der(&tbs), HSM_ECDSA_SHA384,
                          &findings, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_non_null(strstr(err.what, "lint: RFC 5280, 4.1.1.2: "));
    assert_string_equal(findings.at[0].clause, "RFC 5280, 4.1.1.2");
    assert_false(
        lint_tbs(server, NULL, soft_der(&tbs), input.scheme, NULL, &err));
    assert_non_null(strstr(err.what, "lint: profile tls-server: "));
    assert_false(lint_tbs(client, NULL, (struct der){tbs.data, tbs.len - 1},
                          input.scheme, NULL, &err));
    buf_clear(&subject);
    buf_clear(&tbs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_and_issuing_authorities_are_clean),
        cmocka_unit_test(what_is_no_certificate_is_found),
        cmocka_unit_test(the_two_algorithms_are_the_same),
        cmocka_unit_test(serials_are_positive_random_and_not_too_long),
        cmocka_unit_test(the_version_is_3),
        cmocka_unit_test(dates_are_of_the_right_type_and_order),
        cmocka_unit_test(names_have_the_string_types_and_bounds_of_appendix_a),
        cmocka_unit_test(empty_names_are_found),
        cmocka_unit_test(weak_and_unsupported_keys_are_found),
        cmocka_unit_test(an_extension_twice_is_found),
        cmocka_unit_test(key_identifiers_are_there_and_right),
        cmocka_unit_test(authorities_and_others_are_told_apart),
        cmocka_unit_test(usages_fit_the_key_and_the_purposes),
        cmocka_unit_test(purposes_are_once_and_those_of_the_profile),
        cmocka_unit_test(policies_names_and_pointers_are_well_formed),
        cmocka_unit_test(what_the_profile_does_not_know_is_found),
        cmocka_unit_test(it_chains_to_its_issuer),
        cmocka_unit_test(a_refusal_names_the_first_clause),
    };

    return cmocka_run_group_tests(tests, make, clear);
}
