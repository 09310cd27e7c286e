/* Judging an issuing order, pure; see ca-core/order.h. */
#include "ca-core/order.h"

#include <string.h>

#include "ca-core/key_check.h"

/* Five words for what others call "renew" (design.md): each names its end. */
static const unsigned validity_rules[API_KIND_COUNT] = {
    [API_ISSUE] = 1u << API_VALIDITY_YEARS | 1u << API_VALIDITY_DAYS,
    [API_RENEW] = 1u << API_VALIDITY_YEARS | 1u << API_VALIDITY_EXTEND,
    [API_REKEY] = 1u << API_VALIDITY_KEEP,
    [API_REISSUE] = 1u << API_VALIDITY_KEEP,
    [API_CHANGE] = 1u << API_VALIDITY_KEEP,
};

bool
order_check_shape(const struct api_order *order, int64_t now,
                  int64_t tolerance_s, struct error *err)
{
    if (order->created_at > now + tolerance_s)
        return error_set(err, ERROR_INPUT, "created_at lies in the future");
    if (order->invalidity_date > now)
        return error_set(err, ERROR_INPUT,
                         "invalidity_date lies in the future");
    if (api_kind_is_issuing(order->kind) &&
        (validity_rules[order->kind] & (1u << order->validity.rule)) == 0)
        return error_set(err, ERROR_INPUT,
                         "an order of kind %s has no validity by %s",
                         api_kind_name(order->kind),
                         validity_rule_name(order->validity.rule));
    return true;
}

bool
order_check_activation(const struct api_order *order, int64_t max_s,
                       struct error *err)
{
    if (order->activation_until - order->created_at <= max_s ||
        order->activation_until == 0)
        return true;
    return error_set(err, ERROR_INPUT,
                     "activation: until is more than %lld days after "
                     "created_at",
                     (long long)(max_s / 86400));
}

bool
order_check_pair(const struct order_world *world, const struct api_order *order,
                 const struct profile *first, const struct profile *second,
                 struct error *err)
{
    enum profile_family family = profile_family(order->encryption.key_type);
    const unsigned signing = KEY_USAGE_DIGITAL_SIGNATURE |
                             KEY_USAGE_NON_REPUDIATION |
                             KEY_USAGE_KEY_CERT_SIGN | KEY_USAGE_CRL_SIGN;

    if (!world->makes_pairs)
        return error_set(err, ERROR_INPUT,
                         "this CA makes no pairs: it has no key management "
                         "centre (ca.kmc_url)");
    if (second == NULL)
        return error_set(err, ERROR_INPUT, "no profile %s",
                         order->encryption.profile);
    if (first == second)
        return error_set(err, ERROR_INPUT,
                         "profile %s is that of the first certificate",
                         second->name);
    /* Who keeps the key could sign in the holder's name. */
    if (second->is_ca || (second->key_usage[family] & signing) != 0)
        return error_set(err, ERROR_INPUT,
                         "profile %s is for keys that sign, which nobody else "
                         "may keep",
                         second->name);
    return order_check_profile(second, order->kind, err);
}

bool
order_check_transport(struct der spki, struct error *err)
{
    struct public_key key = {0};
    bool ok = public_key_parse(spki, &key, err) &&
              (profile_family(key.type) == PROFILE_RSA ||
               error_set(err, ERROR_INPUT, "no RSA key")) &&
              key_check(&key, spki, NULL, NULL, err);

    public_key_clear(&key);
    return ok || error_wrap(err, "the transport key");
}

bool
order_check_profile(const struct profile *profile, enum api_kind kind,
                    struct error *err)
{
    if (profile->ordered_by != PROFILE_BY_OFFICERS)
        return error_set(err, ERROR_INPUT,
                         "profile %s is not for orders of officers",
                         profile->name);
    if (!profile->is_kind_allowed[kind])
        return error_set(err, ERROR_INPUT, "profile %s does not allow %s",
                         profile->name, api_kind_name(kind));
    return true;
}

