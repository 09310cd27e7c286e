#!/bin/sh
# One order, two certificates, judged by openssl and pkcs11-tool: both verify, share subject and
# period, and have one status; the key management centre is killed meanwhile and makes one key
# all the same; the earlier key is recovered by people there into another token.
set -eu
. "$(dirname "$0")/lib-orders.sh"
own_state
MODULE=/usr/lib/softhsm/libsofthsm2.so

curl_ra() { # as the registration authority
    curl -sS --cacert "$SIGNET_CA_BUNDLE" --cert "$STATE/tls/signet-ra.pem" --key "$STATE/tls/signet-ra.key" "$@"
}
sql() { psql -qAt -h "$STATE/run" -U signet_owner signet -c "$1" 2>/dev/null; }
kmc_pid() { awk '$1 == "signet-kmc" { print $2 }' "$STATE/run/supervisor.status"; }
half() { jq -r ".certificates[$2].der" "$1" | base64 -d | openssl x509 -inform DER -out "$WORK/$3"; } # ANSWER N FILE
serial_at() { jq -r ".certificates[$2].serial" "$1"; }
states() { # ANSWER: of both halves
    for n in 0 1; do
        curl_ca -f "$SIGNET_CA_URL/v1/certificates?issuer=issuing-1&serial=$(serial_at "$1" $n)" | jq -r '.certificates[0].state'
    done | paste -sd' '
}
ocsp_is() { # STATUS FILE...: what the responder says of all
    wanted=$1
    shift
    for file; do
        openssl ocsp -issuer "$SIGNET_ISSUER" -cert "$file" -url "$SIGNET_OCSP_URL" -CAfile "$SIGNET_CA_BUNDLE" -no_nonce 2>/dev/null |
            grep -q ": $wanted" || return 1
    done
}
key_state() { sql "SELECT state FROM kmc.escrowed_key WHERE request_id = '$1'"; }
key_is() { [ "$(key_state "$1")" = "$2" ]; }

# The holder's device: a token with a transport key, and a key of its own that vouches for it.
device() { SOFTHSM2_CONF=$WORK/device.conf "$@"; }
tool() { device pkcs11-tool --module $MODULE --token-label device --login --pin 246813 "$@"; }
mkdir "$WORK/device"
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$WORK/device" >"$WORK/device.conf"
device softhsm2-util --init-token --free --label device --pin 246813 --so-pin 87654321 >/dev/null
tool --keypairgen --key-type rsa:2048 --id 01 --label transport --usage-decrypt --usage-wrap >/dev/null 2>&1
tool --read-object --type pubkey --id 01 --output-file "$WORK/transport.der" >/dev/null 2>&1
TRANSPORT=$(base64 -w0 <"$WORK/transport.der")
new_key "$WORK/own.key" ec-p256
OWN=$(openssl pkey -in "$WORK/own.key" -pubout -outform DER | base64 -w0)
vouched=$(jq -cnjS --arg sha "$(sha256sum <"$WORK/transport.der" | cut -d' ' -f1)" '{device: "UK-8001", transport_sha256: $sha}' |
    openssl dgst -sha256 -sign "$WORK/own.key" | base64 -w0)
PAIR=".encryption = {profile: \"organisation-encryption\", key_type: \"rsa-2048\", transport: \"$TRANSPORT\"}"

unwrap() { # FILE-WITH-KEY ID: into the device, and proves that it decrypts there
    device python3 "$(dirname "$0")/kmc_unwrap.py" $MODULE 246813 device 01 "$2" <"$1"
    jq -r .spki "$1" | base64 -d | openssl pkey -pubin -inform DER -out "$WORK/public"
    printf 'what was sent before' >"$WORK/message"
    openssl pkeyutl -encrypt -pubin -inkey "$WORK/public" -in "$WORK/message" -out "$WORK/message.enc"
    tool --decrypt --mechanism RSA-PKCS --id "$2" --input-file "$WORK/message.enc" --output-file "$WORK/message.out" >/dev/null 2>&1
    want "key $2 decrypts in the device" "$(cat "$WORK/message")" "$(cat "$WORK/message.out")"
}

