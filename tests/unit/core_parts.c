/* A whole CA core; see core_parts.h. */
#include "core_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509.h>

#include "base/clock.h"
#include "base/hash.h"
#include "ca-core/audit_decision.h"
#include "ca-core/audit_register.h"
#include "ca-core/desk.h"
#include "db/sql_audit.h"
#include "db/sql_ca.h"
#include "pg.h"

enum { DAY_S = 86400 };

static void
check(bool ok, const struct error *err)
{
    if (!ok)
        fail_msg("%s (%s)", err->what, err->cause);
}

/* ---- Issuer ------------------------------------------------------------ */

/* The issuing CA: key in the token, certificate by the software root. */
static void
make_issuer(struct core *core)
{
    static const uint8_t id[16] = {1, 2, 3};
    const struct profile *profile =
        profile_set_find(&core->service.profiles, "issuing-ca");
    struct db_issuer row = {
        .name = "issuing-1",
        .state = DB_ISSUER_ACTIVE,
        .generation = 1,
        .token = "test",
        .key_type = "ec-p256",
        .scheme = "ecdsa-sha256",
        .key_id_len = sizeof id,
        .created_at = clock_now(),
    };
    struct buf subject = BUF_INIT(NAME_MAX_LEN), tbs = BUF_INIT(TBS_MAX_LEN);
    struct buf certificate = BUF_INIT(TBS_CERTIFICATE_MAX_LEN);
    const struct hsm_key *key;
    struct tbs_input input;
    struct error err = {0};

    check(hsm_key_generate(core->hsm, HSM_KEY_EC_P256, "issuing-1", id,
                           sizeof id, &key, &err),
          &err);
    soft_ca_make(&core->root, "root-1", HSM_KEY_EC_P256,
                 profile_set_find(&core->service.profiles, "root-ca"), NULL);
    soft_ca_subject(profile, "Issuing 1", &subject);
    input = soft_ca_input(&core->root, soft_der(&subject), &core->root.key);
    input.spki = (struct der){key->spki, key->spki_len};
    input.period.not_before = clock_now() - DAY_S;
    input.period.not_after = clock_now() + (int64_t)3650 * DAY_S;
    check(tbs_build(profile, &input, &tbs, &err), &err);
    soft_ca_sign(&core->root, soft_der(&tbs), &certificate);
    memcpy(row.key_id, id, sizeof id);
    row.subject = subject.data;
    row.subject_len = subject.len;
    row.spki = (uint8_t *)(uintptr_t)key->spki;
    row.spki_len = key->spki_len;
    row.certificate = certificate.data;
    row.certificate_len = certificate.len;
    row.not_after = input.period.not_after;
    check(db_issuer_insert(core->worker->db, &row, &err), &err);
    buf_clear(&subject);
    buf_clear(&tbs);
    buf_clear(&certificate);
}

/* ---- Officers ---------------------------------------------------------- */

void
core_officer_make(struct core_officer *out, const char *person,
                  int64_t not_before, int64_t not_after)
{
    X509 *x509 = X509_new();
    unsigned char *der = NULL;
    struct error err = {0};
    int len;

    memset(out, 0, sizeof *out);
    out->person = person;
    check(text_uuid_draw(out->officer_id, &err), &err);
    soft_key_make(HSM_KEY_EC_P256, &out->key);
    assert_int_equal(X509_set_version(x509, X509_VERSION_3), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(
                         X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
                         (const unsigned char *)person, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(x509, X509_get_subject_name(x509)),
                     1);
    assert_int_equal(X509_set_pubkey(x509, out->key.key), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x509), not_before));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x509), not_after));
    assert_true(X509_sign(x509, out->key.key, EVP_sha256()) > 0);
    len = i2d_X509(x509, &der);
    assert_true(len > 0);
    out->certificate.limit = API_CERTIFICATE_MAX;
    assert_true(buf_add(&out->certificate, der, (size_t)len));
    OPENSSL_free(der);
    X509_free(x509);
}

void
core_officer_clear(struct core_officer *officer)
{
    soft_key_clear(&officer->key);
    buf_clear(&officer->certificate);
}

void
core_officer_add(struct core *core, const char *officer_id,
                 const struct core_officer *credential)
{
    struct decision_key key;
    struct error err = {0};

    check(decision_key_read(API_CREDENTIAL_X509, credential->certificate.data,
                            credential->certificate.len, &key, &err),
          &err);
    check(db_credential_insert(core->worker->db, key.id, officer_id, "x509",
                               credential->certificate.data,
                               credential->certificate.len, key.not_before,
                               key.not_after, &err),
          &err);
    decision_key_clear(&key);
}

