/* Jobs of two services on one database: each job is done by one of them, and by
 * the other when that one ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "db/sql_ra.h"
#include "ra/jobs.h"
#include "tests/unit/case_parts.h"
#include "tests/unit/pg.h"

enum { PATIENCE_MS = 30000 };

static struct case_parts parts;
static struct config *config;
static struct db_options options;

bool __wrap_ca_client_new(const struct config *settings, struct ca_client **out,
                          struct error *err);
void __wrap_ca_client_free(struct ca_client *client);

bool
__wrap_ca_client_new(const struct config *settings, struct ca_client **out,
                     struct error *err)
{
    static char nobody;

    (void)settings;
    (void)err;
    *out = (struct ca_client *)(void *)&nobody;
    return true;
}

void
__wrap_ca_client_free(struct ca_client *client)
{
    (void)client;
}

static int
start(void **state)
{
    struct error err = {0};

    (void)state;
    pg_start();
    case_parts_init(&parts);
    if (!config_parse("", 0, "signet.conf", "/tmp", &config, &err))
        fail_msg("%s", err.what);
    parts.business.config = config;
    case_parts_open(&parts);
    options = (struct db_options){.connection = pg_connection("signet_ra"),
                                  .statements = db_ra_statements,
                                  .statement_count = DB_RA_STATEMENT_COUNT,
                                  .connect_timeout_s = 5,
                                  .statement_timeout_ms = 5000};
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    case_parts_close(&parts);
    case_parts_clear(&parts);
    config_free(config);
    pg_stop();
    return 0;
}

static struct jobs *
jobs_new(void)
{
    struct jobs *jobs = NULL;
    struct error err = {0};

    if (!jobs_start(config, &parts.business, &options, &jobs, &err))
        fail_msg("%s", err.what);
    return jobs;
}

static void
becomes(const char *sql, const char *wanted)
{
    int64_t until = clock_monotonic_ms() + PATIENCE_MS;

    while (strcmp(pg_ask(sql), wanted) != 0) {
        if (clock_monotonic_ms() > until)
            fail_msg("%s: \"%s\", not \"%s\"", sql, pg_ask(sql), wanted);
        (void)usleep(50000);
    }
}

/* A draft whose time is over as soon as it is there. */
static void
draft(char number[DB_CASE_NUMBER_MAX + 1])
{
    struct error err = {0};
    char sql[256];

    if (!case_parts_create(&parts, BUSINESS_NEW, number, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    snprintf(sql, sizeof sql,
             "UPDATE ra.case_file SET changed_at = now() - interval '91 days',"
             " deadline_at = now() - interval '1 day' WHERE number = '%s'",
             number);
    pg_sql(sql);
}

static void
one_service_works_and_the_other_follows(void **state)
{
    static const char holders[] =
        "SELECT count(DISTINCT holder) FROM ra.lease WHERE until > now()";
    static const char timers[] = "SELECT holder FROM ra.lease"
                                 " WHERE job = 'timers' AND until > now()";
    static const char closed[] =
        "SELECT count(*) FROM ra.case_file WHERE state = 'closed'";
    char number[DB_CASE_NUMBER_MAX + 1], first[64];
    struct jobs *one, *two;
    int64_t at;

    (void)state;
    one = jobs_new();
    draft(number);
    becomes(closed, "1");
    becomes(holders, "1");
    snprintf(first, sizeof first, "%s", pg_ask(timers));
    two = jobs_new();
    draft(number);
    becomes(closed, "2");
    assert_string_equal(pg_ask(timers), first); /* still theirs */
    at = clock_monotonic_ms();
    jobs_stop(one);
    assert_true(clock_monotonic_ms() - at < 5000);
    draft(number);
    becomes(closed, "3");
    assert_string_not_equal(pg_ask(timers), first);
    jobs_stop(two);
    assert_string_equal(pg_ask(holders), "0");
    jobs_stop(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_service_works_and_the_other_follows),
    };

    return cmocka_run_group_tests_name("jobs", tests, start, stop);
}
