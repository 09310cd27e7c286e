/*
 * Cases and their fields, history, decisions and orders: tables ra.case_file,
 * case_field, case_history, case_decision, case_order. What may follow what is
 * decided in ra/case.c; here the WHERE clause names the old state and one row
 * is expected.
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
    const char *notice_version;
    const char *predecessor_issuer;    /* NULL if none */
    const uint8_t *predecessor_serial; /* 16 octets */
    const char *device;                /* NULL if none */
    const char *order_id;              /* NULL before the first */
    const uint8_t *order_body;
    size_t order_body_len;
    const uint8_t *order_digest; /* 32 octets */
    const char *replaces;        /* NULL if none */
    const char *assigned_to;     /* NULL if nobody */
    const char *held_by;
    int64_t held_until; /* 0 if not held */
    bool is_sample;
    int64_t created_at, submitted_at, changed_at, deadline_at, completed_at;
    struct db_result *held;
};

/* A draft with the next number: letter, day, running number. ERROR_CONFLICT
 * when the account has an open business. */
bool db_case_create(struct db *db, const struct db_case *row, char letter,
                    char number[DB_CASE_NUMBER_MAX + 1],
                    struct error *err) MUST_CHECK;

/* ERROR_NOT_FOUND. `is_locked`: no other transaction changes it until this one
 * ends. The caller clears `out`. */
bool db_case_get(struct db *db, const char *number, bool is_locked,
                 struct db_case *out, struct error *err) MUST_CHECK;
void db_case_clear(struct db_case *row);
bool db_case_read(const struct db_result *row, size_t at, struct db_case *out,
                  struct error *err) MUST_CHECK;

#endif
