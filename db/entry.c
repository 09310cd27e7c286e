/* Entries of the log; see db/entry.h. */
#include "db/entry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "db/sql_log.h"

enum { HASHES_AT_ONCE = 50000 }; /* well under a second */

/* The columns of the entries, as arrays for unnest(). */
struct columns {
    int64_t *at;
    const char **event;
    const char **subject;
    struct db_bytes *body;
    struct db_bytes *hash;
};

static void
columns_init(struct columns *c, const struct db_entry *entries, size_t count)
{
    c->at = base_alloc(count * sizeof *c->at);
    c->event = base_alloc(count * sizeof *c->event);
    c->subject = base_alloc(count * sizeof *c->subject);
    c->body = base_alloc(count * sizeof *c->body);
    c->hash = base_alloc(count * sizeof *c->hash);
    for (size_t i = 0; i < count; i++) {
        c->at[i] = entries[i].at;
        c->event[i] = entries[i].event;
        c->subject[i] = entries[i].subject;
        c->body[i] = (struct db_bytes){entries[i].body, entries[i].body_len};
        c->hash[i] = (struct db_bytes){entries[i].hash, DB_ENTRY_HASH_LEN};
    }
}

static void
columns_clear(struct columns *c)
{
    free(c->at);
    free(c->event);
    free(c->subject);
    free(c->body);
    free(c->hash);
}

bool
db_entry_append(struct db *db, const struct db_entry *entries, size_t count,
                int64_t *first, struct error *err)
{
    struct columns c;
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    assert(count > 0);
    columns_init(&c, entries, count);
    db_bind_int64_array(&p, c.at, count);
    db_bind_text_array(&p, c.event, count);
    db_bind_text_array(&p, c.subject, count);
    db_bind_bytes_array(&p, c.body, count);
    db_bind_bytes_array(&p, c.hash, count);
    ok = db_query(db, DB_LOG_APPEND, &p, &r, err) &&
         db_read_int64(r, 0, 0, first, err);
    db_result_free(r);
    columns_clear(&c);
    return ok || error_wrap(err, "append to the log");
}

bool
db_entry_range(struct db *db, int64_t from, int64_t to, int64_t *first,
               int64_t *count, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    int64_t last;
    bool ok = true;

    *count = 0;
    db_bind_time(&p, from);
    db_bind_time(&p, to);
    if (!db_query(db, DB_LOG_RANGE, &p, &r, err))
        return error_wrap(err, "find the entries of a time");
    if (!db_is_null(r, 0, 0) && !db_is_null(r, 0, 1)) {
        ok = db_read_int64(r, 0, 0, first, err) &&
             db_read_int64(r, 0, 1, &last, err);
        if (ok && last >= *first)
            *count = last - *first + 1;
    }
    db_result_free(r);
    return ok;
}

struct reader {
    db_entry_each *each;
    void *arg;
};

/* db_each */
static bool
read_entry(const struct db_result *row, void *arg, struct error *err)
{
    const struct reader *reader = arg;
    struct db_entry entry = {0};
    const uint8_t *hash;
    size_t hash_len;
    int64_t index;

    if (!db_read_int64(row, 0, 0, &index, err) ||
        !db_read_time(row, 0, 1, &entry.at, err) ||
        !db_read_text(row, 0, 2, &entry.event, err) ||
        !db_read_text(row, 0, 3, &entry.subject, err) ||
        !db_read_bytes(row, 0, 4, &entry.body, &entry.body_len, err) ||
        !db_read_bytes(row, 0, 5, &hash, &hash_len, err))
        return false;
    if (hash_len != DB_ENTRY_HASH_LEN)
        return error_set(err, ERROR_INTERNAL, "entry %lld: hash of %zu octets",
                         (long long)index, hash_len);
    memcpy(entry.hash, hash, hash_len);
    return reader->each(index, &entry, reader->arg, err);
}

bool
db_entry_stream(struct db *db, int64_t first, int64_t count,
                db_entry_each *each, void *arg, struct error *err)
{
    struct db_params p = {0};
    struct reader reader = {each, arg};

    if (count == 0)
        return true;
    db_bind_int64(&p, first);
    db_bind_int64(&p, first + count - 1);
    return db_stream(db, DB_LOG_ENTRIES, &p, read_entry, &reader, err);
}

struct hash_reader {
    db_entry_each_hash *each;
    void *arg;
    int64_t next;
};

/* db_each */
static bool
read_hash(const struct db_result *row, void *arg, struct error *err)
{
    struct hash_reader *reader = arg;
    const uint8_t *hash;
    size_t len;
    int64_t index;

    if (!db_read_int64(row, 0, 0, &index, err) ||
        !db_read_bytes(row, 0, 1, &hash, &len, err))
        return false;
    if (index != reader->next || len != DB_ENTRY_HASH_LEN)
        return error_set(err, ERROR_INTERNAL, "the log has no entry %lld",
                         (long long)reader->next);
    reader->next++;
    return reader->each(hash, reader->arg, err);
}

bool
db_entry_hashes(struct db *db, int64_t first, int64_t count,
                db_entry_each_hash *each, void *arg, struct error *err)
{
    struct hash_reader reader = {each, arg, first};
    int64_t end = first + count;

    while (reader.next < end) {
        struct db_params p = {0};
        int64_t before = reader.next;
        int64_t last = end - before > HASHES_AT_ONCE
                           ? before + HASHES_AT_ONCE - 1
                           : end - 1;

        db_bind_int64(&p, before);
        db_bind_int64(&p, last);
        if (!db_stream(db, DB_LOG_HASHES, &p, read_hash, &reader, err))
            return error_wrap(err, "read the hashes of the log");
        if (reader.next != last + 1)
            return error_set(err, ERROR_INTERNAL, "the log has no entry %lld",
                             (long long)reader.next);
    }
    return true;
}
