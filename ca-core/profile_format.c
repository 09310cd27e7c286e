/* A profile in words, for people; see ca-core/profile.h. */
#include "ca-core/profile.h"

#include "ca-core/usage.h"

static void
format_subject(const struct profile *profile, struct buf *out)
{
    static const char *const presences[] = {
        [PROFILE_OPTIONAL] = "optional",
        [PROFILE_REQUIRED] = "required",
        [PROFILE_FIXED] = "fixed",
    };

    for (unsigned i = 0; i < API_ATTRIBUTE_COUNT; i++) {
        const struct profile_attribute *rule = &profile->subject[i];

        if (rule->presence == PROFILE_FORBIDDEN)
            continue;
        (void)buf_addf(out, "subject   %-24s %s",
                       api_attribute_name((enum api_attribute)i),
                       presences[rule->presence]);
        if (rule->value != NULL)
            (void)buf_addf(out, " \"%s\"\n", rule->value);
        else
            (void)buf_addf(out, ", at most %zu characters\n", rule->max);
    }
}

static void
format_validity(const struct profile *profile, struct buf *out)
{
    const struct validity_limits *limits = &profile->validity;

    for (unsigned i = 0; i < VALIDITY_RULE_COUNT; i++) {
        if (!limits->rule[i].is_allowed)
            continue;
        (void)buf_addf(out, "validity  %s",
                       validity_rule_name((enum api_validity_rule)i));
        if (limits->rule[i].max > 0)
            (void)buf_addf(out, " %d to %d", limits->rule[i].min,
                           limits->rule[i].max);
        if (i == API_VALIDITY_EXTEND)
            (void)buf_addf(out, ", in the last %d days",
                           limits->extend_window_days);
        (void)buf_add_byte(out, '\n');
    }
    (void)buf_addf(out,
                   "validity  at most %d days; begins %d s earlier; past the "
                   "issuer's end: %s\n",
                   limits->max_days, limits->backdate_s,
                   limits->is_cut_at_issuer ? "cut" : "refused");
}

static void
format_oid(const struct profile_oid *oid, struct buf *out)
{
    char dotted[128];
    enum purpose purpose;

    if (purpose_of((struct der){oid->octet, oid->len}, &purpose)) {
        (void)buf_addf(out, " %s", purpose_name(purpose));
        return;
    }
    if (der_oid_format(oid->octet, oid->len, dotted, sizeof dotted))
        (void)buf_addf(out, " %s", dotted);
}

static void
format_usage(const struct profile *profile, struct buf *out)
{
    static const char *const families[] = {"rsa", "ec", "ed25519"};

    for (unsigned i = 0; i < PROFILE_FAMILY_COUNT; i++) {
        if (profile->key_usage[i] == 0)
            continue;
        (void)buf_addf(out, " [%s:", families[i]);
        for (unsigned bit = 0; bit < KEY_USAGE_COUNT; bit++)
            if ((profile->key_usage[i] >> bit & 1) != 0)
                (void)buf_addf(out, " %s", key_usage_name(bit));
        (void)buf_add_byte(out, ']');
    }
}

static void
format_extension(const struct profile *profile, enum extension_id id,
                 struct buf *out)
{
    (void)buf_addf(out, "extension %s%s", extension_name(id),
                   profile->is_critical[id] ? ", critical:" : ":");
    switch (id) {
    case EXTENSION_BASIC_CONSTRAINTS:
        (void)buf_addf(out, " CA");
        if (profile->path_len >= 0)
            (void)buf_addf(out, ", path length %d", profile->path_len);
        break;
    case EXTENSION_KEY_USAGE:
        format_usage(profile, out);
        break;
    case EXTENSION_EXTENDED_KEY_USAGE:
        for (size_t i = 0; i < profile->purpose_count; i++)
            format_oid(&profile->purpose[i], out);
        break;
    case EXTENSION_CERTIFICATE_POLICIES:
        for (size_t i = 0; i < profile->policy_count; i++)
            format_oid(&profile->policy[i].oid, out);
        break;
    case EXTENSION_ORGANIZATION_CODE:
        format_oid(&profile->organization_code.oid, out);
        break;
    case EXTENSION_SUBJECT_ALTERNATIVE_NAME:
        for (unsigned i = 0; i < SAN_TYPE_COUNT; i++)
            if (profile->san[i].max > 0)
                (void)buf_addf(out, " %s (%s, up to %zu)",
                               san_type_name((enum api_san_type)i),
                               profile->san[i].presence == PROFILE_REQUIRED
                                   ? "required"
                                   : "optional",
                               profile->san[i].max);
        break;
    case EXTENSION_AUTHORITY_INFORMATION_ACCESS:
        (void)buf_addf(out, "%s%s", profile->has_ocsp_url ? " OCSP" : "",
                       profile->has_ca_issuers_url ? " caIssuers" : "");
        break;
    default:
        (void)buf_addf(out, " yes");
        break;
    }
    (void)buf_add_byte(out, '\n');
}

void
profile_format(const struct profile *profile, struct buf *out)
{
    static const char *const orderers[] = {"officers:", "a ceremony",
                                           "signet-ca itself"};
    static const char *const issuers[] = {"itself", "a root", "an issuing CA",
                                          "a root or an issuing CA"};

    (void)buf_addf(out, "profile   %s\ntitle     %s\ntitle     %s\n",
                   profile->name, profile->title_en, profile->title_zh);
    (void)buf_addf(out, "ordered   by %s", orderers[profile->ordered_by]);
    for (unsigned i = 0; i < API_KIND_COUNT; i++)
        if (profile->is_kind_allowed[i])
            (void)buf_addf(out, " %s", api_kind_name((enum api_kind)i));
    (void)buf_addf(out, "\nissued    by %s, named %s\n",
                   issuers[profile->issuer], profile->issuer_pattern);
    (void)buf_addf(out, "unique    key: %s, subject: %s\n",
                   profile->is_key_unique ? "yes" : "no",
                   profile->is_subject_unique ? "yes" : "no");
    format_subject(profile, out);
    for (unsigned i = 0; i < HSM_KEY_TYPE_COUNT; i++)
        if (profile->is_key_allowed[i])
            (void)buf_addf(out, "key       %s\n",
                           hsm_key_type_name((enum hsm_key_type)i));
    format_validity(profile, out);
    for (unsigned i = 0; i < EXTENSION_ID_COUNT; i++)
        if (profile->has[i])
            format_extension(profile, (enum extension_id)i, out);
}
