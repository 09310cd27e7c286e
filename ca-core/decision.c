/* Judging decisions; see ca-core/decision.h. */
#include "ca-core/decision.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/x509.h>

#include "base/clock.h"
#include "hsm/scheme.h"

/* ---- What is needed ---------------------------------------------------- */

static const enum api_role step_role[API_STEP_COUNT] = {
    [API_STEP_MAKING] = API_ROLE_MAKER,
    [API_STEP_ENTRY] = API_ROLE_INTAKE_CLERK,
    [API_STEP_FIRST_REVIEW] = API_ROLE_FIRST_REVIEWER,
    [API_STEP_SECOND_REVIEW] = API_ROLE_SECOND_REVIEWER,
    [API_STEP_ADMINISTRATION] = API_ROLE_BUSINESS_ADMINISTRATOR,
    [API_STEP_SECOND_ADMINISTRATION] = API_ROLE_BUSINESS_ADMINISTRATOR,
};

enum {
    REVIEWS = 1 << API_STEP_FIRST_REVIEW | 1 << API_STEP_SECOND_REVIEW,
    ADMINISTRATION =
        1 << API_STEP_ADMINISTRATION | 1 << API_STEP_SECOND_ADMINISTRATION,
    ENTRY = 1 << API_STEP_ENTRY,
};

static bool
is_officers(enum api_kind kind)
{
    return kind == API_ENROLL_OFFICER || kind == API_DISMISS_OFFICER;
}

const char *const *
decision_steps(enum api_kind kind)
{
    static const char *const reviews[] = {"first-review", "second-review",
                                          NULL};
    static const char *const one[] = {"first-review", NULL};
    static const char *const administration[] = {"administration",
                                                 "second-administration", NULL};

    if (is_officers(kind))
        return administration;
    return kind == API_HOLD ? one : reviews;
}

static bool
check_steps(const struct api_envelope *envelope, struct error *err)
{
    enum api_kind kind = envelope->order->kind;
    unsigned needed = is_officers(kind) ? ADMINISTRATION : REVIEWS;
    unsigned allowed = is_officers(kind) ? needed : needed | ENTRY;
    unsigned seen = 0;

    for (size_t i = 0; i < envelope->decision_count; i++) {
        enum api_step step = envelope->decision[i].step;

        if (envelope->decision[i].verdict != API_APPROVE)
            return error_set(err, ERROR_DENIED, "step %s is no approval",
                             api_step_name(step));
        if ((allowed & (1u << step)) == 0)
            return error_set(err, ERROR_DENIED,
                             "an order of kind %s has no step %s",
                             api_kind_name(kind), api_step_name(step));
        if ((seen & (1u << step)) != 0)
            return error_set(err, ERROR_DENIED, "step %s was decided twice",
                             api_step_name(step));
        seen |= 1u << step;
    }
    /* Holding must be quick, and a release undoes it: one reviewer will do. */
    if (kind == API_HOLD && (seen & REVIEWS) != 0)
        return true;
    for (int step = 0; step < API_STEP_COUNT; step++)
        if ((needed & (1u << step)) != 0 && (seen & (1u << step)) == 0)
            return error_set(err, ERROR_DENIED, "step %s is missing",
                             api_step_name((enum api_step)step));
    return true;
}

/* ---- Who decided ------------------------------------------------------- */

/* Whether `roles` ("a,b,c") lists the role. */
static bool
has_role(const char *roles, enum api_role role)
{
    const char *name = api_role_name(role);
    size_t len = strlen(name);

    for (const char *p = roles; *p != '\0';) {
        size_t word = strcspn(p, ",");

        if (word == len && strncmp(p, name, len) == 0)
            return true;
        p += word;
        p += *p == ',';
    }
    return false;
}

static const struct decision_credential *
find_credential(const struct decision_credential *credentials, size_t count,
                const uint8_t id[32])
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(credentials[i].row->credential_id, id, 32) == 0)
            return &credentials[i];
    return NULL;
}

