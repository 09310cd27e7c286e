/* Strict DER; see base/der.h. X.690 clauses where a rule comes from one. */
#include "base/der.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

bool
der_next(struct der *in, struct der_item *item)
{
    size_t head = 2, len, i, octets;

    if (in->len < 2 || (in->data[0] & 0x1f) == 0x1f)
        return false;
    len = in->data[1];
    if (len >= 0x80) {
        octets = len & 0x7f;
        /* 0x80 is the indefinite form; more than 4 octets is no size here. */
        if (octets == 0 || octets > 4 || in->len - 2 < octets)
            return false;
        len = 0;
        for (i = 0; i < octets; i++)
            len = len << 8 | in->data[2 + i];
        /* The shortest form and no other: 10.1. */
        if (in->data[2] == 0 || len < 0x80)
            return false;
        head += octets;
    }
    if (len > in->len - head)
        return false;
    item->tag = in->data[0];
    item->value.data = in->data + head;
    item->value.len = len;
    item->whole.data = in->data;
    item->whole.len = head + len;
    in->data += head + len;
    in->len -= head + len;
    return true;
}

bool
der_take(struct der *in, uint8_t tag, struct der *value)
{
    struct der_item item;

    if (in->len == 0 || in->data[0] != tag || !der_next(in, &item))
        return false;
    *value = item.value;
    return true;
}

bool
der_take_optional(struct der *in, uint8_t tag, struct der *value)
{
    value->data = NULL;
    value->len = 0;
    if (in->len == 0 || in->data[0] != tag)
        return true;
    return der_take(in, tag, value);
}

bool
der_take_unsigned(struct der *in, struct der *value)
{
    struct der v;

    if (!der_take(in, DER_INTEGER, &v) || v.len == 0 || v.data[0] >= 0x80)
        return false;
    if (v.data[0] == 0 && v.len > 1) {
        if (v.data[1] < 0x80) /* 8.3.2: no needless sign octet */
            return false;
        v.data++;
        v.len--;
    }
    *value = v;
    return true;
}

bool
der_take_small(struct der *in, int64_t max, int64_t *out)
{
    struct der v;
    int64_t n = 0;
    size_t i;

    if (!der_take_unsigned(in, &v) || v.len > 7)
        return false;
    for (i = 0; i < v.len; i++)
        n = n << 8 | v.data[i];
    if (n > max)
        return false;
    *out = n;
    return true;
}

bool
der_take_boolean(struct der *in, bool *out)
{
    struct der v;

    /* 11.1: TRUE is 0xff. */
    if (!der_take(in, DER_BOOLEAN, &v) || v.len != 1 ||
        (v.data[0] != 0 && v.data[0] != 0xff))
        return false;
    *out = v.data[0] != 0;
    return true;
}

bool
der_take_oid(struct der *in, struct der *content)
{
    struct der rest = *in, v;
    bool is_arc_start = true;
    size_t i;

    if (!der_take(&rest, DER_OID, &v) || v.len == 0)
        return false;
    for (i = 0; i < v.len; i++) {
        if (is_arc_start && v.data[i] == 0x80) /* a needless leading zero */
            return false;
        is_arc_start = (v.data[i] & 0x80) == 0;
    }
    if (!is_arc_start) /* the last arc does not end */
        return false;
    *in = rest;
    *content = v;
    return true;
}

bool
der_take_octet_bits(struct der *in, struct der *value)
{
    struct der v;

    if (!der_take(in, DER_BIT_STRING, &v) || v.len < 1 || v.data[0] != 0)
        return false;
    value->data = v.data + 1;
    value->len = v.len - 1;
    return true;
}

