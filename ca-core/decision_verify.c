/* Judging decisions by the database; see ca-core/decision_verify.h. */
#include "ca-core/decision_verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "ca-core/decision_key.h"
#include "db/certificate.h"
#include "db/order.h"

enum {
    SLOT_COUNT = 1024,       /* officers are few; a full slot is replaced */
    HOLDER_TARGETS_MAX = 16, /* certificates that a holder revokes at once */
};

/* ---- The register ------------------------------------------------------ */

struct decision_keys {
    struct decision_key slot[SLOT_COUNT]; /* key NULL: free */
};

struct decision_keys *
decision_keys_new(void)
{
    return base_alloc(sizeof(struct decision_keys));
}

void
decision_keys_free(struct decision_keys *keys)
{
    if (keys == NULL)
        return;
    for (size_t i = 0; i < SLOT_COUNT; i++)
        decision_key_clear(&keys->slot[i]);
    free(keys);
}

static bool
read_row(const struct db_credential *row, struct decision_key *out,
         struct error *err)
{
    enum api_credential_kind kind;

    if (!decision_key_kind(row->kind, &kind, err))
        return false;
    if (!decision_key_read(kind, row->public_data, row->public_data_len, out,
                           err)) {
        if (err != NULL)
            err->code = ERROR_INTERNAL; /* it was judged when enrolled */
        return error_wrap(err, "registered credential");
    }
    return true;
}

/* The key of a credential, decoded at its first use. Borrowed from `keys`
 * until the next call. */
static bool
get_key(struct decision_keys *keys, const struct db_credential *row,
        const struct decision_key **out, struct error *err)
{
    size_t at = ((size_t)row->credential_id[0] << 8 | row->credential_id[1]) %
                SLOT_COUNT;
    struct decision_key *slot = &keys->slot[at], fresh;

    if (slot->key == NULL || memcmp(slot->id, row->credential_id, 32) != 0) {
        if (!read_row(row, &fresh, err))
            return false;
        /* The identifier is a digest; a row that lies about it would let
         * another key decide. */
        if (memcmp(fresh.id, row->credential_id, 32) != 0) {
            decision_key_clear(&fresh);
            return error_set(err, ERROR_INTERNAL,
                             "a credential is not what its identifier says");
        }
        decision_key_clear(slot);
        *slot = fresh;
    }
    *out = slot;
    return true;
}

/* ---- What is gathered -------------------------------------------------- */

/* Two credentials may share a slot: a judgement owns what it looks at. */
struct gathered {
    struct db_credential *rows;
    size_t found;
    struct decision_credential credential[API_DECISIONS_MAX];
    size_t count;

    struct db_certificate *certificates; /* that a holder may speak for */
    size_t certificate_count;
    const struct db_certificate *holder_row; /* borrowed from them */
    struct decision_key holder_key;
    struct decision_holder holder;

    struct db_holding holding;
    struct decision_hold hold;
};

static void
gathered_clear(struct gathered *g)
{
    for (size_t i = 0; i < g->count; i++) {
        EVP_PKEY_free(g->credential[i].verifier.key);
        free((void *)(uintptr_t)g->credential[i].verifier.rp_id);
        free((void *)(uintptr_t)g->credential[i].verifier.origin);
    }
    db_credentials_free(g->rows, g->found);
    db_certificates_free(g->certificates, g->certificate_count);
    decision_key_clear(&g->holder_key);
    free(g->holding.person);
}

static bool
gather_credentials(const struct decision_world *world,
                   const struct api_envelope *envelope, struct gathered *g,
                   struct error *err)
{
    uint8_t ids[API_DECISIONS_MAX][32];

    for (size_t i = 0; i < envelope->decision_count; i++)
        memcpy(ids[i], envelope->decision[i].credential_id, 32);
    if (!db_credential_list(world->db, ids, envelope->decision_count, &g->rows,
                            &g->found, err))
        return false;
    for (; g->count < g->found; g->count++) {
        const struct decision_key *key;

        if (!get_key(world->keys, &g->rows[g->count], &key, err))
            return false;
        if (EVP_PKEY_up_ref(key->key) != 1)
            abort();
        g->credential[g->count] = (struct decision_credential){
            &g->rows[g->count],
            {key->key, base_text_copy(key->rp_id), base_text_copy(key->origin)},
        };
    }
    return true;
}

