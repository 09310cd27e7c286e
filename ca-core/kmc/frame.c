/* Frames between signet-kmc and signet-krec; see ca-core/kmc/frame.h. */
#include "ca-core/kmc/frame.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static size_t
number(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

static void
add_number(struct buf *out, size_t n)
{
    const uint8_t octet[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16),
                              (uint8_t)(n >> 8), (uint8_t)n};

    buf_add(out, octet, sizeof octet);
}

bool
frame_parse(const uint8_t *data, size_t len, struct frame *out,
            struct error *err)
{
    size_t at = 2;

    *out = (struct frame){0};
    if (len < 2 || len > FRAME_MAX || data[1] > FRAME_FIELDS_MAX)
        return error_set(err, ERROR_INPUT, "not a frame");
    out->verb = data[0];
    out->count = data[1];
    for (size_t i = 0; i < out->count; i++) {
        if (len - at < 4 || number(data + at) > len - at - 4)
            return error_set(err, ERROR_INPUT, "a frame that was cut");
        out->field[i].len = number(data + at);
        out->field[i].data = data + at + 4;
        at += 4 + out->field[i].len;
    }
    return at == len ||
           error_set(err, ERROR_INPUT, "octets after the fields of a frame");
}

bool
frame_encode(const struct frame *frame, struct buf *out, struct error *err)
{
    size_t len = 2;

    assert(frame->count <= FRAME_FIELDS_MAX);
    for (size_t i = 0; i < frame->count; i++)
        len += 4 + frame->field[i].len;
    if (len > FRAME_MAX)
        return error_set(err, ERROR_INPUT, "a frame of %zu octets", len);
    add_number(out, len);
    buf_add_byte(out, frame->verb);
    buf_add_byte(out, (uint8_t)frame->count);
    for (size_t i = 0; i < frame->count; i++) {
        add_number(out, frame->field[i].len);
        buf_add(out, frame->field[i].data, frame->field[i].len);
    }
    return !buf_is_full(out) ||
           error_set(err, ERROR_INTERNAL, "a frame too long");
}

/* Exactly `len` octets; *got tells how many came before the end. */
static bool
read_all(int fd, uint8_t *out, size_t len, size_t *got, struct error *err)
{
    *got = 0;
    while (*got < len) {
        ssize_t n = read(fd, out + *got, len - *got);

        if (n == 0)
            return error_set(err, ERROR_NOT_FOUND, "the other side closed");
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, ERROR_BUSY, "no answer");
        *got += (size_t)n;
    }
    return true;
}

bool
frame_read(int fd, struct buf *data, struct frame *out, bool *is_end,
           struct error *err)
{
    uint8_t head[FRAME_HEAD_LEN];
    uint8_t part[4096];
    size_t len, got;

    *is_end = false;
    if (!read_all(fd, head, sizeof head, &got, err)) {
        *is_end = got == 0 && err->code == ERROR_NOT_FOUND;
        return false;
    }
    len = number(head);
    if (len > FRAME_MAX)
        return error_set(err, ERROR_INPUT, "a frame of %zu octets", len);
    while (data->len < len) {
        size_t want =
            len - data->len < sizeof part ? len - data->len : sizeof part;

        if (!read_all(fd, part, want, &got, err))
            return false;
        buf_add(data, part, want);
    }
    explicit_bzero(part, sizeof part);
    return frame_parse(data->data, data->len, out, err);
}

bool
frame_write(int fd, const struct frame *frame, struct error *err)
{
    struct buf octets = BUF_INIT(FRAME_HEAD_LEN + FRAME_MAX);
    size_t sent = 0;
    bool ok = frame_encode(frame, &octets, err);

    while (ok && sent < octets.len) {
        ssize_t n =
            send(fd, octets.data + sent, octets.len - sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            ok = error_errno(err, ERROR_BUSY, "the other side is gone");
        else
            sent += (size_t)n;
    }
    buf_cleanse(&octets);
    return ok;
}
