/* The keeper of SoftHSM's token.object; see hsm/guard.h. */
#include "hsm/guard.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "hsm/login.h"

enum {
    PATH_LEN_MAX = 4096,
    CONF_LEN_MAX = 65536,
    OBJECT_LEN_MAX = 65536,
    /* A key file this old and still empty is no key in the making. */
    EMPTY_AGE_S = 60,
    NUMBER_LEN = 8, /* all numbers in the file are 8 octets, big-endian */
    LABEL_LEN = 32,
    /* A login elsewhere rewrites its token's file in a few milliseconds. */
    LOOKS = 20,
    LOOK_PAUSE_MS = 10,
};

/* Attribute types and kinds of SoftHSM's object files (OSAttributes.h,
 * ObjectFile.cpp of 2.6.1). */
enum attribute {
    ATTRIBUTE_LABEL = 0x80005349,
    ATTRIBUTE_FLAGS = 0x8000534b,
    ATTRIBUTE_SO_PIN = 0x8000534c,
    ATTRIBUTE_USER_PIN = 0x8000534d,
};
enum { FLAG_USER_PIN_INITIALIZED = 0x8 };
enum kind { KIND_BOOLEAN = 1, KIND_NUMBER = 2, KIND_OCTETS = 3 };

static bool
take_number(const uint8_t **p, size_t *left, uint64_t *out)
{
    size_t i;

    if (*left < NUMBER_LEN)
        return false;
    for (*out = 0, i = 0; i < NUMBER_LEN; i++)
        *out = *out << 8 | (*p)[i];
    *p += NUMBER_LEN;
    *left -= NUMBER_LEN;
    return true;
}

static void
copy_label(const uint8_t *value, size_t len, char label[LABEL_LEN + 1])
{
    while (len > 0 && value[len - 1] == ' ')
        len--;
    memcpy(label, value, len);
    label[len] = '\0';
}

/* A whole token.object: every attribute to its last octet, among them what a
 * token cannot be without, and the user PIN if the flags say that it is set. */
static bool
object_read(const struct buf *object, char label[LABEL_LEN + 1])
{
    const uint8_t *p = object->data;
    size_t left = object->len;
    bool has_label = false, has_flags = false, has_so_pin = false;
    bool has_user_pin = false, wants_user_pin = false;
    uint64_t generation, type, kind, len;

    if (p == NULL || !take_number(&p, &left, &generation))
        return false;
    while (left > 0) {
        if (!take_number(&p, &left, &type) || !take_number(&p, &left, &kind))
            return false;
        len = kind == KIND_BOOLEAN ? 1 : NUMBER_LEN;
        if (kind == KIND_OCTETS && !take_number(&p, &left, &len))
            return false;
        if (kind < KIND_BOOLEAN || kind > KIND_OCTETS || len > left)
            return false;
        if (type == ATTRIBUTE_LABEL && kind == KIND_OCTETS &&
            len <= LABEL_LEN) {
            copy_label(p, (size_t)len, label);
            has_label = true;
        }
        if (type == ATTRIBUTE_FLAGS && kind == KIND_NUMBER) {
            wants_user_pin =
                (p[NUMBER_LEN - 1] & FLAG_USER_PIN_INITIALIZED) != 0;
            has_flags = true;
        }
        has_so_pin |= type == ATTRIBUTE_SO_PIN && len > 0;
        has_user_pin |= type == ATTRIBUTE_USER_PIN && len > 0;
        p += len;
        left -= (size_t)len;
    }
    return has_label && has_flags && has_so_pin &&
           (has_user_pin || !wants_user_pin);
}

/* The value of a `key = value` line of softhsm2.conf, at its end a NUL. */
static const char *
conf_value(char *text, const char *key)
{
    char *save = NULL;
    char *line;

    for (line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        char *end;

        line += strspn(line, " \t");
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        line += strlen(key);
        line += strspn(line, " \t");
        if (*line++ != '=')
            continue;
        line += strspn(line, " \t");
        end = line + strlen(line);
        while (end > line && strchr(" \t\r/", end[-1]) != NULL)
            *--end = '\0';
        return line;
    }
    return NULL;
}

static bool
conf_read(struct buf *out, struct error *err)
{
    const char *named = getenv("SOFTHSM2_CONF");
    const char *home = getenv("HOME");
    struct buf path = BUF_INIT(PATH_LEN_MAX);
    bool ok;

    if (named != NULL)
        (void)buf_add_text(&path, named);
    else if (home != NULL)
        (void)buf_addf(&path, "%s/.config/softhsm2/softhsm2.conf", home);
    if (named == NULL && access(buf_text(&path), R_OK) != 0) {
        buf_reset(&path);
        (void)buf_add_text(&path, "/etc/softhsm/softhsm2.conf");
    }
    ok = text_file_read(buf_text(&path), CONF_LEN_MAX, out, err);
    buf_clear(&path);
    return ok;
}

bool
guard_token_dir(struct buf *out, struct error *err)
{
    struct buf conf = BUF_INIT(CONF_LEN_MAX);
    const char *value;
    char *text = NULL;
    bool ok = false;

    if (!conf_read(&conf, err))
        goto out;
    text = base_text_copy(buf_text(&conf));
    value = conf_value(text, "directories.tokendir");
    if (value == NULL || value[0] == '\0') {
        error_set(err, ERROR_NOT_FOUND, "softhsm2.conf names no tokendir");
        goto out;
    }
    ok = buf_add_text(out, value);
out:
    free(text);
    buf_clear(&conf);
    return ok;
}

