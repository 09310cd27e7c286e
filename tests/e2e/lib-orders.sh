# Orders and decisions made without a line of ours: jq writes the canonical JSON
# (RFC 8785: member names are ASCII, so its sorting is the RFC's), openssl signs.
#
#   new_order issue NAME ALGORITHM [JQ-FILTER] | approve [FIRST SECOND] | submit
#
# An order travels as its JSON, an envelope likewise. The key of NAME is $WORK/NAME.key.
. "$(dirname "$0")/../e2e/lib.sh"

new_id() { cat /proc/sys/kernel/random/uuid; }
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

new_key() { # FILE ALGORITHM
    case $2 in
    ec-p256) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" ;;
    ec-p384) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$1" ;;
    ed25519) openssl genpkey -algorithm ed25519 -out "$1" ;;
    rsa-*) openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:${2#rsa-}" -out "$1" ;;
    esac 2>/dev/null
}

csr_of() { # NAME ALGORITHM: base64 of a request over a new key
    [ -f "$WORK/$1.key" ] || new_key "$WORK/$1.key" "$2"
    openssl req -new -key "$WORK/$1.key" -subj "/CN=ignored" -outform DER 2>/dev/null | base64 -w0
}

# new_order KIND NAME ALGORITHM [FILTER]: FILTER changes the order before it is signed.
new_order() {
    jq -cn --arg id "$(new_id)" --arg now "$(now)" --arg name "$2" --arg csr "$(csr_of "$2" "$3")" --arg kind "$1" \
        '{order_id: $id, kind: $kind, created_at: $now, applicant: {account: ("account-" + $id), person: ("person-" + $id)},
          profile: "organisation-signing",
          subject: {country: "CN", state: "广东省", locality: "广州市", organization: ("测试单位 " + $name + " " + $id[0:8]), common_name: ("测试单位 " + $name + " " + $id[0:8])},
          organization_code: "91350100M000100Y43", csr: $csr, validity: {rule: "years", years: 1}}' |
        jq -c "${4:-.}"
}

# new_successor KIND SERIAL NAME ALGORITHM VALIDITY FATE [FILTER]
new_successor() {
    jq -cn --arg id "$(new_id)" --arg now "$(now)" --arg csr "$(csr_of "$3" "$4")" --arg kind "$1" --arg serial "$2" \
        --argjson validity "$5" --argjson fate "$6" --arg account "$(account_of "$2")" \
        '{order_id: $id, kind: $kind, created_at: $now, applicant: {account: $account, person: ("person-" + $id)},
          profile: "organisation-signing", csr: $csr, validity: $validity,
          predecessor: {issuer: "issuing-1", serial: $serial}, predecessor_fate: $fate}' |
        jq -c "${7:-.}"
}

account_of() { # the account that a certificate was issued to
    curl_ca -f "$SIGNET_CA_URL/v1/certificates?issuer=issuing-1&serial=$1" | jq -r '.certificates[0].account // "account-none"'
}

# new_revocation KIND SERIAL [REASON]
new_revocation() {
    jq -cn --arg id "$(new_id)" --arg now "$(now)" --arg kind "$1" --arg serial "$2" --arg reason "${3:-}" --arg account "$(account_of "$2")" \
        '{order_id: $id, kind: $kind, created_at: $now, applicant: {account: $account, person: ("person-" + $id)},
          target: {certificates: [{issuer: "issuing-1", serial: $serial}]}} +
         (if $reason == "" then {} else {reason: $reason} end)'
}

canonical() { jq -cjS .; }

# signed ORDER-JSON FOLDER DIGEST DECIDED-AT JQ-OBJECT: a statement over the order with what the
# object adds, signed with FOLDER/key.pem, as a decision.
signed() {
    digest=${3:-$(printf '%s' "$1" | canonical | sha256sum | cut -d' ' -f1)}
    credential=$(openssl x509 -in "$2/cert.pem" -outform DER | sha256sum | cut -d' ' -f1)
    statement=$(jq -cnjS --arg at "${4:-$(now)}" --arg digest "$digest" --arg order "$(printf '%s' "$1" | jq -r .order_id)" \
        "{decided_at: \$at, digest: \$digest, order_id: \$order, verdict: \"approve\"} + $5")
    signature=$(printf '%s' "$statement" | openssl dgst -sha256 -sign "$2/key.pem" | base64 -w0)
    printf '%s' "$statement" | jq -c --arg credential "$credential" --arg signature "$signature" \
        'del(.digest, .order_id) + {credential_id: $credential, signature: $signature}'
}

