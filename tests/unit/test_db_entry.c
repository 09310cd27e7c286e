/* db/entry.h: numbers without gaps, in commit order, for both writing roles. */
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "db/entry.h"
#include "db/sql_audit.h"
#include "db/sql_ca.h"
#include "db/sql_ra.h"
#include "tests/unit/pg.h"

enum { T0 = 1795000000, WRITERS = 4, ROUNDS = 25 };

static struct db_options ca = {.statements = db_ca_statements,
                               .statement_count = DB_CA_STATEMENT_COUNT,
                               .connect_timeout_s = 5,
                               .statement_timeout_ms = 10000};
static struct db_options ra = {.statements = db_ra_statements,
                               .statement_count = DB_RA_STATEMENT_COUNT,
                               .connect_timeout_s = 5,
                               .statement_timeout_ms = 10000};
static struct db_options audit = {.statements = db_audit_statements,
                                  .statement_count = DB_AUDIT_STATEMENT_COUNT,
                                  .connect_timeout_s = 5};

static int
start(void **state)
{
    (void)state;
    pg_start();
    ca.connection = pg_connection("signet_ca");
    ra.connection = pg_connection("signet_ra");
    audit.connection = pg_connection("signet_audit");
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
reset(void **state)
{
    (void)state;
    pg_reset();
    return 0;
}

static struct db *
open_db(const struct db_options *options)
{
    struct error err = {0};
    struct db *db = NULL;

    if (!db_open(options, &db, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    return db;
}

/* What one transaction appends, and where it came to stand. */
struct batch {
    struct db_entry entries[8];
    size_t count;
    bool is_refused; /* after appending */
    int64_t first;
};

static void
batch_fill(struct batch *batch, size_t count, int64_t at)
{
    static const uint8_t body[] = "{\"x\":1}";

    memset(batch, 0, sizeof *batch);
    batch->count = count;
    for (size_t i = 0; i < count; i++) {
        batch->entries[i] = (struct db_entry){.at = at + (int64_t)i,
                                              .event = "test.event",
                                              .subject = "someone",
                                              .body = body,
                                              .body_len = sizeof body - 1};
        memset(batch->entries[i].hash, (int)i, DB_ENTRY_HASH_LEN);
    }
}

/* db_run */
static bool
append(struct db *db, void *arg, struct error *err)
{
    struct batch *batch = arg;

    return db_entry_append(db, batch->entries, batch->count, &batch->first,
                           err) &&
           (!batch->is_refused || error_set(err, ERROR_DENIED, "refused"));
}

static void
must_append(struct db *db, struct batch *batch)
{
    struct error err = {0};

    if (!db_transaction(db, append, batch, &err))
        fail_msg("%s (%s)", err.what, err.cause);
}

/* ---- Appending --------------------------------------------------------- */

static void
entries_of_all_roles_are_numbered_without_a_gap(void **state)
{
    struct db *of_ca = open_db(&ca), *of_ra = open_db(&ra);
    struct batch batch;

    (void)state;
    batch_fill(&batch, 3, T0);
    must_append(of_ca, &batch);
    assert_true(batch.first == 0);
    must_append(of_ra, &batch);
    assert_true(batch.first == 3);
    batch_fill(&batch, 1, T0);
    must_append(of_ca, &batch);
    assert_true(batch.first == 6);
    assert_string_equal(pg_ask("SELECT next_index FROM log.head"), "7");
    assert_string_equal(
        pg_ask("SELECT string_agg(index::text, ',' ORDER BY index)"
               " FROM log.entry"),
        "0,1,2,3,4,5,6");
    db_close(of_ca);
    db_close(of_ra);
}

static void
a_transaction_that_fails_uses_no_number(void **state)
{
    struct db *db = open_db(&ca);
    struct error err = {0};
    struct batch batch;

    (void)state;
    batch_fill(&batch, 2, T0);
    must_append(db, &batch);
    batch.is_refused = true;
    assert_false(db_transaction(db, append, &batch, &err));
    batch.is_refused = false;
    must_append(db, &batch);
    assert_true(batch.first == 2);
    assert_string_equal(pg_ask("SELECT count(*) FROM log.entry"), "4");
    db_close(db);
}

static void *
write_entries(void *arg)
{
    struct db *db = arg;
    struct error err = {0};
    struct batch batch;

    for (size_t i = 0; i < ROUNDS; i++) {
        batch_fill(&batch, 1 + i % 3, T0);
        batch.is_refused = i % 5 == 4;
        if (!db_transaction(db, append, &batch, &err) && !batch.is_refused)
            return NULL; /* the count below will miss them */
    }
    return NULL;
}

static void
writers_at_the_same_time_leave_no_gap(void **state)
{
    pthread_t thread[WRITERS];
    struct db *db[WRITERS];

    (void)state;
    for (int i = 0; i < WRITERS; i++) {
        db[i] = open_db(i % 2 == 0 ? &ca : &ra);
        assert_int_equal(pthread_create(&thread[i], NULL, write_entries, db[i]),
                         0);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        db_close(db[i]);
    }
    assert_string_equal(
        pg_ask("SELECT count(*) = max(index) + 1 AND count(*) > 100"
               " AND max(index) + 1 = (SELECT next_index FROM log.head)"
               " FROM log.entry"),
        "t");
}

/* ---- Reading ----------------------------------------------------------- */

struct seen {
    int64_t count, next, at;
    uint8_t hash0;
};

/* db_entry_each */
static bool
see(int64_t index, const struct db_entry *entry, void *arg, struct error *err)
{
    struct seen *seen = arg;

    (void)err;
    if (seen->count++ == 0)
        seen->next = index;
    assert_true(index == seen->next++);
    assert_string_equal(entry->event, "test.event");
    assert_string_equal(entry->subject, "someone");
    assert_int_equal(entry->body_len, 7);
    assert_memory_equal(entry->body, "{\"x\":1}", 7);
    seen->at = entry->at;
    seen->hash0 = entry->hash[0];
    return true;
}

static void
entries_are_read_as_they_were_written(void **state)
{
    struct db *of_ca = open_db(&ca), *of_audit = open_db(&audit);
    struct error err = {0};
    struct seen seen = {0};
    struct batch batch;

    (void)state;
    batch_fill(&batch, 8, T0);
    must_append(of_ca, &batch);
    if (!db_entry_stream(of_audit, 2, 5, see, &seen, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    assert_true(seen.count == 5);
    assert_true(seen.next == 7);
    assert_true(seen.at == T0 + 6);
    assert_int_equal(seen.hash0, 6);
    db_close(of_ca);
    db_close(of_audit);
}

static void
a_range_of_time_has_no_gap_though_clocks_differ(void **state)
{
    struct db *db = open_db(&ca);
    struct error err = {0};
    struct batch batch;
    int64_t first, count;

    (void)state;
    /* Times by index: +0 +1 +2 | +100 | +3 +4 | +200 */
    batch_fill(&batch, 3, T0);
    must_append(db, &batch);
    batch_fill(&batch, 1, T0 + 100);
    must_append(db, &batch);
    batch_fill(&batch, 2, T0 + 3);
    must_append(db, &batch);
    batch_fill(&batch, 1, T0 + 200);
    must_append(db, &batch);

    assert_true(db_entry_range(db, T0 + 1, T0 + 5, &first, &count, &err));
    assert_true(first == 1);
    assert_true(count == 5); /* 1 to 5, with the early +100 */
    assert_true(db_entry_range(db, T0, T0 + 1, &first, &count, &err));
    assert_true(first == 0 && count == 1); /* `to` is not included */
    assert_true(db_entry_range(db, T0 + 200, T0 + 201, &first, &count, &err));
    assert_true(first == 6 && count == 1);
    assert_true(db_entry_range(db, T0 + 300, T0 + 400, &first, &count, &err));
    assert_true(count == 0);
    assert_true(db_entry_range(db, T0 - 9, T0, &first, &count, &err));
    assert_true(count == 0);
    assert_true(db_entry_range(db, T0 + 120, T0 + 150, &first, &count, &err));
    assert_true(count == 0);
    db_close(db);
}

int
main(void)
{
#define ON_EMPTY(test) cmocka_unit_test_setup(test, reset)
    const struct CMUnitTest tests[] = {
        ON_EMPTY(entries_of_all_roles_are_numbered_without_a_gap),
        ON_EMPTY(a_transaction_that_fails_uses_no_number),
        ON_EMPTY(writers_at_the_same_time_leave_no_gap),
        ON_EMPTY(entries_are_read_as_they_were_written),
        ON_EMPTY(a_range_of_time_has_no_gap_though_clocks_differ),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
