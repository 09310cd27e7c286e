/*
 * What the tests of ocsp/ share: a small CA of OpenSSL's making, a delegated
 * signer whose key is in a private SoftHSM, requests and verdicts by OpenSSL.
 */
#ifndef TESTS_UNIT_OCSP_PARTS_H
#define TESTS_UNIT_OCSP_PARTS_H

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "hsm/hsm.h"
#include "ocsp/responder.h"
#include "tests/unit/soft_token.h"

enum { PARTS_ISSUER = 3, PARTS_KEY_ID_LEN = 16, PARTS_DER_MAX = 4096 };

struct parts {
    struct soft_token token;
    struct hsm *hsm;
    EVP_PKEY *ca_key;
    X509 *ca, *signer;
    uint8_t key_id[PARTS_KEY_ID_LEN];
    const struct hsm_key *key;
    struct buf subject, spki, signer_spki, signer_der, ca_der;
};

/* Aborts the program on failure, as all here. The signer's certificate is
 * valid for `signer_s` seconds. */
void parts_make(struct parts *parts, int64_t signer_s);
void parts_remove(struct parts *parts);

/* Another certificate for the signer's key, in parts->signer. */
void parts_renew_signer(struct parts *parts, int64_t signer_s);

/* A responder that speaks for the CA, synced now, with nothing issued. */
void parts_responder(const struct parts *parts,
                     struct ocsp_responder *responder);

/* The nth serial, and its status in the index. */
void parts_serial(unsigned n, uint8_t out[OCSP_INDEX_SERIAL_LEN]);
void parts_status(struct ocsp_responder *responder, unsigned n,
                  enum ocsp_state state, uint8_t reason, int64_t at);

/* A request for certificates `from` to `from` + `count` - 1. */
OCSP_REQUEST *parts_request(const struct parts *parts, const EVP_MD *hash,
                            unsigned from, unsigned count, bool has_nonce);
void parts_request_der(const struct parts *parts, const EVP_MD *hash,
                       unsigned from, unsigned count, bool has_nonce,
                       struct buf *out);

/* OpenSSL's verdict on an answer to `request` about the nth certificate:
 * V_OCSP_CERTSTATUS_*; -1 when it does not verify, is not about it, is not
 * current, or has another nonce; -100 - status when it is not successful. */
int parts_verdict(const struct parts *parts, OCSP_REQUEST *request,
                  const EVP_MD *hash, unsigned n, const void *der, size_t len,
                  int *reason);

#endif
