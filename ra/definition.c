/* Questions to definitions, and their JSON: ra/definition.h. */
#include "ra/definition.h"

#include <string.h>

#include "base/json.h"
#include "ra/definition_internal.h"
#include "ra/field.h"

static const char *const type_names[] = {
    [FIELD_TEXT] = "text",     [FIELD_UNIT_NAME] = "unit-name",
    [FIELD_USCC] = "uscc",     [FIELD_ID_NUMBER] = "id-number",
    [FIELD_MOBILE] = "mobile", [FIELD_EMAIL] = "email",
    [FIELD_CHOICE] = "choice", [FIELD_YEARS] = "years",
    [FIELD_FLAG] = "flag",     [FIELD_SEALS] = "seals",
};

const char *
definition_type_name(enum definition_type type)
{
    return type_names[type];
}

bool
definition_type_find(const char *name, enum definition_type *out)
{
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++)
        if (strcmp(type_names[i], name) == 0) {
            *out = (enum definition_type)i;
            return true;
        }
    return false;
}

const struct definition *
definition_get(const struct definitions *all, enum case_business business)
{
    return &all->of[business];
}

bool
definition_of(const struct definitions *all, const char *business,
              const struct definition **out, struct error *err)
{
    enum case_business kind;

    if (!case_business_find(business, &kind))
        return error_set(err, ERROR_INTERNAL, "business %s", business);
    *out = definition_get(all, kind);
    return true;
}

const struct definition_field *
definition_field_find(const struct definition *definition, const char *name)
{
    for (size_t i = 0; i < definition->field_count; i++)
        if (strcmp(definition->field[i].name, name) == 0)
            return &definition->field[i];
    return NULL;
}

const struct definition_slot *
definition_slot_find(const struct definition *definition, const char *name)
{
    for (size_t i = 0; i < definition->slot_count; i++)
        if (strcmp(definition->slot[i].name, name) == 0)
            return &definition->slot[i];
    return NULL;
}

const struct definition_notice *
definition_notice_find(const struct definition *definition, const char *name,
                       const char *channel)
{
    for (size_t i = 0; i < definition->notice_count; i++)
        if (definition->notices[i].event == CASE_EVENT_COUNT &&
            strcmp(definition->notices[i].name, name) == 0 &&
            strcmp(definition->notices[i].channel, channel) == 0)
            return &definition->notices[i];
    return NULL;
}

bool
definition_when(const char *when, const json_t *fields)
{
    char name[64];
    const char *equals, *value;
    size_t len;
    bool is_not;

    if (when == NULL)
        return true;
    equals = strchr(when, '=');
    is_not = equals > when && equals[-1] == '!';
    len = (size_t)(equals - when) - (is_not ? 1 : 0);
    if (len >= sizeof name)
        return false;
    memcpy(name, when, len);
    name[len] = '\0';
    value = json_string_value(json_object_get(fields, name));
    return (value != NULL && strcmp(value, equals + 1) == 0) != is_not;
}

/* The price of this time; NULL if there is none. */
static const struct definition_price *
price_at(const struct definition *definition, int64_t at)
{
    for (size_t i = 0; i < definition->price_count; i++)
        if (at >= definition->price[i].from && at < definition->price[i].until)
            return &definition->price[i];
    return NULL;
}

int64_t
definition_price(const struct definition *definition, const json_t *fields,
                 int64_t at)
{
    const struct definition_price *price = price_at(definition, at);
    const char *years = json_string_value(json_object_get(fields, "years"));

    if (price == NULL)
        return 0;
    if (!price->is_per_year)
        return price->amount;
    /* Judged before (FIELD_YEARS): one digit. Without: one year. */
    return price->amount * (years != NULL && years[0] >= '1' && years[0] <= '9'
                                ? years[0] - '0'
                                : 1);
}

/* ---- Judging a case's fields -----------------------------------------------
 */

static bool
is_known(const struct definition *definition, const json_t *fields,
         struct error *err)
{
    const char *name;
    const json_t *value;

