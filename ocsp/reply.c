/* HTTP answers in one piece; see ocsp/reply.h. */
#include "ocsp/reply.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

enum { HEAD_MAX = 1024, DATE_LEN = 29, SHA256_LEN = 32 };

static const char *
reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {431, "Request Header Fields Too Large"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    size_t i;

    for (i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Error";
}

/* IMF-fixdate: RFC 9110, 5.6.7. */
static void
format_date(int64_t at, char out[DATE_LEN + 1])
{
    static const char day[7][4] = {"Thu", "Fri", "Sat", "Sun",
                                   "Mon", "Tue", "Wed"};
    static const char month[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct clock_date d;
    int len;

    clock_split(at, &d);
    len = snprintf(out, DATE_LEN + 1, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                   day[at / 86400 % 7], d.day, month[d.month - 1], d.year,
                   d.hour, d.minute, d.second);
    assert(len == DATE_LEN);
}

/* The digest fetched once: by name it costs more than the hashing
 * (performance.md, 11). */
static EVP_MD *
sha256(void)
{
    static _Atomic(EVP_MD *) fetched;
    EVP_MD *md = atomic_load(&fetched), *other = NULL;

    if (md != NULL)
        return md;
    if ((md = EVP_MD_fetch(NULL, "SHA256", NULL)) == NULL)
        abort();
    if (!atomic_compare_exchange_strong(&fetched, &other, md)) {
        EVP_MD_free(md);
        md = other;
    }
    return md;
}

/* RFC 9919, 6.2: the ETag is the hex of a hash of the answer. */
static void
make_etag(const void *body, size_t len, char out[REPLY_ETAG_LEN + 1])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t digest[SHA256_LEN];

    if (ctx == NULL || EVP_DigestInit_ex2(ctx, sha256(), NULL) != 1 ||
        EVP_DigestUpdate(ctx, body, len) != 1 ||
        EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
        abort();
    EVP_MD_CTX_free(ctx);
    out[0] = '"';
    text_hex(digest, sizeof digest, out + 1);
    out[REPLY_ETAG_LEN - 1] = '"';
    out[REPLY_ETAG_LEN] = '\0';
}

static struct ocsp_reply *
assemble(const struct buf *head, size_t rest_at, const void *body, size_t len)
{
    struct ocsp_reply *reply = base_alloc(sizeof *reply + head->len + len);

    assert(!buf_is_full(head));
    atomic_init(&reply->refs, 1);
    reply->head_len = head->len;
    reply->rest_at = rest_at;
    reply->len = head->len + len;
    memcpy(reply->data, head->data, head->len);
    if (len > 0)
        memcpy(reply->data + head->len, body, len);
    return reply;
}

static void
begin_head(struct buf *head, int status, const char *content_type, size_t len)
{
    buf_addf(head,
             "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n",
             status, reason_phrase(status), content_type, len);
}

struct ocsp_reply *
ocsp_reply_new(int status, const char *content_type,
               const struct ocsp_reply_times *times, const void *body,
               size_t body_len)
{
    struct buf head = BUF_INIT(HEAD_MAX);
    char date[DATE_LEN + 1], modified[DATE_LEN + 1], expires[DATE_LEN + 1];
    char etag[REPLY_ETAG_LEN + 1];
    struct ocsp_reply *reply;
    size_t rest_at;

    if (times == NULL)
        return ocsp_reply_new_with(status, content_type, "", body, body_len);
    begin_head(&head, status, content_type, body_len);
    rest_at = head.len;
    format_date(times->now, date);
    format_date(times->last_modified, modified);
    format_date(times->expires, expires);
    make_etag(body, body_len, etag);
    buf_addf(&head,
             "Date: %s\r\nLast-Modified: %s\r\nExpires: %s\r\nETag: %s\r\n"
             "Cache-Control: max-age=%lld, public, no-transform, "
             "must-revalidate\r\n\r\n",
             date, modified, expires, etag, (long long)times->max_age_s);
    reply = assemble(&head, rest_at, body, body_len);
    memcpy(reply->etag, etag, sizeof etag);
    buf_clear(&head);
    return reply;
}

struct ocsp_reply *
ocsp_reply_new_with(int status, const char *content_type, const char *line,
                    const void *body, size_t body_len)
{
    struct buf head = BUF_INIT(HEAD_MAX);
    char date[DATE_LEN + 1];
    struct ocsp_reply *reply;
    size_t rest_at;

    format_date(clock_now(), date);
    begin_head(&head, status, content_type, body_len);
    rest_at = head.len;
    buf_addf(&head, "Date: %s\r\nCache-Control: no-store\r\n%s\r\n", date,
             line);
    reply = assemble(&head, rest_at, body, body_len);
    buf_clear(&head);
    return reply;
}

struct ocsp_reply *
ocsp_reply_not_modified(const struct ocsp_reply *reply)
{
    struct buf head = BUF_INIT(HEAD_MAX);
    struct ocsp_reply *out;
    size_t rest_at;

    buf_addf(&head, "HTTP/1.1 304 %s\r\n", reason_phrase(304));
    rest_at = head.len;
    buf_add(&head, reply->data + reply->rest_at,
            reply->head_len - reply->rest_at);
    out = assemble(&head, rest_at, NULL, 0);
    buf_clear(&head);
    return out;
}

struct ocsp_reply *
ocsp_reply_variant(const struct ocsp_reply *reply, bool is_close, bool is_head)
{
    struct buf head = BUF_INIT(HEAD_MAX);
    struct ocsp_reply *out;

    buf_add(&head, reply->data, reply->head_len - 2);
    if (is_close)
        buf_add_text(&head, "Connection: close\r\n");
    buf_add_text(&head, "\r\n");
    out = assemble(&head, reply->rest_at, reply->data + reply->head_len,
                   is_head ? 0 : reply->len - reply->head_len);
    buf_clear(&head);
    return out;
}

struct ocsp_reply *
ocsp_reply_ref(struct ocsp_reply *reply)
{
    atomic_fetch_add_explicit(&reply->refs, 1, memory_order_relaxed);
    return reply;
}

void
ocsp_reply_unref(struct ocsp_reply *reply)
{
    if (reply != NULL && atomic_fetch_sub(&reply->refs, 1) == 1)
        free(reply);
}

/* Weak comparison, as 13.1.2 asks: a leading W/ makes no difference. */
bool
ocsp_reply_matches(const struct ocsp_reply *reply, const char *if_none_match,
                   size_t len)
{
    if (reply->etag[0] == '\0')
        return false;
    if (len == 1 && if_none_match[0] == '*')
        return true;
    return memmem(if_none_match, len, reply->etag, REPLY_ETAG_LEN) != NULL;
}
