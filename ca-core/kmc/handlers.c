/* Calls of signet-kmc's internal API; see ca-core/kmc/handlers.h. */
#include "ca-core/kmc/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ca-core/entry.h"
#include "ca-core/kmc/create.h"
#include "ca-core/kmc/jobs.h"
#include "ca-core/peer.h"

void *
kmc_worker_new(void *service, struct error *err)
{
    struct kmc_worker *worker = base_alloc(sizeof *worker);

    worker->service = service;
    if (!db_open(&worker->service->db, &worker->db, err)) {
        free(worker);
        return NULL;
    }
    return worker;
}

void
kmc_worker_free(void *arg)
{
    struct kmc_worker *worker = arg;

    db_close(worker->db);
    free(worker);
}

/* ---- Who calls -------------------------------------------------------------
 */

bool
kmc_caller(struct kmc_worker *worker, const struct http_request *req,
           struct db_kmc_party *out, enum kmc_role *role, struct error *err)
{
    uint8_t digest[32];
    bool is_there = false;

    if (req->peer.certificate == NULL)
        return error_set(err, ERROR_DENIED, "no client certificate");
    if (!peer_key_digest(req->peer.certificate, req->peer.certificate_len,
                         digest, err) ||
        !db_kmc_party_by_key(worker->db, digest, &is_there, out, err))
        return false;
    if (!is_there)
        return error_set(err, ERROR_DENIED,
                         "this certificate is not enrolled with the KMC");
    return mark_party_check(&worker->service->mark, out, err) &&
           (kmc_role_find(out->role, role) ||
            error_set(err, ERROR_INTERNAL, "role %s", out->role));
}

/* The same, for calls of one role. */
static bool
caller_is(struct kmc_worker *worker, const struct http_request *req,
          enum kmc_role wanted, struct db_kmc_party *out, struct error *err)
{
    enum kmc_role role;

    return kmc_caller(worker, req, out, &role, err) &&
           (role == wanted ||
            error_set(err, ERROR_DENIED, "this call is for an %s",
                      kmc_role_name(wanted)));
}

/* ---- Keys ------------------------------------------------------------------
 */

static json_t *
key_json(const struct db_kmc_key *key)
{
    json_t *json = json_object();

    json_set_text(json, "id", key->id);
    json_set_text(json, "state", key->state);
    json_set_text(json, "key_type", key->key_type);
    json_set_text(json, "holder", key->holder);
    json_set_bytes(json, "spki", key->spki, key->spki_len);
    json_set_time(json, "made_at", key->made_at);
    if (key->retired_at != 0)
        json_set_time(json, "retired_at", key->retired_at);
    if (key->delivery_len > 0) {
        json_set_bytes(json, "wrapped", key->wrapped, key->wrapped_len);
        json_set_bytes(json, "content_key", key->delivery, key->delivery_len);
    }
    return json;
}

static void
post_key(void *arg, const struct http_request *req, struct http_response *res)
{
    struct kmc_worker *worker = arg;
    struct create_request request;
    struct db_kmc_party party;
    struct db_kmc_key key;
    struct error err = {0};
    json_t *json = NULL;

    if (caller_is(worker, req, KMC_CA, &party, &err) &&
        http_json(req, &json, &err) &&
        create_request_parse(json, &request, &err) &&
        create_key(worker, party.name, &request, clock_now(), &key, &err)) {
        http_reply_json(res, 200, key_json(&key));
        kmc_jobs_wake(worker->service->jobs);
    } else {
        http_reply_error(res, req, "kmc.key", &err);
    }
    json_decref(json);
}

/* A key of the authority that asks. */
static bool
own_key(struct kmc_worker *worker, const struct http_request *req,
        struct db_kmc_party *party, struct db_kmc_key *out, struct error *err)
{
    const char *id = http_param(req, "id");

