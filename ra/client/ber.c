/* The outside of a CMS file; see ra/client/ber.h. */
#include "ra/client/ber.h"

#include <string.h>

enum {
    CONSTRUCTED = 0x20,
    OCTET_STRING = 0x04,
    LENGTH_OCTETS_MAX = 8,
};

void
ber_init(struct ber *ber, FILE *file)
{
    memset(ber, 0, sizeof *ber);
    ber->file = file;
}

static bool
broken(struct ber *ber, const char *what, struct error *err)
{
    return error_set(err, ERROR_INPUT, "no CMS file: %s at octet %llu", what,
                     (unsigned long long)ber->position);
}

/* At least `wanted` (up to 16) octets in the buffer, or false at the end. */
static bool
have(struct ber *ber, size_t wanted)
{
    if (ber->len - ber->at >= wanted)
        return true;
    memmove(ber->buffer, ber->buffer + ber->at, ber->len - ber->at);
    ber->len -= ber->at;
    ber->at = 0;
    ber->len += fread(ber->buffer + ber->len, 1, sizeof ber->buffer - ber->len,
                      ber->file);
    return ber->len >= wanted;
}

static void
skip(struct ber *ber, size_t len)
{
    ber->at += len;
    ber->position += len;
}

/* A header: one tag octet (numbers to 30), and the length. */
struct header {
    uint8_t tag;
    bool is_indefinite;
    uint64_t len;
    size_t header_len;
};

static bool
look(struct ber *ber, struct header *out, struct error *err)
{
    const uint8_t *p;
    size_t count;

    if (!have(ber, 2))
        return broken(ber, "it ends too soon", err);
    p = ber->buffer + ber->at;
    out->tag = p[0];
    if ((p[0] & 0x1f) == 0x1f)
        return broken(ber, "a tag that is not used", err);
    out->is_indefinite = p[1] == 0x80;
    out->header_len = 2;
    out->len = p[1];
    if (out->is_indefinite)
        return (p[0] & CONSTRUCTED) != 0 ||
               broken(ber, "an indefinite length of a primitive value", err);
    if (p[1] < 0x80)
        return true;
    count = p[1] & 0x7f;
    if (count > LENGTH_OCTETS_MAX)
        return broken(ber, "a length that is too long", err);
    if (!have(ber, 2 + count))
        return broken(ber, "it ends too soon", err);
    p = ber->buffer + ber->at;
    out->len = 0;
    for (size_t i = 0; i < count; i++)
        out->len = out->len << 8 | p[2 + i];
    if (out->len > INT64_MAX)
        return broken(ber, "a length that is too long", err);
    out->header_len = 2 + count;
    return true;
}

/* Whether a value of definite length fits into what is open. */
static bool
fits(struct ber *ber, const struct header *header, struct error *err)
{
    uint64_t end = ber->position + header->header_len + header->len;

    for (size_t i = ber->depth; i-- > 0;)
        if (ber->end[i] != UINT64_MAX)
            return end <= ber->end[i] ||
                   broken(ber, "a value that is longer than what holds it",
                          err);
    return true;
}

bool
ber_peek(struct ber *ber, uint8_t *tag, bool *is_end, struct error *err)
{
    struct header header;

    *is_end = false;
    if (ber->depth > 0 && ber->end[ber->depth - 1] != UINT64_MAX) {
        if (ber->position == ber->end[ber->depth - 1]) {
            *is_end = true;
            return true;
        }
    }
    if (!look(ber, &header, err))
        return false;
    if (header.tag == 0 && header.len == 0 && !header.is_indefinite) {
        if (ber->depth == 0 || ber->end[ber->depth - 1] != UINT64_MAX)
            return broken(ber, "an end of contents out of place", err);
        *is_end = true;
    }
    *tag = header.tag;
    return true;
}

bool
ber_enter(struct ber *ber, uint8_t tag, struct error *err)
{
    struct header header;

    if (!look(ber, &header, err))
        return false;
    if (header.tag != tag || (tag & CONSTRUCTED) == 0)
        return broken(ber, "another value was expected", err);
    if (ber->depth == BER_DEPTH_MAX)
        return broken(ber, "too deep", err);
    if (!header.is_indefinite && !fits(ber, &header, err))
        return false;
    skip(ber, header.header_len);
    ber->end[ber->depth++] =
        header.is_indefinite ? UINT64_MAX : ber->position + header.len;
    return true;
}

bool
ber_leave(struct ber *ber, struct error *err)
{
    uint8_t tag;
    bool is_end;

    if (!ber_peek(ber, &tag, &is_end, err))
        return false;
    if (!is_end)
        return broken(ber, "more than there should be", err);
    if (ber->end[ber->depth - 1] == UINT64_MAX)
        skip(ber, 2);
    ber->depth--;
    return true;
}

/* `len` octets, in pieces as they are read. */
static bool
pass(struct ber *ber, uint64_t len, ber_each *each, void *arg,
     struct error *err)
{
    while (len > 0) {
        size_t piece;

        if (!have(ber, 1))
            return broken(ber, "it ends too soon", err);
        piece = ber->len - ber->at;
        if (piece > len)
            piece = (size_t)len;
        if (!each(ber->buffer + ber->at, piece, arg, err))
            return false;
        skip(ber, piece);
        len -= piece;
    }
    return true;
}

static bool
collect(const uint8_t *data, size_t len, void *arg, struct error *err)
{
    return buf_add(arg, data, len) ||
           error_set(err, ERROR_INPUT, "a part of the file is too long");
}

bool
ber_take(struct ber *ber, uint8_t tag, struct buf *out, struct error *err)
{
    struct header header;

    if (!look(ber, &header, err))
        return false;
    if (header.tag != tag)
        return broken(ber, "another value was expected", err);
    if (header.is_indefinite)
        return broken(ber, "a value that should be in DER", err);
    return fits(ber, &header, err) &&
           pass(ber, header.header_len + header.len, collect, out, err);
}

static bool
stream_primitive(struct ber *ber, uint8_t tag, ber_each *each, void *arg,
                 struct error *err)
{
    struct header header;

    if (!look(ber, &header, err))
        return false;
    if (header.tag != tag || header.is_indefinite)
        return broken(ber, "another value was expected", err);
    if (!fits(ber, &header, err))
        return false;
    skip(ber, header.header_len);
    return pass(ber, header.len, each, arg, err);
}

bool
ber_stream(struct ber *ber, uint8_t primitive, ber_each *each, void *arg,
           struct error *err)
{
    uint8_t constructed = primitive | CONSTRUCTED;
    size_t floor = ber->depth;
    uint8_t tag;
    bool is_end;

    if (!ber_peek(ber, &tag, &is_end, err))
        return false;
    if (is_end || (tag != primitive && tag != constructed))
        return broken(ber, "another value was expected", err);
    if (tag == primitive)
        return stream_primitive(ber, primitive, each, arg, err);
    if (!ber_enter(ber, constructed, err))
        return false;
    while (ber->depth > floor) {
        if (!ber_peek(ber, &tag, &is_end, err))
            return false;
        if (is_end ? !ber_leave(ber, err)
            : tag == (OCTET_STRING | CONSTRUCTED)
                ? !ber_enter(ber, tag, err)
                : !stream_primitive(ber, OCTET_STRING, each, arg, err))
            return false;
    }
    return true;
}

bool
ber_finish(struct ber *ber, struct error *err)
{
    if (have(ber, 1))
        return broken(ber, "something follows", err);
    return !ferror(ber->file) ||
           error_errno(err, ERROR_INTERNAL, "the file cannot be read");
}
