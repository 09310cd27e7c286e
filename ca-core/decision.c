/* Judging decisions; see ca-core/decision.h. */
#include "ca-core/decision.h"

#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "ca-core/key_check.h"
#include "ca-core/order.h"

/* ---- What is needed ---------------------------------------------------- */

static const enum api_role step_role[API_STEP_COUNT] = {
    [API_STEP_ENTRY] = API_ROLE_INTAKE_CLERK,
    [API_STEP_FIRST_REVIEW] = API_ROLE_FIRST_REVIEWER,
    [API_STEP_SECOND_REVIEW] = API_ROLE_SECOND_REVIEWER,
    [API_STEP_ADMINISTRATION] = API_ROLE_BUSINESS_ADMINISTRATOR,
    [API_STEP_SECOND_ADMINISTRATION] = API_ROLE_BUSINESS_ADMINISTRATOR,
    [API_STEP_MAKING] = API_ROLE_MAKER,
    [API_STEP_HOLDER] = API_ROLE_COUNT, /* no officer's */
};

enum {
    ENTRY = 1 << API_STEP_ENTRY,
    FIRST = 1 << API_STEP_FIRST_REVIEW,
    SECOND = 1 << API_STEP_SECOND_REVIEW,
    REVIEWS = FIRST | SECOND,
    ADMINISTRATION =
        1 << API_STEP_ADMINISTRATION | 1 << API_STEP_SECOND_ADMINISTRATION,
    MAKING = 1 << API_STEP_MAKING,
    HOLDER = 1 << API_STEP_HOLDER,
};

/* Steps of an order as bits, and what all of them say. */
struct need {
    unsigned all, any, allowed; /* each of `all`; one of `any`, if there is */
    enum api_verdict verdict;
};

/* Without a holder's. */
static struct need
need_of(const struct api_order *order)
{
    switch (order->kind) {
    case API_ENROLL_OFFICER:
    case API_DISMISS_OFFICER:
    case API_ENROLL_CREDENTIAL:
        return (struct need){.all = ADMINISTRATION, .allowed = ADMINISTRATION};
    case API_HOLD:
        /* What the first reviewer passed is held until the second decides:
         * domain.md, 1.8 #15 and #17. */
        if (order->pending != NULL)
            return (struct need){.all = FIRST, .allowed = FIRST};
        /* Holding must be quick, and a release undoes it. */
        return (struct need){.any = REVIEWS, .allowed = REVIEWS | ENTRY};
    case API_RELEASE:
        if (order->pending != NULL)
            return (struct need){
                .all = SECOND, .allowed = SECOND, .verdict = API_REJECT};
        break;
    case API_RECOVER:
        /* Who approved the order that asked for the keys approved that, and the
         * maker named the device that they go into. */
        if (order->pending != NULL)
            return need_of(order->pending);
        break;
    default:
        break;
    }
    return order->activation_until != 0
               ? (struct need){.all = REVIEWS | MAKING,
                               .allowed = REVIEWS | MAKING | ENTRY}
               : (struct need){.all = REVIEWS, .allowed = REVIEWS | ENTRY};
}

const char *const *
decision_steps(const struct api_order *order)
{
    static const char *const reviews[] = {"first-review", "second-review",
                                          NULL};
    static const char *const made[] = {"first-review", "second-review",
                                       "making", NULL};
    static const char *const first[] = {"first-review", NULL};
    static const char *const second[] = {"second-review", NULL};
    static const char *const administration[] = {"administration",
                                                 "second-administration", NULL};
    struct need need = need_of(order);

    if (need.all == ADMINISTRATION)
        return administration;
    if ((need.all & MAKING) != 0)
        return made;
    if (need.all == SECOND)
        return second;
    return need.all == REVIEWS ? reviews : first;
}

bool
decision_is_by_holder(const struct api_envelope *envelope)
{
    for (size_t i = 0; i < envelope->decision_count; i++)
        if (envelope->decision[i].step == API_STEP_HOLDER)
            return true;
    return false;
}

