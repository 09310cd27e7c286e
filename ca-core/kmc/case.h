/*
 * What may be asked of the recovery token, and who must agree: pure.
 *
 *   customer      one RA officer, m operators            密钥恢复
 *   judicial      m operators, one audit administrator   司法取证
 *   rotation      m operators
 *   verification  m operators
 *
 * The last three an operator opens, who gets what comes of it: what a court
 * asks for is recovered at the centre's own station and delivered to no
 * authority. All are different people and none is the requester. A case is
 * approved by signatures over its statement: the canonical JSON of {"case",
 * "decided_at", "digest", "party", "step", "verdict"}, where the digest is
 * SHA-256 over the case's body, the canonical JSON of all that is asked for.
 */
#ifndef CA_CORE_KMC_CASE_H
#define CA_CORE_KMC_CASE_H

#include "base/json.h"
#include "db/kmc_case.h"
#include "db/kmc_party.h"

enum kmc_kind {
    KMC_CUSTOMER,
    KMC_JUDICIAL,
    KMC_ROTATION,
    KMC_VERIFICATION,
    KMC_KIND_COUNT,
};

enum kmc_delivery {
    KMC_TO_TOKEN,    /* content keys for a transport key in the device */
    KMC_TO_CMS,      /* the keys themselves for a certificate */
    KMC_NO_DELIVERY, /* nothing leaves */
    KMC_DELIVERY_COUNT,
};

enum kmc_role {
    KMC_CA,
    KMC_OPERATOR,
    KMC_RA_OFFICER,
    KMC_AUDIT_ADMINISTRATOR,
    KMC_ROLE_COUNT,
};

const char *kmc_kind_name(enum kmc_kind kind);
const char *kmc_role_name(enum kmc_role role);
bool kmc_role_find(const char *name, enum kmc_role *out) MUST_CHECK;

enum {
    KMC_CASE_KEYS_MAX = 64,
    KMC_CASE_BODY_MAX = 32768,
    KMC_TEXT_MAX = 512,
    KMC_TARGET_MAX = 4096,
    KMC_STATEMENT_MAX = 1024,
};

struct kmc_request {
    char id[TEXT_UUID_LEN + 1];
    enum kmc_kind kind;
    char keys[KMC_CASE_KEYS_MAX][TEXT_UUID_LEN + 1];
    size_t key_count; /* 0 for rotation and verification */
    char holder[DB_KMC_HOLDER_MAX];
    char requester[DB_KMC_NAME_MAX];
    char reason[KMC_TEXT_MAX + 1];
    char document[KMC_TEXT_MAX + 1]; /* of the stamped request, or the order of
                                        a court */
    enum kmc_delivery delivery;
    uint8_t target[KMC_TARGET_MAX]; /* SPKI, or certificate */
    size_t target_len;
};

/* {"case", "kind", "reason", "document"?, "requester"?, "keys"?, "holder"?,
 * "delivery"?, "target"?}: strict. Without "requester" that of the caller has
 * to be filled in. ERROR_INPUT. */
bool kmc_request_parse(const json_t *json, struct kmc_request *out,
                       struct error *err) MUST_CHECK;

/* The body: the request's members and the two times. `out` has a limit of
 * KMC_CASE_BODY_MAX. */
bool kmc_body_encode(const struct kmc_request *request, int64_t opened_at,
                     int64_t expires_at, struct buf *out,
                     struct error *err) MUST_CHECK;
/* A body of ours; the times are in the row. */
bool kmc_body_parse(const uint8_t *body, size_t len, struct kmc_request *out,
                    struct error *err) MUST_CHECK;

/* Whether one of this role may open such a case. */
bool kmc_may_open(enum kmc_kind kind, enum kmc_role role);

/* Whether this party may decide on the case now: role, requester, state, time.
 * ERROR_DENIED or ERROR_CONFLICT. */
bool kmc_may_decide(const struct db_kmc_case *c, enum kmc_role role,
                    const char *party, int64_t now,
                    struct error *err) MUST_CHECK;

/* Whether these decisions (of different parties, none refused) suffice. */
bool kmc_is_approved(enum kmc_kind kind,
                     const struct db_kmc_approval *approvals, size_t count,
                     int32_t needed);

bool kmc_statement_encode(const char *case_id, const uint8_t digest[32],
                          const char *party, const char *step,
                          const char *verdict, int64_t decided_at,
                          struct buf *out, struct error *err) MUST_CHECK;
/* With the key of a party's certificate (DER): SHA-256 where the key needs a
 * digest. ERROR_DENIED. */
bool kmc_statement_verify(const struct buf *statement,
                          const uint8_t *certificate, size_t certificate_len,
                          const uint8_t *signature, size_t signature_len,
                          struct error *err) MUST_CHECK;

#endif
