/* Judges an export of the log; see ca-core/audit_verify.h. */
#include "ca-core/audit_verify.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ca-core/audit_decision.h"
#include "ca-core/audit_register.h"

/* Gaps that are remembered until their entries turn up later, or the end. */
enum { GAPS_MAX = 1024 };

struct gap {
    int64_t first, last;
};

struct verifier {
    const struct manifest *manifest;
    audit_tell *tell;
    void *arg;
    struct audit_verdict *verdict;
    struct audit_keys *keys;
    struct audit_register *officers; /* NULL: the log's beginning is missing */
    struct merkle merkle;
    int64_t line; /* counts from 1, for people */
    int64_t next; /* index that comes next */
    struct gap gaps[GAPS_MAX];
    size_t gap_count;
};

static void found(struct verifier *v, const char *format, ...)
    PRINTF_LIKE(2, 3);

static void
found(struct verifier *v, const char *format, ...)
{
    char text[ERROR_WHAT_MAX + 256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    v->verdict->findings++;
    v->tell(text, v->arg);
}

/* ---- Order ------------------------------------------------------------- */

static void
tell_gap(struct verifier *v, const struct gap *gap)
{
    if (gap->first == gap->last)
        found(v, "entry %lld is missing", (long long)gap->first);
    else
        found(v, "entries %lld to %lld are missing", (long long)gap->first,
              (long long)gap->last);
}

static void
add_gap(struct verifier *v, int64_t first, int64_t last)
{
    struct gap gap = {first, last};

    if (v->gap_count == GAPS_MAX)
        tell_gap(v, &gap); /* if it turns up later, that is told as well */
    else
        v->gaps[v->gap_count++] = gap;
}

/* Takes an index out of the gaps; false if it is in none. */
static bool
fill_gap(struct verifier *v, int64_t index)
{
    for (size_t i = 0; i < v->gap_count; i++) {
        struct gap *gap = &v->gaps[i];
        int64_t last = gap->last;

        if (index < gap->first || index > last)
            continue;
        if (index == gap->first && index == last) {
            *gap = v->gaps[--v->gap_count];
        } else if (index == gap->first) {
            gap->first++;
        } else {
            gap->last = index - 1;
            if (index < last)
                add_gap(v, index + 1, last);
        }
        return true;
    }
    return false;
}

static void
check_order(struct verifier *v, int64_t index)
{
    if (index < v->manifest->first_index || index > v->manifest->last_index) {
        found(v, "entry %lld is not one of this export", (long long)index);
        return;
    }
    if (index >= v->next) {
        if (index > v->next)
            add_gap(v, v->next, index - 1);
        v->next = index + 1;
    } else if (fill_gap(v, index)) {
        found(v, "entry %lld stands after entry %lld: reordered",
              (long long)index, (long long)v->next - 1);
    } else {
        found(v, "entry %lld is there twice", (long long)index);
    }
}

/* ---- One line ---------------------------------------------------------- */

/* The first entry is not before the time asked for, the last not after it:
 * between them clocks may differ. */
static void
check_time(struct verifier *v, const struct audit_record *record)
{
    const struct manifest *m = v->manifest;

    if ((record->index == m->first_index && record->at < m->from) ||
        (record->index == m->last_index && record->at >= m->to))
        found(v, "entry %lld is not of the time of this export",
              (long long)record->index);
}

static bool
check_record(struct verifier *v, const struct audit_record *record,
             struct error *err)
{
    struct error why = {0};
    uint8_t leaf[MERKLE_HASH_LEN];

    check_order(v, record->index);
    if (!merkle_leaf(record->body.data, record->body.len, leaf, err) ||
        !merkle_add(&v->merkle, leaf, err))
        return false;
    if (memcmp(leaf, record->hash, sizeof leaf) != 0)
        found(v, "entry %lld was altered: its hash is another",
              (long long)record->index);
    check_time(v, record);
    if (!audit_decisions_check(v->keys, record->entry, &v->verdict->decisions,
                               &why) ||
        (v->officers != NULL &&
         !audit_register_read(v->officers, record->entry, record->at, &why)))
        found(v, "entry %lld: %s", (long long)record->index, why.what);
    return true;
}

static bool
check_line(struct verifier *v, enum audit_format format, const char *line,
           size_t len, struct error *err)
{
    struct audit_record record;
    struct error why = {0};
    bool ok = true;

    v->verdict->entries++;
    if (audit_record_parse(format, line, len, &record, &why)) {
        ok = check_record(v, &record, err);
    } else if (record.index >= 0) {
        check_order(v, record.index);
        found(v, "entry %lld was altered: line %lld: %s",
              (long long)record.index, (long long)v->line, why.what);
    } else {
        found(v, "line %lld is no entry: %s", (long long)v->line, why.what);
    }
    audit_record_clear(&record);
    return ok;
}

/* ---- The file ---------------------------------------------------------- */

/* Reads one line without its end into `out`. *is_end: there is none. A last
 * line without an end is a finding: an export ends in one. */
static bool
read_line(struct verifier *v, FILE *file, struct buf *out, bool *is_end,
          struct error *err)
{
    int c;

    buf_reset(out);
    v->line++;
    while ((c = getc_unlocked(file)) != EOF && c != '\n')
        if (!buf_add_byte(out, (uint8_t)c))
            return error_set(err, ERROR_INPUT, "line %lld is too long",
                             (long long)v->line);
    if (ferror(file))
        return error_errno(err, ERROR_INTERNAL, "read the export");
    *is_end = c == EOF && out->len == 0;
    if (c == EOF && out->len > 0)
        found(v, "line %lld has no end: the file was cut", (long long)v->line);
    return true;
}

static bool
read_lines(struct verifier *v, FILE *file, struct error *err)
{
    enum audit_format format = AUDIT_JSONL;
    struct buf line = BUF_INIT(AUDIT_LINE_MAX);
    bool is_end = false, ok = true;

    while (ok && !is_end) {
        ok = read_line(v, file, &line, &is_end, err);
        if (!ok || is_end)
            break;
        if (v->line == 1 && strcmp(buf_text(&line), audit_csv_header) == 0)
            format = AUDIT_CSV;
        else
            ok = check_line(v, format, buf_text(&line), line.len, err);
    }
    buf_clear(&line);
    return ok;
}

/* What can only be said at the end. */
static bool
conclude(struct verifier *v, struct error *err)
{
    const struct manifest *m = v->manifest;
    uint8_t root[MERKLE_HASH_LEN];
    char hex[2 * MERKLE_HASH_LEN + 1];
    struct error why = {0};

    if (v->officers != NULL && !audit_register_end(v->officers, &why))
        found(v, "at the end: %s", why.what);
    if (v->next <= m->last_index)
        add_gap(v, v->next, m->last_index);
    for (size_t i = 0; i < v->gap_count; i++)
        tell_gap(v, &v->gaps[i]);
    if (!merkle_root(&v->merkle, root, err))
        return false;
    if (memcmp(root, m->root, sizeof root) != 0) {
        text_hex(root, sizeof root, hex);
        found(v,
              "entries %lld to %lld are not those that were signed: their "
              "root is %s",
              (long long)m->first_index, (long long)m->last_index, hex);
    }
    return true;
}

bool
audit_verify(FILE *file, const struct manifest_signed *manifest,
             EVP_PKEY *trusted, audit_tell *tell, void *arg,
             struct audit_verdict *out, struct error *err)
{
    struct verifier *v = base_alloc(sizeof *v);
    struct error why = {0};
    bool ok;

    memset(out, 0, sizeof *out);
    v->manifest = &manifest->manifest;
    v->tell = tell;
    v->arg = arg;
    v->verdict = out;
    v->next = manifest->manifest.first_index;
    v->keys = audit_keys_new();
    if (v->next == 0 && manifest->manifest.count > 0)
        v->officers = audit_register_new();
    if (!manifest_verify(manifest, trusted, &why))
        found(v, "%s", why.what);
    ok = merkle_init(&v->merkle, err) && read_lines(v, file, err) &&
         conclude(v, err);
    out->officers =
        v->officers == NULL ? -1 : audit_register_count(v->officers);
    merkle_clear(&v->merkle);
    audit_register_free(v->officers);
    audit_keys_free(v->keys);
    free(v);
    return ok;
}
