/* Subject alternative names: RFC 5280, 4.2.1.6. */
#ifndef CA_CORE_SAN_H
#define CA_CORE_SAN_H

#include "base/buf.h"
#include "ca-core/api.h"

enum { SAN_TYPE_COUNT = API_SAN_URI + 1, SAN_VALUE_MAX = 1024 };

/* "dns", "ip", "email", "uri". */
const char *san_type_name(enum api_san_type type);
bool san_type_find(const char *name, enum api_san_type *out) MUST_CHECK;

/* Syntax: preferred name syntax of RFC 1034 in ASCII (labels of 63, a leading
 * "*." allowed), an IPv4 or IPv6 address, a Mailbox of RFC 5321 in ASCII, an
 * absolute URI with a scheme. ERROR_INPUT. */
bool san_check(const struct api_san *san, struct error *err) MUST_CHECK;

/* Appends one GeneralName. The value has been checked. */
void san_encode(const struct api_san *san, struct buf *out);

#endif
