/*
 * TBSCertificates: built by us, judged by OpenSSL's library and program, by
 * GnuTLS, and by our own lint.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/conf.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/text.h"
#include "soft_ca.h"

static struct profile_set set;
static struct soft_key keys[HSM_KEY_TYPE_COUNT];
static struct soft_ca root, issuing;

static int
make(void **state)
{
    struct error err = {0};

    (void)state;
    if (!profile_set_load(SOFT_CA_PROFILES, SOFT_CA_SCHEMAS, &set, &err)) {
        fprintf(stderr, "%s\n", err.what);
        return -1;
    }
    for (unsigned i = 0; i < HSM_KEY_TYPE_COUNT; i++)
        soft_key_make((enum hsm_key_type)i, &keys[i]);
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
    for (unsigned i = 0; i < HSM_KEY_TYPE_COUNT; i++)
        soft_key_clear(&keys[i]);
    soft_ca_clear(&root);
    soft_ca_clear(&issuing);
    profile_set_clear(&set);
    return 0;
}

static X509 *
read_certificate(const struct buf *der)
{
    const unsigned char *p = der->data;
    unsigned char *again = NULL;
    X509 *x509 = d2i_X509(NULL, &p, (long)der->len);
    X509 *copy;
    int len;

    assert_non_null(x509);
    assert_ptr_equal(p, der->data + der->len);
    /* Not the cached octets: X509_dup() of a re-encoded TBS. */
    copy = X509_dup(x509);
    len = i2d_re_X509_tbs(copy, &again);
    assert_true(len > 0);
    OPENSSL_free(again);
    again = NULL;
    len = i2d_X509(copy, &again);
    assert_int_equal(len, der->len);
    assert_memory_equal(again, der->data, der->len);
    OPENSSL_free(again);
    X509_free(copy);
    return x509;
}

static void
certify(const struct profile *profile, const struct soft_ca *ca,
        const struct soft_key *key, struct buf *tbs, struct buf *certificate)
{
    struct buf subject = BUF_INIT(NAME_MAX_LEN);
    struct tbs_input input;
    struct error err = {0};

    soft_ca_subject(profile, "某单位", &subject);
    input = soft_ca_input(ca, soft_der(&subject), key);
    if (profile->validity.max_days < 366)
        input.period.not_after = soft_ca_now() + 7 * 86400 - 1;
    soft_ca_fill(profile, &input);
    if (!tbs_build(profile, &input, tbs, &err))
        fail_msg("%s: %s", profile->name, err.what);
    soft_ca_sign(ca, soft_der(tbs), certificate);
    buf_clear(&subject);
}

/* What OpenSSL reads is what the profile says. */
static void
compare(const struct profile *profile, const struct soft_ca *ca,
        const struct soft_key *key, const struct buf *certificate)
{
    X509 *x509 = read_certificate(certificate);
    uint32_t usage = X509_get_key_usage(x509);
    uint8_t id[PUBLIC_KEY_ID_LEN];
    const ASN1_OCTET_STRING *ski, *aki;
    unsigned ours = profile->key_usage[profile_family(key->type)];

    assert_int_equal(X509_get_version(x509), X509_VERSION_3);
    assert_int_equal(X509_verify(x509, ca->key.key), 1);
    assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(x509), key->key), 1);
    /* OpenSSL's flags have the DER's bit order: bit 0 is 0x80. */
    for (unsigned bit = 0; bit < 8; bit++)
        assert_int_equal(usage >> (7 - bit) & 1, ours >> bit & 1);
    assert_int_equal(X509_check_ca(x509), profile->is_ca ? 1 : 0);
    assert_true((X509_get_extension_flags(x509) & EXFLAG_INVALID) == 0);
    ski = X509_get0_subject_key_id(x509);
    assert_true(public_key_id(soft_key_spki(key), id, NULL));
    assert_int_equal(ASN1_STRING_length(ski), sizeof id);
    assert_memory_equal(ASN1_STRING_get0_data(ski), id, sizeof id);
    aki = X509_get0_authority_key_id(x509);
    assert_memory_equal(ASN1_STRING_get0_data(aki), ca->key_id, sizeof id);
    X509_free(x509);
}

static void
every_profile_and_key_makes_what_openssl_reads_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < set.count; i++)
        for (unsigned type = 0; type < HSM_KEY_TYPE_COUNT; type++) {
            const struct profile *profile = set.at[i];
            const struct soft_ca *ca =
                profile->issuer == PROFILE_ISSUER_ROOT ? &root : &issuing;
            struct lint_issuer issuer = {soft_der(&ca->subject),
                                         {ca->key_id, sizeof ca->key_id},
                                         ca->period.not_after};
            struct buf tbs = BUF_INIT(TBS_MAX_LEN);
            struct buf certificate = BUF_INIT(TBS_CERTIFICATE_MAX_LEN);
            struct error err = {0};

            if (!profile->is_key_allowed[type] ||
                profile->issuer == PROFILE_ISSUER_SELF)
                continue;
            certify(profile, ca, &keys[type], &tbs, &certificate);
            compare(profile, ca, &keys[type], &certificate);
            if (!lint_tbs(profile, &issuer, soft_der(&tbs), ca->scheme, NULL,
                          &err))
                fail_msg("%s: %s", profile->name, err.what);
            buf_clear(&tbs);
            buf_clear(&certificate);
        }
}

