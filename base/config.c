/* signet.conf against the table of settings; see base/config.h. */
#include "base/config.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    FILE_MAX_LEN = 1024 * 1024,
    KEY_MAX_LEN = 64,
    SUGGEST_MAX = 3,
    REASON_MAX = 160
};

struct value {
    char *text; /* owned; the default until set, NULL if there is none; a path
                   is whole */
    int64_t number; /* CONFIG_INT, CONFIG_BOOL: what the text says */
    bool is_set;
};

struct config {
    struct value *values; /* one for each setting of the table */
};

struct place {
    const char *name;
    size_t line;
    const char *folder;
};

/* Edit distance, given up beyond SUGGEST_MAX: a typing mistake or nothing. */
static size_t
distance(const char *a, const char *b)
{
    size_t row[KEY_MAX_LEN + 1];
    size_t a_len = strlen(a), b_len = strlen(b);
    size_t i, j;

    if (a_len > KEY_MAX_LEN || b_len > KEY_MAX_LEN)
        return SUGGEST_MAX + 1;
    for (j = 0; j <= b_len; j++)
        row[j] = j;
    for (i = 1; i <= a_len; i++) {
        size_t before = row[0];

        row[0] = i;
        for (j = 1; j <= b_len; j++) {
            size_t best = before + (a[i - 1] != b[j - 1]);

            before = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_len];
}

static bool
unknown_setting(const struct place *place, const char *key, struct error *err)
{
    const char *nearest = NULL;
    size_t least = SUGGEST_MAX + 1;
    size_t i;

    for (i = 0; i < config_setting_count; i++) {
        size_t d = distance(key, config_settings[i].key);

        if (d < least) {
            least = d;
            nearest = config_settings[i].key;
        }
    }
    if (nearest == NULL)
        return error_set(err, ERROR_INPUT, "%s:%zu: unknown setting \"%s\"",
                         place->name, place->line, key);
    return error_set(err, ERROR_INPUT,
                     "%s:%zu: unknown setting \"%s\"; did you mean \"%s\"?",
                     place->name, place->line, key, nearest);
}

static bool
is_choice(const char *choices, const char *word)
{
    size_t len = strlen(word);

    while (*choices != '\0') {
        size_t choice_len = strcspn(choices, "|");

        if (choice_len == len && memcmp(choices, word, len) == 0)
            return true;
        choices += choice_len + (choices[choice_len] == '|');
    }
    return false;
}

/* Checks `text` as the setting's value; the reason for people on failure. */
static bool
value_check(const struct config_setting *setting, const char *text,
            int64_t *number, char *reason, size_t reason_max)
{
    switch (setting->type) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
        if ((int64_t)strlen(text) >= setting->min &&
            (int64_t)strlen(text) <= setting->max)
            return true;
        (void)snprintf(reason, reason_max, "wants %lld to %lld octets",
                       (long long)setting->min, (long long)setting->max);
        return false;
    case CONFIG_INT:
        if (text_int64(text, setting->min, setting->max, number))
            return true;
        (void)snprintf(reason, reason_max, "wants a number from %lld to %lld",
                       (long long)setting->min, (long long)setting->max);
        return false;
    case CONFIG_BOOL:
        *number = strcmp(text, "yes") == 0;
        if (*number == 1 || strcmp(text, "no") == 0)
            return true;
        (void)snprintf(reason, reason_max, "wants yes or no");
        return false;
    case CONFIG_CHOICE:
        if (is_choice(setting->otherwise, text))
            return true;
        (void)snprintf(reason, reason_max, "wants one of %s",
                       setting->otherwise);
        return false;
    }
    return false;
}

static char *
whole_path(const char *folder, const char *path)
{
    char whole[PATH_MAX + 1];

    if (path[0] == '/')
        return base_text_copy(path);
    (void)snprintf(whole, sizeof whole, "%s/%s", folder, path);
    return base_text_copy(whole);
}

static bool
set_value(struct config *config, const struct place *place, const char *key,
          const char *text, struct error *err)
{
    char reason[REASON_MAX];
    size_t i;

    for (i = 0; i < config_setting_count; i++)
        if (strcmp(config_settings[i].key, key) == 0)
            break;
    if (i == config_setting_count)
        return unknown_setting(place, key, err);
    if (config->values[i].is_set)
        return error_set(err, ERROR_INPUT, "%s:%zu: \"%s\" is set twice",
                         place->name, place->line, key);
    if (!value_check(&config_settings[i], text, &config->values[i].number,
                     reason, sizeof reason))
        return error_set(err, ERROR_INPUT, "%s:%zu: \"%s\" %s", place->name,
                         place->line, key, reason);
    free(config->values[i].text);
    config->values[i].is_set = true;
    config->values[i].text = config_settings[i].type == CONFIG_PATH
                                 ? whole_path(place->folder, text)
                                 : base_text_copy(text);
    return true;
}

static char *
trim(char *text)
{
    char *end;

    text += strspn(text, " \t");
    end = text + strlen(text);
    while (end > text && strchr(" \t\r", end[-1]) != NULL)
        end--;
    *end = '\0';
    return text;
}

