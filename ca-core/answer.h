/*
 * The answer to an order that is done: docs/architecture.md, "The answer". Made
 * of the order and its certificates alone, so that it is the same each time.
 */
#ifndef CA_CORE_ANSWER_H
#define CA_CORE_ANSWER_H

#include "ca-core/api.h"
#include "ca-core/issuer.h"
#include "db/order.h"

struct answer_certificate {
    const char *issuer;
    const uint8_t *serial; /* API_SERIAL_LEN octets */
    const uint8_t *der;
    size_t der_len;
};

/* `certificate` is NULL for orders that make none. Reads the database only for
 * an order by key. The caller owns *out. */
bool answer_make(struct db *db, const struct issuer_set *set,
                 const struct api_order *order,
                 const struct answer_certificate *certificate, json_t **out,
                 struct error *err) MUST_CHECK;

/* Of a row that is done. */
bool answer_read(struct db *db, const struct issuer_set *set,
                 const struct db_order *row, json_t **out,
                 struct error *err) MUST_CHECK;

#endif
