/*
 * Records of units as the host platform knows them, and what it does with
 * their certificates: tables ra.unit, ra.account, ra.holder_certificate.
 */
#ifndef DB_UNIT_H
#define DB_UNIT_H

#include "db/case_file.h"

/* Borrowed from the caller on the way in, from `held` on the way out. */
struct db_unit {
    const char *account;
    int32_t revision; /* from 1 */
    const char *unit_name, *uscc, *kind, *country, *province, *locality,
        *street, *language;
    int64_t changed_at;
    struct db_result *held; /* the caller frees it */
};

/* An account without token; *is_new false when there is one of this name. Its
 * row is then locked until the transaction ends. */
bool db_unit_account(struct db *db, const char *account, int64_t at,
                     bool *is_new, struct error *err) MUST_CHECK;

/* *is_there false when the account has no record. */
bool db_unit_get(struct db *db, const char *account, bool *is_there,
                 struct db_unit *out, struct error *err) MUST_CHECK;

bool db_unit_add(struct db *db, const struct db_unit *unit,
                 struct error *err) MUST_CHECK;
/* From unit->revision - 1. ERROR_CONFLICT when it is not that. */
bool db_unit_change(struct db *db, const struct db_unit *unit,
                    struct error *err) MUST_CHECK;

/* When the certificates of this case were bound 绑定; 0: they no longer are. */
bool db_unit_bind(struct db *db, const char *number, int64_t bound_at,
                  int64_t at, struct error *err) MUST_CHECK;

/* Cases of an account, newest first: rows for db_case_read(), and
 * db_unit_progress_read(). */
bool db_unit_progress(struct db *db, const char *account, size_t max,
                      db_each *each, void *arg, struct error *err) MUST_CHECK;
/* The link in which something was last said to the applicant: canonical JSON,
 * NULL if nothing was. */
bool db_unit_progress_read(const struct db_result *row, size_t at,
                           const uint8_t **link, size_t *len,
                           struct error *err) MUST_CHECK;

#endif
