/* The numbered files of a folder; for migrate.c. */
#ifndef DB_MIGRATE_FOLDER_H
#define DB_MIGRATE_FOLDER_H

#include "db/migrate.h"

enum { MIGRATION_FILE_MAX = 1024 * 1024, MIGRATION_COUNT_MAX = 9999 };

/* All NNNN_name.sql, in order, as pending. They count from 1 without a gap;
 * another name that ends in .sql is ERROR_INPUT, other files are let alone.
 * The caller frees *out. */
bool migrate_folder_read(const char *folder, struct db_migration **out,
                         size_t *count, struct error *err) MUST_CHECK;

/* The text of one, with a NUL at the end. ERROR_CONFLICT if it is not what
 * migrate_folder_read() saw. The caller clears. */
bool migrate_folder_text(const char *folder,
                         const struct db_migration *migration, struct buf *out,
                         struct error *err) MUST_CHECK;

#endif
