/* Lines of exports; see ca-core/audit_record.h. */
#include "ca-core/audit_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "ca-core/entry.h"

enum { CSV_FIELDS = 6, HASH_TEXT_LEN = 2 * DB_ENTRY_HASH_LEN };

static const int64_t index_max = (INT64_C(1) << 53) - 1; /* RFC 8785 */

const char audit_csv_header[] = "index,at,event,subject,hash,body";

bool
audit_format_find(const char *name, enum audit_format *out)
{
    if (strcmp(name, "jsonl") == 0)
        *out = AUDIT_JSONL;
    else if (strcmp(name, "csv") == 0)
        *out = AUDIT_CSV;
    else
        return false;
    return true;
}

/* ---- Writing ----------------------------------------------------------- */

/* RFC 4180, 2.5 to 2.7. */
static void
add_quoted(struct buf *out, const void *data, size_t len)
{
    const uint8_t *p = data;

    buf_add_byte(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '"')
            buf_add_byte(out, '"');
        buf_add_byte(out, p[i]);
    }
    buf_add_byte(out, '"');
}

/* Lines stay lines: what an entry is about has no line ends. */
static bool
is_one_line(const char *text)
{
    return strpbrk(text, "\r\n") == NULL;
}

static bool
format_csv(int64_t index, const struct db_entry *entry, const char *hash,
           struct buf *out, struct error *err)
{
    char at[CLOCK_TEXT_LEN + 1];

    if (!is_one_line(entry->event) || !is_one_line(entry->subject))
        return error_set(err, ERROR_INPUT,
                         "entry %lld has a line end in its subject: export it "
                         "as jsonl",
                         (long long)index);
    clock_format(entry->at, at);
    buf_addf(out, "%lld,%s,", (long long)index, at);
    add_quoted(out, entry->event, strlen(entry->event));
    buf_add_byte(out, ',');
    add_quoted(out, entry->subject, strlen(entry->subject));
    buf_addf(out, ",%s,", hash);
    add_quoted(out, entry->body, entry->body_len);
    return true;
}

bool
audit_record_format(enum audit_format format, int64_t index,
                    const struct db_entry *entry, struct buf *out,
                    struct error *err)
{
    char hash[HASH_TEXT_LEN + 1];

    text_hex(entry->hash, sizeof entry->hash, hash);
    if (format == AUDIT_CSV) {
        if (!format_csv(index, entry, hash, out, err))
            return false;
    } else {
        buf_addf(out,
                 "{\"index\":%lld,\"hash\":\"%s\",\"entry\":", (long long)index,
                 hash);
        buf_add(out, entry->body, entry->body_len);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, '\n');
    return !buf_is_full(out) ||
           error_set(err, ERROR_INTERNAL, "entry %lld is too long",
                     (long long)index);
}

/* ---- Reading ----------------------------------------------------------- */

static bool
read_hash(const char *text, uint8_t out[DB_ENTRY_HASH_LEN], struct error *err)
{
    size_t len;

    return (text_unhex(text, out, DB_ENTRY_HASH_LEN, &len) &&
            len == DB_ENTRY_HASH_LEN) ||
           error_set(err, ERROR_INPUT, "\"hash\" is no SHA-256 in hex");
}

static bool
parse_jsonl(const char *line, size_t len, struct audit_record *out,
            struct error *err)
{
    json_t *json = NULL, *entry;
    const char *hash;
    int64_t index;
    bool ok;

    ok = json_parse_object((const uint8_t *)line, len, &json, err) &&
         json_get_int(json, "index", 0, index_max, &index, err);
    if (ok)
        out->index = index;
    ok = ok && json_get_text(json, "hash", HASH_TEXT_LEN, &hash, err) &&
         read_hash(hash, out->hash, err) &&
         json_get_object(json, "entry", &entry, err);
    if (ok)
        out->entry = json_incref(entry);
    json_decref(json);
    return ok;
}

/* Takes one field, quoted or not, and the comma or end after it. */
static bool
take_field(const char **line, const char *end, struct buf *out)
{
    const char *p = *line;

    if (p < end && *p == '"') {
        for (p++; p < end && (*p != '"' || (p + 1 < end && p[1] == '"')); p++) {
            p += *p == '"'; /* of two, one */
            buf_add_byte(out, (uint8_t)*p);
        }
        if (p >= end || *p != '"')
            return false;
        p++;
    } else {
        for (; p < end && *p != ','; p++)
            buf_add_byte(out, (uint8_t)*p);
    }
    if (p < end && *p != ',')
        return false;
    *line = p < end ? p + 1 : end;
    return !buf_is_full(out) && memchr(buf_text(out), '\0', out->len) == NULL;
}

/* The fields index, hash and body; the others stand in the body again, and the
 * comparison with the written form finds any difference. */
static bool
parse_csv(const char *line, size_t len, struct audit_record *out,
          struct error *err)
{
    struct buf fields[CSV_FIELDS];
    const char *at = line;
    int count = 0;
    bool ok = true;

    for (int i = 0; i < CSV_FIELDS; i++)
        fields[i] = (struct buf)BUF_INIT(ENTRY_BODY_MAX);
    while (ok && count < CSV_FIELDS)
        ok = take_field(&at, line + len, &fields[count++]);
    if (!ok || at != line + len)
        ok = error_set(err, ERROR_INPUT, "no line of %d fields", CSV_FIELDS);
    /* The index first: it names the entry whatever else is wrong. */
    if (!text_int64(buf_text(&fields[0]), 0, index_max, &out->index)) {
        out->index = -1;
        ok = ok && error_set(err, ERROR_INPUT, "no index");
    }
    ok = ok && read_hash(buf_text(&fields[4]), out->hash, err) &&
         json_parse_object((const uint8_t *)buf_text(&fields[5]), fields[5].len,
                           &out->entry, err);
    for (int i = 0; i < CSV_FIELDS; i++)
        buf_clear(&fields[i]);
    return ok;
}

/* Whether the line is what would be written for what was read from it. */
static bool
is_as_written(enum audit_format format, const char *line, size_t len,
              struct audit_record *record, struct error *err)
{
    struct db_entry entry = {0};
    struct buf again = BUF_INIT(AUDIT_LINE_MAX + 1);
    bool ok;

    ok = json_get_time(record->entry, "at", &record->at, err) &&
         json_get_text(record->entry, "event", 256, &entry.event, err) &&
         json_get_text(record->entry, "subject", 4096, &entry.subject, err) &&
         json_canonical(record->entry, &record->body, err);
    if (!ok)
        return false;
    entry.at = record->at;
    entry.body = record->body.data;
    entry.body_len = record->body.len;
    memcpy(entry.hash, record->hash, sizeof entry.hash);
    ok = audit_record_format(format, record->index, &entry, &again, err) &&
         ((again.len == len + 1 && memcmp(again.data, line, len) == 0) ||
          error_set(err, ERROR_INPUT, "not in the form that is hashed"));
    buf_clear(&again);
    return ok;
}

bool
audit_record_parse(enum audit_format format, const char *line, size_t len,
                   struct audit_record *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    out->index = -1;
    out->body.limit = ENTRY_BODY_MAX;
    if (format == AUDIT_CSV ? !parse_csv(line, len, out, err)
                            : !parse_jsonl(line, len, out, err))
        return false;
    return is_as_written(format, line, len, out, err);
}

void
audit_record_clear(struct audit_record *record)
{
    buf_clear(&record->body);
    json_decref(record->entry);
    record->entry = NULL;
}
