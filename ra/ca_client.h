/*
 * What the RA asks of signet-ca (docs/architecture.md, "signet-ca, internal
 * API"), over mTLS. Orders are idempotent: a question that brought no answer
 * is asked again, and the answer is the first one's.
 */
#ifndef RA_CA_CLIENT_H
#define RA_CA_CLIENT_H

#include "base/config.h"
#include "ca-core/api.h"

struct ca_client; /* for one thread */

bool ca_client_new(const struct config *config, struct ca_client **out,
                   struct error *err) MUST_CHECK;
void ca_client_free(struct ca_client *client); /* NULL is nothing */

enum ca_outcome {
    CA_DONE,    /* `answer` holds certificates and changes */
    CA_PENDING, /* not known: ask again; `err` says why */
    CA_REFUSED, /* certainly not done, and never will be; `err` says why */
};

/* Sends an order with its decisions. A refusal counts only when the CA then
 * says that it holds no order of this id: an order whose first answer was lost
 * is never called refused. The caller clears `answer` when done. */
enum ca_outcome ca_client_order(struct ca_client *client, const json_t *order,
                                const json_t *decisions, const char *order_id,
                                struct api_answer *answer, struct error *err);

/* The same with the whole envelope: {"order", "decisions"} and what a device
 * added (docs/architecture.md, "Orders that a device completes"). */
enum ca_outcome ca_client_send(struct ca_client *client, const json_t *envelope,
                               const char *order_id, struct api_answer *answer,
                               struct error *err);

/* The answer to an order that is done, as it is now: with the keys that a
 * device has not received yet. ERROR_BUSY while the CA is at it. The caller
 * clears `answer`. */
bool ca_client_answer(struct ca_client *client, const char *order_id,
                      struct api_answer *answer, struct error *err) MUST_CHECK;
/* A device has the keys of that answer; they go. Again is nothing. */
bool ca_client_received(struct ca_client *client, const char *order_id,
                        struct error *err) MUST_CHECK;

/* What the CA would say to this order, without decisions and without effect:
 * CA_DONE yes, CA_REFUSED no and why, CA_PENDING it does not say. */
enum ca_outcome ca_client_check(struct ca_client *client, const json_t *order,
                                struct error *err);

/* Whether the CA has revoked this certificate, and its reason (RFC 5280's name,
 * "" when it has not). ERROR_NOT_FOUND. */
enum { CA_REASON_MAX = 40 };
bool ca_client_revoked(struct ca_client *client, const char *issuer,
                       const uint8_t serial[API_SERIAL_LEN], bool *is_revoked,
                       char reason[CA_REASON_MAX + 1],
                       struct error *err) MUST_CHECK;

/* The register of officers. The caller owns *out, an array. */
bool ca_client_officers(struct ca_client *client, json_t **out,
                        struct error *err) MUST_CHECK;

/* Whether this client certificate (DER) is one that our CA issued to a service
 * and that is valid now: profile tls-client, state valid, these very octets. */
bool ca_client_is_service(struct ca_client *client, const uint8_t *certificate,
                          size_t len, bool *is_service,
                          struct error *err) MUST_CHECK;

/* The DER certificate of the issuer of this name. ERROR_NOT_FOUND. */
bool ca_client_issuer(struct ca_client *client, const char *name,
                      struct buf *der, struct error *err) MUST_CHECK;

#endif
