/* The contents of forms; see ra/form.h. Drawing is ra/form_page.c's. */
#include "ra/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "ra/form_internal.h"
#include "ra/form_page.h"

enum {
    VALUE_MAX = 2048, /* octets of a value as printed */
    CELLS_MAX = DEFINITION_FIELDS_MAX + 3,
    SEALS_MAX = 2,
};

struct cells {
    struct form_cell cell[CELLS_MAX];
    char text[CELLS_MAX][VALUE_MAX];
    size_t count;
};

/* ---- Values -------------------------------------------------------------- */

static void
choice_format(const struct definition_field *field, const char *value,
              char out[VALUE_MAX], const char **english)
{
    for (size_t i = 0; i < field->choice_count; i++) {
        if (strcmp(field->choice[i].value, value) == 0) {
            (void)snprintf(out, VALUE_MAX, "%s", field->choice[i].label.in[0]);
            *english = field->choice[i].label.in[1];
            return;
        }
    }
    (void)snprintf(out, VALUE_MAX, "%s", value);
}

static const struct definition_text *
seal_type_label(const char *type)
{
    static const struct definition_text official = {{"公章", "Official seal"}};
    static const struct definition_text contract = {
        {"合同专用章", "Contract seal"}};

    return strcmp(type, "contract") == 0 ? &contract : &official;
}

/* [{"type", "name"}], as text or as it is. The caller owns the result, which
 * is an array in every case. */
static json_t *
seals_read(const json_t *value)
{
    json_t *list =
        json_is_array(value)
            ? json_incref((json_t *)(uintptr_t)value)
            : json_loads(json_is_string(value) ? json_string_value(value)
                                               : "[]",
                         JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_array(list)) {
        json_decref(list);
        list = json_array();
    }
    return list;
}

static void
seals_format(const json_t *value, char out[VALUE_MAX])
{
    json_t *list = seals_read(value);
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(list) && i < SEALS_MAX; i++) {
        const json_t *seal = json_array_get(list, i);
        const char *type = json_string_value(json_object_get(seal, "type"));
        const char *name = json_string_value(json_object_get(seal, "name"));
        int n =
            snprintf(out + len, VALUE_MAX - len, "%s%s：%s", i == 0 ? "" : "\n",
                     seal_type_label(type == NULL ? "" : type)->in[0],
                     name == NULL ? "" : name);

        len += n > 0 ? (size_t)n : 0;
        if (len >= VALUE_MAX)
            break;
    }
    json_decref(list);
}

static void
value_format(const struct definition_field *field, const json_t *value,
             char out[VALUE_MAX], const char **english)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";

    switch (field->type) {
    case FIELD_CHOICE:
        choice_format(field, text, out, english);
        break;
    case FIELD_FLAG:
        (void)snprintf(out, VALUE_MAX, "%s",
                       strcmp(text, "yes") == 0 ? "是" : "否");
        *english = strcmp(text, "yes") == 0 ? "Yes" : "No";
        break;
    case FIELD_YEARS:
        (void)snprintf(out, VALUE_MAX, "%s 年", text);
        break;
    case FIELD_SEALS:
        seals_format(value, out);
        break;
    default:
        (void)snprintf(out, VALUE_MAX, "%s", text);
    }
}

/* ---- Parts of the table -------------------------------------------------- */

enum part { PART_UNIT, PART_BUSINESS, PART_HANDLER, PART_DELIVERY };