static void
log_repair(enum log_level level, const char *event, const char *path)
{
    log_event(level, event, LOG_TEXT("path", path));
}

/* Key files left empty by a process that died while it made the key. */
static void
remove_empty_keys(const char *folder)
{
    struct buf path = BUF_INIT(PATH_LEN_MAX);
    DIR *dir = opendir(folder);
    struct dirent *entry;
    struct stat info;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);

        if (len < 7 || strcmp(entry->d_name + len - 7, ".object") != 0 ||
            strcmp(entry->d_name, "token.object") == 0)
            continue;
        buf_reset(&path);
        (void)buf_addf(&path, "%s/%s", folder, entry->d_name);
        if (stat(buf_text(&path), &info) != 0 || info.st_size != 0 ||
            clock_now() - info.st_mtime < EMPTY_AGE_S)
            continue;
        if (unlink(buf_text(&path)) == 0)
            log_repair(LOG_LEVEL_WARN, "hsm.empty-key-removed",
                       buf_text(&path));
    }
    if (dir != NULL)
        closedir(dir);
    buf_clear(&path);
}

static bool
is_same(const struct buf *a, const struct buf *b)
{
    return a->len == b->len &&
           (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static bool
read_whole(const char *path, struct buf *out, char label[LABEL_LEN + 1])
{
    struct error ignored;

    buf_reset(out);
    return text_file_read(path, OBJECT_LEN_MAX, out, &ignored) &&
           object_read(out, label);
}

/* For a file that nothing tells whose it is: its owner may be writing it just
 * now, under a lock that is not ours. */
static bool
read_patiently(const char *path, struct buf *out, char label[LABEL_LEN + 1])
{
    static const struct timespec pause = {0, LOOK_PAUSE_MS * 1000000L};

    for (int look = 0; look < LOOKS; look++) {
        (void)nanosleep(&pause, NULL);
        if (read_whole(path, out, label))
            return true;
    }
    return false;
}

/* One folder of the store. `copy_path` is its copy in the lock folder. */
static bool
check_token(const char *folder, const char *copy_path,
            const struct hsm_options *options, struct error *err)
{
    struct buf path = BUF_INIT(PATH_LEN_MAX);
    struct buf object = BUF_INIT(OBJECT_LEN_MAX);
    struct buf copy = BUF_INIT(OBJECT_LEN_MAX);
    char label[LABEL_LEN + 1] = "", copy_label[LABEL_LEN + 1] = "";
    bool is_whole, has_copy;
    bool ok = true;

    (void)buf_addf(&path, "%s/token.object", folder);
    is_whole = read_whole(buf_text(&path), &object, label);
    has_copy = read_whole(copy_path, &copy, copy_label);
    if (!is_whole && !has_copy)
        is_whole = read_patiently(buf_text(&path), &object, label);
    /* Another's token, another's lock: not ours to judge. */
    if ((is_whole || has_copy) &&
        strcmp(is_whole ? label : copy_label, options->token) != 0)
        goto out;
    if (is_whole) {
        remove_empty_keys(folder);
        if (!has_copy || !is_same(&object, &copy))
            ok = text_file_write(copy_path, object.data, object.len, 0600, err);
        login_give(copy_path, options->lock_dir);
    } else if (has_copy) {
        log_repair(LOG_LEVEL_WARN, "hsm.token-restored", folder);
        ok = text_file_write(buf_text(&path), copy.data, copy.len, 0600, err);
        login_give(buf_text(&path), folder);
    } else {
        log_repair(LOG_LEVEL_ERROR, "hsm.token-damaged", folder);
    }
out:
    buf_cleanse(&object);
    buf_cleanse(&copy);
    buf_clear(&path);
    return ok;
}

static bool
is_softhsm(const char *module)
{
    const char *name = strrchr(module, '/');

    return strstr(name == NULL ? module : name, "softhsm") != NULL;
}

bool
guard_check(const struct hsm_options *options, struct error *err)
{
    struct buf store = BUF_INIT(PATH_LEN_MAX);
    struct buf folder = BUF_INIT(PATH_LEN_MAX);
    struct buf copy = BUF_INIT(PATH_LEN_MAX);
    struct error ignored;
    struct dirent *entry;
    DIR *dir = NULL;
    bool ok = true;

    /* No store, no token: C_Initialize will say so better. */
    if (!is_softhsm(options->module) || !guard_token_dir(&store, &ignored) ||
        (dir = opendir(buf_text(&store))) == NULL)
        goto out;
    while (ok && (entry = readdir(dir)) != NULL) {
        struct stat info;

        buf_reset(&folder);
        buf_reset(&copy);
        (void)buf_addf(&folder, "%s/%s", buf_text(&store), entry->d_name);
        (void)buf_addf(&copy, "%s/%s.token-object", options->lock_dir,
                       entry->d_name);
        if (entry->d_name[0] == '.' || stat(buf_text(&folder), &info) != 0 ||
            !S_ISDIR(info.st_mode))
            continue;
        ok = check_token(buf_text(&folder), buf_text(&copy), options, err);
    }
    if (!ok)
        (void)error_wrap(err, "guard of token %s", options->token);
out:
    if (dir != NULL)
        closedir(dir);
    buf_clear(&store);
    buf_clear(&folder);
    buf_clear(&copy);
    return ok;
}
