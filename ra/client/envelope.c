/* Encrypted files; see ra/client/envelope.h. */
#include "ra/client/envelope.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/evp.h>

enum {
    RECIPIENTS_LEN_MAX = 512 * 1024,
    ALGORITHM_MAX = 256,
    TAG_LEN = 16, /* octets of AES-GCM's: what RFC 5084 calls ICVlen */
    TAG_MIN = 12,
    NONCE_MAX = 16,
    PIECE = 65536,
    TELL_EVERY = 16 * 1024 * 1024,
};

static const uint8_t oid_enveloped[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                        0x0d, 0x01, 0x07, 0x03};
static const uint8_t oid_auth_enveloped[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
                                             0x01, 0x09, 0x10, 0x01, 0x17};
static const uint8_t oid_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                   0x0d, 0x01, 0x07, 0x01};

static void
tell(const struct envelope_watch *watch, uint64_t before, uint64_t done)
{
    if (watch != NULL && watch->tell != NULL &&
        before / TELL_EVERY != done / TELL_EVERY)
        watch->tell(done, watch->arg);
}

/* ---- Encrypting
 * ------------------------------------------------------------------ */

static bool
add_recipients(CMS_ContentInfo *cms, STACK_OF(X509) * recipients,
               struct error *err)
{
    for (int i = 0; i < sk_X509_num(recipients); i++)
        if (CMS_add1_recipient_cert(cms, sk_X509_value(recipients, i), 0) ==
            NULL)
            return error_openssl(err, ERROR_INPUT,
                                 "a certificate is not for encryption");
    return true;
}

static bool
copy_through(FILE *in, BIO *out, const struct envelope_watch *watch,
             struct error *err)
{
    static uint8_t piece[PIECE];
    uint64_t done = 0;
    size_t len;

    while ((len = fread(piece, 1, sizeof piece, in)) > 0) {
        if (BIO_write(out, piece, (int)len) != (int)len)
            return error_openssl(err, ERROR_INTERNAL, "cannot write");
        tell(watch, done, done + len);
        done += len;
    }
    OPENSSL_cleanse(piece, sizeof piece);
    if (ferror(in))
        return error_errno(err, ERROR_INTERNAL, "the file cannot be read");
    return true;
}

bool
envelope_encrypt(FILE *in, FILE *out, STACK_OF(X509) * recipients,
                 const struct envelope_watch *watch, struct error *err)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    CMS_ContentInfo *cms = NULL;
    BIO *file = BIO_new_fp(out, BIO_NOCLOSE);
    BIO *buffer = BIO_new(BIO_f_buffer());
    BIO *chain = NULL;
    bool ok = false;

    if (cipher != NULL && file != NULL && buffer != NULL)
        cms = CMS_AuthEnvelopedData_create(cipher);
    if (cms == NULL) {
        error_openssl(err, ERROR_INTERNAL, "cannot encrypt");
        goto out;
    }
    /* Small pieces would each be an OCTET STRING of their own. */
    (void)BIO_set_write_buffer_size(buffer, PIECE);
    file = BIO_push(buffer, file);
    buffer = NULL;
    (void)CMS_set_detached(cms, 0);
    if (!add_recipients(cms, recipients, err))
        goto out;
    chain = BIO_new_CMS(file, cms);
    if (chain == NULL) {
        error_openssl(err, ERROR_INTERNAL, "cannot encrypt");
        goto out;
    }
    if (!copy_through(in, chain, watch, err))
        goto out;
    if (BIO_flush(chain) != 1 || fflush(out) != 0) {
        error_openssl(err, ERROR_INTERNAL, "cannot write the end");
        goto out;
    }
    ok = true;
out:
    while (chain != NULL && chain != file) { /* its own part of the chain */
        BIO *next = BIO_pop(chain);

        BIO_free(chain);
        chain = next;
    }
    BIO_free_all(file);
    BIO_free(buffer);
    CMS_ContentInfo_free(cms);
    EVP_CIPHER_free(cipher);
    return ok;
}

