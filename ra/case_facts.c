/* What guards ask: ra/case_facts.h. */
#include "ra/case_facts.h"

#include <string.h>

#include "db/document.h"
#include "ra/case_field.h"
#include "ra/case_recover.h"
#include "ra/client.h"
#include "ra/seal_maker.h"

/* ---- The condition of a business ------------------------------------------
 */

/* The certificate as far as conditions look at it. */
struct certificate_facts {
    bool is_there; /* of this account, neither revoked nor expired */
    bool is_held;
    bool is_bound;
    int64_t not_after;
};

static bool
window_open(const struct definition *definition, int64_t not_after, int64_t at,
            struct error *why)
{
    int64_t opens = not_after - INT64_C(86400) * definition->window_days;

    return definition->window_days == 0 || at >= opens ||
           error_set(why, ERROR_CONFLICT,
                     "证书到期前%d天内方可续期 / open from %d days before the "
                     "certificate ends",
                     definition->window_days, definition->window_days);
}

static bool
condition(const struct definition *definition,
          const struct certificate_facts *live, int64_t at, struct error *why)
{
    if (!definition->wants_live)
        return !live->is_there ||
               error_set(
                   why, ERROR_CONFLICT,
                   "本单位已有有效证书，请办理续期、补办或变更 / there is "
                   "a live certificate: renew, reissue or change it");
    if (!live->is_there)
        return error_set(why, ERROR_CONFLICT,
                         "本单位没有有效证书，请新申请 / there is no live "
                         "certificate: apply for a new one");
    /* What is held can be replaced or revoked, and nothing else. */
    if (live->is_held && definition->business != BUSINESS_REISSUE &&
        definition->business != BUSINESS_REVOKE)
        return error_set(why, ERROR_CONFLICT,
                         "证书已挂起 / the certificate is on hold");
    if (definition->business == BUSINESS_SEAL && !live->is_bound)
        return error_set(why, ERROR_CONFLICT,
                         "证书尚未绑定 / the certificate is not bound yet");
    return definition->business != BUSINESS_RENEW ||
           window_open(definition, live->not_after, at, why);
}

bool
case_condition(const struct definition *definition,
               const struct db_holder *live, int64_t at, struct error *why)
{
    struct certificate_facts facts = {0};

    if (live != NULL) {
        facts.is_there =
            strcmp(live->state, "revoked") != 0 && live->not_after > at;
        facts.is_held = strcmp(live->state, "held") == 0;
        facts.is_bound = live->bound_at != 0;
        facts.not_after = live->not_after;
    }
    return condition(definition, &facts, at, why);
}

static bool
condition_of(struct db *db, const struct case_asked *asked,
             const struct db_case_facts *raw, struct error *why, bool *holds,
             struct error *err)
{
    struct certificate_facts live = {
        .is_there = raw->predecessor_state[0] != '\0' &&
                    strcmp(raw->predecessor_state, "revoked") != 0 &&
                    raw->predecessor_not_after > asked->at &&
                    raw->is_predecessor_own,
        .is_held = strcmp(raw->predecessor_state, "held") == 0,
        .is_bound = raw->is_predecessor_bound,
        .not_after = raw->predecessor_not_after,
    };

    if (asked->definition->business == BUSINESS_RECOVER)
        return case_recover_condition(asked->business, db, asked->row->account,
                                      asked->row->device, asked->at, why, holds,
                                      err);
    if (!asked->definition->wants_live)
        live.is_there = raw->live_count > 0;
    *holds = condition(asked->definition, &live, asked->at, why);
    return true;
}

/* ---- Fields ----------------------------------------------------------------
 */

/* A change changes name or domicile, and not whom the certificate is about: 1.8
 * #21. */
static bool
change_check(struct db *db, const struct case_asked *asked, struct error *why,
             bool *holds, struct error *err)
{
    static const char *const printed[] = {"unit_name", "province", "locality",
                                          "street"};
    struct db_holder old = {0};
    json_t *before = NULL;
    bool found = false;
    bool differs = false;
    bool ok = false;

    *holds = true;
    if (!db_holder_get(db, asked->row->predecessor_issuer,
                       asked->row->predecessor_serial, &found, &old, err))
        return false;
    if (!found) {
        ok = true;
        goto out;
    }
    if (!case_fields_read(asked->business, db, old.number, &before, err))
        goto out;
    ok = true;
    for (size_t i = 0; i < sizeof printed / sizeof printed[0]; i++)
        differs =
            differs || strcmp(case_field_text(before, printed[i]),
                              case_field_text(asked->fields, printed[i])) != 0;
    if (strcmp(case_field_text(before, "uscc"),
               case_field_text(asked->fields, "uscc")) != 0)
        *holds =
            error_set(why, ERROR_CONFLICT,
                      "uscc: 统一社会信用代码变更须新申请 / another USCC is "
                      "another unit: apply for a new certificate");
    else if (!differs)
        *holds = error_set(why, ERROR_CONFLICT,
                           "单位名称和住所均未变更 / neither name nor domicile "
                           "has changed");
out:
    case_fields_free(before);
    db_holder_clear(&old);
    return ok;
}

