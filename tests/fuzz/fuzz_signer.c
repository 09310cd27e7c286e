/*
 * The frames between a service and its signers. The first octet says which
 * side reads; what is taken is written again to the same octets.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "hsm/signer_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_same(const struct buf *frame, const uint8_t *data, size_t len)
{
    assert(frame->len == len + SIGNER_FRAME_HEAD);
    assert(memcmp(frame->data + SIGNER_FRAME_HEAD, data, len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf frame = BUF_INIT(SIGNER_FRAME_MAX);
    struct signer_request request;
    struct signer_reply reply;

    if (len == 0)
        return 0;
    if (data[0] == 'q' && signer_request_parse(data + 1, len - 1, &request)) {
        signer_request_encode(&request, &frame);
        check_same(&frame, data + 1, len - 1);
    }
    if (data[0] == 'r' && signer_reply_parse(data + 1, len - 1, &reply)) {
        signer_reply_encode(&reply, &frame);
        check_same(&frame, data + 1, len - 1);
    }
    buf_clear(&frame);
    return 0;
}
