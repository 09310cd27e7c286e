/* Who a client certificate is for: ca-core/peer.h. */
#include "ca-core/peer.h"

#include <string.h>

#include <openssl/x509.h>

#include "base/hash.h"
#include "ca-core/public_key.h"
#include "db/certificate.h"

/* The profile of what a service shows to another. */
static const char service_profile[] = "tls-client";

enum { ROWS_MAX = 100 };

bool
peer_key_digest(const uint8_t *certificate, size_t len, uint8_t out[32],
                struct error *err)
{
    const unsigned char *p = certificate;
    X509 *x509 = d2i_X509(NULL, &p, (long)len);
    unsigned char *spki = NULL;
    int spki_len = 0;
    bool ok = false;

    if (x509 == NULL || p != certificate + len ||
        (spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki)) <= 0)
        error_openssl(err, ERROR_DENIED, "client certificate not understood");
    else
        ok = public_key_digest((struct der){spki, (size_t)spki_len}, out, err);
    OPENSSL_free(spki);
    X509_free(x509);
    return ok;
}

static bool
is_service(const struct db_certificate *row, const uint8_t *certificate,
           size_t len)
{
    return row->der != NULL && row->der_len == len &&
           memcmp(row->der, certificate, len) == 0 &&
           strcmp(row->profile, service_profile) == 0 &&
           row->state == DB_CERTIFICATE_VALID;
}

static bool
look_up(struct db *db, const uint8_t *certificate, size_t len,
        struct error *err)
{
    struct db_certificate *rows = NULL;
    uint8_t digest[PUBLIC_KEY_DIGEST_LEN];
    size_t count = 0, i = 0;

    if (!peer_key_digest(certificate, len, digest, err) ||
        !db_certificate_by_key(db, digest, ROWS_MAX, &rows, &count, err))
        return error_wrap(err, "client certificate");
    while (i < count && !is_service(&rows[i], certificate, len))
        i++;
    db_certificates_free(rows, count);
    return i < count ||
           error_set(err, ERROR_DENIED,
                     "the client certificate is no valid one of a service");
}

bool
peer_admit(struct peer_memory *memory, struct db *db,
           const uint8_t *certificate, size_t len, int64_t now_ms,
           struct error *err)
{
    uint8_t digest[32];
    size_t oldest = 0;

    if (certificate == NULL)
        return error_set(err, ERROR_DENIED, "a client certificate is needed");
    if (!hash_sha256(certificate, len, digest, err))
        return false;
    for (size_t i = 0; i < PEER_MEMORY; i++) {
        if (now_ms < memory->at[i].until_ms &&
            memcmp(memory->at[i].digest, digest, sizeof digest) == 0)
            return true;
        if (memory->at[i].until_ms < memory->at[oldest].until_ms)
            oldest = i;
    }
    if (!look_up(db, certificate, len, err))
        return false;
    memcpy(memory->at[oldest].digest, digest, sizeof digest);
    memory->at[oldest].until_ms = now_ms + PEER_TRUSTED_MS;
    return true;
}
