/* The seam; see hsm/hsm.h. */
#include "hsm/hsm.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "hsm/local.h"
#include "hsm/signer.h"

struct key_node {
    struct hsm_key key;
    struct key_node *next;
};

struct hsm {
    struct hsm_options options; /* texts are ours */
    struct local *local;        /* one of these two */
    struct signer_pool *pool;
    pthread_mutex_t lock;  /* guards keys */
    struct key_node *keys; /* kept for life */
};

static void
call(struct hsm *hsm, const struct signer_request *request,
     struct signer_reply *reply)
{
    reply->error.code = ERROR_NONE;
    if (hsm->local != NULL)
        local_call(hsm->local, request, reply);
    else
        signer_pool_call(hsm->pool, request, reply);
}

/* For calls off the busy path. */
static bool
call_simply(struct hsm *hsm, const struct signer_request *request,
            struct signer_reply *reply, struct error *err)
{
    call(hsm, request, reply);
    if (reply->error.code == ERROR_NONE)
        return true;
    if (err != NULL)
        *err = reply->error;
    return false;
}

bool
hsm_open(const struct hsm_options *options, struct hsm **out, struct error *err)
{
    struct hsm *hsm = base_alloc(sizeof *hsm);
    struct hsm_options *own = &hsm->options;
    struct error why = {0};
    bool ok;

    *own = *options;
    own->module = base_text_copy(options->module);
    own->token = base_text_copy(options->token);
    own->serial = base_text_copy(options->serial);
    own->pin_file = base_text_copy(options->pin_file);
    own->lock_dir = base_text_copy(options->lock_dir);
    own->signer_path = base_text_copy(options->signer_path);
    (void)pthread_mutex_init(&hsm->lock, NULL);
    ok = own->signer_count == 0 ? local_new(own, false, &hsm->local, &why)
                                : signer_pool_new(own, &hsm->pool, &why);
    if (!ok) {
        hsm_close(hsm);
        if (err != NULL)
            *err = why;
        return false;
    }
    *out = hsm;
    return true;
}

void
hsm_close(struct hsm *hsm)
{
    struct key_node *node;

    if (hsm == NULL)
        return;
    signer_pool_free(hsm->pool);
    local_free(hsm->local);
    while ((node = hsm->keys) != NULL) {
        hsm->keys = node->next;
        EVP_PKEY_free(node->key.public_key);
        free(node);
    }
    (void)pthread_mutex_destroy(&hsm->lock);
    free((void *)(uintptr_t)hsm->options.module);
    free((void *)(uintptr_t)hsm->options.token);
    free((void *)(uintptr_t)hsm->options.serial);
    free((void *)(uintptr_t)hsm->options.pin_file);
    free((void *)(uintptr_t)hsm->options.lock_dir);
    free((void *)(uintptr_t)hsm->options.signer_path);
    free(hsm);
}

/* With hsm->lock held. */
static const struct hsm_key *
key_known(const struct hsm *hsm, const uint8_t *id, size_t id_len)
{
    const struct key_node *node;

    for (node = hsm->keys; node != NULL; node = node->next) {
        if (node->key.id_len == id_len && memcmp(node->key.id, id, id_len) == 0)
            return &node->key;
    }
    return NULL;
}

static struct key_node *
key_node_new(const uint8_t *id, size_t id_len, const struct signer_reply *reply,
             struct error *err)
{
    struct key_node *node = base_alloc(sizeof *node);
    const unsigned char *p = reply->data;

    assert(reply->len <= HSM_SPKI_MAX);
    memcpy(node->key.id, id, id_len);
    node->key.id_len = id_len;
    node->key.type = reply->type;
    memcpy(node->key.spki, reply->data, reply->len);
    node->key.spki_len = reply->len;
    ERR_clear_error();
    node->key.public_key = d2i_PUBKEY(NULL, &p, (long)reply->len);
    if (node->key.public_key == NULL || p != reply->data + reply->len) {
        error_openssl(err, ERROR_INTERNAL, "the token's public key is none");
        EVP_PKEY_free(node->key.public_key);
        free(node);
        return NULL;
    }
    return node;
}

/* Keeps what the token told about a key, unless another thread was first. */
static bool
key_keep(struct hsm *hsm, const uint8_t *id, size_t id_len,
         const struct signer_reply *reply, const struct hsm_key **out,
         struct error *err)
{
    struct key_node *node = key_node_new(id, id_len, reply, err);

    if (node == NULL)
        return false;
    (void)pthread_mutex_lock(&hsm->lock);
    *out = key_known(hsm, id, id_len);
    if (*out == NULL) {
        node->next = hsm->keys;
        hsm->keys = node;
        *out = &node->key;
        node = NULL;
    }
    (void)pthread_mutex_unlock(&hsm->lock);
    if (node != NULL) {
        EVP_PKEY_free(node->key.public_key);
        free(node);
    }
    return true;
}

static bool
id_check(const uint8_t *id, size_t id_len, struct error *err)
{
    if (id != NULL && id_len > 0 && id_len <= HSM_ID_MAX)
        return true;
    return error_set(err, ERROR_INPUT, "a CKA_ID has 1 to %d octets",
                     HSM_ID_MAX);
}

