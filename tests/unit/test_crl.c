/* ca-core/crl.h: our encoder against OpenSSL's, and what is published when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "base/clock.h"
#include "ca-core/crl.h"
#include "db/crl.h"
#include "tests/unit/ca_house.h"
#include "tests/unit/pg.h"

enum { T0 = 1795510800, HOUR = 3600, DAY = 86400, INTERVAL = HOUR };

static struct ca_house house;
static struct db_issuer *issuer;

/* ---- The encoder ------------------------------------------------------- */

static const uint8_t key_identifier[20] = {1, 2, 3, 4, 5};

struct oracle {
    EVP_PKEY *key;
    X509_NAME *name;
    X509_CRL *crl;
    struct buf name_der;
};

static void
oracle_make(struct oracle *o, int64_t this_update, int64_t next_update,
            long number)
{
    AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    ASN1_TIME *t = ASN1_TIME_new();
    unsigned char *der = NULL;
    int len;

    memset(o, 0, sizeof *o);
    o->key = EVP_EC_gen("P-256");
    o->name = X509_NAME_new();
    assert_int_equal(X509_NAME_add_entry_by_txt(o->name, "CN", MBSTRING_UTF8,
                                                (const uint8_t *)"测试", -1, -1,
                                                0),
                     1);
    o->crl = X509_CRL_new();
    X509_CRL_set_version(o->crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(o->crl, o->name);
    X509_CRL_set1_lastUpdate(o->crl, ASN1_TIME_adj(t, this_update, 0, 0));
    X509_CRL_set1_nextUpdate(o->crl, ASN1_TIME_adj(t, next_update, 0, 0));
    aki->keyid = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(aki->keyid, key_identifier, sizeof key_identifier);
    X509_CRL_add1_ext_i2d(o->crl, NID_authority_key_identifier, aki, 0, 0);
    ASN1_INTEGER_set(n, number);
    X509_CRL_add1_ext_i2d(o->crl, NID_crl_number, n, 0, 0);
    len = i2d_X509_NAME(o->name, &der);
    o->name_der.limit = 1024;
    assert_true(buf_add(&o->name_der, der, (size_t)len));
    OPENSSL_free(der);
    ASN1_TIME_free(t);
    ASN1_INTEGER_free(n);
    AUTHORITY_KEYID_free(aki);
}

static void
oracle_add(struct oracle *o, const struct crl_entry *entry)
{
    X509_REVOKED *revoked = X509_REVOKED_new();
    BIGNUM *bn = BN_bin2bn(entry->serial, (int)entry->serial_len, NULL);
    ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(bn, NULL);
    ASN1_TIME *t = ASN1_TIME_adj(NULL, entry->revoked_at, 0, 0);

    X509_REVOKED_set_serialNumber(revoked, serial);
    X509_REVOKED_set_revocationDate(revoked, t);
    if (entry->reason != 0) {
        ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();

        ASN1_ENUMERATED_set(reason, entry->reason);
        X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, reason, 0, 0);
        ASN1_ENUMERATED_free(reason);
    }
    if (entry->invalid_from != 0) {
        ASN1_GENERALIZEDTIME *from =
            ASN1_GENERALIZEDTIME_adj(NULL, entry->invalid_from, 0, 0);

        X509_REVOKED_add1_ext_i2d(revoked, NID_invalidity_date, from, 0, 0);
        ASN1_GENERALIZEDTIME_free(from);
    }
    X509_CRL_add0_revoked(o->crl, revoked);
    ASN1_TIME_free(t);
    ASN1_INTEGER_free(serial);
    BN_free(bn);
}

/* The TBSCertList by OpenSSL. */
static void
oracle_tbs(struct oracle *o, struct buf *out)
{
    unsigned char *der = NULL;
    int len;

    assert_true(X509_CRL_sign(o->crl, o->key, EVP_sha256()) > 0);
    len = i2d_re_X509_CRL_tbs(o->crl, &der);
    assert_true(len > 0);
    assert_true(buf_add(out, der, (size_t)len));
    OPENSSL_free(der);
}

static void
oracle_clear(struct oracle *o)
{
    buf_clear(&o->name_der);
    X509_CRL_free(o->crl);
    X509_NAME_free(o->name);
    EVP_PKEY_free(o->key);
}

