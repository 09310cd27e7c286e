/*
 * CBOR (RFC 8949) as CTAP2 writes it (FIDO CTAP 2.1, section 8, "canonical
 * CBOR encoding form"): definite lengths, shortest heads, map keys in order and
 * each once, no tags, no floating point, nothing nested deeper than
 * CBOR_DEPTH_MAX. All else is refused. Values are views of the octets that were
 * parsed and allocate nothing.
 */
#ifndef BASE_CBOR_H
#define BASE_CBOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    CBOR_MAX_LEN = 65536,
    CBOR_DEPTH_MAX = 4, /* maps and arrays within each other: CTAP 2.1, 8 */
};

enum cbor_type {
    CBOR_INTEGER, /* of major type 0 or 1, within int64_t */
    CBOR_BYTES,
    CBOR_TEXT, /* well-formed UTF-8 */
    CBOR_ARRAY,
    CBOR_MAP, /* keys are integers or texts */
    CBOR_FALSE,
    CBOR_TRUE,
    CBOR_NULL,
};

struct cbor {
    enum cbor_type type;
    int64_t integer;
    const uint8_t *data; /* octets, text, or the encoded members; borrowed */
    size_t len;          /* of data */
    size_t count;        /* elements of an array, pairs of a map */
};

/* One data item at the start of `data`, judged wholly. `used` gets its encoded
 * length; if it is NULL, nothing may follow. ERROR_INPUT. */
bool cbor_parse(const uint8_t *data, size_t len, size_t *used, struct cbor *out,
                struct error *err) MUST_CHECK;

/* The value of a key of a map that cbor_parse() gave; false: not there. */
bool cbor_find_text(const struct cbor *map, const char *key,
                    struct cbor *out) MUST_CHECK;
bool cbor_find_integer(const struct cbor *map, int64_t key,
                       struct cbor *out) MUST_CHECK;

#endif
