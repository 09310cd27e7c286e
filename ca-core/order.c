/* Planning the certificates of an issuing order; see ca-core/order.h. */
#include "ca-core/order.h"

#include <pthread.h>
#include <string.h>

#include "ca-core/csr.h"
#include "ca-core/heritage.h"
#include "ca-core/key_check.h"
#include "ca-core/lint.h"
#include "ca-core/tbs.h"

/* ---- The plan ---------------------------------------------------------- */

/* What is needed on the way and not after. */
struct planning {
    const struct order_world *world;
    const struct issuer_set *set;
    struct db *db;
    const struct api_order *order;
    const struct order_plan *first; /* the second of a pair: beside which */
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
judge_key(struct planning *p, struct error *err)
{
    return profile_check_key(p->plan->profile, p->csr.key.type, err) &&
           key_check(&p->csr.key, p->csr.spki, is_blocked, p, err) &&
           public_key_digest(p->csr.spki, p->plan->spki_sha256, err);
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
           judge_key(p, err);
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
    if (p->order->kind != API_CHANGE &&
        !heritage_read(p->plan->profile, (struct der){row->der, row->der_len},
                       &p->heritage, err))
        return false;
    return db_certificate_mate(p->db, row, &p->plan->mate, err);
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

static void
plan_init(struct order_plan *plan)
{
    memset(plan, 0, sizeof *plan);
    plan->subject.limit = NAME_MAX_LEN;
    plan->subject_text.limit = 8 * NAME_MAX_LEN; /* escaped */
    plan->tbs.limit = TBS_MAX_LEN;
}

static void
planning_clear(struct planning *p)
{
    csr_clear(&p->csr);
    buf_clear(&p->made_up);
    heritage_clear(&p->heritage);
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

    plan_init(out);
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
    planning_clear(&p);
    return ok;
}

/* ---- The other half of a pair ------------------------------------------ */

/* A request whose key stands for the one that the centre will make. One of each
 * type for the life of the process: an RSA key takes long to make. */
static bool
stand_in(enum hsm_key_type type, struct der *out, struct error *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct buf request[HSM_KEY_TYPE_COUNT];
    bool ok = true;

    (void)pthread_mutex_lock(&lock);
    if (request[type].len == 0) {
        request[type].limit = CSR_MAX_LEN;
        ok = csr_make_up(type, &request[type], err);
    }
    (void)pthread_mutex_unlock(&lock);
    *out = (struct der){request[type].data, request[type].len};
    return ok;
}

static bool
plan_second_key(struct planning *p, const struct der *spki, struct error *err)
{
    enum hsm_key_type type = p->order->encryption.key_type;
    bool ok;

    if (spki == NULL) {
        ok = stand_in(type, &p->request, err) &&
             csr_parse(p->request.data, p->request.len, &p->csr, err);
    } else {
        p->csr.spki = *spki;
        ok = public_key_parse(*spki, &p->csr.key, err);
    }
    if (ok && p->csr.key.type != type)
        ok = error_set(err, ERROR_INTERNAL, "the key is of another type");
    return ok && judge_key(p, err);
}

static bool
plan_second_predecessor(struct planning *p, struct error *err)
{
    const struct order_plan *first = p->first;
    const struct db_certificate *old = first->predecessor;
    const struct db_certificate *mate = first->mate;
    const struct issuer *issuer;

    /* Names are those of the first, as it copies them. */
    if (old != NULL && p->order->kind != API_CHANGE &&
        !heritage_read(first->profile, (struct der){old->der, old->der_len},
                       &p->heritage, err))
        return false;
    if (mate == NULL)
        return true;
    issuer = issuer_by_id(p->set, mate->issuer_id);
    if (issuer == NULL)
        return error_set(err, ERROR_INTERNAL, "its issuer is not there");
    p->predecessor.issuer_id = mate->issuer_id;
    memcpy(p->predecessor.serial, mate->serial, DB_SERIAL_LEN);
    return order_check_predecessor(p->order, p->plan->profile, issuer, mate,
                                   p->now, err) &&
           db_certificate_get(p->db, mate->issuer_id, mate->serial,
                              &p->plan->predecessor, err);
}

/* The same octets, which the other profile must allow too. */
static bool
plan_second_subject(struct planning *p, struct error *err)
{
    const struct order_plan *first = p->first;
    struct buf encoded = BUF_INIT(NAME_MAX_LEN);
    struct api_subject applied;
    bool ok = true;

    if (p->order->has_subject)
        ok = profile_apply_subject(p->plan->profile, &p->order->subject,
                                   &applied, err) &&
             name_encode(&applied, &encoded, err) &&
             ((encoded.len == first->subject.len &&
               memcmp(encoded.data, first->subject.data, encoded.len) == 0) ||
              error_set(err, ERROR_INPUT,
                        "profile %s makes another subject of it than %s",
                        p->plan->profile->name, first->profile->name));
    buf_clear(&encoded);
    buf_add(&p->plan->subject, first->subject.data, first->subject.len);
    buf_add(&p->plan->subject_text, first->subject_text.data,
            first->subject_text.len);
    return ok || error_wrap(err, "subject");
}

/* The same period, by a rule that the other profile has too. */
static bool
plan_second_validity(struct planning *p, struct error *err)
{
    const struct order_plan *first = p->first;
    struct validity_period own, old;

    if (first->predecessor != NULL)
        old = (struct validity_period){first->predecessor->not_before,
                                       first->predecessor->not_after};
    p->plan->period = first->period;
    return validity_resolve(&p->order->validity, &p->plan->profile->validity,
                            p->now, first->predecessor != NULL ? &old : NULL,
                            first->issuer->row.not_after, &own, err);
}

static bool
choose_same_issuer(struct planning *p, struct error *err)
{
    const struct issuer *issuer = p->first->issuer;

    p->plan->issuer = issuer;
    return profile_allows_issuer(p->plan->profile, issuer->row.name,
                                 issuer->row.is_root) ||
           error_set(err, ERROR_INPUT, "profile %s: not under issuer %s",
                     p->plan->profile->name, issuer->row.name);
}

bool
order_plan_second(const struct order_world *world, const struct issuer_set *set,
                  struct db *db, const struct api_order *order,
                  const struct order_plan *first, const struct der *spki,
                  int64_t now, struct order_plan *out, struct error *err)
{
    struct planning p = {.world = world,
                         .set = set,
                         .db = db,
                         .order = order,
                         .first = first,
                         .now = now,
                         .plan = out};
    bool ok;

    plan_init(out);
    out->profile = profile_set_find(world->profiles, order->encryption.profile);
    ok = order_check_pair(world, order, first->profile, out->profile, err) &&
         choose_same_issuer(&p, err) && plan_second_key(&p, spki, err) &&
         plan_second_predecessor(&p, err) && plan_second_subject(&p, err) &&
         plan_second_validity(&p, err) && plan_uniqueness(&p, err) &&
         plan_tbs(&p, err);
    planning_clear(&p);
    return ok || error_wrap(err, "encryption");
}

void
order_plan_clear(struct order_plan *plan)
{
    buf_clear(&plan->subject);
    buf_clear(&plan->subject_text);
    buf_clear(&plan->tbs);
    db_certificate_free(plan->predecessor);
    db_certificate_free(plan->mate);
    plan->predecessor = plan->mate = NULL;
}
