/* The status index: look-ups, changes, the merge, readers beside a writer. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ocsp/status.h"

enum { ISSUER = 7, OTHER_ISSUER = 8 };

static const struct ocsp_status valid = {.state = OCSP_STATE_VALID};
static const struct ocsp_status revoked = {.state = OCSP_STATE_REVOKED,
                                           .reason = 1,
                                           .revoked_at = 1800000000,
                                           .invalid_from = 1700000000};
static const struct ocsp_status held = {
    .state = OCSP_STATE_HELD, .reason = 6, .revoked_at = 1800000001};

/* The nth serial: spread like random ones (splitmix64). */
static void
serial_of(uint64_t n, uint8_t out[OCSP_INDEX_SERIAL_LEN])
{
    uint64_t z;
    int half;

    for (half = 0; half < 2; half++) {
        z = (2 * n + (uint64_t)half) * UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        z ^= z >> 31;
        memcpy(out + 8 * half, &z, sizeof z);
    }
    out[0] &= 0x7f;
    out[0] |= 0x01;
}

static struct grace_and_index {
    struct ocsp_grace *grace;
    struct ocsp_index *index;
} made;

static int
make(void **state)
{
    (void)state;
    made.grace = ocsp_grace_new();
    made.index = ocsp_index_new(made.grace);
    return 0;
}

static int
drop(void **state)
{
    (void)state;
    ocsp_index_free(made.index);
    ocsp_grace_free(made.grace);
    return 0;
}

static struct ocsp_status
find(int32_t issuer, uint64_t n)
{
    uint8_t serial[OCSP_INDEX_SERIAL_LEN];

    serial_of(n, serial);
    return ocsp_index_find(made.index, issuer, serial);
}

static void
change(int32_t issuer, uint64_t n, const struct ocsp_status *status)
{
    uint8_t serial[OCSP_INDEX_SERIAL_LEN];

    serial_of(n, serial);
    ocsp_index_change(made.index, issuer, serial, status);
}

static void
assert_status(struct ocsp_status got, const struct ocsp_status *want)
{
    assert_true(ocsp_status_equal(&got, want));
}

static void
load(size_t count)
{
    struct ocsp_load *l = ocsp_load_new();
    uint8_t serial[OCSP_INDEX_SERIAL_LEN];
    size_t n;

    for (n = 0; n < count; n++) {
        serial_of(n, serial);
        ocsp_load_add(l, ISSUER, serial, n % 10 == 0 ? &revoked : &valid);
    }
    ocsp_index_replace(made.index, l);
}

static void
an_empty_index_knows_nothing(void **state)
{
    (void)state;
    assert_int_equal(find(ISSUER, 1).state, OCSP_STATE_UNKNOWN);
    assert_int_equal(find(-1, 1).state, OCSP_STATE_UNKNOWN);
    assert_int_equal(find(1 << 20, 1).state, OCSP_STATE_UNKNOWN);
    assert_int_equal(ocsp_index_count(made.index), 0);
}

static void
what_was_loaded_is_found_and_nothing_else(void **state)
{
    enum { COUNT = 20000 };
    uint64_t n;

    (void)state;
    load(COUNT);
    assert_int_equal(ocsp_index_count(made.index), COUNT);
    for (n = 0; n < COUNT; n++)
        assert_status(find(ISSUER, n), n % 10 == 0 ? &revoked : &valid);
    for (n = COUNT; n < 3 * COUNT; n++)
        assert_int_equal(find(ISSUER, n).state, OCSP_STATE_UNKNOWN);
    assert_int_equal(find(OTHER_ISSUER, 1).state, OCSP_STATE_UNKNOWN);
}

static void
a_serial_next_to_an_issued_one_is_unknown(void **state)
{
    uint8_t serial[OCSP_INDEX_SERIAL_LEN];
    size_t at;

    (void)state;
    load(1000);
    for (at = 0; at < sizeof serial; at++) {
        serial_of(5, serial);
        serial[at] ^= 1;
        assert_int_equal(ocsp_index_find(made.index, ISSUER, serial).state,
                         OCSP_STATE_UNKNOWN);
    }
}

static void
a_change_is_seen_at_once_and_again_after_more(void **state)
{
    (void)state;
    load(100);
    change(ISSUER, 5, &held);
    assert_status(find(ISSUER, 5), &held);
    change(ISSUER, 5, &valid);
    assert_status(find(ISSUER, 5), &valid);
    change(ISSUER, 5, &revoked);
    assert_status(find(ISSUER, 5), &revoked);
    change(ISSUER, 1000, &valid); /* a new one */
    assert_status(find(ISSUER, 1000), &valid);
    assert_int_equal(ocsp_index_count(made.index), 101);
}

