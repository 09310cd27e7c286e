/*
 * What happened to a case and what officers decided about it: tables
 * ra.case_history and ra.case_decision. Rows are only added.
 */
#ifndef DB_CASE_HISTORY_H
#define DB_CASE_HISTORY_H

#include "db/db.h"

/* The last link; *seq 0 and `hash` zeros if there is none yet. The case's row
 * is locked by the caller. */
bool db_link_last(struct db *db, const char *number, int32_t *seq,
                  uint8_t hash[32], struct error *err) MUST_CHECK;

struct db_link {
    int32_t seq;
    int64_t at;          /* not read back: it stands in the body */
    const char *event;   /* nor this */
    const char *actor;   /* nor this */
    const uint8_t *body; /* canonical JSON, holds the hash of the one before */
    size_t body_len;
    const uint8_t *hash; /* SHA-256 of the body */
};
bool db_link_add(struct db *db, const char *number, const struct db_link *link,
                 struct error *err) MUST_CHECK;
/* In order; `each` gets rows for db_link_read(). */
bool db_link_list(struct db *db, const char *number, db_each *each, void *arg,
                  struct error *err) MUST_CHECK;
bool db_link_read(const struct db_result *row, size_t at, struct db_link *out,
                  struct error *err) MUST_CHECK;

struct db_decided {
    const char *step;
    int32_t round; /* chosen when added */
    const char *officer_id;
    const char *person;
    const uint8_t *credential_id; /* 32 octets */
    const char *verdict;
    int64_t decided_at;
    const uint8_t *decision; /* canonical JSON, as sent */
    size_t decision_len;
    const uint8_t *statement; /* canonical JSON, as signed */
    size_t statement_len;
};
/* The next round of this step. */
bool db_decided_add(struct db *db, const char *number, int revision,
                    const struct db_decided *decided,
                    struct error *err) MUST_CHECK;
/* The decisions on one revision by step and round; `is_last`: the last round of
 * each step alone. */
bool db_decided_list(struct db *db, const char *number, int revision,
                     bool is_last, db_each *each, void *arg,
                     struct error *err) MUST_CHECK;
bool db_decided_read(const struct db_result *row, size_t at,
                     struct db_decided *out, struct error *err) MUST_CHECK;

#endif
