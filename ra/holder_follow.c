/* Revocations that came from elsewhere: ra/holder_follow.h. */
#include "ra/holder_follow.h"

#include <string.h>

#include "base/text.h"
#include "db/holder.h"
#include "db/seal.h"
#include "ra/case_tell.h"

enum {
    TURN_MAX = 20,
    AGAIN_S = 600, /* none is looked at more often */
};

struct follow_run {
    const struct business *business;
    const struct db_holder_due *due;
    const char *reason;
    int64_t at;
};

static bool
follow_write(struct db *db, void *arg, struct error *err)
{
    const struct follow_run *run = arg;
    const struct db_holder_due *due = run->due;
    char serial[2 * DB_HOLDER_SERIAL_LEN + 1];
    json_t *values = json_object();
    struct db_case row = {0};
    struct db_holder now = {0};
    bool found = false;
    bool ok = false;

    text_hex(due->serial, DB_HOLDER_SERIAL_LEN, serial);
    json_set_text(values, "serial", serial);
    json_set_text(values, "not_after", "");
    json_set_text(values, "days", "");
    /* The case first, as everybody; and nothing when an answer was first. */
    if (!db_case_get(db, due->number, true, &row, err) ||
        !db_holder_get(db, due->issuer, due->serial, &found, &now, err))
        goto out;
    ok = !found || strcmp(now.state, "revoked") == 0 ||
         (db_holder_change(db, due->issuer, due->serial, "revoked", run->reason,
                           run->at, err) &&
          db_seal_end(db, due->issuer, due->serial, run->at, err) &&
          case_note(db, &row, "certificate-revoked", "signet-ca", values,
                    run->at, err) &&
          case_tell(run->business, db, &row, "certificate-revoked", serial,
                    values, run->at, err));
out:
    db_holder_clear(&now);
    db_case_clear(&row);
    json_decref(values);
    return ok;
}

bool
holder_follow_job(struct ra_job *job, int64_t now, struct error *err)
{
    struct db_holder_due due[TURN_MAX];
    size_t count = 0;

    if (!db_holder_due_list(job->db, now, now - AGAIN_S, TURN_MAX, due, &count,
                            err))
        return false;
    for (size_t i = 0; i < count; i++) {
        char reason[CA_REASON_MAX + 1] = "";
        struct follow_run run = {job->business, &due[i], reason, now};
        bool is_revoked = false;

        if (!ca_client_revoked(job->ca, due[i].issuer, due[i].serial,
                               &is_revoked, reason, err) ||
            (is_revoked && !db_transaction(job->db, follow_write, &run, err)) ||
            !db_holder_looked(job->db, due[i].issuer, due[i].serial, now, err))
            return false;
    }
    return true;
}
