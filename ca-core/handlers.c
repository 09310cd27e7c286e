/* Calls of signet-ca's internal API; see ca-core/handlers.h. */
#include "ca-core/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ca-core/desk.h"
#include "db/order.h"

enum { LIST_MAX = 1000, QUERY_MAX = 8192 };

void *
ca_worker_new(void *service, struct error *err)
{
    struct ca_worker *worker = base_alloc(sizeof *worker);

    worker->service = service;
    if (!db_open(&worker->service->db, &worker->db, err) ||
        !issuers_ready(worker->service->issuers, worker->db, err) ||
        !escrow_new(&worker->service->escrow, &worker->escrow, err)) {
        db_close(worker->db);
        free(worker);
        return NULL;
    }
    worker->keys = decision_keys_new();
    return worker;
}

void
ca_worker_free(void *arg)
{
    struct ca_worker *worker = arg;

    decision_keys_free(worker->keys);
    escrow_free(worker->escrow);
    db_close(worker->db);
    free(worker);
}

bool
ca_worker_admit(void *arg, const struct http_request *req, struct error *err)
{
    struct ca_worker *worker = arg;

    return peer_admit(&worker->peers, worker->db, req->peer.certificate,
                      req->peer.certificate_len, clock_monotonic_ms(), err);
}

/* ---- Orders ------------------------------------------------------------ */

static bool
read_envelope(const struct http_request *req, struct api_envelope *out,
              struct error *err)
{
    json_t *json = NULL;
    bool ok;

    memset(out, 0, sizeof *out);
    ok = http_json(req, &json, err) && api_envelope_parse(json, out, err);
    json_decref(json); /* the order keeps its part */
    return ok;
}

static void
post_order(void *arg, const struct http_request *req, struct http_response *res)
{
    struct api_envelope envelope;
    struct error err = {0};
    json_t *answer;

    if (read_envelope(req, &envelope, &err) &&
        desk_order(arg, &envelope, req->peer.common_name, &answer, &err))
        http_reply_json(res, 200, answer);
    else
        http_reply_error(res, req, "order.refused", &err);
    api_envelope_clear(&envelope);
}

static void
post_check(void *arg, const struct http_request *req, struct http_response *res)
{
    struct api_envelope envelope;
    struct error err = {0};
    json_t *answer;

    if (read_envelope(req, &envelope, &err) &&
        desk_check(arg, envelope.order, &answer, &err))
        http_reply_json(res, 200, answer);
    else
        http_reply_error(res, req, "order.check", &err);
    api_envelope_clear(&envelope);
}

static void
get_order(void *arg, const struct http_request *req, struct http_response *res)
{
    struct error err = {0};
    json_t *answer;

    if (desk_find(arg, http_param(req, "id"), &answer, &err))
        http_reply_json(res, 200, answer);
    else
        http_reply_error(res, req, "order.get", &err);
}

static void
post_received(void *arg, const struct http_request *req,
              struct http_response *res)
{
    struct error err = {0};
    json_t *answer;

    if (desk_received(arg, http_param(req, "id"), &answer, &err))
        http_reply_json(res, 200, answer);
    else
        http_reply_error(res, req, "order.received", &err);
}

/* ---- Lists ------------------------------------------------------------- */

static json_t *
certificate_json(const struct issuer_set *set, const struct db_certificate *c)
{
    const struct issuer *issuer = issuer_by_id(set, c->issuer_id);
    const struct issuer *old = issuer_by_id(set, c->predecessor_issuer_id);
    json_t *object = json_object(), *predecessor;

    json_set_text(object, "issuer", issuer != NULL ? issuer->row.name : "");
    json_set_hex(object, "serial", c->serial, DB_SERIAL_LEN);
    json_set_text(object, "order_id", c->order_id);
    json_set_text(object, "profile", c->profile);
    json_set_text(object, "subject", c->subject_text);
    json_set_hex(object, "spki_sha256", c->spki_sha256, 32);
    if (c->account != NULL)
        json_set_text(object, "account", c->account);
    json_set_time(object, "not_before", c->not_before);
    json_set_time(object, "not_after", c->not_after);
    json_set_text(object, "state", db_certificate_state_name(c->state));
    if (c->reason >= 0)
        json_set_text(object, "reason",
                      api_reason_name((enum api_reason)c->reason));
    if (c->revoked_at != 0)
        json_set_time(object, "revoked_at", c->revoked_at);
    if (c->invalid_from != 0)
        json_set_time(object, "invalidity_date", c->invalid_from);
    if (old != NULL) {
        predecessor = json_object();
        json_set_text(predecessor, "issuer", old->row.name);
        json_set_hex(predecessor, "serial", c->predecessor, DB_SERIAL_LEN);
        json_object_set_new(object, "predecessor", predecessor);
    }
    if (c->der != NULL)
        json_set_bytes(object, "der", c->der, c->der_len);
    return object;
}