static bool
label_check(const char *label, struct error *err)
{
    if (strlen(label) <= HSM_LABEL_MAX)
        return true;
    return error_set(err, ERROR_INPUT, "a label has at most %d octets",
                     HSM_LABEL_MAX);
}

bool
hsm_key_get(struct hsm *hsm, const uint8_t *id, size_t id_len,
            const struct hsm_key **out, struct error *err)
{
    struct signer_request request = {
        .op = SIGNER_KEY_GET, .id = id, .id_len = id_len};
    struct signer_reply reply;

    if (!id_check(id, id_len, err))
        return false;
    (void)pthread_mutex_lock(&hsm->lock);
    *out = key_known(hsm, id, id_len);
    (void)pthread_mutex_unlock(&hsm->lock);
    return *out != NULL || (call_simply(hsm, &request, &reply, err) &&
                            key_keep(hsm, id, id_len, &reply, out, err));
}

bool
hsm_key_generate(struct hsm *hsm, enum hsm_key_type type, const char *label,
                 const uint8_t *id, size_t id_len, const struct hsm_key **out,
                 struct error *err)
{
    static const uint8_t test[] = "a key counts when it has signed";
    uint8_t signature[HSM_SIGNATURE_MAX];
    struct signer_reply reply;
    struct signer_request request = {
        .op = SIGNER_KEY_GENERATE,
        .type = type,
        .id = id,
        .id_len = id_len,
        .label = label,
        .label_len = strlen(label),
    };
    size_t len;

    if (!id_check(id, id_len, err) || !label_check(label, err) ||
        !call_simply(hsm, &request, &reply, err) ||
        !key_keep(hsm, id, id_len, &reply, out, err))
        return false;
    if (!hsm_sign_checked(hsm, *out, hsm_scheme_default(type), test,
                          sizeof test, signature, &len, err))
        return error_wrap(err, "test signature of the new key");
    return true;
}

static bool
sign_input(struct hsm *hsm, const struct hsm_key *key, enum hsm_scheme scheme,
           const uint8_t *input, size_t input_len, uint8_t *signature,
           size_t *signature_len, struct error *err)
{
    struct signer_request request = {
        .op = SIGNER_SIGN,
        .scheme = scheme,
        .id = key->id,
        .id_len = key->id_len,
        .data = input,
        .data_len = input_len,
    };
    struct signer_reply reply;

    if (!hsm_scheme_fits(scheme, key->type))
        return error_set(err, ERROR_INPUT, "a %s key does not sign with %s",
                         hsm_key_type_name(key->type), hsm_scheme_name(scheme));
    if (input_len > HSM_MESSAGE_MAX)
        return error_set(err, ERROR_INPUT, "message too long for %s",
                         hsm_scheme_name(scheme));
    if (!call_simply(hsm, &request, &reply, err))
        return false;
    if (reply.len == 0 || reply.len > HSM_SIGNATURE_MAX)
        return error_set(err, ERROR_INTERNAL, "the token gave no signature");
    memcpy(signature, reply.data, reply.len);
    *signature_len = reply.len;
    return true;
}

/* The digest of a message, or the message itself where the scheme hashes. */
struct input {
    uint8_t digest[EVP_MAX_MD_SIZE];
    const uint8_t *data;
    size_t len;
};

static bool
input_make(enum hsm_scheme scheme, const uint8_t *message, size_t message_len,
           struct input *out, struct error *err)
{
    const EVP_MD *md = hsm_scheme_digest(scheme);
    unsigned len = 0;

    out->data = message;
    out->len = message_len;
    if (md == NULL)
        return true;
    if (EVP_Digest(message, message_len, out->digest, &len, md, NULL) != 1)
        return error_openssl(err, ERROR_INTERNAL, "cannot hash");
    out->data = out->digest;
    out->len = len;
    return true;
}

bool
hsm_sign(struct hsm *hsm, const struct hsm_key *key, enum hsm_scheme scheme,
         const uint8_t *message, size_t message_len, uint8_t *signature,
         size_t *signature_len, struct error *err)
{
    struct input input;

    return input_make(scheme, message, message_len, &input, err) &&
           sign_input(hsm, key, scheme, input.data, input.len, signature,
                      signature_len, err);
}

bool
hsm_sign_digest(struct hsm *hsm, const struct hsm_key *key,
                enum hsm_scheme scheme, const uint8_t *digest,
                size_t digest_len, uint8_t *signature, size_t *signature_len,
                struct error *err)
{
    if (hsm_scheme_digest(scheme) == NULL)
        return error_set(err, ERROR_INPUT, "%s signs no digest",
                         hsm_scheme_name(scheme));
    return sign_input(hsm, key, scheme, digest, digest_len, signature,
                      signature_len, err);
}

/* A signature that was wrong is released to nobody, not even on the stack. */
static bool
reject(uint8_t *signature, size_t *signature_len, struct error *err)
{
    OPENSSL_cleanse(signature, *signature_len);
    *signature_len = 0;
    if (err != NULL)
        err->code = ERROR_INTERNAL;
    return error_wrap(err, "the token made a wrong signature");
}

