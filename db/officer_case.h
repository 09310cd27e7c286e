/*
 * Officers, their credentials and their leaving, on the way into the CA's
 * register: table ra.officer_case.
 */
#ifndef DB_OFFICER_CASE_H
#define DB_OFFICER_CASE_H

#include "db/db.h"

/* Texts are borrowed from the caller on the way in, from `held` on the way
 * out. */
struct db_officer_case {
    const char *id; /* UUID */
    const char *kind;
    const char *officer_id;
    const char *name;
    const char *person;
    const char *roles; /* separated by blanks */
    const char *state;
    const uint8_t
        *credential; /* JSON as in the order; NULL before it is made */
    size_t credential_len;
    const char *order_id;      /* NULL before there is an order */
    const uint8_t *order_body; /* canonical JSON */
    size_t order_body_len;
    const uint8_t *order_digest; /* 32 octets */
    const uint8_t *decisions;    /* JSON array; NULL: none yet */
    size_t decisions_len;
    const char *problem; /* why the CA refused; NULL */
    const char *invited_by;
    int64_t made_at, changed_at;
    struct db_result *held;
};

/* `made_at` is `changed_at` too. */
bool db_officer_case_add(struct db *db, const struct db_officer_case *row,
                         struct error *err) MUST_CHECK;

/* Locked until the transaction ends. ERROR_NOT_FOUND. The caller clears. */
bool db_officer_case_get(struct db *db, const char *id,
                         struct db_officer_case *out,
                         struct error *err) MUST_CHECK;
void db_officer_case_clear(struct db_officer_case *row);

/* The newest first, or those in state "sending" since before `before`, the
 * oldest first. `each` gets rows for db_officer_case_read(), which borrows. */
bool db_officer_case_list(struct db *db, size_t max, db_each *each, void *arg,
                          struct error *err) MUST_CHECK;
bool db_officer_case_sending(struct db *db, int64_t before, size_t max,
                             db_each *each, void *arg,
                             struct error *err) MUST_CHECK;
bool db_officer_case_read(const struct db_result *r, size_t row,
                          struct db_officer_case *out,
                          struct error *err) MUST_CHECK;

/* From "invited" to "ready": credential and order of `row`. ERROR_CONFLICT when
 * it is not invited any more. */
bool db_officer_case_ready(struct db *db, const struct db_officer_case *row,
                           int64_t at, struct error *err) MUST_CHECK;
/* A further decision: `decisions` is the whole array. */
bool db_officer_case_decide(struct db *db, const char *id, const char *from,
                            const char *to, const struct buf *decisions,
                            int64_t at, struct error *err) MUST_CHECK;
/* "done", "refused" with its problem, "withdrawn". */
bool db_officer_case_end(struct db *db, const char *id, const char *from,
                         const char *to, const char *problem, int64_t at,
                         struct error *err) MUST_CHECK;

#endif
