/* Pairs of certificates on a real database and a real token, with a fake of the
 * key management centre. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/hash.h"
#include "ca-core/desk.h"
#include "ca-core/escrow_job.h"
#include "ca-core/issue_batch.h"
#include "core_parts.h"
#include "fake_kmc.h"
#include "pg.h"

static struct core core;
static struct fake_kmc kmc;
static struct soft_key transport, device; /* and the device's own key */
static struct ca_worker *worker;          /* that reaches the centre */

static int
start(void **state)
{
    struct error err = {0};

    (void)state;
    core_start(&core, 2);
    fake_kmc_start(&kmc);
    soft_key_make(HSM_KEY_RSA_2048, &transport);
    soft_key_make(HSM_KEY_EC_P256, &device);
    core.service.world.makes_pairs = true;
    core.service.escrow = kmc.options;
    worker = ca_worker_new(&core.service, &err);
    return worker != NULL ? 0 : -1;
}

static int
stop(void **state)
{
    (void)state;
    ca_worker_free(worker);
    soft_key_clear(&transport);
    soft_key_clear(&device);
    fake_kmc_stop(&kmc);
    core_stop(&core);
    return 0;
}

static int
afresh(void **state)
{
    (void)state;
    kmc.is_busy = false;
    kmc.says = NULL;
    return 0;
}

/* ---- Orders ------------------------------------------------------------ */

/* The same order, for a pair. */
static json_t *
with_pair(json_t *take_order)
{
    json_t *pair = json_object();

    json_set_text(pair, "profile", "organisation-encryption");
    json_set_text(pair, "key_type", "rsa-2048");
    json_set_bytes(pair, "transport", transport.spki.data, transport.spki.len);
    json_object_set_new(take_order, "encryption", pair);
    return take_order;
}

static json_t *
pair_order(const char *organization)
{
    return with_pair(core_issue_order(organization));
}

static const char *
text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* Serial number `i` of an answer. */
static const char *
serial_of(const json_t *answer, size_t i)
{
    return text_of(json_array_get(json_object_get(answer, "certificates"), i),
                   "serial");
}

static X509 *
certificate_of(const json_t *answer, size_t i)
{
    struct buf der = BUF_INIT(API_CERTIFICATE_MAX);
    const unsigned char *p;
    X509 *x509;

    assert_true(json_get_bytes(
        json_array_get(json_object_get(answer, "certificates"), i), "der",
        API_CERTIFICATE_MAX, &der, NULL));
    p = der.data;
    x509 = d2i_X509(NULL, &p, (long)der.len);
    assert_non_null(x509);
    buf_clear(&der);
    return x509;
}

/* The states of an order's certificates, in their order. */
static const char *
states_of(const json_t *answer)
{
    char sql[256];

    (void)snprintf(sql, sizeof sql,
                   "SELECT string_agg(state, ' ' ORDER BY ordinal)"
                   " FROM ca.certificate WHERE order_id = '%s'",
                   text_of(answer, "order_id"));
    return pg_ask(sql);
}

static const char *
events_since(const char *index)
{
    char sql[256];

    (void)snprintf(sql, sizeof sql,
                   "SELECT string_agg(event, ' ' ORDER BY index)"
                   " FROM log.entry WHERE index >= %s",
                   index);
    return pg_ask(sql);
}

static void
next_index(char out[32])
{
    (void)snprintf(out, 32, "%s", pg_ask("SELECT next_index FROM log.head"));
}

/* ---- Issuing ----------------------------------------------------------- */

static void
order_makes_two_certificates_of_one_subject_and_period(void **state)
{
    char index[32];
    json_t *answer, *key;
    X509 *first, *second;

    (void)state;
    next_index(index);
    answer = core_must(&core, pair_order("成对公司"));
    assert_int_equal(json_array_size(json_object_get(answer, "certificates")),
                     2);
    first = certificate_of(answer, 0);
    second = certificate_of(answer, 1);
    assert_int_equal(X509_NAME_cmp(X509_get_subject_name(first),
                                   X509_get_subject_name(second)),
                     0);
    assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(first),
                                   X509_get_issuer_name(second)),
                     0);
    assert_int_equal(ASN1_TIME_compare(X509_get0_notBefore(first),
                                       X509_get0_notBefore(second)),
                     0);
    assert_int_equal(ASN1_TIME_compare(X509_get0_notAfter(first),
                                       X509_get0_notAfter(second)),
                     0);
    assert_int_equal(X509_get_key_usage(first),
                     KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
    assert_int_equal(X509_get_key_usage(second),
                     KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT);
    assert_true(EVP_PKEY_is_a(X509_get0_pubkey(second), "RSA"));
    key = json_object_get(answer, "key");
    assert_int_equal(json_object_size(key), 3);
    assert_non_null(text_of(key, "wrapped"));
    assert_string_equal(states_of(answer), "valid valid");
    assert_string_equal(events_since(index),
                        "order.accepted certificate.issued certificate.issued");
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ca.certificate c JOIN log.entry e"
               " ON c.status_index = e.index"
               " AND e.subject = encode(c.serial, 'hex')"
               " WHERE subject_text LIKE '%成对公司%'"),
        "2");
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ca.escrow JOIN ca.certificate c"
               " USING (order_id, spki_sha256) WHERE c.ordinal = 1"
               " AND due_at = c.not_after + interval '1 second'"),
        "1");
    X509_free(first);
    X509_free(second);
    json_decref(answer);
}

