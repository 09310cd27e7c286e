/* ca-core/ceremony.h: what a file may say, and what a run makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/text.h"
#include "tests/unit/ca_house.h"
#include "tests/unit/pg.h"

enum { FILE_MAX = 1024 * 1024 };

static struct ca_house house;

/* ---- Helpers ----------------------------------------------------------- */

/* The small file with `from` (once) replaced by `to`. The caller frees. */
static char *
with(const char *from, const char *to)
{
    const char *at = strstr(ca_house_small, from);
    size_t head = (size_t)(at - ca_house_small);
    size_t len = strlen(ca_house_small) - strlen(from) + strlen(to) + 1;
    char *out = base_alloc(len);

    assert_non_null(at);
    memcpy(out, ca_house_small, head);
    (void)snprintf(out + head, len - head, "%s%s", to, at + strlen(from));
    return out;
}

static void
assert_refused(const char *from, const char *to, const char *why)
{
    char *xml = with(from, to);
    struct ceremony *ceremony = NULL;
    struct error err = {0};

    assert_false(ceremony_parse((const uint8_t *)xml, strlen(xml), "test.xml",
                                SOURCE_DIR "/config/schema", &house.profiles,
                                &ceremony, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_null(ceremony);
    assert_non_null(strstr(err.what, "test.xml"));
    if (strstr(err.what, why) == NULL && strstr(err.cause, why) == NULL)
        fail_msg("'%s' (%s) does not say '%s'", err.what, err.cause, why);
    free(xml);
}

static void
run_well(const char *xml)
{
    struct error err = {0};
    bool was_done;

    if (!ca_house_run(&house, xml, &was_done, &err))
        fail_msg("%s (%s)", err.what, err.cause);
}

static const char *
path(const char *name)
{
    static char text[512];

    (void)snprintf(text, sizeof text, "%s/%s", house.out, name);
    return text;
}

static X509 *
read_cert(const char *name)
{
    FILE *file = fopen(path(name), "r");
    X509 *cert;

    if (file == NULL)
        fail_msg("no %s", path(name));
    cert = PEM_read_X509(file, NULL, NULL, NULL);
    (void)fclose(file);
    assert_non_null(cert);
    return cert;
}

/* X509_V_OK, or why `cert` does not verify with the trusted and untrusted files
 * (NULL: none). */
static int
verify(const char *cert, const char *trusted, const char *untrusted)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *others = sk_X509_new_null();
    X509 *leaf = read_cert(cert), *anchor = read_cert(trusted);
    int result;

    if (untrusted != NULL)
        sk_X509_push(others, read_cert(untrusted));
    assert_int_equal(X509_STORE_add_cert(store, anchor), 1);
    X509_STORE_set_flags(store,
                         X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, leaf, others), 1);
    result =
        X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    X509_free(leaf);
    X509_free(anchor);
    sk_X509_pop_free(others, X509_free);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return result;
}

static const char second_generation[] =
    "<ceremony xmlns='urn:signet:ceremony:1'"
    " id='22222222-2222-4333-8444-555555555555'>"
    "<title>Second</title><witness name='W' role='witness'/>"
    "<authority name='issuing-2' profile='issuing-ca' parent='root-1'"
    " replaces='issuing-1' key-type='ec-p256' years='10'>"
    "<subject><attribute name='country'>CN</attribute>"
    "<attribute name='organization'>甲</attribute>"
    "<attribute name='common_name'>甲 签发</attribute></subject>"
    "<ocsp-key key-type='ec-p256' days='7'/></authority>"
    "<service name='ra' profile='tls-server' issuer='issuing-2'"
    " key-type='ec-p256' days='30'><subject>"
    "<attribute name='common_name'>ra.internal</attribute></subject>"
    "<san type='dns'>ra.internal</san></service>"
    "</ceremony>";

/* ---- The file ---------------------------------------------------------- */

