/* PEM files; see base/pem.h. */
#include "base/pem.h"

#include <openssl/pem.h>

#include "base/text.h"

enum { FILE_MAX = 65536 };

enum what { CERTIFICATE, PRIVATE_KEY, PUBLIC_KEY };

static void *
parse(BIO *bio, enum what what)
{
    switch (what) {
    case CERTIFICATE:
        return PEM_read_bio_X509(bio, NULL, NULL, NULL);
    case PRIVATE_KEY:
        return PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    default:
        return PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    }
}

static void *
read_file(const char *path, enum what what, struct error *err)
{
    static const char *const names[] = {"certificate", "private key",
                                        "public key"};
    struct buf text = BUF_INIT(FILE_MAX);
    BIO *bio = NULL;
    void *out = NULL;

    if (text_file_read(path, FILE_MAX, &text, err)) {
        bio = BIO_new_mem_buf(text.data, (int)text.len);
        out = bio == NULL ? NULL : parse(bio, what);
        if (out == NULL)
            error_openssl(err, ERROR_INPUT, "%s: no PEM %s", path, names[what]);
    }
    BIO_free(bio);
    buf_cleanse(&text);
    return out;
}

bool
pem_certificate_read(const char *path, X509 **out, struct error *err)
{
    return (*out = read_file(path, CERTIFICATE, err)) != NULL;
}

bool
pem_private_key_read(const char *path, EVP_PKEY **out, struct error *err)
{
    return (*out = read_file(path, PRIVATE_KEY, err)) != NULL;
}

bool
pem_public_key_read(const char *path, EVP_PKEY **out, struct error *err)
{
    return (*out = read_file(path, PUBLIC_KEY, err)) != NULL;
}
