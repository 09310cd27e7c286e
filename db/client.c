/* Questions of the holder's client: db/client.h. */
#include "db/client.h"

#include "db/sql_ra.h"

bool
db_client_case_of_order(struct db *db, const char *order_id, char *number,
                        size_t max, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    number[0] = '\0';
    db_bind_text(&p, order_id);
    if (!db_query(db, DB_RA_CLIENT_CASE_OF_ORDER, &p, &r, err))
        return error_wrap(err, "order %s", order_id);
    ok = db_rows(r) == 0 || db_read_word(r, 0, 0, number, max, err);
    db_result_free(r);
    return ok;
}

bool
db_client_is_proved(struct db *db, const char *number, bool *is_proved,
                    struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_text(&p, number);
    if (!db_query(db, DB_RA_CLIENT_IS_PROVED, &p, &r, err))
        return error_wrap(err, "case %s", number);
    ok = db_read_bool(r, 0, 0, is_proved, err);
    db_result_free(r);
    return ok;
}