static void
every_scheme_is_one_that_openssl_verifies(void **state)
{
    (void)state;
    for (unsigned scheme = 0; scheme < HSM_SCHEME_COUNT; scheme++)
        for (unsigned type = 0; type < HSM_KEY_TYPE_COUNT; type++) {
            struct soft_ca ca = issuing;
            struct buf tbs = BUF_INIT(TBS_MAX_LEN);
            struct buf certificate = BUF_INIT(TBS_CERTIFICATE_MAX_LEN);
            struct error err = {0};
            X509 *x509;

            if (!hsm_scheme_fits((enum hsm_scheme)scheme,
                                 (enum hsm_key_type)type))
                continue;
            ca.key = keys[type];
            ca.scheme = (enum hsm_scheme)scheme;
            certify(profile_set_find(&set, "tls-client"), &ca,
                    &keys[HSM_KEY_EC_P256], &tbs, &certificate);
            x509 = read_certificate(&certificate);
            assert_int_equal(X509_verify(x509, ca.key.key), 1);
            if (!lint_tbs(profile_set_find(&set, "tls-client"), NULL,
                          soft_der(&tbs), ca.scheme, NULL, &err))
                fail_msg("%s", err.what);
            X509_free(x509);
            buf_clear(&tbs);
            buf_clear(&certificate);
        }
}

/* One extension through OpenSSL's configuration syntax. */
static void
oracle_extension(X509 *x509, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);

    assert_non_null(e);
    assert_int_equal(X509_add_ext(x509, e, -1), 1);
    X509_EXTENSION_free(e);
}

static void
the_octets_are_those_that_openssl_builds(void **state)
{
    const struct profile *profile = profile_set_find(&set, "tls-server");
    const struct soft_key *key = &keys[HSM_KEY_RSA_2048];
    struct buf tbs = BUF_INIT(TBS_MAX_LEN), subject = BUF_INIT(NAME_MAX_LEN);
    struct tbs_input input;
    X509 *x509 = X509_new(), *ca;
    X509V3_CTX ctx;
    BIGNUM *serial;
    X509_NAME *name = NULL;
    const unsigned char *p;
    unsigned char *expected = NULL;
    EVP_MD_CTX *sign = EVP_MD_CTX_new();
    CONF *conf = NCONF_new(NULL);
    char id[PUBLIC_KEY_ID_LEN * 2 + 1];
    uint8_t key_id[PUBLIC_KEY_ID_LEN];
    int len;

    (void)state;
    soft_ca_subject(profile, "某单位", &subject);
    input = soft_ca_input(&issuing, soft_der(&subject), key);
    soft_ca_fill(profile, &input);
    assert_true(tbs_build(profile, &input, &tbs, NULL));

    ca = read_certificate(&issuing.certificate);
    serial = BN_bin2bn(input.serial.octet, SERIAL_LEN, NULL);
    p = subject.data;
    assert_non_null(d2i_X509_NAME(&name, &p, (long)subject.len));
    X509_set_version(x509, X509_VERSION_3);
    assert_non_null(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509)));
    X509_set_issuer_name(x509, X509_get_subject_name(ca));
    X509_set_subject_name(x509, name);
    ASN1_TIME_set(X509_getm_notBefore(x509), input.period.not_before);
    ASN1_TIME_set(X509_getm_notAfter(x509), input.period.not_after);
    X509_set_pubkey(x509, key->key);
    X509V3_set_ctx(&ctx, ca, x509, NULL, NULL, 0);
    X509V3_set_nconf(&ctx, conf); /* policies are refused without one */
    oracle_extension(x509, &ctx, NID_authority_key_identifier, "keyid:always");
    assert_true(public_key_id(soft_key_spki(key), key_id, NULL));
    text_hex(key_id, sizeof key_id, id);
    oracle_extension(x509, &ctx, NID_subject_key_identifier, id);
    oracle_extension(x509, &ctx, NID_key_usage,
                     "critical,digitalSignature,keyEncipherment");
    oracle_extension(x509, &ctx, NID_ext_key_usage, "serverAuth");
    oracle_extension(x509, &ctx, NID_certificate_policies,
                     "1.3.6.1.4.1.32473.10.3");
    oracle_extension(x509, &ctx, NID_subject_alt_name,
                     "DNS:www.example.cn,IP:192.0.2.1,IP:2001:db8::1");
    oracle_extension(x509, &ctx, NID_info_access,
                     "OCSP;URI:http://pki.example.cn/ocsp,"
                     "caIssuers;URI:http://pki.example.cn/ca/issuing-1.cer");
    oracle_extension(x509, &ctx, NID_crl_distribution_points,
                     "URI:http://pki.example.cn/crl/issuing-1.crl");
    assert_int_equal(
        EVP_DigestSignInit(sign, NULL, EVP_sha256(), NULL, issuing.key.key), 1);
    assert_true(X509_sign_ctx(x509, sign) > 0);
    len = i2d_re_X509_tbs(x509, &expected);
    assert_int_equal(len, tbs.len);
    assert_memory_equal(expected, tbs.data, tbs.len);
    OPENSSL_free(expected);
    EVP_MD_CTX_free(sign);
    NCONF_free(conf);
    X509_NAME_free(name);
    BN_free(serial);
    X509_free(ca);
    X509_free(x509);
    buf_clear(&tbs);
    buf_clear(&subject);
}

