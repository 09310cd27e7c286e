/* The schema's own locks: what each role may do, and what nobody may. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/buf.h"
#include "db/sql_audit.h"
#include "db/sql_ca.h"
#include "db/sql_ocsp.h"
#include "db/sql_ra.h"
#include "tests/unit/pg.h"

static const char denied[] = "42501";
static const char refused[] = "P0001";

static int
start(void **state)
{
    (void)state;
    pg_start();
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    pg_stop();
    return 0;
}

/* ---- Rights ------------------------------------------------------------ */

/* Plans every statement with NULLs as its role: names, types and rights are
 * checked, nothing is done. */
static void
plan_all(const char *role, const struct db_statement *statements, size_t count)
{
    size_t failures = 0;

    for (size_t i = 0; i < count; i++) {
        struct buf sql = BUF_INIT(65536);
        const char *sqlstate;

        assert_non_null(statements[i].sql);
        if (strncmp(statements[i].sql, "NOTIFY", 6) == 0)
            continue; /* has no plan */
        buf_addf(&sql,
                 "PREPARE %s AS %s;"
                 "DO $do$ DECLARE n integer; BEGIN"
                 " SELECT cardinality(parameter_types) INTO STRICT n"
                 " FROM pg_prepared_statements WHERE name = '%s';"
                 " EXECUTE 'EXPLAIN EXECUTE %s' || CASE WHEN n = 0 THEN ''"
                 " ELSE '(NULL' || repeat(', NULL', n - 1) || ')' END;"
                 " END $do$",
                 statements[i].name, statements[i].sql, statements[i].name,
                 statements[i].name);
        assert_false(buf_is_full(&sql));
        sqlstate = pg_sqlstate(role, buf_text(&sql));
        if (sqlstate[0] != '\0')
            print_error("%s: %s: %s\n", role, statements[i].name, sqlstate);
        failures += sqlstate[0] != '\0';
        buf_clear(&sql);
    }
    assert_int_equal(failures, 0);
}

static void
every_statement_fits_the_schema_and_the_rights_of_its_role(void **state)
{
    (void)state;
    plan_all("signet_ca", db_ca_statements, DB_CA_STATEMENT_COUNT);
    plan_all("signet_ocsp", db_ocsp_statements, DB_OCSP_STATEMENT_COUNT);
    /* The RA appends to the log and does not read it; the auditor reads. */
    plan_all("signet_ra", db_ra_statements, 1);
    plan_all("signet_ra", db_ra_statements + DB_LOG_STATEMENT_COUNT,
             DB_RA_STATEMENT_COUNT - DB_LOG_STATEMENT_COUNT);
    plan_all("signet_audit", db_audit_statements + 1,
             DB_AUDIT_STATEMENT_COUNT - 1);
}

/* Each of these must be refused to the role for want of the right. */
static void
must_be_denied(const char *role, const char *const *statements)
{
    for (; *statements != NULL; statements++) {
        const char *sqlstate = pg_sqlstate(role, *statements);

        if (strcmp(sqlstate, denied) != 0)
            fail_msg("%s: %s: %s", role, *statements, sqlstate);
    }
}

static void
the_status_service_sees_neither_orders_nor_applicants(void **state)
{
    static const char *const statements[] = {
        "SELECT * FROM ca.order",
        "SELECT * FROM ca.decision",
        "SELECT * FROM ca.officer",
        "SELECT tbs FROM ca.certificate",
        "SELECT subject FROM ca.certificate",
        "SELECT subject_text FROM ca.certificate",
        "SELECT account FROM ca.certificate",
        "SELECT order_id FROM ca.certificate",
        "SELECT body FROM log.entry",
        "SELECT * FROM ra.case_file",
        "SELECT * FROM ra.case_field",
        NULL,
    };

    (void)state;
    must_be_denied("signet_ocsp", statements);
    assert_string_equal(pg_sqlstate("signet_ocsp", "SELECT serial, state, der"
                                                   " FROM ca.certificate"),
                        "");
}

static void
the_status_service_changes_nothing(void **state)
{
    static const char *const statements[] = {
        "UPDATE ca.certificate SET state = 'valid'",
        "INSERT INTO ca.blocked_key VALUES ('', '', NULL, now())",
        "DELETE FROM ca.crl",
        "UPDATE log.head SET next_index = 0",
        "INSERT INTO log.entry VALUES (0, now(), '', '', '', '')",
        "CREATE TABLE public.own (a integer)",
        "CREATE TABLE ca.own (a integer)",
        NULL,
    };

    (void)state;
    must_be_denied("signet_ocsp", statements);
}

