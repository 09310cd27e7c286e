/* `signet kmc ...` */
#ifndef CA_CORE_KMC_CLI_H
#define CA_CORE_KMC_CLI_H

#include "base/cli.h"

extern const struct cli_verb kmc_verbs[];

int kmc_run_pkcs12(struct cli *cli); /* its verb "kmc pkcs12" */

#endif
