/*
 * Cases as officers look for them: the queue, counts, search, overviews; and
 * who works on one, or put it aside. Reads only, but for the last two.
 */
#ifndef DB_CASE_READ_H
#define DB_CASE_READ_H

#include "db/case_file.h"

enum { DB_QUEUE_TASKS_MAX = 256 };

enum db_queue_sort {
    DB_QUEUE_OLDEST, /* longest in its state first */
    DB_QUEUE_NEWEST,
    DB_QUEUE_DEADLINE, /* next deadline first, none last */
};

struct db_queue {
    /* What waits where, and for which step ("first-review", ...; "" for none
     * that a decision is made of). Static texts. */
    const char *state[DB_QUEUE_TASKS_MAX];
    const char *business[DB_QUEUE_TASKS_MAX];
    const char *step[DB_QUEUE_TASKS_MAX];
    size_t count;
    bool is_mine; /* what this officer may and should do, alone */
    const char *officer_id;
    const char *person;
    int64_t now;
    enum db_queue_sort sort;
    const char *after; /* number that ended the last page; "": the first */
    size_t max;
};

/* One page; `each` gets rows for db_case_read(). ERROR_INPUT when there is no
 * case `after`. */
bool db_queue_page(struct db *db, const struct db_queue *queue, db_each *each,
                   void *arg, struct error *err) MUST_CHECK;
/* How many are mine, counted up to `max`. */
bool db_queue_mine(struct db *db, const struct db_queue *queue, size_t max,
                   int64_t *count, struct error *err) MUST_CHECK;

/* Cases in these states by state and business. */
struct db_queue_count {
    const char *state, *business; /* borrowed from the row */
    int64_t count;
};
bool db_queue_counts(struct db *db, const char *const *states, size_t count,
                     db_each *each, void *arg, struct error *err) MUST_CHECK;
bool db_queue_count_read(const struct db_result *row, size_t at,
                         struct db_queue_count *out,
                         struct error *err) MUST_CHECK;

/* NULL gives it back. In a transaction that holds the row locked. */
bool db_case_assign(struct db *db, const char *number, const char *officer_id,
                    struct error *err) MUST_CHECK;
/* Until 0: it is resumed. */
bool db_case_hold(struct db *db, const char *number, const char *officer_id,
                  int64_t until, struct error *err) MUST_CHECK;

/* Whatever is set is looked for, and all that is found is given, the newest
 * first. */
struct db_search {
    const char *number;
    const char *name; /* its beginning */
    const char *uscc;
    const char *device;
    const char *account;
    const uint8_t *serial; /* 16 octets: issued, or what a case is about */
    const uint8_t *mobile, *id_number; /* blind indexes, 32 octets */
    size_t max;
};
bool db_search(struct db *db, const struct db_search *search, db_each *each,
               void *arg, struct error *err) MUST_CHECK;

/* Certificates of which all holds that is set, newest first. Texts are borrowed
 * from the row. */
struct db_certificate_filter {
    const char *account;
    const char *number; /* of the case that issued them */
    const char *device;
    const uint8_t *serial; /* 16 octets */
};
struct db_certificate_row {
    const char *issuer;
    uint8_t serial[16];
    int32_t pair;
    const char *number, *account;
    const char *device; /* NULL if none */
    const char *state;
    const char *reason; /* NULL if none */
    int64_t not_before, not_after;
    int64_t bound_at; /* 0: not bound */
    const char *unit_name;
    const uint8_t *der;
    size_t der_len;
};
bool db_certificates(struct db *db, const struct db_certificate_filter *filter,
                     size_t max, db_each *each, void *arg,
                     struct error *err) MUST_CHECK;
bool db_certificates_read(const struct db_result *row, size_t at,
                          struct db_certificate_row *out,
                          struct error *err) MUST_CHECK;

/* Numbers by day ("2026-11-24", in China) or month ("2026-11"). */
enum db_series {
    DB_SERIES_TURNAROUND, /* median seconds from submission to completion */
    DB_SERIES_ISSUED,
    DB_SERIES_REVOKED,
    DB_SERIES_ENDING, /* by month of not_after, from `from` to `until` */
};
struct db_point {
    const char *at; /* borrowed from the row */
    int64_t value;
};
/* `until` is for DB_SERIES_ENDING alone. */
bool db_series(struct db *db, enum db_series series, int64_t from,
               int64_t until, db_each *each, void *arg,
               struct error *err) MUST_CHECK;
bool db_point_read(const struct db_result *row, size_t at, struct db_point *out,
                   struct error *err) MUST_CHECK;

#endif
