/* Officers as the log tells of them; see ca-core/audit_register.h. */
#include "ca-core/audit_register.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ca-core/audit_certificate.h"
#include "ca-core/audit_decision.h"
#include "ca-core/audit_issue.h"
#include "ca-core/decision.h"
#include "ca-core/officer.h"

/* The core's own tolerance of clocks is configured; an hour is above it. */
enum { TOLERANCE_S = 3600, ROLES_TEXT_MAX = 256 };

/* A credential with its officer; one who has two stands here twice. */
struct enrolled {
    struct db_credential row;
    /* key.key NULL until the first decision: ceremonies log the hash alone. */
    struct decision_key key;
};

/* A hold for a pending order, and who decided it. */
struct holding {
    char order_id[TEXT_UUID_LEN + 1];
    uint8_t pending_digest[32];
    char officer_id[TEXT_UUID_LEN + 1];
    char *person; /* owned */
};

struct audit_register {
    struct enrolled *at;
    size_t count, room;
    int64_t officer_count;
    struct audit_certificates *certificates;
    struct holding *holding;
    size_t holding_count, holding_room;
    struct audit_issues *issues;
};

struct audit_register *
audit_register_new(void)
{
    struct audit_register *reg = base_alloc(sizeof *reg);

    reg->certificates = audit_certificates_new();
    reg->issues = audit_issues_new(reg->certificates);
    return reg;
}

void
audit_register_free(struct audit_register *reg)
{
    if (reg == NULL)
        return;
    for (size_t i = 0; i < reg->count; i++) {
        decision_key_clear(&reg->at[i].key);
        free(reg->at[i].row.officer.person);
        free(reg->at[i].row.officer.roles);
    }
    free(reg->at);
    for (size_t i = 0; i < reg->holding_count; i++)
        free(reg->holding[i].person);
    free(reg->holding);
    audit_certificates_free(reg->certificates);
    audit_issues_free(reg->issues);
    free(reg);
}

int64_t
audit_register_count(const struct audit_register *reg)
{
    return reg->officer_count;
}

/* ---- Rows -------------------------------------------------------------- */

static struct enrolled *
find_officer(struct audit_register *reg, const char *officer_id)
{
    for (size_t i = 0; i < reg->count; i++)
        if (strcmp(reg->at[i].row.officer.officer_id, officer_id) == 0)
            return &reg->at[i];
    return NULL;
}

static struct enrolled *
find_credential(struct audit_register *reg, const uint8_t id[32])
{
    for (size_t i = 0; i < reg->count; i++)
        if (memcmp(reg->at[i].row.credential_id, id, 32) == 0)
            return &reg->at[i];
    return NULL;
}

/* "a,b" of ["a", "b"]. */
static bool
read_roles(const json_t *array, struct buf *out, struct error *err)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *role = json_string_value(json_array_get(array, i));
        enum api_role known;

        if (role == NULL || !api_role_find(role, &known))
            return error_set(err, ERROR_INPUT, "no role: roles[%zu]", i);
        buf_addf(out, "%s%s", i == 0 ? "" : ",", role);
    }
    return true;
}

static struct enrolled *
new_row(struct audit_register *reg)
{
    struct enrolled *new;

    reg->at = base_grow(reg->at, reg->count, &reg->room, sizeof *reg->at);
    new = &reg->at[reg->count++];
    memset(new, 0, sizeof *new);
    return new;
}

static bool
add(struct audit_register *reg, const char *officer_id, const char *person,
    const json_t *roles, const uint8_t credential_id[32], int64_t at,
    struct error *err)
{
    struct buf text = BUF_INIT(ROLES_TEXT_MAX);
    struct enrolled *new;

