/* Comma-separated values: base/csv.h. */
#include "base/csv.h"

#include <string.h>

#include "base/text.h"

void
csv_open(struct csv *csv, const uint8_t *data, size_t len)
{
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF};

    if (len >= sizeof mark && memcmp(data, mark, sizeof mark) == 0) {
        data += sizeof mark;
        len -= sizeof mark;
    }
    *csv = (struct csv){data, data + len, 1};
}

/* Octets of the line end at `at`: 0, 1 (LF) or 2 (CRLF). */
static size_t
line_end(const struct csv *csv, const uint8_t *at)
{
    if (at < csv->end && at[0] == '\n')
        return 1;
    return csv->end - at >= 2 && at[0] == '\r' && at[1] == '\n' ? 2 : 0;
}

bool
csv_is_end(struct csv *csv)
{
    size_t len;

    while ((len = line_end(csv, csv->at)) > 0) {
        csv->at += len;
        csv->line++;
    }
    return csv->at == csv->end;
}

/* What is being read: a field goes to `text`, and the lines are counted. */
struct reading {
    const struct csv *csv;
    const uint8_t *at;
    int line;
    struct csv_record *out;
    size_t len; /* used of out->text */
};

static bool
add(struct reading *r, uint8_t octet, struct error *err)
{
    /* Room for the NUL of each field is beyond CSV_RECORD_MAX. */
    if (r->len - r->out->count >= CSV_RECORD_MAX)
        return error_set(err, ERROR_INPUT, "longer than %d octets",
                         CSV_RECORD_MAX);
    r->out->text[r->len++] = (char)octet;
    return true;
}

static bool
read_quoted(struct reading *r, struct error *err)
{
    const uint8_t *end = r->csv->end;

    for (r->at++; r->at < end; r->at++) {
        if (*r->at == '"') {
            if (r->at + 1 == end || r->at[1] != '"') {
                r->at++;
                return true;
            }
            r->at++;
        } else if (*r->at == '\n') {
            r->line++;
        }
        if (!add(r, *r->at, err))
            return false;
    }
    return error_set(err, ERROR_INPUT, "a quote is not closed");
}

static bool
read_plain(struct reading *r, struct error *err)
{
    while (r->at < r->csv->end && *r->at != ',' &&
           line_end(r->csv, r->at) == 0) {
        if (*r->at == '"')
            return error_set(err, ERROR_INPUT,
                             "a quote inside a field that is not quoted");
        if (*r->at == '\r')
            return error_set(err, ERROR_INPUT,
                             "a carriage return without a line feed");
        if (!add(r, *r->at, err))
            return false;
        r->at++;
    }
    return true;
}

/* One field and what ends it; *is_last at a line end or the end. */
static bool
read_field(struct reading *r, bool *is_last, struct error *err)
{
    struct csv_record *out = r->out;
    size_t start = r->len, count, eol;

    if (out->count == CSV_FIELDS_MAX)
        return error_set(err, ERROR_INPUT, "more than %d fields",
                         CSV_FIELDS_MAX);
    if (r->at < r->csv->end && *r->at == '"' ? !read_quoted(r, err)
                                             : !read_plain(r, err))
        return false;
    if (!text_utf8(out->text + start, r->len - start, &count))
        return error_set(err, ERROR_INPUT, "field %zu: no UTF-8",
                         out->count + 1);
    out->text[r->len++] = '\0';
    out->field[out->count++] = out->text + start;
    eol = line_end(r->csv, r->at);
    *is_last = r->at == r->csv->end || eol > 0;
    if (*is_last) {
        r->at += eol;
        r->line += eol > 0;
        return true;
    }
    if (*r->at != ',')
        return error_set(err, ERROR_INPUT, "text after a closing quote");
    r->at++;
    return true;
}

bool
csv_next(struct csv *csv, struct csv_record *out, struct error *err)
{
    struct reading r = {csv, csv->at, csv->line, out, 0};
    const uint8_t *stop;
    bool is_last = false;

    out->line = csv->line;
    out->count = 0;
    while (!is_last) {
        if (!read_field(&r, &is_last, err))
            goto skip;
    }
    csv->at = r.at;
    csv->line = r.line;
    return true;
skip:
    /* Of what a quote left open would have swallowed, only this line is lost.
     */
    stop = memchr(csv->at, '\n', (size_t)(csv->end - csv->at));
    csv->at = stop == NULL ? csv->end : stop + 1;
    csv->line++;
    return false;
}
