/* Orders that recover earlier keys; see ca-core/recover.h. */
#include "ca-core/recover.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "ca-core/heritage.h"
#include "db/certificate.h"
#include "db/order.h"

enum { REASON_MAX = 128, RECOVER_CODE_MAX = API_NAME_MAX };

/* ---- Whose device, whose keys ------------------------------------------- */

/* The order that the device completes, once it did. */
static bool
is_completed(struct db *db, const char *order_id, bool *out, struct error *err)
{
    struct db_order *row;

    if (!db_order_find(db, order_id, &row, err))
        return false;
    *out = row != NULL && row->state == DB_ORDER_DONE;
    db_order_free(row);
    return true;
}

/* What the carrier holds, by our own books; NULL: what is pending has yet to
 * bring it a certificate. The caller frees. */
static bool
carried_certificate(struct db *db, const struct api_order *order, int64_t now,
                    struct db_certificate **out, struct error *err)
{
    const struct api_carrier *carrier = &order->carrier;
    bool has_certificate = true;
    uint8_t digest[HASH_LEN];

    *out = NULL;
    if (order->pending != NULL &&
        !is_completed(db, order->pending->order_id, &has_certificate, err))
        return false;
    if (!has_certificate)
        return true;
    return hash_sha256(carrier->spki, carrier->spki_len, digest, err) &&
           db_certificate_in_device(db, order->account, carrier->serial, digest,
                                    now, out, err) &&
           (*out != NULL || error_set(err, ERROR_DENIED,
                                      "carrier: device %s holds no valid "
                                      "certificate of this account",
                                      carrier->serial));
}

/* The organisation code that a certificate has; "" if it has none. */
static bool
code_in(const struct order_world *world, const struct db_certificate *row,
        char out[RECOVER_CODE_MAX + 1], struct error *err)
{
    const struct profile *profile =
        profile_set_find(world->profiles, row->profile);
    struct heritage heritage = {0};
    const char *code;
    bool ok = profile != NULL ||
              error_set(err, ERROR_INTERNAL, "no profile %s", row->profile);

    ok = ok && heritage_read(profile, (struct der){row->der, row->der_len},
                             &heritage, err);
    code = heritage.organization_code;
    if (ok && code != NULL && strlen(code) > RECOVER_CODE_MAX)
        ok = error_set(err, ERROR_INTERNAL, "an organisation code is too long");
    if (ok)
        (void)snprintf(out, RECOVER_CODE_MAX + 1, "%s",
                       code != NULL ? code : "");
    heritage_clear(&heritage);
    return ok;
}

/* Of the certificate that an order to reissue succeeds. */
static bool
code_of_predecessor(const struct recover_desk *desk,
                    const struct api_certificate_ref *ref,
                    char out[RECOVER_CODE_MAX + 1], struct error *err)
{
    const struct issuer *issuer = issuer_find(desk->set, ref->issuer);
    struct db_certificate *row = NULL;
    bool ok;

    if (issuer == NULL)
        return error_set(err, ERROR_INPUT, "predecessor: no issuer %s",
                         ref->issuer);
    ok = db_certificate_get(desk->db, issuer->row.issuer_id, ref->serial, &row,
                            err) &&
         (row->der != NULL ||
          error_set(err, ERROR_CONFLICT, "the predecessor was never issued")) &&
         code_in(desk->world, row, out, err);
    db_certificate_free(row);
    return ok;
}

/*
 * Whose keys the officers released: those of the organisation that they saw. An
 * account is the sender's word alone, and a stolen RA could write another's
 * into an honest application.
 */
static bool
code_of_order(const struct recover_desk *desk, const struct api_order *order,
              int64_t now, char out[RECOVER_CODE_MAX + 1], struct error *err)
{
    const struct api_order *pending = order->pending;
    struct db_certificate *held = NULL;
    bool ok;

    if (pending != NULL && pending->has_subject)
        return snprintf(out, RECOVER_CODE_MAX + 1, "%s",
                        pending->organization_code != NULL
                            ? pending->organization_code
                            : "") <= RECOVER_CODE_MAX ||
               error_set(err, ERROR_INPUT,
                         "pending: organization_code is too long");
    if (pending != NULL)
        return code_of_predecessor(desk, &pending->predecessor, out, err);
    ok = carried_certificate(desk->db, order, now, &held, err) &&
         code_in(desk->world, held, out, err);
    db_certificate_free(held);
    return ok;
}

/* A key whose certificate says another organisation is not the holder's. One
 * that never got a certificate opens nothing. */
