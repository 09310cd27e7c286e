/* Orders of cases and their answers: ra/case_send.h. */
#include "ra/case_send.h"

#include <string.h>

#include <openssl/x509.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "db/case_order.h"
#include "db/holder.h"
#include "db/seal.h"
#include "ra/case_apply.h"
#include "ra/case_tell.h"
#include "ra/old_keys.h"

enum {
    ROUND_MAX = 100,
    WAIT_S = 2, /* after the first try; doubled up to */
    WAIT_MAX_S = 60,
    /* Longer than one sending takes at worst (ra/ca_client.c: three tries of
     * ten seconds): a row that was claimed is another's until then. */
    CLAIM_S = 45,
    PROBLEM_MAX = 400,
    PAIR_MAX = 2,
};

static struct metric sent_again = {
    .name = "signet_ra_orders_sent_again_total",
    .help = "Orders that were sent again because they had no answer.",
};

void
case_send_metrics(void)
{
    metric_register(&sent_again);
}

/* ---- What an answer holds --------------------------------------------------
 */

struct issued {
    const char *issuer;
    const uint8_t *serial;
    const uint8_t *der;
    size_t der_len;
    uint8_t spki_sha256[HASH_LEN];
    int64_t not_before, not_after;
    struct buf issuer_der;
};

struct answer_run {
    const struct business *business;
    const struct db_case_order *order; /* as it was claimed */
    const json_t *envelope;
    bool is_done;        /* else refused */
    const char *problem; /* of a refusal */
    struct issued issued[PAIR_MAX];
    size_t issued_count;
    const struct api_answer *answer;
    int64_t at;
};

static bool
time_read(const ASN1_TIME *time, int64_t *out)
{
    struct tm tm;
    struct clock_date date;

    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    date = (struct clock_date){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                               tm.tm_hour,        tm.tm_min,     tm.tm_sec};
    return clock_join(&date, out);
}

/* SHA-256 over the SubjectPublicKeyInfo. */
static bool
spki_hash(X509_PUBKEY *spki, uint8_t out[HASH_LEN], struct error *err)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(spki, &der);
    bool ok = len > 0 && hash_sha256(der, (size_t)len, out, err);

    OPENSSL_free(der);
    return ok || error_openssl(err, ERROR_INTERNAL, "public key");
}

static bool
issued_read(const struct api_answer_certificate *from, struct issued *out,
            struct error *err)
{
    const unsigned char *p = from->der;
    X509 *x509 = d2i_X509(NULL, &p, (long)from->der_len);
    bool ok = false;

    out->issuer = from->issuer;
    out->serial = from->serial;
    out->der = from->der;
    out->der_len = from->der_len;
    if (x509 == NULL || p != from->der + from->der_len ||
        !time_read(X509_get0_notBefore(x509), &out->not_before) ||
        !time_read(X509_get0_notAfter(x509), &out->not_after))
        error_openssl(err, ERROR_INTERNAL, "the CA's certificate");
    else
        ok = spki_hash(X509_get_X509_PUBKEY(x509), out->spki_sha256, err);
    X509_free(x509);
    return ok;
}

/* The request that the order, or what the device added, has. */
static bool
request_hash(const json_t *envelope, uint8_t out[HASH_LEN], struct error *err)
{
    const json_t *order = json_object_get(envelope, "order");
    const json_t *from =
        json_object_get(envelope, "csr") != NULL ? envelope : order;
    struct buf csr = BUF_INIT(API_CSR_MAX);
    const unsigned char *p;
    X509_REQ *req = NULL;
    bool ok = false;

    if (!json_get_bytes(from, "csr", API_CSR_MAX, &csr, err))
        goto out;
    p = csr.data;
    req = d2i_X509_REQ(NULL, &p, (long)csr.len);
    if (req == NULL)
        error_openssl(err, ERROR_INTERNAL, "request of an order");
    else
        ok = spki_hash(X509_REQ_get_X509_PUBKEY(req), out, err);
out:
    X509_REQ_free(req);
    buf_clear(&csr);
    return ok;
}

/* A look at what the CA issued, before it is believed. */
static bool
issued_check(struct ca_client *ca, const struct api_answer *answer,
             struct answer_run *run, struct error *err)
{
    uint8_t wanted[HASH_LEN];
    const json_t *order = json_object_get(run->envelope, "order");
    size_t count = json_object_get(order, "encryption") != NULL ? PAIR_MAX : 1;