static void
write_pem(const char *folder, const char *file, const struct buf *der)
{
    char path[128];
    struct buf text = BUF_INIT(262144);
    X509 *x509 = read_certificate(der);
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    long len;

    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
    len = BIO_get_mem_data(bio, &data);
    assert_true(text_file_write(path, data, (size_t)len, 0600, NULL));
    BIO_free(bio);
    X509_free(x509);
    buf_clear(&text);
}

static int
run(const char *folder, const char *script)
{
    char command[512];

    (void)snprintf(command, sizeof command, "cd %s && %s", folder, script);
    return system(command);
}

static void
judge_leaf(const char *folder, const char *name, struct buf *certificate)
{
    write_pem(folder, "leaf.pem", certificate);
    if (run(folder, "openssl verify -x509_strict -CAfile root.pem"
                    " -untrusted issuing.pem leaf.pem >/dev/null") != 0)
        fail_msg("openssl verify refuses %s", name);
    if (run(folder, "cat leaf.pem issuing.pem root.pem >chain.pem &&"
                    " certtool --verify --load-ca-certificate root.pem"
                    " --infile chain.pem >out 2>&1") != 0)
        fail_msg("certtool refuses %s", name);
    /* The last octet of the signature. */
    certificate->data[certificate->len - 1] ^= 1;
    write_pem(folder, "leaf.pem", certificate);
    assert_int_not_equal(run(folder, "openssl verify -CAfile root.pem"
                                     " -untrusted issuing.pem leaf.pem"
                                     " >/dev/null 2>&1"),
                         0);
    assert_int_not_equal(run(folder,
                             "cat leaf.pem issuing.pem root.pem >chain.pem &&"
                             " certtool --verify --load-ca-certificate root.pem"
                             " --infile chain.pem >out 2>&1"),
                         0);
}

/* The chain by two programs that share no code with us or with each other. */
static void
foreign_programs_accept_the_chain_and_refuse_a_changed_one(void **state)
{
    char folder[] = "/tmp/test_tbs.XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(folder));
    write_pem(folder, "root.pem", &root.certificate);
    write_pem(folder, "issuing.pem", &issuing.certificate);
    for (size_t i = 0; i < set.count; i++) {
        struct buf tbs = BUF_INIT(TBS_MAX_LEN);
        struct buf certificate = BUF_INIT(TBS_CERTIFICATE_MAX_LEN);

        if (set.at[i]->is_ca)
            continue;
        certify(set.at[i], &issuing, &keys[HSM_KEY_EC_P256], &tbs,
                &certificate);
        judge_leaf(folder, set.at[i]->name, &certificate);
        buf_clear(&tbs);
        buf_clear(&certificate);
    }
    assert_int_equal(run(folder, "rm -r \"$PWD\""), 0);
}

static void
the_same_input_gives_the_same_octets(void **state)
{
    const struct profile *profile =
        profile_set_find(&set, "organisation-signing");
    struct buf subject = BUF_INIT(NAME_MAX_LEN);
    struct buf one = BUF_INIT(TBS_MAX_LEN), two = BUF_INIT(TBS_MAX_LEN);
    struct tbs_input input;

    (void)state;
    soft_ca_subject(profile, "某单位", &subject);
    input = soft_ca_input(&issuing, soft_der(&subject), &keys[HSM_KEY_EC_P256]);
    soft_ca_fill(profile, &input);
    assert_true(tbs_build(profile, &input, &one, NULL));
    assert_true(tbs_build(profile, &input, &two, NULL));
    assert_true(der_equal(soft_der(&one), soft_der(&two)));
    buf_clear(&subject);
    buf_clear(&one);
    buf_clear(&two);
}

