#!/bin/sh
# Escrow and recovery, judged by openssl and pkcs11-tool: a key is made for a
# holder, a file encrypted, the device lost, the key recovered by an RA officer and
# three operators into another token. Fewer recover nothing, nor do the database or
# kgen alone; no private key is in the memory of signet-kmc.
set -eu
. "$(dirname "$0")/lib.sh"
need_state
MODULE=/usr/lib/softhsm/libsofthsm2.so
new_id() { cat /proc/sys/kernel/random/uuid; }
curl_kmc() { # as the authority
    curl -sS --cacert "$SIGNET_CA_BUNDLE" --cert "$STATE/tls/signet-ca.pem" --key "$STATE/tls/signet-ca.key" "$@"
}
post() { curl_kmc -H 'Content-Type: application/json' -d @- "$SIGNET_KMC_URL$1"; }
kmc_pid() { awk '$1 == "signet-kmc" { print $2 }' "$STATE/run/supervisor.status"; }
spki() { openssl pkey -pubin -in "$1" -outform DER | base64 -w0; }
approve() { signet kmc approve "$1" --officer "$STATE/officers/$2" --name "$3" --as "${4:-operator}" | jq -r .state; }
by_operators() { # CASE NUMBER...
    case=$1
    shift
    for n; do approve "$case" "kmc-$n" "P-001$n" >/dev/null; done
}
state_of() { curl_kmc "$SIGNET_KMC_URL/v1/cases/$1" | jq -r .state; }
is_in() { [ "$(signet kmc show "$1" --officer "$STATE/officers/kmc-1" | jq -r .state)" = "$2" ]; }

# openssl's way through a delivery: OAEP, key wrap (RFC 5649), PKCS #8.
open_delivery() { # ANSWER TRANSPORT.key OUT.pem
    jq -r .content_key "$1" | base64 -d >"$WORK/ck"
    jq -r .wrapped "$1" | base64 -d >"$WORK/wrapped"
    kek=$(openssl pkeyutl -decrypt -inkey "$2" -pkeyopt rsa_padding_mode:oaep -in "$WORK/ck" | od -An -v -tx1 | tr -d ' \n')
    openssl enc -d -id-aes256-wrap-pad -K "$kek" -iv A65959A6 -in "$WORK/wrapped" | openssl pkey -inform DER -out "$3"
}

# ---- Escrow
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$WORK/first.key" 2>/dev/null
openssl pkey -in "$WORK/first.key" -pubout -out "$WORK/first.pub"
for type in rsa-2048 ec-p256; do
    request=$(new_id)
    body=$(jq -cn --arg id "$request" --arg type "$type" --arg key "$(spki "$WORK/first.pub")" \
        '{request_id: $id, key_type: $type, holder: "e2e-kmc", transport: $key}')
    [ $type = ec-p256 ] || jq -cn --arg id "$request" '{id: $id}' >"$WORK/request.json"
    echo "$body" | post /v1/keys >"$WORK/$type.json"
    want "$type: a key is made" in-use "$(jq -r .state "$WORK/$type.json")"
    want "$type: the same request gets the same key" "$(jq -r .id "$WORK/$type.json")" "$(echo "$body" | post /v1/keys | jq -r .id)"
    open_delivery "$WORK/$type.json" "$WORK/first.key" "$WORK/$type.pem"
    want "$type: openssl opens the delivery" "$(jq -r .spki "$WORK/$type.json")" \
        "$(openssl pkey -in "$WORK/$type.pem" -pubout -outform DER | base64 -w0)"
done
want 'who is not enrolled gets nothing' 403 "$(curl_ca -o /dev/null -w '%{http_code}' "$SIGNET_KMC_URL/v1/statistics")"
want 'an operator makes no keys' 403 "$(echo "$body" | curl -sS -o /dev/null -w '%{http_code}' --cacert "$SIGNET_CA_BUNDLE" \
    --cert "$STATE/officers/kmc-1/cert.pem" --key "$STATE/officers/kmc-1/key.pem" -d @- "$SIGNET_KMC_URL/v1/keys")"
