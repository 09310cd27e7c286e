/*
 * What signet-kmc and its recovery process (signet-krec) say to each other over
 * a socket pair: a length (4 octets, big-endian, of what follows), a verb, the
 * number of fields, and each field with its length (4 octets).
 */
#ifndef CA_CORE_KMC_FRAME_H
#define CA_CORE_KMC_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    FRAME_HEAD_LEN = 4,
    FRAME_MAX = 32768, /* of what follows the length */
    FRAME_FIELDS_MAX = 20,
};

enum frame_verb {
    FRAME_OPEN = 'o',     /* shares: each a field */
    FRAME_MAKE_KEY = 'm', /* CKA_ID -> SPKI */
    FRAME_REWRAP = 'w',   /* CKA_ID, content key, target SPKI -> content key */
    FRAME_PROVE = 'p',    /* CKA_ID, content key, wrapped, SPKI -> nothing */
    FRAME_ENVELOP = 'e',  /* those and a certificate -> CMS EnvelopedData */
    FRAME_DONE = 'd',     /* one field or none */
    FRAME_FAILED = 'f',   /* error code (one octet), text */
};

struct frame_field {
    const uint8_t *data; /* borrowed */
    size_t len;
};

struct frame {
    uint8_t verb;
    size_t count;
    struct frame_field field[FRAME_FIELDS_MAX];
};

/* What follows the length; the fields are borrowed from `data`. ERROR_INPUT. */
bool frame_parse(const uint8_t *data, size_t len, struct frame *out,
                 struct error *err) MUST_CHECK;

/* With the length. `out` has a limit of FRAME_HEAD_LEN + FRAME_MAX. */
bool frame_encode(const struct frame *frame, struct buf *out,
                  struct error *err) MUST_CHECK;

/* One frame by a socket or pipe, blocking as long as that does; `data` gets its
 * octets and the caller cleanses it. *is_end: the other side closed before it
 * began. */
bool frame_read(int fd, struct buf *data, struct frame *out, bool *is_end,
                struct error *err) MUST_CHECK;
bool frame_write(int fd, const struct frame *frame,
                 struct error *err) MUST_CHECK;

#endif
