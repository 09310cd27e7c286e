/* What the files of ra/client*.c share. */
#ifndef RA_CLIENT_INTERNAL_H
#define RA_CLIENT_INTERNAL_H

#include "db/holder.h"
#include "ra/client.h"

/* The certificate that the business is about, if it is live at `at`.
 * ERROR_CONFLICT. The caller clears `out`. */
bool client_certificate(struct db *db, const struct db_case *row, int64_t at,
                        struct db_holder *out, struct error *err) MUST_CHECK;

/* Signed with the key of this certificate. ERROR_DENIED. */
bool client_verify_certificate(const struct db_holder *holder,
                               const struct buf *statement,
                               const uint8_t *signature, size_t signature_len,
                               struct error *err) MUST_CHECK;

/* What a call signs; and whether its time is near enough. */
bool client_call_encode(const struct client_call *call, struct buf *out,
                        struct error *err) MUST_CHECK;
bool client_call_time(const struct client_call *call,
                      struct error *err) MUST_CHECK;

/* One answer for every code, device or signature that opens nothing. */
bool client_denied(struct error *err);
/* The same for what is not there; other failures as they are. False. */
bool client_unknown(struct error *err, const struct error *why);

#endif
