/* Officers' cases: ra/officer_case.h. */
#include "ra/officer_case.h"

#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "ra/session.h"

enum { ORDER_MAX = 65536, DECISIONS_MAX = 65536, SEND_AT_ONCE = 20 };

static const char enroll_officer[] = "enroll-officer";
static const char enroll_credential[] = "enroll-credential";
static const char dismiss_officer[] = "dismiss-officer";

/* ---- Opening ------------------------------------------------------------ */

static bool
roles_join(const json_t *roles, char *out, size_t max, struct error *err)
{
    bool is_there[API_ROLE_COUNT] = {false};
    const json_t *name;
    enum api_role role;
    size_t i;

    out[0] = '\0';
    json_array_foreach(roles, i, name)
    {
        size_t len = strlen(out);

        if (!json_is_string(name) ||
            !api_role_find(json_string_value(name), &role) || is_there[role])
            return error_set(err, ERROR_INPUT,
                             "roles: one is unknown, or there twice");
        is_there[role] = true;
        (void)snprintf(out + len, max - len, "%s%s", len > 0 ? " " : "",
                       json_string_value(name));
    }
    return out[0] != '\0' ||
           error_set(err, ERROR_INPUT, "roles: at least one is needed");
}

/* The officer of this id in the register. */
static const json_t *
row_find(const json_t *rows, const char *officer_id)
{
    const json_t *row;
    const char *text;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        if (json_get_text(row, "officer_id", TEXT_UUID_LEN, &text, NULL) &&
            strcmp(text, officer_id) == 0 &&
            json_get_text(row, "state", 16, &text, NULL) &&
            strcmp(text, "active") == 0)
            return row;
    }
    return NULL;
}

struct opening {
    struct db_officer_case row;
    int64_t expires_at;
    char *ticket;
};

static bool
open_run(struct db *db, void *arg, struct error *err)
{
    struct opening *opening = arg;

    return db_officer_case_add(db, &opening->row, err) &&
           (strcmp(opening->row.kind, dismiss_officer) == 0 ||
            session_ticket_draw(db, "invitation", opening->row.id,
                                opening->expires_at, opening->ticket, err));
}

/* The names that roles_join() joined. The caller owns the array. */
static json_t *
roles_split(const char *joined)
{
    json_t *roles = json_array();
    size_t len;

    for (; *joined != '\0'; joined += len + (joined[len] == ' ')) {
        len = strcspn(joined, " ");
        json_array_append_new(roles, json_stringn(joined, len));
    }
    return roles;
}

/* The order of a case; `take_credential` NULL for a dismissal. The caller owns
 * it.
 */
static json_t *
order_make(const struct db_officer_case *row, const char *order_id,
           json_t *take_credential, int64_t now)
{
    json_t *order = json_object();
    json_t *officer = order;

    json_set_text(order, "order_id", order_id);
    json_set_text(order, "kind", row->kind);
    json_set_time(order, "created_at", now);
    if (strcmp(row->kind, enroll_officer) == 0) {
        officer = json_object();
        json_set_text(officer, "name", row->name);
        json_set_text(officer, "person", row->person);
        json_object_set_new(officer, "roles", roles_split(row->roles));
        json_object_set_new(order, "officer", officer);
    }
    json_set_text(officer, "officer_id", row->officer_id);
    if (take_credential != NULL)
        json_object_set_new(officer, "credential", take_credential);
    return order;
}

/* Canonical form and digest, and whether it is an order at all. */
static bool
order_encode(json_t *order, struct buf *body, uint8_t digest[32],
             struct error *err)
{
    struct api_order *parsed = NULL;
    bool ok = api_order_parse(order, &parsed, err) &&
              api_order_digest(order, digest, err) &&
              json_canonical(order, body, err);

    api_order_free(parsed);
    return ok;
}

