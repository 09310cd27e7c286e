/*
 * The fields of a case in clear: {"name": "value"}. Personal ones are sealed in
 * the database (ra/vault.h), with a blind index for exact comparison; here they
 * are opened, so what these functions give is for the work at hand and goes no
 * further.
 */
#ifndef RA_CASE_FIELD_H
#define RA_CASE_FIELD_H

#include <jansson.h>

#include "db/case_file.h"
#include "ra/case_apply.h"

enum { CASE_FIELD_MAX = 8192 }; /* octets of one value */

/* All fields; the caller frees *out with case_fields_free(). */
bool case_fields_read(const struct business *business, struct db *db,
                      const char *number, json_t **out,
                      struct error *err) MUST_CHECK;
/* Overwrites the values and frees. NULL is nothing. */
void case_fields_free(json_t *fields);

/* The value, or "" when the case has none. Borrowed. */
const char *case_field_text(const json_t *fields, const char *name);

/* Writes what differs from `before` (NULL: nothing was there), removes what is
 * gone. A locked field that differs is ERROR_CONFLICT unless `is_draft`.
 * The case's row is locked. */
bool case_fields_write(const struct business *business, struct db *db,
                       const char *number, const struct definition *definition,
                       const json_t *before, const json_t *after, bool is_draft,
                       struct error *err) MUST_CHECK;

/* Puts what the account's record says into the fields that come from it
 * (domain.md, 1.2: read-only). ERROR_CONFLICT when the account has no record,
 * or when the applicant sent another value. `language` (3 octets) gets the
 * record's. */
bool case_fields_from_record(struct db *db, const char *account,
                             const struct definition *definition,
                             json_t *fields, char language[3],
                             struct error *err) MUST_CHECK;

#endif
