/* Signed calls: ra/signed_call.h. */
#include "ra/signed_call.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "base/hash.h"
#include "base/http_route.h"
#include "base/text.h"

enum {
    KEY_FILE_MAX = 16 * 1024,
    MAC_LEN = 32,
    ED25519_LEN = 64,
    TIMEOUT_MS = 10000,
};

struct signed_key {
    EVP_PKEY *pair; /* NULL: a secret */
    struct buf secret;
};

/* ---- Keys -----------------------------------------------------------------
 */

static bool
key_read(const char *path, bool is_private, struct signed_key **out,
         struct error *err)
{
    struct buf pem = BUF_INIT(KEY_FILE_MAX);
    EVP_PKEY *pair = NULL;
    BIO *bio = NULL;
    bool ok = false;

    if (!text_file_read(path, KEY_FILE_MAX, &pem, err))
        goto out;
    bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    if (bio != NULL)
        pair = is_private ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)
                          : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    if (pair == NULL || !EVP_PKEY_is_a(pair, "ED25519")) {
        error_openssl(err, ERROR_INPUT, "%s: no Ed25519 %s key in PEM", path,
                      is_private ? "private" : "public");
        goto out;
    }
    *out = base_alloc(sizeof **out);
    (*out)->pair = pair;
    pair = NULL;
    ok = true;
out:
    EVP_PKEY_free(pair);
    BIO_free(bio);
    buf_cleanse(&pem);
    return ok;
}

bool
signed_key_private(const char *path, struct signed_key **out, struct error *err)
{
    return key_read(path, true, out, err);
}

bool
signed_key_public(const char *path, struct signed_key **out, struct error *err)
{
    return key_read(path, false, out, err);
}

bool
signed_key_secret_new(const void *secret, size_t len, struct signed_key **out,
                      struct error *err)
{
    if (len < SIGNED_SECRET_MIN || len > KEY_FILE_MAX)
        return error_set(err, ERROR_INPUT, "a secret of %d octets or more",
                         SIGNED_SECRET_MIN);
    *out = base_alloc(sizeof **out);
    (*out)->secret.limit = KEY_FILE_MAX;
    (void)buf_add(&(*out)->secret, secret, len);
    return true;
}

bool
signed_key_secret(const char *path, struct signed_key **out, struct error *err)
{
    struct buf text = BUF_INIT(KEY_FILE_MAX);
    bool ok = text_file_read(path, KEY_FILE_MAX, &text, err);

    while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]) != NULL)
        text.len--;
    ok = ok && (signed_key_secret_new(text.data, text.len, out, err) ||
                error_wrap(err, "%s", path));
    buf_cleanse(&text);
    return ok;
}

void
signed_key_free(struct signed_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pair);
    buf_cleanse(&key->secret);
    free(key);
}

/* ---- Signatures -----------------------------------------------------------
 */

static bool
mac_make(const struct signed_key *key, const struct buf *text,
         uint8_t out[MAC_LEN], struct error *err)
{
    unsigned len = 0;

    if (HMAC(EVP_sha256(), key->secret.data, (int)key->secret.len, text->data,
             text->len, out, &len) == NULL ||
        len != MAC_LEN)
        return error_openssl(err, ERROR_INTERNAL, "cannot make an HMAC");
    return true;
}

static bool
text_sign(const struct signed_key *key, const struct buf *text, struct buf *out,
          struct error *err)
{
    uint8_t signature[ED25519_LEN];
    size_t len = sizeof signature;
    EVP_MD_CTX *ctx = NULL;
    bool ok;

    if (buf_is_full(text))
        return error_set(err, ERROR_INTERNAL, "too long to be signed");
    if (key->pair == NULL) {
        len = MAC_LEN;
        ok = mac_make(key, text, signature, err);
    } else {
        ctx = EVP_MD_CTX_new();
        ok = ctx != NULL &&
             EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pair) == 1 &&
             EVP_DigestSign(ctx, signature, &len, text->data, text->len) == 1;
        if (!ok)
            error_openssl(err, ERROR_INTERNAL, "cannot sign a call");
        EVP_MD_CTX_free(ctx);
    }
    if (ok)
        text_base64(signature, len, out);
    return ok;
}

static bool
text_verify(const struct signed_key *key, const struct buf *text,
            const char *signature, struct error *err)
{
    struct buf octets = BUF_INIT(ED25519_LEN);
    uint8_t mac[MAC_LEN];
    EVP_MD_CTX *ctx = NULL;
    bool is_right = false;

    if (!buf_is_full(text) &&
        text_unbase64(signature, strlen(signature), &octets)) {
        if (key->pair == NULL) {
            is_right = mac_make(key, text, mac, err) && octets.len == MAC_LEN &&
                       CRYPTO_memcmp(mac, octets.data, MAC_LEN) == 0;
        } else {
            ctx = EVP_MD_CTX_new();
            is_right =
                ctx != NULL && octets.len == ED25519_LEN &&
                EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->pair) == 1 &&
                EVP_DigestVerify(ctx, octets.data, octets.len, text->data,
                                 text->len) == 1;
            EVP_MD_CTX_free(ctx);
        }
    }
    buf_clear(&octets);
    if (is_right)
        return true;
    return error_openssl(err, ERROR_DENIED, "the signature is not right");
}