/* What a holder decides alone: domain.md, 1.4 (RENEW has no review) and, for
 * their own certificate, the end of it. */
static bool
is_holders(const struct api_order *order)
{
    if (order->kind == API_RENEW)
        return true;
    return order->kind == API_REVOKE &&
           (order->reason == API_REASON_SUPERSEDED ||
            order->reason == API_REASON_CESSATION_OF_OPERATION ||
            order->reason == API_REASON_KEY_COMPROMISE ||
            order->reason == API_REASON_UNSPECIFIED);
}

static bool
check_decided(const struct api_envelope *envelope, const struct need *need,
              unsigned *seen, struct error *err)
{
    *seen = 0;
    for (size_t i = 0; i < envelope->decision_count; i++) {
        const struct api_decision *decision = &envelope->decision[i];
        const char *step = api_step_name(decision->step);
        unsigned bit = 1u << decision->step;

        if ((need->allowed & bit) == 0)
            return error_set(err, ERROR_DENIED,
                             "this order of kind %s has no step %s",
                             api_kind_name(envelope->order->kind), step);
        if ((*seen & bit) != 0)
            return error_set(err, ERROR_DENIED, "step %s was decided twice",
                             step);
        if (decision->verdict != need->verdict)
            return error_set(err, ERROR_DENIED, "step %s says %s, not %s", step,
                             api_verdict_name(decision->verdict),
                             api_verdict_name(need->verdict));
        *seen |= bit;
    }
    return true;
}

static bool
check_steps(const struct api_envelope *envelope, struct error *err)
{
    struct need need = need_of(envelope->order);
    unsigned seen;

    if (decision_is_by_holder(envelope) && is_holders(envelope->order))
        need = (struct need){.all = HOLDER, .allowed = HOLDER};
    if (!check_decided(envelope, &need, &seen, err))
        return false;
    if ((seen & need.any) != 0)
        return true;
    for (int step = 0; step < API_STEP_COUNT; step++)
        if (((need.all | need.any) & ~seen & (1u << step)) != 0)
            return error_set(err, ERROR_DENIED, "step %s is missing",
                             api_step_name((enum api_step)step));
    return true;
}

/* ---- Who decided ------------------------------------------------------- */

/* Whether `roles` ("a,b,c") lists the role. */
static bool
has_role(const char *roles, enum api_role role)
{
    const char *name = api_role_name(role);
    size_t len = strlen(name);

    for (const char *p = roles; *p != '\0';) {
        size_t word = strcspn(p, ",");

        if (word == len && strncmp(p, name, len) == 0)
            return true;
        p += word;
        p += *p == ',';
    }
    return false;
}

static const struct decision_credential *
find_credential(const struct decision_credential *credentials, size_t count,
                const uint8_t id[32])
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(credentials[i].row->credential_id, id, 32) == 0)
            return &credentials[i];
    return NULL;
}

/* What waits for a device, itself or as what a recovery is for; else NULL. */
static const struct api_order *
find_waiting(const struct api_order *order)
{
    if (order->kind == API_RECOVER && order->pending != NULL)
        order = order->pending;
    return order->activation_until != 0 ? order : NULL;
}

/* Of officers and holders alike: decided neither too long ago nor in the
 * future, and the credential valid then and still now: who may no longer decide
 * may not have an old decision carried out either. */
static bool
check_time(const struct decision_case *what,
           const struct api_decision *decision, int64_t not_before,
           int64_t not_after, struct error *err)
{
    const struct api_order *order = what->envelope->order;
    const struct api_order *waiting = find_waiting(order);
    int64_t now = what->now, at = decision->decided_at;
    int64_t age_max = order->kind == API_REVOKE ? DECISION_REVOCATION_AGE_MAX_S
                                                : DECISION_AGE_MAX_S;

    if (at > now + what->tolerance_s)
        return error_set(err, ERROR_DENIED, "decided in the future");
    /* What waits for a device is decided long before it is done. */
    if (waiting != NULL) {
        if (at < waiting->created_at - what->tolerance_s)
            return error_set(err, ERROR_DENIED,
                             "decided before the order was made");
    } else if (at < now - age_max) {
        return error_set(err, ERROR_DENIED, "decided more than %lld days ago",
                         (long long)age_max / 86400);
    }
    return (at >= not_before - what->tolerance_s && at <= not_after &&
            now >= not_before && now <= not_after) ||
           error_set(err, ERROR_DENIED,
                     "the credential is not valid then or now");
}

