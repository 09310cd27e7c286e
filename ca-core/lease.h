/*
 * A singleton job runs where its lease is held: many processes may try, one
 * works. The holder's own clock is not trusted: how long a lease may be relied
 * on is counted in monotonic time from before the database was asked.
 */
#ifndef CA_CORE_LEASE_H
#define CA_CORE_LEASE_H

#include "base/text.h"
#include "db/db.h"

enum { LEASE_NAME_MAX = 64 };

struct lease {
    char name[LEASE_NAME_MAX + 1];
    char holder[TEXT_UUID_LEN + 1]; /* this process's, drawn at init */
    int64_t until_ms;               /* monotonic; 0: not held */
};

/* Fails with ERROR_INTERNAL for want of entropy. */
bool lease_init(struct lease *lease, const char *name,
                struct error *err) MUST_CHECK;

/* Takes or prolongs it for `for_s` seconds; `is_ours` tells whether it is held
 * now. After a failure it is not held. */
bool lease_take(struct lease *lease, struct db *db, int64_t for_s,
                bool *is_ours, struct error *err) MUST_CHECK;

/* Whether it can still be relied on, without asking the database. */
bool lease_is_held(const struct lease *lease);

/* Gives it back, so that another need not wait for its end. */
bool lease_release(struct lease *lease, struct db *db,
                   struct error *err) MUST_CHECK;

#endif