static bool
find_issuer(const struct issuer_set *set, const char *name, int32_t *out,
            struct error *err)
{
    const struct issuer *issuer = issuer_find(set, name);

    if (issuer == NULL)
        return error_set(err, ERROR_NOT_FOUND, "no issuer %s", name);
    *out = issuer->row.issuer_id;
    return true;
}

/* One of issuer + serial, issuer, spki_sha256, subject, account. */
static bool
find_certificates(struct ca_worker *worker, const struct issuer_set *set,
                  const struct http_request *req, struct db_certificate **out,
                  size_t *count, struct error *err)
{
    char text[QUERY_MAX], issuer[API_NAME_MAX + 1];
    uint8_t octets[32];
    int32_t issuer_id;
    size_t len;

    if (http_query(req, "spki_sha256", text, sizeof text)) {
        if (!text_unhex(text, octets, sizeof octets, &len) || len != 32)
            return error_set(err, ERROR_INPUT, "spki_sha256 is malformed");
        return db_certificate_by_key(worker->db, octets, LIST_MAX, out, count,
                                     err);
    }
    if (http_query(req, "subject", text, sizeof text))
        return db_certificate_by_subject(worker->db, text, LIST_MAX, out, count,
                                         err);
    if (http_query(req, "account", text, sizeof text))
        return db_certificate_by_account(worker->db, text, LIST_MAX, out, count,
                                         err);
    if (!http_query(req, "issuer", issuer, sizeof issuer))
        return error_set(err, ERROR_INPUT,
                         "ask by issuer and serial, spki_sha256, subject or "
                         "account");
    if (!find_issuer(set, issuer, &issuer_id, err))
        return false;
    if (!http_query(req, "serial", text, sizeof text))
        return db_certificate_by_issuer(worker->db, issuer_id, LIST_MAX, out,
                                        count, err);
    if (!text_unhex(text, octets, sizeof octets, &len) || len != DB_SERIAL_LEN)
        return error_set(err, ERROR_INPUT, "serial is malformed");
    if (!db_certificate_get(worker->db, issuer_id, octets, out, err))
        return false;
    *count = 1;
    return true;
}

static void
get_certificates(void *arg, const struct http_request *req,
                 struct http_response *res)
{
    struct ca_worker *worker = arg;
    struct issuer_set *set = issuers_get(worker->service->issuers);
    struct db_certificate *rows = NULL;
    struct error err = {0};
    size_t count = 0;

    if (find_certificates(worker, set, req, &rows, &count, &err)) {
        json_t *answer = json_object(), *array = json_array();

        for (size_t i = 0; i < count; i++)
            json_array_append_new(array, certificate_json(set, &rows[i]));
        json_object_set_new(answer, "certificates", array);
        http_reply_json(res, 200, answer);
    } else {
        http_reply_error(res, req, "certificates.get", &err);
    }
    db_certificates_free(rows, count);
    issuers_release(worker->service->issuers, set);
}

static void
get_issuers(void *arg, const struct http_request *req,
            struct http_response *res)
{
    struct ca_worker *worker = arg;
    struct issuer_set *set = issuers_get(worker->service->issuers);
    json_t *answer = json_object(), *array = json_array();

    (void)req;
    for (size_t i = 0; i < set->count; i++) {
        const struct db_issuer *row = &set->at[i].row;
        struct buf subject = BUF_INIT(8 * NAME_MAX_LEN);
        json_t *item = json_object();

        json_set_text(item, "name", row->name);
        json_set_text(item, "state", db_issuer_state_name(row->state));
        json_object_set_new(item, "is_root", json_boolean(row->is_root));
        json_set_int(item, "generation", row->generation);
        json_set_text(item, "key_type", row->key_type);
        json_set_text(item, "scheme", row->scheme);
        if (name_format((struct der){row->subject, row->subject_len}, &subject,
                        NULL))
            json_set_text(item, "subject", buf_text(&subject));
        buf_clear(&subject);
        if (row->not_after != 0)
            json_set_time(item, "not_after", row->not_after);
        if (row->certificate != NULL)
            json_set_bytes(item, "certificate", row->certificate,
                           row->certificate_len);
        json_object_set_new(item, "signs",
                            json_boolean(set->at[i].key != NULL));
        json_array_append_new(array, item);
    }
    json_object_set_new(answer, "issuers", array);
    http_reply_json(res, 200, answer);
    issuers_release(worker->service->issuers, set);
}

