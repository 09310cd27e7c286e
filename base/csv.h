/*
 * Comma-separated values (RFC 4180), read strictly and line by line: quoted
 * fields with "" for a quote, lines that end in CRLF or LF, UTF-8 with or
 * without a byte order mark. A record that is wrong is told with its line, and
 * the next one is read all the same.
 */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    CSV_FIELDS_MAX = 32,
    CSV_RECORD_MAX = 8192, /* octets of one record, its line end aside */
};

struct csv {
    const uint8_t *at, *end; /* borrowed */
    int line;                /* of `at`, from 1 */
};

struct csv_record {
    int line; /* where it begins */
    size_t count;
    const char *field[CSV_FIELDS_MAX]; /* in `text` */
    char text[CSV_RECORD_MAX + CSV_FIELDS_MAX];
};

/* `data` is borrowed while records are read. */
void csv_open(struct csv *csv, const uint8_t *data, size_t len);

/* Whether nothing but empty lines is left. */
bool csv_is_end(struct csv *csv);

/* The next record; not at the end. ERROR_INPUT: too long, too many fields, no
 * UTF-8, a quote where none belongs or that is not closed; then `csv` stands
 * after the line on which the record began. `out->line` is set either way. */
bool csv_next(struct csv *csv, struct csv_record *out,
              struct error *err) MUST_CHECK;

#endif
