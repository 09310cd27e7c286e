/* Escrowed keys for authorities; see ca-core/kmc/create.h. */
#include "ca-core/kmc/create.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/hash.h"
#include "ca-core/entry.h"

enum { STALE_TRIES = 3 };

bool
create_request_parse(const json_t *json, struct create_request *out,
                     struct error *err)
{
    static const char *const names[] = {"request_id", "key_type", "holder",
                                        "transport", NULL};
    const char *id, *type, *holder;
    struct buf transport = BUF_INIT(DB_KMC_SPKI_MAX);
    bool ok = false;

    *out = (struct create_request){0};
    if (!json_only(json, names, err) ||
        !json_get_text(json, "request_id", TEXT_UUID_LEN, &id, err) ||
        !json_get_text(json, "key_type", 16, &type, err) ||
        !json_get_text(json, "holder", DB_KMC_HOLDER_MAX - 1, &holder, err) ||
        !json_get_bytes(json, "transport", DB_KMC_SPKI_MAX, &transport, err))
        goto out;
    if (!text_is_uuid(id) || holder[0] == '\0') {
        (void)error_set(err, ERROR_INPUT, "request_id: a UUID; holder: a name");
        goto out;
    }
    if (!hsm_key_type_find(type, &out->key_type) ||
        !hsm_escrow_takes(out->key_type)) {
        (void)error_set(err, ERROR_INPUT,
                        "key_type: rsa-2048, rsa-3072 or ec-p256");
        goto out;
    }
    memcpy(out->request_id, id, sizeof out->request_id);
    (void)snprintf(out->holder, sizeof out->holder, "%s", holder);
    memcpy(out->transport, transport.data, transport.len);
    out->transport_len = transport.len;
    ok = true;
out:
    buf_clear(&transport);
    return ok;
}

/* Whether the row is the answer to this request. */
static bool
is_answer(const struct kmc_worker *worker, const struct db_kmc_key *key,
          const struct create_request *request, const uint8_t transport[32],
          struct error *err)
{
    if (!mark_key_check(&worker->service->mark, key, err))
        return false;
    if (strcmp(key->key_type, hsm_key_type_name(request->key_type)) != 0 ||
        strcmp(key->holder, request->holder) != 0 ||
        memcmp(key->transport_sha256, transport, 32) != 0)
        return error_set(err, ERROR_CONFLICT,
                         "request %s was made with other content",
                         request->request_id);
    return true;
}

struct keeping {
    const struct db_kmc_key *key;
    bool is_stale;
};

/* db_run */
static bool
keep(struct db *db, void *arg, struct error *err)
{
    struct keeping *keeping = arg;
    const struct db_kmc_key *key = keeping->key;
    json_t *members = json_object();
    uint8_t digest[32];
    int64_t index;
    bool ok;

    ok = hash_sha256(key->spki, key->spki_len, digest, err);
    json_set_text(members, "ca", key->ca);
    json_set_text(members, "holder", key->holder);
    json_set_text(members, "request_id", key->request_id);
    json_set_text(members, "key_type", key->key_type);
    json_set_hex(members, "spki_sha256", digest, sizeof digest);
    /* Who reads the log can tell that a row, mark and all, was put back. */
    json_set_bytes(members, "signature", key->signature, key->signature_len);
    ok = ok && db_kmc_key_insert(db, key, &keeping->is_stale, err) &&
         entry_append(db, key->made_at, "kmc.key-created", key->id, members,
                      &index, err);
    json_decref(members);
    return ok;
}

static bool
fill(struct kmc_worker *worker, const struct hsm_escrow_pair *pair,
     const struct db_kmc_recovery_key *recovery,
     const struct create_request *request, struct db_kmc_key *out,
     struct error *err)
{
    (void)snprintf(out->key_type, sizeof out->key_type, "%s",
                   hsm_key_type_name(pair->type));
    memcpy(out->spki, pair->spki, pair->spki_len);
    out->spki_len = pair->spki_len;
    memcpy(out->wrapped, pair->wrapped, pair->wrapped_len);
    out->wrapped_len = pair->wrapped_len;
    memcpy(out->content_key, pair->content_key, pair->content_key_len);
    out->content_key_len = pair->content_key_len;
    out->recovery_key = recovery->id;
    memcpy(out->cka_id, recovery->cka_id, recovery->cka_id_len);
    out->cka_id_len = recovery->cka_id_len;
    return hsm_escrow_deliver(worker->service->escrow, pair, request->transport,
                              request->transport_len, out->delivery,
                              &out->delivery_len, err) &&
           mark_key_set(&worker->service->mark, out, err);
}

/* One pair and its row. *is_stale: for a recovery key that has been replaced,
 * or of a session that has ended: another will do. */
static bool
make_once(struct kmc_worker *worker, const struct create_request *request,
          struct db_kmc_key *key, bool *is_stale, struct error *err)
{
    struct kmc_service *service = worker->service;
    struct hsm_escrow_pair pair;
    struct db_kmc_recovery_key recovery;
    struct keeping keeping = {key, false};
    bool ok;

    *is_stale = false;
    if (!kmc_pool_take(service->pool, request->key_type, &pair, &recovery, err))
        return false;
    ok = fill(worker, &pair, &recovery, request, key, err);
    hsm_escrow_drop(service->escrow, &pair);
    if (!ok) {
        *is_stale = err->code == ERROR_CONFLICT;
        return false;
    }
    ok = db_transaction(worker->db, keep, &keeping, err);
    *is_stale = keeping.is_stale;
    return ok;
}

bool
create_key(struct kmc_worker *worker, const char *ca,
           const struct create_request *request, int64_t now,
           struct db_kmc_key *out, struct error *err)
{
    uint8_t transport[32];
    bool is_there = false, is_stale = true, ok = false;
    struct error why = {0};

    if (!hash_sha256(request->transport, request->transport_len, transport,
                     err) ||
        !db_kmc_key_by_request(worker->db, ca, request->request_id, &is_there,
                               out, err))
        return false;
    if (is_there)
        return is_answer(worker, out, request, transport, err);
    *out = (struct db_kmc_key){.made_at = now, .state = "in-use"};
    (void)snprintf(out->ca, sizeof out->ca, "%s", ca);
    memcpy(out->request_id, request->request_id, sizeof out->request_id);
    memcpy(out->holder, request->holder, sizeof out->holder);
    memcpy(out->transport_sha256, transport, sizeof transport);
    if (!text_uuid_draw(out->id, err))
        return false;
    for (int i = 0; i < STALE_TRIES && is_stale && !ok; i++) {
        ok = make_once(worker, request, out, &is_stale, &why);
        if (is_stale && !kmc_service_aim(worker->service, worker->db, err))
            return false;
    }
    if (ok)
        return true;
    /* Another worker may have been faster, or our COMMIT may have been heard:
     * the row tells. */
    if (why.code == ERROR_CONFLICT || db_is_unknown(worker->db)) {
        if (!db_kmc_key_by_request(worker->db, ca, request->request_id,
                                   &is_there, out, err))
            return false;
        if (is_there)
            return is_answer(worker, out, request, transport, err);
    }
    *err = why;
    return false;
}
