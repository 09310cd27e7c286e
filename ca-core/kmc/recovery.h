/*
 * The recovery token, opened for one case: a process of its own (signet-krec)
 * that gets the operators' shares, joins them, logs in, does what this case
 * asks for, and ends. So neither the PIN nor a login nor any key of krec is in
 * the memory of signet-kmc, and what the module leaves behind goes with the
 * process.
 */
#ifndef CA_CORE_KMC_RECOVERY_H
#define CA_CORE_KMC_RECOVERY_H

#include "ca-core/kmc/share.h"

struct recovery_options {
    const char *program; /* signet-krec */
    const char *module;
    const char *token;
    const char *lock_dir;
};

struct recovery;

/* Starts the process and logs in. ERROR_DENIED: these shares give no PIN, or
 * the token refused it. */
bool recovery_open(const struct recovery_options *options,
                   const struct share *shares, unsigned count,
                   struct recovery **out, struct error *err) MUST_CHECK;

/* Ends the process; NULL is nothing. */
void recovery_close(struct recovery *recovery);

/* As hsm_recovery_*() (hsm/escrow.h). ERROR_BUSY: the process is gone. */
bool recovery_make_key(struct recovery *recovery, const uint8_t *id,
                       size_t id_len, struct buf *spki,
                       struct error *err) MUST_CHECK;
bool recovery_rewrap(struct recovery *recovery,
                     const struct hsm_recovery_blob *blob,
                     const uint8_t *target_spki, size_t target_spki_len,
                     struct buf *out, struct error *err) MUST_CHECK;
bool recovery_prove(struct recovery *recovery,
                    const struct hsm_recovery_blob *blob,
                    struct error *err) MUST_CHECK;

/* CMS EnvelopedData of the private key (PKCS #8) for a certificate (DER); the
 * key is in clear in that process, nowhere else. */
bool recovery_envelop(struct recovery *recovery,
                      const struct hsm_recovery_blob *blob,
                      const uint8_t *certificate, size_t certificate_len,
                      struct buf *out, struct error *err) MUST_CHECK;

/* What signet-krec's main does with its end of the socket: until the other
 * side closes it. */
bool recovery_serve(int fd, const struct recovery_options *options,
                    struct error *err) MUST_CHECK;

enum { RECOVERY_FD = 3 }; /* where signet-krec finds its end */

#endif
