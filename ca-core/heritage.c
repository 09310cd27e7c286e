/* Taking over from a predecessor; see ca-core/heritage.h. RFC 5280, 4.1. */
#include "ca-core/heritage.h"

#include <arpa/inet.h>
#include <string.h>

enum { STORAGE_MAX = 65536 };

/* Appends the octets as text with its NUL; `*at` is the offset, since the
 * storage may still move. */
static bool
keep(struct heritage *out, struct der text, size_t *at)
{
    *at = out->storage.len;
    return memchr(text.data, '\0', text.len) == NULL &&
           buf_add(&out->storage, text.data, text.len) &&
           buf_add_byte(&out->storage, '\0');
}

static bool
keep_address(struct heritage *out, struct der address, size_t *at)
{
    int family = address.len == 4 ? AF_INET : AF_INET6;
    char text[INET6_ADDRSTRLEN];

    if ((address.len != 4 && address.len != 16) ||
        inet_ntop(family, address.data, text, sizeof text) == NULL)
        return false;
    return keep(out, (struct der){(const uint8_t *)text, strlen(text)}, at);
}

/* GeneralNames of the types that an order can ask for. */
static bool
read_sans(struct der value, struct heritage *out, size_t *offsets)
{
    struct der names;
    struct der_item item;

    if (!der_take(&value, DER_SEQUENCE, &names) || value.len != 0)
        return false;
    while (names.len > 0) {
        struct api_san *san = &out->san[out->san_count];
        bool is_kept;

        if (out->san_count == API_SANS_MAX || !der_next(&names, &item))
            return false;
        switch (item.tag) {
        case DER_CONTEXT(1):
            san->type = API_SAN_EMAIL;
            break;
        case DER_CONTEXT(2):
            san->type = API_SAN_DNS;
            break;
        case DER_CONTEXT(6):
            san->type = API_SAN_URI;
            break;
        case DER_CONTEXT(7):
            san->type = API_SAN_IP;
            break;
        default:
            return false;
        }
        is_kept = san->type == API_SAN_IP
                      ? keep_address(out, item.value, &offsets[out->san_count])
                      : keep(out, item.value, &offsets[out->san_count]);
        if (!is_kept)
            return false;
        out->san_count++;
    }
    return true;
}

/* Walks to the extensions; `subject` on the way. */
static bool
open_certificate(struct der certificate, struct der *subject,
                 struct der *extensions)
{
    struct der whole, tbs, wrapped, skipped;
    struct der_item item;

    if (!der_take(&certificate, DER_SEQUENCE, &whole) ||
        !der_take(&whole, DER_SEQUENCE, &tbs) ||
        !der_take(&tbs, DER_CONTEXT_CONSTRUCTED(0), &skipped) ||
        !der_take(&tbs, DER_INTEGER, &skipped) ||
        !der_take(&tbs, DER_SEQUENCE, &skipped) || /* signature */
        !der_take(&tbs, DER_SEQUENCE, &skipped) || /* issuer */
        !der_take(&tbs, DER_SEQUENCE, &skipped) || /* validity */
        !der_next(&tbs, &item) || item.tag != DER_SEQUENCE ||
        !der_take(&tbs, DER_SEQUENCE, &skipped)) /* SPKI */
        return false;
    *subject = item.whole;
    return der_take(&tbs, DER_CONTEXT_CONSTRUCTED(3), &wrapped) &&
           der_take(&wrapped, DER_SEQUENCE, extensions);
}

static bool
read_extension(const struct profile *profile, struct der *extensions,
               struct heritage *out, size_t *offsets, size_t *code)
{
    struct der extension, oid, value, critical;
    enum extension_id id;
    bool is_ours = profile->organization_code.presence != PROFILE_FORBIDDEN;

    if (!der_take(extensions, DER_SEQUENCE, &extension) ||
        !der_take(&extension, DER_OID, &oid) ||
        !der_take_optional(&extension, DER_BOOLEAN, &critical) ||
        !der_take(&extension, DER_OCTET_STRING, &value))
        return false;
    if (extension_find(oid, &id) && id == EXTENSION_SUBJECT_ALTERNATIVE_NAME)
        return read_sans(value, out, offsets);
    if (is_ours && oid.len == profile->organization_code.oid.len &&
        memcmp(oid.data, profile->organization_code.oid.octet, oid.len) == 0) {
        struct der_item item;

        return der_next(&value, &item) && keep(out, item.value, code);
    }
    return true;
}

bool
heritage_read(const struct profile *profile, struct der certificate,
              struct heritage *out, struct error *err)
{
    size_t offsets[API_SANS_MAX], code = SIZE_MAX;
    struct der extensions;
    bool ok;

    memset(out, 0, sizeof *out);
    out->storage.limit = STORAGE_MAX;
    ok = open_certificate(certificate, &out->subject, &extensions);
    while (ok && extensions.len > 0)
        ok = read_extension(profile, &extensions, out, offsets, &code);
    if (!ok) {
        heritage_clear(out);
        return error_set(err, ERROR_INTERNAL,
                         "the predecessor is no certificate of ours");
    }
    /* Now that the storage stays where it is. */
    for (size_t i = 0; i < out->san_count; i++)
        out->san[i].value = buf_text(&out->storage) + offsets[i];
    if (code != SIZE_MAX)
        out->organization_code = buf_text(&out->storage) + code;
    return true;
}

void
heritage_clear(struct heritage *heritage)
{
    buf_clear(&heritage->storage);
    heritage->san_count = 0;
}