/* One line: empty, a comment, or `key = value`. A '#' inside a value is part
 * of it, because connection strings may hold one. */
static bool
parse_line(struct config *config, const struct place *place, char *line,
           struct error *err)
{
    char *key = trim(line);
    char *value;

    if (*key == '\0' || *key == '#')
        return true;
    value = strchr(key, '=');
    if (value == NULL)
        return error_set(err, ERROR_INPUT, "%s:%zu: no \"key = value\"",
                         place->name, place->line);
    *value++ = '\0';
    return set_value(config, place, trim(key), trim(value), err);
}

/* Everything at its default; a choice's is its first word. */
static struct config *
config_new(void)
{
    struct config *config = base_alloc(sizeof *config);
    char reason[REASON_MAX];
    size_t i;

    config->values =
        base_alloc(config_setting_count * sizeof config->values[0]);
    for (i = 0; i < config_setting_count; i++) {
        const struct config_setting *setting = &config_settings[i];
        struct value *value = &config->values[i];

        value->text = base_text_copy(setting->otherwise);
        if (setting->type == CONFIG_CHOICE)
            value->text[strcspn(value->text, "|")] = '\0';
        if (value->text != NULL &&
            !value_check(setting, value->text, &value->number, reason,
                         sizeof reason))
            assert(false &&
                   "a default in base/settings.c is out of its own range");
    }
    return config;
}

bool
config_parse(const char *text, size_t len, const char *name, const char *folder,
             struct config **out, struct error *err)
{
    struct place place = {name, 0, folder};
    struct config *config;
    char *copy, *next;
    size_t count;
    bool ok = true;

    if (len > FILE_MAX_LEN || !text_utf8(text, len, &count))
        return error_set(err, ERROR_INPUT,
                         "%s: not UTF-8 text of at most 1 MiB", name);
    config = config_new();
    copy = base_alloc(len + 1);
    memcpy(copy, text, len);
    next = copy;
    while (ok && next != NULL) {
        char *line = strsep(&next, "\n");

        place.line++;
        ok = parse_line(config, &place, line, err);
    }
    free(copy);
    if (!ok) {
        config_free(config);
        return false;
    }
    *out = config;
    return true;
}

bool
config_load(const char *path, struct config **out, struct error *err)
{
    struct buf text = BUF_INIT(FILE_MAX_LEN);
    char whole[PATH_MAX];
    char *slash;
    bool ok = false;

    /* Absolute, because a service may change its working folder later. */
    if (realpath(path, whole) == NULL) {
        (void)error_errno(err, ERROR_INPUT, "cannot read %s", path);
        goto out;
    }
    if (!text_file_read(whole, text.limit, &text, err)) {
        err->code = ERROR_INPUT; /* for a start it makes no difference why */
        goto out;
    }
    slash = strrchr(whole, '/');
    *slash = '\0';
    ok = config_parse(buf_text(&text), text.len, path,
                      whole[0] == '\0' ? "/" : whole, out, err);
out:
    buf_clear(&text);
    return ok;
}

void
config_free(struct config *config)
{
    size_t i;

    if (config == NULL)
        return;
    for (i = 0; i < config_setting_count; i++)
        free(config->values[i].text);
    free(config->values);
    free(config);
}

static size_t
setting_index(const char *key)
{
    size_t i;

    for (i = 0; i < config_setting_count; i++)
        if (strcmp(config_settings[i].key, key) == 0)
            return i;
    (void)fprintf(stderr, "no setting %s in base/settings.c\n", key);
    abort();
}

static const struct value *
value_of(const struct config *config, const char *key, enum config_type type)
{
    size_t i = setting_index(key);

    assert(config_settings[i].type == type);
    return &config->values[i];
}

const char *
config_text(const struct config *config, const char *key)
{
    size_t i = setting_index(key);

    assert(config_settings[i].type == CONFIG_TEXT ||
           config_settings[i].type == CONFIG_CHOICE);
    return config->values[i].text == NULL ? "" : config->values[i].text;
}

const char *
config_path(const struct config *config, const char *key)
{
    const struct value *value = value_of(config, key, CONFIG_PATH);

    return value->text == NULL ? "" : value->text;
}

int64_t
config_int(const struct config *config, const char *key)
{
    return value_of(config, key, CONFIG_INT)->number;
}

bool
config_bool(const struct config *config, const char *key)
{
    return value_of(config, key, CONFIG_BOOL)->number != 0;
}

bool
config_require(const struct config *config, const char *const *keys,
               struct error *err)
{
    size_t i;

    for (i = 0; keys[i] != NULL; i++)
        if (config->values[setting_index(keys[i])].text == NULL)
            return error_set(err, ERROR_INPUT,
                             "the configuration does not set \"%s\"", keys[i]);
    return true;
}

void
config_show(const struct config *config, struct buf *out)
{
    size_t i;

    for (i = 0; i < config_setting_count; i++)
        if (config->values[i].text != NULL)
            (void)buf_addf(out, "%s = %s\n", config_settings[i].key,
                           config->values[i].text);
}