    if (!text_is_uuid(id))
        return error_set(err, ERROR_NOT_FOUND, "no escrowed key %.40s", id);
    return caller_is(worker, req, KMC_CA, party, err) &&
           db_kmc_key_get(worker->db, id, out, err) &&
           (strcmp(out->ca, party->name) == 0 ||
            error_set(err, ERROR_NOT_FOUND, "no escrowed key %s", id));
}

static void
get_key(void *arg, const struct http_request *req, struct http_response *res)
{
    struct kmc_worker *worker = arg;
    struct db_kmc_party party;
    struct db_kmc_key key;
    struct error err = {0};

    if (own_key(worker, req, &party, &key, &err) &&
        mark_key_check(&worker->service->mark, &key, &err))
        http_reply_json(res, 200, key_json(&key));
    else
        http_reply_error(res, req, "kmc.key.get", &err);
}

/* What is wrong is told and not delivered; the others are. */
static json_t *
keys_json(const struct kmc_worker *worker, struct db_kmc_key *keys,
          size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        struct error err = {0};

        if (!mark_key_check(&worker->service->mark, &keys[i], &err)) {
            log_failure("kmc.key-wrong", &err);
            keys[i].delivery_len = 0;
        }
        json_array_append_new(array, key_json(&keys[i]));
    }
    return array;
}

/* The key of one request, as an array of at most one. */
static bool
list_of_request(struct kmc_worker *worker, const char *ca, const char *id,
                struct db_kmc_key **out, size_t *count, struct error *err)
{
    struct db_kmc_key *key;
    bool is_there = false;

    if (!text_is_uuid(id))
        return error_set(err, ERROR_INPUT, "request: a UUID");
    key = base_alloc(sizeof *key);
    if (!db_kmc_key_by_request(worker->db, ca, id, &is_there, key, err)) {
        free(key);
        return false;
    }
    *out = key;
    *count = is_there ? 1 : 0;
    return true;
}

static bool
list_keys(struct kmc_worker *worker, const struct http_request *req,
          const char *ca, struct db_kmc_key **out, size_t *count,
          struct error *err)
{
    char request[TEXT_UUID_LEN + 1], holder[DB_KMC_HOLDER_MAX];

    if (http_query(req, "request", request, sizeof request))
        return list_of_request(worker, ca, request, out, count, err);
    if (http_query(req, "holder", holder, sizeof holder))
        return db_kmc_key_by_holder(worker->db, ca, holder, out, count, err);
    return error_set(err, ERROR_INPUT, "?holder= or ?request= is needed");
}

static void
get_keys(void *arg, const struct http_request *req, struct http_response *res)
{
    struct kmc_worker *worker = arg;
    struct db_kmc_party party;
    struct db_kmc_key *keys = NULL;
    struct error err = {0};
    size_t count = 0;
    json_t *answer;

    if (caller_is(worker, req, KMC_CA, &party, &err) &&
        list_keys(worker, req, party.name, &keys, &count, &err)) {
        answer = json_object();
        json_object_set_new(answer, "keys", keys_json(worker, keys, count));
        http_reply_json(res, 200, answer);
        free(keys);
        return;
    }
    http_reply_error(res, req, "kmc.keys.get", &err);
}

struct change {
    const struct db_kmc_key *key;
    bool is_retired; /* else: received */
    int64_t now;
};

/* db_run */
static bool
change_key(struct db *db, void *arg, struct error *err)
{
    const struct change *change = arg;
    const struct db_kmc_key *key = change->key;
    bool changed = false;
    int64_t index;

    return (change->is_retired
                ? db_kmc_key_retire(db, key->id, key->ca, change->now, &changed,
                                    err)
                : db_kmc_key_received(db, key->id, key->ca, &changed, err)) &&
           (!changed || entry_append(db, change->now,
                                     change->is_retired ? "kmc.key-retired"
                                                        : "kmc.key-received",
                                     key->id, NULL, &index, err));
}

