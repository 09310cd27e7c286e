#!/bin/sh
# Nobody ever loses an encrypted file: four devices' lives of one holder, with
# signet-key, through renewal, loss, change and recovery. What partners encrypted
# to any earlier certificate opens on the present device, once the key management
# centre's people agreed, and not before. openssl and pkcs11-tool are the judges.
set -eu
. "$(dirname "$0")/lib.sh"
# Renewal opens 90 days before the end: here 1800.
own_state_of_early_renewal 1800
# SoftHSM's own leaks are not ours.
export ASAN_OPTIONS=detect_leaks=0
export LC_ALL=C.UTF-8
python3 "$SIGNET_SOURCE/tests/e2e/generations.py" "$STATE" "$WORK"