/* ---- Reading
 * ------------------------------------------------------------------------ */

static bool
take_oid(struct ber *ber, const uint8_t *first, size_t first_len,
         const uint8_t *second, size_t second_len, bool *is_second,
         struct error *err)
{
    struct buf whole = BUF_INIT(64);
    struct der in, oid;
    bool ok = ber_take(ber, DER_OID, &whole, err);

    if (ok) {
        in = (struct der){whole.data, whole.len};
        ok = der_take_oid(&in, &oid);
        *is_second = ok && oid.len == second_len &&
                     memcmp(oid.data, second, second_len) == 0;
        if (!ok || (!*is_second && (oid.len != first_len ||
                                    memcmp(oid.data, first, first_len) != 0)))
            ok = error_set(err, ERROR_INPUT, "no encrypted CMS file");
    }
    buf_clear(&whole);
    return ok;
}

/* [0] OriginatorInfo is of no use here. */
static bool
skip_originator(struct ber *ber, struct error *err)
{
    struct buf unused = BUF_INIT(RECIPIENTS_LEN_MAX);
    uint8_t tag;
    bool is_end;
    bool ok = ber_peek(ber, &tag, &is_end, err);

    if (ok && !is_end && tag == DER_CONTEXT_CONSTRUCTED(0))
        ok = ber_take(ber, tag, &unused, err);
    buf_clear(&unused);
    return ok;
}

static bool
take_version(struct ber *ber, struct error *err)
{
    struct buf whole = BUF_INIT(16);
    struct der in;
    int64_t version;
    bool ok = ber_take(ber, DER_INTEGER, &whole, err);

    if (ok) {
        in = (struct der){whole.data, whole.len};
        ok = der_take_small(&in, 4, &version) ||
             error_set(err, ERROR_INPUT, "a version of CMS not known here");
    }
    buf_clear(&whole);
    return ok;
}

static bool
read_head(struct envelope *e, struct error *err)
{
    bool unused;

    return ber_enter(&e->ber, DER_SEQUENCE, err) &&
           take_oid(&e->ber, oid_enveloped, sizeof oid_enveloped,
                    oid_auth_enveloped, sizeof oid_auth_enveloped,
                    &e->is_authenticated, err) &&
           ber_enter(&e->ber, DER_CONTEXT_CONSTRUCTED(0), err) &&
           ber_enter(&e->ber, DER_SEQUENCE, err) &&
           take_version(&e->ber, err) && skip_originator(&e->ber, err) &&
           ber_take(&e->ber, DER_SET, &e->recipients, err) &&
           recipients_parse(e->recipients.data, e->recipients.len, e->recipient,
                            &e->recipient_count, err) &&
           ber_enter(&e->ber, DER_SEQUENCE, err) &&
           take_oid(&e->ber, oid_data, sizeof oid_data, oid_data,
                    sizeof oid_data, &unused, err) &&
           ber_take(&e->ber, DER_SEQUENCE, &e->algorithm, err);
}

bool
envelope_begin(FILE *in, struct envelope **out, struct error *err)
{
    struct envelope *e = base_alloc(sizeof *e);

    ber_init(&e->ber, in);
    e->recipients = (struct buf)BUF_INIT(RECIPIENTS_LEN_MAX);
    e->algorithm = (struct buf)BUF_INIT(ALGORITHM_MAX);
    *out = NULL;
    if (!read_head(e, err)) {
        envelope_free(e);
        return false;
    }
    *out = e;
    return true;
}

void
envelope_free(struct envelope *envelope)
{
    if (envelope == NULL)
        return;
    buf_clear(&envelope->recipients);
    buf_clear(&envelope->algorithm);
    free(envelope);
}

/* ---- Decrypting
 * ------------------------------------------------------------------------ */

