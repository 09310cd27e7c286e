/*
 * Documents that applicants upload, the pictures of their pages, what automatic
 * checks found, and who looked: tables ra.document, document_page, finding,
 * look. What is sealed was sealed by the caller (ra/vault.h) for the purpose
 * "document/ID" or "document_page/ID/N".
 */
#ifndef DB_DOCUMENT_H
#define DB_DOCUMENT_H

#include "db/db.h"

/* What the code on an uploaded form said (ra.document.form_state):
 * "none"     the slot has no form;
 * "unread"   no code could be read: the officer compares by eye;
 * "current"  number, revision, kind and fields of the case when it came;
 * "other"    of another case, revision or kind, or not made by us. */

/* Texts and octets are borrowed: from the caller on the way in, from `held` on
 * the way out. */
struct db_document {
    const char *id; /* UUID */
    const char *number;
    const char *slot;
    int32_t revision; /* of the case when it came */
    const char *media_type;
    const char *file_name;
    int32_t len;
    const uint8_t *sha256; /* 32 octets, of what came */
    int32_t page_count;
    const char *form_state;
    int64_t added_at;
    struct db_result *held;
};

/* One page of pictures, or a whole original. */
struct db_sealed {
    const uint8_t *data;
    size_t len;
    int32_t width, height; /* pages only */
    struct db_result *held;
};
void db_sealed_clear(struct db_sealed *sealed);

/* Adds it as the slot's current one; what was there becomes "replaced". Within
 * a transaction that holds the case's row. */
bool db_document_add(struct db *db, const struct db_document *document,
                     const struct buf *sealed, struct error *err) MUST_CHECK;
bool db_document_page_add(struct db *db, const char *id, int page, int width,
                          int height, const struct buf *sealed,
                          struct error *err) MUST_CHECK;

/* Makes the slot's current document "void": it was removed. */
bool db_document_void(struct db *db, const char *number, const char *slot,
                      struct error *err) MUST_CHECK;

/* The slot's current document. ERROR_NOT_FOUND. The caller clears `out`. */
bool db_document_get(struct db *db, const char *number, const char *slot,
                     struct db_document *out, struct error *err) MUST_CHECK;
void db_document_clear(struct db_document *document);

/* Current documents of a case by slot; each row by db_document_read(). */
bool db_document_list(struct db *db, const char *number, db_each *each,
                      void *arg, struct error *err) MUST_CHECK;
bool db_document_read(const struct db_result *row, size_t at,
                      struct db_document *out, struct error *err) MUST_CHECK;

/* How many came for this slot so far, of any state. */
bool db_document_count(struct db *db, const char *number, const char *slot,
                       int64_t *out, struct error *err) MUST_CHECK;

/* The fact GUARD_FORM (ra/case.h): every form among the current documents came
 * at the present revision and none bears the code of another. A form whose code
 * nobody can read does not count against it (feasibility.md, D5). */
bool db_document_form_is_current(struct db *db, const char *number, bool *out,
                                 struct error *err) MUST_CHECK;

/* ERROR_NOT_FOUND. The caller clears `out`. */
bool db_document_original(struct db *db, const char *id, struct db_sealed *out,
                          struct error *err) MUST_CHECK;
bool db_document_page(struct db *db, const char *id, int page,
                      struct db_sealed *out, struct error *err) MUST_CHECK;

/* ---- Findings -------------------------------------------------------------
 */

struct db_finding {
    const char *subject; /* "field:uscc", "document:business-licence", "case" */
    const char *code;
    const char *level;  /* "ok", "note", "warning" */
    const char *detail; /* JSON object; or NULL */
};

/* Throws away what was found about the subject at this revision. */
bool db_finding_clear(struct db *db, const char *number, int revision,
                      const char *subject, struct error *err) MUST_CHECK;
bool db_finding_add(struct db *db, const char *number, int revision,
                    const struct db_finding *finding, int64_t at,
                    struct error *err) MUST_CHECK;
/* Of the case's present revision, and of current documents of older ones;
 * warnings first. Each row by db_finding_read(). */
bool db_finding_list(struct db *db, const char *number, db_each *each,
                     void *arg, struct error *err) MUST_CHECK;
bool db_finding_read(const struct db_result *row, size_t at,
                     struct db_finding *out, struct error *err) MUST_CHECK;

/* ---- Looks ----------------------------------------------------------------
 */

/* An officer looks at personal data: "fields", "document:SLOT",
 * "document:SLOT:PAGE". Written before anything is shown. */
bool db_look_add(struct db *db, const char *officer_id, const char *number,
                 const char *what, int64_t at, struct error *err) MUST_CHECK;

#endif
