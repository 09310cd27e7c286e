/* Growing octets with a limit; see base/buf.h. */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

enum { FIRST_CAP = 256, ROOM_FIRST = 16 };

void *
base_alloc(size_t size)
{
    void *p = calloc(1, size > 0 ? size : 1);

    if (p == NULL)
        abort();
    return p;
}

void *
base_copy(const void *data, size_t len)
{
    void *p = base_alloc(len);

    if (len > 0)
        memcpy(p, data, len);
    return p;
}

char *
base_text_copy(const char *text)
{
    return text == NULL ? NULL : base_copy(text, strlen(text) + 1);
}

void *
base_grow(void *take_array, size_t count, size_t *room, size_t size)
{
    void *p;

    if (count < *room)
        return take_array;
    *room = *room == 0 ? ROOM_FIRST : 2 * *room;
    p = realloc(take_array, *room * size);
    if (p == NULL)
        abort();
    return p;
}

/* Makes room for `more` octets and a NUL. */
static bool
reserve(struct buf *buf, size_t more)
{
    size_t cap = buf->cap > 0 ? buf->cap : FIRST_CAP;
    uint8_t *data;

    if (buf->is_overrun || more > buf->limit || buf->len > buf->limit - more) {
        buf->is_overrun = true;
        return false;
    }
    while (cap < buf->len + more + 1)
        cap *= 2;
    if (cap == buf->cap)
        return true;
    data = realloc(buf->data, cap);
    if (data == NULL)
        abort();
    buf->data = data;
    buf->cap = cap;
    return true;
}

bool
buf_add(struct buf *buf, const void *data, size_t len)
{
    if (!reserve(buf, len))
        return false;
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return true;
}

bool
buf_add_byte(struct buf *buf, uint8_t octet)
{
    return buf_add(buf, &octet, 1);
}

bool
buf_add_text(struct buf *buf, const char *text)
{
    return buf_add(buf, text, strlen(text));
}

bool
buf_addf(struct buf *buf, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    if (!reserve(buf, (size_t)len))
        return false;
    va_start(args, format);
    (void)vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format,
                    args);
    va_end(args);
    buf->len += (size_t)len;
    return true;
}

bool
buf_is_full(const struct buf *buf)
{
    return buf->is_overrun;
}

const char *
buf_text(const struct buf *buf)
{
    return buf->data == NULL ? "" : (const char *)buf->data;
}

void
buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->is_overrun = false;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

void
buf_clear(struct buf *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->len = buf->cap = 0;
    buf->is_overrun = false;
}

void
buf_cleanse(struct buf *buf)
{
    if (buf->data != NULL)
        OPENSSL_cleanse(buf->data, buf->cap);
    buf_clear(buf);
}

uint8_t *
buf_take(struct buf *buf, size_t *len)
{
    uint8_t *data = buf->data != NULL ? buf->data : base_alloc(1);

    *len = buf->len;
    buf->data = NULL;
    buf->len = buf->cap = 0;
    buf->is_overrun = false;
    return data;
}
