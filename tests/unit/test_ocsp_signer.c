/* ca-core/ocsp_signer.h: delegated signers are renewed ahead, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "base/clock.h"
#include "ca-core/ocsp_signer.h"
#include "db/ocsp_key.h"
#include "tests/unit/ca_house.h"
#include "tests/unit/pg.h"

enum { HOUR = 3600, DAY = 86400 };

#define OF_SIGNERS "FROM ca.certificate WHERE profile = 'ocsp-signer'"

static struct ca_house house;
static struct ocsp_signer_job job;

static bool
run(int64_t now, struct error *err)
{
    memset(err, 0, sizeof *err);
    return ocsp_signer_job_run(&job, house.db, now, err);
}

static void
run_well(int64_t now)
{
    struct error err;

    if (!run(now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
}

static int64_t
count(void)
{
    return strtoll(pg_ask("SELECT count(*) " OF_SIGNERS " AND state = 'valid'"),
                   NULL, 10);
}

static struct db_ocsp_key
the_key(void)
{
    struct db_ocsp_key *keys = NULL, key;
    struct error err = {0};
    size_t n = 0;

    assert_true(db_ocsp_key_list(house.db, &keys, &n, &err));
    assert_int_equal(n, 1);
    key = keys[0];
    free(keys);
    return key;
}

static X509 *
newest(void)
{
    struct db_certificate *row = NULL;
    struct db_ocsp_key key = the_key();
    struct error err = {0};
    const unsigned char *p;
    X509 *cert;

    assert_true(
        db_certificate_get(house.db, key.issuer_id, key.serial, &row, &err));
    p = row->der;
    cert = d2i_X509(NULL, &p, (long)row->der_len);
    assert_non_null(cert);
    db_certificate_free(row);
    return cert;
}

static void
a_signer_is_renewed_at_its_age_and_not_before(void **state)
{
    struct db_ocsp_key first = the_key(), second;

    (void)state;
    run_well(first.not_before + job.renew_s - 1);
    assert_int_equal(count(), 1);
    run_well(first.not_before + job.renew_s);
    assert_int_equal(count(), 2);
    run_well(first.not_before + job.renew_s + 60);
    assert_int_equal(count(), 2);
    second = the_key();
    assert_true(second.not_after > first.not_after);
    assert_memory_equal(first.spki, second.spki, first.spki_len);
    assert_memory_not_equal(first.serial, second.serial, sizeof first.serial);
    assert_string_equal(pg_ask("SELECT state FROM ca.order"
                               " WHERE kind = 'ocsp-signer'"),
                        "done");
}

static void
a_signer_may_sign_ocsp_and_is_not_to_be_checked(void **state)
{
    struct db_issuer *issuer = ca_house_issuer(&house, "issuing-1");
    const unsigned char *p = issuer->certificate;
    X509 *ca = d2i_X509(NULL, &p, (long)issuer->certificate_len), *cert;

    (void)state;
    run_well(the_key().not_before + job.renew_s);
    cert = newest();
    assert_int_equal(X509_verify(cert, X509_get0_pubkey(ca)), 1);
    assert_int_equal(X509_check_issued(ca, cert), X509_V_OK);
    assert_int_equal(X509_get_extended_key_usage(cert), XKU_OCSP_SIGN);
    assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE);
    assert_true(X509_get_ext_by_NID(cert, NID_id_pkix_OCSP_noCheck, -1) >= 0);
    X509_free(cert);
    X509_free(ca);
    db_issuers_free(issuer, 1);
}

static void
a_signer_does_not_outlive_its_issuer(void **state)
{
    struct db_issuer *issuer = ca_house_issuer(&house, "issuing-1");

    (void)state;
    run_well(issuer->not_after - HOUR);
    assert_int_equal(the_key().not_after, issuer->not_after);
    run_well(issuer->not_after); /* nothing more is signed */
    assert_int_equal(count(), 2);
    db_issuers_free(issuer, 1);
}

