/*
 * Who calls: the CA core's register of officers, kept for a few seconds so
 * that not every request asks for it. The core itself judges every decision
 * again, so a register that is seconds old lets nobody issue anything.
 */
#ifndef RA_OFFICER_H
#define RA_OFFICER_H

#include "base/webauthn.h"
#include "ra/ca_client.h"

enum { OFFICER_CACHE_MS = 5000, OFFICER_MISS_MS = 1000 };

/* A passkey as the register has it; docs/architecture.md, "Passkeys". */
struct officer_passkey {
    uint8_t public_key[WEBAUTHN_PUBLIC_KEY_MAX]; /* COSE_Key */
    size_t public_key_len;                       /* 0: no passkey */
    uint8_t raw_id[WEBAUTHN_RAW_ID_MAX];
    size_t raw_id_len;
    char rp_id[WEBAUTHN_RP_ID_MAX + 1];
    char origin[WEBAUTHN_ORIGIN_MAX + 1];
};

/* An officer with the one credential that is shown or named. */
struct review_officer {
    char officer_id[TEXT_UUID_LEN + 1];
    char person[129];
    char name[API_TEXT_MAX + 1];
    bool is_active;
    bool has_role[API_ROLE_COUNT];
    uint8_t credential_id[32];
    bool is_credential_active;
    int64_t not_before, not_after;  /* of the credential */
    struct officer_passkey passkey; /* when the credential is one */
};

struct officer_register; /* shared by all workers */

struct officer_register *officer_register_new(void);
void officer_register_free(struct officer_register *officers);

/* The officer who holds the certificate (DER). ERROR_DENIED when it is
 * nobody's, or its owner or itself is not active at `now`; ERROR_BUSY when the
 * register cannot be had. */
bool officer_find(struct officer_register *officers, struct ca_client *ca,
                  const uint8_t *certificate, size_t len, int64_t now,
                  struct review_officer *out, struct error *err) MUST_CHECK;

/* The same by the id of a credential of any kind: of a certificate the SHA-256
 * of its DER, of a passkey that of its raw id. */
bool officer_by_credential(struct officer_register *officers,
                           struct ca_client *ca,
                           const uint8_t credential_id[32], int64_t now,
                           struct review_officer *out,
                           struct error *err) MUST_CHECK;

/* The whole register, an array as signet-ca gives it (GET /v1/officers). The
 * caller releases it and changes nothing in it. */
bool officer_rows(struct officer_register *officers, struct ca_client *ca,
                  json_t **out, struct error *err) MUST_CHECK;

/* What is known is asked again at the next question: after a change. */
void officer_forget(struct officer_register *officers);

/* One credential of one row of the register, if it is this one. Pure. False
 * also when the row is not understood. */
bool officer_read(const json_t *row, const uint8_t credential_id[32],
                  struct review_officer *out) MUST_CHECK;

/* The decision over this order is signed with this officer's credential: a
 * passkey by the register's key, a certificate by its own (`certificate`, DER,
 * as TLS showed it; NULL when there was none). ERROR_DENIED. */
bool officer_verify(const struct review_officer *officer,
                    const uint8_t *certificate, size_t certificate_len,
                    const struct api_decision *decision, const char *order_id,
                    const uint8_t digest[32], struct error *err) MUST_CHECK;

#endif
