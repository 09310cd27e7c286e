/*
 * The answer to an order that is done: docs/architecture.md, "The answer". Made
 * of the order and its certificates alone, so that it is the same each time;
 * but for the keys that the key management centre keeps for a device, which are
 * told until the device has them.
 */
#ifndef CA_CORE_ANSWER_H
#define CA_CORE_ANSWER_H

#include "ca-core/api.h"
#include "ca-core/escrow.h"
#include "ca-core/issuer.h"
#include "db/order.h"

struct answer_certificate {
    const char *issuer;
    const uint8_t *serial; /* API_SERIAL_LEN octets */
    const uint8_t *der;
    size_t der_len;
};

/* `certificate` is NULL for orders that make none; not for a pair. Reads the
 * database only for what was changed. The caller owns *out. */
bool answer_make(struct db *db, const struct issuer_set *set,
                 const struct api_order *order,
                 const struct answer_certificate *certificate, json_t **out,
                 struct error *err) MUST_CHECK;

/* Of a row that is done. For a pair whose key the device does not have yet, and
 * for a recovery, the centre is asked (`escrow`): ERROR_BUSY while it is away.
 */
bool answer_read(struct db *db, const struct issuer_set *set,
                 struct escrow *escrow, const struct db_order *row,
                 json_t **out, struct error *err) MUST_CHECK;

#endif
