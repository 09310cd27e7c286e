/*
 * Names of subjects and issuers: attributes in text, the DER Name (RFC 5280,
 * 4.1.2.4) and its text form (RFC 4514).
 */
#ifndef CA_CORE_NAME_H
#define CA_CORE_NAME_H

#include "base/buf.h"
#include "base/der.h"
#include "ca-core/api.h"

enum { NAME_MAX_LEN = 8192 }; /* octets of a DER Name */

/* The attributes stand in the order of enum api_attribute. */
bool name_attribute_find(const char *name, enum api_attribute *out) MUST_CHECK;
/* Of an OID's content octets. */
bool name_attribute_of(struct der oid, enum api_attribute *out) MUST_CHECK;
/* The upper bound in characters: RFC 5280, appendix A.1 (ub-...); X.520 where
 * that has none. */
size_t name_attribute_max(enum api_attribute attribute);

/* Only characters of PrintableString: X.680, 41.4. */
bool name_is_printable(const char *value);

/* Judges one value: not empty, valid UTF-8 without control characters and
 * without white space at its ends, at most `max` characters, and what the
 * string type of the attribute allows. ERROR_INPUT names the attribute. */
bool name_check_value(enum api_attribute attribute, const char *value,
                      size_t max, struct error *err) MUST_CHECK;

/* Appends the DER Name: one attribute for each RDN; UTF8String, except country
 * and serialNumber (PrintableString) and emailAddress (IA5String). Checks each
 * value. ERROR_INPUT, also for a name without any attribute. */
bool name_encode(const struct api_subject *name, struct buf *out,
                 struct error *err) MUST_CHECK;

/* The attributes of a DER Name as name_encode() writes them, or with any
 * DirectoryString of the same characters (PrintableString). Each value is
 * copied, NUL-terminated, into `storage`, which must outlive `out`; its limit
 * should be NAME_MAX_LEN. An attribute twice or unknown is ERROR_INPUT. For the
 * predecessor's subject and for checks. */
bool name_parse(struct der der, struct api_subject *out, struct buf *storage,
                struct error *err) MUST_CHECK;

/* Appends RFC 4514 text of any DER Name, last RDN first: "CN=...,O=...,C=CN".
 * ERROR_INPUT when it is no DER Name. */
bool name_format(struct der der, struct buf *out, struct error *err) MUST_CHECK;

#endif
