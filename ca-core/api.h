/*
 * The messages of the CA core, shared by whoever sends them (RA, command line)
 * and the core: the order, the decisions over it, the answer. Read strictly
 * (unknown members, wrong types and members of another kind are refused),
 * written in one way. docs/architecture.md, "Messages", describes the JSON.
 *
 * Text in these structs is UTF-8, NUL-terminated. A parsed struct owns a
 * reference to its JSON and borrows text from it; one that is filled by hand to
 * be encoded borrows everything from its maker.
 */
#ifndef CA_CORE_API_H
#define CA_CORE_API_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "base/json.h"
#include "base/text.h"

enum {
    API_SERIAL_LEN = 16,
    API_TARGETS_MAX = 10000, /* certificates in one order */
    API_SANS_MAX = 64,
    API_DECISIONS_MAX = 8,
    API_ROLES_MAX = 9,
    API_NAME_MAX = 64,   /* issuers, profiles */
    API_TEXT_MAX = 2048, /* octets of one subject or SAN value; the name
                            rules of the profile are narrower */
    API_CSR_MAX = 16384,
    API_CERTIFICATE_MAX = 65536,
    API_SIGNATURE_MAX = 1024,
    API_BODY_MAX = 4 * 1024 * 1024, /* an envelope with 10,000 targets fits */
};

enum api_kind {
    API_ISSUE,
    API_RENEW,
    API_REKEY,
    API_REISSUE,
    API_CHANGE,
    API_HOLD,
    API_RELEASE,
    API_REVOKE,
    API_ENROLL_OFFICER,
    API_DISMISS_OFFICER,
    API_KIND_COUNT,
};

/* Attributes of a subject by their name in JSON, in the order of the DER
 * RDNSequence that is made of them. */
enum api_attribute {
    API_COUNTRY,                 /* country */
    API_STATE,                   /* state */
    API_LOCALITY,                /* locality */
    API_STREET,                  /* street */
    API_ORGANIZATION,            /* organization */
    API_ORGANIZATION_IDENTIFIER, /* organization_identifier */
    API_ORGANIZATIONAL_UNIT,     /* organizational_unit */
    API_TITLE,                   /* title */
    API_SURNAME,                 /* surname */
    API_GIVEN_NAME,              /* given_name */
    API_SERIAL_NUMBER,           /* serial_number */
    API_COMMON_NAME,             /* common_name */
    API_EMAIL,                   /* email */
    API_ATTRIBUTE_COUNT,
};

struct api_subject {
    const char *attribute[API_ATTRIBUTE_COUNT]; /* NULL: absent */
};

enum api_san_type { API_SAN_DNS, API_SAN_IP, API_SAN_EMAIL, API_SAN_URI };

struct api_san {
    enum api_san_type type;
    const char *value;
};

enum api_validity_rule {
    API_VALIDITY_YEARS,  /* from now */
    API_VALIDITY_DAYS,   /* from now */
    API_VALIDITY_KEEP,   /* until the predecessor's notAfter */
    API_VALIDITY_EXTEND, /* the predecessor's notAfter and `amount` years */
};

struct api_validity {
    enum api_validity_rule rule;
    int amount; /* years or days; 0 for keep */
};

/* CRLReason, RFC 5280, 5.3.1. Hold is what an order of kind hold gives; it is
 * no reason that an order may name. */
enum api_reason {
    API_REASON_UNSPECIFIED = 0,
    API_REASON_KEY_COMPROMISE = 1,
    API_REASON_AFFILIATION_CHANGED = 3,
    API_REASON_SUPERSEDED = 4,
    API_REASON_CESSATION_OF_OPERATION = 5,
    API_REASON_CERTIFICATE_HOLD = 6,
    API_REASON_PRIVILEGE_WITHDRAWN = 9,
};

enum api_fate_action { API_FATE_NONE, API_FATE_HOLD, API_FATE_REVOKE };

struct api_fate {
    enum api_fate_action action;
    enum api_reason reason; /* of revoke */
};

/* A certificate by its issuer's name and its serial. */
struct api_certificate_ref {
    const char *issuer;
    uint8_t serial[API_SERIAL_LEN]; /* in JSON 32 lower-case hex digits */
};

enum api_role {
    API_ROLE_BUSINESS_ADMINISTRATOR,
    API_ROLE_FIRST_REVIEWER,
    API_ROLE_SECOND_REVIEWER,
    API_ROLE_MAKER,
    API_ROLE_INTAKE_CLERK,
    API_ROLE_FINANCE,
    API_ROLE_KMC_OPERATOR,
    API_ROLE_AUDITOR,
    API_ROLE_AUDIT_ADMINISTRATOR,
    API_ROLE_COUNT,
};

enum api_credential_kind { API_CREDENTIAL_X509 };

struct api_officer {
    const char *officer_id; /* UUID */
    const char *name;
    const char *person; /* personnel number: one human being */
    enum api_role role[API_ROLES_MAX];
    size_t role_count;
    enum api_credential_kind credential_kind;
    const uint8_t *certificate; /* DER */
    size_t certificate_len;
};

struct api_order {
    char order_id[TEXT_UUID_LEN + 1];
    enum api_kind kind;
    int64_t created_at;
    const char *account; /* the applicant; all kinds but the officers' */
    const char *person;

