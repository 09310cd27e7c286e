/* Certificate revocation lists; see ca-core/crl.h. RFC 5280, section 5. */
#include "ca-core/crl.h"

#include <inttypes.h>
#include <string.h>

#include "base/der.h"
#include "base/hash.h"
#include "base/log.h"
#include "ca-core/entry.h"
#include "ca-core/public_key.h"
#include "ca-core/tbs.h"
#include "db/certificate.h"
#include "db/crl.h"

enum { LEASE_S = 120 }; /* longer than a CRL of a million entries takes */

static const uint8_t oid_crl_number[] = {0x55, 0x1d, 0x14};
static const uint8_t oid_reason_code[] = {0x55, 0x1d, 0x15};
static const uint8_t oid_invalidity_date[] = {0x55, 0x1d, 0x18};
static const uint8_t oid_key_identifier[] = {0x55, 0x1d, 0x23};

/* ---- The encoder ------------------------------------------------------- */

void
crl_encode_begin(struct crl_encoder *encoder, struct buf *out,
                 const struct crl_head *head)
{
    const uint8_t *algorithm;
    size_t len;

    encoder->out = out;
    encoder->head = head;
    encoder->entries = 0;
    encoder->count = 0;
    encoder->tbs = der_begin(out, DER_SEQUENCE);
    der_add_small(out, 1); /* v2, as there are extensions: 5.1.2.1 */
    algorithm = hsm_scheme_algorithm(head->scheme, &len);
    (void)buf_add(out, algorithm, len);
    (void)buf_add(out, head->issuer, head->issuer_len);
    der_add_time(out, head->this_update);
    der_add_time(out, head->next_update);
}

void
crl_encode_add(struct crl_encoder *encoder, const struct crl_entry *entry)
{
    struct buf *out = encoder->out;
    size_t sequence, extensions, extension, value;
    uint8_t reason = (uint8_t)entry->reason;

    /* No entries, no list: 5.1.2.6. */
    if (encoder->count++ == 0)
        encoder->entries = der_begin(out, DER_SEQUENCE);
    sequence = der_begin(out, DER_SEQUENCE);
    der_add_unsigned(out, entry->serial, entry->serial_len);
    der_add_time(out, entry->revoked_at);
    if (entry->reason != 0 || entry->invalid_from != 0) {
        extensions = der_begin(out, DER_SEQUENCE);
        if (entry->reason != 0) {
            extension = der_begin(out, DER_SEQUENCE);
            der_add_oid(out, oid_reason_code, sizeof oid_reason_code);
            value = der_begin(out, DER_OCTET_STRING);
            der_add(out, DER_ENUMERATED, &reason, 1);
            der_end(out, value);
            der_end(out, extension);
        }
        if (entry->invalid_from != 0) {
            extension = der_begin(out, DER_SEQUENCE);
            der_add_oid(out, oid_invalidity_date, sizeof oid_invalidity_date);
            value = der_begin(out, DER_OCTET_STRING);
            /* GeneralizedTime whatever the year: 5.3.2. */
            der_add_generalized_time(out, entry->invalid_from);
            der_end(out, value);
            der_end(out, extension);
        }
        der_end(out, extensions);
    }
    der_end(out, sequence);
}

bool
crl_encode_end(struct crl_encoder *encoder, struct error *err)
{
    struct buf *out = encoder->out;
    const struct crl_head *head = encoder->head;
    size_t tagged, extensions, extension, value, inner;

    if (encoder->count > 0)
        der_end(out, encoder->entries);
    tagged = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    extensions = der_begin(out, DER_SEQUENCE);

    extension = der_begin(out, DER_SEQUENCE);
    der_add_oid(out, oid_key_identifier, sizeof oid_key_identifier);
    value = der_begin(out, DER_OCTET_STRING);
    inner = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_CONTEXT(0), head->key_identifier,
            head->key_identifier_len);
    der_end(out, inner);
    der_end(out, value);
    der_end(out, extension);

    extension = der_begin(out, DER_SEQUENCE);
    der_add_oid(out, oid_crl_number, sizeof oid_crl_number);
    value = der_begin(out, DER_OCTET_STRING);
    der_add_small(out, head->number);
    der_end(out, value);
    der_end(out, extension);

    der_end(out, extensions);
    der_end(out, tagged);
    der_end(out, encoder->tbs);
    if (buf_is_full(out))
        return error_set(err, ERROR_INTERNAL,
                         "a CRL of %" PRId64 " entries is longer than %zu "
                         "octets",
                         encoder->count, out->limit);
    return true;
}

/* ---- Publishing -------------------------------------------------------- */