# decision ORDER-JSON STEP OFFICER [DIGEST] [DECIDED-AT] [JQ-OBJECT]: by a folder name of officers/.
decision() {
    signed "$1" "$STATE/officers/$3" "${4:-}" "${5:-}" \
        "({step: \"$2\", officer_id: \"$(cat "$STATE/officers/$3/officer_id")\"} + ${6:-{\}})"
}

# by_holder ORDER-JSON NAME: by the certificate $WORK/NAME.pem and its key.
by_holder() {
    mkdir -p "$WORK/holder-$2"
    cp "$WORK/$2.pem" "$WORK/holder-$2/cert.pem"
    cp "$WORK/$2.key" "$WORK/holder-$2/key.pem"
    signed "$1" "$WORK/holder-$2" '' '' '{step: "holder"}'
}

# An order that a device completes: waiting KIND-OF-ORDER-JSON [UNTIL]; then making and completed.
waiting() { jq -c --arg until "${1:-$(date -ud '90 days' +%Y-%m-%dT%H:%M:%SZ)}" 'del(.csr) + {activation: {until: $until}}'; }

# making ORDER-JSON SERIAL DEVICE [OFFICER]: the device's own key is $WORK/DEVICE.key.
making() {
    [ -f "$WORK/$3.key" ] || new_key "$WORK/$3.key" ec-p256
    decision "$1" making "${4:-maker}" '' '' \
        "{device: {serial: \"$2\", spki_sha256: \"$(openssl pkey -in "$WORK/$3.key" -pubout -outform DER | sha256sum | cut -d' ' -f1)\"}}"
}

# completed SERIAL DEVICE NAME: an envelope with what the device adds; the request is NAME's.
completed() {
    cat >"$WORK/incomplete"
    csr=$(csr_of "$3" ec-p256)
    signature=$(jq -cnjS --arg csr "$(printf '%s' "$csr" | base64 -d | sha256sum | cut -d' ' -f1)" --arg device "$1" \
        --arg order "$(jq -r .order.order_id "$WORK/incomplete")" '{csr_sha256: $csr, device: $device, order_id: $order}' |
        openssl dgst -sha256 -sign "$WORK/$2.key" | base64 -w0)
    jq -c --arg csr "$csr" --arg serial "$1" --arg spki "$(openssl pkey -in "$WORK/$2.key" -pubout -outform DER | base64 -w0)" \
        --arg signature "$signature" '. + {csr: $csr, device: {serial: $serial, spki: $spki}, device_signature: $signature}' "$WORK/incomplete"
}

