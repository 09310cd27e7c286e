/* Renewal by the holder's client: ra/client.h. */
#include "ra/client_internal.h"

#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "ra/case_field.h"
#include "ra/case_order.h"

/* The case of this number, paired by this code. The caller clears `row`. */
static bool
paired_case(const struct business *business, struct db *db, const char *number,
            const char *code, int64_t at, struct db_case *row,
            struct error *err)
{
    char found[DB_CASE_NUMBER_MAX + 1];

    if (!code_client_find(db, business->vault, code, at, found, sizeof found,
                          err))
        return false;
    if (found[0] == '\0' || strcmp(found, number) != 0)
        return client_denied(err);
    if (!db_case_get(db, number, false, row, err))
        return false;
    return strcmp(row->business, "renew") == 0 ||
           error_set(err, ERROR_CONFLICT, "case %s is no renewal", number);
}

/* ---- The request -----------------------------------------------------------
 */

/* The holder's decision over one order; without signature. */
static bool
decision_fill(const struct db_holder *holder, int64_t decided_at,
              struct api_decision *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    out->step = API_STEP_HOLDER;
    out->verdict = API_APPROVE;
    out->decided_at = decided_at;
    return hash_sha256(holder->der, holder->der_len, out->credential_id, err);
}

static bool
draft_json(const struct case_order_draft *draft,
           const struct api_decision *decision, json_t **out, struct error *err)
{
    struct buf statement = BUF_INIT(API_STATEMENT_MAX);
    bool ok = api_statement_encode(decision, draft->order_id, draft->digest,
                                   &statement, err);

    if (ok) {
        *out = json_object();
        json_set_text(*out, "purpose", draft->purpose);
        json_set_text(*out, "order_id", draft->order_id);
        json_object_set(*out, "order", draft->order);
        json_set_hex(*out, "digest", draft->digest, sizeof draft->digest);
        json_set_text(*out, "statement", buf_text(&statement));
    }
    buf_clear(&statement);
    return ok;
}

struct request_run {
    const struct business *business;
    const struct client_renewal *renewal;
    struct db_holder *holder;
    json_t *out;
};

/* Both orders are stored, waiting and without decisions; the last ones count.
 */
static bool
request_orders(struct db *db, struct request_run *run,
               const struct db_case *row, struct error *err)
{
    const struct client_renewal *renewal = run->renewal;
    const struct definition *definition =
        definition_get(run->business->definitions, BUSINESS_RENEW);
    struct case_order_draft draft[2] = {0};
    struct api_decision decision;
    json_t *fields = NULL;
    json_t *none = json_array();
    json_t *orders = json_array();
    bool ok = false;

    if (!decision_fill(run->holder, renewal->at, &decision, err) ||
        !case_fields_read(run->business, db, row->number, &fields, err) ||
        !case_order_renewal(db, row, definition, fields, renewal->csr,
                            renewal->csr_len, renewal->at, draft, err))
        goto out;
    for (size_t i = 0; i < 2; i++) {
        json_t *one = NULL;

        if (!case_order_put(db, row->number, draft[i].purpose, draft[i].order,
                            none, NULL, renewal->at, err) ||
            !draft_json(&draft[i], &decision, &one, err))
            goto out;
        json_array_append_new(orders, one);
    }
    json_decref(run->out);
    run->out = json_object();
    json_set_text(run->out, "number", row->number);
    if (run->holder->device != NULL)
        json_set_text(run->out, "device", run->holder->device);
    json_set_time(run->out, "decided_at", renewal->at);
    json_set_hex(run->out, "credential_id", decision.credential_id,
                 sizeof decision.credential_id);
    json_object_set(run->out, "orders", orders);
    ok = true;
out:
    json_decref(draft[0].order);
    json_decref(draft[1].order);
    json_decref(none);
    json_decref(orders);
    case_fields_free(fields);
    return ok;
}

static bool
request_run(struct db *db, void *arg, struct error *err)
{
    struct request_run *run = arg;
    struct db_case row = {0};
    bool ok = false;

    if (!db_case_get(db, run->renewal->number, true, &row, err))
        return false;
    if (strcmp(row.state, "submitted") != 0)
        error_set(err, ERROR_CONFLICT,
                  "a renewal that is %s is not to be signed", row.state);
    else
        ok = request_orders(db, run, &row, err);
    db_case_clear(&row);
    return ok;
}

