/* Manifests over what the database holds; see ca-core/audit.h. */
#include "ca-core/audit.h"

#include "base/hash.h"
#include "db/entry.h"

/* db_entry_each_hash */
static bool
add_leaf(const uint8_t hash[DB_ENTRY_HASH_LEN], void *arg, struct error *err)
{
    return merkle_add(arg, hash, err);
}

/* Fills what the entries of the manifest's time give. */
static bool
read_entries(struct db *db, struct manifest *manifest, struct error *err)
{
    struct merkle merkle = {0};
    bool ok;

    manifest->first_index = 0;
    if (!db_entry_range(db, manifest->from, manifest->to,
                        &manifest->first_index, &manifest->count, err))
        return false;
    if (manifest->count == 0)
        manifest->first_index = 0;
    manifest->last_index = manifest->first_index + manifest->count - 1;
    ok = merkle_init(&merkle, err) &&
         db_entry_hashes(db, manifest->first_index, manifest->count, add_leaf,
                         &merkle, err) &&
         merkle_root(&merkle, manifest->root, err);
    merkle_clear(&merkle);
    return ok;
}

bool
audit_manifest(struct db *db, struct hsm *hsm, const struct hsm_key *key,
               enum hsm_scheme scheme, int64_t from, int64_t to, int64_t now,
               json_t **out, struct error *err)
{
    struct manifest manifest = {.from = from, .to = to, .made_at = now};
    struct buf octets = BUF_INIT(MANIFEST_MAX);
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t signature_len = 0;
    bool ok;

    /* Of a time that is over: the manifest does not grow old as it is made. */
    if (from >= to || to > now)
        return error_set(err, ERROR_INPUT,
                         "\"from\" must be before \"to\", and that not in the "
                         "future");
    if (!hash_sha256(key->spki, key->spki_len, manifest.log_key, err))
        return false;
    ok = read_entries(db, &manifest, err) &&
         manifest_encode(&manifest, &octets, err) &&
         hsm_sign_checked(hsm, key, scheme, octets.data, octets.len, signature,
                          &signature_len, err) &&
         manifest_document(&manifest, scheme, key->spki, key->spki_len,
                           signature, signature_len, out, err);
    buf_clear(&octets);
    return ok || error_wrap(err, "manifest of the log");
}
