/* Rules about extensions: RFC 5280, 4.2; RFC 6960, 4.2.2.2.1; RFC 3161, 2.3. */
#include <arpa/inet.h>
#include <string.h>

#include "ca-core/lint_rules.h"
#include "ca-core/san.h"
#include "ca-core/usage.h"

static void
lint_once(struct lint_view *view)
{
    for (size_t i = 0; i < view->extension_count; i++)
        for (size_t k = 0; k < i; k++)
            if (der_equal(view->extension[i].oid, view->extension[k].oid)) {
                char dotted[128] = "an extension";

                if (!der_oid_format(view->extension[i].oid.data,
                                    view->extension[i].oid.len, dotted,
                                    sizeof dotted))
                    lint_find(view, "X.690, 8.19", "a malformed OID");
                lint_find(view, "RFC 5280, 4.2", "%s is there twice", dotted);
            }
}

static bool
is_self_issued(const struct lint_view *view)
{
    return der_equal(view->issuer, view->subject);
}

static void
lint_authority_key(struct lint_view *view)
{
    static const char clause[] = "RFC 5280, 4.2.1.1";
    const struct lint_extension *e =
        lint_extension_find(view, EXTENSION_AUTHORITY_KEY_IDENTIFIER);
    struct der in, body;

    if (e == NULL) {
        if (!is_self_issued(view))
            lint_find(view, clause, "no authorityKeyIdentifier");
        return;
    }
    in = e->value;
    if (e->is_critical)
        lint_find(view, clause, "authorityKeyIdentifier is critical");
    if (!der_take(&in, DER_SEQUENCE, &body) || in.len != 0 ||
        !der_take(&body, DER_CONTEXT(0), &view->authority_key_id) ||
        view->authority_key_id.len == 0)
        lint_find(view, clause, "authorityKeyIdentifier without keyIdentifier");
    else if (body.len != 0)
        /* Issuer and serial tie a leaf to one certificate of its CA, and break
         * when that is renewed. */
        lint_find(view, clause, "authorityKeyIdentifier with issuer or serial");
}

static void
lint_subject_key(struct lint_view *view)
{
    static const char clause[] = "RFC 5280, 4.2.1.2";
    const struct lint_extension *e =
        lint_extension_find(view, EXTENSION_SUBJECT_KEY_IDENTIFIER);
    struct der in;

    if (e == NULL) {
        if (view->is_ca)
            lint_find(view, clause, "a CA without subjectKeyIdentifier");
        return;
    }
    in = e->value;
    if (e->is_critical)
        lint_find(view, clause, "subjectKeyIdentifier is critical");
    if (!der_take(&in, DER_OCTET_STRING, &view->subject_key_id) ||
        in.len != 0 || view->subject_key_id.len == 0)
        lint_find(view, clause, "subjectKeyIdentifier is malformed");
}

static void
lint_basic_constraints(struct lint_view *view)
{
    static const char clause[] = "RFC 5280, 4.2.1.9";
    const struct lint_extension *e =
        lint_extension_find(view, EXTENSION_BASIC_CONSTRAINTS);
    struct der in, body;
    int64_t path_len;

    if (e == NULL)
        return;
    in = e->value;
    if (!der_take(&in, DER_SEQUENCE, &body) || in.len != 0) {
        lint_find(view, clause, "basicConstraints is malformed");
        return;
    }
    if (body.len > 0 && body.data[0] == DER_BOOLEAN) {
        if (!der_take_boolean(&body, &view->is_ca)) {
            lint_find(view, clause, "basicConstraints is malformed");
            return;
        }
        if (!view->is_ca)
            lint_find(view, "X.690, 11.5", "cA FALSE is written out");
    }
    if (body.len > 0) {
        if (!der_take_small(&body, 255, &path_len) || body.len != 0) {
            lint_find(view, clause, "basicConstraints is malformed");
            return;
        }
        view->path_len = (int)path_len;
        if (!view->is_ca)
            lint_find(view, clause, "a path length without cA");
    }
    if (view->is_ca && !e->is_critical)
        lint_find(view, clause, "basicConstraints of a CA is not critical");
}

/* A BIT STRING of named bits: no trailing zeros, unused bits zero (X.690,
 * 11.2). */