static bool
subject_fill(const json_t *register_rows, const struct officer_case_new *what,
             struct db_officer_case *row, char *drawn_id, char *roles,
             size_t roles_max, struct error *err)
{
    const json_t *known;

    if (strcmp(what->kind, enroll_officer) == 0) {
        if (what->name == NULL || what->person == NULL ||
            what->name[0] == '\0' || what->person[0] == '\0')
            return error_set(err, ERROR_INPUT,
                             "name and person (personnel number) are needed");
        row->name = what->name;
        row->person = what->person;
        row->officer_id = drawn_id;
        return text_uuid_draw(drawn_id, err) &&
               roles_join(what->roles, roles, roles_max, err);
    }
    if (strcmp(what->kind, enroll_credential) != 0 &&
        strcmp(what->kind, dismiss_officer) != 0)
        return error_set(err, ERROR_INPUT, "kind: %s, %s or %s", enroll_officer,
                         enroll_credential, dismiss_officer);
    known = what->officer_id == NULL
                ? NULL
                : row_find(register_rows, what->officer_id);
    if (known == NULL)
        return error_set(err, ERROR_NOT_FOUND,
                         "there is no such active officer");
    row->officer_id = what->officer_id;
    return json_get_text(known, "name", API_TEXT_MAX, &row->name, err) &&
           json_get_text(known, "person", 128, &row->person, err) &&
           roles_join(json_object_get(known, "roles"), roles, roles_max, err);
}

bool
officer_case_open(struct db *db, const json_t *register_rows,
                  const struct officer_case_new *what, const char *invited_by,
                  int64_t now, int64_t expires_at, char id[TEXT_UUID_LEN + 1],
                  char *ticket, struct error *err)
{
    struct opening opening = {.expires_at = expires_at, .ticket = ticket};
    struct db_officer_case *row = &opening.row;
    struct buf body = BUF_INIT(ORDER_MAX);
    char drawn[TEXT_UUID_LEN + 1];
    char order_id[TEXT_UUID_LEN + 1];
    char roles[512];
    uint8_t digest[32];
    json_t *order = NULL;
    bool ok = false;

    ticket[0] = '\0';
    if (!subject_fill(register_rows, what, row, drawn, roles, sizeof roles,
                      err) ||
        !text_uuid_draw(id, err))
        goto out;
    row->id = id;
    row->kind = what->kind;
    row->roles = roles;
    row->state = "invited";
    row->invited_by = invited_by;
    row->made_at = now;
    if (strcmp(what->kind, dismiss_officer) == 0) {
        if (!text_uuid_draw(order_id, err))
            goto out;
        order = order_make(row, order_id, NULL, now);
        if (!order_encode(order, &body, digest, err))
            goto out;
        row->state = "ready";
        row->order_id = order_id;
        row->order_body = body.data;
        row->order_body_len = body.len;
        row->order_digest = digest;
    }
    ok = db_transaction(db, open_run, &opening, err);
out:
    json_decref(order);
    buf_clear(&body);
    return ok;
}

/* ---- The passkey -------------------------------------------------------- */

/* The ticket is secret, random and used once; so is what is made of it. */
static bool
challenge_of(const char *ticket, uint8_t out[32], struct error *err)
{
    char text[200];

    (void)snprintf(text, sizeof text, "signet invitation %s", ticket);
    return hash_sha256(text, strlen(text), out, err);
}

bool
officer_case_invited(struct db *db, const char *ticket, int64_t now,
                     uint8_t challenge[32], struct db_officer_case *row,
                     struct error *err)
{
    char id[DB_TICKET_SUBJECT_MAX + 1];
    uint8_t hash[32];

    memset(row, 0, sizeof *row);
    if (!session_ticket_hash(ticket, hash, err) ||
        !db_ticket_get(db, hash, "invitation", now, id, err) ||
        !challenge_of(ticket, challenge, err) ||
        !db_officer_case_get(db, id, row, err))
        return false;
    if (strcmp(row->state, "invited") != 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "this invitation was taken back: ask who sent it");
    return true;
}

