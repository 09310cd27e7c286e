/* Talking to the payment provider: ra/payment_provider.h. What it says is read
 * in ra/payment_provider_read.c. */
#include "ra/payment_provider.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "ra/payment_provider_read.h"
#include "ra/signed_call.h"

struct payment_provider {
    struct http_client *client;
    const char *base_path;
    const char *notify_base; /* ra.public_url */
    struct signed_key *ours, *theirs;
};

bool
payment_provider_is_set(const struct config *config)
{
    return config_text(config, "ra.payment_url")[0] != '\0';
}

bool
payment_provider_new(const struct config *config, struct payment_provider **out,
                     struct error *err)
{
    struct payment_provider *provider = base_alloc(sizeof *provider);

    provider->notify_base = config_text(config, "ra.public_url");
    if (!outside_client_new(config, "ra.payment_url", PROVIDER_STATEMENT_MAX,
                            &provider->client, &provider->base_path, err) ||
        !signed_key_private(config_path(config, "ra.payment_key_file"),
                            &provider->ours, err) ||
        !signed_key_public(config_path(config, "ra.payment_provider_key_file"),
                           &provider->theirs, err)) {
        payment_provider_free(provider);
        return error_wrap(err, "payment provider");
    }
    *out = provider;
    return true;
}

void
payment_provider_free(struct payment_provider *provider)
{
    if (provider == NULL)
        return;
    http_client_free(provider->client);
    signed_key_free(provider->ours);
    signed_key_free(provider->theirs);
    free(provider);
}

/* One call; an answer of 400 and above is an error. The caller clears. */
static bool
call(struct payment_provider *provider, enum http_method method,
     const char *path, json_t *take_body, int64_t now,
     struct http_answer *answer, struct error *err)
{
    char *text = take_body == NULL ? NULL : json_dumps(take_body, JSON_COMPACT);
    bool ok =
        signed_exchange(provider->client, provider->ours, provider->theirs,
                        method, provider->base_path, path, text,
                        text == NULL ? 0 : strlen(text), now, answer, err);

    free(text);
    json_decref(take_body);
    if (ok && answer->status >= 400)
        ok = http_answer_error(answer, err);
    return ok || error_wrap(err, "payment provider");
}

bool
payment_provider_order(struct payment_provider *provider, const char *id,
                       int64_t amount, const char *subject, int64_t now,
                       struct provider_order *out, struct error *err)
{
    json_t *body = json_object();
    struct buf notify = BUF_INIT(PROVIDER_URL_MAX);
    struct http_answer answer;
    bool ok;

    (void)buf_addf(&notify, "%s/v1/callbacks/payment", provider->notify_base);
    json_set_text(body, "order", id);
    json_set_int(body, "amount", amount);
    json_set_text(body, "currency", "CNY");
    json_set_text(body, "subject", subject);
    json_set_text(body, "notify_url", buf_text(&notify));
    ok = call(provider, HTTP_POST, "/v1/orders", body, now, &answer, err) &&
         provider_order_read(answer.body.data, answer.body.len, id, out, err);
    if (ok && out->amount != amount)
        ok = error_set(err, ERROR_CONFLICT,
                       "the provider has order %s with another amount", id);
    http_answer_clear(&answer);
    buf_clear(&notify);
    return ok;
}

bool
payment_provider_query(struct payment_provider *provider, const char *id,
                       int64_t now, struct provider_order *out,
                       struct error *err)
{
    char path[64];
    struct http_answer answer;
    bool ok;

    (void)snprintf(path, sizeof path, "/v1/orders/%s", id);
    ok = call(provider, HTTP_GET, path, NULL, now, &answer, err) &&
         provider_order_read(answer.body.data, answer.body.len, id, out, err);
    http_answer_clear(&answer);
    return ok;
}

bool
payment_provider_refund(struct payment_provider *provider,
                        const char *refund_id, const char *order_id,
                        int64_t amount, int64_t now,
                        struct provider_refund *out, struct error *err)
{
    json_t *body = json_object();
    struct http_answer answer;
    bool ok;

    json_set_text(body, "refund", refund_id);
    json_set_text(body, "order", order_id);
    json_set_int(body, "amount", amount);
    ok = call(provider, HTTP_POST, "/v1/refunds", body, now, &answer, err) &&
         provider_refund_read(answer.body.data, answer.body.len, refund_id, out,
                              err);
    http_answer_clear(&answer);
    return ok;
}

bool
payment_provider_statement(struct payment_provider *provider, const char *day,
                           int64_t now, struct buf *out, struct error *err)
{
    char path[64];
    struct http_answer answer;
    bool ok;

    (void)snprintf(path, sizeof path, "/v1/statements/%s", day);
    ok = call(provider, HTTP_GET, path, NULL, now, &answer, err);
    if (ok && !buf_add(out, answer.body.data, answer.body.len))
        ok = error_set(err, ERROR_INTERNAL, "the statement is too long");
    http_answer_clear(&answer);
    return ok;
}