static bool
take_named_bits(struct der in, unsigned *bits)
{
    struct der value;
    unsigned unused;

    if (!der_take(&in, DER_BIT_STRING, &value) || in.len != 0 ||
        value.len < 2 || value.len > 3 || value.data[0] > 7)
        return false;
    unused = value.data[0];
    *bits = 0;
    for (unsigned i = 0; i < 8 * (value.len - 1); i++)
        if ((value.data[1 + i / 8] >> (7 - i % 8) & 1) != 0)
            *bits |= 1U << i;
    /* The last used bit is one, and those after it are zero. */
    return (value.data[value.len - 1] & ((1U << (unused + 1)) - 1)) ==
           1U << unused;
}

static void
lint_key_usage(struct lint_view *view)
{
    static const char clause[] = "RFC 5280, 4.2.1.3";
    const struct lint_extension *e =
        lint_extension_find(view, EXTENSION_KEY_USAGE);
    unsigned bits;

    if (e == NULL) {
        if (view->is_ca)
            lint_find(view, clause, "a CA without keyUsage");
        return;
    }
    if (!take_named_bits(e->value, &bits) || bits >> KEY_USAGE_COUNT != 0) {
        lint_find(view, clause, "keyUsage is no BIT STRING of named bits");
        return;
    }
    view->key_usage = bits;
    if (((bits & KEY_USAGE_KEY_CERT_SIGN) != 0) != view->is_ca)
        lint_find(view, clause, "keyCertSign and cA do not go together");
    if (view->path_len >= 0 && (bits & KEY_USAGE_KEY_CERT_SIGN) == 0)
        lint_find(view, "RFC 5280, 4.2.1.9",
                  "a path length without keyCertSign");
    if (!e->is_critical)
        lint_find(view, clause, "keyUsage is not critical");
    if (view->has_key &&
        (bits & ~usage_of_family(profile_family(view->key.type))) != 0)
        lint_find(view, "RFC 4055, 1.2; RFC 8813, 3; RFC 9295, 3",
                  "a usage that a key of type %s cannot have",
                  hsm_key_type_name(view->key.type));
}

static void
lint_purpose(struct lint_view *view, struct der oid)
{
    enum purpose purpose;

    for (size_t i = 0; i < view->purpose_count; i++)
        if (der_equal(view->purpose[i], oid))
            lint_find(view, "RFC 5280, 4.2.1.12", "a purpose is there twice");
    if (view->purpose_count == LINT_PURPOSES_MAX) {
        lint_find(view, "RFC 5280, 4.2.1.12", "more than %d purposes",
                  LINT_PURPOSES_MAX);
        return;
    }
    view->purpose[view->purpose_count++] = oid;
    if (!purpose_of(oid, &purpose))
        return;
    if (view->key_usage != 0 && !view->is_ca &&
        (view->key_usage & usage_of_purpose(purpose)) == 0)
        lint_find(view, "RFC 5280, 4.2.1.12",
                  "purpose %s goes with none of the usages",
                  purpose_name(purpose));
}

static bool
has_purpose(const struct lint_view *view, enum purpose purpose)
{
    for (size_t i = 0; i < view->purpose_count; i++)
        if (der_equal(view->purpose[i], purpose_oid(purpose)))
            return true;
    return false;
}

static void
lint_purposes(struct lint_view *view)
{
    static const char clause[] = "RFC 5280, 4.2.1.12";
    const struct lint_extension *e =
        lint_extension_find(view, EXTENSION_EXTENDED_KEY_USAGE);
    struct der in, list, oid;

    if (e == NULL)
        return;
    in = e->value;
    if (!der_take(&in, DER_SEQUENCE, &list) || in.len != 0 || list.len == 0) {
        lint_find(view, clause, "extKeyUsage is malformed");
        return;
    }
    while (list.len > 0) {
        if (!der_take_oid(&list, &oid)) {
            lint_find(view, clause, "extKeyUsage is malformed");
            return;
        }
        lint_purpose(view, oid);
    }
    if (has_purpose(view, PURPOSE_TIME_STAMPING) &&
        (view->purpose_count != 1 || !e->is_critical))
        lint_find(view, "RFC 3161, 2.3",
                  "timeStamping is not alone and critical");
    if (has_purpose(view, PURPOSE_SERVER_AUTH) && !view->is_ca &&
        lint_extension_find(view, EXTENSION_SUBJECT_ALTERNATIVE_NAME) == NULL)
        lint_find(view, "RFC 9525, 2", "a server without subjectAltName");
}