static void
post_change(struct kmc_worker *worker, const struct http_request *req,
            struct http_response *res, bool is_retired)
{
    struct db_kmc_party party;
    struct db_kmc_key key;
    struct change change = {&key, is_retired, clock_now()};
    struct error err = {0};

    if (own_key(worker, req, &party, &key, &err) &&
        db_transaction(worker->db, change_key, &change, &err) &&
        db_kmc_key_get(worker->db, key.id, &key, &err))
        http_reply_json(res, 200, key_json(&key));
    else
        http_reply_error(
            res, req, is_retired ? "kmc.key.retire" : "kmc.key.received", &err);
}

static void
post_retire(void *arg, const struct http_request *req,
            struct http_response *res)
{
    post_change(arg, req, res, true);
}

static void
post_received(void *arg, const struct http_request *req,
              struct http_response *res)
{
    post_change(arg, req, res, false);
}

/* ---- Statistics, shares ----------------------------------------------------
 */

/* db_kmc_key_count */
static void
add_count(const char *ca, const char *key_type, const char *state,
          int64_t count, void *arg)
{
    json_t *item = json_object();

    json_set_text(item, "ca", ca);
    json_set_text(item, "key_type", key_type);
    json_set_text(item, "state", state);
    json_set_int(item, "count", count);
    json_array_append_new(arg, item);
}

/* One number for each type. */
static json_t *
standby_json(struct kmc_pool *pool,
             size_t (*number)(struct kmc_pool *, enum hsm_key_type))
{
    json_t *json = json_object();

    for (int type = 0; type < HSM_KEY_TYPE_COUNT; type++)
        if (hsm_escrow_takes((enum hsm_key_type)type))
            json_set_int(json, hsm_key_type_name((enum hsm_key_type)type),
                         (int64_t)number(pool, (enum hsm_key_type)type));
    return json;
}

static json_t *
recovery_keys_json(const struct db_kmc_recovery_key *keys, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *item = json_object();

        json_set_hex(item, "id", keys[i].cka_id, keys[i].cka_id_len);
        json_set_text(item, "state", keys[i].state);
        json_set_time(item, "made_at", keys[i].made_at);
        json_set_int(item, "keys", keys[i].key_count);
        json_array_append_new(array, item);
    }
    return array;
}

/* db_kmc_case_count */
static void
add_case_count(const char *kind, const char *state, int64_t count, void *arg)
{
    json_t *item = json_object();

    json_set_text(item, "kind", kind);
    json_set_text(item, "state", state);
    json_set_int(item, "count", count);
    json_array_append_new(arg, item);
}

static void
get_statistics(void *arg, const struct http_request *req,
               struct http_response *res)
{
    struct kmc_worker *worker = arg;
    struct db_kmc_party party;
    struct db_kmc_recovery_key *recovery_keys = NULL;
    json_t *answer = json_object(), *keys = json_array();
    json_t *cases = json_array();
    struct error err = {0};
    enum kmc_role role;
    size_t count = 0;

    json_object_set_new(answer, "keys", keys);
    json_object_set_new(answer, "cases", cases);
    if (kmc_caller(worker, req, &party, &role, &err) &&
        db_kmc_key_counts(worker->db, add_count, keys, &err) &&
        db_kmc_case_counts(worker->db, add_case_count, cases, &err) &&
        db_kmc_recovery_key_list(worker->db, &recovery_keys, &count, &err) &&
        db_kmc_recovery_key_count(worker->db, recovery_keys, count, &err)) {
        json_object_set_new(
            answer, "standby",
            standby_json(worker->service->pool, kmc_pool_count));
        json_object_set_new(answer, "standby_max",
                            standby_json(worker->service->pool, kmc_pool_max));
        json_object_set_new(answer, "recovery_keys",
                            recovery_keys_json(recovery_keys, count));
        http_reply_json(res, 200, json_incref(answer));
    } else {
        http_reply_error(res, req, "kmc.statistics", &err);
    }
    free(recovery_keys);
    json_decref(answer);
}

