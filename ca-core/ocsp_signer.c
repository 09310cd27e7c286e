/* Certificates of delegated OCSP signers; see ca-core/ocsp_signer.h. */
#include "ca-core/ocsp_signer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "ca-core/entry.h"
#include "db/ocsp_key.h"
#include "db/order.h"

enum { LEASE_S = 60, COMMON_NAME_MAX = 64 };

/* ---- One certificate --------------------------------------------------- */

/* What of the issuer's name the profile takes, and a name of its own. */
static bool
make_subject(const struct certify_issuer *issuer, const struct profile *profile,
             struct buf *storage, char *common_name, struct api_subject *out,
             struct error *err)
{
    static const enum api_attribute taken[] = {API_COUNTRY, API_STATE,
                                               API_LOCALITY, API_ORGANIZATION};
    struct api_subject from, wanted = {0};
    size_t i;

    if (!name_parse(issuer->subject, &from, storage, err))
        return error_wrap(err, "subject of %s", issuer->name);
    for (i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (profile->subject[taken[i]].presence != PROFILE_FORBIDDEN)
            wanted.attribute[taken[i]] = from.attribute[taken[i]];
    /* The upper bound of a common name: RFC 5280, appendix A.1. */
    (void)snprintf(common_name, COMMON_NAME_MAX + 1, "OCSP %s", issuer->name);
    wanted.attribute[API_COMMON_NAME] = common_name;
    return profile_apply_subject(profile, &wanted, out, err);
}

/* A request made whole, and what it borrows. */
struct whole {
    char common_name[COMMON_NAME_MAX + 1];
    struct buf storage;
    struct validity_period period;
    struct certify_request request;
};

static bool
complete(struct whole *out, const struct certify_issuer *issuer,
         const struct certify_request *request, int64_t validity_s,
         struct error *err)
{
    out->storage.limit = NAME_MAX_LEN;
    out->request = *request;
    out->period.not_before =
        request->now - request->profile->validity.backdate_s;
    /* The last second is inside: RFC 5280, 4.1.2.5. */
    out->period.not_after = out->period.not_before + validity_s - 1;
    if (out->period.not_after > issuer->not_after)
        out->period.not_after = issuer->not_after;
    if (out->period.not_after <= request->now)
        return error_set(err, ERROR_CONFLICT, "issuer %s has ended",
                         issuer->name);
    out->request.period = &out->period;
    return make_subject(issuer, request->profile, &out->storage,
                        out->common_name, &out->request.subject, err);
}

bool
ocsp_signer_certify(struct db *db, const struct certify_issuer *issuer,
                    const struct certify_request *request, int64_t validity_s,
                    struct buf *der, struct error *err)
{
    struct whole whole = {0};
    bool ok;

    ok = complete(&whole, issuer, request, validity_s, err) &&
         certify(db, issuer, &whole.request, der, err);
    buf_clear(&whole.storage);
    return ok;
}

bool
ocsp_signer_build(const struct certify_issuer *issuer,
                  const struct certify_request *request, int64_t validity_s,
                  struct certify_built *out, struct error *err)
{
    struct whole whole = {0};
    bool ok;

    ok = complete(&whole, issuer, request, validity_s, err) &&
         certify_build(issuer, &whole.request, out, err);
    buf_clear(&whole.storage);
    return ok;
}

/* ---- The job ----------------------------------------------------------- */

bool
ocsp_signer_job_init(struct ocsp_signer_job *job, struct hsm *hsm,
                     const struct config *config,
                     const struct profile_set *profiles, struct error *err)
{
    job->hsm = hsm;
    job->token = config_text(config, "hsm.ca.token");
    job->publish_url = config_text(config, "publish.url");
    job->profile = profile_set_find(profiles, "ocsp-signer");
    job->validity_s = config_int(config, "ca.ocsp_signer_validity_s");
    job->renew_s = config_int(config, "ca.ocsp_signer_renew_s");
    if (job->profile == NULL)
        return error_set(err, ERROR_INPUT, "there is no profile ocsp-signer");
    if (job->renew_s >= job->validity_s)
        return error_set(err, ERROR_INPUT,
                         "ca.ocsp_signer_renew_s must be less than "
                         "ca.ocsp_signer_validity_s");
    return lease_init(&job->lease, "ocsp-signer", err);
}

/* The renewal as an order: what the certificate's row refers to. */
struct renewal {
    const struct db_ocsp_key *key;
    const struct certify_issuer *issuer;
    char order_id[TEXT_UUID_LEN + 1];
    int64_t now;
};

static bool
insert_order(struct db *db, struct der certificate, void *arg,
             struct error *err)
{
    const struct renewal *renewal = arg;
    struct db_order_row row = {.order_id = renewal->order_id,
                               .kind = "ocsp-signer",
                               .requested_by = "signet-ca",
                               .received_at = renewal->now};
    struct buf body = BUF_INIT(4096);
    json_t *order = json_object();
    bool is_new = false, ok;

