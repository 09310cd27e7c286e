/*
 * What the holder's client 安全客户端 asks (docs/openapi.yaml, /v1/client). It
 * has no session: it shows a code that a person typed, or a signature of the
 * device or of the certificate's key. Whatever a client does may be done again:
 * one that stopped in between gets the same answer.
 *
 * Signatures are made as officers sign (ca-core/api.h, api_sign()) over the
 * canonical form (RFC 8785) of
 *   {"challenge", "device", "number"}            a proof, with the
 * certificate's
 *   {"action", "device", "number", "signed_at"}  a call, with the key named
 * there
 *   {"csr_sha256", "device", "order_id"}         an activation, with the
 * device's the statement of a decision of step holder   a renewal, with the
 * certificate's
 */
#ifndef RA_CLIENT_H
#define RA_CLIENT_H

#include "ra/ca_client.h"
#include "ra/case_apply.h"
#include "ra/code.h"
#include "ra/making.h"

enum {
    CLIENT_TOLERANCE_S = 300, /* between a client's clock and ours */
    CLIENT_CSR_MAX = API_CSR_MAX,
    CLIENT_SIGNATURE_MAX = API_SIGNATURE_MAX,
    CLIENT_REASON_MAX = 200,
};

/* ---- The page and the client -----------------------------------------------
 */

/* A code that pairs the page of this case with a client. ERROR_CONFLICT for a
 * case at its end. */
bool client_code_make(const struct business *business, struct db *db,
                      const char *account, const char *number, int64_t at,
                      char code[CODE_MAX + 1], int64_t *expires_at,
                      struct error *err) MUST_CHECK;

/* What a client is to sign to prove that device and certificate are there:
 * {"number", "business", "challenge", "device", "certificate": {"issuer",
 * "serial"}}. ERROR_DENIED for a code that opens nothing. */
bool client_challenge(const struct business *business, struct db *db,
                      const char *code, int64_t at, json_t **out,
                      struct error *err) MUST_CHECK;

/* The proof; the code is spent and the case notes "device-proved".
 * ERROR_DENIED for another device's or certificate's signature. */
struct client_proof {
    const char *code;
    const char *device;
    const uint8_t *signature;
    size_t signature_len;
    int64_t at;
};
bool client_prove(const struct business *business, struct db *db,
                  const struct client_proof *proof,
                  char number[DB_CASE_NUMBER_MAX + 1],
                  struct error *err) MUST_CHECK;
/* Whether that was done for this case: what businesses with
 * definition.wants_device_proof ask before submission. */
bool client_is_proved(struct db *db, const char *number, bool *is_proved,
                      struct error *err) MUST_CHECK;

/* ---- Calls signed by a key -------------------------------------------------
 */

/* A call about a case, with the signature over {"action", "device", "number",
 * "signed_at"}. */
struct client_call {
    const char *action; /* "code", "verify", "administrator-pin", "done",
                           "failed", "installed", "recover", "keys",
                           "received", "recovered" */
    const char *number;
    const char *device;
    int64_t signed_at;
    const uint8_t *signature;
    size_t signature_len;
    int64_t at;
};

/* ---- Activation 激活 --------------------------------------------------------
 */

/* What the device is to complete: {"id", "number", "unit_name", "device"}; `id`
 * is that of the order, which the device signs. Takes a try of the code. The
 * call (action "activate", number "") is signed with the device's own key, so
 * that nobody else uses up the tries. ERROR_DENIED alike for an unknown device,
 * another's signature and a wrong code. */
bool client_activation_open(const struct business *business, struct db *db,
                            const struct client_call *call, const char *code,
                            json_t **out, struct error *err) MUST_CHECK;

/* The device's request. *to is the state of the case. Once more with the same
 * csr: the same; with another: ERROR_CONFLICT. */
struct client_activation {
    const char *order_id;
    const char *code;
    const char *device;
    const uint8_t *csr;
    size_t csr_len;
    const uint8_t *signature;
    size_t signature_len;
    int64_t at;
};
bool client_activate(const struct business *business, struct db *db,
                     const struct client_activation *activation,
                     struct error *err) MUST_CHECK;

/* What has become of an activation or renewal: {"id", "number", "state":
 * "open", "waiting", "done" or "refused", "problem"?, "certificates"?:
 * [{"pair", "issuer", "serial", "certificate", "issuer_certificate"}]}. */
bool client_order_status(struct db *db, const char *order_id, json_t **out,
                         struct error *err) MUST_CHECK;

/* ---- Renewal 续期 -----------------------------------------------------------
 */

/* The two orders to be signed: {"number", "device", "decided_at",
 * "credential_id", "orders": [{"purpose", "order_id", "order", "digest",
 * "statement"}]}; `statement` is what is signed, as text. The code stays good.
 */
