/* Static files from memory: ra/static.h. */
#include "ra/static.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"

/* 'unsafe-inline' is nowhere: what came from outside can be no script. blob:
 * and data: are pictures that the page itself made. */
const char static_headers[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; "
    "style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'\r\n"
    "X-Frame-Options: DENY\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Permissions-Policy: camera=(), microphone=(), geolocation=()\r\n"
    "Strict-Transport-Security: max-age=31536000\r\n";

static const char *const folders[] = {"web", "portal", "console"};
enum { FOLDERS = sizeof folders / sizeof folders[0] };

static const struct {
    const char *ending;
    const char *media_type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
};

struct file {
    char path[STATIC_NAME_MAX + 16]; /* "/console/queue.js" */
    const char *media_type;
    char tag[2 + 2 * HASH_LEN + 1]; /* a strong one, with its quotes */
    struct buf content;
};

struct static_files {
    size_t count;
    struct file file[STATIC_FILES_MAX];
};

/* The type by the name's ending; NULL for a name that has no business here. */
static const char *
type_of(const char *name)
{
    size_t len = strlen(name);
    size_t i;

    if (len > STATIC_NAME_MAX ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != len ||
        name[0] == '.')
        return NULL;
    for (i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t ending = strlen(types[i].ending);

        if (len > ending && strcmp(name + len - ending, types[i].ending) == 0)
            return types[i].media_type;
    }
    return NULL;
}

static bool
file_load(struct static_files *files, const char *folder, const char *part,
          const char *name, struct error *err)
{
    struct file *file;
    uint8_t hash[HASH_LEN];
    char path[4096];
    const char *media_type = type_of(name);
    size_t i;

    (void)snprintf(path, sizeof path, "%s/%s/%s", folder, part, name);
    if (media_type == NULL)
        return error_set(err, ERROR_INPUT,
                         "%s: no name of a page's file (a-z, 0-9, '-' and a "
                         "known ending)",
                         path);
    if (files->count == STATIC_FILES_MAX)
        return error_set(err, ERROR_INPUT, "%s: more than %d files", path,
                         STATIC_FILES_MAX);
    file = &files->file[files->count++];
    file->media_type = media_type;
    file->content.limit = STATIC_FILE_MAX;
    (void)snprintf(file->path, sizeof file->path, "/%s/%s", part, name);
    if (!text_file_read(path, STATIC_FILE_MAX, &file->content, err) ||
        !hash_sha256(file->content.data, file->content.len, hash, err))
        return false;
    file->tag[0] = '"';
    text_hex(hash, sizeof hash, file->tag + 1);
    i = strlen(file->tag);
    file->tag[i] = '"';
    file->tag[i + 1] = '\0';
    return true;
}

static bool
folder_load(struct static_files *files, const char *folder, const char *part,
            struct error *err)
{
    char path[4096];
    struct dirent *entry;
    DIR *dir;
    bool ok = true;

    (void)snprintf(path, sizeof path, "%s/%s", folder, part);
    if ((dir = opendir(path)) == NULL)
        return error_set(err, ERROR_NOT_FOUND,
                         "%s: no folder of pages (setting ra.web_dir)", path);
    while (ok && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.') /* an editor's leavings are not served */
            ok = file_load(files, folder, part, entry->d_name, err);
    (void)closedir(dir);
    return ok;
}

static int
by_path(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path,
                  ((const struct file *)b)->path);
}

bool
static_load(const char *folder, struct static_files **out, struct error *err)
{
    struct static_files *files = base_alloc(sizeof *files);

    for (size_t i = 0; i < FOLDERS; i++) {
        if (!folder_load(files, folder, folders[i], err)) {
            static_free(files);
            return false;
        }
    }
    qsort(files->file, files->count, sizeof files->file[0], by_path);
    *out = files;
    return true;
}

void
static_free(struct static_files *files)
{
    if (files == NULL)
        return;
    for (size_t i = 0; i < files->count; i++)
        buf_clear(&files->file[i].content);
    free(files);
}

static const struct file *
file_find(const struct static_files *files, const char *path)
{
    struct file key;
    size_t len = strlen(path);

    if (files == NULL || len >= sizeof key.path - sizeof "index.html")
        return NULL;
    (void)snprintf(key.path, sizeof key.path, "%s%s", path,
                   len > 0 && path[len - 1] == '/' ? "index.html" : "");
    return bsearch(&key, files->file, files->count, sizeof files->file[0],
                   by_path);
}

/* RFC 9110, 13.1.2: a list of tags, weak ones too, or "*". */
static bool
is_known_to_client(const struct http_request *req, const struct file *file)
{
    const char *tags = http_header(req, "if-none-match");

    return tags != NULL &&
           (strcmp(tags, "*") == 0 || strstr(tags, file->tag) != NULL);
}

static void
send_on(struct http_response *res, const char *path)
{
    http_reply_text(res, 308, "");
    http_response_header(res, "Location", path);
}

void
static_answer(const struct static_files *files, const struct http_request *req,
              struct http_response *res)
{
    const struct file *file;

    if (strcmp(req->path, "/") == 0 || strcmp(req->path, "/portal") == 0) {
        send_on(res, "/portal/");
        return;
    }
    if (strcmp(req->path, "/console") == 0) {
        send_on(res, "/console/");
        return;
    }
    file = file_find(files, req->path);
    if (file == NULL) {
        http_reply_problem(res, req->id, 404, "there is no such page");
        return;
    }
    if (is_known_to_client(req, file))
        http_reply_text(res, 304, "");
    else
        http_reply_bytes(res, 200, file->media_type, file->content.data,
                         file->content.len);
    http_response_header(res, "ETag", file->tag);
    /* Kept, and asked for each time: a new version shows at once. */
    http_response_header(res, "Cache-Control", "no-cache");
}
