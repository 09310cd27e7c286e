/*
 * A private SoftHSM: a folder of its own with configuration, tokens, PIN files
 * and locks, removed at the end. Sets SOFTHSM2_CONF.
 */
#ifndef TESTS_UNIT_SOFT_TOKEN_H
#define TESTS_UNIT_SOFT_TOKEN_H

#include "hsm/hsm.h"

#define SOFT_TOKEN_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define SOFT_TOKEN_PIN "73519024"

struct soft_token {
    char folder[64];
    char pin_file[128];
    char lock_dir[128];
    char tokens[128];
    struct hsm_options options; /* of the token "test", in this process */
};

/* Aborts the test program when it cannot be made. */
void soft_token_make(struct soft_token *token);
void soft_token_remove(struct soft_token *token);

/* Another token in the same folder, with the same PIN. */
void soft_token_add(const struct soft_token *token, const char *label);

/* Puts the module of tests/fault/p11fault.c before SoftHSM's in the options;
 * `rules` (NULL: none) replaces its rules at any time. */
void soft_token_spoil(struct soft_token *token);
void soft_token_rules(const struct soft_token *token, const char *rules);

/* How often this function was called, by all processes; the index is the order
 * in p11fault.c. -1: all functions together. */
enum soft_token_call {
    SOFT_TOKEN_INITIALIZE = 0,
    SOFT_TOKEN_CLOSE_SESSION = 5,
    SOFT_TOKEN_LOGIN = 7,
    SOFT_TOKEN_SIGN_INIT = 13,
    SOFT_TOKEN_SIGN = 14,
    SOFT_TOKEN_CALL_COUNT = 16,
};
long soft_token_calls(const struct soft_token *token, int call);

/* SoftHSM 2.6.1 leaks at each Ed25519 C_SignInit: what is allocated between
 * true and false is not looked for. */
void soft_token_ignore_leaks(bool is_on);

/* Runs a program; its exit status. */
int soft_token_run(const char *const *argv);

#endif
