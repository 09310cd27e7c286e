/*
 * The order between JSON and struct api_order: docs/architecture.md, "The
 * order". Which member belongs to which kind stands in one table; the shape of
 * each member in one function.
 */
#include "ca-core/api.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hsm/scheme.h"

enum {
    BIT_ISSUE = 1 << API_ISSUE,
    BIT_RENEW = 1 << API_RENEW,
    BIT_REKEY = 1 << API_REKEY,
    BIT_REISSUE = 1 << API_REISSUE,
    BIT_CHANGE = 1 << API_CHANGE,
    BIT_HOLD = 1 << API_HOLD,
    BIT_RELEASE = 1 << API_RELEASE,
    BIT_REVOKE = 1 << API_REVOKE,
    BIT_ENROLL = 1 << API_ENROLL_OFFICER,
    BIT_DISMISS = 1 << API_DISMISS_OFFICER,
    BIT_CREDENTIAL = 1 << API_ENROLL_CREDENTIAL,
    BIT_RECOVER = 1 << API_RECOVER,
    SUCCEEDING = BIT_RENEW | BIT_REKEY | BIT_REISSUE | BIT_CHANGE,
    ISSUING = BIT_ISSUE | SUCCEEDING,
    NAMING = BIT_ISSUE | BIT_CHANGE,
    CHANGING = BIT_HOLD | BIT_RELEASE | BIT_REVOKE,
    ACTIVATED = BIT_ISSUE | BIT_REISSUE | BIT_CHANGE,
    PAIRED = BIT_RENEW | ACTIVATED,
    PENDING = BIT_REVOKE | BIT_REISSUE | BIT_CHANGE,
    APPLIED = ISSUING | CHANGING | BIT_RECOVER,
    ALL = APPLIED | BIT_ENROLL | BIT_DISMISS | BIT_CREDENTIAL,
};

/* Places of api_order.owned. */
enum {
    OWNED_SAN,
    OWNED_CSR,
    OWNED_TARGET,
    OWNED_CREDENTIAL,                       /* and the two after it */
    OWNED_TRANSPORT = OWNED_CREDENTIAL + 3, /* of the encryption or carrier */
    OWNED_CARRIER,
};

static const struct {
    const char *name;
    unsigned kinds; /* that may have it */
    bool is_needed; /* by all of these */
} members[] = {
    {"order_id", ALL, true},
    {"kind", ALL, true},
    {"created_at", ALL, true},
    {"applicant", APPLIED, true},
    {"profile", ISSUING, true},
    {"issuer", ISSUING, false},
    {"subject", NAMING, true},
    {"san", NAMING, false},
    {"organization_code", NAMING, false},
    {"csr", ISSUING, false}, /* or activation: read_request() */
    {"activation", ACTIVATED, false},
    {"validity", ISSUING, true},
    {"encryption", PAIRED, false},
    {"predecessor", SUCCEEDING, true},
    {"predecessor_fate", SUCCEEDING, true},
    {"target", CHANGING, true},
    {"reason", BIT_REVOKE, true},
    {"invalidity_date", BIT_REVOKE, false},
    {"pending", BIT_HOLD | BIT_RELEASE | BIT_RECOVER, false},
    {"carrier", BIT_RECOVER, true},
    {"document", BIT_RECOVER, false}, /* or pending: read_recovery() */
    {"officer", BIT_ENROLL, true},
    {"officer_id", BIT_DISMISS | BIT_CREDENTIAL, true},
    {"credential", BIT_CREDENTIAL, true},
};
enum { MEMBER_COUNT = sizeof members / sizeof *members };

static const char *const san_types[] = {"dns", "ip", "email", "uri"};
static const char *const rules[] = {"years", "days", "keep", "extend"};
static const char *const actions[] = {"none", "hold", "revoke"};

bool
api_kind_is_issuing(enum api_kind kind)
{
    return ((1u << kind) & ISSUING) != 0;
}

static bool
check_members(const json_t *object, enum api_kind kind, struct error *err)
{
    const char *name;
    json_t *value;
    size_t i;

    json_object_foreach((json_t *)object, name, value)
    {
        for (i = 0; i < MEMBER_COUNT; i++)
            if (strcmp(members[i].name, name) == 0)
                break;
        if (i == MEMBER_COUNT)
            return error_set(err, ERROR_INPUT, "unknown member '%.64s'", name);
        if ((members[i].kinds & (1u << kind)) == 0)
            return error_set(err, ERROR_INPUT, "an order of kind %s has no %s",
                             api_kind_name(kind), name);
    }
    for (i = 0; i < MEMBER_COUNT; i++)
        if (members[i].is_needed && (members[i].kinds & (1u << kind)) != 0 &&
            json_object_get(object, members[i].name) == NULL)
            return error_set(err, ERROR_INPUT, "an order of kind %s needs %s",
                             api_kind_name(kind), members[i].name);
    return true;
}