    json_object_foreach((json_t *)fields, name, value)
    {
        if (definition_field_find(definition, name) == NULL)
            return error_set(err, ERROR_INPUT,
                             "%.64s: 此业务没有这一项 / this business has no "
                             "such field",
                             name);
    }
    return true;
}

/* The type of identity paper that stands beside "x_number". */
static const char *
type_beside(const struct definition_field *field, const json_t *fields)
{
    static const char tail[] = "_number";
    size_t len = strlen(field->name);
    char name[64];

    if (len < sizeof tail || len >= sizeof name ||
        strcmp(field->name + len - (sizeof tail - 1), tail) != 0)
        return NULL;
    memcpy(name, field->name, len - (sizeof tail - 1));
    memcpy(name + len - (sizeof tail - 1), "_type", sizeof "_type");
    return json_string_value(json_object_get(fields, name));
}

static bool
is_empty(const json_t *value)
{
    return value == NULL || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0);
}

static bool
field_check(const struct definition_field *field, json_t *fields,
            struct error *err)
{
    const json_t *value = json_object_get(fields, field->name);
    struct buf clean = BUF_INIT(FIELD_VALUE_MAX);
    bool ok;

    if (is_empty(value)) {
        json_object_del(fields, field->name);
        if (field->otherwise != NULL)
            json_set_text(fields, field->name, field->otherwise);
        return true;
    }
    ok = field_judge(field, type_beside(field, fields), value, &clean, err);
    if (ok)
        json_set_text(fields, field->name, buf_text(&clean));
    else
        error_wrap(err, "%s", field->name);
    buf_cleanse(&clean);
    return ok;
}

bool
definition_fields_check(const struct definition *definition, json_t *fields,
                        bool is_whole, struct error *err)
{
    if (!is_known(definition, fields, err))
        return false;
    /* A `when` names a field that stands before it (definition_check()). */
    for (size_t i = 0; i < definition->field_count; i++) {
        const struct definition_field *field = &definition->field[i];

        if (!definition_when(field->when, fields)) {
            json_object_del(fields, field->name);
            continue;
        }
        if (!field_check(field, fields, err))
            return false;
        if (is_whole && field->is_required &&
            json_object_get(fields, field->name) == NULL)
            return error_set(err, ERROR_INPUT,
                             "%s: 必须填写 / must be filled in", field->name);
    }
    return true;
}

/* ---- JSON
 * --------------------------------------------------------------------- */

static json_t *
text_json(const struct definition_text *text)
{
    json_t *object = json_object();

    json_set_text(object, "zh", text->in[0]);
    json_set_text(object, "en", text->in[1]);
    return object;
}

static void
set_flag(json_t *object, const char *name, bool value)
{
    json_object_set_new(object, name, json_boolean(value));
}

static void
set_text(json_t *object, const char *name, const char *value)
{
    if (value != NULL)
        json_set_text(object, name, value);
}

/* `help` may say nothing. */
static void
set_help(json_t *object, const struct definition_text *help)
{
    if (help->in[0][0] != '\0')
        json_object_set_new(object, "help", text_json(help));
}

static void
set_document(json_t *object, const char *name,
             const struct definition_text *text, const char *version)
{
    json_t *document;

    if (version == NULL)
        return;
    document = text_json(text);
    json_set_text(document, "version", version);
    json_object_set_new(object, name, document);
}

