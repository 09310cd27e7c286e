#!/bin/sh
# signet-ra is killed at moments that nobody knows while people work on new
# certificates: what was told to be done is done, once, and nothing is lost.
set -eu
. "$(dirname "$0")/lib-faults.sh"
own_state
python3 "$SIGNET_SOURCE/tests/fault/case_under_kill.py" "$STATE" "$WORK"
check_invariants
