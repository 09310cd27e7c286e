/*
 * One entry of the log in an export: a line. As JSON
 *   {"index":7,"hash":"<hex>","entry":<body>}
 * or as CSV (RFC 4180, LF) under the header audit_csv_header
 *   index,"at","event","subject",hash,"body"
 * The body is the canonical JSON that is hashed, octet for octet. Pure.
 */
#ifndef CA_CORE_AUDIT_RECORD_H
#define CA_CORE_AUDIT_RECORD_H

#include "base/json.h"
#include "db/entry.h"

enum audit_format { AUDIT_JSONL, AUDIT_CSV };

/* Of a line without its end: an entry of ENTRY_BODY_MAX with every octet a
 * quotation mark that CSV doubles. */
enum { AUDIT_LINE_MAX = 17 * 1024 * 1024 };

extern const char audit_csv_header[]; /* without a line end */

/* "jsonl" or "csv". */
bool audit_format_find(const char *name, enum audit_format *out) MUST_CHECK;

/* Appends the line and its end. */
bool audit_record_format(enum audit_format format, int64_t index,
                         const struct db_entry *entry, struct buf *out,
                         struct error *err) MUST_CHECK;

/* A line that was read. */
struct audit_record {
    int64_t index;
    uint8_t hash[DB_ENTRY_HASH_LEN]; /* as it stands there */
    int64_t at;
    struct buf body; /* owned */
    json_t *entry;   /* the body, read; owned */
};

/* Reads a line without its end; ERROR_INPUT unless it is exactly what
 * audit_record_format() writes. When at least the index can be told out->index
 * has it even then, and otherwise it is -1. The caller clears `out`, after a
 * failure too. */
bool audit_record_parse(enum audit_format format, const char *line, size_t len,
                        struct audit_record *out, struct error *err) MUST_CHECK;
void audit_record_clear(struct audit_record *record);

#endif
