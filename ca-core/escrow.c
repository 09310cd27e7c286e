/* The client of signet-kmc; see ca-core/escrow.h. */
#include "ca-core/escrow.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum {
    TIMEOUT_MS = 3000,            /* an order is answered or refused in 5 s */
    ANSWER_MAX = 8 * 1024 * 1024, /* ESCROW_LIST_MAX keys */
    PATH_MAX_LEN = 512,
};

struct escrow {
    struct http_client *http;
};

static atomic_bool seems_away;

bool
escrow_options_load(const struct config *config, struct escrow_options *out,
                    struct error *err)
{
    *out = (struct escrow_options){.url = config_text(config, "ca.kmc_url")};
    if (out->url[0] == '\0') {
        out->url = NULL;
        return true;
    }
    out->trust_file = config_path(config, "tls.trust_file");
    out->certificate_file = config_path(config, "ca.client_certificate_file");
    out->key_file = config_path(config, "ca.client_key_file");
    return (out->certificate_file[0] != '\0' && out->key_file[0] != '\0') ||
           error_set(err, ERROR_INPUT,
                     "ca.kmc_url needs ca.client_certificate_file and "
                     "ca.client_key_file");
}

bool
escrow_new(const struct escrow_options *options, struct escrow **out,
           struct error *err)
{
    struct http_client_options http = {
        .base_url = options->url,
        .trust_file = options->trust_file,
        .certificate_file = options->certificate_file,
        .key_file = options->key_file,
        .timeout_ms = TIMEOUT_MS,
        .body_max = ANSWER_MAX,
    };
    struct escrow *escrow;

    *out = NULL;
    if (options->url == NULL)
        return true;
    escrow = base_alloc(sizeof *escrow);
    if (!http_client_new(&http, &escrow->http, err)) {
        free(escrow);
        return error_wrap(err, "client of signet-kmc");
    }
    *out = escrow;
    return true;
}

void
escrow_free(struct escrow *escrow)
{
    if (escrow == NULL)
        return;
    http_client_free(escrow->http);
    free(escrow);
}

bool
escrow_seems_away(void)
{
    return atomic_load(&seems_away);
}

/* ---- What it says ------------------------------------------------------ */

/* Octets that must be there and fit. */
static bool
take_bytes(const json_t *json, const char *name, uint8_t *out, size_t max,
           size_t *len, struct error *err)
{
    struct buf octets = BUF_INIT(max);
    bool ok = json_get_bytes(json, name, max, &octets, err);

    ok = ok && (octets.len > 0 || error_set(err, ERROR_INPUT, "%s", name));
    if (ok) {
        memcpy(out, octets.data, octets.len);
        *len = octets.len;
    }
    buf_clear(&octets);
    return ok;
}

/* What keys of all kinds have: the identifier, the type, the public half. */
static bool
take_key(const json_t *json, struct escrow_key *out, struct error *err)
{
    struct public_key key = {0};
    const char *id, *type;
    bool ok;

    memset(out, 0, sizeof *out);
    if (!json_get_text(json, "id", TEXT_UUID_LEN, &id, err) ||
        !json_get_text(json, "key_type", 16, &type, err) ||
        !take_bytes(json, "spki", out->spki, sizeof out->spki, &out->spki_len,
                    err))
        return false;
    if (!text_is_uuid(id) || !hsm_key_type_find(type, &out->type))
        return error_set(err, ERROR_INPUT, "id or key_type");
    memcpy(out->id, id, sizeof out->id);
    ok = public_key_parse((struct der){out->spki, out->spki_len}, &key, err) &&
         (key.type == out->type ||
          error_set(err, ERROR_INPUT, "spki is no %s key", type));
    public_key_clear(&key);
    return ok;
}

static bool
take_delivery(const json_t *json, struct escrow_key *out, struct error *err)
{
    return take_bytes(json, "wrapped", out->wrapped, sizeof out->wrapped,
                      &out->wrapped_len, err) &&
           take_bytes(json, "content_key", out->content_key,
                      sizeof out->content_key, &out->content_key_len, err);
}

/* Whatever is wrong with an answer is a matter between services. */
static bool
misunderstood(struct error *err, const char *what)
{
    if (err != NULL)
        err->code = ERROR_INTERNAL;
    return error_wrap(err, "signet-kmc: %s", what);
}

static bool
parse_key(const json_t *json, struct escrow_key *out, struct error *err)
{
    static const char *const names[] = {
        "id",      "state",   "key_type",    "holder",     "spki",
        "made_at", "wrapped", "content_key", "retired_at", NULL};
    const char *state, *holder;

    if (!json_only(json, names, err) || !take_key(json, out, err) ||
        !json_get_text(json, "state", ESCROW_STATE_MAX, &state, err) ||
        !json_get_text(json, "holder", ESCROW_HOLDER_MAX, &holder, err))
        return false;
    out->is_history = strcmp(state, "history") == 0;
    if (!out->is_history && strcmp(state, "in-use") != 0)
        return error_set(err, ERROR_INPUT, "state");
    memcpy(out->holder, holder, strlen(holder));
    return (json_object_get(json, "wrapped") == NULL &&
            json_object_get(json, "content_key") == NULL) ||
           take_delivery(json, out, err);
}

