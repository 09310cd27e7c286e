/* Reading OCSPRequest; see ocsp/request.h. Clauses are of RFC 6960. */
#include "ocsp/request.h"

#include <string.h>

/* Content octets of the object identifiers. */
static const uint8_t oid_sha1[] = {0x2b, 0x0e, 0x03, 0x02, 0x1a};
static const uint8_t oid_sha256[] = {0x60, 0x86, 0x48, 0x01, 0x65,
                                     0x03, 0x04, 0x02, 0x01};
/* id-pkix-ocsp: 1.3.6.1.5.5.7.48.1; one more octet makes .2, .4 ... of it. */
static const uint8_t oid_ocsp[] = {0x2b, 0x06, 0x01, 0x05,
                                   0x05, 0x07, 0x30, 0x01};
enum { OCSP_ARC_NONCE = 2, OCSP_ARC_RESPONSE = 4 };

enum place { IN_REQUEST, IN_SINGLE_REQUEST };

size_t
ocsp_hash_len(enum ocsp_hash hash)
{
    static const size_t len[] = {20, 32, 0};

    return len[hash];
}

static bool
is_oid(struct der oid, const uint8_t *content, size_t len)
{
    return oid.len == len && memcmp(oid.data, content, len) == 0;
}

/* The last arc under id-pkix-ocsp; 0 for any other identifier. */
static unsigned
ocsp_arc(struct der oid)
{
    if (oid.len != sizeof oid_ocsp + 1 ||
        memcmp(oid.data, oid_ocsp, sizeof oid_ocsp) != 0)
        return 0;
    return oid.data[sizeof oid_ocsp];
}

/* AlgorithmIdentifier of a hash: parameters NULL or absent (RFC 5754, 2). */
static bool
take_hash(struct der *in, enum ocsp_hash *hash)
{
    struct der algorithm, oid, null;

    if (!der_take(in, DER_SEQUENCE, &algorithm) ||
        !der_take_oid(&algorithm, &oid))
        return false;
    if (is_oid(oid, oid_sha1, sizeof oid_sha1))
        *hash = OCSP_HASH_SHA1;
    else if (is_oid(oid, oid_sha256, sizeof oid_sha256))
        *hash = OCSP_HASH_SHA256;
    else {
        *hash = OCSP_HASH_OTHER;
        return true; /* whatever parameters it may have */
    }
    return der_take_optional(&algorithm, DER_NULL, &null) && null.len == 0 &&
           algorithm.len == 0;
}

/* Minimal (X.690, 8.3.2); negative ones are well formed and never issued. */
static bool
take_serial(struct der *in, struct der *serial)
{
    if (!der_take(in, DER_INTEGER, serial) || serial->len == 0 ||
        serial->len > OCSP_SERIAL_MAX)
        return false;
    return serial->len == 1 ||
           !((serial->data[0] == 0x00 && serial->data[1] < 0x80) ||
             (serial->data[0] == 0xff && serial->data[1] >= 0x80));
}

static bool
take_cert_id(struct der *in, struct ocsp_cert_id *id)
{
    struct der_item item;
    struct der body;
    size_t len;

    if (!der_next(in, &item) || item.tag != DER_SEQUENCE)
        return false;
    id->whole = item.whole;
    body = item.value;
    if (!take_hash(&body, &id->hash) ||
        !der_take(&body, DER_OCTET_STRING, &id->name_hash) ||
        !der_take(&body, DER_OCTET_STRING, &id->key_hash) ||
        !take_serial(&body, &id->serial) || body.len != 0)
        return false;
    len = ocsp_hash_len(id->hash);
    return len == 0 || (id->name_hash.len == len && id->key_hash.len == len);
}

/* RFC 9654, 2.1: an OCTET STRING of 1 to 128 octets within extnValue; some
 * clients of RFC 2560's time put the raw octets there, which is not taken. */
static bool
read_nonce(struct der value, struct der *nonce)
{
    struct der content;

    if (nonce->data != NULL || !der_take(&value, DER_OCTET_STRING, &content) ||
        value.len != 0 || content.len < 1 || content.len > OCSP_NONCE_MAX)
        return false;
    *nonce = content;
    return true;
}

