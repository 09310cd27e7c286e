/* Verbs about running services: supervise, status, ports. */
#ifndef BASE_CLI_SERVICE_H
#define BASE_CLI_SERVICE_H

#include "base/cli.h"

extern const struct cli_verb service_verbs[];

#endif