static bool
check_officer(const struct decision_case *what,
              const struct api_decision *decision,
              const struct db_credential *credential, struct error *err)
{
    const struct db_officer *officer = &credential->officer;

    if (strcmp(officer->officer_id, decision->officer_id) != 0)
        return error_set(err, ERROR_DENIED,
                         "the credential is not officer %s's",
                         decision->officer_id);
    if (!officer->is_active)
        return error_set(err, ERROR_DENIED, "officer %s is dismissed",
                         decision->officer_id);
    if (!credential->is_active)
        return error_set(err, ERROR_DENIED,
                         "the credential of officer %s is revoked",
                         decision->officer_id);
    if (!has_role(officer->roles, step_role[decision->step]))
        return error_set(err, ERROR_DENIED, "officer %s is no %s",
                         decision->officer_id,
                         api_role_name(step_role[decision->step]));
    if (!check_time(what, decision, credential->not_before,
                    credential->not_after, err))
        return error_wrap(err, "officer %s", decision->officer_id);
    if (decision->decided_at < officer->since - what->tolerance_s)
        return error_set(err, ERROR_DENIED, "officer %s was not enrolled yet",
                         decision->officer_id);
    return true;
}

bool
decision_same_person(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

/* Nobody decides about themselves. */
static bool
check_interest(const struct api_order *order, const struct db_officer *officer,
               struct error *err)
{
    if (order->person != NULL &&
        decision_same_person(order->person, officer->person))
        return error_set(err, ERROR_DENIED, "the applicant may not decide");
    if (order->kind == API_ENROLL_OFFICER &&
        (decision_same_person(order->officer.person, officer->person) ||
         strcmp(order->officer.officer_id, officer->officer_id) == 0))
        return error_set(err, ERROR_DENIED,
                         "the officer to be enrolled may not decide");
    if ((order->kind == API_DISMISS_OFFICER ||
         order->kind == API_ENROLL_CREDENTIAL) &&
        strcmp(order->officer_id, officer->officer_id) == 0)
        return error_set(err, ERROR_DENIED,
                         "the officer whom it is about may not decide");
    return true;
}

static bool
check_different(const struct api_envelope *envelope,
                const struct decision_credential *const *by, struct error *err)
{
    for (size_t i = 0; i < envelope->decision_count; i++)
        for (size_t j = 0; j < i; j++)
            /* One human being has one row, but a register may be wrong: the
             * personnel number says who it is. */
            if (strcmp(by[i]->row->officer.officer_id,
                       by[j]->row->officer.officer_id) == 0 ||
                decision_same_person(by[i]->row->officer.person,
                                     by[j]->row->officer.person))
                return error_set(err, ERROR_DENIED,
                                 "one person decided %s and %s",
                                 api_step_name(envelope->decision[j].step),
                                 api_step_name(envelope->decision[i].step));
    return true;
}

/* ---- A device that completes, or carries ------------------------------- */

/* A device, and what it signed of its transport key; transport.len 0: none. */
struct vouched {
    const char *serial;
    struct der spki, transport;
    const uint8_t *signature;
    size_t signature_len;
};

static struct vouched
completing(const struct api_completion *completion)
{
    return (struct vouched){
        .serial = completion->serial,
        .spki = {completion->spki, completion->spki_len},
        .transport = {completion->transport, completion->transport_len},
        .signature = completion->transport_signature,
        .signature_len = completion->transport_signature_len,
    };
}

static struct vouched
carrying(const struct api_carrier *carrier)
{
    return (struct vouched){
        .serial = carrier->serial,
        .spki = {carrier->spki, carrier->spki_len},
        .transport = {carrier->transport, carrier->transport_len},
        .signature = carrier->signature,
        .signature_len = carrier->signature_len,
    };
}

/* The maker said which device, by serial number and key. */
static bool
check_named(const struct api_envelope *envelope, const struct vouched *device,
            struct error *err)
{
    uint8_t digest[HASH_LEN];

    if (!hash_sha256(device->spki.data, device->spki.len, digest, err))
        return false;
    for (size_t i = 0; i < envelope->decision_count; i++) {
        const struct api_device *named = &envelope->decision[i].device;

        if (envelope->decision[i].step == API_STEP_MAKING &&
            strcmp(named->serial, device->serial) == 0 &&
            memcmp(named->spki_sha256, digest, sizeof digest) == 0)
            return true;
    }
    return error_set(err, ERROR_DENIED,
                     "device %s is not the one that the maker named",
                     device->serial);
}

/* With a key no worse than those that are certified. `what` is what it is to
 * have signed. */
static bool
check_signed(const struct vouched *device, const struct buf *message,
             const uint8_t *signature, size_t signature_len, const char *what,
             struct error *err)
{
    struct public_key key = {0};
    bool ok = public_key_parse(device->spki, &key, err) &&
              key_check(&key, device->spki, NULL, NULL, err);

    if (!ok)
        error_wrap(err, "the key of device %s", device->serial);
    if (ok && !api_verify(key.key, message->data, message->len, signature,
                          signature_len, err))
        ok = error_set(err, ERROR_DENIED, "%s is not signed by device %s", what,
                       device->serial);
    public_key_clear(&key);
    return ok;
}

static bool
check_request(const struct api_envelope *envelope, const struct vouched *device,
              struct error *err)
{
    const struct api_completion *completion = &envelope->completion;
    struct buf message = BUF_INIT(API_STATEMENT_MAX);
    bool ok = api_completion_encode(device->serial, completion->csr,
                                    completion->csr_len,
                                    envelope->order->order_id, &message, err) &&
              check_signed(device, &message, completion->signature,
                           completion->signature_len,
                           "the request for this order", err);

    buf_clear(&message);
    return ok;
}

/* Who could put another key in its place would get what is wrapped for it: the
 * device itself says which one is its own. */
static bool
check_transport(const struct vouched *device, struct error *err)
{
    struct buf message = BUF_INIT(API_STATEMENT_MAX);
    bool ok = api_transport_encode(device->serial, device->transport.data,
                                   device->transport.len, &message, err) &&
              check_signed(device, &message, device->signature,
                           device->signature_len, "the transport key", err) &&
              order_check_transport(device->transport, err);

    buf_clear(&message);
    return ok;
}

static bool
check_in_time(const struct decision_case *what, const struct api_order *order,
              struct error *err)
{
    return what->now <= order->activation_until ||
           error_set(err, ERROR_CONFLICT, "the time for activation is over");
}

static bool
check_completion(const struct decision_case *what, struct error *err)
{
    const struct api_envelope *envelope = what->envelope;
    const struct api_order *order = envelope->order;
    struct vouched device = completing(&envelope->completion);
    bool is_pair = order->encryption.profile != NULL;

    if (order->activation_until == 0)
        return order->encryption.transport == NULL ||
               order_check_transport(
                   (struct der){order->encryption.transport,
                                order->encryption.transport_len},
                   err);
    if (envelope->completion.csr == NULL)
        return error_set(err, ERROR_INPUT,
                         "csr, device and device_signature are missing: the "
                         "order waits for its device");
    if (is_pair != (device.transport.len > 0))
        return error_set(err, ERROR_INPUT,
                         is_pair ? "transport and transport_signature are "
                                   "missing: the order makes a pair"
                                 : "transport: the order makes no pair");
    return check_in_time(what, order, err) &&
           check_named(envelope, &device, err) &&
           check_request(envelope, &device, err) &&
           (!is_pair || check_transport(&device, err));
}

/* The device that earlier keys go into: for what is pending it is the one that
 * the maker named. */
static bool
check_carrier(const struct decision_case *what, struct error *err)
{
    const struct api_order *order = what->envelope->order;
    struct vouched device = carrying(&order->carrier);

    if (order->kind != API_RECOVER)
        return true;
    return (order->pending == NULL ||
            (check_in_time(what, order->pending, err) &&
             check_named(what->envelope, &device, err))) &&
           check_transport(&device, err);
}

/* ---- Pending orders ---------------------------------------------------- */

/* Released by a rejection is what was held for the very order that is
 * rejected, and not by who held it. */
static bool
check_hold(const struct decision_case *what, const uint8_t pending_digest[32],
           const struct db_officer *by, struct error *err)
{
    const struct api_order *order = what->envelope->order;
    const struct decision_hold *hold = what->hold;

    if (order->kind != API_RELEASE || order->pending == NULL)
        return true;
    if (hold == NULL || memcmp(hold->pending_digest, pending_digest, 32) != 0)
        return error_set(err, ERROR_DENIED,
                         "these certificates are not held for the pending "
                         "order");
    if (strcmp(hold->officer_id, by->officer_id) == 0 ||
        decision_same_person(hold->person, by->person))
        return error_set(err, ERROR_DENIED,
                         "one person decided first-review and second-review");
    return true;
}

/* ---- The judgement ----------------------------------------------------- */

static bool
judge_signer(const struct decision_case *what, const char *order_id,
             const uint8_t digest[32], struct error *err)
{
    const struct api_decision *decision = &what->envelope->decision[0];
    const struct decision_holder *holder = what->holder;

    if (holder == NULL ||
        memcmp(holder->credential_id, decision->credential_id, 32) != 0)
        return error_set(err, ERROR_DENIED,
                         "the holder's certificate is not the one that the "
                         "order is about");
    if (!holder->is_allowed)
        return error_set(err, ERROR_DENIED,
                         "its profile lets no holder decide");
    if (!holder->is_valid)
        return error_set(err, ERROR_DENIED,
                         "the holder's certificate is held or revoked");
    return check_time(what, decision, holder->not_before, holder->not_after,
                      err) &&
           api_decision_verify(decision, order_id, digest,
                               &(struct api_verifier){.key = holder->key}, err);
}

static bool
judge_holder(const struct decision_case *what, const char *order_id,
             const uint8_t digest[32], struct error *err)
{
    return judge_signer(what, order_id, digest, err) ||
           error_wrap(err, "step holder");
}

static bool
judge_officers(const struct decision_case *what, const struct api_order *over,
               const uint8_t digest[32], struct error *err)
{
    const struct decision_credential *by[API_DECISIONS_MAX];
    const struct api_envelope *envelope = what->envelope;

    for (size_t i = 0; i < envelope->decision_count; i++) {
        const struct api_decision *decision = &envelope->decision[i];

        by[i] = find_credential(what->credential, what->credential_count,
                                decision->credential_id);
        if (by[i] == NULL)
            return error_set(err, ERROR_DENIED,
                             "step %s: a credential that is not registered",
                             api_step_name(decision->step));
        if (!check_officer(what, decision, by[i]->row, err) ||
            !check_interest(envelope->order, &by[i]->row->officer, err) ||
            !check_interest(over, &by[i]->row->officer, err) ||
            !check_hold(what, digest, &by[i]->row->officer, err))
            return error_wrap(err, "step %s", api_step_name(decision->step));
    }
    if (!check_different(envelope, by, err))
        return false;
    for (size_t i = 0; i < envelope->decision_count; i++)
        if (!api_decision_verify(&envelope->decision[i], over->order_id, digest,
                                 &by[i]->verifier, err))
            return false;
    return true;
}

bool
decision_judge(const struct decision_case *what, struct error *err)
{
    const struct api_order *over;
    uint8_t digest[32];

    if (!check_steps(what->envelope, err) ||
        !api_order_signed(what->envelope->order, &over, digest, err))
        return false;
    if (decision_is_by_holder(what->envelope)
            ? !judge_holder(what, over->order_id, digest, err)
            : !judge_officers(what, over, digest, err))
        return false;
    return check_completion(what, err) && check_carrier(what, err);
}
