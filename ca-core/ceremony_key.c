/* Keys of a ceremony: in tokens and, for TLS and demonstrations, in files. */
#include "ca-core/ceremony_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "ca-core/csr.h"

enum { ATTEMPTS_MAX = 8, KEY_FILE_MAX = 16384, PATH_LEN_MAX = 4096 };

/* ---- In tokens --------------------------------------------------------- */

static void
note_key(struct run *run, const char *token, const char *purpose,
         const struct hsm_key *key)
{
    json_t *entry = json_object();

    json_set_text(entry, "purpose", purpose);
    json_set_text(entry, "token", token);
    json_set_hex(entry, "key_id", key->id, key->id_len);
    json_set_text(entry, "key_type", hsm_key_type_name(key->type));
    json_set_bytes(entry, "spki", key->spki, key->spki_len);
    json_array_append_new(run->keys, entry);
}

/* One identifier: *out stays NULL when it holds half a pair. */
static bool
find_or_make(struct hsm *hsm, const char *label, enum hsm_key_type type,
             const uint8_t *id, const struct hsm_key **out, struct error *err)
{
    struct error first = {0};

    if (hsm_key_get(hsm, id, CEREMONY_KEY_ID_LEN, out, &first))
        return true;
    *out = NULL;
    if (first.code != ERROR_NOT_FOUND) {
        if (err != NULL)
            *err = first;
        return false;
    }
    if (hsm_key_generate(hsm, type, label, id, CEREMONY_KEY_ID_LEN, out,
                         &first))
        return true;
    *out = NULL;
    if (first.code == ERROR_CONFLICT)
        return true;
    if (err != NULL)
        *err = first;
    return false;
}

bool
ceremony_token_key(struct run *run, struct hsm *hsm, const char *token,
                   const char *purpose, const char *label,
                   enum hsm_key_type type, const struct hsm_key **out,
                   struct error *err)
{
    uint8_t id[CEREMONY_KEY_ID_LEN];
    char short_label[HSM_LABEL_MAX + 1];
    unsigned attempt;

    (void)snprintf(short_label, sizeof short_label, "%s", label);
    *out = NULL;
    for (attempt = 0; attempt < ATTEMPTS_MAX && *out == NULL; attempt++)
        if (!ceremony_key_id(run->plan, purpose, attempt, id, err) ||
            !find_or_make(hsm, short_label, type, id, out, err))
            return error_wrap(err, "key of %s in %s", purpose, token);
    if (*out == NULL)
        return error_set(err, ERROR_CONFLICT,
                         "token %s holds nothing but half-made keys of %s",
                         token, purpose);
    if ((*out)->type != type)
        return error_set(err, ERROR_CONFLICT,
                         "the key of %s in %s is of type %s", purpose, token,
                         hsm_key_type_name((*out)->type));
    note_key(run, token, purpose, *out);
    return true;
}

/* ---- In files ---------------------------------------------------------- */

bool
ceremony_soft_key(enum hsm_key_type type, EVP_PKEY **out, struct error *err)
{
    EVP_PKEY *key = NULL;

    switch (type) {
    case HSM_KEY_RSA_2048:
        key = EVP_RSA_gen(2048);
        break;
    case HSM_KEY_RSA_3072:
        key = EVP_RSA_gen(3072);
        break;
    case HSM_KEY_RSA_4096:
        key = EVP_RSA_gen(4096);
        break;
    case HSM_KEY_EC_P256:
        key = EVP_EC_gen("P-256");
        break;
    case HSM_KEY_EC_P384:
        key = EVP_EC_gen("P-384");
        break;
    case HSM_KEY_ED25519:
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    case HSM_KEY_TYPE_COUNT:
        break;
    }
    if (key == NULL)
        return error_openssl(err, ERROR_INTERNAL, "make a key");
    *out = key;
    return true;
}

bool
ceremony_spki(EVP_PKEY *key, struct buf *out, struct error *err)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);

    if (len <= 0)
        return error_openssl(err, ERROR_INTERNAL, "encode a public key");
    (void)buf_add(out, der, (size_t)len);
    OPENSSL_free(der);
    return true;
}

static bool
write_key(const char *path, EVP_PKEY *key, struct error *err)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *pem;
    long len;
    bool ok = false;

    if (bio == NULL ||
        PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        (len = BIO_get_mem_data(bio, &pem)) <= 0) {
        error_openssl(err, ERROR_INTERNAL, "encode a private key");
        goto out;
    }
    ok = text_file_write(path, pem, (size_t)len, 0600, err);
out:
    BIO_free(bio);
    return ok;
}

static bool
read_key(const char *path, EVP_PKEY **out, struct error *err)
{
    struct buf pem = BUF_INIT(KEY_FILE_MAX);
    BIO *bio = NULL;
    bool ok = false;

    if (!text_file_read(path, KEY_FILE_MAX, &pem, err))
        goto out;
    bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    if (bio == NULL ||
        (*out = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)) == NULL) {
        error_openssl(err, ERROR_INPUT, "%s holds no private key", path);
        goto out;
    }
    ok = true;
out:
    BIO_free(bio);
    buf_cleanse(&pem);
    return ok;
}

bool
ceremony_file_key(const char *path, enum hsm_key_type type, EVP_PKEY **out,
                  struct error *err)
{
    if (access(path, F_OK) == 0)
        return read_key(path, out, err);
    if (!ceremony_soft_key(type, out, err))
        return false;
    /* On disk before anything is certified: a certificate whose key is lost
     * could not be taken up by a second run. */
    if (write_key(path, *out, err))
        return true;
    EVP_PKEY_free(*out);
    *out = NULL;
    return false;
}

/* ---- Requests ---------------------------------------------------------- */

/* DER of PEM, or what is there. */
static bool
decode_request(const struct buf *file, struct buf *der)
{
    BIO *bio;
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    long len;
    bool ok;

    if (file->len < 5 || memcmp(file->data, "-----", 5) != 0)
        return buf_add(der, file->data, file->len);
    bio = BIO_new_mem_buf(file->data, (int)file->len);
    ok = bio != NULL && PEM_read_bio(bio, &name, &header, &data, &len) == 1 &&
         strstr(name, "CERTIFICATE REQUEST") != NULL && len > 0 &&
         buf_add(der, data, (size_t)len);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    BIO_free(bio);
    return ok;
}

bool
ceremony_csr_spki(const struct ceremony *plan,
                  const struct ceremony_officer *officer, struct buf *out,
                  struct error *err)
{
    struct buf path = BUF_INIT(PATH_LEN_MAX);
    struct buf file = BUF_INIT(2 * CSR_MAX_LEN), der = BUF_INIT(CSR_MAX_LEN);
    struct csr csr = {0};
    bool ok = false;

    if (officer->csr[0] == '/')
        (void)buf_add_text(&path, officer->csr);
    else
        (void)buf_addf(&path, "%s/%s", plan->folder, officer->csr);
    if (!text_file_read(buf_text(&path), 2 * CSR_MAX_LEN, &file, err))
        goto out;
    if (!decode_request(&file, &der)) {
        error_set(err, ERROR_INPUT, "%s holds no request", buf_text(&path));
        goto out;
    }
    if (!csr_parse(der.data, der.len, &csr, err) ||
        !profile_check_key(officer->profile, csr.key.type, err))
        goto out;
    ok = buf_add(out, csr.spki.data, csr.spki.len);
out:
    csr_clear(&csr);
    buf_clear(&der);
    buf_clear(&file);
    buf_clear(&path);
    return ok || error_wrap(err, "officer %s", officer->name);
}
