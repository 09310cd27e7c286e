/* Sealing of personal data and scans; see ra/vault.h. */
#include "ra/vault.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "db/vault.h"
#include "hsm/hsm.h"

enum { ID_LEN = 4, NONCE_LEN = 12, TAG_LEN = 16 };

struct vault {
    EVP_CIPHER *cipher;
    EVP_MAC *mac;
    uint8_t blind[VAULT_KEY_LEN];
    size_t count;
    struct vault_key key[]; /* for sealing: derived from the data keys */
};

/* ---- Keys in clear ------------------------------------------------------- */

/* HKDF, RFC 5869, without salt: one data key, one derived key for each use. */
static bool
derive(const uint8_t key[VAULT_KEY_LEN], const char *use,
       uint8_t out[VAULT_KEY_LEN], struct error *err)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(
            OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key, VAULT_KEY_LEN),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
                                          (void *)(uintptr_t)use, strlen(use)),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    bool ok =
        ctx != NULL && EVP_KDF_derive(ctx, out, VAULT_KEY_LEN, params) > 0;

    if (!ok)
        error_openssl(err, ERROR_INTERNAL, "derive a key");
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok;
}

bool
vault_make(const struct vault_key *key, size_t count, struct vault **out,
           struct error *err)
{
    struct vault *vault;

    if (count == 0)
        return error_set(err, ERROR_INTERNAL, "there is no data key");
    vault = base_alloc(sizeof *vault + count * sizeof vault->key[0]);
    vault->count = count;
    vault->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    vault->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (vault->cipher == NULL || vault->mac == NULL) {
        error_openssl(err, ERROR_INTERNAL, "AES-256-GCM and HMAC");
        goto fail;
    }
    /* Of the first key, which never changes: equal texts stay equal when data
     * keys are rotated. */
    if (!derive(key[0].key, "signet vault: blind", vault->blind, err))
        goto fail;
    for (size_t i = 0; i < count; i++) {
        vault->key[i].id = key[i].id;
        if (!derive(key[i].key, "signet vault: seal", vault->key[i].key, err))
            goto fail;
    }
    *out = vault;
    return true;
fail:
    vault_free(vault);
    return false;
}

void
vault_free(struct vault *vault)
{
    if (vault == NULL)
        return;
    EVP_CIPHER_free(vault->cipher);
    EVP_MAC_free(vault->mac);
    OPENSSL_cleanse(vault, sizeof *vault + vault->count * sizeof vault->key[0]);
    free(vault);
}

/* ---- Keys in the token --------------------------------------------------- */

bool
vault_token(const struct config *config, struct hsm_options *out,
            struct error *err)
{
    static const char *const required[] = {"hsm.ra.pin_file", NULL};

    *out = (struct hsm_options){
        .module = config_path(config, "hsm.module"),
        .token = config_text(config, "hsm.ra.token"),
        .pin_file = config_path(config, "hsm.ra.pin_file"),
        .lock_dir = config_path(config, "hsm.lock_dir"),
        .signer_count = 0, /* for one second at the start */
    };
    return config_require(config, required, err);
}

static bool
data_key_wrap(struct hsm *hsm, int32_t id, struct db_data_key *out,
              struct error *err)
{
    static const uint8_t kek[] = VAULT_WRAPPING_ID;
    struct buf blob = BUF_INIT(sizeof out->wrapped);
    uint8_t fresh[VAULT_KEY_LEN];
    bool ok = false;

    out->id = id;
    out->kek_id_len = sizeof kek - 1;
    memcpy(out->kek_id, kek, out->kek_id_len);
    if (!hsm_random(hsm, fresh, sizeof fresh, err))
        goto out;
    if (!hsm_wrap(hsm, kek, out->kek_id_len, fresh, sizeof fresh, &blob, err)) {
        if (err->code != ERROR_NOT_FOUND)
            goto out;
        buf_reset(&blob);
        if (!hsm_wrap_key_generate(hsm, VAULT_WRAPPING_ID, kek, out->kek_id_len,
                                   err) ||
            !hsm_wrap(hsm, kek, out->kek_id_len, fresh, sizeof fresh, &blob,
                      err))
            goto out;
        err->code = ERROR_NONE;
    }
    memcpy(out->wrapped, blob.data, blob.len);
    out->wrapped_len = blob.len;
    ok = true;
out:
    OPENSSL_cleanse(fresh, sizeof fresh);
    buf_clear(&blob);
    return ok;
}