static void
files_of_the_house_are_right_and_lint_clean(void **state)
{
    static const char *const files[] = {
        SOURCE_DIR "/config/ceremony/demonstration.xml",
        SOURCE_DIR "/config/ceremony/generation.xml"};
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        struct buf report = BUF_INIT(FILE_MAX);
        struct ceremony *ceremony = NULL;
        struct error err = {0};

        if (!ceremony_load(files[i], SOURCE_DIR "/config/schema",
                           &house.profiles, &ceremony, &err) ||
            !ceremony_check(ceremony, &house.profiles, "http://x", clock_now(),
                            &report, &err))
            fail_msg("%s (%s)", err.what, err.cause);
        assert_non_null(strstr(buf_text(&report), "issuing-ca"));
        ceremony_free(ceremony);
        buf_clear(&report);
    }
}

static void
what_the_schema_does_not_know_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_refused("<title>", "<subtitle/><title>", "subtitle");
    assert_refused("key-type='ec-p256' years='20'",
                   "key-type='dsa-1024' years='20'", "dsa-1024");
    assert_refused("id='1111", "id='xxxx", "xxxx");
    assert_refused("name='root-1'", "name='../../etc/passwd'", "passwd");
    assert_refused("<title>", "<!-- &lt;", "");
}

static void
what_contradicts_the_profiles_is_refused(void **state)
{
    (void)state;
    assert_refused("profile='root-ca'", "profile='boot-ca'",
                   "no profile boot-ca");
    assert_refused("profile='root-ca'", "profile='officer'",
                   "requires serial_number");
    assert_refused("profile='root-ca'", "profile='issuing-ca'", "parent");
    assert_refused(" parent='root-1'", "", "parent");
    assert_refused("parent='root-1'", "parent='root-1' scheme='rsa-pss-sha256'",
                   "no scheme of a key");
    assert_refused("profile='root-ca' key-type='ec-p256'",
                   "profile='root-ca' key-type='rsa-2048'", "rsa-2048");
    assert_refused("<attribute name='country'>CN</attribute>",
                   "<attribute name='planet'>CN</attribute>", "planet");
    assert_refused("<attribute name='country'>CN</attribute>",
                   "<attribute name='country'>CN</attribute>"
                   "<attribute name='country'>DE</attribute>",
                   "twice");
    assert_refused("<san type='dns'>ca.internal", "<san type='dns'>-ca-", "");
    assert_refused("issuer='issuing-1' key-type", "issuer='root-1' key-type",
                   "not signed by");
}

static void
an_officer_has_roles_that_exist_and_one_kind_of_key(void **state)
{
    (void)state;
    assert_refused("<role>first-reviewer", "<role>last-reviewer",
                   "no role last-reviewer");
    assert_refused("</role>", "</role><role>first-reviewer</role>", "twice");
    assert_refused("key='file'", "key='file' csr='a.csr'", "either");
    assert_refused("key='file'", "", "either");
}

