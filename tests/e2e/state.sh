#!/bin/sh
# state.sh up|down: the running state that the end-to-end tests share.
set -eu
. "$(dirname "$0")/lib.sh"
case $1 in
up)
    # What an interrupted run left behind is ours to remove.
    if [ -f "$SHARED_STATE/complete" ]; then "$SIGNET" down --state "$SHARED_STATE" || true; fi
    rm -rf "$SHARED_STATE"
    "$SIGNET" up --no-samples --state "$SHARED_STATE"
    ;;
down)
    "$SIGNET" down --state "$SHARED_STATE"
    if grep -lE 'AddressSanitizer|runtime error|LeakSanitizer' "$SHARED_STATE"/log/*.log; then
        grep -hE -A20 'AddressSanitizer|runtime error|LeakSanitizer' "$SHARED_STATE"/log/*.log | head -60
        fail 'a sanitizer complained in a service'
    fi
    rm -rf "$SHARED_STATE"
    ;;
esac