/* Encodes the entries both ways; they must be the same octets. */
static void
assert_same(const struct crl_entry *entries, size_t count, int64_t this_update,
            int64_t next_update, long number)
{
    struct buf ours = BUF_INIT(CRL_MAX_LEN), theirs = BUF_INIT(CRL_MAX_LEN);
    struct crl_head head = {.scheme = HSM_ECDSA_SHA256,
                            .key_identifier = key_identifier,
                            .key_identifier_len = sizeof key_identifier,
                            .number = number,
                            .this_update = this_update,
                            .next_update = next_update};
    struct crl_encoder encoder;
    struct oracle oracle;
    struct error err = {0};
    size_t i;

    oracle_make(&oracle, this_update, next_update, number);
    head.issuer = oracle.name_der.data;
    head.issuer_len = oracle.name_der.len;
    crl_encode_begin(&encoder, &ours, &head);
    for (i = 0; i < count; i++) {
        crl_encode_add(&encoder, &entries[i]);
        oracle_add(&oracle, &entries[i]);
    }
    assert_true(crl_encode_end(&encoder, &err));
    assert_int_equal(encoder.count, count);
    oracle_tbs(&oracle, &theirs);
    assert_int_equal(ours.len, theirs.len);
    assert_memory_equal(ours.data, theirs.data, ours.len);
    oracle_clear(&oracle);
    buf_clear(&ours);
    buf_clear(&theirs);
}

static void
a_crl_without_entries_is_the_octets_of_openssl(void **state)
{
    (void)state;
    assert_same(NULL, 0, T0, T0 + DAY, 1);
}

static void
entries_with_and_without_extensions_are_the_octets_of_openssl(void **state)
{
    static const uint8_t low[] = {0x01, 2, 3}, high[] = {0x80, 0xff, 1, 2};
    const struct crl_entry entries[] = {
        {low, sizeof low, T0 - 5, 0, 0},
        {high, sizeof high, T0 - 6, 1, 0},
        {high, sizeof high, T0 - 7, 6, 0},
        {low, sizeof low, T0 - 8, 0, T0 - DAY},
        {low, sizeof low, T0 - 9, 9, T0 - 2 * DAY},
    };

    (void)state;
    assert_same(entries, sizeof entries / sizeof entries[0], T0, T0 + 7 * DAY,
                1795510800);
}

static void
dates_from_2050_on_are_generalized_times(void **state)
{
    static const uint8_t serial[] = {7};
    const int64_t edge = 2524608000; /* 2050-01-01T00:00:00Z */
    const struct crl_entry entries[] = {{serial, 1, edge - 1, 1, edge - 1},
                                        {serial, 1, edge, 1, edge}};

    (void)state;
    assert_same(entries, 2, edge - 1, edge, 127);
    assert_same(entries, 2, edge, edge + DAY, 128);
}

static void
lengths_of_every_form_are_the_octets_of_openssl(void **state)
{
    static uint8_t serials[5000][16];
    static struct crl_entry entries[5000];
    static const size_t counts[] = {1, 2, 3, 5, 6, 7, 1400, 1500, 5000};
    size_t i;

    (void)state;
    for (i = 0; i < 5000; i++) {
        memset(serials[i], 0x11, 16);
        serials[i][14] = (uint8_t)(i >> 8);
        serials[i][15] = (uint8_t)i;
        entries[i] = (struct crl_entry){serials[i], 16, T0 - (int64_t)i,
                                        (int)(i % 2), 0};
    }
    for (i = 0; i < sizeof counts / sizeof counts[0]; i++)
        assert_same(entries, counts[i], T0, T0 + DAY, (long)i + 1);
}

static void
a_crl_that_does_not_fit_is_an_error(void **state)
{
    static const uint8_t serial[] = {7};
    const struct crl_entry entry = {serial, 1, T0, 1, 0};
    const struct crl_head head = {.scheme = HSM_ECDSA_SHA256,
                                  .issuer = (const uint8_t *)"\x30",
                                  .issuer_len = 2,
                                  .key_identifier = key_identifier,
                                  .key_identifier_len = 20,
                                  .number = 1,
                                  .this_update = T0,
                                  .next_update = T0};
    struct buf out = BUF_INIT(100);
    struct crl_encoder encoder;
    struct error err = {0};
    int i;

    (void)state;
    crl_encode_begin(&encoder, &out, &head);
    for (i = 0; i < 10; i++)
        crl_encode_add(&encoder, &entry);
    assert_false(crl_encode_end(&encoder, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    buf_clear(&out);
}

/* ---- Publishing -------------------------------------------------------- */

/* The newest CRL, verified with the issuer's certificate. */
static X509_CRL *
newest(void)
{
    struct buf der = BUF_INIT(CRL_MAX_LEN);
    const unsigned char *p;
    struct error err = {0};
    X509_CRL *crl;
    X509 *cert;
    int64_t number;

    assert_true(
        db_crl_newest(house.db, issuer->issuer_id, &number, &der, &err));
    p = der.data;
    crl = d2i_X509_CRL(NULL, &p, (long)der.len);
    assert_non_null(crl);
    assert_ptr_equal(p, der.data + der.len);
    p = issuer->certificate;
    cert = d2i_X509(NULL, &p, (long)issuer->certificate_len);
    assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(cert)), 1);
    assert_int_equal(
        X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(cert)),
        0);
    X509_free(cert);
    buf_clear(&der);
    return crl;
}

