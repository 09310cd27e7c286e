/*
 * The CA's part in an audit: it signs, with the log key, which entries an
 * export holds. The auditor's part is ca-core/audit_verify.h.
 */
#ifndef CA_CORE_AUDIT_H
#define CA_CORE_AUDIT_H

#include "ca-core/manifest.h"
#include "db/db.h"
#include "hsm/hsm.h"

/* The signed manifest (ca-core/manifest.h) over the entries from `from`
 * (included) to `to` (excluded): POST /v1/log/manifests. ERROR_INPUT unless
 * from < to <= now. `key` and `scheme` are those of db_log_key_get(). The
 * caller owns *out. */
bool audit_manifest(struct db *db, struct hsm *hsm, const struct hsm_key *key,
                    enum hsm_scheme scheme, int64_t from, int64_t to,
                    int64_t now, json_t **out, struct error *err) MUST_CHECK;

#endif
