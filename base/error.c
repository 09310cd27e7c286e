/* The one shape of failure; see base/error.h. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

static void set_what(struct error *err, enum error_code code,
                     const char *format, va_list args) PRINTF_LIKE(3, 0);

static void
set_what(struct error *err, enum error_code code, const char *format,
         va_list args)
{
    err->code = code;
    err->cause[0] = '\0';
    (void)vsnprintf(err->what, sizeof err->what, format, args);
}

bool
error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list args;

    if (err == NULL)
        return false;
    va_start(args, format);
    set_what(err, code, format, args);
    va_end(args);
    return false;
}

bool
error_errno(struct error *err, enum error_code code, const char *format, ...)
{
    int saved = errno;
    va_list args;

    if (err == NULL)
        return false;
    va_start(args, format);
    set_what(err, code, format, args);
    va_end(args);
    (void)snprintf(err->cause, sizeof err->cause, "%s", strerror(saved));
    return false;
}

bool
error_openssl(struct error *err, enum error_code code, const char *format, ...)
{
    unsigned long first = ERR_get_error();
    va_list args;

    ERR_clear_error();
    if (err == NULL)
        return false;
    va_start(args, format);
    set_what(err, code, format, args);
    va_end(args);
    if (first != 0)
        ERR_error_string_n(first, err->cause, sizeof err->cause);
    return false;
}

bool
error_cause(struct error *err, enum error_code code, const char *cause,
            const char *format, ...)
{
    va_list args;

    if (err == NULL)
        return false;
    va_start(args, format);
    set_what(err, code, format, args);
    va_end(args);
    (void)snprintf(err->cause, sizeof err->cause, "%s", cause);
    return false;
}

bool
error_wrap(struct error *err, const char *format, ...)
{
    char context[ERROR_WHAT_MAX];
    char inner[ERROR_WHAT_MAX];
    va_list args;
    size_t used;

    if (err == NULL)
        return false;
    va_start(args, format);
    (void)vsnprintf(context, sizeof context, format, args);
    va_end(args);
    memcpy(inner, err->what, sizeof inner);
    (void)snprintf(err->what, sizeof err->what, "%.250s: ", context);
    used = strlen(err->what);
    (void)snprintf(err->what + used, sizeof err->what - used, "%s", inner);
    return false;
}

const char *
error_code_name(enum error_code code)
{
    switch (code) {
    case ERROR_NONE:
        return "none";
    case ERROR_INPUT:
        return "input";
    case ERROR_DENIED:
        return "denied";
    case ERROR_NOT_FOUND:
        return "not_found";
    case ERROR_CONFLICT:
        return "conflict";
    case ERROR_BUSY:
        return "busy";
    case ERROR_INTERNAL:
        return "internal";
    }
    return "internal";
}