bool
client_renewal_request(const struct business *business, struct db *db,
                       const struct client_renewal *renewal, json_t **out,
                       struct error *err)
{
    struct db_case row = {0};
    struct db_holder holder = {0};
    struct request_run run = {
        .business = business, .renewal = renewal, .holder = &holder};
    X509_REQ *req = NULL;
    bool ok = client_csr_parse(renewal->csr, renewal->csr_len, &req, err) &&
              paired_case(business, db, renewal->number, renewal->code,
                          renewal->at, &row, err) &&
              client_certificate(db, &row, renewal->at, &holder, err) &&
              db_transaction(db, request_run, &run, err);

    if (ok)
        *out = run.out;
    else
        json_decref(run.out);
    X509_REQ_free(req);
    db_holder_clear(&holder);
    db_case_clear(&row);
    return ok;
}

/* ---- The signatures --------------------------------------------------------
 */

/* The order of a purpose that counts: the one that db_corder_queue() takes. */
struct last_order {
    const char *purpose;
    char order_id[TEXT_UUID_LEN + 1];
    struct buf envelope;
};

static bool
last_each(const struct db_result *row, void *arg, struct error *err)
{
    struct last_order *last = arg;
    struct db_case_order order;

    if (!db_corder_read(row, 0, &order, err))
        return false;
    if (strcmp(order.purpose, last->purpose) != 0 ||
        strcmp(order.state, "waiting") != 0)
        return true;
    memcpy(last->order_id, order.order_id, sizeof last->order_id);
    buf_reset(&last->envelope);
    (void)buf_add(&last->envelope, order.envelope, order.envelope_len);
    return true;
}

struct sign_run {
    const struct client_signatures *signatures;
    const struct db_holder *holder;
};

static const char *const purposes[2] = {"issue", "supersede"};

/* The certificate's key over the order as it was stored. */
static bool
signature_check(const struct sign_run *run, size_t i, json_t *order,
                json_t **decisions, struct error *err)
{
    const struct client_signatures *signatures = run->signatures;
    struct api_decision decision;
    struct buf statement = BUF_INIT(API_STATEMENT_MAX);
    uint8_t digest[32];
    bool ok = false;

    if (signatures->at[i].signature_len > sizeof decision.signature)
        return error_set(err, ERROR_INPUT, "signature: too long");
    if (!decision_fill(run->holder, signatures->decided_at, &decision, err))
        return false;
    memcpy(decision.signature, signatures->at[i].signature,
           signatures->at[i].signature_len);
    decision.signature_len = signatures->at[i].signature_len;
    if (api_order_digest(order, digest, err) &&
        api_statement_encode(&decision, signatures->at[i].order_id, digest,
                             &statement, err) &&
        client_verify_certificate(run->holder, &statement, decision.signature,
                                  decision.signature_len, err)) {
        *decisions = json_array();
        json_array_append_new(*decisions, api_decision_json(&decision));
        ok = true;
    }
    buf_clear(&statement);
    return ok;
}

/* Order number `i` with its decision, still waiting. */
static bool
sign_one(struct db *db, struct sign_run *run, const struct db_case *row,
         size_t i, struct error *err)
{
    struct last_order last = {.purpose = purposes[i],
                              .envelope = BUF_INIT(CASE_ORDER_MAX)};
    json_t *envelope = NULL;
    json_t *order = NULL; /* borrowed from envelope */
    json_t *decisions = NULL;
    bool ok = false;

    if (!db_corder_list(db, row->number, last_each, &last, err))
        goto out;
    if (strcmp(last.order_id, run->signatures->at[i].order_id) != 0) {
        error_set(err, ERROR_CONFLICT,
                  "another request came meanwhile: ask for the orders again");
        goto out;
    }
    ok = json_parse_object(last.envelope.data, last.envelope.len, &envelope,
                           err) &&
         json_get_object(envelope, "order", &order, err) &&
         signature_check(run, i, order, &decisions, err) &&
         case_order_put(db, row->number, purposes[i], order, decisions, NULL,
                        run->signatures->now, err);
out:
    json_decref(decisions);
    json_decref(envelope);
    buf_clear(&last.envelope);
    return ok;
}

static bool
sign_change(struct db *db, struct db_case *row, void *arg, struct error *err)
{
    struct sign_run *run = arg;

    return sign_one(db, run, row, 0, err) && sign_one(db, run, row, 1, err) &&
           code_spend(db, row->number, CODE_CLIENT, run->signatures->now, err);
}

/* Whether the very orders went already: the answer to a first call was lost. */
struct gone {
    const char *order_id;
    bool is_gone;
};

