/* Notices of what is no transition: ra/case_tell.h. */
#include "ra/case_tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "ra/case_field.h"
#include "ra/notice.h"

struct tell {
    const struct business *business;
    const struct db_case *row;
    const char *name;
    const char *round;
    const json_t *fields;
    const json_t *values;
    int language;
    int64_t at;
};

static const char *
setting(const struct business *business, const char *name)
{
    const char *text =
        business->config == NULL ? NULL : config_text(business->config, name);

    return text == NULL ? "" : text;
}

static const char *
destination(const struct tell *tell, const char *channel)
{
    const char *to;

    if (strcmp(channel, "webhook") == 0)
        return setting(tell->business, "ra.platform_webhook_url")[0] == '\0'
                   ? NULL
                   : "";
    to = case_field_text(tell->fields, strcmp(channel, "sms") == 0
                                           ? "handler_mobile"
                                           : "handler_email");
    return to[0] == '\0' ? NULL : to;
}

/* The JSON that the platform gets: no personal data. */
static char *
webhook_text(const struct tell *tell, const char *text)
{
    json_t *json = json_object();
    char *out;

    json_set_text(json, "type", "case");
    json_set_text(json, "number", tell->row->number);
    json_set_text(json, "account", tell->row->account);
    json_set_text(json, "business", tell->row->business);
    json_set_text(json, "event", tell->name);
    json_set_text(json, "state", tell->row->state);
    json_set_time(json, "at", tell->at);
    json_set_text(json, "text", text);
    out = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(json);
    return out;
}

static bool
tell_one(struct db *db, const struct tell *tell,
         const struct definition_notice *of, struct error *err)
{
    struct buf text = BUF_INIT(NOTICE_TEXT_MAX);
    struct buf subject = BUF_INIT(NOTICE_TEXT_MAX);
    char dedupe[160];
    char event[64];
    struct notice notice = {.number = tell->row->number,
                            .event = event,
                            .channel = of->channel,
                            .language = tell->language == 1 ? "en" : "zh",
                            .dedupe = dedupe,
                            .to = destination(tell, of->channel)};
    char *json = NULL;
    bool ok = false;

    if (notice.to == NULL)
        return true;
    (void)snprintf(event, sizeof event, "case.%s", tell->name);
    (void)snprintf(dedupe, sizeof dedupe, "%s/%s/%s/%s", tell->row->number,
                   tell->name, tell->round, of->channel);
    if (!notice_fill(of->text.in[tell->language], tell->values, &text, err) ||
        !notice_fill(of->subject.in[tell->language], tell->values, &subject,
                     err))
        goto out;
    notice.text = buf_text(&text);
    if (subject.len > 0)
        notice.subject = buf_text(&subject);
    if (strcmp(of->channel, "webhook") == 0)
        notice.text = json = webhook_text(tell, buf_text(&text));
    ok = notice_queue(db, tell->business->vault, &notice, tell->at, err);
out:
    free(json);
    buf_cleanse(&text);
    buf_clear(&subject);
    return ok;
}

/* What every text may name (ra/definition.h), and what the event adds. */
static json_t *
values_make(const struct business *business, const struct db_case *row,
            const struct definition *definition, int language,
            const json_t *more)
{
    json_t *values = json_object();

    json_set_text(values, "number", row->number);
    json_set_text(values, "business", definition->name.in[language]);
    json_set_text(values, "unit_name", row->unit_name);
    json_set_text(values, "state", row->state);
    json_set_text(values, "centre", setting(business, "ra.centre"));
    json_set_text(values, "hotline", setting(business, "ra.hotline"));
    json_set_text(values, "remark", "");
    json_set_text(values, "deadline", "");
    if (more != NULL)
        json_object_update(values, (json_t *)(uintptr_t)more);
    return values;
}

bool
case_tell(const struct business *business, struct db *db,
          const struct db_case *row, const char *name, const char *round,
          const json_t *values, int64_t at, struct error *err)
{
    static const char *const channels[] = {"sms", "email", "webhook"};
    enum case_business kind;
    const struct definition *definition;
    json_t *fields = NULL;
    json_t *all = NULL;
    struct tell tell = {.business = business,
                        .row = row,
                        .name = name,
                        .round = round,
                        .language = strcmp(row->language, "en") == 0 ? 1 : 0,
                        .at = at};
    bool ok = true;

    if (!case_business_find(row->business, &kind))
        return error_set(err, ERROR_INTERNAL, "business %s", row->business);
    definition = definition_get(business->definitions, kind);
    if (!case_fields_read(business, db, row->number, &fields, err))
        return false;
    all = values_make(business, row, definition, tell.language, values);
    tell.fields = fields;
    tell.values = all;
    for (size_t i = 0; i < 3 && ok; i++) {
        const struct definition_notice *of =
            definition_notice_find(definition, name, channels[i]);

        ok = of == NULL || tell_one(db, &tell, of, err);
    }
    json_decref(all);
    case_fields_free(fields);
    return ok;
}

bool
case_tell_service(const struct business *business, struct db *db,
                  const struct db_case *row, const char *name, const char *text,
                  int64_t at, struct error *err)
{
    char event[64], dedupe[160], subject[160];
    struct notice notice = {.number = row->number,
                            .event = event,
                            .channel = "email",
                            .language = "zh",
                            .dedupe = dedupe,
                            .to = setting(business, "ra.service_email"),
                            .subject = subject,
                            .text = text};

    if (notice.to[0] == '\0')
        return true;
    (void)snprintf(event, sizeof event, "service.%s", name);
    (void)snprintf(dedupe, sizeof dedupe, "%s/%s/service", row->number, name);
    (void)snprintf(subject, sizeof subject, "请处理 / Please see to: %s",
                   row->number);
    return notice_queue(db, business->vault, &notice, at, err);
}
