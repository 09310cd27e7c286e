/*
 * The dry run of a ceremony: everything is built with throw-away keys of the
 * same types and linted; nothing is signed with a key that stays.
 */
#include "ca-core/ceremony_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ca-core/ocsp_signer.h"

enum { STAND_IN_YEARS = 40 };

/* An authority as if its certificate were there. */
struct stand_in {
    const char *name;
    struct buf subject, spki;
    struct certify_issuer issuer;
};

struct check {
    const struct ceremony *plan;
    const struct profile_set *profiles;
    const char *publish_url;
    int64_t now;
    struct buf *report;
    struct stand_in authority[CEREMONY_AUTHORITIES_MAX];
    struct stand_in other; /* for those of the database, one at a time */
};

static struct certify_request
request_of(const struct check *check, const struct profile *profile)
{
    return (struct certify_request){
        .order_id = check->plan->id,
        .profile = profile,
        .publish_url = check->publish_url,
        .now = check->now,
    };
}

static bool
soft_spki(enum hsm_key_type type, struct buf *out, struct error *err)
{
    EVP_PKEY *key = NULL;
    bool ok;

    out->limit = HSM_SPKI_MAX;
    ok = ceremony_soft_key(type, &key, err) && ceremony_spki(key, out, err);
    EVP_PKEY_free(key);
    return ok;
}

static bool
stand_in(struct stand_in *out, const char *name,
         const struct api_subject *subject, enum hsm_key_type type,
         enum hsm_scheme scheme, struct error *err)
{
    out->name = name;
    out->subject.limit = NAME_MAX_LEN;
    if (!soft_spki(type, &out->spki, err) ||
        !name_encode(subject, &out->subject, err))
        return false;
    out->issuer.name = name;
    out->issuer.subject = (struct der){out->subject.data, out->subject.len};
    out->issuer.scheme = scheme;
    out->issuer.not_after = INT64_MAX;
    return public_key_id((struct der){out->spki.data, out->spki.len},
                         out->issuer.key_id, err);
}

static void
stand_in_clear(struct stand_in *s)
{
    buf_clear(&s->subject);
    buf_clear(&s->spki);
}

/* The issuer by name; one that is not of this file is made up. */
static bool
find_issuer(struct check *check, const char *name,
            const struct certify_issuer **out, struct error *err)
{
    struct api_subject subject = {0};
    size_t i;

    for (i = 0; i < check->plan->authority_count; i++)
        if (check->authority[i].name != NULL &&
            strcmp(check->authority[i].name, name) == 0) {
            *out = &check->authority[i].issuer;
            return true;
        }
    stand_in_clear(&check->other);
    subject.attribute[API_COUNTRY] = "CN";
    subject.attribute[API_ORGANIZATION] = "-";
    subject.attribute[API_COMMON_NAME] = name;
    if (!stand_in(&check->other, name, &subject, HSM_KEY_EC_P256,
                  HSM_ECDSA_SHA256, err))
        return false;
    check->other.issuer.not_after = clock_add_years(check->now, STAND_IN_YEARS);
    *out = &check->other.issuer;
    return true;
}

static void
report(struct check *check, const struct profile *profile, const char *name,
       const char *issuer, enum hsm_key_type type,
       const struct certify_built *built)
{
    char from[CLOCK_TEXT_LEN + 1], to[CLOCK_TEXT_LEN + 1];
    struct buf text = BUF_INIT(4 * NAME_MAX_LEN);
    struct error ignored = {0};

    clock_format(built->period.not_before, from);
    clock_format(built->period.not_after, to);
    if (!name_format((struct der){built->subject.data, built->subject.len},
                     &text, &ignored))
        buf_reset(&text);
    (void)buf_addf(check->report,
                   "certificate %s: %s\n  subject  %s\n  key      %s\n"
                   "  signed by %s, %s to %s\n",
                   name, profile->name, buf_text(&text),
                   hsm_key_type_name(type), issuer, from, to);
    buf_clear(&text);
}

/* ---- Each kind --------------------------------------------------------- */

static bool
check_ocsp_key(struct check *check, struct stand_in *at,
               const struct ceremony_ocsp_key *plan, struct error *err)
{
    const struct profile *profile =
        profile_set_find(check->profiles, "ocsp-signer");
    struct certify_built built = {0};
    struct certify_request request;
    struct buf spki = {0};
    bool ok;

    if (profile == NULL)
        return error_set(err, ERROR_INPUT, "there is no profile ocsp-signer");
    request = request_of(check, profile);
    ok = soft_spki(plan->type, &spki, err);
    request.spki = (struct der){spki.data, spki.len};
    ok = ok && ocsp_signer_build(&at->issuer, &request,
                                 (int64_t)plan->days * 86400, &built, err);
    if (ok)
        report(check, profile, "OCSP signer", at->name, plan->type, &built);
    certify_built_clear(&built);
    buf_clear(&spki);
    return ok || error_wrap(err, "OCSP signer");
}

