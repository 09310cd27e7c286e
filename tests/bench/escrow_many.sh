#!/bin/sh
# Many escrowed keys, through their whole life: created, rotated with signet-kmc
# killed in the middle (kill -9) and the rotation gone on with, all proved to open,
# samples recovered and held against the public keys of before. Prints
# name<TAB>value<TAB>unit; anything that is not as it should be ends it.
#   escrow_many.sh [COUNT]; SIGNET_BUILD has a release build with bench_keys;
#   SAMPLES (20). 100,000 keys take a quarter of an hour on two processors.
set -eu
COUNT=${1:-100000}
SAMPLES=${SAMPLES:-20}
. "$(dirname "$0")/../e2e/lib.sh"
own_state
line() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; }
sql() { psql -qAt -h "$STATE/run" -U signet_owner signet -c "$1" 2>/dev/null; }
new_id() { cat /proc/sys/kernel/random/uuid; }
kmc_pid() { awk '$1 == "signet-kmc" { print $2 }' "$STATE/run/supervisor.status"; }
curl_kmc() {
    curl -sS --cacert "$SIGNET_CA_BUNDLE" --cert "$STATE/tls/signet-ca.pem" --key "$STATE/tls/signet-ca.key" "$@"
}
by_operators() { # CASE NUMBER...
    case=$1
    shift
    for n; do
        signet kmc approve "$case" --officer "$STATE/officers/kmc-$n" --name "P-001$n" >/dev/null || fail "operator $n"
    done
}
state_of() { sql "SELECT state FROM kmc.recovery_case WHERE id = '$1'"; }
outcome() { sql "SELECT outcome FROM kmc.recovery_case WHERE id = '$1'"; }
await() { # CASE: until it has ended
    while case $(state_of "$1") in open | approved) true ;; *) false ;; esac; do sleep 1; done
    [ "$(state_of "$1")" = done ] || fail "case $1: $(outcome "$1")"
}
open_of() { # CASE KIND
    signet kmc open --kind "$2" --reason 'many keys' --case "$1" --officer "$STATE/officers/kmc-5" >/dev/null
}
since() { echo $(($(date +%s) - $1)); }
under() { sql "SELECT count(*) FROM kmc.escrowed_key k JOIN kmc.recovery_key r ON r.id = k.recovery_key WHERE r.state = '$1'"; }

# ---- Created
rate=$("$SIGNET_BUILD/bin/bench_keys" create "$SIGNET_KMC_URL" "$SIGNET_CA_BUNDLE" "$STATE/tls/signet-ca.pem" "$STATE/tls/signet-ca.key" "$COUNT" many)
[ "$(under active)" = "$COUNT" ] || fail 'not as many keys as were made'
line escrow_many_created "$COUNT" keys
line escrow_many_create_per_s "$rate" keys/s
sql "CREATE TABLE public.before AS SELECT id, spki, holder FROM kmc.escrowed_key"

# ---- Rotated, killed at a third of the way
rotation=$(new_id)
open_of "$rotation" rotation
began=$(date +%s)
by_operators "$rotation" 1 2 3
left=$COUNT
until [ "$left" -gt 0 ] && [ "$left" -lt $((COUNT * 2 / 3)) ]; do
    sleep 0.1
    left=$(under retiring)
done
old=$(kmc_pid)
kill -9 "$old"
line escrow_many_left_by_the_kill "$(under retiring)" keys
back() { pid=$(kmc_pid) && [ "$pid" != "$old" ] && [ "$pid" != 0 ] && curl_kmc -f "$SIGNET_KMC_URL/health"; }
poll 60 back || fail 'signet-kmc is not back'
[ "$(state_of "$rotation")" = approved ] || fail "the rotation is $(state_of "$rotation")"
by_operators "$rotation" 1 2 3 # their shares went with the process
await "$rotation"
line escrow_many_rotate_s "$(since "$began")" s
outcome "$rotation" | grep -q ', 0 wrong$' || fail "$(outcome "$rotation")"
[ "$(under active)" = "$COUNT" ] || fail 'a key is not under the new recovery key'
[ "$(sql 'SELECT string_agg(state, chr(32) ORDER BY id) FROM kmc.recovery_key')" = 'retired active' ] || fail 'recovery keys are not as they should be'
[ "$(sql 'SELECT count(*) FROM public.before JOIN kmc.escrowed_key USING (id, spki, holder)')" = "$COUNT" ] || fail 'a key is not what it was'

# ---- All proved
proof=$(new_id)
open_of "$proof" verification
began=$(date +%s)
by_operators "$proof" 2 3 4
await "$proof"
line escrow_many_verify_s "$(since "$began")" s
[ "$(outcome "$proof")" = "$COUNT keys proved to open, 0 wrong" ] || fail "$(outcome "$proof")"
began=$(date +%s)
signet kmc verify | grep -q ': 0 wrong$' || fail 'a mark is wrong'
line escrow_many_marks_s "$(since "$began")" s

# ---- Samples recovered, opened by openssl
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$WORK/to.key" 2>/dev/null
target=$(openssl pkey -in "$WORK/to.key" -pubout -outform DER | base64 -w0)
for id in $(sql "SELECT id FROM public.before ORDER BY random() LIMIT $SAMPLES"); do
    case=$(new_id)
    holder=$(sql "SELECT holder FROM public.before WHERE id = '$id'")
    jq -cn --arg id "$case" --arg key "$id" --arg holder "$holder" --arg target "$target" '{case: $id, kind: "customer", requester: "holder",
        reason: "sample", document: "M-1", keys: [$key], holder: $holder, delivery: "token", target: $target}' |
        curl_kmc -f -H 'Content-Type: application/json' -d @- "$SIGNET_KMC_URL/v1/cases" >/dev/null
    signet kmc approve "$case" --officer "$STATE/officers/first" --name P-0004 --as ra-officer >/dev/null
    by_operators "$case" 1 3 5
    await "$case"
    curl_kmc "$SIGNET_KMC_URL/v1/cases/$case/answer" >"$WORK/answer"
    jq -r '.keys[0].content_key' "$WORK/answer" | base64 -d >"$WORK/ck"
    jq -r '.keys[0].wrapped' "$WORK/answer" | base64 -d >"$WORK/wrapped"
    kek=$(openssl pkeyutl -decrypt -inkey "$WORK/to.key" -pkeyopt rsa_padding_mode:oaep -in "$WORK/ck" | od -An -v -tx1 | tr -d ' \n')
    openssl enc -d -id-aes256-wrap-pad -K "$kek" -iv A65959A6 -in "$WORK/wrapped" | openssl pkey -inform DER -pubout -outform DER >"$WORK/spki"
    [ "$(od -An -v -tx1 "$WORK/spki" | tr -d ' \n')" = "$(sql "SELECT encode(spki, 'hex') FROM public.before WHERE id = '$id'")" ] ||
        fail "key $id is another now"
done
line escrow_many_recovered "$SAMPLES" keys
