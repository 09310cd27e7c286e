/*
 * The seam to the seal maker 制章者, which comes later (GB/T 38540): what the
 * business SEAL hands over when the image is approved. Without a maker the case
 * stays in state seal-approved, and nothing else waits for it.
 */
#ifndef RA_SEAL_MAKER_H
#define RA_SEAL_MAKER_H

#include "db/db.h"

struct seal_request {
    const char *number; /* of the case */
    const char *account;
    const char *seals;    /* JSON of the field "seals" */
    const char *document; /* id of the stamped form, whose impressions count */
    const char *issuer;   /* the certificate that will use the seal */
    const uint8_t *serial;
};

/* In the transaction of the approval. */
bool seal_maker_order(struct db *db, const struct seal_request *request,
                      int64_t at, struct error *err) MUST_CHECK;

#endif
