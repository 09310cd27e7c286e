#!/bin/sh
# The life of a certificate by orders: what each kind does to the end date, the keys and the
# old certificate; and what each refuses.
set -eu
. "$(dirname "$0")/lib-orders.sh"
need_state

state_of() { curl_ca -f "$SIGNET_CA_URL/v1/certificates?issuer=issuing-1&serial=$1" | jq -r '.certificates[0].state'; }
end_of() { openssl x509 -in "$1" -noout -enddate | cut -d= -f2; }
seconds() { date -ud "$1" +%s; }

new_order issue one ec-p256 '.validity = {rule: "days", days: 60}' >"$WORK/order-one" # within the window of renewal
approve <"$WORK/order-one" >"$WORK/envelope-one"
submit <"$WORK/envelope-one" >"$WORK/one.json"
pem_of "$WORK/one.json" >"$WORK/one.pem"
one=$(serial_of "$WORK/one.json")
want 'issued' valid "$(state_of "$one")"

# --- the same order again
submit <"$WORK/envelope-one" >"$WORK/again.json"
want 'the same order gives the same certificate' "$(pem_of "$WORK/one.json" | sha256sum)" "$(pem_of "$WORK/again.json" | sha256sum)"
jq -c '.subject.common_name = "another"' "$WORK/order-one" | approve | refused 409 'the same order id with other content'
pids=
for n in $(seq 16); do
    curl_ca -o "$WORK/many.$n" -H 'Content-Type: application/json' --data-binary "@$WORK/envelope-one" "$SIGNET_CA_URL/v1/orders" &
    pids="$pids $!"
done
for pid in $pids; do wait "$pid"; done
want 'sixteen times at once: one certificate' 1 "$(for n in $(seq 16); do jq -r '.certificates[0].der' "$WORK/many.$n"; done | sort -u | wc -l)"

# --- reissue: same subject, same end, new key, old one revoked in the same act
new_successor reissue "$one" two ec-p256 '{"rule":"keep"}' '{"action":"revoke","reason":"superseded"}' | approve | submit >"$WORK/two.json"
pem_of "$WORK/two.json" >"$WORK/two.pem"
two=$(serial_of "$WORK/two.json")
want 'reissue keeps the end date to the second' "$(end_of "$WORK/one.pem")" "$(end_of "$WORK/two.pem")"
want 'reissue keeps the subject' "$(openssl x509 -in "$WORK/one.pem" -noout -subject)" "$(openssl x509 -in "$WORK/two.pem" -noout -subject)"
want 'reissue revokes the old one' revoked "$(state_of "$one")"
new_successor reissue "$one" late ec-p256 '{"rule":"keep"}' '{"action":"none"}' | approve | refused 409 'reissue of a revoked certificate'

# --- change: new subject, same end
new_successor change "$two" three ec-p256 '{"rule":"keep"}' '{"action":"revoke","reason":"affiliationChanged"}' \
    '.subject = {country: "CN", state: "广东省", locality: "深圳市", organization: ("更名 " + .order_id[0:8]), common_name: ("更名 " + .order_id[0:8])} | .organization_code = "91350100M000100Y43"' |
    tee "$WORK/order-three" | approve | submit >"$WORK/three.json"
pem_of "$WORK/three.json" >"$WORK/three.pem"
three=$(serial_of "$WORK/three.json")
want 'change keeps the end date' "$(end_of "$WORK/one.pem")" "$(end_of "$WORK/three.pem")"
openssl x509 -in "$WORK/three.pem" -noout -subject -nameopt utf8,sep_comma_plus | grep -q 深圳市 || fail 'change did not change the subject'
want 'change revokes the old one' revoked "$(state_of "$two")"

# --- rekey keeps the end; renew extends from the old end
new_order issue another ec-p256 ".subject = {country: \"CN\", state: \"广东省\", locality: \"深圳市\"} + ($(jq -c '.subject | {organization, common_name}' "$WORK/order-three"))" |
    approve | refused 409 'a second live certificate for one subject'
new_successor rekey "$three" four ec-p384 '{"rule":"keep"}' '{"action":"revoke","reason":"superseded"}' | approve | submit >"$WORK/four.json"
pem_of "$WORK/four.json" >"$WORK/four.pem"
four=$(serial_of "$WORK/four.json")
want 'rekey keeps the end date' "$(end_of "$WORK/one.pem")" "$(end_of "$WORK/four.pem")"
new_successor renew "$four" five ec-p256 '{"rule":"extend","years":1}' '{"action":"revoke","reason":"superseded"}' | approve | submit >"$WORK/five.json"
pem_of "$WORK/five.json" >"$WORK/five.pem"
five=$(serial_of "$WORK/five.json")
want 'renew extends by a year from the old end' "$(date -ud "$(date -ud "$(end_of "$WORK/four.pem")" '+%F %T UTC') 1 year" +%s)" "$(seconds "$(end_of "$WORK/five.pem")")"
new_successor renew "$five" early ec-p256 '{"rule":"extend","years":1}' '{"action":"none"}' | approve | refused 409 'renewal before its window opens'
new_successor renew "$five" six ec-p256 '{"rule":"keep"}' '{"action":"none"}' | approve | refused 400 'renew that keeps the end date'
cp "$WORK/five.key" "$WORK/reuse.key"
new_successor reissue "$five" reuse ec-p256 '{"rule":"keep"}' '{"action":"revoke","reason":"superseded"}' | approve | refused 400 'the old key again'

