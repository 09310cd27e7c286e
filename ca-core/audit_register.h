/*
 * The register of officers as the log tells it from its first entry on: those
 * of ceremonies, and those enrolled and dismissed by orders. With it an auditor
 * judges accepted orders as the core had to: promise 2 without the core.
 */
#ifndef CA_CORE_AUDIT_REGISTER_H
#define CA_CORE_AUDIT_REGISTER_H

#include "base/json.h"

struct audit_register;
struct audit_register *audit_register_new(void);
void audit_register_free(struct audit_register *reg); /* NULL is nothing */

/* How many officers were enrolled. */
int64_t audit_register_count(const struct audit_register *reg);

/*
 * Takes the entries one after the other, each with its time. An accepted order
 * is judged by decision_judge() with the officers enrolled so far: ERROR_INPUT
 * or _DENIED tells what is wrong. So does an officer who was enrolled or
 * dismissed without such an order, and a certificate without one or as one more
 * than it makes; of a pair, one half without the other, and one that was held,
 * released or revoked with the other left as it was. Whether signatures are
 * over the order was checked before (ca-core/audit_decision.h).
 */
bool audit_register_read(struct audit_register *reg, const json_t *entry,
                         int64_t at, struct error *err) MUST_CHECK;

/* After the last: what the entries since lack. */
bool audit_register_end(struct audit_register *reg,
                        struct error *err) MUST_CHECK;

#endif