# ---- A pair
new_order issue pair ec-p256 "$PAIR | .validity = {rule: \"days\", days: 60}" >"$WORK/order"
approve <"$WORK/order" >"$WORK/wanted"
submit <"$WORK/wanted" >"$WORK/one.json"
id=$(jq -r .order_id "$WORK/one.json")
want 'two certificates' 2 "$(jq '.certificates | length' "$WORK/one.json")"
half "$WORK/one.json" 0 sign.pem
half "$WORK/one.json" 1 encrypt.pem
for file in sign encrypt; do
    openssl verify -CAfile "$SIGNET_ROOT" -untrusted "$SIGNET_CA_BUNDLE" "$WORK/$file.pem" >/dev/null || fail "$file does not verify"
done
for what in subject dates issuer; do
    want "one $what" "$(openssl x509 -in "$WORK/sign.pem" -noout -$what)" "$(openssl x509 -in "$WORK/encrypt.pem" -noout -$what)"
done
openssl x509 -in "$WORK/encrypt.pem" -noout -ext keyUsage | grep -q 'Key Encipherment' || fail 'not for encryption'
openssl x509 -in "$WORK/encrypt.pem" -noout -ext keyUsage | grep -q 'Signature' && fail 'the escrowed key may sign'
jq -c '.key + {key_type: "rsa-2048"}' "$WORK/one.json" >"$WORK/key.json"
want 'the key is that of the second' "$(openssl x509 -in "$WORK/encrypt.pem" -noout -pubkey | openssl pkey -pubin -outform DER | base64 -w0)" \
    "$(jq -r .spki "$WORK/key.json")"
unwrap "$WORK/key.json" 02
submit <"$WORK/wanted" >"$WORK/again.json"
want 'the same again' "$(jq -S . "$WORK/one.json")" "$(jq -S . "$WORK/again.json")"
want 'the device has it' "$id" "$(curl_ra -f -X POST "$SIGNET_CA_URL/v1/orders/$id/received" | jq -r .order_id)"
want 'and is told no more' null "$(submit <"$WORK/wanted" | jq -c .key)"
want 'only the registration authority says so' 403 "$(curl_ca -o /dev/null -w '%{http_code}' -X POST "$SIGNET_CA_URL/v1/orders/$id/received")"

# ---- One status
new_revocation hold "$(serial_at "$WORK/one.json" 1)" | approve | submit >/dev/null
want 'held is both' 'held held' "$(states "$WORK/one.json")"
poll 30 ocsp_is revoked "$WORK/sign.pem" "$WORK/encrypt.pem" || fail 'OCSP does not say that both are held'
new_revocation release "$(serial_at "$WORK/one.json" 0)" | approve | submit >/dev/null
want 'released is both' 'valid valid' "$(states "$WORK/one.json")"
poll 30 ocsp_is good "$WORK/sign.pem" "$WORK/encrypt.pem" || fail 'OCSP does not say that both are good'

# ---- Successors
revoke='{"action":"revoke","reason":"superseded"}'
new_successor renew "$(serial_at "$WORK/one.json" 0)" renewed ec-p256 '{"rule":"extend","years":1}' "$revoke" "$PAIR" | approve | submit >"$WORK/two.json"
want 'renewal revokes both halves' 'revoked revoked' "$(states "$WORK/one.json")"
want 'and makes two' 'valid valid' "$(states "$WORK/two.json")"
poll 30 ocsp_is revoked "$WORK/sign.pem" "$WORK/encrypt.pem" || fail 'OCSP does not say that both are revoked'
poll 30 key_is "$id" history || fail "the key of what was revoked is $(key_state "$id")"
new_successor reissue "$(serial_at "$WORK/two.json" 0)" reissued ec-p256 '{"rule":"keep"}' "$revoke" "$PAIR" | approve | submit >"$WORK/three.json"
half "$WORK/two.json" 1 two.pem
half "$WORK/three.json" 1 three.pem
want 'reissue keeps the end of the second too' "$(openssl x509 -in "$WORK/two.pem" -noout -enddate)" "$(openssl x509 -in "$WORK/three.pem" -noout -enddate)"
new_successor change "$(serial_at "$WORK/three.json" 0)" changed ec-p256 '{"rule":"keep"}' "$revoke" \
    '.subject = {country: "CN", organization: ("更名 " + .order_id[0:8]), common_name: ("更名 " + .order_id[0:8])} | .organization_code = "91350100M000100Y43"' |
    approve | submit >"$WORK/four.json"