static bool
body_hash(const void *body, size_t len, char hex[2 * HASH_LEN + 1],
          struct error *err)
{
    uint8_t hash[HASH_LEN];

    if (!hash_sha256(body == NULL ? "" : body, len, hash, err))
        return false;
    text_hex(hash, HASH_LEN, hex);
    return true;
}

static bool
call_text(const struct signed_call *call, struct buf *out, struct error *err)
{
    char hex[2 * HASH_LEN + 1];

    if (!body_hash(call->body, call->body_len, hex, err))
        return false;
    (void)buf_addf(out, "signet-call-1\n%s\n%s\n%lld\n%s\n%s\n", call->method,
                   call->target, (long long)call->at, call->nonce, hex);
    return true;
}

static bool
answer_text(int status, const char *nonce, const void *body, size_t body_len,
            struct buf *out, struct error *err)
{
    char hex[2 * HASH_LEN + 1];

    if (!body_hash(body, body_len, hex, err))
        return false;
    (void)buf_addf(out, "signet-answer-1\n%d\n%s\n%s\n", status, nonce, hex);
    return true;
}

bool
signed_call_sign(const struct signed_key *key, const struct signed_call *call,
                 struct buf *out, struct error *err)
{
    struct buf text = BUF_INIT(SIGNED_TEXT_MAX);
    bool ok = call_text(call, &text, err) && text_sign(key, &text, out, err);

    buf_clear(&text);
    return ok;
}

bool
signed_answer_sign(const struct signed_key *key, int status, const char *nonce,
                   const void *body, size_t body_len, struct buf *out,
                   struct error *err)
{
    struct buf text = BUF_INIT(SIGNED_TEXT_MAX);
    bool ok = answer_text(status, nonce, body, body_len, &text, err) &&
              text_sign(key, &text, out, err);

    buf_clear(&text);
    return ok;
}

bool
signed_call_verify(const struct signed_key *key, const struct signed_call *call,
                   const char *signature, struct error *err)
{
    struct buf text = BUF_INIT(SIGNED_TEXT_MAX);
    bool ok =
        call_text(call, &text, err) && text_verify(key, &text, signature, err);

    buf_clear(&text);
    return ok;
}

bool
signed_answer_verify(const struct signed_key *key, int status,
                     const char *nonce, const void *body, size_t body_len,
                     const char *signature, struct error *err)
{
    struct buf text = BUF_INIT(SIGNED_TEXT_MAX);
    bool ok = answer_text(status, nonce, body, body_len, &text, err) &&
              text_verify(key, &text, signature, err);

    buf_clear(&text);
    return ok;
}

/* ---- What comes in --------------------------------------------------------
 */

static bool
nonce_is_formed(const char *nonce)
{
    return strlen(nonce) == SIGNED_NONCE_LEN &&
           strspn(nonce, "0123456789abcdef") == SIGNED_NONCE_LEN;
}

bool
signed_request_check(const struct signed_key *key,
                     const struct http_request *req, int64_t now,
                     char nonce[SIGNED_NONCE_LEN + 1], struct error *err)
{
    const char *time = http_header(req, "signet-time");
    const char *drawn = http_header(req, "signet-nonce");
    const char *signature = http_header(req, "signet-signature");
    struct buf target = BUF_INIT(SIGNED_TEXT_MAX);
    struct signed_call call = {.method = http_method_name(req->method),
                               .body = req->body,
                               .body_len = req->body_len};
    bool ok;

    if (time == NULL || drawn == NULL || signature == NULL)
        return error_set(err, ERROR_DENIED,
                         "sign the call: Signet-Time, Signet-Nonce, "
                         "Signet-Signature");
    if (!text_int64(time, 0, INT64_MAX / 2, &call.at) ||
        !nonce_is_formed(drawn))
        return error_set(err, ERROR_DENIED,
                         "Signet-Time is seconds, Signet-Nonce 32 hex digits");
    memcpy(call.nonce, drawn, SIGNED_NONCE_LEN + 1);
    (void)buf_addf(&target, "%s%s%s", req->path,
                   req->query[0] != '\0' ? "?" : "", req->query);
    call.target = buf_text(&target);
    ok = !buf_is_full(&target)
             ? signed_call_verify(key, &call, signature, err)
             : error_set(err, ERROR_DENIED, "the target is too long");
    /* After the signature: nobody else learns what our clock says. */
    if (ok && (call.at < now - SIGNED_TOLERANCE_S ||
               call.at > now + SIGNED_TOLERANCE_S))
        ok = error_set(err, ERROR_DENIED,
                       "the call was signed more than %d s from now",
                       SIGNED_TOLERANCE_S);
    if (ok)
        memcpy(nonce, call.nonce, SIGNED_NONCE_LEN + 1);
    buf_clear(&target);
    return ok;
}

