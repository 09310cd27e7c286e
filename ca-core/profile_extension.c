/*
 * The extensions of a profile: read from its XML, judged against RFC 5280 and
 * kin, and those that never change encoded for copying.
 */
#include <string.h>

#include "ca-core/profile_read.h"
#include "ca-core/usage.h"

static bool
read_key_usage(struct profile_reader *r, const struct xml_node *extensions)
{
    static const char *const families[] = {"rsa", "ec", "ed25519", NULL};
    const struct xml_node *usage = xml_child(extensions, "key-usage"), *node;

    r->profile->has[EXTENSION_KEY_USAGE] = true;
    r->profile->is_critical[EXTENSION_KEY_USAGE] =
        profile_is_true(usage, "critical", "true");
    for (node = xml_child(usage, "usage"); node != NULL;
         node = xml_next(node, "usage")) {
        const char *name = xml_attribute(node, "name", "");
        bool is_for_all = xml_attribute(node, "for", NULL) == NULL;
        unsigned only = profile_word(node, "for", families), bit = 0;

        while (bit < KEY_USAGE_COUNT && strcmp(name, key_usage_name(bit)) != 0)
            bit++;
        for (unsigned i = 0; i < PROFILE_FAMILY_COUNT; i++)
            if (is_for_all || i == only)
                r->profile->key_usage[i] |= 1U << bit;
    }
    for (unsigned i = 0; i < HSM_KEY_TYPE_COUNT; i++) {
        enum profile_family family = profile_family((enum hsm_key_type)i);
        unsigned bits = r->profile->key_usage[family];

        if (!r->profile->is_key_allowed[i])
            continue;
        if (bits == 0)
            return profile_wrong(r, usage, "keys of type %s have no usage",
                                 hsm_key_type_name((enum hsm_key_type)i));
        if ((bits & ~usage_of_family(family)) != 0)
            return profile_wrong(
                r, usage,
                "keys of type %s cannot have one of these usages "
                "(RFC 4055, 8813, 9295)",
                hsm_key_type_name((enum hsm_key_type)i));
    }
    return true;
}

/* RFC 5280, 4.2.1.12: each purpose goes with some usages; RFC 3161, 2.3. */
static bool
check_purpose(const struct profile_reader *r, const struct xml_node *node,
              enum purpose purpose)
{
    for (unsigned i = 0; i < HSM_KEY_TYPE_COUNT; i++) {
        enum profile_family family = profile_family((enum hsm_key_type)i);

        if (r->profile->is_key_allowed[i] &&
            (r->profile->key_usage[family] & usage_of_purpose(purpose)) == 0)
            return profile_wrong(
                r, node,
                "%s goes with none of the usages of %s keys (RFC "
                "5280, 4.2.1.12)",
                purpose_name(purpose), hsm_key_type_name((enum hsm_key_type)i));
    }
    return true;
}

static bool
read_purposes(struct profile_reader *r, const struct xml_node *extensions)
{
    const struct xml_node *list = xml_child(extensions, "extended-key-usage");
    const struct xml_node *node;
    bool is_time_stamping = false, is_ocsp = false;

    if (list != NULL) {
        r->profile->has[EXTENSION_EXTENDED_KEY_USAGE] = true;
        r->profile->is_critical[EXTENSION_EXTENDED_KEY_USAGE] =
            profile_is_true(list, "critical", "false");
    }
    for (node = list != NULL ? xml_child(list, "purpose") : NULL; node != NULL;
         node = xml_next(node, "purpose")) {
        struct profile_oid *oid =
            &r->profile->purpose[r->profile->purpose_count++];
        const char *text = xml_text(node);
        enum purpose purpose;

        if (purpose_find(text, &purpose)) {
            oid->len = purpose_oid(purpose).len;
            memcpy(oid->octet, purpose_oid(purpose).data, oid->len);
        } else if (!der_oid_parse(text, oid->octet, sizeof oid->octet,
                                  &oid->len)) {
            return profile_wrong(r, node, "%s is no object identifier", text);
        }
        if (!purpose_of((struct der){oid->octet, oid->len}, &purpose))
            continue;
        if (!check_purpose(r, node, purpose))
            return false;
        is_time_stamping |= purpose == PURPOSE_TIME_STAMPING;
        is_ocsp |= purpose == PURPOSE_OCSP_SIGNING;
    }
    if (is_time_stamping &&
        (r->profile->purpose_count != 1 ||
         !r->profile->is_critical[EXTENSION_EXTENDED_KEY_USAGE]))
        return profile_wrong(
            r, list, "timeStamping stands alone and critical (RFC 3161, 2.3)");
    if ((node = xml_child(extensions, "ocsp-nocheck")) != NULL && !is_ocsp)
        return profile_wrong(r, node,
                             "ocsp-nocheck belongs to OCSPSigning (RFC 6960, "
                             "4.2.2.2.1)");
    r->profile->has[EXTENSION_OCSP_NOCHECK] = node != NULL;
    return true;
}

