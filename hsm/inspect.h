/*
 * Looking at modules, tokens and keys from outside a service: for operators.
 * Everything happens in this process.
 */
#ifndef HSM_INSPECT_H
#define HSM_INSPECT_H

#include "hsm/hsm.h"

/* What has to go well before a signature, in this order. */
enum hsm_step {
    HSM_STEP_MODULE,    /* load, C_Initialize */
    HSM_STEP_SLOT,      /* a token with this label */
    HSM_STEP_LOGIN,     /* lock, guard, session, PIN */
    HSM_STEP_MECHANISM, /* one for each key */
    HSM_STEP_ATTRIBUTE, /* each key is kept inside, and has its public half */
    HSM_STEP_SIGNATURE, /* each key signs, and the signature verifies */
    HSM_STEP_COUNT,
};

/* "module", "slot", "login", "mechanism", "attribute", "test signature". */
const char *hsm_step_name(enum hsm_step step);

enum { HSM_LIST_MAX = 256 };

struct hsm_listed_key {
    uint8_t id[HSM_ID_MAX];
    size_t id_len;
    char label[HSM_LABEL_MAX + 1]; /* cut to fit */
    enum hsm_key_type type;
};

struct hsm_listed_token {
    char label[32 + 1];
    char manufacturer[32 + 1];
    char model[16 + 1];
    char serial[16 + 1];
    bool has_pin; /* the user PIN is set */
    bool is_locked;
};

/* Takes the steps one after another with every private key of the token. On
 * failure *failed is the step, and `err` says why. `key_count` gets the number
 * of keys. */
bool hsm_check(const struct hsm_options *options, enum hsm_step *failed,
               size_t *key_count, struct error *err) MUST_CHECK;

/* The pairs of a token; logs in. */
bool hsm_key_list(const struct hsm_options *options,
                  struct hsm_listed_key keys[HSM_LIST_MAX], size_t *count,
                  struct error *err) MUST_CHECK;

/* The initialised tokens of a module; no login. */
bool hsm_token_list(const char *module,
                    struct hsm_listed_token tokens[HSM_LIST_MAX], size_t *count,
                    struct error *err) MUST_CHECK;

#endif