static void
same_order_again_gets_the_same_answer(void **state)
{
    json_t *envelope = core_reviewed(&core, pair_order("再来公司"));
    json_t *first, *again, *asked;
    struct error err = {0};
    size_t keys = kmc.key_count;

    (void)state;
    first = core_hand_in(&core, json_deep_copy(envelope), &err);
    again = core_hand_in(&core, envelope, &err);
    assert_non_null(first);
    assert_true(json_equal(first, again));
    assert_int_equal(kmc.key_count, keys + 1);
    assert_true(desk_find(worker, text_of(first, "order_id"), &asked, &err));
    assert_true(json_equal(first, asked));
    json_decref(first);
    json_decref(again);
    json_decref(asked);
}

static void
centre_away_is_busy_and_the_order_goes_through_later(void **state)
{
    json_t *envelope = core_reviewed(&core, pair_order("等待公司"));
    json_t *answer;
    struct error err = {0};
    char index[32];

    (void)state;
    next_index(index);
    kmc.is_busy = true;
    assert_null(core_hand_in(&core, json_deep_copy(envelope), &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_string_equal(events_since(index), "");
    /* Others do not wait for it. */
    json_decref(core_must(&core, core_issue_order("不等公司")));
    kmc.is_busy = false;
    answer = core_hand_in(&core, envelope, &err);
    assert_non_null(answer);
    assert_string_equal(states_of(answer), "valid valid");
    json_decref(answer);
}

/* A refused order makes no key. */
static void
refused(json_t *take_order, enum error_code code, const char *why)
{
    int calls = kmc.calls;

    core_refused(&core, core_reviewed(&core, take_order), code, why);
    assert_int_equal(kmc.calls, calls);
}

static void
set_pair(json_t *order, const char *name, json_t *take_value)
{
    json_object_set_new(json_object_get(order, "encryption"), name, take_value);
}

static void
refused_orders_make_no_keys(void **state)
{
    json_t *order, *answer = core_must(&core, pair_order("已有公司"));
    struct soft_key ec;

    (void)state;
    json_decref(answer);
    refused(pair_order("已有公司"), ERROR_CONFLICT, "subject");
    order = pair_order("无此公司");
    set_pair(order, "profile", json_string("no-such"));
    refused(order, ERROR_INPUT, "no profile no-such");
    order = pair_order("无此公司");
    set_pair(order, "profile", json_string("organisation-signing"));
    refused(order, ERROR_INPUT, "that of the first");
    order = pair_order("无此公司");
    json_object_set_new(order, "profile",
                        json_string("organisation-encryption"));
    set_pair(order, "profile", json_string("organisation-signing"));
    refused(order, ERROR_INPUT, "keys that sign");
    order = pair_order("无此公司");
    set_pair(order, "profile", json_string("tls-server"));
    refused(order, ERROR_INPUT, "");
    soft_key_make(HSM_KEY_EC_P256, &ec);
    order = pair_order("无此公司");
    json_set_bytes(json_object_get(order, "encryption"), "transport",
                   ec.spki.data, ec.spki.len);
    refused(order, ERROR_INPUT, "transport");
    soft_key_clear(&ec);
    core.service.world.makes_pairs = false;
    refused(pair_order("无此公司"), ERROR_INPUT, "makes no pairs");
    core.service.world.makes_pairs = true;
}

static void
blocked_key_of_the_centre_is_not_certified(void **state)
{
    json_t *envelope = core_reviewed(&core, pair_order("封锁公司"));
    const char *id = text_of(json_object_get(envelope, "order"), "order_id");
    uint8_t digest[PUBLIC_KEY_DIGEST_LEN];
    struct escrow_key key;
    struct error err = {0};

    (void)state;
    /* Its answer was lost once. */
    assert_true(escrow_key_ask(worker->escrow, id, HSM_KEY_RSA_2048,
                               "account-1", soft_key_spki(&transport), &key,
                               &err));
    assert_true(
        public_key_digest((struct der){key.spki, key.spki_len}, digest, &err));
    assert_true(
        db_key_block(worker->db, digest, "test", NULL, clock_now(), &err));
    core_refused(&core, envelope, ERROR_DENIED, "");
}

static void
check_asks_the_centre_nothing(void **state)
{
    json_t *order = pair_order("只看公司"), *envelope, *answer;
    struct api_envelope parsed;
    struct error err = {0};
    int calls = kmc.calls;

    (void)state;
    envelope = core_reviewed(&core, order);
    assert_true(api_envelope_parse(envelope, &parsed, &err));
    if (!desk_check(worker, parsed.order, &answer, &err))
        fail_msg("%s", err.what);
    assert_string_equal(text_of(answer, "issuer"), "issuing-1");
    assert_int_equal(kmc.calls, calls);
    api_envelope_clear(&parsed);
    json_decref(answer);
    json_decref(envelope);
}

/* ---- Crashes and failures ---------------------------------------------- */

static void
leave_recorded(const char *order_id)
{
    char sql[512];

    (void)snprintf(sql, sizeof sql,
                   "SET session_replication_role = replica;"
                   "UPDATE ca.order SET state = 'recorded', finished_at = NULL"
                   " WHERE order_id = '%s';"
                   "UPDATE ca.certificate SET state = 'intended', der = NULL,"
                   " status_index = NULL WHERE order_id = '%s'",
                   order_id, order_id);
    pg_sql(sql);
}

static void
recorded_pair_is_finished_whole_after_a_kill(void **state)
{
    json_t *envelope = core_reviewed(&core, pair_order("中断公司"));
    json_t *answer, *again = NULL;
    struct error err = {0};
    size_t keys;

    (void)state;
    answer = core_hand_in(&core, json_deep_copy(envelope), &err);
    assert_non_null(answer);
    keys = kmc.key_count;
    leave_recorded(text_of(answer, "order_id"));
    core_restart_writer(&core, 2);
    for (int i = 0; i < 100 && again == NULL; i++) {
        again = core_hand_in(&core, json_deep_copy(envelope), &err);
        if (again == NULL)
            (void)nanosleep(&(struct timespec){0, 50000000}, NULL);
    }
    assert_non_null(again);
    assert_string_equal(states_of(answer), "valid valid");
    assert_string_equal(serial_of(again, 0), serial_of(answer, 0));
    assert_string_equal(serial_of(again, 1), serial_of(answer, 1));
    assert_int_equal(kmc.key_count, keys);
    json_decref(envelope);
    json_decref(answer);
    json_decref(again);
}

static void
pair_that_cannot_be_signed_is_void_whole_and_its_key_is_due(void **state)
{
    json_t *answer = core_must(&core, pair_order("失败公司"));
    const char *id = text_of(answer, "order_id");
    struct issue_job *job = NULL;
    struct error err = {0};
    char sql[256];

    (void)state;
    leave_recorded(id);
    assert_true(
        issue_job_read(worker->db, core.service.issuers, id, &job, &err));
    assert_int_equal(job->part_count, 2);
    if (!issue_batch_fail(worker->db, job, "no use", clock_now(), &err))
        fail_msg("%s", err.what);
    issue_job_free(job);
    assert_string_equal(states_of(answer), "void void");
    (void)snprintf(sql, sizeof sql,
                   "SELECT due_at <= now() FROM ca.escrow"
                   " WHERE order_id = '%s'",
                   id);
    assert_string_equal(pg_ask(sql), "t");
    json_decref(answer);
}

static void
key_blocked_while_signing_revokes_both(void **state)
{
    json_t *answer = core_must(&core, pair_order("途中公司"));
    const char *id = text_of(answer, "order_id");
    json_t *again = NULL;
    struct error err = {0};
    char sql[300];

    (void)state;
    leave_recorded(id);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO ca.blocked_key SELECT spki_sha256, 'test',"
                   " NULL, now() FROM ca.certificate WHERE order_id = '%s'"
                   " AND ordinal = 1",
                   id);
    pg_sql(sql);
    core_restart_writer(&core, 2);
    for (int i = 0; i < 100; i++) {
        json_decref(again);
        assert_true(desk_find(worker, id, &again, &err));
        if (strcmp(text_of(again, "state"), "done") == 0)
            break;
        (void)nanosleep(&(struct timespec){0, 50000000}, NULL);
    }
    assert_string_equal(states_of(answer), "revoked revoked");
    json_decref(answer);
    json_decref(again);
}

/* ---- Both halves have one fate ----------------------------------------- */

static void
renewed_pair_succeeds_and_revokes_both_halves(void **state)
{
    json_t *old = core_must(&core, pair_order("续期公司")), *fresh;
    char sql[400];

    (void)state;
    fresh = core_must(&core, with_pair(core_successor_order(
                                 "renew", serial_of(old, 0), "revoke")));
    assert_string_equal(states_of(old), "revoked revoked");
    assert_string_equal(states_of(fresh), "valid valid");
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM ca.certificate n JOIN ca.certificate o"
                   " ON n.predecessor = o.serial AND n.ordinal = o.ordinal"
                   " AND n.subject = o.subject AND n.profile = o.profile"
                   " AND n.spki_sha256 <> o.spki_sha256"
                   " WHERE n.order_id = '%s' AND o.order_id = '%s'",
                   text_of(fresh, "order_id"), text_of(old, "order_id"));
    assert_string_equal(pg_ask(sql), "2");
    assert_int_equal(json_array_size(json_object_get(fresh, "revoked")), 2);
    json_decref(old);
    json_decref(fresh);
}

