/* The fixtures of test programs about cases: group and test, for
 * cmocka_run_group_tests() and cmocka_unit_test_setup_teardown(). */
#ifndef TESTS_UNIT_CASE_GROUP_H
#define TESTS_UNIT_CASE_GROUP_H

#include "tests/unit/case_acts.h"
#include "tests/unit/fake_ca.h"

static int
group_start(void **state)
{
    (void)state;
    fake_ca.key = acts_begin();
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    acts_end();
    EVP_PKEY_free(fake_ca.key);
    return 0;
}

static int
start(void **state)
{
    (void)state;
    fake_ca_reset();
    fake_ca.not_before = acts.now;
    fake_ca.not_after = acts.now + INT64_C(86400) * 700;
    case_parts_open(&acts);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    case_parts_close(&acts);
    return 0;
}

#endif