static bool
check_officer(const struct api_decision *decision,
              const struct db_credential *credential, int64_t now,
              int64_t tolerance_s, struct error *err)
{
    const struct db_officer *officer = &credential->officer;

    if (strcmp(officer->officer_id, decision->officer_id) != 0)
        return error_set(err, ERROR_DENIED,
                         "the credential is not officer %s's",
                         decision->officer_id);
    if (!officer->is_active)
        return error_set(err, ERROR_DENIED, "officer %s is dismissed",
                         decision->officer_id);
    if (!credential->is_active)
        return error_set(err, ERROR_DENIED,
                         "the credential of officer %s is revoked",
                         decision->officer_id);
    if (!has_role(officer->roles, step_role[decision->step]))
        return error_set(err, ERROR_DENIED, "officer %s is no %s",
                         decision->officer_id,
                         api_role_name(step_role[decision->step]));
    if (decision->decided_at > now + tolerance_s)
        return error_set(err, ERROR_DENIED, "decided in the future");
    if (decision->decided_at < now - DECISION_AGE_MAX_S)
        return error_set(err, ERROR_DENIED, "decided more than %d days ago",
                         DECISION_AGE_MAX_S / 86400);
    /* Valid when decided, and still now: who may no longer decide may not have
     * an old decision carried out either. */
    if (decision->decided_at < credential->not_before - tolerance_s ||
        decision->decided_at > credential->not_after ||
        now > credential->not_after || now < credential->not_before)
        return error_set(
            err, ERROR_DENIED,
            "the credential of officer %s is not valid then or now",
            decision->officer_id);
    if (decision->decided_at < officer->since - tolerance_s)
        return error_set(err, ERROR_DENIED, "officer %s was not enrolled yet",
                         decision->officer_id);
    return true;
}

