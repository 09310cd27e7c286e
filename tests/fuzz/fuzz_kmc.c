/* What callers of signet-kmc send, and what signet-krec hears: requests for
 * keys, cases, frames. What is taken is written again as it was. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "ca-core/kmc/case.h"
#include "ca-core/kmc/create.h"
#include "ca-core/kmc/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
frames(const uint8_t *data, size_t size)
{
    struct buf again = BUF_INIT(FRAME_HEAD_LEN + FRAME_MAX);
    struct frame frame;

    if (frame_parse(data, size, &frame, NULL)) {
        assert(frame_encode(&frame, &again, NULL));
        assert(again.len == size + FRAME_HEAD_LEN &&
               memcmp(again.data + FRAME_HEAD_LEN, data, size) == 0);
    }
    buf_clear(&again);
}

static void
cases(const json_t *json)
{
    struct buf body = BUF_INIT(KMC_CASE_BODY_MAX);
    struct kmc_request request, again;

    if (kmc_request_parse(json, &request, NULL) &&
        kmc_body_encode(&request, 0, 3600, &body, NULL)) {
        assert(kmc_body_parse(body.data, body.len, &again, NULL));
        assert(again.key_count == request.key_count &&
               strcmp(again.id, request.id) == 0 &&
               again.target_len == request.target_len);
    }
    buf_clear(&body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct create_request request;
    json_t *json = NULL;

    frames(data, size);
    if (json_parse_object(data, size, &json, NULL)) {
        cases(json);
        if (create_request_parse(json, &request, NULL))
            assert(request.transport_len <= sizeof request.transport);
    }
    json_decref(json);
    return 0;
}