static bool
read_policies(struct profile_reader *r, const struct xml_node *extensions)
{
    const struct xml_node *list = xml_child(extensions, "certificate-policies");
    const struct xml_node *node;

    if (list == NULL)
        return true;
    r->profile->has[EXTENSION_CERTIFICATE_POLICIES] = true;
    r->profile->is_critical[EXTENSION_CERTIFICATE_POLICIES] =
        profile_is_true(list, "critical", "false");
    for (node = xml_child(list, "policy"); node != NULL;
         node = xml_next(node, "policy")) {
        size_t i = r->profile->policy_count++;
        struct profile_oid *oid = &r->profile->policy[i].oid;

        if (!der_oid_parse(xml_attribute(node, "oid", ""), oid->octet,
                           sizeof oid->octet, &oid->len))
            return profile_wrong(r, node, "no object identifier");
        r->profile->policy[i].cps = xml_attribute(node, "cps", NULL);
    }
    return true;
}

static bool
read_authority(struct profile_reader *r, const struct xml_node *extensions)
{
    const struct xml_node *constraints =
        xml_child(extensions, "basic-constraints");
    bool *has = r->profile->has;

    r->profile->is_ca = constraints != NULL;
    r->profile->path_len = constraints != NULL
                               ? profile_number(constraints, "path-length", -1)
                               : -1;
    has[EXTENSION_BASIC_CONSTRAINTS] = r->profile->is_ca;
    r->profile->is_critical[EXTENSION_BASIC_CONSTRAINTS] = true;
    has[EXTENSION_AUTHORITY_KEY_IDENTIFIER] =
        xml_child(extensions, "authority-key-identifier") != NULL;
    has[EXTENSION_SUBJECT_KEY_IDENTIFIER] =
        xml_child(extensions, "subject-key-identifier") != NULL;
    for (unsigned i = 0; i < HSM_KEY_TYPE_COUNT; i++) {
        unsigned bits =
            r->profile->key_usage[profile_family((enum hsm_key_type)i)];

        if (r->profile->is_key_allowed[i] &&
            ((bits & KEY_USAGE_KEY_CERT_SIGN) != 0) != r->profile->is_ca)
            return profile_wrong(
                r, extensions,
                "keyCertSign and basic-constraints go together (RFC "
                "5280, 4.2.1.3 and 4.2.1.9)");
    }
    if (r->profile->is_ca && !has[EXTENSION_SUBJECT_KEY_IDENTIFIER])
        return profile_wrong(r, extensions,
                             "a CA needs subject-key-identifier (RFC "
                             "5280, 4.2.1.2)");
    if (has[EXTENSION_AUTHORITY_KEY_IDENTIFIER] ==
        (r->profile->issuer == PROFILE_ISSUER_SELF))
        return profile_wrong(
            r, extensions,
            "authority-key-identifier is for all but self-signed "
            "certificates (RFC 5280, 4.2.1.1)");
    return true;
}

static bool
read_names_and_pointers(struct profile_reader *r,
                        const struct xml_node *extensions)
{
    const struct xml_node *list =
        xml_child(extensions, "subject-alternative-name");
    const struct xml_node *access =
        xml_child(extensions, "authority-information-access");
    const struct xml_node *node;

    r->profile->has[EXTENSION_SUBJECT_ALTERNATIVE_NAME] = list != NULL;
    for (node = list != NULL ? xml_child(list, "name") : NULL; node != NULL;
         node = xml_next(node, "name")) {
        static const char *const presences[] = {"required", "optional", NULL};
        enum api_san_type type;

        if (!san_type_find(xml_attribute(node, "type", ""), &type))
            return profile_wrong(r, node, "no such type of name");
        r->profile->san[type].presence =
            profile_word(node, "presence", presences) == 0 ? PROFILE_REQUIRED
                                                           : PROFILE_OPTIONAL;
        r->profile->san[type].max = (size_t)profile_number(node, "max", 1);
    }
    if (access != NULL) {
        r->profile->has[EXTENSION_AUTHORITY_INFORMATION_ACCESS] = true;
        r->profile->has_ocsp_url = profile_is_true(access, "ocsp", "false");
        r->profile->has_ca_issuers_url =
            profile_is_true(access, "ca-issuers", "false");
        if (!r->profile->has_ocsp_url && !r->profile->has_ca_issuers_url)
            return profile_wrong(r, access, "an empty extension");
    }
    r->profile->has[EXTENSION_CRL_DISTRIBUTION_POINTS] =
        xml_child(extensions, "crl-distribution-points") != NULL;
    return true;
}