bool
decision_same_person(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

/* Nobody decides about themselves. */
static bool
check_interest(const struct api_order *order, const struct db_officer *officer,
               struct error *err)
{
    if (order->person != NULL &&
        decision_same_person(order->person, officer->person))
        return error_set(err, ERROR_DENIED, "the applicant may not decide");
    if (order->kind == API_ENROLL_OFFICER &&
        (decision_same_person(order->officer.person, officer->person) ||
         strcmp(order->officer.officer_id, officer->officer_id) == 0))
        return error_set(err, ERROR_DENIED,
                         "the officer to be enrolled may not decide");
    if (order->kind == API_DISMISS_OFFICER &&
        strcmp(order->officer_id, officer->officer_id) == 0)
        return error_set(err, ERROR_DENIED,
                         "the officer to be dismissed may not decide");
    return true;
}

static bool
check_different(const struct api_envelope *envelope,
                const struct decision_credential *const *by, struct error *err)
{
    for (size_t i = 0; i < envelope->decision_count; i++)
        for (size_t j = 0; j < i; j++)
            /* One human being has one row, but a register may be wrong: the
             * personnel number says who it is. */
            if (strcmp(by[i]->row->officer.officer_id,
                       by[j]->row->officer.officer_id) == 0 ||
                decision_same_person(by[i]->row->officer.person,
                                     by[j]->row->officer.person))
                return error_set(err, ERROR_DENIED,
                                 "one person decided %s and %s",
                                 api_step_name(envelope->decision[j].step),
                                 api_step_name(envelope->decision[i].step));
    return true;
}

/* ---- The signature ----------------------------------------------------- */

static bool
choose_scheme(const EVP_PKEY *key, enum hsm_scheme *out)
{
    if (EVP_PKEY_is_a(key, "EC"))
        *out =
            EVP_PKEY_get_bits(key) > 256 ? HSM_ECDSA_SHA384 : HSM_ECDSA_SHA256;
    else if (EVP_PKEY_is_a(key, "RSA"))
        *out = HSM_RSA_PKCS1_SHA256;
    else if (EVP_PKEY_is_a(key, "ED25519"))
        *out = HSM_ED25519;
    else
        return false;
    return true;
}

bool
decision_check_signature(const struct api_decision *decision,
                         const char *order_id, const uint8_t digest[32],
                         EVP_PKEY *key, struct error *err)
{
    struct buf statement = BUF_INIT(4096);
    enum hsm_scheme scheme;
    bool ok = false;

    if (!choose_scheme(key, &scheme)) {
        error_set(err, ERROR_DENIED, "a credential that cannot sign decisions");
        goto out;
    }
    if (!api_statement_encode(decision, order_id, digest, &statement, err))
        goto out;
    if (!hsm_scheme_verify(scheme, key, statement.data, statement.len,
                           decision->signature, decision->signature_len, err)) {
        error_set(err, ERROR_DENIED,
                  "the signature of step %s is not over this order",
                  api_step_name(decision->step));
        goto out;
    }
    ok = true;
out:
    buf_clear(&statement);
    return ok;
}

bool
decision_judge(const struct api_envelope *envelope, const uint8_t digest[32],
               const struct decision_credential *credentials,
               size_t credential_count, int64_t now, int64_t tolerance_s,
               struct error *err)
{
    const struct decision_credential *by[API_DECISIONS_MAX];
    const struct api_order *order = envelope->order;

    if (!check_steps(envelope, err))
        return false;
    for (size_t i = 0; i < envelope->decision_count; i++) {
        const struct api_decision *decision = &envelope->decision[i];

        by[i] = find_credential(credentials, credential_count,
                                decision->credential_id);
        if (by[i] == NULL)
            return error_set(err, ERROR_DENIED,
                             "step %s: a credential that is not registered",
                             api_step_name(decision->step));
        if (!check_officer(decision, by[i]->row, now, tolerance_s, err) ||
            !check_interest(order, &by[i]->row->officer, err))
            return error_wrap(err, "step %s", api_step_name(decision->step));
    }
    if (!check_different(envelope, by, err))
        return false;
    for (size_t i = 0; i < envelope->decision_count; i++)
        if (!decision_check_signature(&envelope->decision[i], order->order_id,
                                      digest, by[i]->key, err))
            return false;
    return true;
}

/* ---- The register ------------------------------------------------------ */

enum { SLOT_COUNT = 1024 }; /* officers are few; a full slot is replaced */

struct decision_keys {
    struct {
        uint8_t id[32];
        EVP_PKEY *key; /* NULL: free */
    } slot[SLOT_COUNT];
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
        EVP_PKEY_free(keys->slot[i].key);
    free(keys);
}

static bool
read_time(const ASN1_TIME *time, int64_t *out)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    return clock_join(&(struct clock_date){tm.tm_year + 1900, tm.tm_mon + 1,
                                           tm.tm_mday, tm.tm_hour, tm.tm_min,
                                           tm.tm_sec},
                      out);
}

bool
decision_credential_read(const uint8_t *certificate, size_t len, EVP_PKEY **key,
                         uint8_t id[32], int64_t *not_before,
                         int64_t *not_after, struct error *err)
{
    const unsigned char *p = certificate;
    X509 *x509 = d2i_X509(NULL, &p, (long)len);
    EVP_PKEY *got = NULL;
    enum hsm_scheme scheme;
    unsigned id_len = 0;
    bool ok = false;

    if (x509 == NULL || p != certificate + len) {
        error_openssl(err, ERROR_INPUT, "not exactly one certificate");
        goto out;
    }
    got = X509_get_pubkey(x509);
    if (got == NULL || !choose_scheme(got, &scheme)) {
        error_openssl(err, ERROR_INPUT, "no key that signs decisions");
        goto out;
    }
    if (X509_digest(x509, EVP_sha256(), id, &id_len) != 1 || id_len != 32 ||
        !read_time(X509_get0_notBefore(x509), not_before) ||
        !read_time(X509_get0_notAfter(x509), not_after)) {
        error_openssl(err, ERROR_INPUT, "unreadable certificate");
        goto out;
    }
    *key = got;
    got = NULL;
    ok = true;
out:
    EVP_PKEY_free(got);
    X509_free(x509);
    return ok;
}