    for (size_t i = 0; i < reg->count; i++)
        if (decision_same_person(reg->at[i].row.officer.person, person))
            return error_set(err, ERROR_DENIED, "person %s is enrolled twice",
                             person);
    if (find_officer(reg, officer_id) != NULL ||
        find_credential(reg, credential_id) != NULL)
        return error_set(err, ERROR_DENIED, "officer %s is enrolled twice",
                         officer_id);
    if (!read_roles(roles, &text, err)) {
        buf_clear(&text);
        return false;
    }
    new = new_row(reg);
    memcpy(new->row.credential_id, credential_id, 32);
    memcpy(new->row.officer.officer_id, officer_id, TEXT_UUID_LEN);
    new->row.is_active = new->row.officer.is_active = true;
    new->row.officer.since = at;
    new->row.officer.person = base_text_copy(person);
    new->row.officer.roles = base_text_copy(buf_text(&text));
    reg->officer_count++;
    buf_clear(&text);
    return true;
}

/* Another credential of an officer. */
static bool
add_credential(struct audit_register *reg, const char *officer_id,
               const uint8_t credential_id[32], struct error *err)
{
    const struct enrolled *first = find_officer(reg, officer_id);
    struct db_officer officer;
    struct enrolled *new;

    if (first == NULL || !first->row.officer.is_active)
        return error_set(err, ERROR_DENIED, "there is no officer %s",
                         officer_id);
    if (find_credential(reg, credential_id) != NULL)
        return error_set(err, ERROR_DENIED, "a credential is enrolled twice");
    officer = first->row.officer; /* the rows may move */
    new = new_row(reg);
    memcpy(new->row.credential_id, credential_id, 32);
    new->row.is_active = true;
    new->row.officer = officer;
    new->row.officer.person = base_text_copy(officer.person);
    new->row.officer.roles = base_text_copy(officer.roles);
    return true;
}

/* The key of the member "credential" of an order or entry. Clear it. */
static bool
read_credential(const json_t *object, struct decision_key *out,
                struct error *err)
{
    struct api_credential credential;
    void *owned[3] = {NULL};
    json_t *json;
    bool ok;

    memset(out, 0, sizeof *out);
    ok = json_get_object(object, "credential", &json, err) &&
         api_credential_parse(json, &credential, owned, err) &&
         decision_key_make(&credential, out, err);
    for (size_t i = 0; i < 3; i++)
        free(owned[i]);
    return ok || error_wrap(err, "credential");
}

/* ---- Ceremonies -------------------------------------------------------- */

/* "officer.enrolled" of a ceremony names the credential; of an order it only
 * tells what the order did. */
static bool
read_enrolled(struct audit_register *reg, const json_t *entry, int64_t at,
              struct error *err)
{
    const char *officer_id, *person, *hex = NULL;
    uint8_t id[32];
    json_t *roles;
    size_t len;

    if (!json_get_text(entry, "subject", TEXT_UUID_LEN, &officer_id, err) ||
        !json_find_text(entry, "credential_id", 64, &hex, err))
        return false;
    if (!text_is_uuid(officer_id))
        return error_set(err, ERROR_INPUT, "no officer's id");
    if (hex == NULL)
        return find_officer(reg, officer_id) != NULL ||
               error_set(err, ERROR_DENIED,
                         "officer %s was enrolled without an order",
                         officer_id);
    if (!text_unhex(hex, id, sizeof id, &len) || len != sizeof id)
        return error_set(err, ERROR_INPUT, "\"credential_id\" is no SHA-256");
    return json_get_text(entry, "person", 128, &person, err) &&
           json_get_array(entry, "roles", &roles, err) &&
           add(reg, officer_id, person, roles, id, at, err);
}

static bool
read_dismissed(struct audit_register *reg, const json_t *entry,
               struct error *err)
{
    const struct enrolled *officer;
    const char *officer_id;

    if (!json_get_text(entry, "subject", TEXT_UUID_LEN, &officer_id, err))
        return false;
    officer = find_officer(reg, officer_id);
    return (officer != NULL && !officer->row.officer.is_active) ||
           error_set(err, ERROR_DENIED,
                     "officer %s was dismissed without an order", officer_id);
}

