/* Import of many records: ra/unit_import.h. */
#include "ra/unit_import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/json.h"
#include "base/xml.h"

/* ---- CSV ----------------------------------------------------------------- */

/* Which column holds which field: -1 for none. */
struct columns {
    int of[UNIT_FIELD_COUNT];
    size_t count;
};

static bool
is_optional(const char *name)
{
    return strcmp(name, "country") == 0 || strcmp(name, "language") == 0;
}

static bool
header_read(struct csv *csv, struct csv_record *record, struct columns *out,
            struct error *err)
{
    if (csv_is_end(csv))
        return error_set(err, ERROR_INPUT,
                         "the file is empty: a header line is wanted");
    if (!csv_next(csv, record, err))
        return error_wrap(err, "line %d", record->line);
    out->count = record->count;
    for (size_t i = 0; i < UNIT_FIELD_COUNT; i++)
        out->of[i] = -1;
    for (size_t column = 0; column < record->count; column++) {
        size_t i = 0;

        while (i < UNIT_FIELD_COUNT &&
               strcmp(unit_field_names[i], record->field[column]) != 0)
            i++;
        if (i == UNIT_FIELD_COUNT)
            return error_set(err, ERROR_INPUT,
                             "line %d: no column is called \"%.40s\"",
                             record->line, record->field[column]);
        if (out->of[i] >= 0)
            return error_set(err, ERROR_INPUT, "line %d: column %s twice",
                             record->line, unit_field_names[i]);
        out->of[i] = (int)column;
    }
    for (size_t i = 0; i < UNIT_FIELD_COUNT; i++) {
        if (out->of[i] < 0 && !is_optional(unit_field_names[i]))
            return error_set(err, ERROR_INPUT, "line %d: column %s is missing",
                             record->line, unit_field_names[i]);
    }
    return true;
}

static void
record_source(const struct csv_record *record, const struct columns *columns,
              struct unit_source *out)
{
    *out = (struct unit_source){0};
    for (size_t i = 0; i < UNIT_FIELD_COUNT; i++) {
        const char **field = unit_source_field(out, unit_field_names[i]);

        if (columns->of[i] >= 0)
            *field = record->field[columns->of[i]];
        /* What may be left out may be left empty. */
        if (*field != NULL && (*field)[0] == '\0' &&
            is_optional(unit_field_names[i]))
            *field = NULL;
    }
}

static bool
csv_read(const struct unit_import *import, unit_import_each *each, void *arg,
         struct error *err)
{
    struct csv_record *record = base_alloc(sizeof *record);
    struct columns columns;
    struct unit_source source;
    struct csv csv;
    bool ok;

    csv_open(&csv, import->data, import->len);
    ok = header_read(&csv, record, &columns, err);
    while (ok && !csv_is_end(&csv)) {
        struct error wrong = {0};
        bool is_read = csv_next(&csv, record, &wrong);

        if (is_read && record->count != columns.count)
            is_read = error_set(&wrong, ERROR_INPUT,
                                "%zu fields, and the header has %zu",
                                record->count, columns.count);
        if (is_read)
            record_source(record, &columns, &source);
        ok = each(arg, record->line, is_read ? &source : NULL,
                  is_read ? NULL : &wrong, err);
    }
    free(record);
    return ok;
}

/* ---- XML ----------------------------------------------------------------- */

static bool
xml_read(const struct unit_import *import, unit_import_each *each, void *arg,
         struct error *err)
{
    const struct xml_node *node, *child;
    struct xml *xml = NULL;
    char schema[1100];
    bool ok;

    (void)snprintf(schema, sizeof schema, "%s/units.xsd", import->schema_dir);
    if (!xml_parse(import->data, import->len, "units", schema, &xml, err))
        return false;
    ok = true;
    for (node = xml_child(xml_root(xml), "unit"); ok && node != NULL;
         node = xml_next(node, "unit")) {
        struct unit_source source = {.account =
                                         xml_attribute(node, "account", NULL)};

        for (child = xml_child(node, NULL); child != NULL;
             child = xml_next(child, NULL)) {
            const char **field = unit_source_field(&source, xml_name(child));

            if (field != NULL) /* the schema knows no other */
                *field = xml_text(child);
        }
        ok = each(arg, xml_line(node), &source, NULL, err);
    }
    xml_free(xml);
    return ok;
}

