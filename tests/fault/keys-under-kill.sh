#!/bin/sh
# signet-key, signet-ra, signet-ca and signet-kmc are killed at moments that nobody
# knows while devices are activated, renewed, unlocked, and get earlier keys: what
# was begun is done when it is repeated, with one pair, and no key is lost.
# KILLS: activations that are killed, most of them more than once: 5 unless told, which
# with OTHERS (1 of each of the rest) takes a minute and a half; the promise is about
# 100. SEED: the moments of an earlier run.
set -eu
. "$(dirname "$0")/lib-faults.sh"
# Renewal opens 90 days before the end: here 1800.
own_state_of_early_renewal 1800
# SoftHSM's own leaks are not ours.
export ASAN_OPTIONS=detect_leaks=0
export LC_ALL=C.UTF-8
python3 "$SIGNET_SOURCE/tests/fault/keys_under_kill.py" "$STATE" "$WORK"
check_invariants