static void
the_dry_run_names_the_clause_that_a_certificate_breaks(void **state)
{
    char *xml = with("days='7'", "days='91'");
    struct ceremony *ceremony = ca_house_parse(&house, xml);
    struct buf report = BUF_INIT(FILE_MAX);
    struct error err = {0};

    (void)state;
    assert_false(ceremony_check(ceremony, &house.profiles, "http://x",
                                clock_now(), &report, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_non_null(strstr(err.what, "OCSP signer"));
    assert_non_null(strstr(err.what, "90 days"));
    buf_clear(&report);
    ceremony_free(ceremony);
    free(xml);
}

static void
identifiers_follow_from_the_ceremony_and_the_purpose(void **state)
{
    struct ceremony *one = ca_house_parse(&house, ca_house_small);
    struct ceremony *two = ca_house_parse(&house, second_generation);
    uint8_t a[CEREMONY_KEY_ID_LEN], b[CEREMONY_KEY_ID_LEN];
    char officer[TEXT_UUID_LEN + 1], again[TEXT_UUID_LEN + 1];
    struct error err = {0};

    (void)state;
    assert_true(ceremony_key_id(one, "log", 0, a, &err));
    assert_true(ceremony_key_id(one, "log", 0, b, &err));
    assert_memory_equal(a, b, sizeof a);
    assert_true(ceremony_key_id(one, "log", 1, b, &err));
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(ceremony_key_id(two, "log", 0, b, &err));
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(ceremony_officer_id(one, "P-1", officer, &err));
    assert_true(ceremony_officer_id(one, "P-1", again, &err));
    assert_true(text_is_uuid(officer));
    assert_string_equal(officer, again);
    ceremony_free(two);
    ceremony_free(one);
}

/* ---- The run ----------------------------------------------------------- */

static void
a_ceremony_makes_what_its_file_says(void **state)
{
    (void)state;
    ca_house_reset(&house);
    run_well(ca_house_small);
    assert_int_equal(verify("officers/first/cert.pem", "public/root.pem",
                            "public/issuing.pem"),
                     X509_V_OK);
    assert_int_equal(
        verify("tls/ca.pem", "public/root.pem", "public/issuing.pem"),
        X509_V_OK);
    assert_string_equal(
        pg_ask("SELECT string_agg(name || ' ' || state, ',' ORDER BY name)"
               " FROM ca.issuer"),
        "issuing-1 active,root-1 active");
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.crl"
                               " WHERE der IS NOT NULL"),
                        "2");
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.ocsp_key"), "1");
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.log_key"), "1");
    assert_string_equal(
        pg_ask("SELECT string_agg(role, ',') FROM ca.officer_role"),
        "first-reviewer");
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.certificate"
                               " WHERE state <> 'valid'"),
                        "0");
    /* Everything recorded, then issued, in the log. */
    assert_string_equal(
        pg_ask("SELECT count(*) FROM log.entry i JOIN log.entry d"
               " ON i.subject = d.subject AND i.index < d.index WHERE"
               " i.event = 'certificate.intended'"
               " AND d.event = 'certificate.issued'"),
        "5");
}