static void
the_registration_authority_does_not_see_the_core(void **state)
{
    static const char *const statements[] = {
        "SELECT * FROM ca.certificate",
        "SELECT * FROM ca.order",
        "SELECT * FROM ca.officer",
        "INSERT INTO ca.officer VALUES (gen_random_uuid(), '', '', 'active',"
        " now(), NULL)",
        "INSERT INTO ca.decision VALUES (gen_random_uuid(), '',"
        " gen_random_uuid(), '', 'approve', now(), '', '')",
        "SELECT * FROM log.entry",
        "UPDATE ra.case_decision SET verdict = 'approve'",
        "DELETE FROM ra.case_decision",
        "DELETE FROM ra.case_file",
        "UPDATE ra.case_history SET hash = ''",
        NULL,
    };

    (void)state;
    must_be_denied("signet_ra", statements);
}

static void
the_core_does_not_see_the_registration_authority(void **state)
{
    static const char *const statements[] = {
        "SELECT * FROM ra.case_file",
        "SELECT * FROM ra.account",
        "DELETE FROM ca.certificate",
        "DELETE FROM ca.order",
        "UPDATE ca.decision SET verdict = 'approve'",
        "DELETE FROM ca.blocked_key",
        NULL,
    };

    (void)state;
    must_be_denied("signet_ca", statements);
}

static void
the_auditor_reads_the_log_and_nothing_else(void **state)
{
    static const char *const statements[] = {
        "SELECT * FROM ca.certificate",
        "SELECT * FROM ra.case_file",
        "INSERT INTO log.entry VALUES (0, now(), '', '', '', '')",
        "UPDATE log.entry SET body = ''",
        "UPDATE log.head SET next_index = 0",
        NULL,
    };

    (void)state;
    must_be_denied("signet_audit", statements);
    assert_string_equal(pg_sqlstate("signet_audit", "SELECT * FROM log.entry"),
                        "");
}

/* ---- The log ----------------------------------------------------------- */

static void
nobody_changes_or_removes_an_entry(void **state)
{
    static const char *const roles[] = {"signet_ca", "signet_ra",
                                        "signet_audit", "signet_ocsp"};
    static const char *const statements[] = {
        "UPDATE log.entry SET body = ''",
        "DELETE FROM log.entry",
        "TRUNCATE log.entry",
        "ALTER TABLE log.entry DISABLE TRIGGER ALL",
        NULL,
    };

    (void)state;
    pg_sql("INSERT INTO log.entry VALUES (0, now(), 'e', 's', 'b',"
           " sha256('b'))");
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        must_be_denied(roles[i], statements);
    /* Not even the owner, nor the superuser, without first taking the lock
     * off. */
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(pg_sqlstate("signet_owner", statements[i]),
                            refused);
        assert_string_equal(pg_sqlstate("postgres", statements[i]), refused);
    }
    assert_string_equal(pg_ask("SELECT count(*) FROM log.entry"), "1");
}

/* ---- Certificates ------------------------------------------------------ */

/* One certificate of an issuer, in a state with all that belongs to it. */
static void
put_certificate(const char *state)
{
    bool is_signed =
        strcmp(state, "intended") != 0 && strcmp(state, "void") != 0;
    bool is_held = strcmp(state, "held") == 0;
    struct buf sql = BUF_INIT(4096);

    pg_sql("TRUNCATE ca.issuer, ca.order RESTART IDENTITY CASCADE");
    pg_sql("INSERT INTO ca.issuer (name, state, is_root, generation, token,"
           " key_id, key_type, scheme, subject, spki, created_at)"
           " VALUES ('one', 'active', false, 1, 't', '1', 'ec-p256',"
           " 'ecdsa-sha256', 's', 'k', now());"
           "INSERT INTO ca.order (order_id, digest, kind, body, state,"
           " requested_by, received_at) VALUES"
           " ('00000000-0000-4000-8000-000000000001', sha256('x'), 'issue',"
           " 'x', 'recorded', 'ra', now())");
    buf_addf(&sql,
             "INSERT INTO ca.certificate (issuer_id, serial, order_id, profile,"
             " subject, subject_text, spki_sha256, tbs, der, not_before,"
             " not_after, state, reason, revoked_at) VALUES"
             " (1, substr(sha256('s'), 1, 16),"
             " '00000000-0000-4000-8000-000000000001', 'p', 's', 's',"
             " sha256('k'), 'tbs', %s, now(), now(), '%s', %s, %s)",
             is_signed ? "'der'" : "NULL", state, is_held ? "6" : "NULL",
             is_held || strcmp(state, "revoked") == 0 ? "now()" : "NULL");
    pg_sql(buf_text(&sql));
    buf_clear(&sql);
}

