/*
 * One issuing order on its way through the writer: what is recorded of it, and
 * later its certificate. Made of an order that was admitted, or read back from
 * the database when a process ended between record and result.
 */
#ifndef CA_CORE_ISSUE_JOB_H
#define CA_CORE_ISSUE_JOB_H

#include "ca-core/order.h"
#include "ca-core/record.h"

enum { ISSUE_PARTS_MAX = 2 };

/* One certificate of the order: the only one, or one half of a pair. */
struct issue_part {
    char *profile;
    struct serial serial;
    uint8_t spki_sha256[32];
    struct buf tbs; /* as recorded */

    /* The intent; absent in a job read back. */
    int64_t key_all, subject_all; /* counted when judged; -1: no such rule */
    bool has_predecessor;
    struct db_certificate_ref predecessor;
    int64_t predecessor_index; /* its status_index when judged */

    /* The result. */
    struct buf der;
    struct record issued;
};

/* A certificate that the order does something to, by its issuer's name. */
struct issue_old {
    struct db_certificate_ref ref;
    char issuer[DB_ISSUER_NAME_MAX + 1];
};

/* Owns what it points to; immutable once made, but for the results. */
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
    char escrow_key[TEXT_UUID_LEN + 1]; /* of the second part; "": none */
    struct record accepted;

    /* The certificates: of one issuer. */
    struct issuers *issuers;     /* borrowed; whose set it is */
    struct issuer_set *set;      /* held */
    const struct issuer *issuer; /* borrowed from the set */
    struct issue_part part[ISSUE_PARTS_MAX];
    size_t part_count;

    /* What becomes of the predecessor, and of its other half, in the result's
     * transaction; none when nothing does. */
    struct issue_old old[2];
    size_t old_count;
    struct api_fate fate;
};

/* What was planned for an order. */
struct issue_plan {
    struct order_plan first;
    bool is_pair;
    struct order_plan second;           /* of a pair */
    char escrow_key[TEXT_UUID_LEN + 1]; /* the centre's name of its key */
};

/* Of an admitted order. The plans' octets become the job's; the set is held
 * until the job is freed. */
bool issue_job_new(const struct api_envelope *envelope,
                   const uint8_t digest[32],
                   const struct decision_evidence *evidence,
                   const char *requested_by, struct issuers *issuers,
                   struct issuer_set *set, struct issue_plan *take_plan,
                   int64_t now, struct issue_job **out,
                   struct error *err) MUST_CHECK;

/* Of a recorded order. ERROR_CONFLICT when it is not (or no longer) recorded;
 * ERROR_INTERNAL when its rows make no sense. */
bool issue_job_read(struct db *db, struct issuers *issuers,
                    const char *order_id, struct issue_job **out,
                    struct error *err) MUST_CHECK;

void issue_job_free(struct issue_job *job); /* NULL is nothing */

/* Signs each recorded TBSCertificate, compares what was signed with it, and
 * makes the log entry. ERROR_BUSY: the token is away. */
bool issue_job_sign(struct issue_job *job, int64_t now,
                    struct error *err) MUST_CHECK;

#endif
