/* Findings of fields and cases: ra/case_finding.h. */
#include "ra/case_finding.h"

#include <stdio.h>
#include <string.h>

#include "ra/case_facts.h"
#include "ra/case_field.h"
#include "ra/field.h"
#include "ra/finding.h"

static void
add(struct findings *list, const char *field, const char *code,
    enum finding_level level)
{
    char subject[FINDING_SUBJECT_MAX + 1];

    (void)snprintf(subject, sizeof subject, "field:%s", field);
    finding_add(list, subject, code, level, NULL);
}

typedef bool judge(const char *text, struct buf *out, struct error *err);

/* A field whose form can be checked, by its type. */
static void
form_check(struct findings *list, const struct definition_field *field,
           const char *value, const json_t *fields)
{
    static const struct {
        enum definition_type type;
        judge *judge;
        const char *code;
    } checks[] = {
        {FIELD_USCC, field_uscc, "uscc-check-digit"},
        {FIELD_ID_NUMBER, field_id_card, "id-check-digit"},
        {FIELD_MOBILE, field_mobile, "mobile-form"},
    };

    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        struct buf out = BUF_INIT(FIELD_VALUE_MAX);
        struct error unused;

        if (field->type != checks[i].type)
            continue;
        /* Other identity papers have no check digit. */
        if (field->type == FIELD_ID_NUMBER &&
            strcmp(case_field_text(fields, "handler_id_type"), "id-card") != 0)
            continue;
        add(list, field->name, checks[i].code,
            checks[i].judge(value, &out, &unused) ? FINDING_OK
                                                  : FINDING_WARNING);
        buf_cleanse(&out);
    }
}

static void
record_check(struct findings *list, const struct db_case_record *record,
             const json_t *fields)
{
    const struct {
        const char *name;
        const char *value;
    } at[] = {
        {"unit_name", record->unit_name}, {"uscc", record->uscc},
        {"province", record->province},   {"locality", record->locality},
        {"street", record->street},
    };

    for (size_t i = 0; record->is_there && i < sizeof at / sizeof at[0]; i++) {
        const char *value = case_field_text(fields, at[i].name);

        if (value[0] != '\0')
            add(list, at[i].name, "equals-record",
                strcmp(value, at[i].value) == 0 ? FINDING_OK : FINDING_WARNING);
    }
}

static json_t *
count_detail(int64_t count)
{
    json_t *detail = json_object();

    json_set_int(detail, "count", count);
    return detail;
}

static bool
around(struct db *db, const struct db_case *row,
       const struct definition *definition, const struct db_case_facts *raw,
       int64_t at, struct findings *list, struct error *err)
{
    struct db_holder live = {0};
    struct error unused;
    int64_t namesakes = 0;
    bool found = false;

    if (!db_case_namesakes(db, row->account, row->unit_name, row->uscc, at,
                           &namesakes, err) ||
        !db_holder_live(db, row->account, at, &found, &live, err))
        return false;
    finding_add(list, "case", "live-certificate",
                case_condition(definition, found ? &live : NULL, at, &unused)
                    ? FINDING_OK
                    : FINDING_WARNING,
                NULL);
    db_holder_clear(&live);
    if (raw->open_others > 0)
        finding_add(list, "case", "open-business", FINDING_NOTE,
                    count_detail(raw->open_others));
    if (namesakes > 0)
        finding_add(list, "case", "same-unit", FINDING_WARNING,
                    count_detail(namesakes));
    if (raw->handler_case[0] != '\0')
        finding_add(list, "case", "handler-of-record",
                    raw->handler_is_of_record ? FINDING_OK : FINDING_NOTE,
                    NULL);
    return true;
}

bool
case_finding_write(struct db *db, const struct db_case *row,
                   const struct definition *definition, const json_t *fields,
                   const struct db_case_facts *raw, int64_t at,
                   struct error *err)
{
    struct findings list = {0};
    struct db_case_record record = {0};
    bool ok = false;

    for (size_t i = 0; i < definition->field_count; i++) {
        const struct definition_field *field = &definition->field[i];
        const char *value = case_field_text(fields, field->name);

        if (value[0] != '\0')
            form_check(&list, field, value, fields);
    }
    if (!db_case_record(db, row->account, &record, err))
        goto out;
    record_check(&list, &record, fields);
    ok = around(db, row, definition, raw, at, &list, err) &&
         finding_store(db, row->number, row->revision, &list, at, err);
out:
    db_result_free(record.held);
    finding_clear(&list);
    return ok;
}
