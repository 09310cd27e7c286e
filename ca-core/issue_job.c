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
    for (size_t i = 0; i < ISSUE_PARTS_MAX; i++) {
        job->part[i].tbs.limit = TBS_MAX_LEN;
        job->part[i].der.limit = TBS_CERTIFICATE_MAX_LEN;
    }
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
    for (size_t i = 0; i < ISSUE_PARTS_MAX; i++) {
        free(job->part[i].profile);
        buf_clear(&job->part[i].tbs);
        buf_clear(&job->part[i].der);
        record_clear(&job->part[i].issued);
    }
    free(job);
}

/* Hands the octets of `from` over. */
static void
take(struct buf *to, struct buf *from)
{
    *to = *from;
    *from = (struct buf){.limit = from->limit};
}

static struct db_certificate_ref
ref_of(const struct db_certificate *row)
{
    struct db_certificate_ref ref = {.issuer_id = row->issuer_id};

    memcpy(ref.serial, row->serial, DB_SERIAL_LEN);
    return ref;
}

/* Of both halves, whether or not the order makes a pair (docs/architecture.md,
 * "Pairs"). */
static bool
set_fate(struct issue_job *job, const struct api_order *order,
         const struct db_certificate *predecessor,
         const struct db_certificate *mate, struct error *err)
{
    const struct db_certificate *const rows[2] = {predecessor, mate};

    job->fate = order->fate;
    if (order->fate.action == API_FATE_NONE)
        return true;
    for (size_t i = 0; i < 2 && rows[i] != NULL; i++) {
        const struct issuer *issuer =
            issuer_by_id(job->set, rows[i]->issuer_id);

        if (issuer == NULL)
            return error_set(err, ERROR_INTERNAL,
                             "the predecessor's issuer is not there");
        job->old[job->old_count].ref = ref_of(rows[i]);
        memcpy(job->old[job->old_count++].issuer, issuer->row.name,
               sizeof issuer->row.name);
    }
    return true;
}

static void
take_part(struct issue_job *job, struct order_plan *plan)
{
    struct issue_part *part = &job->part[job->part_count++];

    part->profile = base_text_copy(plan->profile->name);
    part->serial = plan->serial;
    part->key_all = plan->key_all;
    part->subject_all = plan->subject_all;
    memcpy(part->spki_sha256, plan->spki_sha256, sizeof part->spki_sha256);
    take(&part->tbs, &plan->tbs);
    if (plan->predecessor != NULL) {
        part->has_predecessor = true;
        part->predecessor = ref_of(plan->predecessor);
        part->predecessor_index = plan->predecessor->status_index;
    }
}

static bool
take_plan_of(struct issue_job *job, const struct api_order *order,
             struct issue_plan *plan, struct error *err)
{
    struct order_plan *first = &plan->first;

    job->issuer = first->issuer;
    job->period = first->period;
    job->subject_text = base_text_copy(buf_text(&first->subject_text));
    take(&job->subject, &first->subject);
    take_part(job, first);
    if (plan->is_pair) {
        take_part(job, &plan->second);
        memcpy(job->escrow_key, plan->escrow_key, sizeof job->escrow_key);
    }
    return set_fate(job, order, first->predecessor, first->mate, err);
}

bool
issue_job_new(const struct api_envelope *envelope, const uint8_t digest[32],
              const struct decision_evidence *evidence,
              const char *requested_by, struct issuers *issuers,
              struct issuer_set *set, struct issue_plan *take_plan, int64_t now,
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
    if (!take_plan_of(job, order, take_plan, err))
        goto fail;
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

/* What became of the predecessor is decided by what it is now: its other half
 * is found as when the order was planned. */
static bool
read_fate(struct issue_job *job, struct db *db, const struct api_order *order,
          const struct db_certificate *certificate, struct error *err)
{
    struct db_certificate *old = NULL, *mate = NULL;
    bool ok;

    if (certificate->predecessor_issuer_id == 0 ||
        order->fate.action == API_FATE_NONE)
        return true;
    ok = db_certificate_get(db, certificate->predecessor_issuer_id,
                            certificate->predecessor, &old, err) &&
         db_certificate_mate(db, old, &mate, err) &&
         set_fate(job, order, old, mate, err);
    db_certificate_free(old);
    db_certificate_free(mate);
    return ok;
}

static bool
read_order(struct issue_job *job, struct db *db, const struct db_order *row,
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
    ok = read_fate(job, db, order, certificate, err);
out:
    api_order_free(order);
    json_decref(json);
    return ok;
}

static bool
read_certificate(struct issue_job *job, const struct db_certificate *row,
                 struct error *err)
{
    const struct issuer *issuer = issuer_by_id(job->set, row->issuer_id);
    struct issue_part *part = &job->part[job->part_count++];

    if (row->state != DB_CERTIFICATE_INTENDED)
        return error_set(err, ERROR_INTERNAL, "its certificate is %s",
                         db_certificate_state_name(row->state));
    if (issuer == NULL || (job->issuer != NULL && job->issuer != issuer))
        return error_set(err, ERROR_INTERNAL, "its issuer is not there");
    job->issuer = issuer;
    part->profile = base_text_copy(row->profile);
    memcpy(part->serial.octet, row->serial, SERIAL_LEN);
    memcpy(part->spki_sha256, row->spki_sha256, sizeof part->spki_sha256);
    buf_add(&part->tbs, row->tbs, row->tbs_len);
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
    if (count == 0 || count > ISSUE_PARTS_MAX) {
        error_set(err, ERROR_INTERNAL, "%zu certificates", count);
        goto out;
    }
    ok = read_order(job, db, order, &certificates[0], err);
    for (size_t i = 0; ok && i < count; i++)
        ok = read_certificate(job, &certificates[i], err);
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

static bool
sign_part(const struct issue_job *job, struct issue_part *part, int64_t now,
          struct error *err)
{
    const struct issuer *issuer = job->issuer;
    struct der tbs = {part->tbs.data, part->tbs.len};
    struct der der, whole;
    struct der_item signed_tbs;
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t len = sizeof signature;

    buf_reset(&part->der);
    if (!hsm_sign_checked(issuer->hsm, issuer->key, issuer->scheme, tbs.data,
                          tbs.len, signature, &len, err) ||
        !tbs_certificate(tbs, issuer->scheme, signature, len, &part->der, err))
        return false;
    /* What leaves is what was recorded: promise 1. */
    der = (struct der){part->der.data, part->der.len};
    if (!der_take(&der, DER_SEQUENCE, &whole) ||
        !der_next(&whole, &signed_tbs) || !der_equal(signed_tbs.whole, tbs))
        return error_set(err, ERROR_INTERNAL,
                         "what was signed is not what was recorded");
    record_clear(&part->issued);
    return record_issued(&part->issued,
                         &(struct record_issue){
                             .order_id = job->order_id,
                             .issuer = issuer->row.name,
                             .profile = part->profile,
                             .serial = part->serial.octet,
                             .spki_sha256 = part->spki_sha256,
                             .der = part->der.data,
                             .der_len = part->der.len,
                         },
                         now, err);
}

bool
issue_job_sign(struct issue_job *job, int64_t now, struct error *err)
{
    if (job->issuer->key == NULL)
        renew_issuer(job);
    if (job->issuer->key == NULL)
        return error_set(err, ERROR_BUSY, "the key of issuer %s is away",
                         job->issuer->row.name);
    for (size_t i = 0; i < job->part_count; i++)
        if (!sign_part(job, &job->part[i], now, err))
            return false;
    return true;
}