static void
lint_nocheck(struct lint_view *view)
{
    static const char clause[] = "RFC 6960, 4.2.2.2.1";
    const struct lint_extension *e =
        lint_extension_find(view, EXTENSION_OCSP_NOCHECK);

    if (e == NULL)
        return;
    if (e->value.len != 2 || memcmp(e->value.data, "\x05\x00", 2) != 0)
        lint_find(view, clause, "ocsp-nocheck is not NULL");
    if (!has_purpose(view, PURPOSE_OCSP_SIGNING))
        lint_find(view, clause, "ocsp-nocheck without OCSPSigning");
}

/* PolicyInformation: an OID once, qualifiers not empty. */
static void
lint_policies(struct lint_view *view)
{
    static const char clause[] = "RFC 5280, 4.2.1.4";
    const struct lint_extension *e =
        lint_extension_find(view, EXTENSION_CERTIFICATE_POLICIES);
    struct der seen[PROFILE_POLICIES_MAX], in, list, policy, oid, qualifiers;
    size_t count = 0;

    if (e == NULL)
        return;
    in = e->value;
    if (!der_take(&in, DER_SEQUENCE, &list) || in.len != 0 || list.len == 0) {
        lint_find(view, clause, "certificatePolicies is malformed");
        return;
    }
    while (list.len > 0) {
        if (count == PROFILE_POLICIES_MAX ||
            !der_take(&list, DER_SEQUENCE, &policy) ||
            !der_take_oid(&policy, &oid) ||
            !der_take_optional(&policy, DER_SEQUENCE, &qualifiers) ||
            policy.len != 0 ||
            (qualifiers.data != NULL && qualifiers.len == 0)) {
            lint_find(view, clause, "certificatePolicies is malformed");
            return;
        }
        for (size_t i = 0; i < count; i++)
            if (der_equal(seen[i], oid))
                lint_find(view, clause, "a policy is there twice");
        seen[count++] = oid;
    }
}

/* ---- Names and pointers ------------------------------------------------ */

static bool
general_name_text(const struct der_item *item, enum api_san_type *type,
                  struct buf *out)
{
    char address[INET6_ADDRSTRLEN];

    switch (item->tag) {
    case DER_CONTEXT(1):
        *type = API_SAN_EMAIL;
        break;
    case DER_CONTEXT(2):
        *type = API_SAN_DNS;
        break;
    case DER_CONTEXT(6):
        *type = API_SAN_URI;
        break;
    case DER_CONTEXT(7):
        *type = API_SAN_IP;
        if (item->value.len != 4 && item->value.len != 16)
            return false;
        (void)inet_ntop(item->value.len == 4 ? AF_INET : AF_INET6,
                        item->value.data, address, sizeof address);
        return buf_add(out, address, strlen(address) + 1);
    default:
        return false;
    }
    if (item->value.len > 0 &&
        memchr(item->value.data, 0, item->value.len) != NULL)
        return false;
    return buf_add(out, item->value.data, item->value.len) &&
           buf_add_byte(out, 0);
}

size_t
lint_alternative_names(struct lint_view *view, struct api_san *out, size_t max,
                       struct buf *storage)
{
    static const char clause[] = "RFC 5280, 4.2.1.6";
    const struct lint_extension *e =
        lint_extension_find(view, EXTENSION_SUBJECT_ALTERNATIVE_NAME);
    size_t offset[API_SANS_MAX], count = 0;
    struct der in, list;
    struct der_item item;

    if (e == NULL)
        return 0;
    in = e->value;
    if (!der_take(&in, DER_SEQUENCE, &list) || in.len != 0 || list.len == 0) {
        lint_find(view, clause, "subjectAltName is malformed or empty");
        return 0;
    }
    while (list.len > 0) {
        if (count == max || count == API_SANS_MAX) {
            lint_find(view, clause, "more than %zu alternative names", count);
            break;
        }
        offset[count] = storage->len;
        if (!der_next(&list, &item) ||
            !general_name_text(&item, &out[count].type, storage)) {
            lint_find(view, clause, "an alternative name of unknown form");
            break;
        }
        count++;
    }
    for (size_t i = 0; i < count; i++)
        out[i].value = (const char *)storage->data + offset[i];
    return count;
}

