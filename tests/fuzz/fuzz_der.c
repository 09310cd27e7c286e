/* DER: whatever is taken is written again to the same octets. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { DEPTH_MAX = 32 };

static void
check_unsigned(const struct der_item *item)
{
    struct buf out = BUF_INIT(1024 * 1024);
    struct der in = item->whole, value;
    int64_t small;

    if (der_take_unsigned(&in, &value)) {
        der_add_unsigned(&out, value.data, value.len);
        assert(der_equal((struct der){out.data, out.len}, item->whole));
    }
    in = item->whole;
    if (der_take_small(&in, INT64_MAX, &small)) {
        buf_reset(&out);
        der_add_small(&out, small);
        assert(der_equal((struct der){out.data, out.len}, item->whole));
    }
    buf_clear(&out);
}

static void
check_values(const struct der_item *item)
{
    struct der in = item->whole, value;
    uint8_t content[64];
    char text[512];
    int64_t at;
    size_t len;
    bool b;

    check_unsigned(item);
    if (der_take_time(&in, &at))
        assert(in.len == 0 && at > INT64_C(-62135596801));
    in = item->whole;
    if (der_take_boolean(&in, &b))
        assert(item->value.len == 1);
    in = item->whole;
    if (der_take_octet_bits(&in, &value))
        assert(value.len + 1 == item->value.len);
    if (item->tag == DER_OID &&
        der_oid_format(item->value.data, item->value.len, text, sizeof text) &&
        der_oid_parse(text, content, sizeof content, &len))
        assert(len == item->value.len &&
               memcmp(content, item->value.data, len) == 0);
}

static void
walk(struct der in, unsigned depth)
{
    struct der_item item;

    while (der_next(&in, &item)) {
        struct buf out = BUF_INIT(1024 * 1024);

        der_add(&out, item.tag, item.value.data, item.value.len);
        assert(buf_is_full(&out) ||
               der_equal((struct der){out.data, out.len}, item.whole));
        buf_clear(&out);
        check_values(&item);
        if ((item.tag & 0x20) != 0 && depth < DEPTH_MAX)
            walk(item.value, depth + 1);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    walk((struct der){data, len}, 0);
    return 0;
}