bool
der_take_time(struct der *in, int64_t *out)
{
    struct der_item item;
    struct clock_date d;
    char text[CLOCK_TEXT_LEN + 1];
    const char *p;
    size_t i;

    if (!der_next(in, &item))
        return false;
    if ((item.tag != DER_UTC_TIME || item.value.len != 13) &&
        (item.tag != DER_GENERALIZED_TIME || item.value.len != 15))
        return false;
    for (i = 0; i + 1 < item.value.len; i++)
        if (item.value.data[i] < '0' || item.value.data[i] > '9')
            return false;
    if (item.value.data[i] != 'Z')
        return false;
    /* UTCTime: 50 to 99 are 19xx (RFC 5280, 4.1.2.5.1). */
    if (item.tag == DER_UTC_TIME)
        (void)snprintf(text, sizeof text, "%s%.12s",
                       item.value.data[0] >= '5' ? "19" : "20",
                       (const char *)item.value.data);
    else
        (void)snprintf(text, sizeof text, "%.14s",
                       (const char *)item.value.data);
    p = text;
    d.year = (p[0] - '0') * 1000 + (p[1] - '0') * 100 + (p[2] - '0') * 10 +
             (p[3] - '0');
    d.month = (p[4] - '0') * 10 + (p[5] - '0');
    d.day = (p[6] - '0') * 10 + (p[7] - '0');
    d.hour = (p[8] - '0') * 10 + (p[9] - '0');
    d.minute = (p[10] - '0') * 10 + (p[11] - '0');
    d.second = (p[12] - '0') * 10 + (p[13] - '0');
    /* A GeneralizedTime before 2050 is taken too: OCSP has no other form. */
    return clock_join(&d, out);
}

