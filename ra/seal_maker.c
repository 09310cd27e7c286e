/* Seals and what becomes of them: ra/seal_maker.h. */
#include "ra/seal_maker.h"

#include <string.h>

#include "base/text.h"
#include "db/holder.h"
#include "db/seal.h"
#include "ra/case_field.h"

/* ---- Ordering -------------------------------------------------------------
 */

struct form_run {
    const struct definition *definition;
    char document[TEXT_UUID_LEN + 1];
};

/* The form with the impressions. */
static bool
form_each(const struct db_result *row, void *arg, struct error *err)
{
    struct form_run *run = arg;
    struct db_case_document document;
    const struct definition_slot *slot;

    if (!db_case_document_read(row, 0, &document, err))
        return false;
    slot = definition_slot_find(run->definition, document.slot);
    if (slot != NULL && slot->form != NULL && strcmp(slot->form, "seal") == 0)
        snprintf(run->document, sizeof run->document, "%s", document.id);
    return true;
}

/* Each of the field "seals", for this certificate. */
static bool
seals_order(struct db *db, const struct case_effects *effects,
            const struct db_case *row, const char *issuer,
            const uint8_t *serial, struct error *err)
{
    struct form_run run = {.definition = effects->definition};
    const char *text = case_field_text(effects->fields, "seals");
    json_t *seals = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool ok = db_case_documents(db, row->number, form_each, &run, err);

    if (ok && (run.document[0] == '\0' || json_array_size(seals) == 0))
        ok = error_set(err, ERROR_INTERNAL, "seals of %s without their form",
                       row->number);
    for (size_t i = 0; ok && i < json_array_size(seals); i++) {
        const json_t *one = json_array_get(seals, i);
        struct db_seal seal = {.number = row->number,
                               .account = row->account,
                               .document = run.document,
                               .issuer = issuer,
                               .serial = serial};

        ok = json_get_text(one, "type", TEXT_UUID_LEN, &seal.type, err) &&
             json_get_text(one, "name", API_TEXT_MAX, &seal.name, err) &&
             db_seal_add(db, &seal, effects->act->at, err);
    }
    json_decref(seals);
    return ok;
}

/* ---- With a new certificate ------------------------------------------------
 */

/* The signing certificate that the case issued: seals are used with it. */
struct issued {
    char issuer[API_NAME_MAX + 1];
    uint8_t serial[DB_HOLDER_SERIAL_LEN];
    bool is_there;
};

static bool
issued_each(const struct db_result *row, void *arg, struct error *err)
{
    struct issued *out = arg;
    struct db_holder one;

    if (!db_holder_read(row, 0, &one, err))
        return false;
    if (one.pair != 1)
        return true;
    snprintf(out->issuer, sizeof out->issuer, "%s", one.issuer);
    memcpy(out->serial, one.serial, sizeof out->serial);
    out->is_there = true;
    return true;
}

static bool
seals_of_new(struct db *db, const struct case_effects *effects,
             const struct db_case *row, struct error *err)
{
    struct issued new = {0};
    struct db_seal_again again = {row->number, row->predecessor_issuer,
                                  row->predecessor_serial, new.issuer,
                                  new.serial};

    if (!db_holder_of_case(db, row->number, issued_each, &new, err))
        return false;
    if (!new.is_there)
        return error_set(err, ERROR_INTERNAL, "case %s issued nothing",
                         row->number);
    if (effects->definition->business == BUSINESS_RENEW)
        return db_seal_again(db, &again, effects->act->at, err);
    return strcmp(case_field_text(effects->fields, "seal"), "yes") != 0 ||
           seals_order(db, effects, row, new.issuer, new.serial, err);
}

/* ---- By business and event -------------------------------------------------
 */

bool
seal_maker_effect(struct db *db, const struct case_effects *effects,
                  const struct db_case *row, struct error *err)
{
    int64_t at = effects->act->at;

    if (effects->definition->business != BUSINESS_SEAL)
        return seals_of_new(db, effects, row, err);
    switch (effects->act->event) {
    case CASE_PASS:
        return seals_order(db, effects, row, row->predecessor_issuer,
                           row->predecessor_serial, err);
    case CASE_SEAL_MADE:
        return db_seal_move(db, row->number, "ordered", "signed", at, err);
    case CASE_INSTALL:
        return db_seal_move(db, row->number, "signed", "installed", at, err) &&
               db_seal_replaced(db, row->number, at, err);
    default: /* closed */
        return db_seal_drop(db, row->number, at, err);
    }
}

bool
seal_maker_check(struct db *db, const struct db_case *row, const json_t *fields,
                 struct error *why, bool *holds, struct error *err)
{
    bool is_first = strcmp(case_field_text(fields, "operation"), "apply") == 0;
    int64_t count = 0;

    if (!db_seal_count(db, row->predecessor_issuer, row->predecessor_serial,
                       &count, err))
        return false;
    *holds = is_first == (count == 0);
    if (!*holds)
        error_set(why, ERROR_CONFLICT, "%s",
                  is_first
                      ? "operation: 已有印章，请选择变更印章 / there is a "
                        "seal already: choose to change it"
                      : "operation: 尚无印章，请选择申请印章 / there is no "
                        "seal yet: choose to apply for one");
    return true;
}
