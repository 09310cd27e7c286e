/* Typed members of JSON objects; see base/json.h. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

static bool
is_missing(const char *name, struct error *err)
{
    return error_set(err, ERROR_INPUT, "\"%s\" is missing", name);
}

bool
json_find_text(const json_t *object, const char *name, size_t max,
               const char **out, struct error *err)
{
    const json_t *value = json_object_get(object, name);

    *out = NULL;
    if (value == NULL)
        return true;
    /* jansson refuses U+0000 in texts unless asked, so strlen() is right. */
    if (!json_is_string(value))
        return error_set(err, ERROR_INPUT, "\"%s\" is no text", name);
    if (json_string_length(value) > max)
        return error_set(err, ERROR_INPUT, "\"%s\" is longer than %zu octets",
                         name, max);
    *out = json_string_value(value);
    return true;
}

bool
json_get_text(const json_t *object, const char *name, size_t max,
              const char **out, struct error *err)
{
    if (!json_find_text(object, name, max, out, err))
        return false;
    return *out != NULL || is_missing(name, err);
}

bool
json_find_int(const json_t *object, const char *name, int64_t min, int64_t max,
              int64_t otherwise, int64_t *out, struct error *err)
{
    const json_t *value = json_object_get(object, name);

    *out = otherwise;
    if (value == NULL)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max)
        return error_set(err, ERROR_INPUT,
                         "\"%s\" is no integer from %lld to %lld", name,
                         (long long)min, (long long)max);
    *out = json_integer_value(value);
    return true;
}

bool
json_get_int(const json_t *object, const char *name, int64_t min, int64_t max,
             int64_t *out, struct error *err)
{
    if (json_object_get(object, name) == NULL)
        return is_missing(name, err);
    return json_find_int(object, name, min, max, 0, out, err);
}

bool
json_find_bool(const json_t *object, const char *name, bool otherwise,
               bool *out, struct error *err)
{
    const json_t *value = json_object_get(object, name);

    *out = otherwise;
    if (value == NULL)
        return true;
    if (!json_is_boolean(value))
        return error_set(err, ERROR_INPUT, "\"%s\" is neither true nor false",
                         name);
    *out = json_is_true(value);
    return true;
}

bool
json_find_object(const json_t *object, const char *name, json_t **out,
                 struct error *err)
{
    *out = json_object_get(object, name);
    if (*out == NULL || json_is_object(*out))
        return true;
    *out = NULL;
    return error_set(err, ERROR_INPUT, "\"%s\" is no object", name);
}

bool
json_get_object(const json_t *object, const char *name, json_t **out,
                struct error *err)
{
    if (!json_find_object(object, name, out, err))
        return false;
    return *out != NULL || is_missing(name, err);
}

bool
json_find_array(const json_t *object, const char *name, json_t **out,
                struct error *err)
{
    *out = json_object_get(object, name);
    if (*out == NULL || json_is_array(*out))
        return true;
    *out = NULL;
    return error_set(err, ERROR_INPUT, "\"%s\" is no array", name);
}

bool
json_get_array(const json_t *object, const char *name, json_t **out,
               struct error *err)
{
    if (!json_find_array(object, name, out, err))
        return false;
    return *out != NULL || is_missing(name, err);
}

bool
json_get_bytes(const json_t *object, const char *name, size_t max,
               struct buf *out, struct error *err)
{
    const char *text;
    bool is_long;

    /* Four characters for three octets. */
    if (!json_get_text(object, name, (max + 2) / 3 * 4, &text, err))
        return false;
    buf_reset(out);
    if (text_unbase64(text, strlen(text), out) && !buf_is_full(out) &&
        out->len <= max)
        return true;
    is_long = buf_is_full(out) || out->len > max;
    buf_cleanse(out); /* nothing for the caller to clear */
    return is_long ? error_set(err, ERROR_INPUT,
                               "\"%s\" is longer than %zu octets", name, max)
                   : error_set(err, ERROR_INPUT, "\"%s\" is no base64", name);
}

bool
json_get_time(const json_t *object, const char *name, int64_t *out,
              struct error *err)
{
    const char *text;

    if (!json_get_text(object, name, CLOCK_TEXT_LEN, &text, err))
        return false;
    if (!clock_parse(text, out))
        return error_set(err, ERROR_INPUT,
                         "\"%s\" is no instant like 2026-11-24T09:00:00Z",
                         name);
    return true;
}

bool
json_only(const json_t *object, const char *const *names, struct error *err)
{
    json_t *borrowed = (json_t *)(uintptr_t)object; /* no const iterators */
    void *at = json_object_iter(borrowed);

    for (; at != NULL; at = json_object_iter_next(borrowed, at)) {
        const char *key = json_object_iter_key(at);
        size_t i;

        for (i = 0; names[i] != NULL; i++)
            if (strcmp(names[i], key) == 0)
                break;
        if (names[i] == NULL)
            return error_set(err, ERROR_INPUT, "unknown member \"%.64s\"", key);
    }
    return true;
}

void
json_set_text(json_t *object, const char *name, const char *value)
{
    (void)json_object_set_new(object, name, json_string(value));
}

void
json_set_int(json_t *object, const char *name, int64_t value)
{
    (void)json_object_set_new(object, name, json_integer(value));
}

void
json_set_bytes(json_t *object, const char *name, const uint8_t *data,
               size_t len)
{
    struct buf text = BUF_INIT(JSON_MAX_LEN);

    text_base64(data, len, &text);
    json_set_text(object, name, buf_text(&text));
    buf_clear(&text);
}

void
json_set_hex(json_t *object, const char *name, const uint8_t *data, size_t len)
{
    char *text = base_alloc(2 * len + 1);

    text_hex(data, len, text);
    json_set_text(object, name, text);
    free(text);
}

void
json_set_time(json_t *object, const char *name, int64_t at)
{
    char text[CLOCK_TEXT_LEN + 1];

    clock_format(at, text);
    json_set_text(object, name, text);
}
