/* Verbs about the configuration: check, show, doc. */
#ifndef BASE_CLI_CONFIG_H
#define BASE_CLI_CONFIG_H

#include "base/cli.h"

extern const struct cli_verb config_verbs[];

#endif
