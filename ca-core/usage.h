/*
 * What keys may be used for: purposes of extendedKeyUsage and how usages go
 * with purposes and with kinds of key. Shared by profiles, which must not
 * contradict themselves, and by the lint.
 */
#ifndef CA_CORE_USAGE_H
#define CA_CORE_USAGE_H

#include "base/der.h"
#include "ca-core/extension.h"
#include "ca-core/profile.h"

enum purpose {
    PURPOSE_SERVER_AUTH,
    PURPOSE_CLIENT_AUTH,
    PURPOSE_CODE_SIGNING,
    PURPOSE_EMAIL_PROTECTION,
    PURPOSE_TIME_STAMPING,
    PURPOSE_OCSP_SIGNING,
    PURPOSE_COUNT,
};

/* "serverAuth", ... */
const char *purpose_name(enum purpose purpose);
bool purpose_find(const char *name, enum purpose *out) MUST_CHECK;
/* Content octets of its OID; static. */
struct der purpose_oid(enum purpose purpose);
bool purpose_of(struct der oid, enum purpose *out) MUST_CHECK;

/* Usages (bits of enum key_usage) that a key of the family can have: RFC 4055,
 * 1.2; RFC 8813, 3; RFC 9295, 3. */
unsigned usage_of_family(enum profile_family family);
/* Usages of which the purpose needs one or more: RFC 5280, 4.2.1.12. */
unsigned usage_of_purpose(enum purpose purpose);

#endif
