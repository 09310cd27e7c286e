/*
 * Certificates as the log tells of them: issued, held, released, revoked. What
 * an auditor needs to judge holders who signed for themselves, holds that were
 * released by one person, and pairs of which one half changed.
 */
#ifndef CA_CORE_AUDIT_CERTIFICATE_H
#define CA_CORE_AUDIT_CERTIFICATE_H

#include "ca-core/api.h"

struct audit_certificate {
    uint8_t serial[API_SERIAL_LEN];
    uint16_t issuer; /* place of its name */
    bool is_valid;   /* neither held nor revoked */
    bool is_held;
    bool has_spki, has_mate;
    uint8_t sha256[32]; /* of the certificate */
    uint8_t spki_sha256[32];
    char held_by[TEXT_UUID_LEN + 1]; /* order that holds it */
    uint8_t mate[API_SERIAL_LEN];    /* the other half, of a pair */
    uint16_t mate_issuer;
};

struct audit_certificates;
struct audit_certificates *audit_certificates_new(void);
void audit_certificates_free(struct audit_certificates *all); /* or NULL */

/* Takes an entry of one of the events certificate.*; others are nothing to it.
 * ERROR_INPUT: malformed. */
bool audit_certificates_read(struct audit_certificates *all,
                             const json_t *entry, struct error *err) MUST_CHECK;

/* NULL when the log has told of none. Borrowed until the next entry. */
const struct audit_certificate *
audit_certificates_find(const struct audit_certificates *all,
                        const struct api_certificate_ref *ref);
/* By the place of the issuer's name. */
const struct audit_certificate *
audit_certificates_at(const struct audit_certificates *all, uint16_t issuer,
                      const uint8_t serial[API_SERIAL_LEN]);
const struct audit_certificate *
audit_certificates_by_sha256(const struct audit_certificates *all,
                             const uint8_t sha256[32]);

/* The two are the halves of a pair; of what the log has not told, nothing. */
void audit_certificates_pair(struct audit_certificates *all,
                             const struct api_certificate_ref *a,
                             const struct api_certificate_ref *b);
/* The other half; NULL: none. */
const struct audit_certificate *
audit_certificates_mate(const struct audit_certificates *all,
                        const struct audit_certificate *certificate);

#endif
