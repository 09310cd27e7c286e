/* Certificate extensions that we write: RFC 5280, 4.2; RFC 6960, 4.2.2.2.1. */
#ifndef CA_CORE_EXTENSION_H
#define CA_CORE_EXTENSION_H

#include "base/der.h"

/* In the order in which they stand in a certificate. */
enum extension_id {
    EXTENSION_AUTHORITY_KEY_IDENTIFIER,
    EXTENSION_SUBJECT_KEY_IDENTIFIER,
    EXTENSION_BASIC_CONSTRAINTS,
    EXTENSION_KEY_USAGE,
    EXTENSION_EXTENDED_KEY_USAGE,
    EXTENSION_CERTIFICATE_POLICIES,
    EXTENSION_OCSP_NOCHECK,
    EXTENSION_ORGANIZATION_CODE, /* OID and string type by profile */
    EXTENSION_SUBJECT_ALTERNATIVE_NAME,
    EXTENSION_AUTHORITY_INFORMATION_ACCESS,
    EXTENSION_CRL_DISTRIBUTION_POINTS,
    EXTENSION_ID_COUNT,
};

/* Bits of keyUsage as numbered by RFC 5280, 4.2.1.3. */
enum key_usage {
    KEY_USAGE_DIGITAL_SIGNATURE = 1 << 0,
    KEY_USAGE_NON_REPUDIATION = 1 << 1,
    KEY_USAGE_KEY_ENCIPHERMENT = 1 << 2,
    KEY_USAGE_DATA_ENCIPHERMENT = 1 << 3,
    KEY_USAGE_KEY_AGREEMENT = 1 << 4,
    KEY_USAGE_KEY_CERT_SIGN = 1 << 5,
    KEY_USAGE_CRL_SIGN = 1 << 6,
    KEY_USAGE_ENCIPHER_ONLY = 1 << 7,
    KEY_USAGE_DECIPHER_ONLY = 1 << 8,
};
enum { KEY_USAGE_COUNT = 9 };

/* "digitalSignature", ...; NULL past the last. */
const char *key_usage_name(unsigned bit);

/* Content octets of the OID; empty for EXTENSION_ORGANIZATION_CODE. Static. */
struct der extension_oid(enum extension_id id);
bool extension_find(struct der oid, enum extension_id *out) MUST_CHECK;
/* "keyUsage": for messages and listings. */
const char *extension_name(enum extension_id id);

/* Frame of one extension: begin, write the value, end with the mark. */
struct extension_mark {
    size_t sequence, octets;
};
struct extension_mark extension_begin(struct buf *out, struct der oid,
                                      bool is_critical);
void extension_end(struct buf *out, struct extension_mark mark);

/* One whole extension each. */
void extension_add_authority_key(struct buf *out, const uint8_t *id,
                                 size_t len);
void extension_add_subject_key(struct buf *out, const uint8_t *id, size_t len);
void extension_add_basic_constraints(struct buf *out, bool is_critical,
                                     bool is_ca, int path_len); /* -1: none */
void extension_add_key_usage(struct buf *out, bool is_critical, unsigned bits);
/* URLs are IA5 text; NULL leaves the access method out. */
void extension_add_information_access(struct buf *out, const char *ocsp,
                                      const char *ca_issuers);
void extension_add_crl_point(struct buf *out, bool is_critical,
                             const char *url);
void extension_add_ocsp_nocheck(struct buf *out);

#endif
