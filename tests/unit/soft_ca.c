/* A CA with software keys; see soft_ca.h. */
#include "soft_ca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/clock.h"

void
soft_key_make(enum hsm_key_type type, struct soft_key *out)
{
    unsigned char *der = NULL;
    int len;

    memset(out, 0, sizeof *out);
    out->type = type;
    switch (type) {
    case HSM_KEY_RSA_2048:
        out->key = EVP_RSA_gen(2048);
        break;
    case HSM_KEY_RSA_3072:
        out->key = EVP_RSA_gen(3072);
        break;
    case HSM_KEY_RSA_4096:
        out->key = EVP_RSA_gen(4096);
        break;
    case HSM_KEY_EC_P256:
        out->key = EVP_EC_gen("P-256");
        break;
    case HSM_KEY_EC_P384:
        out->key = EVP_EC_gen("P-384");
        break;
    default:
        out->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    }
    assert_non_null(out->key);
    len = i2d_PUBKEY(out->key, &der);
    assert_true(len > 0);
    out->spki.limit = PUBLIC_KEY_SPKI_MAX;
    assert_true(buf_add(&out->spki, der, (size_t)len));
    OPENSSL_free(der);
}

void
soft_key_clear(struct soft_key *key)
{
    EVP_PKEY_free(key->key);
    buf_clear(&key->spki);
    memset(key, 0, sizeof *key);
}

struct der
soft_der(const struct buf *buf)
{
    return (struct der){buf->data, buf->len};
}

struct der
soft_key_spki(const struct soft_key *key)
{
    return soft_der(&key->spki);
}

int64_t
soft_ca_now(void)
{
    static int64_t now;

    if (now == 0)
        now = clock_now() - 3600;
    return now;
}

/* Begins a signature with the parameters of the scheme. */
static EVP_MD_CTX *
begin_signature(const struct soft_key *key, enum hsm_scheme scheme)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_ctx = NULL;

    assert_int_equal(EVP_DigestSignInit(ctx, &key_ctx,
                                        hsm_scheme_digest(scheme), NULL,
                                        key->key),
                     1);
    if (scheme >= HSM_RSA_PSS_SHA256 && scheme <= HSM_RSA_PSS_SHA512) {
        assert_int_equal(
            EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(
            EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, RSA_PSS_SALTLEN_DIGEST),
            1);
    }
    return ctx;
}

void
soft_key_sign(const struct soft_key *key, enum hsm_scheme scheme,
              struct der message, uint8_t *signature, size_t *len)
{
    EVP_MD_CTX *ctx = begin_signature(key, scheme);

    *len = HSM_SIGNATURE_MAX;
    assert_int_equal(
        EVP_DigestSign(ctx, signature, len, message.data, message.len), 1);
    EVP_MD_CTX_free(ctx);
}

void
soft_key_request(const struct soft_key *key, enum hsm_scheme scheme,
                 struct buf *out)
{
    EVP_MD_CTX *ctx = begin_signature(key, scheme);
    X509_REQ *request = X509_REQ_new();
    unsigned char *der = NULL;
    int len;

    assert_int_equal(X509_REQ_set_version(request, X509_REQ_VERSION_1), 1);
    assert_int_equal(
        X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN",
                                   MBSTRING_UTF8,
                                   (const unsigned char *)"request", -1, -1, 0),
        1);
    assert_int_equal(X509_REQ_set_pubkey(request, key->key), 1);
    assert_true(X509_REQ_sign_ctx(request, ctx) > 0);
    len = i2d_X509_REQ(request, &der);
    assert_true(len > 0);
    assert_true(buf_add(out, der, (size_t)len));
    OPENSSL_free(der);
    X509_REQ_free(request);
    EVP_MD_CTX_free(ctx);
}

void
soft_ca_subject(const struct profile *profile, const char *common_name,
                struct buf *out)
{
    struct api_subject subject = {{0}}, applied;
    struct error err = {0};

