/* Migrations; see db/migrate.h. */
#include "db/migrate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/db_internal.h"
#include "db/migrate_folder.h"

enum { CONNECT_TIMEOUT_S = 10 };

enum {
    MIGRATE_LOCK,
    MIGRATE_CREATE,
    MIGRATE_IS_THERE,
    MIGRATE_LIST,
    MIGRATE_ADD,
    MIGRATE_STATEMENT_COUNT,
};

/* The advisory key is "SIGNET" in ASCII. */
static const struct db_statement statements[MIGRATE_STATEMENT_COUNT] = {
    [MIGRATE_LOCK] = {"migrate_lock",
                      "SELECT pg_advisory_xact_lock(91574194029908)"},
    [MIGRATE_CREATE] = {"migrate_create",
                        "CREATE TABLE IF NOT EXISTS public.migration ("
                        " number integer PRIMARY KEY,"
                        " name text NOT NULL,"
                        " sha256 bytea NOT NULL,"
                        " applied_at timestamptz NOT NULL)"},
    [MIGRATE_IS_THERE] = {"migrate_is_there",
                          "SELECT to_regclass('public.migration') IS NOT NULL"},
    [MIGRATE_LIST] = {"migrate_list", "SELECT number, name, sha256, applied_at"
                                      " FROM public.migration ORDER BY number"},
    [MIGRATE_ADD] = {"migrate_add", "INSERT INTO public.migration"
                                    " (number, name, sha256, applied_at)"
                                    " VALUES ($1, $2, $3, $4)"},
};

/* A folder and a database, beside each other. */
struct plan {
    const char *folder;
    struct db_migration *files; /* then what only the database knows */
    size_t file_count;
    size_t count;
    size_t next; /* that is being applied: its place */
};

/* ---- What the database says -------------------------------------------- */

static bool
read_row(const struct db_result *r, size_t row, struct db_migration *out,
         struct error *err)
{
    const char *name;
    const uint8_t *sha256;
    size_t len;

    if (!db_read_int32(r, row, 0, &out->number, err) ||
        !db_read_text(r, row, 1, &name, err) ||
        !db_read_bytes(r, row, 2, &sha256, &len, err) ||
        !db_read_time(r, row, 3, &out->applied_at, err))
        return false;
    if (strlen(name) > DB_MIGRATION_NAME_MAX || len != sizeof out->sha256)
        return error_set(err, ERROR_INTERNAL, "public.migration is broken");
    memcpy(out->name, name, strlen(name) + 1);
    memcpy(out->sha256, sha256, len);
    return true;
}

static void
add_unknown(struct plan *plan, const struct db_migration *row)
{
    struct db_migration *grown =
        realloc(plan->files, (plan->count + 1) * sizeof *grown);

    if (grown == NULL)
        abort();
    grown[plan->count] = *row;
    grown[plan->count].state = DB_MIGRATION_UNKNOWN;
    plan->files = grown;
    plan->count++;
}

/* Marks the files by what was applied. */
static void
compare(struct plan *plan, const struct db_migration *row)
{
    struct db_migration *file;

    if (row->number < 1 || (size_t)row->number > plan->file_count) {
        add_unknown(plan, row);
        return;
    }
    file = &plan->files[row->number - 1];
    file->applied_at = row->applied_at;
    file->state = memcmp(file->sha256, row->sha256, sizeof row->sha256) == 0 &&
                          strcmp(file->name, row->name) == 0
                      ? DB_MIGRATION_APPLIED
                      : DB_MIGRATION_CHANGED;
}

static bool
read_applied(struct db *db, struct plan *plan, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    plan->count = plan->file_count;
    for (size_t i = 0; i < plan->file_count; i++)
        plan->files[i].state = DB_MIGRATION_PENDING;
    ok = db_query(db, MIGRATE_LIST, &p, &r, err);
    for (size_t i = 0; ok && i < db_rows(r); i++) {
        struct db_migration row = {0};

        ok = read_row(r, i, &row, err);
        if (ok)
            compare(plan, &row);
    }
    db_result_free(r);
    return ok;
}

/* Whether migrating may go on from here. */
static bool
check(const struct plan *plan, struct error *err)
{
    bool is_pending = false;

    for (size_t i = 0; i < plan->count; i++) {
        const struct db_migration *m = &plan->files[i];
        char at[CLOCK_TEXT_LEN + 1];

        clock_format(m->applied_at, at);
        if (m->state == DB_MIGRATION_CHANGED)
            return error_set(err, ERROR_CONFLICT,
                             "%s was changed after it was applied at %s: "
                             "restore the file, and put the change into a new "
                             "one, %04zu_NAME.sql",
                             m->name, at, plan->file_count + 1);
        if (m->state == DB_MIGRATION_UNKNOWN)
            return error_set(err, ERROR_CONFLICT,
                             "the database has %s, which this version does "
                             "not know: install the version that brought it",
                             m->name);
        if (m->state == DB_MIGRATION_APPLIED && is_pending)
            return error_set(err, ERROR_CONFLICT,
                             "%s was applied and one before it was not: "
                             "restore the database from its backup",
                             m->name);
        is_pending = is_pending || m->state == DB_MIGRATION_PENDING;
    }
    return true;
}

