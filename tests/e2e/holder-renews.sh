#!/bin/sh
# A renewal with the real client: the new key is made and signed for, paid, and
# installed; killed at any moment it goes on. Renewal opens 90 days before the
# end: here 1800, in copies of the business and of the profile.
set -eu
. "$(dirname "$0")/lib.sh"
own_state
mkdir "$STATE/business" "$STATE/profiles"
cp "$SIGNET_SOURCE"/config/business/*.xml "$STATE/business"
cp "$SIGNET_SOURCE"/config/profiles/*.xml "$STATE/profiles"
sed -i 's/window-days="90"/window-days="1800"/' "$STATE/business/renew.xml" "$STATE/profiles/organisation-signing.xml"
chmod -R a+rX "$STATE/business" "$STATE/profiles"
sed -i "s|^ra.business_dir = .*|ra.business_dir = $STATE/business|; s|^ca.profiles_dir = .*|ca.profiles_dir = $STATE/profiles|" "$STATE/signet.conf"
"$SIGNET" down --state "$STATE" >/dev/null
"$SIGNET" up --no-samples --state "$STATE" >/dev/null
# SoftHSM's own leaks are not ours.
export ASAN_OPTIONS=detect_leaks=0
export LC_ALL=C.UTF-8
python3 "$SIGNET_SOURCE/tests/e2e/holder_renews.py" "$STATE" "$WORK"
