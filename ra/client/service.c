/* The RA as the holder's client sees it; see ra/client/service.h. */
#include "ra/client/service.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/x509.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"

enum {
    TIMEOUT_MS = 30000,
    ANSWER_MAX = 1024 * 1024,
    TRIES = 4,
    STATEMENT_MAX = 65536,
};

struct service {
    struct http_client *http;
};

bool
service_new(const char *url, const char *trust_file,
            const char *certificate_file, const char *key_file,
            struct service **out, struct error *err)
{
    const struct http_client_options options = {
        .base_url = url,
        .trust_file = trust_file,
        .certificate_file = certificate_file,
        .key_file = key_file,
        .timeout_ms = TIMEOUT_MS,
        .body_max = ANSWER_MAX,
    };
    struct http_client *http = NULL;

    *out = NULL;
    if (url == NULL || strncmp(url, "https://", 8) != 0)
        return error_set(err, ERROR_INPUT,
                         "say where the service is: --url https://..., or "
                         "SIGNET_KEY_URL");
    if (trust_file == NULL)
        return error_set(err, ERROR_INPUT,
                         "say whom to trust: --ca-file FILE, or "
                         "SIGNET_KEY_CA_FILE");
    if (!http_client_new(&options, &http, err))
        return false;
    *out = base_alloc(sizeof **out);
    (*out)->http = http;
    return true;
}

void
service_free(struct service *service)
{
    if (service == NULL)
        return;
    http_client_free(service->http);
    free(service);
}

/* While nothing answers, 1, 2 and 3 seconds. */
static bool
call(struct service *service, enum http_method method, const char *path,
     const json_t *body, json_t **out, struct error *err)
{
    for (int i = 1;; i++) {
        const struct timespec pause = {i, 0};

        *out = NULL;
        if (http_client_json(service->http, method, path, body, out, err))
            return true;
        if (err->code != ERROR_BUSY || i == TRIES)
            return false;
        (void)nanosleep(&pause, NULL);
        *err = (struct error){0};
    }
}

bool
service_get(struct service *service, const char *path, json_t **out,
            struct error *err)
{
    return call(service, HTTP_GET, path, NULL, out, err);
}

bool
service_post(struct service *service, const char *path, const json_t *body,
             json_t **out, struct error *err)
{
    return call(service, HTTP_POST, path, body, out, err);
}

bool
service_path(const char *area, const char *name, const char *call_name,
             char out[SERVICE_PATH_MAX], struct error *err)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789-");

    if (len == 0 || name[len] != '\0' || len > 64)
        return error_set(err, ERROR_INPUT, "%.64s: no number of a case", name);
    (void)snprintf(out, SERVICE_PATH_MAX, "/v1/client/%s/%s%s%s", area, name,
                   call_name == NULL ? "" : "/",
                   call_name == NULL ? "" : call_name);
    return true;
}

/* ---- Statements
 * ----------------------------------------------------------- */

bool
service_sign(struct hsm_device *device, const struct hsm_device_key *key,
             const json_t *statement, json_t *object, const char *name,
             struct error *err)
{
    struct buf text = BUF_INIT(STATEMENT_MAX);
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t len = 0;
    bool ok = json_canonical(statement, &text, err) &&
              hsm_device_sign(device, key, hsm_scheme_default(key->type),
                              text.data, text.len, signature, &len, err);

    if (ok)
        json_set_bytes(object, name, signature, len);
    buf_clear(&text);
    return ok;
}

bool
service_call(struct hsm_device *device, const struct hsm_device_key *key,
             const char *serial, const char *action, const char *number,
             json_t **out, struct error *err)
{
    int64_t now = clock_now();
    json_t *statement = json_object();
    bool ok;

    *out = json_object();
    json_set_text(*out, "device", serial);
    json_set_time(*out, "signed_at", now);
    json_set_text(statement, "action", action);
    json_set_text(statement, "device", serial);
    json_set_text(statement, "number", number);
    json_set_time(statement, "signed_at", now);
    ok = service_sign(device, key, statement, *out, "signature", err);
    json_decref(statement);
    if (!ok) {
        json_decref(*out);
        *out = NULL;
    }
    return ok;
}

/* Name and key, everything but the signature. */
static X509_REQ *
request_begin(const struct hsm_device_key *key, const char *serial)
{
    const unsigned char *p = key->spki;
    EVP_PKEY *public_key = d2i_PUBKEY(NULL, &p, (long)key->spki_len);
    X509_REQ *req = X509_REQ_new();
    X509_NAME *name = X509_NAME_new();
    bool ok = public_key != NULL && req != NULL && name != NULL &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                         (const unsigned char *)serial, -1, -1,
                                         0) == 1 &&
              X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
              X509_REQ_set_subject_name(req, name) == 1 &&
              X509_REQ_set_pubkey(req, public_key) == 1;

    EVP_PKEY_free(public_key);
    X509_NAME_free(name);
    if (!ok) {
        X509_REQ_free(req);
        req = NULL;
    }
    return req;
}

static bool
request_seal(X509_REQ *req, enum hsm_scheme scheme, const uint8_t *signature,
             size_t signature_len)
{
    size_t algorithm_len = 0;
    const unsigned char *p = hsm_scheme_algorithm(scheme, &algorithm_len);
    X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &p, (long)algorithm_len);
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    bool ok = algorithm != NULL && bits != NULL &&
              ASN1_BIT_STRING_set(bits, (unsigned char *)(uintptr_t)signature,
                                  (int)signature_len) == 1 &&
              X509_REQ_set1_signature_algo(req, algorithm) == 1;

    X509_ALGOR_free(algorithm);
    if (!ok) {
        ASN1_BIT_STRING_free(bits);
        return false;
    }
    /* Whole octets: X.690, 11.2.2, not as the last set bit would have it. */
    bits->flags &= ~(long)(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
    bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
    X509_REQ_set0_signature(req, bits);
    return true;
}

bool
service_csr(struct hsm_device *device, const struct hsm_device_key *key,
            const char *serial, struct buf *out, struct error *err)
{
    enum hsm_scheme scheme = hsm_scheme_default(key->type);
    X509_REQ *req = request_begin(key, serial);
    uint8_t signature[HSM_SIGNATURE_MAX];
    unsigned char *der = NULL;
    size_t signature_len = 0;
    int len = req == NULL ? -1 : i2d_re_X509_REQ_tbs(req, &der);
    bool ok = false;

    if (len <= 0) {
        error_openssl(err, ERROR_INTERNAL, "certificate request");
        goto out;
    }
    if (!hsm_device_sign(device, key, scheme, der, (size_t)len, signature,
                         &signature_len, err))
        goto out;
    OPENSSL_free(der);
    der = NULL;
    if (!request_seal(req, scheme, signature, signature_len) ||
        X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) != 1 ||
        (len = i2d_X509_REQ(req, &der)) <= 0 ||
        !buf_add(out, der, (size_t)len)) {
        error_openssl(err, ERROR_INTERNAL, "certificate request");
        goto out;
    }
    ok = true;
out:
    OPENSSL_free(der);
    X509_REQ_free(req);
    return ok;
}

bool
service_key_id(const char *number, uint8_t out[SERVICE_ID_LEN],
               struct error *err)
{
    uint8_t hash[HASH_LEN];

    if (!hash_sha256(number, strlen(number), hash, err))
        return false;
    memcpy(out, hash, SERVICE_ID_LEN);
    return true;
}