/* The index of `name` in `names`; ERROR_INPUT naming `what` if it has none. */
static bool
choose(const char *name, const char *const *names, size_t count,
       const char *what, int *out, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (int)i;
            return true;
        }
    return error_set(err, ERROR_INPUT, "%s '%.32s' is unknown", what, name);
}

static bool
read_uuid(const json_t *object, const char *name, const char **out,
          struct error *err)
{
    if (!json_get_text(object, name, TEXT_UUID_LEN, out, err))
        return false;
    if (!text_is_uuid(*out))
        return error_set(err, ERROR_INPUT, "%s is no lower-case UUID", name);
    return true;
}

static bool
read_hex(const json_t *object, const char *name, uint8_t *out, size_t len,
         struct error *err)
{
    const char *text;
    char again[129];
    size_t got;

    assert(len <= 64);
    if (!json_get_text(object, name, 2 * len, &text, err))
        return false;
    /* One form only: what is signed and what is stored must not differ. */
    if (!text_unhex(text, out, len, &got) || got != len)
        return error_set(err, ERROR_INPUT, "%s is not %zu octets in hex", name,
                         len);
    text_hex(out, len, again);
    if (strcmp(text, again) != 0)
        return error_set(err, ERROR_INPUT, "%s is not in lower case", name);
    return true;
}

static bool
read_applicant(const json_t *object, struct api_order *order, struct error *err)
{
    static const char *const names[] = {"account", "person", NULL};
    json_t *applicant;

    if (!json_get_object(object, "applicant", &applicant, err))
        return false;
    if (!json_only(applicant, names, err) ||
        !json_get_text(applicant, "account", 128, &order->account, err) ||
        !json_get_text(applicant, "person", 128, &order->person, err))
        return error_wrap(err, "applicant");
    if (order->account[0] == '\0' || order->person[0] == '\0')
        return error_set(err, ERROR_INPUT, "applicant: empty");
    return true;
}

static bool
read_subject(const json_t *object, struct api_order *order, struct error *err)
{
    const char *names[API_ATTRIBUTE_COUNT + 1] = {NULL};
    json_t *subject;

    if (!json_get_object(object, "subject", &subject, err))
        return false;
    for (int i = 0; i < API_ATTRIBUTE_COUNT; i++)
        names[i] = api_attribute_name((enum api_attribute)i);
    if (!json_only(subject, names, err))
        return error_wrap(err, "subject");
    for (int i = 0; i < API_ATTRIBUTE_COUNT; i++)
        if (!json_find_text(subject, names[i], API_TEXT_MAX,
                            &order->subject.attribute[i], err))
            return error_wrap(err, "subject");
    order->has_subject = true;
    return true;
}

static bool
read_sans(const json_t *object, struct api_order *order, struct error *err)
{
    static const char *const names[] = {"type", "value", NULL};
    struct api_san *sans;
    json_t *array = NULL;

    if (!json_find_array(object, "san", &array, err))
        return false;
    if (array == NULL)
        return true;
    if (json_array_size(array) > API_SANS_MAX)
        return error_set(err, ERROR_INPUT, "more than %d SANs", API_SANS_MAX);
    sans = base_alloc(json_array_size(array) * sizeof *sans);
    order->owned[OWNED_SAN] = sans;
    order->san = sans;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);
        const char *type;
        int chosen;

        if (!json_is_object(item))
            return error_set(err, ERROR_INPUT, "san[%zu] is no object", i);
        if (!json_only(item, names, err) ||
            !json_get_text(item, "type", 8, &type, err) ||
            !choose(type, san_types, 4, "type", &chosen, err) ||
            !json_get_text(item, "value", API_TEXT_MAX, &sans[i].value, err))
            return error_wrap(err, "san[%zu]", i);
        sans[i].type = (enum api_san_type)chosen;
        order->san_count = i + 1;
    }
    return true;
}

static bool
read_validity(const json_t *object, struct api_order *order, struct error *err)
{
    static const char *const with_years[] = {"rule", "years", NULL};
    static const char *const with_days[] = {"rule", "days", NULL};
    static const char *const alone[] = {"rule", NULL};
    static const struct {
        const char *const *names;
        int64_t max;
    } shape[] = {
        {with_years, 30}, {with_days, 36500}, {alone, 0}, {with_years, 30}};
    json_t *validity;
    const char *rule;
    int64_t amount = 0;
    int chosen;

    if (!json_get_object(object, "validity", &validity, err))
        return false;
    if (!json_get_text(validity, "rule", 8, &rule, err) ||
        !choose(rule, rules, 4, "rule", &chosen, err) ||
        !json_only(validity, shape[chosen].names, err))
        return error_wrap(err, "validity");
    if (shape[chosen].names[1] != NULL &&
        !json_get_int(validity, shape[chosen].names[1], 1, shape[chosen].max,
                      &amount, err))
        return error_wrap(err, "validity");
    order->validity.rule = (enum api_validity_rule)chosen;
    order->validity.amount = (int)amount;
    return true;
}