static void
get_profiles(void *arg, const struct http_request *req,
             struct http_response *res)
{
    const struct profile_set *set =
        &((struct ca_worker *)arg)->service->profiles;
    json_t *answer = json_object(), *array = json_array();

    (void)req;
    for (size_t i = 0; i < set->count; i++) {
        const struct profile *profile = set->at[i];
        json_t *item = json_object(), *kinds = json_array();

        json_set_text(item, "name", profile->name);
        json_set_text(item, "title_en", profile->title_en);
        json_set_text(item, "title_zh", profile->title_zh);
        json_object_set_new(
            item, "for_orders",
            json_boolean(profile->ordered_by == PROFILE_BY_OFFICERS));
        for (int kind = 0; kind < API_KIND_COUNT; kind++)
            if (profile->is_kind_allowed[kind])
                json_array_append_new(
                    kinds, json_string(api_kind_name((enum api_kind)kind)));
        json_object_set_new(item, "kinds", kinds);
        json_array_append_new(array, item);
    }
    json_object_set_new(answer, "profiles", array);
    http_reply_json(res, 200, answer);
}

/* The public members of a passkey, by which the RA lets officers in. */
static void
set_passkey(json_t *object, const struct db_credential *credential)
{
    static const char *const names[] = {"public_key", "raw_id", "rp_id",
                                        "origin"};
    json_t *passkey = NULL;

    if (strcmp(credential->kind, "passkey") != 0 ||
        !json_parse_object(credential->public_data, credential->public_data_len,
                           &passkey, NULL))
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        json_object_set(object, names[i], json_object_get(passkey, names[i]));
    json_decref(passkey);
}

static json_t *
credential_json(const struct db_credential *credential)
{
    json_t *object = json_object();

    json_set_hex(object, "credential_id", credential->credential_id, 32);
    json_set_text(object, "kind", credential->kind);
    json_set_text(object, "state",
                  credential->is_active ? "active" : "revoked");
    json_set_time(object, "not_before", credential->not_before);
    json_set_time(object, "not_after", credential->not_after);
    set_passkey(object, credential);
    return object;
}

/* The RA knows its callers by these: the certificates stay here. */
static json_t *
officer_json(const struct db_officer *officer,
             const struct db_credential *credentials, size_t count)
{
    json_t *object = json_object(), *roles = json_array();
    json_t *array = json_array();

    json_set_text(object, "officer_id", officer->officer_id);
    json_set_text(object, "name", officer->name);
    json_set_text(object, "person", officer->person);
    json_set_text(object, "state", officer->is_active ? "active" : "dismissed");
    json_set_time(object, "since", officer->since);
    if (officer->until != 0)
        json_set_time(object, "until", officer->until);
    for (const char *p = officer->roles; *p != '\0';) {
        size_t len = strcspn(p, ",");

        json_array_append_new(roles, json_stringn(p, len));
        p += len + (p[len] == ',');
    }
    json_object_set_new(object, "roles", roles);
    for (size_t i = 0; i < count; i++)
        if (strcmp(credentials[i].officer.officer_id, officer->officer_id) == 0)
            json_array_append_new(array, credential_json(&credentials[i]));
    json_object_set_new(object, "credentials", array);
    return object;
}

static void
get_officers(void *arg, const struct http_request *req,
             struct http_response *res)
{
    struct ca_worker *worker = arg;
    struct db_officer *rows = NULL;
    struct db_credential *credentials = NULL;
    struct error err = {0};
    json_t *answer, *array;
    size_t count = 0, credential_count = 0;

    if (!db_officer_list(worker->db, &rows, &count, &err) ||
        !db_credential_all(worker->db, &credentials, &credential_count, &err)) {
        http_reply_error(res, req, "officers.get", &err);
        db_officers_free(rows, count);
        return;
    }
    answer = json_object();
    array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            array, officer_json(&rows[i], credentials, credential_count));
    json_object_set_new(answer, "officers", array);
    http_reply_json(res, 200, answer);
    db_officers_free(rows, count);
    db_credentials_free(credentials, credential_count);
}

