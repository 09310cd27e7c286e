/* ca-core/audit_register.h: from the log alone, an auditor finds the orders
 * that the core should not have accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "ca-core/audit_register.h"
#include "core_parts.h"
#include "soft_passkey.h"

enum { DAY_S = 86400 };

enum who { FIRST, SECOND, ADMIN, ADMIN_2, STRANGER, WHO_COUNT };

static struct core_officer officer[WHO_COUNT];
static struct audit_register *reg;

static const struct {
    const char *person, *role;
} people[WHO_COUNT] = {
    [FIRST] = {"p-first", "first-reviewer"},
    [SECOND] = {"p-second", "second-reviewer"},
    [ADMIN] = {"p-admin", "business-administrator"},
    [ADMIN_2] = {"p-admin-2", "business-administrator"},
    [STRANGER] = {"p-stranger", "first-reviewer"},
};

static int
make_officers(void **state)
{
    (void)state;
    for (int i = 0; i < WHO_COUNT; i++)
        core_officer_make(&officer[i], people[i].person, clock_now() - DAY_S,
                          clock_now() + DAY_S);
    return 0;
}

static int
free_officers(void **state)
{
    (void)state;
    for (int i = 0; i < WHO_COUNT; i++)
        core_officer_clear(&officer[i]);
    return 0;
}

/* ---- Entries ----------------------------------------------------------- */

static json_t *
entry_of(const char *event, const char *subject)
{
    json_t *entry = json_object();

    json_set_text(entry, "event", event);
    json_set_text(entry, "subject", subject);
    return entry;
}

/* The finding, or "". Takes the entry. */
static const char *
read_entry(json_t *take_entry)
{
    static struct error err;
    bool ok;

    memset(&err, 0, sizeof err);
    ok = audit_register_read(reg, take_entry, clock_now(), &err);
    json_decref(take_entry);
    assert_true(ok == (err.code == ERROR_NONE));
    return ok ? "" : err.what;
}

static void
found(json_t *take_entry, const char *why)
{
    const char *finding = read_entry(take_entry);

    if (strstr(finding, why) == NULL)
        fail_msg("'%s' lacks '%s'", finding, why);
}

/* As a ceremony writes it. */
static json_t *
enrolled_by_ceremony(enum who who)
{
    json_t *entry = entry_of("officer.enrolled", officer[who].officer_id);
    uint8_t id[32];

    assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL,
                                  officer[who].certificate.data,
                                  officer[who].certificate.len, id, NULL),
                     1);
    json_set_text(entry, "person", people[who].person);
    json_set_hex(entry, "credential_id", id, sizeof id);
    json_object_set_new(entry, "roles", json_pack("[s]", people[who].role));
    return entry;
}

static json_t *
decision_of(const json_t *order, enum api_step step, enum who who)
{
    json_t *decision = core_decide(order, step, &officer[who], 0);

    json_set_bytes(decision, "certificate", officer[who].certificate.data,
                   officer[who].certificate.len);
    return decision;
}

/* An accepted order with these two in the steps of its kind. */
static json_t *
accepted(json_t *take_order, enum who first, enum who second)
{
    const char *kind = json_string_value(json_object_get(take_order, "kind"));
    bool is_officers =
        strstr(kind, "-officer") != NULL || strstr(kind, "-credential") != NULL;
    json_t *entry = entry_of("order.accepted", "an order");

    json_object_set_new(
        entry, "decisions",
        json_pack("[o, o]",
                  decision_of(take_order,
                              is_officers ? API_STEP_ADMINISTRATION
                                          : API_STEP_FIRST_REVIEW,
                              first),
                  decision_of(take_order,
                              is_officers ? API_STEP_SECOND_ADMINISTRATION
                                          : API_STEP_SECOND_REVIEW,
                              second)));
    json_object_set_new(entry, "order", take_order);
    return entry;
}

static json_t *
officers_order(enum api_kind kind, enum who who)
{
    struct api_order order = {.kind = kind, .created_at = clock_now()};
    struct error err = {0};

    assert_true(text_uuid_draw(order.order_id, &err));
    order.officer_id = officer[who].officer_id;
    order.officer = (struct api_officer){
        .officer_id = officer[who].officer_id,
        .name = people[who].person,
        .person = people[who].person,
        .role = {API_ROLE_FIRST_REVIEWER},
        .role_count = 1,
        .credential.certificate = officer[who].certificate.data,
        .credential.certificate_len = officer[who].certificate.len,
    };
    return api_order_json(&order);
}

