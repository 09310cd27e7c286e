/* The life of cases; see ca-core/kmc/decide.h. */
#include "ca-core/kmc/decide.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "ca-core/entry.h"

enum { CLOCK_TOLERANCE_S = 300 };

/* ---- Opening ---------------------------------------------------------------
 */

struct opening {
    const struct db_kmc_case *c;
    const struct kmc_request *request;
};

/* db_run */
static bool
open_case(struct db *db, void *arg, struct error *err)
{
    const struct opening *opening = arg;
    json_t *members = json_object();
    int64_t index;
    bool ok;

    json_set_text(members, "kind", opening->c->kind);
    json_set_text(members, "requester", opening->c->requester);
    json_set_text(members, "opened_by", opening->c->opened_by);
    json_set_hex(members, "digest", opening->c->digest, 32);
    if (opening->request->document[0] != '\0') {
        json_set_text(members, "document", opening->request->document);
        json_set_text(members, "holder", opening->request->holder);
        json_set_int(members, "keys", (int64_t)opening->request->key_count);
    }
    ok = db_kmc_case_insert(db, opening->c, err) &&
         entry_append(db, opening->c->opened_at, "kmc.case-opened",
                      opening->c->id, members, &index, err);
    json_decref(members);
    return ok;
}

/* Each key is there, as it was recorded, and this holder's; for an authority
 * also its own. */
static bool
keys_fit(struct kmc_worker *worker, const struct db_kmc_party *party,
         enum kmc_role role, const struct kmc_request *request,
         struct error *err)
{
    struct db_kmc_key key;

    for (size_t i = 0; i < request->key_count; i++) {
        if (!db_kmc_key_get(worker->db, request->keys[i], &key, err) ||
            !mark_key_check(&worker->service->mark, &key, err))
            return false;
        if (role == KMC_CA && strcmp(key.ca, party->name) != 0)
            return error_set(err, ERROR_NOT_FOUND, "no escrowed key %s",
                             key.id);
        if (strcmp(key.holder, request->holder) != 0)
            return error_set(err, ERROR_INPUT, "key %s is of another holder",
                             key.id);
    }
    return true;
}

/* The same id again: the same content, or a conflict. */
static bool
is_same(const struct db_kmc_case *c, const struct kmc_request *request,
        const char *opened_by, struct error *err)
{
    struct buf body = BUF_INIT(KMC_CASE_BODY_MAX);
    bool ok = kmc_body_encode(request, c->opened_at, c->expires_at, &body, err);

    ok = ok && strcmp(c->opened_by, opened_by) == 0 &&
         body.len == c->body_len && memcmp(body.data, c->body, body.len) == 0;
    buf_clear(&body);
    return ok || error_set(err, ERROR_CONFLICT,
                           "case %s was opened with other content", c->id);
}

static bool
open_new(struct kmc_worker *worker, const struct db_kmc_party *party,
         const struct kmc_request *request, int64_t now,
         struct db_kmc_case *out, struct error *err)
{
    struct buf body = BUF_INIT(KMC_CASE_BODY_MAX);
    struct opening opening = {out, request};

    *out = (struct db_kmc_case){.opened_at = now,
                                .expires_at = now + worker->service->case_s};
    memcpy(out->id, request->id, sizeof out->id);
    (void)snprintf(out->kind, sizeof out->kind, "%s",
                   kmc_kind_name(request->kind));
    (void)snprintf(out->state, sizeof out->state, "open");
    memcpy(out->requester, request->requester, sizeof out->requester);
    memcpy(out->opened_by, party->name, sizeof out->opened_by);
    if (!kmc_body_encode(request, out->opened_at, out->expires_at, &body,
                         err)) {
        buf_clear(&body);
        return false;
    }
    out->body = buf_take(&body, &out->body_len);
    return hash_sha256(out->body, out->body_len, out->digest, err) &&
           db_transaction(worker->db, open_case, &opening, err);
}

