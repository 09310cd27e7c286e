/* Officers' decisions on cases: ra/case_review.h. */
#include "ra/case_review.h"

#include <string.h>
#include <strings.h>

#include "db/case_history.h"
#include "ra/case_apply.h"
#include "ra/case_field.h"
#include "ra/case_order.h"
#include "ra/making.h"
#include "ra/officer.h"
#include "ra/old_keys.h"

enum { DECISION_MAX = 16 * 1024, REMARKS_MAX = 40, REMARK_MAX = 1000 };

/* Who takes which step, and what approval at it means. */
static const struct step {
    enum api_step step;
    enum api_role role;
    enum case_actor actor;
    enum case_event event;
} steps[] = {
    {API_STEP_ENTRY, API_ROLE_INTAKE_CLERK, CASE_BY_INTAKE_CLERK, CASE_RECEIVE},
    {API_STEP_FIRST_REVIEW, API_ROLE_FIRST_REVIEWER, CASE_BY_FIRST_REVIEWER,
     CASE_PASS},
    {API_STEP_SECOND_REVIEW, API_ROLE_SECOND_REVIEWER, CASE_BY_SECOND_REVIEWER,
     CASE_PASS},
    /* No step of the case: the device is signed for, wherever the case is. */
    {API_STEP_MAKING, API_ROLE_MAKER, CASE_ACTOR_COUNT, CASE_EVENT_COUNT},
};

enum { STEP_COUNT = sizeof steps / sizeof steps[0] };

static const struct step *
step_find(enum api_step step)
{
    for (size_t i = 0; i < STEP_COUNT; i++)
        if (steps[i].step == step)
            return &steps[i];
    return NULL;
}

/* ---- What came in --------------------------------------------------------
 */

static bool
remarks_check(const json_t *remarks, struct error *err)
{
    const char *name;
    json_t *text;

    if (json_object_size(remarks) > REMARKS_MAX)
        return error_set(err, ERROR_INPUT, "remarks: too many");
    json_object_foreach(
        (json_t *)(uintptr_t)remarks, name,
        text) if (!json_is_string(text) || json_string_length(text) == 0 ||
                  json_string_length(text) > REMARK_MAX ||
                  strlen(name) >
                      48) return error_set(err, ERROR_INPUT,
                                           "remarks: texts of 1 to %d octets",
                                           REMARK_MAX);
    return true;
}

static bool
checks_check(const json_t *checks, struct error *err)
{
    const char *name;
    json_t *value;

    if (json_object_size(checks) > 10 * REMARKS_MAX)
        return error_set(err, ERROR_INPUT, "checks: too many");
    json_object_foreach(
        (json_t *)(uintptr_t)checks, name,
        value) if (!json_is_boolean(value) ||
                   strlen(name) >
                       64) return error_set(err, ERROR_INPUT,
                                            "checks: true or false each");
    return true;
}

bool
case_review_parse(const json_t *object, struct case_review *out,
                  struct error *err)
{
    json_t *decision = json_copy((json_t *)(uintptr_t)object); /* shallow */
    json_t *remarks = NULL;
    json_t *checks = NULL;
    bool ok = false;

    memset(out, 0, sizeof *out);
    if (!json_find_object(object, "remarks", &remarks, err) ||
        !json_find_object(object, "checks", &checks, err) ||
        (remarks != NULL && !remarks_check(remarks, err)) ||
        (checks != NULL && !checks_check(checks, err)))
        goto out;
    json_object_del(decision, "remarks");
    json_object_del(decision, "checks");
    if (!api_decision_parse(decision, &out->decision, err))
        goto out;
    if (step_find(out->decision.step) == NULL) {
        error_set(err, ERROR_INPUT,
                  "step: entry, first-review, second-review or making");
        goto out;
    }
    if (remarks != NULL || checks != NULL)
        out->detail = json_object();
    if (remarks != NULL)
        json_object_set(out->detail, "remarks", remarks);
    if (checks != NULL)
        json_object_set(out->detail, "checks", checks);
    ok = true;
out:
    json_decref(decision);
    return ok;
}

