/* Officers as the log tells of them; see ca-core/audit_register.h. */
#include "ca-core/audit_register.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ca-core/audit_decision.h"
#include "ca-core/decision.h"

/* The core's own tolerance of clocks is configured; an hour is above it. */
enum { TOLERANCE_S = 3600, ROLES_TEXT_MAX = 256 };

struct enrolled {
    struct db_credential row;
    EVP_PKEY *key; /* from the first decision: ceremonies log the hash alone */
};

/* What may still become a certificate: the id of an accepted order, or the
 * serial that a ceremony recorded. */
struct awaited {
    char key[TEXT_UUID_LEN + 1];
};

struct audit_register {
    struct enrolled *at;
    size_t count, room;
    struct awaited *awaited; /* few: most are there an entry later */
    size_t awaited_count, awaited_room;
};

struct audit_register *
audit_register_new(void)
{
    return base_alloc(sizeof(struct audit_register));
}

void
audit_register_free(struct audit_register *reg)
{
    if (reg == NULL)
        return;
    for (size_t i = 0; i < reg->count; i++) {
        EVP_PKEY_free(reg->at[i].key);
        free(reg->at[i].row.officer.person);
        free(reg->at[i].row.officer.roles);
    }
    free(reg->at);
    free(reg->awaited);
    free(reg);
}

int64_t
audit_register_count(const struct audit_register *reg)
{
    return (int64_t)reg->count;
}