static void
the_organization_code_is_a_printable_string(void **state)
{
    /* 1.2.156.10260.4.1.4, OCTET STRING of PrintableString of 18 characters. */
    static const uint8_t expected[] = {0x06, 0x08, 0x2a, 0x81, 0x1c, 0xd0, 0x14,
                                       0x04, 0x01, 0x04, 0x04, 0x14, 0x13, 0x12,
                                       '9',  '1',  '4',  '4',  '0',  '1'};
    struct buf tbs = BUF_INIT(TBS_MAX_LEN);
    struct buf certificate = BUF_INIT(TBS_CERTIFICATE_MAX_LEN);

    (void)state;
    certify(profile_set_find(&set, "organisation-signing"), &issuing,
            &keys[HSM_KEY_EC_P256], &tbs, &certificate);
    assert_non_null(memmem(tbs.data, tbs.len, expected, sizeof expected));
    buf_clear(&tbs);
    buf_clear(&certificate);
}

static void
names_of_64_chinese_characters_are_certified(void **state)
{
    const struct profile *profile =
        profile_set_find(&set, "organisation-signing");
    struct buf subject = BUF_INIT(NAME_MAX_LEN), tbs = BUF_INIT(TBS_MAX_LEN);
    struct buf text = BUF_INIT(1024);
    struct api_subject ordered = {{0}}, applied;
    struct tbs_input input;
    struct error err = {0};

    (void)state;
    for (int i = 0; i < 64; i++)
        (void)buf_add_text(&text, "长");
    ordered.attribute[API_ORGANIZATION] = buf_text(&text);
    ordered.attribute[API_COMMON_NAME] = buf_text(&text);
    assert_true(profile_apply_subject(profile, &ordered, &applied, &err));
    assert_true(name_encode(&applied, &subject, &err));
    input = soft_ca_input(&issuing, soft_der(&subject), &keys[HSM_KEY_EC_P256]);
    soft_ca_fill(profile, &input);
    assert_true(tbs_build(profile, &input, &tbs, &err));
    if (!lint_tbs(profile, NULL, soft_der(&tbs), HSM_ECDSA_SHA256, NULL, &err))
        fail_msg("%s", err.what);
    (void)buf_add_text(&text, "长");
    ordered.attribute[API_COMMON_NAME] = buf_text(&text);
    assert_false(profile_apply_subject(profile, &ordered, &applied, &err));
    buf_clear(&subject);
    buf_clear(&tbs);
    buf_clear(&text);
}

static void
what_the_profile_forbids_is_not_built(void **state)
{
    const struct profile *profile =
        profile_set_find(&set, "organisation-encryption");
    struct buf subject = BUF_INIT(NAME_MAX_LEN), tbs = BUF_INIT(TBS_MAX_LEN);
    struct api_san san = {API_SAN_DNS, "www.example.cn"};
    struct tbs_input right, wrong;
    struct error err = {0};

    (void)state;
    soft_ca_subject(profile, "某单位", &subject);
    right = soft_ca_input(&issuing, soft_der(&subject), &keys[HSM_KEY_EC_P256]);
    soft_ca_fill(profile, &right);
    wrong = right;
    wrong.key_type = HSM_KEY_ED25519;
    wrong.spki = soft_key_spki(&keys[HSM_KEY_ED25519]);
    assert_false(tbs_build(profile, &wrong, &tbs, &err));
    assert_non_null(strstr(err.what, "ed25519"));
    wrong = right;
    wrong.organization_code = NULL;
    assert_false(tbs_build(profile, &wrong, &tbs, &err));
    wrong = right;
    wrong.san = &san;
    wrong.san_count = 1;
    assert_false(tbs_build(profile, &wrong, &tbs, &err));
    wrong = right;
    wrong.period.not_after = wrong.period.not_before;
    assert_false(tbs_build(profile, &wrong, &tbs, &err));
    wrong = right;
    wrong.issuer_key_id.len = 0;
    assert_false(tbs_build(profile, &wrong, &tbs, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    buf_reset(&tbs);
    assert_true(tbs_build(profile, &right, &tbs, &err));
    buf_clear(&subject);
    buf_clear(&tbs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_profile_and_key_makes_what_openssl_reads_alike),
        cmocka_unit_test(every_scheme_is_one_that_openssl_verifies),
        cmocka_unit_test(the_octets_are_those_that_openssl_builds),
        cmocka_unit_test(
            foreign_programs_accept_the_chain_and_refuse_a_changed_one),
        cmocka_unit_test(the_same_input_gives_the_same_octets),
        cmocka_unit_test(the_organization_code_is_a_printable_string),
        cmocka_unit_test(names_of_64_chinese_characters_are_certified),
        cmocka_unit_test(what_the_profile_forbids_is_not_built),
    };

    return cmocka_run_group_tests(tests, make, clear);
}