void
core_officer_enroll(struct core *core, struct core_officer *officer,
                    const char *role)
{
    struct error err = {0};

    check(db_officer_insert(core->worker->db, officer->officer_id,
                            officer->person, officer->person,
                            clock_now() - DAY_S, &err),
          &err);
    if (role != NULL)
        check(db_officer_add_role(core->worker->db, officer->officer_id, role,
                                  &err),
              &err);
    core_officer_add(core, officer->officer_id, officer);
}

static void
make_officers(struct core *core)
{
    static const struct {
        const char *person, *role;
    } rows[CORE_OFFICER_COUNT] = {
        [CORE_CLERK] = {"p-clerk", "intake-clerk"},
        [CORE_FIRST] = {"p-first", "first-reviewer"},
        [CORE_SECOND] = {"p-second", "second-reviewer"},
        [CORE_ADMIN] = {"p-admin", "business-administrator"},
        [CORE_ADMIN_2] = {"p-admin-2", "business-administrator"},
        [CORE_ADMIN_3] = {"p-admin-3", "business-administrator"},
        [CORE_MAKER] = {"p-maker", "maker"},
    };

    for (int i = 0; i < CORE_OFFICER_COUNT; i++) {
        core_officer_make(&core->officer[i], rows[i].person,
                          clock_now() - DAY_S, clock_now() + 365 * DAY_S);
        core->officer[i].role = rows[i].role;
        core_officer_enroll(core, &core->officer[i], rows[i].role);
    }
}

/* ---- Life -------------------------------------------------------------- */

static void
start_writer(struct core *core, size_t signers)
{
    struct issue_options options = {
        .db = &core->service.db,
        .issuers = core->service.issuers,
        .signer_count = signers,
        .queue_max = 1000,
        .clock_tolerance_s = core->service.world.clock_tolerance_s,
    };
    struct error err = {0};

    check(issue_new(&options, &core->service.issue, &err), &err);
}

void
core_restart_writer(struct core *core, size_t signers)
{
    issue_free(core->service.issue);
    start_writer(core, signers);
}

static void
start_core(struct core *core, size_t signers, size_t processes)
{
    struct ca_service *service = &core->service;
    struct error err = {0};

    memset(core, 0, sizeof *core);
    pg_start();
    soft_token_make(&core->token);
    core->token.options.signer_count = processes;
    check(hsm_open(&core->token.options, &core->hsm, &err), &err);
    service->hsm = core->hsm;
    service->token = "test";
    service->db = (struct db_options){
        .connection = pg_connection("signet_ca"),
        .statements = db_ca_statements,
        .statement_count = DB_CA_STATEMENT_COUNT,
        .connect_timeout_s = 3,
        .statement_timeout_ms = 30000,
    };
    service->world = (struct order_world){
        .profiles = &service->profiles,
        .publish_url = "http://pki.example.cn",
        .clock_tolerance_s = 300,
        .activation_max_s = 240 * DAY_S,
        .passkey_origins = "https://other.example https://ra.example",
    };
    check(profile_set_load(SOFT_CA_PROFILES, SOFT_CA_SCHEMAS,
                           &service->profiles, &err),
          &err);
    issuers_new(core->hsm, "test", &service->issuers);
    core->worker = ca_worker_new(service, &err);
    check(core->worker != NULL, &err);
    make_issuer(core);
    make_officers(core);
    check(issuers_refresh(service->issuers, core->worker->db, &err), &err);
    start_writer(core, signers);
}

void
core_start(struct core *core, size_t signers)
{
    start_core(core, signers, 0);
}

void
core_start_services(struct core *core, size_t signers)
{
    start_core(core, signers, signers);
}

void
core_stop(struct core *core)
{
    issue_free(core->service.issue);
    issuers_free(core->service.issuers);
    ca_worker_free(core->worker);
    for (int i = 0; i < CORE_OFFICER_COUNT; i++)
        core_officer_clear(&core->officer[i]);
    profile_set_clear(&core->service.profiles);
    soft_ca_clear(&core->root);
    hsm_close(core->hsm);
    soft_token_remove(&core->token);
    pg_stop();
}

/* ---- Orders ------------------------------------------------------------ */

static json_t *
begin_order(const char *kind)
{
    json_t *order = json_object(), *applicant = json_object();
    char id[TEXT_UUID_LEN + 1];
    struct error err = {0};

    check(text_uuid_draw(id, &err), &err);
    json_set_text(order, "order_id", id);
    json_set_text(order, "kind", kind);
    json_set_time(order, "created_at", clock_now());
    json_set_text(applicant, "account", "account-1");
    json_set_text(applicant, "person", "p-applicant");
    json_object_set_new(order, "applicant", applicant);
    return order;
}

