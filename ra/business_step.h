/* What the parts of the business share: ra/business*.c. */
#ifndef RA_BUSINESS_STEP_H
#define RA_BUSINESS_STEP_H

#include "ra/entry.h"

/* A transition that has been carried out and is to be written down. */
struct business_step {
    struct application_step link; /* seq is filled in */
    const char *account;
    const char *order_id;                 /* NULL before there is one */
    const struct entry_decision *decided; /* NULL if no officer decided */
};

/* Adds the link to the history and the entry to the log. Last in its
 * transaction; the application's row is locked. */
bool business_step(struct db *db, struct business_step *step,
                   struct error *err) MUST_CHECK;

/* ERROR_INTERNAL for a state that the table does not know. */
bool business_state(const struct db_application *application,
                    enum application_state *out, struct error *err) MUST_CHECK;

#endif