static bool
data_key_open(struct hsm *hsm, const struct db_data_key *row,
              struct vault_key *out, struct error *err)
{
    struct buf clear = BUF_INIT(HSM_WRAP_MAX);
    bool ok = hsm_unwrap(hsm, row->kek_id, row->kek_id_len, row->wrapped,
                         row->wrapped_len, &clear, err);

    if (ok && clear.len != VAULT_KEY_LEN)
        ok = error_set(err, ERROR_INTERNAL, "not a data key of %d octets",
                       VAULT_KEY_LEN);
    if (ok) {
        out->id = (uint32_t)row->id;
        memcpy(out->key, clear.data, VAULT_KEY_LEN);
    }
    buf_cleanse(&clear);
    return ok ||
           error_wrap(err,
                      "data key %d does not open with the key '%.*s' of the "
                      "token: is it the right token?",
                      (int)row->id, (int)row->kek_id_len,
                      (const char *)row->kek_id);
}

/* Adds key number `id`, unless another process was faster: then that one is
 * there, which is as good. */
static bool
data_key_add(struct hsm *hsm, struct db *db, int32_t id, int64_t at,
             struct error *err)
{
    struct db_data_key row = {0};
    bool is_added;

    return data_key_wrap(hsm, id, &row, err) &&
           db_data_key_add(db, &row, at, &is_added, err);
}

static bool
keys_open(struct hsm *hsm, const struct db_data_key *row, size_t count,
          struct vault **out, struct error *err)
{
    struct vault_key key[DB_DATA_KEYS_MAX];
    bool ok = true;

    for (size_t i = 0; ok && i < count; i++)
        ok = data_key_open(hsm, &row[i], &key[i], err);
    ok = ok && vault_make(key, count, out, err);
    OPENSSL_cleanse(key, sizeof key);
    return ok;
}

bool
vault_load(const struct hsm_options *token, struct db *db, struct vault **out,
           struct error *err)
{
    struct db_data_key row[DB_DATA_KEYS_MAX];
    struct hsm *hsm = NULL;
    size_t count = 0;
    bool ok = false;

    if (!hsm_open(token, &hsm, err))
        return error_wrap(err, "token %s", token->token);
    if (!db_data_key_list(db, row, &count, err))
        goto out;
    if (count == 0 && (!data_key_add(hsm, db, 1, clock_now(), err) ||
                       !db_data_key_list(db, row, &count, err)))
        goto out;
    ok = keys_open(hsm, row, count, out, err);
out:
    hsm_close(hsm);
    return ok || error_wrap(err, "data keys");
}

bool
vault_new(const struct config *config, struct db *db, struct vault **out,
          struct error *err)
{
    struct hsm_options token;

    return vault_token(config, &token, err) && vault_load(&token, db, out, err);
}

bool
vault_rotate(const struct hsm_options *token, struct db *db, int64_t at,
             struct error *err)
{
    struct db_data_key row[DB_DATA_KEYS_MAX];
    struct hsm *hsm = NULL;
    size_t count = 0;
    bool ok = false;

    if (!hsm_open(token, &hsm, err))
        return error_wrap(err, "token %s", token->token);
    if (!db_data_key_list(db, row, &count, err))
        goto out;
    if (count >= DB_DATA_KEYS_MAX) {
        error_set(err, ERROR_CONFLICT, "there are %zu data keys already",
                  count);
        goto out;
    }
    ok = data_key_add(hsm, db, count == 0 ? 1 : row[count - 1].id + 1, at, err);
out:
    hsm_close(hsm);
    return ok || error_wrap(err, "new data key");
}

/* ---- Sealing ------------------------------------------------------------- */

static const uint8_t *
key_find(const struct vault *vault, uint32_t id)
{
    for (size_t i = 0; i < vault->count; i++) {
        if (vault->key[i].id == id)
            return vault->key[i].key;
    }
    return NULL;
}

static void
id_write(uint32_t id, uint8_t out[ID_LEN])
{
    for (int i = 0; i < ID_LEN; i++)
        out[i] = (uint8_t)(id >> (24 - 8 * i));
}

static uint32_t
id_read(const uint8_t in[ID_LEN])
{
    uint32_t id = 0;

    for (int i = 0; i < ID_LEN; i++)
        id = id << 8 | in[i];
    return id;
}

/* The key's number is under the tag too, so that no value is moved to another
 * key's. */
