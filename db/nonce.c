/* Numbers of signed calls: db/nonce.h. */
#include "db/nonce.h"

#include "db/sql_ra.h"

bool
db_nonce_spend(struct db *db, const char *sender, const char *nonce, int64_t at,
               int64_t forget_s, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_time(&p, at - forget_s);
    if (!db_exec(db, DB_RA_NONCE_FORGET, &p, &changed, err))
        return error_wrap(err, "forget nonces");
    db_bind_text(&p, sender);
    db_bind_text(&p, nonce);
    db_bind_time(&p, at);
    if (!db_exec(db, DB_RA_NONCE_SPEND, &p, &changed, err))
        return error_wrap(err, "nonce");
    return changed == 1 ||
           error_set(err, ERROR_CONFLICT,
                     "this very call came before: sign each call anew");
}