static void
reissue_and_change_of_pairs_keep_the_period(void **state)
{
    json_t *old = core_must(&core, pair_order("补办公司"));
    json_t *fresh, *changed;
    char sql[300];

    (void)state;
    fresh = core_must(&core, with_pair(core_successor_order(
                                 "reissue", serial_of(old, 0), "hold")));
    assert_string_equal(states_of(old), "held held");
    changed = core_must(&core, with_pair(core_successor_order(
                                   "change", serial_of(fresh, 0), "revoke")));
    assert_string_equal(states_of(fresh), "revoked revoked");
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(DISTINCT not_after) FROM ca.certificate"
                   " WHERE order_id IN ('%s', '%s', '%s')",
                   text_of(old, "order_id"), text_of(fresh, "order_id"),
                   text_of(changed, "order_id"));
    assert_string_equal(pg_ask(sql), "1");
    assert_string_equal(states_of(changed), "valid valid");
    json_decref(old);
    json_decref(fresh);
    json_decref(changed);
}

static void
single_successor_revokes_both_halves_and_crashes_do_not_change_that(
    void **state)
{
    json_t *old = core_must(&core, pair_order("单张公司"));
    json_t *envelope = core_reviewed(
        &core, core_successor_order("renew", serial_of(old, 0), "revoke"));
    struct error err = {0};
    json_t *fresh = core_hand_in(&core, json_deep_copy(envelope), &err);
    json_t *again = NULL;
    char sql[300];

    (void)state;
    if (fresh == NULL)
        fail_msg("%s", err.what);
    assert_string_equal(states_of(old), "revoked revoked");
    assert_string_equal(states_of(fresh), "valid");
    /* As if the kill came before the result. */
    leave_recorded(text_of(fresh, "order_id"));
    (void)snprintf(sql, sizeof sql,
                   "SET session_replication_role = replica;"
                   "UPDATE ca.certificate SET state = 'valid', reason = NULL,"
                   " revoked_at = NULL WHERE order_id = '%s'",
                   text_of(old, "order_id"));
    pg_sql(sql);
    core_restart_writer(&core, 2);
    for (int i = 0; i < 100 && again == NULL; i++) {
        again = core_hand_in(&core, json_deep_copy(envelope), &err);
        if (again == NULL)
            (void)nanosleep(&(struct timespec){0, 50000000}, NULL);
    }
    assert_non_null(again);
    assert_string_equal(states_of(old), "revoked revoked");
    json_decref(envelope);
    json_decref(old);
    json_decref(fresh);
    json_decref(again);
}

