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

/* Runs a program; its exit status. */
int soft_token_run(const char *const *argv);

#endif