static bool
read_ref(const json_t *object, struct api_certificate_ref *out,
         struct error *err)
{
    static const char *const names[] = {"issuer", "serial", NULL};

    return json_only(object, names, err) &&
           json_get_text(object, "issuer", API_NAME_MAX, &out->issuer, err) &&
           read_hex(object, "serial", out->serial, API_SERIAL_LEN, err);
}

static bool
read_reason(const json_t *object, enum api_reason *out, struct error *err)
{
    const char *name;

    if (!json_get_text(object, "reason", 32, &name, err))
        return false;
    /* Holding is a kind of order, not a reason to revoke. */
    if (!api_reason_find(name, out) || *out == API_REASON_CERTIFICATE_HOLD)
        return error_set(err, ERROR_INPUT, "no reason to revoke: '%.32s'",
                         name);
    return true;
}

static bool
read_predecessor(const json_t *object, struct api_order *order,
                 struct error *err)
{
    static const char *const with_reason[] = {"action", "reason", NULL};
    static const char *const alone[] = {"action", NULL};
    json_t *predecessor, *fate;
    const char *action;
    int chosen;

    if (!json_get_object(object, "predecessor", &predecessor, err) ||
        !json_get_object(object, "predecessor_fate", &fate, err))
        return false;
    if (!read_ref(predecessor, &order->predecessor, err))
        return error_wrap(err, "predecessor");
    if (!json_get_text(fate, "action", 8, &action, err) ||
        !choose(action, actions, 3, "action", &chosen, err) ||
        !json_only(fate, chosen == API_FATE_REVOKE ? with_reason : alone, err))
        return error_wrap(err, "predecessor_fate");
    order->fate.action = (enum api_fate_action)chosen;
    if (chosen == API_FATE_REVOKE &&
        !read_reason(fate, &order->fate.reason, err))
        return error_wrap(err, "predecessor_fate");
    return true;
}

static int
compare_refs(const void *a, const void *b)
{
    const struct api_certificate_ref *x = a, *y = b;
    int names = strcmp(x->issuer, y->issuer);

    return names != 0 ? names : memcmp(x->serial, y->serial, API_SERIAL_LEN);
}

static bool
read_targets(const json_t *array, struct api_order *order, struct error *err)
{
    size_t count = json_array_size(array);
    struct api_certificate_ref *targets, *sorted;
    bool is_twice = false;

    if (count == 0 || count > API_TARGETS_MAX)
        return error_set(err, ERROR_INPUT, "target: 1 to %d certificates",
                         API_TARGETS_MAX);
    targets = base_alloc(count * sizeof *targets);
    order->owned[OWNED_TARGET] = targets;
    order->target = targets;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(array, i);

        if (!json_is_object(item))
            return error_set(err, ERROR_INPUT, "target: [%zu] is no object", i);
        if (!read_ref(item, &targets[i], err))
            return error_wrap(err, "target: certificates[%zu]", i);
    }
    order->target_count = count;
    sorted = base_copy(targets, count * sizeof *targets);
    qsort(sorted, count, sizeof *sorted, compare_refs);
    for (size_t i = 1; i < count && !is_twice; i++)
        is_twice = compare_refs(&sorted[i - 1], &sorted[i]) == 0;
    free(sorted);
    if (is_twice)
        return error_set(err, ERROR_INPUT, "target: a certificate twice");
    return true;
}

static bool
read_target(const json_t *object, struct api_order *order, struct error *err)
{
    static const char *const by_serial[] = {"certificates", NULL};
    static const char *const by_key[] = {"spki_sha256", NULL};
    json_t *target, *array = NULL;

    if (!json_get_object(object, "target", &target, err))
        return false;
    if (json_object_get(target, "spki_sha256") != NULL) {
        if (order->kind != API_REVOKE)
            return error_set(err, ERROR_INPUT,
                             "target: only revoke goes by key");
        order->has_key = true;
        if (!json_only(target, by_key, err) ||
            !read_hex(target, "spki_sha256", order->spki_sha256, 32, err))
            return error_wrap(err, "target");
        return true;
    }
    if (!json_only(target, by_serial, err) ||
        !json_get_array(target, "certificates", &array, err))
        return error_wrap(err, "target");
    return read_targets(array, order, err);
}

