/* Certificates in the log; see ca-core/audit_certificate.h. */
#include "ca-core/audit_certificate.h"

#include <stdlib.h>
#include <string.h>

enum { ISSUERS_MAX = 256, FIRST_ROOM = 1024 };

/* A table with open addressing, at most half full: serials are random. */
struct audit_certificates {
    struct audit_certificate *at; /* is_used tells which */
    bool *is_used;
    size_t count, room;
    char issuer[ISSUERS_MAX][API_NAME_MAX + 1];
    uint16_t issuer_count;
};

struct audit_certificates *
audit_certificates_new(void)
{
    struct audit_certificates *all = base_alloc(sizeof *all);

    all->room = FIRST_ROOM;
    all->at = base_alloc(all->room * sizeof *all->at);
    all->is_used = base_alloc(all->room * sizeof *all->is_used);
    return all;
}

void
audit_certificates_free(struct audit_certificates *all)
{
    if (all == NULL)
        return;
    free(all->at);
    free(all->is_used);
    free(all);
}

/* The place of a certificate, or of where it would stand. */
static size_t
place(const struct audit_certificates *all, uint16_t issuer,
      const uint8_t serial[API_SERIAL_LEN])
{
    size_t at = 0;

    for (size_t i = API_SERIAL_LEN - sizeof at; i < API_SERIAL_LEN; i++)
        at = at << 8 | serial[i];
    for (at %= all->room;; at = (at + 1) % all->room)
        if (!all->is_used[at] ||
            (all->at[at].issuer == issuer &&
             memcmp(all->at[at].serial, serial, API_SERIAL_LEN) == 0))
            return at;
}

static void
grow(struct audit_certificates *all)
{
    struct audit_certificates old = *all;

    all->room *= 2;
    all->at = base_alloc(all->room * sizeof *all->at);
    all->is_used = base_alloc(all->room * sizeof *all->is_used);
    for (size_t i = 0; i < old.room; i++)
        if (old.is_used[i]) {
            size_t at = place(all, old.at[i].issuer, old.at[i].serial);

            all->at[at] = old.at[i];
            all->is_used[at] = true;
        }
    free(old.at);
    free(old.is_used);
}

static bool
find_issuer(const struct audit_certificates *all, const char *name,
            uint16_t *out)
{
    for (uint16_t i = 0; i < all->issuer_count; i++)
        if (strcmp(all->issuer[i], name) == 0) {
            *out = i;
            return true;
        }
    return false;
}

static bool
get_issuer(struct audit_certificates *all, const char *name, uint16_t *out,
           struct error *err)
{
    if (find_issuer(all, name, out))
        return true;
    if (all->issuer_count == ISSUERS_MAX)
        return error_set(err, ERROR_INPUT, "more than %d issuers", ISSUERS_MAX);
    memcpy(all->issuer[all->issuer_count], name, strlen(name) + 1);
    *out = all->issuer_count++;
    return true;
}

static bool
read_hash(const json_t *entry, const char *name, uint8_t out[32],
          bool *is_there, struct error *err)
{
    const char *text;
    size_t len;

    if (!json_find_text(entry, name, 64, &text, err))
        return false;
    *is_there = text != NULL;
    return text == NULL || (text_unhex(text, out, 32, &len) && len == 32) ||
           error_set(err, ERROR_INPUT, "\"%s\" is no SHA-256", name);
}

static bool
read_state(const json_t *entry, const char *event,
           struct audit_certificate *out, struct error *err)
{
    const char *order_id;
    bool has_sha256 = true;

    if (strcmp(event, "certificate.issued") == 0 &&
        (!read_hash(entry, "sha256", out->sha256, &has_sha256, err) ||
         !read_hash(entry, "spki_sha256", out->spki_sha256, &out->has_spki,
                    err)))
        return false;
    if (!has_sha256)
        return error_set(err, ERROR_INPUT, "\"sha256\" is missing");
    out->is_held = strcmp(event, "certificate.held") == 0;
    out->is_valid = strcmp(event, "certificate.issued") == 0 ||
                    strcmp(event, "certificate.released") == 0;
    if (!json_get_text(entry, "order_id", TEXT_UUID_LEN, &order_id, err))
        return false;
    (void)memcpy(out->held_by, order_id, strlen(order_id) + 1);
    return true;
}

static bool
is_told(const char *event)
{
    return strcmp(event, "certificate.issued") == 0 ||
           strcmp(event, "certificate.held") == 0 ||
           strcmp(event, "certificate.released") == 0 ||
           strcmp(event, "certificate.revoked") == 0;
}

bool
audit_certificates_read(struct audit_certificates *all, const json_t *entry,
                        struct error *err)
{
    const char *event, *issuer, *subject;
    uint8_t serial[API_SERIAL_LEN];
    struct audit_certificate new = {0};
    size_t len, at;

    if (!json_get_text(entry, "event", 256, &event, err))
        return false;
    if (!is_told(event))
        return true;
    if (!json_get_text(entry, "issuer", API_NAME_MAX, &issuer, err) ||
        !json_get_text(entry, "subject", 256, &subject, err))
        return false;
    if (!text_unhex(subject, serial, sizeof serial, &len) ||
        len != sizeof serial)
        return error_set(err, ERROR_INPUT, "\"subject\" is no serial");
    if (!get_issuer(all, issuer, &new.issuer, err))
        return false;
    at = place(all, new.issuer, serial);
    if (all->is_used[at])
        new = all->at[at];
    memcpy(new.serial, serial, sizeof serial);
    if (!read_state(entry, event, &new, err))
        return false;
    all->at[at] = new;
    if (!all->is_used[at]) {
        all->is_used[at] = true;
        if (2 * ++all->count > all->room)
            grow(all);
    }
    return true;
}

const struct audit_certificate *
audit_certificates_at(const struct audit_certificates *all, uint16_t issuer,
                      const uint8_t serial[API_SERIAL_LEN])
{
    size_t at = place(all, issuer, serial);

    return all->is_used[at] ? &all->at[at] : NULL;
}

const struct audit_certificate *
audit_certificates_find(const struct audit_certificates *all,
                        const struct api_certificate_ref *ref)
{
    uint16_t issuer;

    return find_issuer(all, ref->issuer, &issuer)
               ? audit_certificates_at(all, issuer, ref->serial)
               : NULL;
}

const struct audit_certificate *
audit_certificates_by_sha256(const struct audit_certificates *all,
                             const uint8_t sha256[32])
{
    for (size_t i = 0; i < all->room; i++)
        if (all->is_used[i] && memcmp(all->at[i].sha256, sha256, 32) == 0)
            return &all->at[i];
    return NULL;
}

static void
set_mate(struct audit_certificates *all, const struct audit_certificate *of,
         const struct audit_certificate *mate)
{
    struct audit_certificate *row = &all->at[of - all->at];

    row->has_mate = true;
    row->mate_issuer = mate->issuer;
    memcpy(row->mate, mate->serial, sizeof row->mate);
}

void
audit_certificates_pair(struct audit_certificates *all,
                        const struct api_certificate_ref *a,
                        const struct api_certificate_ref *b)
{
    const struct audit_certificate *one = audit_certificates_find(all, a);
    const struct audit_certificate *two = audit_certificates_find(all, b);

    if (one == NULL || two == NULL || one == two)
        return;
    set_mate(all, one, two);
    set_mate(all, two, one);
}

const struct audit_certificate *
audit_certificates_mate(const struct audit_certificates *all,
                        const struct audit_certificate *certificate)
{
    return certificate->has_mate
               ? audit_certificates_at(all, certificate->mate_issuer,
                                       certificate->mate)
               : NULL;
}
