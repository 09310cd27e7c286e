/*
 * The life of a certificate: which state may follow which, and what holding,
 * releasing and revoking make of a row. Pure. The same table stands in SQL
 * (ca.certificate_transition): a second lock on the same door.
 */
#ifndef CA_CORE_STATUS_H
#define CA_CORE_STATUS_H

#include "ca-core/api.h"
#include "db/certificate.h"

bool status_may_follow(enum db_certificate_state from,
                       enum db_certificate_state to);

enum status_action { STATUS_HOLD, STATUS_RELEASE, STATUS_REVOKE };

struct status_request {
    enum status_action action;
    enum api_reason reason; /* of revoke */
    int64_t at;             /* now */
    int64_t invalid_from;   /* 0: none */
};

/*
 * What the request makes of a row; `out` lacks only the status_index.
 * ERROR_CONFLICT when the state does not allow it, naming the serial. A revoked
 * certificate may be revoked again for keyCompromise alone: the reason rises,
 * the instant stays. One that was held counts as revoked since it was held: in
 * between it was not good, and a later date would say so.
 */
bool status_apply(const struct db_certificate_status *row,
                  const struct status_request *request,
                  struct db_certificate_change *out,
                  struct error *err) MUST_CHECK;

#endif
