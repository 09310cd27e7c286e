/* Samples of status: CRLs and OCSP answers as the running service gives them,
 * and the chain as a relying party finds it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "ca-core/certify.h"
#include "ca-core/sample.h"

enum {
    CHAIN_MAX = 8,
    NAME_TEXT_MAX = 256,
    VISIBLE_MS = 10000, /* until a change must be seen; promise 4 is 1 s */
    PAUSE_NS = 100000000,
};

static void
pause_a_little(void)
{
    const struct timespec pause = {0, PAUSE_NS};

    (void)nanosleep(&pause, NULL);
}

static X509 *
decode(const uint8_t *der, size_t len)
{
    const unsigned char *p = der;

    return d2i_X509(NULL, &p, (long)len);
}

/* ---- The chain --------------------------------------------------------- */

/* The path of `url` on the server of publish.url. */
static const char *
path_of(const struct sample *sample, const char *url)
{
    const char *base = config_text(sample->config, "publish.url");
    size_t len = strlen(base);

    return strncmp(url, base, len) == 0 && url[len] == '/' ? url + len : NULL;
}

static bool
get(struct sample *sample, const char *path, struct http_answer *answer,
    struct error *err)
{
    if (!http_client_call(sample->published, HTTP_GET, path, NULL, NULL, 0,
                          answer, err))
        return error_wrap(err, "%s", path);
    if (answer->status != 200)
        return error_set(err, ERROR_NOT_FOUND, "%s: status %d", path,
                         answer->status);
    return true;
}

/* The issuer's certificate by authorityInfoAccess. The caller frees. */
static bool
fetch_issuer(struct sample *sample, const X509 *cert, X509 **out,
             struct error *err)
{
    AUTHORITY_INFO_ACCESS *access =
        X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
    struct http_answer answer = {.body = BUF_INIT(API_CERTIFICATE_MAX)};
    const char *path = NULL;
    char url[NAME_TEXT_MAX];
    int i;
    bool ok = false;

    for (i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++) {
        ACCESS_DESCRIPTION *at = sk_ACCESS_DESCRIPTION_value(access, i);

        if (OBJ_obj2nid(at->method) != NID_ad_ca_issuers ||
            at->location->type != GEN_URI)
            continue;
        (void)snprintf(url, sizeof url, "%s",
                       (const char *)ASN1_STRING_get0_data(
                           at->location->d.uniformResourceIdentifier));
        path = path_of(sample, url);
    }
    if (path == NULL) {
        error_set(err, ERROR_NOT_FOUND, "a certificate tells no issuer");
        goto out;
    }
    if (!get(sample, path, &answer, err))
        goto out;
    *out = decode(answer.body.data, answer.body.len);
    ok = *out != NULL ||
         error_openssl(err, ERROR_INPUT, "%s is no certificate", path);
out:
    http_answer_clear(&answer);
    AUTHORITY_INFO_ACCESS_free(access);
    return ok;
}

static bool
write_x509(struct sample *sample, const char *name, X509 *cert,
           struct error *err)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);
    bool ok;

    if (len <= 0)
        return error_openssl(err, ERROR_INTERNAL, "encode a certificate");
    ok = sample_write_certificate(sample, name, der, (size_t)len, err);
    OPENSSL_free(der);
    return ok;
}

/* Up to the root; *issuer gets the first above. The caller frees it. */
static bool
write_chain(struct sample *sample, X509 *leaf, X509 **issuer, struct error *err)
{
    X509 *at = leaf, *next = NULL;
    int depth;
    bool ok = false;

    for (depth = 0; depth < CHAIN_MAX; depth++) {
        if (X509_self_signed(at, 0) == 1) {
            ok = write_x509(sample, "chain--root", at, err);
            break;
        }
        if (!fetch_issuer(sample, at, &next, err))
            break;
        if (at != leaf && at != *issuer)
            X509_free(at);
        at = next;
        if (*issuer == NULL) {
            *issuer = next;
            if (!write_x509(sample, "chain--issuing", next, err))
                break;
        }
    }
    if (at != leaf && at != *issuer)
        X509_free(at);
    return ok || error_wrap(err, "chain");
}

/* ---- OCSP -------------------------------------------------------------- */