    (void)certificate; /* none yet */
    json_set_text(order, "order_id", renewal->order_id);
    json_set_text(order, "kind", row.kind);
    json_set_time(order, "created_at", renewal->now);
    json_set_text(order, "issuer", renewal->issuer->name);
    json_set_hex(order, "key_id", renewal->key->key_id,
                 renewal->key->key_id_len);
    ok = json_canonical(order, &body, err) &&
         json_digest(order, row.digest, err);
    row.body = body.data;
    row.body_len = body.len;
    ok = ok && db_order_insert(db, &row, 1, &is_new, err);
    if (ok && !is_new)
        ok = error_set(err, ERROR_CONFLICT, "order %s is there already",
                       renewal->order_id);
    json_decref(order);
    buf_clear(&body);
    return ok;
}

static bool
finish_order(struct db *db, struct der certificate, void *arg,
             struct error *err)
{
    const struct renewal *renewal = arg;
    const char *id = renewal->order_id;
    bool is_mine = false;

    (void)certificate; /* stored by certify() */
    if (!db_order_finish(db, &id, 1, renewal->now, &is_mine, err))
        return false;
    if (!is_mine)
        return error_set(err, ERROR_BUSY, "another finished order %s", id);
    return true;
}

/* A key's next certificate, or the rest of one that was recorded. */
static bool
renew(struct ocsp_signer_job *job, struct db *db,
      const struct certify_issuer *issuer, const struct db_ocsp_key *key,
      int64_t now, struct error *err)
{
    struct renewal renewal = {.key = key, .issuer = issuer, .now = now};
    struct buf der = BUF_INIT(TBS_CERTIFICATE_MAX_LEN);
    struct certify_request request = {
        .order_id = renewal.order_id,
        .profile = job->profile,
        .spki = {key->spki, key->spki_len},
        .publish_url = job->publish_url,
        .now = now,
        .when_recorded = insert_order,
        .when_valid = finish_order,
        .also_arg = &renewal,
    };
    bool ok;

    if (key->has_certificate && key->is_intended)
        memcpy(renewal.order_id, key->order_id, sizeof renewal.order_id);
    else if (!text_uuid_draw(renewal.order_id, err))
        return false;
    ok = ocsp_signer_certify(db, issuer, &request, job->validity_s, &der, err);
    if (ok)
        log_event(LOG_LEVEL_INFO, "ocsp-signer.renewed",
                  LOG_TEXT("issuer", issuer->name),
                  LOG_HEX("key_id", key->key_id, key->key_id_len));
    buf_clear(&der);
    return ok;
}

static bool
is_due(const struct ocsp_signer_job *job, const struct db_ocsp_key *key,
       int64_t now)
{
    return !key->has_certificate || key->is_intended ||
           now >= key->not_before + job->renew_s || now >= key->not_after;
}

static bool
renew_if_due(struct ocsp_signer_job *job, struct db *db,
             const struct db_issuer *row, const struct db_ocsp_key *key,
             int64_t now, struct error *err)
{
    struct certify_issuer issuer;
    bool is_ours;

    if (row->not_after <= now || !is_due(job, key, now))
        return true;
    if (!lease_take(&job->lease, db, LEASE_S, &is_ours, err))
        return false;
    if (!is_ours)
        return true;
    return certify_issuer_init(&issuer, row, job->hsm, err) &&
           renew(job, db, &issuer, key, now, err);
}

bool
ocsp_signer_job_run(struct ocsp_signer_job *job, struct db *db, int64_t now,
                    struct error *err)
{
    struct db_issuer *issuers = NULL;
    struct db_ocsp_key *keys = NULL;
    struct error failure = {0};
    size_t issuer_count = 0, key_count = 0, i, k;

    if (!db_issuer_list(db, &issuers, &issuer_count, err) ||
        !db_ocsp_key_list(db, &keys, &key_count, err)) {
        db_issuers_free(issuers, issuer_count);
        return false;
    }
    for (i = 0; i < issuer_count; i++) {
        if (issuers[i].state == DB_ISSUER_PLANNED ||
            strcmp(issuers[i].token, job->token) != 0)
            continue;
        for (k = 0; k < key_count; k++) {
            struct error one = {0};

            if (keys[k].issuer_id == issuers[i].issuer_id &&
                !renew_if_due(job, db, &issuers[i], &keys[k], now, &one) &&
                failure.code == ERROR_NONE)
                failure = one;
        }
    }
    db_issuers_free(issuers, issuer_count);
    free(keys);
    if (failure.code == ERROR_NONE)
        return true;
    if (err != NULL)
        *err = failure;
    return false;
}
