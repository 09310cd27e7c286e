/* What follows from a transition: ra/case_effect.h. */
#include "ra/case_effect.h"

#include <string.h>

#include "base/text.h"
#include "db/holder.h"
#include "ra/case_field.h"
#include "ra/case_order.h"
#include "ra/case_tell.h"
#include "ra/device.h"
#include "ra/form.h"
#include "ra/form_page.h"
#include "ra/form_store.h"
#include "ra/old_keys.h"
#include "ra/payment.h"
#include "ra/seal_maker.h"

/* ---- Revisions, orders, forms ---------------------------------------------
 */

static bool
row_again(struct db *db, struct db_case *row, struct error *err)
{
    struct db_case again;

    if (!db_case_get(db, row->number, true, &again, err))
        return false;
    db_case_clear(row);
    *row = again;
    return true;
}

/* A new revision voids the uploaded forms of the old one. */
static bool
revise(struct db *db, const struct case_effects *effects, struct db_case *row,
       struct error *err)
{
    const char *slots[DEFINITION_SLOTS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < effects->definition->slot_count; i++)
        if (effects->definition->slot[i].form != NULL)
            slots[count++] = effects->definition->slot[i].name;
    return db_case_revise(db, row->number, row->revision, err) &&
           db_case_documents_void(db, row->number, slots, count, err) &&
           row_again(db, row, err);
}

/* Whether something that stands on the form has changed. */
static bool
is_printed_changed(const struct case_effects *effects)
{
    for (size_t i = 0; i < effects->definition->field_count; i++) {
        const struct definition_field *field = &effects->definition->field[i];

        if (field->is_printed &&
            strcmp(case_field_text(effects->fields, field->name),
                   case_field_text(effects->fields_before, field->name)) != 0)
            return true;
    }
    return false;
}

static bool
form_one(struct db *db, const struct case_effects *effects,
         const struct db_case *row, const char *kind, struct error *err)
{
    const struct vault *vault = effects->business->vault;
    struct buf pdf = BUF_INIT(FORM_PDF_MAX);
    char serial[2 * DB_HOLDER_SERIAL_LEN + 1];
    struct form_input input = {
        .kind = kind,
        .number = row->number,
        .revision = row->revision,
        .definition = effects->definition,
        .fields = effects->fields,
        .at = effects->act->at,
        .centre = business_setting(effects->business, "ra.centre"),
        .device = row->device,
    };
    bool ok;

    if (row->predecessor_serial != NULL) {
        text_hex(row->predecessor_serial, DB_HOLDER_SERIAL_LEN, serial);
        input.serial = serial;
    }
    ok = form_make(vault, &input, &pdf, err) &&
         form_store(db, vault, &input, &pdf, effects->act->at, err);
    buf_cleanse(&pdf);
    return ok;
}

/* The order of this revision and its forms. A revision is printed once. */
static bool
order(struct db *db, struct case_effects *effects, struct db_case *row,
      struct error *err)
{
    const struct definition *definition = effects->definition;
    bool is_printed =
        effects->raw->forms > 0 && (effects->effect & EFFECT_REVISION) == 0;

    if (is_printed && !revise(db, effects, row, err))
        return false;
    if (!case_order_make(db, row, definition, effects->fields, effects->act->at,
                         err) ||
        !row_again(db, row, err))
        return false;
    for (size_t i = 0; i < definition->slot_count; i++) {
        const struct definition_slot *slot = &definition->slot[i];

        if (slot->form != NULL &&
            definition_when(slot->when, effects->fields) &&
            !form_one(db, effects, row, slot->form, err))
            return false;
    }
    return true;
}

/* ---- The rest --------------------------------------------------------------
 */

static const char *
give_back_reason(enum case_event event)
{
    switch (event) {
    case CASE_WITHDRAW:
        return "withdrawn";
    case CASE_EXPIRE:
        return "expired";
    case CASE_REJECT:
        return "rejected";
    default:
        return "closed";
    }
}

