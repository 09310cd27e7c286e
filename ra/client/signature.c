/* Detached signatures of files; see ra/client/signature.h. */
#include "ra/client/signature.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/der.h"
#include "base/http_client.h"
#include "ra/client/holding.h"

enum {
    PIECE = 65536,
    ATTRIBUTES_MAX = 1024,
    STAMP_MAX = 65536,
    TIMESTAMP_TIMEOUT_MS = 15000,
    NONCE_LEN = 8,
};

/* Content octets of OIDs: RFC 5652, 5035, 3161. */
static const uint8_t oid_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                   0x0d, 0x01, 0x07, 0x01};
static const uint8_t oid_signed_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                          0x0d, 0x01, 0x07, 0x02};
static const uint8_t oid_content_type[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                           0x0d, 0x01, 0x09, 0x03};
static const uint8_t oid_message_digest[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                             0x0d, 0x01, 0x09, 0x04};
static const uint8_t oid_signing_time[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                           0x0d, 0x01, 0x09, 0x05};
static const uint8_t oid_signing_certificate[] = {
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f};
static const uint8_t oid_timestamp[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
                                        0x01, 0x09, 0x10, 0x02, 0x0e};
static const uint8_t oid_sha256[] = {0x60, 0x86, 0x48, 0x01, 0x65,
                                     0x03, 0x04, 0x02, 0x01};

/* ---- Whose signature
 * ------------------------------------------------------------------ */

struct signer {
    struct hsm_device_key *key; /* those of the device that sign */
    size_t key_count;
    const struct hsm_device_key *chosen;
    X509 *cert;
};

/* The later one; of two that begin at the same time, the one that lasts. */
static bool
is_better(X509 *cert, X509 *than)
{
    int order;

    if (than == NULL)
        return true;
    order =
        ASN1_TIME_compare(X509_get0_notBefore(cert), X509_get0_notBefore(than));
    if (order == 0)
        order = ASN1_TIME_compare(X509_get0_notAfter(cert),
                                  X509_get0_notAfter(than));
    return order > 0;
}

