/* Between the files of the lint; for nobody else. */
#ifndef CA_CORE_LINT_RULES_H
#define CA_CORE_LINT_RULES_H

#include "ca-core/extension.h"
#include "ca-core/lint.h"
#include "ca-core/public_key.h"

enum { LINT_EXTENSIONS_MAX = 32, LINT_PURPOSES_MAX = 32 };

struct lint_extension {
    struct der oid;
    struct der value; /* in the OCTET STRING */
    bool is_critical;
};

/* A certificate taken apart, and what rules found out on the way. Borrows from
 * its octets. */
struct lint_view {
    struct findings *findings;

    struct der tbs, serial;
    struct der inner_algorithm, outer_algorithm; /* whole SEQUENCEs */
    struct der issuer, subject, spki;            /* likewise */
    struct der validity;                         /* content */
    bool has_unique_id;
    struct lint_extension extension[LINT_EXTENSIONS_MAX];
    size_t extension_count;

    struct validity_period period; /* 0, 0 when it could not be read */
    struct public_key key;         /* owned */
    bool has_key;
    bool is_ca;
    int path_len; /* -1: none */
    unsigned key_usage;
    struct der purpose[LINT_PURPOSES_MAX]; /* OIDs */
    size_t purpose_count;
    bool has_ocsp_url, has_ca_issuers_url;
    struct der authority_key_id, subject_key_id;
};

/* `clause`: "RFC 5280, 4.1.2.2" or "profile NAME". */
void lint_find(struct lint_view *view, const char *clause, const char *format,
               ...) PRINTF_LIKE(3, 4);

/* The extension, or NULL. EXTENSION_ORGANIZATION_CODE has no OID of its own and
 * is never found here. */
const struct lint_extension *lint_extension_find(const struct lint_view *view,
                                                 enum extension_id id);

/* Serial, algorithms, names, dates, key: lint_rules.c. */
void lint_fields(struct lint_view *view);
/* All extensions, in order of RFC 5280, 4.2: lint_extension.c. */
void lint_extensions(struct lint_view *view);
/* Against profile and issuer: lint_profile.c. */
void lint_conformance(struct lint_view *view, const struct profile *profile);
void lint_chaining(struct lint_view *view, const struct lint_issuer *issuer);

/* The names of a subjectAltName: each GeneralName as struct api_san, its text
 * in `storage`. What is no name of the types that we know is found against RFC
 * 5280, 4.2.1.6. Returns the count, at most `max`. */
size_t lint_alternative_names(struct lint_view *view, struct api_san *out,
                              size_t max, struct buf *storage);

#endif
