/*
 * The outside of a CMS file, read as it streams by: BER (X.690) with definite
 * or indefinite lengths, in constant memory. What is inside and short is taken
 * whole and then judged as DER by base/der.h.
 */
#ifndef RA_CLIENT_BER_H
#define RA_CLIENT_BER_H

#include <stdio.h>

#include "base/buf.h"
#include "base/error.h"

enum {
    BER_BUFFER = 65536,
    BER_DEPTH_MAX = 16,
};

struct ber {
    FILE *file; /* borrowed */
    uint8_t buffer[BER_BUFFER];
    size_t at, len;
    uint64_t position; /* octets taken so far */
    /* Where each constructed value that is open ends; UINT64_MAX: at its
     * end-of-contents. */
    uint64_t end[BER_DEPTH_MAX];
    size_t depth;
};

void ber_init(struct ber *ber, FILE *file);

/* The tag that comes next inside the value that is open; *is_end when that has
 * none left. Nothing is taken. ERROR_INPUT for a file that ends or is no BER.
 */
bool ber_peek(struct ber *ber, uint8_t *tag, bool *is_end,
              struct error *err) MUST_CHECK;

/* Goes into a constructed value of this tag. */
bool ber_enter(struct ber *ber, uint8_t tag, struct error *err) MUST_CHECK;
/* Leaves it: nothing may be left inside. */
bool ber_leave(struct ber *ber, struct error *err) MUST_CHECK;

/* Takes one value of definite length whole, header too, into `out`, whose limit
 * is the limit. */
bool ber_take(struct ber *ber, uint8_t tag, struct buf *out,
              struct error *err) MUST_CHECK;

/* Streams the content octets of a string: primitive with tag `primitive`, or
 * constructed with tag `primitive` | 0x20 out of OCTET STRINGs, at any depth.
 */
typedef bool ber_each(const uint8_t *data, size_t len, void *arg,
                      struct error *err);
bool ber_stream(struct ber *ber, uint8_t primitive, ber_each *each, void *arg,
                struct error *err) MUST_CHECK;

/* The end of the file, and nothing after. */
bool ber_finish(struct ber *ber, struct error *err) MUST_CHECK;

#endif
