#!/bin/sh
# Many applicants and ten officers at once, at two signet-ra on one database: no
# wrong state, no lost upload, every decision by distinct people, no deadlock.
# CROWD applicants: 25 here, for the time of ctest; 200 for the long run.
set -eu
. "$(dirname "$0")/lib-orders.sh"
own_state

# More reviewers than the demonstration has; `either` may do both reviews, not of one case.
for name in first-b:first-reviewer second-b:second-reviewer either:first-reviewer,second-reviewer either-b:first-reviewer,second-reviewer; do
    roles=$(printf '"%s"' "${name#*:}" | sed 's/,/","/g')
    name=${name%%:*}
    enroll "$name" "P-$name" "[$roles]" | administer | submit >/dev/null
    cp -r "$WORK/officers/$name" "$STATE/officers/$name"
done

# The other signet-ra: the same but for where it listens.
port=$("$SIGNET_BUILD/bin/signet" service ports 1)
sed "s|^ra.listen = .*|ra.listen = 127.0.0.1:$port|" "$STATE/signet.conf" >"$STATE/second.conf"
chmod 644 "$STATE/second.conf"
(
    export SOFTHSM2_CONF="$STATE/softhsm2.conf"
    [ "$(id -u)" != 0 ] || exec setpriv --reuid=signet --regid=signet --clear-groups -- "$SIGNET_BUILD/bin/signet-ra" --config "$STATE/second.conf"
    exec "$SIGNET_BUILD/bin/signet-ra" --config "$STATE/second.conf"
) >"$STATE/log/signet-ra-second.log" 2>&1 &
second=$!
end_second() {
    kill "$second" 2>/dev/null || true
    wait "$second" 2>/dev/null || true
}
trap 'end_second; clean_up' EXIT
poll 30 curl -fsS --cacert "$SIGNET_CA_BUNDLE" "https://127.0.0.1:$port/health" || { tail "$STATE/log/signet-ra-second.log"; fail 'the second signet-ra does not serve'; }

CROWD=${CROWD:-25} python3 "$SIGNET_SOURCE/tests/e2e/crowd.py" "$STATE" "$WORK" "$SIGNET_RA_URL" "https://127.0.0.1:$port"
end_second
if grep -hE '40P01|deadlock' "$STATE"/log/*.log; then fail 'a deadlock'; fi
if grep -h '"level":"error"' "$STATE"/log/signet-*.log; then fail 'a service calls for a hand'; fi
if grep -hE 'AddressSanitizer|runtime error' "$STATE"/log/signet-*.log; then fail 'a sanitizer complained'; fi
echo 'ok no deadlock, and no service calls for a hand'
