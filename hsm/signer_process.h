/*
 * One signer process: start, first word, end. The pool (hsm/signer.c) decides
 * when. Internal to hsm/.
 */
#ifndef HSM_SIGNER_PROCESS_H
#define HSM_SIGNER_PROCESS_H

#include <sys/types.h>

#include "hsm/signer_wire.h"

/* Starts options->signer_path on one end of a socket pair. The PIN is in no
 * argument. ERROR_INPUT if there is no such program. */
bool signer_process_start(const struct hsm_options *options, pid_t *pid,
                          int *fd, struct error *err) MUST_CHECK;

/* What tells that a refused PIN may have been corrected: the state of the PIN
 * file and of the mark that the refusal left. */
struct signer_pin_state {
    dev_t dev;
    ino_t inode;
    off_t len;
    int64_t mtime_ns;
    int64_t ctime_ns;
    bool is_marked;
};

void signer_pin_state(const struct hsm_options *options,
                      struct signer_pin_state *out);
/* Another PIN, or a mark that was there and has been removed. */
bool signer_pin_changed(const struct signer_pin_state *before,
                        const struct signer_pin_state *now);

#endif
