/*
 * One event, one line of JSON on standard error: time, level, service, event
 * name, request id if one is set, then the fields. Never a secret.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,  /* one line for each decision */
    LOG_LEVEL_WARN,  /* worth a look, nobody must act */
    LOG_LEVEL_ERROR, /* someone must act */
};

enum log_field_type { LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_HEX };

struct log_field {
    const char *name;
    enum log_field_type type;
    const void *data; /* text, or octets */
    size_t len;
    int64_t number;
};

#define LOG_TEXT(n, v) ((struct log_field){(n), LOG_FIELD_TEXT, (v), 0, 0})
#define LOG_INT(n, v) ((struct log_field){(n), LOG_FIELD_INT, NULL, 0, (v)})
#define LOG_HEX(n, v, l) ((struct log_field){(n), LOG_FIELD_HEX, (v), (l), 0})

/* Called once by main before any thread. `service` is borrowed for ever. */
void log_open(const char *service, enum log_level least);

/* The request id that this thread works for; copied; NULL for none. */
void log_request_set(const char *id);

void log_fields(enum log_level level, const char *event, size_t count,
                const struct log_field *fields);

/* log_event(LOG_LEVEL_INFO, "cert.issued", LOG_HEX("serial", s, 16)) */
#define log_event(level, event, ...)                                           \
    log_fields((level), (event),                                               \
               sizeof((struct log_field[]){__VA_ARGS__}) /                     \
                   sizeof(struct log_field),                                   \
               (struct log_field[]){__VA_ARGS__})

/* An error where it is answered. Its code sets the level: internal is error,
 * busy is warn, the rest (the requester's doing) is info. */
void log_failure(const char *event, const struct error *err);

#endif
