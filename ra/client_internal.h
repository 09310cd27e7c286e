/* What the files of ra/client*.c share. */
#ifndef RA_CLIENT_INTERNAL_H
#define RA_CLIENT_INTERNAL_H

#include <openssl/x509.h>

#include "db/holder.h"
#include "ra/client.h"

enum { CLIENT_STATEMENT_MAX = 2048 }; /* octets of what is signed */

/* The certificate that the business is about, if it is live at `at`.
 * ERROR_CONFLICT. The caller clears `out`. */
bool client_certificate(struct db *db, const struct db_case *row, int64_t at,
                        struct db_holder *out, struct error *err) MUST_CHECK;

/* Signed with the key of this certificate. ERROR_DENIED. */
bool client_verify_certificate(const struct db_holder *holder,
                               const struct buf *statement,
                               const uint8_t *signature, size_t signature_len,
                               struct error *err) MUST_CHECK;

/* What a call signs, if its time is near enough to ours. ERROR_DENIED. */
bool client_call_statement(const struct client_call *call, struct buf *out,
                           struct error *err) MUST_CHECK;

/* One PKCS #10 request that is signed with its own key (RFC 2986, 3), and
 * nothing after it. ERROR_INPUT. The caller frees `out`. */
bool client_csr_parse(const uint8_t *der, size_t len, X509_REQ **out,
                      struct error *err) MUST_CHECK;

/* One answer for every code, device or signature that opens nothing. */
bool client_denied(struct error *err);
/* The same for what is not there; other failures as they are. False. */
bool client_unknown(struct error *err, const struct error *why);

#endif