static void
what_was_recorded_and_not_signed_is_signed_as_it_was_recorded(void **state)
{
    int64_t due = the_key().not_before + job.renew_s;
    char recorded[256];
    struct error err;

    (void)state;
    soft_token_rules(&house.token, "C_Sign 1 - rv 30\n");
    assert_false(run(due, &err));
    soft_token_rules(&house.token, NULL);
    assert_int_equal(count(), 1);
    (void)snprintf(
        recorded, sizeof recorded, "%s",
        pg_ask("SELECT sha256(tbs) " OF_SIGNERS " AND state = 'intended'"));
    assert_string_not_equal(recorded, "");
    ca_house_close(&house);
    ca_house_open(&house);
    job.hsm = house.hsm;
    run_well(due + 5);
    assert_int_equal(count(), 2);
    assert_string_equal(pg_ask("SELECT sha256(tbs) " OF_SIGNERS
                               " ORDER BY not_after DESC"
                               " LIMIT 1"),
                        recorded);
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.order"
                               " WHERE state = 'recorded'"),
                        "0");
}

static void
a_compromised_signers_key_is_not_certified_again(void **state)
{
    struct db_issuer *issuer = ca_house_issuer(&house, "issuing-1");
    struct db_ocsp_key key = the_key();
    struct buf der = BUF_INIT(TBS_CERTIFICATE_MAX_LEN);
    struct certify_request request = {
        .order_id = key.order_id,
        .ordinal = 99, /* as if it were another of the ceremony's */
        .profile = job.profile,
        .spki = {key.spki, key.spki_len},
        .publish_url = job.publish_url,
        .now = clock_now(),
    };
    struct certify_issuer by;
    struct error err = {0};

    (void)state;
    pg_sql("INSERT INTO ca.blocked_key SELECT sha256(spki), 'keyCompromise',"
           " NULL, now() FROM ca.ocsp_key");
    ca_house_change(&house, issuer, key.serial, DB_CERTIFICATE_VALID,
                    DB_CERTIFICATE_REVOKED, API_REASON_KEY_COMPROMISE,
                    clock_now(), 0);
    run_well(clock_now());
    run_well(key.not_after + 1);
    assert_int_equal(count(), 0);
    /* By no other way either. */
    assert_true(certify_issuer_init(&by, issuer, house.hsm, &err));
    assert_false(ocsp_signer_certify(house.db, &by, &request, job.validity_s,
                                     &der, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    buf_clear(&der);
    db_issuers_free(issuer, 1);
}

static void
the_job_does_nothing_while_another_holds_the_lease(void **state)
{
    int64_t due = the_key().not_before + job.renew_s;
    struct lease other;
    struct error err = {0};
    bool is_ours;

    (void)state;
    assert_true(lease_init(&other, "ocsp-signer", &err));
    assert_true(lease_take(&other, house.db, 60, &is_ours, &err));
    run_well(due);
    assert_int_equal(count(), 1);
    assert_true(lease_release(&other, house.db, &err));
    run_well(due);
    assert_int_equal(count(), 2);
}

static void
renewing_after_the_end_is_refused_as_configuration(void **state)
{
    static const char text[] = "publish.url = http://x\n"
                               "ca.ocsp_signer_validity_s = 3600\n"
                               "ca.ocsp_signer_renew_s = 3600\n";
    struct config *config = NULL;
    struct ocsp_signer_job wrong;
    struct error err = {0};

    (void)state;
    assert_true(
        config_parse(text, sizeof text - 1, "test", "/", &config, &err));
    assert_false(
        ocsp_signer_job_init(&wrong, house.hsm, config, &house.profiles, &err));
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
    if (!ocsp_signer_job_init(&job, house.hsm, house.config, &house.profiles,
                              &err))
        fail_msg("%s", err.what);
    return 0;
}

static int
used(void **state)
{
    (void)state;
    ca_house_close(&house);
    return 0;
}

#define ON_A_HOUSE(test) cmocka_unit_test_setup_teardown(test, fresh, used)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_HOUSE(a_signer_is_renewed_at_its_age_and_not_before),
        ON_A_HOUSE(a_signer_may_sign_ocsp_and_is_not_to_be_checked),
        ON_A_HOUSE(a_signer_does_not_outlive_its_issuer),
        ON_A_HOUSE(
            what_was_recorded_and_not_signed_is_signed_as_it_was_recorded),
        ON_A_HOUSE(a_compromised_signers_key_is_not_certified_again),
        ON_A_HOUSE(the_job_does_nothing_while_another_holds_the_lease),
        ON_A_HOUSE(renewing_after_the_end_is_refused_as_configuration),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
