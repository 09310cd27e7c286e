/* Encodings of extensions; see ca-core/extension.h. */
#include "ca-core/extension.h"

#include <string.h>

struct known {
    const char *name;
    const char *oid; /* content octets */
    size_t len;
};

#define CE(last) "\x55\x1d" last, 3

static const struct known known[EXTENSION_ID_COUNT] = {
    [EXTENSION_AUTHORITY_KEY_IDENTIFIER] = {"authorityKeyIdentifier",
                                            CE("\x23")},
    [EXTENSION_SUBJECT_KEY_IDENTIFIER] = {"subjectKeyIdentifier", CE("\x0e")},
    [EXTENSION_BASIC_CONSTRAINTS] = {"basicConstraints", CE("\x13")},
    [EXTENSION_KEY_USAGE] = {"keyUsage", CE("\x0f")},
    [EXTENSION_EXTENDED_KEY_USAGE] = {"extKeyUsage", CE("\x25")},
    [EXTENSION_CERTIFICATE_POLICIES] = {"certificatePolicies", CE("\x20")},
    [EXTENSION_OCSP_NOCHECK] = {"ocsp-nocheck",
                                "\x2b\x06\x01\x05\x05\x07\x30\x01\x05", 9},
    [EXTENSION_ORGANIZATION_CODE] = {"organizationCode", "", 0},
    [EXTENSION_SUBJECT_ALTERNATIVE_NAME] = {"subjectAltName", CE("\x11")},
    [EXTENSION_AUTHORITY_INFORMATION_ACCESS] =
        {"authorityInfoAccess", "\x2b\x06\x01\x05\x05\x07\x01\x01", 8},
    [EXTENSION_CRL_DISTRIBUTION_POINTS] = {"cRLDistributionPoints", CE("\x1f")},
};

static const char *const usage_names[KEY_USAGE_COUNT] = {
    "digitalSignature", "nonRepudiation", "keyEncipherment",
    "dataEncipherment", "keyAgreement",   "keyCertSign",
    "cRLSign",          "encipherOnly",   "decipherOnly",
};

const char *
key_usage_name(unsigned bit)
{
    return bit < KEY_USAGE_COUNT ? usage_names[bit] : NULL;
}

struct der
extension_oid(enum extension_id id)
{
    return (struct der){(const uint8_t *)known[id].oid, known[id].len};
}

bool
extension_find(struct der oid, enum extension_id *out)
{
    for (unsigned i = 0; i < EXTENSION_ID_COUNT; i++)
        if (oid.len > 0 && oid.len == known[i].len &&
            memcmp(oid.data, known[i].oid, oid.len) == 0) {
            *out = (enum extension_id)i;
            return true;
        }
    return false;
}

const char *
extension_name(enum extension_id id)
{
    return known[id].name;
}

struct extension_mark
extension_begin(struct buf *out, struct der oid, bool is_critical)
{
    struct extension_mark mark;

    mark.sequence = der_begin(out, DER_SEQUENCE);
    der_add_oid(out, oid.data, oid.len);
    if (is_critical) /* DEFAULT FALSE is left out: X.690, 11.5 */
        der_add_boolean(out, true);
    mark.octets = der_begin(out, DER_OCTET_STRING);
    return mark;
}

void
extension_end(struct buf *out, struct extension_mark mark)
{
    der_end(out, mark.octets);
    der_end(out, mark.sequence);
}

static struct extension_mark
begin(struct buf *out, enum extension_id id, bool is_critical)
{
    return extension_begin(out, extension_oid(id), is_critical);
}

void
extension_add_authority_key(struct buf *out, const uint8_t *id, size_t len)
{
    struct extension_mark mark =
        begin(out, EXTENSION_AUTHORITY_KEY_IDENTIFIER, false);
    size_t sequence = der_begin(out, DER_SEQUENCE);

    der_add(out, DER_CONTEXT(0), id, len);
    der_end(out, sequence);
    extension_end(out, mark);
}

void
extension_add_subject_key(struct buf *out, const uint8_t *id, size_t len)
{
    struct extension_mark mark =
        begin(out, EXTENSION_SUBJECT_KEY_IDENTIFIER, false);

    der_add(out, DER_OCTET_STRING, id, len);
    extension_end(out, mark);
}

void
extension_add_basic_constraints(struct buf *out, bool is_critical, bool is_ca,
                                int path_len)
{
    struct extension_mark mark =
        begin(out, EXTENSION_BASIC_CONSTRAINTS, is_critical);
    size_t sequence = der_begin(out, DER_SEQUENCE);

    if (is_ca)
        der_add_boolean(out, true);
    if (path_len >= 0)
        der_add_small(out, path_len);
    der_end(out, sequence);
    extension_end(out, mark);
}

void
extension_add_key_usage(struct buf *out, bool is_critical, unsigned bits)
{
    struct extension_mark mark = begin(out, EXTENSION_KEY_USAGE, is_critical);

    der_add_named_bits(out, (uint16_t)bits, KEY_USAGE_COUNT);
    extension_end(out, mark);
}

/* AccessDescription with a URI: RFC 5280, 4.2.2.1. id-ad is 1.3.6.1.5.5.7.48.
 */
static void
add_access(struct buf *out, uint8_t method, const char *url)
{
    const uint8_t oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, method};
    size_t sequence;

    if (url == NULL)
        return;
    sequence = der_begin(out, DER_SEQUENCE);
    der_add_oid(out, oid, sizeof oid);
    der_add(out, DER_CONTEXT(6), url, strlen(url));
    der_end(out, sequence);
}

void
extension_add_information_access(struct buf *out, const char *ocsp,
                                 const char *ca_issuers)
{
    struct extension_mark mark =
        begin(out, EXTENSION_AUTHORITY_INFORMATION_ACCESS, false);
    size_t sequence = der_begin(out, DER_SEQUENCE);

    add_access(out, 1, ocsp);
    add_access(out, 2, ca_issuers);
    der_end(out, sequence);
    extension_end(out, mark);
}

void
extension_add_crl_point(struct buf *out, bool is_critical, const char *url)
{
    struct extension_mark mark =
        begin(out, EXTENSION_CRL_DISTRIBUTION_POINTS, is_critical);
    size_t points = der_begin(out, DER_SEQUENCE);
    size_t point = der_begin(out, DER_SEQUENCE);
    size_t name = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    size_t full_name = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));

    der_add(out, DER_CONTEXT(6), url, strlen(url));
    der_end(out, full_name);
    der_end(out, name);
    der_end(out, point);
    der_end(out, points);
    extension_end(out, mark);
}

void
extension_add_ocsp_nocheck(struct buf *out)
{
    struct extension_mark mark = begin(out, EXTENSION_OCSP_NOCHECK, false);

    der_add_null(out);
    extension_end(out, mark);
}
