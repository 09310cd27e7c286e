/*
 * Strict DER (X.690): a reader that walks borrowed octets without allocating,
 * and a writer that appends to a struct buf.
 */
#ifndef BASE_DER_H
#define BASE_DER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8_STRING = 0x0c,
    DER_PRINTABLE_STRING = 0x13,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
};

/* Context-specific tags [n]. */
#define DER_CONTEXT(n) (0x80 | (n))
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0 | (n))

/* What is left to read. Borrowed. */
struct der {
    const uint8_t *data;
    size_t len;
};

struct der_item {
    uint8_t tag;
    struct der value; /* the content octets */
    struct der whole; /* tag, length and content */
};

/* Takes one item off `in`. False, with `in` untouched, when there is none or
 * its encoding is not DER: indefinite or non-minimal length, a tag number over
 * 30, a length past the end. */
bool der_next(struct der *in, struct der_item *item) MUST_CHECK;

/* As der_next(), and the tag must be `tag`; `value` gets the content. */
bool der_take(struct der *in, uint8_t tag, struct der *value) MUST_CHECK;

/* As der_take() if the next tag is `tag`; otherwise nothing is taken, `value`
 * is empty with data NULL. False only when the item is malformed. */
bool der_take_optional(struct der *in, uint8_t tag,
                       struct der *value) MUST_CHECK;

/* A minimally encoded INTEGER that is not negative; `value` loses the sign
 * octet. */
bool der_take_unsigned(struct der *in, struct der *value) MUST_CHECK;

bool der_take_small(struct der *in, int64_t max, int64_t *out) MUST_CHECK;
bool der_take_boolean(struct der *in, bool *out) MUST_CHECK;

/* The content octets of an OBJECT IDENTIFIER: at least one arc, each in its
 * shortest form and whole (X.690, 8.19.2). */
bool der_take_oid(struct der *in, struct der *content) MUST_CHECK;

/* BIT STRING with no unused bits. */
bool der_take_octet_bits(struct der *in, struct der *value) MUST_CHECK;

/* UTCTime or GeneralizedTime as RFC 5280, 4.1.2.5 has them: Z, no fractions. */
bool der_take_time(struct der *in, int64_t *out) MUST_CHECK;

bool der_equal(struct der a, struct der b);

/* Writer. begin/end nest; end patches the length in. */
size_t der_begin(struct buf *out, uint8_t tag);
void der_end(struct buf *out, size_t mark);
void der_add(struct buf *out, uint8_t tag, const void *value, size_t len);
void der_add_unsigned(struct buf *out, const uint8_t *magnitude, size_t len);
void der_add_small(struct buf *out, int64_t value); /* 0 or more */
void der_add_boolean(struct buf *out, bool value);
void der_add_null(struct buf *out);
/* `content`: the OID's content octets. */
void der_add_oid(struct buf *out, const uint8_t *content, size_t len);
void der_add_octet_bits(struct buf *out, const void *value, size_t len);
/* Named bits, bit 0 first (the 0x80 of the first octet); trailing zeros are
 * removed: X.690, 11.2.2. */
void der_add_named_bits(struct buf *out, uint16_t bits, unsigned count);
/* UTCTime through 2049, GeneralizedTime after: RFC 5280, 4.1.2.5. */
void der_add_time(struct buf *out, int64_t at);
void der_add_generalized_time(struct buf *out, int64_t at);

/* "1.2.840.10045.4.3.2" to content octets and back. */
bool der_oid_parse(const char *text, uint8_t *out, size_t max,
                   size_t *len) MUST_CHECK;
bool der_oid_format(const uint8_t *content, size_t len, char *out,
                    size_t max) MUST_CHECK;

#endif