# A passkey by openssl: $WORK/officers/NAME/{passkey.key,officer_id}; RP ID and origin of the console.
RP_ID=localhost
unhex() { tr a-f A-F | basenc --base16 -d; }
hex() { od -An -vtx1 | tr -d ' \n'; }
raw_id_of() { printf 'raw id of %s' "$1" | openssl dgst -sha256 -binary; }
passkey() { # NAME ORIGIN: the credential; COSE_Key by RFC 9053, 7.1.1
    point=$(openssl pkey -in "$WORK/officers/$1/passkey.key" -pubout -outform DER | tail -c 64 | hex)
    jq -cn --arg key "$(printf 'a5010203262001215820%s225820%s' "${point%????????????????????????????????????????????????????????????????}" "${point#????????????????????????????????????????????????????????????????}" | unhex | base64 -w0)" \
        --arg id "$(raw_id_of "$1" | base64 -w0)" --arg rp "$RP_ID" --arg origin "$2" \
        '{kind: "passkey", public_key: $key, raw_id: $id, rp_id: $rp, origin: $origin}'
}

# by_passkey ORDER-JSON STEP NAME ORIGIN [FLAGS]: as a browser asks for it (05: present and verified).
by_passkey() {
    folder=$WORK/officers/$3
    statement=$(jq -cnjS --arg at "$(now)" --arg digest "$(printf '%s' "$1" | canonical | sha256sum | cut -d' ' -f1)" \
        --arg order "$(printf '%s' "$1" | jq -r .order_id)" --arg step "$2" --arg officer "$(cat "$folder/officer_id")" \
        '{decided_at: $at, digest: $digest, officer_id: $officer, order_id: $order, step: $step, verdict: "approve"}')
    challenge=$(printf '%s' "$statement" | openssl dgst -sha256 -binary | basenc --base64url | tr -d '=')
    printf '{"type":"webauthn.get","challenge":"%s","origin":"%s","crossOrigin":false}' "$challenge" "$4" >"$WORK/client_data"
    { printf '%s' "$RP_ID" | openssl dgst -sha256 -binary; printf '%s00000000' "${5:-05}" | unhex; } >"$WORK/authenticator_data"
    signature=$({ cat "$WORK/authenticator_data"; openssl dgst -sha256 -binary "$WORK/client_data"; } |
        openssl dgst -sha256 -sign "$folder/passkey.key" | base64 -w0)
    printf '%s' "$statement" | jq -c --arg credential "$(raw_id_of "$3" | sha256sum | cut -d' ' -f1)" --arg signature "$signature" \
        --arg data "$(base64 -w0 <"$WORK/authenticator_data")" --arg client "$(base64 -w0 <"$WORK/client_data")" \
        'del(.digest, .order_id) + {credential_id: $credential, signature: $signature, authenticator_data: $data, client_data: $client}'
}

envelope() { # ORDER-JSON DECISION...
    order=$1
    shift
    printf '%s\n' "$@" | jq -cs --argjson order "$order" '{order: $order, decisions: .}'
}

# approve [FIRST [SECOND]]: order on standard input, envelope on standard output.
approve() {
    order=$(cat)
    envelope "$order" "$(decision "$order" first-review "${1:-first}")" "$(decision "$order" second-review "${2:-second}")"
}

administer() { # as approve, by two administrators
    order=$(cat)
    envelope "$order" "$(decision "$order" administration "${1:-admin-a}")" "$(decision "$order" second-administration "${2:-admin-b}")"
}

unique=$(new_id | cut -c1-8)
# enroll NAME PERSON ROLES(json): the order for a new officer, in $WORK/officers/NAME.
enroll() {
    mkdir -p "$WORK/officers/$1"
    new_order issue "officer-$1" ec-p256 ".profile = \"officer\" | del(.organization_code) | .subject = {country: \"CN\", organization: \"Signet\", common_name: \"$1\", serial_number: \"$1-$unique\"}" |
        approve | submit >"$WORK/officer.json"
    pem_of "$WORK/officer.json" >"$WORK/officers/$1/cert.pem"
    cp "$WORK/officer-$1.key" "$WORK/officers/$1/key.pem"
    new_id >"$WORK/officers/$1/officer_id"
    jq -cn --arg id "$(new_id)" --arg now "$(now)" --arg officer "$(cat "$WORK/officers/$1/officer_id")" --arg name "$1" --arg person "$2" \
        --argjson roles "$3" --arg der "$(openssl x509 -in "$WORK/officers/$1/cert.pem" -outform DER | base64 -w0)" \
        '{order_id: $id, kind: "enroll-officer", created_at: $now,
          officer: {officer_id: $officer, name: $name, person: $person, roles: $roles, credential: {kind: "x509", certificate: $der}}}'
}

# submit: envelope in, answer out; fails unless it was done.
submit() {
    cat >"$WORK/envelope"
    code=$(curl_ca -o "$WORK/answer" -w '%{http_code}' -H 'Content-Type: application/json' --data-binary "@$WORK/envelope" "$SIGNET_CA_URL/v1/orders")
    [ "$code" = 200 ] || { cat "$WORK/answer" >&2; fail "order: $code"; }
    cat "$WORK/answer"
}

# refused STATUS NAME: envelope in; the answer must be that status, a problem document
# with a request id.
refused() {
    cat >"$WORK/envelope"
    code=$(curl_ca -o "$WORK/answer" -D "$WORK/head" -w '%{http_code}' -H 'Content-Type: application/json' --data-binary "@$WORK/envelope" "$SIGNET_CA_URL/v1/orders")
    want "$2" "$1" "$code"
    grep -qi '^content-type: application/problem+json' "$WORK/head" || fail "$2: no problem document"
    grep -qi '^x-request-id: [0-9a-f]' "$WORK/head" || fail "$2: no request id"
    printf '     %s\n' "$(jq -r '.detail // .title' "$WORK/answer")"
}

serial_of() { jq -r '.certificates[0].serial' "${1:--}"; }
pem_of() { jq -r '.certificates[0].der' "$1" | base64 -d | openssl x509 -inform DER; }
