/*
 * Entries of the issuance log that orders leave, made before the transaction
 * that appends them: what is decided, accepted, refused, issued and changed,
 * with the officers' statements and signatures (promise 5).
 */
#ifndef CA_CORE_RECORD_H
#define CA_CORE_RECORD_H

#include "ca-core/api.h"
#include "ca-core/decision_verify.h"
#include "ca-core/entry.h"
#include "db/certificate.h"

enum {
    RECORD_EVENT_MAX = 32,
    RECORD_SUBJECT_MAX = 64,
};

struct record {
    char event[RECORD_EVENT_MAX];
    char subject[RECORD_SUBJECT_MAX];
    struct buf body;
    struct db_entry entry; /* borrows the above: a record does not move */
};

/* Completes and encodes `take_members`, which is the callee's whatever is
 * returned. */
bool record_make(struct record *out, json_t *take_members, const char *event,
                 const char *subject, int64_t at, struct error *err) MUST_CHECK;
void record_clear(struct record *record); /* zeroed is nothing */

/* order.accepted: the order, its digest, the decisions with the statements
 * that were signed and the certificates that verify them, and what a device
 * added. */
bool record_accepted(struct record *out, const struct api_envelope *envelope,
                     const uint8_t digest[32],
                     const struct decision_evidence *evidence,
                     const char *requested_by, int64_t at,
                     struct error *err) MUST_CHECK;

/* order.refused: whose order, which digest, which decisions were presented, and
 * why not. */
bool record_refused(struct record *out, const struct api_envelope *envelope,
                    const uint8_t digest[32], const char *requested_by,
                    const struct error *why, int64_t at,
                    struct error *err) MUST_CHECK;

/* order.failed: accepted, and then nothing could be signed. */
bool record_failed(struct record *out, const char *order_id,
                   const char *problem, int64_t at,
                   struct error *err) MUST_CHECK;

/* certificate.issued: serial and SHA-256 of the certificate. */
struct record_issue {
    const char *order_id;
    const char *issuer;
    const char *profile;
    const uint8_t *serial;      /* DB_SERIAL_LEN octets */
    const uint8_t *spki_sha256; /* NULL: not told */
    const uint8_t *der;
    size_t der_len;
};
bool record_issued(struct record *out, const struct record_issue *issue,
                   int64_t at, struct error *err) MUST_CHECK;

/* certificate.held, .released, .revoked. */
bool record_changed(struct record *out, const char *order_id,
                    const char *issuer,
                    const struct db_certificate_change *change, int64_t at,
                    struct error *err) MUST_CHECK;

/* officer.enrolled, officer.dismissed, officer.credential. */
bool record_officer(struct record *out, const struct api_order *order,
                    int64_t at, struct error *err) MUST_CHECK;

/* Appends in this order; *first is the index of the first. */
bool record_append(struct db *db, const struct record *const *records,
                   size_t count, int64_t *first, struct error *err) MUST_CHECK;

#endif
