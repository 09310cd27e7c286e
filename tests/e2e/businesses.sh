#!/bin/sh
# The eight businesses from notice to end in a real browser: applicants in the
# portal, officers in the console.
set -eu
. "$(dirname "$0")/lib.sh"
own_state_of_early_renewal 1000

export SIGNET_STATE="$STATE"
sh "$SIGNET_SOURCE/tests/browser/run.sh" businesses
