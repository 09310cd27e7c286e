/* Text forms of octets and numbers: strict, bounded, one of each. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Lower-case hex with a NUL: `out` holds 2 * len + 1. */
void text_hex(const uint8_t *data, size_t len, char *out);

/* 0 to 15, or -1 when `c` is no hex digit (either case). */
int text_hex_value(char c);

/* Exactly the hex digits (either case, even count) of `text`; at most `max`
 * octets are written. False for anything else. */
bool text_unhex(const char *text, uint8_t *out, size_t max,
                size_t *len) MUST_CHECK;

/* RFC 4648, section 4, with padding, one line. */
void text_base64(const uint8_t *data, size_t len, struct buf *out);

/* RFC 4648, section 4: canonical, padded, no white space; false otherwise. */
bool text_unbase64(const char *text, size_t text_len,
                   struct buf *out) MUST_CHECK;

/* RFC 3986, 2.1: all but what is unreserved (2.3), as the value of a query.
 * False when `out` is full. */
bool text_percent(const char *text, struct buf *out);

/* A decimal integer and nothing else: no sign but '-', no leading zero. */
bool text_int64(const char *text, int64_t min, int64_t max,
                int64_t *out) MUST_CHECK;

/* Well-formed UTF-8 (RFC 3629) without U+0000; `count` gets the characters. */
bool text_utf8(const char *text, size_t len, size_t *count) MUST_CHECK;

enum { TEXT_UUID_LEN = 36 };

/* A lower-case UUID, RFC 9562 section 4, of any version. */
bool text_is_uuid(const char *text);

/* Draws a version 4 UUID. Fails with ERROR_INTERNAL for want of entropy. */
bool text_uuid_draw(char out[TEXT_UUID_LEN + 1], struct error *err) MUST_CHECK;

/* The whole file, at most `max` octets. ERROR_NOT_FOUND, _INPUT (too long),
 * _INTERNAL. */
bool text_file_read(const char *path, size_t max, struct buf *out,
                    struct error *err) MUST_CHECK;

/* Writes beside the target, fsyncs, renames; the file gets `mode`. */
bool text_file_write(const char *path, const void *data, size_t len,
                     unsigned mode, struct error *err) MUST_CHECK;

#endif