static bool
begins(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Names of fields say where they belong: a field that the XML adds finds its
 * place by its name. */
static enum part
part_of(const char *name)
{
    static const char *const unit[] = {"unit_",   "uscc",     "kind",
                                       "country", "province", "locality",
                                       "street",  NULL};

    for (size_t i = 0; unit[i] != NULL; i++) {
        if (begins(name, unit[i]))
            return PART_UNIT;
    }
    if (begins(name, "handler_"))
        return PART_HANDLER;
    return begins(name, "delivery_") ? PART_DELIVERY : PART_BUSINESS;
}

static bool
is_domicile(const char *name)
{
    return strcmp(name, "province") == 0 || strcmp(name, "locality") == 0 ||
           strcmp(name, "street") == 0;
}

static char *
cell_add(struct cells *cells, const struct definition_text *label)
{
    struct form_cell *cell = &cells->cell[cells->count];

    cell->label = *label;
    cell->english = "";
    cell->value = cells->text[cells->count];
    return cells->text[cells->count++];
}

/* One line for the legal domicile 法定住所, as licences write it. */
static void
domicile_add(struct cells *cells, const json_t *fields)
{
    static const struct definition_text label = {
        {"单位法定住所", "Legal domicile"}};
    static const char *const names[] = {"province", "locality", "street"};
    char *out = cell_add(cells, &label);
    const char *last = "";
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < 3; i++) {
        const char *text = json_string_value(json_object_get(fields, names[i]));
        int n;

        /* 北京市 is both its own province and city. */
        if (text == NULL || strcmp(text, last) == 0)
            continue;
        n = snprintf(out + len, VALUE_MAX - len, "%s%s",
                     len > 0 && (unsigned char)text[0] < 0x80 ? " " : "", text);
        len += n > 0 ? (size_t)n : 0;
        if (len >= VALUE_MAX)
            break;
        last = text;
    }
}

static void
part_collect(const struct form_input *input, enum part part,
             struct cells *cells)
{
    const struct definition *definition = input->definition;
    bool has_domicile = false;

    for (size_t i = 0; i < definition->field_count; i++) {
        const struct definition_field *field = &definition->field[i];
        char *out;

        if (part_of(field->name) != part ||
            !form_field_is_printed(field, input->fields))
            continue;
        if (is_domicile(field->name)) {
            /* It says nothing about seals, whose boxes want the room. */
            if (!has_domicile && strcmp(input->kind, "seal") != 0)
                domicile_add(cells, input->fields);
            has_domicile = true;
            continue;
        }
        out = cell_add(cells, &field->label);
        value_format(field, json_object_get(input->fields, field->name), out,
                     &cells->cell[cells->count - 1].english);
    }
}

/* Two short cells that follow one another share a row. */
static void
cells_draw(struct form_page *page, const struct cells *cells)
{
    size_t i = 0;

    while (i < cells->count) {
        size_t count = i + 1 < cells->count &&
                               form_page_is_short(page, &cells->cell[i]) &&
                               form_page_is_short(page, &cells->cell[i + 1])
                           ? 2
                           : 1;

        form_page_row(page, &cells->cell[i], count);
        i += count;
    }
}

static void
part_draw(struct form_page *page, const struct form_input *input,
          enum part part, const struct definition_text *title,
          struct cells *cells)
{
    cells->count = 0;
    part_collect(input, part, cells);
    if (cells->count == 0)
        return;
    form_page_section(page, title);
    cells_draw(page, cells);
}

static void
business_draw(struct form_page *page, const struct form_input *input,
              struct cells *cells)
{
    static const struct definition_text title = {
        {"申请业务", "What is applied for"}};
    static const struct definition_text label = {
        {"业务类型", "Kind of business"}};

    static const struct definition_text serial = {
        {"证书序列号", "Serial number of the certificate"}};
    static const struct definition_text device = {
        {"介质序列号", "Serial number of the device"}};

    cells->count = 0;
    (void)snprintf(cell_add(cells, &label), VALUE_MAX, "%s",
                   input->definition->name.in[0]);
    cells->cell[0].english = input->definition->name.in[1];
    if (input->device != NULL)
        (void)snprintf(cell_add(cells, &device), VALUE_MAX, "%s",
                       input->device);
    if (input->serial != NULL)
        (void)snprintf(cell_add(cells, &serial), VALUE_MAX, "%s",
                       input->serial);
    part_collect(input, PART_BUSINESS, cells);
    form_page_section(page, &title);
    cells_draw(page, cells);
}

