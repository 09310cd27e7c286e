#!/bin/sh
# Between a decision and the CA's answer anything may stop. At activation the case
# is `issuing` until it is `activated`, never refused, with one certificate; a hold
# and a revocation are done once, however often they are asked for.
set -eu
. "$(dirname "$0")/lib-faults.sh"
own_state
python3 "$SIGNET_SOURCE/tests/fault/ca_away_from_ra.py" "$STATE" "$WORK"
check_invariants