bool
decide_open(struct kmc_worker *worker, const struct db_kmc_party *party,
            enum kmc_role role, struct kmc_request *request, int64_t now,
            struct db_kmc_case *out, struct error *err)
{
    *out = (struct db_kmc_case){0};
    if (!kmc_may_open(request->kind, role))
        return error_set(err, ERROR_DENIED, "an %s opens no %s case",
                         kmc_role_name(role), kmc_kind_name(request->kind));
    /* A person who opens is the requester; an authority names one. */
    if (role != KMC_CA)
        memcpy(request->requester, party->name, sizeof request->requester);
    if (request->requester[0] == '\0')
        return error_set(err, ERROR_INPUT, "requester is missing");
    if (request->delivery == KMC_TO_CMS && !worker->service->is_cms_open)
        return error_set(err, ERROR_DENIED,
                         "delivery by CMS is not allowed here "
                         "(kmc.cms_delivery)");
    if (db_kmc_case_get(worker->db, request->id, out, err))
        return is_same(out, request, party->name, err);
    if (err->code != ERROR_NOT_FOUND ||
        !keys_fit(worker, party, role, request, err))
        return false;
    if (open_new(worker, party, request, now, out, err))
        return true;
    /* Another worker may have been faster, or our COMMIT may have been heard:
     * the row tells. */
    if (err->code != ERROR_CONFLICT && !db_is_unknown(worker->db))
        return false;
    db_kmc_case_clear(out);
    return db_kmc_case_get(worker->db, request->id, out, err) &&
           is_same(out, request, party->name, err);
}

/* ---- Decisions -------------------------------------------------------------
 */

struct deciding {
    const struct db_kmc_party *party;
    enum kmc_role role;
    const char *case_id;
    const struct decide_decision *decision;
    int64_t now;
    int32_t needed;
    const char *state; /* afterwards */
};

static bool
log_decision(struct db *db, const struct deciding *d,
             const struct buf *statement, struct error *err)
{
    json_t *members = json_object();
    int64_t index;
    bool ok;

    json_set_text(members, "party", d->party->name);
    json_set_text(members, "step", kmc_role_name(d->role));
    json_set_text(members, "verdict", d->decision->verdict);
    json_set_text(members, "statement", buf_text(statement));
    json_set_bytes(members, "signature", d->decision->signature,
                   d->decision->signature_len);
    json_set_bytes(members, "certificate", d->party->certificate,
                   d->party->certificate_len);
    ok = entry_append(db, d->now, "kmc.case-decision", d->case_id, members,
                      &index, err);
    json_decref(members);
    return ok;
}

/* Verifies the signature and adds the row. */
static bool
add(struct db *db, struct deciding *d, const struct db_kmc_case *c,
    struct error *err)
{
    struct buf statement = BUF_INIT(KMC_STATEMENT_MAX);
    const struct decide_decision *decision = d->decision;
    struct db_kmc_approval approval = {
        .signature = (uint8_t *)(uintptr_t)decision->signature,
        .signature_len = decision->signature_len,
        .decided_at = decision->decided_at,
    };
    bool is_new = false, ok;

    memcpy(approval.party, d->party->name, sizeof approval.party);
    (void)snprintf(approval.step, sizeof approval.step, "%s",
                   kmc_role_name(d->role));
    (void)snprintf(approval.verdict, sizeof approval.verdict, "%s",
                   decision->verdict);
    ok = kmc_statement_encode(c->id, c->digest, d->party->name, approval.step,
                              approval.verdict, decision->decided_at,
                              &statement, err) &&
         kmc_statement_verify(&statement, d->party->certificate,
                              d->party->certificate_len, decision->signature,
                              decision->signature_len, err);
    approval.statement = statement.data;
    approval.statement_len = statement.len;
    ok = ok && db_kmc_approval_insert(db, c->id, &approval, &is_new, err);
    if (ok && !is_new &&
        (decision->share == NULL || strcmp(approval.verdict, "approve") != 0))
        ok = error_set(err, ERROR_CONFLICT, "%s has decided already",
                       d->party->name);
    ok = ok && (!is_new || log_decision(db, d, &statement, err));
    buf_clear(&statement);
    return ok;
}

