/* ca-core/ceremony.h: a ceremony that was interrupted ends like any other. The
 * ceremonies run in processes of their own, which the token's module kills. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ca_house.h"
#include "tests/unit/pg.h"

static struct ca_house house;

/* As if nothing had happened: everything there, and once. */
static void
assert_whole(void)
{
    char root[256], issuing[256], leaf[256];
    const char *const verify[] = {"openssl",    "verify", "-CAfile", root,
                                  "-untrusted", issuing,  leaf,      NULL};

    (void)snprintf(root, sizeof root, "%s/public/root.pem", house.out);
    (void)snprintf(issuing, sizeof issuing, "%s/public/issuing.pem", house.out);
    (void)snprintf(leaf, sizeof leaf, "%s/officers/first/cert.pem", house.out);
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.certificate"
                               " WHERE state = 'valid'"),
                        "5");
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.certificate"), "5");
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.issuer"
                               " WHERE state = 'active'"),
                        "2");
    assert_string_equal(pg_ask("SELECT state FROM ca.order"), "done");
    assert_string_equal(pg_ask("SELECT count(*) FROM log.entry"
                               " WHERE event = 'certificate.issued'"),
                        "5");
    assert_int_equal(soft_token_run(verify), 0);
}

/* Every signature of a ceremony whose keys are there: 5 certificates, 2 CRLs
 * and the protocol. */
static void
a_ceremony_killed_at_any_signature_is_finished_by_the_next_run(void **state)
{
    char rules[64];
    int n, killed = 0;

    (void)state;
    assert_true(ca_house_run_apart(&house, ca_house_small, NULL));
    for (n = 1; n <= 8; n++) {
        long before;

        ca_house_reset(&house);
        before = soft_token_calls(&house.token, SOFT_TOKEN_SIGN);
        (void)snprintf(rules, sizeof rules, "C_Sign %ld - kill\n", before + n);
        if (!ca_house_run_apart(&house, ca_house_small, rules))
            killed++;
        assert_true(ca_house_run_apart(&house, ca_house_small, NULL));
        assert_whole();
    }
    assert_int_equal(killed, 8);
}

static void
a_ceremony_killed_while_a_key_is_made_is_finished_by_the_next_run(void **state)
{
    char rules[64], id[64];
    int n;

    (void)state;
    for (n = 1; n <= 4; n++) {
        long before;
        char *xml;

        /* Another id: other keys. */
        (void)snprintf(id, sizeof id, "id='3333333%d", n);
        xml = base_text_copy(ca_house_small);
        memcpy(strstr(xml, "id='"), id, strlen(id));
        ca_house_reset(&house);
        before = soft_token_calls(&house.token, SOFT_TOKEN_CALL_COUNT - 1);
        (void)snprintf(rules, sizeof rules, "C_GenerateKeyPair %ld - kill\n",
                       before + n);
        assert_false(ca_house_run_apart(&house, xml, rules));
        assert_true(ca_house_run_apart(&house, xml, NULL));
        assert_whole();
        free(xml);
    }
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_ceremony_killed_at_any_signature_is_finished_by_the_next_run),
        cmocka_unit_test(
            a_ceremony_killed_while_a_key_is_made_is_finished_by_the_next_run),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
