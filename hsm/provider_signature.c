/*
 * Signatures of the provider; see hsm/provider.h and provider-signature(7).
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <openssl/rsa.h>

#include "hsm/provider_key.h"

enum { NAME_LEN_MAX = 64 };

/* One operation. What it signs with is settled when it has digest and
 * padding. */
struct operation {
    const struct provider_key *key; /* the EVP_PKEY_CTX holds it */
    char digest[NAME_LEN_MAX];      /* "" until it is set */
    bool is_pss;
    EVP_MD_CTX *hash; /* of the DigestSign functions */
};

static void *
operation_new(void *context, const char *properties)
{
    (void)context;
    (void)properties;
    return base_alloc(sizeof(struct operation));
}

static void
operation_free(void *data)
{
    struct operation *operation = data;

    if (operation == NULL)
        return;
    EVP_MD_CTX_free(operation->hash);
    free(operation);
}

/* EVP_DigestSignFinal() signs with a copy. */
static void *
operation_dup(void *data)
{
    const struct operation *from = data;
    struct operation *copy = base_copy(from, sizeof *from);

    if (from->hash == NULL)
        return copy;
    copy->hash = EVP_MD_CTX_new();
    if (copy->hash != NULL && EVP_MD_CTX_copy_ex(copy->hash, from->hash) == 1)
        return copy;
    operation_free(copy);
    return NULL;
}

static int
fail(const struct error *err)
{
    ERR_raise_data(ERR_LIB_PROV, PROV_R_FAILED_TO_SIGN, "%s%s%s", err->what,
                   err->cause[0] == '\0' ? "" : ": ", err->cause);
    return 0;
}

static enum hsm_key_type
type_of(const struct provider_key *key)
{
    int bits = EVP_PKEY_get_bits(key->public_key);

    if (strcmp(key->type, "ED25519") == 0)
        return HSM_KEY_ED25519;
    if (strcmp(key->type, "EC") == 0)
        return bits == 256 ? HSM_KEY_EC_P256 : HSM_KEY_EC_P384;
    return bits == 2048   ? HSM_KEY_RSA_2048
           : bits == 3072 ? HSM_KEY_RSA_3072
                          : HSM_KEY_RSA_4096;
}

/* The scheme for key, digest and padding. Digests have many names. */
static int
scheme_of(const struct operation *operation, enum hsm_scheme *out)
{
    enum hsm_key_type type = type_of(operation->key);
    size_t i;

    for (i = 0; i < HSM_SCHEME_COUNT; i++) {
        enum hsm_scheme scheme = (enum hsm_scheme)i;
        const EVP_MD *md = hsm_scheme_digest(scheme);

        if (!hsm_scheme_fits(scheme, type) ||
            hsm_scheme_is_pss(scheme) != operation->is_pss ||
            (md != NULL && EVP_MD_is_a(md, operation->digest) != 1))
            continue;
        *out = scheme;
        return 1;
    }
    ERR_raise_data(ERR_LIB_PROV, PROV_R_DIGEST_NOT_ALLOWED,
                   "a %s key of %d bits does not sign with '%s'%s",
                   operation->key->type,
                   EVP_PKEY_get_bits(operation->key->public_key),
                   operation->digest, operation->is_pss ? " and PSS" : "");
    return 0;
}

static int
set_digest(struct operation *operation, const char *name)
{
    if (strlen(name) >= sizeof operation->digest)
        return 0;
    memcpy(operation->digest, name, strlen(name) + 1);
    return 1;
}

