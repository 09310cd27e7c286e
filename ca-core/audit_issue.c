/* What orders made and changed, by the log; see ca-core/audit_issue.h. */
#include "ca-core/audit_issue.h"

#include <stdlib.h>
#include <string.h>

/* What may still become a certificate: the id of an accepted order with the
 * profiles of what it makes, or the serial that a ceremony recorded. */
struct awaited {
    char key[TEXT_UUID_LEN + 1];
    char profile[2][API_NAME_MAX + 1]; /* "": no more */
};

/* Of a pair whose other half is to follow at once. */
struct half {
    char order_id[TEXT_UUID_LEN + 1]; /* "": none */
    char issuer[API_NAME_MAX + 1];
    uint8_t serial[API_SERIAL_LEN];
};

/* A half that changed: the other must have by the end of what its order did. */
struct changed {
    uint16_t issuer;
    uint8_t serial[API_SERIAL_LEN];
};

struct audit_issues {
    struct audit_certificates *certificates; /* borrowed */
    struct awaited *awaited; /* few: most are there an entry later */
    size_t awaited_count, awaited_room;
    struct half half;
    char changer[TEXT_UUID_LEN + 1]; /* the order whose changes they are */
    struct changed *changed;
    size_t changed_count, changed_room;
};

struct audit_issues *
audit_issues_new(struct audit_certificates *certificates)
{
    struct audit_issues *all = base_alloc(sizeof *all);

    all->certificates = certificates;
    return all;
}

void
audit_issues_free(struct audit_issues *all)
{
    if (all == NULL)
        return;
    free(all->awaited);
    free(all->changed);
    free(all);
}

static struct awaited *
await(struct audit_issues *all, const char *key)
{
    struct awaited *new;

    all->awaited = base_grow(all->awaited, all->awaited_count,
                             &all->awaited_room, sizeof *all->awaited);
    new = &all->awaited[all->awaited_count++];
    memset(new, 0, sizeof *new);
    memcpy(new->key, key, strnlen(key, TEXT_UUID_LEN));
    return new;
}

void
audit_issues_await(struct audit_issues *all, const struct api_order *order)
{
    struct awaited *new = await(all, order->order_id);

    memcpy(new->profile[0], order->profile, strlen(order->profile));
    if (order->encryption.profile != NULL)
        memcpy(new->profile[1], order->encryption.profile,
               strlen(order->encryption.profile));
}

/* NULL if it is not there. The newest first. */
static struct awaited *
find_awaited(struct audit_issues *all, const char *key)
{
    for (size_t i = all->awaited_count; i-- > 0;)
        if (strcmp(all->awaited[i].key, key) == 0)
            return &all->awaited[i];
    return NULL;
}

/* Takes it out; false if it is not there. */
static bool
settle(struct audit_issues *all, const char *key)
{
    struct awaited *it = find_awaited(all, key);

    if (it == NULL)
        return false;
    *it = all->awaited[--all->awaited_count];
    return true;
}

/* Takes the profile out of those that the order makes; of an order that makes
 * one certificate, entries of old may not tell it. */
static bool
settle_profile(struct awaited *it, const char *profile)
{
    bool is_pair = it->profile[0][0] != '\0' && it->profile[1][0] != '\0';

    for (size_t i = 0; i < 2; i++)
        if (it->profile[i][0] != '\0' &&
            (profile != NULL ? strcmp(it->profile[i], profile) == 0
                             : !is_pair)) {
            it->profile[i][0] = '\0';
            return true;
        }
    return false;
}

/* The first half waits for the second, which makes them a pair. */
static void
join(struct audit_issues *all, const char *order_id,
     const struct api_certificate_ref *ref, bool is_last)
{
    struct half *half = &all->half;
    struct api_certificate_ref other = {.issuer = half->issuer};

    if (strcmp(half->order_id, order_id) == 0) {
        memcpy(other.serial, half->serial, sizeof other.serial);
        audit_certificates_pair(all->certificates, &other, ref);
        half->order_id[0] = '\0';
    } else if (!is_last) {
        memcpy(half->order_id, order_id, strlen(order_id) + 1);
        memcpy(half->issuer, ref->issuer, strlen(ref->issuer) + 1);
        memcpy(half->serial, ref->serial, sizeof half->serial);
    }
}

/* One order, one certificate or one pair, and none without (reliability.md,
 * incident 23). */
