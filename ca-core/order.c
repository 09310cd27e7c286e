/* Judging an issuing order and planning its certificate; see ca-core/order.h.
 */
#include "ca-core/order.h"

#include <string.h>

#include "ca-core/csr.h"
#include "ca-core/heritage.h"
#include "ca-core/key_check.h"
#include "ca-core/lint.h"
#include "ca-core/tbs.h"

/* ---- The judges -------------------------------------------------------- */

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

/* ---- The plan ---------------------------------------------------------- */

/* What is needed on the way and not after. */
struct planning {
    const struct order_world *world;
    const struct issuer_set *set;
    struct db *db;
    const struct api_order *order;
    int64_t now;
    struct der request; /* of the order or its device */
    bool is_made_up;    /* there is none yet */
    struct buf made_up;
    struct csr csr;
    struct heritage heritage;
    struct db_certificate_ref predecessor; /* if there is one */
    struct order_plan *plan;
};

static bool
is_blocked(void *arg, const uint8_t digest[PUBLIC_KEY_DIGEST_LEN],
           bool *is_blocked_out, struct error *err)
{
    const struct planning *p = arg;

    return db_key_is_blocked(p->db, digest, is_blocked_out, err);
}

/* The key type that the made-up key of a check has. */
static enum hsm_key_type
any_key_type(const struct profile *profile)
{
    enum hsm_key_type type = HSM_KEY_EC_P256;

    if (!profile->is_key_allowed[type])
        for (int i = 0; i < HSM_KEY_TYPE_COUNT; i++)
            if (profile->is_key_allowed[i])
                type = (enum hsm_key_type)i;
    return type;
}

static bool
plan_key(struct planning *p, struct error *err)
{
    if (p->is_made_up) {
        if (!csr_make_up(any_key_type(p->plan->profile), &p->made_up, err))
            return false;
        p->request = (struct der){p->made_up.data, p->made_up.len};
    }
    return csr_parse(p->request.data, p->request.len, &p->csr, err) &&
           profile_check_key(p->plan->profile, p->csr.key.type, err) &&
           key_check(&p->csr.key, p->csr.spki, is_blocked, p, err) &&
           public_key_digest(p->csr.spki, p->plan->spki_sha256, err);
}

static bool
plan_predecessor(struct planning *p, struct error *err)
{
    const struct api_certificate_ref *ref = &p->order->predecessor;
    const struct issuer *issuer = issuer_find(p->set, ref->issuer);
    struct db_certificate *row;

    if (issuer == NULL)
        return error_set(err, ERROR_INPUT, "predecessor: no issuer %s",
                         ref->issuer);
    if (!db_certificate_get(p->db, issuer->row.issuer_id, ref->serial,
                            &p->plan->predecessor, err))
        return error_wrap(err, "predecessor");
    row = p->plan->predecessor;
    p->predecessor.issuer_id = row->issuer_id;
    memcpy(p->predecessor.serial, row->serial, DB_SERIAL_LEN);
    if (!order_check_predecessor(p->order, p->plan->profile, issuer, row,
                                 p->now, err))
        return false;
    return p->order->kind == API_CHANGE ||
           heritage_read(p->plan->profile, (struct der){row->der, row->der_len},
                         &p->heritage, err);
}

static bool
plan_subject(struct planning *p, struct error *err)
{
    struct order_plan *plan = p->plan;
    struct api_subject applied;

    if (p->order->has_subject) {
        if (!profile_apply_subject(plan->profile, &p->order->subject, &applied,
                                   err) ||
            !name_encode(&applied, &plan->subject, err))
            return error_wrap(err, "subject");
    } else {
        buf_add(&plan->subject, p->heritage.subject.data,
                p->heritage.subject.len);
    }
    return name_format((struct der){plan->subject.data, plan->subject.len},
                       &plan->subject_text, err);
}

static bool
plan_uniqueness(struct planning *p, struct error *err)
{
    struct order_plan *plan = p->plan;
    const struct db_certificate_ref *predecessor =
        plan->predecessor != NULL ? &p->predecessor : NULL;
    struct db_certificate_count key = {0}, subject = {0};

    plan->key_all = plan->subject_all = -1;
    if (plan->profile->is_key_unique) {
        if (!db_certificate_count_key(p->db, plan->spki_sha256, predecessor,
                                      &key, err))
            return false;
        plan->key_all = key.all;
    }
    if (plan->profile->is_subject_unique) {
        if (!db_certificate_count_subject(p->db, plan->issuer->row.issuer_id,
                                          plan->profile->name,
                                          buf_text(&plan->subject_text),
                                          predecessor, p->now, &subject, err))
            return false;
        plan->subject_all = subject.all;
    }
    return order_check_key(p->order, plan->profile, plan->predecessor,
                           plan->spki_sha256, &key, err) &&
           order_check_subject(plan->profile, &subject, err);
}

