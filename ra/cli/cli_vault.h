/* Verbs about the vault. */
#ifndef RA_CLI_CLI_VAULT_H
#define RA_CLI_CLI_VAULT_H

#include "base/cli.h"

extern const struct cli_verb vault_verbs[]; /* vault rotate */

#endif
