/* Leases of singleton jobs; see ca-core/lease.h. */
#include "ca-core/lease.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "db/lease.h"

bool
lease_init(struct lease *lease, const char *name, struct error *err)
{
    assert(strlen(name) <= LEASE_NAME_MAX);
    (void)snprintf(lease->name, sizeof lease->name, "%s", name);
    lease->until_ms = 0;
    return text_uuid_draw(lease->holder, err);
}

bool
lease_take(struct lease *lease, struct db *db, int64_t for_s, bool *is_ours,
           struct error *err)
{
    /* Before the question: the database starts counting later than we do. */
    int64_t asked_ms = clock_monotonic_ms();

    lease->until_ms = 0;
    if (!db_lease_take(db, lease->name, lease->holder, for_s, is_ours, err))
        return false;
    if (*is_ours)
        lease->until_ms = asked_ms + for_s * 1000;
    return true;
}

bool
lease_is_held(const struct lease *lease)
{
    return lease->until_ms > clock_monotonic_ms();
}

bool
lease_release(struct lease *lease, struct db *db, struct error *err)
{
    lease->until_ms = 0;
    return db_lease_release(db, lease->name, lease->holder, err);
}