/* The reason of a serial on the newest CRL; -1: it is not on it, 0: no reason.
 */
static int
listed(const uint8_t serial[DB_SERIAL_LEN])
{
    X509_CRL *crl = newest();
    BIGNUM *bn = BN_bin2bn(serial, DB_SERIAL_LEN, NULL);
    ASN1_INTEGER *number = BN_to_ASN1_INTEGER(bn, NULL);
    X509_REVOKED *entry = NULL;
    ASN1_ENUMERATED *code;
    int reason = -1;

    if (X509_CRL_get0_by_serial(crl, &entry, number) == 1) {
        code = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
        reason = code == NULL ? 0 : (int)ASN1_ENUMERATED_get(code);
        ASN1_ENUMERATED_free(code);
    }
    ASN1_INTEGER_free(number);
    BN_free(bn);
    X509_CRL_free(crl);
    return reason;
}

static struct crl_published
publish(int64_t now)
{
    struct crl_published crl;
    struct error err = {0};

    if (!crl_publish(house.db, house.hsm, issuer, now, DAY, INTERVAL, &crl,
                     &err))
        fail_msg("%s (%s)", err.what, err.cause);
    return crl;
}

static void
what_is_revoked_or_held_is_listed_and_what_is_released_is_not(void **state)
{
    int64_t now = clock_now();
    uint8_t bad[DB_SERIAL_LEN], held[DB_SERIAL_LEN], good[DB_SERIAL_LEN];

    (void)state;
    ca_house_certify(&house, issuer, now + DAY, bad);
    ca_house_certify(&house, issuer, now + DAY, held);
    ca_house_certify(&house, issuer, now + DAY, good);
    ca_house_change(&house, issuer, bad, DB_CERTIFICATE_VALID,
                    DB_CERTIFICATE_REVOKED, 1, now, now - DAY);
    ca_house_change(&house, issuer, held, DB_CERTIFICATE_VALID,
                    DB_CERTIFICATE_HELD, 6, now, 0);
    assert_int_equal(publish(now).entries, 2);
    assert_int_equal(listed(bad), 1);
    assert_int_equal(listed(held), 6);
    assert_int_equal(listed(good), -1);
    ca_house_change(&house, issuer, held, DB_CERTIFICATE_HELD,
                    DB_CERTIFICATE_VALID, -1, 0, 0);
    assert_int_equal(publish(now + 1).entries, 1);
    assert_int_equal(listed(held), -1);
}

static void
a_revocation_without_reason_has_no_reason_code(void **state)
{
    int64_t now = clock_now();
    uint8_t serial[DB_SERIAL_LEN];

    (void)state;
    ca_house_certify(&house, issuer, now + DAY, serial);
    ca_house_change(&house, issuer, serial, DB_CERTIFICATE_VALID,
                    DB_CERTIFICATE_REVOKED, 0, now, 0);
    (void)publish(now);
    assert_int_equal(listed(serial), 0);
}

static void
numbers_only_grow_and_never_fall_behind_the_clock(void **state)
{
    int64_t now = clock_now() + 100;
    struct crl_published first = publish(now), second = publish(now);
    struct crl_published third = publish(now + 1), later = publish(now + DAY);

    (void)state;
    assert_int_equal(first.number, now);
    assert_int_equal(second.number, now + 1);
    assert_int_equal(third.number, now + 2);
    assert_int_equal(later.number, now + DAY);
    assert_int_equal(later.next_update, now + 2 * DAY);
}