static json_t *
field_json(const struct definition_field *field)
{
    json_t *object = json_object();
    json_t *choices;

    json_set_text(object, "name", field->name);
    json_set_text(object, "type", definition_type_name(field->type));
    json_object_set_new(object, "label", text_json(&field->label));
    set_help(object, &field->help);
    set_flag(object, "is_required", field->is_required);
    set_flag(object, "is_locked", field->is_locked);
    set_flag(object, "is_personal", field->is_personal);
    set_flag(object, "is_printed", field->is_printed);
    set_flag(object, "from_record", field->from_record);
    json_set_int(object, "max", field->max);
    set_text(object, "when", field->when);
    set_text(object, "default", field->otherwise);
    if (field->choice_count == 0)
        return object;
    choices = json_array();
    for (size_t i = 0; i < field->choice_count; i++) {
        json_t *choice = json_object();

        json_set_text(choice, "value", field->choice[i].value);
        json_object_set_new(choice, "label",
                            text_json(&field->choice[i].label));
        json_array_append_new(choices, choice);
    }
    json_object_set_new(object, "choices", choices);
    return object;
}

static json_t *
slot_json(const struct definition_slot *slot)
{
    json_t *object = json_object();
    json_t *checks = json_array();

    json_set_text(object, "slot", slot->name);
    json_object_set_new(object, "label", text_json(&slot->label));
    set_help(object, &slot->help);
    set_flag(object, "is_required", slot->is_required);
    set_text(object, "when", slot->when);
    set_text(object, "form", slot->form);
    set_flag(object, "wants_red_seal", slot->wants_red_seal);
    set_flag(object, "wants_colour", slot->wants_colour);
    json_set_int(object, "pages_min", slot->pages_min);
    json_set_int(object, "pages_max", slot->pages_max);
    json_set_int(object, "copies", slot->copies);
    set_flag(object, "is_original", slot->is_original);
    for (size_t i = 0; i < slot->check_count; i++)
        json_array_append_new(checks, text_json(&slot->check[i]));
    json_object_set_new(object, "checks", checks);
    return object;
}

static json_t *
timers_json(const struct definition *definition)
{
    json_t *list = json_array();

    for (size_t i = 0; i < definition->timer_count; i++) {
        const struct definition_timer *timer = &definition->timer[i];
        json_t *object = json_object();

        json_set_text(object, "state", case_state_name(timer->state));
        json_set_text(object, "event", case_event_name(timer->event));
        json_set_int(object, "days", timer->days);
        set_flag(object, "is_working_days", timer->is_working_days);
        json_array_append_new(list, object);
    }
    return list;
}

static void
set_price(json_t *object, const struct definition *definition, int64_t at)
{
    const struct definition_price *price = price_at(definition, at);
    json_t *one;

    if (price == NULL)
        return;
    one = json_object();
    json_set_int(one, "amount", price->amount);
    set_flag(one, "is_per_year", price->is_per_year);
    json_object_set_new(object, "price", one);
}

json_t *
definition_json(const struct definition *definition, int64_t at)
{
    json_t *object = json_object();
    json_t *fields = json_array();
    json_t *slots = json_array();

    json_set_text(object, "business", case_business_name(definition->business));
    json_object_set_new(object, "name", text_json(&definition->name));
    json_object_set_new(object, "summary", text_json(&definition->summary));
    set_document(object, "notice", &definition->notice,
                 definition->notice_version);
    set_document(object, "agreement", &definition->agreement,
                 definition->agreement_version);
    json_set_int(object, "reviews", definition->reviews);
    set_flag(object, "wants_live", definition->wants_live);
    set_flag(object, "wants_device_proof", definition->wants_device_proof);
    set_flag(object, "asks_files", definition->asks_files);
    json_set_int(object, "window_days", definition->window_days);
    set_flag(object, "sends_device", definition->sends_device);
    set_flag(object, "sends_after_second", definition->sends_after_second);
    set_flag(object, "returns_device", definition->returns_device);
    for (size_t i = 0; i < definition->field_count; i++)
        json_array_append_new(fields, field_json(&definition->field[i]));
    json_object_set_new(object, "fields", fields);
    for (size_t i = 0; i < definition->slot_count; i++)
        if (!definition->slot[i].is_internal)
            json_array_append_new(slots, slot_json(&definition->slot[i]));
    json_object_set_new(object, "slots", slots);
    set_price(object, definition, at);
    json_object_set_new(object, "timers", timers_json(definition));
    return object;
}