bool
der_equal(struct der a, struct der b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

size_t
der_begin(struct buf *out, uint8_t tag)
{
    (void)buf_add_byte(out, tag);
    (void)buf_add_byte(out, 0);
    return out->len;
}

void
der_end(struct buf *out, size_t mark)
{
    static const uint8_t room[4] = {0};
    size_t len, octets = 0, i;

    if (buf_is_full(out))
        return;
    assert(mark >= 2 && mark <= out->len);
    len = out->len - mark;
    if (len < 0x80) {
        out->data[mark - 1] = (uint8_t)len;
        return;
    }
    while (octets < 4 && len >> (8 * octets) != 0)
        octets++;
    if (!buf_add(out, room, octets))
        return;
    memmove(out->data + mark + octets, out->data + mark, len);
    out->data[mark - 1] = (uint8_t)(0x80 | octets);
    for (i = 0; i < octets; i++)
        out->data[mark + i] = (uint8_t)(len >> (8 * (octets - 1 - i)));
}

void
der_add(struct buf *out, uint8_t tag, const void *value, size_t len)
{
    size_t mark = der_begin(out, tag);

    (void)buf_add(out, value, len);
    der_end(out, mark);
}

void
der_add_unsigned(struct buf *out, const uint8_t *magnitude, size_t len)
{
    size_t mark = der_begin(out, DER_INTEGER);

    while (len > 1 && magnitude[0] == 0) {
        magnitude++;
        len--;
    }
    if (len == 0 || magnitude[0] >= 0x80)
        (void)buf_add_byte(out, 0);
    (void)buf_add(out, magnitude, len);
    der_end(out, mark);
}

void
der_add_small(struct buf *out, int64_t value)
{
    uint8_t octet[8];
    size_t i;

    assert(value >= 0);
    for (i = 0; i < 8; i++)
        octet[i] = (uint8_t)(value >> (8 * (7 - i)));
    der_add_unsigned(out, octet, sizeof octet);
}

void
der_add_boolean(struct buf *out, bool value)
{
    uint8_t octet = value ? 0xff : 0;

    der_add(out, DER_BOOLEAN, &octet, 1);
}

void
der_add_null(struct buf *out)
{
    der_add(out, DER_NULL, NULL, 0);
}

void
der_add_oid(struct buf *out, const uint8_t *content, size_t len)
{
    der_add(out, DER_OID, content, len);
}

void
der_add_octet_bits(struct buf *out, const void *value, size_t len)
{
    size_t mark = der_begin(out, DER_BIT_STRING);

    (void)buf_add_byte(out, 0);
    (void)buf_add(out, value, len);
    der_end(out, mark);
}

void
der_add_named_bits(struct buf *out, uint16_t bits, unsigned count)
{
    size_t mark = der_begin(out, DER_BIT_STRING);
    uint8_t octet[2] = {0};
    unsigned i, used = 0;

    assert(count <= 16);
    for (i = 0; i < count; i++)
        if ((bits >> i & 1) != 0) {
            octet[i / 8] |= (uint8_t)(0x80 >> (i % 8));
            used = i + 1;
        }
    (void)buf_add_byte(out, (uint8_t)((8 - used % 8) % 8));
    (void)buf_add(out, octet, (used + 7) / 8);
    der_end(out, mark);
}

void
der_add_generalized_time(struct buf *out, int64_t at)
{
    struct clock_date d;
    char text[80];

    clock_split(at, &d);
    (void)snprintf(text, sizeof text, "%04d%02d%02d%02d%02d%02dZ", d.year,
                   d.month, d.day, d.hour, d.minute, d.second);
    der_add(out, DER_GENERALIZED_TIME, text, 15);
}

void
der_add_time(struct buf *out, int64_t at)
{
    struct clock_date d;
    char text[80];

    clock_split(at, &d);
    if (d.year < 1950 || d.year >= 2050) {
        der_add_generalized_time(out, at);
        return;
    }
    (void)snprintf(text, sizeof text, "%02d%02d%02d%02d%02d%02dZ", d.year % 100,
                   d.month, d.day, d.hour, d.minute, d.second);
    der_add(out, DER_UTC_TIME, text, 13);
}

/* Appends one base-128 arc. */
static bool
add_arc(uint64_t arc, uint8_t *out, size_t max, size_t *len)
{
    size_t octets = 1;

    while (arc >> (7 * octets) != 0)
        octets++;
    if (octets > max - *len)
        return false;
    while (octets-- > 0)
        out[(*len)++] =
            (uint8_t)((arc >> (7 * octets) & 0x7f) | (octets > 0 ? 0x80 : 0));
    return true;
}

bool
der_oid_parse(const char *text, uint8_t *out, size_t max, size_t *len)
{
    uint64_t first = 0;
    size_t count = 0;

    *len = 0;
    while (count < 32) {
        size_t digits = strspn(text, "0123456789");
        char part[20];
        int64_t arc;

        if (digits == 0 || digits >= sizeof part)
            return false;
        memcpy(part, text, digits);
        part[digits] = '\0';
        if (!text_int64(part, 0, INT64_C(1) << 40, &arc))
            return false;
        if (count == 0) {
            first = (uint64_t)arc;
            if (first > 2)
                return false;
        } else if (count == 1) {
            if ((first < 2 && arc > 39) ||
                !add_arc(first * 40 + (uint64_t)arc, out, max, len))
                return false;
        } else if (!add_arc((uint64_t)arc, out, max, len)) {
            return false;
        }
        count++;
        text += digits;
        if (*text == '\0')
            return count >= 2;
        if (*text++ != '.')
            return false;
    }
    return false;
}

bool
der_oid_format(const uint8_t *content, size_t len, char *out, size_t max)
{
    struct buf text = BUF_INIT(max > 0 ? max - 1 : 0);
    bool ok = len > 0 && (content[len - 1] & 0x80) == 0;
    bool is_first = true;
    uint64_t arc = 0;
    size_t i;

    for (i = 0; ok && i < len; i++) {
        if ((arc == 0 && content[i] == 0x80) || arc >> 56 != 0)
            ok = false;
        arc = arc << 7 | (content[i] & 0x7f);
        if ((content[i] & 0x80) != 0)
            continue;
        if (is_first) {
            unsigned root = arc < 40 ? 0 : arc < 80 ? 1 : 2;

            (void)buf_addf(&text, "%u.%llu", root,
                           (unsigned long long)(arc - root * 40));
        } else {
            (void)buf_addf(&text, ".%llu", (unsigned long long)arc);
        }
        is_first = false;
        arc = 0;
    }
    if (ok && !buf_is_full(&text))
        memcpy(out, buf_text(&text), text.len + 1);
    else
        ok = false;
    buf_clear(&text);
    return ok;
}