# --- hold, release, revoke
order=$(new_revocation hold "$five")
envelope "$order" "$(decision "$order" first-review first)" | submit >/dev/null
want 'one officer holds' held "$(state_of "$five")"
order=$(new_revocation release "$five")
envelope "$order" "$(decision "$order" first-review first)" | refused 403 'one officer releases'
new_revocation release "$five" | approve | submit >/dev/null
want 'two officers release' valid "$(state_of "$five")"
new_revocation revoke "$five" keyCompromise | jq -c '.invalidity_date = "2026-01-01T00:00:00Z"' | approve | submit >/dev/null
want 'two officers revoke' revoked "$(state_of "$five")"
new_revocation release "$five" | approve | refused 409 'release of a revoked certificate'
new_revocation revoke "$five" superseded | approve | refused 409 'a second revocation for a lesser reason'

# --- a compromised key never comes back, under any name
cp "$WORK/five.key" "$WORK/compromised.key"
new_order issue compromised ec-p256 | approve | refused 403 'a key that was compromised'

# --- revocation by key: every certificate with it, and the key is blocked
new_order issue shared ec-p256 | approve | submit >"$WORK/shared.json"
pem_of "$WORK/shared.json" | openssl x509 -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1 >"$WORK/spki"
jq -cn --arg id "$(new_id)" --arg now "$(now)" --arg spki "$(cat "$WORK/spki")" \
    '{order_id: $id, kind: "revoke", created_at: $now, applicant: {account: "none", person: "none"}, target: {spki_sha256: $spki}, reason: "keyCompromise"}' |
    approve | submit >"$WORK/bykey.json"
want 'revoked by its key' revoked "$(state_of "$(serial_of "$WORK/shared.json")")"
cp "$WORK/shared.key" "$WORK/shared2.key"
new_order issue shared2 ec-p256 | approve | refused 403 'a blocked key'

# --- a device completes what was decided before: the request is its own, and it is so for good
activated() { # ORDER-JSON NAME: by the device uk, UK-7001
    envelope "$1" "$(decision "$1" first-review first)" "$(decision "$1" second-review second)" "$(making "$1" UK-7001 uk)" |
        completed UK-7001 uk "$2"
}
order=$(new_order issue active ec-p256 '.validity = {rule: "days", days: 60}' | waiting)
printf '%s' "$order" | jq -c '{order: .}' >"$WORK/check"
curl_ca -f -H 'Content-Type: application/json' --data-binary "@$WORK/check" "$SIGNET_CA_URL/v1/orders/check" >"$WORK/checked"
want 'the steps of such an order' 'first-review second-review making' "$(jq -r '.steps | join(" ")' "$WORK/checked")"
activated "$order" active >"$WORK/envelope-active"
submit <"$WORK/envelope-active" >"$WORK/active.json"
pem_of "$WORK/active.json" >"$WORK/active.pem"
want 'the certificate is for the key in the device' "$(openssl pkey -in "$WORK/active.key" -pubout)" "$(openssl x509 -in "$WORK/active.pem" -noout -pubkey)"
submit <"$WORK/envelope-active" >"$WORK/again.json"
want 'completed again by the same request: the same certificate' "$(serial_of "$WORK/active.json")" "$(serial_of "$WORK/again.json")"
activated "$order" active-other | refused 409 'completed again by another request'

order=$(new_successor reissue "$(serial_of "$WORK/active.json")" active-2 ec-p256 '{"rule":"keep"}' '{"action":"revoke","reason":"superseded"}' | waiting)
activated "$order" active-2 | submit >"$WORK/active-2.json"
pem_of "$WORK/active-2.json" >"$WORK/active-2.pem"
want 'a reissue by a device keeps the end date' "$(end_of "$WORK/active.pem")" "$(end_of "$WORK/active-2.pem")"

