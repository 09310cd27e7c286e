/*
 * Earlier encryption keys of a holder on their way into a device (domain.md,
 * 1.7; docs/architecture.md, "Old keys"): rows of ra.case_order with purpose
 * "recover". A case that issues asks with its own order pending, beside which
 * nothing else waits; a case of business recover has such an order for its own.
 * What the CA says of it, at once or when it is asked again, is kept in the row
 * and told. States are those of the CA.
 */
#ifndef RA_OLD_KEYS_H
#define RA_OLD_KEYS_H

#include "db/device.h"
#include "ra/jobs.h"

/* Asks, as soon as the order of the case has encryption.old_keys and all its
 * decisions: both reviews, and the maker's for the present device. So call it
 * after each of them. Again for the same device is nothing; another device is
 * asked for anew. In a transaction that holds the case's row locked. */
bool old_keys_ask(struct db *db, const struct db_case *row, int64_t at,
                  struct error *err) MUST_CHECK;

/* What the CA says of a recovery: {"state", "expires_at"?, "keys"?}. A state
 * that is new is noted in the case and told: keys that are ready to the
 * applicant, what comes to nothing to customer service too; a case of business
 * recover moves on (ra/case_recover.h). In a transaction that holds the case's
 * row locked. */
bool old_keys_heard(const struct business *business, struct db *db,
                    const struct db_case *row, const char *order_id,
                    const json_t *recovery, int64_t at,
                    struct error *err) MUST_CHECK;
/* The CA refused the order itself. */
bool old_keys_refused(const struct business *business, struct db *db,
                      const struct db_case *row, const char *order_id,
                      const char *problem, int64_t at,
                      struct error *err) MUST_CHECK;

/* Asks the CA how a recovery stands, and takes in what it says, as
 * old_keys_heard(), in a transaction of its own. The caller clears `answer`,
 * whatever is returned; its `recovery` is there. */
bool old_keys_look(const struct business *business, struct db *db,
                   struct ca_client *ca, const char *number,
                   const char *order_id, int64_t at, struct api_answer *answer,
                   struct error *err) MUST_CHECK;

/* Asks the CA about those that stood open: the people of the key management
 * centre decide when they do. Those of cases that were given up go at the CA
 * once they are done, and are aborted here. */
ra_job_run old_keys_follow_job;

/* Where they stand, for officers and applicants: {"state", "expires_at"?,
 * "received_at"?, "problem"?} (docs/openapi.yaml, OldKeys); NULL when the case
 * asks for none. The caller owns *out. */
bool old_keys_json(struct db *db, const struct db_case *row, json_t **out,
                   struct error *err) MUST_CHECK;

/* The last order of a case to recover into this device, as it is made now. */
struct old_keys_order {
    char order_id[TEXT_UUID_LEN + 1]; /* "": none */
    char state[16];                   /* "queued", "done", "refused" */
    char problem[200];
    bool is_received;
};
bool old_keys_order_find(struct db *db, const struct db_case *row,
                         const struct db_device *device,
                         struct old_keys_order *out,
                         struct error *err) MUST_CHECK;

#endif