/* A log that begins with a ceremony. */
static int
begin(void **state)
{
    (void)state;
    reg = audit_register_new();
    for (int who = FIRST; who < STRANGER; who++)
        assert_string_equal(read_entry(enrolled_by_ceremony((enum who)who)),
                            "");
    return 0;
}

static int
end(void **state)
{
    (void)state;
    audit_register_free(reg);
    return 0;
}

/* ---- Judging ----------------------------------------------------------- */

static void
order_of_two_enrolled_reviewers_is_right(void **state)
{
    (void)state;
    assert_string_equal(
        read_entry(accepted(core_issue_order("一号公司"), FIRST, SECOND)), "");
    assert_string_equal(read_entry(entry_of("crl.issued", "issuing-1")), "");
    assert_true(audit_register_count(reg) == 4);
}

static void
accepted_order_of_a_stranger_is_found(void **state)
{
    (void)state;
    found(accepted(core_issue_order("二号公司"), STRANGER, SECOND),
          "a credential that is not registered");
}

static void
accepted_order_of_one_officer_or_wrong_roles_is_found(void **state)
{
    json_t *entry = accepted(core_issue_order("三号公司"), FIRST, SECOND);

    (void)state;
    json_array_remove(json_object_get(entry, "decisions"), 1);
    found(entry, "second-review is missing");
    found(accepted(core_issue_order("四号公司"), FIRST, FIRST), "is no");
    found(accepted(core_issue_order("五号公司"), SECOND, FIRST), "is no");
    found(accepted(officers_order(API_ENROLL_OFFICER, STRANGER), ADMIN, ADMIN),
          "one person decided");
}

static void
officer_decides_from_enrolment_to_dismissal(void **state)
{
    (void)state;
    assert_string_equal(
        read_entry(accepted(officers_order(API_ENROLL_OFFICER, STRANGER), ADMIN,
                            ADMIN_2)),
        "");
    assert_string_equal(
        read_entry(entry_of("officer.enrolled", officer[STRANGER].officer_id)),
        "");
    assert_string_equal(
        read_entry(accepted(core_issue_order("六号公司"), STRANGER, SECOND)),
        "");
    assert_string_equal(
        read_entry(accepted(officers_order(API_DISMISS_OFFICER, STRANGER),
                            ADMIN, ADMIN_2)),
        "");
    assert_string_equal(
        read_entry(entry_of("officer.dismissed", officer[STRANGER].officer_id)),
        "");
    found(accepted(core_issue_order("七号公司"), STRANGER, SECOND),
          "is dismissed");
}

static void
officer_enrolled_or_dismissed_without_an_order_is_found(void **state)
{
    (void)state;
    found(entry_of("officer.enrolled", officer[STRANGER].officer_id),
          "was enrolled without an order");
    found(entry_of("officer.dismissed", officer[FIRST].officer_id),
          "was dismissed without an order");
    found(enrolled_by_ceremony(FIRST), "is enrolled twice");
}

/* A serial number of one octet, sixteen times. */
static const char *
serial_of(uint8_t octet)
{
    static char text[2 * API_SERIAL_LEN + 1];
    uint8_t serial[API_SERIAL_LEN];

    memset(serial, octet, sizeof serial);
    text_hex(serial, sizeof serial, text);
    return text;
}

static json_t *
issued(const json_t *order, uint8_t octet)
{
    json_t *entry = entry_of("certificate.issued", serial_of(octet));
    uint8_t digest[32];

    memset(digest, octet, sizeof digest);
    json_object_set(entry, "order_id", json_object_get(order, "order_id"));
    json_set_text(entry, "issuer", "issuing-1");
    json_set_hex(entry, "sha256", digest, sizeof digest);
    return entry;
}

