/*
 * What surrounds C_Login: one login to a token at a time on this machine, the
 * PIN from its file, and the promise that a refused PIN is not tried again.
 * Internal to hsm/.
 */
#ifndef HSM_LOGIN_H
#define HSM_LOGIN_H

#include "hsm/cryptoki.h"
#include "hsm/hsm.h"

/* Takes the token's lock in options->lock_dir (made if absent). Held by this
 * process, however it ends, until login_unlock(). ERROR_BUSY after
 * `timeout_ms`. */
bool login_lock(const struct hsm_options *options, int64_t timeout_ms, int *fd,
                struct error *err) MUST_CHECK;
void login_unlock(int fd); /* -1 is nothing */

/*
 * C_Login as the user with the PIN of options->pin_file; being logged in
 * already is success. The caller holds the login lock.
 *
 * A PIN that the token refuses is remembered in lock_dir, across processes:
 * ERROR_DENIED then, and at once ever after for the same PIN; with another one
 * there is at most one attempt a minute (ERROR_BUSY until then). `rv` tells
 * what C_Login said, CKR_OK if it was not called.
 */
bool login_user(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                const struct hsm_options *options, CK_RV *rv,
                struct error *err) MUST_CHECK;

/* A file of this token in lock_dir: label, escaped, and `suffix`. */
#define LOGIN_MARK_SUFFIX ".refused-pin"
void login_path(const struct hsm_options *options, const char *suffix,
                struct buf *out);

/* When root works in a service's place: gives the file at `path` to the owner
 * of `like`, so that the service can use it afterwards. */
void login_give(const char *path, const char *like);

#endif
