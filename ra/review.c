/* Decisions on applications: ra/review.h. */
#include "ra/review.h"

#include <string.h>
#include <strings.h>

#include <openssl/x509.h>

static const char *const verdict_names[REVIEW_VERDICT_COUNT] = {
    [REVIEW_APPROVE] = "approve",
    [REVIEW_RETURN] = "return",
    [REVIEW_REJECT] = "reject",
};

/* Who takes which step, and what approval at it means. */
static const struct {
    enum api_step step;
    enum api_role role;
    enum application_actor actor;
    enum application_event event;
} steps[] = {
    {API_STEP_ENTRY, API_ROLE_INTAKE_CLERK, APPLICATION_BY_INTAKE_CLERK,
     APPLICATION_ENTER},
    {API_STEP_FIRST_REVIEW, API_ROLE_FIRST_REVIEWER,
     APPLICATION_BY_FIRST_REVIEWER, APPLICATION_PASS_FIRST},
    {API_STEP_SECOND_REVIEW, API_ROLE_SECOND_REVIEWER,
     APPLICATION_BY_SECOND_REVIEWER, APPLICATION_PASS_SECOND},
};

enum { STEP_COUNT = sizeof steps / sizeof steps[0] };

const char *
review_verdict_name(enum review_verdict verdict)
{
    return verdict_names[verdict];
}

/* Index into steps; STEP_COUNT for a step that applications do not have. */
static size_t
step_find(enum api_step step)
{
    size_t i = 0;

    while (i < STEP_COUNT && steps[i].step != step)
        i++;
    return i;
}

static bool
verdict_parse(const json_t *object, struct review_decision *out,
              struct error *err)
{
    const char *verdict;
    const char *remark;
    size_t count = 0;
    int i = 0;

    if (!json_get_text(object, "verdict", 16, &verdict, err) ||
        !json_find_text(object, "remark", REVIEW_REMARK_MAX, &remark, err))
        return false;
    while (i < REVIEW_VERDICT_COUNT && strcmp(verdict_names[i], verdict) != 0)
        i++;
    if (i == REVIEW_VERDICT_COUNT)
        return error_set(err, ERROR_INPUT,
                         "verdict: approve, return or reject");
    out->verdict = (enum review_verdict)i;
    if (out->verdict == REVIEW_APPROVE && remark != NULL)
        return error_set(err, ERROR_INPUT, "remark: an approval has none");
    if (out->verdict != REVIEW_APPROVE &&
        (remark == NULL || !text_utf8(remark, strlen(remark), &count) ||
         count == 0))
        return error_set(err, ERROR_INPUT,
                         "remark: the applicant must learn why");
    if (remark != NULL)
        memcpy(out->remark, remark, strlen(remark) + 1);
    return true;
}

bool
review_decision_parse(const json_t *object, struct review_decision *out,
                      struct error *err)
{
    json_t *approval = json_copy((json_t *)object); /* shallow */
    bool ok = false;

    memset(out, 0, sizeof *out);
    if (!verdict_parse(object, out, err))
        goto out;
    /* Everything else is one and the same in all verdicts: read in one way. */
    json_object_del(approval, "remark");
    json_set_text(approval, "verdict", verdict_names[REVIEW_APPROVE]);
    if (!api_decision_parse(approval, &out->signed_part, err))
        goto out;
    if (step_find(out->signed_part.step) == STEP_COUNT) {
        error_set(err, ERROR_INPUT,
                  "step: entry, first-review or "
                  "second-review");
        goto out;
    }
    ok = true;
out:
    json_decref(approval);
    return ok;
}

json_t *
review_decision_json(const struct review_decision *decision)
{
    json_t *object = api_decision_json(&decision->signed_part);

    json_set_text(object, "verdict", verdict_names[decision->verdict]);
    if (decision->verdict != REVIEW_APPROVE)
        json_set_text(object, "remark", decision->remark);
    return object;
}

bool
review_statement_encode(const struct review_decision *decision,
                        const char *order_id, const uint8_t digest[32],
                        struct buf *out, struct error *err)
{
    const struct api_decision *part = &decision->signed_part;
    json_t *json;
    bool ok;

    if (decision->verdict == REVIEW_APPROVE)
        return api_statement_encode(part, order_id, digest, out, err);
    json = json_object();
    json_set_time(json, "decided_at", part->decided_at);
    json_set_hex(json, "digest", digest, 32);
    json_set_text(json, "officer_id", part->officer_id);
    json_set_text(json, "order_id", order_id);
    json_set_text(json, "remark", decision->remark);
    json_set_text(json, "step", api_step_name(part->step));
    json_set_text(json, "verdict", verdict_names[decision->verdict]);
    ok = json_canonical(json, out, err);
    json_decref(json);
    return ok;
}

/* The digest that goes with a key (docs/architecture.md, "The decision").
 * False for a key that officers do not have. */
static bool
digest_of_key(const EVP_PKEY *key, const char **name)
{
    if (EVP_PKEY_is_a(key, "ED25519"))
        *name = NULL; /* hashes by itself */
    else if (EVP_PKEY_is_a(key, "RSA"))
        *name = "SHA256";
    else if (EVP_PKEY_is_a(key, "EC"))
        *name = EVP_PKEY_get_bits(key) > 256 ? "SHA384" : "SHA256";
    else
        return false;
    return true;
}