static bool
ask(struct sample *sample, const ASN1_INTEGER *serial, X509 *issuer,
    struct http_answer *answer, int *status, struct error *err)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    OCSP_RESPONSE *response = NULL;
    OCSP_BASICRESP *basic = NULL;
    OCSP_CERTID *id =
        OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(issuer),
                         X509_get0_pubkey_bitstr(issuer), serial);
    const unsigned char *p;
    unsigned char *der = NULL;
    int len;
    bool ok = false;

    /* The request owns the id once it is added. */
    if (request == NULL || id == NULL ||
        OCSP_request_add0_id(request, id) == NULL ||
        (len = i2d_OCSP_REQUEST(request, &der)) <= 0) {
        error_openssl(err, ERROR_INTERNAL, "make an OCSP request");
        goto out;
    }
    if (!http_client_call(sample->published, HTTP_POST, "/ocsp",
                          "application/ocsp-request", der, (size_t)len, answer,
                          err))
        goto out;
    p = answer->body.data;
    response = d2i_OCSP_RESPONSE(NULL, &p, (long)answer->body.len);
    basic = response == NULL ? NULL : OCSP_response_get1_basic(response);
    if (basic == NULL || OCSP_resp_count(basic) != 1) {
        error_openssl(err, ERROR_INTERNAL, "no OCSP answer");
        goto out;
    }
    *status = OCSP_single_get0_status(OCSP_resp_get0(basic, 0), NULL, NULL,
                                      NULL, NULL);
    ok = true;
out:
    OPENSSL_free(der);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    OCSP_REQUEST_free(request);
    return ok;
}

/* Asks until the answer is `wanted`, and keeps it. */
static bool
write_answer(struct sample *sample, const char *name,
             const ASN1_INTEGER *serial, X509 *issuer, int wanted,
             struct error *err)
{
    int64_t until = clock_monotonic_ms() + VISIBLE_MS;
    int status = -1;
    bool ok = false;

    for (;;) {
        struct http_answer answer = {.body = BUF_INIT(65536)};

        ok = ask(sample, serial, issuer, &answer, &status, err);
        if (ok && status == wanted)
            ok = sample_write(sample, name, answer.body.data, answer.body.len,
                              err);
        http_answer_clear(&answer);
        if (!ok || status == wanted)
            return ok || error_wrap(err, "%s", name);
        if (clock_monotonic_ms() > until)
            return error_set(err, ERROR_INTERNAL, "%s: OCSP answers %s", name,
                             OCSP_cert_status_str(status));
        pause_a_little();
    }
}

static bool
write_unknown(struct sample *sample, X509 *issuer, struct error *err)
{
    struct serial serial;
    ASN1_INTEGER *number = NULL;
    BIGNUM *value = NULL;
    bool ok = false;

    if (!serial_draw(&serial, err))
        return false;
    value = BN_bin2bn(serial.octet, SERIAL_LEN, NULL);
    number = value == NULL ? NULL : BN_to_ASN1_INTEGER(value, NULL);
    if (number == NULL) {
        error_openssl(err, ERROR_INTERNAL, "make a serial");
        goto out;
    }
    ok = write_answer(sample, "ocsp-answer--unknown.der", number, issuer,
                      V_OCSP_CERTSTATUS_UNKNOWN, err);
out:
    ASN1_INTEGER_free(number);
    BN_free(value);
    return ok;
}

/* ---- CRLs -------------------------------------------------------------- */

/* The path of a certificate's CRL. */
static bool
crl_path(const struct sample *sample, const X509 *cert, char *out, size_t max)
{
    CRL_DIST_POINTS *points =
        X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
    const char *path = NULL;
    char url[NAME_TEXT_MAX];

    if (sk_DIST_POINT_num(points) == 1) {
        DIST_POINT_NAME *name = sk_DIST_POINT_value(points, 0)->distpoint;

        if (name != NULL && name->type == 0 &&
            sk_GENERAL_NAME_num(name->name.fullname) == 1) {
            (void)snprintf(url, sizeof url, "%s",
                           (const char *)ASN1_STRING_get0_data(
                               sk_GENERAL_NAME_value(name->name.fullname, 0)
                                   ->d.uniformResourceIdentifier));
            path = path_of(sample, url);
        }
    }
    if (path != NULL)
        (void)snprintf(out, max, "%s", path);
    CRL_DIST_POINTS_free(points);
    return path != NULL;
}