/* base64 member to octets that the order owns. */
static bool
read_octets(const json_t *object, const char *name, size_t max,
            struct api_order *order, int place, const uint8_t **out,
            size_t *len, struct error *err)
{
    struct buf octets = BUF_INIT(max);

    if (!json_get_bytes(object, name, max, &octets, err)) {
        buf_clear(&octets);
        return false;
    }
    *out = order->owned[place] = buf_take(&octets, len);
    return true;
}

/* The members that a kind of credential has. */
static bool
read_certificate(const json_t *object, struct api_credential *out,
                 void *owned[3], struct error *err)
{
    static const char *const names[] = {"kind", "certificate", NULL};
    struct buf octets = BUF_INIT(API_CERTIFICATE_MAX);

    out->kind = API_CREDENTIAL_X509;
    if (!json_only(object, names, err) ||
        !json_get_bytes(object, "certificate", API_CERTIFICATE_MAX, &octets,
                        err)) {
        buf_clear(&octets);
        return false;
    }
    out->certificate = owned[0] = buf_take(&octets, &out->certificate_len);
    return true;
}

static bool
read_passkey(const json_t *object, struct api_credential *out, void *owned[3],
             struct error *err)
{
    static const char *const names[] = {"kind",  "public_key", "raw_id",
                                        "rp_id", "origin",     NULL};
    struct buf key = BUF_INIT(API_PUBLIC_KEY_MAX);
    struct buf raw_id = BUF_INIT(API_RAW_ID_MAX);

    out->kind = API_CREDENTIAL_PASSKEY;
    if (!json_only(object, names, err) ||
        !json_get_bytes(object, "public_key", API_PUBLIC_KEY_MAX, &key, err) ||
        !json_get_bytes(object, "raw_id", API_RAW_ID_MAX, &raw_id, err) ||
        !json_get_text(object, "rp_id", API_RP_ID_MAX, &out->rp_id, err) ||
        !json_get_text(object, "origin", API_ORIGIN_MAX, &out->origin, err)) {
        buf_clear(&key);
        buf_clear(&raw_id);
        return false;
    }
    out->public_key = owned[1] = buf_take(&key, &out->public_key_len);
    out->raw_id = owned[2] = buf_take(&raw_id, &out->raw_id_len);
    return (out->raw_id_len > 0 && out->public_key_len > 0) ||
           error_set(err, ERROR_INPUT, "an empty raw_id or public_key");
}

bool
api_credential_parse(const json_t *object, struct api_credential *out,
                     void *owned[3], struct error *err)
{
    const char *kind;

    memset(out, 0, sizeof *out);
    owned[0] = owned[1] = owned[2] = NULL;
    if (!json_get_text(object, "kind", 16, &kind, err))
        return error_wrap(err, "credential");
    if (strcmp(kind, "x509") == 0)
        return read_certificate(object, out, owned, err) ||
               error_wrap(err, "credential");
    if (strcmp(kind, "passkey") == 0)
        return read_passkey(object, out, owned, err) ||
               error_wrap(err, "credential");
    return error_set(err, ERROR_INPUT, "credential: kind '%s'", kind);
}

static bool
read_credential(const json_t *object, struct api_order *order,
                struct api_credential *out, struct error *err)
{
    json_t *credential;

    return json_get_object(object, "credential", &credential, err) &&
           api_credential_parse(credential, out,
                                &order->owned[OWNED_CREDENTIAL], err);
}

static bool
read_roles(const json_t *roles, struct api_officer *officer, struct error *err)
{
    for (size_t i = 0; i < json_array_size(roles); i++) {
        const char *role = json_string_value(json_array_get(roles, i));

        if (role == NULL || !api_role_find(role, &officer->role[i]))
            return error_set(err, ERROR_INPUT, "roles[%zu]", i);
        for (size_t j = 0; j < i; j++)
            if (officer->role[j] == officer->role[i])
                return error_set(err, ERROR_INPUT, "role %s twice", role);
        officer->role_count = i + 1;
    }
    return true;
}

static bool
read_officer(const json_t *object, struct api_order *order, struct error *err)
{
    static const char *const names[] = {"officer_id", "name",       "person",
                                        "roles",      "credential", NULL};
    struct api_officer *officer = &order->officer;
    json_t *o, *roles;

    if (!json_get_object(object, "officer", &o, err))
        return false;
    if (!json_only(o, names, err) ||
        !read_uuid(o, "officer_id", &officer->officer_id, err) ||
        !json_get_text(o, "name", 128, &officer->name, err) ||
        !json_get_text(o, "person", 128, &officer->person, err) ||
        !json_get_array(o, "roles", &roles, err))
        return error_wrap(err, "officer");
    if (officer->name[0] == '\0' || officer->person[0] == '\0' ||
        json_array_size(roles) == 0 || json_array_size(roles) > API_ROLES_MAX)
        return error_set(err, ERROR_INPUT,
                         "officer: name, person and roles are needed");
    return (read_roles(roles, officer, err) &&
            read_credential(o, order, &officer->credential, err)) ||
           error_wrap(err, "officer");
}

