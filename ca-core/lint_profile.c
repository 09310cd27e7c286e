/*
 * A certificate against its profile and its issuer: exactly the extensions that
 * the profile says, a subject, a key and a period that it allows, a name and a
 * key identifier that chain.
 */
#include <stdio.h>
#include <string.h>

#include "ca-core/lint_rules.h"

enum { DAY_S = 86400 };

/* "profile NAME", the clause of what follows. */
struct clause {
    char text[LINT_CLAUSE_MAX];
};

static struct clause
clause_of(const struct profile *profile)
{
    struct clause clause;

    (void)snprintf(clause.text, sizeof clause.text, "profile %.38s",
                   profile->name);
    return clause;
}

static const struct lint_extension *
organization_code(const struct lint_view *view, const struct profile *profile)
{
    struct der oid = {profile->organization_code.oid.octet,
                      profile->organization_code.oid.len};

    for (size_t i = 0; i < view->extension_count; i++)
        if (oid.len > 0 && der_equal(view->extension[i].oid, oid))
            return &view->extension[i];
    return NULL;
}

/* What is there and the profile does not have. */
static void
check_surplus(struct lint_view *view, const struct profile *profile)
{
    struct clause clause = clause_of(profile);

    for (size_t i = 0; i < view->extension_count; i++) {
        const struct lint_extension *e = &view->extension[i];
        enum extension_id id = EXTENSION_ORGANIZATION_CODE;

        if (e != organization_code(view, profile) &&
            !extension_find(e->oid, &id)) {
            lint_find(view, clause.text, "an extension that it does not know");
            continue;
        }
        if (!profile->has[id])
            lint_find(view, clause.text, "it has no %s", extension_name(id));
        else if (profile->is_critical[id] != e->is_critical)
            lint_find(view, clause.text, "%s should %sbe critical",
                      extension_name(id), e->is_critical ? "not " : "");
    }
}

/* What the profile has and is not there; names and code depend on the order. */
static void
check_missing(struct lint_view *view, const struct profile *profile)
{
    struct clause clause = clause_of(profile);

    for (unsigned i = 0; i < EXTENSION_ID_COUNT; i++)
        if (profile->has[i] && i != EXTENSION_ORGANIZATION_CODE &&
            i != EXTENSION_SUBJECT_ALTERNATIVE_NAME &&
            lint_extension_find(view, (enum extension_id)i) == NULL)
            lint_find(view, clause.text, "%s is missing",
                      extension_name((enum extension_id)i));
}

static void
check_subject(struct lint_view *view, const struct profile *profile)
{
    struct clause clause = clause_of(profile);
    struct buf storage = BUF_INIT(NAME_MAX_LEN);
    struct api_subject subject, applied;
    struct error why = {0};

    if (!name_parse(view->subject, &subject, &storage, &why) ||
        !profile_apply_subject(profile, &subject, &applied, &why)) {
        lint_find(view, clause.text, "%s", why.what);
    } else {
        /* Applying fills in fixed values, which must have been there. */
        for (unsigned i = 0; i < API_ATTRIBUTE_COUNT; i++)
            if (applied.attribute[i] != NULL && subject.attribute[i] == NULL)
                lint_find(view, clause.text, "the subject lacks %s",
                          api_attribute_name((enum api_attribute)i));
    }
    buf_clear(&storage);
}

static void
check_alternative_names(struct lint_view *view, const struct profile *profile)
{
    struct clause clause = clause_of(profile);
    struct buf storage = BUF_INIT(65536);
    struct api_san san[API_SANS_MAX];
    struct error why = {0};
    size_t count, before = view->findings->count;

    count = lint_alternative_names(view, san, API_SANS_MAX, &storage);
    view->findings->count = before; /* told by lint_extensions() */
    if (!profile_check_san(profile, san, count, &why))
        lint_find(view, clause.text, "%s", why.what);
    buf_clear(&storage);
}

