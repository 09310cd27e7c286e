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