void
case_review_clear(struct case_review *review)
{
    json_decref(review->detail);
    review->detail = NULL;
}

/* ---- Who may -------------------------------------------------------------
 */

bool
case_review_officer_check(const struct api_decision *decision,
                          const struct review_officer *officer, int64_t now,
                          struct error *err)
{
    const struct step *step = step_find(decision->step);

    if (strcmp(decision->officer_id, officer->officer_id) != 0 ||
        memcmp(decision->credential_id, officer->credential_id, 32) != 0)
        return error_set(err, ERROR_DENIED,
                         "decisions are sent by the officer who made them");
    if (!officer->is_active || !officer->is_credential_active ||
        now < officer->not_before || now > officer->not_after ||
        decision->decided_at < officer->not_before ||
        decision->decided_at > officer->not_after)
        return error_set(err, ERROR_DENIED,
                         "officer or credential is not active");
    if (step == NULL || !officer->has_role[step->role])
        return error_set(err, ERROR_DENIED, "step %s is for the %s",
                         api_step_name(decision->step),
                         step == NULL ? "nobody" : api_role_name(step->role));
    if (decision->decided_at > now + CASE_DECISION_TOLERANCE_S ||
        decision->decided_at < now - CASE_DECISION_AGE_MAX_S)
        return error_set(err, ERROR_DENIED,
                         "decided_at: in the future, or over 30 days ago");
    return true;
}

/* What is decided about this revision already. */
struct earlier {
    const struct api_decision *decision;
    const struct review_officer *officer;
    const struct buf *body; /* the decision that came */
    bool is_known;          /* the very same */
    char taken[24];         /* another step that this person took; "" */
};

/* The last digit of GB 11643 is written x and X; signet-ca compares alike. */
static bool
earlier_each(const struct db_result *row, void *arg, struct error *err)
{
    struct earlier *earlier = arg;
    struct db_decided decided;

    if (!db_decided_read(row, 0, &decided, err))
        return false;
    if (decided.decision_len == earlier->body->len &&
        memcmp(decided.decision, earlier->body->data, decided.decision_len) ==
            0)
        earlier->is_known = true;
    else if (strcmp(decided.step, api_step_name(earlier->decision->step)) !=
                 0 &&
             (strcasecmp(decided.person, earlier->officer->person) == 0 ||
              strcmp(decided.officer_id, earlier->officer->officer_id) == 0))
        snprintf(earlier->taken, sizeof earlier->taken, "%s", decided.step);
    return true;
}

bool
case_decided_add(struct db *db, const struct db_case *row,
                 const struct case_decided *decided, struct error *err)
{
    const struct db_decided add = {
        .step = decided->step,
        .officer_id = decided->officer_id,
        .person = decided->person,
        .credential_id = decided->credential_id,
        .verdict = decided->verdict,
        .decided_at = decided->decided_at,
        .decision = decided->decision,
        .decision_len = decided->decision_len,
        .statement = decided->statement,
        .statement_len = decided->statement_len,
    };

    return db_decided_add(db, row->number, row->revision, &add, err);
}

/* ---- Deciding --------------------------------------------------------------
 */

struct decide_run {
    const struct business *business;
    const struct case_review *review;
    const struct review_officer *officer;
    const char *order_id; /* that was verified */
    const struct buf *body;
    const struct case_decided *decided;
    const char *number;
    int64_t at;
    enum case_state state; /* when nothing moved */
};

/* Officers are registered by name and by whatever number the house gives
 * people; handlers have a name and an identity number. Of two namesakes the
 * other one decides: that is cheap. */
static bool
is_of_officer(const json_t *fields, const struct review_officer *officer)
{
    return strcasecmp(case_field_text(fields, "handler_id_number"),
                      officer->person) == 0 ||
           strcasecmp(case_field_text(fields, "handler_name"), officer->name) ==
               0;
}