static void
hold_release_and_revocation_move_both(void **state)
{
    json_t *answer = core_must(&core, pair_order("同命公司"));

    (void)state;
    json_decref(core_must(
        &core, core_change_order("hold", serial_of(answer, 1), NULL)));
    assert_string_equal(states_of(answer), "held held");
    json_decref(core_must(
        &core, core_change_order("release", serial_of(answer, 0), NULL)));
    assert_string_equal(states_of(answer), "valid valid");
    json_decref(
        core_must(&core, core_change_order("revoke", serial_of(answer, 1),
                                           "superseded")));
    assert_string_equal(states_of(answer), "revoked revoked");
    json_decref(answer);
}

/* ---- The key afterwards ------------------------------------------------ */

static const struct fake_kmc_key *
key_of(const json_t *answer)
{
    for (size_t i = 0; i < kmc.key_count; i++)
        if (strcmp(kmc.key[i].request, text_of(answer, "order_id")) == 0)
            return &kmc.key[i];
    fail_msg("no key of the order");
    return NULL;
}

static void
what_the_device_has_is_told_no_more(void **state)
{
    json_t *answer = core_must(&core, pair_order("收到公司"));
    json_t *single = core_must(&core, core_issue_order("没有公司"));
    const char *id = text_of(answer, "order_id");
    struct error err = {0};
    json_t *out;
    int calls;

    (void)state;
    assert_true(desk_received(worker, id, &out, &err));
    json_decref(out);
    assert_true(key_of(answer)->is_received);
    calls = kmc.calls;
    assert_true(desk_received(worker, id, &out, &err));
    json_decref(out);
    assert_true(desk_find(worker, id, &out, &err));
    assert_null(json_object_get(out, "key"));
    assert_int_equal(json_array_size(json_object_get(out, "certificates")), 2);
    json_decref(out);
    assert_int_equal(kmc.calls, calls); /* nobody needs the centre for that */
    assert_false(
        desk_received(worker, text_of(single, "order_id"), &out, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_false(desk_received(worker, "01234567-89ab-4def-8123-456789abcdef",
                               &out, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    json_decref(answer);
    json_decref(single);
}

static void
keys_of_ended_certificates_and_of_no_order_go_into_history(void **state)
{
    json_t *kept = core_must(&core, pair_order("留用公司"));
    json_t *ended = core_must(&core, pair_order("终止公司"));
    const struct fake_kmc_key *orphan = fake_kmc_add(&kmc, "account-1");
    int64_t now = clock_now() + 2; /* the database counts fractions */
    struct escrow_job job;
    struct error err = {0};
    char sql[200];

    (void)state;
    json_decref(core_must(
        &core, core_change_order("revoke", serial_of(ended, 0), "superseded")));
    /* One that was asked for, whose order never came; one never made. */
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO ca.escrow VALUES ('%s', now(), NULL, NULL,"
                   " now()), (gen_random_uuid(), now(), NULL, NULL, now())",
                   orphan->request);
    pg_sql(sql);
    assert_true(escrow_job_init(&job, &kmc.options, &err));
    kmc.is_busy = true;
    assert_false(escrow_job_run(&job, worker->db, now, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_false(key_of(ended)->is_history);
    kmc.is_busy = false;
    assert_true(escrow_job_run(&job, worker->db, now, &err));
    assert_false(key_of(ended)->is_history); /* it rests for a while */
    job.next_ms = 0;
    assert_true(escrow_job_run(&job, worker->db, now, &err));
    assert_true(key_of(ended)->is_history);
    assert_true(orphan->is_history);
    assert_false(key_of(kept)->is_history);
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.escrow WHERE"
                               " due_at <= now() AND retired_at IS NULL"),
                        "0");
    /* And at the end of its days. */
    assert_true(
        escrow_job_run(&job, worker->db, clock_now() + 400 * 86400, &err));
    assert_true(key_of(kept)->is_history);
    escrow_job_clear(&job);
    json_decref(kept);
    json_decref(ended);
}

static void
order_whose_key_was_given_up_is_refused(void **state)
{
    json_t *envelope = core_reviewed(&core, pair_order("过时公司"));
    const char *id = text_of(json_object_get(envelope, "order"), "order_id");
    struct escrow_key key;
    struct error err = {0};

    (void)state;
    assert_true(escrow_key_ask(worker->escrow, id, HSM_KEY_RSA_2048,
                               "account-1", soft_key_spki(&transport), &key,
                               &err));
    assert_true(escrow_key_retire(worker->escrow, key.id, &err));
    core_refused(&core, envelope, ERROR_CONFLICT, "given up");
}

/* ---- Earlier keys ------------------------------------------------------ */

/* The device's word for its transport key. */
static void
vouch(uint8_t signature[API_SIGNATURE_MAX], size_t *len)
{
    struct buf statement = BUF_INIT(API_STATEMENT_MAX);

    assert_true(api_transport_encode("UK-1001", transport.spki.data,
                                     transport.spki.len, &statement, NULL));
    assert_true(api_sign(device.key, statement.data, statement.len, signature,
                         len, NULL));
    buf_clear(&statement);
}

/* What the device UK-1001 adds to an order. */
static void
complete(json_t *envelope)
{
    struct api_completion completion = {.serial = "UK-1001",
                                        .spki = device.spki.data,
                                        .spki_len = device.spki.len};
    const json_t *order = json_object_get(envelope, "order");
    struct buf message = BUF_INIT(API_STATEMENT_MAX);
    struct buf csr = BUF_INIT(API_CSR_MAX);
    struct soft_key made_in_it;

    soft_key_make(HSM_KEY_EC_P256, &made_in_it);
    soft_key_request(&made_in_it, HSM_ECDSA_SHA256, &csr);
    soft_key_clear(&made_in_it);
    completion.csr = csr.data;
    completion.csr_len = csr.len;
    assert_true(api_completion_encode(completion.serial, csr.data, csr.len,
                                      text_of(order, "order_id"), &message,
                                      NULL));
    assert_true(api_sign(device.key, message.data, message.len,
                         completion.signature, &completion.signature_len,
                         NULL));
    if (json_object_get(order, "encryption") != NULL) {
        completion.transport = transport.spki.data;
        completion.transport_len = transport.spki.len;
        vouch(completion.transport_signature,
              &completion.transport_signature_len);
    }
    api_completion_set(envelope, &completion);
    buf_clear(&message);
    buf_clear(&csr);
}

/* Decided by all, for the device UK-1001. Takes the order. */
static json_t *
made_for_device(json_t *order)
{
    const struct core_officer *maker = &core.officer[CORE_MAKER];
    struct api_decision made = {.step = API_STEP_MAKING,
                                .decided_at = clock_now(),
                                .device = {.serial = "UK-1001"}};
    json_t *activation = json_object();

    json_object_del(order, "csr");
    json_set_time(activation, "until", clock_now() + 86400);
    if (json_object_get(order, "activation") == NULL)
        json_object_set(order, "activation", activation);
    json_decref(activation);
    memcpy(made.officer_id, maker->officer_id, sizeof made.officer_id);
    assert_true(hash_sha256(device.spki.data, device.spki.len,
                            made.device.spki_sha256, NULL));
    return core_envelope(
        order,
        core_decide(order, API_STEP_FIRST_REVIEW, &core.officer[CORE_FIRST], 0),
        core_decide(order, API_STEP_SECOND_REVIEW, &core.officer[CORE_SECOND],
                    0),
        core_sign(order, &made, maker->certificate.data, maker->certificate.len,
                  maker->key.key));
}

static json_t *
must(json_t *take_envelope)
{
    struct error err = {0};
    json_t *answer = core_hand_in(&core, take_envelope, &err);

    if (answer == NULL)
        fail_msg("%s", err.what);
    return answer;
}

/* A certificate of the account in the device. */
static json_t *
certificate_in_device(const char *account, const char *organization)
{
    json_t *order = core_issue_order(organization), *envelope;

    json_set_text(json_object_get(order, "applicant"), "account", account);
    envelope = made_for_device(order);
    complete(envelope);
    return must(envelope);
}

static json_t *
recovery_order(const char *account)
{
    json_t *order = core_issue_order("恢复"), *carrier = json_object();
    uint8_t signature[API_SIGNATURE_MAX];
    size_t len;

    json_object_del(order, "csr");
    json_object_del(order, "profile");
    json_object_del(order, "subject");
    json_object_del(order, "organization_code");
    json_object_del(order, "validity");
    json_set_text(order, "kind", "recover");
    json_set_text(order, "document", "K-1");
    json_set_text(json_object_get(order, "applicant"), "account", account);
    vouch(signature, &len);
    json_set_text(carrier, "serial", "UK-1001");
    json_set_bytes(carrier, "spki", device.spki.data, device.spki.len);
    json_set_bytes(carrier, "transport", transport.spki.data,
                   transport.spki.len);
    json_set_bytes(carrier, "transport_signature", signature, len);
    json_object_set_new(order, "carrier", carrier);
    return order;
}

static const char *
recovery_of(const json_t *answer)
{
    return text_of(json_object_get(answer, "recovery"), "state");
}

static void
holder_without_keys_has_nothing_to_recover(void **state)
{
    size_t cases = kmc.case_count;
    json_t *live = certificate_in_device("account-none", "无密钥公司");
    json_t *answer = core_must(&core, recovery_order("account-none"));

    (void)state;
    json_decref(live);
    assert_string_equal(recovery_of(answer), "none");
    assert_int_equal(kmc.case_count, cases);
    json_decref(answer);
}

static void
recovery_is_open_until_people_decide_and_told_until_received(void **state)
{
    json_t *live = certificate_in_device("account-1", "持有公司");
    json_t *pair = core_must(&core, pair_order("恢复公司"));
    json_t *envelope = core_reviewed(&core, recovery_order("account-1"));
    struct fake_kmc_case *opened = &kmc.opened[kmc.case_count];
    struct error err = {0};
    json_t *answer, *keys, *out;
    bool is_told = false;
    const char *id;
    size_t i;
    json_t *key;

    (void)state;
    kmc.is_busy = true;
    assert_null(core_hand_in(&core, json_deep_copy(envelope), &err));
    assert_int_equal(err.code, ERROR_BUSY);
    kmc.is_busy = false;
    answer = core_hand_in(&core, json_deep_copy(envelope), &err);
    if (answer == NULL)
        fail_msg("%s", err.what);
    assert_string_equal(recovery_of(answer), "open");
    id = text_of(answer, "order_id");
    assert_string_equal(opened->id, id);
    assert_string_equal(text_of(opened->body, "document"), "K-1");
    assert_string_equal(text_of(opened->body, "holder"), "account-1");
    assert_string_equal(text_of(opened->body, "requester"), "p-applicant");
    opened->state = "done";
    assert_true(desk_find(worker, id, &out, &err));
    assert_string_equal(recovery_of(out), "done");
    keys = json_object_get(json_object_get(out, "recovery"), "keys");
    assert_int_equal(json_array_size(keys),
                     json_array_size(json_object_get(opened->body, "keys")));
    json_array_foreach(keys, i, key)
    {
        const json_t *of =
            json_array_get(json_object_get(key, "certificates"), 0);

        if (of != NULL &&
            strcmp(text_of(of, "serial"), serial_of(pair, 1)) == 0)
            is_told = true;
    }
    assert_true(is_told);
    json_decref(out);
    for (int n = 0; n < 2; n++) {
        assert_true(desk_received(worker, id, &out, &err));
        json_decref(out);
    }
    out = core_hand_in(&core, envelope, &err);
    assert_string_equal(recovery_of(out), "done");
    assert_null(json_object_get(json_object_get(out, "recovery"), "keys"));
    json_decref(out);
    json_decref(answer);
    json_decref(pair);
    json_decref(live);
}

/* Who makes the orders cannot have the keys wrapped for a device of their own,
 * nor for one that was lost. */
static void
keys_go_into_a_device_with_a_valid_certificate_of_their_holder(void **state)
{
    json_t *others = certificate_in_device("account-8", "别家公司");
    size_t cases = kmc.case_count;
    struct soft_key own = device;
    json_t *live, *renewed, *order;

    (void)state;
    core_refused(&core, core_reviewed(&core, recovery_order("account-9")),
                 ERROR_DENIED, "no valid certificate of this account");
    json_decref(others);
    live = certificate_in_device("account-9", "本家公司");
    /* The same serial number, and another key. */
    soft_key_make(HSM_KEY_EC_P256, &device);
    order = recovery_order("account-9");
    soft_key_clear(&device);
    device = own;
    core_refused(&core, core_reviewed(&core, order), ERROR_DENIED,
                 "no valid certificate of this account");
    order = core_successor_order("renew", serial_of(live, 0), "revoke");
    json_set_text(json_object_get(order, "applicant"), "account", "account-9");
    renewed = core_must(&core, order);
    json_decref(core_must(&core, recovery_order("account-9")));
    json_decref(core_must(
        &core, core_change_order("hold", serial_of(renewed, 0), NULL)));
    core_refused(&core, core_reviewed(&core, recovery_order("account-9")),
                 ERROR_DENIED, "no valid certificate of this account");
    assert_int_equal(kmc.case_count, cases);
    json_decref(renewed);
    json_decref(live);
}

/* {"order", "decisions"}: the earlier keys for what is pending, into the device
 * as it is now. */
static json_t *
recovery_for(const json_t *envelope)
{
    json_t *order = recovery_order("account-1");
    const json_t *pending = json_object_get(envelope, "order");

    json_object_del(order, "document");
    json_object_set(order, "pending", json_object_get(envelope, "order"));
    json_object_set(order, "applicant", json_object_get(pending, "applicant"));
    return json_pack("{s:o,s:O}", "order", order, "decisions",
                     json_object_get(envelope, "decisions"));
}

static json_t *
asking_order(const char *account, const char *organization)
{
    json_t *order = pair_order(organization);
    json_t *encryption = json_object_get(order, "encryption");

    json_set_text(json_object_get(order, "applicant"), "account", account);
    json_object_del(encryption, "transport");
    json_object_set_new(encryption, "old_keys",
                        json_pack("{s:s}", "document", "N-1"));
    return order;
}

/* The officers' word for it is used up; but when a device was lost on its way,
 * the maker gives it for another. */
static void
pending_order_brings_the_earlier_keys_once_into_each_device(void **state)
{
    json_t *order = asking_order("account-5", "再制公司");
    json_t *first, *second;
    struct soft_key own = device;
    size_t cases;

    (void)state;
    fake_kmc_add(&kmc, "account-5");
    cases = kmc.case_count;
    first = made_for_device(json_incref(order));
    json_decref(must(recovery_for(first)));
    core_refused(&core, recovery_for(first), ERROR_CONFLICT, "asked for");
    assert_int_equal(kmc.case_count, cases + 1);
    soft_key_make(HSM_KEY_EC_P256, &device);
    second = made_for_device(order);
    json_decref(must(recovery_for(second)));
    assert_int_equal(kmc.case_count, cases + 2);
    soft_key_clear(&device);
    device = own;
    json_decref(first);
    json_decref(second);
}

/* The order that asked for them is done, by a device that is on hold since. */
static void
completed_order_brings_no_earlier_keys_into_a_device_on_hold(void **state)
{
    json_t *envelope = made_for_device(asking_order("account-6", "丢失公司"));
    json_t *recovery = recovery_for(envelope);
    size_t cases = kmc.case_count;
    json_t *answer;

    (void)state;
    complete(envelope);
    answer = must(envelope);
    json_decref(core_must(
        &core, core_change_order("hold", serial_of(answer, 0), NULL)));
    core_refused(&core, recovery, ERROR_DENIED,
                 "no valid certificate of this account");
    assert_int_equal(kmc.case_count, cases);
    json_decref(answer);
}

/* A stolen RA writes a victim's account into somebody's honest application: the
 * officers saw another organisation, and release its keys alone. */
static void
keys_of_another_organisation_are_not_recovered(void **state)
{
    json_t *victims = pair_order("受害公司"), *order, *envelope, *answer;
    size_t cases;

    (void)state;
    json_set_text(json_object_get(victims, "applicant"), "account",
                  "account-30");
    json_decref(core_must(&core, victims));
    cases = kmc.case_count;
    order = asking_order("account-30", "冒名公司");
    json_set_text(order, "organization_code", "91440101MA5CQ8G73X");
    envelope = made_for_device(order);
    answer = must(recovery_for(envelope));
    assert_string_equal(recovery_of(answer), "none");
    assert_int_equal(kmc.case_count, cases);
    json_decref(answer);
    json_decref(envelope);
    envelope = made_for_device(asking_order("account-30", "受害公司（更名）"));
    answer = must(recovery_for(envelope));
    assert_string_equal(recovery_of(answer), "open");
    assert_int_equal(kmc.case_count, cases + 1);
    json_decref(answer);
    json_decref(envelope);
}

static void
case_that_a_crash_left_at_the_centre_is_taken_up(void **state)
{
    json_t *envelope = core_reviewed(&core, recovery_order("account-1"));
    struct fake_kmc_case *left = &kmc.opened[kmc.case_count++];
    size_t cases = kmc.case_count;
    struct error err = {0};
    json_t *answer;

    (void)state;
    /* Of other keys than there are now. */
    memcpy(left->id, text_of(json_object_get(envelope, "order"), "order_id"),
           sizeof left->id);
    left->state = "open";
    left->body = json_object();
    answer = core_hand_in(&core, envelope, &err);
    if (answer == NULL)
        fail_msg("%s", err.what);
    assert_string_equal(recovery_of(answer), "open");
    assert_int_equal(kmc.case_count, cases);
    json_decref(answer);
}

static void
auditor_finds_the_whole_log_right(void **state)
{
    struct error err = {0};

    (void)state;
    if (!core_audit(&core, &err))
        fail_msg("%s", err.what);
}

int
main(void)
{
#define PAIR(name) cmocka_unit_test_setup(name, afresh)
    const struct CMUnitTest tests[] = {
        PAIR(order_makes_two_certificates_of_one_subject_and_period),
        PAIR(same_order_again_gets_the_same_answer),
        PAIR(centre_away_is_busy_and_the_order_goes_through_later),
        PAIR(refused_orders_make_no_keys),
        PAIR(blocked_key_of_the_centre_is_not_certified),
        PAIR(check_asks_the_centre_nothing),
        PAIR(renewed_pair_succeeds_and_revokes_both_halves),
        PAIR(reissue_and_change_of_pairs_keep_the_period),
        PAIR(hold_release_and_revocation_move_both),
        PAIR(what_the_device_has_is_told_no_more),
        PAIR(keys_of_ended_certificates_and_of_no_order_go_into_history),
        PAIR(order_whose_key_was_given_up_is_refused),
        PAIR(holder_without_keys_has_nothing_to_recover),
        PAIR(recovery_is_open_until_people_decide_and_told_until_received),
        PAIR(keys_go_into_a_device_with_a_valid_certificate_of_their_holder),
        PAIR(pending_order_brings_the_earlier_keys_once_into_each_device),
        PAIR(completed_order_brings_no_earlier_keys_into_a_device_on_hold),
        PAIR(keys_of_another_organisation_are_not_recovered),
        PAIR(case_that_a_crash_left_at_the_centre_is_taken_up),
        PAIR(auditor_finds_the_whole_log_right),
        /* These put orders back as a kill would, but not the log. */
        PAIR(recorded_pair_is_finished_whole_after_a_kill),
        PAIR(pair_that_cannot_be_signed_is_void_whole_and_its_key_is_due),
        PAIR(key_blocked_while_signing_revokes_both),
        PAIR(
            single_successor_revokes_both_halves_and_crashes_do_not_change_that),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
