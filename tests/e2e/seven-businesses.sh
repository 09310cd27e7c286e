#!/bin/sh
# The seven businesses from notice to end. Renewal opens 90 days before the end:
# here 1000, in copies of the business and of the profile.
set -eu
. "$(dirname "$0")/lib.sh"
own_state
mkdir "$STATE/business" "$STATE/profiles"
cp "$SIGNET_SOURCE"/config/business/*.xml "$STATE/business"
cp "$SIGNET_SOURCE"/config/profiles/*.xml "$STATE/profiles"
sed -i 's/window-days="90"/window-days="1000"/' "$STATE/business/renew.xml" "$STATE/profiles/organisation-signing.xml"
chmod -R a+rX "$STATE/business" "$STATE/profiles"
sed -i "s|^ra.business_dir = .*|ra.business_dir = $STATE/business|; s|^ca.profiles_dir = .*|ca.profiles_dir = $STATE/profiles|" "$STATE/signet.conf"
"$SIGNET" down --state "$STATE" >/dev/null
"$SIGNET" up --no-samples --state "$STATE" >/dev/null
python3 "$SIGNET_SOURCE/tests/e2e/seven_businesses.py" "$STATE" "$WORK"
signet audit export --from 2026-01-01T00:00:00Z --to "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --format jsonl --out "$WORK/log.jsonl" >/dev/null
signet audit verify "$WORK/log.jsonl" --key "$STATE/public/log.pem" || fail 'an auditor does not believe it'