/* The standby pool is filled by itself below its minimum; this is by hand. */
static void
post_standby(void *arg, const struct http_request *req,
             struct http_response *res)
{
    struct kmc_worker *worker = arg;
    struct db_kmc_party party;
    struct error err = {0};
    json_t *answer;

    if (!caller_is(worker, req, KMC_OPERATOR, &party, &err)) {
        http_reply_error(res, req, "kmc.standby", &err);
        return;
    }
    kmc_pool_refill(worker->service->pool);
    kmc_jobs_wake(worker->service->jobs);
    log_event(LOG_LEVEL_INFO, "kmc.standby-refill",
              LOG_TEXT("party", party.name));
    answer = json_object();
    json_object_set_new(answer, "standby",
                        standby_json(worker->service->pool, kmc_pool_count));
    json_object_set_new(answer, "standby_max",
                        standby_json(worker->service->pool, kmc_pool_max));
    http_reply_json(res, 200, answer);
}

static void
get_share(void *arg, const struct http_request *req, struct http_response *res)
{
    struct db_kmc_party party;
    struct error err = {0};
    json_t *answer;

    if (!caller_is(arg, req, KMC_OPERATOR, &party, &err)) {
        http_reply_error(res, req, "kmc.share", &err);
        return;
    }
    answer = json_object();
    json_set_text(answer, "party", party.name);
    json_set_int(answer, "place", party.place);
    json_set_int(answer, "needed", party.needed);
    json_set_bytes(answer, "share", party.share, party.share_len);
    http_reply_json(res, 200, answer);
}

/* ---- Health ----------------------------------------------------------------
 */

bool
kmc_health(void *arg, json_t *out)
{
    struct kmc_worker *worker = arg;
    struct error db_err = {0}, hsm_err = {0};
    int32_t needed;
    bool hsm_ok = hsm_healthy(worker->service->mark.hsm,
                              worker->service->mark.key, &hsm_err);
    bool db_ok =
        kmc_service_needed(worker->service, worker->db, &needed, &db_err);

    json_set_text(out, "database", db_ok ? "ok" : db_err.what);
    json_set_text(out, "token", hsm_ok ? "ok" : hsm_err.what);
    return db_ok && hsm_ok;
}

/* ---- Routes ----------------------------------------------------------------
 */

/* Who may call what, the handlers decide: parties are known by their keys. */
const struct http_route kmc_routes[] = {
    {HTTP_POST, "/v1/keys", post_key, "*"},
    {HTTP_GET, "/v1/keys", get_keys, "*"},
    {HTTP_GET, "/v1/keys/{id}", get_key, "*"},
    {HTTP_POST, "/v1/keys/{id}/received", post_received, "*"},
    {HTTP_POST, "/v1/keys/{id}/retire", post_retire, "*"},
    {HTTP_GET, "/v1/statistics", get_statistics, "*"},
    {HTTP_POST, "/v1/standby", post_standby, "*"},
    {HTTP_GET, "/v1/share", get_share, "*"},
    {HTTP_POST, "/v1/cases", kmc_post_case, "*"},
    {HTTP_GET, "/v1/cases", kmc_get_cases, "*"},
    {HTTP_GET, "/v1/cases/{id}", kmc_get_case, "*"},
    {HTTP_POST, "/v1/cases/{id}/decisions", kmc_post_decision, "*"},
    {HTTP_POST, "/v1/cases/{id}/abort", kmc_post_abort, "*"},
    {HTTP_GET, "/v1/cases/{id}/answer", kmc_get_answer, "*"},
    {HTTP_POST, "/v1/cases/{id}/received", kmc_post_answer_received, "*"},
};
const size_t kmc_route_count = sizeof kmc_routes / sizeof *kmc_routes;