struct making {
    const char *id, *ticket;
    const struct webauthn_credential *credential;
    const char *rp_id, *origin;
    int64_t now;
};

static json_t *
credential_json(const struct making *making)
{
    const struct webauthn_credential *c = making->credential;
    json_t *json = json_object();

    json_set_text(json, "kind", "passkey");
    json_set_bytes(json, "public_key", c->public_key, c->public_key_len);
    json_set_bytes(json, "raw_id", c->raw_id, c->raw_id_len);
    json_set_text(json, "rp_id", making->rp_id);
    json_set_text(json, "origin", making->origin);
    return json;
}

static bool
credential_run(struct db *db, void *arg, struct error *err)
{
    const struct making *making = arg;
    struct db_officer_case row = {0};
    struct db_officer_case ready;
    struct buf body = BUF_INIT(ORDER_MAX);
    struct buf credential = BUF_INIT(ORDER_MAX);
    char id[DB_TICKET_SUBJECT_MAX + 1];
    char order_id[TEXT_UUID_LEN + 1];
    uint8_t hash[32], digest[32];
    json_t *json = NULL;
    json_t *order = NULL;
    bool ok = false;

    if (!session_ticket_hash(making->ticket, hash, err) ||
        !db_ticket_use(db, hash, "invitation", making->now, id, err))
        goto out;
    if (strcmp(id, making->id) != 0) {
        error_set(err, ERROR_NOT_FOUND, "an invitation to something else");
        goto out;
    }
    json = credential_json(making);
    if (!db_officer_case_get(db, id, &row, err) ||
        !text_uuid_draw(order_id, err) ||
        !json_canonical(json, &credential, err))
        goto out;
    order = order_make(&row, order_id, json_incref(json), making->now);
    if (!order_encode(order, &body, digest, err))
        goto out;
    ready = row;
    ready.credential = credential.data;
    ready.credential_len = credential.len;
    ready.order_id = order_id;
    ready.order_body = body.data;
    ready.order_body_len = body.len;
    ready.order_digest = digest;
    ok = db_officer_case_ready(db, &ready, making->now, err);
out:
    json_decref(json);
    json_decref(order);
    buf_clear(&body);
    buf_clear(&credential);
    db_officer_case_clear(&row);
    return ok;
}

bool
officer_case_credential(struct db *db, const char *id, const char *ticket,
                        const struct buf *attestation_object,
                        const struct buf *client_data, const char *rp_id,
                        const char *origin, int64_t now, struct error *err)
{
    struct webauthn_credential credential;
    uint8_t challenge[32];
    struct webauthn_scene scene = {rp_id, origin, challenge, sizeof challenge};
    struct making making = {id, ticket, &credential, rp_id, origin, now};
    uint8_t unused[32];

    return session_ticket_hash(ticket, unused, err) &&
           challenge_of(ticket, challenge, err) &&
           webauthn_register(attestation_object->data, attestation_object->len,
                             client_data->data, client_data->len, &scene,
                             &credential, err) &&
           db_transaction(db, credential_run, &making, err);
}

/* ---- Approving ---------------------------------------------------------- */

struct deciding {
    const char *id;
    const struct review_officer *officer;
    const uint8_t *certificate;
    size_t certificate_len;
    const struct api_decision *decision;
    int64_t now;
    const char *state;
};

