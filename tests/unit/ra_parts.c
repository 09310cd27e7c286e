/* Parts for the tests of the RA: tests/unit/ra_parts.h. */
#include "tests/unit/ra_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static void
must(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "tests/unit/ra_parts.c: %s\n", what);
    exit(1);
}

EVP_PKEY *
parts_key(const char *kind)
{
    EVP_PKEY *key;

    if (strcmp(kind, "RSA") == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    else if (strcmp(kind, "ED25519") == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else
        key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
    must(key != NULL, "key");
    return key;
}

static const EVP_MD *
digest_for(EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
}

static void
name_fill(X509_NAME *name)
{
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    (const unsigned char *)"test", -1, -1,
                                    0) == 1,
         "name");
}

void
parts_csr(EVP_PKEY *key, struct buf *out)
{
    X509_REQ *req = X509_REQ_new();
    unsigned char *der = NULL;
    int len;

    must(req != NULL, "request");
    name_fill(X509_REQ_get_subject_name(req));
    must(X509_REQ_set_pubkey(req, key) == 1 &&
             X509_REQ_sign(req, key, digest_for(key)) > 0,
         "request");
    len = i2d_X509_REQ(req, &der);
    must(len > 0 && buf_add(out, der, (size_t)len), "request");
    OPENSSL_free(der);
    X509_REQ_free(req);
}

void
parts_certificate(EVP_PKEY *key, struct buf *out)
{
    X509 *x509 = X509_new();
    unsigned char *der = NULL;
    int len;

    must(x509 != NULL, "certificate");
    name_fill(X509_get_subject_name(x509));
    name_fill(X509_get_issuer_name(x509));
    must(ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) == 1 &&
             X509_gmtime_adj(X509_getm_notBefore(x509), 0) != NULL &&
             X509_gmtime_adj(X509_getm_notAfter(x509), 86400) != NULL &&
             X509_set_pubkey(x509, key) == 1 &&
             X509_sign(x509, key, digest_for(key)) > 0,
         "certificate");
    len = i2d_X509(x509, &der);
    must(len > 0 && buf_add(out, der, (size_t)len), "certificate");
    OPENSSL_free(der);
    X509_free(x509);
}

void
parts_pem(const char *label, const struct buf *der, struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len;

    must(bio != NULL &&
             PEM_write_bio(bio, label, "", der->data, (long)der->len) > 0,
         "PEM");
    len = BIO_get_mem_data(bio, &text);
    must(len > 0 && buf_add(out, text, (size_t)len), "PEM");
    BIO_free(bio);
}