static void
certificate_without_an_order_and_the_second_of_one_are_found(void **state)
{
    json_t *order = core_issue_order("八号公司");
    json_t *failed = core_issue_order("九号公司");

    (void)state;
    found(issued(order, 0x0a), "0a0a was issued without an order");
    assert_string_equal(read_entry(accepted(json_incref(order), FIRST, SECOND)),
                        "");
    assert_string_equal(read_entry(issued(order, 0x0b)), "");
    found(issued(order, 0x0c), "or as one more than order");

    /* Of a ceremony, by its serial. */
    assert_string_equal(
        read_entry(entry_of("certificate.intended", serial_of(0x0d))), "");
    assert_string_equal(read_entry(issued(order, 0x0d)), "");

    assert_string_equal(
        read_entry(accepted(json_incref(failed), FIRST, SECOND)), "");
    assert_string_equal(
        read_entry(entry_of("order.failed", json_string_value(json_object_get(
                                                failed, "order_id")))),
        "");
    found(issued(failed, 0x0e), "0e0e was issued without an order");
    json_decref(order);
    json_decref(failed);
}

/* ---- What the core would have refused ---------------------------------- */

/* A certificate that the log has issued to this officer's key. */
static void
issued_to(const struct core_officer *holder, uint8_t octet)
{
    json_t *order = core_issue_order("持有公司"), *entry;
    uint8_t digest[32];
    struct error err = {0};

    assert_string_equal(read_entry(accepted(json_incref(order), FIRST, SECOND)),
                        "");
    entry = issued(order, octet);
    assert_true(hash_sha256(holder->certificate.data, holder->certificate.len,
                            digest, &err));
    json_set_hex(entry, "sha256", digest, sizeof digest);
    assert_string_equal(read_entry(entry), "");
    json_decref(order);
}

static json_t *
accepted_by(json_t *take_order, json_t *take_decision)
{
    json_t *entry = entry_of("order.accepted", "an order");

    json_object_set_new(entry, "decisions", json_pack("[o]", take_decision));
    json_object_set_new(entry, "order", take_order);
    return entry;
}

/* A renewal that the holder signed alone. */
static json_t *
renewed(const struct core_officer *holder, uint8_t octet)
{
    json_t *order = core_successor_order("renew", serial_of(octet), "none");
    struct api_decision decision = {.step = API_STEP_HOLDER,
                                    .decided_at = clock_now()};
    json_t *json = core_sign(order, &decision, holder->certificate.data,
                             holder->certificate.len, holder->key.key);

    json_set_bytes(json, "certificate", holder->certificate.data,
                   holder->certificate.len);
    return accepted_by(order, json);
}

static json_t *
changed(const char *event, const char *order_id, uint8_t octet)
{
    json_t *entry = entry_of(event, serial_of(octet));

    json_set_text(entry, "order_id", order_id);
    json_set_text(entry, "issuer", "issuing-1");
    return entry;
}

static void
renewal_by_who_is_no_valid_holder_is_found(void **state)
{
    const struct core_officer *holder = &officer[STRANGER];

    (void)state;
    found(renewed(holder, 0x21), "not the one that the order is about");
    issued_to(holder, 0x21);
    found(renewed(&officer[FIRST], 0x21),
          "not the one that the order is about");
    assert_string_equal(read_entry(renewed(holder, 0x21)), "");
    assert_string_equal(
        read_entry(changed("certificate.held",
                           "6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c", 0x21)),
        "");
    found(renewed(holder, 0x21), "held or revoked");
    assert_string_equal(
        read_entry(changed("certificate.released",
                           "6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c", 0x21)),
        "");
    assert_string_equal(read_entry(renewed(holder, 0x21)), "");
}

static json_t *
with_pending(const char *kind, json_t *pending, uint8_t octet)
{
    json_t *order = core_change_order(kind, serial_of(octet), NULL);

    json_object_set(order, "pending", pending);
    return order;
}

static json_t *
rejection_of(const json_t *pending, enum who who)
{
    struct api_decision decision = {.step = API_STEP_SECOND_REVIEW,
                                    .verdict = API_REJECT,
                                    .decided_at = clock_now(),
                                    .remark = "原件不符"};
    json_t *json;

    memcpy(decision.officer_id, officer[who].officer_id,
           sizeof decision.officer_id);
    json = core_sign(pending, &decision, officer[who].certificate.data,
                     officer[who].certificate.len, officer[who].key.key);
    json_set_bytes(json, "certificate", officer[who].certificate.data,
                   officer[who].certificate.len);
    return json;
}

