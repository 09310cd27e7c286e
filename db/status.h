/*
 * What the status service reads: the status of certificates, the issuers, the
 * signers' certificates and the CRLs. Nothing is borrowed past a callback.
 */
#ifndef DB_STATUS_H
#define DB_STATUS_H

#include "db/db.h"

enum { DB_STATUS_SERIAL_LEN = 16 };

struct db_status {
    int32_t issuer_id;
    uint8_t serial[DB_STATUS_SERIAL_LEN];
    bool is_held;
    bool is_revoked;
    uint8_t reason;       /* CRLReason; 0 if none */
    int64_t revoked_at;   /* or held since; 0 if neither */
    int64_t invalid_from; /* 0: none */
    int64_t status_index; /* -1: none */
};

typedef bool db_status_each(const struct db_status *status, void *arg,
                            struct error *err);

/* Every certificate that was ever signed, in no order, as of one instant. */
bool db_status_all(struct db *db, db_status_each *each, void *arg,
                   struct error *err) MUST_CHECK;
/* Those whose status changed after this index, in the order of change. */
bool db_status_changes(struct db *db, int64_t after, db_status_each *each,
                       void *arg, struct error *err) MUST_CHECK;

/* The index that the next change of any kind will have. */
bool db_status_head(struct db *db, int64_t *next_index,
                    struct error *err) MUST_CHECK;

struct db_status_issuer {
    int32_t issuer_id;
    const char *name;
    struct db_bytes subject; /* DER Name */
    struct db_bytes spki;
    struct db_bytes certificate; /* DER */
    bool has_ocsp_key;
};
typedef bool db_status_issuer_each(const struct db_status_issuer *issuer,
                                   void *arg, struct error *err);
/* Issuers that have a certificate, by issuer_id. */
bool db_status_issuers(struct db *db, db_status_issuer_each *each, void *arg,
                       struct error *err) MUST_CHECK;

struct db_status_signer {
    int32_t issuer_id;
    struct db_bytes key_id; /* CKA_ID */
    struct db_bytes spki;
    const char *scheme;          /* hsm/scheme.h */
    struct db_bytes certificate; /* DER */
};
typedef bool db_status_signer_each(const struct db_status_signer *signer,
                                   void *arg, struct error *err);
/* Certificates of active OCSP keys that are valid now: by issuer, the newest
 * first. */
bool db_status_signers(struct db *db, db_status_signer_each *each, void *arg,
                       struct error *err) MUST_CHECK;

struct db_status_crl {
    int32_t issuer_id;
    const char *issuer_name;
    int64_t number;
    int64_t this_update;
    int64_t next_update;
};
typedef bool db_status_crl_each(const struct db_status_crl *crl, void *arg,
                                struct error *err);
/* The newest signed CRL of each issuer, without its octets. */
bool db_status_crls(struct db *db, db_status_crl_each *each, void *arg,
                    struct error *err) MUST_CHECK;
/* Its octets, added to `der`. ERROR_NOT_FOUND when a newer one replaced it. */
bool db_status_crl_get(struct db *db, int32_t issuer_id, int64_t number,
                       struct buf *der, struct error *err) MUST_CHECK;

#endif