/* ---- What goes out --------------------------------------------------------
 */

static bool
nonce_draw(char nonce[SIGNED_NONCE_LEN + 1], struct error *err)
{
    uint8_t octets[SIGNED_NONCE_LEN / 2];

    if (RAND_bytes(octets, sizeof octets) != 1)
        return error_openssl(err, ERROR_INTERNAL, "no random octets");
    text_hex(octets, sizeof octets, nonce);
    return true;
}

static bool
answer_check(const struct signed_key *answers, const char *nonce,
             const struct http_answer *answer, struct error *err)
{
    if (answers == NULL)
        return true;
    if (answer->wanted[0] != '\0' &&
        signed_answer_verify(answers, answer->status, nonce, answer->body.data,
                             answer->body.len, answer->wanted, err))
        return true;
    /* A proxy on the way may say 502 unsigned: it is to be tried again. */
    return error_set(err, answer->status >= 500 ? ERROR_BUSY : ERROR_INTERNAL,
                     "an answer of status %d that is not signed rightly",
                     answer->status);
}

bool
signed_exchange(struct http_client *client, const struct signed_key *key,
                const struct signed_key *answers, enum http_method method,
                const char *base_path, const char *path, const void *body,
                size_t body_len, int64_t now, struct http_answer *answer,
                struct error *err)
{
    struct buf target = BUF_INIT(SIGNED_TEXT_MAX);
    struct buf signature = BUF_INIT(256);
    struct signed_call call = {.method = http_method_name(method),
                               .at = now,
                               .body = body,
                               .body_len = body_len};
    char lines[3][160];
    const char *headers[] = {lines[0], lines[1], lines[2], NULL};
    struct http_call http = {.method = method,
                             .path = path,
                             .content_type =
                                 body != NULL ? "application/json" : NULL,
                             .body = body,
                             .body_len = body_len,
                             .headers = headers,
                             .wanted_header = "signet-signature"};
    bool ok = false;

    memset(answer, 0, sizeof *answer);
    (void)buf_addf(&target, "%s%s", base_path, path);
    call.target = buf_text(&target);
    if (buf_is_full(&target)) {
        error_set(err, ERROR_INTERNAL, "the target is too long");
        goto out;
    }
    if (!nonce_draw(call.nonce, err) ||
        !signed_call_sign(key, &call, &signature, err))
        goto out;
    (void)snprintf(lines[0], sizeof lines[0], "Signet-Time: %lld",
                   (long long)now);
    (void)snprintf(lines[1], sizeof lines[1], "Signet-Nonce: %s", call.nonce);
    (void)snprintf(lines[2], sizeof lines[2], "Signet-Signature: %s",
                   buf_text(&signature));
    ok = http_client_exchange(client, &http, answer, err) &&
         answer_check(answers, call.nonce, answer, err);
out:
    buf_clear(&target);
    buf_clear(&signature);
    return ok;
}

bool
outside_is_local(const char *url)
{
    static const char *const hosts[] = {"127.0.0.1", "[::1]", "localhost"};
    const char *host = strstr(url, "://");

    if (host == NULL)
        return false;
    host += 3;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        size_t len = strlen(hosts[i]);

        if (strncmp(host, hosts[i], len) != 0)
            continue;
        host += len;
        if (*host == ':') /* a port, and no password before an '@' */
            host += 1 + strspn(host + 1, "0123456789");
        return *host == '\0' || *host == '/';
    }
    return false;
}

bool
outside_client_new(const struct config *config, const char *key,
                   size_t body_max, struct http_client **out,
                   const char **base_path, struct error *err)
{
    const char *url = config_text(config, key);
    const char *trust = config_path(config, "ra.outside_trust_file");
    bool is_tls = strncmp(url, "https://", 8) == 0;
    const char *path = strstr(url, "://");

    if (url[0] == '\0')
        return error_set(err, ERROR_CONFLICT, "%s is not set", key);
    if (!is_tls && !(strncmp(url, "http://", 7) == 0 && outside_is_local(url)))
        return error_set(err, ERROR_INPUT,
                         "%s: https, or plain http to this machine", key);
    if (trust[0] == '\0')
        trust = config_path(config, "tls.trust_file");
    path = strchr(path + 3, '/');
    *base_path = path == NULL ? "" : path;
    return http_client_new(
        &(struct http_client_options){.base_url = url,
                                      .trust_file = is_tls ? trust : NULL,
                                      .timeout_ms = TIMEOUT_MS,
                                      .body_max = body_max},
        out, err);
}
