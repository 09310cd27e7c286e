/* Documents, findings and looks: db/document.h. */
#include "db/document.h"

#include <string.h>

#include "db/sql_ra.h"

void
db_sealed_clear(struct db_sealed *sealed)
{
    db_result_free(sealed->held);
    memset(sealed, 0, sizeof *sealed);
}

static bool
add_one(struct db *db, size_t statement, struct db_params *p, struct error *err)
{
    int64_t changed;

    if (!db_exec(db, statement, p, &changed, err))
        return false;
    return changed == 1 || error_set(err, ERROR_INTERNAL, "row not written");
}

bool
db_document_add(struct db *db, const struct db_document *document,
                const struct buf *sealed, struct error *err)
{
    struct db_params p = {0};
    int64_t replaced;

    db_bind_text(&p, document->number);
    db_bind_text(&p, document->slot);
    if (!db_exec(db, DB_RA_DOCUMENT_REPLACE, &p, &replaced, err))
        return error_wrap(err, "document");
    db_bind_text(&p, document->id);
    db_bind_text(&p, document->number);
    db_bind_text(&p, document->slot);
    db_bind_int32(&p, document->revision);
    db_bind_text(&p, document->media_type);
    db_bind_text(&p, document->file_name);
    db_bind_int32(&p, document->len);
    db_bind_bytes(&p, document->sha256, 32);
    db_bind_bytes(&p, sealed->data, sealed->len);
    db_bind_int32(&p, document->page_count);
    db_bind_text(&p, document->form_state);
    db_bind_time(&p, document->added_at);
    return add_one(db, DB_RA_DOCUMENT_ADD, &p, err) ||
           error_wrap(err, "document");
}

bool
db_document_page_add(struct db *db, const char *id, int page, int width,
                     int height, const struct buf *sealed, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, id);
    db_bind_int32(&p, page);
    db_bind_int32(&p, width);
    db_bind_int32(&p, height);
    db_bind_bytes(&p, sealed->data, sealed->len);
    return add_one(db, DB_RA_DOCUMENT_PAGE_ADD, &p, err) ||
           error_wrap(err, "page %d", page);
}

bool
db_document_void(struct db *db, const char *number, const char *slot,
                 struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, number);
    db_bind_text(&p, slot);
    return db_exec(db, DB_RA_DOCUMENT_VOID, &p, &changed, err) ||
           error_wrap(err, "document");
}

bool
db_document_read(const struct db_result *r, size_t at, struct db_document *out,
                 struct error *err)
{
    size_t hash_len = 0;

    memset(out, 0, sizeof *out);
    if (!db_read_text(r, at, 0, &out->id, err) ||
        !db_read_text(r, at, 1, &out->number, err) ||
        !db_read_text(r, at, 2, &out->slot, err) ||
        !db_read_int32(r, at, 3, &out->revision, err) ||
        !db_read_text(r, at, 4, &out->media_type, err) ||
        !db_read_text(r, at, 5, &out->file_name, err) ||
        !db_read_int32(r, at, 6, &out->len, err) ||
        !db_read_bytes(r, at, 7, &out->sha256, &hash_len, err) ||
        !db_read_int32(r, at, 8, &out->page_count, err) ||
        !db_read_text(r, at, 9, &out->form_state, err) ||
        !db_read_time(r, at, 10, &out->added_at, err))
        return error_wrap(err, "document");
    return hash_len == 32 ||
           error_set(err, ERROR_INTERNAL, "document: hash of %zu octets",
                     hash_len);
}

bool
db_document_get(struct db *db, const char *number, const char *slot,
                struct db_document *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;

    memset(out, 0, sizeof *out);
    db_bind_text(&p, number);
    db_bind_text(&p, slot);
    if (!db_query(db, DB_RA_DOCUMENT_GET, &p, &r, err))
        return error_wrap(err, "document");
    if (db_rows(r) != 1) {
        db_result_free(r);
        return error_set(err, ERROR_NOT_FOUND,
                         "there is no document in this slot");
    }
    if (!db_document_read(r, 0, out, err)) {
        db_result_free(r);
        memset(out, 0, sizeof *out);
        return false;
    }
    out->held = r;
    return true;
}

