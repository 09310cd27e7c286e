/* Samples for outside judges; see ca-core/sample.h. */
#include "ca-core/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "base/text.h"
#include "ca-core/ceremony_internal.h"

enum {
    FILE_MAX = 64 * 1024,
    BODY_MAX = 64 * 1024 * 1024,
    TIMEOUT_MS = 30000,
    PATH_LEN_MAX = 4096,
};

bool
sample_write(struct sample *sample, const char *name, const void *data,
             size_t len, struct error *err)
{
    struct buf path = BUF_INIT(PATH_LEN_MAX);
    bool ok;

    (void)buf_addf(&path, "%s/%s", sample->out, name);
    ok = text_file_write(buf_text(&path), data, len, 0644, err);
    buf_clear(&path);
    sample->file_count++;
    return ok;
}

bool
sample_write_certificate(struct sample *sample, const char *name,
                         const uint8_t *der, size_t len, struct error *err)
{
    struct buf pem = BUF_INIT(BODY_MAX), file = BUF_INIT(PATH_LEN_MAX);
    bool ok;

    ceremony_add_pem(&pem, "CERTIFICATE", der, len);
    (void)buf_addf(&file, "%s.pem", name);
    ok = sample_write(sample, buf_text(&file), pem.data, pem.len, err);
    buf_clear(&file);
    buf_clear(&pem);
    return ok;
}

/* ---- Officers ---------------------------------------------------------- */

static bool
read_part(const char *folder, const char *who, const char *file,
          struct buf *out, struct error *err)
{
    struct buf path = BUF_INIT(PATH_LEN_MAX);
    bool ok;

    (void)buf_addf(&path, "%s/%s/%s", folder, who, file);
    ok = text_file_read(buf_text(&path), FILE_MAX, out, err);
    buf_clear(&path);
    return ok;
}

static bool
decode_officer(struct sample_officer *out, const struct buf *key,
               const struct buf *cert, struct error *err)
{
    BIO *key_bio = BIO_new_mem_buf(key->data, (int)key->len);
    BIO *cert_bio = BIO_new_mem_buf(cert->data, (int)cert->len);
    X509 *x509 = NULL;
    unsigned char *der = NULL;
    int len;
    bool ok = false;

    if (key_bio == NULL || cert_bio == NULL ||
        (out->key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL)) ==
            NULL ||
        (x509 = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL)) == NULL ||
        (len = i2d_X509(x509, &der)) <= 0) {
        error_openssl(err, ERROR_INPUT, "key and certificate of an officer");
        goto out;
    }
    out->certificate = base_copy(der, (size_t)len);
    out->certificate_len = (size_t)len;
    ok = true;
out:
    OPENSSL_free(der);
    X509_free(x509);
    BIO_free(cert_bio);
    BIO_free(key_bio);
    return ok;
}

static bool
load_officer(const char *folder, const char *who, struct sample_officer *out,
             struct error *err)
{
    struct buf key = BUF_INIT(FILE_MAX), cert = BUF_INIT(FILE_MAX);
    struct buf id = BUF_INIT(FILE_MAX);
    bool ok;

    ok = read_part(folder, who, "key.pem", &key, err) &&
         read_part(folder, who, "cert.pem", &cert, err) &&
         read_part(folder, who, "officer_id", &id, err) &&
         decode_officer(out, &key, &cert, err);
    (void)snprintf(out->officer_id, sizeof out->officer_id, "%.36s",
                   buf_text(&id));
    buf_clear(&id);
    buf_clear(&cert);
    buf_cleanse(&key);
    return ok || error_wrap(err, "officer %s", who);
}

static void
clear_officer(struct sample_officer *officer)
{
    EVP_PKEY_free(officer->key);
    free(officer->certificate);
}

/* ---- All of it --------------------------------------------------------- */

static bool
open_sample(struct sample *sample, const char *officers, struct error *err)
{
    static const char *const required[] = {
        "cli.ca_url",     "cli.certificate_file", "cli.key_file",
        "tls.trust_file", "publish.url",          NULL};
    const struct config *config = sample->config;
    const struct http_client_options ca = {
        .base_url = config_text(config, "cli.ca_url"),
        .trust_file = config_path(config, "tls.trust_file"),
        .certificate_file = config_path(config, "cli.certificate_file"),
        .key_file = config_path(config, "cli.key_file"),
        .timeout_ms = TIMEOUT_MS,
        .body_max = BODY_MAX,
    };
    const struct http_client_options published = {
        .base_url = config_text(config, "publish.url"),
        .timeout_ms = TIMEOUT_MS,
        .body_max = BODY_MAX,
    };
    char uuid[TEXT_UUID_LEN + 1];

    if (!config_require(config, required, err) || !text_uuid_draw(uuid, err))
        return false;
    (void)snprintf(sample->tag, sizeof sample->tag, "%.8s", uuid);
    return profile_set_load(config_path(config, "ca.profiles_dir"),
                            config_path(config, "schema_dir"),
                            &sample->profiles, err) &&
           load_officer(officers, "first", &sample->first, err) &&
           load_officer(officers, "second", &sample->second, err) &&
           http_client_new(&ca, &sample->ca, err) &&
           http_client_new(&published, &sample->published, err);
}

bool
sample_run(const struct config *config, const char *officers, const char *out,
           size_t *count, struct error *err)
{
    struct sample sample = {.config = config, .out = out};
    bool ok;

    ok = open_sample(&sample, officers, err) &&
         sample_certificates(&sample, err) && sample_ceremony(&sample, err) &&
         sample_status(&sample, err);
    *count = sample.file_count;
    http_client_free(sample.published);
    http_client_free(sample.ca);
    clear_officer(&sample.second);
    clear_officer(&sample.first);
    profile_set_clear(&sample.profiles);
    return ok;
}
