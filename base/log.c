/* Events as lines of JSON; see base/log.h. The one place that escapes. */
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

enum { LINE_MAX_LEN = 8192, VALUE_MAX_LEN = 1024, REQUEST_ID_MAX = 64 };

static const char *service_name = "signet";
static enum log_level least_level = LOG_LEVEL_INFO;
static _Thread_local char request_id[REQUEST_ID_MAX + 1];

void
log_open(const char *service, enum log_level least)
{
    service_name = service;
    least_level = least;
}

void
log_request_set(const char *id)
{
    (void)snprintf(request_id, sizeof request_id, "%s", id == NULL ? "" : id);
}

static void
add_escaped(struct buf *line, const char *text)
{
    size_t len = strnlen(text, VALUE_MAX_LEN);
    size_t count;
    size_t i;

    /* Octets that are no UTF-8 would make the whole line unreadable. */
    bool is_utf8 = text_utf8(text, len, &count);

    (void)buf_add_byte(line, '"');
    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == '"' || c == '\\')
            (void)buf_addf(line, "\\%c", c);
        else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !is_utf8))
            (void)buf_addf(line, "\\u%04x", c);
        else
            (void)buf_add_byte(line, c);
    }
    (void)buf_add_byte(line, '"');
}

static void
add_field(struct buf *line, const struct log_field *field)
{
    char hex[2 * 64 + 1];

    (void)buf_addf(line, ",\"%s\":", field->name);
    switch (field->type) {
    case LOG_FIELD_TEXT:
        add_escaped(line, field->data == NULL ? "" : field->data);
        break;
    case LOG_FIELD_INT:
        (void)buf_addf(line, "%lld", (long long)field->number);
        break;
    case LOG_FIELD_HEX:
        text_hex(field->data, field->len > 64 ? 64 : field->len, hex);
        add_escaped(line, hex);
        break;
    }
}

void
log_fields(enum log_level level, const char *event, size_t count,
           const struct log_field *fields)
{
    static const char *const level_names[] = {"debug", "info", "warn", "error"};
    struct buf line = BUF_INIT(LINE_MAX_LEN);
    int64_t now_us = clock_now_us();
    char at[CLOCK_TEXT_LEN + 1];
    size_t i;

    if (level < least_level)
        return;
    clock_format(now_us / 1000000, at);
    (void)buf_addf(&line, "{\"at\":\"%.19s.%03dZ\",\"level\":\"%s\"", at,
                   (int)(now_us / 1000 % 1000), level_names[level]);
    (void)buf_addf(&line, ",\"service\":\"%s\",\"event\":\"%s\"", service_name,
                   event);
    if (request_id[0] != '\0')
        add_field(&line, &LOG_TEXT("request", request_id));
    for (i = 0; i < count; i++)
        add_field(&line, &fields[i]);
    (void)buf_add_text(&line, "}\n");
    if (buf_is_full(&line)) { /* never half a line */
        buf_reset(&line);
        (void)buf_addf(&line,
                       "{\"at\":\"%s\",\"level\":\"%s\",\"event\":\"%s\","
                       "\"cut\":true}\n",
                       at, level_names[level], event);
    }
    /* One write, so that lines of threads and processes do not mix. Nothing
     * can be done when it fails. */
    if (write(STDERR_FILENO, line.data, line.len) < 0) {
    }
    buf_clear(&line);
}

void
log_failure(const char *event, const struct error *err)
{
    enum log_level level = LOG_LEVEL_INFO;

    if (err->code == ERROR_INTERNAL || err->code == ERROR_NONE)
        level = LOG_LEVEL_ERROR;
    else if (err->code == ERROR_BUSY)
        level = LOG_LEVEL_WARN;
    log_event(level, event, LOG_TEXT("code", error_code_name(err->code)),
              LOG_TEXT("what", err->what), LOG_TEXT("cause", err->cause));
}
