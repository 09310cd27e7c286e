/* CRLs and CA certificates over HTTP; see ocsp/published.h. */
#include "ocsp/published.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { PEM_LINE = 64, PEM_MAX = 64 * 1024 };

struct ocsp_published *
ocsp_published_new(size_t max)
{
    struct ocsp_published *list =
        base_alloc(sizeof *list + max * sizeof list->at[0]);

    list->max = max;
    return list;
}

void
ocsp_published_free(struct ocsp_published *list)
{
    size_t i;

    if (list == NULL)
        return;
    for (i = 0; i < list->count; i++)
        ocsp_reply_unref(list->at[i].reply);
    free(list);
}

const struct ocsp_published_item *
ocsp_published_find(const struct ocsp_published *list, struct http_span path)
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
body_of(const struct ocsp_reply *reply)
{
    return (struct der){reply->data + reply->head_len,
                        reply->len - reply->head_len};
}

/* Takes the reply. Issuers' names are at most 64 octets, so paths fit. */
static void
add(struct ocsp_published_maker *maker, const char *path, int64_t version,
    int64_t remake_at, struct ocsp_reply *take_reply)
{
    struct ocsp_published_item *item = &maker->list->at[maker->list->count];

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
add_or_keep(struct ocsp_published_maker *maker, const char *path,
            int64_t version, const char *type,
            const struct ocsp_reply_times *times, struct der body)
{
    const struct ocsp_published_item *old =
        ocsp_published_find(maker->old, span_of(path));

    if (old != NULL && old->version == version && maker->now < old->remake_at &&
        der_equal(body_of(old->reply), body))
        add(maker, path, version, old->remake_at, ocsp_reply_ref(old->reply));
    else
        add(maker, path, version, maker->now + times->max_age_s / 2,
            ocsp_reply_new(200, type, times, body.data, body.len));
}

void
ocsp_published_add_certificate(struct ocsp_published_maker *maker,
                               const char *name, struct der certificate,
                               int64_t max_age_s)
{
    const struct ocsp_reply_times times = {maker->now, maker->now,
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
crl_path(const struct ocsp_published_crl *crl, char out[PUBLISHED_PATH_MAX])
{
    (void)snprintf(out, PUBLISHED_PATH_MAX, "/crl/%s.crl", crl->name);
}

bool
ocsp_published_keep_crl(struct ocsp_published_maker *maker,
                        const struct ocsp_published_crl *crl, int64_t max_age_s)
{
    char path[PUBLISHED_PATH_MAX];
    const struct ocsp_published_item *old;

    crl_path(crl, path);
    old = ocsp_published_find(maker->old, span_of(path));
    if (old == NULL || old->version != crl->number)
        return false;
    ocsp_published_add_crl(maker, crl, body_of(old->reply), max_age_s);
    return true;
}

/* RFC 2585, 4.2; fresh until its nextUpdate at most. */
void
ocsp_published_add_crl(struct ocsp_published_maker *maker,
                       const struct ocsp_published_crl *crl, struct der der,
                       int64_t max_age_s)
{
    struct ocsp_reply_times times = {maker->now, crl->this_update,
                                     crl->next_update, max_age_s};
    char path[PUBLISHED_PATH_MAX];

    if (times.max_age_s > crl->next_update - maker->now)
        times.max_age_s =
            crl->next_update > maker->now ? crl->next_update - maker->now : 0;
    crl_path(crl, path);
    add_or_keep(maker, path, crl->number, "application/pkix-crl", &times, der);
}
