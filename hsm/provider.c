/* The provider and its way into a library context; see hsm/provider.h. */
#include "hsm/provider.h"

#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "hsm/provider_key.h"

#define PROPERTIES "provider=" PROVIDER_NAME

static const OSSL_ALGORITHM key_managements[] = {
    {"RSA:rsaEncryption", PROPERTIES, provider_rsa_keys, NULL},
    {"EC:id-ecPublicKey", PROPERTIES, provider_ec_keys, NULL},
    {"ED25519", PROPERTIES, provider_ed25519_keys, NULL},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM signatures[] = {
    {"RSA:rsaEncryption", PROPERTIES, provider_hashing_signatures, NULL},
    {"ECDSA", PROPERTIES, provider_hashing_signatures, NULL},
    {"ED25519", PROPERTIES, provider_ed25519_signatures, NULL},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *
query(void *context, int operation, int *is_uncacheable)
{
    (void)context;
    *is_uncacheable = 0;
    if (operation == OSSL_OP_KEYMGMT)
        return key_managements;
    if (operation == OSSL_OP_SIGNATURE)
        return signatures;
    return NULL;
}

static int
initialize(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
           const OSSL_DISPATCH **out, void **context)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
        {0, NULL},
    };

    (void)in;
    *out = functions;
    *context = (void *)(uintptr_t)core; /* we need none, OpenSSL does */
    return 1;
}

/* What is loaded, for the life of its context. */
struct loaded {
    OSSL_PROVIDER *standard;
    OSSL_PROVIDER *ours;
    struct loaded *next;
};

/* Loads the provider into the context, once. The default provider is loaded by
 * name as well: it would no longer come by itself. */
static bool
load(OSSL_LIB_CTX *libctx, struct error *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct loaded *all; /* guarded by lock */
    struct loaded *one = NULL;
    bool ok = true;

    (void)pthread_mutex_lock(&lock);
    ERR_clear_error();
    if (OSSL_PROVIDER_available(libctx, PROVIDER_NAME) == 1)
        goto out;
    one = base_alloc(sizeof *one);
    if ((one->standard = OSSL_PROVIDER_load(libctx, "default")) == NULL ||
        OSSL_PROVIDER_add_builtin(libctx, PROVIDER_NAME, initialize) != 1 ||
        (one->ours = OSSL_PROVIDER_load(libctx, PROVIDER_NAME)) == NULL)
        ok = error_openssl(err, ERROR_INTERNAL, "cannot load our provider");
    one->next = all;
    all = one;
out:
    (void)pthread_mutex_unlock(&lock);
    return ok;
}

static const char *
type_name(enum hsm_key_type type)
{
    switch (type) {
    case HSM_KEY_EC_P256:
    case HSM_KEY_EC_P384:
        return "EC";
    case HSM_KEY_ED25519:
        return "ED25519";
    default:
        return "RSA";
    }
}

bool
hsm_provider_key(struct hsm *hsm, const struct hsm_key *key,
                 OSSL_LIB_CTX *libctx, EVP_PKEY **out, struct error *err)
{
    struct provider_handle handle = {hsm, key};
    OSSL_PARAM params[] = {
        OSSL_PARAM_octet_string(PROVIDER_PARAM_HANDLE, &handle, sizeof handle),
        OSSL_PARAM_END,
    };
    EVP_PKEY_CTX *ctx = NULL;
    bool ok = false;

    *out = NULL;
    if (!load(libctx, err))
        return false;
    ctx = EVP_PKEY_CTX_new_from_name(libctx, type_name(key->type), PROPERTIES);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, out, EVP_PKEY_KEYPAIR, params) != 1) {
        error_openssl(err, ERROR_INTERNAL, "cannot give OpenSSL a token key");
        goto out;
    }
    ok = true;
out:
    EVP_PKEY_CTX_free(ctx);
    return ok;
}
