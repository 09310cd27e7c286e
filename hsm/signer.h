/*
 * A service's side of its signer processes: starts them, hands them out one
 * call at a time, and replaces those that crash, hang or lose their token.
 * Internal to hsm/.
 */
#ifndef HSM_SIGNER_H
#define HSM_SIGNER_H

#include "hsm/signer_wire.h"

struct signer_pool;

/* Starts options->signer_count processes and a thread that looks after them.
 * Waits until each is logged in or has failed, for a few seconds at most. A
 * token that is away is no error; ERROR_DENIED: the PIN; others: what the
 * module or the lock folder lacks. `options` is borrowed for the pool's
 * life. */
bool signer_pool_new(const struct hsm_options *options,
                     struct signer_pool **out, struct error *err) MUST_CHECK;

/* No call may be under way. Ends the processes. NULL is nothing. */
void signer_pool_free(struct signer_pool *pool);

/* As local_call(): reply->error says how it went. ERROR_BUSY within
 * HSM_WAIT_MS when no signer answers; making a key may take longer. */
void signer_pool_call(struct signer_pool *pool,
                      const struct signer_request *request,
                      struct signer_reply *reply);

#endif