static bool
signer_each(const uint8_t *der, size_t len, void *arg, struct error *err)
{
    struct signer *signer = arg;
    const unsigned char *p = der;
    X509 *cert = d2i_X509(NULL, &p, (long)len);
    const struct hsm_device_key *key = NULL;

    (void)err;
    if (cert != NULL)
        key = holding_key_of(signer->key, signer->key_count, cert);
    if (key == NULL ||
        (X509_get_key_usage(cert) &
         (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0 ||
        X509_cmp_current_time(X509_get0_notBefore(cert)) > 0 ||
        X509_cmp_current_time(X509_get0_notAfter(cert)) < 0 ||
        !is_better(cert, signer->cert)) {
        X509_free(cert);
        return true;
    }
    X509_free(signer->cert);
    signer->cert = cert;
    signer->chosen = key;
    return true;
}

static bool
signer_find(struct hsm_device *device, struct signer *signer, struct error *err)
{
    size_t count = 0;

    signer->key = base_alloc(HSM_DEVICE_KEYS_MAX * sizeof *signer->key);
    if (!hsm_device_keys(device, signer->key, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (signer->key[i].can_sign)
            signer->key[signer->key_count++] = signer->key[i];
    if (!hsm_device_certificates(device, signer_each, signer, err))
        return false;
    if (signer->cert == NULL)
        return error_set(err, ERROR_NOT_FOUND,
                         "the device has no signing certificate that is valid "
                         "now");
    return true;
}

/* ---- Making one
 * ------------------------------------------------------------------------ */

static bool
hash_file(FILE *in, uint8_t digest[32], struct error *err)
{
    static uint8_t piece[PIECE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len;
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

    while (ok && (len = fread(piece, 1, sizeof piece, in)) > 0)
        ok = EVP_DigestUpdate(ctx, piece, len) == 1;
    ok = ok && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        return error_openssl(err, ERROR_INTERNAL, "cannot hash");
    return !ferror(in) ||
           error_errno(err, ERROR_INTERNAL, "the file cannot be read");
}

static void
add_sha256(struct buf *out)
{
    size_t mark = der_begin(out, DER_SEQUENCE);

    der_add_oid(out, oid_sha256, sizeof oid_sha256);
    der_end(out, mark);
}

static size_t
attribute_begin(struct buf *out, const uint8_t *oid, size_t len, size_t *set)
{
    size_t mark = der_begin(out, DER_SEQUENCE);

    der_add_oid(out, oid, len);
    *set = der_begin(out, DER_SET);
    return mark;
}

static void
attribute_end(struct buf *out, size_t mark, size_t set)
{
    der_end(out, set);
    der_end(out, mark);
}

/* The signed attributes, in the order of a DER SET OF: they are of different
 * lengths, and a shorter one has the smaller length octet, comes first. */
static bool
signed_attributes(X509 *cert, const uint8_t digest[32], int64_t at,
                  struct buf *out)
{
    uint8_t hash[32];
    unsigned hash_len = 0;
    size_t mark, set, outer, inner, id;

    if (X509_digest(cert, EVP_sha256(), hash, &hash_len) != 1)
        return false;
    mark =
        attribute_begin(out, oid_content_type, sizeof oid_content_type, &set);
    der_add_oid(out, oid_data, sizeof oid_data);
    attribute_end(out, mark, set);

    mark =
        attribute_begin(out, oid_signing_time, sizeof oid_signing_time, &set);
    der_add_time(out, at);
    attribute_end(out, mark, set);

    mark = attribute_begin(out, oid_message_digest, sizeof oid_message_digest,
                           &set);
    der_add(out, DER_OCTET_STRING, digest, 32);
    attribute_end(out, mark, set);

    /* SigningCertificateV2 with the default hash: RFC 5035, 3. */
    mark = attribute_begin(out, oid_signing_certificate,
                           sizeof oid_signing_certificate, &set);
    outer = der_begin(out, DER_SEQUENCE);
    inner = der_begin(out, DER_SEQUENCE);
    id = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_OCTET_STRING, hash, sizeof hash);
    der_end(out, id);
    der_end(out, inner);
    der_end(out, outer);
    attribute_end(out, mark, set);
    return !buf_is_full(out);
}

static void
add_issuer_serial(struct buf *out, X509 *cert)
{
    unsigned char *issuer = NULL, *serial = NULL;
    int issuer_len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
    int serial_len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &serial);
    size_t mark = der_begin(out, DER_SEQUENCE);

    (void)buf_add(out, issuer, issuer_len > 0 ? (size_t)issuer_len : 0);
    (void)buf_add(out, serial, serial_len > 0 ? (size_t)serial_len : 0);
    der_end(out, mark);
    OPENSSL_free(issuer);
    OPENSSL_free(serial);
}

/* SHA-256 for every key: what the device is asked for. */
static enum hsm_scheme
scheme_of(const struct hsm_device_key *key)
{
    switch (key->type) {
    case HSM_KEY_EC_P256:
    case HSM_KEY_EC_P384:
        return HSM_ECDSA_SHA256;
    case HSM_KEY_ED25519:
        return HSM_ED25519;
    default:
        return HSM_RSA_PKCS1_SHA256;
    }
}

static void
assemble(const struct signer *signer, const struct buf *attributes,
         const uint8_t *signature, size_t signature_len,
         const struct buf *stamp, struct buf *out)
{
    size_t algorithm_len, cert_len, content, explicit, data, mark, infos, info;
    const uint8_t *algorithm =
        hsm_scheme_algorithm(scheme_of(signer->chosen), &algorithm_len);
    unsigned char *cert = NULL;
    int len = i2d_X509(signer->cert, &cert);

    cert_len = len > 0 ? (size_t)len : 0;
    content = der_begin(out, DER_SEQUENCE);
    der_add_oid(out, oid_signed_data, sizeof oid_signed_data);
    explicit = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    data = der_begin(out, DER_SEQUENCE);
    der_add_small(out, 1);
    mark = der_begin(out, DER_SET);
    add_sha256(out);
    der_end(out, mark);
    mark = der_begin(out, DER_SEQUENCE); /* detached: no content */
    der_add_oid(out, oid_data, sizeof oid_data);
    der_end(out, mark);
    mark = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    (void)buf_add(out, cert, cert_len);
    der_end(out, mark);
    infos = der_begin(out, DER_SET);
    info = der_begin(out, DER_SEQUENCE);
    der_add_small(out, 1);
    add_issuer_serial(out, signer->cert);
    add_sha256(out);
    mark = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    (void)buf_add(out, attributes->data, attributes->len);
    der_end(out, mark);
    (void)buf_add(out, algorithm, algorithm_len);
    der_add(out, DER_OCTET_STRING, signature, signature_len);
    if (stamp->len > 0) {
        size_t attribute, set;

        mark = der_begin(out, DER_CONTEXT_CONSTRUCTED(1));
        attribute =
            attribute_begin(out, oid_timestamp, sizeof oid_timestamp, &set);
        (void)buf_add(out, stamp->data, stamp->len);
        attribute_end(out, attribute, set);
        der_end(out, mark);
    }
    der_end(out, info);
    der_end(out, infos);
    der_end(out, data);
    der_end(out, explicit);
    der_end(out, content);
    OPENSSL_free(cert);
}

/* ---- Timestamps: RFC 3161
 * --------------------------------------------------------------- */

static TS_REQ *
stamp_request(const uint8_t digest[32])
{
    TS_REQ *request = TS_REQ_new();
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    ASN1_INTEGER *nonce = ASN1_INTEGER_new();
    BIGNUM *number = BN_new();
    bool ok = request != NULL && imprint != NULL && algorithm != NULL &&
              nonce != NULL && number != NULL &&
              X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL,
                              NULL) == 1 &&
              TS_REQ_set_version(request, 1) == 1 &&
              TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
              TS_MSG_IMPRINT_set_msg(
                  imprint, (unsigned char *)(uintptr_t)digest, 32) == 1 &&
              TS_REQ_set_msg_imprint(request, imprint) == 1 &&
              BN_rand(number, NONCE_LEN * 8, BN_RAND_TOP_ONE,
                      BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(number, nonce) != NULL &&
              TS_REQ_set_nonce(request, nonce) == 1 &&
              TS_REQ_set_cert_req(request, 1) == 1;

    TS_MSG_IMPRINT_free(imprint);
    X509_ALGOR_free(algorithm);
    ASN1_INTEGER_free(nonce);
    BN_free(number);
    if (!ok) {
        TS_REQ_free(request);
        return NULL;
    }
    return request;
}

/* "http://host:port/path" into what the client wants. */
static bool
ask(const char *url, const char *trust_file, TS_REQ *request,
    struct http_answer *answer, struct error *err)
{
    const char *slash = strstr(url, "://");
    char base[1024];
    struct http_client_options options = {
        .base_url = base,
        .trust_file = strncmp(url, "https:", 6) == 0 ? trust_file : NULL,
        .timeout_ms = TIMESTAMP_TIMEOUT_MS,
        .body_max = STAMP_MAX,
    };
    struct http_client *client = NULL;
    unsigned char *der = NULL;
    int len = i2d_TS_REQ(request, &der);
    size_t host_len;
    bool ok;

    slash = slash == NULL ? NULL : strchr(slash + 3, '/');
    host_len = slash == NULL ? strlen(url) : (size_t)(slash - url);
    if (len <= 0 || host_len >= sizeof base) {
        OPENSSL_free(der);
        return error_set(err, ERROR_INPUT, "%s: no address", url);
    }
    memcpy(base, url, host_len);
    base[host_len] = '\0';
    ok = http_client_new(&options, &client, err) &&
         http_client_call(client, HTTP_POST, slash == NULL ? "/" : slash,
                          "application/timestamp-query", der, (size_t)len,
                          answer, err);
    http_client_free(client);
    OPENSSL_free(der);
    if (ok && answer->status != 200)
        ok = error_set(err, ERROR_BUSY, "the timestamp authority answered %d",
                       answer->status);
    return ok;
}

/* The token of an answer that answers this very request. */
static bool
stamp_take(TS_REQ *request, const struct buf *body, struct buf *out,
           struct error *err)
{
    const unsigned char *p = body->data;
    TS_RESP *response = d2i_TS_RESP(NULL, &p, (long)body->len);
    TS_VERIFY_CTX *ctx = NULL;
    unsigned char *der = NULL;
    PKCS7 *token;
    int len = 0;
    bool ok = false;

    if (response == NULL || p != body->data + body->len ||
        (ctx = TS_REQ_to_TS_VERIFY_CTX(request, NULL)) == NULL) {
        error_openssl(err, ERROR_INPUT, "no timestamp");
        goto out;
    }
    /* Whom to believe is decided by who verifies; here: is it our answer? */
    (void)TS_VERIFY_CTX_set_flags(ctx, TS_VFY_VERSION | TS_VFY_IMPRINT |
                                           TS_VFY_NONCE);
    if (TS_RESP_verify_response(ctx, response) != 1) {
        error_openssl(err, ERROR_INPUT, "the timestamp is for another request");
        goto out;
    }
    token = TS_RESP_get_token(response);
    len = i2d_PKCS7(token, &der);
    ok = len > 0 && buf_add(out, der, (size_t)len);
    if (!ok)
        error_openssl(err, ERROR_INTERNAL, "timestamp");
out:
    OPENSSL_free(der);
    TS_VERIFY_CTX_free(ctx);
    TS_RESP_free(response);
    return ok;
}

static bool
stamp_get(const char *url, const char *trust_file, const uint8_t *signature,
          size_t signature_len, struct buf *out, struct error *err)
{
    uint8_t digest[32];
    struct http_answer answer = {0};
    TS_REQ *request;
    bool ok;

    if (EVP_Digest(signature, signature_len, digest, NULL, EVP_sha256(),
                   NULL) != 1 ||
        (request = stamp_request(digest)) == NULL)
        return error_openssl(err, ERROR_INTERNAL, "timestamp request");
    ok = ask(url, trust_file, request, &answer, err) &&
         stamp_take(request, &answer.body, out, err);
    http_answer_clear(&answer);
    TS_REQ_free(request);
    return ok;
}

/* ---- Public
 * ----------------------------------------------------------------------------------
 */

static bool
make(struct hsm_device *device, const struct signer *signer, FILE *in,
     const char *timestamp_url, const char *trust_file, struct buf *out,
     struct error *err)
{
    struct buf attributes = BUF_INIT(ATTRIBUTES_MAX);
    struct buf to_sign = BUF_INIT(ATTRIBUTES_MAX + 8);
    struct buf stamp = BUF_INIT(STAMP_MAX);
    uint8_t digest[32], signature[HSM_SIGNATURE_MAX];
    size_t signature_len = 0;
    bool ok = hash_file(in, digest, err);

    if (ok &&
        !signed_attributes(signer->cert, digest, clock_now(), &attributes))
        ok = error_openssl(err, ERROR_INTERNAL, "attributes");
    /* Signed as a SET OF, carried as [0]: RFC 5652, 5.4. */
    if (ok)
        der_add(&to_sign, DER_SET, attributes.data, attributes.len);
    ok = ok && hsm_device_sign(device, signer->chosen,
                               scheme_of(signer->chosen), to_sign.data,
                               to_sign.len, signature, &signature_len, err);
    if (ok && timestamp_url != NULL)
        ok = stamp_get(timestamp_url, trust_file, signature, signature_len,
                       &stamp, err);
    if (ok) {
        assemble(signer, &attributes, signature, signature_len, &stamp, out);
        ok = !buf_is_full(out) ||
             error_set(err, ERROR_INTERNAL, "the signature is too long");
    }
    buf_clear(&attributes);
    buf_clear(&to_sign);
    buf_clear(&stamp);
    return ok;
}

bool
signature_make(struct hsm_device *device, FILE *in, const char *timestamp_url,
               const char *trust_file, struct buf *out, struct error *err)
{
    struct signer signer = {0};
    bool ok = signer_find(device, &signer, err) &&
              make(device, &signer, in, timestamp_url, trust_file, out, err);

    X509_free(signer.cert);
    free(signer.key);
    return ok;
}

static int64_t
instant_of(const ASN1_TIME *time)
{
    struct tm tm = {0};

    return time != NULL && ASN1_TIME_to_tm(time, &tm) == 1
               ? (int64_t)timegm(&tm)
               : 0;
}

/* The time in a timestamp over this signature, by an authority that the store
 * trusts; 0 if there is none. False for one that is wrong. */
static bool
stamp_verify(CMS_SignerInfo *info, X509_STORE *store, int64_t *at,
             struct error *err)
{
    ASN1_OBJECT *type = OBJ_nid2obj(NID_id_smime_aa_timeStampToken);
    ASN1_OCTET_STRING *signature = CMS_SignerInfo_get0_signature(info);
    ASN1_TYPE *value =
        CMS_unsigned_get0_data_by_OBJ(info, type, -3, V_ASN1_SEQUENCE);
    const ASN1_STRING *sequence = (const ASN1_STRING *)(const void *)value;
    TS_VERIFY_CTX *ctx = NULL;
    TS_TST_INFO *tst = NULL;
    PKCS7 *token = NULL;
    const unsigned char *p;
    BIO *data = NULL;
    bool ok = false;

    *at = 0;
    if (value == NULL)
        return true;
    p = ASN1_STRING_get0_data(sequence);
    token = d2i_PKCS7(NULL, &p, ASN1_STRING_length(sequence));
    ctx = TS_VERIFY_CTX_new();
    data = BIO_new_mem_buf(ASN1_STRING_get0_data(signature),
                           ASN1_STRING_length(signature));
    if (token == NULL || ctx == NULL || data == NULL ||
        X509_STORE_up_ref(store) != 1) {
        error_openssl(err, ERROR_INPUT, "the timestamp is malformed");
        goto out;
    }
    (void)TS_VERIFY_CTX_set_flags(ctx, TS_VFY_VERSION | TS_VFY_SIGNATURE |
                                           TS_VFY_DATA);
    (void)TS_VERIFY_CTX_set_data(ctx, data); /* takes it, and the store */
    data = NULL;
    (void)TS_VERIFY_CTX_set_store(ctx, store);
    if (TS_RESP_verify_token(ctx, token) != 1 ||
        (tst = PKCS7_to_TS_TST_INFO(token)) == NULL) {
        error_openssl(err, ERROR_INPUT, "the timestamp is not good");
        goto out;
    }
    *at = instant_of(TS_TST_INFO_get_time(tst));
    ok = true;
out:
    TS_TST_INFO_free(tst);
    BIO_free(data);
    TS_VERIFY_CTX_free(ctx);
    PKCS7_free(token);
    return ok;
}

static void
name_signer(CMS_ContentInfo *cms, struct signature_verdict *out)
{
    STACK_OF(X509) *signers = CMS_get0_signers(cms);
    BIO *bio = BIO_new(BIO_s_mem());
    int len = -1;

    if (signers != NULL && sk_X509_num(signers) > 0 && bio != NULL &&
        X509_NAME_print_ex(bio,
                           X509_get_subject_name(sk_X509_value(signers, 0)), 0,
                           XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
        len = BIO_read(bio, out->signer, SIGNATURE_NAME_MAX - 1);
    out->signer[len < 0 ? 0 : len] = '\0';
    BIO_free(bio);
    sk_X509_free(signers);
}

static bool
verify(CMS_ContentInfo *cms, X509_STORE *store, FILE *in,
       struct signature_verdict *out, struct error *err)
{
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
    X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
    CMS_SignerInfo *info;
    ASN1_TYPE *time;
    BIO *content;
    bool ok;

    if (infos == NULL || sk_CMS_SignerInfo_num(infos) != 1)
        return error_set(err, ERROR_INPUT, "not exactly one signature");
    info = sk_CMS_SignerInfo_value(infos, 0);
    if (!stamp_verify(info, store, &out->stamped_at, err))
        return false;
    /* A certificate that has run out since was good when a timestamp says so.
     * Any purpose: an organisation signs documents, not e-mail. */
    (void)X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
    if (out->stamped_at != 0)
        X509_VERIFY_PARAM_set_time(param, out->stamped_at);
    content = BIO_new_fp(in, BIO_NOCLOSE);
    ok = content != NULL && CMS_verify(cms, NULL, store, content, NULL,
                                       CMS_BINARY | CMS_DETACHED) == 1;
    BIO_free(content);
    if (!ok)
        return error_openssl(err, ERROR_INPUT, "the signature is not good");
    name_signer(cms, out);
    time = CMS_signed_get0_data_by_OBJ(info, OBJ_nid2obj(NID_pkcs9_signingTime),
                                       -3, V_ASN1_UTCTIME);
    out->signed_at = instant_of((const ASN1_TIME *)(const void *)time);
    return true;
}

bool
signature_verify(const uint8_t *data, size_t len, FILE *in,
                 const char *trust_file, struct signature_verdict *out,
                 struct error *err)
{
    const unsigned char *p = data;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)len);
    X509_STORE *store = X509_STORE_new();
    bool ok = false;

    if (cms == NULL || p != data + len ||
        OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)
        error_openssl(err, ERROR_INPUT, "no signature file");
    else if (trust_file == NULL)
        error_set(err, ERROR_INPUT,
                  "say whom to trust: --ca-file FILE, or SIGNET_KEY_CA_FILE");
    else if (store == NULL || X509_STORE_load_file(store, trust_file) != 1)
        error_openssl(err, ERROR_INPUT, "%s", trust_file);
    else
        ok = verify(cms, store, in, out, err);
    X509_STORE_free(store);
    CMS_ContentInfo_free(cms);
    return ok;
}
