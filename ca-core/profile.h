/*
 * Profiles: what a certificate of a kind contains and allows. One XML file each
 * (config/profiles, under config/schema/profile.xsd), read once, then const.
 */
#ifndef CA_CORE_PROFILE_H
#define CA_CORE_PROFILE_H

#include "base/buf.h"
#include "base/der.h"
#include "base/xml.h"
#include "ca-core/extension.h"
#include "ca-core/name.h"
#include "ca-core/san.h"
#include "ca-core/validity.h"
#include "hsm/scheme.h"

enum {
    PROFILE_NAME_MAX = 64,
    PROFILE_OID_MAX = 32, /* content octets */
    PROFILE_PURPOSES_MAX = 16,
    PROFILE_POLICIES_MAX = 8,
    PROFILE_READY_MAX = 4096,   /* octets of extensions that never change */
    ORGANIZATION_CODE_MAX = 64, /* characters */
};

/* Who may ask for a certificate of the profile. A key ceremony may use every
 * profile: the first officers' certificates are made there. */
enum profile_orderer {
    PROFILE_BY_OFFICERS, /* orders with two reviews */
    PROFILE_BY_CEREMONY, /* the ceremony alone */
    PROFILE_BY_SYSTEM,   /* signet-ca by itself: OCSP signers */
};

/* Who signs it. */
enum profile_issuer {
    PROFILE_ISSUER_SELF,    /* its own key */
    PROFILE_ISSUER_ROOT,    /* ca.issuer.is_root */
    PROFILE_ISSUER_ISSUING, /* any other */
    PROFILE_ISSUER_ANY,     /* root or issuing: OCSP signers */
};

enum profile_presence {
    PROFILE_FORBIDDEN, /* not listed in the file */
    PROFILE_OPTIONAL,
    PROFILE_REQUIRED,
    PROFILE_FIXED, /* the profile's value; an order may repeat it */
};

struct profile_attribute {
    enum profile_presence presence;
    const char *value; /* PROFILE_FIXED */
    size_t max;        /* characters */
};

enum profile_family { /* key usage depends on it: RFC 4055, 5480, 8410 */
                      PROFILE_RSA,
                      PROFILE_EC,
                      PROFILE_EDWARDS,
                      PROFILE_FAMILY_COUNT,
};

struct profile_oid {
    uint8_t octet[PROFILE_OID_MAX]; /* content */
    size_t len;
};

struct profile {
    char name[PROFILE_NAME_MAX + 1];
    const char *title_en, *title_zh;
    enum profile_orderer ordered_by;
    bool is_kind_allowed[API_KIND_COUNT]; /* of orders */
    bool is_holder_allowed; /* holders renew, and revoke, their own */
    enum profile_issuer issuer;
    const char *issuer_pattern; /* of ca.issuer.name, as glob(7): "issuing-*" */

    /* No certificate outside the predecessor's line may carry the key: neither
     * live nor past, under whatever profile. */
    bool is_key_unique;
    /* No other live certificate of this profile and issuer may have the
     * subject, but the predecessor. */
    bool is_subject_unique;

    struct profile_attribute subject[API_ATTRIBUTE_COUNT];
    bool is_key_allowed[HSM_KEY_TYPE_COUNT];
    struct validity_limits validity;

    bool has[EXTENSION_ID_COUNT]; /* may or must be there */
    bool is_critical[EXTENSION_ID_COUNT];
    bool is_ca;
    int path_len; /* -1: no limit */
    unsigned key_usage[PROFILE_FAMILY_COUNT];
    struct profile_oid purpose[PROFILE_PURPOSES_MAX];
    size_t purpose_count;
    struct {
        struct profile_oid oid;
        const char *cps; /* URI or NULL */
    } policy[PROFILE_POLICIES_MAX];
    size_t policy_count;
    struct {
        enum profile_presence presence;
        size_t max; /* names of this type */
    } san[SAN_TYPE_COUNT];
    bool has_ocsp_url, has_ca_issuers_url; /* in authorityInfoAccess */
    struct {
        enum profile_presence presence;
        struct profile_oid oid;
        uint8_t tag; /* DER_PRINTABLE_STRING or DER_UTF8_STRING */
    } organization_code;

    /* Extensions that are the same in every certificate of the profile and key
     * family (basicConstraints to ocsp-nocheck), ready to copy. */
    struct buf ready[PROFILE_FAMILY_COUNT];

    struct xml *xml; /* where the texts above stand; owned */
};

/* Reads one file. `schema_dir` holds profile.xsd. ERROR_INPUT tells file, line
 * and reason: not well-formed, against the schema, or against itself. */
bool profile_load(const char *path, const char *schema_dir,
                  struct profile **out, struct error *err) MUST_CHECK;
/* From memory; `file` stands in errors. */
bool profile_parse(const uint8_t *xml, size_t len, const char *file,
                   const char *schema_dir, struct profile **out,
                   struct error *err) MUST_CHECK;
void profile_free(struct profile *profile); /* NULL is nothing */

/* All profiles of a folder (*.xml), sorted by name. A wrong file, or one whose
 * name is not its profile's, refuses the whole folder. */
struct profile_set {
    struct profile **at; /* owned */
    size_t count;
};
bool profile_set_load(const char *dir, const char *schema_dir,
                      struct profile_set *out, struct error *err) MUST_CHECK;
void profile_set_clear(struct profile_set *set);
/* NULL when there is none. */
const struct profile *profile_set_find(const struct profile_set *set,
                                       const char *name);

/* By name and kind of the issuer; not for PROFILE_ISSUER_SELF. */
bool profile_allows_issuer(const struct profile *profile, const char *name,
                           bool is_root);
enum profile_family profile_family(enum hsm_key_type type);

/* The order's attributes against the rules: `out` gets them and the fixed ones
 * (borrowed from both). ERROR_INPUT names the attribute. */
bool profile_apply_subject(const struct profile *profile,
                           const struct api_subject *ordered,
                           struct api_subject *out,
                           struct error *err) MUST_CHECK;
bool profile_check_san(const struct profile *profile, const struct api_san *san,
                       size_t count, struct error *err) MUST_CHECK;
/* `code` may be NULL. */
bool profile_check_organization_code(const struct profile *profile,
                                     const char *code,
                                     struct error *err) MUST_CHECK;
bool profile_check_key(const struct profile *profile, enum hsm_key_type type,
                       struct error *err) MUST_CHECK;

/* The profile in words, for people. */
void profile_format(const struct profile *profile, struct buf *out);

#endif
