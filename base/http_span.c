/* Ranges of a request as text; see base/http_parse.h. */
#include "base/http_parse.h"
#include "base/text.h"

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool
http_span_is(struct http_span span, const char *text)
{
    size_t i;

    for (i = 0; i < span.len && text[i] != '\0'; i++)
        if (lower(span.data[i]) != text[i])
            return false;
    return i == span.len && text[i] == '\0';
}

struct http_span
http_span_trim(const char *data, const char *end)
{
    while (data < end && (*data == ' ' || *data == '\t'))
        data++;
    while (end > data && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct http_span){data, (size_t)(end - data)};
}

bool
http_span_media_type_is(struct http_span content_type, const char *type)
{
    const char *end = content_type.data;
    const char *stop = content_type.data + content_type.len;

    while (end < stop && *end != ';')
        end++;
    return http_span_is(http_span_trim(content_type.data, end), type);
}

bool
http_span_decode(struct http_span span, char *out, size_t max)
{
    size_t i, n = 0, characters;

    for (i = 0; i < span.len; i++) {
        int c = (unsigned char)span.data[i];

        if (c == '%') {
            int high, low;

            if (i + 2 >= span.len)
                return false;
            high = text_hex_value(span.data[i + 1]);
            low = text_hex_value(span.data[i + 2]);
            if (high < 0 || low < 0)
                return false;
            c = high << 4 | low;
            i += 2;
        }
        if (c < 0x20 || c == 0x7f || n + 1 >= max)
            return false;
        out[n++] = (char)c;
    }
    if (n >= max)
        return false;
    out[n] = '\0';
    return text_utf8(out, n, &characters);
}
