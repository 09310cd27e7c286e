/* Exports of the log; see ca-core/audit_export.h. */
#include "ca-core/audit_export.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "db/entry.h"

enum { PATH_LEN = 4096, FILE_MODE = 0640 };

bool
audit_manifest_path(const char *path, char *out, size_t size)
{
    int len = snprintf(out, size, "%s.manifest.json", path);

    return len > 0 && (size_t)len < size;
}

/* ---- The manifest ------------------------------------------------------ */

static bool
ask_manifest(const struct audit_export *run, json_t **document,
             struct manifest *out, struct error *err)
{
    struct manifest_signed signed_manifest = {0};
    json_t *body = json_object();
    bool ok;

    json_set_time(body, "from", run->from);
    json_set_time(body, "to", run->to);
    ok = http_client_json(run->client, HTTP_POST, "/v1/log/manifests", body,
                          document, err) &&
         manifest_parse(*document, &signed_manifest, err) &&
         manifest_verify(&signed_manifest, NULL, err);
    *out = signed_manifest.manifest;
    manifest_clear(&signed_manifest);
    json_decref(body);
    return ok || error_wrap(err, "ask signet-ca for the manifest");
}

/* The manifest must hold what we saw before we asked for it; later entries
 * with earlier times may have come since. */
static bool
compare_range(const struct audit_export *run, const struct manifest *manifest,
              int64_t first, int64_t count, struct error *err)
{
    if (manifest->from != run->from || manifest->to != run->to)
        return error_set(err, ERROR_INTERNAL,
                         "signet-ca signed a manifest of another time");
    if (count > 0 && (manifest->first_index != first ||
                      manifest->last_index < first + count - 1))
        return error_set(err, ERROR_INTERNAL,
                         "signet-ca signed entries %lld to %lld, the database "
                         "has %lld to %lld",
                         (long long)manifest->first_index,
                         (long long)manifest->last_index, (long long)first,
                         (long long)(first + count - 1));
    return true;
}

/* ---- The entries ------------------------------------------------------- */

struct writer {
    enum audit_format format;
    FILE *file;
    struct buf line;
    struct merkle merkle;
};

/* db_entry_each */
static bool
write_entry(int64_t index, const struct db_entry *entry, void *arg,
            struct error *err)
{
    struct writer *writer = arg;

    buf_reset(&writer->line);
    if (!audit_record_format(writer->format, index, entry, &writer->line,
                             err) ||
        !merkle_add(&writer->merkle, entry->hash, err))
        return false;
    return fwrite(writer->line.data, 1, writer->line.len, writer->file) ==
               writer->line.len ||
           error_errno(err, ERROR_INTERNAL, "write the export");
}

static bool
write_entries(const struct audit_export *run, const struct manifest *manifest,
              FILE *file, struct error *err)
{
    struct writer writer = {
        .format = run->format,
        .file = file,
        .line = BUF_INIT(AUDIT_LINE_MAX),
    };
    uint8_t root[MERKLE_HASH_LEN];
    bool ok;

    ok = merkle_init(&writer.merkle, err) &&
         (run->format != AUDIT_CSV ||
          fprintf(file, "%s\n", audit_csv_header) > 0 ||
          error_errno(err, ERROR_INTERNAL, "write the export")) &&
         db_entry_stream(run->db, manifest->first_index, manifest->count,
                         write_entry, &writer, err) &&
         merkle_root(&writer.merkle, root, err);
    if (ok && (writer.merkle.count != (uint64_t)manifest->count ||
               memcmp(root, manifest->root, sizeof root) != 0))
        ok = error_set(err, ERROR_INTERNAL,
                       "the database's entries are not those that signet-ca "
                       "signed");
    merkle_clear(&writer.merkle);
    buf_clear(&writer.line);
    return ok;
}

/* Writes to a file beside the target, which gets its name once it is whole. */
static bool
write_file(const struct audit_export *run, const struct manifest *manifest,
           struct error *err)
{
    char part[PATH_LEN];
    FILE *file = NULL;
    bool ok = false;
    int fd;

    if (snprintf(part, sizeof part, "%s.part", run->path) >= PATH_LEN)
        return error_set(err, ERROR_INPUT, "%s: path too long", run->path);
    fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (fd < 0 || (file = fdopen(fd, "w")) == NULL) {
        error_errno(err, ERROR_INPUT, "open %s", part);
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    ok = write_entries(run, manifest, file, err);
    if (ok && (fflush(file) != 0 || fsync(fd) != 0))
        ok = error_errno(err, ERROR_INTERNAL, "write %s", part);
    if (fclose(file) != 0 && ok)
        ok = error_errno(err, ERROR_INTERNAL, "write %s", part);
    if (ok && rename(part, run->path) != 0)
        ok = error_errno(err, ERROR_INTERNAL, "rename %s", part);
    if (!ok)
        (void)unlink(part);
    return ok;
}

static bool
write_manifest(const struct audit_export *run, const json_t *document,
               struct error *err)
{
    struct buf text = BUF_INIT(MANIFEST_MAX);
    char path[PATH_LEN];
    bool ok;

    if (!audit_manifest_path(run->path, path, sizeof path))
        return error_set(err, ERROR_INPUT, "%s: path too long", run->path);
    ok = json_canonical(document, &text, err) && buf_add_byte(&text, '\n') &&
         text_file_write(path, text.data, text.len, FILE_MODE, err);
    buf_clear(&text);
    return ok;
}

bool
audit_export(const struct audit_export *run, struct manifest *out,
             struct error *err)
{
    json_t *document = NULL;
    int64_t first = 0, count;
    bool ok;

    ok = db_entry_range(run->db, run->from, run->to, &first, &count, err) &&
         ask_manifest(run, &document, out, err) &&
         compare_range(run, out, first, count, err) &&
         write_file(run, out, err) && write_manifest(run, document, err);
    json_decref(document);
    return ok;
}