    if (answer->certificate_count != count)
        return error_set(err, ERROR_INTERNAL,
                         "%zu certificates in one answer in place of %zu",
                         answer->certificate_count, count);
    if (!request_hash(run->envelope, wanted, err))
        return false;
    for (size_t i = 0; i < answer->certificate_count; i++) {
        struct issued *issued = &run->issued[i];

        issued->issuer_der = (struct buf)BUF_INIT(API_CERTIFICATE_MAX);
        run->issued_count = i + 1;
        if (!issued_read(&answer->certificate[i], issued, err) ||
            !ca_client_issuer(ca, issued->issuer, &issued->issuer_der, err))
            return false;
    }
    if (memcmp(run->issued[0].spki_sha256, wanted, HASH_LEN) != 0)
        return error_set(err, ERROR_INTERNAL,
                         "the CA's certificate is for another key than the "
                         "request");
    /* What files are encrypted to never signs. */
    return count == 1 ||
           memcmp(run->issued[1].spki_sha256, wanted, HASH_LEN) != 0 ||
           error_set(err, ERROR_INTERNAL,
                     "both of the CA's certificates are for the same key");
}

/* ---- What an answer does ---------------------------------------------------
 */

/* Whose handler is the one of record of a new certificate: the reviewed one of
 * the case. A renewal is reviewed by nobody: it keeps the old one, unless the
 * new one was confirmed by a code to the old number (1.8 #13). */
static bool
handler_of(struct db *db, const struct db_case *row, int64_t at,
           char out[DB_CASE_NUMBER_MAX + 1], struct error *err)
{
    struct db_case_facts facts;

    snprintf(out, DB_CASE_NUMBER_MAX + 1, "%s", row->number);
    if (strcmp(row->business, "renew") != 0)
        return true;
    if (!db_case_facts(db, row->number, at, &facts, err))
        return false;
    if (!facts.is_handler_confirmed)
        snprintf(out, DB_CASE_NUMBER_MAX + 1, "%s", facts.handler_case);
    return true;
}

static bool
issued_store(struct db *db, const struct answer_run *run,
             const struct db_case *row, struct error *err)
{
    char handler[DB_CASE_NUMBER_MAX + 1];

    if (!handler_of(db, row, run->at, handler, err))
        return false;
    for (size_t i = 0; i < run->issued_count; i++) {
        const struct issued *issued = &run->issued[i];
        struct db_holder holder = {
            .issuer = issued->issuer,
            .serial = issued->serial,
            .pair = (int)i + 1,
            .number = row->number,
            .account = row->account,
            .device = row->device,
            .der = issued->der,
            .der_len = issued->der_len,
            .issuer_der = issued->issuer_der.data,
            .issuer_der_len = issued->issuer_der.len,
            .spki_sha256 = issued->spki_sha256,
            .not_before = issued->not_before,
            .not_after = issued->not_after,
            .handler_case = handler[0] == '\0' ? NULL : handler,
        };

        if (!db_holder_add(db, &holder, run->at, err))
            return false;
    }
    return true;
}

/* The reason that the order gave. */
static const char *
reason_of(const json_t *envelope)
{
    const json_t *order = json_object_get(envelope, "order");
    const json_t *fate = json_object_get(order, "predecessor_fate");

    return json_string_value(
        json_object_get(fate != NULL ? fate : order, "reason"));
}

static bool
changes_store(struct db *db, const struct answer_run *run, struct error *err)
{
    for (size_t i = 0; i < run->answer->change_count; i++) {
        const struct api_answer_change *change = &run->answer->change[i];
        bool is_revoked = strcmp(change->state, "revoked") == 0;

        if (!db_holder_change(db, change->issuer, change->serial, change->state,
                              is_revoked ? reason_of(run->envelope) : NULL,
                              run->at, err) ||
            (is_revoked &&
             !db_seal_end(db, change->issuer, change->serial, run->at, err)))
            return false;
    }
    return true;
}

/* The holder learns that a certificate is held, no longer, or revoked. */
static bool
tell(struct db *db, const struct answer_run *run, const struct db_case *row,
     const char *event, struct error *err)
{
    char serial[2 * API_SERIAL_LEN + 1] = "";
    json_t *values = json_object();
    bool ok;

    /* Of the two halves that moved, the one that the case is about. */
    if (row->predecessor_serial != NULL)
        text_hex(row->predecessor_serial, API_SERIAL_LEN, serial);
    else if (run->answer->change_count > 0)
        text_hex(run->answer->change[0].serial, API_SERIAL_LEN, serial);
    json_set_text(values, "serial", serial);
    json_set_text(values, "not_after", "");
    json_set_text(values, "days", "");
    ok = case_tell(run->business, db, row, event, run->order->order_id, values,
                   run->at, err);
    json_decref(values);
    return ok;
}

/* What is told of an order that moves no case. */
static bool
note(struct db *db, const struct answer_run *run, const struct db_case *row,
     struct error *err)
{
    static const struct {
        const char *purpose;
        const char *event;
    } events[] = {
        {"hold", "certificate-held"},
        {"release", "certificate-released"},
        {"supersede", "certificate-superseded"},
    };
    const char *event = "order-refused";
    json_t *detail = json_object();
    bool ok;

    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (run->is_done && strcmp(events[i].purpose, run->order->purpose) == 0)
            event = events[i].event;
    json_set_text(detail, "order_id", run->order->order_id);
    json_set_text(detail, "purpose", run->order->purpose);
    if (!run->is_done)
        json_set_text(detail, "problem", run->problem);
    ok = case_note(db, row, event, "signet-ra", detail, run->at, err) &&
         (!run->is_done || tell(db, run, row, event, err));
    json_decref(detail);
    return ok;
}