/* ---- CRLs -------------------------------------------------------------- */

static bool
publish(struct ca_worker *worker, const struct issuer_set *set,
        const char *name, struct crl_published *out, struct error *err)
{
    const struct issuer *issuer = issuer_find(set, name);
    const struct crl_schedule *schedule = &worker->service->crl;

    if (issuer == NULL)
        return error_set(err, ERROR_NOT_FOUND, "no issuer %s", name);
    if (issuer->hsm == NULL)
        return error_set(err, ERROR_CONFLICT,
                         "the key of issuer %s is not in this token", name);
    return crl_publish(worker->db, issuer->hsm, &issuer->row, clock_now(),
                       schedule->validity_s, schedule->interval_s, out, err);
}

static void
post_crl(void *arg, const struct http_request *req, struct http_response *res)
{
    struct ca_worker *worker = arg;
    struct issuer_set *set = issuers_get(worker->service->issuers);
    struct crl_published published;
    struct error err = {0};

    if (publish(worker, set, http_param(req, "issuer"), &published, &err)) {
        json_t *answer = json_object();

        json_set_int(answer, "number", published.number);
        json_set_time(answer, "this_update", published.this_update);
        json_set_time(answer, "next_update", published.next_update);
        json_set_int(answer, "entries", published.entries);
        http_reply_json(res, 200, answer);
    } else {
        http_reply_error(res, req, "crl.publish", &err);
    }
    issuers_release(worker->service->issuers, set);
}

/* ---- Health ------------------------------------------------------------ */

static void
say(json_t *out, const char *part, bool ok, const struct error *err)
{
    json_set_text(out, part, ok ? "ok" : err->what);
}

/* Healthy: the database answers, and the token makes a real signature with the
 * key of an active issuer. */
bool
ca_health(void *arg, json_t *out)
{
    struct ca_worker *worker = arg;
    struct ca_service *service = worker->service;
    struct issuer_set *set = issuers_get(service->issuers);
    const struct hsm_key *key = NULL;
    struct error db_err = {0}, hsm_err = {0};
    bool db_ok, hsm_ok, has_issuer = false;
    int64_t at;

    for (size_t i = 0; i < set->count; i++)
        if (set->at[i].row.state == DB_ISSUER_ACTIVE &&
            set->at[i].hsm != NULL) {
            has_issuer = true;
            if (set->at[i].key != NULL)
                key = set->at[i].key;
        }
    db_ok = db_order_clock(worker->db, &at, &db_err);
    hsm_ok = hsm_healthy(service->hsm, key, &hsm_err);
    if (hsm_ok && key == NULL)
        hsm_ok = error_set(&hsm_err, ERROR_BUSY,
                           has_issuer ? "the keys of the issuers are away"
                                      : "no issuer is active");
    say(out, "database", db_ok, &db_err);
    say(out, "token", hsm_ok, &hsm_err);
    /* Told, and no more: single certificates are made without the centre. */
    if (service->escrow.url != NULL)
        json_set_text(out, "key_management",
                      escrow_seems_away() ? "away when last asked" : "ok");
    issuers_release(service->issuers, set);
    return db_ok && hsm_ok;
}

/* ---- Routes ------------------------------------------------------------ */

const struct http_route ca_routes[] = {
    {HTTP_POST, "/v1/orders", post_order, "ra admin"},
    {HTTP_POST, "/v1/orders/check", post_check, "ra admin"},
    {HTTP_GET, "/v1/orders/{id}", get_order, "ra admin"},
    {HTTP_POST, "/v1/orders/{id}/received", post_received, "ra"},
    {HTTP_GET, "/v1/certificates", get_certificates, "ra admin auditor"},
    {HTTP_GET, "/v1/issuers", get_issuers, "ra admin auditor"},
    {HTTP_GET, "/v1/profiles", get_profiles, "ra admin auditor"},
    {HTTP_GET, "/v1/officers", get_officers, "ra admin auditor"},
    {HTTP_POST, "/v1/crls/{issuer}", post_crl, "admin"},
    {HTTP_POST, "/v1/log/manifests", ca_post_manifest, "admin auditor"},
};
const size_t ca_route_count = sizeof ca_routes / sizeof *ca_routes;