static void
changes_outlive_the_merges_that_they_cause(void **state)
{
    enum { COUNT = 20000 };
    uint64_t n;

    (void)state;
    for (n = 0; n < COUNT; n++)
        change(ISSUER, n, n % 3 == 0 ? &held : &valid);
    for (n = 0; n < COUNT; n += 3)
        change(ISSUER, n, n % 2 == 0 ? &revoked : &valid);
    for (n = 0; n < COUNT; n++)
        assert_status(find(ISSUER, n),
                      n % 3 == 0 && n % 2 == 0 ? &revoked : &valid);
    assert_int_equal(ocsp_index_count(made.index), COUNT);
    assert_int_equal(find(ISSUER, COUNT).state, OCSP_STATE_UNKNOWN);
}

static void
the_same_serial_under_two_issuers_is_two_certificates(void **state)
{
    (void)state;
    change(ISSUER, 1, &revoked);
    change(OTHER_ISSUER, 1, &valid);
    assert_status(find(ISSUER, 1), &revoked);
    assert_status(find(OTHER_ISSUER, 1), &valid);
}

static void
a_reload_forgets_what_is_no_longer_there(void **state)
{
    (void)state;
    change(ISSUER, 50000, &valid);
    change(OTHER_ISSUER, 1, &valid);
    load(10);
    assert_int_equal(find(ISSUER, 50000).state, OCSP_STATE_UNKNOWN);
    assert_int_equal(find(OTHER_ISSUER, 1).state, OCSP_STATE_UNKNOWN);
    assert_status(find(ISSUER, 1), &valid);
}

static void
a_certificate_takes_at_most_24_octets(void **state)
{
    enum { COUNT = 400000 };
    size_t empty = ocsp_index_size(made.index);

    (void)state;
    load(COUNT);
    assert_true((ocsp_index_size(made.index) - empty) / COUNT < 24);
}

struct reading {
    struct ocsp_grace_reader *reader;
    _Atomic bool is_over;
    uint64_t looked;
};

/* Certificate 0 only ever goes valid, held, valid ...; number 1 is revoked and
 * stays so: the reader must never see anything else. */
static void *
read_on(void *arg)
{
    struct reading *reading = arg;
    struct ocsp_status a, b;

    while (!atomic_load(&reading->is_over)) {
        ocsp_grace_enter(reading->reader);
        a = find(ISSUER, 0);
        b = find(ISSUER, 1);
        ocsp_grace_leave(reading->reader);
        if ((!ocsp_status_equal(&a, &valid) && !ocsp_status_equal(&a, &held)) ||
            !ocsp_status_equal(&b, &revoked))
            return arg; /* not NULL */
        reading->looked++;
    }
    return NULL;
}

static void
readers_never_see_half_a_change(void **state)
{
    struct reading reading[2] = {0};
    pthread_t thread[2];
    void *result;
    uint64_t n;
    size_t i;

    (void)state;
    change(ISSUER, 0, &valid);
    change(ISSUER, 1, &revoked);
    for (i = 0; i < 2; i++) {
        reading[i].reader = ocsp_grace_reader_add(made.grace);
        assert_int_equal(pthread_create(&thread[i], NULL, read_on, &reading[i]),
                         0);
    }
    for (n = 0; n < 20000; n++) { /* through some twenty merges */
        change(ISSUER, 0, n % 2 == 0 ? &held : &valid);
        change(ISSUER, 2 + n, &valid);
    }
    for (i = 0; i < 2; i++) {
        atomic_store(&reading[i].is_over, true);
        assert_int_equal(pthread_join(thread[i], &result), 0);
        assert_null(result);
        assert_true(reading[i].looked > 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_index_knows_nothing, make,
                                        drop),
        cmocka_unit_test_setup_teardown(
            what_was_loaded_is_found_and_nothing_else, make, drop),
        cmocka_unit_test_setup_teardown(
            a_serial_next_to_an_issued_one_is_unknown, make, drop),
        cmocka_unit_test_setup_teardown(
            a_change_is_seen_at_once_and_again_after_more, make, drop),
        cmocka_unit_test_setup_teardown(
            changes_outlive_the_merges_that_they_cause, make, drop),
        cmocka_unit_test_setup_teardown(
            the_same_serial_under_two_issuers_is_two_certificates, make, drop),
        cmocka_unit_test_setup_teardown(
            a_reload_forgets_what_is_no_longer_there, make, drop),
        cmocka_unit_test_setup_teardown(a_certificate_takes_at_most_24_octets,
                                        make, drop),
        cmocka_unit_test_setup_teardown(readers_never_see_half_a_change, make,
                                        drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
