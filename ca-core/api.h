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
#include "hsm/scheme.h"

enum {
    API_SERIAL_LEN = 16,
    API_TARGETS_MAX = 10000, /* certificates in one order */
    API_SANS_MAX = 64,
    API_DECISIONS_MAX = 8,
    API_ROLES_MAX = 10,
    API_NAME_MAX = 64,   /* issuers, profiles */
    API_TEXT_MAX = 2048, /* octets of one subject or SAN value; the name
                            rules of the profile are narrower */
    API_CSR_MAX = 16384,
    API_CERTIFICATE_MAX = 65536,
    API_SIGNATURE_MAX = 1024,
    API_DEVICE_MAX = 32, /* characters of a device's serial number */
    API_DEVICE_SPKI_MAX = 1024,
    API_REMARK_MAX = 1000,            /* octets */
    API_AUTHENTICATOR_DATA_MAX = 512, /* of an assertion */
    API_CLIENT_DATA_MAX = 1024,
    API_PUBLIC_KEY_MAX = 1024, /* COSE_Key */
    API_RAW_ID_MAX = 1023,
    API_DOCUMENT_MAX = 128, /* octets: number of a stamped request */
    API_RP_ID_MAX = 253,
    API_ORIGIN_MAX = 300,
    API_STATEMENT_MAX = 4096,
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
    API_ENROLL_CREDENTIAL,
    API_RECOVER, /* earlier encryption keys of a holder into a device */
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
    API_ROLE_CUSTOMER_SERVICE,
    API_ROLE_COUNT,
};

enum api_credential_kind { API_CREDENTIAL_X509, API_CREDENTIAL_PASSKEY };

/* What an officer decides with; docs/architecture.md, "Passkeys". */
struct api_credential {
    enum api_credential_kind kind;
    const uint8_t *certificate; /* x509: DER */
    size_t certificate_len;
    const uint8_t *public_key; /* passkey: COSE_Key */
    size_t public_key_len;
    const uint8_t *raw_id; /* passkey */
    size_t raw_id_len;
    const char *rp_id, *origin; /* passkey */
};

struct api_officer {
    const char *officer_id; /* UUID */
    const char *name;
    const char *person; /* personnel number: one human being */
    enum api_role role[API_ROLES_MAX];
    size_t role_count;
    struct api_credential credential;
};

/* The other half of a pair: certificate and key for encryption, which the key
 * management centre makes and keeps (docs/architecture.md, "Pairs"). */
struct api_encryption {
    const char *profile; /* NULL: the order makes no pair */
    enum hsm_key_type key_type;
    const uint8_t *transport; /* renew: SPKI (DER) of the device's transport
                                 key; NULL: a device brings it */
    size_t transport_len;
    const char *old_keys; /* document that asks for the earlier keys of the
                             holder as well; NULL: they are not delivered */
};

/* A device that keys can be wrapped for: its own key vouches for its transport
 * key, api_transport_encode(). */
struct api_carrier {
    char serial[API_DEVICE_MAX + 1];
    const uint8_t *spki; /* own key, DER */
    size_t spki_len;
    const uint8_t *transport; /* SPKI, DER, of an RSA key */
    size_t transport_len;
    uint8_t signature[API_SIGNATURE_MAX];
    size_t signature_len;
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
    const uint8_t *csr; /* NULL: a device will bring it (activation) */
    size_t csr_len;
    int64_t activation_until; /* issue, reissue, change without csr; else 0 */
    struct api_validity validity;
    struct api_encryption encryption; /* issue, renew, reissue, change */

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

    /* hold, release: what it goes with, or NULL. recover: the order with
     * activation that asked for the earlier keys, or NULL. */
    struct api_order *pending;

    struct api_carrier carrier; /* recover: who gets the keys */
    const char *document;       /* recover without pending; else NULL */

    struct api_officer officer;       /* enroll-officer */
    const char *officer_id;           /* dismiss-officer, enroll-credential */
    struct api_credential credential; /* enroll-credential */

    json_t *json;   /* what it was parsed from; NULL if made by hand */
    void *owned[8]; /* arrays and octets of a parsed order */
};