static void
a_clock_behind_the_last_crl_signs_nothing(void **state)
{
    int64_t now = clock_now() + 100;
    struct crl_published crl;
    struct error err = {0};

    (void)state;
    (void)publish(now);
    assert_false(crl_publish(house.db, house.hsm, issuer, now - 1, DAY,
                             INTERVAL, &crl, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
}

static void
a_number_is_taken_before_the_token_signs_and_is_not_used_again(void **state)
{
    int64_t now = clock_now() + 100;
    struct crl_published crl;
    struct error err = {0};

    (void)state;
    (void)publish(now);
    soft_token_rules(&house.token, "C_Sign 1 - rv 30\n");
    assert_false(crl_publish(house.db, house.hsm, issuer, now + 1, DAY,
                             INTERVAL, &crl, &err));
    soft_token_rules(&house.token, NULL);
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ca.crl WHERE signed_at IS NULL"), "1");
    ca_house_close(&house);
    ca_house_open(&house);
    crl = publish(now + 1);
    assert_int_equal(crl.number, now + 2);
    assert_string_equal(pg_ask("SELECT count(*) FROM log.entry WHERE event ="
                               " 'crl.issued' AND subject = 'issuing-1'"),
                        "3"); /* the ceremony's, and two */
}

static void
octets_of_outlived_crls_are_dropped_but_not_the_last_two(void **state)
{
    int64_t now = clock_now() + 100;
    int i;

    (void)state;
    for (i = 0; i < 5; i++)
        (void)publish(now + i);
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.crl c JOIN ca.issuer"
                               " i USING (issuer_id) WHERE i.name = 'issuing-1'"
                               " AND der IS NOT NULL"),
                        "2");
}

static void
an_expired_certificate_stays_until_a_crl_past_its_end_was_out(void **state)
{
    int64_t now = clock_now() + 100, end = now + HOUR;
    uint8_t serial[DB_SERIAL_LEN];

    (void)state;
    ca_house_certify(&house, issuer, end, serial);
    ca_house_change(&house, issuer, serial, DB_CERTIFICATE_VALID,
                    DB_CERTIFICATE_REVOKED, 1, now, 0);
    (void)publish(now);
    assert_int_equal(listed(serial), 1);
    (void)publish(end + 10); /* past expiry: still there */
    assert_int_equal(listed(serial), 1);
    (void)publish(end + 20); /* one made soon after: not yet gone */
    assert_int_equal(listed(serial), 1);
    (void)publish(end + 10 + INTERVAL);
    assert_int_equal(listed(serial), -1);
}

static void
a_revocation_after_expiry_is_on_a_crl_all_the_same(void **state)
{
    int64_t now = clock_now() + 100, end = now + HOUR;
    uint8_t serial[DB_SERIAL_LEN];

    (void)state;
    ca_house_certify(&house, issuer, end, serial);
    (void)publish(end + 10);
    (void)publish(end + 10 + INTERVAL);
    ca_house_change(&house, issuer, serial, DB_CERTIFICATE_VALID,
                    DB_CERTIFICATE_REVOKED, 1, now, 0);
    (void)publish(end + 20 + INTERVAL);
    assert_int_equal(listed(serial), 1);
}

/* ---- The job ----------------------------------------------------------- */

static struct crl_job job;

static int64_t
count_crls(void)
{
    return strtoll(pg_ask("SELECT count(*) FROM ca.crl c JOIN ca.issuer i"
                          " USING (issuer_id) WHERE i.name = 'issuing-1'"
                          " AND signed_at IS NOT NULL"),
                   NULL, 10);
}

static void
run_job(int64_t now)
{
    struct error err = {0};

    if (!crl_job_run(&job, house.db, now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
}

static void
make_job(void)
{
    struct error err = {0};

    assert_true(crl_job_init(&job, house.hsm, house.config, &err));
    job.schedule = (struct crl_schedule){HOUR, 60, DAY};
}

static void
the_job_publishes_when_the_interval_is_over_and_not_before(void **state)
{
    int64_t now = clock_now() + 100;

    (void)state;
    make_job();
    (void)publish(now);
    run_job(now + HOUR - 1);
    assert_int_equal(count_crls(), 2);
    run_job(now + HOUR);
    assert_int_equal(count_crls(), 3);
    run_job(now + HOUR + 1);
    assert_int_equal(count_crls(), 3);
    /* The root's key is in another token. */
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.crl c JOIN ca.issuer i"
                               " USING (issuer_id) WHERE i.name = 'root-1'"),
                        "1");
}