    for (unsigned i = 0; i < API_ATTRIBUTE_COUNT; i++)
        if (profile->subject[i].presence == PROFILE_REQUIRED)
            subject.attribute[i] = "Required";
    if (profile->subject[API_COUNTRY].presence == PROFILE_REQUIRED)
        subject.attribute[API_COUNTRY] = "CN";
    if (profile->subject[API_ORGANIZATION].presence == PROFILE_REQUIRED)
        subject.attribute[API_ORGANIZATION] = "广州示范科技有限公司";
    subject.attribute[API_COMMON_NAME] = common_name;
    if (!profile_apply_subject(profile, &subject, &applied, &err) ||
        !name_encode(&applied, out, &err))
        fail_msg("%s: %s", profile->name, err.what);
}

struct tbs_input
soft_ca_input(const struct soft_ca *ca, struct der subject,
              const struct soft_key *key)
{
    struct tbs_input input = {
        .scheme = ca->scheme,
        .issuer = soft_der(&ca->subject),
        .issuer_key_id = {ca->key_id, sizeof ca->key_id},
        .period = {soft_ca_now(), clock_add_years(soft_ca_now(), 1) - 1},
        .subject = subject,
        .spki = soft_key_spki(key),
        .key_type = key->type,
        .publish_url = "http://pki.example.cn",
        .issuer_name = ca->name,
    };

    assert_true(serial_draw(&input.serial, NULL));
    return input;
}

void
soft_ca_fill(const struct profile *profile, struct tbs_input *input)
{
    static const struct api_san server[] = {{API_SAN_DNS, "www.example.cn"},
                                            {API_SAN_IP, "192.0.2.1"},
                                            {API_SAN_IP, "2001:db8::1"}};
    static const struct api_san person[] = {
        {API_SAN_EMAIL, "someone@example.cn"}};

    if (profile->san[API_SAN_DNS].max > 0) {
        input->san = server;
        input->san_count = sizeof server / sizeof server[0];
    } else if (profile->san[API_SAN_EMAIL].max > 0) {
        input->san = person;
        input->san_count = 1;
    }
    if (profile->has[EXTENSION_ORGANIZATION_CODE])
        input->organization_code = "91440101MA5CQ8G73X";
}

void
soft_ca_sign(const struct soft_ca *ca, struct der tbs, struct buf *out)
{
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t len;

    soft_key_sign(&ca->key, ca->scheme, tbs, signature, &len);
    assert_true(tbs_certificate(tbs, ca->scheme, signature, len, out, NULL));
}

void
soft_ca_make(struct soft_ca *ca, const char *name, enum hsm_key_type type,
             const struct profile *profile, const struct soft_ca *parent)
{
    struct buf tbs = BUF_INIT(TBS_MAX_LEN);
    struct tbs_input input;
    struct error err = {0};

    memset(ca, 0, sizeof *ca);
    ca->name = name;
    soft_key_make(type, &ca->key);
    ca->scheme = hsm_scheme_default(type);
    ca->subject.limit = NAME_MAX_LEN;
    ca->certificate.limit = TBS_CERTIFICATE_MAX_LEN;
    soft_ca_subject(profile, name, &ca->subject);
    assert_true(public_key_id(soft_key_spki(&ca->key), ca->key_id, NULL));
    if (parent == NULL)
        parent = ca;
    input = soft_ca_input(parent, soft_der(&ca->subject), &ca->key);
    input.period.not_after =
        clock_add_years(soft_ca_now(), parent == ca ? 30 : 15) - 1;
    ca->period = input.period;
    if (!tbs_build(profile, &input, &tbs, &err))
        fail_msg("%s", err.what);
    soft_ca_sign(parent, soft_der(&tbs), &ca->certificate);
    buf_clear(&tbs);
}

void
soft_ca_clear(struct soft_ca *ca)
{
    soft_key_clear(&ca->key);
    buf_clear(&ca->subject);
    buf_clear(&ca->certificate);
}
