/*
 * Migrations: the files NNNN_name.sql of a folder, applied in the order of
 * their numbers, each in one transaction of its own together with its row in
 * public.migration. Two that migrate at once wait for each other.
 */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include "db/db.h"

enum { DB_MIGRATION_NAME_MAX = 127 };

enum db_migration_state {
    DB_MIGRATION_APPLIED,
    DB_MIGRATION_PENDING,
    DB_MIGRATION_CHANGED, /* applied, and the file is another one now */
    DB_MIGRATION_UNKNOWN, /* applied, and the folder has no such file */
};

struct db_migration {
    char name[DB_MIGRATION_NAME_MAX + 1]; /* "0001_roles.sql" */
    int32_t number;
    enum db_migration_state state;
    uint8_t sha256[32]; /* of the file */
    int64_t applied_at; /* 0: pending */
};

typedef void db_migration_each(const struct db_migration *migration, void *arg);

/* Applies what is pending, as the owner of the schemas; `each` (or NULL) is
 * told of each file after its commit. ERROR_CONFLICT when a file was changed
 * after it was applied, or the database is ahead of the folder; ERROR_INPUT
 * when the folder is in disorder. What fails leaves nothing of its file. */
bool db_migrate(const char *connection, const char *folder,
                db_migration_each *each, void *arg,
                struct error *err) MUST_CHECK;

/* Tells of every file and of every applied number; changes nothing. */
bool db_migration_status(const char *connection, const char *folder,
                         db_migration_each *each, void *arg,
                         struct error *err) MUST_CHECK;

#endif