/* Adds the certificate, if there is one: of whom nothing is known, nobody
 * speaks. */
static bool
add_certificate(const struct decision_world *world,
                const struct api_certificate_ref *ref, struct gathered *g,
                struct error *err)
{
    const struct issuer *issuer = issuer_find(world->set, ref->issuer);
    struct db_certificate *row = NULL;
    struct error why = {0};

    if (issuer == NULL)
        return true;
    if (!db_certificate_get(world->db, issuer->row.issuer_id, ref->serial, &row,
                            &why)) {
        if (why.code == ERROR_NOT_FOUND)
            return true;
        if (err != NULL)
            *err = why;
        return false;
    }
    g->certificates[g->certificate_count++] = *row;
    free(row); /* what it points to is the array's now */
    return true;
}

/* The certificates that the order is about. */
static bool
gather_certificates(const struct decision_world *world,
                    const struct api_order *order, struct gathered *g,
                    struct error *err)
{
    const struct api_certificate_ref *refs =
        order->kind == API_RENEW ? &order->predecessor : order->target;
    size_t count = order->kind == API_RENEW ? 1 : order->target_count;

    if (order->has_key)
        return db_certificate_by_key(world->db, order->spki_sha256,
                                     HOLDER_TARGETS_MAX, &g->certificates,
                                     &g->certificate_count, err);
    if (count > HOLDER_TARGETS_MAX)
        return error_set(err, ERROR_DENIED,
                         "a holder revokes at most %d certificates at once",
                         HOLDER_TARGETS_MAX);
    g->certificates = base_alloc((count + 1) * sizeof *g->certificates);
    for (size_t i = 0; i < count; i++)
        if (!add_certificate(world, &refs[i], g, err))
            return false;
    return g->certificate_count == count ||
           error_set(err, ERROR_NOT_FOUND, "a certificate is not there");
}

/* The one that signed, by its hash. */
static bool
find_signer(const uint8_t id[32], struct gathered *g, struct error *err)
{
    uint8_t digest[HASH_LEN];

    for (size_t i = 0; i < g->certificate_count; i++) {
        const struct db_certificate *row = &g->certificates[i];

        if (row->der == NULL)
            continue;
        if (!hash_sha256(row->der, row->der_len, digest, err))
            return false;
        if (memcmp(digest, id, sizeof digest) == 0)
            g->holder_row = row;
    }
    return true;
}

/* Whether it has the key, or is the other half of one that has it. */
static bool
has_key(struct db *db, const struct db_certificate *row,
        const uint8_t spki_sha256[32], bool *out, struct error *err)
{
    struct db_certificate *mate = NULL;

    *out = memcmp(row->spki_sha256, spki_sha256, 32) == 0;
    if (*out)
        return true;
    if (!db_certificate_mate(db, row, &mate, err))
        return false;
    *out = mate != NULL && memcmp(mate->spki_sha256, spki_sha256, 32) == 0;
    db_certificate_free(mate);
    return true;
}

/* The one that signed; and all have its key, or are the other half of one. */
static bool
find_holder(const struct decision_world *world, const uint8_t id[32],
            struct gathered *g, bool *is_found, struct error *err)
{
    const struct profile *profile;
    bool is_own = true;

