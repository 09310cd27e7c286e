/* The outbox of notices: table ra.notice. */
#ifndef DB_NOTICE_H
#define DB_NOTICE_H

#include "db/db.h"

/* Borrowed from the caller on the way in, from `held` on the way out. */
struct db_notice {
    const char *id;     /* UUID */
    const char *number; /* of the case; NULL for others */
    const char *event;
    const char *channel;
    const char *language;
    const char *dedupe;
    const uint8_t *sealed; /* empty once it has gone */
    size_t sealed_len;
    const char *state; /* "queued", "sent", "failed" */
    int32_t send_count;
    const char *problem;
    int64_t made_at, sent_at;
    struct db_result *held;
};

/* Queued, due at made_at. Nothing when `dedupe` is known. */
bool db_notice_add(struct db *db, const struct db_notice *notice,
                   struct error *err) MUST_CHECK;

/* Takes the next notice of one channel that is due, for as long as `until`, and
 * counts the try; `id` NULL if there is none. Commits at once: outside a
 * transaction. The caller clears `out`. */
bool db_notice_claim(struct db *db, const char *channel, int64_t now,
                     int64_t until, struct db_notice *out,
                     struct error *err) MUST_CHECK;
void db_notice_clear(struct db_notice *notice);

/* Gone: the text is overwritten. */
bool db_notice_sent(struct db *db, const char *id, int64_t at,
                    struct error *err) MUST_CHECK;
/* Tried again at `send_at`; 0: given up, and the text is overwritten. Nothing
 * if it has gone meanwhile. */
bool db_notice_failed(struct db *db, const char *id, int64_t send_at,
                      const char *problem, struct error *err) MUST_CHECK;

/* Newest first, those of a case (NULL: all); state NULL: any. Without text. */
bool db_notice_list(struct db *db, const char *number, const char *state,
                    size_t limit, db_each *each, void *arg,
                    struct error *err) MUST_CHECK;
bool db_notice_read(const struct db_result *row, size_t at,
                    struct db_notice *out, struct error *err) MUST_CHECK;

#endif
