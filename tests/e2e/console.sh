#!/bin/sh
# The officers' console in a real browser: log-in, every view, a case from its
# first review to its certificate.
set -eu
. "$(dirname "$0")/lib.sh"
need_state

export SIGNET_STATE="$STATE"
sh "$SIGNET_SOURCE/tests/browser/run.sh" words officers console-views review