static bool
check_authority(struct check *check, size_t place, struct error *err)
{
    const struct ceremony_authority *plan = &check->plan->authority[place];
    struct stand_in *at = &check->authority[place];
    struct certify_request request = request_of(check, plan->profile);
    const struct certify_issuer *issuer = &at->issuer;
    struct certify_built built = {0};
    size_t i;
    bool ok;

    ok = stand_in(at, plan->name, &plan->subject, plan->type, plan->scheme,
                  err) &&
         (plan->parent == NULL ||
          find_issuer(check, plan->parent, &issuer, err));
    request.subject = plan->subject;
    request.spki = (struct der){at->spki.data, at->spki.len};
    request.validity = (struct api_validity){API_VALIDITY_YEARS, plan->years};
    ok = ok && certify_build(issuer, &request, &built, err);
    if (ok) {
        at->issuer.not_after = built.period.not_after;
        report(check, plan->profile, plan->name, issuer->name, plan->type,
               &built);
        (void)buf_addf(check->report, "  state    %s%s%s\n",
                       db_issuer_state_name(plan->state),
                       plan->replaces == NULL ? "" : ", in the place of ",
                       plan->replaces == NULL ? "" : plan->replaces);
    }
    for (i = 0; ok && i < plan->ocsp_key_count; i++)
        ok = check_ocsp_key(check, at, &plan->ocsp_key[i], err);
    certify_built_clear(&built);
    return ok || error_wrap(err, "authority %s", plan->name);
}

static bool
check_service(struct check *check, const struct ceremony_service *plan,
              struct error *err)
{
    struct certify_request request = request_of(check, plan->profile);
    const struct certify_issuer *issuer;
    struct certify_built built = {0};
    struct buf spki = {0};
    bool ok;

    ok = find_issuer(check, plan->issuer, &issuer, err) &&
         soft_spki(plan->type, &spki, err);
    request.subject = plan->subject;
    request.spki = (struct der){spki.data, spki.len};
    request.validity = (struct api_validity){API_VALIDITY_DAYS, plan->days};
    request.san = plan->san;
    request.san_count = plan->san_count;
    ok = ok && certify_build(issuer, &request, &built, err);
    if (ok)
        report(check, plan->profile, plan->name, issuer->name, plan->type,
               &built);
    certify_built_clear(&built);
    buf_clear(&spki);
    return ok || error_wrap(err, "service %s", plan->name);
}

static bool
check_officer(struct check *check, const struct ceremony_officer *plan,
              struct error *err)
{
    struct certify_request request = request_of(check, plan->profile);
    const struct certify_issuer *issuer;
    struct certify_built built = {0};
    struct buf spki = BUF_INIT(HSM_SPKI_MAX);
    size_t i;
    bool ok;

    ok = find_issuer(check, plan->issuer, &issuer, err) &&
         (plan->csr != NULL ? ceremony_csr_spki(check->plan, plan, &spki, err)
                            : soft_spki(plan->type, &spki, err));
    request.subject = plan->subject;
    request.spki = (struct der){spki.data, spki.len};
    request.validity = (struct api_validity){API_VALIDITY_DAYS, plan->days};
    ok = ok && certify_build(issuer, &request, &built, err);
    if (ok) {
        report(check, plan->profile, plan->name, issuer->name, plan->type,
               &built);
        (void)buf_addf(check->report, "  officer  %s:", plan->person);
        for (i = 0; i < plan->role_count; i++)
            (void)buf_addf(check->report, " %s", api_role_name(plan->role[i]));
        (void)buf_add_byte(check->report, '\n');
    }
    certify_built_clear(&built);
    buf_clear(&spki);
    return ok || error_wrap(err, "officer %s", plan->name);
}

static bool
check_all(struct check *check, struct error *err)
{
    const struct ceremony *plan = check->plan;
    size_t i;

    (void)buf_addf(check->report, "ceremony %s: %s\n", plan->id, plan->title);
    for (i = 0; i < plan->witness_count; i++)
        (void)buf_addf(check->report, "witness %s: %s\n", plan->witness[i].name,
                       plan->witness[i].role);
    if (plan->has_log_key)
        (void)buf_addf(check->report, "log key %s\n",
                       hsm_key_type_name(plan->log_key_type));
    for (i = 0; i < plan->authority_count; i++)
        if (!check_authority(check, i, err))
            return false;
    for (i = 0; i < plan->service_count; i++)
        if (!check_service(check, &plan->service[i], err))
            return false;
    for (i = 0; i < plan->officer_count; i++)
        if (!check_officer(check, &plan->officer[i], err))
            return false;
    return true;
}

bool
ceremony_check(const struct ceremony *ceremony,
               const struct profile_set *profiles, const char *publish_url,
               int64_t now, struct buf *out, struct error *err)
{
    struct check check = {.plan = ceremony,
                          .profiles = profiles,
                          .publish_url = publish_url,
                          .now = now,
                          .report = out};
    size_t i;
    bool ok = check_all(&check, err);

    for (i = 0; i < CEREMONY_AUTHORITIES_MAX; i++)
        stand_in_clear(&check.authority[i]);
    stand_in_clear(&check.other);
    return ok;
}
