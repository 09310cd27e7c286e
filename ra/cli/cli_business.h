/* Verbs about the businesses and the calendar. */
#ifndef RA_CLI_CLI_BUSINESS_H
#define RA_CLI_CLI_BUSINESS_H

#include "base/cli.h"

extern const struct cli_verb business_verbs[]; /* business, calendar */

#endif
