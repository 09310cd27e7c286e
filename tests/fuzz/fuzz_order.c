/* Envelopes as they come in at the desk: what parses must encode to the same.
 */
#include <assert.h>
#include <stdint.h>

#include "ca-core/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct api_envelope envelope = {0};
    struct error err = {0};
    json_t *json = NULL;

    if (!json_parse_object(data, len, &json, &err))
        return 0;
    if (api_envelope_parse(json, &envelope, &err)) {
        json_t *again = api_order_json(envelope.order);
        struct api_order *twin = NULL;
        uint8_t a[32], b[32];

        assert(api_order_parse(again, &twin, &err));
        /* Absent and empty lists of names are two ways to say one thing. */
        if (json_equal(again, envelope.order->json) &&
            api_order_digest(envelope.order->json, a, &err)) {
            assert(api_order_digest(again, b, &err));
            assert(__builtin_memcmp(a, b, sizeof a) == 0);
        }
        api_order_free(twin);
        json_decref(again);
    }
    api_envelope_clear(&envelope);
    json_decref(json);
    return 0;
}
