/* A token's session from login to loss; see hsm/token.h. */
#include "hsm/token.h"

#include <string.h>
#include <time.h>

#include <openssl/err.h>

#include "hsm/guard.h"
#include "hsm/login.h"

enum { LOCK_WAIT_MS = 10000, OPEN_TRIES = 3, OPEN_PAUSE_MS = 50 };

bool
token_init(struct token *token, const struct hsm_options *options,
           struct error *err)
{
    memset(token, 0, sizeof *token);
    token->options = *options;
    token->session = CK_INVALID_HANDLE;
    return module_acquire(options->module, &token->module, err);
}

bool
token_fail(struct token *token, CK_RV rv, const char *call, struct error *err)
{
    ERR_clear_error(); /* SoftHSM shares our OpenSSL and its queue */
    token->fault = hsm_fault_of(rv);
    return hsm_error(err, rv, call);
}

static bool
is_current(const struct token *token)
{
    return token->session != CK_INVALID_HANDLE && token->module->is_ready &&
           token->generation == token->module->generation;
}

/* What was found stays known: what is known and cannot be found again tells
 * that the library has lost the token (feasibility.md, A4). */
static void
forget_handles(struct token *token)
{
    size_t i;

    for (i = 0; i < token->key_count; i++)
        token->keys[i].handle = CK_INVALID_HANDLE;
    token->is_operation_open = false;
}

static void
close_session(struct token *token)
{
    if (is_current(token))
        (void)token_p11(token)->C_CloseSession(token->session);
    token->session = CK_INVALID_HANDLE;
    forget_handles(token);
}

static bool
open_session(struct token *token, CK_SESSION_HANDLE *out, struct error *err)
{
    CK_RV rv = token_p11(token)->C_OpenSession(
        token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, out);

    return rv == CKR_OK || token_fail(token, rv, "C_OpenSession", err);
}

/* The steps of token_open() once, the login lock held. */
static bool
open_once(struct token *token, struct error *err)
{
    struct module *module = token->module;
    CK_RV rv = CKR_OK;

    token->fault = HSM_FAULT_DEVICE;
    token->step = HSM_STEP_MODULE;
    if (!module_start(module, err))
        return false;
    token->step = HSM_STEP_SLOT;
    if (!module_slot_find(module, token->options.token, token->options.serial,
                          &token->slot, err))
        return false;
    token->step = HSM_STEP_LOGIN;
    if (!open_session(token, &token->session, err))
        return false;
    token->generation = module->generation;
    if (!login_user(module->p11, token->session, &token->options, &rv, err)) {
        if (err->code == ERROR_DENIED)
            token->fault = HSM_FAULT_PIN;
        close_session(token);
        return false;
    }
    ERR_clear_error();
    return true;
}

bool
token_open(struct token *token, struct error *err)
{
    bool ok = false;
    int lock = -1;
    int i;

    if (is_current(token))
        return true;
    token->session = CK_INVALID_HANDLE;
    forget_handles(token);
    token->fault = HSM_FAULT_DEVICE;
    token->step = HSM_STEP_LOGIN;
    if (!login_lock(&token->options, LOCK_WAIT_MS, &lock, err) ||
        !guard_check(&token->options, err))
        goto out;
    for (i = 0; i < OPEN_TRIES && !ok; i++) {
        struct timespec pause = {.tv_nsec = i * OPEN_PAUSE_MS * 1000000};

        (void)nanosleep(&pause, NULL);
        ok = open_once(token, err);
        /* A library that was started earlier does not see a token that came
         * back since; only starting it again does. */
        if (!ok)
            module_stop(token->module);
        if (!ok && err->code != ERROR_BUSY)
            break;
    }
out:
    login_unlock(lock);
    return ok || error_wrap(err, "token %s", token->options.token);
}

bool
token_renew(struct token *token, struct error *err)
{
    CK_SESSION_HANDLE fresh = CK_INVALID_HANDLE;
    CK_SESSION_INFO info;

    if (!is_current(token))
        return token_open(token, err);
    /* The new one first: with its last session a token forgets the login, and
     * each login is a risk for SoftHSM's token (hsm/guard.h). */
    if (!open_session(token, &fresh, err)) {
        token_lose(token);
        return token_open(token, err);
    }
    close_session(token);
    token->session = fresh;
    memset(&info, 0, sizeof info);
    if (token_p11(token)->C_GetSessionInfo(fresh, &info) == CKR_OK &&
        info.state == CKS_RW_USER_FUNCTIONS)
        return true;
    close_session(token);
    return token_open(token, err);
}

void
token_lose(struct token *token)
{
    close_session(token);
    module_stop(token->module);
}

void
token_clear(struct token *token)
{
    if (token->module == NULL)
        return;
    module_lock();
    close_session(token);
    module_unlock();
    module_release(token->module);
    token->module = NULL;
}
