/* A signet-kmc in this process; see fake_kmc.h. */
#include "fake_kmc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "soft_ca.h"

static struct fake_kmc *the; /* that the handlers work for */

/* ---- Keys -------------------------------------------------------------- */

static struct fake_kmc_key *
new_key(struct fake_kmc *kmc, const char *holder)
{
    struct fake_kmc_key *key = &kmc->key[kmc->key_count];
    struct soft_key pair;

    assert_true(kmc->key_count < FAKE_KMC_KEYS);
    memset(key, 0, sizeof *key);
    assert_true(text_uuid_draw(key->id, NULL));
    (void)snprintf(key->holder, sizeof key->holder, "%s", holder);
    soft_key_make(HSM_KEY_RSA_2048, &pair);
    key->spki.limit = PUBLIC_KEY_SPKI_MAX;
    assert_true(buf_add(&key->spki, pair.spki.data, pair.spki.len));
    soft_key_clear(&pair);
    kmc->key_count++;
    return key;
}

const struct fake_kmc_key *
fake_kmc_add(struct fake_kmc *kmc, const char *holder)
{
    struct fake_kmc_key *key;

    (void)pthread_mutex_lock(&kmc->lock);
    key = new_key(kmc, holder);
    assert_true(text_uuid_draw(key->request, NULL));
    key->is_received = true;
    (void)pthread_mutex_unlock(&kmc->lock);
    return key;
}

static void
set_delivery(json_t *json, const char *id)
{
    char text[64];

    (void)snprintf(text, sizeof text, "wrapped %s", id);
    json_set_bytes(json, "wrapped", (const uint8_t *)text, strlen(text));
    (void)snprintf(text, sizeof text, "content %s", id);
    json_set_bytes(json, "content_key", (const uint8_t *)text, strlen(text));
}

static json_t *
key_json(const struct fake_kmc_key *key)
{
    json_t *json = json_object();

    json_set_text(json, "id", key->id);
    json_set_text(json, "state", key->is_history ? "history" : "in-use");
    json_set_text(json, "key_type", "rsa-2048");
    json_set_text(json, "holder", key->holder);
    json_set_bytes(json, "spki", key->spki.data, key->spki.len);
    json_set_time(json, "made_at", clock_now());
    if (!key->is_received)
        set_delivery(json, key->id);
    return json;
}

/* By its own id, or by its request's. */
static struct fake_kmc_key *
find_key(const char *id, const char *request)
{
    for (size_t i = 0; i < the->key_count; i++)
        if ((id != NULL && strcmp(the->key[i].id, id) == 0) ||
            (request != NULL && strcmp(the->key[i].request, request) == 0))
            return &the->key[i];
    return NULL;
}

static struct fake_kmc_case *
find_case(const char *id)
{
    for (size_t i = 0; i < the->case_count; i++)
        if (strcmp(the->opened[i].id, id) == 0)
            return &the->opened[i];
    return NULL;
}

/* ---- Handlers ---------------------------------------------------------- */

/* With the lock. False: the answer is given. */
static bool
enter(const struct http_request *req, struct http_response *res)
{
    struct error err = {0};

    (void)pthread_mutex_lock(&the->lock);
    the->calls++;
    if (the->is_busy)
        (void)error_set(&err, ERROR_BUSY, "the token is away");
    else if (the->is_forbidding)
        (void)error_set(&err, ERROR_DENIED, "not enrolled");
    else if (the->says == NULL)
        return true;
    if (the->says != NULL)
        http_reply_bytes(res, 200, "application/json", the->says,
                         strlen(the->says));
    else
        http_reply_error(res, req, "fake", &err);
    return false;
}

static void
refuse(const struct http_request *req, struct http_response *res,
       enum error_code code)
{
    struct error err = {0};

    (void)error_set(&err, code, "the centre says no");
    http_reply_error(res, req, "fake", &err);
}