    /* issue, renew, rekey, reissue, change */
    const char *profile;
    const char *issuer; /* NULL: the active one that the profile names */
    bool has_subject;   /* issue, change */
    struct api_subject subject;
    const struct api_san *san; /* issue, change */
    size_t san_count;
    const char *organization_code; /* issue, change; NULL: none */
    const uint8_t *csr;
    size_t csr_len;
    struct api_validity validity;

    /* renew, rekey, reissue, change */
    struct api_certificate_ref predecessor;
    struct api_fate fate;

    /* hold, release, revoke: certificates, or (revoke only) a key */
    const struct api_certificate_ref *target;
    size_t target_count;
    bool has_key;
    uint8_t spki_sha256[32];
    enum api_reason reason;  /* revoke */
    int64_t invalidity_date; /* revoke; 0: none */

    struct api_officer officer; /* enroll-officer */
    const char *officer_id;     /* dismiss-officer */

    json_t *json;   /* what it was parsed from; NULL if made by hand */
    void *owned[4]; /* arrays and octets of a parsed order */
};

/* Steps of a decision and who takes them: docs/architecture.md. */
enum api_step {
    API_STEP_ENTRY,
    API_STEP_FIRST_REVIEW,
    API_STEP_SECOND_REVIEW,
    API_STEP_ADMINISTRATION,
    API_STEP_SECOND_ADMINISTRATION,
    API_STEP_COUNT,
};

/* The only verdict that an order carries is "approve". */
struct api_decision {
    enum api_step step;
    char officer_id[TEXT_UUID_LEN + 1];
    uint8_t credential_id[32];
    int64_t decided_at;
    uint8_t signature[API_SIGNATURE_MAX];
    size_t signature_len;
};

struct api_envelope {
    struct api_order *order;
    struct api_decision decision[API_DECISIONS_MAX];
    size_t decision_count;
};

/* ---- Names ------------------------------------------------------------- */

const char *api_kind_name(enum api_kind kind);
const char *api_attribute_name(enum api_attribute attribute);
const char *api_reason_name(enum api_reason reason);
const char *api_role_name(enum api_role role);
const char *api_step_name(enum api_step step);
bool api_kind_find(const char *name, enum api_kind *out) MUST_CHECK;
/* Any reason that is a row above, certificateHold too. */
bool api_reason_find(const char *name, enum api_reason *out) MUST_CHECK;
bool api_role_find(const char *name, enum api_role *out) MUST_CHECK;
bool api_step_find(const char *name, enum api_step *out) MUST_CHECK;

/* The kinds that end in a certificate: issue to change. */
bool api_kind_is_issuing(enum api_kind kind);

/* ---- The order --------------------------------------------------------- */

/* Shape only: whether a profile exists, a name is allowed or a predecessor is
 * valid, the core decides. ERROR_INPUT names the member. The caller frees. */
bool api_order_parse(json_t *object, struct api_order **out,
                     struct error *err) MUST_CHECK;
void api_order_free(struct api_order *order); /* a parsed one; or NULL */

/* The JSON of an order made by hand; members that its kind does not have are
 * left out. The caller owns the result. Parsing it gives the same order. */
json_t *api_order_json(const struct api_order *order);

/* SHA-256 over the RFC 8785 form: what officers sign. */
bool api_order_digest(const json_t *order, uint8_t out[32],
                      struct error *err) MUST_CHECK;

/* ---- The decision ------------------------------------------------------ */

/* The octets that are signed: RFC 8785 form of the statement. */
bool api_statement_encode(const struct api_decision *decision,
                          const char *order_id, const uint8_t digest[32],
                          struct buf *out, struct error *err) MUST_CHECK;

bool api_decision_parse(const json_t *object, struct api_decision *out,
                        struct error *err) MUST_CHECK;
json_t *api_decision_json(const struct api_decision *decision);

/* Makes a decision: fills in the credential and signs the statement with the
 * officer's key (EC P-256, P-384, RSA, Ed25519). `certificate` is DER. The
 * order's digest and id are given. ERROR_INPUT for a key of another type. */
bool api_decision_sign(struct api_decision *decision, const char *order_id,
                       const uint8_t digest[32], const uint8_t *certificate,
                       size_t certificate_len, EVP_PKEY *key,
                       struct error *err) MUST_CHECK;

/* ---- The envelope: {"order", "decisions"} ------------------------------ */

bool api_envelope_parse(json_t *object, struct api_envelope *out,
                        struct error *err) MUST_CHECK;
void api_envelope_clear(struct api_envelope *envelope);

/* ---- The answer -------------------------------------------------------- */

enum api_state { API_RECORDED, API_DONE, API_FAILED };

struct api_answer_certificate {
    const char *issuer;
    uint8_t serial[API_SERIAL_LEN];
    uint8_t *der; /* owned by the answer */
    size_t der_len;
};

struct api_answer_change {
    const char *issuer;
    uint8_t serial[API_SERIAL_LEN];
    const char *state; /* "held", "valid", "revoked" */
};

struct api_answer {
    char order_id[TEXT_UUID_LEN + 1];
    enum api_state state;
    enum api_kind kind;  /* done */
    const char *problem; /* failed: why */
    struct api_answer_certificate *certificate;
    size_t certificate_count;
    struct api_answer_change *change; /* what was held, released, revoked */
    size_t change_count;
    json_t *json;
};

bool api_answer_parse(json_t *object, struct api_answer *out,
                      struct error *err) MUST_CHECK;
void api_answer_clear(struct api_answer *answer);

#endif