static bool
add_row(const struct db_crl_entry *row, void *arg, struct error *err)
{
    struct crl_encoder *encoder = arg;
    const struct crl_entry entry = {row->serial, row->serial_len,
                                    row->revoked_at, row->reason,
                                    row->invalid_from};

    crl_encode_add(encoder, &entry);
    if (buf_is_full(encoder->out)) /* do not read on to no purpose */
        return error_set(err, ERROR_INTERNAL, "the CRL is too long");
    return true;
}

/* The TBSCertList of what is held or revoked now. */
static bool
encode(struct db *db, const struct db_issuer *issuer,
       const struct db_crl_base *base, const struct crl_head *head,
       struct buf *tbs, int64_t *entries, struct error *err)
{
    struct crl_encoder encoder;

    crl_encode_begin(&encoder, tbs, head);
    if (!db_crl_entries(db, issuer->issuer_id, base->kept_from,
                        base->kept_index, add_row, &encoder, err) ||
        !crl_encode_end(&encoder, err))
        return false;
    *entries = encoder.count;
    return true;
}

struct stored {
    const struct db_issuer *issuer;
    const struct db_crl *crl;
    const struct buf *der;
    int64_t at;
};

/* In a transaction: the octets and the entry that reports them. */
static bool
store(struct db *db, void *arg, struct error *err)
{
    const struct stored *stored = arg;
    const struct db_crl *crl = stored->crl;
    json_t *body = json_object();
    int64_t index;
    bool ok;

    json_set_text(body, "issuer", stored->issuer->name);
    json_set_int(body, "number", crl->number);
    json_set_time(body, "this_update", crl->this_update);
    json_set_time(body, "next_update", crl->next_update);
    json_set_int(body, "entries", crl->entries);
    json_set_int(body, "status_index", crl->status_index);
    json_set_hex(body, "sha256", crl->sha256, sizeof crl->sha256);
    ok = db_crl_store(db, crl->issuer_id, crl->number, stored->der->data,
                      stored->der->len, crl->sha256, stored->at, err) &&
         entry_append(db, stored->at, "crl.issued", stored->issuer->name, body,
                      &index, err) &&
         db_certificate_notify(db, err);
    json_decref(body);
    return ok;
}

/* Signs the TBSCertList of a row that is committed, and stores it. */
static bool
sign_and_store(struct db *db, struct hsm *hsm, const struct db_issuer *issuer,
               const struct hsm_key *key, enum hsm_scheme scheme,
               const struct buf *tbs, struct db_crl *crl, struct error *err)
{
    struct buf der = BUF_INIT(CRL_MAX_LEN);
    struct stored stored = {issuer, crl, &der, crl->this_update};
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t len = sizeof signature;
    bool ok;

    ok = hsm_sign_checked(hsm, key, scheme, tbs->data, tbs->len, signature,
                          &len, err) &&
         tbs_certificate((struct der){tbs->data, tbs->len}, scheme, signature,
                         len, &der, err) &&
         hash_sha256(der.data, der.len, crl->sha256, err) &&
         db_transaction(db, store, &stored, err);
    buf_clear(&der);
    return ok;
}

/* RFC 5280, 5.2.3: only ever growing. The seconds of thisUpdate as the least
 * number keep a database that was restored from growing through numbers that
 * were published before. */
static bool
next_number(const struct db_crl_base *base, int64_t now, int64_t *out,
            struct error *err)
{
    if (now < base->this_update)
        return error_set(err, ERROR_CONFLICT,
                         "the clock is %" PRId64 " s behind the last CRL",
                         base->this_update - now);
    *out = base->number < now ? now : base->number + 1;
    return true;
}

bool
crl_publish(struct db *db, struct hsm *hsm, const struct db_issuer *issuer,
            int64_t now, int64_t validity_s, int64_t interval_s,
            struct crl_published *out, struct error *err)
{
    struct buf tbs = BUF_INIT(CRL_MAX_LEN);
    uint8_t key_identifier[PUBLIC_KEY_ID_LEN];
    const struct hsm_key *key;
    struct db_crl_base base;
    struct crl_head head = {0};
    struct db_crl crl = {.issuer_id = issuer->issuer_id,
                         .this_update = now,
                         .next_update = now + validity_s};
    bool ok = false;

