/* The key management centre without its sockets: ca-core/kmc/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "ca-core/kmc/create.h"
#include "ca-core/kmc/decide.h"
#include "ca-core/kmc/frame.h"
#include "ca-core/kmc/init.h"
#include "ca-core/kmc/work.h"
#include "db/sql_kmc.h"
#include "tests/unit/pg.h"
#include "tests/unit/soft_token.h"

enum { OPERATORS = 5, NEEDED = 3, PEOPLE = 9, NOW = 1795000000 };
enum { CA = 5, RA = 6, AUDIT = 7, OTHER_CA = 8 };

static const char *const names[PEOPLE] = {
    "op-1", "op-2", "op-3", "op-4", "op-5", "ca-1", "ra-one", "aa-1", "ca-2"};

static struct soft_token token;
static struct init_world world;
static struct init_plan plan;
static EVP_PKEY *keys[PEOPLE];
static struct share shares[OPERATORS];
static struct kmc_service service;
static struct kmc_worker worker;
static EVP_PKEY *transport;
static atomic_bool is_stopping;

/* ---- The parts -------------------------------------------------------------
 */

static X509 *
make_certificate(EVP_PKEY *key, const char *name)
{
    X509 *x509 = X509_new();
    X509_NAME *subject = X509_get_subject_name(x509);

    assert_int_equal(X509_set_version(x509, 2), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x509, subject);
    assert_int_equal(X509_set_pubkey(x509, key), 1);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    return x509;
}

static enum kmc_role
role_of(int who)
{
    return who < OPERATORS ? KMC_OPERATOR
           : who == RA     ? KMC_RA_OFFICER
           : who == AUDIT  ? KMC_AUDIT_ADMINISTRATOR
                           : KMC_CA;
}

static struct db_kmc_party
party_of(int who)
{
    struct db_kmc_party *all = NULL, found = {0};
    size_t count = 0;

    assert_true(db_kmc_party_list(worker.db, &all, &count, NULL));
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].name, names[who]) == 0)
            found = all[i];
    free(all);
    assert_string_equal(found.name, names[who]);
    return found;
}

static void
open_shares(void)
{
    for (int i = 0; i < OPERATORS; i++) {
        struct db_kmc_party party = party_of(i);

        assert_true(share_open(party.share, party.share_len,
                               plan.party[i].certificate, keys[i], &shares[i],
                               NULL));
    }
}

static int
begin(void **state)
{
    struct error err = {0};

    (void)state;
    pg_start();
    soft_token_make(&token);
    soft_token_add(&token, "signet-kgen");
    token.options.token = "signet-kgen";
    assert_true(hsm_open(&token.options, &world.kgen, &err));
    world.krec = token.options;
    world.krec.token = "signet-krec";
    world.db = (struct db_options){.connection = pg_connection("signet_kmc"),
                                   .statements = db_kmc_statements,
                                   .statement_count = DB_KMC_STATEMENT_COUNT,
                                   .connect_timeout_s = 5};
    plan.needed = NEEDED;
    for (int i = 0; i < PEOPLE; i++) {
        struct init_party *party = &plan.party[plan.count++];

        keys[i] = EVP_EC_gen("P-256");
        (void)snprintf(party->name, sizeof party->name, "%s", names[i]);
        party->role = role_of(i);
        party->certificate = make_certificate(keys[i], names[i]);
    }
    transport = EVP_RSA_gen(2048);
    if (!init_run(&world, &plan, NOW, &err))
        fail_msg("%s (%s)", err.what, err.cause);

    service.db = world.db;
    service.case_s = 3600;
    service.recovery = (struct recovery_options){
        BINARY_DIR "/bin/signet-krec", token.options.module, "signet-krec",
        token.options.lock_dir};
    assert_true(mark_open(world.kgen, false, &service.mark, &err));
    assert_true(hsm_escrow_open(&token.options, &service.escrow, &err));
    kmc_pool_new(&(struct kmc_pool_options){.escrow = service.escrow,
                                            .min = 1,
                                            .max = 2,
                                            .is_kept[HSM_KEY_EC_P256] = true},
                 &service.pool);
    holding_new(&service.holding);
    worker.service = &service;
    assert_true(db_open(&world.db, &worker.db, &err));
    assert_true(kmc_service_aim(&service, worker.db, &err));
    open_shares();
    return 0;
}

static int
finish(void **state)
{
    (void)state;
    kmc_pool_free(service.pool);
    holding_free(service.holding);
    hsm_escrow_close(service.escrow);
    db_close(worker.db);
    hsm_close(world.kgen);
    init_plan_clear(&plan);
    for (int i = 0; i < PEOPLE; i++)
        EVP_PKEY_free(keys[i]);
    EVP_PKEY_free(transport);
    soft_token_remove(&token);
    pg_stop();
    return 0;
}

static struct create_request
request_for(enum hsm_key_type type, const char *holder)
{
    struct create_request request = {.key_type = type};
    unsigned char *p = request.transport;

    assert_true(text_uuid_draw(request.request_id, NULL));
    (void)snprintf(request.holder, sizeof request.holder, "%s", holder);
    request.transport_len = (size_t)i2d_PUBKEY(transport, &p);
    return request;
}

