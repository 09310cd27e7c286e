#!/bin/sh
# The log as an auditor takes it away: exported, judged by our verifier without a database and
# by jq, sha256sum and openssl without our verifier; whatever is done to it is found and named.
set -eu
. "$(dirname "$0")/lib-orders.sh"
need_state

verifier() { env -i "$SIGNET_BUILD/bin/signet" audit verify "$@"; } # no state, no database, no network
# wrong NAME FINDING FILE: the verifier refuses the file and says this.
wrong() {
    if verifier "$3" --key "$WORK/log-key.pem" >"$WORK/said"; then fail "$1: taken for right"; fi
    grep -qF "$2" "$WORK/said" || { cat "$WORK/said"; fail "$1: not said: $2"; }
    echo "ok $1"
}
# copy FILE: of the export, with its manifest.
copy() { cp "$WORK/log.jsonl" "$1" && cp "$WORK/log.jsonl.manifest.json" "$1.manifest.json"; }

new_order issue audited ec-p256 >"$WORK/order"
order_id=$(jq -r .order_id "$WORK/order")
approve <"$WORK/order" | submit >"$WORK/issued.json"
sleep 1      # the export ends before the second that runs
until=$(now) # the same for both: other tests write on

signet audit export --from 2020-01-01T00:00:00Z --to "$until" --format jsonl --out "$WORK/log.jsonl"
signet audit export --from 2020-01-01T00:00:00Z --to "$until" --format csv --out "$WORK/log.csv"
psql "$SIGNET_PG" -Atc "SELECT encode(spki, 'base64') FROM ca.log_key WHERE state = 'active'" | tr -d '\n' | base64 -d |
    openssl pkey -pubin -inform DER -out "$WORK/log-key.pem"
want 'the export is right' 0 "$(verifier "$WORK/log.jsonl" --key "$WORK/log-key.pem" >"$WORK/said"; echo $?)"
grep -q 'orders judged by its [1-9][0-9]* officers' "$WORK/said" || fail 'who was an officer is not judged'
want 'as CSV, too' 0 "$(verifier "$WORK/log.csv" --key "$WORK/log-key.pem" >"$WORK/said"; echo $?)"
want 'both of one count' "$(wc -l <"$WORK/log.jsonl")" "$(($(wc -l <"$WORK/log.csv") - 1))"

# --- the same by others
count=$(wc -l <"$WORK/log.jsonl")
want 'numbered from 0 without a gap' "$(seq 0 $((count - 1)) | sha256sum)" "$(jq .index "$WORK/log.jsonl" | sha256sum)"
for line in 1 $((count / 2)) "$count"; do
    sed -n "${line}p" "$WORK/log.jsonl" >"$WORK/line"
    want "hash of line $line" "$(jq -r .hash "$WORK/line")" \
        "$({ printf '\000'; jq -jcS .entry "$WORK/line"; } | sha256sum | cut -d' ' -f1)"
done
jq -jcS .manifest "$WORK/log.jsonl.manifest.json" >"$WORK/manifest"
jq -r .signature "$WORK/log.jsonl.manifest.json" | base64 -d >"$WORK/signature"
openssl dgst -sha256 -verify "$WORK/log-key.pem" -signature "$WORK/signature" "$WORK/manifest" || fail 'openssl refuses the manifest'
want 'the manifest counts' "$count" "$(jq .count "$WORK/manifest")"
jq -c --arg id "$order_id" 'select(.entry.event == "order.accepted" and .entry.subject == $id).entry' "$WORK/log.jsonl" >"$WORK/accepted"
want 'the order is in it once' 1 "$(wc -l <"$WORK/accepted")"
want 'with two decisions' 2 "$(jq '.decisions | length' "$WORK/accepted")"
for decision in 0 1; do
    jq -r ".decisions[$decision].certificate" "$WORK/accepted" | base64 -d | openssl x509 -inform DER -noout -pubkey >"$WORK/officer.pem"
    jq -r ".decisions[$decision].signature" "$WORK/accepted" | base64 -d >"$WORK/signature"
    jq -jr ".decisions[$decision].statement" "$WORK/accepted" >"$WORK/statement"
    openssl dgst -sha256 -verify "$WORK/officer.pem" -signature "$WORK/signature" "$WORK/statement" || fail "openssl refuses decision $decision"
    want "decision $decision is over this order" "$(jq -jcS .order "$WORK/accepted" | sha256sum | cut -d' ' -f1)" "$(jq -r .digest "$WORK/statement")"
done

# --- what an enemy may do
copy "$WORK/removed"
sed -i '3d' "$WORK/removed"
wrong 'a removed entry' 'entry 2 is missing' "$WORK/removed"
copy "$WORK/cut"
sed -i '$d' "$WORK/cut"
wrong 'the last entry removed' "entry $((count - 1)) is missing" "$WORK/cut"
copy "$WORK/altered"
sed -i '3s/"at":"20/"at":"19/' "$WORK/altered"
wrong 'an altered entry' 'entry 2 was altered' "$WORK/altered"
copy "$WORK/reordered"
sed -i '2{h;d};3{G}' "$WORK/reordered"
wrong 'a reordered entry' 'entry 1 stands after entry 2' "$WORK/reordered"
copy "$WORK/forged"
jq -cS '.manifest.count += 1 | .manifest.last_index += 1' "$WORK/log.jsonl.manifest.json" >"$WORK/forged.manifest.json"
wrong 'a forged manifest' 'not signed by the log key' "$WORK/forged"
new_key "$WORK/other.key" ec-p256
openssl pkey -in "$WORK/other.key" -pubout -out "$WORK/other.pem"
if verifier "$WORK/log.jsonl" --key "$WORK/other.pem" >"$WORK/said"; then fail 'another log key is taken'; fi
grep -q 'of another log key' "$WORK/said" || fail 'another log key is not named'

# --- who may ask, and for what
manifest() { # PEER FROM TO: status
    curl -sS -o "$WORK/answer" -w '%{http_code}' --cacert "$SIGNET_CA_BUNDLE" --cert "$STATE/tls/signet-$1.pem" \
        --key "$STATE/tls/signet-$1.key" -H 'Content-Type: application/json' \
        --data-binary "{\"from\":\"$2\",\"to\":\"$3\"}" "$SIGNET_CA_URL/v1/log/manifests"
}
want 'the RA gets no manifest' 403 "$(manifest ra 2020-01-01T00:00:00Z 2021-01-01T00:00:00Z)"
want 'the auditor does, of no entries' '200 0' "$(manifest auditor 2020-01-01T00:00:00Z 2021-01-01T00:00:00Z) $(jq .manifest.count "$WORK/answer")"
want 'none of the future' 400 "$(manifest auditor 2020-01-01T00:00:00Z 2999-01-01T00:00:00Z)"
want 'none of no time' 400 "$(manifest auditor yesterday today)"
