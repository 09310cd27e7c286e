/*
 * Services and administrators are known by the common name of their client
 * certificate (docs/architecture.md). Many profiles let applicants choose a
 * common name and are fit for TLS clients, so the name alone says nothing: the
 * certificate must stand in our own register, as one for a service, and valid.
 */
#ifndef CA_CORE_PEER_H
#define CA_CORE_PEER_H

#include "db/db.h"

enum {
    PEER_MEMORY = 8,      /* more than the services there are */
    PEER_TRUSTED_MS = 500 /* a revocation shows within a second */
};

/* One worker's: the certificates that it found right a moment ago. Zeroed is
 * empty. */
struct peer_memory {
    struct {
        uint8_t digest[32]; /* SHA-256 of the certificate */
        int64_t until_ms;   /* monotonic; 0: no certificate */
    } at[PEER_MEMORY];
};

/* ERROR_DENIED when the certificate (DER) is none that this CA issued to a
 * service, or is held or revoked; ERROR_BUSY when that cannot be told now. */
bool peer_admit(struct peer_memory *memory, struct db *db,
                const uint8_t *certificate, size_t len, int64_t now_ms,
                struct error *err) MUST_CHECK;

/* SHA-256 of the certificate's SubjectPublicKeyInfo, by which who calls is
 * found. ERROR_DENIED: it is no certificate. */
bool peer_key_digest(const uint8_t *certificate, size_t len, uint8_t out[32],
                     struct error *err) MUST_CHECK;

#endif
