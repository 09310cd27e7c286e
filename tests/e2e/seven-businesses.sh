#!/bin/sh
# The seven businesses from notice to end, by the API alone.
set -eu
. "$(dirname "$0")/lib.sh"
own_state_of_early_renewal 1000
python3 "$SIGNET_SOURCE/tests/e2e/seven_businesses.py" "$STATE" "$WORK"
signet audit export --from 2026-01-01T00:00:00Z --to "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --format jsonl --out "$WORK/log.jsonl" >/dev/null
signet audit verify "$WORK/log.jsonl" --key "$STATE/public/log.pem" || fail 'an auditor does not believe it'
