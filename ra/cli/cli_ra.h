/* Verbs about the registration authority: account, case, officer. */
#ifndef RA_CLI_CLI_RA_H
#define RA_CLI_CLI_RA_H

#include "base/cli.h"

extern const struct cli_verb ra_verbs[];      /* account */
extern const struct cli_verb case_verbs[];    /* case */
extern const struct cli_verb officer_verbs[]; /* officer */

#endif
