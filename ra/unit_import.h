/*
 * Records of many units at once, from CSV (RFC 4180, base/csv.h) or XML under
 * config/schema/units.xsd. Each is stored by itself: one that is wrong never
 * loses the others, and the same file again changes nothing.
 */
#ifndef RA_UNIT_IMPORT_H
#define RA_UNIT_IMPORT_H

#include <jansson.h>

#include "ra/unit.h"

enum {
    UNIT_IMPORT_MAX = 1024 * 1024, /* octets of a file */
    UNIT_IMPORT_RECORDS_MAX = 2000,
};

enum unit_format { UNIT_CSV, UNIT_XML };

struct unit_import {
    enum unit_format format;
    const char *schema_dir; /* of units.xsd */
    const uint8_t *data;
    size_t len;
    bool is_dry; /* says what would be, and stores nothing */
    int64_t at;
};

/* The report: {"dry_run", "created", "changed", "unchanged", "errors",
 * "lines": [{"line", "account"?, "result": "created" | "changed" | "unchanged"
 * | "error", "problem"?}]}; the caller owns it. ERROR_INPUT for what is wrong
 * with the file as a whole, which then was not looked into: too long, no XML
 * under the schema, a header line with unknown or missing names. ERROR_BUSY and
 * ERROR_INTERNAL leave what was stored so far: send it again. */
bool unit_import(struct db *db, const struct unit_import *import, json_t **out,
                 struct error *err) MUST_CHECK;

/* Reads without storing; `each` gets a record, or, with `source` NULL, what
 * was wrong with its line. False from it ends the reading. */
typedef bool unit_import_each(void *arg, int line,
                              const struct unit_source *source,
                              const struct error *wrong, struct error *err);
bool unit_import_read(const struct unit_import *import, unit_import_each *each,
                      void *arg, struct error *err) MUST_CHECK;

#endif