/* Twice the room. */
static void *
grow(void *rows, size_t size, size_t *room)
{
    size_t more = *room == 0 ? 16 : 2 * *room;
    void *out = base_alloc(more * size);

    if (*room > 0)
        memcpy(out, rows, *room * size);
    free(rows);
    *room = more;
    return out;
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
    if (reg->count == reg->room)
        reg->at = grow(reg->at, sizeof *reg->at, &reg->room);
    new = &reg->at[reg->count++];
    memset(new, 0, sizeof *new);
    memcpy(new->row.credential_id, credential_id, 32);
    memcpy(new->row.officer.officer_id, officer_id, TEXT_UUID_LEN);
    new->row.is_active = new->row.officer.is_active = true;
    new->row.officer.since = at;
    new->row.officer.person = base_text_copy(person);
    new->row.officer.roles = base_text_copy(buf_text(&text));
    buf_clear(&text);
    return true;
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

/* ---- Certificates ------------------------------------------------------ */

static void
await(struct audit_register *reg, const char *key)
{
    struct awaited *new;

    if (reg->awaited_count == reg->awaited_room)
        reg->awaited =
            grow(reg->awaited, sizeof *reg->awaited, &reg->awaited_room);
    new = &reg->awaited[reg->awaited_count++];
    memset(new, 0, sizeof *new);
    memcpy(new->key, key, strnlen(key, TEXT_UUID_LEN));
}

/* Takes it out; false if it is not there. The newest first. */
static bool
settle(struct audit_register *reg, const char *key)
{
    for (size_t i = reg->awaited_count; i-- > 0;)
        if (strcmp(reg->awaited[i].key, key) == 0) {
            reg->awaited[i] = reg->awaited[--reg->awaited_count];
            return true;
        }
    return false;
}

/* One order, one certificate, and none without (reliability.md, incident 23).
 */
static bool
read_issued(struct audit_register *reg, const json_t *entry, struct error *err)
{
    const char *order_id, *serial;

    if (!json_get_text(entry, "order_id", TEXT_UUID_LEN, &order_id, err) ||
        !json_get_text(entry, "subject", TEXT_UUID_LEN, &serial, err))
        return false;
    return settle(reg, order_id) || settle(reg, serial) ||
           error_set(err, ERROR_DENIED,
                     "certificate %s was issued without an order, or as the "
                     "second of order %s",
                     serial, order_id);
}

/* ---- Orders ------------------------------------------------------------ */

/* Key and validity, once they are known. */
static bool
complete(struct enrolled *officer, const json_t *decision, struct error *err)
{
    struct buf certificate = BUF_INIT(API_CERTIFICATE_MAX);
    uint8_t id[32];
    bool ok;

    if (officer->key != NULL)
        return true;
    ok = json_get_bytes(decision, "certificate", API_CERTIFICATE_MAX,
                        &certificate, err) &&
         decision_credential_read(certificate.data, certificate.len,
                                  &officer->key, id, &officer->row.not_before,
                                  &officer->row.not_after, err);
    buf_clear(&certificate);
    return ok;
}

static bool
judge(struct audit_register *reg, struct api_envelope *envelope,
      const json_t *decisions, int64_t at, struct error *err)
{
    struct decision_credential credentials[API_DECISIONS_MAX];
    size_t count = json_array_size(decisions), known = 0;
    uint8_t digest[32];

    if (count > API_DECISIONS_MAX)
        return error_set(err, ERROR_INPUT, "more than %d decisions",
                         API_DECISIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        const json_t *json = json_array_get(decisions, i);
        struct enrolled *officer;

        if (!audit_decision_parse(json, &envelope->decision[i], err))
            return false;
        envelope->decision_count = i + 1;
        officer = find_credential(reg, envelope->decision[i].credential_id);
        if (officer == NULL)
            continue; /* named by decision_judge() */
        if (!complete(officer, json, err))
            return false;
        credentials[known++] =
            (struct decision_credential){&officer->row, officer->key};
    }
    return api_order_digest(envelope->order->json, digest, err) &&
           decision_judge(envelope, digest, credentials, known, at, TOLERANCE_S,
                          err);
}

static bool
carry_out(struct audit_register *reg, const struct api_order *order, int64_t at,
          struct error *err)
{
    struct enrolled *officer;
    const json_t *roles;
    EVP_PKEY *key = NULL;
    int64_t not_before, not_after;
    uint8_t id[32];

    if (order->kind == API_DISMISS_OFFICER) {
        officer = find_officer(reg, order->officer_id);
        if (officer == NULL || !officer->row.officer.is_active)
            return error_set(err, ERROR_DENIED, "there is no officer %s",
                             order->officer_id);
        officer->row.officer.is_active = false;
        officer->row.is_active = false;
        return true;
    }
    if (order->kind != API_ENROLL_OFFICER)
        return true;
    if (!decision_credential_read(order->officer.credential.certificate,
                                  order->officer.credential.certificate_len,
                                  &key, id, &not_before, &not_after, err))
        return error_wrap(err, "credential");
    EVP_PKEY_free(key);
    roles = json_object_get(json_object_get(order->json, "officer"), "roles");
    return add(reg, order->officer.officer_id, order->officer.person, roles, id,
               at, err);
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
         api_order_parse(order, &envelope.order, err);
    if (ok && api_kind_is_issuing(envelope.order->kind))
        await(reg, envelope.order->order_id);
    ok = ok && judge(reg, &envelope, decisions, at, err) &&
         carry_out(reg, envelope.order, at, err);
    api_envelope_clear(&envelope);
    return ok;
}

bool
audit_register_read(struct audit_register *reg, const json_t *entry, int64_t at,
                    struct error *err)
{
    const char *event, *subject;

    if (!json_get_text(entry, "event", 256, &event, err) ||
        !json_get_text(entry, "subject", 4096, &subject, err))
        return false;
    if (strcmp(event, "order.accepted") == 0)
        return read_accepted(reg, entry, at, err);
    if (strcmp(event, "officer.enrolled") == 0)
        return read_enrolled(reg, entry, at, err);
    if (strcmp(event, "officer.dismissed") == 0)
        return read_dismissed(reg, entry, err);
    if (strcmp(event, "certificate.issued") == 0)
        return read_issued(reg, entry, err);
    if (strcmp(event, "certificate.intended") == 0)
        await(reg, subject);
    else if (strcmp(event, "order.failed") == 0)
        (void)settle(reg, subject);
    return true;
}