static void
add_request(json_t *order)
{
    struct buf csr = BUF_INIT(API_CSR_MAX);
    struct soft_key key;

    soft_key_make(HSM_KEY_EC_P256, &key);
    soft_key_request(&key, HSM_ECDSA_SHA256, &csr);
    json_set_bytes(order, "csr", csr.data, csr.len);
    json_set_text(order, "profile", "organisation-signing");
    buf_clear(&csr);
    soft_key_clear(&key);
}

static void
add_subject(json_t *order, const char *organization)
{
    json_t *subject = json_object();

    json_set_text(subject, "country", "CN");
    json_set_text(subject, "organization", organization);
    json_set_text(subject, "common_name", organization);
    json_object_set_new(order, "subject", subject);
    json_set_text(order, "organization_code", "91440101MA5CR7YA3N");
}

static json_t *
rule(const char *name, int64_t years)
{
    json_t *validity = json_object();

    json_set_text(validity, "rule", name);
    if (years > 0)
        json_set_int(validity, "years", years);
    return validity;
}

static json_t *
reference(const char *serial)
{
    json_t *ref = json_object();

    json_set_text(ref, "issuer", "issuing-1");
    json_set_text(ref, "serial", serial);
    return ref;
}

json_t *
core_issue_order(const char *organization)
{
    json_t *order = begin_order("issue");

    add_request(order);
    add_subject(order, organization);
    json_object_set_new(order, "validity", rule("years", 1));
    return order;
}

json_t *
core_successor_order(const char *kind, const char *serial, const char *fate)
{
    json_t *order = begin_order(kind), *what = json_object();

    add_request(order);
    if (strcmp(kind, "change") == 0)
        add_subject(order, "改名后的公司");
    json_object_set_new(order, "validity",
                        strcmp(kind, "renew") == 0 ? rule("years", 1)
                                                   : rule("keep", 0));
    json_object_set_new(order, "predecessor", reference(serial));
    json_set_text(what, "action", fate);
    if (strcmp(fate, "revoke") == 0)
        json_set_text(what, "reason", "superseded");
    json_object_set_new(order, "predecessor_fate", what);
    return order;
}

json_t *
core_change_order(const char *kind, const char *serial, const char *reason)
{
    json_t *order = begin_order(kind), *target = json_object();
    json_t *array = json_array();

    json_array_append_new(array, reference(serial));
    json_object_set_new(target, "certificates", array);
    json_object_set_new(order, "target", target);
    if (strcmp(kind, "revoke") == 0)
        json_set_text(order, "reason",
                      reason != NULL ? reason : "keyCompromise");
    return order;
}

json_t *
core_sign(const json_t *order, struct api_decision *decision,
          const uint8_t *certificate, size_t len, EVP_PKEY *key)
{
    struct error err = {0};
    uint8_t digest[32];

    check(api_order_digest(order, digest, &err), &err);
    check(api_decision_sign(
              decision, json_string_value(json_object_get(order, "order_id")),
              digest, certificate, len, key, &err),
          &err);
    return api_decision_json(decision);
}

json_t *
core_decide(const json_t *order, enum api_step step,
            const struct core_officer *officer, int64_t offset_s)
{
    struct api_decision decision = {.step = step,
                                    .decided_at = clock_now() + offset_s};

    memcpy(decision.officer_id, officer->officer_id,
           sizeof decision.officer_id);
    return core_sign(order, &decision, officer->certificate.data,
                     officer->certificate.len, officer->key.key);
}

json_t *
core_envelope(json_t *take_order, json_t *take_first, json_t *take_second,
              json_t *take_third)
{
    json_t *envelope = json_object(), *decisions = json_array();
    json_t *all[] = {take_first, take_second, take_third};

    for (size_t i = 0; i < 3; i++)
        if (all[i] != NULL)
            json_array_append_new(decisions, all[i]);
    json_object_set_new(envelope, "order", take_order);
    json_object_set_new(envelope, "decisions", decisions);
    return envelope;
}

json_t *
core_reviewed(const struct core *core, json_t *take_order)
{
    return core_envelope(take_order,
                         core_decide(take_order, API_STEP_FIRST_REVIEW,
                                     &core->officer[CORE_FIRST], 0),
                         core_decide(take_order, API_STEP_SECOND_REVIEW,
                                     &core->officer[CORE_SECOND], 0),
                         NULL);
}