static bool
read_organization_code(struct profile_reader *r,
                       const struct xml_node *extensions)
{
    static const char *const presences[] = {"required", "optional", NULL};
    static const char *const strings[] = {"printable", "utf8", NULL};
    const struct xml_node *node = xml_child(extensions, "organization-code");
    struct profile_oid *oid = &r->profile->organization_code.oid;
    enum extension_id taken;

    if (node == NULL)
        return true;
    r->profile->has[EXTENSION_ORGANIZATION_CODE] = true;
    r->profile->organization_code.presence =
        profile_word(node, "presence", presences) == 0 ? PROFILE_REQUIRED
                                                       : PROFILE_OPTIONAL;
    r->profile->organization_code.tag =
        profile_word(node, "string", strings) == 0 ? DER_PRINTABLE_STRING
                                                   : DER_UTF8_STRING;
    if (!der_oid_parse(xml_attribute(node, "oid", "1.2.156.10260.4.1.4"),
                       oid->octet, sizeof oid->octet, &oid->len) ||
        extension_find((struct der){oid->octet, oid->len}, &taken))
        return profile_wrong(r, node, "no object identifier of its own");
    return true;
}

static void
add_purposes(const struct profile *profile, struct buf *out)
{
    struct extension_mark mark =
        extension_begin(out, extension_oid(EXTENSION_EXTENDED_KEY_USAGE),
                        profile->is_critical[EXTENSION_EXTENDED_KEY_USAGE]);
    size_t sequence = der_begin(out, DER_SEQUENCE);

    for (size_t i = 0; i < profile->purpose_count; i++)
        der_add_oid(out, profile->purpose[i].octet, profile->purpose[i].len);
    der_end(out, sequence);
    extension_end(out, mark);
}

/* PolicyInformation with the CPS pointer: RFC 5280, 4.2.1.4. */
static void
add_policies(const struct profile *profile, struct buf *out)
{
    static const uint8_t id_qt_cps[] = {0x2b, 0x06, 0x01, 0x05,
                                        0x05, 0x07, 0x02, 0x01};
    struct extension_mark mark =
        extension_begin(out, extension_oid(EXTENSION_CERTIFICATE_POLICIES),
                        profile->is_critical[EXTENSION_CERTIFICATE_POLICIES]);
    size_t sequence = der_begin(out, DER_SEQUENCE);

    for (size_t i = 0; i < profile->policy_count; i++) {
        const char *cps = profile->policy[i].cps;
        size_t policy = der_begin(out, DER_SEQUENCE);

        der_add_oid(out, profile->policy[i].oid.octet,
                    profile->policy[i].oid.len);
        if (cps != NULL) {
            size_t qualifiers = der_begin(out, DER_SEQUENCE);
            size_t qualifier = der_begin(out, DER_SEQUENCE);

            der_add_oid(out, id_qt_cps, sizeof id_qt_cps);
            der_add(out, DER_IA5_STRING, cps, strlen(cps));
            der_end(out, qualifier);
            der_end(out, qualifiers);
        }
        der_end(out, policy);
    }
    der_end(out, sequence);
    extension_end(out, mark);
}

static void
make_ready(struct profile *profile)
{
    for (unsigned i = 0; i < PROFILE_FAMILY_COUNT; i++) {
        struct buf *out = &profile->ready[i];

        out->limit = PROFILE_READY_MAX;
        if (profile->key_usage[i] == 0)
            continue; /* no key of this family is allowed */
        if (profile->has[EXTENSION_BASIC_CONSTRAINTS])
            extension_add_basic_constraints(out, true, true, profile->path_len);
        extension_add_key_usage(out, profile->is_critical[EXTENSION_KEY_USAGE],
                                profile->key_usage[i]);
        if (profile->has[EXTENSION_EXTENDED_KEY_USAGE])
            add_purposes(profile, out);
        if (profile->has[EXTENSION_CERTIFICATE_POLICIES])
            add_policies(profile, out);
        if (profile->has[EXTENSION_OCSP_NOCHECK])
            extension_add_ocsp_nocheck(out);
    }
}

bool
profile_read_extensions(struct profile_reader *r, const struct xml_node *root)
{
    const struct xml_node *extensions = xml_child(root, "extensions");

    if (!read_key_usage(r, extensions) || !read_purposes(r, extensions) ||
        !read_policies(r, extensions) || !read_authority(r, extensions) ||
        !read_names_and_pointers(r, extensions) ||
        !read_organization_code(r, extensions))
        return false;
    make_ready(r->profile);
    for (unsigned i = 0; i < PROFILE_FAMILY_COUNT; i++)
        if (buf_is_full(&r->profile->ready[i]))
            return profile_wrong(r, extensions, "the extensions are too long");
    return true;
}