static bool
take_extension(struct der *in, enum place place, struct der *nonce)
{
    struct der extension, oid, value;
    bool is_critical = false;
    unsigned arc;

    if (!der_take(in, DER_SEQUENCE, &extension) ||
        !der_take_oid(&extension, &oid))
        return false;
    if (extension.len > 0 && extension.data[0] == DER_BOOLEAN &&
        !der_take_boolean(&extension, &is_critical))
        return false;
    if (!der_take(&extension, DER_OCTET_STRING, &value) || extension.len != 0)
        return false;
    arc = ocsp_arc(oid);
    if (place == IN_REQUEST && arc == OCSP_ARC_NONCE)
        return read_nonce(value, nonce);
    /* 4.4.3: every client takes the basic response, which is what we give. */
    if (place == IN_REQUEST && arc == OCSP_ARC_RESPONSE)
        return true;
    return !is_critical;
}

/* [tag] EXPLICIT Extensions, if there; SIZE (1..MAX). */
static bool
take_extensions(struct der *in, uint8_t tag, enum place place,
                struct der *nonce)
{
    struct der outer, list;

    if (!der_take_optional(in, tag, &outer))
        return false;
    if (outer.data == NULL)
        return true;
    if (!der_take(&outer, DER_SEQUENCE, &list) || outer.len != 0 ||
        list.len == 0)
        return false;
    while (list.len > 0)
        if (!take_extension(&list, place, nonce))
            return false;
    return true;
}

static bool
take_requests(struct der *in, struct ocsp_request *out)
{
    struct der list, single;

    if (!der_take(in, DER_SEQUENCE, &list) || list.len == 0)
        return false;
    for (out->count = 0; list.len > 0; out->count++) {
        if (out->count == OCSP_REQUEST_COUNT_MAX ||
            !der_take(&list, DER_SEQUENCE, &single) ||
            !take_cert_id(&single, &out->id[out->count]) ||
            !take_extensions(&single, DER_CONTEXT_CONSTRUCTED(0),
                             IN_SINGLE_REQUEST, NULL) ||
            single.len != 0)
            return false;
    }
    return true;
}

/* Version and requestorName, which change nothing: v1 is the only version,
 * and its being written out although it is the default hurts nobody. */
static bool
skip_preface(struct der *tbs)
{
    struct der version, name;
    struct der_item general_name;
    int64_t number;

    if (!der_take_optional(tbs, DER_CONTEXT_CONSTRUCTED(0), &version))
        return false;
    if (version.data != NULL &&
        (!der_take_small(&version, 0, &number) || version.len != 0))
        return false;
    if (!der_take_optional(tbs, DER_CONTEXT_CONSTRUCTED(1), &name))
        return false;
    return name.data == NULL ||
           (der_next(&name, &general_name) && name.len == 0);
}

/* [0] EXPLICIT Signature: well formed as far as its own layer. */
static bool
skip_signature(struct der *in)
{
    struct der outer, signature, algorithm, certs;
    struct der_item bits;

    if (!der_take_optional(in, DER_CONTEXT_CONSTRUCTED(0), &outer))
        return false;
    if (outer.data == NULL)
        return true;
    return der_take(&outer, DER_SEQUENCE, &signature) && outer.len == 0 &&
           der_take(&signature, DER_SEQUENCE, &algorithm) &&
           der_next(&signature, &bits) && bits.tag == DER_BIT_STRING &&
           der_take_optional(&signature, DER_CONTEXT_CONSTRUCTED(0), &certs) &&
           signature.len == 0;
}

bool
ocsp_request_parse(const uint8_t *der, size_t len, struct ocsp_request *out)
{
    struct der in = {der, len};
    struct der request, tbs;

    out->nonce.data = NULL;
    out->nonce.len = 0;
    if (len > OCSP_REQUEST_LEN_MAX || !der_take(&in, DER_SEQUENCE, &request) ||
        in.len != 0 || !der_take(&request, DER_SEQUENCE, &tbs) ||
        !skip_preface(&tbs) || !take_requests(&tbs, out))
        return false;
    return take_extensions(&tbs, DER_CONTEXT_CONSTRUCTED(2), IN_REQUEST,
                           &out->nonce) &&
           tbs.len == 0 && skip_signature(&request) && request.len == 0;
}
