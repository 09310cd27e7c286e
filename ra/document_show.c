/* Documents of a case, shown and told of: ra/document.h. */
#include "ra/document.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "ra/scan_wire.h"

enum { WHAT_MAX = 120 };

/* ---- Showing ---------------------------------------------------------------
 */

/* The slot's document, if it may be seen. `page` 0: the original. An officer's
 * look is committed before anything is opened. */
static bool
look(struct db *db, const char *number, const char *slot, int page,
     const struct document_viewer *viewer, struct db_document *out,
     struct error *err)
{
    struct db_case row = {0};
    char what[WHAT_MAX + 1];
    bool ok = db_case_get(db, number, false, &row, err);

    if (ok && viewer->account != NULL &&
        strcmp(row.account, viewer->account) != 0)
        ok = error_set(err, ERROR_NOT_FOUND, "there is no such case");
    db_case_clear(&row);
    if (!ok || !db_document_get(db, number, slot, out, err))
        return false;
    if (page > out->page_count) {
        db_document_clear(out);
        return error_set(err, ERROR_NOT_FOUND, "there is no such page");
    }
    if (viewer->officer_id == NULL)
        return true;
    if (page > 0)
        (void)snprintf(what, sizeof what, "document:%s:%d", slot, page);
    else
        (void)snprintf(what, sizeof what, "document:%s", slot);
    if (!db_look_add(db, viewer->officer_id, number, what, viewer->at, err)) {
        db_document_clear(out);
        return false;
    }
    return true;
}

bool
document_page(const struct business *business, struct db *db,
              const char *number, const char *slot, int page,
              const struct document_viewer *viewer, struct buf *jpeg,
              struct error *err)
{
    struct db_document document = {0};
    struct db_sealed sealed = {0};
    char purpose[VAULT_PURPOSE_MAX + 1];
    bool ok;

    if (!look(db, number, slot, page, viewer, &document, err))
        return false;
    (void)snprintf(purpose, sizeof purpose, "document_page/%s/%d", document.id,
                   page);
    jpeg->limit = SCAN_JPEG_MAX;
    ok = db_document_page(db, document.id, page, &sealed, err) &&
         vault_open(business->vault, purpose, sealed.data, sealed.len, jpeg,
                    err);
    db_sealed_clear(&sealed);
    db_document_clear(&document);
    return ok;
}

bool
document_original(const struct business *business, struct db *db,
                  const char *number, const char *slot,
                  const struct document_viewer *viewer,
                  struct db_document *info, struct buf *octets,
                  struct error *err)
{
    struct db_sealed sealed = {0};
    char purpose[VAULT_PURPOSE_MAX + 1];
    bool ok;

    if (!look(db, number, slot, 0, viewer, info, err))
        return false;
    (void)snprintf(purpose, sizeof purpose, "document/%s", info->id);
    octets->limit = SCAN_FILE_MAX;
    ok = db_document_original(db, info->id, &sealed, err) &&
         vault_open(business->vault, purpose, sealed.data, sealed.len, octets,
                    err);
    db_sealed_clear(&sealed);
    if (!ok)
        db_document_clear(info);
    return ok;
}

/* ---- Telling ---------------------------------------------------------------
 */

json_t *
document_json(const struct db_document *document)
{
    json_t *out = json_object();

    json_set_text(out, "id", document->id);
    json_set_text(out, "file_name", document->file_name);
    json_set_text(out, "media_type", document->media_type);
    json_set_int(out, "len", document->len);
    json_set_int(out, "page_count", document->page_count);
    json_set_time(out, "added_at", document->added_at);
    json_set_int(out, "revision", document->revision);
    return out;
}

static bool
list_each(const struct db_result *row, void *arg, struct error *err)
{
    struct db_document document;

    if (!db_document_read(row, 0, &document, err))
        return false;
    json_object_set_new(arg, document.slot, document_json(&document));
    return true;
}

bool
document_list(struct db *db, const char *number, json_t **out,
              struct error *err)
{
    json_t *list = json_object();

    if (!db_document_list(db, number, list_each, list, err)) {
        json_decref(list);
        return false;
    }
    *out = list;
    return true;
}
