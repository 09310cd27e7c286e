/*
 * Calls between us and the outside world that are signed, each once: payment
 * provider (Ed25519, both ways), SMS gateway, courier and host platform
 * (HMAC-SHA-256). docs/payment-provider.md and docs/sms-gateway.md tell the
 * other side the same.
 *
 * What is signed is this text, every line ended by LF:
 *   signet-call-1
 *   METHOD
 *   TARGET           path and query as sent, from the first slash
 *   TIME             seconds since 1970, decimal
 *   NONCE            32 hex digits, drawn for this call
 *   SHA-256          of the body, 64 hex digits
 * sent in the header lines Signet-Time, Signet-Nonce and Signet-Signature
 * (base64). An answer is signed alike, over signet-answer-1, STATUS, the call's
 * NONCE and SHA-256 of its body.
 */
#ifndef RA_SIGNED_CALL_H
#define RA_SIGNED_CALL_H

#include "base/config.h"
#include "base/http_client.h"

enum {
    SIGNED_NONCE_LEN = 32,    /* hex digits */
    SIGNED_TOLERANCE_S = 300, /* between their clock and ours */
    SIGNED_TEXT_MAX = 4096,
    SIGNED_SECRET_MIN = 32, /* octets */
};

/* A secret, or half an Ed25519 pair. */
struct signed_key;
bool signed_key_private(const char *path, struct signed_key **out,
                        struct error *err) MUST_CHECK;
bool signed_key_public(const char *path, struct signed_key **out,
                       struct error *err) MUST_CHECK;
/* The file's octets without white space at the end. */
bool signed_key_secret(const char *path, struct signed_key **out,
                       struct error *err) MUST_CHECK;
/* From memory: `secret` is copied. */
bool signed_key_secret_new(const void *secret, size_t len,
                           struct signed_key **out,
                           struct error *err) MUST_CHECK;
void signed_key_free(struct signed_key *key); /* NULL is nothing */

/* The parts of one call. */
struct signed_call {
    const char *method;
    const char *target;
    int64_t at;
    char nonce[SIGNED_NONCE_LEN + 1];
    const void *body;
    size_t body_len;
};

/* `out` gets the signature in base64. */
bool signed_call_sign(const struct signed_key *key,
                      const struct signed_call *call, struct buf *out,
                      struct error *err) MUST_CHECK;
bool signed_answer_sign(const struct signed_key *key, int status,
                        const char *nonce, const void *body, size_t body_len,
                        struct buf *out, struct error *err) MUST_CHECK;

/* ERROR_DENIED when it was not made with that key. */
bool signed_call_verify(const struct signed_key *key,
                        const struct signed_call *call, const char *signature,
                        struct error *err) MUST_CHECK;
bool signed_answer_verify(const struct signed_key *key, int status,
                          const char *nonce, const void *body, size_t body_len,
                          const char *signature, struct error *err) MUST_CHECK;

/* A request that came in: its signature and its time are right. ERROR_DENIED.
 * `nonce` is to be spent with what the call does, in one transaction:
 * db_nonce_spend(). */
bool signed_request_check(const struct signed_key *key,
                          const struct http_request *req, int64_t now,
                          char nonce[SIGNED_NONCE_LEN + 1],
                          struct error *err) MUST_CHECK;

/* Sends a signed call. `answers`: the key that signs the answers; NULL: they
 * are not signed. An answer that is not signed rightly is ERROR_INTERNAL. */
bool signed_exchange(struct http_client *client, const struct signed_key *key,
                     const struct signed_key *answers, enum http_method method,
                     const char *base_path, const char *path, const void *body,
                     size_t body_len, int64_t now, struct http_answer *answer,
                     struct error *err) MUST_CHECK;

/* A client for an outside service at the URL that stands in the setting `key`.
 * ERROR_CONFLICT when it is not set, ERROR_INPUT when it is plain http to
 * another machine. `base_path` gets the URL's path, which is part of what is
 * signed; borrowed from the configuration. */
bool outside_client_new(const struct config *config, const char *key,
                        size_t body_max, struct http_client **out,
                        const char **base_path, struct error *err) MUST_CHECK;

/* Whether the host of a URL is this machine: 127.0.0.1, [::1], localhost. */
bool outside_is_local(const char *url);

#endif
