#!/bin/sh
# Money and messages on running services: paid in parts, twice, too late, by
# bank; forged and replayed notices; refunds; what is told by SMS, mail, webhook.
set -eu
. "$(dirname "$0")/lib.sh"
need_state
python3 "$SIGNET_SOURCE/tests/e2e/outside_world.py" "$SHARED_STATE" "$WORK"
