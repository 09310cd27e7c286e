/* An order in the writer; see ca-core/issue_job.h. */
#include "ca-core/issue_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "ca-core/tbs.h"
#include "db/order.h"

static struct issue_job *
job_alloc(const char *order_id)
{
    struct issue_job *job = base_alloc(sizeof *job);

    memcpy(job->order_id, order_id, TEXT_UUID_LEN);
    job->body.limit = API_BODY_MAX;
    job->tbs.limit = TBS_MAX_LEN;
    job->der.limit = TBS_CERTIFICATE_MAX_LEN;
    for (size_t i = 0; i < API_DECISIONS_MAX; i++)
        job->statement[i].limit = API_STATEMENT_MAX;
    return job;
}

void
issue_job_free(struct issue_job *job)
{
    if (job == NULL)
        return;
    free(job->requested_by);
    free(job->account);
    buf_clear(&job->body);
    for (size_t i = 0; i < API_DECISIONS_MAX; i++)
        buf_clear(&job->statement[i]);
    buf_clear(&job->subject);
    free(job->subject_text);
    record_clear(&job->accepted);
    if (job->issuers != NULL)
        issuers_release(job->issuers, job->set);
    free(job->profile);
    buf_clear(&job->tbs);
    free(job->predecessor_issuer);
    buf_clear(&job->der);
    record_clear(&job->issued);
    free(job);
}

/* Hands the octets of `from` over. */
static void
take(struct buf *to, struct buf *from)
{
    *to = *from;
    *from = (struct buf){.limit = from->limit};
}

static void
set_predecessor(struct issue_job *job, const struct api_order *order,
                const struct db_certificate_ref *ref)
{
    job->has_predecessor = true;
    job->predecessor = *ref;
    job->predecessor_issuer = base_text_copy(order->predecessor.issuer);
    job->fate = order->fate;
}

static void
take_plan_of(struct issue_job *job, const struct api_order *order,
             struct order_plan *plan)
{
    job->issuer = plan->issuer;
    job->profile = base_text_copy(plan->profile->name);
    job->serial = plan->serial;
    job->period = plan->period;
    job->key_all = plan->key_all;
    job->subject_all = plan->subject_all;
    memcpy(job->spki_sha256, plan->spki_sha256, sizeof job->spki_sha256);
    job->subject_text = base_text_copy(buf_text(&plan->subject_text));
    take(&job->subject, &plan->subject);
    take(&job->tbs, &plan->tbs);
    if (plan->predecessor != NULL) {
        struct db_certificate_ref ref = {.issuer_id =
                                             plan->predecessor->issuer_id};

        memcpy(ref.serial, plan->predecessor->serial, DB_SERIAL_LEN);
        set_predecessor(job, order, &ref);
        job->predecessor_index = plan->predecessor->status_index;
    }
}

bool
issue_job_new(const struct api_envelope *envelope, const uint8_t digest[32],
              const struct decision_evidence *evidence,
              const char *requested_by, struct issuers *issuers,
              struct issuer_set *set, struct order_plan *take_plan, int64_t now,
              struct issue_job **out, struct error *err)
{
    const struct api_order *order = envelope->order;
    struct issue_job *job = job_alloc(order->order_id);

    memcpy(job->digest, digest, sizeof job->digest);
    job->kind = order->kind;
    job->received_at = now;
    job->requested_by = base_text_copy(requested_by);
    job->account = base_text_copy(order->account);
    job->issuers = issuers;
    job->set = issuers_hold(issuers, set);
    take_plan_of(job, order, take_plan);
    job->decision_count = envelope->decision_count;
    for (size_t i = 0; i < envelope->decision_count; i++) {
        job->decision[i] = envelope->decision[i];
        if (!api_statement_encode(&job->decision[i], job->order_id, digest,
                                  &job->statement[i], err))
            goto fail;
    }
    job->has_csr_sha256 = envelope->completion.csr != NULL;
    if (job->has_csr_sha256 &&
        !hash_sha256(envelope->completion.csr, envelope->completion.csr_len,
                     job->csr_sha256, err))
        goto fail;
    if (!json_canonical(order->json, &job->body, err) ||
        !record_accepted(&job->accepted, envelope, digest, evidence,
                         requested_by, now, err))
        goto fail;
    *out = job;
    return true;
fail:
    issue_job_free(job);
    return false;
}

/* ---- Reading back ------------------------------------------------------ */