bool
hsm_sign_checked(struct hsm *hsm, const struct hsm_key *key,
                 enum hsm_scheme scheme, const uint8_t *message,
                 size_t message_len, uint8_t *signature, size_t *signature_len,
                 struct error *err)
{
    struct input input;
    bool ok;

    if (!input_make(scheme, message, message_len, &input, err) ||
        !sign_input(hsm, key, scheme, input.data, input.len, signature,
                    signature_len, err))
        return false;
    ok = hsm_scheme_digest(scheme) == NULL
             ? hsm_scheme_verify(scheme, key->public_key, message, message_len,
                                 signature, *signature_len, err)
             : hsm_scheme_verify_digest(scheme, key->public_key, input.data,
                                        input.len, signature, *signature_len,
                                        err);
    return ok || reject(signature, signature_len, err);
}

bool
hsm_sign_digest_checked(struct hsm *hsm, const struct hsm_key *key,
                        enum hsm_scheme scheme, const uint8_t *digest,
                        size_t digest_len, uint8_t *signature,
                        size_t *signature_len, struct error *err)
{
    return hsm_sign_digest(hsm, key, scheme, digest, digest_len, signature,
                           signature_len, err) &&
           (hsm_scheme_verify_digest(scheme, key->public_key, digest,
                                     digest_len, signature, *signature_len,
                                     err) ||
            reject(signature, signature_len, err));
}

bool
hsm_random(struct hsm *hsm, uint8_t *out, size_t len, struct error *err)
{
    struct signer_request request = {.op = SIGNER_RANDOM, .count = len};
    struct signer_reply reply;
    bool ok;

    if (len == 0 || len > HSM_RANDOM_MAX)
        return error_set(err, ERROR_INPUT, "1 to %d random octets",
                         HSM_RANDOM_MAX);
    ok = call_simply(hsm, &request, &reply, err);
    if (ok && reply.len != len)
        ok = error_set(err, ERROR_INTERNAL, "the token gave %zu octets",
                       reply.len);
    if (ok)
        memcpy(out, reply.data, len);
    OPENSSL_cleanse(reply.data, sizeof reply.data);
    return ok;
}

bool
hsm_wrap_key_generate(struct hsm *hsm, const char *label, const uint8_t *id,
                      size_t id_len, struct error *err)
{
    struct signer_request request = {
        .op = SIGNER_WRAP_KEY,
        .id = id,
        .id_len = id_len,
        .label = label,
        .label_len = strlen(label),
    };
    struct signer_reply reply;

    return id_check(id, id_len, err) && label_check(label, err) &&
           call_simply(hsm, &request, &reply, err);
}

static bool
wrap_call(struct hsm *hsm, enum signer_op op, const uint8_t *id, size_t id_len,
          const uint8_t *data, size_t len, struct buf *out, struct error *err)
{
    struct signer_request request = {
        .op = op,
        .id = id,
        .id_len = id_len,
        .data = data,
        .data_len = len,
    };
    struct signer_reply reply;
    bool ok =
        id_check(id, id_len, err) && call_simply(hsm, &request, &reply, err);

    if (ok && !buf_add(out, reply.data, reply.len))
        ok = error_set(err, ERROR_INTERNAL, "no room for the wrapped key");
    OPENSSL_cleanse(reply.data, sizeof reply.data);
    return ok;
}

bool
hsm_wrap(struct hsm *hsm, const uint8_t *id, size_t id_len, const uint8_t *data,
         size_t len, struct buf *out, struct error *err)
{
    /* SoftHSM does not give back another length than whole blocks. */
    if (len == 0 || len > HSM_WRAP_MAX || len % 8 != 0)
        return error_set(err, ERROR_INPUT,
                         "a data key has 8 to %d octets, in blocks of 8",
                         HSM_WRAP_MAX);
    return wrap_call(hsm, SIGNER_WRAP, id, id_len, data, len, out, err);
}

bool
hsm_unwrap(struct hsm *hsm, const uint8_t *id, size_t id_len,
           const uint8_t *blob, size_t len, struct buf *out, struct error *err)
{
    /* RFC 5649, 4.1: two blocks at least, whole blocks. */
    if (len < 16 || len > HSM_WRAP_MAX + 16 || len % 8 != 0)
        return error_set(err, ERROR_INPUT, "not a wrapped data key");
    return wrap_call(hsm, SIGNER_UNWRAP, id, id_len, blob, len, out, err);
}

bool
hsm_healthy(struct hsm *hsm, const struct hsm_key *key, struct error *err)
{
    static const uint8_t test[] = "health";
    struct signer_request request = {.op = SIGNER_PING};
    uint8_t signature[HSM_SIGNATURE_MAX];
    struct signer_reply reply;
    size_t len;

    if (key != NULL)
        return hsm_sign_checked(hsm, key, hsm_scheme_default(key->type), test,
                                sizeof test, signature, &len, err);
    return call_simply(hsm, &request, &reply, err);
}
