/* Two questions of the holder's client (ra/client.h). */
#ifndef DB_CLIENT_H
#define DB_CLIENT_H

#include "db/db.h"

/* The case whose order of this revision, or which had an order put, with this
 * id; "" if there is none. `number` has DB_CASE_NUMBER_MAX + 1 octets. */
bool db_client_case_of_order(struct db *db, const char *order_id, char *number,
                             size_t max, struct error *err) MUST_CHECK;

/* Whether the history of a case has "device-proved". */
bool db_client_is_proved(struct db *db, const char *number, bool *is_proved,
                         struct error *err) MUST_CHECK;

#endif
