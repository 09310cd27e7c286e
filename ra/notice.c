/* Notices into the outbox: ra/notice.h. */
#include "ra/notice.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "db/notice.h"

static bool
channel_exists(const char *channel)
{
    return strcmp(channel, "sms") == 0 || strcmp(channel, "email") == 0 ||
           strcmp(channel, "webhook") == 0;
}

/* {"to", "subject"?, "text"} in canonical form. */
static bool
content_encode(const struct notice *notice, struct buf *out, struct error *err)
{
    json_t *content = json_object();
    bool ok;

    json_set_text(content, "to", notice->to);
    if (notice->subject != NULL)
        json_set_text(content, "subject", notice->subject);
    json_set_text(content, "text", notice->text);
    ok = json_canonical(content, out, err);
    json_decref(content);
    return ok;
}

bool
notice_queue(struct db *db, const struct vault *vault,
             const struct notice *notice, int64_t at, struct error *err)
{
    char id[TEXT_UUID_LEN + 1], purpose[VAULT_PURPOSE_MAX + 1];
    struct buf content = BUF_INIT(2 * NOTICE_TEXT_MAX);
    struct buf sealed = BUF_INIT(2 * NOTICE_TEXT_MAX + VAULT_OVERHEAD);
    struct db_notice row = {.number = notice->number,
                            .event = notice->event,
                            .channel = notice->channel,
                            .language = notice->language,
                            .dedupe = notice->dedupe,
                            .made_at = at};
    bool ok = false;

    if (!channel_exists(notice->channel))
        return error_set(err, ERROR_INTERNAL, "no channel is called %s",
                         notice->channel);
    if (!text_uuid_draw(id, err))
        return false;
    (void)snprintf(purpose, sizeof purpose, "notice/%s", id);
    if (!content_encode(notice, &content, err) ||
        !vault_seal(vault, purpose, content.data, content.len, &sealed, err))
        goto out;
    row.id = id;
    row.sealed = sealed.data;
    row.sealed_len = sealed.len;
    ok = db_notice_add(db, &row, err);
out:
    buf_cleanse(&content);
    buf_clear(&sealed);
    return ok;
}

bool
notice_fill(const char *text, const json_t *values, struct buf *out,
            struct error *err)
{
    char name[NOTICE_VALUE_NAME_MAX + 1];
    const char *start, *end, *value;

    while ((start = strstr(text, "${")) != NULL) {
        end = strchr(start, '}');
        if (end == NULL || end - start - 2 > NOTICE_VALUE_NAME_MAX)
            return error_set(err, ERROR_INTERNAL, "notice: ${ does not end");
        memcpy(name, start + 2, (size_t)(end - start - 2));
        name[end - start - 2] = '\0';
        value = json_string_value(json_object_get(values, name));
        if (value == NULL)
            return error_set(err, ERROR_INTERNAL, "notice: nothing for ${%s}",
                             name);
        (void)buf_add(out, text, (size_t)(start - text));
        (void)buf_add_text(out, value);
        text = end + 1;
    }
    (void)buf_add_text(out, text);
    return !buf_is_full(out) ||
           error_set(err, ERROR_INTERNAL, "notice: too long");
}

/* ---- To the handler -------------------------------------------------------
 */

/* A field of the case in clear; empty if there is none. The caller cleanses. */
static bool
field_open(struct db *db, const struct vault *vault, const char *number,
           const char *name, struct buf *out, bool *is_english,
           struct error *err)
{
    char purpose[VAULT_PURPOSE_MAX + 1];
    struct db_notice_field field;
    bool is_there, ok = true;

    if (!db_notice_field(db, number, name, &field, &is_there, err))
        return false;
    if (is_there) {
        *is_english = strcmp(field.language, "en") == 0;
        (void)snprintf(purpose, sizeof purpose, "case_field/%s/%s", number,
                       name);
        if (field.value != NULL)
            (void)buf_add_text(out, field.value);
        else
            ok = vault_open(vault, purpose, field.sealed, field.sealed_len, out,
                            err);
    }
    db_notice_field_clear(&field);
    return ok;
}

bool
notice_handler(struct db *db, const struct vault *vault, const char *number,
               const struct notice_text *text, const char *round,
               const json_t *values, int64_t at, struct error *err)
{
    static const struct {
        const char *channel;
        const char *field;
    } ways[] = {{"sms", "handler_mobile"}, {"email", "handler_email"}};
    struct buf to = BUF_INIT(512), body = BUF_INIT(NOTICE_TEXT_MAX);
    struct buf dedupe = BUF_INIT(512), subject = BUF_INIT(512);
    bool is_english = false, ok = true;

    for (size_t i = 0; i < 2 && ok; i++) {
        struct notice notice = {
            .number = number, .event = text->event, .channel = ways[i].channel};

        buf_reset(&to);
        buf_reset(&body);
        buf_reset(&subject);
        buf_reset(&dedupe);
        ok = field_open(db, vault, number, ways[i].field, &to, &is_english,
                        err) &&
             notice_fill(text->text[is_english], values, &body, err) &&
             notice_fill(text->subject[is_english], values, &subject, err);
        if (!ok || to.len == 0)
            continue;
        (void)buf_addf(&dedupe, "%s/%s/%s/%s", number, text->event, round,
                       ways[i].channel);
        notice.language = is_english ? "en" : "zh";
        notice.dedupe = buf_text(&dedupe);
        notice.to = buf_text(&to);
        if (i == 1)
            notice.subject = buf_text(&subject);
        notice.text = buf_text(&body);
        ok = notice_queue(db, vault, &notice, at, err);
    }
    buf_cleanse(&to);
    buf_cleanse(&body);
    buf_clear(&dedupe);
    buf_clear(&subject);
    return ok;
}
