/*
 * Configuration: `key = value` lines of signet.conf against the one table of
 * base/settings.c (key, type, range, default, help). An unknown key, a bad
 * value or a double key is an error with file and line. The result is const
 * and made before any thread.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum config_type {
    CONFIG_TEXT,
    CONFIG_INT,
    CONFIG_BOOL,   /* yes or no */
    CONFIG_PATH,   /* relative to the folder of the configuration file */
    CONFIG_CHOICE, /* one word of `otherwise`; read by config_text() */
};

struct config_setting {
    const char *key; /* "ca.listen" */
    enum config_type type;
    int64_t min, max;      /* CONFIG_INT: the number; else length in octets */
    const char *otherwise; /* default; NULL: must be set if it is asked for;
                              CONFIG_CHOICE: "first|second", the first is it */
    const char *help;      /* one sentence, with the unit */
};

extern const struct config_setting config_settings[];
extern const size_t config_setting_count;

struct config;

bool config_load(const char *path, struct config **out,
                 struct error *err) MUST_CHECK;
/* From memory; `name` stands for the file in errors, paths are relative to
 * `folder`. */
bool config_parse(const char *text, size_t len, const char *name,
                  const char *folder, struct config **out,
                  struct error *err) MUST_CHECK;
void config_free(struct config *config);

/* The value or its default. Asking for a key that the table lacks, or with the
 * wrong type, is a programming error (assert). A setting without default that
 * the file lacks is "" (use config_require() at start). Borrowed. */
const char *config_text(const struct config *config, const char *key);
const char *config_path(const struct config *config, const char *key);
int64_t config_int(const struct config *config, const char *key);
bool config_bool(const struct config *config, const char *key);

/* ERROR_INPUT naming the first of `keys` (NULL-terminated) that is not set. */
bool config_require(const struct config *config, const char *const *keys,
                    struct error *err) MUST_CHECK;

/* What is in force, as lines of a signet.conf. */
void config_show(const struct config *config, struct buf *out);

/* The table as a signet.conf with comments, and as mdoc for the man page. */
void config_document(struct buf *out, bool is_mdoc);

#endif
