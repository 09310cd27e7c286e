/*
 * Key management of the provider; see hsm/provider.h and provider-keymgmt(7).
 * The public half is a key of the default provider, which answers for it.
 */
#include "hsm/provider_key.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

static const OSSL_PARAM no_params[] = {OSSL_PARAM_END};

static void *
key_new(const char *type)
{
    struct provider_key *key = base_alloc(sizeof *key);

    key->type = type;
    return key;
}

static void *
rsa_new(void *context)
{
    (void)context;
    return key_new("RSA");
}

static void *
ec_new(void *context)
{
    (void)context;
    return key_new("EC");
}

static void *
ed25519_new(void *context)
{
    (void)context;
    return key_new("ED25519");
}

static void
key_free(void *data)
{
    struct provider_key *key = data;

    if (key == NULL)
        return;
    EVP_PKEY_free(key->public_key);
    free(key);
}

static void *
key_dup(const void *data, int selection)
{
    const struct provider_key *from = data;
    struct provider_key *key = key_new(from->type);

    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
        key->handle = from->handle;
    if (from->public_key != NULL && EVP_PKEY_up_ref(from->public_key) == 1)
        key->public_key = from->public_key;
    return key;
}

static int
key_has(const void *data, int selection)
{
    const struct provider_key *key = data;

    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 &&
        key->handle.key == NULL)
        return 0;
    return key->public_key != NULL;
}

static int
key_match(const void *one, const void *other, int selection)
{
    const struct provider_key *a = one, *b = other;

    (void)selection; /* the public half decides in every case */
    return a->public_key != NULL && b->public_key != NULL &&
           EVP_PKEY_eq(a->public_key, b->public_key) == 1;
}

/* A public key of another provider, for comparison. */
static int
import_public(struct provider_key *key, const OSSL_PARAM *params)
{
    EVP_PKEY_CTX *ctx =
        EVP_PKEY_CTX_new_from_name(NULL, key->type, "provider=default");
    int ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
             EVP_PKEY_fromdata(ctx, &key->public_key, EVP_PKEY_PUBLIC_KEY,
                               (OSSL_PARAM *)(uintptr_t)params) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static int
key_import(void *data, int selection, const OSSL_PARAM *params)
{
    const OSSL_PARAM *handle =
        OSSL_PARAM_locate_const(params, PROVIDER_PARAM_HANDLE);
    struct provider_key *key = data;

    if (handle == NULL)
        return (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 &&
               import_public(key, params);
    if (handle->data_size != sizeof key->handle)
        return 0;
    memcpy(&key->handle, handle->data, sizeof key->handle);
    if (EVP_PKEY_up_ref(key->handle.key->public_key) != 1)
        return 0;
    key->public_key = key->handle.key->public_key;
    return 1;
}

/* Who asks for the private part wants to work with it elsewhere. Refusing is
 * what makes OpenSSL come back to us to sign (feasibility.md, A3). */
static int
key_export(void *data, int selection, OSSL_CALLBACK *callback, void *arg)
{
    struct provider_key *key = data;
    OSSL_PARAM *params = NULL;
    int ok;

    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ||
        key->public_key == NULL ||
        EVP_PKEY_todata(key->public_key, EVP_PKEY_PUBLIC_KEY, &params) != 1)
        return 0;
    ok = callback(params, arg);
    OSSL_PARAM_free(params);
    return ok;
}

static const OSSL_PARAM *
key_types(int selection)
{
    (void)selection;
    return no_params;
}

const char *
provider_default_digest(const struct provider_key *key)
{
    const EVP_MD *md =
        key->handle.key == NULL
            ? NULL
            : hsm_scheme_digest(hsm_scheme_default(key->handle.key->type));

    return md == NULL ? "UNDEF" : EVP_MD_get0_name(md);
}

static int
key_get_params(void *data, OSSL_PARAM params[])
{
    struct provider_key *key = data;
    OSSL_PARAM *digest;

    if (key->public_key == NULL ||
        EVP_PKEY_get_params(key->public_key, params) != 1)
        return 0;
    digest = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_DEFAULT_DIGEST);
    /* Ours for each curve, not OpenSSL's SHA-256 for all. */
    return digest == NULL || key->handle.key == NULL ||
           OSSL_PARAM_set_utf8_string(digest, provider_default_digest(key)) ==
               1;
}

static const OSSL_PARAM *
key_gettable(void *context)
{
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)context;
    return gettable;
}

static const char *
ec_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : "EC";
}

#define FUNCTION(id, function)                                                 \
    {                                                                          \
        OSSL_FUNC_KEYMGMT_##id, (void (*)(void))(function)                     \
    }
#define COMMON(new_function)                                                   \
    FUNCTION(NEW, new_function), FUNCTION(FREE, key_free),                     \
        FUNCTION(DUP, key_dup), FUNCTION(HAS, key_has),                        \
        FUNCTION(MATCH, key_match), FUNCTION(IMPORT, key_import),              \
        FUNCTION(IMPORT_TYPES, key_types), FUNCTION(EXPORT, key_export),       \
        FUNCTION(EXPORT_TYPES, key_types),                                     \
        FUNCTION(GET_PARAMS, key_get_params),                                  \
        FUNCTION(GETTABLE_PARAMS, key_gettable)

const OSSL_DISPATCH provider_rsa_keys[] = {COMMON(rsa_new), {0, NULL}};
const OSSL_DISPATCH provider_ec_keys[] = {
    COMMON(ec_new),
    FUNCTION(QUERY_OPERATION_NAME, ec_operation),
    {0, NULL},
};
const OSSL_DISPATCH provider_ed25519_keys[] = {COMMON(ed25519_new), {0, NULL}};
