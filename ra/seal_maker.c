/* The seam to the seal maker: ra/seal_maker.h. What is to be made waits in
 * ra.seal_order until a maker fetches it. */
#include "ra/seal_maker.h"

#include "db/case_file.h"

bool
seal_maker_order(struct db *db, const struct seal_request *request, int64_t at,
                 struct error *err)
{
    struct db_seal_order order = {
        .number = request->number,
        .account = request->account,
        .seals = request->seals,
        .document = request->document,
        .issuer = request->issuer,
        .serial = request->serial,
        .made_at = at,
    };

    if (request->document[0] == '\0' || request->issuer == NULL)
        return error_set(err, ERROR_INTERNAL,
                         "seal of %s without its form or certificate",
                         request->number);
    return db_seal_order_add(db, &order, err);
}
