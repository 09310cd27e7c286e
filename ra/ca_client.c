/* Questions to signet-ca: ra/ca_client.h. */
#include "ra/ca_client.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/x509.h>

#include "base/hash.h"
#include "base/http_client.h"

enum {
    TIMEOUT_MS = 10000, /* one exchange; the CA answers or refuses in 5 s */
    TRIES = 3,          /* at once; after that the outbox takes over */
    WAIT_MS = 200,      /* before the second try, twice that before the third */
};

struct ca_client {
    struct http_client *http;
};

bool
ca_client_new(const struct config *config, struct ca_client **out,
              struct error *err)
{
    struct http_client_options options = {
        .base_url = config_text(config, "ra.ca_url"),
        .trust_file = config_path(config, "tls.trust_file"),
        .certificate_file = config_path(config, "ra.client_certificate_file"),
        .key_file = config_path(config, "ra.client_key_file"),
        .timeout_ms = TIMEOUT_MS,
        .body_max = API_BODY_MAX,
    };
    struct ca_client *client = base_alloc(sizeof *client);

    if (!http_client_new(&options, &client->http, err)) {
        free(client);
        return error_wrap(err, "client of signet-ca");
    }
    *out = client;
    return true;
}

void
ca_client_free(struct ca_client *client)
{
    if (client == NULL)
        return;
    http_client_free(client->http);
    free(client);
}

/* One exchange, tried again while nothing answers. Everything asked here may
 * be asked twice. */
static bool
ask(struct ca_client *client, enum http_method method, const char *path,
    const json_t *body, json_t **out, struct error *err)
{
    for (int i = 1;; i++) {
        struct timespec wait = {0, i * WAIT_MS * 1000000L};

        if (http_client_json(client->http, method, path, body, out, err))
            return true;
        if (err->code != ERROR_BUSY || i == TRIES)
            return error_wrap(err, "signet-ca");
        nanosleep(&wait, NULL);
    }
}

static bool
is_about_officers(enum api_kind kind)
{
    return kind == API_ENROLL_OFFICER || kind == API_ENROLL_CREDENTIAL ||
           kind == API_DISMISS_OFFICER;
}

/* What an answer to an order, or a question about one, says. */
static enum ca_outcome
outcome_read(json_t *json, const char *order_id, struct api_answer *answer,
             struct error *err)
{
    if (!api_answer_parse(json, answer, err)) {
        err->code = ERROR_INTERNAL;
        return CA_PENDING;
    }
    if (strcmp(answer->order_id, order_id) == 0) {
        if (answer->state == API_DONE &&
            (answer->certificate_count + answer->change_count > 0 ||
             answer->recovery != NULL || is_about_officers(answer->kind)))
            return CA_DONE;
        if (answer->state == API_FAILED) {
            error_set(err, ERROR_CONFLICT, "%s",
                      answer->problem != NULL ? answer->problem
                                              : "the order failed");
            api_answer_clear(answer);
            return CA_REFUSED;
        }
        error_set(err, ERROR_BUSY, "signet-ca is still at it");
    } else {
        error_set(err, ERROR_INTERNAL, "answer to another order");
    }
    api_answer_clear(answer);
    return CA_PENDING;
}

/* After a refusal: does the CA hold the order all the same? */
static enum ca_outcome
refusal_confirm(struct ca_client *client, const char *order_id,
                struct api_answer *answer, struct error *err)
{
    char path[64];
    json_t *json = NULL;
    struct error other = {0};
    enum ca_outcome outcome;

    snprintf(path, sizeof path, "/v1/orders/%s", order_id);
    if (!ask(client, HTTP_GET, path, NULL, &json, &other))
        return other.code == ERROR_NOT_FOUND ? CA_REFUSED : CA_PENDING;
    outcome = outcome_read(json, order_id, answer, err);
    json_decref(json);
    return outcome;
}

enum ca_outcome
ca_client_send(struct ca_client *client, const json_t *envelope,
               const char *order_id, struct api_answer *answer,
               struct error *err)
{
    json_t *json = NULL;
    enum ca_outcome outcome = CA_PENDING;

    if (ask(client, HTTP_POST, "/v1/orders", envelope, &json, err))
        outcome = outcome_read(json, order_id, answer, err);
    else if (err->code == ERROR_INPUT || err->code == ERROR_DENIED ||
             err->code == ERROR_CONFLICT)
        outcome = refusal_confirm(client, order_id, answer, err);
    json_decref(json);
    return outcome;
}

enum ca_outcome
ca_client_order(struct ca_client *client, const json_t *order,
                const json_t *decisions, const char *order_id,
                struct api_answer *answer, struct error *err)
{
    json_t *body = json_object();
    enum ca_outcome outcome;

    json_object_set(body, "order", (json_t *)order);
    json_object_set(body, "decisions", (json_t *)decisions);
    outcome = ca_client_send(client, body, order_id, answer, err);
    json_decref(body);
    return outcome;
}

enum ca_outcome
ca_client_check(struct ca_client *client, const json_t *order,
                struct error *err)
{
    json_t *body = json_object();
    json_t *json = NULL;
    bool ok;

    json_object_set(body, "order", (json_t *)(uintptr_t)order);
    ok = ask(client, HTTP_POST, "/v1/orders/check", body, &json, err);
    json_decref(json);
    json_decref(body);
    if (ok)
        return CA_DONE;
    return err->code == ERROR_BUSY || err->code == ERROR_INTERNAL ? CA_PENDING
                                                                  : CA_REFUSED;
}

bool
ca_client_answer(struct ca_client *client, const char *order_id,
                 struct api_answer *answer, struct error *err)
{
    char path[64];
    json_t *json = NULL;
    enum ca_outcome outcome;

