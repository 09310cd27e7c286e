/* Forms as they rest, sealed: table ra.form. ra/form_store.h opens them. */
#ifndef DB_FORM_H
#define DB_FORM_H

#include "db/db.h"

struct db_form {
    const char *number; /* of the case */
    int32_t revision;
    const char *kind;
    const uint8_t *sealed;
    size_t sealed_len;
    const uint8_t *sha256; /* of the PDF; 32 octets */
    int64_t made_at;
};

/* ERROR_CONFLICT when this revision has one of this kind. */
bool db_form_add(struct db *db, const struct db_form *form,
                 struct error *err) MUST_CHECK;

/* ERROR_NOT_FOUND. `out` borrows from *held, which the caller frees. */
bool db_form_get(struct db *db, const char *number, int revision,
                 const char *kind, struct db_form *out, struct db_result **held,
                 struct error *err) MUST_CHECK;

/* By revision and kind; `each` gets rows for db_form_read(), which leaves
 * `number` and `sealed` NULL. */
bool db_form_list(struct db *db, const char *number, db_each *each, void *arg,
                  struct error *err) MUST_CHECK;
bool db_form_read(const struct db_result *row, size_t at, struct db_form *out,
                  struct error *err) MUST_CHECK;

#endif
