/* Cases for tests: tests/unit/case_parts.h. */
#include "tests/unit/case_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "base/hash.h"
#include "db/sql_ra.h"
#include "ra/case_field.h"
#include "ra/case_order.h"
#include "ra/case_review.h"
#include "ra/making.h"
#include "tests/unit/pg.h"
#include "tests/unit/ra_parts.h"
#include "tests/unit/vault_parts.h"

static void
must(bool holds, const char *what, const struct error *err)
{
    if (holds)
        return;
    (void)fprintf(stderr, "tests/unit/case_parts.c: %s: %s (%s)\n", what,
                  err == NULL ? "" : err->what, err == NULL ? "" : err->cause);
    exit(1);
}

/* Runs SQL that is put together; for tests alone. */
static void sqlf(const char *format, ...) PRINTF_LIKE(1, 2);

static void
sqlf(const char *format, ...)
{
    char sql[4096];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(sql, sizeof sql, format, arguments);
    va_end(arguments);
    pg_sql(sql);
}

/* ---- Officers ------------------------------------------------------------ */

static void
officer_make(struct case_officer *officer, int number, enum api_role role,
             int64_t now)
{
    memset(officer, 0, sizeof *officer);
    officer->certificate = (struct buf)BUF_INIT(65536);
    officer->key = parts_key("P-256");
    case_parts_certificate(officer->key, now - 86400, now + 86400 * 400,
                           &officer->certificate);
    (void)snprintf(officer->facts.officer_id, sizeof officer->facts.officer_id,
                   "00000000-0000-4000-8000-%012d", number);
    (void)snprintf(officer->facts.person, sizeof officer->facts.person,
                   "P-%04d", number);
    officer->facts.is_active = true;
    officer->facts.is_credential_active = true;
    officer->facts.has_role[role] = true;
    officer->facts.not_before = now - 86400;
    officer->facts.not_after = now + INT64_C(86400) * 4000;
    must(hash_sha256(officer->certificate.data, officer->certificate.len,
                     officer->facts.credential_id, NULL),
         "credential", NULL);
}

static void
officer_free(struct case_officer *officer)
{
    EVP_PKEY_free(officer->key);
    buf_clear(&officer->certificate);
}

void
case_parts_certificate(EVP_PKEY *key, int64_t not_before, int64_t not_after,
                       struct buf *out)
{
    X509 *x509 = X509_new();
    X509_NAME *name;
    unsigned char *der = NULL;
    int len;

    must(x509 != NULL && (name = X509_get_subject_name(x509)) != NULL &&
             X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                        (const unsigned char *)"test", -1, -1,
                                        0) == 1 &&
             X509_set_issuer_name(x509, name) == 1 &&
             ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) == 1 &&
             ASN1_TIME_set(X509_getm_notBefore(x509), not_before) != NULL &&
             ASN1_TIME_set(X509_getm_notAfter(x509), not_after) != NULL &&
             X509_set_pubkey(x509, key) == 1 &&
             X509_sign(x509, key, EVP_sha256()) > 0,
         "certificate", NULL);
    len = i2d_X509(x509, &der);
    must(len > 0 && buf_add(out, der, (size_t)len), "certificate", NULL);
    OPENSSL_free(der);
    X509_free(x509);
}

/* ---- Start and end --------------------------------------------------------
 */

void
case_parts_init(struct case_parts *parts)
{
    struct error err = {0};

    memset(parts, 0, sizeof *parts);
    parts->now = 1795500000;
    parts->account = "example";
    must(definitions_load(SOURCE_DIR "/config/business",
                          SOURCE_DIR "/config/schema", &parts->definitions,
                          &err),
         "definitions", &err);
    parts->vault = vault_parts_make();
    parts->business.definitions = parts->definitions;
    parts->business.vault = parts->vault;
    parts->device_key = parts_key("P-256");
    parts->transport_key = parts_key("RSA");
    officer_make(&parts->clerk, 3, API_ROLE_INTAKE_CLERK, parts->now);
    officer_make(&parts->first, 4, API_ROLE_FIRST_REVIEWER, parts->now);
    officer_make(&parts->second, 5, API_ROLE_SECOND_REVIEWER, parts->now);
    officer_make(&parts->maker, 6, API_ROLE_MAKER, parts->now);
    officer_make(&parts->third, 7, API_ROLE_SECOND_REVIEWER, parts->now);
    parts->third.facts.has_role[API_ROLE_FIRST_REVIEWER] = true;
}