struct client_renewal {
    const char *number;
    const char *code;
    const uint8_t *csr;
    size_t csr_len;
    int64_t at;
};
bool client_renewal_request(const struct business *business, struct db *db,
                            const struct client_renewal *renewal, json_t **out,
                            struct error *err) MUST_CHECK;

/* The signatures, in the order of that answer. */
struct client_signatures {
    const char *number;
    const char *code;
    int64_t decided_at;
    struct {
        const char *order_id;
        const uint8_t *signature;
        size_t signature_len;
    } at[2];
    int64_t now;
};
bool client_renewal_sign(const struct business *business, struct db *db,
                         const struct client_signatures *signatures,
                         enum case_state *to, struct error *err) MUST_CHECK;

/* The new certificates are in the device: signed with the new key. */
bool client_renewal_installed(const struct business *business, struct db *db,
                              const struct client_call *call,
                              enum case_state *to,
                              struct error *err) MUST_CHECK;

/* 1.8 #13: who handles a renewal without being the handler of record becomes it
 * only when a code to the old number was typed. */
bool client_handler_code(const struct business *business, struct db *db,
                         const char *account, const char *number, int64_t at,
                         struct error *err) MUST_CHECK;
bool client_handler_confirm(const struct business *business, struct db *db,
                            const char *account, const char *number,
                            const char *code, int64_t at,
                            struct error *err) MUST_CHECK;

/* ---- Keys for the device (docs/architecture.md, "Pairs") --------------------
 */

/* The keys that the device is to put in, as the CA has them now: {"number",
 * "key"?: {"spki", "wrapped", "content_key"}, "recovery"?: {"state",
 * "expires_at"?, "problem"?, "keys"?}} (docs/openapi.yaml, ClientKeys). The
 * call (action "keys") is signed with the device's own key; number "" is the
 * oldest case of the device with something to receive, and "" in the answer
 * when there is none. ERROR_DENIED alike for an unknown device or case,
 * another's signature and another's case; ERROR_CONFLICT for a device that is
 * not with its holder. ERROR_BUSY while the CA is away. */
bool client_keys(const struct business *business, struct db *db,
                 struct ca_client *ca, const struct client_call *call,
                 json_t **out, struct error *err) MUST_CHECK;

/* All of them are in the device: action "received" the key of the pair,
 * "recovered" the earlier ones; then they go at the CA. Again is nothing.
 * ERROR_CONFLICT when there was nothing to receive. *to is the state of the
 * case. */
bool client_keys_received(const struct business *business, struct db *db,
                          struct ca_client *ca, const struct client_call *call,
                          enum case_state *to, struct error *err) MUST_CHECK;

/* ---- Seal 印章 --------------------------------------------------------------
 */

/* Signed with the key of the live certificate. */
bool client_seal_installed(const struct business *business, struct db *db,
                           const struct client_call *call, enum case_state *to,
                           struct error *err) MUST_CHECK;

/* ---- Key recovery 密钥恢复 --------------------------------------------------
 */

/* Begins a recovery for the account whose live certificate is in the device: a
 * draft, which is filled in on the portal. The call (action "recover", number
 * "") is signed with that certificate's key. Again while it is open: the same
 * one, in the state that it has by then. ERROR_CONFLICT as case_create(). */
bool client_recovery_begin(const struct business *business, struct db *db,
                           const struct client_call *call,
                           char number[DB_CASE_NUMBER_MAX + 1],
                           enum case_state *to, struct error *err) MUST_CHECK;

/* ---- Unlocking 解锁 ---------------------------------------------------------
 */

/* All are signed with the device's own key, which works without the PIN.
 * `is_locked`: the device says that its PIN is locked. */
bool client_unlock_code(const struct business *business, struct db *db,
                        const struct client_call *call, bool is_locked,
                        enum case_state *to, struct error *err) MUST_CHECK;
/* ERROR_DENIED for a wrong code. */
bool client_unlock_verify(const struct business *business, struct db *db,
                          const struct client_call *call, const char *code,
                          enum case_state *to, struct error *err) MUST_CHECK;
/* The administrator PIN and the one that has to replace it. Again before it is
 * acknowledged: the same two; the device has one or the other. */
bool client_unlock_release(const struct business *business, struct db *db,
                           const struct client_call *call,
                           char pin[MAKING_PIN_LEN + 1],
                           char next[MAKING_PIN_LEN + 1],
                           struct error *err) MUST_CHECK;
bool client_unlock_done(const struct business *business, struct db *db,
                        const struct client_call *call, enum case_state *to,
                        struct error *err) MUST_CHECK;
bool client_unlock_failed(const struct business *business, struct db *db,
                          const struct client_call *call, const char *reason,
                          enum case_state *to, struct error *err) MUST_CHECK;

#endif
