/*
 * Cases and their fields, and what guards ask: tables ra.case_file and
 * case_field. What may follow what is decided in ra/case.c; here the WHERE
 * clause names the old state and one row is expected.
 */
#ifndef DB_CASE_FILE_H
#define DB_CASE_FILE_H

#include "db/db.h"

enum { DB_CASE_NUMBER_MAX = 31 };

/* Texts are borrowed from the caller on the way in, from `held` on the way
 * out. */
struct db_case {
    const char *number;
    const char *business;
    const char *account;
    const char *state;
    int32_t revision;
    const char *unit_name;
    const char *uscc;
    const char *language;
    const char *notice_version;        /* NULL: none accepted (unlock) */
    const char *predecessor_issuer;    /* NULL if none */
    const uint8_t *predecessor_serial; /* 16 octets */
    const char *device;                /* NULL if none */
    const char *order_id;              /* NULL before the first */
    const uint8_t *order_body;
    size_t order_body_len;
    const uint8_t *order_digest; /* 32 octets */
    const char *replaces;        /* NULL if none */
    const char *assigned_to;     /* NULL if nobody */
    int64_t held_until;          /* 0 if not held */
    bool is_sample;
    int64_t created_at, submitted_at, changed_at, deadline_at, completed_at;
    struct db_result *held;
};

/* A draft with the next number: letter, day of created_at, running number.
 * ERROR_CONFLICT when the account has an open business. */
bool db_case_create(struct db *db, const struct db_case *row, char letter,
                    char number[DB_CASE_NUMBER_MAX + 1],
                    struct error *err) MUST_CHECK;

/* ERROR_NOT_FOUND. `is_locked`: no other transaction changes it until this one
 * ends. The caller clears `out`. */
bool db_case_get(struct db *db, const char *number, bool is_locked,
                 struct db_case *out, struct error *err) MUST_CHECK;
void db_case_clear(struct db_case *row);
enum { DB_CASE_COLUMN_COUNT = 24 };

/* A row of DB_RA_CASE_COLUMNS (db/sql_ra_case.h), further columns may follow;
 * borrows from `row`, and `held` stays NULL. */
bool db_case_read(const struct db_result *row, size_t at, struct db_case *out,
                  struct error *err) MUST_CHECK;

/* Newest first; NULL for any account, state, business; `after` "" or the
 * number that ended the last page. */
bool db_case_list(struct db *db, const char *account, const char *state,
                  const char *business, const char *after, size_t max,
                  db_each *each, void *arg, struct error *err) MUST_CHECK;

/* The new state. `completed_at`, `submitted_at`: 0, or the first time stands.
 * ERROR_CONFLICT when it is no longer in `from`. */
struct db_case_move {
    const char *number;
    const char *from;
    const char *to;
    int64_t at;
    int64_t deadline_at; /* 0: none */
    int64_t completed_at;
    int64_t submitted_at;
};
bool db_case_move(struct db *db, const struct db_case_move *move,
                  struct error *err) MUST_CHECK;
/* One revision more. ERROR_CONFLICT when `revision` is not the last one. */
bool db_case_revise(struct db *db, const char *number, int revision,
                    struct error *err) MUST_CHECK;
bool db_case_order(struct db *db, const char *number, const char *order_id,
                   const struct buf *body, const uint8_t digest[32],
                   struct error *err) MUST_CHECK;
bool db_case_copies(struct db *db, const char *number, const char *unit_name,
                    const char *uscc, struct error *err) MUST_CHECK;
/* The USB key of the case; NULL: none. */
bool db_case_device(struct db *db, const char *number, const char *serial,
                    struct error *err) MUST_CHECK;

/* ---- Fields -------------------------------------------------------------- */

struct db_field {
    const char *name;
    const char *value;     /* NULL when sealed */
    const uint8_t *sealed; /* NULL when not */
    size_t sealed_len;
    const uint8_t *blind; /* 32 octets; NULL: none. Not read back. */
    bool is_locked;       /* not read back */
};
bool db_field_set(struct db *db, const char *number,
                  const struct db_field *field, struct error *err) MUST_CHECK;
bool db_field_delete(struct db *db, const char *number, const char *name,
                     struct error *err) MUST_CHECK;
/* `each` gets rows for db_field_read(). */
bool db_field_list(struct db *db, const char *number, db_each *each, void *arg,
                   struct error *err) MUST_CHECK;
bool db_field_read(const struct db_result *row, size_t at, struct db_field *out,
                   struct error *err) MUST_CHECK;

/* ---- What guards ask ----------------------------------------------------- */

enum { DB_CASE_STATE_MAX = 23 };

struct db_case_facts {
    int64_t live_count; /* of the account: signing certificates that are
                           neither revoked nor expired */
    /* The certificate that the business is about; state "" if there is none. */
    char predecessor_state[DB_CASE_STATE_MAX + 1];
    int64_t predecessor_not_after;
    bool is_predecessor_bound;
    bool is_predecessor_own;                   /* of the same account */
    char handler_case[DB_CASE_NUMBER_MAX + 1]; /* of record; "": none */
    bool handler_is_of_record;
    bool is_handler_confirmed; /* by a code to the old number */
    bool has_payment;
    int64_t amount, received; /* fen; what was paid back is taken off */
    int64_t papers_wanted, papers_received;
    char device_state[DB_CASE_STATE_MAX + 1]; /* "": none for this case */
    bool is_made;        /* the maker signed for a device, of this revision */
    int64_t forms;       /* of this revision */
    int64_t open_others; /* of the account */
};
bool db_case_facts(struct db *db, const char *number, int64_t at,
                   struct db_case_facts *out, struct error *err) MUST_CHECK;

/* The documents that count now. */
struct db_case_document {
    const char *slot;
    const char *id;
    const uint8_t *sha256; /* 32 octets */
};
bool db_case_documents(struct db *db, const char *number, db_each *each,
                       void *arg, struct error *err) MUST_CHECK;
bool db_case_document_read(const struct db_result *row, size_t at,
                           struct db_case_document *out,
                           struct error *err) MUST_CHECK;
/* The scans in these slots do not count any more. */
bool db_case_documents_void(struct db *db, const char *number,
                            const char *const *slots, size_t count,
                            struct error *err) MUST_CHECK;

/* An original (or "device") is awaited from now on, if it was not before. */
bool db_case_paper_await(struct db *db, const char *number, const char *slot,
                         int64_t at, struct error *err) MUST_CHECK;

/* Other accounts with this name or number that have a live certificate or an
 * open case. */
bool db_case_namesakes(struct db *db, const char *account,
                       const char *unit_name, const char *uscc, int64_t at,
                       int64_t *count, struct error *err) MUST_CHECK;

/* The record of the account; is_there false when it has none. Borrowed from
 * `held`; the caller frees that. */
struct db_case_record {
    bool is_there;
    const char *unit_name, *uscc, *kind, *country, *province, *locality,
        *street, *language;
    struct db_result *held;
};
bool db_case_record(struct db *db, const char *account,
                    struct db_case_record *out, struct error *err) MUST_CHECK;

#endif