void
case_parts_clear(struct case_parts *parts)
{
    officer_free(&parts->clerk);
    officer_free(&parts->first);
    officer_free(&parts->second);
    officer_free(&parts->maker);
    officer_free(&parts->third);
    EVP_PKEY_free(parts->device_key);
    EVP_PKEY_free(parts->transport_key);
    vault_free(parts->vault);
    definitions_free(parts->definitions);
}

void
case_parts_account(const char *account)
{
    sqlf("INSERT INTO ra.account (account, created_at) VALUES ('%s', now());"
         "INSERT INTO ra.unit (account, revision, unit_name, uscc, kind,"
         " country, province, locality, street, changed_at) VALUES ('%s', 1,"
         " '杭州示例科技有限公司', '91330106MA2B1C2D3C', 'company', 'CN',"
         " '浙江省', '杭州市', '西湖区文三路 1 号', now())",
         account, account);
}

void
case_parts_open(struct case_parts *parts)
{
    static struct db_options options = {
        .statements = db_ra_statements,
        .statement_count = DB_RA_STATEMENT_COUNT,
        .connect_timeout_s = 5,
        .statement_timeout_ms = 10000,
    };
    struct error err = {0};

    pg_reset();
    options.connection = pg_connection("signet_ra");
    must(db_open(&options, &parts->db, &err), "database", &err);
    case_parts_account("example");
}

void
case_parts_close(struct case_parts *parts)
{
    db_close(parts->db);
    parts->db = NULL;
}

/* ---- What applicants send --------------------------------------------------
 */

json_t *
case_parts_fields(enum case_business business)
{
    static const struct {
        unsigned business; /* bits */
        const char *name, *value;
    } values[] = {
        {0xff, "handler_name", "周经办"},
        {0xff, "handler_id_type", "id-card"},
        {0xff, "handler_id_number", "11010519491231002X"},
        {0xff, "handler_mobile", "13800000001"},
        {0xff, "handler_email", "handler@example.com"},
        {0x4f, "province", "浙江省"},
        {0x4f, "locality", "杭州市"},
        {0x4f, "street", "西湖区文三路 1 号"},
        {1 << BUSINESS_NEW | 1 << BUSINESS_RENEW, "years", "2"},
        {1 << BUSINESS_NEW | 1 << BUSINESS_REISSUE | 1 << BUSINESS_CHANGE,
         "seal", "no"},
        {1 << BUSINESS_NEW | 1 << BUSINESS_REISSUE | 1 << BUSINESS_CHANGE,
         "delivery_recipient", "周经办"},
        {1 << BUSINESS_NEW | 1 << BUSINESS_REISSUE | 1 << BUSINESS_CHANGE,
         "delivery_mobile", "13800000001"},
        {1 << BUSINESS_NEW | 1 << BUSINESS_REISSUE | 1 << BUSINESS_CHANGE,
         "delivery_address", "浙江省杭州市西湖区文三路 1 号"},
        {1 << BUSINESS_RENEW, "agreement", "yes"},
        {1 << BUSINESS_RENEW | 1 << BUSINESS_REISSUE | 1 << BUSINESS_CHANGE,
         "encrypted_files", "none"},
        {1 << BUSINESS_REISSUE, "reason", "lost"},
        {1 << BUSINESS_REVOKE, "reason", "cessationOfOperation"},
        {1 << BUSINESS_RECOVER, "reason", "earlier"},
        {1 << BUSINESS_SEAL, "operation", "apply"},
        {1 << BUSINESS_SEAL, "seals",
         "[{\"name\":\"杭州示例科技有限公司\",\"type\":\"official\"}]"},
    };
    json_t *fields = json_object();

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if ((values[i].business >> business & 1) != 0)
            json_set_text(fields, values[i].name, values[i].value);
    if (business == BUSINESS_CHANGE)
        json_set_text(fields, "street", "西湖区文三路 2 号");
    return fields;
}

json_t *
case_parts_own_fields(const struct case_parts *parts,
                      enum case_business business)
{
    const struct definition *definition =
        definition_get(parts->definitions, business);
    json_t *fields = case_parts_fields(business);
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(
        fields, next, name,
        value) if (definition_field_find(definition, name) == NULL)
        json_object_del(fields, name);
    return fields;
}

