/* Chunked bodies (RFC 9112, 7.1); see base/http_parse.h. */
#include <string.h>

#include "base/http_parse.h"
#include "base/text.h"

enum { SIZE_LINE, CONTENT, CONTENT_END, TRAILER };
enum { SIZE_DIGITS_MAX = 15 }; /* so that a size cannot overflow */

/* One line of text without its CRLF. MORE: it has not ended yet. */
static enum http_parse_result
take_line(const uint8_t *data, size_t len, struct http_span *line)
{
    const uint8_t *feed = memchr(data, '\n', len);
    size_t i;

    if (feed == NULL)
        return len > HTTP_CHUNK_LINE_MAX ? HTTP_PARSE_BAD : HTTP_PARSE_MORE;
    if (feed == data || feed[-1] != '\r' || feed - data > HTTP_CHUNK_LINE_MAX)
        return HTTP_PARSE_BAD;
    line->data = (const char *)data;
    line->len = (size_t)(feed - 1 - data);
    for (i = 0; i < line->len; i++)
        if ((data[i] < 0x20 && data[i] != '\t') || data[i] == 0x7f)
            return HTTP_PARSE_BAD;
    return HTTP_PARSE_DONE;
}

/* Size in hex, then nothing or an extension, which is passed over. */
static bool
read_size(struct http_span line, struct http_chunked *chunked)
{
    uint64_t size = 0;
    size_t i = 0;

    for (; i < line.len; i++) {
        int digit = text_hex_value(line.data[i]);

        if (digit < 0)
            break;
        if (i == SIZE_DIGITS_MAX)
            return false;
        size = size << 4 | (uint64_t)digit;
    }
    if (i == 0 || (i < line.len && line.data[i] != ';'))
        return false;
    chunked->waste += line.len - i;
    chunked->left = size;
    chunked->state = size == 0 ? TRAILER : CONTENT;
    return true;
}

/* A line of size or trailer. */
static enum http_parse_result
step_line(struct http_chunked *chunked, const uint8_t *data, size_t len,
          size_t *used)
{
    enum http_parse_result result;
    struct http_span line;

    result = take_line(data, len, &line);
    if (result != HTTP_PARSE_DONE)
        return result;
    *used = line.len + 2;
    if (chunked->state == SIZE_LINE)
        return read_size(line, chunked) &&
                       chunked->waste <= HTTP_CHUNK_WASTE_MAX
                   ? HTTP_PARSE_MORE
                   : HTTP_PARSE_BAD;
    if (line.len == 0)
        return HTTP_PARSE_DONE;
    /* 7.1.2: trailers may be passed over; ours always are. */
    chunked->waste += line.len;
    if (memchr(line.data, ':', line.len) == NULL ||
        chunked->waste > HTTP_CHUNK_WASTE_MAX)
        return HTTP_PARSE_BAD;
    return HTTP_PARSE_MORE;
}

enum http_parse_result
http_parse_chunk(struct http_chunked *chunked, const uint8_t *data, size_t len,
                 struct http_span *piece, size_t *used)
{
    *used = 0;
    *piece = (struct http_span){(const char *)data, 0};
    if (len == 0)
        return HTTP_PARSE_MORE;
    switch (chunked->state) {
    case CONTENT:
        piece->len = len < chunked->left ? len : (size_t)chunked->left;
        *used = piece->len;
        chunked->left -= piece->len;
        if (chunked->left == 0)
            chunked->state = CONTENT_END;
        return HTTP_PARSE_MORE;
    case CONTENT_END:
        if (data[0] != '\r' || (len > 1 && data[1] != '\n'))
            return HTTP_PARSE_BAD;
        if (len > 1) {
            *used = 2;
            chunked->state = SIZE_LINE;
        }
        return HTTP_PARSE_MORE;
    default:
        return step_line(chunked, data, len, used);
    }
}
