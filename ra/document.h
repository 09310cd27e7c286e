/*
 * Documents of a case: taken from the applicant, examined (ra/scan.h), sealed,
 * and shown to those who need them (domain.md, 1.3). Each slot holds one; what
 * automatic checks saw becomes findings.
 */
#ifndef RA_DOCUMENT_H
#define RA_DOCUMENT_H

#include <jansson.h>

#include "db/document.h"
#include "ra/case_apply.h"

enum {
    DOCUMENT_NAME_MAX = 200, /* characters of a file's name */
    /* Uploads to one slot of a case, whatever became of them: they are all
     * kept, so somebody has to look before there are more. */
    DOCUMENT_TRIES_MAX = 40,
};

struct document_upload {
    const char *number;
    const char *slot;
    const char *account;   /* the applicant's; NULL: customer service */
    const char *actor;     /* account or officer id, for the history */
    const char *file_name; /* as the applicant calls it; for display only */
    const uint8_t *data;
    size_t len;
    int64_t at;
};

/* Takes it as the slot's document. ERROR_INPUT with what is wrong with the
 * file, ERROR_NOT_FOUND for a foreign case or an unknown slot, ERROR_CONFLICT
 * when the case takes none now. Not within a transaction: examining takes
 * seconds. *out (may be NULL) gets document_json() with "findings". */
bool document_add(const struct business *business, struct db *db,
                  const struct document_upload *upload, json_t **out,
                  struct error *err) MUST_CHECK;

/* Takes it away again. ERROR_NOT_FOUND when the slot is empty. */
bool document_remove(const struct business *business, struct db *db,
                     const char *number, const char *slot, const char *account,
                     const char *actor, int64_t at,
                     struct error *err) MUST_CHECK;

/* Who looks: an account at its own, or an officer, whose look is written down
 * before anything is shown. */
struct document_viewer {
    const char *account;    /* NULL: an officer */
    const char *officer_id; /* NULL: an account */
    int64_t at;
};

/* A page's picture (JPEG), from 1. ERROR_NOT_FOUND. The caller clears `jpeg`.
 */
bool document_page(const struct business *business, struct db *db,
                   const char *number, const char *slot, int page,
                   const struct document_viewer *viewer, struct buf *jpeg,
                   struct error *err) MUST_CHECK;

/* What the applicant sent, octet for octet; `info` says what it is. The caller
 * clears both. */
bool document_original(const struct business *business, struct db *db,
                       const char *number, const char *slot,
                       const struct document_viewer *viewer,
                       struct db_document *info, struct buf *octets,
                       struct error *err) MUST_CHECK;

/* {"id", "file_name", "media_type", "len", "page_count", "added_at",
 * "revision"}: the "document" of a slot. The caller owns it. */
json_t *document_json(const struct db_document *document);

/* {SLOT: document_json(), ...} of what is current. The caller owns it. */
bool document_list(struct db *db, const char *number, json_t **out,
                   struct error *err) MUST_CHECK;

#endif