static bool
read_issued(struct audit_issues *all, const json_t *entry, struct error *err)
{
    const char *order_id, *serial, *profile;
    struct api_certificate_ref ref = {0};
    struct awaited *it;
    bool is_last;
    size_t len;

    if (!json_get_text(entry, "order_id", TEXT_UUID_LEN, &order_id, err) ||
        !json_get_text(entry, "subject", TEXT_UUID_LEN, &serial, err) ||
        !json_get_text(entry, "issuer", API_NAME_MAX, &ref.issuer, err) ||
        !json_find_text(entry, "profile", API_NAME_MAX, &profile, err))
        return false;
    if ((it = find_awaited(all, order_id)) == NULL)
        return settle(all, serial) ||
               error_set(err, ERROR_DENIED,
                         "certificate %s was issued without an order, or as "
                         "one more than order %s makes",
                         serial, order_id);
    if (!settle_profile(it, profile))
        return error_set(err, ERROR_DENIED,
                         "certificate %s is of another profile than order %s "
                         "makes",
                         serial, order_id);
    if (!text_unhex(serial, ref.serial, sizeof ref.serial, &len))
        return error_set(err, ERROR_INPUT, "\"subject\" is no serial");
    is_last = it->profile[0][0] == '\0' && it->profile[1][0] == '\0';
    join(all, order_id, &ref, is_last);
    if (is_last)
        (void)settle(all, order_id);
    return true;
}

/* A half of a pair whose state changed. */
static bool
read_changed(struct audit_issues *all, const json_t *entry, struct error *err)
{
    struct api_certificate_ref ref = {0};
    const struct audit_certificate *c;
    const char *order_id, *serial;
    struct changed *new;
    size_t len;

    if (!json_get_text(entry, "order_id", TEXT_UUID_LEN, &order_id, err) ||
        !json_get_text(entry, "subject", TEXT_UUID_LEN, &serial, err) ||
        !json_get_text(entry, "issuer", API_NAME_MAX, &ref.issuer, err))
        return false;
    if (!text_unhex(serial, ref.serial, sizeof ref.serial, &len))
        return error_set(err, ERROR_INPUT, "\"subject\" is no serial");
    c = audit_certificates_find(all->certificates, &ref);
    if (c == NULL || !c->has_mate)
        return true;
    memcpy(all->changer, order_id, strlen(order_id) + 1);
    all->changed = base_grow(all->changed, all->changed_count,
                             &all->changed_room, sizeof *all->changed);
    new = &all->changed[all->changed_count++];
    new->issuer = c->issuer;
    memcpy(new->serial, c->serial, sizeof new->serial);
    return true;
}

/* What an order does to a pair it does in one transaction, so in entries that
 * follow each other. A half that was revoked before stays so. */
static bool
check_mates(struct audit_issues *all, struct error *err)
{
    const struct audit_certificate *left = NULL;
    char serial[2 * API_SERIAL_LEN + 1];

    for (size_t i = 0; i < all->changed_count; i++) {
        const struct audit_certificate *c = audit_certificates_at(
            all->certificates, all->changed[i].issuer, all->changed[i].serial);
        const struct audit_certificate *mate =
            audit_certificates_mate(all->certificates, c);

        if ((mate->is_valid || mate->is_held) &&
            (mate->is_valid != c->is_valid || mate->is_held != c->is_held))
            left = mate;
    }
    all->changed_count = 0;
    if (left == NULL)
        return true;
    text_hex(left->serial, sizeof left->serial, serial);
    return error_set(err, ERROR_DENIED,
                     "certificate %s was left as it was when order %s changed "
                     "the other half of the pair",
                     serial, all->changer);
}

static bool
check_half(struct audit_issues *all, struct error *err)
{
    struct half half = all->half;

    if (half.order_id[0] == '\0')
        return true;
    all->half.order_id[0] = '\0';
    (void)settle(all, half.order_id);
    return error_set(err, ERROR_DENIED,
                     "order %s makes a pair, and one half alone was issued",
                     half.order_id);
}

bool
audit_issues_read(struct audit_issues *all, const json_t *entry,
                  const char *event, struct error *err)
{
    const char *subject;

    if (!json_get_text(entry, "subject", 4096, &subject, err))
        return false;
    if (strcmp(event, "certificate.issued") == 0)
        return read_issued(all, entry, err);
    if (strcmp(event, "certificate.held") == 0 ||
        strcmp(event, "certificate.released") == 0 ||
        strcmp(event, "certificate.revoked") == 0)
        return read_changed(all, entry, err);
    if (strcmp(event, "certificate.intended") == 0)
        (void)await(all, subject);
    else if (strcmp(event, "order.failed") == 0)
        (void)settle(all, subject);
    return true;
}

bool
audit_issues_check(struct audit_issues *all, const json_t *entry,
                   const char *event, struct error *err)
{
    const char *order_id =
        json_string_value(json_object_get(entry, "order_id"));
    bool is_issued = strcmp(event, "certificate.issued") == 0;
    bool is_change = !is_issued && strncmp(event, "certificate.", 12) == 0;

    if ((!is_issued || order_id == NULL ||
         strcmp(order_id, all->half.order_id) != 0) &&
        !check_half(all, err))
        return false;
    return (is_change && order_id != NULL &&
            strcmp(order_id, all->changer) == 0) ||
           check_mates(all, err);
}

bool
audit_issues_end(struct audit_issues *all, struct error *err)
{
    return check_half(all, err) && check_mates(all, err);
}
