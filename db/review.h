/*
 * What was decided about an application and what came of it: tables
 * ra.decision, ra.history and ra.certificate. Rows are only added.
 */
#ifndef DB_REVIEW_H
#define DB_REVIEW_H

#include "db/db.h"

struct db_review {
    const char *number;
    int32_t revision;
    const char *step;
    const char *officer_id;
    const char *person;
    const uint8_t *credential_id; /* 32 octets */
    const char *verdict;          /* "approve", "return", "reject" */
    int64_t decided_at;
    const uint8_t *statement;
    size_t statement_len;
    const uint8_t *signature;
    size_t signature_len;
};

/* ERROR_CONFLICT when the step is decided, or the same person decided another
 * step of this revision. */
bool db_review_add(struct db *db, const struct db_review *decision,
                   struct error *err) MUST_CHECK;

/* The decisions on one revision, in the order of their steps. `each` gets a
 * row for db_review_read(), which borrows from it. */
bool db_review_list(struct db *db, const char *number, int revision,
                    db_each *each, void *arg, struct error *err) MUST_CHECK;
bool db_review_read(const struct db_result *row, size_t at,
                    struct db_review *out, struct error *err) MUST_CHECK;

/* The last link of an application's history; *seq 0 and `hash` zeros if there
 * is none yet. The application's row is locked by the caller. */
bool db_history_last(struct db *db, const char *number, int32_t *seq,
                     uint8_t hash[32], struct error *err) MUST_CHECK;
bool db_history_add(struct db *db, const char *number, int seq, int64_t at,
                    const struct buf *body, const uint8_t hash[32],
                    struct error *err) MUST_CHECK;
/* In order; `each` gets rows for db_history_read(). */
bool db_history_list(struct db *db, const char *number, db_each *each,
                     void *arg, struct error *err) MUST_CHECK;
struct db_history {
    int32_t seq;
    const uint8_t *body; /* canonical JSON */
    size_t body_len;
    const uint8_t *hash; /* 32 octets */
};
bool db_history_read(const struct db_result *row, size_t at,
                     struct db_history *out, struct error *err) MUST_CHECK;

struct db_ra_certificate {
    const char *issuer;
    const uint8_t *serial; /* 16 octets */
    size_t serial_len;
    const uint8_t *der;
    size_t der_len;
    const uint8_t *issuer_der;
    size_t issuer_der_len;
    struct db_result *held; /* on the way out */
};
bool db_ra_certificate_add(struct db *db, const char *number,
                           const struct db_ra_certificate *certificate,
                           int64_t at, struct error *err) MUST_CHECK;
/* ERROR_NOT_FOUND before it is issued. The caller clears `out`. */
bool db_ra_certificate_get(struct db *db, const char *number,
                           struct db_ra_certificate *out,
                           struct error *err) MUST_CHECK;
void db_ra_certificate_clear(struct db_ra_certificate *certificate);

#endif