/* ---- Applying ---------------------------------------------------------- */

static bool
lock(struct db *db, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = db_query(db, MIGRATE_LOCK, &p, &r, err);

    db_result_free(r);
    return ok;
}

/* db_run: makes the table, and looks what there is to do. */
static bool
prepare(struct db *db, void *arg, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    return lock(db, err) && db_exec(db, MIGRATE_CREATE, &p, &changed, err) &&
           read_applied(db, arg, err) && check(arg, err);
}

static bool
run_file(struct db *db, const char *folder, const struct db_migration *m,
         struct error *err)
{
    struct buf text = BUF_INIT(MIGRATION_FILE_MAX);
    bool ok = migrate_folder_text(folder, m, &text, err) &&
              db_script(db, buf_text(&text), err);

    buf_clear(&text);
    if (ok && PQtransactionStatus(db->conn) != PQTRANS_INTRANS)
        ok = error_set(err, ERROR_INPUT,
                       "the file ends the transaction that it runs in");
    return ok;
}

/* db_run: applies plan->next, unless somebody else did meanwhile. */
static bool
apply(struct db *db, void *arg, struct error *err)
{
    struct plan *plan = arg;
    struct db_migration *m;
    struct db_params p = {0};
    int64_t changed;

    if (!lock(db, err) || !read_applied(db, plan, err) || !check(plan, err))
        return false;
    m = &plan->files[plan->next];
    if (m->state == DB_MIGRATION_APPLIED)
        return true;
    if (!run_file(db, plan->folder, m, err))
        return error_wrap(err,
                          "nothing of %s was kept; correct this and migrate "
                          "again",
                          m->name);
    m->applied_at = clock_now();
    db_bind_int32(&p, m->number);
    db_bind_text(&p, m->name);
    db_bind_bytes(&p, m->sha256, sizeof m->sha256);
    db_bind_time(&p, m->applied_at);
    if (!db_exec(db, MIGRATE_ADD, &p, &changed, err))
        return false;
    m->state = DB_MIGRATION_APPLIED;
    return true;
}

static bool
apply_pending(struct db *db, struct plan *plan, db_migration_each *each,
              void *arg, struct error *err)
{
    for (size_t i = 0; i < plan->file_count; i++) {
        if (plan->files[i].state != DB_MIGRATION_PENDING)
            continue;
        plan->next = i;
        if (!db_transaction(db, apply, plan, err))
            return false;
        if (each != NULL)
            each(&plan->files[i], arg);
    }
    return true;
}

/* No limit of time: a migration of a large table takes what it takes. */
static const struct db_options *
owner_options(const char *connection, struct db_options *out)
{
    *out = (struct db_options){
        .connection = connection,
        .statements = statements,
        .statement_count = MIGRATE_STATEMENT_COUNT,
        .connect_timeout_s = CONNECT_TIMEOUT_S,
    };
    return out;
}

bool
db_migrate(const char *connection, const char *folder, db_migration_each *each,
           void *arg, struct error *err)
{
    struct db_options options;
    struct plan plan = {.folder = folder};
    struct db *db = NULL;
    bool ok;

    ok = migrate_folder_read(folder, &plan.files, &plan.file_count, err) &&
         db_open(owner_options(connection, &options), &db, err) &&
         db_transaction(db, prepare, &plan, err) &&
         apply_pending(db, &plan, each, arg, err);
    db_close(db);
    free(plan.files);
    return ok;
}

/* ---- Status ------------------------------------------------------------ */

static bool
read_status(struct db *db, struct plan *plan, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool is_there = false;
    bool ok = db_query(db, MIGRATE_IS_THERE, &p, &r, err) &&
              db_read_bool(r, 0, 0, &is_there, err);

    db_result_free(r);
    plan->count = plan->file_count;
    return ok && (!is_there || read_applied(db, plan, err));
}

bool
db_migration_status(const char *connection, const char *folder,
                    db_migration_each *each, void *arg, struct error *err)
{
    struct db_options options;
    struct plan plan = {.folder = folder};
    struct db *db = NULL;
    bool ok;

    ok = migrate_folder_read(folder, &plan.files, &plan.file_count, err) &&
         db_open(owner_options(connection, &options), &db, err) &&
         read_status(db, &plan, err);
    for (size_t i = 0; ok && i < plan.count; i++)
        each(&plan.files[i], arg);
    db_close(db);
    free(plan.files);
    return ok;
}