/* "officer.credential" tells what an order did. */
static bool
read_added(struct audit_register *reg, const json_t *entry, struct error *err)
{
    struct decision_key key;
    const char *officer_id;
    bool is_there;

    if (!json_get_text(entry, "subject", TEXT_UUID_LEN, &officer_id, err) ||
        !read_credential(entry, &key, err))
        return false;
    is_there = find_credential(reg, key.id) != NULL;
    decision_key_clear(&key);
    return is_there || error_set(err, ERROR_DENIED,
                                 "officer %s got a credential without an order",
                                 officer_id);
}

/* ---- Orders ------------------------------------------------------------ */

/* Key and validity, once they are known. */
static bool
complete(struct enrolled *officer, const json_t *decision, struct error *err)
{
    if (officer->key.key != NULL)
        return true;
    if (!audit_decision_key(decision, &officer->key, err))
        return false;
    officer->row.not_before = officer->key.not_before;
    officer->row.not_after = officer->key.not_after;
    return memcmp(officer->key.id, officer->row.credential_id, 32) == 0 ||
           error_set(err, ERROR_INPUT, "a decision has another credential");
}

static bool
has_key_of(const struct audit_certificate *c,
           const struct audit_certificate *own)
{
    return c == own || (c != NULL && c->has_spki && own->has_spki &&
                        memcmp(c->spki_sha256, own->spki_sha256, 32) == 0);
}

/* As decision_verify() finds it: the holder's certificate is the predecessor,
 * has the key, or is one of the targets, all of which have its key or are the
 * other half of one that has it. */
static bool
is_holders(const struct audit_register *reg, const struct api_order *order,
           const struct audit_certificate *own)
{
    const struct audit_certificates *all = reg->certificates;
    bool is_named = false;

    if (order->kind == API_RENEW)
        return audit_certificates_find(all, &order->predecessor) == own;
    if (order->has_key)
        return own->has_spki &&
               memcmp(own->spki_sha256, order->spki_sha256, 32) == 0;
    for (size_t i = 0; i < order->target_count; i++) {
        const struct audit_certificate *target =
            audit_certificates_find(all, &order->target[i]);

        if (target == NULL ||
            !(has_key_of(target, own) ||
              has_key_of(audit_certificates_mate(all, target), own)))
            return false;
        is_named = is_named || target == own;
    }
    return is_named;
}

/* The certificate that a holder signed with: nearly always one that the order
 * names, which is found at once; all are looked through for the others. */
static const struct audit_certificate *
find_own(const struct audit_register *reg, const struct api_order *order,
         const uint8_t sha256[32])
{
    const struct api_certificate_ref *refs =
        order->kind == API_RENEW ? &order->predecessor : order->target;
    size_t count = order->kind == API_RENEW ? 1 : order->target_count;

    for (size_t i = 0; i < count; i++) {
        const struct audit_certificate *c =
            audit_certificates_find(reg->certificates, &refs[i]);

        if (c != NULL && memcmp(c->sha256, sha256, sizeof c->sha256) == 0)
            return c;
    }
    return audit_certificates_by_sha256(reg->certificates, sha256);
}

/* Judges what a holder decided by the certificate that the log has. */
static bool
judge_holder(struct audit_register *reg, struct decision_case *what,
             const json_t *json, struct error *err)
{
    const struct api_envelope *envelope = what->envelope;
    const struct audit_certificate *own =
        find_own(reg, envelope->order, envelope->decision[0].credential_id);
    struct decision_holder holder;
    struct decision_key key;
    bool ok;

    if (!audit_decision_key(json, &key, err))
        return false;
    holder = (struct decision_holder){
        .key = key.key,
        .is_valid = own != NULL && own->is_valid,
        .is_allowed = true, /* profiles are not in the log */
        .not_before = key.not_before,
        .not_after = key.not_after,
    };
    memcpy(holder.credential_id, key.id, sizeof holder.credential_id);
    what->holder =
        own != NULL && is_holders(reg, envelope->order, own) ? &holder : NULL;
    ok = decision_judge(what, err);
    decision_key_clear(&key);
    return ok;
}

