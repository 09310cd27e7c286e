/*
 * Applications and their applicants' records: tables ra.application and
 * ra.applicant. What may follow what is decided in ra/application.c; here the
 * WHERE clause names the old state and one row is expected.
 */
#ifndef DB_APPLICATION_H
#define DB_APPLICATION_H

#include "db/db.h"

/* Texts are borrowed: from the caller on the way in, from `held` on the way
 * out. */
struct db_applicant {
    const char *unit_name;
    const char *uscc;
    const char *kind; /* "company", "law-firm", "other" */
    const char *country;
    const char *province;
    const char *locality;
    const char *street;
    const char *handler_name;
    const char *handler_person;
    const char *handler_mobile;
    const char *handler_email; /* NULL if none */
};

struct db_application {
    const char *number;
    const char *account;
    const char *state;
    int32_t revision;
    int32_t years;
    struct db_applicant applicant;
    const uint8_t *csr; /* DER */
    size_t csr_len;
    const char *order_id; /* NULL before the first submission */
    const uint8_t *order_body;
    size_t order_body_len;
    const uint8_t *order_digest; /* 32 octets */
    int64_t created_at;
    int64_t changed_at;
    int32_t send_count;
    const char *send_problem; /* NULL if none */
    struct db_result *held;
};

/* What a new application and an edit bring. */
struct db_application_content {
    const char *account;
    int years;
    const uint8_t *csr;
    size_t csr_len;
    struct db_applicant applicant;
};

enum { DB_APPLICATION_NUMBER_MAX = 31 };

/* A draft with the next number. ERROR_CONFLICT when the account has an open
 * application. In a transaction, as all that change something here. */
bool db_application_create(struct db *db,
                           const struct db_application_content *content,
                           int64_t at,
                           char number[DB_APPLICATION_NUMBER_MAX + 1],
                           struct error *err) MUST_CHECK;

/* ERROR_NOT_FOUND. `is_locked`: no other transaction changes it until this one
 * ends. The caller clears `out`. */
bool db_application_get(struct db *db, const char *number, bool is_locked,
                        struct db_application *out,
                        struct error *err) MUST_CHECK;
void db_application_clear(struct db_application *application);

/* Applications in the order of their numbers: of one account (NULL: all), in
 * one state (NULL: any), numbered after `after` ("": from the start). */
bool db_application_list(struct db *db, const char *account, const char *state,
                         const char *after, size_t max, db_each *each,
                         void *arg, struct error *err) MUST_CHECK;
/* Reads the row that db_application_list() hands to `each`; nothing to clear:
 * the texts are borrowed from `row`. */
bool db_application_read(const struct db_result *row, size_t at,
                         struct db_application *out,
                         struct error *err) MUST_CHECK;

/* Replaces content while draft or returned; revision grows. ERROR_CONFLICT
 * when the revision is another one by now. */
bool db_application_edit(struct db *db, const char *number, int revision,
                         const struct db_application_content *content,
                         int64_t at, struct error *err) MUST_CHECK;

/* One transition that changes nothing but the state. */
bool db_application_move(struct db *db, const char *number, const char *from,
                         const char *to, int64_t at,
                         struct error *err) MUST_CHECK;

/* From draft or returned to submitted, with the order of this revision. */
bool db_application_submit(struct db *db, const char *number, const char *from,
                           int revision, const char *order_id,
                           const struct buf *order_body,
                           const uint8_t digest[32], int64_t at,
                           struct error *err) MUST_CHECK;

/* Takes one application whose order is due for sending: the next attempt is
 * put off to `again_at`, so two senders do not meet. *number is "" if none. */
bool db_application_claim(struct db *db, int64_t now, int64_t again_at,
                          char number[DB_APPLICATION_NUMBER_MAX + 1],
                          struct error *err) MUST_CHECK;
/* Notes why sending brought no answer, and when to try again. */
bool db_application_put_off(struct db *db, const char *number,
                            const char *problem, int64_t again_at,
                            struct error *err) MUST_CHECK;

/* How many are in each state, for metrics: `each` reads text, bigint. */
bool db_application_counts(struct db *db, db_each *each, void *arg,
                           struct error *err) MUST_CHECK;

#endif
