#!/bin/sh
# A part of the house goes away and comes back: the database, the token, the disk. While it
# is away the answer is a 503 with a problem document within seconds, nothing is signed that
# cannot be recorded, OCSP goes on; when it is back service resumes without a hand.
set -eu
. "$(dirname "$0")/../e2e/lib-orders.sh"
. "$(dirname "$0")/lib-faults.sh"

# The state stands on a small file system of its own, so that it can be filled.
[ "$(id -u)" = 0 ] || fail 'mounting a small file system takes root'
OWN_STATE=$(mktemp -d /tmp/signet-own-XXXXXX)
mount -t tmpfs -o size=420m,mode=0755 none "$OWN_STATE"
SMALL_DISK=$OWN_STATE
"$SIGNET" up --no-samples --state "$OWN_STATE" >"$WORK/up.log" 2>&1 || { cat "$WORK/up.log"; fail 'no state'; }
. "$OWN_STATE/env"
STATE=$OWN_STATE
# Session copies of the keys would go on signing while the token's folder is away; a real
# token that is pulled out takes them along.
"$SIGNET" down --state "$STATE" >/dev/null
echo 'hsm.session_copy = no' >>"$STATE/signet.conf"
"$SIGNET" up --no-samples --state "$STATE" >/dev/null

supervised() { awk -v name="$1" '$1 == name && $2 > 1 { print $2; found = 1 } END { exit !found }' "$STATE/run/supervisor.status"; }
tree() { echo "$1" $(ps -o pid= --ppid "$1" 2>/dev/null); }
healthy() { "$SIGNET" status --state "$STATE"; }

new_order issue before ec-p256 | approve | submit >"$WORK/before.json"
pem_of "$WORK/before.json" >"$WORK/before.pem"
ocsp() { openssl ocsp -issuer "$SIGNET_ISSUER" -cert "$WORK/before.pem" -url "$SIGNET_OCSP_URL" -no_nonce -CAfile "$SIGNET_ROOT" 2>/dev/null | sed -n "s|^$WORK/before.pem: ||p"; }
want 'before' good "$(ocsp)"
issued() { sql "SELECT count(*) FROM ca.certificate WHERE der IS NOT NULL"; }
ca=$(supervised signet-ca)

# away NAME SECONDS: an order is refused with 503 in time; then everything comes back.
refused_in() { # NAME SECONDS
    new_order issue "while-$1" ec-p256 | approve >"$WORK/pending"
    start=$(date +%s%3N)
    refused 503 "$1: an order" <"$WORK/pending"
    took=$(($(date +%s%3N) - start))
    [ "$took" -le $(($2 * 1000)) ] || fail "$1: the refusal took $took ms"
    grep -qi '^retry-after: [0-9]' "$WORK/head" || fail "$1: no Retry-After"
    want "$1: OCSP goes on" good "$(ocsp)"
    # Nobody knows that a disk is full but who writes: health only reads.
    [ "$1" = 'disk full' ] || ! healthy >/dev/null || fail "$1: status says all is well"
}
back() { # NAME SECONDS: the same order is now done, once
    poll "$2" healthy || { healthy || true; fail "$1: not healthy $2 s after"; }
    submit <"$WORK/pending" >"$WORK/after.json"
    want "$1: the order that was refused is done" done "$(jq -r .state "$WORK/after.json")"
    want "$1: signet-ca was not restarted" "$ca" "$(supervised signet-ca)"
    check_invariants
}

# --- the token
before=$(issued)
mv "$STATE/tokens" "$STATE/tokens.away"
refused_in 'token away' 4
want 'nothing was signed' "$before" "$(issued)"
mv "$STATE/tokens.away" "$STATE/tokens"
back 'token away' 8
if grep -h 'wrong PIN' "$STATE"/log/signet-*.log; then fail 'a PIN was called wrong'; fi

# --- the database
mv "$STATE/pg" "$STATE/pg.away"
server=$(supervised postgresql)
# shellcheck disable=SC2046
kill -KILL $(tree "$server")
refused_in 'database away' 5
mv "$STATE/pg.away" "$STATE/pg"
back 'database away' 25

# --- the disk. The ballast leaves no block, so PostgreSQL cannot write its log.
dd if=/dev/zero of="$STATE/ballast" bs=64k 2>/dev/null || true
dd if=/dev/zero of="$STATE/ballast2" bs=512 2>/dev/null || true
# The current WAL segment still has room, and a table that cannot grow may yet
# find a free place: full is what refuses five orders, one after another.
tries=0
refusals=0
while [ "$refusals" -lt 5 ]; do
    new_order issue "filler-$tries" ec-p256 | approve >"$WORK/envelope"
    if [ "$(curl_ca -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' --data-binary "@$WORK/envelope" "$SIGNET_CA_URL/v1/orders")" = 200 ]; then
        refusals=0
    else
        refusals=$((refusals + 1))
    fi
    tries=$((tries + 1))
    [ "$tries" -lt 2000 ] || fail 'the disk does not get full'
done
refused_in 'disk full' 8
rm -f "$STATE/ballast" "$STATE/ballast2"
back 'disk full' 40
