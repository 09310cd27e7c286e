/*
 * One token in this process: its module, one session for life, the login, and
 * the keys that were found. Not thread-safe; every call is made under
 * module_lock(). Internal to hsm/.
 */
#ifndef HSM_TOKEN_H
#define HSM_TOKEN_H

#include "hsm/cryptoki.h"
#include "hsm/hsm.h"
#include "hsm/inspect.h"
#include "hsm/module.h"

enum { TOKEN_KEYS_MAX = 256 };

/* A key that has been found. After the session was renewed its handle is
 * CK_INVALID_HANDLE until it is found again. */
struct token_key {
    CK_OBJECT_CLASS class; /* CKO_PRIVATE_KEY or CKO_SECRET_KEY */
    uint8_t id[HSM_ID_MAX];
    size_t id_len;
    CK_OBJECT_HANDLE handle;
};

struct token {
    struct hsm_options options; /* texts are the owner's */
    struct module *module;
    unsigned generation; /* of the module, when the session was opened */
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session; /* CK_INVALID_HANDLE: not open */
    enum hsm_step step;        /* of token_open(), the last one tried */
    enum hsm_fault fault;      /* of the last failed call */
    bool is_operation_open;    /* a failed call may have left one active */
    struct token_key keys[TOKEN_KEYS_MAX];
    size_t key_count;
};

/* Loads the module; opens nothing yet. `options` is copied, its texts are
 * borrowed for the token's life. */
bool token_init(struct token *token, const struct hsm_options *options,
                struct error *err) MUST_CHECK;
void token_clear(struct token *token);

/* Lock, guard, C_Initialize, slot, session, login. Nothing if that stands.
 * ERROR_BUSY: the token is away; ERROR_DENIED: the PIN. */
bool token_open(struct token *token, struct error *err) MUST_CHECK;

/* A new session in place of the old one; handles have to be found again. A
 * copy of a key dies with its session, an operation left active, too. */
bool token_renew(struct token *token, struct error *err) MUST_CHECK;

/* Gives up session and library (C_Finalize): token_open() starts anew. */
void token_lose(struct token *token);

/* Fills `err` from `rv` and notes the fault. Returns false. */
bool token_fail(struct token *token, CK_RV rv, const char *call,
                struct error *err);

static inline CK_FUNCTION_LIST *
token_p11(const struct token *token)
{
    return token->module->p11;
}

#endif