/* Tries to bring the certificate into another state, with what it needs. */
static const char *
move_to(const char *state)
{
    static const struct {
        const char *state, *sql;
    } moves[] = {
        {"intended", "state = 'intended', der = NULL, revoked_at = NULL,"
                     " reason = NULL"},
        {"valid", "state = 'valid', der = 'der', revoked_at = NULL,"
                  " reason = NULL"},
        {"held", "state = 'held', der = 'der', revoked_at = now(), reason = 6"},
        {"revoked", "state = 'revoked', der = 'der', revoked_at = now(),"
                    " reason = 1"},
        {"void", "state = 'void', der = NULL, revoked_at = NULL,"
                 " reason = NULL"},
    };
    char sql[256] = "";

    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++)
        if (strcmp(moves[i].state, state) == 0)
            (void)snprintf(sql, sizeof sql, "UPDATE ca.certificate SET %s",
                           moves[i].sql);
    return pg_sqlstate("signet_ca", sql);
}

static void
a_certificate_takes_only_the_ways_there_are(void **state)
{
    static const char *const states[] = {"intended", "valid", "held", "revoked",
                                         "void"};
    /* allowed[from][to] */
    static const bool allowed[5][5] = {
        {true, true, false, false, true},   /* intended: itself is no change */
        {false, true, true, true, false},   /* valid */
        {false, true, true, true, false},   /* held */
        {false, false, false, true, false}, /* revoked: the reason may rise */
        {false, false, false, false, true}, /* void */
    };

    (void)state;
    for (size_t from = 0; from < 5; from++)
        for (size_t to = 0; to < 5; to++) {
            const char *sqlstate;

            put_certificate(states[from]);
            sqlstate = move_to(states[to]);
            if ((sqlstate[0] == '\0') != allowed[from][to])
                fail_msg("%s to %s: '%s'", states[from], states[to], sqlstate);
        }
}

static void
the_content_of_a_certificate_never_changes(void **state)
{
    static const char *const statements[] = {
        "UPDATE ca.certificate SET tbs = 'other'",
        "UPDATE ca.certificate SET der = 'other'",
        "UPDATE ca.certificate SET serial = substr(sha256('t'), 1, 16)",
    };

    (void)state;
    put_certificate("valid");
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
        assert_string_equal(pg_sqlstate("signet_ca", statements[i]), refused);
}

static void
two_certificates_never_share_a_serial(void **state)
{
    (void)state;
    put_certificate("valid");
    assert_string_equal(
        pg_sqlstate("signet_ca",
                    "INSERT INTO ca.certificate (issuer_id, serial, order_id,"
                    " ordinal, profile, subject, subject_text, spki_sha256,"
                    " tbs, not_before, not_after, state) SELECT issuer_id,"
                    " serial, order_id, 1, profile, subject, subject_text,"
                    " spki_sha256, tbs, not_before, not_after, 'intended'"
                    " FROM ca.certificate"),
        "23505");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            every_statement_fits_the_schema_and_the_rights_of_its_role),
        cmocka_unit_test(the_status_service_sees_neither_orders_nor_applicants),
        cmocka_unit_test(the_status_service_changes_nothing),
        cmocka_unit_test(the_registration_authority_does_not_see_the_core),
        cmocka_unit_test(the_core_does_not_see_the_registration_authority),
        cmocka_unit_test(the_auditor_reads_the_log_and_nothing_else),
        cmocka_unit_test(nobody_changes_or_removes_an_entry),
        cmocka_unit_test(a_certificate_takes_only_the_ways_there_are),
        cmocka_unit_test(the_content_of_a_certificate_never_changes),
        cmocka_unit_test(two_certificates_never_share_a_serial),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
