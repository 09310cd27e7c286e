/* Strict CBOR; see base/cbor.h. */
#include "base/cbor.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

/* Major types, RFC 8949, section 3.1. */
enum {
    MAJOR_UNSIGNED = 0,
    MAJOR_NEGATIVE = 1,
    MAJOR_BYTES = 2,
    MAJOR_TEXT = 3,
    MAJOR_ARRAY = 4,
    MAJOR_MAP = 5,
    MAJOR_SIMPLE = 7,
};

struct reader {
    const uint8_t *at, *end;
    unsigned depth;
};

static bool read_item(struct reader *reader, struct cbor *out,
                      struct error *err);

/* Initial octet and argument in their shortest form: CTAP 2.1, section 8. */
static bool
read_head(struct reader *reader, unsigned *major, uint64_t *argument,
          struct error *err)
{
    unsigned info, width;
    uint64_t value = 0;

    if (reader->at == reader->end)
        return error_set(err, ERROR_INPUT, "CBOR ends too early");
    *major = *reader->at >> 5;
    info = *reader->at++ & 0x1f;
    if (info < 24) {
        *argument = info;
        return true;
    }
    if (info > 27)
        return error_set(err, ERROR_INPUT,
                         "CBOR of indefinite length, or malformed");
    width = 1u << (info - 24);
    if ((size_t)(reader->end - reader->at) < width)
        return error_set(err, ERROR_INPUT, "CBOR ends too early");
    for (unsigned i = 0; i < width; i++)
        value = value << 8 | *reader->at++;
    if (width == 1 ? value < 24 : value >> (4 * width) == 0)
        return error_set(err, ERROR_INPUT, "CBOR not in its shortest form");
    *argument = value;
    return true;
}

static bool
read_octets(struct reader *reader, uint64_t len, struct cbor *out,
            struct error *err)
{
    size_t count;

    if (len > (uint64_t)(reader->end - reader->at))
        return error_set(err, ERROR_INPUT, "CBOR ends too early");
    out->data = reader->at;
    out->len = (size_t)len;
    reader->at += len;
    return out->type != CBOR_TEXT ||
           text_utf8((const char *)out->data, out->len, &count) ||
           error_set(err, ERROR_INPUT, "a CBOR text that is no UTF-8");
}

/* Order of encoded keys: major type, then length, then octets; equal is
 * twice. */
static bool
is_after(const uint8_t *last, size_t last_len, const uint8_t *key, size_t len)
{
    if (last[0] >> 5 != key[0] >> 5)
        return last[0] >> 5 < key[0] >> 5;
    if (last_len != len)
        return last_len < len;
    return memcmp(last, key, len) < 0;
}

static bool
read_key(struct reader *reader, const uint8_t **last, size_t *last_len,
         struct error *err)
{
    const uint8_t *start = reader->at;
    struct cbor key;
    size_t len;

    if (!read_item(reader, &key, err))
        return false;
    if (key.type != CBOR_INTEGER && key.type != CBOR_TEXT)
        return error_set(err, ERROR_INPUT,
                         "a CBOR map with a key that is no integer or text");
    len = (size_t)(reader->at - start);
    if (*last != NULL && !is_after(*last, *last_len, start, len))
        return error_set(err, ERROR_INPUT,
                         "a CBOR map whose keys are not in order");
    *last = start;
    *last_len = len;
    return true;
}

static bool
read_members(struct reader *reader, uint64_t count, struct cbor *out,
             struct error *err)
{
    const uint8_t *last = NULL;
    size_t last_len = 0;
    struct cbor member;

    /* An element is an octet at least: the count is bounded by what is there,
     * before anything is counted to it. */
    if (count > (uint64_t)(reader->end - reader->at))
        return error_set(err, ERROR_INPUT, "CBOR ends too early");
    if (reader->depth == CBOR_DEPTH_MAX)
        return error_set(err, ERROR_INPUT, "CBOR nested deeper than %d levels",
                         CBOR_DEPTH_MAX);
    reader->depth++;
    out->data = reader->at;
    out->count = (size_t)count;
    for (uint64_t i = 0; i < count; i++)
        if ((out->type == CBOR_MAP &&
             !read_key(reader, &last, &last_len, err)) ||
            !read_item(reader, &member, err))
            return false;
    out->len = (size_t)(reader->at - out->data);
    reader->depth--;
    return true;
}