static int
set_padding(struct operation *operation, const OSSL_PARAM *param)
{
    int mode = 0;

    if (param->data_type == OSSL_PARAM_UTF8_STRING)
        mode = strcmp(param->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0
                   ? RSA_PKCS1_PSS_PADDING
               : strcmp(param->data, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0
                   ? RSA_PKCS1_PADDING
                   : 0;
    else if (OSSL_PARAM_get_int(param, &mode) != 1)
        return 0;
    if (strcmp(operation->key->type, "RSA") != 0 ||
        (mode != RSA_PKCS1_PADDING && mode != RSA_PKCS1_PSS_PADDING)) {
        ERR_raise(ERR_LIB_PROV, PROV_R_ILLEGAL_OR_UNSUPPORTED_PADDING_MODE);
        return 0;
    }
    operation->is_pss = mode == RSA_PKCS1_PSS_PADDING;
    return 1;
}

/* Only a salt as long as the digest: RFC 8446, 4.2.3 wants that, too. */
static int
check_salt(const struct operation *operation, const OSSL_PARAM *param)
{
    enum hsm_scheme scheme;
    int len = 0;

    if (param->data_type == OSSL_PARAM_UTF8_STRING) {
        if (strcmp(param->data, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) == 0)
            return 1;
        len = atoi(param->data);
    } else if (OSSL_PARAM_get_int(param, &len) != 1) {
        return 0;
    }
    if (len == RSA_PSS_SALTLEN_DIGEST ||
        (scheme_of(operation, &scheme) == 1 && len > 0 &&
         len == EVP_MD_get_size(hsm_scheme_digest(scheme))))
        return 1;
    ERR_raise(ERR_LIB_PROV, PROV_R_INVALID_SALT_LENGTH);
    return 0;
}

static int
operation_set(void *data, const OSSL_PARAM params[])
{
    struct operation *operation = data;
    const OSSL_PARAM *p;
    enum hsm_scheme scheme;

    if (params == NULL)
        return 1;
    if ((p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST)) !=
            NULL &&
        (p->data_type != OSSL_PARAM_UTF8_STRING ||
         !set_digest(operation, p->data)))
        return 0;
    if ((p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE)) !=
            NULL &&
        !set_padding(operation, p))
        return 0;
    if ((p = OSSL_PARAM_locate_const(
             params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN)) != NULL &&
        !check_salt(operation, p))
        return 0;
    if ((p = OSSL_PARAM_locate_const(params,
                                     OSSL_SIGNATURE_PARAM_MGF1_DIGEST)) != NULL)
        return p->data_type == OSSL_PARAM_UTF8_STRING &&
               scheme_of(operation, &scheme) == 1 &&
               EVP_MD_is_a(hsm_scheme_digest(scheme), p->data) == 1;
    return 1;
}

static const OSSL_PARAM *
operation_settable(void *data, void *context)
{
    static const OSSL_PARAM settable[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)data;
    (void)context;
    return settable;
}