/* Who asks now has the key; who is to activate will bring it. */
static bool
read_request(const json_t *object, struct api_order *order, struct error *err)
{
    static const char *const names[] = {"until", NULL};
    json_t *activation;

    if (!json_find_object(object, "activation", &activation, err))
        return false;
    if ((activation != NULL) == (json_object_get(object, "csr") != NULL))
        return error_set(err, ERROR_INPUT, "an order of kind %s needs %s",
                         api_kind_name(order->kind),
                         (1u << order->kind) & ACTIVATED
                             ? "either csr or activation"
                             : "csr");
    if (activation == NULL)
        return read_octets(object, "csr", API_CSR_MAX, order, OWNED_CSR,
                           &order->csr, &order->csr_len, err);
    return (json_only(activation, names, err) &&
            json_get_time(activation, "until", &order->activation_until, err) &&
            (order->activation_until > order->created_at ||
             error_set(err, ERROR_INPUT,
                       "\"until\" is not after \"created_at\""))) ||
           error_wrap(err, "activation");
}

/* The number of a stamped request. */
static bool
read_document(const json_t *object, const char **out, struct error *err)
{
    return json_get_text(object, "document", API_DOCUMENT_MAX, out, err) &&
           ((*out)[0] != '\0' ||
            error_set(err, ERROR_INPUT, "\"document\" is empty"));
}

/* Which key a device is to get: whether it is one that wraps, the core
 * decides. */
static bool
read_transport(const json_t *object, struct api_order *order,
               const uint8_t **out, size_t *len, struct error *err)
{
    return read_octets(object, "transport", API_DEVICE_SPKI_MAX, order,
                       OWNED_TRANSPORT, out, len, err) &&
           (*len > 0 || error_set(err, ERROR_INPUT, "\"transport\" is empty"));
}

/* What the key management centre makes. */
static bool
is_escrowed(enum hsm_key_type type)
{
    return type == HSM_KEY_RSA_2048 || type == HSM_KEY_RSA_3072 ||
           type == HSM_KEY_EC_P256;
}

static bool
read_old_keys(const json_t *encryption, struct api_order *order,
              struct error *err)
{
    static const char *const names[] = {"document", NULL};
    json_t *old_keys;

    if (!json_find_object(encryption, "old_keys", &old_keys, err))
        return false;
    if (old_keys == NULL)
        return true;
    if (order->activation_until == 0)
        return error_set(err, ERROR_INPUT, "\"old_keys\" go with activation");
    return (json_only(old_keys, names, err) &&
            read_document(old_keys, &order->encryption.old_keys, err)) ||
           error_wrap(err, "old_keys");
}

static bool
read_pair(const json_t *encryption, struct api_order *order, struct error *err)
{
    static const char *const names[] = {"profile", "key_type", "transport",
                                        "old_keys", NULL};
    struct api_encryption *out = &order->encryption;
    bool has_transport = json_object_get(encryption, "transport") != NULL;
    const char *type;

    if (!json_only(encryption, names, err) ||
        !json_get_text(encryption, "profile", API_NAME_MAX, &out->profile,
                       err) ||
        !json_get_text(encryption, "key_type", 16, &type, err))
        return false;
    if (!hsm_key_type_find(type, &out->key_type) || !is_escrowed(out->key_type))
        return error_set(err, ERROR_INPUT,
                         "\"key_type\": rsa-2048, rsa-3072 or ec-p256");
    if (has_transport == (order->activation_until != 0))
        return error_set(err, ERROR_INPUT,
                         has_transport ? "\"transport\" comes with the device"
                                       : "\"transport\" is missing");
    return (!has_transport || read_transport(encryption, order, &out->transport,
                                             &out->transport_len, err)) &&
           read_old_keys(encryption, order, err);
}

static bool
read_encryption(const json_t *object, struct api_order *order,
                struct error *err)
{
    json_t *encryption;

    if (!json_find_object(object, "encryption", &encryption, err))
        return false;
    return encryption == NULL || read_pair(encryption, order, err) ||
           error_wrap(err, "encryption");
}

static bool
read_issuing(const json_t *object, struct api_order *order, struct error *err)
{
    unsigned bit = 1u << order->kind;

    if (!json_get_text(object, "profile", API_NAME_MAX, &order->profile, err) ||
        !json_find_text(object, "issuer", API_NAME_MAX, &order->issuer, err) ||
        !read_request(object, order, err) ||
        !read_validity(object, order, err) ||
        !read_encryption(object, order, err))
        return false;
    if ((bit & NAMING) != 0 &&
        (!read_subject(object, order, err) || !read_sans(object, order, err) ||
         !json_find_text(object, "organization_code", 64,
                         &order->organization_code, err)))
        return false;
    return (bit & SUCCEEDING) == 0 || read_predecessor(object, order, err);
}

