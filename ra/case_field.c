/* The fields of a case in clear: ra/case_field.h. */
#include "ra/case_field.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/json.h"

static bool
purpose_format(const char *number, const char *name,
               char out[VAULT_PURPOSE_MAX + 1], struct error *err)
{
    int len =
        snprintf(out, VAULT_PURPOSE_MAX + 1, "case_field/%s/%s", number, name);

    return (len > 0 && len <= VAULT_PURPOSE_MAX) ||
           error_set(err, ERROR_INTERNAL, "name of a field too long");
}

struct read_run {
    const struct business *business;
    const char *number;
    json_t *fields;
};

static bool
read_each(const struct db_result *row, void *arg, struct error *err)
{
    struct read_run *run = arg;
    struct buf clear = BUF_INIT(CASE_FIELD_MAX);
    char purpose[VAULT_PURPOSE_MAX + 1];
    struct db_field field;
    bool ok;

    if (!db_field_read(row, 0, &field, err))
        return false;
    if (field.sealed == NULL) {
        json_set_text(run->fields, field.name, field.value);
        return true;
    }
    ok = purpose_format(run->number, field.name, purpose, err) &&
         vault_open(run->business->vault, purpose, field.sealed,
                    field.sealed_len, &clear, err);
    if (ok)
        json_set_text(run->fields, field.name, buf_text(&clear));
    buf_cleanse(&clear);
    return ok;
}

bool
case_fields_read(const struct business *business, struct db *db,
                 const char *number, json_t **out, struct error *err)
{
    struct read_run run = {business, number, json_object()};

    if (!db_field_list(db, number, read_each, &run, err)) {
        case_fields_free(run.fields);
        return error_wrap(err, "fields of %s", number);
    }
    *out = run.fields;
    return true;
}

void
case_fields_free(json_t *fields)
{
    const char *name;
    json_t *value;

    if (fields == NULL)
        return;
    json_object_foreach(fields, name, value) if (json_is_string(value) &&
                                                 value->refcount == 1)
        OPENSSL_cleanse((char *)(uintptr_t)json_string_value(value),
                        json_string_length(value));
    json_decref(fields);
}

const char *
case_field_text(const json_t *fields, const char *name)
{
    const char *text = json_string_value(json_object_get(fields, name));

    return text == NULL ? "" : text;
}

/* One value into its row. */
static bool
write_one(const struct business *business, struct db *db, const char *number,
          const struct definition_field *field, const char *value,
          struct error *err)
{
    struct buf sealed = BUF_INIT(CASE_FIELD_MAX + VAULT_OVERHEAD);
    uint8_t blind[VAULT_BLIND_LEN];
    char purpose[VAULT_PURPOSE_MAX + 1];
    struct db_field row = {.name = field->name, .is_locked = field->is_locked};
    bool ok = true;

    if (!field->is_personal) {
        row.value = value;
        return db_field_set(db, number, &row, err);
    }
    ok = purpose_format(number, field->name, purpose, err) &&
         vault_seal(business->vault, purpose, (const uint8_t *)value,
                    strlen(value), &sealed, err);
    if (ok) {
        /* The handler of record is compared by them (1.8 #13). */
        vault_blind(business->vault, field->name, value, blind);
        row.sealed = sealed.data;
        row.sealed_len = sealed.len;
        row.blind = blind;
        ok = db_field_set(db, number, &row, err);
    }
    buf_clear(&sealed);
    return ok;
}

bool
case_fields_write(const struct business *business, struct db *db,
                  const char *number, const struct definition *definition,
                  const json_t *before, const json_t *after, bool is_draft,
                  struct error *err)
{
    for (size_t i = 0; i < definition->field_count; i++) {
        const struct definition_field *field = &definition->field[i];
        const char *old =
            json_string_value(json_object_get(before, field->name));
        const char *now =
            json_string_value(json_object_get(after, field->name));

        if (old == now || (old != NULL && now != NULL && strcmp(old, now) == 0))
            continue;
        if (!is_draft && field->is_locked)
            return error_set(err, ERROR_CONFLICT,
                             "%s: 提交后不可修改 / locked since the first "
                             "submission",
                             field->name);
        if (now != NULL ? !write_one(business, db, number, field, now, err)
                        : !db_field_delete(db, number, field->name, err))
            return false;
    }
    return true;
}

/* What the record says about a field of this name; NULL: nothing. */
static const char *
record_value(const struct db_case_record *record, const char *name)
{
    const struct {
        const char *name;
        const char *value;
    } at[] = {
        {"unit_name", record->unit_name}, {"uscc", record->uscc},
        {"kind", record->kind},           {"country", record->country},
        {"province", record->province},   {"locality", record->locality},
        {"street", record->street},
    };

    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
        if (strcmp(at[i].name, name) == 0)
            return at[i].value;
    return NULL;
}

bool
case_fields_from_record(struct db *db, const char *account,
                        const struct definition *definition, json_t *fields,
                        char language[3], struct error *err)
{
    struct db_case_record record = {0};
    bool ok = false;

    if (!db_case_record(db, account, &record, err))
        return false;
    if (!record.is_there) {
        error_set(err, ERROR_CONFLICT,
                  "平台尚未提供单位信息 / the platform has not sent the record "
                  "of this account yet");
        goto out;
    }
    for (size_t i = 0; i < definition->field_count; i++) {
        const struct definition_field *field = &definition->field[i];
        const char *sent =
            json_string_value(json_object_get(fields, field->name));
        const char *value = record_value(&record, field->name);

        if (!field->from_record || value == NULL)
            continue;
        if (sent != NULL && strcmp(sent, value) != 0) {
            error_set(err, ERROR_CONFLICT,
                      "%s: 以平台登记为准，请先在平台修改 / comes from the "
                      "platform's record: have it corrected there first",
                      field->name);
            goto out;
        }
        json_set_text(fields, field->name, value);
    }
    snprintf(language, 3, "%s", record.language);
    ok = true;
out:
    db_result_free(record.held);
    return ok;
}