bool
escrow_key_parse(const json_t *json, struct escrow_key *out, struct error *err)
{
    return parse_key(json, out, err) || misunderstood(err, "a key");
}

bool
escrow_case_parse(const json_t *json, const char *id, struct escrow_case *out,
                  struct error *err)
{
    static const char *const states[] = {"open",    "approved", "done",
                                         "refused", "expired",  "aborted"};
    const char *named, *state;

    memset(out, 0, sizeof *out);
    if (!json_get_text(json, "case", TEXT_UUID_LEN, &named, err) ||
        !json_get_text(json, "state", ESCROW_STATE_MAX, &state, err) ||
        !json_get_time(json, "expires_at", &out->expires_at, err) ||
        !json_find_bool(json, "has_answer", false, &out->has_answer, err))
        return misunderstood(err, "a case");
    if (strcmp(named, id) != 0) {
        (void)error_set(err, ERROR_INTERNAL, "another one");
        return misunderstood(err, "a case");
    }
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(states[i], state) == 0) {
            memcpy(out->state, state, strlen(state));
            return true;
        }
    (void)error_set(err, ERROR_INTERNAL, "state");
    return misunderstood(err, "a case");
}

/* Arrays of keys, each read by `take`. */
static bool
parse_keys(const json_t *json,
           bool (*take)(const json_t *, struct escrow_key *, struct error *),
           size_t max, struct escrow_key **out, size_t *count,
           struct error *err)
{
    static const char *const names[] = {"keys", NULL};
    struct escrow_key *keys = NULL;
    json_t *array;
    size_t n;
    bool ok;

    *out = NULL;
    *count = 0;
    if (!json_only(json, names, err) ||
        !json_get_array(json, "keys", &array, err))
        return misunderstood(err, "a list of keys");
    n = json_array_size(array);
    ok = n <= max || error_set(err, ERROR_INPUT, "%zu keys", n);
    if (ok)
        keys = base_alloc((n + 1) * sizeof *keys);
    for (size_t i = 0; ok && i < n; i++)
        ok = take(json_array_get(array, i), &keys[i], err);
    if (!ok) {
        free(keys);
        return misunderstood(err, "a list of keys");
    }
    *out = keys;
    *count = n;
    return true;
}

static bool
parse_delivered(const json_t *json, struct escrow_key *out, struct error *err)
{
    static const char *const names[] = {"id",      "key_type",    "spki",
                                        "wrapped", "content_key", NULL};

    return json_only(json, names, err) && take_key(json, out, err) &&
           take_delivery(json, out, err);
}

bool
escrow_answer_parse(const json_t *json, struct escrow_key **out, size_t *count,
                    struct error *err)
{
    return parse_keys(json, parse_delivered, ESCROW_KEYS_MAX, out, count, err);
}

/* ---- Calls ------------------------------------------------------------- */

static bool
ask(struct escrow *escrow, enum http_method method, const char *path,
    const json_t *body, json_t **out, struct error *err)
{
    struct error why = {0};
    bool ok;

    *out = NULL;
    if (escrow == NULL)
        return error_set(err, ERROR_INPUT,
                         "this CA makes no pairs: it has no key management "
                         "centre (ca.kmc_url)");
    ok = http_client_json(escrow->http, method, path, body, out, &why);
    atomic_store(&seems_away, !ok && why.code == ERROR_BUSY);
    if (ok)
        return true;
    /* What it refuses to us, nobody else can set right. */
    if (why.code != ERROR_BUSY && why.code != ERROR_NOT_FOUND &&
        why.code != ERROR_CONFLICT)
        why.code = ERROR_INTERNAL;
    if (err != NULL)
        *err = why;
    return error_wrap(err, "signet-kmc");
}

bool
escrow_key_ask(struct escrow *escrow, const char *request_id,
               enum hsm_key_type type, const char *holder, struct der transport,
               struct escrow_key *out, struct error *err)
{
    json_t *body = json_object(), *json = NULL;
    bool ok;

    json_set_text(body, "request_id", request_id);
    json_set_text(body, "key_type", hsm_key_type_name(type));
    json_set_text(body, "holder", holder);
    json_set_bytes(body, "transport", transport.data, transport.len);
    ok = ask(escrow, HTTP_POST, "/v1/keys", body, &json, err) &&
         escrow_key_parse(json, out, err);
    if (ok && (out->type != type || strcmp(out->holder, holder) != 0))
        ok = error_set(err, ERROR_INTERNAL,
                       "signet-kmc: a key that was not asked for");
    json_decref(json);
    json_decref(body);
    return ok;
}