/* Steps of a decision and who takes them: docs/architecture.md. */
enum api_step {
    API_STEP_ENTRY,
    API_STEP_FIRST_REVIEW,
    API_STEP_SECOND_REVIEW,
    API_STEP_ADMINISTRATION,
    API_STEP_SECOND_ADMINISTRATION,
    API_STEP_MAKING, /* of orders with activation: which device completes */
    API_STEP_HOLDER, /* the holder of the certificate, by its key */
    API_STEP_COUNT,
};

/* The core takes approvals, and the rejection that releases what was held for
 * a pending order. The others are the RA's; they are signed in the same way. */
enum api_verdict {
    API_APPROVE,
    API_RETURN,
    API_REJECT,
    API_SUPPLEMENT,
    API_VERDICT_COUNT,
};

/* A device as a making step names it. */
struct api_device {
    char serial[API_DEVICE_MAX + 1]; /* ""; or [A-Z0-9][A-Z0-9-]{3,31} */
    uint8_t spki_sha256[32];         /* of the device's own key */
};

struct api_decision {
    enum api_step step;
    enum api_verdict verdict;
    char officer_id[TEXT_UUID_LEN + 1]; /* "": step holder */
    uint8_t credential_id[32];
    int64_t decided_at;
    char remark[API_REMARK_MAX + 1]; /* "": approve; else never empty */
    struct api_device device;        /* step making */
    uint8_t signature[API_SIGNATURE_MAX];
    size_t signature_len;
    /* By a passkey: both are there. Otherwise both lengths are 0. */
    uint8_t authenticator_data[API_AUTHENTICATOR_DATA_MAX];
    size_t authenticator_data_len;
    uint8_t client_data[API_CLIENT_DATA_MAX];
    size_t client_data_len;
};

/* What the device adds to an order with activation. */
struct api_completion {
    char serial[API_DEVICE_MAX + 1];
    uint8_t *spki; /* the device's own key, DER; owned */
    size_t spki_len;
    uint8_t *csr; /* owned */
    size_t csr_len;
    uint8_t signature[API_SIGNATURE_MAX];
    size_t signature_len;
    /* Of an order that makes a pair; else transport is NULL. */
    uint8_t *transport; /* SPKI, DER; owned */
    size_t transport_len;
    uint8_t transport_signature[API_SIGNATURE_MAX];
    size_t transport_signature_len;
};

struct api_envelope {
    struct api_order *order;
    struct api_decision decision[API_DECISIONS_MAX];
    size_t decision_count;
    struct api_completion completion; /* csr NULL: none */
};

/* ---- Names ------------------------------------------------------------- */

const char *api_kind_name(enum api_kind kind);
const char *api_attribute_name(enum api_attribute attribute);
const char *api_reason_name(enum api_reason reason);
const char *api_role_name(enum api_role role);
const char *api_step_name(enum api_step step);
const char *api_verdict_name(enum api_verdict verdict);
const char *api_credential_kind_name(enum api_credential_kind kind);
bool api_kind_find(const char *name, enum api_kind *out) MUST_CHECK;
/* Any reason that is a row above, certificateHold too. */
bool api_reason_find(const char *name, enum api_reason *out) MUST_CHECK;
bool api_role_find(const char *name, enum api_role *out) MUST_CHECK;
bool api_step_find(const char *name, enum api_step *out) MUST_CHECK;
bool api_verdict_find(const char *name, enum api_verdict *out) MUST_CHECK;

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

/* The order that the decisions are over: itself, or what it has pending.
 * Borrowed. `digest` gets that order's. */
bool api_order_signed(const struct api_order *order,
                      const struct api_order **out, uint8_t digest[32],
                      struct error *err) MUST_CHECK;

/* ---- The credential ---------------------------------------------------- */

/* The object {"kind", ...}. Its octets are borrowed from `owned`, three places
 * for the caller to free(), whatever is returned. */
bool api_credential_parse(const json_t *object, struct api_credential *out,
                          void *owned[3], struct error *err) MUST_CHECK;
json_t *api_credential_json(const struct api_credential *credential);

/* ---- The decision ------------------------------------------------------ */

