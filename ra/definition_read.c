/* Definitions from their XML: ra/definition.h. What the schema let through is
 * put into the struct; what no schema can state is judged with the line. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ra/definition_internal.h"
#include "ra/field.h"

enum {
    TEXTS_MAX = 64,
    TEXT_LEN_MAX = 64 * 1024,
    CHINA_S = 8 * 3600, /* UTC+8 all year: fees change at midnight there */
    DEFAULT_TEXT_MAX = 200,
};

struct reader {
    struct definitions *all;
    struct definition *out;
    const char *file;
    const struct xml_node *common;
    bool is_mailed; /* paper copies of the documents */
    struct error *err;
};

static bool PRINTF_LIKE(3, 4)
    wrong(const struct reader *r, const struct xml_node *node,
          const char *format, ...)
{
    char reason[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    return error_set(r->err, ERROR_INPUT, "%s, line %d: %s", r->file,
                     xml_line(node), reason);
}

static bool
is_true(const struct xml_node *node, const char *name, const char *otherwise)
{
    const char *value = xml_attribute(node, name, otherwise);

    return strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

static int
number(const struct xml_node *node, const char *name, int otherwise)
{
    const char *value = xml_attribute(node, name, NULL);

    return value == NULL ? otherwise : (int)strtol(value, NULL, 10);
}

static struct definition_text
label(const struct xml_node *node)
{
    if (node == NULL)
        return (struct definition_text){{"", ""}};
    return (struct definition_text){
        {xml_attribute(node, "zh", ""), xml_attribute(node, "en", "")}};
}

/* The element of common.xml that <use name="..."/> means. */
static const struct xml_node *
use_find(const struct reader *r, const char *list, const char *kind,
         const char *name)
{
    const struct xml_node *node;

    for (node = xml_child(xml_child(r->common, list), kind); node != NULL;
         node = xml_next(node, kind))
        if (strcmp(xml_attribute(node, "name", ""), name) == 0)
            return node;
    return NULL;
}

/* Runs `read` over the elements of a list, those of common.xml too. */
typedef bool read_one(struct reader *r, const struct xml_node *node);

static bool
read_list(struct reader *r, const struct xml_node *root, const char *list,
          const char *kind, read_one *read)
{
    const struct xml_node *holder = xml_child(root, list);
    const struct xml_node *node, *meant;

    for (node = holder == NULL ? NULL : xml_child(holder, NULL); node != NULL;
         node = xml_next(node, NULL)) {
        meant = node;
        if (strcmp(xml_name(node), "use") == 0) {
            const char *name = xml_attribute(node, "name", "");

            meant = use_find(r, list, kind, name);
            if (meant == NULL)
                return wrong(r, node, "common.xml has no %s \"%s\"", kind,
                             name);
        }
        if (!read(r, meant))
            return false;
    }
    return true;
}

/* ---- Parts -----------------------------------------------------------------
 */

/* The paragraphs of one language, each on a line; kept with the definitions. */
static const char *
paragraphs(struct reader *r, const struct xml_node *text, const char *language)
{
    struct buf out = BUF_INIT(TEXT_LEN_MAX);
    const struct xml_node *p;
    char *kept;

    for (p = xml_child(text, "p"); p != NULL; p = xml_next(p, "p")) {
        if (out.len > 0)
            buf_add_byte(&out, '\n');
        buf_add_text(&out, xml_attribute(p, language, ""));
    }
    kept = base_text_copy(buf_text(&out));
    buf_clear(&out);
    r->all->text[r->all->text_count++] = kept;
    return kept;
}

static bool
read_text(struct reader *r, const struct xml_node *root, const char *element,
          struct definition_text *out, const char **version)
{
    const struct xml_node *node = xml_child(root, element), *text;

    *out = label(NULL);
    *version = NULL;
    if (node == NULL)
        return true;
    text = use_find(r, "texts", "text", xml_attribute(node, "name", ""));
    if (text == NULL)
        return wrong(r, node, "common.xml has no such text");
    out->in[0] = paragraphs(r, text, "zh");
    out->in[1] = paragraphs(r, text, "en");
    *version = xml_attribute(text, "version", "");
    return true;
}

static void
read_choices(struct reader *r, const struct xml_node *node,
             struct definition_field *field)
{
    struct definition_choice *choice;
    const struct xml_node *child;
    size_t count = 0;

    for (child = xml_child(node, "choice"); child != NULL;
         child = xml_next(child, "choice"))
        count++;
    if (count == 0)
        return;
    choice = base_alloc(count * sizeof *choice);
    r->all->choice[r->out->business][r->out->field_count] = choice;
    field->choice = choice;
    for (child = xml_child(node, "choice"); child != NULL;
         child = xml_next(child, "choice"))
        choice[field->choice_count++] = (struct definition_choice){
            xml_attribute(child, "value", ""), label(child)};
}

static bool
read_field(struct reader *r, const struct xml_node *node)
{
    struct definition_field *field = &r->out->field[r->out->field_count];
    const char *type = xml_attribute(node, "type", "");

    if (r->out->field_count == DEFINITION_FIELDS_MAX)
        return wrong(r, node, "more than %d fields", DEFINITION_FIELDS_MAX);
    *field = (struct definition_field){
        .name = xml_attribute(node, "name", ""),
        .label = label(xml_child(node, "label")),
        .help = label(xml_child(node, "help")),
        .is_required = is_true(node, "required", "true"),
        .is_locked = is_true(node, "locked", "true"),
        .is_personal = is_true(node, "personal", "false"),
        .is_printed = is_true(node, "printed", "true"),
        .from_record = is_true(node, "record", "false"),
        .max = number(node, "max", DEFAULT_TEXT_MAX),
        .when = xml_attribute(node, "when", NULL),
        .otherwise = xml_attribute(node, "default", NULL),
    };
    if (!definition_type_find(type, &field->type))
        return wrong(r, node, "no such type");
    if (definition_field_find(r->out, field->name) != NULL)
        return wrong(r, node, "field \"%s\" is there twice", field->name);
    read_choices(r, node, field);
    if ((field->type == FIELD_CHOICE) != (field->choice_count > 0))
        return wrong(r, node, "choices belong to type \"choice\"");
    r->out->field_count++;
    return true;
}

static void
read_checks(struct reader *r, const struct xml_node *node,
            struct definition_slot *slot)
{
    struct definition_text *check;
    const struct xml_node *child;
    size_t count = 0;

    for (child = xml_child(node, "check"); child != NULL;
         child = xml_next(child, "check"))
        count++;
    if (count == 0)
        return;
    check = base_alloc(count * sizeof *check);
    r->all->check[r->out->business][r->out->slot_count] = check;
    slot->check = check;
    for (child = xml_child(node, "check"); child != NULL;
         child = xml_next(child, "check"))
        check[slot->check_count++] = label(child);
}

static bool
read_slot(struct reader *r, const struct xml_node *node)
{
    struct definition_slot *slot = &r->out->slot[r->out->slot_count];

    if (r->out->slot_count == DEFINITION_SLOTS_MAX)
        return wrong(r, node, "more than %d slots", DEFINITION_SLOTS_MAX);
    *slot = (struct definition_slot){
        .name = xml_attribute(node, "name", ""),
        .label = label(xml_child(node, "label")),
        .help = label(xml_child(node, "help")),
        .is_required = is_true(node, "required", "true"),
        .when = xml_attribute(node, "when", NULL),
        .form = xml_attribute(node, "form", NULL),
        .is_internal = is_true(node, "internal", "false"),
        .wants_red_seal = is_true(node, "red-seal", "true"),
        .wants_colour = is_true(node, "colour", "true"),
        .pages_min = number(node, "pages-min", 1),
        .pages_max = number(node, "pages-max", 1),
        .copies = r->is_mailed ? number(node, "copies", 0) : 0,
        .is_original = is_true(node, "original", "false"),
    };
    if (definition_slot_find(r->out, slot->name) != NULL)
        return wrong(r, node, "slot \"%s\" is there twice", slot->name);
    if (slot->pages_min > slot->pages_max)
        return wrong(r, node, "pages-min is above pages-max");
    if (slot->is_internal && (slot->is_required || slot->copies > 0))
        return wrong(r, node, "an internal slot asks nothing of applicants");
    read_checks(r, node, slot);
    r->out->slot_count++;
    return true;
}

/* 0 o'clock of that day in China. */
static bool
day_start(const char *day, int64_t *out)
{
    char text[CLOCK_TEXT_LEN + 1];

    if (strlen(day) != sizeof "2026-01-01" - 1) /* no time zone of xs:date */
        return false;
    snprintf(text, sizeof text, "%sT00:00:00Z", day);
    if (!clock_parse(text, out))
        return false;
    *out -= CHINA_S;
    return true;
}

static bool
read_price(struct reader *r, const struct xml_node *node)
{
    struct definition_price *price = &r->out->price[r->out->price_count];
    const char *until = xml_attribute(node, "until", NULL);

    *price = (struct definition_price){
        .amount = number(node, "amount", 0),
        .is_per_year = strcmp(xml_attribute(node, "per", ""), "year") == 0,
        .until = INT64_MAX,
    };
    if (r->out->price_count == DEFINITION_PRICES_MAX)
        return wrong(r, node, "more than %d prices", DEFINITION_PRICES_MAX);
    if (!day_start(xml_attribute(node, "from", ""), &price->from) ||
        (until != NULL && !day_start(until, &price->until)) ||
        price->from >= price->until)
        return wrong(r, node, "no days from which until which it holds");
    for (size_t i = 0; i < r->out->price_count; i++)
        if (price->from < r->out->price[i].until &&
            r->out->price[i].from < price->until)
            return wrong(r, node, "two prices hold at the same time");
    r->out->price_count++;
    return true;
}

static bool
read_timer(struct reader *r, const struct xml_node *node)
{
    struct definition_timer *timer = &r->out->timer[r->out->timer_count];

    if (r->out->timer_count == DEFINITION_TIMERS_MAX)
        return wrong(r, node, "more than %d timers", DEFINITION_TIMERS_MAX);
    if (!case_state_find(xml_attribute(node, "state", ""), &timer->state) ||
        !case_event_find(xml_attribute(node, "event", ""), &timer->event))
        return wrong(r, node, "no such state");
    timer->days = number(node, "days", 0);
    timer->is_working_days = is_true(node, "working", "false");
    r->out->timer_count++;
    return true;
}

/* One for each channel. */
static bool
read_notice(struct reader *r, const struct xml_node *node)
{
    static const char *const channels[] = {"sms", "email", "webhook"};
    const char *to = xml_attribute(node, "to", NULL);
    const struct xml_node *subject = xml_child(node, "subject");
    struct definition_notice notice = {
        .name = xml_attribute(node, "on", ""),
        .to = CASE_STATE_COUNT,
        .text = label(xml_child(node, "text")),
    };

    if (!case_event_find(notice.name, &notice.event))
        notice.event = CASE_EVENT_COUNT;
    if (to != NULL && !case_state_find(to, &notice.to))
        return wrong(r, node, "no such state");
    for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++) {
        notice.channel = channels[i];
        notice.subject = label(NULL);
        if (strstr(xml_attribute(node, "channels", ""), channels[i]) == NULL)
            continue;
        if (strcmp(channels[i], "email") == 0) {
            if (subject == NULL)
                return wrong(r, node, "an e-mail has a subject");
            notice.subject = label(subject);
        }
        if (r->out->notice_count == DEFINITION_NOTICES_MAX)
            return wrong(r, node, "more than %d notices",
                         DEFINITION_NOTICES_MAX);
        r->out->notices[r->out->notice_count++] = notice;
    }
    return true;
}

/* ---- A file, and all of them
 * ------------------------------------------------- */

static void
read_head(struct reader *r, const struct xml_node *root)
{
    const struct xml_node *condition = xml_child(root, "condition");
    const struct xml_node *device = xml_child(root, "device");
    const struct xml_node *slots = xml_child(root, "slots");

    r->is_mailed = slots != NULL && is_true(slots, "mailed", "true");
    r->out->name = label(xml_child(root, "title"));
    r->out->summary = label(xml_child(root, "summary"));
    r->out->profile = xml_attribute(root, "profile", NULL);
    r->out->encryption = xml_attribute(root, "encryption", NULL);
    r->out->encryption_key = xml_attribute(root, "encryption-key", NULL);
    r->out->reviews = number(root, "reviews", 0);
    r->out->wants_live = is_true(condition, "live", "false");
    r->out->wants_device_proof = is_true(condition, "device-proof", "false");
    r->out->window_days = number(condition, "window-days", 0);
    if (device == NULL)
        return;
    r->out->sends_device = true;
    r->out->sends_after_second =
        strcmp(xml_attribute(device, "send", ""), "second-review") == 0;
    r->out->returns_device = is_true(device, "return", "false");
}

static bool
read_business(struct reader *r, const struct xml_node *root)
{
    const char *name = xml_attribute(root, "name", "");

    if (strcmp(xml_name(root), "business") != 0 ||
        strcmp(name, case_business_name(r->out->business)) != 0)
        return wrong(r, root, "this is not the business \"%s\"",
                     case_business_name(r->out->business));
    read_head(r, root);
    if (!read_text(r, root, "supplier-notice", &r->out->notice,
                   &r->out->notice_version) ||
        !read_text(r, root, "agreement", &r->out->agreement,
                   &r->out->agreement_version) ||
        !read_list(r, root, "fields", "field", read_field) ||
        !read_list(r, root, "slots", "slot", read_slot) ||
        !read_list(r, root, "prices", "price", read_price) ||
        !read_list(r, root, "timers", "timer", read_timer) ||
        !read_list(r, root, "notices", "notice", read_notice))
        return false;
    /* About the present one; a unit without asks for what was before. */
    r->out->asks_files =
        r->out->wants_live &&
        definition_field_find(r->out, "encrypted_files") != NULL;
    return true;
}

static bool
load_file(const char *folder, const char *name, const char *schema_dir,
          struct xml **out, struct error *err)
{
    char path[PATH_MAX], schema[PATH_MAX];

    if (snprintf(path, sizeof path, "%s/%s.xml", folder, name) >=
            (int)sizeof path ||
        snprintf(schema, sizeof schema, "%s/business.xsd", schema_dir) >=
            (int)sizeof schema)
        return error_set(err, ERROR_INPUT, "path too long: %s", folder);
    return xml_load(path, schema, out, err);
}

bool
definitions_load(const char *folder, const char *schema_dir,
                 struct definitions **out, struct error *err)
{
    struct definitions *all = base_alloc(sizeof *all);
    struct reader r = {.all = all, .err = err};
    bool ok;

    all->text = base_alloc(TEXTS_MAX * sizeof *all->text);
    ok = load_file(folder, "common", schema_dir, &all->common, err);
    if (ok && strcmp(xml_name(xml_root(all->common)), "common") != 0)
        ok = error_set(err, ERROR_INPUT, "%s/common.xml: no <common>", folder);
    for (int i = 0; ok && i < BUSINESS_COUNT; i++) {
        const char *name = case_business_name((enum case_business)i);
        char file[64];

        snprintf(file, sizeof file, "%s.xml", name);
        all->of[i].business = (enum case_business)i;
        r.out = &all->of[i];
        r.file = file;
        r.common = xml_root(all->common);
        ok =
            load_file(folder, name, schema_dir, &all->file[i], err) &&
            read_business(&r, xml_root(all->file[i])) &&
            (definition_check(&all->of[i], err) || error_wrap(err, "%s", file));
    }
    if (!ok) {
        definitions_free(all);
        return false;
    }
    *out = all;
    return true;
}

void
definitions_free(struct definitions *all)
{
    if (all == NULL)
        return;
    for (int i = 0; i < BUSINESS_COUNT; i++) {
        for (int k = 0; k < DEFINITION_FIELDS_MAX; k++)
            free(all->choice[i][k]);
        for (int k = 0; k < DEFINITION_SLOTS_MAX; k++)
            free(all->check[i][k]);
        xml_free(all->file[i]);
    }
    for (size_t i = 0; i < all->text_count; i++)
        free(all->text[i]);
    free(all->text);
    xml_free(all->common);
    free(all);
}