want 'a single successor revokes both halves' 'revoked revoked' "$(states "$WORK/three.json")"

# ---- The centre is killed: nothing is recorded, and then one pair
new_order issue killed ec-p256 "$PAIR" | approve >"$WORK/wanted"
old=$(kmc_pid)
kill -9 "$old"
code=$(curl_ca -o "$WORK/killed.json" -w '%{http_code}' -H 'Content-Type: application/json' --data-binary "@$WORK/wanted" "$SIGNET_CA_URL/v1/orders")
case $code in 200 | 503) ;; *) fail "without its centre the CA says $code: $(cat "$WORK/killed.json")" ;; esac
want 'the CA is healthy without it' 200 "$(curl_ca -o /dev/null -w '%{http_code}' "$SIGNET_CA_URL/health")"
issued() { curl_ca -f -o "$WORK/killed.json" -H 'Content-Type: application/json' --data-binary "@$WORK/wanted" "$SIGNET_CA_URL/v1/orders"; }
poll 60 issued || fail 'the order does not go through'
id=$(jq -r .order.order_id "$WORK/wanted")
want 'one pair' 2 "$(sql "SELECT count(*) FROM ca.certificate WHERE order_id = '$id'")"
want 'one key' 1 "$(sql "SELECT count(*) FROM kmc.escrowed_key WHERE request_id = '$id'")"

# ---- Earlier keys into the device
recovery() { # ACCOUNT
    jq -cn --arg id "$(new_id)" --arg now "$(now)" --arg account "$1" --arg own "$OWN" --arg transport "$TRANSPORT" --arg vouched "$vouched" \
        '{order_id: $id, kind: "recover", created_at: $now, applicant: {account: $account, person: ("person-" + $id[0:8])}, document: "K-E2E-1",
          carrier: {serial: "UK-8001", spki: $own, transport: $transport, transport_signature: $vouched}}'
}
in_device() { # ACCOUNT NAME: a certificate of the account, in the device that its maker named
    order=$(new_order issue "$2" ec-p256 ".applicant.account = \"$1\"" | waiting)
    envelope "$order" "$(decision "$order" first-review first)" "$(decision "$order" second-review second)" "$(making "$order" UK-8001 own)" |
        completed UK-8001 own "$2" | submit >/dev/null
}
recovery "$(jq -r .order.applicant.account "$WORK/wanted")" | approve | refused 403 'a device of nobody'
in_device nobody lonely
recovery nobody | approve | submit >"$WORK/none.json"
want 'nobody has no keys' none "$(jq -r .recovery.state "$WORK/none.json")"
recovery "$(jq -r .order.applicant.account "$WORK/wanted")" | approve | refused 403 "another holder's device"
in_device "$(jq -r .order.applicant.account "$WORK/wanted")" holder
recovery "$(jq -r .order.applicant.account "$WORK/wanted")" | approve >"$WORK/recovery"
submit <"$WORK/recovery" >"$WORK/open.json"
case=$(jq -r .order_id "$WORK/open.json")
want 'a case is open' open "$(jq -r .recovery.state "$WORK/open.json")"
signet kmc approve "$case" --officer "$STATE/officers/first" --name P-0004 --as ra-officer >/dev/null
for n in 1 2 3; do
    signet kmc approve "$case" --officer "$STATE/officers/kmc-$n" --name "P-001$n" --as operator >/dev/null
done
recovered() { submit <"$WORK/recovery" >"$WORK/done.json" && [ "$(jq -r .recovery.state "$WORK/done.json")" = done ]; }
poll 30 recovered || fail "the recovery is $(jq -c .recovery.state "$WORK/done.json")"
jq -c '.recovery.keys[0]' "$WORK/done.json" >"$WORK/key.json"
want 'with its certificate' "$(serial_at "$WORK/killed.json" 1)" "$(jq -r '.certificates[0].serial' "$WORK/key.json")"
unwrap "$WORK/key.json" 03
curl_ra -f -X POST "$SIGNET_CA_URL/v1/orders/$case/received" >/dev/null
want 'what was received is gone' null "$(submit <"$WORK/recovery" | jq -c .recovery.keys)"