static void
release_of_what_was_held_for_another_reason_is_found(void **state)
{
    json_t *pending =
        core_change_order("revoke", serial_of(0x31), "superseded");
    json_t *hold = with_pending("hold", pending, 0x31);
    char held_by[TEXT_UUID_LEN + 1];

    (void)state;
    (void)snprintf(held_by, sizeof held_by, "%s",
                   json_string_value(json_object_get(hold, "order_id")));
    issued_to(&officer[STRANGER], 0x31);
    found(accepted_by(with_pending("release", pending, 0x31),
                      rejection_of(pending, SECOND)),
          "not held for the pending order");
    assert_string_equal(
        read_entry(accepted_by(
            hold, decision_of(pending, API_STEP_FIRST_REVIEW, FIRST))),
        "");
    assert_string_equal(read_entry(changed("certificate.held", held_by, 0x31)),
                        "");
    assert_string_equal(
        read_entry(accepted_by(with_pending("release", pending, 0x31),
                               rejection_of(pending, SECOND))),
        "");
    /* Held since by another order. */
    assert_string_equal(
        read_entry(changed("certificate.held",
                           "6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c", 0x31)),
        "");
    found(accepted_by(with_pending("release", pending, 0x31),
                      rejection_of(pending, SECOND)),
          "not held for the pending order");
    json_decref(pending);
}

static void
activation_without_its_device_is_found(void **state)
{
    json_t *order = core_issue_order("激活公司"), *activation = json_object();

    (void)state;
    json_object_del(order, "csr");
    json_set_time(activation, "until", clock_now() + DAY_S);
    json_object_set_new(order, "activation", activation);
    found(accepted(order, FIRST, SECOND), "making is missing");
}

/* ---- Pairs ------------------------------------------------------------- */

/* An order that makes a pair for a transport key that it has itself. */
static json_t *
pair_order(const char *name)
{
    json_t *order = core_issue_order(name);
    json_t *encryption =
        json_pack("{s:s,s:s}", "profile", "organisation-encryption", "key_type",
                  "rsa-2048");
    struct soft_key transport;

    soft_key_make(HSM_KEY_RSA_2048, &transport);
    json_set_bytes(encryption, "transport", transport.spki.data,
                   transport.spki.len);
    json_object_set_new(order, "encryption", encryption);
    soft_key_clear(&transport);
    return order;
}

/* With a profile, and the octet as hash of its key. */
static json_t *
issued_as(const json_t *order, const char *profile, uint8_t octet,
          uint8_t key_octet)
{
    json_t *entry = issued(order, octet);
    uint8_t spki[32];

    memset(spki, key_octet, sizeof spki);
    json_set_text(entry, "profile", profile);
    json_set_hex(entry, "spki_sha256", spki, sizeof spki);
    return entry;
}

/* Serials of `octet` (signing) and the next (encryption). */
static void
pair_issued(const char *name, uint8_t octet)
{
    json_t *order = pair_order(name);

    assert_string_equal(read_entry(accepted(json_incref(order), FIRST, SECOND)),
                        "");
    assert_string_equal(
        read_entry(issued_as(order, "organisation-signing", octet, octet)), "");
    assert_string_equal(
        read_entry(issued_as(order, "organisation-encryption",
                             (uint8_t)(octet + 1), (uint8_t)(octet + 1))),
        "");
    json_decref(order);
}

static const char *
at_the_end(void)
{
    static struct error err;

    memset(&err, 0, sizeof err);
    return audit_register_end(reg, &err) ? "" : err.what;
}

static void
order_of_a_pair_makes_both_and_no_third(void **state)
{
    json_t *order = pair_order("双证公司");

    (void)state;
    assert_string_equal(read_entry(accepted(json_incref(order), FIRST, SECOND)),
                        "");
    assert_string_equal(
        read_entry(issued_as(order, "organisation-signing", 0x41, 0x41)), "");
    assert_string_equal(
        read_entry(issued_as(order, "organisation-encryption", 0x42, 0x42)),
        "");
    found(issued_as(order, "organisation-encryption", 0x43, 0x43),
          "or as one more than order");
    assert_string_equal(at_the_end(), "");
    json_decref(order);
}

