/* Carries a case from one state to the next: ra/case_apply.h. */
#include "ra/case_apply.h"

#include <string.h>

#include <openssl/crypto.h>

#include "ra/case_effect.h"
#include "ra/case_facts.h"
#include "ra/case_field.h"
#include "ra/case_finding.h"
#include "ra/case_step.h"

const char *
business_setting(const struct business *business, const char *name)
{
    return business->config == NULL ? "" : config_text(business->config, name);
}

/* A step on its way. */
struct run {
    const struct business *business;
    const struct case_act *act;
    struct db_case row;
    enum case_business kind;
    enum case_state from;
    const struct definition *definition;
    json_t *fields;        /* as they are now */
    json_t *fields_before; /* the caller's change */
    struct case_facts facts;
    struct db_case_facts raw;
    const struct case_transition *transition;
};

static bool
row_read(struct db *db, struct run *run, struct error *err)
{
    const struct case_act *act = run->act;

    if (!db_case_get(db, act->number, true, &run->row, err))
        return false;
    /* As for a number that does not exist: who asks learns nothing. */
    if (act->account != NULL && strcmp(act->account, run->row.account) != 0)
        return error_set(err, ERROR_NOT_FOUND, "there is no such case");
    if (!case_business_find(run->row.business, &run->kind) ||
        !case_state_find(run->row.state, &run->from))
        return error_set(err, ERROR_INTERNAL, "case %s: %s is %s", act->number,
                         run->row.business, run->row.state);
    run->definition = definition_get(run->business->definitions, run->kind);
    return true;
}

/* Guards of all transitions that this act could be. */
static unsigned
guards_of(const struct run *run)
{
    unsigned guards = 0;

    for (size_t i = 0; i < case_transition_count; i++) {
        const struct case_transition *t = &case_transitions[i];

        if ((t->business & 1u << run->kind) != 0 && t->from == run->from &&
            t->event == run->act->event && t->who == run->act->who)
            guards |= t->guard;
    }
    return guards;
}

/* The transition, or why there is none. */
static bool
judge(struct db *db, struct run *run, struct error *err)
{
    struct error why = {0};
    struct case_asked asked = {
        .business = run->business,
        .row = &run->row,
        .definition = run->definition,
        .fields = run->fields,
        .at = run->act->at,
        .guards = guards_of(run),
    };

    run->facts = run->act->known;
    run->facts.has_decision = run->act->decided != NULL;
    run->facts.is_complete = false;
    if (!case_facts_read(db, &asked, &run->facts, &run->raw, &why, err))
        return false;
    if (case_transition_get(run->kind, run->from, run->act->event,
                            run->act->who, &run->facts, &run->transition, err))
        return true;
    /* The reason in the words of who found it. */
    if (err->code == ERROR_CONFLICT && why.code != ERROR_NONE)
        *err = why;
    return false;
}

/* The caller's rows; then what they changed is read again. */
static bool
change(struct db *db, struct run *run, struct error *err)
{
    struct db_case again;

    if (run->act->change == NULL)
        return true;
    if (!run->act->change(db, &run->row, run->act->arg, err) ||
        !db_case_get(db, run->act->number, true, &again, err))
        return false;
    db_case_clear(&run->row);
    run->row = again;
    case_fields_free(run->fields_before);
    run->fields_before = run->fields;
    run->fields = NULL;
    return case_fields_read(run->business, db, run->act->number, &run->fields,
                            err);
}

static bool
deadline(struct db *db, const struct run *run, int64_t *at, struct error *err)
{
    bool is_same = run->transition->to == run->from;
    enum case_event unused;

    return case_timer_next(db, run->definition, run->transition->to,
                           is_same ? run->row.changed_at : run->act->at,
                           run->act->at, &unused, at, err);
}

static bool
move(struct db *db, const struct run *run, int64_t deadline_at,
     struct error *err)
{
    const struct case_transition *t = run->transition;
    struct db_case_move move = {
        .number = run->row.number,
        .from = run->row.state,
        .to = case_state_name(t->to),
        .at = run->act->at,
        .deadline_at = deadline_at,
        .completed_at = (t->effect & EFFECT_COMPLETE) != 0 ? run->act->at : 0,
        .submitted_at = t->event == CASE_SUBMIT ? run->act->at : 0,
    };

    return db_case_move(db, &move, err);
}

/* Everything that follows once the transition is known. */
static bool
carry_out(struct db *db, struct run *run, struct error *err)
{
    struct case_effects effects = {.business = run->business,
                                   .act = run->act,
                                   .transition = run->transition,
                                   .definition = run->definition,
                                   .raw = &run->raw,
                                   .due = run->facts.due,
                                   .effect = run->transition->effect};
    struct case_step step = {.business = run->business,
                             .act = run->act,
                             .row = &run->row,
                             .transition = run->transition,
                             .definition = run->definition};
    bool ok = false;

    if (!change(db, run, err) ||
        (run->act->decided != NULL &&
         !case_decided_add(db, &run->row, run->act->decided, err)))
        goto out;
    effects.fields = run->fields;
    effects.fields_before =
        run->fields_before != NULL ? run->fields_before : run->fields;
    if (!case_effects_run(db, &effects, &run->row, err) ||
        (run->act->event == CASE_HAND_IN &&
         !case_finding_write(db, &run->row, run->definition, run->fields,
                             &run->raw, run->act->at, err)) ||
        !deadline(db, run, &step.deadline_at, err) ||
        !move(db, run, step.deadline_at, err))
        goto out;
    step.fields = run->fields;
    step.revision = run->row.revision;
    step.order_id = run->row.order_id;
    step.code = effects.code[0] != '\0' ? effects.code : NULL;
    ok = case_step_write(db, &step, err);
out:
    OPENSSL_cleanse(effects.code, sizeof effects.code);
    return ok;
}

bool
case_apply_within(const struct business *business, struct db *db,
                  const struct case_act *act, enum case_state *to,
                  struct error *err)
{
    struct run run = {.business = business, .act = act};
    bool ok = row_read(db, &run, err) &&
              case_fields_read(business, db, act->number, &run.fields, err) &&
              judge(db, &run, err) && carry_out(db, &run, err);

    if (ok && to != NULL)
        *to = run.transition->to;
    case_fields_free(run.fields);
    case_fields_free(run.fields_before);
    db_case_clear(&run.row);
    return ok;
}

struct apply_run {
    const struct business *business;
    const struct case_act *act;
    enum case_state to;
};

static bool
apply_run(struct db *db, void *arg, struct error *err)
{
    struct apply_run *run = arg;

    return case_apply_within(run->business, db, run->act, &run->to, err);
}

bool
case_apply(const struct business *business, struct db *db,
           const struct case_act *act, enum case_state *to, struct error *err)
{
    struct apply_run run = {business, act, CASE_DRAFT};

    if (!db_transaction(db, apply_run, &run, err))
        return false;
    if (to != NULL)
        *to = run.to;
    return true;
}