static bool
papers(struct db *db, const struct case_effects *effects,
       const struct db_case *row, struct error *err)
{
    const struct definition *definition = effects->definition;

    for (size_t i = 0; i < definition->slot_count; i++) {
        const struct definition_slot *slot = &definition->slot[i];

        if (slot->copies > 0 && !slot->is_internal &&
            definition_when(slot->when, effects->fields) &&
            !db_case_paper_await(db, row->number, slot->name, effects->act->at,
                                 err))
            return false;
    }
    return !definition->returns_device ||
           db_case_paper_await(db, row->number, "device", effects->act->at,
                               err);
}

/* A damaged device keeps its certificate until the new one is there; a lost
 * one's is held (1.8 #15). */
static bool
hold(struct db *db, const struct case_effects *effects,
     const struct db_case *row, struct error *err)
{
    bool is_damaged =
        effects->definition->business == BUSINESS_REISSUE &&
        strcmp(case_field_text(effects->fields, "reason"), "damaged") == 0;

    if (is_damaged || strcmp(effects->raw->predecessor_state, "held") == 0)
        return true;
    return case_order_hold(db, row, effects->act->decided, effects->act->at,
                           err);
}

static bool
code(struct db *db, struct case_effects *effects, const struct db_case *row,
     struct error *err)
{
    enum code_purpose purpose = effects->definition->business == BUSINESS_UNLOCK
                                    ? CODE_UNLOCK
                                    : CODE_ACTIVATION;
    const char *mobile = case_field_text(effects->fields, "handler_mobile");
    const struct vault *vault = effects->business->vault;

    if (effects->act->event == CASE_SEND_CODE &&
        !code_may_draw(db, vault, row->number, purpose, mobile,
                       effects->act->at, err))
        return false;
    return code_draw(db, vault, row->number, purpose, mobile, effects->act->at,
                     effects->code, err);
}

static bool
recall(struct db *db, const struct case_effects *effects,
       const struct db_case *row, struct error *err)
{
    bool is_out = false;

    if (!device_recall(db, row->number, effects->act->at, &is_out, err))
        return false;
    return !is_out || db_case_paper_await(db, row->number, "device",
                                          effects->act->at, err);
}

/* A reissue or revocation that comes to nothing, other than by a reviewer's
 * word: nobody has decided that the old one is in good hands, so it stays on
 * hold until it is reissued or revoked (1.8 #15). */
static bool
left_held(struct db *db, const struct case_effects *effects,
          const struct db_case *row, struct error *err)
{
    char serial[2 * DB_HOLDER_SERIAL_LEN + 1];
    json_t *values = NULL;
    bool is_held = false;
    bool ok;

    if ((effects->definition->business != BUSINESS_REISSUE &&
         effects->definition->business != BUSINESS_REVOKE) ||
        effects->act->event == CASE_REJECT)
        return true;
    if (!case_order_has_held(db, row->number, &is_held, err))
        return false;
    if (!is_held)
        return true;
    values = json_object();
    text_hex(row->predecessor_serial, DB_HOLDER_SERIAL_LEN, serial);
    json_set_text(values, "serial", serial);
    ok =
        case_note(db, row, "certificate-left-held", "signet-ra", values,
                  effects->act->at, err) &&
        case_tell(effects->business, db, row, "certificate-left-held", serial,
                  values, effects->act->at, err) &&
        case_tell_service(effects->business, db, row, "certificate-left-held",
                          "业务已终止，原证书仍处于挂起状态，请联系单位重新补办"
                          "或注销。/ A case has ended and its certificate "
                          "is still on hold: see that the unit files for "
                          "reissue again, or for revocation.",
                          effects->act->at, err);
    json_decref(values);
    return ok;
}

/* The new device works; what was lost is not waited for any longer. */
static bool
device(struct db *db, const struct case_effects *effects,
       const struct db_case *row, struct error *err)
{
    struct db_holder old = {0};
    bool found = false;
    bool ok;

    if (!device_activate(db, row->number, row->device, effects->act->at, err))
        return false;
    if (effects->definition->business != BUSINESS_REISSUE ||
        strcmp(case_field_text(effects->fields, "reason"), "lost") != 0)
        return true;
    ok = db_holder_get(db, row->predecessor_issuer, row->predecessor_serial,
                       &found, &old, err) &&
         (!found || old.device == NULL ||
          device_lose(db, old.device, effects->act->at, err));
    db_holder_clear(&old);
    return ok;
}