bool
review_decision_sign(struct review_decision *decision, const char *order_id,
                     const uint8_t digest[32], const uint8_t *certificate,
                     size_t certificate_len, EVP_PKEY *key, struct error *err)
{
    struct api_decision *part = &decision->signed_part;
    struct buf statement = BUF_INIT(4096);
    EVP_MD_CTX *md = NULL;
    const char *name;
    size_t len = sizeof part->signature;
    bool ok = false;

    if (decision->verdict == REVIEW_APPROVE)
        return api_decision_sign(part, order_id, digest, certificate,
                                 certificate_len, key, err);
    if (!digest_of_key(key, &name))
        return error_set(err, ERROR_INPUT, "no key of an officer");
    if (!review_statement_encode(decision, order_id, digest, &statement, err))
        goto out;
    md = EVP_MD_CTX_new();
    if (md == NULL ||
        EVP_Q_digest(NULL, "SHA256", NULL, certificate, certificate_len,
                     part->credential_id, NULL) != 1 ||
        EVP_DigestSignInit_ex(md, NULL, name, NULL, NULL, key, NULL) != 1 ||
        EVP_DigestSign(md, part->signature, &len, statement.data,
                       statement.len) != 1) {
        error_openssl(err, ERROR_INTERNAL, "signature of a decision");
        goto out;
    }
    part->signature_len = len;
    ok = true;
out:
    EVP_MD_CTX_free(md);
    buf_clear(&statement);
    return ok;
}

bool
review_signature_verify(const struct review_decision *decision,
                        const struct buf *statement, const uint8_t *certificate,
                        size_t certificate_len, struct error *err)
{
    const struct api_decision *part = &decision->signed_part;
    const unsigned char *p = certificate;
    X509 *x509 = d2i_X509(NULL, &p, (long)certificate_len);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY *key; /* borrowed from x509 */
    const char *name;
    bool ok = false;

    if (x509 == NULL || md == NULL || p != certificate + certificate_len ||
        (key = X509_get0_pubkey(x509)) == NULL || !digest_of_key(key, &name) ||
        EVP_DigestVerifyInit_ex(md, NULL, name, NULL, NULL, key, NULL) != 1) {
        error_openssl(err, ERROR_DENIED, "no usable key in the credential");
        goto out;
    }
    if (EVP_DigestVerify(md, part->signature, part->signature_len,
                         statement->data, statement->len) != 1) {
        error_openssl(err, ERROR_DENIED,
                      "the signature is not the officer's over this decision");
        goto out;
    }
    ok = true;
out:
    EVP_MD_CTX_free(md);
    X509_free(x509);
    return ok;
}

static bool
signer_check(const struct review_decision *decision,
             const struct review_officer *officer, int64_t now,
             struct error *err)
{
    const struct api_decision *part = &decision->signed_part;
    size_t at = step_find(part->step);

    if (strcmp(part->officer_id, officer->officer_id) != 0 ||
        memcmp(part->credential_id, officer->credential_id, 32) != 0)
        return error_set(err, ERROR_DENIED,
                         "decisions are sent by the officer who made them");
    if (!officer->is_active || !officer->is_credential_active ||
        now < officer->not_before || now > officer->not_after ||
        part->decided_at < officer->not_before ||
        part->decided_at > officer->not_after)
        return error_set(err, ERROR_DENIED,
                         "officer or credential is not active");
    if (at == STEP_COUNT || !officer->has_role[steps[at].role])
        return error_set(
            err, ERROR_DENIED, "step %s is for a %s", api_step_name(part->step),
            at == STEP_COUNT ? "nobody" : api_role_name(steps[at].role));
    if (part->decided_at > now + REVIEW_CLOCK_TOLERANCE_S ||
        part->decided_at < now - REVIEW_DECISION_AGE_MAX_S)
        return error_set(err, ERROR_DENIED,
                         "decided_at: in the future, or over 30 days ago");
    return true;
}

/* The last digit of GB 11643 is written x and X; signet-ca compares alike. */
static bool
is_same_person(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

bool
review_officer_check(const struct review_decision *decision,
                     const struct review_officer *officer,
                     const char *applicant_person,
                     const struct review_earlier *earlier, int64_t now,
                     struct error *err)
{
    if (!signer_check(decision, officer, now, err))
        return false;
    if (is_same_person(officer->person, applicant_person))
        return error_set(err, ERROR_DENIED,
                         "nobody decides on their own application");
    for (size_t i = 0; i < earlier->count; i++) {
        if (is_same_person(earlier->at[i].person, officer->person))
            return error_set(err, ERROR_DENIED,
                             "this person already took the step %s",
                             earlier->at[i].step);
        if (decision->verdict == REVIEW_APPROVE &&
            earlier->at[i].decided_at < now - REVIEW_DECISION_AGE_MAX_S)
            return error_set(err, ERROR_CONFLICT,
                             "the step %s was taken over 30 days ago: return "
                             "the application and begin anew",
                             earlier->at[i].step);
    }
    return true;
}

bool
review_transition_get(const struct review_decision *decision,
                      enum application_state from,
                      const struct application_transition **out,
                      struct error *err)
{
    size_t at = step_find(decision->signed_part.step);
    enum application_event event = decision->verdict == REVIEW_RETURN
                                       ? APPLICATION_RETURN
                                       : APPLICATION_REJECT;

    if (at == STEP_COUNT)
        return error_set(err, ERROR_INPUT, "no step of an application");
    if (decision->verdict == REVIEW_APPROVE)
        event = steps[at].event;
    return application_transition_get(from, event, steps[at].actor, out, err);
}