static void
check_organization_code(struct lint_view *view, const struct profile *profile)
{
    struct clause clause = clause_of(profile);
    const struct lint_extension *e = organization_code(view, profile);
    char text[ORGANIZATION_CODE_MAX + 1];
    const char *code = NULL;
    struct error why = {0};
    struct der in, value;

    if (e != NULL) {
        in = e->value;
        if (!der_take(&in, profile->organization_code.tag, &value) ||
            in.len != 0 || value.len >= sizeof text) {
            lint_find(view, clause.text, "organizationCode is malformed");
            return;
        }
        memcpy(text, value.data, value.len);
        text[value.len] = '\0';
        code = text;
    }
    if (!profile_check_organization_code(profile, code, &why))
        lint_find(view, clause.text, "%s", why.what);
}

static void
check_key(struct lint_view *view, const struct profile *profile)
{
    struct clause clause = clause_of(profile);
    uint8_t id[PUBLIC_KEY_ID_LEN];
    struct error why = {0};

    if (!view->has_key)
        return; /* told by lint_fields() */
    if (!profile_check_key(profile, view->key.type, &why))
        lint_find(view, clause.text, "%s", why.what);
    if (view->key_usage != profile->key_usage[profile_family(view->key.type)])
        lint_find(view, clause.text, "other usages than it gives to %s keys",
                  hsm_key_type_name(view->key.type));
    if (profile->has[EXTENSION_SUBJECT_KEY_IDENTIFIER] &&
        (!public_key_id(view->spki, id, NULL) ||
         !der_equal(view->subject_key_id, (struct der){id, sizeof id})))
        lint_find(view, "RFC 7093, 2",
                  "subjectKeyIdentifier is not of this key");
}

static void
check_authority(struct lint_view *view, const struct profile *profile)
{
    struct clause clause = clause_of(profile);
    bool is_self = der_equal(view->issuer, view->subject);

    if (view->is_ca != profile->is_ca)
        lint_find(view, clause.text, "it is %sfor CAs",
                  profile->is_ca ? "" : "not ");
    if (view->path_len != profile->path_len)
        lint_find(view, clause.text, "another path length");
    if (profile->issuer == PROFILE_ISSUER_SELF && !is_self)
        lint_find(view, clause.text, "not self-signed");
    if (view->has_ocsp_url != profile->has_ocsp_url ||
        view->has_ca_issuers_url != profile->has_ca_issuers_url)
        lint_find(view, clause.text, "other methods in authorityInfoAccess");
}

static void
check_purposes(struct lint_view *view, const struct profile *profile)
{
    struct clause clause = clause_of(profile);
    bool is_same = view->purpose_count == profile->purpose_count;

    for (size_t i = 0; is_same && i < profile->purpose_count; i++)
        is_same =
            der_equal(view->purpose[i], (struct der){profile->purpose[i].octet,
                                                     profile->purpose[i].len});
    if (!is_same)
        lint_find(view, clause.text, "other purposes");
}

static void
check_period(struct lint_view *view, const struct profile *profile)
{
    struct clause clause = clause_of(profile);

    if (view->period.not_after + 1 - view->period.not_before >
        (int64_t)profile->validity.max_days * DAY_S)
        lint_find(view, clause.text, "valid for more than %d days",
                  profile->validity.max_days);
}

void
lint_conformance(struct lint_view *view, const struct profile *profile)
{
    check_surplus(view, profile);
    check_missing(view, profile);
    check_subject(view, profile);
    check_alternative_names(view, profile);
    check_organization_code(view, profile);
    check_key(view, profile);
    check_authority(view, profile);
    check_purposes(view, profile);
    check_period(view, profile);
}

void
lint_chaining(struct lint_view *view, const struct lint_issuer *issuer)
{
    if (!der_equal(view->issuer, issuer->subject))
        lint_find(view, "RFC 5280, 4.1.2.4",
                  "the issuer's name is not the name of the issuer");
    if (view->authority_key_id.data != NULL &&
        !der_equal(view->authority_key_id, issuer->key_id))
        lint_find(view, "RFC 5280, 4.2.1.1",
                  "authorityKeyIdentifier is not the issuer's key");
    if (view->period.not_after > issuer->not_after)
        lint_find(view, "RFC 5280, 6.1.3", "it outlives its issuer");
}