static void
half_of_a_pair_alone_or_of_another_profile_is_found(void **state)
{
    json_t *order = pair_order("半证公司"), *alone = core_issue_order("单证");

    (void)state;
    assert_string_equal(read_entry(accepted(json_incref(order), FIRST, SECOND)),
                        "");
    found(issued_as(order, "tls-server", 0x44, 0x44), "of another profile");
    found(issued(order, 0x44), "of another profile"); /* not told */
    assert_string_equal(
        read_entry(issued_as(order, "organisation-signing", 0x45, 0x45)), "");
    found(issued_as(order, "organisation-signing", 0x46, 0x46),
          "of another profile");
    found(entry_of("crl.issued", "issuing-1"), "one half alone was issued");
    assert_string_equal(at_the_end(), "");
    assert_string_equal(read_entry(accepted(json_incref(alone), FIRST, SECOND)),
                        "");
    found(issued_as(alone, "tls-client", 0x47, 0x47), "of another profile");
    json_decref(order);
    json_decref(alone);
    order = pair_order("又半证公司");
    assert_string_equal(read_entry(accepted(json_incref(order), FIRST, SECOND)),
                        "");
    assert_string_equal(
        read_entry(issued_as(order, "organisation-encryption", 0x48, 0x48)),
        "");
    assert_non_null(strstr(at_the_end(), "one half alone was issued"));
    json_decref(order);
}

static void
half_that_changed_with_the_other_left_is_found(void **state)
{
    static const char by[] = "6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c";
    static const char by_another[] = "7a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c";

    (void)state;
    pair_issued("一对公司", 0x51);
    pair_issued("二对公司", 0x53);
    /* Both, as they come, with others between. */
    assert_string_equal(read_entry(changed("certificate.held", by, 0x51)), "");
    assert_string_equal(read_entry(changed("certificate.held", by, 0x54)), "");
    assert_string_equal(read_entry(changed("certificate.held", by, 0x52)), "");
    assert_string_equal(read_entry(changed("certificate.held", by, 0x53)), "");
    assert_string_equal(read_entry(entry_of("crl.issued", "issuing-1")), "");
    /* One half released. */
    assert_string_equal(
        read_entry(changed("certificate.released", by_another, 0x51)), "");
    found(entry_of("crl.issued", "issuing-1"), "was left as it was");
    /* One half revoked by one order and the other by the next. */
    assert_string_equal(read_entry(changed("certificate.revoked", by, 0x53)),
                        "");
    found(changed("certificate.revoked", by_another, 0x54),
          "was left as it was");
    assert_string_equal(at_the_end(), "");
    pair_issued("三对公司", 0x55);
    assert_string_equal(read_entry(changed("certificate.revoked", by, 0x56)),
                        "");
    assert_non_null(strstr(at_the_end(), "was left as it was"));
}

/* What is found does not keep the auditor from what comes with it. */
static void
entry_after_a_broken_pair_is_read_all_the_same(void **state)
{
    static const char by[] = "6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c";

    (void)state;
    pair_issued("四对公司", 0x57);
    assert_string_equal(read_entry(changed("certificate.revoked", by, 0x57)),
                        "");
    found(
        accepted(officers_order(API_ENROLL_OFFICER, STRANGER), ADMIN, ADMIN_2),
        "was left as it was");
    assert_string_equal(
        read_entry(accepted(core_issue_order("五对公司"), STRANGER, SECOND)),
        "");
}

/* A revocation that the holder signed alone, of these serials. */
static json_t *
revoked_by(const struct core_officer *holder, uint8_t octet, uint8_t and_octet)
{
    json_t *order = core_change_order("revoke", serial_of(octet), "superseded");
    json_t *more =
        core_change_order("revoke", serial_of(and_octet), "superseded");
    struct api_decision decision = {.step = API_STEP_HOLDER,
                                    .decided_at = clock_now()};
    json_t *json;

    if (and_octet != 0)
        json_array_extend(
            json_object_get(json_object_get(order, "target"), "certificates"),
            json_object_get(json_object_get(more, "target"), "certificates"));
    json_decref(more);
    json = core_sign(order, &decision, holder->certificate.data,
                     holder->certificate.len, holder->key.key);
    json_set_bytes(json, "certificate", holder->certificate.data,
                   holder->certificate.len);
    return accepted_by(order, json);
}

