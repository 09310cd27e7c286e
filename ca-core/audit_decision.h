/* Decisions of officers as entries of the log hold them. */
#ifndef CA_CORE_AUDIT_DECISION_H
#define CA_CORE_AUDIT_DECISION_H

#include "ca-core/decision_key.h"

/* Keys of officers, decoded once: a key costs more than its signature. */
struct audit_keys;
struct audit_keys *audit_keys_new(void);
void audit_keys_free(struct audit_keys *keys); /* NULL is nothing */

/* One of an entry's "decisions", without what the entry adds to it. */
bool audit_decision_parse(const json_t *json, struct api_decision *out,
                          struct error *err) MUST_CHECK;

/* The key of the credential that the entry adds to a decision. Clear it. */
bool audit_decision_key(const json_t *json, struct decision_key *out,
                        struct error *err) MUST_CHECK;

/* Checks the "decisions" of an entry over its "order" and "digest", if it has
 * any: ERROR_INPUT or _DENIED tells what is wrong. An entry order.accepted must
 * have them. *checked grows with each signature. */
bool audit_decisions_check(struct audit_keys *keys, const json_t *entry,
                           int64_t *checked, struct error *err) MUST_CHECK;

#endif