bool
escrow_key_find(struct escrow *escrow, const char *request_id,
                struct escrow_key *out, struct error *err)
{
    struct escrow_key *keys = NULL;
    char path[PATH_MAX_LEN];
    json_t *json = NULL;
    size_t count = 0;
    bool ok;

    memset(out, 0, sizeof *out);
    (void)snprintf(path, sizeof path, "/v1/keys?request=%s", request_id);
    ok = ask(escrow, HTTP_GET, path, NULL, &json, err) &&
         parse_keys(json, parse_key, 1, &keys, &count, err);
    if (ok && count == 1)
        *out = keys[0];
    free(keys);
    json_decref(json);
    return ok;
}

bool
escrow_keys_of(struct escrow *escrow, const char *holder,
               struct escrow_key **out, size_t *count, struct error *err)
{
    struct buf path = BUF_INIT(PATH_MAX_LEN);
    json_t *json = NULL;
    bool ok;

    *out = NULL;
    *count = 0;
    (void)buf_addf(&path, "/v1/keys?holder=");
    (void)text_percent(holder, &path);
    ok = ask(escrow, HTTP_GET, buf_text(&path), NULL, &json, err) &&
         parse_keys(json, parse_key, ESCROW_LIST_MAX, out, count, err);
    json_decref(json);
    buf_clear(&path);
    return ok;
}

/* POST to something by its id, without a body. */
static bool
tell(struct escrow *escrow, const char *what, const char *id, const char *news,
     struct error *err)
{
    char path[PATH_MAX_LEN];
    json_t *json = NULL;
    bool ok;

    (void)snprintf(path, sizeof path, "/v1/%s/%s/%s", what, id, news);
    ok = ask(escrow, HTTP_POST, path, NULL, &json, err);
    json_decref(json);
    return ok;
}

bool
escrow_key_received(struct escrow *escrow, const char *key_id,
                    struct error *err)
{
    return tell(escrow, "keys", key_id, "received", err);
}

bool
escrow_key_retire(struct escrow *escrow, const char *key_id, struct error *err)
{
    return tell(escrow, "keys", key_id, "retire", err);
}

/* ---- Recovery ---------------------------------------------------------- */

bool
escrow_case_open(struct escrow *escrow, const struct escrow_request *request,
                 struct error *err)
{
    json_t *body = json_object(), *keys = json_array(), *json = NULL;
    struct escrow_case opened;
    bool ok;

    json_set_text(body, "case", request->id);
    json_set_text(body, "kind", "customer");
    json_set_text(body, "requester", request->requester);
    json_set_text(body, "reason", request->reason);
    json_set_text(body, "document", request->document);
    json_set_text(body, "holder", request->holder);
    for (size_t i = 0; i < request->key_count; i++)
        json_array_append_new(keys, json_string(request->key_id[i]));
    json_object_set_new(body, "keys", keys);
    json_set_text(body, "delivery", "token");
    json_set_bytes(body, "target", request->target.data, request->target.len);
    ok = ask(escrow, HTTP_POST, "/v1/cases", body, &json, err) &&
         escrow_case_parse(json, request->id, &opened, err);
    json_decref(json);
    json_decref(body);
    return ok;
}

bool
escrow_case_find(struct escrow *escrow, const char *id, bool *is_there,
                 struct escrow_case *out, struct error *err)
{
    char path[PATH_MAX_LEN];
    struct error why = {0};
    json_t *json = NULL;
    bool ok;

    *is_there = false;
    (void)snprintf(path, sizeof path, "/v1/cases/%s", id);
    ok = ask(escrow, HTTP_GET, path, NULL, &json, &why);
    if (!ok && why.code == ERROR_NOT_FOUND)
        return true;
    if (!ok && err != NULL)
        *err = why;
    ok = ok && escrow_case_parse(json, id, out, err);
    *is_there = ok;
    json_decref(json);
    return ok;
}

bool
escrow_case_answer(struct escrow *escrow, const char *id,
                   struct escrow_key **out, size_t *count, struct error *err)
{
    char path[PATH_MAX_LEN];
    json_t *json = NULL;
    bool ok;

    *out = NULL;
    *count = 0;
    (void)snprintf(path, sizeof path, "/v1/cases/%s/answer", id);
    ok = ask(escrow, HTTP_GET, path, NULL, &json, err) &&
         escrow_answer_parse(json, out, count, err);
    json_decref(json);
    return ok;
}

bool
escrow_case_received(struct escrow *escrow, const char *id, struct error *err)
{
    return tell(escrow, "cases", id, "received", err);
}