/* What OpenSSL calls it, and whether it authenticates. */
static const struct cipher {
    uint8_t oid[9];
    size_t len;
    const char *name;
    bool is_gcm;
} ciphers[] = {
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x02},
     9,
     "AES-128-CBC",
     false},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x16},
     9,
     "AES-192-CBC",
     false},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a},
     9,
     "AES-256-CBC",
     false},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x06},
     9,
     "AES-128-GCM",
     true},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x1a},
     9,
     "AES-192-GCM",
     true},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e},
     9,
     "AES-256-GCM",
     true},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x03, 0x07},
     8,
     "DES-EDE3-CBC",
     false},
};

/* The decryption under way. */
struct run {
    EVP_CIPHER_CTX *ctx;
    FILE *out;
    const struct envelope_watch *watch;
    uint64_t done;
    uint8_t clear[BER_BUFFER + EVP_MAX_BLOCK_LENGTH];
    size_t tag_len; /* 0: not authenticated */
};

static const struct cipher *
cipher_of(struct der oid)
{
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++)
        if (ciphers[i].len == oid.len &&
            memcmp(ciphers[i].oid, oid.data, oid.len) == 0)
            return &ciphers[i];
    return NULL;
}

/* Parameters: IV of CBC (RFC 3370, 3565), or GCMParameters (RFC 5084, 3.2). */
static bool
read_parameters(struct der in, const struct cipher *cipher, struct der *iv,
                size_t *tag_len)
{
    struct der params;
    int64_t len = TAG_MIN;

    if (!cipher->is_gcm)
        return der_take(&in, DER_OCTET_STRING, iv) && in.len == 0;
    if (!der_take(&in, DER_SEQUENCE, &params) || in.len != 0 ||
        !der_take(&params, DER_OCTET_STRING, iv) || iv->len == 0 ||
        iv->len > NONCE_MAX ||
        (params.len > 0 && !der_take_small(&params, TAG_LEN, &len)) ||
        params.len != 0 || len < TAG_MIN)
        return false;
    *tag_len = (size_t)len;
    return true;
}

static bool
run_begin(struct run *run, const struct envelope *e, const uint8_t *key,
          size_t key_len, struct error *err)
{
    struct der in = {e->algorithm.data, e->algorithm.len};
    struct der content, oid, iv;
    const struct cipher *known;
    EVP_CIPHER *cipher = NULL;
    bool ok = false;

    if (!der_take(&in, DER_SEQUENCE, &content) || in.len != 0 ||
        !der_take_oid(&content, &oid))
        return error_set(err, ERROR_INPUT, "the cipher is malformed");
    known = cipher_of(oid);
    if (known == NULL || known->is_gcm != e->is_authenticated)
        return error_set(err, ERROR_INPUT,
                         "encrypted with a cipher not known here");
    if (!read_parameters(content, known, &iv, &run->tag_len))
        return error_set(err, ERROR_INPUT, "the cipher is malformed");
    cipher = EVP_CIPHER_fetch(NULL, known->name, NULL);
    if (cipher == NULL)
        return error_openssl(err, ERROR_INTERNAL, "%s", known->name);
    if (EVP_CIPHER_get_key_length(cipher) != (int)key_len ||
        (!known->is_gcm && EVP_CIPHER_get_iv_length(cipher) != (int)iv.len)) {
        error_set(err, ERROR_INPUT, "the content key does not fit");
        goto out;
    }
    if (EVP_DecryptInit_ex2(run->ctx, cipher, NULL, NULL, NULL) != 1 ||
        (known->is_gcm && EVP_CIPHER_CTX_ctrl(run->ctx, EVP_CTRL_AEAD_SET_IVLEN,
                                              (int)iv.len, NULL) != 1) ||
        EVP_DecryptInit_ex2(run->ctx, NULL, key, iv.data, NULL) != 1) {
        error_openssl(err, ERROR_INTERNAL, "%s", known->name);
        goto out;
    }
    ok = true;
out:
    EVP_CIPHER_free(cipher);
    return ok;
}