static void
post_key(void *arg, const struct http_request *req, struct http_response *res)
{
    json_t *json = NULL;
    struct fake_kmc_key *key;
    const char *request, *holder, *type, *transport;

    (void)arg;
    if (enter(req, res)) {
        assert_true(http_json(req, &json, NULL) &&
                    json_get_text(json, "request_id", 36, &request, NULL) &&
                    json_get_text(json, "holder", 128, &holder, NULL) &&
                    json_get_text(json, "key_type", 16, &type, NULL) &&
                    json_get_text(json, "transport", 2000, &transport, NULL));
        assert_string_equal(type, "rsa-2048");
        key = find_key(NULL, request);
        if (key == NULL) {
            key = new_key(the, holder);
            memcpy(key->request, request, sizeof key->request);
            key->transport = strdup(transport);
        }
        if (strcmp(key->transport, transport) != 0)
            refuse(req, res, ERROR_CONFLICT);
        else
            http_reply_json(res, 200, key_json(key));
    }
    (void)pthread_mutex_unlock(&the->lock);
    json_decref(json);
}

static void
get_keys(void *arg, const struct http_request *req, struct http_response *res)
{
    char request[64] = "", holder[ESCROW_HOLDER_MAX + 1] = "";
    json_t *answer, *array;

    (void)arg;
    if (enter(req, res)) {
        assert_true(http_query(req, "request", request, sizeof request) !=
                    http_query(req, "holder", holder, sizeof holder));
        answer = json_object();
        array = json_array();
        for (size_t i = 0; i < the->key_count; i++)
            if (strcmp(the->key[i].request, request) == 0 ||
                strcmp(the->key[i].holder, holder) == 0)
                json_array_append_new(array, key_json(&the->key[i]));
        json_object_set_new(answer, "keys", array);
        http_reply_json(res, 200, answer);
    }
    (void)pthread_mutex_unlock(&the->lock);
}

static void
change(const struct http_request *req, struct http_response *res,
       bool is_retired)
{
    struct fake_kmc_key *key;

    if (enter(req, res)) {
        if ((key = find_key(http_param(req, "id"), NULL)) == NULL) {
            refuse(req, res, ERROR_NOT_FOUND);
        } else {
            key->is_history = key->is_history || is_retired;
            key->is_received = key->is_received || !is_retired;
            http_reply_json(res, 200, key_json(key));
        }
    }
    (void)pthread_mutex_unlock(&the->lock);
}

static void
post_retire(void *arg, const struct http_request *req,
            struct http_response *res)
{
    (void)arg;
    change(req, res, true);
}

static void
post_received(void *arg, const struct http_request *req,
              struct http_response *res)
{
    (void)arg;
    change(req, res, false);
}

static json_t *
case_json(const struct fake_kmc_case *c)
{
    json_t *json = json_object();

    json_set_text(json, "case", c->id);
    json_set_text(json, "state", c->state);
    json_set_time(json, "expires_at", clock_now() + 1000);
    json_object_set(json, "body", c->body);
    json_object_set_new(
        json, "has_answer",
        json_boolean(strcmp(c->state, "done") == 0 && !c->is_received));
    return json;
}

static void
post_case(void *arg, const struct http_request *req, struct http_response *res)
{
    json_t *json = NULL;
    struct fake_kmc_case *c;
    const char *id;

    (void)arg;
    if (enter(req, res)) {
        assert_true(http_json(req, &json, NULL) &&
                    json_get_text(json, "case", 36, &id, NULL));
        if ((c = find_case(id)) == NULL) {
            assert_true(the->case_count < FAKE_KMC_CASES);
            c = &the->opened[the->case_count++];
            memcpy(c->id, id, sizeof c->id);
            c->state = "open";
            c->body = json_incref(json);
        }
        if (json_equal(c->body, json))
            http_reply_json(res, 200, case_json(c));
        else
            refuse(req, res, ERROR_CONFLICT);
    }
    (void)pthread_mutex_unlock(&the->lock);
    json_decref(json);
}

static json_t *
answer_json(const struct fake_kmc_case *c)
{
    json_t *answer = json_object(), *array = json_array(), *id;
    size_t i;

    json_array_foreach(json_object_get(c->body, "keys"), i, id)
    {
        const struct fake_kmc_key *key = find_key(json_string_value(id), NULL);
        json_t *item = json_object();

        assert_non_null(key);
        json_set_text(item, "id", key->id);
        json_set_text(item, "key_type", "rsa-2048");
        json_set_bytes(item, "spki", key->spki.data, key->spki.len);
        set_delivery(item, key->id);
        json_array_append_new(array, item);
    }
    json_object_set_new(answer, "keys", array);
    return answer;
}