static bool
read_order(struct issue_job *job, const struct db_order *row,
           const struct db_certificate *certificate, struct error *err)
{
    struct api_order *order = NULL;
    json_t *json = NULL;
    bool ok = false;

    if (!json_parse_object(row->body, row->body_len, &json, err) ||
        !api_order_parse(json, &order, err))
        goto out;
    job->kind = order->kind;
    job->received_at = row->received_at;
    memcpy(job->digest, row->digest, sizeof job->digest);
    if (certificate->predecessor_issuer_id != 0) {
        struct db_certificate_ref ref = {certificate->predecessor_issuer_id,
                                         {0}};

        memcpy(ref.serial, certificate->predecessor, DB_SERIAL_LEN);
        set_predecessor(job, order, &ref);
    }
    ok = true;
out:
    api_order_free(order);
    json_decref(json);
    return ok;
}

static bool
read_certificate(struct issue_job *job, const struct db_certificate *row,
                 struct error *err)
{
    job->issuer = issuer_by_id(job->set, row->issuer_id);
    if (job->issuer == NULL)
        return error_set(err, ERROR_INTERNAL, "its issuer is not there");
    job->profile = base_text_copy(row->profile);
    memcpy(job->serial.octet, row->serial, SERIAL_LEN);
    memcpy(job->spki_sha256, row->spki_sha256, sizeof job->spki_sha256);
    buf_add(&job->tbs, row->tbs, row->tbs_len);
    return true;
}

bool
issue_job_read(struct db *db, struct issuers *issuers, const char *order_id,
               struct issue_job **out, struct error *err)
{
    struct issue_job *job = job_alloc(order_id);
    struct db_certificate *certificates = NULL;
    struct db_order *order = NULL;
    size_t count = 0;
    bool ok = false;

    job->issuers = issuers;
    job->set = issuers_get(issuers);
    if (!db_order_find(db, order_id, &order, err) ||
        !db_certificate_of_order(db, order_id, &certificates, &count, err))
        goto out;
    if (order == NULL || order->state != DB_ORDER_RECORDED) {
        error_set(err, ERROR_CONFLICT, "not recorded");
        goto out;
    }
    if (count != 1 || certificates[0].state != DB_CERTIFICATE_INTENDED) {
        error_set(err, ERROR_INTERNAL, "not one intended certificate");
        goto out;
    }
    ok = read_order(job, order, &certificates[0], err) &&
         read_certificate(job, &certificates[0], err);
out:
    db_order_free(order);
    db_certificates_free(certificates, count);
    if (ok)
        *out = job;
    else
        issue_job_free(job);
    return ok || error_wrap(err, "order %s", order_id);
}

/* ---- Signing ----------------------------------------------------------- */

/* A job that was taken up while the key was away: the newest set may have it.
 */
static void
renew_issuer(struct issue_job *job)
{
    struct issuer_set *set = issuers_get(job->issuers);
    const struct issuer *issuer = issuer_by_id(set, job->issuer->row.issuer_id);

    if (issuer == NULL) {
        issuers_release(job->issuers, set);
        return;
    }
    issuers_release(job->issuers, job->set);
    job->set = set;
    job->issuer = issuer;
}

bool
issue_job_sign(struct issue_job *job, int64_t now, struct error *err)
{
    const struct issuer *issuer;
    struct der tbs = {job->tbs.data, job->tbs.len};
    struct der der, whole;
    struct der_item signed_tbs;
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t len = sizeof signature;

    if (job->issuer->key == NULL)
        renew_issuer(job);
    issuer = job->issuer;
    if (issuer->key == NULL)
        return error_set(err, ERROR_BUSY, "the key of issuer %s is away",
                         issuer->row.name);
    buf_reset(&job->der);
    if (!hsm_sign_checked(issuer->hsm, issuer->key, issuer->scheme, tbs.data,
                          tbs.len, signature, &len, err) ||
        !tbs_certificate(tbs, issuer->scheme, signature, len, &job->der, err))
        return false;
    /* What leaves is what was recorded: promise 1. */
    der = (struct der){job->der.data, job->der.len};
    if (!der_take(&der, DER_SEQUENCE, &whole) ||
        !der_next(&whole, &signed_tbs) || !der_equal(signed_tbs.whole, tbs))
        return error_set(err, ERROR_INTERNAL,
                         "what was signed is not what was recorded");
    record_clear(&job->issued);
    return record_issued(&job->issued,
                         &(struct record_issue){
                             .order_id = job->order_id,
                             .issuer = issuer->row.name,
                             .profile = job->profile,
                             .serial = job->serial.octet,
                             .spki_sha256 = job->spki_sha256,
                             .der = job->der.data,
                             .der_len = job->der.len,
                         },
                         now, err);
}