static bool
complete(struct db *db, const struct case_asked *asked, struct error *why,
         bool *holds, struct error *err)
{
    json_t *fields = json_deep_copy(asked->fields);
    char language[3];
    bool ok = true;

    *holds = definition_fields_check(asked->definition, fields, true, why) &&
             case_fields_from_record(db, asked->row->account, asked->definition,
                                     fields, language, why);
    if (*holds && asked->definition->wants_device_proof) {
        ok = client_is_proved(db, asked->row->number, holds, err);
        if (ok && !*holds)
            error_set(
                why, ERROR_CONFLICT,
                "请插上CA，在安全客户端中完成验证 / plug the device in and "
                "prove it with the client first");
    }
    if (ok && *holds && asked->definition->business == BUSINESS_CHANGE &&
        asked->row->predecessor_issuer != NULL)
        ok = change_check(db, asked, why, holds, err);
    if (ok && *holds && asked->definition->business == BUSINESS_SEAL &&
        asked->row->predecessor_issuer != NULL)
        ok = seal_maker_check(db, asked->row, asked->fields, why, holds, err);
    if (ok && !*holds && why->code != ERROR_INPUT &&
        why->code != ERROR_CONFLICT)
        ok = error_set(err, why->code, "%s", why->what);
    case_fields_free(fields);
    return ok;
}

/* ---- Documents -------------------------------------------------------------
 */

static bool
slot_each(const struct db_result *row, void *arg, struct error *err)
{
    struct db_case_document document;

    if (!db_case_document_read(row, 0, &document, err))
        return false;
    json_object_set_new(arg, document.slot, json_true());
    return true;
}

static bool
documents(struct db *db, const struct case_asked *asked,
          const struct db_case_facts *raw, struct case_facts *facts,
          struct error *err)
{
    json_t *slots = json_object();
    int64_t forms = 0;
    bool is_current = false;
    bool ok =
        db_case_documents(db, asked->row->number, slot_each, slots, err) &&
        db_document_form_is_current(db, asked->row->number, &is_current, err);

    facts->has_all_documents = true;
    for (size_t i = 0; ok && i < asked->definition->slot_count; i++) {
        const struct definition_slot *slot = &asked->definition->slot[i];

        if (slot->is_internal || !definition_when(slot->when, asked->fields))
            continue;
        if (slot->form != NULL)
            forms++;
        if (slot->is_required && json_object_get(slots, slot->name) == NULL)
            facts->has_all_documents = false;
    }
    /* What was never printed for this revision cannot have been signed. */
    facts->form_is_current = is_current && raw->forms >= forms;
    json_decref(slots);
    return ok;
}

/* ---- All of them ----------------------------------------------------------
 */

/* Every answer settles it: the earlier keys are delivered, stay where they are,
 * or are not wanted (domain.md, 1.7). */
static bool
files_settled(const struct case_asked *asked)
{
    return !asked->definition->asks_files ||
           case_field_text(asked->fields, "encrypted_files")[0] != '\0';
}

/* What is still to be paid: by the payment, or by the price of the time of
 * submission (1.9 #4). */
static int64_t
due(const struct case_asked *asked, const struct db_case_facts *raw)
{
    int64_t since =
        asked->row->submitted_at != 0 ? asked->row->submitted_at : asked->at;

    if (!raw->has_payment)
        return definition_price(asked->definition, asked->fields, since);
    return raw->received >= raw->amount ? 0 : raw->amount - raw->received;
}

bool
case_facts_read(struct db *db, const struct case_asked *asked,
                struct case_facts *facts, struct db_case_facts *raw,
                struct error *why, struct error *err)
{
    const char *device = raw->device_state;

    if (!db_case_facts(db, asked->row->number, asked->at, raw, err))
        return false;
    facts->files_are_settled = files_settled(asked);
    facts->due = due(asked, raw);
    facts->has_all_papers = raw->papers_received == raw->papers_wanted;
    facts->device_is_ready = raw->is_made && (strcmp(device, "shipped") == 0 ||
                                              strcmp(device, "delivered") == 0);
    facts->handler_is_of_record = raw->handler_is_of_record;
    if ((asked->guards & (GUARD_SLOTS | GUARD_FORM)) != 0 &&
        !documents(db, asked, raw, facts, err))
        return false;
    if ((asked->guards & GUARD_CONDITION) != 0 &&
        !condition_of(db, asked, raw, why, &facts->condition_holds, err))
        return false;
    if ((asked->guards & GUARD_COMPLETE) != 0 && why->code == ERROR_NONE &&
        !complete(db, asked, why, &facts->is_complete, err))
        return false;
    return true;
}