key=$(jq -r .id "$WORK/rsa-2048.json")
curl_kmc -X POST "$SIGNET_KMC_URL/v1/keys/$key/received" >"$WORK/received"
want 'the key of a request is found' "$key" "$(curl_kmc "$SIGNET_KMC_URL/v1/keys?request=$(jq -r .id "$WORK/request.json")" | jq -r '.keys[].id')"
want 'of no request, none' 0 "$(curl_kmc "$SIGNET_KMC_URL/v1/keys?request=$(new_id)" | jq '.keys | length')"
want 'what was received is not delivered again' null "$(jq -r .content_key "$WORK/received")"

# A file that openssl encrypts to a certificate over that key.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -out "$WORK/ca.pem" -subj /CN=test -days 2 2>/dev/null
jq -r .spki "$WORK/rsa-2048.json" | base64 -d | openssl pkey -pubin -inform DER -out "$WORK/holder.pub"
openssl x509 -new -subj /CN=holder -force_pubkey "$WORK/holder.pub" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 2 -out "$WORK/holder.pem" 2>/dev/null
echo 'what was agreed upon' >"$WORK/plain"
openssl cms -encrypt -binary -aes256 -in "$WORK/plain" -outform DER -out "$WORK/file.cms" "$WORK/holder.pem"

# ---- The new device: a token whose transport key was made inside
mkdir "$WORK/device"
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$WORK/device" >"$WORK/device.conf"
device() { SOFTHSM2_CONF=$WORK/device.conf "$@"; }
device softhsm2-util --init-token --free --label device --pin 246813 --so-pin 87654321 >/dev/null
tool() { device pkcs11-tool --module $MODULE --token-label device --login --pin 246813 "$@"; }
tool --keypairgen --key-type rsa:2048 --id 01 --label transport --usage-decrypt --usage-wrap >/dev/null 2>&1
tool --read-object --type pubkey --id 01 --output-file "$WORK/device.der" >/dev/null 2>&1
openssl pkey -pubin -inform DER -in "$WORK/device.der" -out "$WORK/device.pub"

# ---- Recovery
case=$(new_id)
open_case() { # CASE
    jq -cn --arg id "$1" --arg key "$key" --arg target "$(spki "$WORK/device.pub")" '{case: $id, kind: "customer", requester: "holder",
        reason: "device lost", document: "E2E-1", keys: [$key], holder: "e2e-kmc", delivery: "token", target: $target}' |
        post /v1/cases | jq -r .state
}
want 'the authority opens a case' open "$(open_case "$case")"
want 'the same again' open "$(open_case "$case")"
want 'an RA officer approves' open "$(approve "$case" first P-0004 ra-officer)"
by_operators "$case" 1 2
sleep 2
want 'two operators of three recover nothing' open "$(state_of "$case")"
want 'and there is no answer' 409 "$(curl_kmc -o /dev/null -w '%{http_code}' "$SIGNET_KMC_URL/v1/cases/$case/answer")"
signet kmc approve "$case" --officer "$STATE/officers/maker" --name P-0007 >/dev/null 2>&1 && fail 'a stranger approved'
signet kmc approve "$case" --officer "$STATE/officers/kmc-3" --name P-0014 >/dev/null 2>&1 && fail 'one approved as another'
# The service is killed: the shares are gone, the decisions are not.
old=$(kmc_pid)
kill -9 "$old"
back() { pid=$(kmc_pid) && [ "$pid" != "$old" ] && [ "$pid" != 0 ] && curl_kmc -f "$SIGNET_KMC_URL/health"; }
poll 30 back || fail 'signet-kmc is not back'
want 'the third operator approves' approved "$(approve "$case" kmc-3 P-0013)"
sleep 2
want 'shares of a dead process open nothing' approved "$(state_of "$case")"
by_operators "$case" 1 2
poll 20 is_in "$case" done || fail "the case is $(state_of "$case"): $(signet kmc show "$case" --officer "$STATE/officers/kmc-1")"
curl_kmc "$SIGNET_KMC_URL/v1/cases/$case/answer" >"$WORK/answer"
device python3 "$(dirname "$0")/kmc_unwrap.py" $MODULE 246813 device 01 02 <"$WORK/answer"
printf '32 octets of a content key here.' >"$WORK/message"
openssl pkeyutl -encrypt -pubin -inkey "$WORK/holder.pub" -in "$WORK/message" -out "$WORK/message.enc"
tool --decrypt --mechanism RSA-PKCS --id 02 --input-file "$WORK/message.enc" --output-file "$WORK/message.out" >/dev/null 2>&1
want 'the key decrypts in the new token' "$(cat "$WORK/message")" "$(cat "$WORK/message.out")"
want 'and stays there' sensitive "$(tool --list-objects --type privkey 2>/dev/null | sed -n '/label: *encryption/,/^Private/s/^ *Access: *//p')"
want 'the old file opens' "$(cat "$WORK/plain")" \
    "$(openssl cms -decrypt -binary -inform DER -in "$WORK/file.cms" -inkey "$WORK/rsa-2048.pem" -recip "$WORK/holder.pem")"