    *is_found = false;
    if (!find_signer(id, g, err))
        return false;
    for (size_t i = 0; g->holder_row != NULL && i < g->certificate_count; i++) {
        if (!has_key(world->db, &g->certificates[i], g->holder_row->spki_sha256,
                     &is_own, err))
            return false;
        if (!is_own)
            return true;
    }
    if (g->holder_row == NULL)
        return true;
    profile = profile_set_find(world->profiles, g->holder_row->profile);
    if (!decision_key_read(API_CREDENTIAL_X509, g->holder_row->der,
                           g->holder_row->der_len, &g->holder_key, err))
        return false;
    g->holder = (struct decision_holder){
        .key = g->holder_key.key,
        .is_valid = g->holder_row->state == DB_CERTIFICATE_VALID,
        .is_allowed = profile != NULL && profile->is_holder_allowed,
        .not_before = g->holder_row->not_before,
        .not_after = g->holder_row->not_after,
    };
    memcpy(g->holder.credential_id, id, sizeof g->holder.credential_id);
    *is_found = true;
    return true;
}

static bool
gather_hold(const struct decision_world *world, const struct api_order *order,
            struct gathered *g, struct error *err)
{
    struct db_bytes *serials =
        base_alloc((order->target_count + 1) * sizeof *serials);
    int64_t *issuers = base_alloc((order->target_count + 1) * sizeof *issuers);
    bool ok = true;

    for (size_t i = 0; ok && i < order->target_count; i++) {
        const struct issuer *issuer =
            issuer_find(world->set, order->target[i].issuer);

        if (issuer == NULL)
            ok = error_set(err, ERROR_NOT_FOUND, "no issuer %s",
                           order->target[i].issuer);
        else
            issuers[i] = issuer->row.issuer_id;
        serials[i] = (struct db_bytes){order->target[i].serial, API_SERIAL_LEN};
    }
    ok = ok && db_order_holding(world->db, issuers, serials,
                                order->target_count, &g->holding, err);
    free(serials);
    free(issuers);
    g->hold.officer_id = g->holding.officer_id;
    g->hold.person = g->holding.person;
    memcpy(g->hold.pending_digest, g->holding.pending_digest,
           sizeof g->hold.pending_digest);
    return ok;
}

/* ---- Evidence ---------------------------------------------------------- */

void
decision_evidence_clear(struct decision_evidence *evidence)
{
    for (size_t i = 0; i < API_DECISIONS_MAX; i++)
        buf_clear(&evidence->credential[i]);
}

/* Of decisions that were judged right: each has its credential. */
static void
keep_evidence(const struct api_envelope *envelope, const struct gathered *g,
              struct decision_evidence *out)
{
    for (size_t i = 0; i < envelope->decision_count; i++) {
        const uint8_t *data = NULL;
        size_t len = 0;

        if (g->holder_row != NULL) {
            data = g->holder_row->der;
            len = g->holder_row->der_len;
        }
        for (size_t j = 0; j < g->found; j++)
            if (memcmp(g->rows[j].credential_id,
                       envelope->decision[i].credential_id, 32) == 0) {
                data = g->rows[j].public_data;
                len = g->rows[j].public_data_len;
            }
        out->credential[i].limit = len;
        buf_add(&out->credential[i], data, len);
    }
}

bool
decision_verify(const struct decision_world *world,
                const struct api_envelope *envelope,
                struct decision_evidence *evidence, struct error *err)
{
    const struct api_order *order = envelope->order;
    struct gathered g = {0};
    struct decision_case what = {.envelope = envelope,
                                 .credential = g.credential,
                                 .now = world->now,
                                 .tolerance_s = world->tolerance_s};
    bool is_holders = decision_is_by_holder(envelope) &&
                      envelope->decision_count == 1 &&
                      (order->kind == API_RENEW || order->kind == API_REVOKE);
    bool is_found = false;
    bool ok = is_holders
                  ? gather_certificates(world, order, &g, err) &&
                        find_holder(world, envelope->decision[0].credential_id,
                                    &g, &is_found, err)
                  : gather_credentials(world, envelope, &g, err);

    if (ok && order->kind == API_RELEASE && order->pending != NULL)
        ok = gather_hold(world, order, &g, err);
    what.credential_count = g.count;
    what.holder = is_found ? &g.holder : NULL;
    what.hold = g.holding.is_found ? &g.hold : NULL;
    ok = ok && decision_judge(&what, err);
    if (ok)
        keep_evidence(envelope, &g, evidence);
    gathered_clear(&g);
    return ok;
}
