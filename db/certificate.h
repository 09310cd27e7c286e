/*
 * Rows of ca.certificate. A row is written as `intended`, with the complete
 * TBSCertificate, before anything is signed; what it says about content never
 * changes after. Every state change names the old state and the index of its
 * log entry (status_index), and expects one row.
 *
 * Functions over arrays are one statement for all rows: the writer's batches.
 */
#ifndef DB_CERTIFICATE_H
#define DB_CERTIFICATE_H

#include "db/db.h"

enum { DB_SERIAL_LEN = 16 };

enum db_certificate_state {
    DB_CERTIFICATE_INTENDED, /* recorded, not yet signed */
    DB_CERTIFICATE_VALID,
    DB_CERTIFICATE_HELD,
    DB_CERTIFICATE_REVOKED,
    DB_CERTIFICATE_VOID, /* recorded and never signed */
    DB_CERTIFICATE_STATE_COUNT,
};

/* A row as written first. Everything is borrowed. */
struct db_certificate_intent {
    int32_t issuer_id;
    uint8_t serial[DB_SERIAL_LEN];
    const char *order_id;
    int32_t ordinal;
    const char *profile;
    const uint8_t *subject; /* DER Name */
    size_t subject_len;
    const char *subject_text;
    uint8_t spki_sha256[32];
    const char *account; /* NULL: none */
    const uint8_t *tbs;
    size_t tbs_len;
    int64_t not_before;
    int64_t not_after;
    int32_t predecessor_issuer_id; /* 0: no predecessor */
    uint8_t predecessor[DB_SERIAL_LEN];
};

/* A row as read; owns its octets and texts. */
struct db_certificate {
    int32_t issuer_id;
    uint8_t serial[DB_SERIAL_LEN];
    char order_id[37];
    int32_t ordinal;
    char *profile;
    uint8_t *subject;
    size_t subject_len;
    char *subject_text;
    uint8_t spki_sha256[32];
    char *account; /* NULL: none */
    uint8_t *tbs;
    size_t tbs_len;
    uint8_t *der; /* NULL while intended, and if void */
    size_t der_len;
    int64_t not_before;
    int64_t not_after;
    enum db_certificate_state state;
    int32_t reason;                /* CRLReason; -1: none */
    int64_t revoked_at;            /* or held since; 0: neither */
    int64_t invalid_from;          /* invalidity date; 0: none */
    int32_t predecessor_issuer_id; /* 0: none */
    uint8_t predecessor[DB_SERIAL_LEN];
    int64_t status_index; /* -1: none yet */
};

/* What a state change needs to know of a row. */
struct db_certificate_status {
    int32_t issuer_id;
    uint8_t serial[DB_SERIAL_LEN];
    enum db_certificate_state state;
    int32_t reason; /* -1: none */
    int64_t revoked_at;
    int64_t invalid_from;
    uint8_t spki_sha256[32];
    bool is_mate; /* was not asked for: the other half of one that was */
};

/* A signed certificate for its intended row. */
struct db_certificate_result {
    int32_t issuer_id;
    uint8_t serial[DB_SERIAL_LEN];
    const uint8_t *der;
    size_t der_len;
    int64_t status_index;
};

/* A state change of a row that is there. */
struct db_certificate_change {
    int32_t issuer_id;
    uint8_t serial[DB_SERIAL_LEN];
    enum db_certificate_state from;
    enum db_certificate_state to;
    int32_t reason;       /* -1: none */
    int64_t revoked_at;   /* 0: none */
    int64_t invalid_from; /* 0: none */
    int64_t status_index;
};

struct db_certificate_ref {
    int32_t issuer_id;
    uint8_t serial[DB_SERIAL_LEN];
};

const char *db_certificate_state_name(enum db_certificate_state state);
/* The state that stands as text in a column. */
bool db_certificate_state_read(const struct db_result *r, size_t row,
                               int column, enum db_certificate_state *out,
                               struct error *err) MUST_CHECK;

/* ERROR_NOT_FOUND if there is none. The caller frees. */
bool db_certificate_get(struct db *db, int32_t issuer_id,
                        const uint8_t serial[DB_SERIAL_LEN],
                        struct db_certificate **out,
                        struct error *err) MUST_CHECK;
/* The other half of a pair, if it is one: what the same order made for the
 * other key (docs/architecture.md, "Pairs"), and was issued; else *out is NULL.
 * The caller frees. */
bool db_certificate_mate(struct db *db, const struct db_certificate *row,
                         struct db_certificate **out,
                         struct error *err) MUST_CHECK;
/* The newest certificate of the account that is valid at `now` and that an
 * order made for this device, by its maker's word (serial number, SHA-256 of
 * its own key), or that renews one; *out is NULL: none. The caller frees. */
bool db_certificate_in_device(struct db *db, const char *account,
                              const char *device, const uint8_t own_sha256[32],
                              int64_t now, struct db_certificate **out,
                              struct error *err) MUST_CHECK;
/* By what people ask for, newest first, at most `limit`. The caller frees with
 * db_certificates_free(). */
bool db_certificate_of_order(struct db *db, const char *order_id,
                             struct db_certificate **out, size_t *count,
                             struct error *err) MUST_CHECK;
bool db_certificate_by_key(struct db *db, const uint8_t spki_sha256[32],
                           int64_t limit, struct db_certificate **out,
                           size_t *count, struct error *err) MUST_CHECK;
bool db_certificate_by_subject(struct db *db, const char *subject_text,
                               int64_t limit, struct db_certificate **out,
                               size_t *count, struct error *err) MUST_CHECK;