static bool
read_integer(unsigned major, uint64_t argument, struct cbor *out,
             struct error *err)
{
    if (argument > INT64_MAX)
        return error_set(err, ERROR_INPUT, "a CBOR integer beyond 64 bits");
    out->type = CBOR_INTEGER;
    out->integer =
        major == MAJOR_UNSIGNED ? (int64_t)argument : -1 - (int64_t)argument;
    return true;
}

static bool
read_simple(uint64_t argument, struct cbor *out, struct error *err)
{
    /* RFC 8949, 3.3: 20 false, 21 true, 22 null. */
    if (argument < 20 || argument > 22)
        return error_set(err, ERROR_INPUT,
                         "a CBOR simple value or number that is not taken");
    out->type = argument == 20   ? CBOR_FALSE
                : argument == 21 ? CBOR_TRUE
                                 : CBOR_NULL;
    return true;
}

static bool
read_item(struct reader *reader, struct cbor *out, struct error *err)
{
    uint64_t argument;
    unsigned major;

    *out = (struct cbor){0};
    if (!read_head(reader, &major, &argument, err))
        return false;
    switch (major) {
    case MAJOR_UNSIGNED:
    case MAJOR_NEGATIVE:
        return read_integer(major, argument, out, err);
    case MAJOR_BYTES:
    case MAJOR_TEXT:
        out->type = major == MAJOR_BYTES ? CBOR_BYTES : CBOR_TEXT;
        return read_octets(reader, argument, out, err);
    case MAJOR_ARRAY:
    case MAJOR_MAP:
        out->type = major == MAJOR_ARRAY ? CBOR_ARRAY : CBOR_MAP;
        return read_members(reader, argument, out, err);
    case MAJOR_SIMPLE:
        return read_simple(argument, out, err);
    default:
        return error_set(err, ERROR_INPUT, "a CBOR tag is not taken");
    }
}

bool
cbor_parse(const uint8_t *data, size_t len, size_t *used, struct cbor *out,
           struct error *err)
{
    struct reader reader;

    if (len > CBOR_MAX_LEN)
        return error_set(err, ERROR_INPUT, "CBOR of more than %d octets",
                         CBOR_MAX_LEN);
    if (len == 0)
        return error_set(err, ERROR_INPUT, "CBOR ends too early");
    reader = (struct reader){data, data + len, 0};
    if (!read_item(&reader, out, err))
        return false;
    if (used != NULL)
        *used = (size_t)(reader.at - data);
    else if (reader.at != reader.end)
        return error_set(err, ERROR_INPUT, "octets follow the CBOR");
    return true;
}

/* The next item of something that was judged when it was parsed. */
static void
step(struct reader *reader, struct cbor *out)
{
    bool ok = read_item(reader, out, NULL);

    assert(ok);
    (void)ok;
}

/* Keys are integers or texts, and have no members. */
static bool
find(const struct cbor *map, const struct cbor *key, struct cbor *out)
{
    struct reader reader;
    struct cbor name;

    if (map->type != CBOR_MAP)
        return false;
    reader = (struct reader){map->data, map->data + map->len, 0};
    for (size_t i = 0; i < map->count; i++) {
        step(&reader, &name);
        step(&reader, out);
        if (name.type == key->type && name.integer == key->integer &&
            name.len == key->len &&
            (key->len == 0 || memcmp(name.data, key->data, key->len) == 0))
            return true;
    }
    return false;
}

bool
cbor_find_text(const struct cbor *map, const char *key, struct cbor *out)
{
    return find(map,
                &(struct cbor){.type = CBOR_TEXT,
                               .data = (const uint8_t *)key,
                               .len = strlen(key)},
                out);
}

bool
cbor_find_integer(const struct cbor *map, int64_t key, struct cbor *out)
{
    return find(map, &(struct cbor){.type = CBOR_INTEGER, .integer = key}, out);
}
