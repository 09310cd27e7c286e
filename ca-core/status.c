/* The table of transitions; see ca-core/status.h. RFC 5280, 5.3.1. */
#include "ca-core/status.h"

#include <string.h>

static const struct {
    enum db_certificate_state from, to;
} transitions[] = {
    {DB_CERTIFICATE_INTENDED, DB_CERTIFICATE_VALID},
    {DB_CERTIFICATE_INTENDED, DB_CERTIFICATE_VOID},
    {DB_CERTIFICATE_VALID, DB_CERTIFICATE_HELD},
    {DB_CERTIFICATE_HELD, DB_CERTIFICATE_VALID},
    {DB_CERTIFICATE_VALID, DB_CERTIFICATE_REVOKED},
    {DB_CERTIFICATE_HELD, DB_CERTIFICATE_REVOKED},
    {DB_CERTIFICATE_REVOKED, DB_CERTIFICATE_REVOKED}, /* the reason rises */
};

bool
status_may_follow(enum db_certificate_state from, enum db_certificate_state to)
{
    for (size_t i = 0; i < sizeof transitions / sizeof *transitions; i++)
        if (transitions[i].from == from && transitions[i].to == to)
            return true;
    return false;
}

static enum db_certificate_state
target(enum status_action action)
{
    switch (action) {
    case STATUS_HOLD:
        return DB_CERTIFICATE_HELD;
    case STATUS_RELEASE:
        return DB_CERTIFICATE_VALID;
    case STATUS_REVOKE:
        break;
    }
    return DB_CERTIFICATE_REVOKED;
}

static bool
refuse(const struct db_certificate_status *row, const char *what,
       struct error *err)
{
    char serial[2 * DB_SERIAL_LEN + 1];

    text_hex(row->serial, DB_SERIAL_LEN, serial);
    return error_set(err, ERROR_CONFLICT, "certificate %s %s", serial, what);
}

bool
status_apply(const struct db_certificate_status *row,
             const struct status_request *request,
             struct db_certificate_change *out, struct error *err)
{
    enum db_certificate_state to = target(request->action);

    /* "intended to valid" is for the writer, which has the signature. */
    if (row->state == DB_CERTIFICATE_INTENDED ||
        row->state == DB_CERTIFICATE_VOID)
        return refuse(row, "was never issued", err);
    if (!status_may_follow(row->state, to)) {
        char what[64] = "is ";

        strncat(what, db_certificate_state_name(row->state), 16);
        return refuse(row, what, err);
    }
    if (row->state == DB_CERTIFICATE_REVOKED &&
        (request->reason != API_REASON_KEY_COMPROMISE ||
         row->reason == API_REASON_KEY_COMPROMISE))
        return refuse(row, "is revoked already", err);
    *out = (struct db_certificate_change){
        .issuer_id = row->issuer_id,
        .from = row->state,
        .to = to,
        .reason = -1,
        .status_index = -1,
    };
    memcpy(out->serial, row->serial, DB_SERIAL_LEN);
    if (to == DB_CERTIFICATE_VALID)
        return true;
    out->revoked_at = row->revoked_at != 0 ? row->revoked_at : request->at;
    out->reason = to == DB_CERTIFICATE_HELD ? API_REASON_CERTIFICATE_HOLD
                                            : (int32_t)request->reason;
    if (to == DB_CERTIFICATE_REVOKED)
        out->invalid_from = request->invalid_from != 0 ? request->invalid_from
                                                       : row->invalid_from;
    return true;
}
