/* Serial numbers of certificates: RFC 5280, 4.1.2.2. */
#ifndef CA_CORE_SERIAL_H
#define CA_CORE_SERIAL_H

#include <stdint.h>

#include "base/buf.h"

enum { SERIAL_LEN = 16 }; /* octets; at most 20: RFC 5280, 4.1.2.2 */
enum { SERIAL_TEXT_LEN = 2 * SERIAL_LEN };

struct serial {
    uint8_t octet[SERIAL_LEN]; /* big-endian; the first is 0x01..0x7f */
};

/*
 * Draws a serial from the system's random generator: positive, and of the same
 * length in DER and in the database. Whether it is new, the unique index of
 * the database decides. Fails with ERROR_INTERNAL for want of entropy.
 */
bool serial_draw(struct serial *out, struct error *err) MUST_CHECK;

/* Lower-case hex, 32 digits, and back. ERROR_INPUT for anything that
 * serial_draw() could not have drawn. */
void serial_format(const struct serial *serial, char out[SERIAL_TEXT_LEN + 1]);
bool serial_parse(const char *text, struct serial *out,
                  struct error *err) MUST_CHECK;

#endif
