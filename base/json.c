/* Strict reading, typed members, the canonical form; see base/json.h. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* I-JSON (RFC 7493, 2.2): beyond this a reader may see another number. */
static const int64_t integer_max = INT64_C(1) << 53;

static size_t
depth_of(const uint8_t *data, size_t len)
{
    size_t depth = 0, deepest = 0, i;
    bool is_text = false;

    for (i = 0; i < len; i++) {
        if (is_text) {
            if (data[i] == '\\')
                i++;
            else if (data[i] == '"')
                is_text = false;
            continue;
        }
        if (data[i] == '"')
            is_text = true;
        else if (data[i] == '{' || data[i] == '[')
            depth++;
        else if ((data[i] == '}' || data[i] == ']') && depth > 0)
            depth--;
        if (depth > deepest)
            deepest = depth;
    }
    return deepest;
}

bool
json_parse_object(const uint8_t *data, size_t len, json_t **out,
                  struct error *err)
{
    json_error_t where;
    json_t *value;

    if (len > JSON_MAX_LEN)
        return error_set(err, ERROR_INPUT, "JSON of more than %d octets",
                         JSON_MAX_LEN);
    /* jansson's own limit is 2048 levels; ours keeps recursion small. */
    if (depth_of(data, len) > JSON_MAX_DEPTH_LEVELS)
        return error_set(err, ERROR_INPUT, "JSON nested deeper than %d levels",
                         JSON_MAX_DEPTH_LEVELS);
    value = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, &where);
    if (value == NULL)
        return error_set(err, ERROR_INPUT, "no JSON: line %d, column %d: %s",
                         where.line, where.column, where.text);
    if (!json_is_object(value)) {
        json_decref(value);
        return error_set(err, ERROR_INPUT, "no JSON object");
    }
    *out = value;
    return true;
}

/* RFC 8785, 3.2.2.2: the two-letter escapes, \u00xx in lower case for other
 * controls, and everything else as it is. */
static void
add_string(const char *text, size_t len, struct buf *out)
{
    size_t i;

    (void)buf_add_byte(out, '"');
    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        const char *two = c == '\b'   ? "\\b"
                          : c == '\t' ? "\\t"
                          : c == '\n' ? "\\n"
                          : c == '\f' ? "\\f"
                          : c == '\r' ? "\\r"
                          : c == '"'  ? "\\\""
                          : c == '\\' ? "\\\\"
                                      : NULL;

        if (two != NULL)
            (void)buf_add_text(out, two);
        else if (c < 0x20)
            (void)buf_addf(out, "\\u%04x", c);
        else
            (void)buf_add_byte(out, c);
    }
    (void)buf_add_byte(out, '"');
}

/*
 * Order of UTF-16 code units (RFC 8785, 3.2.3) found on UTF-8. Both orders
 * agree but for one thing: characters above U+FFFF are surrogates (0xd800...)
 * in UTF-16 and so come before U+E000 to U+FFFF, whose first octet is 0xee or
 * 0xef. Ranking 0xee and 0xef above 0xf0 to 0xf4 settles it: where the texts
 * first differ inside a character, the octets before it were equal.
 */
static unsigned
rank(unsigned char c)
{
    return c == 0xee || c == 0xef ? c + 0x10u : c;
}

static int
by_utf16(const void *a, const void *b)
{
    const unsigned char *p = *(const unsigned char *const *)a;
    const unsigned char *q = *(const unsigned char *const *)b;

    while (*p != '\0' && *p == *q) {
        p++;
        q++;
    }
    if (*p == *q)
        return 0;
    return rank(*p) < rank(*q) ? -1 : 1;
}

static bool add_canonical(const json_t *value, struct buf *out,
                          struct error *err);

static bool
add_object(const json_t *object, struct buf *out, struct error *err)
{
    size_t count = json_object_size(object);
    const char **names = base_alloc(count * sizeof *names);
    json_t *borrowed = (json_t *)(uintptr_t)object; /* jansson's iterators
                                                       take no const */
    void *at = json_object_iter(borrowed);
    bool ok = true;
    size_t i;

    for (i = 0; at != NULL; at = json_object_iter_next(borrowed, at))
        names[i++] = json_object_iter_key(at);
    qsort(names, count, sizeof *names, by_utf16);
    (void)buf_add_byte(out, '{');
    for (i = 0; ok && i < count; i++) {
        if (i > 0)
            (void)buf_add_byte(out, ',');
        add_string(names[i], strlen(names[i]), out);
        (void)buf_add_byte(out, ':');
        ok = add_canonical(json_object_get(object, names[i]), out, err);
    }
    (void)buf_add_byte(out, '}');
    free(names);
    return ok;
}

static bool
add_array(const json_t *array, struct buf *out, struct error *err)
{
    size_t i;

    (void)buf_add_byte(out, '[');
    for (i = 0; i < json_array_size(array); i++) {
        if (i > 0)
            (void)buf_add_byte(out, ',');
        if (!add_canonical(json_array_get(array, i), out, err))
            return false;
    }
    (void)buf_add_byte(out, ']');
    return true;
}

static bool
add_canonical(const json_t *value, struct buf *out, struct error *err)
{
    json_int_t n;

    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return add_object(value, out, err);
    case JSON_ARRAY:
        return add_array(value, out, err);
    case JSON_STRING:
        add_string(json_string_value(value), json_string_length(value), out);
        return true;
    case JSON_INTEGER:
        n = json_integer_value(value);
        if (n > integer_max || n < -integer_max)
            return error_set(err, ERROR_INPUT,
                             "an integer beyond 2^53 in JSON to be signed");
        (void)buf_addf(out, "%lld", (long long)n);
        return true;
    case JSON_REAL:
        return error_set(err, ERROR_INPUT,
                         "a number with a fraction in JSON to be signed");
    case JSON_TRUE:
        (void)buf_add_text(out, "true");
        return true;
    case JSON_FALSE:
        (void)buf_add_text(out, "false");
        return true;
    case JSON_NULL:
        (void)buf_add_text(out, "null");
        return true;
    }
    return error_set(err, ERROR_INTERNAL, "a JSON value of no known type");
}

bool
json_canonical(const json_t *value, struct buf *out, struct error *err)
{
    if (!add_canonical(value, out, err))
        return false;
    if (buf_is_full(out))
        return error_set(err, ERROR_INPUT, "JSON of more than %zu octets",
                         out->limit);
    return true;
}

bool
json_digest(const json_t *value, uint8_t out[32], struct error *err)
{
    struct buf text = BUF_INIT(JSON_MAX_LEN);
    bool ok = json_canonical(value, &text, err) &&
              hash_sha256(buf_text(&text), text.len, out, err);

    buf_clear(&text);
    return ok;
}