# --- the same by our own command line: the maker, what is pending, the holder
order=$(new_order issue by-hand ec-p256 '.validity = {rule: "days", days: 60}' | waiting)
printf '%s' "$order" >"$WORK/by-hand.order"
openssl pkey -in "$WORK/uk.key" -pubout -out "$WORK/uk.pub"
sign() { # ORDER-FILE STEP OFFICER [OPTION...]: into a file, whose name is printed
    name=$WORK/$3.$2.json
    file=$1 step=$2 folder=$STATE/officers/$3
    shift 3
    signet order sign "$file" --step "$step" --officer "$folder" "$@" >"$name"
    printf '%s' "$name"
}
first=$(sign "$WORK/by-hand.order" first-review first)
second=$(sign "$WORK/by-hand.order" second-review second)
maker=$(sign "$WORK/by-hand.order" making maker --device UK-7001 --device-key "$WORK/uk.pub")
envelope "$order" | completed UK-7001 uk by-hand | jq -c 'del(.order, .decisions)' >"$WORK/by-hand.completion"
signet order submit "$WORK/by-hand.order" --decision "$first" --decision "$second" --decision "$maker" \
    --completion "$WORK/by-hand.completion" >"$WORK/by-hand.json"
pem_of "$WORK/by-hand.json" >"$WORK/by-hand.pem"
serial=$(serial_of "$WORK/by-hand.json")
new_revocation revoke "$serial" superseded >"$WORK/pending.order"
new_revocation hold "$serial" | jq -c --slurpfile pending "$WORK/pending.order" '. + {pending: $pending[0]}' >"$WORK/hold.order"
signet order submit "$WORK/hold.order" --decision "$(sign "$WORK/hold.order" first-review first)" >/dev/null
want 'the first reviewer holds for what is pending' held "$(state_of "$serial")"
new_revocation release "$serial" | jq -c --slurpfile pending "$WORK/pending.order" '. + {pending: $pending[0]}' >"$WORK/release.order"
signet order submit "$WORK/release.order" \
    --decision "$(sign "$WORK/release.order" second-review second --verdict reject --remark '原件不符')" >/dev/null
want 'the rejection releases' valid "$(state_of "$serial")"

# --- a holder renews with the key of the certificate, and ends it
new_successor renew "$serial" renewed ec-p256 '{"rule":"extend","years":1}' '{"action":"revoke","reason":"superseded"}' >"$WORK/renew.order"
order=$(cat "$WORK/renew.order")
envelope "$(printf '%s' "$order" | jq -c --arg id "$(new_id)" '.order_id = $id')" "$(by_holder "$order" by-hand)" | refused 403 'a signature for another renewal'
mkdir -p "$WORK/holder"
cp "$WORK/by-hand.pem" "$WORK/holder/cert.pem"
cp "$WORK/by-hand.key" "$WORK/holder/key.pem"
signet order sign "$WORK/renew.order" --step holder --officer "$WORK/holder" >"$WORK/holder.json"
signet order submit "$WORK/renew.order" --decision "$WORK/holder.json" >"$WORK/renewed.json"
pem_of "$WORK/renewed.json" >"$WORK/renewed.pem"
renewed=$(serial_of "$WORK/renewed.json")
want 'renewed by the holder alone: the old one is revoked' revoked "$(state_of "$serial")"
want 'the holder renews by a year from the old end' "$(date -ud "$(date -ud "$(end_of "$WORK/by-hand.pem")" '+%F %T UTC') 1 year" +%s)" "$(seconds "$(end_of "$WORK/renewed.pem")")"
order=$(new_successor renew "$serial" late ec-p256 '{"rule":"extend","years":1}' '{"action":"none"}')
envelope "$order" "$(by_holder "$order" by-hand)" | refused 403 'a revoked certificate renews'
order=$(new_revocation revoke "$renewed" cessationOfOperation)
envelope "$order" "$(by_holder "$order" renewed)" | submit >/dev/null
want 'ended by the holder alone' revoked "$(state_of "$renewed")"

# --- bad input
new_order issue bad ec-p256 '.profile = "no-such-profile"' | approve | refused 400 'an unknown profile'
new_order issue bad ec-p256 '.validity.years = 99' | approve | refused 400 'a validity outside the profile'
new_order issue bad ec-p256 'del(.subject.organization)' | approve | refused 400 'a subject without what the profile requires'
new_order issue bad ec-p256 '.subject.common_name = ("长" * 65)' | approve | refused 400 'a common name of 65 characters'
new_order issue bad ec-p256 '.csr = "AAAA"' | approve | refused 400 'a request that is no request'
new_order issue bad ec-p256 '.csr = .csr[0:40]' | approve | refused 400 'a truncated request'
new_order issue bad ec-p256 '.extra = 1' | approve | refused 400 'an unknown member'
new_order issue bad ec-p256 '.profile = "ocsp-signer"' | approve | refused 400 'a profile that officers may not order'
new_key "$WORK/weak.key" rsa-1024
new_order issue weak rsa-1024 | approve | refused 400 'an RSA key of 1024 bits'
printf '{"order": ' | refused 400 'truncated JSON'
printf '%01000d' 0 | tr 0 '[' | refused 400 'JSON nested a thousand deep'