/* The signing half is the holder's own certificate. */
static void
pair_issued_to(const struct core_officer *holder, uint8_t octet)
{
    json_t *order = pair_order("持有公司"), *entry;
    uint8_t digest[32];
    struct error err = {0};

    assert_string_equal(read_entry(accepted(json_incref(order), FIRST, SECOND)),
                        "");
    entry = issued_as(order, "organisation-signing", octet, octet);
    assert_true(hash_sha256(holder->certificate.data, holder->certificate.len,
                            digest, &err));
    json_set_hex(entry, "sha256", digest, sizeof digest);
    assert_string_equal(read_entry(entry), "");
    assert_string_equal(
        read_entry(issued_as(order, "organisation-encryption",
                             (uint8_t)(octet + 1), (uint8_t)(octet + 1))),
        "");
    json_decref(order);
}

static void
holder_who_revokes_more_than_the_own_pair_is_found(void **state)
{
    const struct core_officer *holder = &officer[STRANGER];

    (void)state;
    pair_issued_to(holder, 0x61);
    pair_issued("他人公司", 0x63);
    assert_string_equal(read_entry(revoked_by(holder, 0x61, 0)), "");
    assert_string_equal(read_entry(revoked_by(holder, 0x62, 0x61)), "");
    found(revoked_by(holder, 0x61, 0x63), "not the one that the order is");
    found(revoked_by(holder, 0x61, 0x64), "not the one that the order is");
}

/* As the core wants it: one of the targets is the certificate that signed, and
 * not just one with the same key. */
static void
holder_whose_certificate_is_no_target_is_found(void **state)
{
    const struct core_officer *holder = &officer[STRANGER];
    json_t *order = core_issue_order("同钥公司");

    (void)state;
    pair_issued_to(holder, 0x71);
    assert_string_equal(read_entry(accepted(json_incref(order), FIRST, SECOND)),
                        "");
    assert_string_equal(
        read_entry(issued_as(order, "organisation-signing", 0x73, 0x71)), "");
    json_decref(order);
    found(revoked_by(holder, 0x73, 0), "not the one that the order is about");
    found(revoked_by(holder, 0x72, 0), "not the one that the order is about");
    assert_string_equal(read_entry(revoked_by(holder, 0x73, 0x71)), "");
}

/* A recovery into a device that vouches for its transport key by `signer`. */
static json_t *
recovered(const struct soft_key *own, const struct soft_key *signer)
{
    json_t *order = core_change_order("hold", serial_of(0x01), NULL);
    json_t *carrier = json_object();
    struct buf message = BUF_INIT(API_STATEMENT_MAX);
    struct soft_key transport;
    uint8_t signature[API_SIGNATURE_MAX];
    struct error err = {0};
    size_t len;

    soft_key_make(HSM_KEY_RSA_2048, &transport);
    assert_true(api_transport_encode("UK-0001", transport.spki.data,
                                     transport.spki.len, &message, &err));
    assert_true(api_sign(signer->key, message.data, message.len, signature,
                         &len, &err));
    json_set_text(carrier, "serial", "UK-0001");
    json_set_bytes(carrier, "spki", own->spki.data, own->spki.len);
    json_set_bytes(carrier, "transport", transport.spki.data,
                   transport.spki.len);
    json_set_bytes(carrier, "transport_signature", signature, len);
    json_object_del(order, "target");
    json_set_text(order, "kind", "recover");
    json_set_text(order, "document", "K2026-1");
    json_object_set_new(order, "carrier", carrier);
    soft_key_clear(&transport);
    buf_clear(&message);
    return order;
}

