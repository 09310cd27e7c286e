/*
 * Forms that were made are kept, sealed: what an applicant printed is what an
 * officer sees next to the scan, whatever this program prints later.
 */
#ifndef RA_FORM_STORE_H
#define RA_FORM_STORE_H

#include "ra/form.h"

/* Keeps the PDF that form_make() gave; in the caller's transaction. Draw it
 * before: drawing takes longer than a transaction should. ERROR_CONFLICT when
 * this revision has one of this kind. */
bool form_store(struct db *db, const struct vault *vault,
                const struct form_input *input, const struct buf *pdf,
                int64_t at, struct error *err) MUST_CHECK;

/* ERROR_NOT_FOUND; ERROR_INTERNAL when it is not what was kept. `pdf` has to
 * take FORM_PDF_MAX octets; the caller cleanses it. */
bool form_get(struct db *db, const struct vault *vault, const char *number,
              int revision, const char *kind, struct buf *pdf,
              struct error *err) MUST_CHECK;

#endif