static void
impressions_draw(struct form_page *page, const struct form_input *input)
{
    static const struct definition_text title = {
        {"印模采集", "Impressions of the seals"}};
    json_t *list = seals_read(json_object_get(input->fields, "seals"));

    form_page_section(page, &title);
    for (size_t i = 0; i < json_array_size(list) && i < SEALS_MAX; i++) {
        const json_t *seal = json_array_get(list, i);
        const char *type = json_string_value(json_object_get(seal, "type"));
        const char *name = json_string_value(json_object_get(seal, "name"));
        const struct definition_text *label =
            seal_type_label(type == NULL ? "" : type);
        char zh[VALUE_MAX], en[64];
        struct definition_text caption = {{zh, en}};

        (void)snprintf(zh, sizeof zh, "%zu. %s：%s", i + 1, label->in[0],
                       name == NULL ? "" : name);
        (void)snprintf(en, sizeof en, "%s, stamped twice", label->in[1]);
        form_page_impressions(page, &caption);
    }
    json_decref(list);
}

/* Where originals go; the first sentence of the notes of who has to mail. */
static void
centre_draw(struct form_page *page, const struct form_input *input)
{
    static const struct definition_text title = {
        {"原件寄送地址（网上提交完成后寄出，快递费自付，不接收挂号信）",
         "Send the originals to this address, by courier and at your own "
         "expense, once the business is handed in online"}};
    struct definition_text address = {{input->centre, ""}};
    bool is_mailed = false;

    for (size_t i = 0; i < input->definition->slot_count; i++) {
        const struct definition_slot *slot = &input->definition->slot[i];

        is_mailed = is_mailed || (slot->copies > 0 && slot->form != NULL &&
                                  strcmp(slot->form, input->kind) == 0);
    }
    if (is_mailed && input->centre != NULL && input->centre[0] != '\0')
        form_page_notes(page, &title, &address, 1);
}

/* ---- Forms --------------------------------------------------------------- */

static void
contents_draw(struct form_page *page, const struct form_input *input,
              const struct form_words *words)
{
    static const struct definition_text unit = {{"单位信息", "Organisation"}};
    static const struct definition_text handler = {
        {"经办人信息", "Handler, who acts for the organisation"}};
    static const struct definition_text delivery = {
        {"证书存储介质邮寄信息", "Where the device is sent"}};
    static const struct definition_text sign = {
        {"声明与签署", "Declaration and signature"}};
    static const struct definition_text notes = {
        {"填写说明", "How to complete this form"}};
    struct cells *cells = base_alloc(sizeof *cells);
    bool is_seal = strcmp(words->kind, "seal") == 0;

    if (!is_seal)
        business_draw(page, input, cells);
    part_draw(page, input, PART_UNIT, &unit, cells);
    part_draw(page, input, PART_HANDLER, &handler, cells);
    if (is_seal)
        impressions_draw(page, input);
    else
        part_draw(page, input, PART_DELIVERY, &delivery, cells);
    form_page_section(page, &sign);
    form_page_statement(page, &words->statement);
    form_page_signature(page, &words->signer, &words->seal);
    form_page_notes(page, &notes, words->note, words->note_count);
    centre_draw(page, input);
    free(cells);
}

static bool
draw(const struct form_heading *heading, const struct form_input *input,
     const struct form_words *words, int total, struct buf *pdf, int *pages,
     struct error *err)
{
    struct form_page *page;

    if (!form_page_begin(heading, total, pdf, &page, err))
        return false;
    contents_draw(page, input, words);
    return form_page_end(page, pages, err);
}

bool
form_make(const struct vault *vault, const struct form_input *input,
          struct buf *pdf, struct error *err)
{
    const struct form_words *words = form_words_find(input->kind);
    char code[FORM_CODE_MAX + 1];
    struct form_heading heading;
    int pages;
    bool ok = false;

    if (words == NULL)
        return error_set(err, ERROR_INTERNAL, "there is no form \"%s\"",
                         input->kind);
    if (!form_code_make(vault, input, code, err))
        return false;
    heading = (struct form_heading){
        .title = words->title,
        .number = input->number,
        .revision = input->revision,
        .at = input->at,
        .code = code,
    };
    /* The first time counts the pages. */
    ok = draw(&heading, input, words, 0, pdf, &pages, err) &&
         draw(&heading, input, words, pages, pdf, &pages, err);
    return ok || error_wrap(err, "form %s of %s", input->kind, input->number);
}