bool
order_choose_issuer(const struct issuer_set *set, const struct profile *profile,
                    const char *name, const struct issuer **out,
                    struct error *err)
{
    const struct issuer *chosen = NULL;

    for (size_t i = 0; i < set->count; i++) {
        const struct issuer *issuer = &set->at[i];

        if (name != NULL ? strcmp(issuer->row.name, name) != 0
                         : issuer->row.state != DB_ISSUER_ACTIVE)
            continue;
        if (!profile_allows_issuer(profile, issuer->row.name,
                                   issuer->row.is_root))
            continue;
        if (chosen == NULL || issuer->row.generation > chosen->row.generation)
            chosen = issuer;
    }
    if (chosen == NULL)
        return error_set(err, ERROR_INPUT, "profile %s: no issuer %s",
                         profile->name, name != NULL ? name : "is active");
    if (chosen->row.state != DB_ISSUER_ACTIVE)
        return error_set(err, ERROR_CONFLICT, "issuer %s is %s",
                         chosen->row.name,
                         db_issuer_state_name(chosen->row.state));
    if (chosen->key == NULL)
        return error_set(err, ERROR_BUSY, "the key of issuer %s is away",
                         chosen->row.name);
    *out = chosen;
    return true;
}

bool
order_check_predecessor(const struct api_order *order,
                        const struct profile *profile,
                        const struct issuer *issuer_of_predecessor,
                        const struct db_certificate *predecessor, int64_t now,
                        struct error *err)
{
    bool may_be_held = order->kind == API_REISSUE || order->kind == API_REKEY;
    bool is_held = predecessor->state == DB_CERTIFICATE_HELD;

    if (predecessor->state != DB_CERTIFICATE_VALID && !(is_held && may_be_held))
        return error_set(err, ERROR_CONFLICT,
                         "the predecessor is %s, which does not allow %s",
                         db_certificate_state_name(predecessor->state),
                         api_kind_name(order->kind));
    if (is_held && order->fate.action == API_FATE_HOLD)
        return error_set(err, ERROR_CONFLICT,
                         "the predecessor is held already");
    if (predecessor->not_after < now)
        return error_set(err, ERROR_CONFLICT, "the predecessor has expired");
    if (strcmp(predecessor->profile, profile->name) != 0)
        return error_set(err, ERROR_INPUT,
                         "the predecessor's profile is %s, not %s",
                         predecessor->profile, profile->name);
    if (!profile_allows_issuer(profile, issuer_of_predecessor->row.name,
                               issuer_of_predecessor->row.is_root))
        return error_set(err, ERROR_INPUT,
                         "the predecessor's issuer is of another family");
    if (predecessor->account != NULL &&
        strcmp(predecessor->account, order->account) != 0)
        return error_set(err, ERROR_DENIED,
                         "the predecessor belongs to another account");
    return true;
}

bool
order_check_key(const struct api_order *order, const struct profile *profile,
                const struct db_certificate *predecessor,
                const uint8_t spki_sha256[32],
                const struct db_certificate_count *key, struct error *err)
{
    if ((order->kind == API_REISSUE || order->kind == API_REKEY) &&
        memcmp(predecessor->spki_sha256, spki_sha256, 32) == 0)
        return error_set(err, ERROR_INPUT, "%s needs a new key",
                         api_kind_name(order->kind));
    if (predecessor != NULL && order->fate.action == API_FATE_REVOKE &&
        order->fate.reason == API_REASON_KEY_COMPROMISE &&
        memcmp(predecessor->spki_sha256, spki_sha256, 32) == 0)
        return error_set(err, ERROR_INPUT,
                         "the key of the predecessor is compromised");
    if (profile->is_key_unique && key->others > 0)
        return error_set(err, ERROR_CONFLICT,
                         "another certificate has this key");
    return true;
}

bool
order_check_subject(const struct profile *profile,
                    const struct db_certificate_count *subject,
                    struct error *err)
{
    if (profile->is_subject_unique && subject->others > 0)
        return error_set(err, ERROR_CONFLICT,
                         "another certificate of profile %s has this subject",
                         profile->name);
    return true;
}
