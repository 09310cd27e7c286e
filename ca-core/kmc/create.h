/*
 * Escrowed keys for authorities: made or taken from the pool, recorded, then
 * answered (record before you release). The same request again gets the same
 * key; with another transport key it is another request, and refused.
 */
#ifndef CA_CORE_KMC_CREATE_H
#define CA_CORE_KMC_CREATE_H

#include "base/json.h"
#include "ca-core/kmc/service.h"

struct create_request {
    char request_id[TEXT_UUID_LEN + 1];
    enum hsm_key_type key_type;
    char holder[DB_KMC_HOLDER_MAX];
    uint8_t transport[DB_KMC_SPKI_MAX]; /* SPKI of an RSA key in the device */
    size_t transport_len;
};

/* {"request_id", "key_type", "holder", "transport"}: strict. */
bool create_request_parse(const json_t *json, struct create_request *out,
                          struct error *err) MUST_CHECK;

/* For the authority `ca`. ERROR_CONFLICT: the request had other content. */
bool create_key(struct kmc_worker *worker, const char *ca,
                const struct create_request *request, int64_t now,
                struct db_kmc_key *out, struct error *err) MUST_CHECK;

#endif
