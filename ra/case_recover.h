/*
 * Cases of business recover 密钥恢复: when keys may come into a device, and
 * what becomes of a case while signet-ca and the key management centre have its
 * order (docs/architecture.md, "Old keys"):
 *
 *   recovery                    event       then
 *   open, approved              -           recovering
 *   done                        ca-done     keys-ready
 *   expired; order refused      ca-refused  first-review, with a new order; or
 *                               failed      closed, if its device is out of use
 *   refused, aborted, none      failed      closed
 */
#ifndef RA_CASE_RECOVER_H
#define RA_CASE_RECOVER_H

#include "ra/case_apply.h"

/* Whether keys of this account may come into this device (NULL: none): it holds
 * the account's live certificate, which is not on hold, and can take keys
 * (ra/device.h, device_carries()). The certificate may be another than at
 * filing: a renewal stays in its device. False says why in `why`. */
bool case_recover_condition(const struct business *business, struct db *db,
                            const char *account, const char *device, int64_t at,
                            struct error *why, bool *holds,
                            struct error *err) MUST_CHECK;

/* `recovery` is the state that the CA told; NULL: it refused the order, for
 * what `problem` says. Nothing for a case that is not recovering any more. In
 * the caller's transaction, which has locked the case's row. */
bool case_recover_step(const struct business *business, struct db *db,
                       const struct db_case *row, const char *recovery,
                       const char *problem, int64_t at,
                       struct error *err) MUST_CHECK;

#endif
