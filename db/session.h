/*
 * Sessions of browsers and one-time secrets: tables ra.session, ra.ticket. Only
 * hashes of secrets are kept.
 */
#ifndef DB_SESSION_H
#define DB_SESSION_H

#include "db/account.h"

enum { DB_SESSION_HASH_LEN = 32, DB_TICKET_SUBJECT_MAX = 200 };

struct db_session {
    uint8_t id_hash[DB_SESSION_HASH_LEN]; /* SHA-256 of what the cookie holds */
    bool is_officer;
    char subject[DB_ACCOUNT_NAME_MAX + 1]; /* officer id, or account */
    uint8_t credential_id[32];             /* of an officer; else zeros */
    uint8_t csrf[32];
    char language[3];
    uint8_t browser[32]; /* SHA-256 of its User-Agent */
    int64_t made_at, seen_at, expires_at;
    int64_t ended_at;          /* 0: not ended */
    struct db_account account; /* when it is an account's, and that is there */
};

/* `made_at` is `seen_at` too. */
bool db_session_add(struct db *db, const struct db_session *session,
                    struct error *err) MUST_CHECK;
/* Also sessions that have ended or run out: who asks judges. */
bool db_session_find(struct db *db, const uint8_t id_hash[DB_SESSION_HASH_LEN],
                     bool *is_known, struct db_session *out,
                     struct error *err) MUST_CHECK;
bool db_session_seen(struct db *db, const uint8_t id_hash[DB_SESSION_HASH_LEN],
                     int64_t at, struct error *err) MUST_CHECK;
/* *is_ended false when there was none to end. */
bool db_session_end(struct db *db, const uint8_t id_hash[DB_SESSION_HASH_LEN],
                    int64_t at, bool *is_ended, struct error *err) MUST_CHECK;
/* Those that are open at `now`, newest first; `subject` NULL: everybody's. */
bool db_session_list(struct db *db, bool is_officer, const char *subject,
                     int64_t now, size_t max, struct db_session *out,
                     size_t *count, struct error *err) MUST_CHECK;

/* `purpose`: "session", "passkey-login", "invitation". */
bool db_ticket_add(struct db *db, const uint8_t hash[32], const char *purpose,
                   const char *subject, int64_t expires_at,
                   struct error *err) MUST_CHECK;
/* Looks without using it up. ERROR_NOT_FOUND: unknown, used, run out or of
 * another purpose. `subject` holds DB_TICKET_SUBJECT_MAX + 1. */
bool db_ticket_get(struct db *db, const uint8_t hash[32], const char *purpose,
                   int64_t now, char *subject, struct error *err) MUST_CHECK;
/* The same, and from now on it is used. */
bool db_ticket_use(struct db *db, const uint8_t hash[32], const char *purpose,
                   int64_t now, char *subject, struct error *err) MUST_CHECK;
/* Throws away what ran out before `before`. */
bool db_ticket_sweep(struct db *db, int64_t before,
                     struct error *err) MUST_CHECK;

#endif
