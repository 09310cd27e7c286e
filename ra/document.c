/* Documents of a case, taken and removed: ra/document.h. */
#include "ra/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/character.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "ra/case_field.h"
#include "ra/document_check.h"

/* A file that was examined and sealed, on its way into the database. */
struct adding {
    const struct business *business;
    const struct document_upload *upload;
    const struct definition_slot *slot;
    int32_t revision; /* of the case that it was examined for */
    char id[TEXT_UUID_LEN + 1];
    uint8_t sha256[HASH_LEN];
    struct scan scan;
    struct buf sealed;
    struct buf page[SCAN_PAGES_MAX];
    const char *form_state;
    struct findings findings;
};

/* ---- May it be? ------------------------------------------------------------
 */

static bool
slot_find(const struct business *business, const struct db_case *row,
          const char *name, const struct definition_slot **out,
          struct error *err)
{
    enum case_business kind;

    if (!case_business_find(row->business, &kind))
        return error_set(err, ERROR_INTERNAL, "business %s", row->business);
    *out =
        definition_slot_find(definition_get(business->definitions, kind), name);
    return *out != NULL ||
           error_set(err, ERROR_NOT_FOUND, "there is no such slot");
}

/* Whether the case takes documents of this slot from this side in its state. A
 * seal may be corrected under review, but what an officer may be looking at is
 * not exchanged: its form is void once the fields are edited. */
static bool
is_open(const struct db_case *row, const struct definition_slot *slot,
        bool is_applicant, bool is_empty, struct error *err)
{
    enum case_state state;

    if (!case_state_find(row->state, &state))
        return error_set(err, ERROR_INTERNAL, "state %s", row->state);
    if (slot->is_internal == is_applicant)
        return error_set(err, ERROR_DENIED,
                         is_applicant ? "this slot is for customer service"
                                      : "this slot is for the applicant");
    if (is_applicant ? state == CASE_FORM_READY || state == CASE_RETURNED ||
                           (state == CASE_IN_REVIEW && is_empty &&
                            strcmp(row->business,
                                   case_business_name(BUSINESS_SEAL)) == 0)
                     : !case_state_is_final(state))
        return true;
    return error_set(err, ERROR_CONFLICT,
                     "业务当前状态不能上传或删除资料 / no documents can be "
                     "added or removed in state %s",
                     row->state);
}

/* The case with its slot, if it is theirs and open for it. The caller clears
 * `row`, also on failure. */
static bool
case_open(const struct business *business, struct db *db, const char *number,
          const char *slot_name, const char *account, bool is_locked,
          struct db_case *row, const struct definition_slot **slot,
          struct error *err)
{
    struct db_document current = {0};
    struct error none = {0};
    bool is_empty;

    if (!db_case_get(db, number, is_locked, row, err))
        return false;
    if (account != NULL && strcmp(row->account, account) != 0)
        return error_set(err, ERROR_NOT_FOUND, "there is no such case");
    if (!slot_find(business, row, slot_name, slot, err))
        return false;
    is_empty = !db_document_get(db, number, slot_name, &current, &none);
    db_document_clear(&current);
    if (is_empty && none.code != ERROR_NOT_FOUND) {
        *err = none;
        return false;
    }
    return is_open(row, *slot, account != NULL, is_empty, err);
}

static bool
name_check(const char *name, struct error *err)
{
    const uint8_t *at = (const uint8_t *)name;
    size_t count;

    if (!text_utf8(name, strlen(name), &count) || count < 1 ||
        count > DOCUMENT_NAME_MAX)
        return error_set(err, ERROR_INPUT, "name: 1 to %d characters",
                         DOCUMENT_NAME_MAX);
    while (*at != '\0') {
        uint32_t c = character_next(&at);

        if (character_is_hidden(c) || c == '/' || c == '\\')
            return error_set(err, ERROR_INPUT,
                             "name: no path, and no character that does not "
                             "show");
    }
    return true;
}

/* ---- Before the transaction ------------------------------------------------
 */

/* The code that the slot's form must bear. */
static bool
expected_code(const struct adding *adding, const struct db_case *row,
              const json_t *fields, char out[FORM_CODE_MAX + 1],
              struct error *err)
{
    const struct business *business = adding->business;
    enum case_business kind;
    struct form_input input = {
        .kind = adding->slot->form,
        .number = row->number,
        .revision = row->revision,
        .fields = fields,
    };

    if (!case_business_find(row->business, &kind))
        return error_set(err, ERROR_INTERNAL, "business %s", row->business);
    input.definition = definition_get(business->definitions, kind);
    return form_code_make(business->vault, &input, out, err);
}

