/* Verbs about the records of units. */
#ifndef RA_CLI_CLI_UNIT_H
#define RA_CLI_CLI_UNIT_H

#include "base/cli.h"

extern const struct cli_verb unit_verbs[]; /* account import */

#endif
