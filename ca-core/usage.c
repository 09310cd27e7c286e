/* Purposes and usages of keys; see ca-core/usage.h. */
#include "ca-core/usage.h"

#include <string.h>

/* id-kp is 1.3.6.1.5.5.7.3. */
#define ID_KP(last) "\x2b\x06\x01\x05\x05\x07\x03" last

enum { ID_KP_LEN = 8 };

enum {
    SIGNING = KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_NON_REPUDIATION,
    AUTHORITY = KEY_USAGE_KEY_CERT_SIGN | KEY_USAGE_CRL_SIGN,
};

static const struct {
    const char *name;
    const char *oid;
    unsigned usage;
} purposes[PURPOSE_COUNT] = {
    [PURPOSE_SERVER_AUTH] = {"serverAuth", ID_KP("\x01"),
                             KEY_USAGE_DIGITAL_SIGNATURE |
                                 KEY_USAGE_KEY_ENCIPHERMENT |
                                 KEY_USAGE_KEY_AGREEMENT},
    [PURPOSE_CLIENT_AUTH] = {"clientAuth", ID_KP("\x02"),
                             KEY_USAGE_DIGITAL_SIGNATURE |
                                 KEY_USAGE_KEY_AGREEMENT},
    [PURPOSE_CODE_SIGNING] = {"codeSigning", ID_KP("\x03"),
                              KEY_USAGE_DIGITAL_SIGNATURE},
    [PURPOSE_EMAIL_PROTECTION] = {"emailProtection", ID_KP("\x04"),
                                  SIGNING | KEY_USAGE_KEY_ENCIPHERMENT |
                                      KEY_USAGE_KEY_AGREEMENT},
    [PURPOSE_TIME_STAMPING] = {"timeStamping", ID_KP("\x08"), SIGNING},
    [PURPOSE_OCSP_SIGNING] = {"OCSPSigning", ID_KP("\x09"), SIGNING},
};

const char *
purpose_name(enum purpose purpose)
{
    return purposes[purpose].name;
}

bool
purpose_find(const char *name, enum purpose *out)
{
    for (unsigned i = 0; i < PURPOSE_COUNT; i++)
        if (strcmp(name, purposes[i].name) == 0) {
            *out = (enum purpose)i;
            return true;
        }
    return false;
}

struct der
purpose_oid(enum purpose purpose)
{
    return (struct der){(const uint8_t *)purposes[purpose].oid, ID_KP_LEN};
}

bool
purpose_of(struct der oid, enum purpose *out)
{
    for (unsigned i = 0; i < PURPOSE_COUNT; i++)
        if (der_equal(oid, purpose_oid((enum purpose)i))) {
            *out = (enum purpose)i;
            return true;
        }
    return false;
}

unsigned
usage_of_family(enum profile_family family)
{
    switch (family) {
    case PROFILE_RSA:
        return SIGNING | AUTHORITY | KEY_USAGE_KEY_ENCIPHERMENT |
               KEY_USAGE_DATA_ENCIPHERMENT;
    case PROFILE_EC:
        return SIGNING | AUTHORITY | KEY_USAGE_KEY_AGREEMENT |
               KEY_USAGE_ENCIPHER_ONLY | KEY_USAGE_DECIPHER_ONLY;
    case PROFILE_EDWARDS:
    case PROFILE_FAMILY_COUNT:
        break;
    }
    return SIGNING | AUTHORITY;
}

unsigned
usage_of_purpose(enum purpose purpose)
{
    return purposes[purpose].usage;
}