/* What the decisions there are make of the case. */
static bool
settle(struct db *db, struct deciding *d, const struct db_kmc_case *c,
       struct error *err)
{
    struct db_kmc_approval *approvals = NULL;
    struct kmc_request request;
    size_t count = 0;
    bool is_refused = strcmp(d->decision->verdict, "refuse") == 0;
    int64_t index;
    bool ok = db_kmc_approval_list(db, c->id, &approvals, &count, err) &&
              kmc_body_parse(c->body, c->body_len, &request, err);

    d->state = strcmp(c->state, "open") == 0 ? "open" : "approved";
    if (ok && is_refused) {
        d->state = "refused";
        ok = db_kmc_case_move(db, c->id, c->state, "refused", d->now, "refused",
                              NULL, 0, err) &&
             entry_append(db, d->now, "kmc.case-refused", c->id, NULL, &index,
                          err);
    } else if (ok && strcmp(c->state, "open") == 0 &&
               kmc_is_approved(request.kind, approvals, count, d->needed)) {
        d->state = "approved";
        ok = db_kmc_case_move(db, c->id, "open", "approved", 0, NULL, NULL, 0,
                              err) &&
             entry_append(db, d->now, "kmc.case-approved", c->id, NULL, &index,
                          err);
    }
    if (approvals != NULL)
        db_kmc_approvals_free(approvals, count);
    return ok;
}

/* db_run */
static bool
take(struct db *db, void *arg, struct error *err)
{
    struct deciding *d = arg;
    struct db_kmc_case c;
    bool ok = db_kmc_case_lock(db, d->case_id, &c, err) &&
              kmc_may_decide(&c, d->role, d->party->name, d->now, err) &&
              add(db, d, &c, err) && settle(db, d, &c, err);

    db_kmc_case_clear(&c);
    return ok;
}

/* An operator approves with the share that was given to them, no other. */
static bool
share_fits(const struct deciding *d, struct error *err)
{
    const struct share *share = d->decision->share;
    bool is_wanted =
        d->role == KMC_OPERATOR && strcmp(d->decision->verdict, "approve") == 0;
    uint8_t digest[32];

    if (is_wanted != (share != NULL))
        return error_set(err, ERROR_INPUT,
                         is_wanted ? "an operator approves with their share"
                                   : "a share is for an operator's approval");
    if (share == NULL)
        return true;
    return hash_sha256(share->octet, SHARE_LEN, digest, err) &&
           ((share->octet[0] == d->party->place &&
             memcmp(digest, d->party->share_sha256, sizeof digest) == 0) ||
            error_set(err, ERROR_DENIED,
                      "this is not the share that was given to %s",
                      d->party->name));
}

bool
decide_take(struct kmc_worker *worker, const struct db_kmc_party *party,
            enum kmc_role role, const char *case_id,
            const struct decide_decision *decision, int64_t now,
            const char **state, struct error *err)
{
    struct deciding d = {.party = party,
                         .role = role,
                         .case_id = case_id,
                         .decision = decision,
                         .now = now};

    if (strcmp(decision->verdict, "approve") != 0 &&
        strcmp(decision->verdict, "refuse") != 0)
        return error_set(err, ERROR_INPUT, "verdict: approve or refuse");
    if (decision->decided_at > now + CLOCK_TOLERANCE_S)
        return error_set(err, ERROR_INPUT, "decided_at is in the future");
    if (!share_fits(&d, err) ||
        !kmc_service_needed(worker->service, worker->db, &d.needed, err) ||
        !db_transaction(worker->db, take, &d, err))
        return false;
    *state = d.state;
    if (strcmp(d.state, "refused") == 0)
        holding_drop(worker->service->holding, case_id);
    return decision->share == NULL ||
           holding_add(worker->service->holding, case_id, decision->share,
                       clock_monotonic_ms(), err);
}