static void
recovery_that_the_core_had_to_refuse_is_found(void **state)
{
    struct soft_key device, other;
    json_t *entry;

    (void)state;
    soft_key_make(HSM_KEY_EC_P256, &device);
    soft_key_make(HSM_KEY_EC_P256, &other);
    assert_string_equal(
        read_entry(accepted(recovered(&device, &device), FIRST, SECOND)), "");
    found(accepted(recovered(&device, &other), FIRST, SECOND),
          "the transport key is not signed by device UK-0001");
    entry = accepted(recovered(&device, &device), FIRST, SECOND);
    json_array_remove(json_object_get(entry, "decisions"), 1);
    found(entry, "second-review is missing");
    found(accepted(recovered(&device, &device), STRANGER, SECOND),
          "a credential that is not registered");
    soft_key_clear(&device);
    soft_key_clear(&other);
}

/* ---- Passkeys ---------------------------------------------------------- */

/* Of a passkey, the id says nothing of its key: the enrolment does. */
static void
decision_by_another_passkey_under_an_enrolled_id_is_found(void **state)
{
    struct soft_passkey enrolled, forged;
    struct api_credential credential;
    struct api_order order = {.kind = API_ENROLL_CREDENTIAL,
                              .officer_id = officer[FIRST].officer_id};
    struct error err = {0};

    (void)state;
    soft_passkey_make(SOFT_ES256, &enrolled);
    soft_passkey_make(SOFT_ES256, &forged);
    memcpy(forged.raw_id, enrolled.raw_id, sizeof forged.raw_id);
    credential =
        soft_passkey_credential(&enrolled, "ra.example", "https://ra.example");
    assert_true(text_uuid_draw(order.order_id, &err));
    order.created_at = clock_now();
    order.credential = credential;
    assert_string_equal(
        read_entry(accepted(api_order_json(&order), ADMIN, ADMIN_2)), "");
    for (int i = 0; i < 2; i++) {
        const struct soft_passkey *by = i == 0 ? &enrolled : &forged;
        struct api_decision decision = {.step = API_STEP_FIRST_REVIEW,
                                        .decided_at = clock_now()};
        json_t *issue = core_issue_order("通行公司"), *entry, *json;
        uint8_t digest[32];

        memcpy(decision.officer_id, officer[FIRST].officer_id,
               sizeof decision.officer_id);
        assert_true(api_order_digest(issue, digest, &err));
        soft_passkey_decide(
            by, "ra.example", "https://ra.example", SOFT_BOTH, &decision,
            json_string_value(json_object_get(issue, "order_id")), digest);
        json = api_decision_json(&decision);
        credential =
            soft_passkey_credential(by, "ra.example", "https://ra.example");
        json_object_set_new(json, "credential",
                            api_credential_json(&credential));
        entry = accepted(issue, FIRST, SECOND);
        json_array_set_new(json_object_get(entry, "decisions"), 0, json);
        if (i == 0)
            assert_string_equal(read_entry(entry), "");
        else
            found(entry, "not the key's");
    }
    soft_passkey_clear(&enrolled);
    soft_passkey_clear(&forged);
}

int
main(void)
{
#define ON_A_LOG(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        ON_A_LOG(order_of_two_enrolled_reviewers_is_right),
        ON_A_LOG(accepted_order_of_a_stranger_is_found),
        ON_A_LOG(accepted_order_of_one_officer_or_wrong_roles_is_found),
        ON_A_LOG(officer_decides_from_enrolment_to_dismissal),
        ON_A_LOG(officer_enrolled_or_dismissed_without_an_order_is_found),
        ON_A_LOG(certificate_without_an_order_and_the_second_of_one_are_found),
        ON_A_LOG(renewal_by_who_is_no_valid_holder_is_found),
        ON_A_LOG(release_of_what_was_held_for_another_reason_is_found),
        ON_A_LOG(activation_without_its_device_is_found),
        ON_A_LOG(order_of_a_pair_makes_both_and_no_third),
        ON_A_LOG(half_of_a_pair_alone_or_of_another_profile_is_found),
        ON_A_LOG(half_that_changed_with_the_other_left_is_found),
        ON_A_LOG(entry_after_a_broken_pair_is_read_all_the_same),
        ON_A_LOG(holder_who_revokes_more_than_the_own_pair_is_found),
        ON_A_LOG(holder_whose_certificate_is_no_target_is_found),
        ON_A_LOG(recovery_that_the_core_had_to_refuse_is_found),
        ON_A_LOG(decision_by_another_passkey_under_an_enrolled_id_is_found),
    };

    return cmocka_run_group_tests(tests, make_officers, free_officers);
}
