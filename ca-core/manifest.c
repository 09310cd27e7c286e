/* Manifests of exports; see ca-core/manifest.h. */
#include "ca-core/manifest.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/hash.h"
#include "base/text.h"

enum { PEM_MAX = 4096, INDEX_NONE = -1 };

static const int64_t index_max = (INT64_C(1) << 53) - 1; /* RFC 8785 */

/* ---- Writing ----------------------------------------------------------- */

static json_t *
to_json(const struct manifest *manifest)
{
    json_t *json = json_object();

    json_set_time(json, "from", manifest->from);
    json_set_time(json, "to", manifest->to);
    json_set_int(json, "first_index", manifest->first_index);
    json_set_int(json, "last_index", manifest->last_index);
    json_set_int(json, "count", manifest->count);
    json_set_hex(json, "root", manifest->root, sizeof manifest->root);
    json_set_hex(json, "log_key", manifest->log_key, sizeof manifest->log_key);
    json_set_time(json, "made_at", manifest->made_at);
    return json;
}

bool
manifest_encode(const struct manifest *manifest, struct buf *out,
                struct error *err)
{
    json_t *json = to_json(manifest);
    bool ok = json_canonical(json, out, err);

    json_decref(json);
    return ok;
}

/* A DER SubjectPublicKeyInfo as PEM (RFC 7468, 13). */
static bool
set_key(json_t *json, const uint8_t *spki, size_t spki_len, struct error *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len;
    bool ok = false;

    if (bio == NULL ||
        PEM_write_bio(bio, PEM_STRING_PUBLIC, "", spki, (long)spki_len) <= 0) {
        error_openssl(err, ERROR_INTERNAL, "write the log key");
        goto out;
    }
    len = BIO_get_mem_data(bio, &text);
    json_object_set_new(json, "public_key", json_stringn(text, (size_t)len));
    ok = true;
out:
    BIO_free(bio);
    return ok;
}

bool
manifest_document(const struct manifest *manifest, enum hsm_scheme scheme,
                  const uint8_t *spki, size_t spki_len,
                  const uint8_t *signature, size_t signature_len, json_t **out,
                  struct error *err)
{
    json_t *json = json_object();

    json_object_set_new(json, "manifest", to_json(manifest));
    json_set_text(json, "scheme", hsm_scheme_name(scheme));
    json_set_bytes(json, "signature", signature, signature_len);
    if (!set_key(json, spki, spki_len, err)) {
        json_decref(json);
        return false;
    }
    *out = json;
    return true;
}

/* ---- Reading ----------------------------------------------------------- */

static bool
get_hash(const json_t *json, const char *name, uint8_t out[32],
         struct error *err)
{
    const char *text;
    size_t len;

    if (!json_get_text(json, name, 64, &text, err))
        return false;
    return (text_unhex(text, out, 32, &len) && len == 32) ||
           error_set(err, ERROR_INPUT, "\"%s\" is no SHA-256 in hex", name);
}

static bool
read_manifest(const json_t *json, struct manifest *out, struct error *err)
{
    static const char *const names[] = {"count",      "first_index", "from",
                                        "last_index", "log_key",     "made_at",
                                        "root",       "to",          NULL};

    if (!json_only(json, names, err) ||
        !json_get_time(json, "from", &out->from, err) ||
        !json_get_time(json, "to", &out->to, err) ||
        !json_get_time(json, "made_at", &out->made_at, err) ||
        !json_get_int(json, "first_index", 0, index_max, &out->first_index,
                      err) ||
        !json_get_int(json, "last_index", INDEX_NONE, index_max,
                      &out->last_index, err) ||
        !json_get_int(json, "count", 0, index_max, &out->count, err) ||
        !get_hash(json, "root", out->root, err) ||
        !get_hash(json, "log_key", out->log_key, err))
        return false;
    return out->last_index - out->first_index + 1 == out->count ||
           error_set(err, ERROR_INPUT,
                     "\"count\" is not that of first_index to last_index");
}