static int
get_padding(const struct operation *operation, OSSL_PARAM *param)
{
    if (param->data_type == OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_set_utf8_string(
            param, operation->is_pss ? OSSL_PKEY_RSA_PAD_MODE_PSS
                                     : OSSL_PKEY_RSA_PAD_MODE_PKCSV15);
    return OSSL_PARAM_set_int(param, operation->is_pss ? RSA_PKCS1_PSS_PADDING
                                                       : RSA_PKCS1_PADDING);
}

static int
get_salt(OSSL_PARAM *param)
{
    if (param->data_type == OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_set_utf8_string(param,
                                          OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST);
    return OSSL_PARAM_set_int(param, RSA_PSS_SALTLEN_DIGEST);
}

static int
operation_get(void *data, OSSL_PARAM params[])
{
    const struct operation *operation = data;
    enum hsm_scheme scheme;
    const uint8_t *der;
    OSSL_PARAM *p;
    size_t len;

    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
    if (p != NULL) {
        if (!scheme_of(operation, &scheme))
            return 0;
        der = hsm_scheme_algorithm(scheme, &len);
        if (OSSL_PARAM_set_octet_string(p, der, len) != 1)
            return 0;
    }
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
    if (p != NULL && OSSL_PARAM_set_utf8_string(p, operation->digest) != 1)
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
    if (p != NULL && OSSL_PARAM_set_utf8_string(p, operation->digest) != 1)
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    if (p != NULL && get_padding(operation, p) != 1)
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    return p == NULL || get_salt(p) == 1;
}

static const OSSL_PARAM *
operation_gettable(void *data, void *context)
{
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)data;
    (void)context;
    return gettable;
}

/* Of EVP_PKEY_sign_init() and EVP_PKEY_verify_init(). */
static int
start(void *data, void *key, const OSSL_PARAM params[])
{
    struct operation *operation = data;

    if (key != NULL)
        operation->key = key;
    if (operation->key == NULL || operation->key->public_key == NULL) {
        ERR_raise(ERR_LIB_PROV, PROV_R_NO_KEY_SET);
        return 0;
    }
    return operation_set(operation, params);
}

/* Of EVP_DigestSignInit() and EVP_DigestVerifyInit(). */
static int
start_hashing(void *data, const char *digest, void *key,
              const OSSL_PARAM params[])
{
    struct operation *operation = data;
    enum hsm_scheme scheme;

    if (!start(operation, key, NULL) ||
        !set_digest(operation, digest != NULL && digest[0] != '\0'
                                   ? digest
                                   : provider_default_digest(operation->key)) ||
        !operation_set(operation, params) || !scheme_of(operation, &scheme))
        return 0;
    EVP_MD_CTX_free(operation->hash);
    operation->hash = EVP_MD_CTX_new();
    return operation->hash != NULL &&
           EVP_DigestInit_ex2(operation->hash, hsm_scheme_digest(scheme),
                              NULL) == 1;
}

static int
add(void *data, const unsigned char *message, size_t len)
{
    struct operation *operation = data;

    return operation->hash != NULL &&
           EVP_DigestUpdate(operation->hash, message, len) == 1;
}

/* NULL for the signature asks for its greatest length. */
static int
tell_length(const struct operation *operation, size_t *len)
{
    int max = EVP_PKEY_get_size(operation->key->public_key);

    *len = max > 0 ? (size_t)max : 0;
    return max > 0;
}

static int
give(const uint8_t *made, size_t made_len, unsigned char *signature,
     size_t *len, size_t room)
{
    if (made_len > room) {
        ERR_raise(ERR_LIB_PROV, PROV_R_OUTPUT_BUFFER_TOO_SMALL);
        return 0;
    }
    memcpy(signature, made, made_len);
    *len = made_len;
    return 1;
}

static int
sign(void *data, unsigned char *signature, size_t *len, size_t room,
     const unsigned char *digest, size_t digest_len)
{
    const struct operation *operation = data;
    uint8_t made[HSM_SIGNATURE_MAX];
    struct error err = {0};
    enum hsm_scheme scheme;
    size_t made_len = 0;

    if (signature == NULL)
        return tell_length(operation, len);
    if (!scheme_of(operation, &scheme))
        return 0;
    if (operation->key->handle.key == NULL) {
        ERR_raise(ERR_LIB_PROV, PROV_R_NOT_A_PRIVATE_KEY);
        return 0;
    }
    if (!hsm_sign_digest_checked(operation->key->handle.hsm,
                                 operation->key->handle.key, scheme, digest,
                                 digest_len, made, &made_len, &err))
        return fail(&err);
    return give(made, made_len, signature, len, room);
}

static int
finish_signing(void *data, unsigned char *signature, size_t *len, size_t room)
{
    struct operation *operation = data;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;

    if (signature == NULL)
        return tell_length(operation, len);
    return operation->hash != NULL &&
           EVP_DigestFinal_ex(operation->hash, digest, &digest_len) == 1 &&
           sign(operation, signature, len, room, digest, digest_len);
}

static int
verify(void *data, const unsigned char *signature, size_t len,
       const unsigned char *digest, size_t digest_len)
{
    const struct operation *operation = data;
    struct error err = {0};
    enum hsm_scheme scheme;

    return scheme_of(operation, &scheme) &&
           hsm_scheme_verify_digest(scheme, operation->key->public_key, digest,
                                    digest_len, signature, len, &err);
}

static int
finish_verifying(void *data, const unsigned char *signature, size_t len)
{
    struct operation *operation = data;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;

    return operation->hash != NULL &&
           EVP_DigestFinal_ex(operation->hash, digest, &digest_len) == 1 &&
           verify(operation, signature, len, digest, digest_len);
}

/* Ed25519 takes the message in one piece (RFC 8032). */
static int
ed25519_start(void *data, const char *digest, void *key,
              const OSSL_PARAM params[])
{
    if (digest != NULL && digest[0] != '\0') {
        ERR_raise(ERR_LIB_PROV, PROV_R_INVALID_DIGEST);
        return 0;
    }
    return start(data, key, params);
}

static int
ed25519_sign(void *data, unsigned char *signature, size_t *len, size_t room,
             const unsigned char *message, size_t message_len)
{
    const struct operation *operation = data;
    uint8_t made[HSM_SIGNATURE_MAX];
    struct error err = {0};
    size_t made_len = 0;

    if (signature == NULL)
        return tell_length(operation, len);
    if (operation->key->handle.key == NULL) {
        ERR_raise(ERR_LIB_PROV, PROV_R_NOT_A_PRIVATE_KEY);
        return 0;
    }
    if (!hsm_sign_checked(operation->key->handle.hsm,
                          operation->key->handle.key, HSM_ED25519, message,
                          message_len, made, &made_len, &err))
        return fail(&err);
    return give(made, made_len, signature, len, room);
}

static int
ed25519_verify(void *data, const unsigned char *signature, size_t len,
               const unsigned char *message, size_t message_len)
{
    const struct operation *operation = data;
    struct error err = {0};

    return hsm_scheme_verify(HSM_ED25519, operation->key->public_key, message,
                             message_len, signature, len, &err);
}

#define FUNCTION(id, function)                                                 \
    {                                                                          \
        OSSL_FUNC_SIGNATURE_##id, (void (*)(void))(function)                   \
    }
#define COMMON                                                                 \
    FUNCTION(NEWCTX, operation_new), FUNCTION(FREECTX, operation_free),        \
        FUNCTION(DUPCTX, operation_dup),                                       \
        FUNCTION(GET_CTX_PARAMS, operation_get),                               \
        FUNCTION(GETTABLE_CTX_PARAMS, operation_gettable)

const OSSL_DISPATCH provider_hashing_signatures[] = {
    COMMON,
    FUNCTION(SET_CTX_PARAMS, operation_set),
    FUNCTION(SETTABLE_CTX_PARAMS, operation_settable),
    FUNCTION(SIGN_INIT, start),
    FUNCTION(SIGN, sign),
    FUNCTION(VERIFY_INIT, start),
    FUNCTION(VERIFY, verify),
    FUNCTION(DIGEST_SIGN_INIT, start_hashing),
    FUNCTION(DIGEST_SIGN_UPDATE, add),
    FUNCTION(DIGEST_SIGN_FINAL, finish_signing),
    FUNCTION(DIGEST_VERIFY_INIT, start_hashing),
    FUNCTION(DIGEST_VERIFY_UPDATE, add),
    FUNCTION(DIGEST_VERIFY_FINAL, finish_verifying),
    {0, NULL},
};
const OSSL_DISPATCH provider_ed25519_signatures[] = {
    COMMON,
    FUNCTION(DIGEST_SIGN_INIT, ed25519_start),
    FUNCTION(DIGEST_SIGN, ed25519_sign),
    FUNCTION(DIGEST_VERIFY_INIT, ed25519_start),
    FUNCTION(DIGEST_VERIFY, ed25519_verify),
    {0, NULL},
};
