/*
 * SoftHSM 2.6.1 rewrites a token's token.object at every login, in place: a
 * process that dies at that moment leaves it empty and the token lost
 * (feasibility.md, B5). The guard keeps a copy and puts it back. It is the only
 * file here that knows anything of SoftHSM, and does nothing for other modules.
 * Internal to hsm/.
 */
#ifndef HSM_GUARD_H
#define HSM_GUARD_H

#include "hsm/hsm.h"

/* Before C_Initialize, with the login lock held: for the token with this
 * label, restores a token.object that is damaged, or else keeps a copy of it
 * in options->lock_dir, and removes key files that a process left empty when
 * it died. Each repair is logged. A damaged token without a copy is logged and
 * left alone. ERROR_INTERNAL when a file cannot be written. */
bool guard_check(const struct hsm_options *options,
                 struct error *err) MUST_CHECK;

/* Where SoftHSM keeps its tokens: SOFTHSM2_CONF, the user's file, or the
 * system's. ERROR_NOT_FOUND if none says. */
bool guard_token_dir(struct buf *out, struct error *err) MUST_CHECK;

#endif