curl_kmc -X POST "$SIGNET_KMC_URL/v1/cases/$case/received" >/dev/null
want 'what was received is gone' 404 "$(curl_kmc -o /dev/null -w '%{http_code}' "$SIGNET_KMC_URL/v1/cases/$case/answer")"

# ---- What opens nothing by itself
primes=$(openssl pkey -in "$WORK/rsa-2048.pem" -noout -text | sed -n '/^prime1/,/^prime2/p' | grep '^ ' | tr -d ' :\n' | cut -c3-66)
pg_dump -h "$STATE/run" -U signet_owner signet >"$WORK/dump" 2>/dev/null
grep -q "$(jq -r .id "$WORK/rsa-2048.json")" "$WORK/dump" || fail 'the dump has no such key'
grep -q "$primes" "$WORK/dump" && fail 'a private key is in the database'
want 'kgen has one private key, which signs only' 'kmc-record: sign' "$(SOFTHSM2_CONF=$STATE/softhsm2.conf pkcs11-tool --module $MODULE --token-label signet-kgen \
    --login --pin "$(cat "$STATE/pins/kgen.pin")" --list-objects --type privkey 2>/dev/null | sed -n 's/^ *label: *//p; s/^ *Usage: *//p' | paste -sd: | sed 's/:/: /')"