/* The key of a credential, decoded at its first use. Borrowed from `keys`
 * until the next call. */
static bool
get_key(struct decision_keys *keys, const struct db_credential *row,
        EVP_PKEY **out, struct error *err)
{
    size_t at = ((size_t)row->credential_id[0] << 8 | row->credential_id[1]) %
                SLOT_COUNT;
    int64_t not_before, not_after;
    uint8_t id[32];
    EVP_PKEY *key;

    if (keys->slot[at].key == NULL ||
        memcmp(keys->slot[at].id, row->credential_id, 32) != 0) {
        if (!decision_credential_read(row->public_data, row->public_data_len,
                                      &key, id, &not_before, &not_after, err)) {
            err->code = ERROR_INTERNAL; /* it was judged when enrolled */
            return error_wrap(err, "registered credential");
        }
        /* The identifier is the digest; a row that lies about it would let
         * another key decide. */
        if (memcmp(id, row->credential_id, 32) != 0) {
            EVP_PKEY_free(key);
            return error_set(err, ERROR_INTERNAL,
                             "a credential is not what its identifier says");
        }
        EVP_PKEY_free(keys->slot[at].key);
        keys->slot[at].key = key;
        memcpy(keys->slot[at].id, id, 32);
    }
    *out = keys->slot[at].key;
    return true;
}

void
decision_evidence_clear(struct decision_evidence *evidence)
{
    for (size_t i = 0; i < API_DECISIONS_MAX; i++)
        buf_clear(&evidence->certificate[i]);
}

/* Of decisions that were judged right: each has its credential. */
static void
keep_evidence(const struct api_envelope *envelope,
              const struct decision_credential *credentials, size_t count,
              struct decision_evidence *out)
{
    for (size_t i = 0; i < envelope->decision_count; i++) {
        const struct db_credential *row =
            find_credential(credentials, count,
                            envelope->decision[i].credential_id)
                ->row;

        out->certificate[i].limit = row->public_data_len;
        buf_add(&out->certificate[i], row->public_data, row->public_data_len);
    }
}

bool
decision_verify(struct decision_keys *keys, struct db *db,
                const struct api_envelope *envelope, const uint8_t digest[32],
                int64_t now, int64_t tolerance_s,
                struct decision_evidence *evidence, struct error *err)
{
    struct decision_credential credentials[API_DECISIONS_MAX];
    uint8_t ids[API_DECISIONS_MAX][32];
    struct db_credential *rows = NULL;
    size_t found = 0, held = 0;
    bool ok = false;

    for (size_t i = 0; i < envelope->decision_count; i++)
        memcpy(ids[i], envelope->decision[i].credential_id, 32);
    if (!db_credential_list(db, ids, envelope->decision_count, &rows, &found,
                            err))
        goto out;
    for (; held < found; held++) {
        EVP_PKEY *key;

        if (!get_key(keys, &rows[held], &key, err))
            goto out;
        /* Two credentials may share a slot: each judgement owns its keys. */
        if (EVP_PKEY_up_ref(key) != 1)
            abort();
        credentials[held] = (struct decision_credential){&rows[held], key};
    }
    ok = decision_judge(envelope, digest, credentials, found, now, tolerance_s,
                        err);
    if (ok)
        keep_evidence(envelope, credentials, found, evidence);
out:
    for (size_t i = 0; i < held; i++)
        EVP_PKEY_free(credentials[i].key);
    db_credentials_free(rows, found);
    return ok;
}