static bool
lists(const struct buf *der, const ASN1_INTEGER *serial)
{
    const unsigned char *p = der->data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der->len);
    X509_REVOKED *entry = NULL;
    bool found;

    found = crl != NULL &&
            X509_CRL_get0_by_serial(crl, &entry, (ASN1_INTEGER *)serial) != 0;
    X509_CRL_free(crl);
    return found;
}

/* The CRL that a certificate points to; until it lists `revoked`, if given. */
static bool
write_crl(struct sample *sample, const char *name, const X509 *cert,
          const ASN1_INTEGER *revoked, struct error *err)
{
    int64_t until = clock_monotonic_ms() + VISIBLE_MS;
    char path[NAME_TEXT_MAX];

    if (!crl_path(sample, cert, path, sizeof path))
        return error_set(err, ERROR_NOT_FOUND, "%s: no distribution point",
                         name);
    for (;;) {
        struct http_answer answer = {.body = BUF_INIT(64 * 1024 * 1024)};
        bool ok = get(sample, path, &answer, err), is_there = false;

        if (ok)
            is_there = revoked == NULL || lists(&answer.body, revoked);
        if (is_there)
            ok = sample_write(sample, name, answer.body.data, answer.body.len,
                              err);
        http_answer_clear(&answer);
        if (!ok || is_there)
            return ok;
        if (clock_monotonic_ms() > until)
            return error_set(err, ERROR_INTERNAL,
                             "%s does not list what was revoked", path);
        pause_a_little();
    }
}

/* ---- All of it --------------------------------------------------------- */

static bool
revoke(struct sample *sample, const struct api_answer_certificate *certificate,
       struct error *err)
{
    struct api_certificate_ref target = {.issuer = certificate->issuer};
    struct api_order order = {.kind = API_REVOKE,
                              .account = sample->tag,
                              .person = sample->tag,
                              .target = &target,
                              .target_count = 1,
                              .reason = API_REASON_KEY_COMPROMISE};
    struct api_answer answer = {0};
    struct buf path = BUF_INIT(NAME_TEXT_MAX);
    json_t *reply = NULL;
    bool ok;

    memcpy(target.serial, certificate->serial, sizeof target.serial);
    order.invalidity_date = clock_now() - 3600;
    (void)buf_addf(&path, "/v1/crls/%s", certificate->issuer);
    ok = sample_order(sample, &order, &answer, err) &&
         http_client_json(sample->ca, HTTP_POST, buf_text(&path), NULL, &reply,
                          err);
    json_decref(reply);
    api_answer_clear(&answer);
    buf_clear(&path);
    return ok || error_wrap(err, "revoke");
}

bool
sample_status(struct sample *sample, struct error *err)
{
    struct api_answer good = {0}, bad = {0};
    X509 *good_cert = NULL, *bad_cert = NULL, *issuer = NULL;
    const ASN1_INTEGER *bad_serial;
    bool ok = false;

    if (!sample_one(sample, &good, err) || !sample_one(sample, &bad, err) ||
        !revoke(sample, &bad.certificate[0], err))
        goto out;
    good_cert = decode(good.certificate[0].der, good.certificate[0].der_len);
    bad_cert = decode(bad.certificate[0].der, bad.certificate[0].der_len);
    if (good_cert == NULL || bad_cert == NULL) {
        error_openssl(err, ERROR_INTERNAL, "decode a certificate");
        goto out;
    }
    bad_serial = X509_get0_serialNumber(bad_cert);
    ok = write_x509(sample, "chain--good-end-entity", good_cert, err) &&
         write_x509(sample, "chain--revoked-end-entity", bad_cert, err) &&
         write_chain(sample, good_cert, &issuer, err) &&
         write_answer(sample, "ocsp-answer--good.der",
                      X509_get0_serialNumber(good_cert), issuer,
                      V_OCSP_CERTSTATUS_GOOD, err) &&
         write_answer(sample, "ocsp-answer--revoked.der", bad_serial, issuer,
                      V_OCSP_CERTSTATUS_REVOKED, err) &&
         write_unknown(sample, issuer, err) &&
         write_crl(sample, "crl--full--issuing.crl", good_cert, bad_serial,
                   err) &&
         write_crl(sample, "crl--full--root.crl", issuer, NULL, err);
out:
    X509_free(issuer);
    X509_free(bad_cert);
    X509_free(good_cert);
    api_answer_clear(&bad);
    api_answer_clear(&good);
    return ok;
}