    if (!hsm_scheme_find(issuer->scheme, &head.scheme)) {
        error_set(err, ERROR_INTERNAL, "there is no scheme %s", issuer->scheme);
        goto out;
    }
    /* What the log holds first, what is revoked then: so all changes before
     * status_index are in it. */
    if (!hsm_key_get(hsm, issuer->key_id, issuer->key_id_len, &key, err) ||
        !public_key_id((struct der){issuer->spki, issuer->spki_len},
                       key_identifier, err) ||
        !db_crl_base(db, issuer->issuer_id, now - interval_s, &base, err) ||
        !next_number(&base, now, &crl.number, err))
        goto out;
    head.issuer = issuer->subject;
    head.issuer_len = issuer->subject_len;
    head.key_identifier = key_identifier;
    head.key_identifier_len = sizeof key_identifier;
    head.number = crl.number;
    head.this_update = crl.this_update;
    head.next_update = crl.next_update;
    crl.status_index = base.head_index;
    if (!encode(db, issuer, &base, &head, &tbs, &crl.entries, err) ||
        !hash_sha256(tbs.data, tbs.len, crl.sha256, err))
        goto out;
    if (!db_crl_reserve(db, &crl, err)) {
        if (err != NULL && err->code == ERROR_CONFLICT)
            err->code = ERROR_BUSY; /* another publisher; its CRL will do */
        goto out;
    }
    if (!sign_and_store(db, hsm, issuer, key, head.scheme, &tbs, &crl, err))
        goto out;
    *out = (struct crl_published){crl.number, crl.this_update, crl.next_update,
                                  crl.entries};
    ok = true;
out:
    buf_clear(&tbs);
    return ok || error_wrap(err, "CRL of %s", issuer->name);
}

/* ---- The job ----------------------------------------------------------- */

bool
crl_schedule_load(const struct config *config, struct crl_schedule *out,
                  struct error *err)
{
    out->interval_s = config_int(config, "ca.crl_interval_s");
    out->change_s = config_int(config, "ca.crl_change_s");
    out->validity_s = config_int(config, "ca.crl_validity_s");
    if (out->validity_s <= out->interval_s)
        return error_set(err, ERROR_INPUT,
                         "ca.crl_validity_s must be more than "
                         "ca.crl_interval_s: else there is a time without CRL");
    return true;
}

bool
crl_is_due(struct db *db, int32_t issuer_id,
           const struct crl_schedule *schedule, int64_t now, bool *is_due,
           struct error *err)
{
    struct db_crl_base base;
    int64_t age;

    if (!db_crl_base(db, issuer_id, now, &base, err))
        return false;
    age = now - base.this_update;
    *is_due = age >= schedule->interval_s || base.next_update <= now;
    if (*is_due || age < schedule->change_s)
        return true;
    return db_crl_is_changed(db, issuer_id, base.status_index, is_due, err);
}

bool
crl_job_init(struct crl_job *job, struct hsm *hsm, const struct config *config,
             struct error *err)
{
    job->hsm = hsm;
    job->token = config_text(config, "hsm.ca.token");
    return crl_schedule_load(config, &job->schedule, err) &&
           lease_init(&job->lease, "crl", err);
}

static bool
publish_if_due(struct crl_job *job, struct db *db,
               const struct db_issuer *issuer, int64_t now, struct error *err)
{
    const struct crl_schedule *schedule = &job->schedule;
    struct crl_published crl;
    bool is_due, is_ours;

    if (!crl_is_due(db, issuer->issuer_id, schedule, now, &is_due, err))
        return false;
    if (!is_due)
        return true;
    if (!lease_take(&job->lease, db, LEASE_S, &is_ours, err))
        return false;
    if (!is_ours)
        return true;
    if (!crl_publish(db, job->hsm, issuer, now, schedule->validity_s,
                     schedule->interval_s, &crl, err))
        return false;
    log_event(LOG_LEVEL_INFO, "crl.issued", LOG_TEXT("issuer", issuer->name),
              LOG_INT("number", crl.number), LOG_INT("entries", crl.entries));
    return true;
}

bool
crl_job_run(struct crl_job *job, struct db *db, int64_t now, struct error *err)
{
    struct db_issuer *issuers = NULL;
    struct error failure = {0};
    size_t count = 0, i;

    if (!db_issuer_list(db, &issuers, &count, err))
        return false;
    for (i = 0; i < count; i++) {
        struct error one = {0};

        /* Past its end nobody believes its signature, nor asks. */
        if (issuers[i].state == DB_ISSUER_PLANNED ||
            issuers[i].not_after <= now ||
            strcmp(issuers[i].token, job->token) != 0)
            continue;
        if (!publish_if_due(job, db, &issuers[i], now, &one) &&
            failure.code == ERROR_NONE)
            failure = one;
    }
    db_issuers_free(issuers, count);
    if (failure.code == ERROR_NONE)
        return true;
    if (err != NULL)
        *err = failure;
    return false;
}