bool
unit_import_read(const struct unit_import *import, unit_import_each *each,
                 void *arg, struct error *err)
{
    if (import->len > UNIT_IMPORT_MAX)
        return error_set(err, ERROR_INPUT,
                         "longer than %d octets: send it in parts",
                         UNIT_IMPORT_MAX);
    return import->format == UNIT_CSV ? csv_read(import, each, arg, err)
                                      : xml_read(import, each, arg, err);
}

/* ---- Report -------------------------------------------------------------- */

struct report {
    struct db *db;
    const struct unit_import *import;
    json_t *lines;
    json_t *seen; /* account: line */
    int64_t count[UNIT_UNCHANGED + 1];
    int64_t errors;
};

static void
line_add(struct report *report, int line, const char *account,
         const char *result, const struct error *wrong)
{
    json_t *one = json_object();
    json_t *name = account == NULL ? NULL : json_string(account);

    json_set_int(one, "line", line);
    if (name != NULL)
        json_object_set_new(one, "account", name);
    json_set_text(one, "result", result);
    if (wrong != NULL) {
        json_set_text(one, "problem", wrong->what);
        report->errors++;
    }
    json_array_append_new(report->lines, one);
}

/* The second record of an account would undo the first. */
static bool
is_first(struct report *report, const char *account, int line,
         struct error *wrong)
{
    const json_t *seen = json_object_get(report->seen, account);

    if (seen != NULL)
        return error_set(wrong, ERROR_INPUT, "account: stands in line %d too",
                         (int)json_integer_value(seen));
    json_set_int(report->seen, account, line);
    return true;
}

static bool
report_one(void *arg, int line, const struct unit_source *source,
           const struct error *unread, struct error *err)
{
    struct report *report = arg;
    struct error wrong = {0};
    enum unit_outcome outcome;
    struct unit unit;

    if (json_array_size(report->lines) >= UNIT_IMPORT_RECORDS_MAX)
        return error_set(err, ERROR_INPUT,
                         "line %d: more than %d records; send the rest in "
                         "another file",
                         line, UNIT_IMPORT_RECORDS_MAX);
    if (source == NULL) {
        line_add(report, line, NULL, "error", unread);
        return true;
    }
    if (!unit_judge(source, &unit, &wrong) ||
        !is_first(report, unit.account, line, &wrong)) {
        line_add(report, line, source->account, "error", &wrong);
        return true;
    }
    if (!unit_put(report->db, &unit, 0, report->import->is_dry,
                  report->import->at, &outcome, NULL, &wrong)) {
        /* What is away now is away for the next line as well. */
        if (wrong.code == ERROR_BUSY || wrong.code == ERROR_INTERNAL) {
            *err = wrong;
            return error_wrap(err, "line %d", line);
        }
        line_add(report, line, unit.account, "error", &wrong);
        return true;
    }
    report->count[outcome]++;
    line_add(report, line, unit.account, unit_outcome_name(outcome), NULL);
    return true;
}

bool
unit_import(struct db *db, const struct unit_import *import, json_t **out,
            struct error *err)
{
    struct report report = {
        .db = db,
        .import = import,
        .lines = json_array(),
        .seen = json_object(),
    };
    bool ok = unit_import_read(import, report_one, &report, err);

    if (ok) {
        *out = json_object();
        json_object_set_new(*out, "dry_run", json_boolean(import->is_dry));
        for (int i = 0; i <= UNIT_UNCHANGED; i++)
            json_set_int(*out, unit_outcome_name((enum unit_outcome)i),
                         report.count[i]);
        json_set_int(*out, "errors", report.errors);
        json_object_set(*out, "lines", report.lines);
    }
    json_decref(report.lines);
    json_decref(report.seen);
    return ok;
}
