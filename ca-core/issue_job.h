/*
 * One issuing order on its way through the writer: what is recorded of it, and
 * later its certificate. Made of an order that was admitted, or read back from
 * the database when a process ended between record and result.
 */
#ifndef CA_CORE_ISSUE_JOB_H
#define CA_CORE_ISSUE_JOB_H

#include "ca-core/order.h"
#include "ca-core/record.h"

/* Owns what it points to; immutable once made, but for `der` and `issued`. */
struct issue_job {
    char order_id[TEXT_UUID_LEN + 1];
    uint8_t digest[32];
    enum api_kind kind;
    int64_t received_at;

    /* The intent; absent in a job read back. */
    char *requested_by;
    char *account;
    struct buf body;     /* RFC 8785 form of the order */
    bool has_csr_sha256; /* a device brought the request */
    uint8_t csr_sha256[32];
    struct api_decision decision[API_DECISIONS_MAX];
    struct buf statement[API_DECISIONS_MAX];
    size_t decision_count;
    struct buf subject;
    char *subject_text;
    struct validity_period period;
    int64_t key_all, subject_all; /* counted when judged; -1: no such rule */
    int64_t predecessor_index;    /* its status_index when judged */
    struct record accepted;

    /* The certificate. */
    struct issuers *issuers;     /* borrowed; whose set it is */
    struct issuer_set *set;      /* held */
    const struct issuer *issuer; /* borrowed from the set */
    char *profile;
    struct serial serial;
    uint8_t spki_sha256[32];
    struct buf tbs; /* as recorded */

    /* What becomes of the predecessor, in the result's transaction. */
    bool has_predecessor;
    struct db_certificate_ref predecessor;
    char *predecessor_issuer; /* name */
    struct api_fate fate;

    /* The result. */
    struct buf der;
    struct record issued;
};

/* Of an admitted order. The plan's octets become the job's; the set is held
 * until the job is freed. */
bool issue_job_new(const struct api_envelope *envelope,
                   const uint8_t digest[32],
                   const struct decision_evidence *evidence,
                   const char *requested_by, struct issuers *issuers,
                   struct issuer_set *set, struct order_plan *take_plan,
                   int64_t now, struct issue_job **out,
                   struct error *err) MUST_CHECK;

/* Of a recorded order. ERROR_CONFLICT when it is not (or no longer) recorded;
 * ERROR_INTERNAL when its rows make no sense. */
bool issue_job_read(struct db *db, struct issuers *issuers,
                    const char *order_id, struct issue_job **out,
                    struct error *err) MUST_CHECK;

void issue_job_free(struct issue_job *job); /* NULL is nothing */

/* Signs the recorded TBSCertificate, compares what was signed with it, and
 * makes the log entry. ERROR_BUSY: the token is away. */
bool issue_job_sign(struct issue_job *job, int64_t now,
                    struct error *err) MUST_CHECK;

#endif
