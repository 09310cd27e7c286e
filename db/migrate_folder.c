/* The numbered files of a folder; see db/migrate_folder.h. */
#include "db/migrate_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

enum { DIGITS = 4, PATH_LEN = 4096 };

/* "0001_roles.sql" -> 1; 0 for what is not such a name. */
static int32_t
number_of(const char *name)
{
    size_t len = strlen(name);
    int32_t number = 0;

    if (len < DIGITS + sizeof "_x.sql" - 1 || len > DB_MIGRATION_NAME_MAX ||
        name[DIGITS] != '_')
        return 0;
    for (size_t i = 0; i < DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return 0;
        number = number * 10 + (name[i] - '0');
    }
    return number;
}

static bool
ends_in_sql(const char *name)
{
    size_t len = strlen(name);

    return len >= 4 && strcmp(name + len - 4, ".sql") == 0;
}

static int
by_number(const void *a, const void *b)
{
    const struct db_migration *left = a, *right = b;

    return (left->number > right->number) - (left->number < right->number);
}

static bool
read_file(const char *folder, const char *name, struct buf *out,
          uint8_t sha256[32], struct error *err)
{
    char path[PATH_LEN];

    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= PATH_LEN)
        return error_set(err, ERROR_INPUT, "%s: path too long", folder);
    if (!text_file_read(path, MIGRATION_FILE_MAX, out, err))
        return false;
    if (memchr(out->data == NULL ? (const uint8_t *)"" : out->data, '\0',
               out->len) != NULL)
        return error_set(err, ERROR_INPUT, "%s holds a NUL", path);
    if (!hash_sha256(buf_text(out), out->len, sha256, err))
        return false;
    return true;
}

/* Adds the file to the list, if it is one of ours. */
static bool
take_file(const char *folder, const char *name, struct db_migration **list,
          size_t *count, struct error *err)
{
    struct buf text = BUF_INIT(MIGRATION_FILE_MAX);
    struct db_migration *m;
    bool ok;

    if (!ends_in_sql(name))
        return true;
    if (number_of(name) == 0)
        return error_set(err, ERROR_INPUT, "%s/%s: no name like 0001_roles.sql",
                         folder, name);
    if (*count == MIGRATION_COUNT_MAX)
        return error_set(err, ERROR_INPUT, "%s: too many files", folder);
    m = realloc(*list, (*count + 1) * sizeof **list);
    if (m == NULL)
        abort();
    *list = m;
    m = &m[(*count)++];
    memset(m, 0, sizeof *m);
    memcpy(m->name, name, strlen(name));
    m->number = number_of(name);
    m->state = DB_MIGRATION_PENDING;
    ok = read_file(folder, name, &text, m->sha256, err);
    buf_clear(&text);
    return ok;
}

static bool
check_numbers(const char *folder, const struct db_migration *list, size_t count,
              struct error *err)
{
    if (count == 0)
        return error_set(err, ERROR_INPUT, "%s holds no migrations", folder);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && list[i].number == list[i - 1].number)
            return error_set(err, ERROR_INPUT, "%s: %s and %s share a number",
                             folder, list[i - 1].name, list[i].name);
        if (list[i].number != (int32_t)i + 1)
            return error_set(err, ERROR_INPUT, "%s: there is no number %04zu",
                             folder, i + 1);
    }
    return true;
}

bool
migrate_folder_read(const char *folder, struct db_migration **out,
                    size_t *count, struct error *err)
{
    struct db_migration *list = NULL;
    struct dirent *file;
    DIR *dir = opendir(folder);
    bool ok = true;

    if (dir == NULL)
        return error_errno(err, ERROR_INPUT, "open the folder %s", folder);
    *count = 0;
    while (ok && (file = readdir(dir)) != NULL)
        ok = take_file(folder, file->d_name, &list, count, err);
    (void)closedir(dir);
    if (ok && *count > 0)
        qsort(list, *count, sizeof *list, by_number);
    ok = ok && check_numbers(folder, list, *count, err);
    if (ok)
        *out = list;
    else
        free(list);
    return ok;
}

bool
migrate_folder_text(const char *folder, const struct db_migration *migration,
                    struct buf *out, struct error *err)
{
    uint8_t sha256[32];

    if (!read_file(folder, migration->name, out, sha256, err))
        return false;
    if (memcmp(sha256, migration->sha256, sizeof sha256) != 0)
        return error_set(err, ERROR_CONFLICT, "%s is being changed",
                         migration->name);
    return true;
}