    (void)snprintf(path, sizeof path, "/v1/orders/%s", order_id);
    if (!ask(client, HTTP_GET, path, NULL, &json, err))
        return false;
    outcome = outcome_read(json, order_id, answer, err);
    json_decref(json);
    return outcome == CA_DONE;
}

bool
ca_client_received(struct ca_client *client, const char *order_id,
                   struct error *err)
{
    char path[64];
    json_t *body = json_object();
    json_t *json = NULL;
    bool ok;

    (void)snprintf(path, sizeof path, "/v1/orders/%s/received", order_id);
    ok = ask(client, HTTP_POST, path, body, &json, err);
    json_decref(json);
    json_decref(body);
    return ok;
}

bool
ca_client_revoked(struct ca_client *client, const char *issuer,
                  const uint8_t serial[API_SERIAL_LEN], bool *is_revoked,
                  char reason[CA_REASON_MAX + 1], struct error *err)
{
    char path[API_NAME_MAX + 128];
    char hex[2 * API_SERIAL_LEN + 1];
    json_t *json = NULL;
    json_t *rows;
    const char *text = "";
    bool ok = false;

    *is_revoked = false;
    reason[0] = '\0';
    text_hex(serial, API_SERIAL_LEN, hex);
    (void)snprintf(path, sizeof path, "/v1/certificates?issuer=%s&serial=%s",
                   issuer, hex);
    if (!ask(client, HTTP_GET, path, NULL, &json, err))
        return false;
    if (!json_get_array(json, "certificates", &rows, err))
        goto out;
    if (json_array_size(rows) != 1) {
        error_set(err, ERROR_NOT_FOUND, "signet-ca has no certificate %s", hex);
        goto out;
    }
    if (!json_get_text(json_array_get(rows, 0), "state", CA_REASON_MAX, &text,
                       err))
        goto out;
    ok = true;
    *is_revoked = strcmp(text, "revoked") == 0;
    if (*is_revoked && json_get_text(json_array_get(rows, 0), "reason",
                                     CA_REASON_MAX, &text, NULL))
        (void)snprintf(reason, CA_REASON_MAX + 1, "%s", text);
out:
    json_decref(json);
    return ok;
}

bool
ca_client_officers(struct ca_client *client, json_t **out, struct error *err)
{
    json_t *json = NULL;
    json_t *officers;
    bool ok = false;

    if (!ask(client, HTTP_GET, "/v1/officers", NULL, &json, err))
        return false;
    if (json_get_array(json, "officers", &officers, err)) {
        *out = json_incref(officers);
        ok = true;
    }
    json_decref(json);
    return ok;
}

static bool
spki_digest(const uint8_t *certificate, size_t len, uint8_t out[HASH_LEN],
            struct error *err)
{
    const unsigned char *p = certificate;
    X509 *x509 = d2i_X509(NULL, &p, (long)len);
    unsigned char *spki = NULL;
    int spki_len = 0;
    bool ok;

    if (x509 == NULL || p != certificate + len ||
        (spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki)) <= 0)
        ok = error_openssl(err, ERROR_DENIED,
                           "client certificate not understood");
    else
        ok = hash_sha256(spki, (size_t)spki_len, out, err);
    OPENSSL_free(spki);
    X509_free(x509);
    return ok;
}

static bool
is_valid_service(const json_t *row, const uint8_t *certificate, size_t len)
{
    struct buf der = BUF_INIT(API_CERTIFICATE_MAX);
    const char *state;
    const char *profile;
    bool is = json_get_text(row, "state", 16, &state, NULL) &&
              json_get_text(row, "profile", API_NAME_MAX, &profile, NULL) &&
              json_get_bytes(row, "der", API_CERTIFICATE_MAX, &der, NULL) &&
              strcmp(state, "valid") == 0 &&
              strcmp(profile, "tls-client") == 0 && der.len == len &&
              memcmp(der.data, certificate, len) == 0;

    buf_clear(&der);
    return is;
}

bool
ca_client_is_service(struct ca_client *client, const uint8_t *certificate,
                     size_t len, bool *is_service, struct error *err)
{
    char path[128] = "/v1/certificates?spki_sha256=";
    uint8_t digest[HASH_LEN];
    json_t *json = NULL;
    json_t *rows;
    json_t *row;
    size_t i;
    bool ok = false;

    *is_service = false;
    if (!spki_digest(certificate, len, digest, err))
        return false;
    text_hex(digest, sizeof digest, path + strlen(path));
    if (!ask(client, HTTP_GET, path, NULL, &json, err))
        return false;
    if (json_get_array(json, "certificates", &rows, err)) {
        json_array_foreach(rows, i, row)
        {
            if (is_valid_service(row, certificate, len))
                *is_service = true;
        }
        ok = true;
    }
    json_decref(json);
    return ok;
}

bool
ca_client_issuer(struct ca_client *client, const char *name, struct buf *der,
                 struct error *err)
{
    json_t *json = NULL;
    json_t *issuers;
    json_t *issuer;
    const char *text;
    size_t i;
    bool ok = false;

    if (!ask(client, HTTP_GET, "/v1/issuers", NULL, &json, err))
        return false;
    if (!json_get_array(json, "issuers", &issuers, err))
        goto out;
    error_set(err, ERROR_NOT_FOUND, "signet-ca lists no issuer %s", name);
    json_array_foreach(issuers, i, issuer)
    {
        if (json_get_text(issuer, "name", API_NAME_MAX, &text, err) &&
            strcmp(text, name) == 0) {
            ok = json_get_bytes(issuer, "certificate", API_CERTIFICATE_MAX, der,
                                err);
            break;
        }
    }
out:
    json_decref(json);
    return ok;
}
