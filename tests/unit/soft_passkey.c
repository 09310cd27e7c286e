/* A passkey in software; see soft_passkey.h. */
#include "soft_passkey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "base/hash.h"
#include "base/text.h"

void
soft_cbor_head(struct buf *out, unsigned major, size_t n)
{
    uint8_t first = (uint8_t)(major << 5);

    if (n < 24) {
        buf_add_byte(out, (uint8_t)(first | n));
    } else if (n < 256) {
        buf_add_byte(out, first | 24);
        buf_add_byte(out, (uint8_t)n);
    } else {
        buf_add_byte(out, first | 25);
        buf_add_byte(out, (uint8_t)(n >> 8));
        buf_add_byte(out, (uint8_t)n);
    }
}

static void
add_integer(struct buf *out, int n)
{
    if (n < 0)
        soft_cbor_head(out, 1, (size_t)(-1 - n));
    else
        soft_cbor_head(out, 0, (size_t)n);
}

void
soft_cbor_bytes(struct buf *out, const void *data, size_t len)
{
    soft_cbor_head(out, 2, len);
    buf_add(out, data, len);
}

void
soft_cbor_text(struct buf *out, const char *text)
{
    soft_cbor_head(out, 3, strlen(text));
    buf_add_text(out, text);
}

/* kty, alg and -1: an integer, or the octets. */
static void
begin_key(struct buf *out, size_t members, int kty, int alg)
{
    soft_cbor_head(out, 5, members);
    add_integer(out, 1);
    add_integer(out, kty);
    add_integer(out, 3);
    add_integer(out, alg);
}

static void
add_number(struct buf *out, const EVP_PKEY *key, const char *name, size_t len)
{
    uint8_t octets[512];
    BIGNUM *n = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
    if (len == 0)
        len = (size_t)BN_num_bytes(n);
    assert_int_equal(BN_bn2binpad(n, octets, (int)len), (int)len);
    soft_cbor_bytes(out, octets, len);
    BN_free(n);
}

static void
add_key(enum soft_algorithm algorithm, const EVP_PKEY *key, struct buf *out)
{
    uint8_t raw[32];
    size_t len = sizeof raw;

    switch (algorithm) {
    case SOFT_ES256:
        begin_key(out, 5, 2, -7);
        add_integer(out, -1);
        add_integer(out, 1);
        add_integer(out, -2);
        add_number(out, key, OSSL_PKEY_PARAM_EC_PUB_X, 32);
        add_integer(out, -3);
        add_number(out, key, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
        break;
    case SOFT_RS256:
        begin_key(out, 4, 3, -257);
        add_integer(out, -1);
        add_number(out, key, OSSL_PKEY_PARAM_RSA_N, 0);
        add_integer(out, -2);
        add_number(out, key, OSSL_PKEY_PARAM_RSA_E, 0);
        break;
    case SOFT_EDDSA:
        begin_key(out, 4, 1, -8);
        add_integer(out, -1);
        add_integer(out, 6);
        add_integer(out, -2);
        assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &len), 1);
        soft_cbor_bytes(out, raw, len);
        break;
    }
}

void
soft_passkey_make(enum soft_algorithm algorithm, struct soft_passkey *out)
{
    char id[TEXT_UUID_LEN + 1];
    struct error err = {0};

    *out = (struct soft_passkey){.cose = BUF_INIT(WEBAUTHN_PUBLIC_KEY_MAX)};
    out->key = algorithm == SOFT_ES256 ? EVP_EC_gen("P-256")
               : algorithm == SOFT_RS256
                   ? EVP_RSA_gen(2048)
                   : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_non_null(out->key);
    assert_true(text_uuid_draw(id, &err));
    memcpy(out->raw_id, id + 20, sizeof out->raw_id);
    add_key(algorithm, out->key, &out->cose);
}

void
soft_passkey_clear(struct soft_passkey *passkey)
{
    EVP_PKEY_free(passkey->key);
    buf_clear(&passkey->cose);
}

void
soft_client_data(const char *type, const struct webauthn_scene *scene,
                 const char *more, struct buf *out)
{
    struct buf challenge = BUF_INIT(128);

    text_base64(scene->challenge, scene->challenge_len, &challenge);
    for (size_t i = 0; i < challenge.len; i++)
        switch (challenge.data[i]) {
        case '+':
            challenge.data[i] = '-';
            break;
        case '/':
            challenge.data[i] = '_';
            break;
        case '=':
            challenge.data[i] = '\0';
            break;
        default:
            break;
        }
    buf_addf(out, "{\"type\":\"%s\",\"challenge\":\"%s\",\"origin\":\"%s\"%s}",
             type, buf_text(&challenge), scene->origin, more);
    buf_clear(&challenge);
}

static void
add_header(const struct webauthn_scene *scene, uint8_t flags, struct buf *out)
{
    uint8_t hash[HASH_LEN];
    struct error err = {0};

    assert_true(hash_sha256(scene->rp_id, strlen(scene->rp_id), hash, &err));
    buf_add(out, hash, sizeof hash);
    buf_add_byte(out, flags);
    buf_add(out, "\0\0\0\7", 4);
}

