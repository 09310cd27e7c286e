/* OCSPRequest from anybody: never out of bounds, never more than it holds. */
#include <stdlib.h>

#include "ocsp/request.h"
#include "ocsp/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_inside(struct der part, const uint8_t *data, size_t size)
{
    return part.data >= data && part.data + part.len <= data + size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ocsp_request request;
    uint8_t der[TARGET_DER_MAX];
    size_t i, len;

    if (ocsp_request_parse(data, size, &request)) {
        if (request.count < 1 || request.count > OCSP_REQUEST_COUNT_MAX)
            abort();
        for (i = 0; i < request.count; i++)
            if (!is_inside(request.id[i].whole, data, size) ||
                !is_inside(request.id[i].serial, data, size) ||
                request.id[i].serial.len > OCSP_SERIAL_MAX)
                abort();
        if (request.nonce.data != NULL &&
            (!is_inside(request.nonce, data, size) || request.nonce.len < 1 ||
             request.nonce.len > OCSP_NONCE_MAX))
            abort();
    }
    (void)!ocsp_target_decode(
        (struct http_span){(const char *)data, size > 8192 ? 8192 : size}, der,
        &len);
    return 0;
}