static bool
plan_validity(struct planning *p, struct error *err)
{
    struct order_plan *plan = p->plan;
    struct validity_period old;

    if (plan->predecessor != NULL)
        old = (struct validity_period){plan->predecessor->not_before,
                                       plan->predecessor->not_after};
    return validity_resolve(&p->order->validity, &plan->profile->validity,
                            p->now, plan->predecessor != NULL ? &old : NULL,
                            plan->issuer->row.not_after, &plan->period, err);
}

static bool
plan_tbs(struct planning *p, struct error *err)
{
    const struct issuer *issuer = p->plan->issuer;
    bool is_copied = !p->order->has_subject;
    struct tbs_input input = {
        .scheme = issuer->scheme,
        .issuer = {issuer->row.subject, issuer->row.subject_len},
        .issuer_key_id = {issuer->key_id, issuer->key_id_len},
        .period = p->plan->period,
        .subject = {p->plan->subject.data, p->plan->subject.len},
        .spki = p->csr.spki,
        .key_type = p->csr.key.type,
        .san = is_copied ? p->heritage.san : p->order->san,
        .san_count = is_copied ? p->heritage.san_count : p->order->san_count,
        .organization_code = is_copied ? p->heritage.organization_code
                                       : p->order->organization_code,
        .publish_url = p->world->publish_url,
        .issuer_name = issuer->row.name,
    };
    struct lint_issuer judged = {
        .subject = input.issuer,
        .key_id = input.issuer_key_id,
        .not_after = issuer->row.not_after,
    };

    if (!serial_draw(&p->plan->serial, err))
        return false;
    input.serial = p->plan->serial;
    return tbs_build(p->plan->profile, &input, &p->plan->tbs, err) &&
           lint_tbs(p->plan->profile, &judged,
                    (struct der){p->plan->tbs.data, p->plan->tbs.len},
                    issuer->scheme, NULL, err);
}

bool
order_plan(const struct order_world *world, const struct issuer_set *set,
           struct db *db, const struct api_order *order, const struct der *csr,
           int64_t now, struct order_plan *out, struct error *err)
{
    struct planning p = {.world = world,
                         .set = set,
                         .db = db,
                         .order = order,
                         .now = now,
                         .made_up = BUF_INIT(CSR_MAX_LEN),
                         .plan = out};
    bool ok;

    memset(out, 0, sizeof *out);
    out->subject.limit = NAME_MAX_LEN;
    out->subject_text.limit = 8 * NAME_MAX_LEN; /* escaped */
    out->tbs.limit = TBS_MAX_LEN;
    if (order->csr != NULL)
        p.request = (struct der){order->csr, order->csr_len};
    else if (csr != NULL)
        p.request = *csr;
    else
        p.is_made_up = true;
    if (!order_check_shape(order, now, world->clock_tolerance_s, err) ||
        !order_check_activation(order, world->activation_max_s, err))
        return false;
    out->profile = profile_set_find(world->profiles, order->profile);
    if (out->profile == NULL)
        return error_set(err, ERROR_INPUT, "no profile %s", order->profile);
    /* Cheap rules first, the signature of the request before the database. */
    ok = order_check_profile(out->profile, order->kind, err) &&
         order_choose_issuer(set, out->profile, order->issuer, &out->issuer,
                             err) &&
         plan_key(&p, err) &&
         (order->kind == API_ISSUE || plan_predecessor(&p, err)) &&
         plan_subject(&p, err) && plan_validity(&p, err) &&
         plan_uniqueness(&p, err) && plan_tbs(&p, err);
    csr_clear(&p.csr);
    buf_clear(&p.made_up);
    heritage_clear(&p.heritage);
    return ok;
}

void
order_plan_clear(struct order_plan *plan)
{
    buf_clear(&plan->subject);
    buf_clear(&plan->subject_text);
    buf_clear(&plan->tbs);
    db_certificate_free(plan->predecessor);
    plan->predecessor = NULL;
}
