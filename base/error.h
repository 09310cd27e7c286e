/*
 * What went wrong, told once. A function that can fail returns false (or NULL)
 * and fills the caller's struct error; nothing here allocates.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* What the caller can do about it; where it happened is in the text. */
enum error_code {
    ERROR_NONE,
    ERROR_INPUT,     /* what was sent is wrong: correct it */
    ERROR_DENIED,    /* the sender may not do this */
    ERROR_NOT_FOUND, /* there is no such thing */
    ERROR_CONFLICT,  /* not in this state, or taken */
    ERROR_BUSY,      /* a part is away or full: try again later */
    ERROR_INTERNAL,  /* our fault, or the machine's */
};

enum { ERROR_WHAT_MAX = 512, ERROR_CAUSE_MAX = 256 };

struct error {
    enum error_code code;
    char what[ERROR_WHAT_MAX];   /* our words, outermost context first */
    char cause[ERROR_CAUSE_MAX]; /* the failing library's words, or empty */
};

/* Sets code and text, drops any cause. Returns false, so that a failing
 * function ends in `return error_set(...)`. `err` may be NULL everywhere. */
bool error_set(struct error *err, enum error_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* As error_set(); the cause is strerror(errno). */
bool error_errno(struct error *err, enum error_code code, const char *format,
                 ...) PRINTF_LIKE(3, 4);

/* As error_set(); the cause is OpenSSL's first queued error, and the queue is
 * left empty. */
bool error_openssl(struct error *err, enum error_code code, const char *format,
                   ...) PRINTF_LIKE(3, 4);

/* As error_set(), with the cause given. */
bool error_cause(struct error *err, enum error_code code, const char *cause,
                 const char *format, ...) PRINTF_LIKE(4, 5);

/* Puts context in front of what is there; keeps code and cause. */
bool error_wrap(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* "input", "denied", ...: for logs and problem documents. */
const char *error_code_name(enum error_code code);

#endif