static void
lint_alternative(struct lint_view *view)
{
    struct buf storage = BUF_INIT(65536);
    struct api_san san[API_SANS_MAX];
    struct error why = {0};
    size_t count = lint_alternative_names(view, san, API_SANS_MAX, &storage);

    for (size_t i = 0; i < count; i++)
        if (!san_check(&san[i], &why))
            lint_find(view, "RFC 5280, 4.2.1.6", "%s", why.what);
    buf_clear(&storage);
}

/* A URI [6] of http: what a relying party can fetch without a second PKI. */
static bool
is_http(const struct der_item *item)
{
    char text[1024];
    struct api_san san = {API_SAN_URI, text};

    if (item->tag != DER_CONTEXT(6) || item->value.len >= sizeof text ||
        item->value.len == 0)
        return false;
    memcpy(text, item->value.data, item->value.len);
    text[item->value.len] = '\0';
    return strlen(text) == item->value.len &&
           strncmp(text, "http://", 7) == 0 && san_check(&san, NULL);
}

static void
lint_information_access(struct lint_view *view)
{
    static const char clause[] = "RFC 5280, 4.2.2.1";
    static const uint8_t ad[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30};
    const struct lint_extension *e =
        lint_extension_find(view, EXTENSION_AUTHORITY_INFORMATION_ACCESS);
    struct der in, list, access, method;
    struct der_item item;

    if (e == NULL)
        return;
    in = e->value;
    if (e->is_critical)
        lint_find(view, clause, "authorityInfoAccess is critical");
    if (!der_take(&in, DER_SEQUENCE, &list) || in.len != 0 || list.len == 0) {
        lint_find(view, clause, "authorityInfoAccess is malformed or empty");
        return;
    }
    while (list.len > 0) {
        if (!der_take(&list, DER_SEQUENCE, &access) ||
            !der_take_oid(&access, &method) || !der_next(&access, &item) ||
            access.len != 0 || !is_http(&item)) {
            lint_find(view, clause, "an access method without an http URI");
            return;
        }
        if (method.len != sizeof ad + 1 ||
            memcmp(method.data, ad, sizeof ad) != 0)
            continue;
        view->has_ocsp_url |= method.data[sizeof ad] == 1;
        view->has_ca_issuers_url |= method.data[sizeof ad] == 2;
    }
}

static void
lint_crl_points(struct lint_view *view)
{
    static const char clause[] = "RFC 5280, 4.2.1.13";
    const struct lint_extension *e =
        lint_extension_find(view, EXTENSION_CRL_DISTRIBUTION_POINTS);
    struct der in, list, point, name, full_name;
    struct der_item item;

    if (e == NULL)
        return;
    in = e->value;
    if (!der_take(&in, DER_SEQUENCE, &list) || in.len != 0 || list.len == 0) {
        lint_find(view, clause, "cRLDistributionPoints is malformed or empty");
        return;
    }
    while (list.len > 0)
        if (!der_take(&list, DER_SEQUENCE, &point) ||
            !der_take(&point, DER_CONTEXT_CONSTRUCTED(0), &name) ||
            point.len != 0 ||
            !der_take(&name, DER_CONTEXT_CONSTRUCTED(0), &full_name) ||
            name.len != 0 || !der_next(&full_name, &item) ||
            full_name.len != 0 || !is_http(&item)) {
            lint_find(view, clause, "a point that is not one http URI");
            return;
        }
}

void
lint_extensions(struct lint_view *view)
{
    lint_once(view);
    lint_basic_constraints(view); /* tells the others whether it is a CA */
    lint_authority_key(view);
    lint_subject_key(view);
    lint_key_usage(view); /* before purposes, which are judged against it */
    lint_purposes(view);
    lint_nocheck(view);
    lint_policies(view);
    lint_alternative(view);
    lint_information_access(view);
    lint_crl_points(view);
}
