#!/bin/sh
# A real holder's client on running services: signet-key with a USB key, from the
# maker's station to a locked PIN and back; killed at any moment, it ends in one
# certificate. openssl and pkcs11-tool are the judges.
set -eu
. "$(dirname "$0")/lib.sh"
need_state
# SoftHSM's own leaks are not ours.
export ASAN_OPTIONS=detect_leaks=0
export LC_ALL=C.UTF-8
python3 "$SIGNET_SOURCE/tests/e2e/holder_online.py" "$SHARED_STATE" "$WORK"