json_t *
core_hand_in(const struct core *core, json_t *take_envelope, struct error *err)
{
    struct ca_worker *worker =
        ca_worker_new((void *)(uintptr_t)&core->service, err);
    struct api_envelope envelope = {0};
    json_t *answer = NULL;

    if (worker != NULL && api_envelope_parse(take_envelope, &envelope, err) &&
        !desk_order(worker, &envelope, "signet-ra", &answer, err))
        answer = NULL;
    api_envelope_clear(&envelope);
    json_decref(take_envelope);
    if (worker != NULL)
        ca_worker_free(worker);
    return answer;
}

json_t *
core_must(const struct core *core, json_t *take_order)
{
    struct error err = {0};
    json_t *answer = core_hand_in(core, core_reviewed(core, take_order), &err);

    check(answer != NULL, &err);
    return answer;
}

void
core_refused(const struct core *core, json_t *take_envelope,
             enum error_code code, const char *why)
{
    char id[64], sql[256];
    struct error err = {0};

    (void)snprintf(id, sizeof id, "%s",
                   json_string_value(json_object_get(
                       json_object_get(take_envelope, "order"), "order_id")));
    assert_null(core_hand_in(core, take_envelope, &err));
    if (strstr(err.what, why) == NULL)
        fail_msg("'%s' lacks '%s'", err.what, why);
    assert_int_equal(err.code, code);
    (void)snprintf(sql, sizeof sql,
                   "SELECT event FROM log.entry WHERE subject = '%s'"
                   " ORDER BY index DESC LIMIT 1",
                   id);
    assert_string_equal(pg_ask(sql), "order.refused");
}

/* ---- Auditing ---------------------------------------------------------- */

struct audit {
    struct audit_register *reg;
    struct audit_keys *keys;
    int64_t entries;
};

static bool
audit_entry(int64_t index, const struct db_entry *row, void *arg,
            struct error *err)
{
    struct audit *audit = arg;
    json_t *entry = NULL;
    int64_t checked = 0;
    bool ok = json_parse_object(row->body, row->body_len, &entry, err) &&
              audit_decisions_check(audit->keys, entry, &checked, err) &&
              audit_register_read(audit->reg, entry, row->at, err);

    json_decref(entry);
    audit->entries++;
    return ok || error_wrap(err, "entry %lld", (long long)index);
}

/* As a ceremony tells of an officer. */
static void
audit_officer(struct audit *audit, const struct core_officer *officer)
{
    json_t *entry = json_object();
    struct error err = {0};
    uint8_t id[32];

    check(hash_sha256(officer->certificate.data, officer->certificate.len, id,
                      &err),
          &err);
    json_set_text(entry, "event", "officer.enrolled");
    json_set_text(entry, "subject", officer->officer_id);
    json_set_text(entry, "person", officer->person);
    json_set_hex(entry, "credential_id", id, sizeof id);
    json_object_set_new(entry, "roles", json_pack("[s]", officer->role));
    check(audit_register_read(audit->reg, entry, clock_now() - DAY_S, &err),
          &err);
    json_decref(entry);
}

bool
core_audit(const struct core *core, struct error *err)
{
    struct db_options options = core->service.db;
    struct audit audit = {audit_register_new(), audit_keys_new(), 0};
    struct db *db = NULL;
    bool ok;

    options.connection = pg_connection("signet_audit");
    options.statements = db_audit_statements;
    options.statement_count = DB_AUDIT_STATEMENT_COUNT;
    for (int i = 0; i < CORE_OFFICER_COUNT; i++)
        audit_officer(&audit, &core->officer[i]);
    ok = db_open(&options, &db, err) &&
         db_entry_stream(db, 0, INT32_MAX, audit_entry, &audit, err) &&
         audit_register_end(audit.reg, err);
    ok = ok && (audit.entries > 0 || error_set(err, ERROR_INTERNAL, "empty"));
    db_close(db);
    audit_keys_free(audit.keys);
    audit_register_free(audit.reg);
    return ok;
}

int
core_audit_and_stop(struct core *core)
{
    struct error err = {0};
    bool ok = core_audit(core, &err);

    if (!ok)
        print_error("audit: %s\n", err.what);
    core_stop(core);
    return ok ? 0 : -1;
}

const char *
core_serial(const json_t *answer)
{
    const json_t *first =
        json_array_get(json_object_get(answer, "certificates"), 0);
    const char *serial = json_string_value(json_object_get(first, "serial"));

    assert_non_null(serial);
    return serial;
}
