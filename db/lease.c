/* Leases of singleton jobs; see db/lease.h. */
#include "db/lease.h"

#include "db/sql_ca.h"

bool
db_lease_take(struct db *db, const char *name, const char *holder,
              int64_t for_s, bool *is_ours, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, name);
    db_bind_text(&p, holder);
    db_bind_int64(&p, for_s);
    if (!db_exec(db, DB_LEASE_TAKE, &p, &changed, err))
        return error_wrap(err, "take lease %s", name);
    *is_ours = changed == 1;
    return true;
}

bool
db_lease_release(struct db *db, const char *name, const char *holder,
                 struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, name);
    db_bind_text(&p, holder);
    if (!db_exec(db, DB_LEASE_RELEASE, &p, &changed, err))
        return error_wrap(err, "release lease %s", name);
    return true;
}