static bool
step(struct db *db, const struct answer_run *run, const struct db_case *row,
     struct error *err)
{
    struct case_act act = {.number = row->number,
                           .event = run->is_done ? CASE_ISSUE : CASE_REFUSE,
                           .who = CASE_BY_SYSTEM,
                           .actor = "signet-ra",
                           .remark = run->problem,
                           .at = run->at};

    /* It moves no case that issues, and holds none up. */
    if (strcmp(run->order->purpose, "recover") == 0)
        return run->is_done
                   ? old_keys_heard(run->business, db, row,
                                    run->order->order_id, run->answer->recovery,
                                    run->at, err)
                   : old_keys_refused(run->business, db, row,
                                      run->order->order_id, run->problem,
                                      run->at, err);
    if (strcmp(run->order->purpose, "issue") == 0 ||
        strcmp(run->order->purpose, "revoke") == 0)
        return case_apply_within(run->business, db, &act, NULL, err) &&
               (run->answer->change_count == 0 ||
                tell(db, run, row, "certificate-revoked", err));
    return note(db, run, row, err);
}

static bool
answer_run(struct db *db, void *arg, struct error *err)
{
    const struct answer_run *run = arg;
    struct db_case row = {0};
    bool is_ours = false;
    /* The case's row first: everybody takes it before the order's. */
    bool ok = db_case_get(db, run->order->number, true, &row, err) &&
              db_corder_done(db, run->order->order_id,
                             run->is_done ? "done" : "refused", run->problem,
                             run->at, &is_ours, err);

    /* Otherwise another sender was there first, with the same answer. */
    if (ok && is_ours)
        ok = (!run->is_done || (issued_store(db, run, &row, err) &&
                                changes_store(db, run, err))) &&
             step(db, run, &row, err);
    db_case_clear(&row);
    return ok;
}

/* ---- Sending ---------------------------------------------------------------
 */

static bool
put_off(struct db *db, const struct db_case_order *order,
        const struct error *why, int64_t now, struct error *err)
{
    char problem[PROBLEM_MAX];

    log_failure("order.unanswered", why);
    snprintf(problem, sizeof problem, "%.*s", PROBLEM_MAX - 1, why->what);
    return db_corder_put_off(
        db, order->order_id, problem,
        now + clock_backoff_s(order->send_count, WAIT_S, WAIT_MAX_S), err);
}

static bool
send_one(struct ra_job *job, const struct db_case_order *order, int64_t now,
         struct error *err)
{
    char problem[PROBLEM_MAX];
    struct answer_run run = {
        .business = job->business, .order = order, .at = now};
    struct api_answer answer = {0};
    struct error trouble = {0};
    enum ca_outcome outcome = CA_PENDING;
    json_t *envelope = NULL;
    bool ok;

    if (json_parse_object(order->envelope, order->envelope_len, &envelope,
                          &trouble))
        outcome = ca_client_send(job->ca, envelope, order->order_id, &answer,
                                 &trouble);
    run.envelope = envelope;
    run.answer = &answer;
    run.is_done = outcome == CA_DONE;
    if (outcome == CA_REFUSED) {
        snprintf(problem, sizeof problem, "%.*s", PROBLEM_MAX - 1,
                 trouble.what);
        run.problem = problem;
        log_failure("order.refused", &trouble);
    }
    if (outcome == CA_DONE && strcmp(order->purpose, "issue") == 0 &&
        !issued_check(job->ca, &answer, &run, &trouble))
        outcome = CA_PENDING; /* the CA will say the same again */
    if (outcome == CA_DONE && strcmp(order->purpose, "recover") == 0 &&
        answer.recovery == NULL) {
        error_set(&trouble, ERROR_INTERNAL, "an answer without recovery");
        outcome = CA_PENDING;
    }
    if (outcome != CA_PENDING &&
        !db_transaction(job->db, answer_run, &run, &trouble))
        outcome = CA_PENDING;
    ok = outcome != CA_PENDING || put_off(job->db, order, &trouble, now, err);
    for (size_t i = 0; i < run.issued_count; i++)
        buf_clear(&run.issued[i].issuer_der);
    api_answer_clear(&answer);
    json_decref(envelope);
    return ok;
}

bool
case_send_job(struct ra_job *job, int64_t now, struct error *err)
{
    for (int i = 0; i < ROUND_MAX; i++) {
        struct db_case_order order;
        bool found;
        bool ok;

        if (!db_corder_claim(job->db, now, now + CLAIM_S, &found, &order, err))
            return false;
        if (!found)
            break;
        if (order.send_count > 1)
            metric_add(&sent_again, 1);
        ok = send_one(job, &order, now, err);
        db_corder_clear(&order);
        if (!ok)
            return false;
    }
    return true;
}