static void
the_job_publishes_soon_after_a_change_but_not_for_an_issue(void **state)
{
    int64_t now = clock_now() + 100;
    uint8_t serial[DB_SERIAL_LEN];

    (void)state;
    make_job();
    (void)publish(now);
    ca_house_certify(&house, issuer, now + DAY, serial);
    run_job(now + 61);
    assert_int_equal(count_crls(), 2);
    ca_house_change(&house, issuer, serial, DB_CERTIFICATE_VALID,
                    DB_CERTIFICATE_HELD, 6, now, 0);
    run_job(now + 59);
    assert_int_equal(count_crls(), 2);
    run_job(now + 60);
    assert_int_equal(count_crls(), 3);
    ca_house_change(&house, issuer, serial, DB_CERTIFICATE_HELD,
                    DB_CERTIFICATE_VALID, -1, 0, 0);
    run_job(now + 120);
    assert_int_equal(count_crls(), 4);
    assert_int_equal(listed(serial), -1);
}

static void
the_job_does_nothing_while_another_holds_the_lease(void **state)
{
    int64_t now = clock_now() + 100;
    struct lease other;
    struct error err = {0};
    bool is_ours;

    (void)state;
    make_job();
    (void)publish(now);
    assert_true(lease_init(&other, "crl", &err));
    assert_true(lease_take(&other, house.db, 60, &is_ours, &err));
    assert_true(is_ours);
    run_job(now + HOUR);
    assert_int_equal(count_crls(), 2);
    assert_true(lease_release(&other, house.db, &err));
    run_job(now + HOUR);
    assert_int_equal(count_crls(), 3);
}

static void
a_schedule_with_a_time_without_crl_is_refused(void **state)
{
    static const char text[] = "ca.crl_interval_s = 3600\n"
                               "ca.crl_validity_s = 3600\n";
    struct config *config = NULL;
    struct crl_schedule schedule;
    struct error err = {0};

    (void)state;
    assert_true(
        config_parse(text, sizeof text - 1, "test", "/", &config, &err));
    assert_false(crl_schedule_load(config, &schedule, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    config_free(config);
}

static int
start(void **state)
{
    (void)state;
    pg_start();
    ca_house_make(&house, true);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    ca_house_remove(&house);
    pg_stop();
    return 0;
}

static int
fresh(void **state)
{
    struct error err = {0};
    bool was_done;

    (void)state;
    ca_house_reset(&house);
    if (!ca_house_run(&house, ca_house_small, &was_done, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    ca_house_open(&house);
    issuer = ca_house_issuer(&house, "issuing-1");
    return 0;
}

static int
used(void **state)
{
    (void)state;
    db_issuers_free(issuer, 1);
    ca_house_close(&house);
    return 0;
}

#define ON_A_HOUSE(test) cmocka_unit_test_setup_teardown(test, fresh, used)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crl_without_entries_is_the_octets_of_openssl),
        cmocka_unit_test(
            entries_with_and_without_extensions_are_the_octets_of_openssl),
        cmocka_unit_test(dates_from_2050_on_are_generalized_times),
        cmocka_unit_test(lengths_of_every_form_are_the_octets_of_openssl),
        cmocka_unit_test(a_crl_that_does_not_fit_is_an_error),
        cmocka_unit_test(a_schedule_with_a_time_without_crl_is_refused),
        ON_A_HOUSE(
            what_is_revoked_or_held_is_listed_and_what_is_released_is_not),
        ON_A_HOUSE(a_revocation_without_reason_has_no_reason_code),
        ON_A_HOUSE(numbers_only_grow_and_never_fall_behind_the_clock),
        ON_A_HOUSE(a_clock_behind_the_last_crl_signs_nothing),
        ON_A_HOUSE(
            a_number_is_taken_before_the_token_signs_and_is_not_used_again),
        ON_A_HOUSE(octets_of_outlived_crls_are_dropped_but_not_the_last_two),
        ON_A_HOUSE(
            an_expired_certificate_stays_until_a_crl_past_its_end_was_out),
        ON_A_HOUSE(a_revocation_after_expiry_is_on_a_crl_all_the_same),
        ON_A_HOUSE(the_job_publishes_when_the_interval_is_over_and_not_before),
        ON_A_HOUSE(the_job_publishes_soon_after_a_change_but_not_for_an_issue),
        ON_A_HOUSE(the_job_does_nothing_while_another_holds_the_lease),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
