#!/bin/sh
# A device goes from stock to its holder, is locked and unlocked; strangers with
# the wrong device, code or key get nowhere.
set -eu
. "$(dirname "$0")/lib.sh"
need_state
python3 "$SIGNET_SOURCE/tests/e2e/devices.py" "$SHARED_STATE" "$WORK"