/* A seal is edited under review: what was uploaded and not handed in yet stands
 * in nothing that is signed. */
static bool
documents_check(struct db *db, const struct decide_run *run,
                const struct db_case *row, struct error *err)
{
    const struct definition *definition;
    bool is_current = false;

    if (run->review->decision.verdict != API_APPROVE)
        return true;
    return definition_of(run->business->definitions, row->business, &definition,
                         err) &&
           case_order_is_current(db, row, definition, &is_current, err) &&
           (is_current ||
            error_set(err, ERROR_CONFLICT,
                      "资料尚未重新提交 / the applicant has not handed in the "
                      "documents that are there now"));
}

/* With the row locked: the same order, other people. */
static bool
decide_check(struct db *db, const struct decide_run *run,
             const struct db_case *row, struct error *err)
{
    struct earlier earlier = {.decision = &run->review->decision,
                              .officer = run->officer,
                              .body = run->body};
    json_t *fields = NULL;
    bool is_handler;

    if (row->order_id == NULL || strcmp(row->order_id, run->order_id) != 0)
        return error_set(err, ERROR_CONFLICT,
                         "内容已变更，请刷新后重新审核 / the case changed "
                         "meanwhile: read it again");
    if (!documents_check(db, run, row, err) ||
        !case_fields_read(run->business, db, row->number, &fields, err))
        return false;
    is_handler = is_of_officer(fields, run->officer);
    case_fields_free(fields);
    if (is_handler)
        return error_set(err, ERROR_DENIED, "nobody decides on their own case");
    if (!db_decided_list(db, row->number, row->revision, false, earlier_each,
                         &earlier, err))
        return false;
    return earlier.taken[0] == '\0' ||
           error_set(
               err, ERROR_DENIED,
               "本业务的另一环节已由您办理 / you already took the step %s "
               "of this case",
               earlier.taken);
}

static bool
decide_change(struct db *db, struct db_case *row, void *arg, struct error *err)
{
    return decide_check(db, arg, row, err);
}

/* ---- The maker -------------------------------------------------------------
 */

static bool
device_check(struct db *db, const struct decide_run *run,
             const struct db_case *row, struct error *err)
{
    const struct api_device *named = &run->review->decision.device;
    struct making_device device;

    if (!making_state_check(run->business, row, err) ||
        !making_device(db, row, &device, err))
        return false;
    if (device.serial[0] == '\0' || !device.has_key)
        return error_set(err, ERROR_CONFLICT,
                         "no personalised device is for this case");
    return (strcmp(named->serial, device.serial) == 0 &&
            memcmp(named->spki_sha256, device.spki_sha256, 32) == 0) ||
           error_set(err, ERROR_CONFLICT,
                     "device: another one is for this case");
}

static bool
making_run(struct db *db, void *arg, struct error *err)
{
    struct decide_run *run = arg;
    struct db_case row = {0};
    json_t *detail = json_object();
    bool ok = db_case_get(db, run->number, true, &row, err) &&
              decide_check(db, run, &row, err) &&
              device_check(db, run, &row, err) &&
              case_decided_add(db, &row, run->decided, err);

    json_set_text(detail, "device", run->review->decision.device.serial);
    ok = ok &&
         case_note(db, &row, "device-made", run->officer->officer_id, detail,
                   run->at, err) &&
         old_keys_ask(db, &row, run->at, err);
    if (ok && !case_state_find(row.state, &run->state))
        ok = error_set(err, ERROR_INTERNAL, "state %s", row.state);
    json_decref(detail);
    db_case_clear(&row);
    return ok;
}

/* ---- All together ----------------------------------------------------------
 */

static bool
event_of(const struct api_decision *decision, enum case_event *out,
         struct error *err)
{
    const struct step *step = step_find(decision->step);