bool
case_parts_create(struct case_parts *parts, enum case_business business,
                  char number[DB_CASE_NUMBER_MAX + 1], struct error *err)
{
    const struct definition *definition =
        definition_get(parts->definitions, business);
    json_t *fields = case_parts_own_fields(parts, business);
    struct case_new what = {.account = parts->account,
                            .business = business,
                            .notice_version = definition->notice_version,
                            .fields = fields,
                            .at = parts->now};
    bool ok;

    memset(err, 0, sizeof *err);
    ok = case_create(&parts->business, parts->db, &what, number, err);
    json_decref(fields);
    /* The client's part: the device is there and signed. */
    if (ok && definition->wants_device_proof) {
        struct db_case row = {0};

        must(db_case_get(parts->db, number, false, &row, err) &&
                 case_note(parts->db, &row, "device-proved", "holder", NULL,
                           parts->now, err),
             "proof", err);
        db_case_clear(&row);
    }
    return ok;
}

bool
case_parts_act(struct case_parts *parts, const char *number,
               enum case_event event, enum case_actor who, struct error *err)
{
    struct case_act act = {
        .number = number,
        .event = event,
        .who = who,
        .actor = who == CASE_BY_APPLICANT ? parts->account : "test",
        .account = who == CASE_BY_APPLICANT ? parts->account : NULL,
        .at = parts->now,
        .known = {.code_is_right = true, .holder_signed = true}};

    memset(err, 0, sizeof *err);
    return case_apply(&parts->business, parts->db, &act, NULL, err);
}

bool
case_parts_decide(struct case_parts *parts, const char *number,
                  const struct case_officer *officer, enum api_step step,
                  enum api_verdict verdict, struct error *err)
{
    struct case_review review = {.decision = {.step = step,
                                              .verdict = verdict,
                                              .decided_at = parts->now}};
    struct api_decision *decision = &review.decision;
    struct making_device device;
    struct db_case row = {0};
    enum case_state to;
    bool ok;

    memset(err, 0, sizeof *err);
    memcpy(decision->officer_id, officer->facts.officer_id, TEXT_UUID_LEN + 1);
    if (verdict != API_APPROVE)
        (void)snprintf(decision->remark, sizeof decision->remark,
                       "the scan is too dark");
    must(db_case_get(parts->db, number, false, &row, err), "case", err);
    if (row.order_id == NULL) {
        db_case_clear(&row);
        return error_set(err, ERROR_CONFLICT, "no order");
    }
    if (step == API_STEP_MAKING) {
        must(making_device(parts->db, &row, &device, err), "device", err);
        memcpy(decision->device.serial, device.serial,
               strlen(device.serial) + 1);
        memcpy(decision->device.spki_sha256, device.spki_sha256, 32);
    }
    must(api_decision_sign(decision, row.order_id, row.order_digest,
                           officer->certificate.data, officer->certificate.len,
                           officer->key, err),
         "signature", err);
    db_case_clear(&row);
    ok = case_review_decide(&parts->business, parts->db, number, &review,
                            &officer->facts, officer->certificate.data,
                            officer->certificate.len, parts->now, &to, err);
    return ok;
}

/* ---- What other areas do ---------------------------------------------------
 */

void
case_parts_documents(struct case_parts *parts, const char *number)
{
    const struct definition *definition;
    struct db_case row = {0};
    struct error err = {0};
    json_t *fields = NULL;

    must(db_case_get(parts->db, number, false, &row, &err) &&
             case_fields_read(&parts->business, parts->db, number, &fields,
                              &err),
         "case", &err);
    must(definition_of(parts->definitions, row.business, &definition, &err),
         "business", &err);
    for (size_t i = 0; i < definition->slot_count; i++) {
        const struct definition_slot *slot = &definition->slot[i];

        if (slot->is_internal || !definition_when(slot->when, fields))
            continue;
        sqlf("UPDATE ra.document SET state = 'replaced' WHERE number = '%s'"
             " AND slot = '%s' AND state = 'current';"
             "INSERT INTO ra.document (id, number, slot, revision, state,"
             " media_type, file_name, len, sha256, sealed, page_count,"
             " form_state, added_at) VALUES (gen_random_uuid(), '%s', '%s',"
             " %d, 'current', 'image/png', 'scan.png', 1, sha256('x'), 'x', 1,"
             " '%s', now())",
             number, slot->name, number, slot->name, row.revision,
             slot->form != NULL ? "current" : "none");
    }
    case_fields_free(fields);
    db_case_clear(&row);
}

