/* Rows of ca.link_certificate; see db/link.h. */
#include "db/link.h"

#include "db/sql_ca.h"

bool
db_link_insert(struct db *db, int32_t subject_id, int32_t signer_id,
               const uint8_t *certificate, size_t len, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_int32(&p, subject_id);
    db_bind_int32(&p, signer_id);
    db_bind_bytes(&p, certificate, len);
    return db_exec(db, DB_LINK_INSERT, &p, &changed, err) ||
           error_wrap(err, "add a link certificate");
}

bool
db_link_stream(struct db *db, db_link_each *each, void *arg, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    const uint8_t *certificate;
    int32_t subject_id, signer_id;
    size_t i, len;
    bool ok = false;

    if (!db_query(db, DB_LINK_LIST, &p, &r, err))
        return error_wrap(err, "list the link certificates");
    for (i = 0; i < db_rows(r); i++)
        if (!db_read_int32(r, i, 0, &subject_id, err) ||
            !db_read_int32(r, i, 1, &signer_id, err) ||
            !db_read_bytes(r, i, 2, &certificate, &len, err) ||
            !each(subject_id, signer_id, certificate, len, arg, err))
            goto out;
    ok = true;
out:
    db_result_free(r);
    return ok;
}
