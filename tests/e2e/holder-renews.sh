#!/bin/sh
# A renewal with the real client: the new key is made and signed for, paid, and
# installed; killed at any moment it goes on. Renewal opens 90 days before the
# end: here 1800, in copies of the business and of the profile.
set -eu
. "$(dirname "$0")/lib.sh"
own_state_of_early_renewal 1800
# SoftHSM's own leaks are not ours.
export ASAN_OPTIONS=detect_leaks=0
export LC_ALL=C.UTF-8
python3 "$SIGNET_SOURCE/tests/e2e/holder_renews.py" "$STATE" "$WORK"