static bool
is_about(const struct api_certificate_ref *targets, size_t count,
         const struct api_certificate_ref *wanted)
{
    for (size_t i = 0; i < count; i++)
        if (compare_refs(&targets[i], wanted) == 0)
            return true;
    return false;
}

/* What is held or released is exactly what the pending order is about. */
static bool
check_held(const struct api_order *order, struct error *err)
{
    const struct api_order *pending = order->pending;
    const struct api_certificate_ref *wanted =
        pending->kind == API_REVOKE ? pending->target : &pending->predecessor;
    size_t count = pending->kind == API_REVOKE ? pending->target_count : 1;
    bool is_same = !pending->has_key && count == order->target_count;

    /* Both lists name each certificate once. */
    for (size_t i = 0; is_same && i < count; i++)
        is_same = is_about(order->target, order->target_count, &wanted[i]);
    if (!is_same)
        return error_set(err, ERROR_INPUT,
                         "pending: is not about these certificates");
    return strcmp(pending->account, order->account) == 0 ||
           error_set(err, ERROR_INPUT, "pending: of another account");
}

/* Earlier keys are recovered for an order that asked for them. */
static bool
check_asked(const struct api_order *order, struct error *err)
{
    const struct api_order *pending = order->pending;

    if (pending->encryption.old_keys == NULL)
        return error_set(err, ERROR_INPUT, "pending: asks for no old keys");
    return strcmp(pending->account, order->account) == 0 ||
           error_set(err, ERROR_INPUT, "pending: of another account");
}

static bool
check_pending(const struct api_order *order, struct error *err)
{
    unsigned bit = 1u << order->pending->kind;
    bool is_recovery = order->kind == API_RECOVER;

    if ((bit & (is_recovery ? ACTIVATED : PENDING)) == 0)
        return error_set(err, ERROR_INPUT, "pending: %s, not %s",
                         is_recovery ? "issue, reissue or change"
                                     : "revoke, reissue or change",
                         api_kind_name(order->pending->kind));
    if (strcmp(order->pending->order_id, order->order_id) == 0)
        return error_set(err, ERROR_INPUT,
                         "pending: has an order id of its own");
    return is_recovery ? check_asked(order, err) : check_held(order, err);
}

static bool
read_pending(const json_t *object, struct api_order *order, struct error *err)
{
    json_t *pending;

    if (!json_find_object(object, "pending", &pending, err))
        return false;
    if (pending == NULL)
        return true;
    return api_order_parse(pending, &order->pending, err)
               ? check_pending(order, err)
               : error_wrap(err, "pending");
}

static bool
read_revocation(const json_t *object, struct api_order *order,
                struct error *err)
{
    if (!read_target(object, order, err) || !read_pending(object, order, err))
        return false;
    if (order->kind != API_REVOKE)
        return true;
    if (!read_reason(object, &order->reason, err))
        return false;
    return json_object_get(object, "invalidity_date") == NULL ||
           json_get_time(object, "invalidity_date", &order->invalidity_date,
                         err);
}

static bool
read_carrier(const json_t *object, struct api_order *order, struct error *err)
{
    static const char *const names[] = {"serial", "spki", "transport",
                                        "transport_signature", NULL};
    struct api_carrier *out = &order->carrier;
    struct buf signature = BUF_INIT(API_SIGNATURE_MAX);
    const char *serial;
    bool ok;

    if (!json_only(object, names, err) ||
        !json_get_text(object, "serial", API_DEVICE_MAX, &serial, err) ||
        !read_octets(object, "spki", API_DEVICE_SPKI_MAX, order, OWNED_CARRIER,
                     &out->spki, &out->spki_len, err) ||
        !read_transport(object, order, &out->transport, &out->transport_len,
                        err))
        return false;
    if (!api_device_serial_is(serial) || out->spki_len == 0)
        return error_set(err, ERROR_INPUT,
                         "\"serial\" or \"spki\" is no "
                         "device's");
    memcpy(out->serial, serial, strlen(serial) + 1);
    ok = json_get_bytes(object, "transport_signature", API_SIGNATURE_MAX,
                        &signature, err);
    if (ok && signature.len > 0)
        memcpy(out->signature, signature.data, signature.len);
    out->signature_len = signature.len;
    buf_clear(&signature);
    return ok;
}

/* Who asked, by which document or order, and the device that is to get what
 * there was. */
