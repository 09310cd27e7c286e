/* CRLs and CA certificates over HTTP; see ocsp/published.h. */
#include "ocsp/published.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { PEM_LINE = 64, PEM_MAX = 64 * 1024 };

struct published *
published_new(size_t max)
{
    struct published *list =
        base_alloc(sizeof *list + max * sizeof list->at[0]);

    list->max = max;
    return list;
}

void
published_free(struct published *list)
{
    size_t i;

    if (list == NULL)
        return;
    for (i = 0; i < list->count; i++)
        reply_unref(list->at[i].reply);
    free(list);
}

const struct published_item *
published_find(const struct published *list, struct http_span path)
{
    size_t i;

    for (i = 0; i < list->count; i++)
        if (strlen(list->at[i].path) == path.len &&
            memcmp(list->at[i].path, path.data, path.len) == 0)
            return &list->at[i];
    return NULL;
}

/* RFC 7468, 5. */
static void
add_pem(struct buf *out, struct der certificate)
{
    struct buf base64 = BUF_INIT(PEM_MAX);
    size_t at, len;

    text_base64(certificate.data, certificate.len, &base64);
    buf_add_text(out, "-----BEGIN CERTIFICATE-----\n");
    for (at = 0; at < base64.len; at += len) {
        len = base64.len - at < PEM_LINE ? base64.len - at : PEM_LINE;
        buf_add(out, base64.data + at, len);
        buf_add_byte(out, '\n');
    }
    buf_add_text(out, "-----END CERTIFICATE-----\n");
    buf_clear(&base64);
}

static struct http_span
span_of(const char *text)
{
    return (struct http_span){text, strlen(text)};
}

static struct der
body_of(const struct reply *reply)
{
    return (struct der){reply->data + reply->head_len,
                        reply->len - reply->head_len};
}

/* Takes the reply. Issuers' names are at most 64 octets, so paths fit. */
static void
add(struct published_maker *maker, const char *path, int64_t version,
    int64_t remake_at, struct reply *take_reply)
{
    struct published_item *item = &maker->list->at[maker->list->count];

    assert(maker->list->count < maker->list->max);
    (void)snprintf(item->path, sizeof item->path, "%s", path);
    item->version = version;
    item->remake_at = remake_at;
    item->reply = take_reply;
    maker->list->count++;
}

/* The old item if it says the same and its Date is not too old, else a new
 * one. `body` may be the old item's. */
static void
add_or_keep(struct published_maker *maker, const char *path, int64_t version,
            const char *type, const struct reply_times *times, struct der body)
{
    const struct published_item *old =
        published_find(maker->old, span_of(path));

    if (old != NULL && old->version == version && maker->now < old->remake_at &&
        der_equal(body_of(old->reply), body))
        add(maker, path, version, old->remake_at, reply_ref(old->reply));
    else
        add(maker, path, version, maker->now + times->max_age_s / 2,
            reply_new(200, type, times, body.data, body.len));
}

void
published_add_certificate(struct published_maker *maker, const char *name,
                          struct der certificate, int64_t max_age_s)
{
    const struct reply_times times = {maker->now, maker->now,
                                      maker->now + max_age_s, max_age_s};
    struct buf pem = BUF_INIT(PEM_MAX);
    char path[PUBLISHED_PATH_MAX];

    (void)snprintf(path, sizeof path, "/ca/%s.cer", name);
    add_or_keep(maker, path, 0, "application/pkix-cert", &times, certificate);
    add_pem(&pem, certificate);
    (void)snprintf(path, sizeof path, "/ca/%s.pem", name);
    add_or_keep(maker, path, 0, "application/pem-certificate-chain", &times,
                (struct der){pem.data, pem.len});
    buf_clear(&pem);
}

static void
crl_path(const struct published_crl *crl, char out[PUBLISHED_PATH_MAX])
{
    (void)snprintf(out, PUBLISHED_PATH_MAX, "/crl/%s.crl", crl->name);
}

bool
published_keep_crl(struct published_maker *maker,
                   const struct published_crl *crl, int64_t max_age_s)
{
    char path[PUBLISHED_PATH_MAX];
    const struct published_item *old;

    crl_path(crl, path);
    old = published_find(maker->old, span_of(path));
    if (old == NULL || old->version != crl->number)
        return false;
    published_add_crl(maker, crl, body_of(old->reply), max_age_s);
    return true;
}

/* RFC 2585, 4.2; fresh until its nextUpdate at most. */
void
published_add_crl(struct published_maker *maker,
                  const struct published_crl *crl, struct der der,
                  int64_t max_age_s)
{
    struct reply_times times = {maker->now, crl->this_update, crl->next_update,
                                max_age_s};
    char path[PUBLISHED_PATH_MAX];

    if (times.max_age_s > crl->next_update - maker->now)
        times.max_age_s =
            crl->next_update > maker->now ? crl->next_update - maker->now : 0;
    crl_path(crl, path);
    add_or_keep(maker, path, crl->number, "application/pkix-crl", &times, der);
}
