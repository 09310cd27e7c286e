#!/bin/sh
# signet-ra is killed again and again while money comes in and goes back: every
# payment counts once, every refund happens once, and nobody waits for ever.
set -eu
. "$(dirname "$0")/lib-faults.sh"
own_state
python3 "$SIGNET_SOURCE/tests/fault/money_under_kill.py" "$STATE" "$WORK"