static bool
gone_each(const struct db_result *row, void *arg, struct error *err)
{
    struct gone *gone = arg;
    struct db_case_order order;

    if (!db_corder_read(row, 0, &order, err))
        return false;
    if (strcmp(order.order_id, gone->order_id) == 0)
        gone->is_gone = true;
    return true;
}

static bool
is_signed_already(struct db *db, const struct client_signatures *signatures,
                  enum case_state *to, bool *out, struct error *err)
{
    struct db_case row = {0};
    struct gone gone = {.order_id = signatures->at[0].order_id};
    struct error why = {0};
    bool ok = false;

    *out = false;
    if (!db_case_get(db, signatures->number, false, &row, &why))
        return client_unknown(err, &why);
    if (strcmp(row.business, "renew") != 0 ||
        strcmp(row.state, "submitted") == 0 || strcmp(row.state, "draft") == 0)
        ok = true;
    else if (!case_state_find(row.state, to))
        error_set(err, ERROR_INTERNAL, "case %s is %s", row.number, row.state);
    else if (db_corder_list(db, row.number, gone_each, &gone, err)) {
        *out = gone.is_gone;
        ok = true;
    }
    db_case_clear(&row);
    return ok;
}

bool
client_renewal_sign(const struct business *business, struct db *db,
                    const struct client_signatures *signatures,
                    enum case_state *to, struct error *err)
{
    struct db_case row = {0};
    struct db_holder holder = {0};
    struct sign_run run = {signatures, &holder};
    struct case_act act = {.number = signatures->number,
                           .event = CASE_SIGN,
                           .who = CASE_BY_HOLDER,
                           .actor = "holder",
                           .at = signatures->now,
                           .known = {.holder_signed = true},
                           .change = sign_change,
                           .arg = &run};
    bool is_again = false;
    bool ok = false;

    if (signatures->decided_at < signatures->now - CLIENT_TOLERANCE_S ||
        signatures->decided_at > signatures->now + CLIENT_TOLERANCE_S)
        return error_set(err, ERROR_DENIED,
                         "decided_at: more than %d s from the server's time",
                         CLIENT_TOLERANCE_S);
    if (!is_signed_already(db, signatures, to, &is_again, err))
        goto out;
    if (is_again) {
        ok = true;
        goto out;
    }
    ok = paired_case(business, db, signatures->number, signatures->code,
                     signatures->now, &row, err) &&
         client_certificate(db, &row, signatures->now, &holder, err) &&
         case_apply(business, db, &act, to, err);
out:
    db_holder_clear(&holder);
    db_case_clear(&row);
    return ok;
}

/* ---- Installed -------------------------------------------------------------
 */

/* The new signing certificate verifies the call. */
struct new_key {
    const struct client_call *call;
    const struct buf *statement;
    bool is_there;
    bool is_right;
};

static bool
new_each(const struct db_result *row, void *arg, struct error *err)
{
    struct new_key *new_key = arg;
    struct db_holder holder;
    struct error unused = {0};

    if (!db_holder_read(row, 0, &holder, err))
        return false;
    if (holder.pair != 1)
        return true;
    new_key->is_there = true;
    new_key->is_right =
        holder.device != NULL &&
        strcmp(holder.device, new_key->call->device) == 0 &&
        client_verify_certificate(&holder, new_key->statement,
                                  new_key->call->signature,
                                  new_key->call->signature_len, &unused);
    return true;
}

bool
client_renewal_installed(const struct business *business, struct db *db,
                         const struct client_call *call, enum case_state *to,
                         struct error *err)
{
    struct db_case row = {0};
    struct buf statement = BUF_INIT(CLIENT_STATEMENT_MAX);
    struct new_key new_key = {.call = call, .statement = &statement};
    struct case_act act = {.number = call->number,
                           .event = CASE_INSTALL,
                           .who = CASE_BY_HOLDER,
                           .actor = "holder",
                           .at = call->at};
    struct error why = {0};
    bool ok = false;

    if (!client_call_statement(call, &statement, err))
        goto out;
    if (!db_case_get(db, call->number, false, &row, &why)) {
        client_unknown(err, &why);
        goto out;
    }
    if (!db_holder_of_case(db, call->number, new_each, &new_key, err))
        goto out;
    if (strcmp(row.business, "renew") != 0 || !new_key.is_right) {
        client_denied(err);
        goto out;
    }
    *to = CASE_INSTALLED;
    ok = strcmp(row.state, "installed") == 0 ||
         case_apply(business, db, &act, to, err);
out:
    buf_clear(&statement);
    db_case_clear(&row);
    return ok;
}
