/* ca-core/lease.h: one holder at a time, by the database's clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ca-core/lease.h"
#include "db/sql_ca.h"
#include "tests/unit/pg.h"

static struct db_options options = {.statements = db_ca_statements,
                                    .statement_count = DB_CA_STATEMENT_COUNT,
                                    .connect_timeout_s = 5,
                                    .statement_timeout_ms = 10000};
static struct db *db;

static bool
take(struct lease *lease, int64_t for_s)
{
    struct error err = {0};
    bool is_ours = false;

    if (!lease_take(lease, db, for_s, &is_ours, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    return is_ours;
}

static struct lease
make(const char *name)
{
    struct lease lease;
    struct error err = {0};

    assert_true(lease_init(&lease, name, &err));
    return lease;
}

static void
a_lease_has_one_holder(void **state)
{
    struct lease a = make("crl"), b = make("crl");

    (void)state;
    assert_false(lease_is_held(&a));
    assert_true(take(&a, 60));
    assert_false(take(&b, 60));
    assert_true(lease_is_held(&a));
    assert_false(lease_is_held(&b));
}

static void
the_holder_prolongs_it(void **state)
{
    struct lease a = make("crl"), b = make("crl");

    (void)state;
    assert_true(take(&a, 1));
    assert_true(take(&a, 60));
    (void)usleep(1200000);
    assert_false(take(&b, 60));
    assert_true(lease_is_held(&a));
}

static void
a_lease_that_has_run_out_is_anybodys(void **state)
{
    struct lease a = make("crl"), b = make("crl");

    (void)state;
    assert_true(take(&a, 1));
    (void)usleep(1200000);
    assert_false(lease_is_held(&a));
    assert_true(take(&b, 60));
    assert_false(take(&a, 60));
}

static void
a_lease_given_back_is_anybodys_at_once(void **state)
{
    struct lease a = make("crl"), b = make("crl");
    struct error err = {0};

    (void)state;
    assert_true(take(&a, 60));
    assert_true(lease_release(&a, db, &err));
    assert_false(lease_is_held(&a));
    assert_true(take(&b, 60));
    /* What is another's by now is not given back. */
    assert_true(lease_release(&a, db, &err));
    assert_false(take(&a, 60));
}

static void
leases_of_different_names_do_not_touch(void **state)
{
    struct lease a = make("crl"), b = make("ocsp-signer");

    (void)state;
    assert_true(take(&a, 60));
    assert_true(take(&b, 60));
}

static int
start(void **state)
{
    (void)state;
    pg_start();
    options.connection = pg_connection("signet_ca");
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    pg_stop();
    return 0;
}

static int
fresh(void **state)
{
    struct error err = {0};

    (void)state;
    pg_sql("DELETE FROM ca.lease");
    return db_open(&options, &db, &err) ? 0 : -1;
}

static int
used(void **state)
{
    (void)state;
    db_close(db);
    db = NULL;
    return 0;
}

#define ON_A_DATABASE(test) cmocka_unit_test_setup_teardown(test, fresh, used)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_DATABASE(a_lease_has_one_holder),
        ON_A_DATABASE(the_holder_prolongs_it),
        ON_A_DATABASE(a_lease_that_has_run_out_is_anybodys),
        ON_A_DATABASE(a_lease_given_back_is_anybodys_at_once),
        ON_A_DATABASE(leases_of_different_names_do_not_touch),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
