/* The signers' frames; see hsm/signer_wire.h. */
#include "hsm/signer_wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

enum { REQUEST_HEAD = 6, REPLY_HEAD = 8, CHUNK_LEN = 4096 };

static void
add_number(struct buf *out, uint64_t value, unsigned octets)
{
    while (octets-- > 0)
        (void)buf_add_byte(out, (uint8_t)(value >> 8 * octets));
}

static size_t
number(const uint8_t *p, unsigned octets)
{
    size_t value = 0;

    while (octets-- > 0)
        value = value << 8 | *p++;
    return value;
}

void
signer_request_encode(const struct signer_request *request, struct buf *out)
{
    bool is_sign = request->op == SIGNER_SIGN;

    add_number(out,
               REQUEST_HEAD + request->id_len + request->label_len +
                   request->data_len,
               SIGNER_FRAME_HEAD);
    add_number(out, request->op, 1);
    add_number(out, is_sign ? request->scheme : (unsigned)request->type, 1);
    add_number(out, request->id_len, 1);
    add_number(out, request->label_len, 1);
    add_number(out, request->count, 2);
    (void)buf_add(out, request->id, request->id_len);
    (void)buf_add(out, request->label, request->label_len);
    (void)buf_add(out, request->data, request->data_len);
}

bool
signer_request_parse(const uint8_t *data, size_t len,
                     struct signer_request *out)
{
    size_t kind;

    memset(out, 0, sizeof *out);
    if (len < REQUEST_HEAD || data[0] < SIGNER_KEY_GET ||
        data[0] >= SIGNER_OP_END)
        return false;
    out->op = (enum signer_op)data[0];
    kind = data[1];
    if (kind >= (out->op == SIGNER_SIGN ? (size_t)HSM_SCHEME_COUNT
                                        : (size_t)HSM_KEY_TYPE_COUNT))
        return false;
    if (out->op == SIGNER_SIGN)
        out->scheme = (enum hsm_scheme)kind;
    else
        out->type = (enum hsm_key_type)kind;
    out->id_len = data[2];
    out->label_len = data[3];
    out->count = number(data + 4, 2);
    len -= REQUEST_HEAD;
    if (out->id_len > HSM_ID_MAX || out->label_len > HSM_LABEL_MAX ||
        out->count > HSM_RANDOM_MAX || out->id_len + out->label_len > len)
        return false;
    out->id = data + REQUEST_HEAD;
    out->label = (const char *)out->id + out->id_len;
    out->data = out->id + out->id_len + out->label_len;
    out->data_len = len - out->id_len - out->label_len;
    return out->data_len <= HSM_MESSAGE_MAX;
}

void
signer_reply_encode(const struct signer_reply *reply, struct buf *out)
{
    bool is_error = reply->error.code != ERROR_NONE;
    size_t what_len =
        is_error ? strnlen(reply->error.what, ERROR_WHAT_MAX - 1) : 0;
    size_t cause_len =
        is_error ? strnlen(reply->error.cause, ERROR_CAUSE_MAX - 1) : 0;

    add_number(out, REPLY_HEAD + what_len + cause_len + reply->len,
               SIGNER_FRAME_HEAD);
    add_number(out, reply->error.code, 1);
    add_number(out, reply->is_lost, 1);
    add_number(out, reply->type, 1);
    add_number(out, 0, 1);
    add_number(out, what_len, 2);
    add_number(out, cause_len, 2);
    (void)buf_add(out, reply->error.what, what_len);
    (void)buf_add(out, reply->error.cause, cause_len);
    (void)buf_add(out, reply->data, reply->len);
}

bool
signer_reply_parse(const uint8_t *data, size_t len, struct signer_reply *out)
{
    size_t what_len, cause_len;

    if (len < REPLY_HEAD || data[0] > ERROR_INTERNAL || data[1] > 1 ||
        data[2] >= HSM_KEY_TYPE_COUNT || data[3] != 0)
        return false;
    what_len = number(data + 4, 2);
    cause_len = number(data + 6, 2);
    if (what_len >= ERROR_WHAT_MAX || cause_len >= ERROR_CAUSE_MAX ||
        what_len + cause_len > len - REPLY_HEAD)
        return false;
    out->error.code = (enum error_code)data[0];
    out->is_lost = data[1] == 1;
    out->type = (enum hsm_key_type)data[2];
    /* Texts belong to errors, and have no NUL. */
    if ((data[0] == ERROR_NONE && what_len + cause_len > 0) ||
        memchr(data + REPLY_HEAD, '\0', what_len + cause_len) != NULL)
        return false;
    data += REPLY_HEAD;
    len -= REPLY_HEAD + what_len + cause_len;
    if (len > SIGNER_REPLY_MAX)
        return false;
    memcpy(out->error.what, data, what_len);
    out->error.what[what_len] = '\0';
    memcpy(out->error.cause, data + what_len, cause_len);
    out->error.cause[cause_len] = '\0';
    memcpy(out->data, data + what_len + cause_len, len);
    out->len = len;
    return true;
}

/* Waits until the socket is ready; without a limit the call itself waits. */
static bool
wait_for(int fd, short events, int64_t until_ms, struct error *err)
{
    struct pollfd ready = {.fd = fd, .events = events};
    int n;

    if (until_ms < 0)
        return true;
    do {
        int64_t left = until_ms - clock_monotonic_ms();

        n = poll(&ready, 1, left < 0 ? 0 : (int)left);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_errno(err, ERROR_INTERNAL, "poll");
    return n > 0 || error_set(err, ERROR_BUSY, "the signer does not answer");
}

bool
signer_send(int fd, const struct buf *frame, int64_t until_ms,
            struct error *err)
{
    int flags = MSG_NOSIGNAL | (until_ms < 0 ? 0 : MSG_DONTWAIT);
    size_t sent = 0;

    while (sent < frame->len) {
        ssize_t n = send(fd, frame->data + sent, frame->len - sent, flags);

        if (n >= 0)
            sent += (size_t)n;
        else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait_for(fd, POLLOUT, until_ms, err))
                return false;
        } else if (errno != EINTR)
            return error_errno(err, ERROR_NOT_FOUND, "the signer is gone");
    }
    return true;
}

bool
signer_receive(int fd, struct buf *in, int64_t until_ms, struct error *err)
{
    int flags = until_ms < 0 ? 0 : MSG_DONTWAIT;
    uint8_t chunk[CHUNK_LEN];
    size_t wanted = SIGNER_FRAME_HEAD;

    buf_reset(in);
    while (in->len < wanted) {
        ssize_t n;

        if (!wait_for(fd, POLLIN, until_ms, err))
            return false;
        n = recv(fd, chunk, sizeof chunk, flags);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return error_errno(err, ERROR_NOT_FOUND, "the signer is gone");
        if (n == 0)
            return error_set(err, ERROR_NOT_FOUND, "the signer is gone");
        if (!buf_add(in, chunk, (size_t)n))
            return error_set(err, ERROR_INTERNAL, "frame too long");
        if (in->len >= SIGNER_FRAME_HEAD)
            wanted = SIGNER_FRAME_HEAD + number(in->data, SIGNER_FRAME_HEAD);
        if (wanted > SIGNER_FRAME_MAX || in->len > wanted)
            return error_set(err, ERROR_INTERNAL, "not one frame");
    }
    return true;
}
