/* Who may call the KMC, table kmc.party. As kmc_key.h about signatures. */
#ifndef DB_KMC_PARTY_H
#define DB_KMC_PARTY_H

#include "db/kmc_key.h"

enum { DB_KMC_CERTIFICATE_MAX = 4096, DB_KMC_SHARE_MAX = 8192 };

struct db_kmc_party {
    char name[DB_KMC_NAME_MAX];
    char role[32];
    uint8_t certificate[DB_KMC_CERTIFICATE_MAX]; /* DER */
    size_t certificate_len;
    int32_t place;  /* 0: holds no share */
    int32_t needed; /* so many shares give the PIN */
    uint8_t share[DB_KMC_SHARE_MAX];
    size_t share_len;
    uint8_t share_sha256[32]; /* of the share in clear */
    int64_t enrolled_at;
    uint8_t signature[DB_KMC_SIGNATURE_MAX];
    size_t signature_len;
};

/* ERROR_CONFLICT: name or key is there already. */
bool db_kmc_party_insert(struct db *db, const struct db_kmc_party *party,
                         const uint8_t spki_sha256[32],
                         struct error *err) MUST_CHECK;
/* The caller frees *out. */
bool db_kmc_party_list(struct db *db, struct db_kmc_party **out, size_t *count,
                       struct error *err) MUST_CHECK;
bool db_kmc_party_by_key(struct db *db, const uint8_t spki_sha256[32],
                         bool *is_there, struct db_kmc_party *out,
                         struct error *err) MUST_CHECK;

#endif