/* The one hold of all that a release is about. */
static bool
find_hold(const struct audit_register *reg, const struct api_order *order,
          struct decision_hold *out)
{
    const struct audit_certificate *first = NULL, *c;

    for (size_t i = 0; i < order->target_count; i++) {
        c = audit_certificates_find(reg->certificates, &order->target[i]);
        if (c == NULL || !c->is_held ||
            (first != NULL && strcmp(c->held_by, first->held_by) != 0))
            return false;
        first = c;
    }
    for (size_t i = 0; first != NULL && i < reg->holding_count; i++)
        if (strcmp(reg->holding[i].order_id, first->held_by) == 0) {
            *out = (struct decision_hold){
                .officer_id = reg->holding[i].officer_id,
                .person = reg->holding[i].person,
            };
            memcpy(out->pending_digest, reg->holding[i].pending_digest,
                   sizeof out->pending_digest);
            return true;
        }
    return false;
}

static bool
judge_officers(struct audit_register *reg, struct decision_case *what,
               const json_t *decisions, struct error *err)
{
    struct decision_credential credentials[API_DECISIONS_MAX];
    const struct api_envelope *envelope = what->envelope;
    struct decision_hold hold;

    for (size_t i = 0; i < envelope->decision_count; i++) {
        struct enrolled *officer =
            find_credential(reg, envelope->decision[i].credential_id);

        if (officer == NULL)
            continue; /* named by decision_judge() */
        if (!complete(officer, json_array_get(decisions, i), err))
            return false;
        credentials[what->credential_count++] = (struct decision_credential){
            &officer->row, decision_key_verifier(&officer->key)};
    }
    what->credential = credentials;
    if (envelope->order->pending != NULL &&
        find_hold(reg, envelope->order, &hold))
        what->hold = &hold;
    return decision_judge(what, err);
}

static bool
judge(struct audit_register *reg, struct api_envelope *envelope,
      const json_t *decisions, int64_t at, struct error *err)
{
    struct decision_case what = {
        .envelope = envelope, .now = at, .tolerance_s = TOLERANCE_S};
    size_t count = json_array_size(decisions);

    if (count > API_DECISIONS_MAX)
        return error_set(err, ERROR_INPUT, "more than %d decisions",
                         API_DECISIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!audit_decision_parse(json_array_get(decisions, i),
                                  &envelope->decision[i], err))
            return false;
        envelope->decision_count = i + 1;
    }
    return decision_is_by_holder(envelope)
               ? judge_holder(reg, &what, json_array_get(decisions, 0), err)
               : judge_officers(reg, &what, decisions, err);
}

static bool
dismiss(struct audit_register *reg, const char *officer_id, struct error *err)
{
    const struct enrolled *officer = find_officer(reg, officer_id);

    if (officer == NULL || !officer->row.officer.is_active)
        return error_set(err, ERROR_DENIED, "there is no officer %s",
                         officer_id);
    for (size_t i = 0; i < reg->count; i++)
        if (strcmp(reg->at[i].row.officer.officer_id, officer_id) == 0)
            reg->at[i].row.officer.is_active = reg->at[i].row.is_active = false;
    return true;
}

/* The credential that was just added has its key from the order: of a passkey,
 * the id alone would say nothing of it. */
static void
take_key(struct audit_register *reg, struct decision_key *take_key_of,
         int64_t at)
{
    struct enrolled *officer = &reg->at[reg->count - 1];

    officer->key = *take_key_of;
    officer->row.not_before =
        officer->key.origin != NULL ? at : officer->key.not_before;
    officer->row.not_after = officer->key.not_after;
}

static bool
enroll(struct audit_register *reg, const struct api_order *order, int64_t at,
       struct error *err)
{
    const json_t *officer = json_object_get(order->json, "officer");
    struct decision_key key;
    bool ok;

