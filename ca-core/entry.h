/*
 * What stands in an entry of the log: RFC 8785 JSON with the members "at",
 * "event" and "subject", those of the event, and where officers decided
 * "decisions": each with the statement that was signed, the signature and the
 * certificate (or the passkey), so that an auditor needs nothing else to check
 * it. Its hash is that of a leaf, RFC 6962, 2.1.
 */
#ifndef CA_CORE_ENTRY_H
#define CA_CORE_ENTRY_H

#include "ca-core/api.h"
#include "db/entry.h"

enum { ENTRY_BODY_MAX = 8 * 1024 * 1024 }; /* twice an order of 10,000 */

/* Builds the body into the empty `body` (the caller clears it) and fills `out`,
 * which borrows `event`, `subject` and `body`. `members` (borrowed; NULL: none)
 * has no "at", "event" or "subject". For batches, which the writer hands to
 * db_entry_append(). */
bool entry_build(int64_t at, const char *event, const char *subject,
                 const json_t *members, struct buf *body, struct db_entry *out,
                 struct error *err) MUST_CHECK;

/* Builds one entry and appends it: db_entry_append() tells when in the
 * transaction. *index gets its place. */
bool entry_append(struct db *db, int64_t at, const char *event,
                  const char *subject, const json_t *members, int64_t *index,
                  struct error *err) MUST_CHECK;

/* A decision as an element of "decisions": the members of the message, and
 * "statement" (text) and "certificate" (base64 DER), or for a passkey
 * "credential" (the object). `order_id` and `digest` are of the order that was
 * signed, `credential` as decision_key_read() takes it. The caller owns *out.
 */
bool entry_decision_json(const struct api_decision *decision,
                         const char *order_id, const uint8_t digest[32],
                         const uint8_t *credential, size_t credential_len,
                         json_t **out, struct error *err) MUST_CHECK;

#endif
