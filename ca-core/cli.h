/* Verbs of the CA core; each table stands in its cli_*.c. */
#ifndef CA_CORE_CLI_H
#define CA_CORE_CLI_H

#include "base/cli.h"

extern const struct cli_verb audit_verbs[];
extern const struct cli_verb profile_verbs[];
extern const struct cli_verb ca_verbs[];
extern const struct cli_verb ceremony_verbs[];
extern const struct cli_verb sample_verbs[];

#endif
