/* Notices of cases: ra/case_tell.h. */
#include "ra/case_tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "ra/case_field.h"
#include "ra/notice.h"

static const char *
destination(const struct case_notice *notice, const char *channel)
{
    const char *to;

    if (strcmp(channel, "webhook") == 0)
        return business_setting(notice->business,
                                "ra.platform_webhook_url")[0] == '\0'
                   ? NULL
                   : "";
    to = case_field_text(notice->fields, strcmp(channel, "sms") == 0
                                             ? "handler_mobile"
                                             : "handler_email");
    return to[0] == '\0' ? NULL : to;
}

/* The JSON that the platform gets: no personal data, no code. */
static char *
webhook_text(const struct case_notice *notice, const char *text)
{
    json_t *json = json_object();
    char *out;

    json_set_text(json, "type", "case");
    json_set_text(json, "number", notice->row->number);
    json_set_text(json, "account", notice->row->account);
    json_set_text(json, "business", notice->row->business);
    json_set_text(json, "event", notice->name);
    json_set_text(json, "state", notice->state);
    if (notice->seq != 0)
        json_set_int(json, "seq", notice->seq);
    json_set_time(json, "at", notice->at);
    json_set_text(json, "text", text);
    out = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(json);
    return out;
}

/* What every text may name (ra/definition.h), and what the event adds. */
static json_t *
values_make(const struct case_notice *notice, int language)
{
    const struct business *business = notice->business;
    json_t *values = json_object();

    json_set_text(values, "number", notice->row->number);
    json_set_text(values, "business", notice->definition->name.in[language]);
    json_set_text(values, "unit_name", notice->row->unit_name);
    json_set_text(values, "state", notice->state);
    json_set_text(values, "centre", business_setting(business, "ra.centre"));
    json_set_text(values, "hotline", business_setting(business, "ra.hotline"));
    json_set_text(values, "remark", "");
    json_set_text(values, "deadline", "");
    if (notice->values != NULL)
        json_object_update(values, (json_t *)(uintptr_t)notice->values);
    return values;
}

bool
case_notice_queue(struct db *db, const struct case_notice *notice,
                  const struct definition_notice *of, struct error *err)
{
    int language = strcmp(notice->row->language, "en") == 0 ? 1 : 0;
    struct buf text = BUF_INIT(NOTICE_TEXT_MAX);
    struct buf subject = BUF_INIT(NOTICE_TEXT_MAX);
    char dedupe[160];
    char event[64];
    struct notice queued = {.number = notice->row->number,
                            .event = event,
                            .channel = of->channel,
                            .language = language == 1 ? "en" : "zh",
                            .dedupe = dedupe,
                            .to = destination(notice, of->channel)};
    json_t *values = NULL;
    char *json = NULL;
    bool ok = false;

    if (queued.to == NULL)
        return true;
    (void)snprintf(event, sizeof event, "case.%s", notice->name);
    (void)snprintf(dedupe, sizeof dedupe, "%s/%s/%s", notice->row->number,
                   notice->round, of->channel);
    values = values_make(notice, language);
    if (!notice_fill(of->text.in[language], values, &text, err) ||
        !notice_fill(of->subject.in[language], values, &subject, err))
        goto out;
    queued.text = buf_text(&text);
    if (subject.len > 0)
        queued.subject = buf_text(&subject);
    if (strcmp(of->channel, "webhook") == 0)
        queued.text = json = webhook_text(notice, buf_text(&text));
    ok = notice_queue(db, notice->business->vault, &queued, notice->at, err);
out:
    free(json);
    json_decref(values);
    buf_cleanse(&text);
    buf_clear(&subject);
    return ok;
}

bool
case_tell(const struct business *business, struct db *db,
          const struct db_case *row, const char *name, const char *round,
          const json_t *values, int64_t at, struct error *err)
{
    static const char *const channels[] = {"sms", "email", "webhook"};
    json_t *fields = NULL;
    char name_and_round[128];
    struct case_notice notice = {.business = business,
                                 .row = row,
                                 .name = name,
                                 .state = row->state,
                                 .round = name_and_round,
                                 .values = values,
                                 .at = at};
    bool ok = true;

    if (!definition_of(business->definitions, row->business, &notice.definition,
                       err) ||
        !case_fields_read(business, db, row->number, &fields, err))
        return false;
    notice.fields = fields;
    (void)snprintf(name_and_round, sizeof name_and_round, "%s/%s", name, round);
    for (size_t i = 0; i < 3 && ok; i++) {
        const struct definition_notice *of =
            definition_notice_find(notice.definition, name, channels[i]);

        ok = of == NULL || case_notice_queue(db, &notice, of, err);
    }
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
                            .to =
                                business_setting(business, "ra.service_email"),
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