static bool
is_of(const struct recover_desk *desk, const struct escrow_key *key,
      const char *code, bool *out, struct error *err)
{
    char its[RECOVER_CODE_MAX + 1];
    struct db_certificate *rows = NULL;
    uint8_t digest[HASH_LEN];
    size_t count = 0;
    bool ok = hash_sha256(key->spki, key->spki_len, digest, err) &&
              db_certificate_by_key(desk->db, digest, 1, &rows, &count, err);

    *out = true;
    if (ok && count > 0 && rows[0].der != NULL) {
        ok = code_in(desk->world, &rows[0], its, err);
        *out = ok && strcmp(its, code) == 0;
    }
    db_certificates_free(rows, count);
    return ok;
}

/* ---- The case ------------------------------------------------------------ */

bool
recover_check(const struct order_world *world, struct db *db,
              const struct api_order *order, int64_t now, struct error *err)
{
    struct db_certificate *held = NULL;
    bool ok;

    if (!world->makes_pairs)
        return error_set(err, ERROR_INPUT,
                         "this CA makes no pairs, and keeps no keys "
                         "(ca.kmc_url)");
    ok = order_check_transport((struct der){order->carrier.transport,
                                            order->carrier.transport_len},
                               err) &&
         carried_certificate(db, order, now, &held, err);
    db_certificate_free(held);
    return ok;
}

/* All that this organisation has there, but the one that the device gets with
 * the pending order anyway. */
static bool
choose_keys(const struct recover_desk *desk, const struct api_order *order,
            const char *code, const struct escrow_key *keys, size_t count,
            struct escrow_request *request, struct error *err)
{
    struct escrow_key *own = base_alloc(sizeof *own);
    bool ok = true;

    if (order->pending != NULL)
        ok = escrow_key_find(desk->escrow, order->pending->order_id, own, err);
    for (size_t i = 0; ok && i < count; i++) {
        bool is_its = false;

        if (strcmp(keys[i].id, own->id) == 0)
            continue;
        ok = is_of(desk, &keys[i], code, &is_its, err);
        if (!is_its)
            continue;
        if (request->key_count == ESCROW_KEYS_MAX)
            ok = error_set(err, ERROR_CONFLICT,
                           "the holder has more than %d keys, which is more "
                           "than one recovery may be about",
                           ESCROW_KEYS_MAX);
        else
            request->key_id[request->key_count++] = keys[i].id;
    }
    free(own);
    return ok;
}

static bool
open_case(const struct recover_desk *desk, const struct api_order *order,
          int64_t now, struct error *err)
{
    struct escrow *escrow = desk->escrow;
    char code[RECOVER_CODE_MAX + 1];
    char reason[REASON_MAX];
    struct escrow_request request = {
        .id = order->order_id,
        .requester = order->person,
        .reason = reason,
        .document = order->pending != NULL ? order->pending->encryption.old_keys
                                           : order->document,
        .holder = order->account,
        .target = {order->carrier.transport, order->carrier.transport_len},
    };
    struct escrow_key *keys = NULL;
    struct escrow_case known;
    bool is_there = false, ok;
    size_t count = 0;

    (void)snprintf(reason, sizeof reason, "earlier keys into the device %s",
                   order->carrier.serial);
    if (!escrow_case_find(escrow, order->order_id, &is_there, &known, err))
        return false;
    if (is_there)
        return true;
    ok = code_of_order(desk, order, now, code, err) &&
         escrow_keys_of(escrow, order->account, &keys, &count, err) &&
         choose_keys(desk, order, code, keys, count, &request, err) &&
         (request.key_count == 0 || escrow_case_open(escrow, &request, err));
    free(keys);
    return ok;
}

static bool
run_order(struct db *db, void *arg, struct error *err)
{
    struct accept *accept = arg;
    const struct record *record = &accept->record;
    int64_t first;

    return accept_insert(db, accept, err) &&
           record_append(db, &record, 1, &first, err);
}

/* Looked at before people at the centre are called upon; the transaction
 * decides (order_pending). */
static bool
check_unused(struct db *db, const struct accept *accept, struct error *err)
{
    const struct api_order *order = accept->envelope->order;
    bool is_used = false;

    if (!accept->has_pending)
        return true;
    return db_order_is_used(db, order->order_id, api_kind_name(order->kind),
                            accept->pending_use, &is_used, err) &&
           (!is_used ||
            error_set(err, ERROR_CONFLICT,
                      "the earlier keys were asked for by this pending order "
                      "and for this device before"));
}

bool
recover_run(const struct recover_desk *desk, struct accept *accept, int64_t now,
            struct error *err)
{
    return check_unused(desk->db, accept, err) &&
           open_case(desk, accept->envelope->order, now, err) &&
           db_transaction(desk->db, run_order, accept, err);
}