static bool
read_recovery(const json_t *object, struct api_order *order, struct error *err)
{
    json_t *carrier;

    if (!json_get_object(object, "carrier", &carrier, err))
        return false;
    if (!read_carrier(carrier, order, err))
        return error_wrap(err, "carrier");
    if ((json_object_get(object, "document") != NULL) ==
        (json_object_get(object, "pending") != NULL))
        return error_set(err, ERROR_INPUT,
                         "an order of kind recover needs either document or "
                         "pending");
    return json_object_get(object, "document") != NULL
               ? read_document(object, &order->document, err)
               : read_pending(object, order, err);
}

static bool
read_order(const json_t *object, struct api_order *order, struct error *err)
{
    const char *order_id, *kind;
    unsigned bit;

    if (!read_uuid(object, "order_id", &order_id, err) ||
        !json_get_text(object, "kind", 32, &kind, err))
        return false;
    memcpy(order->order_id, order_id, sizeof order->order_id);
    if (!api_kind_find(kind, &order->kind))
        return error_set(err, ERROR_INPUT, "no kind of order: '%s'", kind);
    bit = 1u << order->kind;
    if (!check_members(object, order->kind, err) ||
        !json_get_time(object, "created_at", &order->created_at, err))
        return false;
    if ((bit & APPLIED) != 0 && !read_applicant(object, order, err))
        return false;
    if ((bit & ISSUING) != 0)
        return read_issuing(object, order, err);
    if ((bit & CHANGING) != 0)
        return read_revocation(object, order, err);
    if (order->kind == API_RECOVER)
        return read_recovery(object, order, err);
    if (order->kind == API_ENROLL_OFFICER)
        return read_officer(object, order, err);
    return read_uuid(object, "officer_id", &order->officer_id, err) &&
           (order->kind == API_DISMISS_OFFICER ||
            read_credential(object, order, &order->credential, err));
}

bool
api_order_parse(json_t *object, struct api_order **out, struct error *err)
{
    struct api_order *order = base_alloc(sizeof *order);

    order->json = json_incref(object);
    if (!read_order(object, order, err)) {
        api_order_free(order);
        return error_wrap(err, "order");
    }
    *out = order;
    return true;
}

void
api_order_free(struct api_order *order)
{
    if (order == NULL)
        return;
    for (size_t i = 0; i < sizeof order->owned / sizeof *order->owned; i++)
        free(order->owned[i]);
    api_order_free(order->pending);
    json_decref(order->json);
    free(order);
}

/* ---- To JSON ----------------------------------------------------------- */

static json_t *
ref_json(const struct api_certificate_ref *ref)
{
    json_t *object = json_object();

    json_set_text(object, "issuer", ref->issuer);
    json_set_hex(object, "serial", ref->serial, API_SERIAL_LEN);
    return object;
}

static void
set_encryption(json_t *object, const struct api_encryption *encryption)
{
    json_t *pair = json_object();

    json_set_text(pair, "profile", encryption->profile);
    json_set_text(pair, "key_type", hsm_key_type_name(encryption->key_type));
    if (encryption->transport != NULL)
        json_set_bytes(pair, "transport", encryption->transport,
                       encryption->transport_len);
    if (encryption->old_keys != NULL) {
        json_t *old_keys = json_object();

        json_set_text(old_keys, "document", encryption->old_keys);
        json_object_set_new(pair, "old_keys", old_keys);
    }
    json_object_set_new(object, "encryption", pair);
}

static void
set_issuing(json_t *object, const struct api_order *order)
{
    unsigned bit = 1u << order->kind;
    json_t *validity = json_object();

    json_set_text(object, "profile", order->profile);
    if (order->issuer != NULL)
        json_set_text(object, "issuer", order->issuer);
    if (order->activation_until != 0) {
        json_t *activation = json_object();

        json_set_time(activation, "until", order->activation_until);
        json_object_set_new(object, "activation", activation);
    } else {
        json_set_bytes(object, "csr", order->csr, order->csr_len);
    }
    json_set_text(validity, "rule", rules[order->validity.rule]);
    if (order->validity.rule != API_VALIDITY_KEEP)
        json_set_int(validity,
                     order->validity.rule == API_VALIDITY_DAYS ? "days"
                                                               : "years",
                     order->validity.amount);
    json_object_set_new(object, "validity", validity);
    if ((bit & PAIRED) != 0 && order->encryption.profile != NULL)
        set_encryption(object, &order->encryption);
    if ((bit & NAMING) != 0) {
        json_t *subject = json_object(), *sans = json_array();

        for (int i = 0; i < API_ATTRIBUTE_COUNT; i++)
            if (order->subject.attribute[i] != NULL)
                json_set_text(subject,
                              api_attribute_name((enum api_attribute)i),
                              order->subject.attribute[i]);
        json_object_set_new(object, "subject", subject);
        for (size_t i = 0; i < order->san_count; i++) {
            json_t *san = json_object();

            json_set_text(san, "type", san_types[order->san[i].type]);
            json_set_text(san, "value", order->san[i].value);
            json_array_append_new(sans, san);
        }
        if (order->san_count > 0)
            json_object_set(object, "san", sans);
        json_decref(sans);
        if (order->organization_code != NULL)
            json_set_text(object, "organization_code",
                          order->organization_code);
    }
    if ((bit & SUCCEEDING) != 0) {
        json_t *fate = json_object();

        json_object_set_new(object, "predecessor",
                            ref_json(&order->predecessor));
        json_set_text(fate, "action", actions[order->fate.action]);
        if (order->fate.action == API_FATE_REVOKE)
            json_set_text(fate, "reason", api_reason_name(order->fate.reason));
        json_object_set_new(object, "predecessor_fate", fate);
    }
}