void
case_parts_papers(const char *number)
{
    sqlf("UPDATE ra.paper SET state = 'received' WHERE number = '%s'", number);
}

void
case_parts_pay(const char *number)
{
    sqlf("WITH paid AS (UPDATE ra.payment SET received = amount,"
         " state = 'paid', paid_at = now() WHERE number = '%s'"
         " AND state = 'created' RETURNING id, amount)"
         " INSERT INTO ra.payment_event (payment, event_id, kind, method,"
         " amount, at, actor) SELECT id, gen_random_uuid()::text, 'received',"
         " 'online', amount, now(), 'test' FROM paid",
         number);
}

/* Octets as a bytea of SQL, into `out`. */
static void
hex_add(struct buf *out, const uint8_t *data, size_t len)
{
    (void)buf_addf(out, "'\\x");
    for (size_t i = 0; i < len; i++)
        (void)buf_addf(out, "%02x", data[i]);
    (void)buf_addf(out, "'");
}

/* The transport key and the own key's word for it: two values of SQL. */
static void
transport_add(const struct case_parts *parts, const char *serial,
              struct buf *out)
{
    struct buf statement = BUF_INIT(1024);
    uint8_t signature[API_SIGNATURE_MAX];
    size_t signature_len = 0;
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(parts->transport_key, &spki);

    must(
        len > 0 &&
            api_transport_encode(serial, spki, (size_t)len, &statement, NULL) &&
            api_sign(parts->device_key, statement.data, statement.len,
                     signature, &signature_len, NULL),
        "transport key", NULL);
    hex_add(out, spki, (size_t)len);
    (void)buf_addf(out, ", ");
    hex_add(out, signature, signature_len);
    OPENSSL_free(spki);
    buf_clear(&statement);
}

bool
case_parts_try_device(struct case_parts *parts, const char *number,
                      const char *serial)
{
    struct buf spki_hex = BUF_INIT(4096);
    struct buf transport = BUF_INIT(4096);
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(parts->device_key, &spki);
    struct error err = {0};

    must(len > 0, "key", NULL);
    hex_add(&spki_hex, spki, (size_t)len);
    transport_add(parts, serial, &transport);
    sqlf("INSERT INTO ra.device (serial, model, state, number, account, spki,"
         " admin_sealed, transport, transport_signature, changed_at)"
         " VALUES ('%s', 'test', 'personalised', '%s', '%s', %s, 'x', %s,"
         " now());"
         "UPDATE ra.case_file SET device = '%s' WHERE number = '%s'",
         serial, number, parts->account, buf_text(&spki_hex),
         buf_text(&transport), serial, number);
    OPENSSL_free(spki);
    buf_clear(&spki_hex);
    buf_clear(&transport);
    if (!case_parts_decide(parts, number, &parts->maker, API_STEP_MAKING,
                           API_APPROVE, &err))
        return false;
    sqlf("UPDATE ra.device SET state = 'delivered' WHERE serial = '%s'",
         serial);
    return true;
}

void
case_parts_device(struct case_parts *parts, const char *number,
                  const char *serial)
{
    must(case_parts_try_device(parts, number, serial), "making", NULL);
}

bool
case_parts_activate(struct db *db, struct db_case *row, void *arg,
                    struct error *err)
{
    const struct case_parts *parts = arg;
    struct case_completion completion = {
        .device = row->device,
        .spki = (const uint8_t *)"spki",
        .spki_len = 4,
        .csr = parts->csr->data,
        .csr_len = parts->csr->len,
        .signature = (const uint8_t *)"signature",
        .signature_len = 9,
    };

    return case_order_complete(db, row, &completion, parts->now, err);
}

bool
case_parts_sign(struct db *db, struct db_case *row, void *arg,
                struct error *err)
{
    const struct case_parts *parts = arg;
    struct case_order_draft draft[2] = {0};
    json_t *fields = NULL;
    json_t *decisions = json_pack("[{s:s}]", "step", "holder");
    bool ok;