/* Whether this officer may take this step now. The CA asks the same again. */
static bool
may_decide(const struct deciding *d, const struct db_officer_case *row,
           const json_t *decisions, struct error *err)
{
    bool is_first = strcmp(row->state, "ready") == 0;
    const char *earlier;

    if (!is_first && strcmp(row->state, "approved") != 0)
        return error_set(err, ERROR_CONFLICT,
                         "nothing is to be decided in state %s", row->state);
    if (!d->officer->has_role[API_ROLE_BUSINESS_ADMINISTRATOR])
        return error_set(err, ERROR_DENIED,
                         "this is decided by business administrators");
    if (strcmp(d->officer->officer_id, row->officer_id) == 0 ||
        strcasecmp(d->officer->person, row->person) == 0)
        return error_set(err, ERROR_DENIED, "this case is about you");
    if (d->decision->verdict != API_APPROVE ||
        d->decision->step != (is_first ? API_STEP_ADMINISTRATION
                                       : API_STEP_SECOND_ADMINISTRATION))
        return error_set(err, ERROR_CONFLICT,
                         "the next step is the approval %s",
                         is_first ? "administration" : "second-administration");
    if (is_first)
        return true;
    return json_get_text(json_array_get(decisions, 0), "officer_id",
                         TEXT_UUID_LEN, &earlier, err) &&
           (strcmp(earlier, d->officer->officer_id) != 0 ||
            error_set(err, ERROR_DENIED,
                      "you have approved already: another administrator is "
                      "needed"));
}

static json_t *
array_read(const uint8_t *data, size_t len)
{
    json_t *array =
        len == 0 ? NULL : json_loadb((const char *)data, len, 0, NULL);

    return array == NULL ? json_array() : array;
}

static bool
decide_run(struct db *db, void *arg, struct error *err)
{
    struct deciding *d = arg;
    struct db_officer_case row;
    struct buf text = BUF_INIT(DECISIONS_MAX);
    json_t *decisions = NULL;
    bool ok = false;

    if (!db_officer_case_get(db, d->id, &row, err))
        return false;
    decisions = array_read(row.decisions, row.decisions_len);
    if (!may_decide(d, &row, decisions, err) ||
        !officer_verify(d->officer, d->certificate, d->certificate_len,
                        d->decision, row.order_id, row.order_digest, err))
        goto out;
    json_array_append_new(decisions, api_decision_json(d->decision));
    d->state = json_array_size(decisions) == 1 ? "approved" : "sending";
    ok = json_canonical(decisions, &text, err) &&
         db_officer_case_decide(db, d->id, row.state, d->state, &text, d->now,
                                err);
out:
    json_decref(decisions);
    buf_clear(&text);
    db_officer_case_clear(&row);
    return ok;
}

bool
officer_case_decide(struct db *db, const char *id,
                    const struct review_officer *officer,
                    const uint8_t *certificate, size_t certificate_len,
                    const struct api_decision *decision, int64_t now,
                    const char **state, struct error *err)
{
    struct deciding d = {id,       officer, certificate, certificate_len,
                         decision, now,     NULL};

    if (!db_transaction(db, decide_run, &d, err))
        return false;
    *state = d.state;
    return true;
}

struct withdrawing {
    const char *id;
    int64_t now;
};

static bool
withdraw_run(struct db *db, void *arg, struct error *err)
{
    const struct withdrawing *w = arg;
    struct db_officer_case row;
    bool ok;

    if (!db_officer_case_get(db, w->id, &row, err))
        return false;
    if (strcmp(row.state, "invited") != 0 && strcmp(row.state, "ready") != 0 &&
        strcmp(row.state, "approved") != 0)
        ok = error_set(err, ERROR_CONFLICT,
                       "nothing is to be withdrawn in state %s", row.state);
    else
        ok = db_officer_case_end(db, w->id, row.state, "withdrawn", NULL,
                                 w->now, err);
    db_officer_case_clear(&row);
    return ok;
}

bool
officer_case_withdraw(struct db *db, const char *id, int64_t now,
                      struct error *err)
{
    struct withdrawing w = {id, now};

    return db_transaction(db, withdraw_run, &w, err);
}

/* ---- Sending ------------------------------------------------------------ */