static void
the_protocol_is_signed_and_an_altered_one_is_found(void **state)
{
    char json[512], sig[512], key[512];
    struct buf text = BUF_INIT(FILE_MAX), report = BUF_INIT(FILE_MAX);
    struct error err = {0};
    const char *const openssl[] = {"openssl", "dgst", "-sha256",
                                   "-verify", key,    "-signature",
                                   sig,       json,   NULL};

    (void)state;
    ca_house_reset(&house);
    run_well(ca_house_small);
    (void)snprintf(json, sizeof json, "%s",
                   path("protocol/ceremony-"
                        "11111111-2222-4333-8444-555555555555.json"));
    (void)snprintf(sig, sizeof sig, "%.*s.sig", (int)strlen(json) - 5, json);
    (void)snprintf(key, sizeof key, "%s", path("public/log.pem"));
    assert_int_equal(soft_token_run(openssl), 0);
    if (!ceremony_verify(json, sig, key, &report, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    assert_non_null(strstr(buf_text(&report), "authority root-1"));
    assert_true(text_file_read(json, FILE_MAX, &text, &err));
    *strstr((char *)text.data, "witness") = 'W';
    assert_true(text_file_write(json, text.data, text.len, 0644, &err));
    assert_false(ceremony_verify(json, sig, key, &report, &err));
    buf_clear(&report);
    buf_clear(&text);
}

static void
secrets_are_readable_by_their_owner_alone(void **state)
{
    const char *const find[] = {
        "sh", "-c",
        "test \"$(find \"$0\" \\( -name '*.key' -o -name key.pem \\)"
        " ! -perm 600 | wc -l)\" = 0"
        " && test \"$(find \"$0\" -name '*.key' | wc -l)\" = 1",
        house.out, NULL};

    (void)state;
    ca_house_reset(&house);
    run_well(ca_house_small);
    assert_int_equal(soft_token_run(find), 0);
}

static void
a_ceremony_that_was_done_does_nothing_again(void **state)
{
    struct error err = {0};
    bool was_done = false;

    (void)state;
    ca_house_reset(&house);
    run_well(ca_house_small);
    assert_true(ca_house_run(&house, ca_house_small, &was_done, &err));
    assert_true(was_done);
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.certificate"), "5");
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.crl"), "2");
}

static void
another_file_under_the_same_id_is_refused(void **state)
{
    char *xml = with("<title>Small", "<title>Other");
    struct error err = {0};
    bool was_done;

    (void)state;
    ca_house_reset(&house);
    run_well(ca_house_small);
    assert_false(ca_house_run(&house, xml, &was_done, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    free(xml);
}

/* ---- Generations ------------------------------------------------------- */

static void
a_new_generation_replaces_the_old_and_is_tied_to_it(void **state)
{
    (void)state;
    ca_house_reset(&house);
    run_well(ca_house_small);
    run_well(second_generation);
    assert_string_equal(
        pg_ask("SELECT string_agg(name || ' ' || state || ' ' || generation,"
               " ',' ORDER BY name) FROM ca.issuer"),
        "issuing-1 retired 1,issuing-2 active 2,root-1 active 1");
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.link_certificate"),
                        "2");
    assert_int_equal(
        verify("tls/ra.pem", "public/root.pem", "public/issuing-2.pem"),
        X509_V_OK);
    /* Who trusts the old key alone believes the new one, and the reverse. */
    assert_int_equal(verify("tls/ra.pem", "public/issuing-1.pem",
                            "public/link-issuing-2-by-issuing-1.pem"),
                     X509_V_OK);
    assert_int_equal(verify("tls/ca.pem", "public/issuing-2.pem",
                            "public/link-issuing-1-by-issuing-2.pem"),
                     X509_V_OK);
    assert_int_not_equal(verify("tls/ra.pem", "public/issuing-1.pem", NULL),
                         X509_V_OK);
}

static void
a_generation_under_another_name_is_refused(void **state)
{
    char xml[sizeof second_generation + 8];
    const char *at = strstr(second_generation, "甲 签发");
    struct error err = {0};
    bool was_done;

    (void)state;
    (void)snprintf(xml, sizeof xml, "%.*s乙%s", (int)(at - second_generation),
                   second_generation, at + strlen("甲"));
    ca_house_reset(&house);
    run_well(ca_house_small);
    assert_false(ca_house_run(&house, xml, &was_done, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_non_null(strstr(err.what, "another name"));
    /* The old one issues as before. */
    assert_string_equal(pg_ask("SELECT state FROM ca.issuer"
                               " WHERE name = 'issuing-1'"),
                        "active");
}

static void
a_roots_next_crl_and_signers_come_from_its_token(void **state)
{
    struct buf report = BUF_INIT(FILE_MAX);
    struct error err = {0};

    (void)state;
    ca_house_reset(&house);
    run_well(ca_house_small);
    if (!ceremony_root_crl(house.config, &house.profiles, NULL, &report, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.crl JOIN ca.issuer"
                               " USING (issuer_id) WHERE name = 'root-1'"),
                        "2");
    assert_false(ceremony_root_crl(house.config, &house.profiles, "issuing-1",
                                   &report, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    buf_clear(&report);
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
        cmocka_unit_test(files_of_the_house_are_right_and_lint_clean),
        cmocka_unit_test(
            what_the_schema_does_not_know_is_refused_with_its_line),
        cmocka_unit_test(what_contradicts_the_profiles_is_refused),
        cmocka_unit_test(an_officer_has_roles_that_exist_and_one_kind_of_key),
        cmocka_unit_test(
            the_dry_run_names_the_clause_that_a_certificate_breaks),
        cmocka_unit_test(identifiers_follow_from_the_ceremony_and_the_purpose),
        cmocka_unit_test(a_ceremony_makes_what_its_file_says),
        cmocka_unit_test(the_protocol_is_signed_and_an_altered_one_is_found),
        cmocka_unit_test(secrets_are_readable_by_their_owner_alone),
        cmocka_unit_test(a_ceremony_that_was_done_does_nothing_again),
        cmocka_unit_test(another_file_under_the_same_id_is_refused),
        cmocka_unit_test(a_new_generation_replaces_the_old_and_is_tied_to_it),
        cmocka_unit_test(a_generation_under_another_name_is_refused),
        cmocka_unit_test(a_roots_next_crl_and_signers_come_from_its_token),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