static size_t
sign(const struct soft_passkey *passkey, const struct buf *authenticator_data,
     const struct buf *client_data, uint8_t out[WEBAUTHN_SIGNATURE_MAX])
{
    struct buf message = BUF_INIT(WEBAUTHN_ATTESTATION_MAX);
    uint8_t hash[HASH_LEN];
    struct error err = {0};
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = WEBAUTHN_SIGNATURE_MAX;

    assert_true(hash_sha256(client_data->data, client_data->len, hash, &err));
    buf_add(&message, authenticator_data->data, authenticator_data->len);
    buf_add(&message, hash, sizeof hash);
    assert_int_equal(
        EVP_DigestSignInit_ex(context, NULL,
                              EVP_PKEY_is_a(passkey->key, "ED25519") ? NULL
                                                                     : "SHA256",
                              NULL, NULL, passkey->key, NULL),
        1);
    assert_int_equal(
        EVP_DigestSign(context, out, &len, message.data, message.len), 1);
    EVP_MD_CTX_free(context);
    buf_clear(&message);
    return len;
}

void
soft_passkey_attest(const struct soft_passkey *passkey,
                    const struct webauthn_scene *scene, uint8_t flags,
                    const char *format, const struct buf *client_data,
                    struct buf *out)
{
    struct buf data = BUF_INIT(WEBAUTHN_AUTHENTICATOR_DATA_MAX);
    uint8_t signature[WEBAUTHN_SIGNATURE_MAX];
    bool is_packed = strcmp(format, "packed") == 0;
    size_t len;

    add_header(scene, flags | 0x40, &data);
    buf_add(&data, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    buf_add_byte(&data, 0);
    buf_add_byte(&data, sizeof passkey->raw_id);
    buf_add(&data, passkey->raw_id, sizeof passkey->raw_id);
    buf_add(&data, passkey->cose.data, passkey->cose.len);
    soft_cbor_head(out, 5, 3);
    soft_cbor_text(out, "fmt");
    soft_cbor_text(out, format);
    soft_cbor_text(out, "attStmt");
    soft_cbor_head(out, 5, is_packed ? 2 : 0);
    if (is_packed) {
        len = sign(passkey, &data, client_data, signature);
        soft_cbor_text(out, "alg");
        add_integer(out, EVP_PKEY_is_a(passkey->key, "EC")    ? -7
                         : EVP_PKEY_is_a(passkey->key, "RSA") ? -257
                                                              : -8);
        soft_cbor_text(out, "sig");
        soft_cbor_bytes(out, signature, len);
    }
    soft_cbor_text(out, "authData");
    soft_cbor_bytes(out, data.data, data.len);
    buf_clear(&data);
}

void
soft_assertion_sign(const struct soft_passkey *passkey,
                    struct soft_assertion *assertion)
{
    assertion->signature_len =
        sign(passkey, &assertion->authenticator_data, &assertion->client_data,
             assertion->signature);
}

void
soft_passkey_assert(const struct soft_passkey *passkey,
                    const struct webauthn_scene *scene, uint8_t flags,
                    struct soft_assertion *out)
{
    *out = (struct soft_assertion){
        .authenticator_data = BUF_INIT(WEBAUTHN_AUTHENTICATOR_DATA_MAX),
        .client_data = BUF_INIT(WEBAUTHN_CLIENT_DATA_MAX)};
    add_header(scene, flags, &out->authenticator_data);
    soft_client_data("webauthn.get", scene, "", &out->client_data);
    soft_assertion_sign(passkey, out);
}

void
soft_assertion_clear(struct soft_assertion *assertion)
{
    buf_clear(&assertion->authenticator_data);
    buf_clear(&assertion->client_data);
}

struct api_credential
soft_passkey_credential(const struct soft_passkey *key, const char *rp_id,
                        const char *origin)
{
    return (struct api_credential){
        .kind = API_CREDENTIAL_PASSKEY,
        .public_key = key->cose.data,
        .public_key_len = key->cose.len,
        .raw_id = key->raw_id,
        .raw_id_len = sizeof key->raw_id,
        .rp_id = rp_id,
        .origin = origin,
    };
}

void
soft_passkey_decide(const struct soft_passkey *passkey, const char *rp_id,
                    const char *origin, uint8_t flags,
                    struct api_decision *decision, const char *order_id,
                    const uint8_t digest[32])
{
    struct buf statement = BUF_INIT(API_STATEMENT_MAX);
    struct soft_assertion assertion;
    uint8_t challenge[HASH_LEN];
    struct webauthn_scene scene = {rp_id, origin, challenge, sizeof challenge};
    struct error err = {0};

    assert_true(hash_sha256(passkey->raw_id, sizeof passkey->raw_id,
                            decision->credential_id, &err));
    assert_true(
        api_statement_encode(decision, order_id, digest, &statement, &err));
    assert_true(hash_sha256(statement.data, statement.len, challenge, &err));
    soft_passkey_assert(passkey, &scene, flags, &assertion);
    memcpy(decision->authenticator_data, assertion.authenticator_data.data,
           assertion.authenticator_data.len);
    decision->authenticator_data_len = assertion.authenticator_data.len;
    memcpy(decision->client_data, assertion.client_data.data,
           assertion.client_data.len);
    decision->client_data_len = assertion.client_data.len;
    memcpy(decision->signature, assertion.signature, assertion.signature_len);
    decision->signature_len = assertion.signature_len;
    soft_assertion_clear(&assertion);
    buf_clear(&statement);
}