void
db_document_clear(struct db_document *document)
{
    db_result_free(document->held);
    memset(document, 0, sizeof *document);
}

bool
db_document_list(struct db *db, const char *number, db_each *each, void *arg,
                 struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    return db_stream(db, DB_RA_DOCUMENT_LIST, &p, each, arg, err);
}

bool
db_document_count(struct db *db, const char *number, const char *slot,
                  int64_t *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_text(&p, number);
    db_bind_text(&p, slot);
    ok = db_query(db, DB_RA_DOCUMENT_COUNT, &p, &r, err) &&
         db_read_int64(r, 0, 0, out, err);
    db_result_free(r);
    return ok || error_wrap(err, "documents");
}

bool
db_document_form_is_current(struct db *db, const char *number, bool *out,
                            struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_text(&p, number);
    ok = db_query(db, DB_RA_DOCUMENT_FORM, &p, &r, err) &&
         db_read_bool(r, 0, 0, out, err);
    db_result_free(r);
    return ok || error_wrap(err, "forms");
}

/* Octets, width and height; `p` is bound. */
static bool
sealed_get(struct db *db, size_t statement, struct db_params *p,
           struct db_sealed *out, struct error *err)
{
    struct db_result *r = NULL;

    memset(out, 0, sizeof *out);
    if (!db_query(db, statement, p, &r, err))
        return error_wrap(err, "document");
    if (db_rows(r) != 1) {
        db_result_free(r);
        return error_set(err, ERROR_NOT_FOUND, "there is no such page");
    }
    if (!db_read_bytes(r, 0, 0, &out->data, &out->len, err) ||
        !db_read_int32(r, 0, 1, &out->width, err) ||
        !db_read_int32(r, 0, 2, &out->height, err)) {
        db_result_free(r);
        memset(out, 0, sizeof *out);
        return error_wrap(err, "document");
    }
    out->held = r;
    return true;
}

bool
db_document_original(struct db *db, const char *id, struct db_sealed *out,
                     struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, id);
    return sealed_get(db, DB_RA_DOCUMENT_ORIGINAL, &p, out, err);
}

bool
db_document_page(struct db *db, const char *id, int page, struct db_sealed *out,
                 struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, id);
    db_bind_int32(&p, page);
    return sealed_get(db, DB_RA_DOCUMENT_PAGE, &p, out, err);
}

/* ---- Findings -------------------------------------------------------------
 */

bool
db_finding_clear(struct db *db, const char *number, int revision,
                 const char *subject, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, number);
    db_bind_int32(&p, revision);
    db_bind_text(&p, subject);
    return db_exec(db, DB_RA_FINDING_CLEAR, &p, &changed, err) ||
           error_wrap(err, "findings");
}

bool
db_finding_add(struct db *db, const char *number, int revision,
               const struct db_finding *finding, int64_t at, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_int32(&p, revision);
    db_bind_text(&p, finding->subject);
    db_bind_text(&p, finding->code);
    db_bind_text(&p, finding->level);
    db_bind_text(&p, finding->detail);
    db_bind_time(&p, at);
    return add_one(db, DB_RA_FINDING_ADD, &p, err) ||
           error_wrap(err, "finding %s", finding->code);
}

bool
db_finding_list(struct db *db, const char *number, db_each *each, void *arg,
                struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    return db_stream(db, DB_RA_FINDING_LIST, &p, each, arg, err);
}

bool
db_finding_read(const struct db_result *r, size_t at, struct db_finding *out,
                struct error *err)
{
    memset(out, 0, sizeof *out);
    return db_read_text(r, at, 0, &out->subject, err) &&
           db_read_text(r, at, 1, &out->code, err) &&
           db_read_text(r, at, 2, &out->level, err) &&
           db_read_text_null(r, at, 3, &out->detail, err);
}

/* ---- Looks ----------------------------------------------------------------
 */

bool
db_look_add(struct db *db, const char *officer_id, const char *number,
            const char *what, int64_t at, struct error *err)
{
    struct db_params p = {0};

    db_bind_time(&p, at);
    db_bind_text(&p, officer_id);
    db_bind_text(&p, number);
    db_bind_text(&p, what);
    return add_one(db, DB_RA_LOOK_ADD, &p, err) || error_wrap(err, "look");
}