/* The first PEM block, which must be a public key. */
static bool
read_pem(const char *pem, size_t len, uint8_t **der, long *der_len,
         struct error *err)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    char *name = NULL, *header = NULL;
    bool ok;

    ok = bio != NULL && PEM_read_bio(bio, &name, &header, der, der_len) == 1 &&
         strcmp(name, PEM_STRING_PUBLIC) == 0 && header[0] == '\0';
    if (!ok)
        error_openssl(err, ERROR_INPUT, "no PEM public key");
    OPENSSL_free(name);
    OPENSSL_free(header);
    BIO_free(bio);
    return ok;
}

bool
manifest_key_parse(const char *pem, size_t len, EVP_PKEY **out,
                   uint8_t sha256[32], struct error *err)
{
    uint8_t *der = NULL;
    const unsigned char *p;
    EVP_PKEY *key = NULL;
    long der_len = 0;
    bool ok = false;

    if (len > PEM_MAX)
        return error_set(err, ERROR_INPUT, "public key of %zu octets", len);
    if (!read_pem(pem, len, &der, &der_len, err))
        goto out;
    p = der;
    key = d2i_PUBKEY(NULL, &p, der_len);
    if (key == NULL || p != der + der_len) {
        error_openssl(err, ERROR_INPUT, "unreadable public key");
        goto out;
    }
    if (!hash_sha256(der, (size_t)der_len, sha256, err))
        goto out;
    *out = key;
    key = NULL;
    ok = true;
out:
    EVP_PKEY_free(key);
    OPENSSL_free(der);
    return ok;
}

static bool
read_key(const json_t *document, struct manifest_signed *out, struct error *err)
{
    uint8_t sha256[32];
    const char *pem;

    if (!json_get_text(document, "public_key", PEM_MAX, &pem, err) ||
        !manifest_key_parse(pem, strlen(pem), &out->key, sha256, err))
        return false;
    return CRYPTO_memcmp(sha256, out->manifest.log_key, sizeof sha256) == 0 ||
           error_set(err, ERROR_INPUT,
                     "\"public_key\" is not the key of \"log_key\"");
}

bool
manifest_parse(const json_t *document, struct manifest_signed *out,
               struct error *err)
{
    static const char *const names[] = {"manifest", "public_key", "scheme",
                                        "signature", NULL};
    struct buf signature = BUF_INIT(HSM_SIGNATURE_MAX);
    const char *scheme;
    json_t *json;
    bool ok = false;

    memset(out, 0, sizeof *out);
    if (!json_only(document, names, err) ||
        !json_get_object(document, "manifest", &json, err) ||
        !read_manifest(json, &out->manifest, err) ||
        !json_get_text(document, "scheme", 32, &scheme, err) ||
        !json_get_bytes(document, "signature", HSM_SIGNATURE_MAX, &signature,
                        err) ||
        !read_key(document, out, err))
        goto out;
    if (!hsm_scheme_find(scheme, &out->scheme)) {
        error_set(err, ERROR_INPUT, "no signature scheme '%s'", scheme);
        goto out;
    }
    if (signature.len > 0)
        memcpy(out->signature, signature.data, signature.len);
    out->signature_len = signature.len;
    ok = true;
out:
    buf_clear(&signature);
    if (!ok)
        manifest_clear(out);
    return ok || error_wrap(err, "manifest");
}

void
manifest_clear(struct manifest_signed *manifest)
{
    EVP_PKEY_free(manifest->key);
    manifest->key = NULL;
}

bool
manifest_verify(const struct manifest_signed *manifest, EVP_PKEY *trusted,
                struct error *err)
{
    struct buf octets = BUF_INIT(MANIFEST_MAX);
    bool ok = false;

    if (trusted != NULL && EVP_PKEY_eq(trusted, manifest->key) != 1) {
        error_openssl(err, ERROR_DENIED, "the manifest is of another log key");
        goto out;
    }
    if (!manifest_encode(&manifest->manifest, &octets, err))
        goto out;
    ok = hsm_scheme_verify(manifest->scheme, manifest->key, octets.data,
                           octets.len, manifest->signature,
                           manifest->signature_len, err) ||
         error_set(err, ERROR_DENIED,
                   "the manifest is not signed by the log key");
out:
    buf_clear(&octets);
    return ok;
}
