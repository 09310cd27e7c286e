/* Filing a case and editing its fields: ra/case_apply.h. */
#include <string.h>

#include "db/holder.h"
#include "ra/case_apply.h"
#include "ra/case_facts.h"
#include "ra/case_field.h"
#include "ra/case_recover.h"
#include "ra/case_step.h"

/* ---- Filing --------------------------------------------------------------
 */

struct create_run {
    const struct business *business;
    const struct case_new *what;
    const struct definition *definition;
    char number[DB_CASE_NUMBER_MAX + 1];
};

static bool
notice_check(const struct create_run *run, struct error *err)
{
    const char *wanted = run->definition->notice_version;
    const char *sent = run->what->notice_version;

    return wanted == NULL || (sent != NULL && strcmp(wanted, sent) == 0) ||
           error_set(
               err, ERROR_CONFLICT,
               "notice_version: 请阅读并同意最新的供应商须知（%s）/ accept "
               "the present notice, %s, first",
               wanted, wanted);
}

/* Only what customer service closed is filed anew (domain.md, 1.2). */
static bool
replaces_check(struct db *db, const struct create_run *run, struct error *err)
{
    const struct case_new *what = run->what;
    struct db_case old = {0};
    bool ok = false;

    if (what->replaces == NULL)
        return true;
    if (!db_case_get(db, what->replaces, true, &old, err))
        return error_wrap(err, "replaces");
    if (strcmp(old.account, what->account) != 0)
        error_set(err, ERROR_NOT_FOUND, "replaces: there is no such case");
    else if (strcmp(old.state, "closed") != 0 ||
             strcmp(old.business, case_business_name(what->business)) != 0)
        error_set(err, ERROR_CONFLICT,
                  "replaces: only a closed case of the same business is "
                  "replaced");
    else
        ok = true;
    db_case_clear(&old);
    return ok;
}

static bool
row_add(struct db *db, struct create_run *run, const struct db_holder *live,
        const char *language, int64_t deadline_at, struct db_case *row,
        struct error *err)
{
    const struct case_new *what = run->what;

    *row = (struct db_case){
        .business = case_business_name(what->business),
        .account = what->account,
        .state = case_state_name(CASE_DRAFT),
        .revision = 1,
        .unit_name = case_field_text(what->fields, "unit_name"),
        .uscc = case_field_text(what->fields, "uscc"),
        .language = language,
        .notice_version = run->definition->notice_version == NULL
                              ? NULL
                              : what->notice_version,
        .replaces = what->replaces,
        .is_sample = what->is_sample,
        .created_at = what->at,
        .changed_at = what->at,
        .deadline_at = deadline_at,
    };
    if (live != NULL) {
        row->predecessor_issuer = live->issuer;
        row->predecessor_serial = live->serial;
        /* Where a new device comes, it is not the old one. */
        if (!run->definition->sends_device)
            row->device = live->device;
    }
    row->number = run->number;
    return db_case_create(db, row, case_business_letter(what->business),
                          run->number, err);
}

static bool
create_write(struct db *db, struct create_run *run,
             const struct db_holder *live, const char *language,
             const struct case_transition *transition, struct error *err)
{
    const struct case_new *what = run->what;
    struct db_case row;
    struct case_act act = {.number = run->number,
                           .event = CASE_CREATE,
                           .who = CASE_BY_APPLICANT,
                           .actor = what->account,
                           .at = what->at};
    struct case_step step = {.business = run->business,
                             .act = &act,
                             .row = &row,
                             .transition = transition,
                             .definition = run->definition,
                             .fields = what->fields,
                             .revision = 1};
    enum case_event unused;

    return case_timer_next(db, run->definition, CASE_DRAFT, what->at, what->at,
                           &unused, &step.deadline_at, err) &&
           row_add(db, run, live, language, step.deadline_at, &row, err) &&
           case_fields_write(run->business, db, run->number, run->definition,
                             NULL, what->fields, true, err) &&
           case_step_write(db, &step, err);
}

