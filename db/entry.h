/*
 * Entries of the issuance log, tables log.entry and log.head. An entry is
 * appended in the transaction of the change that it reports. What stands in a
 * body is ca-core/entry.h's matter.
 */
#ifndef DB_ENTRY_H
#define DB_ENTRY_H

#include "db/db.h"

enum { DB_ENTRY_HASH_LEN = 32 };

/* Everything is borrowed. */
struct db_entry {
    int64_t at;
    const char *event;
    const char *subject;
    const uint8_t *body; /* canonical JSON */
    size_t body_len;
    uint8_t hash[DB_ENTRY_HASH_LEN]; /* SHA-256(0x00 || body) */
};

/* Appends `count` (at least 1) entries with the indexes *first, *first + 1, ...
 * From here to the end of the transaction nobody else can append, so take all
 * row locks first: log.head is the last lock of every transaction. Works on
 * connections with the statements of signet_ca and of signet_ra. */
bool db_entry_append(struct db *db, const struct db_entry *entries,
                     size_t count, int64_t *first,
                     struct error *err) MUST_CHECK;

/* The entries that an export from `from` (included) to `to` (excluded) holds:
 * all between the first that is not before `from` and the last that is before
 * `to`. Clocks of several machines differ, so times alone would leave gaps.
 * *count is 0 if there are none. signet_ca and signet_audit. */
bool db_entry_range(struct db *db, int64_t from, int64_t to, int64_t *first,
                    int64_t *count, struct error *err) MUST_CHECK;

/* Streams entries in the order of their indexes; what `each` gets is borrowed
 * for the call. False from it ends the stream with its error. One statement:
 * for connections without a statement timeout. */
typedef bool db_entry_each(int64_t index, const struct db_entry *entry,
                           void *arg, struct error *err);
bool db_entry_stream(struct db *db, int64_t first, int64_t count,
                     db_entry_each *each, void *arg,
                     struct error *err) MUST_CHECK;

/* The same of their hashes alone, many entries for each statement: neither the
 * server nor the time that a statement may take sets a bound. A missing entry
 * is ERROR_INTERNAL. */
typedef bool db_entry_each_hash(const uint8_t hash[DB_ENTRY_HASH_LEN],
                                void *arg, struct error *err);
bool db_entry_hashes(struct db *db, int64_t first, int64_t count,
                     db_entry_each_hash *each, void *arg,
                     struct error *err) MUST_CHECK;

#endif