/* ---- Ends ------------------------------------------------------------------
 */

struct ending {
    const struct db_kmc_case *c;
    const char *from, *to, *event, *outcome;
    const struct buf *answer;
    const json_t *members;
    int64_t now;
};

/* db_run */
static bool
end(struct db *db, void *arg, struct error *err)
{
    const struct ending *e = arg;
    json_t *members = e->members == NULL
                          ? json_object()
                          : json_copy((json_t *)(uintptr_t)e->members);
    int64_t index;
    bool ok;

    if (e->outcome != NULL)
        json_set_text(members, "outcome", e->outcome);
    ok = db_kmc_case_move(db, e->c->id, e->from, e->to, e->now, e->outcome,
                          e->answer == NULL ? NULL : e->answer->data,
                          e->answer == NULL ? 0 : e->answer->len, err) &&
         entry_append(db, e->now, e->event, e->c->id, members, &index, err);
    json_decref(members);
    return ok;
}

bool
decide_end(struct kmc_service *service, struct db *db,
           const struct db_kmc_case *c, const char *from, const char *to,
           const char *event, const char *outcome, const struct buf *answer,
           const json_t *members, int64_t now, struct error *err)
{
    struct ending e = {c, from, to, event, outcome, answer, members, now};

    if (!db_transaction(db, end, &e, err))
        return false;
    holding_drop(service->holding, c->id);
    return true;
}

bool
decide_abort(struct kmc_worker *worker, const struct db_kmc_party *party,
             const char *case_id, int64_t now, struct error *err)
{
    struct db_kmc_case c;
    bool ok = false;

    if (db_kmc_case_get(worker->db, case_id, &c, err)) {
        if (strcmp(c.opened_by, party->name) != 0)
            (void)error_set(err, ERROR_DENIED,
                            "only who opened a case withdraws it");
        else if (c.closed_at != 0)
            (void)error_set(err, ERROR_CONFLICT, "the case is %s", c.state);
        else
            ok = decide_end(worker->service, worker->db, &c, c.state, "aborted",
                            "kmc.case-aborted", "withdrawn", NULL, NULL, now,
                            err);
    }
    db_kmc_case_clear(&c);
    return ok;
}

struct forgetting {
    const char *id, *event;
    int64_t now;
};

/* db_run */
static bool
forget(struct db *db, void *arg, struct error *err)
{
    const struct forgetting *f = arg;
    bool changed = false;
    int64_t index;

    return db_kmc_case_received(db, f->id, &changed, err) &&
           (!changed ||
            entry_append(db, f->now, f->event, f->id, NULL, &index, err));
}

bool
decide_forget(struct db *db, const char *case_id, const char *event,
              int64_t now, struct error *err)
{
    struct forgetting f = {case_id, event, now};

    return db_transaction(db, forget, &f, err);
}

bool
decide_expire(struct kmc_service *service, struct db *db, int64_t now,
              struct error *err)
{
    struct db_kmc_case *cases = NULL;
    size_t count = 0;
    bool ok = db_kmc_case_overdue(db, now, &cases, &count, err);

    for (size_t i = 0; ok && i < count; i++) {
        if (cases[i].closed_at != 0)
            ok = decide_forget(db, cases[i].id, "kmc.answer-expired", now, err);
        else
            ok = decide_end(service, db, &cases[i], cases[i].state, "expired",
                            "kmc.case-expired", "expired", NULL, NULL, now,
                            err) ||
                 err->code == ERROR_CONFLICT; /* decided meanwhile */
    }
    if (cases != NULL)
        db_kmc_cases_free(cases, count);
    return ok;
}