static bool
seal(struct adding *adding, struct error *err)
{
    const struct document_upload *upload = adding->upload;
    const struct vault *vault = adding->business->vault;
    char purpose[VAULT_PURPOSE_MAX + 1];

    if (!text_uuid_draw(adding->id, err) ||
        !hash_sha256(upload->data, upload->len, adding->sha256, err))
        return false;
    (void)snprintf(purpose, sizeof purpose, "document/%s", adding->id);
    adding->sealed.limit = upload->len + VAULT_OVERHEAD;
    if (!vault_seal(vault, purpose, upload->data, upload->len, &adding->sealed,
                    err))
        return false;
    for (int i = 0; i < adding->scan.page_count; i++) {
        const struct scan_page *page = &adding->scan.page[i];

        (void)snprintf(purpose, sizeof purpose, "document_page/%s/%d",
                       adding->id, i + 1);
        adding->page[i].limit = page->jpeg_len + VAULT_OVERHEAD;
        if (!vault_seal(vault, purpose, adding->scan.jpegs.data + page->jpeg_at,
                        page->jpeg_len, &adding->page[i], err))
            return false;
    }
    return true;
}

/* All that takes time, without a lock on anything. */
static bool
prepare(struct adding *adding, struct db *db, struct error *err)
{
    const struct document_upload *upload = adding->upload;
    struct document_check check = {.vault = adding->business->vault};
    char code[FORM_CODE_MAX + 1];
    struct db_case row = {0};
    json_t *fields = NULL;
    int64_t tries = 0;
    bool ok = false;

    if (!case_open(adding->business, db, upload->number, upload->slot,
                   upload->account, false, &row, &adding->slot, err) ||
        !case_fields_read(adding->business, db, upload->number, &fields, err) ||
        !db_document_count(db, upload->number, upload->slot, &tries, err))
        goto out;
    if (!definition_when(adding->slot->when, fields)) {
        error_set(err, ERROR_CONFLICT,
                  "本业务无需此项资料 / this case does not want this document");
        goto out;
    }
    if (tries >= DOCUMENT_TRIES_MAX) {
        error_set(err, ERROR_CONFLICT,
                  "上传次数过多，请联系客服 / too many uploads of this "
                  "document; ask customer service");
        goto out;
    }
    adding->revision = row.revision;
    if (adding->slot->form != NULL) {
        if (!expected_code(adding, &row, fields, code, err))
            goto out;
        check.expected_code = code;
    }
    if (!scan_examine(adding->business->config, upload->data, upload->len,
                      &adding->scan, err))
        goto out;
    check.slot = adding->slot;
    check.scan = &adding->scan;
    document_check(&check, &adding->findings, &adding->form_state);
    ok = seal(adding, err);
out:
    case_fields_free(fields);
    db_case_clear(&row);
    return ok;
}

/* ---- The transaction -------------------------------------------------------
 */

static void
describe(const struct adding *adding, struct db_document *out)
{
    const struct document_upload *upload = adding->upload;

    *out = (struct db_document){
        .id = adding->id,
        .number = upload->number,
        .slot = upload->slot,
        .revision = adding->revision,
        .media_type = adding->scan.media_type,
        .file_name = upload->file_name,
        .len = (int32_t)upload->len,
        .sha256 = adding->sha256,
        .page_count = adding->scan.page_count,
        .form_state = adding->form_state,
        .added_at = upload->at,
    };
}

static bool
note(struct db *db, const struct db_case *row, const struct adding *adding,
     struct error *err)
{
    json_t *detail = json_object();
    bool ok;

    json_set_text(detail, "slot", adding->upload->slot);
    json_set_text(detail, "document", adding->id);
    json_set_hex(detail, "sha256", adding->sha256, HASH_LEN);
    ok = case_note(db, row, "document-added", adding->upload->actor, detail,
                   adding->upload->at, err);
    json_decref(detail);
    return ok;
}

/* One file for each slot, never one for all (domain.md, 1.3). */
static bool
same_each(const struct db_result *row, void *arg, struct error *err)
{
    struct adding *adding = arg;
    struct db_document document;
    char subject[FINDING_SUBJECT_MAX + 1];
    json_t *detail;

    if (!db_document_read(row, 0, &document, err))
        return false;
    if (strcmp(document.slot, adding->upload->slot) == 0 ||
        memcmp(document.sha256, adding->sha256, HASH_LEN) != 0)
        return true;
    document_subject(adding->upload->slot, subject);
    detail = json_object();
    json_set_text(detail, "slot", document.slot);
    finding_add(&adding->findings, subject, "same-file", FINDING_WARNING,
                detail);
    return true;
}

static bool
write_rows(struct db *db, const struct db_case *row, struct adding *adding,
           struct error *err)
{
    struct db_document document;