    switch (decision->verdict) {
    case API_APPROVE:
        *out = step->event;
        return true;
    case API_RETURN:
        *out = CASE_RETURN;
        break;
    case API_REJECT:
        *out = CASE_REJECT;
        break;
    default:
        *out = CASE_SUPPLEMENT_ASK;
        break;
    }
    return decision->step == API_STEP_FIRST_REVIEW ||
           decision->step == API_STEP_SECOND_REVIEW ||
           error_set(err, ERROR_INPUT, "verdict: step %s only approves",
                     api_step_name(decision->step));
}

static bool
apply(struct db *db, struct decide_run *run, enum case_state *to,
      struct error *err)
{
    const struct api_decision *decision = &run->review->decision;
    struct case_act act = {.number = run->number,
                           .who = step_find(decision->step)->actor,
                           .actor = run->officer->officer_id,
                           .remark = decision->remark,
                           .detail = run->review->detail,
                           .decided = run->decided,
                           .at = run->at,
                           .change = decide_change,
                           .arg = run};

    if (!event_of(decision, &act.event, err))
        return false;
    if (decision->step == API_STEP_MAKING) {
        if (!db_transaction(db, making_run, run, err))
            return false;
        *to = run->state;
        return true;
    }
    return case_apply(run->business, db, &act, to, err);
}

static bool
body_encode(const struct api_decision *decision, struct buf *out,
            struct error *err)
{
    json_t *json = api_decision_json(decision);
    bool ok = json_canonical(json, out, err);

    json_decref(json);
    return ok;
}

/* The very decision that is there already, by a second click. */
static bool
is_known(struct db *db, const struct decide_run *run, const struct db_case *row,
         bool *known, struct error *err)
{
    struct earlier earlier = {.decision = &run->review->decision,
                              .officer = run->officer,
                              .body = run->body};

    if (!db_decided_list(db, row->number, row->revision, false, earlier_each,
                         &earlier, err))
        return false;
    *known = earlier.is_known;
    return true;
}

bool
case_review_decide(const struct business *business, struct db *db,
                   const char *number, const struct case_review *review,
                   const struct review_officer *officer,
                   const uint8_t *certificate, size_t certificate_len,
                   int64_t at, enum case_state *to, struct error *err)
{
    const struct api_decision *decision = &review->decision;
    struct db_case row = {0};
    struct buf body = BUF_INIT(DECISION_MAX);
    struct buf statement = BUF_INIT(API_STATEMENT_MAX);
    struct case_decided decided = {
        .step = api_step_name(decision->step),
        .verdict = api_verdict_name(decision->verdict),
        .officer_id = officer->officer_id,
        .person = officer->person,
        .credential_id = decision->credential_id,
        .decided_at = decision->decided_at,
        .remark = decision->remark,
    };
    struct decide_run run = {.business = business,
                             .review = review,
                             .officer = officer,
                             .body = &body,
                             .decided = &decided,
                             .number = number,
                             .at = at};
    bool known = false;
    bool ok = false;

    if (!db_case_get(db, number, false, &row, err))
        return false;
    if (row.order_id == NULL) {
        error_set(err, ERROR_CONFLICT, "this case was not submitted yet");
        goto out;
    }
    run.order_id = row.order_id;
    if (!case_review_officer_check(decision, officer, at, err) ||
        !api_statement_encode(decision, row.order_id, row.order_digest,
                              &statement, err) ||
        !officer_verify(officer, certificate, certificate_len, decision,
                        row.order_id, row.order_digest, err) ||
        !body_encode(decision, &body, err) ||
        !is_known(db, &run, &row, &known, err))
        goto out;
    decided.decision = body.data;
    decided.decision_len = body.len;
    decided.statement = statement.data;
    decided.statement_len = statement.len;
    if (known)
        ok = case_state_find(row.state, to) ||
             error_set(err, ERROR_INTERNAL, "state %s", row.state);
    else
        ok = apply(db, &run, to, err);
out:
    buf_clear(&body);
    buf_clear(&statement);
    db_case_clear(&row);
    return ok;
}
