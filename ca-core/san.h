/* Subject alternative names: RFC 5280, 4.2.1.6. */
#ifndef CA_CORE_SAN_H
#define CA_CORE_SAN_H

#include "base/buf.h"

enum { SAN_COUNT_MAX = 100, SAN_VALUE_MAX = 1024 };

enum san_type {
    SAN_DNS,
    SAN_IP,
    SAN_EMAIL,
    SAN_URI,
    SAN_TYPE_COUNT,
};

struct san {
    enum san_type type;
    const char *value; /* text: "example.cn", "2001:db8::1"; borrowed */
};

/* "dns", "ip", "email", "uri". */
const char *san_type_name(enum san_type type);
bool san_type_find(const char *name, enum san_type *out) MUST_CHECK;

/* Syntax: preferred name syntax of RFC 1034 in ASCII (labels of 63, a leading
 * "*." allowed), an IPv4 or IPv6 address, a Mailbox of RFC 5321 in ASCII, an
 * absolute URI with a scheme. ERROR_INPUT. */
bool san_check(const struct san *san, struct error *err) MUST_CHECK;

/* Appends one GeneralName. The value has been checked. */
void san_encode(const struct san *san, struct buf *out);

#endif