static bool
write_clear(struct run *run, size_t len, struct error *err)
{
    return fwrite(run->clear, 1, len, run->out) == len ||
           error_errno(err, ERROR_INTERNAL, "cannot write");
}

static bool
decrypt_piece(const uint8_t *data, size_t len, void *arg, struct error *err)
{
    struct run *run = arg;
    int got = 0;

    if (EVP_DecryptUpdate(run->ctx, run->clear, &got, data, (int)len) != 1)
        return error_openssl(err, ERROR_INPUT, "the content does not open");
    tell(run->watch, run->done, run->done + len);
    run->done += len;
    return write_clear(run, (size_t)got, err);
}

/* MessageAuthenticationCode: RFC 5083, 2.1. */
static bool
take_tag(struct envelope *e, struct run *run, struct error *err)
{
    struct buf whole = BUF_INIT(64);
    struct der in, mac;
    uint8_t tag;
    bool is_end;
    bool ok = ber_peek(&e->ber, &tag, &is_end, err);

    if (ok && !is_end && tag == DER_CONTEXT_CONSTRUCTED(1))
        ok = error_set(err, ERROR_INPUT,
                       "authenticated attributes cannot be read as a stream: "
                       "use another program");
    ok = ok && ber_take(&e->ber, DER_OCTET_STRING, &whole, err);
    if (ok) {
        in = (struct der){whole.data, whole.len};
        ok = der_take(&in, DER_OCTET_STRING, &mac) && mac.len == run->tag_len &&
             EVP_CIPHER_CTX_ctrl(run->ctx, EVP_CTRL_AEAD_SET_TAG, (int)mac.len,
                                 (void *)(uintptr_t)mac.data) == 1;
        if (!ok)
            error_openssl(err, ERROR_INPUT, "the file's seal is malformed");
    }
    buf_clear(&whole);
    return ok;
}

static bool
skip_rest(struct envelope *e, struct error *err)
{
    struct buf unused = BUF_INIT(RECIPIENTS_LEN_MAX);
    uint8_t tag;
    bool is_end;
    bool ok = ber_peek(&e->ber, &tag, &is_end, err);

    if (ok && !is_end) /* unprotectedAttrs */
        ok = ber_take(&e->ber,
                      e->is_authenticated ? DER_CONTEXT_CONSTRUCTED(2)
                                          : DER_CONTEXT_CONSTRUCTED(1),
                      &unused, err);
    buf_clear(&unused);
    return ok && ber_leave(&e->ber, err) && ber_leave(&e->ber, err) &&
           ber_leave(&e->ber, err) && ber_finish(&e->ber, err);
}

/* Padding of CBC, tag of GCM. */
static bool
run_end(struct run *run, struct error *err)
{
    int got = 0;

    if (EVP_DecryptFinal_ex(run->ctx, run->clear, &got) != 1)
        return error_openssl(err, ERROR_INPUT,
                             run->tag_len > 0
                                 ? "the file was changed after it was encrypted"
                                 : "the file is damaged");
    if (!write_clear(run, (size_t)got, err))
        return false;
    return fflush(run->out) == 0 ||
           error_errno(err, ERROR_INTERNAL, "cannot write");
}

bool
envelope_decrypt(struct envelope *envelope, const uint8_t *key, size_t key_len,
                 FILE *out, const struct envelope_watch *watch,
                 struct error *err)
{
    struct run *run = base_alloc(sizeof *run);
    bool ok;

    run->ctx = EVP_CIPHER_CTX_new();
    run->out = out;
    run->watch = watch;
    ok = run_begin(run, envelope, key, key_len, err) &&
         ber_stream(&envelope->ber, DER_CONTEXT(0), decrypt_piece, run, err) &&
         ber_leave(&envelope->ber, err) &&
         (run->tag_len == 0 || take_tag(envelope, run, err)) &&
         run_end(run, err) && skip_rest(envelope, err);
    EVP_CIPHER_CTX_free(run->ctx);
    OPENSSL_cleanse(run, sizeof *run);
    free(run);
    return ok;
}
