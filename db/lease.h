/* Leases: whoever holds the row of ca.lease does the job. */
#ifndef DB_LEASE_H
#define DB_LEASE_H

#include <stdint.h>

#include "db/db.h"

/* Takes or prolongs the lease for `for_s` seconds by the database's clock (the
 * holders' clocks need not agree). `is_ours` is false while another holds it.
 * `name` and `holder` are text that outlives the call. */
bool db_lease_take(struct db *db, const char *name, const char *holder,
                   int64_t for_s, bool *is_ours, struct error *err) MUST_CHECK;

/* Gives it back; nothing happens if it is another's by now. */
bool db_lease_release(struct db *db, const char *name, const char *holder,
                      struct error *err) MUST_CHECK;

#endif