static void
get_case(void *arg, const struct http_request *req, struct http_response *res)
{
    bool is_answer = strstr(req->path, "/answer") != NULL;
    struct fake_kmc_case *c;

    (void)arg;
    if (enter(req, res)) {
        c = find_case(http_param(req, "id"));
        if (c == NULL || (is_answer && c->is_received))
            refuse(req, res, ERROR_NOT_FOUND);
        else if (is_answer && strcmp(c->state, "done") != 0)
            refuse(req, res, ERROR_CONFLICT);
        else
            http_reply_json(res, 200,
                            is_answer ? answer_json(c) : case_json(c));
    }
    (void)pthread_mutex_unlock(&the->lock);
}

static void
post_answer_received(void *arg, const struct http_request *req,
                     struct http_response *res)
{
    struct fake_kmc_case *c;

    (void)arg;
    if (enter(req, res)) {
        if ((c = find_case(http_param(req, "id"))) == NULL) {
            refuse(req, res, ERROR_NOT_FOUND);
        } else {
            c->is_received = true;
            http_reply_json(res, 200, json_object());
        }
    }
    (void)pthread_mutex_unlock(&the->lock);
}

static const struct http_route routes[] = {
    {HTTP_POST, "/v1/keys", post_key, "*"},
    {HTTP_GET, "/v1/keys", get_keys, "*"},
    {HTTP_POST, "/v1/keys/{id}/received", post_received, "*"},
    {HTTP_POST, "/v1/keys/{id}/retire", post_retire, "*"},
    {HTTP_POST, "/v1/cases", post_case, "*"},
    {HTTP_GET, "/v1/cases/{id}", get_case, "*"},
    {HTTP_GET, "/v1/cases/{id}/answer", get_case, "*"},
    {HTTP_POST, "/v1/cases/{id}/received", post_answer_received, "*"},
};

/* ---- Life -------------------------------------------------------------- */

void
fake_kmc_start(struct fake_kmc *kmc)
{
    static char certificate[128], key[128];

    memset(kmc, 0, sizeof *kmc);
    the = kmc;
    (void)pthread_mutex_init(&kmc->lock, NULL);
    http_parts_pki(kmc->folder, sizeof kmc->folder);
    http_parts_options(&kmc->http, routes, sizeof routes / sizeof *routes);
    (void)snprintf(certificate, sizeof certificate, "%s/server.pem",
                   kmc->folder);
    (void)snprintf(key, sizeof key, "%s/server.key", kmc->folder);
    (void)snprintf(kmc->trust, sizeof kmc->trust, "%s/root.pem", kmc->folder);
    (void)snprintf(kmc->certificate, sizeof kmc->certificate, "%s/ra.pem",
                   kmc->folder);
    (void)snprintf(kmc->key_file, sizeof kmc->key_file, "%s/ra.key",
                   kmc->folder);
    kmc->http.options.certificate_file = certificate;
    kmc->http.options.key_file = key;
    kmc->http.options.trust_file = kmc->trust;
    kmc->http.options.client_certificate = HTTP_CLIENT_REQUIRED;
    kmc->http.options.header_timeout_ms = 20000;
    kmc->http.options.body_timeout_ms = 20000;
    kmc->http.options.idle_timeout_ms = 20000;
    kmc->http.options.queue_max = 64;
    http_parts_start(&kmc->http);
    (void)snprintf(kmc->url, sizeof kmc->url, "https://127.0.0.1:%u",
                   kmc->http.port);
    kmc->options = (struct escrow_options){kmc->url, kmc->trust,
                                           kmc->certificate, kmc->key_file};
}

void
fake_kmc_stop(struct fake_kmc *kmc)
{
    (void)http_parts_stop(&kmc->http);
    http_parts_pki_remove(kmc->folder);
    for (size_t i = 0; i < kmc->key_count; i++) {
        buf_clear(&kmc->key[i].spki);
        free(kmc->key[i].transport);
    }
    for (size_t i = 0; i < kmc->case_count; i++)
        json_decref(kmc->opened[i].body);
    (void)pthread_mutex_destroy(&kmc->lock);
}