# The recovery token's PIN is in no file of the state.
found=$(find "$STATE/pins" -name '*krec*')
want 'nobody has a PIN of krec' '' "$found"
if [ "$(id -u)" = 0 ]; then
    found=$(python3 "$(dirname "$0")/kmc_memory.py" "$(kmc_pid)" "$WORK/rsa-2048.pem" "$WORK/ec-p256.pem")
    want 'no private key of before is in memory' '' "$found"
    # Of keys made by this very process.
    for type in rsa-2048 ec-p256; do
        jq -cn --arg id "$(new_id)" --arg type "$type" --arg key "$(spki "$WORK/first.pub")" \
            '{request_id: $id, key_type: $type, holder: "e2e-kmc", transport: $key}' | post /v1/keys >"$WORK/fresh.json"
        open_delivery "$WORK/fresh.json" "$WORK/first.key" "$WORK/fresh-$type.pem"
    done
    found=$(python3 "$(dirname "$0")/kmc_memory.py" "$(kmc_pid)" "$WORK/fresh-rsa-2048.pem" "$WORK/fresh-ec-p256.pem")
    want 'no private key that was just made is in memory' '' "$found"
    # As a core file would have it, in the midst of making keys. The test token is a
    # library in that very process, so the key in the making is there, and no other.
    create_some() {
        for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
            [ $((n % 2)) = 0 ] && type=rsa-2048 || type=ec-p256
            jq -cn --arg id "$(new_id)" --arg type "$type" --arg key "$(spki "$WORK/first.pub")" \
                '{request_id: $id, key_type: $type, holder: "e2e-kmc", transport: $key}' | post /v1/keys >"$WORK/many-$n.json"
        done
    }
    create_some &
    creating=$!
    for shot in 1 2 3; do
        sleep 0.2
        python3 "$(dirname "$0")/kmc_memory.py" --snapshot "$WORK/core-$shot" "$(kmc_pid)"
    done
    wait "$creating"
    for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do open_delivery "$WORK/many-$n.json" "$WORK/first.key" "$WORK/many-$n.pem"; done
    for shot in 1 2 3; do
        found=$(python3 "$(dirname "$0")/kmc_memory.py" "$WORK/core-$shot" "$WORK"/many-*.pem | sed -n 's/.* of \([^ ]*\) near.*/\1/p' | sort -u | wc -l)
        [ "$found" -le 1 ] || fail "$found private keys are in core file $shot"
        rm "$WORK/core-$shot"
    done
    echo 'ok no private key is in a core file, but one in the making'
    # And in the midst of a recovery, which is another process's affair.
    case=$(new_id)
    open_case "$case" >/dev/null
    approve "$case" first P-0004 ra-officer >/dev/null
    by_operators "$case" 1 2 3
    python3 "$(dirname "$0")/kmc_memory.py" --snapshot "$WORK/core" "$(kmc_pid)"
    poll 20 is_in "$case" done || fail "the case is $(state_of "$case")"
    want 'nor of what is being recovered' '' "$(python3 "$(dirname "$0")/kmc_memory.py" "$WORK/core" "$WORK/rsa-2048.pem")"
    rm "$WORK/core"
    curl_kmc -X POST "$SIGNET_KMC_URL/v1/cases/$case/received" >/dev/null
fi

# ---- A new recovery key, and the proof that all keys open
for kind in rotation verification; do
    case=$(new_id)
    signet kmc open --kind $kind --reason 'once a year' --case "$case" --officer "$STATE/officers/kmc-5" >/dev/null
    by_operators "$case" 2 3 4
    poll 60 is_in "$case" done || fail "$kind: $(signet kmc show "$case" --officer "$STATE/officers/kmc-1")"
    signet kmc show "$case" --officer "$STATE/officers/kmc-1" | jq -r .outcome | grep -q ', 0 wrong$' || fail "$kind found something wrong"
    echo "ok $kind"
done
signet kmc verify | grep -q ': 0 wrong$' || fail 'a mark is wrong'
psql -q -h "$STATE/run" -U signet_owner signet -c "UPDATE kmc.escrowed_key SET holder = 'thief' WHERE id = '$key'" 2>/dev/null
signet kmc verify >"$WORK/out" 2>&1 && fail 'a changed record was not found'
grep -q "$key" "$WORK/out" || fail 'the changed record is not named'
psql -q -h "$STATE/run" -U signet_owner signet -c "UPDATE kmc.escrowed_key SET holder = 'e2e-kmc' WHERE id = '$key'" 2>/dev/null
signet kmc verify >/dev/null || fail 'what was put right is wrong'
steps='kmc.answer-received kmc.case-approved kmc.case-decision kmc.case-done kmc.case-opened kmc.initialised kmc.key-created kmc.key-received kmc.party-enrolled kmc.recovery-key-made'
want 'every step is in the log' "$steps" \
    "$(psql -qAt -h "$STATE/run" -U signet_owner signet -c "SELECT DISTINCT event FROM log.entry
        WHERE event = ANY (string_to_array('$steps', ' ')) ORDER BY 1" 2>/dev/null | paste -sd' ')"