bool db_certificate_by_account(struct db *db, const char *account,
                               int64_t limit, struct db_certificate **out,
                               size_t *count, struct error *err) MUST_CHECK;
bool db_certificate_by_issuer(struct db *db, int32_t issuer_id, int64_t limit,
                              struct db_certificate **out, size_t *count,
                              struct error *err) MUST_CHECK;
void db_certificate_free(struct db_certificate *certificate); /* or NULL */
void db_certificates_free(struct db_certificate *certificates, size_t count);

/* Rows that a rule of uniqueness counts. `all` is every row there ever was: it
 * only grows, so that db_certificate_guard() can see whether one was added. */
struct db_certificate_count {
    int64_t all;
    int64_t others; /* that the rule forbids beside a new one */
};

/* Others: not void and not in the line of `predecessor` (NULL: none): itself,
 * its predecessor and so on. */
bool db_certificate_count_key(struct db *db, const uint8_t spki_sha256[32],
                              const struct db_certificate_ref *predecessor,
                              struct db_certificate_count *out,
                              struct error *err) MUST_CHECK;
/* Of this issuer, profile and subject. Others: intended, or valid or held and
 * not expired at `now`; not the predecessor. */
bool db_certificate_count_subject(struct db *db, int32_t issuer_id,
                                  const char *profile, const char *subject_text,
                                  const struct db_certificate_ref *predecessor,
                                  int64_t now, struct db_certificate_count *out,
                                  struct error *err) MUST_CHECK;

/* What an intent was judged upon. */
struct db_certificate_premise {
    int32_t issuer_id;
    const char *profile;
    const char *subject_text;
    int64_t subject_all; /* count when judged; -1: no such rule */
    uint8_t spki_sha256[32];
    int64_t key_all;               /* count when judged; -1: no such rule */
    int32_t predecessor_issuer_id; /* 0: none */
    uint8_t predecessor[DB_SERIAL_LEN];
    int64_t predecessor_index; /* its status_index when judged */
};

/* Which intents, written in this transaction, stand on something that has
 * changed since they were judged: is_stale[i]. A key that was blocked, a
 * certificate added, a predecessor whose status moved. Right only while
 * log.head is locked: then nobody else commits. */
bool db_certificate_guard(struct db *db,
                          const struct db_certificate_premise *rows,
                          size_t count, bool *is_stale,
                          struct error *err) MUST_CHECK;

/* Writes rows as intended. ERROR_CONFLICT when a serial is taken. */
bool db_certificate_intend(struct db *db,
                           const struct db_certificate_intent *rows,
                           size_t count, struct error *err) MUST_CHECK;

/* intended -> valid. The database compares the TBSCertificate inside each DER
 * with the recorded one: ERROR_INTERNAL and nothing changed when they differ
 * or a row is not intended. */
bool db_certificate_store(struct db *db,
                          const struct db_certificate_result *rows,
                          size_t count, struct error *err) MUST_CHECK;

/* intended -> void, for what will never be signed. ERROR_CONFLICT unless every
 * row was intended. */
bool db_certificate_void(struct db *db, const struct db_certificate_ref *rows,
                         size_t count, struct error *err) MUST_CHECK;

/* Takes the rows' locks in the order of (issuer, serial), which keeps two
 * transactions from waiting for each other, and reads them; absent ones are
 * left out. The caller frees *out with free(). */
bool db_certificate_lock(struct db *db, const struct db_certificate_ref *rows,
                         size_t count, struct db_certificate_status **out,
                         size_t *found, struct error *err) MUST_CHECK;
/* The same with the other halves of those that are one of a pair. */
bool db_certificate_lock_pairs(struct db *db,
                               const struct db_certificate_ref *rows,
                               size_t count, struct db_certificate_status **out,
                               size_t *found, struct error *err) MUST_CHECK;
/* The same for all valid, held and revoked certificates with a key, and their
 * other halves. */
bool db_certificate_lock_key(struct db *db, const uint8_t spki_sha256[32],
                             struct db_certificate_status **out, size_t *found,
                             struct error *err) MUST_CHECK;
/* The last two without a lock, to show what an order would do or did. */
bool db_certificate_pair_statuses(struct db *db,
                                  const struct db_certificate_ref *rows,
                                  size_t count,
                                  struct db_certificate_status **out,
                                  size_t *found, struct error *err) MUST_CHECK;
bool db_certificate_key_statuses(struct db *db, const uint8_t spki_sha256[32],
                                 struct db_certificate_status **out,
                                 size_t *found, struct error *err) MUST_CHECK;

/* Applies state changes. ERROR_CONFLICT unless every row was in its `from`. */
bool db_certificate_change(struct db *db,
                           const struct db_certificate_change *rows,
                           size_t count, struct error *err) MUST_CHECK;

/* Hurries the responders: NOTIFY status at commit. */
bool db_certificate_notify(struct db *db, struct error *err) MUST_CHECK;

/* ---- Blocked keys ------------------------------------------------------ */

/* Blocks a key for ever; blocking it again is nothing new. `order_id` may be
 * NULL. */
bool db_key_block(struct db *db, const uint8_t spki_sha256[32], const char *why,
                  const char *order_id, int64_t at,
                  struct error *err) MUST_CHECK;
/* Which of the keys are blocked: blocked[i] for each. */
bool db_key_blocked(struct db *db, const uint8_t (*spki_sha256)[32],
                    size_t count, bool *blocked, struct error *err) MUST_CHECK;
bool db_key_is_blocked(struct db *db, const uint8_t spki_sha256[32],
                       bool *is_blocked, struct error *err) MUST_CHECK;

#endif