    if (!read_credential(order->kind == API_ENROLL_OFFICER ? officer
                                                           : order->json,
                         &key, err))
        return false;
    ok = order->kind == API_ENROLL_OFFICER
             ? add(reg, order->officer.officer_id, order->officer.person,
                   json_object_get(officer, "roles"), key.id, at, err)
             : add_credential(reg, order->officer_id, key.id, err);
    if (ok)
        take_key(reg, &key, at);
    else
        decision_key_clear(&key);
    return ok;
}

/* A hold for a pending order, to be found when it is released. */
static bool
remember_hold(struct audit_register *reg, const struct api_envelope *envelope,
              struct error *err)
{
    const struct api_order *order = envelope->order, *over;
    const struct enrolled *officer =
        find_credential(reg, envelope->decision[0].credential_id);
    struct holding *new;

    reg->holding = base_grow(reg->holding, reg->holding_count,
                             &reg->holding_room, sizeof *reg->holding);
    new = &reg->holding[reg->holding_count];
    memset(new, 0, sizeof *new);
    if (!api_order_signed(order, &over, new->pending_digest, err))
        return false;
    memcpy(new->order_id, order->order_id, sizeof new->order_id);
    memcpy(new->officer_id, officer->row.officer.officer_id,
           sizeof new->officer_id);
    new->person = base_text_copy(officer->row.officer.person);
    reg->holding_count++;
    return true;
}

static bool
carry_out(struct audit_register *reg, const struct api_envelope *envelope,
          int64_t at, struct error *err)
{
    const struct api_order *order = envelope->order;

    if (order->kind == API_DISMISS_OFFICER)
        return dismiss(reg, order->officer_id, err);
    if (officer_is_about(order->kind))
        return enroll(reg, order, at, err);
    if (order->kind == API_HOLD && order->pending != NULL)
        return remember_hold(reg, envelope, err);
    return true;
}

static bool
read_accepted(struct audit_register *reg, const json_t *entry, int64_t at,
              struct error *err)
{
    struct api_envelope envelope = {0};
    json_t *order, *decisions;
    bool ok;

    ok = json_get_object(entry, "order", &order, err) &&
         json_get_array(entry, "decisions", &decisions, err) &&
         api_completion_find(entry, &envelope.completion, err) &&
         api_order_parse(order, &envelope.order, err);
    if (ok && api_kind_is_issuing(envelope.order->kind))
        audit_issues_await(reg->issues, envelope.order);
    ok = ok && judge(reg, &envelope, decisions, at, err) &&
         carry_out(reg, &envelope, at, err);
    api_envelope_clear(&envelope);
    return ok;
}

static bool
read_event(struct audit_register *reg, const json_t *entry, const char *event,
           int64_t at, struct error *err)
{
    const char *subject;

    if (!json_get_text(entry, "subject", 4096, &subject, err) ||
        !audit_certificates_read(reg->certificates, entry, err))
        return false;
    if (strcmp(event, "order.accepted") == 0)
        return read_accepted(reg, entry, at, err);
    if (strcmp(event, "officer.enrolled") == 0)
        return read_enrolled(reg, entry, at, err);
    if (strcmp(event, "officer.dismissed") == 0)
        return read_dismissed(reg, entry, err);
    if (strcmp(event, "officer.credential") == 0)
        return read_added(reg, entry, err);
    return audit_issues_read(reg->issues, entry, event, err);
}

bool
audit_register_read(struct audit_register *reg, const json_t *entry, int64_t at,
                    struct error *err)
{
    struct error why = {0}; /* of what came before, which is told first */
    const char *event;
    bool is_whole, ok;

    if (!json_get_text(entry, "event", 256, &event, err))
        return false;
    is_whole = audit_issues_check(reg->issues, entry, event, &why);
    ok = read_event(reg, entry, event, at, err);
    if (!is_whole && err != NULL)
        *err = why;
    return is_whole && ok;
}

bool
audit_register_end(struct audit_register *reg, struct error *err)
{
    return audit_issues_end(reg->issues, err);
}