    must(decisions != NULL, "decisions", NULL);
    ok = case_fields_read(&parts->business, db, row->number, &fields, err) &&
         case_order_renewal(
             db, row, definition_get(parts->definitions, BUSINESS_RENEW),
             fields, parts->csr->data, parts->csr->len, parts->now, draft, err);
    for (int i = 0; ok && i < 2; i++)
        ok = case_order_put(db, row->number, draft[i].purpose, draft[i].order,
                            decisions, NULL, parts->now, err);
    json_decref(draft[0].order);
    json_decref(draft[1].order);
    case_fields_free(fields);
    json_decref(decisions);
    return ok;
}

void
case_parts_live(struct case_parts *parts, const char *account,
                int64_t not_after)
{
    static int count;
    char number[DB_CASE_NUMBER_MAX + 1];
    json_t *fields = case_parts_fields(BUSINESS_NEW);
    const struct definition *definition =
        definition_get(parts->definitions, BUSINESS_NEW);
    char language[3];
    struct error err = {0};

    (void)snprintf(number, sizeof number, "N20200101-%06d", ++count);
    sqlf("INSERT INTO ra.case_file (number, business, account, state,"
         " unit_name, uscc, created_at, changed_at, completed_at)"
         " VALUES ('%s', 'new', '%s', 'draft', 'x', 'x', now(), now(), now())",
         number, account);
    must(case_fields_from_record(parts->db, account, definition, fields,
                                 language, &err) &&
             case_fields_write(&parts->business, parts->db, number, definition,
                               NULL, fields, true, &err),
         "fields", &err);
    json_decref(fields);
    sqlf("ALTER TABLE ra.case_file DISABLE TRIGGER case_check;"
         "UPDATE ra.case_file SET state = 'bound' WHERE number = '%s';"
         "ALTER TABLE ra.case_file ENABLE TRIGGER case_check;"
         "INSERT INTO ra.device (serial, model, state, number, account, spki,"
         " transport, transport_signature, changed_at) VALUES ('OLD-%d',"
         " 'test', 'active', '%s', '%s', 'x', 'x', 'x', now());"
         "INSERT INTO ra.holder_certificate (issuer, serial, pair, number,"
         " account, device, der, issuer_der, spki_sha256, state, not_before,"
         " not_after, bound_at, stored_at, changed_at, handler_case)"
         " VALUES ('issuing-1', decode(lpad(to_hex(%d), 32, '0'), 'hex'), 1,"
         " '%s', '%s', 'OLD-%d', 'x', 'x', sha256('%d'), 'valid',"
         " to_timestamp(%lld) - interval '1 year', to_timestamp(%lld), now(),"
         " now(), now(), '%s')",
         number, count, number, account, count, number, account, count, count,
         (long long)not_after, (long long)not_after, number);
}

void
case_parts_live_pair(const char *account)
{
    sqlf("INSERT INTO ra.holder_certificate (issuer, serial, pair, number,"
         " account, device, der, issuer_der, spki_sha256, state, not_before,"
         " not_after, bound_at, stored_at, changed_at, handler_case)"
         " SELECT issuer, substr(sha256(serial), 1, 16), 2, number, account, "
         "device,"
         " 'y', 'x', sha256(spki_sha256), state, not_before, not_after,"
         " bound_at, stored_at, changed_at, handler_case"
         " FROM ra.holder_certificate WHERE account = '%s' AND pair = 1"
         " AND state <> 'revoked'",
         account);
}

void
case_parts_seal(const char *account)
{
    sqlf("WITH d AS (INSERT INTO ra.document (id, number, slot, revision,"
         " state, media_type, file_name, len, sha256, sealed, page_count,"
         " form_state, added_at) SELECT gen_random_uuid(), number, 'seal-form',"
         " 1, 'current', 'image/png', 'scan.png', 1, sha256('x'), 'x', 1,"
         " 'current', now() FROM ra.holder_certificate WHERE account = '%s'"
         " AND state <> 'revoked' RETURNING id, number)"
         " INSERT INTO ra.seal SELECT d.number, 'official', 'x', h.account,"
         " d.id, h.issuer, h.serial, 'installed', now(), now()"
         " FROM d JOIN ra.holder_certificate h USING (number)",
         account);
}

const char *
case_parts_state(const char *number)
{
    char sql[256];

    (void)snprintf(sql, sizeof sql,
                   "SELECT state FROM ra.case_file WHERE number = '%s'",
                   number);
    return pg_ask(sql);
}
