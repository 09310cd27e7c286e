/* Rows of ca.link_certificate: certificates that tie two generations of an
 * authority together (RFC 4210, 4.4). */
#ifndef DB_LINK_H
#define DB_LINK_H

#include "db/db.h"

/* The key of `subject_id`, signed with the key of `signer_id`.
 * ERROR_CONFLICT if there is one. */
bool db_link_insert(struct db *db, int32_t subject_id, int32_t signer_id,
                    const uint8_t *certificate, size_t len,
                    struct error *err) MUST_CHECK;

/* Calls `each` for every link; what it gets is borrowed for the call. */
typedef bool db_link_each(int32_t subject_id, int32_t signer_id,
                          const uint8_t *certificate, size_t len, void *arg,
                          struct error *err);
bool db_link_stream(struct db *db, db_link_each *each, void *arg,
                    struct error *err) MUST_CHECK;

#endif