/* The octets that are signed: RFC 8785 form of the statement {"decided_at",
 * "digest", "officer_id", "order_id", "step", "verdict"}; without officer_id in
 * step holder, with "device" in step making, with "remark" for all verdicts but
 * approve. At most API_STATEMENT_MAX octets. */
bool api_statement_encode(const struct api_decision *decision,
                          const char *order_id, const uint8_t digest[32],
                          struct buf *out, struct error *err) MUST_CHECK;

/* Every member judged for its form: a remark with all verdicts but approve, a
 * device with step making, officer_id with all steps but holder, passkey's
 * members both or neither. What a sender keeps beside it (the RA: "remarks",
 * "checks") has to be taken out before. */
bool api_decision_parse(const json_t *object, struct api_decision *out,
                        struct error *err) MUST_CHECK;
json_t *api_decision_json(const struct api_decision *decision);

/* What a signature is verified by. Borrowed. */
struct api_verifier {
    EVP_PKEY *key;
    const char *rp_id, *origin; /* passkey; NULL: the key of a certificate */
};

/* The statement over this order is signed by this credential, a passkey by an
 * assertion whose challenge is the SHA-256 of the statement. ERROR_DENIED tells
 * what is not so. Who the credential belongs to is another question. */
bool api_decision_verify(const struct api_decision *decision,
                         const char *order_id, const uint8_t digest[32],
                         const struct api_verifier *verifier,
                         struct error *err) MUST_CHECK;

/* Signs octets as officers, holders and devices do: ECDSA with SHA-256 (SHA-384
 * for P-384), RSA PKCS #1 with SHA-256, Ed25519. ERROR_INPUT for a key of
 * another type. */
bool api_sign(EVP_PKEY *key, const uint8_t *data, size_t len,
              uint8_t out[API_SIGNATURE_MAX], size_t *out_len,
              struct error *err) MUST_CHECK;
/* ERROR_DENIED: not signed so by this key. */
bool api_verify(EVP_PKEY *key, const uint8_t *data, size_t len,
                const uint8_t *signature, size_t signature_len,
                struct error *err) MUST_CHECK;

/* Makes a decision: fills in the credential and signs the statement with the
 * officer's (or holder's) key. `certificate` is DER. The order's digest and id
 * are given. ERROR_INPUT for a key of another type. */
bool api_decision_sign(struct api_decision *decision, const char *order_id,
                       const uint8_t digest[32], const uint8_t *certificate,
                       size_t certificate_len, EVP_PKEY *key,
                       struct error *err) MUST_CHECK;

/* ---- The envelope ------------------------------------------------------ */

/* "A-Z0-9" and "-", 4 to API_DEVICE_MAX characters. */
bool api_device_serial_is(const char *text);

/* What a device signs of its request: RFC 8785 form of {"csr_sha256",
 * "device", "order_id"}. */
bool api_completion_encode(const char *serial, const uint8_t *csr,
                           size_t csr_len, const char *order_id,
                           struct buf *out, struct error *err) MUST_CHECK;
/* What a device signs, with its own key, of its transport key: RFC 8785 form of
 * {"device", "transport_sha256"}. It is true for the device's life. */
bool api_transport_encode(const char *serial, const uint8_t *transport,
                          size_t transport_len, struct buf *out,
                          struct error *err) MUST_CHECK;
/* The members "csr", "device" and "device_signature" into an envelope (or an
 * entry of the log), and, if there is one, "transport" and
 * "transport_signature". */
void api_completion_set(json_t *object,
                        const struct api_completion *completion);
/* Reads them; all or none (csr stays NULL). Clear `out`. */
bool api_completion_find(const json_t *object, struct api_completion *out,
                         struct error *err) MUST_CHECK;
void api_completion_clear(struct api_completion *completion);

/* {"order", "decisions"}, and what completes it: only orders with activation
 * may have that. */

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
    /* docs/architecture.md, "Pairs"; borrowed from json, NULL: none. */
    const json_t *key;      /* what a device puts in beside the pair */
    const json_t *recovery; /* what became of a recovery, and its keys */
    json_t *json;
};

bool api_answer_parse(json_t *object, struct api_answer *out,
                      struct error *err) MUST_CHECK;
void api_answer_clear(struct api_answer *answer);

#endif