/* What is sent, copied: no row is held meanwhile. */
static bool
sending_read(struct db *db, const char *id, char order_id[TEXT_UUID_LEN + 1],
             json_t **order, json_t **decisions, struct error *err)
{
    struct db_officer_case row;
    bool ok = false;

    if (!db_officer_case_get(db, id, &row, err))
        return false;
    if (strcmp(row.state, "sending") != 0) {
        error_set(err, ERROR_CONFLICT, "it is not being sent");
    } else if (json_parse_object(row.order_body, row.order_body_len, order,
                                 err)) {
        memcpy(order_id, row.order_id, TEXT_UUID_LEN + 1);
        *decisions = array_read(row.decisions, row.decisions_len);
        ok = true;
    }
    db_officer_case_clear(&row);
    return ok;
}

bool
officer_case_send(struct db *db, struct ca_client *ca, const char *id,
                  int64_t now, const char **state, struct error *err)
{
    char order_id[TEXT_UUID_LEN + 1];
    struct api_answer answer = {0};
    json_t *order = NULL;
    json_t *decisions = NULL;
    struct error why = {0};
    enum ca_outcome outcome;
    bool ok = true;

    *state = "sending";
    if (!sending_read(db, id, order_id, &order, &decisions, err))
        return false;
    outcome = ca_client_order(ca, order, decisions, order_id, &answer, &why);
    if (outcome == CA_PENDING) {
        log_failure("officer_case.pending", &why);
        goto out;
    }
    *state = outcome == CA_DONE ? "done" : "refused";
    ok = db_officer_case_end(db, id, "sending", *state,
                             outcome == CA_DONE ? NULL : why.what, now, err);
    log_event(LOG_LEVEL_INFO, "officer_case.ended", LOG_TEXT("id", id),
              LOG_TEXT("state", *state));
out:
    api_answer_clear(&answer);
    json_decref(order);
    json_decref(decisions);
    return ok;
}

struct due {
    size_t count;
    char id[SEND_AT_ONCE][TEXT_UUID_LEN + 1];
};

static bool
due_add(const struct db_result *result, void *arg, struct error *err)
{
    struct due *due = arg;
    struct db_officer_case row;

    if (!db_officer_case_read(result, 0, &row, err))
        return false;
    if (due->count < SEND_AT_ONCE)
        memcpy(due->id[due->count++], row.id, TEXT_UUID_LEN + 1);
    return true;
}

bool
officer_case_job(struct ra_job *job, int64_t now, struct error *err)
{
    struct due due = {0};
    const char *state;

    if (!db_ticket_sweep(job->db, now - 86400, err) ||
        !db_officer_case_sending(job->db, now - OFFICER_CASE_RETRY_S,
                                 SEND_AT_ONCE, due_add, &due, err))
        return false;
    for (size_t i = 0; i < due.count; i++)
        if (!officer_case_send(job->db, job->ca, due.id[i], now, &state, err))
            return false;
    return true;
}

/* ---- Showing ------------------------------------------------------------ */

json_t *
officer_case_json(const struct db_officer_case *row, bool is_whole)
{
    json_t *out = json_object();
    json_t *order = NULL;

    json_set_text(out, "id", row->id);
    json_set_text(out, "kind", row->kind);
    json_set_text(out, "officer_id", row->officer_id);
    json_set_text(out, "name", row->name);
    json_set_text(out, "person", row->person);
    json_object_set_new(out, "roles", roles_split(row->roles));
    json_set_text(out, "state", row->state);
    json_set_text(out, "invited_by", row->invited_by);
    json_set_time(out, "made_at", row->made_at);
    json_set_time(out, "changed_at", row->changed_at);
    if (row->problem != NULL)
        json_set_text(out, "problem", row->problem);
    json_object_set_new(out, "decisions",
                        array_read(row->decisions, row->decisions_len));
    if (is_whole && row->order_body != NULL &&
        json_parse_object(row->order_body, row->order_body_len, &order, NULL)) {
        json_object_set_new(out, "order", order);
        json_set_text(out, "order_id", row->order_id);
        json_set_hex(out, "digest", row->order_digest, 32);
    }
    return out;
}