static struct db_kmc_key
new_key(enum hsm_key_type type, const char *holder)
{
    struct create_request request = request_for(type, holder);
    struct db_kmc_key key;
    struct error err = {0};

    if (!create_key(&worker, "ca-1", &request, NOW, &key, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    return key;
}

/* The holder's side, by OpenSSL alone: OAEP, key wrap, PKCS #8. */
static EVP_PKEY *
open_delivery(const uint8_t *content_key, size_t content_key_len,
              const uint8_t *wrapped, size_t wrapped_len)
{
    uint8_t kek[512], clear[2048];
    size_t kek_len = sizeof kek;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(transport, NULL);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    const unsigned char *p = clear;
    EVP_PKEY *key = NULL;
    int len = 0;

    assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING),
                     1);
    if (EVP_PKEY_decrypt(ctx, kek, &kek_len, content_key, content_key_len) ==
            1 &&
        kek_len == 32) {
        EVP_CIPHER_CTX_set_flags(cipher, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        if (EVP_DecryptInit_ex(cipher, EVP_aes_256_wrap_pad(), NULL, kek,
                               NULL) == 1 &&
            EVP_DecryptUpdate(cipher, clear, &len, wrapped, (int)wrapped_len) ==
                1)
            key = d2i_AutoPrivateKey(NULL, &p, len);
    }
    EVP_PKEY_CTX_free(ctx);
    EVP_CIPHER_CTX_free(cipher);
    ERR_clear_error();
    return key;
}

static bool
is_of(EVP_PKEY *key, const struct db_kmc_key *record)
{
    unsigned char *spki = NULL;
    int len = key == NULL ? 0 : i2d_PUBKEY(key, &spki);
    bool ok = len > 0 && (size_t)len == record->spki_len &&
              memcmp(spki, record->spki, record->spki_len) == 0;

    OPENSSL_free(spki);
    return ok;
}

/* ---- Cases -----------------------------------------------------------------
 */

static struct kmc_request
case_about(enum kmc_kind kind, const struct db_kmc_key *key)
{
    struct kmc_request request = {.kind = kind, .delivery = KMC_NO_DELIVERY};
    unsigned char *p = request.target;

    assert_true(text_uuid_draw(request.id, NULL));
    (void)snprintf(request.requester, sizeof request.requester, "clerk");
    (void)snprintf(request.reason, sizeof request.reason, "device lost");
    if (key == NULL)
        return request;
    memcpy(request.keys[0], key->id, sizeof key->id);
    request.key_count = 1;
    memcpy(request.holder, key->holder, sizeof request.holder);
    (void)snprintf(request.document, sizeof request.document, "D-1");
    request.delivery = KMC_TO_TOKEN;
    request.target_len = (size_t)i2d_PUBKEY(transport, &p);
    return request;
}

static void
open_case(int who, struct kmc_request *request)
{
    struct db_kmc_party party = party_of(who);
    struct db_kmc_case c;
    struct error err = {0};

    if (!decide_open(&worker, &party, role_of(who), request, NOW, &c, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    db_kmc_case_clear(&c);
}

/* By `who`, signed by the key of `signer`. */
static bool
decide_as(int who, int signer, const char *id, const char *verdict,
          const struct share *share, int64_t now, const char **state,
          struct error *err)
{
    struct db_kmc_party party = party_of(who);
    struct buf statement = BUF_INIT(KMC_STATEMENT_MAX);
    uint8_t signature[256];
    size_t len = sizeof signature;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct db_kmc_case c;
    bool ok;

    assert_true(db_kmc_case_get(worker.db, id, &c, NULL));
    assert_true(kmc_statement_encode(id, c.digest, names[who],
                                     kmc_role_name(role_of(who)), verdict, NOW,
                                     &statement, NULL));
    assert_int_equal(
        EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, keys[signer]), 1);
    assert_int_equal(
        EVP_DigestSign(ctx, signature, &len, statement.data, statement.len), 1);
    ok = decide_take(
        &worker, &party, role_of(who), id,
        &(struct decide_decision){verdict, NOW, signature, len, share}, now,
        state, err);
    EVP_MD_CTX_free(ctx);
    buf_clear(&statement);
    db_kmc_case_clear(&c);
    return ok;
}

static const char *
approve(int who, const char *id)
{
    const char *state = "";
    struct error err = {0};

    if (!decide_as(who, who, id, "approve",
                   who < OPERATORS ? &shares[who] : NULL, NOW, &state, &err))
        fail_msg("%s: %s (%s)", names[who], err.what, err.cause);
    return state;
}

static void
refused(int who, int signer, const char *id, const struct share *share,
        int64_t now, enum error_code code)
{
    const char *state = "";
    struct error err = {0};

    assert_false(
        decide_as(who, signer, id, "approve", share, now, &state, &err));
    assert_int_equal(err.code, code);
}

static void
run(void)
{
    struct error err = {0};

    if (!work_run(&service, worker.db, &is_stopping, &err))
        fail_msg("%s (%s)", err.what, err.cause);
}

static void
state_is(const char *id, const char *state)
{
    struct db_kmc_case c;

    assert_true(db_kmc_case_get(worker.db, id, &c, NULL));
    if (strcmp(c.state, state) != 0)
        fail_msg("case is %s: %s", c.state, c.outcome);
    assert_true(strcmp(state, "done") == 0 || c.answer == NULL);
    db_kmc_case_clear(&c);
}

/* The one key of a case that is done. */
static EVP_PKEY *
answer_of(const char *id)
{
    struct buf content_key = BUF_INIT(1024), wrapped = BUF_INIT(4096);
    struct db_kmc_case c;
    json_t *json = NULL, *item;
    EVP_PKEY *key;

    state_is(id, "done");
    assert_true(db_kmc_case_get(worker.db, id, &c, NULL));
    assert_true(json_parse_object(c.answer, c.answer_len, &json, NULL));
    item = json_array_get(json_object_get(json, "keys"), 0);
    assert_true(json_get_bytes(item, "content_key", 1024, &content_key, NULL));
    assert_true(json_get_bytes(item, "wrapped", 4096, &wrapped, NULL));
    key = open_delivery(content_key.data, content_key.len, wrapped.data,
                        wrapped.len);
    buf_clear(&content_key);
    buf_clear(&wrapped);
    json_decref(json);
    db_kmc_case_clear(&c);
    return key;
}

/* A case that only operators decide on, through to its end. */
static void
run_by_operators(enum kmc_kind kind)
{
    struct kmc_request request = case_about(kind, NULL);

    open_case(0, &request);
    for (int i = 1; i <= NEEDED; i++)
        approve(i, request.id);
    run();
    state_is(request.id, "done");
}

/* ---- Shares ----------------------------------------------------------------
 */

static void
any_three_of_five_shares_give_the_secret(void **state)
{
    uint8_t secret[4] = {0, 1, 0x80, 0xff}, parts[5 * 4], out[4];

    (void)state;
    assert_true(shamir_split(secret, 4, 3, 5, parts, NULL));
    for (uint8_t a = 0; a < 5; a++)
        for (uint8_t b = 0; b < 5; b++)
            for (uint8_t c = 0; c < 5; c++) {
                uint8_t places[3] = {(uint8_t)(a + 1), (uint8_t)(b + 1),
                                     (uint8_t)(c + 1)};
                uint8_t some[12];

                memcpy(some, parts + 4 * a, 4);
                memcpy(some + 4, parts + 4 * b, 4);
                memcpy(some + 8, parts + 4 * c, 4);
                if (a == b || b == c || a == c) {
                    assert_false(shamir_join(places, some, 3, 4, out, NULL));
                    continue;
                }
                assert_true(shamir_join(places, some, 3, 4, out, NULL));
                assert_memory_equal(out, secret, 4);
            }
}

static void
two_shares_fit_every_secret_alike(void **state)
{
    const uint8_t places[3] = {1, 2, 3};
    uint8_t secret = 42, parts[5], out, seen[256] = {0};

    (void)state;
    assert_true(shamir_split(&secret, 1, 3, 5, parts, NULL));
    for (int third = 0; third < 256; third++) {
        uint8_t some[3] = {parts[0], parts[1], (uint8_t)third};

        assert_true(shamir_join(places, some, 3, 1, &out, NULL));
        assert_int_equal(seen[out]++, 0);
    }
}

static void
a_wrong_share_is_found_before_the_token_is_asked(void **state)
{
    struct share some[3] = {shares[0], shares[2], shares[4]};
    char pin[HSM_RECOVERY_PIN_LEN + 1];
    struct error err = {0};

    (void)state;
    assert_true(share_join(some, 3, pin, &err));
    some[1].octet[7] ^= 1;
    assert_false(share_join(some, 3, pin, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    some[1] = shares[2];
    assert_false(share_join(some, 2, pin, &err));
    assert_int_equal(err.code, ERROR_DENIED);
}

static void
a_share_opens_with_its_operators_key_alone(void **state)
{
    struct db_kmc_party party = party_of(0);
    struct share out;
    struct error err = {0};

    (void)state;
    assert_false(share_open(party.share, party.share_len,
                            plan.party[1].certificate, keys[1], &out, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_false(share_open(party.share, party.share_len - 1,
                            plan.party[0].certificate, keys[0], &out, &err));
}

static void
a_frame_that_was_cut_or_extended_is_rejected(void **state)
{
    struct frame frame = {
        .verb = FRAME_PROVE,
        .count = 2,
        .field = {{(const uint8_t *)"ab", 2}, {(const uint8_t *)"", 0}}};
    struct buf octets = BUF_INIT(FRAME_HEAD_LEN + FRAME_MAX);
    struct frame out;

    (void)state;
    assert_true(frame_encode(&frame, &octets, NULL));
    buf_add_byte(&octets, 0);
    assert_true(frame_parse(octets.data + 4, octets.len - 5, &out, NULL));
    assert_int_equal(out.field[0].len, 2);
    assert_false(frame_parse(octets.data + 4, octets.len - 4, &out, NULL));
    for (size_t len = 0; len < octets.len - 5; len++)
        assert_false(frame_parse(octets.data + 4, len, &out, NULL));
    buf_clear(&octets);
}

/* ---- Keys ------------------------------------------------------------------
 */

static void
a_new_key_is_delivered_under_the_transport_key(void **state)
{
    static const enum hsm_key_type types[] = {HSM_KEY_EC_P256, HSM_KEY_RSA_2048,
                                              HSM_KEY_RSA_3072};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct db_kmc_key record = new_key(types[i], "unit-1");
        EVP_PKEY *key = open_delivery(record.delivery, record.delivery_len,
                                      record.wrapped, record.wrapped_len);

        assert_true(is_of(key, &record));
        EVP_PKEY_free(key);
    }
}

static void
the_same_request_gets_the_same_key_and_another_is_refused(void **state)
{
    struct create_request request = request_for(HSM_KEY_EC_P256, "unit-1");
    struct db_kmc_key first, second;
    struct error err = {0};

    (void)state;
    assert_true(create_key(&worker, "ca-1", &request, NOW, &first, &err));
    assert_true(create_key(&worker, "ca-1", &request, NOW + 5, &second, &err));
    assert_string_equal(first.id, second.id);
    assert_memory_equal(first.delivery, second.delivery, first.delivery_len);
    (void)snprintf(request.holder, sizeof request.holder, "unit-2");
    assert_false(create_key(&worker, "ca-1", &request, NOW, &second, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    /* Another authority's numbers are its own. */
    assert_true(create_key(&worker, "ca-2", &request, NOW, &second, &err));
    assert_string_not_equal(first.id, second.id);
}

static void
a_transport_key_that_is_none_makes_no_key(void **state)
{
    struct create_request request = request_for(HSM_KEY_EC_P256, "unit-1");
    struct db_kmc_key key;
    struct error err = {0};
    const char *before = pg_ask("SELECT count(*) FROM kmc.escrowed_key");
    char count[16];

    (void)state;
    (void)snprintf(count, sizeof count, "%s", before);
    request.transport[8] ^= 0x55;
    assert_false(create_key(&worker, "ca-1", &request, NOW, &key, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_string_equal(pg_ask("SELECT count(*) FROM kmc.escrowed_key"), count);
}

static void
the_pool_fills_to_its_maximum_and_hands_out(void **state)
{
    struct error err = {0};
    bool is_full = false;

    (void)state;
    while (!is_full)
        assert_true(kmc_pool_fill(service.pool, &is_full, &err));
    assert_int_equal(kmc_pool_count(service.pool, HSM_KEY_EC_P256), 2);
    assert_int_equal(kmc_pool_count(service.pool, HSM_KEY_RSA_2048), 0);
    (void)new_key(HSM_KEY_EC_P256, "unit-1");
    assert_int_equal(kmc_pool_count(service.pool, HSM_KEY_EC_P256), 1);
    assert_true(kmc_pool_fill(service.pool, &is_full, &err));
    assert_true(is_full); /* not below the minimum yet */
    (void)new_key(HSM_KEY_EC_P256, "unit-1");
    assert_true(kmc_pool_fill(service.pool, &is_full, &err));
    assert_false(is_full);
}

static void
by_hand_the_pool_is_filled_whatever_there_is(void **state)
{
    struct error err = {0};
    bool is_full = false;

    (void)state;
    while (!is_full)
        assert_true(kmc_pool_fill(service.pool, &is_full, &err));
    (void)new_key(HSM_KEY_EC_P256, "unit-1");
    assert_int_equal(kmc_pool_count(service.pool, HSM_KEY_EC_P256), 1);
    kmc_pool_refill(service.pool);
    is_full = false;
    while (!is_full)
        assert_true(kmc_pool_fill(service.pool, &is_full, &err));
    assert_int_equal(kmc_pool_count(service.pool, HSM_KEY_EC_P256),
                     kmc_pool_max(service.pool, HSM_KEY_EC_P256));
}

static void
kgen_cannot_read_back_what_it_made(void **state)
{
    struct db_kmc_key key = new_key(HSM_KEY_EC_P256, "unit-1");
    struct hsm_recovery_blob blob = {
        key.cka_id,  key.cka_id_len,  key.content_key, key.content_key_len,
        key.wrapped, key.wrapped_len, key.spki,        key.spki_len};
    struct hsm_recovery *recovery = NULL;
    struct error err = {0};

    (void)state;
    assert_true(
        hsm_recovery_open(&token.options, SOFT_TOKEN_PIN, &recovery, &err));
    assert_false(hsm_recovery_prove(recovery, &blob, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    /* Its record key is no recovery key. */
    blob.id = (const uint8_t *)MARK_KEY_ID;
    blob.id_len = sizeof MARK_KEY_ID - 1;
    assert_false(hsm_recovery_prove(recovery, &blob, &err));
    hsm_recovery_close(recovery);
}

static void
the_begun_centre_does_not_begin_again(void **state)
{
    struct error err = {0};

    (void)state;
    assert_false(init_run(&world, &plan, NOW, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
}

/* ---- Cases -----------------------------------------------------------------
 */

static void
a_customers_key_is_recovered_by_officer_and_three_operators(void **state)
{
    struct db_kmc_key record = new_key(HSM_KEY_RSA_2048, "unit-7");
    struct kmc_request request = case_about(KMC_CUSTOMER, &record);
    EVP_PKEY *key;

    (void)state;
    open_case(CA, &request);
    open_case(CA, &request); /* the same again */
    assert_string_equal(approve(0, request.id), "open");
    assert_string_equal(approve(RA, request.id), "open");
    assert_string_equal(approve(3, request.id), "open");
    run();
    state_is(request.id, "open");
    assert_string_equal(approve(4, request.id), "approved");
    run();
    key = answer_of(request.id);
    assert_true(is_of(key, &record));
    EVP_PKEY_free(key);
    assert_int_equal(holding_count(service.holding, request.id), 0);
    assert_string_equal(
        pg_ask("SELECT count(*) FROM log.entry WHERE event = 'kmc.case-done'"),
        "1");
    refused(1, 1, request.id, &shares[1], NOW, ERROR_CONFLICT);
}

static void
two_operators_of_three_recover_nothing(void **state)
{
    struct db_kmc_key record = new_key(HSM_KEY_EC_P256, "unit-7");
    struct kmc_request request = case_about(KMC_CUSTOMER, &record);

    (void)state;
    open_case(CA, &request);
    approve(RA, request.id);
    approve(0, request.id);
    approve(1, request.id);
    run();
    state_is(request.id, "open");
    /* Nor when the database says that it is approved. */
    pg_sql("UPDATE kmc.recovery_case SET state = 'approved'"
           " WHERE state = 'open'");
    run();
    state_is(request.id, "approved");
    pg_sql("INSERT INTO kmc.approval SELECT recovery_case, 'op-3', step,"
           " verdict, statement, signature, decided_at FROM kmc.approval"
           " WHERE party = 'op-2' AND recovery_case IN (SELECT id FROM"
           " kmc.recovery_case WHERE state = 'approved')");
    assert_true(holding_add(service.holding, request.id, &shares[2],
                            clock_monotonic_ms(), NULL));
    run();
    state_is(request.id, "aborted");
    assert_int_equal(holding_count(service.holding, request.id), 0);
}

static void
a_court_needs_an_audit_administrator(void **state)
{
    struct db_kmc_key record = new_key(HSM_KEY_EC_P256, "unit-8");
    struct kmc_request request = case_about(KMC_JUDICIAL, &record);
    EVP_PKEY *key;

    (void)state;
    open_case(4, &request);
    for (int i = 0; i < NEEDED; i++)
        approve(i, request.id);
    run();
    state_is(request.id, "open");
    refused(4, 4, request.id, &shares[4], NOW, ERROR_DENIED); /* who asked */
    refused(RA, RA, request.id, NULL, NOW, ERROR_DENIED);
    assert_string_equal(approve(AUDIT, request.id), "approved");
    run();
    key = answer_of(request.id);
    assert_true(is_of(key, &record));
    EVP_PKEY_free(key);
}

static void
who_may_not_decide_is_refused(void **state)
{
    struct db_kmc_key record = new_key(HSM_KEY_EC_P256, "unit-9");
    struct kmc_request request = case_about(KMC_CUSTOMER, &record);
    struct share wrong = shares[1];

    (void)state;
    open_case(0, &request); /* an operator, who is the requester now */
    refused(0, 0, request.id, &shares[0], NOW, ERROR_DENIED);
    refused(AUDIT, AUDIT, request.id, NULL, NOW, ERROR_DENIED);
    refused(CA, CA, request.id, NULL, NOW, ERROR_DENIED);
    refused(1, 2, request.id, &shares[1], NOW, ERROR_DENIED); /* signature */
    wrong.octet[9] ^= 0x10;
    refused(1, 1, request.id, &wrong, NOW, ERROR_DENIED);
    refused(1, 1, request.id, &shares[2], NOW, ERROR_DENIED);
    refused(1, 1, request.id, NULL, NOW, ERROR_INPUT);
    refused(RA, RA, request.id, &shares[1], NOW, ERROR_INPUT);
    refused(1, 1, request.id, &shares[1], NOW + 3600, ERROR_CONFLICT);
    approve(RA, request.id);
    refused(RA, RA, request.id, NULL, NOW, ERROR_CONFLICT); /* twice */
    approve(1, request.id);
    approve(1, request.id); /* the share again: counts once */
    approve(2, request.id);
    run();
    state_is(request.id, "open");
    assert_int_equal(holding_count(service.holding, request.id), 2);
}

static void
a_case_approved_for_one_key_recovers_no_other(void **state)
{
    struct db_kmc_key mine = new_key(HSM_KEY_EC_P256, "unit-9");
    struct db_kmc_key theirs = new_key(HSM_KEY_EC_P256, "unit-9");
    struct kmc_request request = case_about(KMC_CUSTOMER, &mine);
    char sql[512];

    (void)state;
    open_case(CA, &request);
    approve(RA, request.id);
    for (int i = 0; i < NEEDED; i++)
        approve(i, request.id);
    /* By who may write rows, once all have signed: body and digest. */
    (void)snprintf(sql, sizeof sql,
                   "UPDATE kmc.recovery_case SET body = convert_to(replace("
                   "convert_from(body, 'UTF8'), '%s', '%s'), 'UTF8')"
                   " WHERE id = '%s'",
                   mine.id, theirs.id, request.id);
    pg_sql(sql);
    (void)snprintf(sql, sizeof sql,
                   "UPDATE kmc.recovery_case SET digest = sha256(body)"
                   " WHERE id = '%s'",
                   request.id);
    pg_sql(sql);
    run();
    state_is(request.id, "aborted");
    assert_int_equal(holding_count(service.holding, request.id), 0);
}

static void
a_share_opens_the_case_it_was_given_for_and_that_once(void **state)
{
    struct db_kmc_key record = new_key(HSM_KEY_EC_P256, "unit-9");
    struct kmc_request first = case_about(KMC_CUSTOMER, &record);
    struct kmc_request second = case_about(KMC_CUSTOMER, &record);
    struct recovery *recovery = NULL;
    struct share twice[NEEDED] = {shares[0], shares[1], shares[1]};
    struct error err = {0};

    (void)state;
    open_case(CA, &first);
    open_case(CA, &second);
    for (int i = 0; i < NEEDED; i++)
        approve(i, first.id);
    approve(RA, first.id);
    approve(RA, second.id);
    run();
    state_is(first.id, "done");
    state_is(second.id, "open"); /* none of them served it, too */
    assert_int_equal(holding_count(service.holding, second.id), 0);
    /* One operator's, counted twice. */
    assert_false(
        recovery_open(&service.recovery, twice, NEEDED, &recovery, &err));
    assert_null(recovery);
}

static void
a_refused_case_leaves_nothing(void **state)
{
    struct db_kmc_key record = new_key(HSM_KEY_EC_P256, "unit-9");
    struct kmc_request request = case_about(KMC_CUSTOMER, &record);
    const char *after = "";
    struct error err = {0};

    (void)state;
    open_case(CA, &request);
    approve(0, request.id);
    approve(1, request.id);
    assert_true(decide_as(2, 2, request.id, "refuse", NULL, NOW, &after, &err));
    assert_string_equal(after, "refused");
    assert_int_equal(holding_count(service.holding, request.id), 0);
    refused(3, 3, request.id, &shares[3], NOW, ERROR_CONFLICT);
    run();
    state_is(request.id, "refused");
}

static void
an_expired_case_leaves_nothing(void **state)
{
    struct db_kmc_key record = new_key(HSM_KEY_EC_P256, "unit-9");
    struct kmc_request request = case_about(KMC_CUSTOMER, &record);
    struct error err = {0};

    (void)state;
    open_case(CA, &request);
    approve(0, request.id);
    assert_true(decide_expire(&service, worker.db, NOW + 3600, &err));
    state_is(request.id, "expired");
    assert_int_equal(holding_count(service.holding, request.id), 0);
}

static void
a_case_is_for_those_who_may_ask(void **state)
{
    struct db_kmc_key record = new_key(HSM_KEY_EC_P256, "unit-9");
    struct kmc_request request = case_about(KMC_CUSTOMER, &record);
    struct db_kmc_party party = party_of(OTHER_CA);
    struct db_kmc_case c;
    struct error err = {0};

    (void)state;
    /* Another authority's key. */
    assert_false(decide_open(&worker, &party, KMC_CA, &request, NOW, &c, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    party = party_of(CA);
    /* What a court asks for passes through no authority. */
    request.kind = KMC_JUDICIAL;
    assert_false(decide_open(&worker, &party, KMC_CA, &request, NOW, &c, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    party = party_of(RA);
    assert_false(
        decide_open(&worker, &party, KMC_RA_OFFICER, &request, NOW, &c, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    party = party_of(CA);
    request.kind = KMC_CUSTOMER;
    (void)snprintf(request.holder, sizeof request.holder, "someone");
    assert_false(decide_open(&worker, &party, KMC_CA, &request, NOW, &c, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    memcpy(request.holder, record.holder, sizeof request.holder);
    request.delivery = KMC_TO_CMS;
    assert_false(decide_open(&worker, &party, KMC_CA, &request, NOW, &c, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    request = case_about(KMC_ROTATION, NULL);
    assert_false(decide_open(&worker, &party, KMC_CA, &request, NOW, &c, &err));
    assert_int_equal(err.code, ERROR_DENIED);
}

static int64_t wrong_count;

static void
count_wrong(const char *what)
{
    (void)what;
    wrong_count++;
}

static void
a_swapped_blob_is_found_and_not_delivered(void **state)
{
    struct db_kmc_key mine = new_key(HSM_KEY_EC_P256, "unit-10");
    struct db_kmc_key theirs = new_key(HSM_KEY_EC_P256, "unit-11");
    struct kmc_request request = case_about(KMC_CUSTOMER, &mine);
    struct init_check check;
    struct error err = {0};
    char sql[512];

    (void)state;
    open_case(CA, &request);
    (void)snprintf(sql, sizeof sql,
                   "UPDATE kmc.escrowed_key k SET wrapped = o.wrapped,"
                   " content_key = o.content_key FROM kmc.escrowed_key o"
                   " WHERE k.id = '%s' AND o.id = '%s'",
                   mine.id, theirs.id);
    pg_sql(sql);
    approve(RA, request.id);
    for (int i = 0; i < NEEDED; i++)
        approve(i, request.id);
    run();
    state_is(request.id, "aborted");
    wrong_count = 0;
    assert_true(init_verify(&world, count_wrong, &check, &err));
    assert_int_equal(check.wrong, 1);
    assert_int_equal(wrong_count, 1);
    /* The proof with the token names it, too. */
    run_by_operators(KMC_VERIFICATION);
    assert_non_null(strstr(pg_ask("SELECT outcome FROM kmc.recovery_case"
                                  " WHERE kind = 'verification'"),
                           ", 1 wrong"));
    (void)snprintf(sql, sizeof sql,
                   "DELETE FROM kmc.escrowed_key WHERE id = '%s'", mine.id);
    pg_sql(sql);
}

static void
a_rotation_broken_off_goes_on_where_it_was(void **state)
{
    struct db_kmc_key record = new_key(HSM_KEY_EC_P256, "unit-12");
    struct db_kmc_key later;
    struct kmc_request request = case_about(KMC_ROTATION, NULL);
    EVP_PKEY *key;

    (void)state;
    open_case(0, &request);
    for (int i = 1; i <= NEEDED; i++)
        approve(i, request.id);
    /* Stopped when the new key is made and nothing is under it. */
    atomic_store(&is_stopping, false);
    pg_sql("ALTER TABLE kmc.escrowed_key ADD CONSTRAINT stop CHECK"
           " (recovery_key < 2) NOT VALID");
    run();
    pg_sql("ALTER TABLE kmc.escrowed_key DROP CONSTRAINT stop");
    state_is(request.id, "aborted");
    assert_string_equal(pg_ask("SELECT string_agg(state, ' ' ORDER BY id)"
                               " FROM kmc.recovery_key"),
                        "retiring active");
    later = new_key(HSM_KEY_EC_P256, "unit-12"); /* in service meanwhile */
    assert_int_equal(later.recovery_key, 2);
    run_by_operators(KMC_ROTATION);
    assert_string_equal(pg_ask("SELECT string_agg(state, ' ' ORDER BY id)"
                               " FROM kmc.recovery_key"),
                        "retired active");
    assert_string_equal(pg_ask("SELECT count(*) FROM kmc.escrowed_key"
                               " WHERE recovery_key <> 2"),
                        "0");
    request = case_about(KMC_CUSTOMER, &record);
    open_case(CA, &request);
    approve(RA, request.id);
    for (int i = 0; i < NEEDED; i++)
        approve(i, request.id);
    run();
    key = answer_of(request.id);
    assert_true(is_of(key, &record));
    EVP_PKEY_free(key);
    run_by_operators(KMC_VERIFICATION);
    assert_string_equal(pg_ask("SELECT count(*) FROM kmc.recovery_case WHERE"
                               " kind = 'verification' AND outcome LIKE"
                               " '%, 0 wrong'"),
                        "1");
}

/* What must not be under a recovery key lies under it, by who may write rows.
 */
static void
damage(const struct db_kmc_key *key, const char *how)
{
    char sql[256];

    (void)snprintf(sql, sizeof sql,
                   "UPDATE kmc.escrowed_key SET %s WHERE id = '%s'", how,
                   key->id);
    pg_sql(sql);
}

static const char *
last_rotation(const char *column)
{
    char sql[256];

    (void)snprintf(sql, sizeof sql,
                   "SELECT %s FROM kmc.recovery_case WHERE kind = 'rotation'"
                   " AND state = 'done' ORDER BY ctid DESC LIMIT 1",
                   column);
    return pg_ask(sql);
}

static void
a_damaged_key_stops_neither_the_others_nor_the_next_rotation(void **state)
{
    struct db_kmc_key mark = new_key(HSM_KEY_EC_P256, "unit-14");
    struct db_kmc_key blob = new_key(HSM_KEY_EC_P256, "unit-14");
    struct db_kmc_key large = new_key(HSM_KEY_EC_P256, "unit-14");
    struct db_kmc_key good = new_key(HSM_KEY_EC_P256, "unit-14");
    struct db_kmc_key forged;
    char before[64], count[64], sql[256];
    struct error err = {0};

    (void)state;
    (void)snprintf(before, sizeof before, "%s",
                   pg_ask("SELECT max(id) FROM kmc.recovery_key"));
    (void)snprintf(count, sizeof count, "%d", atoi(before) + 1);
    damage(&mark, "signature = set_byte(signature, 9, 0),"
                  " retired_at = now(), state = 'history'");
    damage(&large, "wrapped = convert_to(repeat('x', 5000), 'UTF8')");
    /* One whose mark is right and that does not open: by who has kgen. */
    forged = blob;
    forged.content_key[17] ^= 1;
    assert_true(mark_key_set(&service.mark, &forged, &err));
    assert_true(
        db_kmc_key_rewrapped(worker.db, &forged, forged.recovery_key, &err));
    run_by_operators(KMC_ROTATION);
    assert_string_equal(pg_ask("SELECT max(id) FROM kmc.recovery_key"), count);
    assert_non_null(strstr(last_rotation("outcome"), ", 3 wrong: "));
    assert_non_null(strstr(last_rotation("outcome"), mark.id));
    assert_non_null(strstr(last_rotation("outcome"), blob.id));
    assert_non_null(strstr(last_rotation("outcome"), large.id));
    (void)snprintf(sql, sizeof sql,
                   "SELECT recovery_key FROM kmc.escrowed_key WHERE id = '%s'",
                   good.id);
    assert_string_equal(pg_ask(sql), count);
    (void)snprintf(sql, sizeof sql,
                   "SELECT state FROM kmc.recovery_key WHERE id = %s", before);
    assert_string_equal(pg_ask(sql), "retiring");

    /* The next makes a new key all the same. */
    run_by_operators(KMC_ROTATION);
    (void)snprintf(count, sizeof count, "%d", atoi(before) + 2);
    assert_string_equal(pg_ask("SELECT max(id) FROM kmc.recovery_key"), count);
    assert_non_null(strstr(last_rotation("outcome"), ", 3 wrong: "));

    /* Put back, the old key moves, and two that are given up let it retire. */
    assert_true(
        db_kmc_key_rewrapped(worker.db, &blob, blob.recovery_key, &err));
    (void)snprintf(sql, sizeof sql,
                   "DELETE FROM kmc.escrowed_key WHERE id IN ('%s', '%s')",
                   mark.id, large.id);
    pg_sql(sql);
    run_by_operators(KMC_ROTATION);
    assert_string_equal(pg_ask("SELECT max(id) FROM kmc.recovery_key"), count);
    assert_non_null(strstr(last_rotation("outcome"), "1 keys more under"));
    (void)snprintf(sql, sizeof sql,
                   "SELECT state FROM kmc.recovery_key WHERE id = %s", before);
    assert_string_equal(pg_ask(sql), "retired");
    (void)snprintf(sql, sizeof sql,
                   "SELECT recovery_key FROM kmc.escrowed_key WHERE id = '%s'",
                   blob.id);
    assert_string_equal(pg_ask(sql), count);
}

static void
a_share_waits_a_day_and_no_longer(void **state)
{
    struct db_kmc_key record = new_key(HSM_KEY_EC_P256, "unit-15");
    struct kmc_request request = case_about(KMC_CUSTOMER, &record);

    (void)state;
    open_case(CA, &request);
    approve(0, request.id);
    holding_expire(service.holding, clock_monotonic_ms() + 60000);
    assert_int_equal(holding_count(service.holding, request.id), 1);
    holding_expire(service.holding, clock_monotonic_ms() + HOLDING_MAX_MS);
    assert_int_equal(holding_count(service.holding, request.id), 0);
    state_is(request.id, "open");
    approve(0, request.id); /* the decision stands; the share comes again */
    assert_int_equal(holding_count(service.holding, request.id), 1);
}

static void
an_answer_waits_as_long_as_its_case_was_given(void **state)
{
    struct db_kmc_key record = new_key(HSM_KEY_EC_P256, "unit-16");
    struct kmc_request request = case_about(KMC_CUSTOMER, &record);
    struct db_kmc_case c;
    struct error err = {0};

    (void)state;
    open_case(CA, &request);
    approve(RA, request.id);
    for (int i = 0; i < NEEDED; i++)
        approve(i, request.id);
    run();
    assert_true(db_kmc_case_get(worker.db, request.id, &c, &err));
    assert_true(decide_expire(&service, worker.db, c.closed_at + 3599, &err));
    EVP_PKEY_free(answer_of(request.id));
    assert_true(decide_expire(&service, worker.db, c.closed_at + 3600, &err));
    db_kmc_case_clear(&c);
    assert_true(db_kmc_case_get(worker.db, request.id, &c, &err));
    assert_string_equal(c.state, "done");
    assert_null(c.answer);
    db_kmc_case_clear(&c);
}

static void
the_same_case_again_is_the_same_and_with_other_content_a_conflict(void **state)
{
    struct db_kmc_key record = new_key(HSM_KEY_EC_P256, "unit-17");
    struct kmc_request request = case_about(KMC_CUSTOMER, &record), other;
    struct db_kmc_party party = party_of(CA);
    struct db_kmc_case first, again;
    struct error err = {0};

    (void)state;
    assert_true(
        decide_open(&worker, &party, KMC_CA, &request, NOW, &first, &err));
    assert_true(
        decide_open(&worker, &party, KMC_CA, &request, NOW + 60, &again, &err));
    assert_memory_equal(first.digest, again.digest, 32);
    assert_int_equal(again.expires_at, first.expires_at);
    db_kmc_case_clear(&again);
    other = request;
    (void)snprintf(other.document, sizeof other.document, "D-2");
    assert_false(
        decide_open(&worker, &party, KMC_CA, &other, NOW, &again, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    db_kmc_case_clear(&again);
    party = party_of(RA);
    other = request;
    assert_false(decide_open(&worker, &party, KMC_RA_OFFICER, &other, NOW,
                             &again, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    db_kmc_case_clear(&again);
    db_kmc_case_clear(&first);
}

static void
a_key_leaves_as_cms_only_where_that_is_allowed_and_is_marked(void **state)
{
    struct db_kmc_key record = new_key(HSM_KEY_EC_P256, "unit-13");
    struct kmc_request request = case_about(KMC_CUSTOMER, &record);
    unsigned char *p = request.target;
    struct db_kmc_case c;

    (void)state;
    service.is_cms_open = true;
    request.delivery = KMC_TO_CMS;
    request.target_len = (size_t)i2d_X509(plan.party[OTHER_CA].certificate, &p);
    open_case(CA, &request);
    approve(RA, request.id);
    for (int i = 0; i < NEEDED; i++)
        approve(i, request.id);
    run();
    state_is(request.id, "done");
    assert_true(db_kmc_case_get(worker.db, request.id, &c, NULL));
    assert_non_null(memmem(c.answer, c.answer_len, "\"cms\":", 6));
    assert_null(memmem(c.answer, c.answer_len, "\"wrapped\":", 10));
    db_kmc_case_clear(&c);
    assert_string_equal(
        pg_ask(
            "SELECT count(*) FROM log.entry WHERE event = 'kmc.case-done'"
            " AND convert_from(body, 'UTF8') LIKE '%\"was_in_clear\":true%'"),
        "1");
    service.is_cms_open = false;
}

static void
the_role_of_the_service_cannot_undo_records(void **state)
{
    (void)state;
    assert_string_equal(
        pg_sqlstate("signet_kmc", "DELETE FROM kmc.escrowed_key"), "42501");
    assert_string_equal(
        pg_sqlstate("signet_kmc", "UPDATE kmc.party SET certificate = ''"),
        "42501");
    assert_string_equal(
        pg_sqlstate("signet_kmc", "UPDATE kmc.escrowed_key SET wrapped = ''"),
        "42501");
    assert_string_equal(
        pg_sqlstate("signet_ca", "SELECT * FROM kmc.escrowed_key"), "42501");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_three_of_five_shares_give_the_secret),
        cmocka_unit_test(two_shares_fit_every_secret_alike),
        cmocka_unit_test(a_wrong_share_is_found_before_the_token_is_asked),
        cmocka_unit_test(a_share_opens_with_its_operators_key_alone),
        cmocka_unit_test(a_frame_that_was_cut_or_extended_is_rejected),
        cmocka_unit_test(a_new_key_is_delivered_under_the_transport_key),
        cmocka_unit_test(
            the_same_request_gets_the_same_key_and_another_is_refused),
        cmocka_unit_test(a_transport_key_that_is_none_makes_no_key),
        cmocka_unit_test(the_pool_fills_to_its_maximum_and_hands_out),
        cmocka_unit_test(by_hand_the_pool_is_filled_whatever_there_is),
        cmocka_unit_test(kgen_cannot_read_back_what_it_made),
        cmocka_unit_test(the_begun_centre_does_not_begin_again),
        cmocka_unit_test(
            a_customers_key_is_recovered_by_officer_and_three_operators),
        cmocka_unit_test(two_operators_of_three_recover_nothing),
        cmocka_unit_test(a_court_needs_an_audit_administrator),
        cmocka_unit_test(who_may_not_decide_is_refused),
        cmocka_unit_test(a_case_approved_for_one_key_recovers_no_other),
        cmocka_unit_test(a_share_opens_the_case_it_was_given_for_and_that_once),
        cmocka_unit_test(a_refused_case_leaves_nothing),
        cmocka_unit_test(an_expired_case_leaves_nothing),
        cmocka_unit_test(a_case_is_for_those_who_may_ask),
        cmocka_unit_test(a_swapped_blob_is_found_and_not_delivered),
        cmocka_unit_test(a_rotation_broken_off_goes_on_where_it_was),
        cmocka_unit_test(
            a_damaged_key_stops_neither_the_others_nor_the_next_rotation),
        cmocka_unit_test(a_share_waits_a_day_and_no_longer),
        cmocka_unit_test(an_answer_waits_as_long_as_its_case_was_given),
        cmocka_unit_test(
            the_same_case_again_is_the_same_and_with_other_content_a_conflict),
        cmocka_unit_test(
            a_key_leaves_as_cms_only_where_that_is_allowed_and_is_marked),
        cmocka_unit_test(the_role_of_the_service_cannot_undo_records),
    };

    return cmocka_run_group_tests(tests, begin, finish);
}