static void
set_revocation(json_t *object, const struct api_order *order)
{
    json_t *target = json_object();

    if (order->has_key) {
        json_set_hex(target, "spki_sha256", order->spki_sha256, 32);
    } else {
        json_t *array = json_array();

        for (size_t i = 0; i < order->target_count; i++)
            json_array_append_new(array, ref_json(&order->target[i]));
        json_object_set_new(target, "certificates", array);
    }
    json_object_set_new(object, "target", target);
    if (order->pending != NULL)
        json_object_set_new(object, "pending", api_order_json(order->pending));
    if (order->kind != API_REVOKE)
        return;
    json_set_text(object, "reason", api_reason_name(order->reason));
    if (order->invalidity_date != 0)
        json_set_time(object, "invalidity_date", order->invalidity_date);
}

static void
set_recovery(json_t *object, const struct api_order *order)
{
    const struct api_carrier *carrier = &order->carrier;
    json_t *device = json_object();

    json_set_text(device, "serial", carrier->serial);
    json_set_bytes(device, "spki", carrier->spki, carrier->spki_len);
    json_set_bytes(device, "transport", carrier->transport,
                   carrier->transport_len);
    json_set_bytes(device, "transport_signature", carrier->signature,
                   carrier->signature_len);
    json_object_set_new(object, "carrier", device);
    if (order->pending != NULL)
        json_object_set_new(object, "pending", api_order_json(order->pending));
    else
        json_set_text(object, "document", order->document);
}

json_t *
api_credential_json(const struct api_credential *credential)
{
    json_t *object = json_object();

    json_set_text(object, "kind", api_credential_kind_name(credential->kind));
    if (credential->kind == API_CREDENTIAL_X509) {
        json_set_bytes(object, "certificate", credential->certificate,
                       credential->certificate_len);
        return object;
    }
    json_set_bytes(object, "public_key", credential->public_key,
                   credential->public_key_len);
    json_set_bytes(object, "raw_id", credential->raw_id,
                   credential->raw_id_len);
    json_set_text(object, "rp_id", credential->rp_id);
    json_set_text(object, "origin", credential->origin);
    return object;
}

static void
set_officer(json_t *object, const struct api_officer *officer)
{
    json_t *o = json_object(), *roles = json_array();

    json_set_text(o, "officer_id", officer->officer_id);
    json_set_text(o, "name", officer->name);
    json_set_text(o, "person", officer->person);
    for (size_t i = 0; i < officer->role_count; i++)
        json_array_append_new(roles,
                              json_string(api_role_name(officer->role[i])));
    json_object_set_new(o, "roles", roles);
    json_object_set_new(o, "credential",
                        api_credential_json(&officer->credential));
    json_object_set_new(object, "officer", o);
}

json_t *
api_order_json(const struct api_order *order)
{
    unsigned bit = 1u << order->kind;
    json_t *object = json_object();

    json_set_text(object, "order_id", order->order_id);
    json_set_text(object, "kind", api_kind_name(order->kind));
    json_set_time(object, "created_at", order->created_at);
    if ((bit & APPLIED) != 0) {
        json_t *applicant = json_object();

        json_set_text(applicant, "account", order->account);
        json_set_text(applicant, "person", order->person);
        json_object_set_new(object, "applicant", applicant);
    }
    if ((bit & ISSUING) != 0)
        set_issuing(object, order);
    else if ((bit & CHANGING) != 0)
        set_revocation(object, order);
    else if (order->kind == API_RECOVER)
        set_recovery(object, order);
    else if (order->kind == API_ENROLL_OFFICER)
        set_officer(object, &order->officer);
    else
        json_set_text(object, "officer_id", order->officer_id);
    if (order->kind == API_ENROLL_CREDENTIAL)
        json_object_set_new(object, "credential",
                            api_credential_json(&order->credential));
    return object;
}

bool
api_order_signed(const struct api_order *order, const struct api_order **out,
                 uint8_t digest[32], struct error *err)
{
    *out = order->pending != NULL ? order->pending : order;
    return api_order_digest((*out)->json, digest, err);
}