/* What a replaced case had paid pays for this one, if the amount fits. */
static bool
take_over(struct db *db, const struct case_effects *effects,
          const struct db_case *row, struct error *err)
{
    if (row->replaces == NULL || effects->due == 0 ||
        effects->raw->has_payment || effects->act->event != CASE_SUBMIT)
        return true;
    return payment_transfer(db, row->replaces, row->number, effects->due,
                            effects->act->at, err);
}

/* The handler of an unlocked device; those of issued certificates are written
 * with them (ra/case_send.c). */
static bool
handler(struct db *db, const struct case_effects *effects,
        const struct db_case *row, struct error *err)
{
    return effects->definition->business != BUSINESS_UNLOCK ||
           db_holder_handler(db, row->predecessor_issuer,
                             row->predecessor_serial, row->number, err);
}

bool
case_effects_run(struct db *db, struct case_effects *effects,
                 struct db_case *row, struct error *err)
{
    const struct case_act *act = effects->act;
    unsigned effect = effects->effect;

    /* What is returned and edited only beside the form keeps its form: 1.8 #8.
     */
    if ((effect & EFFECT_REVISION) != 0 && (effect & EFFECT_ORDER) == 0 &&
        !is_printed_changed(effects))
        effect &= ~(unsigned)EFFECT_REVISION;
    effects->effect = effect;
    if (((effect & EFFECT_REVISION) != 0 && !revise(db, effects, row, err)) ||
        ((effect & EFFECT_ORDER) != 0 &&
         (!order(db, effects, row, err) || !take_over(db, effects, row, err))))
        return false;
    /* Documents are handed in: whoever signed before has not seen these, and
     * what is decided without the core names them. Or what was decided came to
     * nothing: an order that the core knows answers the same for ever. */
    if ((act->event == CASE_HAND_IN ||
         (act->event == CASE_REFUSE &&
          effects->transition->to == CASE_FIRST_REVIEW)) &&
        (!case_order_make(db, row, effects->definition, effects->fields,
                          act->at, err) ||
         !row_again(db, row, err)))
        return false;
    return ((effect & EFFECT_PAYMENT) == 0 ||
            payment_open(db, row->number, effects->due, act->at, err)) &&
           ((effect & EFFECT_RECALL) == 0 ||
            (recall(db, effects, row, err) &&
             left_held(db, effects, row, err))) &&
           ((effect & EFFECT_REFUND) == 0 ||
            payment_give_back(db, row->number, give_back_reason(act->event),
                              act->at, err)) &&
           ((effect & EFFECT_PAPERS) == 0 || papers(db, effects, row, err)) &&
           ((effect & EFFECT_HOLD) == 0 || hold(db, effects, row, err)) &&
           ((effect & EFFECT_RELEASE) == 0 ||
            case_order_release(db, row, act->decided, act->at, err)) &&
           ((effect & EFFECT_REVOKE) == 0 ||
            case_order_decided(db, row, "revoke", act->at, err)) &&
           ((effect & EFFECT_RECOVER) == 0 ||
            case_order_decided(db, row, "recover", act->at, err)) &&
           ((effect & EFFECT_ISSUE) == 0 ||
            case_order_queue(db, row->number, "issue", act->at, err)) &&
           ((effect & EFFECT_SUPERSEDE) == 0 ||
            case_order_queue(db, row->number, "supersede", act->at, err)) &&
           ((effect & EFFECT_CODE) == 0 || code(db, effects, row, err)) &&
           ((effect & EFFECT_HANDLER) == 0 || handler(db, effects, row, err)) &&
           ((effect & EFFECT_DEVICE) == 0 || row->device == NULL ||
            device(db, effects, row, err)) &&
           ((effect & EFFECT_SEAL) == 0 ||
            seal_maker_effect(db, effects, row, err)) &&
           /* The second review may be the last decision that they wait for. */
           (act->event != CASE_PASS || old_keys_ask(db, row, act->at, err));
}