static bool
create_run(struct db *db, void *arg, struct error *err)
{
    struct create_run *run = arg;
    const struct case_new *what = run->what;
    const struct case_transition *transition;
    struct db_holder live = {0};
    struct case_facts facts = {0};
    struct error why = {0};
    char language[3];
    bool found = false;
    bool ok = false;

    if (!notice_check(run, err) || !replaces_check(db, run, err) ||
        !case_fields_from_record(db, what->account, run->definition,
                                 what->fields, language, err) ||
        !definition_fields_check(run->definition, what->fields, false, err) ||
        !db_holder_live(db, what->account, what->at, &found, &live, err))
        return false;
    facts.condition_holds =
        case_condition(run->definition, found ? &live : NULL, what->at, &why);
    if (facts.condition_holds && what->business == BUSINESS_RECOVER &&
        !case_recover_condition(run->business, db, what->account, live.device,
                                what->at, &why, &facts.condition_holds, err))
        goto out;
    if (!case_transition_get(what->business, CASE_DRAFT, CASE_CREATE,
                             CASE_BY_APPLICANT, &facts, &transition, err)) {
        *err = why;
        goto out;
    }
    ok = create_write(db, run,
                      found && run->definition->wants_live ? &live : NULL,
                      language, transition, err);
out:
    db_holder_clear(&live);
    return ok;
}

bool
case_create(const struct business *business, struct db *db,
            const struct case_new *what, char number[DB_CASE_NUMBER_MAX + 1],
            struct error *err)
{
    struct create_run run = {
        .business = business,
        .what = what,
        .definition = definition_get(business->definitions, what->business)};

    if (!db_transaction(db, create_run, &run, err))
        return false;
    memcpy(number, run.number, sizeof run.number);
    return true;
}

/* ---- Editing ---------------------------------------------------------------
 */

struct edit_run {
    const struct business *business;
    json_t *fields;
    int revision;
};

/* What came from the record at submission stays as it was then. */
static bool
keep_record(const struct definition *definition, const json_t *before,
            json_t *fields, struct error *err)
{
    for (size_t i = 0; i < definition->field_count; i++) {
        const struct definition_field *field = &definition->field[i];
        const char *sent = case_field_text(fields, field->name);
        const char *kept = case_field_text(before, field->name);

        if (!field->from_record)
            continue;
        if (sent[0] != '\0' && strcmp(sent, kept) != 0)
            return error_set(err, ERROR_CONFLICT,
                             "%s: 提交后不可修改 / locked since the first "
                             "submission",
                             field->name);
        json_set_text(fields, field->name, kept);
    }
    return true;
}

static bool
edit_change(struct db *db, struct db_case *row, void *arg, struct error *err)
{
    struct edit_run *run = arg;
    const struct definition *definition;
    bool is_draft = strcmp(row->state, "draft") == 0;
    json_t *before = NULL;
    char language[3];
    bool ok = false;

    if (row->revision != run->revision)
        return error_set(err, ERROR_CONFLICT,
                         "revision: 内容已在别处修改，请刷新 / %d is the last "
                         "one: read it, then change it",
                         row->revision);
    if (!definition_of(run->business->definitions, row->business, &definition,
                       err) ||
        !case_fields_read(run->business, db, row->number, &before, err))
        return false;
    ok = (is_draft ? case_fields_from_record(db, row->account, definition,
                                             run->fields, language, err)
                   : keep_record(definition, before, run->fields, err)) &&
         /* Once submitted it stays whole: some ways on ask no more. */
         definition_fields_check(definition, run->fields, !is_draft, err) &&
         case_fields_write(run->business, db, row->number, definition, before,
                           run->fields, is_draft, err) &&
         db_case_copies(db, row->number,
                        case_field_text(run->fields, "unit_name"),
                        case_field_text(run->fields, "uscc"), err) &&
         /* Two windows on one draft: the second one learns of the first. */
         (!is_draft || db_case_revise(db, row->number, row->revision, err));
    case_fields_free(before);
    return ok;
}

bool
case_edit(const struct business *business, struct db *db, const char *account,
          const char *number, int revision, json_t *fields, int64_t at,
          struct error *err)
{
    struct edit_run run = {business, fields, revision};
    struct case_act act = {.number = number,
                           .event = CASE_EDIT,
                           .who = CASE_BY_APPLICANT,
                           .actor = account,
                           .account = account,
                           .at = at,
                           .change = edit_change,
                           .arg = &run};

    return case_apply(business, db, &act, NULL, err);
}
