/* Serial numbers; see ca-core/serial.h. */
#include "ca-core/serial.h"

#include <openssl/rand.h>

#include "base/text.h"

static bool
is_drawable(const struct serial *serial)
{
    return serial->octet[0] >= 0x01 && serial->octet[0] <= 0x7f;
}

bool
serial_draw(struct serial *out, struct error *err)
{
    /* The first octet decides sign and length; a draw that does not fit is
     * thrown away whole, so that those that fit stay equally likely. */
    do {
        if (RAND_bytes(out->octet, SERIAL_LEN) != 1)
            return error_openssl(err, ERROR_INTERNAL, "no random octets");
        out->octet[0] &= 0x7f;
    } while (!is_drawable(out));
    return true;
}

void
serial_format(const struct serial *serial, char out[SERIAL_TEXT_LEN + 1])
{
    text_hex(serial->octet, SERIAL_LEN, out);
}

bool
serial_parse(const char *text, struct serial *out, struct error *err)
{
    size_t len;

    if (!text_unhex(text, out->octet, SERIAL_LEN, &len) || len != SERIAL_LEN ||
        !is_drawable(out))
        return error_set(err, ERROR_INPUT,
                         "not a serial number: 32 hex digits, 01 to 7f first");
    return true;
}
