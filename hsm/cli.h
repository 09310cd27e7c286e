/* Verbs of the HSM: `hsm check`, `hsm token list`, `hsm key list`. */
#ifndef HSM_CLI_H
#define HSM_CLI_H

#include "base/cli.h"

extern const struct cli_verb hsm_verbs[];

#endif
