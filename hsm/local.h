/*
 * A token in this process: what the seam does for tools, and what a signer
 * process does for its service. Internal to hsm/.
 */
#ifndef HSM_LOCAL_H
#define HSM_LOCAL_H

#include "hsm/signer_wire.h"

struct local;

/* Opens the token at once. `options` is copied, its texts are borrowed for the
 * life of `out`. With `is_signer` a lost token is told (reply.is_lost) instead
 * of healed: the parent starts another process, which heals more. */
bool local_new(const struct hsm_options *options, bool is_signer,
               struct local **out, struct error *err) MUST_CHECK;
void local_free(struct local *local); /* NULL is nothing */

/* Does it, any thread; reply->error says how it went. A lost session is
 * renewed and the call made once more; after a failed signature the session is
 * closed in any case. */
void local_call(struct local *local, const struct signer_request *request,
                struct signer_reply *reply);

#endif