static bool
begin(EVP_CIPHER_CTX *ctx, const struct vault *vault, const uint8_t *key,
      const uint8_t *head, const char *purpose, bool is_seal)
{
    int n;

    return EVP_CipherInit_ex2(ctx, vault->cipher, key, head + ID_LEN,
                              is_seal ? 1 : 0, NULL) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &n, head, ID_LEN) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)purpose,
                            (int)strlen(purpose)) == 1;
}

/* CipherUpdate refuses no octets at all: an empty value has none. */
static bool
update(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *in, size_t len)
{
    int n = 0;

    return len == 0 || (EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 &&
                        (size_t)n == len);
}

bool
vault_seal(const struct vault *vault, const char *purpose, const uint8_t *data,
           size_t len, struct buf *out, struct error *err)
{
    const struct vault_key *key = &vault->key[vault->count - 1];
    EVP_CIPHER_CTX *ctx = NULL;
    uint8_t *sealed = NULL;
    int n;
    bool ok = false;

    if (strlen(purpose) > VAULT_PURPOSE_MAX || len > INT32_MAX - VAULT_OVERHEAD)
        return error_set(err, ERROR_INTERNAL, "too long to be sealed");
    sealed = base_alloc(len + VAULT_OVERHEAD);
    id_write(key->id, sealed);
    if (RAND_bytes(sealed + ID_LEN, NONCE_LEN) != 1 ||
        (ctx = EVP_CIPHER_CTX_new()) == NULL ||
        !begin(ctx, vault, key->key, sealed, purpose, true) ||
        !update(ctx, sealed + ID_LEN + NONCE_LEN, data, len) ||
        EVP_CipherFinal_ex(ctx, sealed + ID_LEN + NONCE_LEN + len, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
                            sealed + ID_LEN + NONCE_LEN + len) != 1) {
        error_openssl(err, ERROR_INTERNAL, "seal");
        goto out;
    }
    if (!buf_add(out, sealed, len + VAULT_OVERHEAD)) {
        error_set(err, ERROR_INTERNAL, "no room for what was sealed");
        goto out;
    }
    ok = true;
out:
    EVP_CIPHER_CTX_free(ctx);
    free(sealed);
    return ok;
}

bool
vault_open(const struct vault *vault, const char *purpose,
           const uint8_t *sealed, size_t len, struct buf *out,
           struct error *err)
{
    EVP_CIPHER_CTX *ctx = NULL;
    uint8_t *data = NULL;
    const uint8_t *key;
    size_t data_len;
    int n;
    bool ok = false;

    if (len < VAULT_OVERHEAD || len > INT32_MAX)
        return error_set(err, ERROR_INTERNAL, "not a sealed value");
    if ((key = key_find(vault, id_read(sealed))) == NULL)
        return error_set(err, ERROR_BUSY,
                         "sealed under data key %u, made after this start: "
                         "restart signet-ra",
                         (unsigned)id_read(sealed));
    data_len = len - VAULT_OVERHEAD;
    data = base_alloc(data_len + 1);
    if ((ctx = EVP_CIPHER_CTX_new()) == NULL ||
        !begin(ctx, vault, key, sealed, purpose, false) ||
        !update(ctx, data, sealed + ID_LEN + NONCE_LEN, data_len) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
                            (void *)(uintptr_t)(sealed + len - TAG_LEN)) != 1 ||
        EVP_CipherFinal_ex(ctx, data + data_len, &n) != 1) {
        error_openssl(err, ERROR_INTERNAL,
                      "this value was not sealed for this place, or was "
                      "changed");
        goto out;
    }
    if (!buf_add(out, data, data_len)) {
        error_set(err, ERROR_INTERNAL, "no room for what was opened");
        goto out;
    }
    ok = true;
out:
    EVP_CIPHER_CTX_free(ctx);
    OPENSSL_cleanse(data, data_len + 1);
    free(data);
    return ok;
}

void
vault_blind(const struct vault *vault, const char *field, const char *text,
            uint8_t out[VAULT_BLIND_LEN])
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(vault->mac);
    size_t len = 0;

    /* The NUL between them: no field and text run into others. */
    if (ctx == NULL ||
        EVP_MAC_init(ctx, vault->blind, sizeof vault->blind, params) != 1 ||
        EVP_MAC_update(ctx, (const uint8_t *)field, strlen(field) + 1) != 1 ||
        EVP_MAC_update(ctx, (const uint8_t *)text, strlen(text)) != 1 ||
        EVP_MAC_final(ctx, out, &len, VAULT_BLIND_LEN) != 1)
        abort(); /* HMAC of a fetched digest fails for want of memory alone */
    EVP_MAC_CTX_free(ctx);
}
