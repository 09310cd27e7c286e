/* db/migrate.h: numbered files, once each, in order, whole or not at all. */
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/text.h"
#include "db/migrate.h"
#include "tests/unit/pg.h"

enum { FILES_MAX = 8 };

/* A folder of migrations that a test writes itself, and what was told. */
struct folder {
    char path[32];
    char names[FILES_MAX][160];
    size_t name_count;
    char told[1024];
};

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

/* A database without any migration. */
static int
folder_new(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);

    if (folder == NULL)
        return -1;
    (void)snprintf(folder->path, sizeof folder->path, "/tmp/migrate.XXXXXX");
    if (mkdtemp(folder->path) == NULL)
        return -1;
    pg_reset();
    pg_sql("DROP TABLE public.migration");
    pg_sql("GRANT ALL ON SCHEMA public TO signet_owner");
    *state = folder;
    return 0;
}

static int
folder_free(void **state)
{
    struct folder *folder = *state;

    for (size_t i = 0; i < folder->name_count; i++)
        (void)unlink(folder->names[i]);
    (void)rmdir(folder->path);
    free(folder);
    return 0;
}

static void
put(struct folder *folder, const char *name, const char *sql)
{
    char path[160];
    struct error err = {0};
    size_t i = 0;

    (void)snprintf(path, sizeof path, "%s/%s", folder->path, name);
    if (!text_file_write(path, sql, strlen(sql), 0600, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    while (i < folder->name_count && strcmp(folder->names[i], path) != 0)
        i++;
    assert_true(i < FILES_MAX);
    memcpy(folder->names[i], path, sizeof path);
    if (i == folder->name_count)
        folder->name_count++;
}

/* db_migration_each */
static void
tell(const struct db_migration *migration, void *arg)
{
    static const char states[] = {'+', '-', '!', '?'};
    struct folder *folder = arg;
    size_t used = strlen(folder->told);

    (void)snprintf(folder->told + used, sizeof folder->told - used, "%c%s ",
                   states[migration->state], migration->name);
}

static bool
migrate(struct folder *folder, struct error *err)
{
    folder->told[0] = '\0';
    return db_migrate(pg_connection("signet_owner"), folder->path, tell, folder,
                      err);
}

static bool
status(struct folder *folder, struct error *err)
{
    folder->told[0] = '\0';
    return db_migration_status(pg_connection("signet_owner"), folder->path,
                               tell, folder, err);
}

static void
each_file_is_applied_once_and_in_order(void **state)
{
    struct folder *folder = *state;
    struct error err = {0};

    put(folder, "0002_more.sql", "ALTER TABLE public.t ADD b integer;");
    put(folder, "0001_table.sql",
        "CREATE TABLE public.t (a integer);\n"
        "INSERT INTO public.t VALUES (1);");
    put(folder, "README", "not SQL");
    assert_true(status(folder, &err));
    assert_string_equal(folder->told, "-0001_table.sql -0002_more.sql ");
    if (!migrate(folder, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    assert_string_equal(folder->told, "+0001_table.sql +0002_more.sql ");
    assert_true(migrate(folder, &err));
    assert_string_equal(folder->told, "");
    put(folder, "0003_last.sql", "UPDATE public.t SET b = 5");
    assert_true(migrate(folder, &err));
    assert_string_equal(folder->told, "+0003_last.sql ");
    assert_string_equal(pg_ask("SELECT sum(b) FROM public.t"), "5");
    assert_true(status(folder, &err));
    assert_string_equal(folder->told,
                        "+0001_table.sql +0002_more.sql +0003_last.sql ");
}

static void
a_status_makes_nothing(void **state)
{
    struct folder *folder = *state;
    struct error err = {0};

    put(folder, "0001_table.sql", "CREATE TABLE public.t (a integer);");
    assert_true(status(folder, &err));
    assert_string_equal(
        pg_ask("SELECT to_regclass('public.migration') IS NULL"), "t");
}

static void
a_file_that_fails_leaves_nothing_and_can_be_corrected(void **state)
{
    struct folder *folder = *state;
    struct error err = {0};

    put(folder, "0001_table.sql", "CREATE TABLE public.t (a integer);");
    put(folder, "0002_wrong.sql",
        "CREATE TABLE public.u (a integer);\n"
        "CREATE TABLE public.v (a nonsense);");
    assert_false(migrate(folder, &err));
    assert_string_equal(folder->told, "+0001_table.sql ");
    assert_non_null(strstr(err.what, "0002_wrong.sql"));
    assert_non_null(strstr(err.what, "again"));
    assert_non_null(strstr(err.cause, "nonsense"));
    assert_string_equal(pg_ask("SELECT to_regclass('public.u') IS NULL"), "t");
    put(folder, "0002_wrong.sql", "CREATE TABLE public.u (a integer);");
    assert_true(migrate(folder, &err));
    assert_string_equal(folder->told, "+0002_wrong.sql ");
}

static void
a_file_changed_after_it_was_applied_is_refused(void **state)
{
    struct folder *folder = *state;
    struct error err = {0};

    put(folder, "0001_table.sql", "CREATE TABLE public.t (a integer);");
    assert_true(migrate(folder, &err));
    put(folder, "0001_table.sql", "CREATE TABLE public.t (a integer); ");
    put(folder, "0002_more.sql", "ALTER TABLE public.t ADD b integer;");
    assert_false(migrate(folder, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.what, "0001_table.sql"));
    assert_non_null(strstr(err.what, "restore"));
    assert_string_equal(folder->told, "");
    assert_true(status(folder, &err));
    assert_string_equal(folder->told, "!0001_table.sql -0002_more.sql ");
}

static void
a_database_ahead_of_the_folder_is_refused(void **state)
{
    struct folder *folder = *state;
    struct error err = {0};

    put(folder, "0001_table.sql", "CREATE TABLE public.t (a integer);");
    put(folder, "0002_more.sql", "ALTER TABLE public.t ADD b integer;");
    assert_true(migrate(folder, &err));
    (void)unlink(folder->names[1]);
    assert_false(migrate(folder, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.what, "0002_more.sql"));
    assert_true(status(folder, &err));
    assert_string_equal(folder->told, "+0001_table.sql ?0002_more.sql ");
}

static void
a_file_that_ends_its_transaction_is_refused(void **state)
{
    struct folder *folder = *state;
    struct error err = {0};

    put(folder, "0001_commit.sql",
        "CREATE TABLE public.t (a integer); COMMIT;");
    assert_false(migrate(folder, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_true(status(folder, &err));
    assert_string_equal(folder->told, "-0001_commit.sql ");
}

static void
a_folder_in_disorder_is_refused(void **state)
{
    struct folder *folder = *state;
    struct error err = {0};

    assert_false(migrate(folder, &err)); /* empty */
    assert_int_equal(err.code, ERROR_INPUT);
    put(folder, "0002_more.sql", "SELECT 1");
    assert_false(migrate(folder, &err)); /* no first */
    put(folder, "0001_one.sql", "SELECT 1");
    put(folder, "0001_two.sql", "SELECT 1");
    assert_false(migrate(folder, &err)); /* one number twice */
    assert_non_null(strstr(err.what, "share"));
    (void)unlink(folder->names[2]);
    put(folder, "3_short.sql", "SELECT 1");
    assert_false(migrate(folder, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_non_null(strstr(err.what, "3_short.sql"));
    assert_false(db_migrate(pg_connection("signet_owner"), "/nonexistent", NULL,
                            NULL, &err));
    assert_int_equal(err.code, ERROR_INPUT);
}

struct racer {
    struct folder folder; /* the same path */
    bool ok;
    struct error err;
};

static void *
race(void *arg)
{
    struct racer *racer = arg;

    racer->ok = migrate(&racer->folder, &racer->err);
    return NULL;
}

static void
two_that_migrate_at_once_apply_each_file_once(void **state)
{
    struct folder *folder = *state;
    struct racer racers[2] = {0};
    pthread_t thread[2];

    put(folder, "0001_table.sql",
        "CREATE TABLE public.t (a integer);"
        "SELECT pg_sleep(0.3);");
    put(folder, "0002_row.sql",
        "INSERT INTO public.t VALUES (1);"
        "SELECT pg_sleep(0.3);");
    (void)pg_connection("signet_owner"); /* the buffer is made here */
    for (int i = 0; i < 2; i++) {
        racers[i].folder = *folder;
        assert_int_equal(pthread_create(&thread[i], NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    for (int i = 0; i < 2; i++)
        if (!racers[i].ok)
            fail_msg("%s (%s)", racers[i].err.what, racers[i].err.cause);
    assert_string_equal(pg_ask("SELECT count(*) FROM public.t"), "1");
    assert_string_equal(pg_ask("SELECT count(*) FROM public.migration"), "2");
}

int
main(void)
{
#define IN_FOLDER(test)                                                        \
    cmocka_unit_test_setup_teardown(test, folder_new, folder_free)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(each_file_is_applied_once_and_in_order),
        IN_FOLDER(a_status_makes_nothing),
        IN_FOLDER(a_file_that_fails_leaves_nothing_and_can_be_corrected),
        IN_FOLDER(a_file_changed_after_it_was_applied_is_refused),
        IN_FOLDER(a_database_ahead_of_the_folder_is_refused),
        IN_FOLDER(a_file_that_ends_its_transaction_is_refused),
        IN_FOLDER(a_folder_in_disorder_is_refused),
        IN_FOLDER(two_that_migrate_at_once_apply_each_file_once),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