    describe(adding, &document);
    if (!db_document_list(db, row->number, same_each, adding, err))
        return false;
    if (!db_document_add(db, &document, &adding->sealed, err))
        return false;
    for (int i = 0; i < adding->scan.page_count; i++)
        if (!db_document_page_add(
                db, adding->id, i + 1, adding->scan.page[i].width,
                adding->scan.page[i].height, &adding->page[i], err))
            return false;
    return finding_store(db, row->number, adding->revision, &adding->findings,
                         adding->upload->at, err) &&
           note(db, row, adding, err);
}

static bool
add_run(struct db *db, void *arg, struct error *err)
{
    struct adding *adding = arg;
    const struct document_upload *upload = adding->upload;
    const struct definition_slot *slot;
    struct db_case row = {0};
    bool ok = case_open(adding->business, db, upload->number, upload->slot,
                        upload->account, true, &row, &slot, err);

    /* What was judged is of the revision that was read then. */
    if (ok && row.revision != adding->revision)
        ok = error_set(err, ERROR_CONFLICT,
                       "业务已修改，请重新上传 / the case was changed "
                       "meanwhile; upload again");
    ok = ok && write_rows(db, &row, adding, err);
    db_case_clear(&row);
    return ok;
}

static void
adding_clear(struct adding *adding)
{
    scan_clear(&adding->scan);
    finding_clear(&adding->findings);
    buf_clear(&adding->sealed);
    for (int i = 0; i < SCAN_PAGES_MAX; i++)
        buf_clear(&adding->page[i]);
    free(adding);
}

/* The document with what was found about it. */
static bool
answer(struct db *db, const struct adding *adding, json_t **out,
       struct error *err)
{
    char subject[FINDING_SUBJECT_MAX + 1];
    struct db_document document;
    json_t *all = NULL;
    json_t *own;
    size_t i;
    json_t *one;

    if (out == NULL)
        return true;
    if (!finding_list(db, adding->upload->number, &all, err))
        return false;
    document_subject(adding->upload->slot, subject);
    own = json_array();
    json_array_foreach(all, i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "subject")),
                   subject) == 0)
            json_array_append(own, one);
    }
    json_decref(all);
    describe(adding, &document);
    *out = document_json(&document);
    json_object_set_new(*out, "findings", own);
    return true;
}

bool
document_add(const struct business *business, struct db *db,
             const struct document_upload *upload, json_t **out,
             struct error *err)
{
    struct adding *adding;
    bool ok;

    if (!name_check(upload->file_name, err))
        return false;
    if (upload->len > (size_t)config_int(business->config, "ra.upload_max"))
        return error_set(
            err, ERROR_INPUT,
            "文件过大，最多 %lld 字节 / more than %lld octets",
            (long long)config_int(business->config, "ra.upload_max"),
            (long long)config_int(business->config, "ra.upload_max"));
    adding = base_alloc(sizeof *adding);
    adding->business = business;
    adding->upload = upload;
    ok = prepare(adding, db, err) && db_transaction(db, add_run, adding, err);
    if (ok)
        log_event(
            LOG_LEVEL_INFO, "document.added", LOG_TEXT("case", upload->number),
            LOG_TEXT("slot", upload->slot), LOG_TEXT("document", adding->id),
            LOG_INT("len", (int64_t)upload->len));
    ok = ok && answer(db, adding, out, err);
    adding_clear(adding);
    return ok;
}

/* ---- Removing --------------------------------------------------------------
 */

struct removing {
    const struct business *business;
    const char *number, *slot, *account, *actor;
    int64_t at;
};

static bool
remove_run(struct db *db, void *arg, struct error *err)
{
    const struct removing *removing = arg;
    const struct definition_slot *slot;
    struct db_document current = {0};
    struct db_case row = {0};
    json_t *detail = json_object();
    bool ok = false;

    if (!case_open(removing->business, db, removing->number, removing->slot,
                   removing->account, true, &row, &slot, err) ||
        !db_document_get(db, removing->number, removing->slot, &current, err) ||
        !db_document_void(db, removing->number, removing->slot, err))
        goto out;
    json_set_text(detail, "slot", removing->slot);
    json_set_text(detail, "document", current.id);
    ok = case_note(db, &row, "document-removed", removing->actor, detail,
                   removing->at, err);
out:
    json_decref(detail);
    db_document_clear(&current);
    db_case_clear(&row);
    return ok;
}

bool
document_remove(const struct business *business, struct db *db,
                const char *number, const char *slot, const char *account,
                const char *actor, int64_t at, struct error *err)
{
    struct removing removing = {business, number, slot, account, actor, at};

    return db_transaction(db, remove_run, &removing, err);
}
