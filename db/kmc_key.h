/*
 * Recovery keys and escrowed keys, tables kmc.recovery_key and
 * kmc.escrowed_key. Whether a row is what the KMC wrote, its signature tells
 * (ca-core/kmc/record.h): these functions do not look.
 */
#ifndef DB_KMC_KEY_H
#define DB_KMC_KEY_H

#include "base/text.h"
#include "db/db.h"

enum {
    DB_KMC_CKA_ID_MAX = 32,
    DB_KMC_SPKI_MAX = 1024,
    DB_KMC_SIGNATURE_MAX = 512,
    DB_KMC_WRAPPED_MAX = 2048,
    DB_KMC_CONTENT_KEY_MAX = 512,
    DB_KMC_NAME_MAX = 65,    /* with NUL */
    DB_KMC_HOLDER_MAX = 129, /* with NUL */
};

struct db_kmc_recovery_key {
    int32_t id;
    uint8_t cka_id[DB_KMC_CKA_ID_MAX];
    size_t cka_id_len;
    uint8_t spki[DB_KMC_SPKI_MAX];
    size_t spki_len;
    char state[16];
    int64_t made_at;
    uint8_t signature[DB_KMC_SIGNATURE_MAX];
    size_t signature_len;
    int64_t key_count; /* how many lie under it; by _count alone */
};

/* As the active one: the old one must have been moved to 'retiring' before.
 * ERROR_CONFLICT if there is another. */
bool db_kmc_recovery_key_insert(struct db *db,
                                const struct db_kmc_recovery_key *key,
                                struct error *err) MUST_CHECK;
/* All, in the order they were made. The caller frees *out. */
bool db_kmc_recovery_key_list(struct db *db, struct db_kmc_recovery_key **out,
                              size_t *count, struct error *err) MUST_CHECK;
/* How many escrowed keys need each of these. */
bool db_kmc_recovery_key_count(struct db *db, struct db_kmc_recovery_key *keys,
                               size_t count, struct error *err) MUST_CHECK;
/* *moved is false when it is not in state `from`, or, for "retired", when an
 * escrowed key still needs it. */
bool db_kmc_recovery_key_state(struct db *db, int32_t id, const char *from,
                               const char *to, bool *moved,
                               struct error *err) MUST_CHECK;

struct db_kmc_key {
    char id[TEXT_UUID_LEN + 1];
    char key_type[16];
    uint8_t spki[DB_KMC_SPKI_MAX];
    size_t spki_len;
    uint8_t wrapped[DB_KMC_WRAPPED_MAX];
    size_t wrapped_len;
    uint8_t content_key[DB_KMC_CONTENT_KEY_MAX];
    size_t content_key_len;
    int32_t recovery_key;
    uint8_t cka_id[DB_KMC_CKA_ID_MAX]; /* of the recovery key */
    size_t cka_id_len;
    char state[16];
    char ca[DB_KMC_NAME_MAX];
    char request_id[TEXT_UUID_LEN + 1];
    char holder[DB_KMC_HOLDER_MAX];
    uint8_t transport_sha256[32];
    uint8_t delivery[DB_KMC_CONTENT_KEY_MAX];
    size_t delivery_len; /* 0: received */
    int64_t made_at;
    int64_t retired_at; /* 0: in use */
    uint8_t signature[DB_KMC_SIGNATURE_MAX];
    size_t signature_len;
};

/* ERROR_CONFLICT: the request has a key, or its recovery key is not active any
 * more; *is_stale tells the latter. */
bool db_kmc_key_insert(struct db *db, const struct db_kmc_key *key,
                       bool *is_stale, struct error *err) MUST_CHECK;
bool db_kmc_key_by_request(struct db *db, const char *ca,
                           const char *request_id, bool *is_there,
                           struct db_kmc_key *out,
                           struct error *err) MUST_CHECK;
/* ERROR_NOT_FOUND. */
bool db_kmc_key_get(struct db *db, const char *id, struct db_kmc_key *out,
                    struct error *err) MUST_CHECK;
/* At most `max`, by id after `after` ("" begins), of one recovery key (0: of
 * all). A row that cannot be read (a column is longer than any that we write)
 * is there with its id and no signature, so that it is found to be wrong and
 * its neighbours are not lost with it. The caller frees *out. */
bool db_kmc_key_page(struct db *db, int32_t recovery_key, const char *after,
                     int64_t max, struct db_kmc_key **out, size_t *count,
                     struct error *err) MUST_CHECK;
/* The first 1,000 of a holder, oldest first. The caller frees *out. */
bool db_kmc_key_by_holder(struct db *db, const char *ca, const char *holder,
                          struct db_kmc_key **out, size_t *count,
                          struct error *err) MUST_CHECK;
/* Puts content key, recovery key and signature of `key` in the place of those
 * under the recovery key `from`. ERROR_CONFLICT if it is not under that. */
bool db_kmc_key_rewrapped(struct db *db, const struct db_kmc_key *key,
                          int32_t from, struct error *err) MUST_CHECK;
/* *changed is false when it was so before, or is none of this CA. */
bool db_kmc_key_retire(struct db *db, const char *id, const char *ca,
                       int64_t at, bool *changed, struct error *err) MUST_CHECK;
bool db_kmc_key_received(struct db *db, const char *id, const char *ca,
                         bool *changed, struct error *err) MUST_CHECK;

typedef void db_kmc_key_count(const char *ca, const char *key_type,
                              const char *state, int64_t count, void *arg);
bool db_kmc_key_counts(struct db *db, db_kmc_key_count *each, void *arg,
                       struct error *err) MUST_CHECK;

#endif
