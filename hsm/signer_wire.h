/*
 * What the seam asks of a token and what it answers, and the same as octets on
 * the socket between a service and its signer processes. Internal to hsm/.
 *
 * A frame is the length of the rest (4 octets, big-endian), then
 *   request: op, kind, id_len, label_len, count (2 octets), id, label, data
 *   reply:   code, is_lost, type, 0, what_len (2), cause_len (2), what, cause,
 *            data
 * One request is under way at a time; a signer's first frame is a reply that
 * says whether it is logged in.
 */
#ifndef HSM_SIGNER_WIRE_H
#define HSM_SIGNER_WIRE_H

#include "hsm/hsm.h"

enum signer_op {
    SIGNER_KEY_GET = 1,  /* id → type, spki */
    SIGNER_KEY_GENERATE, /* type, label, id → type, spki */
    SIGNER_SIGN,         /* id, scheme, digest or message → signature */
    SIGNER_RANDOM,       /* count → octets */
    SIGNER_WRAP_KEY,     /* label, id */
    SIGNER_WRAP,         /* id, data key → blob */
    SIGNER_UNWRAP,       /* id, blob → data key */
    SIGNER_PING,         /* the session stands */
    SIGNER_OP_END,
};

struct signer_request {
    enum signer_op op;
    enum hsm_scheme scheme;
    enum hsm_key_type type;
    size_t count;
    const uint8_t *id; /* all four are borrowed */
    size_t id_len;
    const char *label; /* NUL-terminated only before encoding */
    size_t label_len;
    const uint8_t *data;
    size_t data_len;
};

enum { SIGNER_REPLY_MAX = 1024 };

struct signer_reply {
    struct error error; /* code ERROR_NONE: it went well */
    bool is_lost;       /* this signer is of no more use: start another */
    enum hsm_key_type type;
    uint8_t data[SIGNER_REPLY_MAX];
    size_t len;
};

enum {
    SIGNER_FRAME_HEAD = 4,
    SIGNER_FRAME_MAX = HSM_MESSAGE_MAX + 4096,
};

/* Appends a frame. */
void signer_request_encode(const struct signer_request *request,
                           struct buf *out);
void signer_reply_encode(const struct signer_reply *reply, struct buf *out);

/* Reads what follows the length, wholly. Pointers go into `data`. False for
 * anything that the other side would not have written. */
bool signer_request_parse(const uint8_t *data, size_t len,
                          struct signer_request *out) MUST_CHECK;
bool signer_reply_parse(const uint8_t *data, size_t len,
                        struct signer_reply *out) MUST_CHECK;

/* Sends all of `frame`, receives one whole frame into `in` (whose data is then
 * the frame with its length). `until_ms` is an instant of
 * clock_monotonic_ms(), -1 for no limit. ERROR_NOT_FOUND: the other side is
 * gone; ERROR_BUSY: the time is up. */
bool signer_send(int fd, const struct buf *frame, int64_t until_ms,
                 struct error *err) MUST_CHECK;
bool signer_receive(int fd, struct buf *in, int64_t until_ms,
                    struct error *err) MUST_CHECK;

#endif
