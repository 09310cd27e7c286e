/*
 * The RA as the holder's client sees it: docs/openapi.yaml, "client", and of
 * "devices" the maker's station. Every call may be repeated, and is, a few
 * times, while nothing answers.
 */
#ifndef RA_CLIENT_SERVICE_H
#define RA_CLIENT_SERVICE_H

#include <jansson.h>

#include "base/http_client.h"
#include "hsm/device.h"

enum {
    SERVICE_NUMBER_MAX = 32, /* characters of a case's number */
    SERVICE_CSR_MAX = 4096,
    SERVICE_CERTIFICATE_MAX = 16384,
    SERVICE_PIN_MAX = 64,
};

struct service;

/* `certificate_file` and `key_file` are a maker's; NULL for a holder. Without
 * an address or whom to trust: ERROR_INPUT. */
bool service_new(const char *url, const char *trust_file,
                 const char *certificate_file, const char *key_file,
                 struct service **out, struct error *err) MUST_CHECK;
void service_free(struct service *service); /* NULL is nothing */

/* `path` under /v1/, made by service_path(). The caller owns `out`, which is an
 * object. Errors are those of http_client_json(). */
bool service_get(struct service *service, const char *path, json_t **out,
                 struct error *err) MUST_CHECK;
bool service_post(struct service *service, const char *path, const json_t *body,
                  json_t **out, struct error *err) MUST_CHECK;

/* The address of something in something: "/v1/client/" `area` "/" `name`
 * "/" `call`; the last may be NULL. `name` is a case's number or an order's
 * id, of letters, digits and '-': else ERROR_INPUT. */
enum { SERVICE_PATH_MAX = 160 };
bool service_path(const char *area, const char *name, const char *call,
                  char out[SERVICE_PATH_MAX], struct error *err) MUST_CHECK;

/* ---- Statements -----------------------------------------------------------
 */

/* Signs the canonical form (RFC 8785) of `statement` with the key's own scheme
 * and puts the signature into `object` as member `name`. */
bool service_sign(struct hsm_device *device, const struct hsm_device_key *key,
                  const json_t *statement, json_t *object, const char *name,
                  struct error *err) MUST_CHECK;

/* The body of a signed call: {"device", "signed_at", "signature"}, over
 * {"action", "device", "number", "signed_at"}. The caller owns `out`. */
bool service_call(struct hsm_device *device, const struct hsm_device_key *key,
                  const char *serial, const char *action, const char *number,
                  json_t **out, struct error *err) MUST_CHECK;

/* A PKCS #10 request (RFC 2986) for this key, signed in the device. The RA
 * gives the name; here it is the device's serial number. */
bool service_csr(struct hsm_device *device, const struct hsm_device_key *key,
                 const char *serial, struct buf *out,
                 struct error *err) MUST_CHECK;

/* The CKA_ID of the pair that the holder gets by this case: always the same, so
 * that a client that was stopped finds its key again and makes no second. */
enum { SERVICE_ID_LEN = 20 };
bool service_key_id(const char *number, uint8_t out[SERVICE_ID_LEN],
                    struct error *err) MUST_CHECK;

#endif
