#!/bin/sh
# The whole story on running services, step by step: from an application to a
# revoked certificate. The launcher calls it with STATE set. Every step says what
# happens and is checked; the first that does not hold ends it.
set -eu
# shellcheck disable=SC1091
. "${STATE:?run this as ./signet demo}/env"

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM
# The authority that issues now: the newest generation, after a rollover.
for file in "$SIGNET_STATE"/public/*.cer; do
    openssl x509 -in "$SIGNET_ISSUER" -outform DER | cmp -s - "$file" || continue
    ISSUER=${file##*/} ISSUER=${ISSUER%.cer}
done
RUN=$(date +%Y%m%d%H%M%S)
STEP=0

if [ -t 1 ]; then BOLD=$(printf '\033[1m') PLAIN=$(printf '\033[0m'); else BOLD='' PLAIN=''; fi

step() {
    STEP=$((STEP + 1))
    printf '\n%s%2d. %s%s\n' "$BOLD" "$STEP" "$*" "$PLAIN"
}
tell() { printf '    %s\n' "$*"; }
fail() {
    printf '\nsignet demo: step %d does not hold: %s\n' "$STEP" "$*" >&2
    exit 1
}
signet() { "$SIGNET" "$@" --state "$SIGNET_STATE"; }
officer() { printf '%s/officers/%s' "$SIGNET_STATE" "$1"; }
new_id() { cat /proc/sys/kernel/random/uuid; }
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

# wanted WHAT EXPECTED ACTUAL
wanted() {
    [ "$2" = "$3" ] || fail "$1 should be '$2' and is '$3'"
    tell "$1: $3"
}

# key_and_request NAME: a key of the holder's and a request over it.
key_and_request() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/$1.key" 2>/dev/null
    openssl req -new -key "$WORK/$1.key" -subj '/CN=the CA takes the subject from the order' -out "$WORK/$1.csr"
}
request_base64() { openssl req -in "$WORK/$1.csr" -outform DER | base64 -w0; }

serial_of() { openssl x509 -in "$1" -noout -serial | cut -d= -f2 | tr A-F a-f; }
end_of() { openssl x509 -in "$1" -noout -enddate | cut -d= -f2; }
subject_of() { openssl x509 -in "$1" -noout -subject -nameopt utf8,sep_comma_plus | sed 's/^subject=//'; }

# ocsp_of CERTIFICATE: what openssl hears from the responder, signature verified.
ocsp_of() {
    cat "$SIGNET_ROOT" "$SIGNET_ISSUER" >"$WORK/trust.pem"
    openssl ocsp -issuer "$SIGNET_ISSUER" -cert "$1" -url "$SIGNET_OCSP_URL" -CAfile "$WORK/trust.pem" \
        >"$WORK/ocsp.txt" 2>"$WORK/ocsp.err" || fail "openssl ocsp: $(cat "$WORK/ocsp.err")"
    grep -q 'Response verify OK' "$WORK/ocsp.err" || fail "the OCSP answer does not verify: $(cat "$WORK/ocsp.err")"
    sed -n "s|^$1: ||p" "$WORK/ocsp.txt"
}

# becomes CERTIFICATE STATUS: within the second that is promised, with room for a busy machine.
becomes() {
    tries=0
    until [ "$(ocsp_of "$1")" = "$2" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 20 ] || fail "OCSP should say $2 and says $(ocsp_of "$1")"
        sleep 0.2
    done
    tell "OCSP, asked by openssl: $2"
}

# ---- Orders after the first: a file, two signatures, one answer --------------

SUBJECT="\"subject\": {\"country\": \"CN\", \"state\": \"浙江省\", \"locality\": \"杭州市\", \"organization\": \"%s\", \"common_name\": \"%s\"}"

# order KIND FILE MEMBERS: writes the order.
order() {
    printf '{"order_id": "%s", "kind": "%s", "created_at": "%s", %s, %s}\n' "$(new_id)" "$1" "$(now)" "$APPLICANT" "$3" >"$WORK/$2.order"
}
target() { printf '"target": {"certificates": [{"issuer": "%s", "serial": "%s"}]}' "$ISSUER" "$(serial_of "$1")"; }
successor() { # CERTIFICATE NEW-REQUEST VALIDITY REASON
    printf '"profile": "organisation-signing", "csr": "%s", "validity": %s, "predecessor": {"issuer": "%s", "serial": "%s"}, "predecessor_fate": {"action": "revoke", "reason": "%s"}' \
        "$(request_base64 "$2")" "$3" "$ISSUER" "$(serial_of "$1")" "$4"
}

sign_one() { # ORDER STEP OFFICER
    signet order sign "$WORK/$1.order" --step "$2" --officer "$(officer "$3")" >"$WORK/$1.$2"
    tell "$3 signs $2"
}
submit() { # ORDER STEP...
    name=$1
    shift
    count=$#
    while [ "$count" -gt 0 ]; do
        set -- "$@" --decision "$WORK/$name.$1"
        shift
        count=$((count - 1))
    done
    signet order submit "$WORK/$name.order" "$@" >"$WORK/$name.answer" 2>"$WORK/$name.problem"
}
carry_out() { # ORDER: two reviews, then the CA
    sign_one "$1" first-review first
    sign_one "$1" second-review second
    submit "$1" first-review second-review || fail "the CA refused: $(cat "$WORK/$1.problem")"
}
# The certificate in an answer, as PEM: the one base64 member "der".
certificate_from() {
    tr -d ' \n' <"$WORK/$1.answer" | sed -n 's/.*"der":"\([^"]*\)".*/\1/p' | base64 -d |
        openssl x509 -inform DER -out "$WORK/$1.pem" || fail 'there is no certificate in the answer'
    openssl verify -CAfile "$SIGNET_ROOT" -untrusted "$SIGNET_ISSUER" "$WORK/$1.pem" >/dev/null || fail 'openssl verify'
    tell "certificate $(serial_of "$WORK/$1.pem"), until $(end_of "$WORK/$1.pem")"
}
refused() { # ORDER STEP...
    if submit "$@"; then fail 'the CA should have refused'; fi
    tell "refused: $(tail -n 1 "$WORK/$1.problem")"
}

# ---- The story ---------------------------------------------------------------

# The people's part: platform, applicant, provider, officers, courier, holder.
STORY=${SIGNET%/signet}/tests/sim/story.py
/usr/bin/python3 "$STORY" "$SIGNET_STATE" demo "$WORK" || exit 1
# shellcheck disable=SC1091
. "$WORK/told" # STEP, ACCOUNT, UNIT: each telling is about another unit
APPLICANT="\"applicant\": {\"account\": \"$ACCOUNT\", \"person\": \"H-$RUN\"}"

step 'openssl verifies the chain of the certificate that came to be'
openssl x509 -in "$WORK/chain.pem" -out "$WORK/first.pem"
openssl verify -CAfile "$SIGNET_ROOT" -untrusted "$WORK/chain.pem" "$WORK/first.pem" >/dev/null || fail 'openssl verify'
[ "$(openssl pkey -in "$HOLDER_KEY" -pubout)" = "$(openssl x509 -in "$WORK/first.pem" -noout -pubkey)" ] || fail 'another key'
tell "$(subject_of "$WORK/first.pem")"
tell "certificate $(serial_of "$WORK/first.pem"), until $(end_of "$WORK/first.pem")"

step 'Relying parties ask for its status'
becomes "$WORK/first.pem" good

step 'An attempt by one officer alone'
key_and_request thief
order issue alone "\"profile\": \"organisation-signing\", $(printf "$SUBJECT" "$UNIT 之二" "$UNIT 之二"), \"organization_code\": \"91350100M000100Y43\", \"csr\": \"$(request_base64 thief)\", \"validity\": {\"rule\": \"years\", \"years\": 1}"
sign_one alone first-review first
refused alone first-review

step 'An attempt with an order that was altered after it was signed'
cp "$WORK/alone.order" "$WORK/tampered.order"
sign_one tampered first-review first
sign_one tampered second-review second
sed 's/"years": 1}/"years": 5}/' "$WORK/alone.order" >"$WORK/tampered.order"
refused tampered first-review second-review

step 'Hold: one reviewer suffices, for haste is on the safe side'
order hold hold "$(target "$WORK/first.pem")"
sign_one hold first-review first
submit hold first-review || fail "the CA refused: $(cat "$WORK/hold.problem")"
becomes "$WORK/first.pem" revoked
grep -q 'Reason: certificateHold' "$WORK/ocsp.txt" || fail 'the reason should be certificateHold'

step 'Release: that takes two'
order release release "$(target "$WORK/first.pem")"
carry_out release
becomes "$WORK/first.pem" good

step 'Reissue: the same name and end, a new key; the old certificate ends'
key_and_request reissue
order reissue reissue "$(successor "$WORK/first.pem" reissue '{"rule": "keep"}' superseded)"
carry_out reissue
certificate_from reissue
wanted 'its end' "$(end_of "$WORK/first.pem")" "$(end_of "$WORK/reissue.pem")"
[ "$(subject_of "$WORK/first.pem")" = "$(subject_of "$WORK/reissue.pem")" ] || fail 'another subject'
becomes "$WORK/first.pem" revoked
becomes "$WORK/reissue.pem" good

step 'Change: a new name, the same end'
key_and_request change
order change change "$(printf "$SUBJECT" "$UNIT（更名）" "$UNIT（更名）"), \"organization_code\": \"91350100M000100Y43\", $(successor "$WORK/reissue.pem" change '{"rule": "keep"}' affiliationChanged)"
carry_out change
certificate_from change
wanted 'its end' "$(end_of "$WORK/first.pem")" "$(end_of "$WORK/change.pem")"
tell "$(subject_of "$WORK/change.pem")"
becomes "$WORK/reissue.pem" revoked

step 'Renew: a new period, three years from now, and a pair again: its second key goes sealed into the device'
key_and_request renew
TRANSPORT=$(openssl pkey -in "$DEVICE/transport.key" -pubout -outform DER | base64 -w0)
order renew renew "$(successor "$WORK/change.pem" renew '{"rule": "years", "years": 3}' superseded), \"encryption\": {\"profile\": \"organisation-encryption\", \"key_type\": \"rsa-2048\", \"transport\": \"$TRANSPORT\"}"
carry_out renew
/usr/bin/python3 "$STORY" "$SIGNET_STATE" renewed "$WORK" "$DEVICE" || exit 1
becomes "$WORK/renew.pem" good
becomes "$WORK/encryption.pem" good

step 'Revoke: the key was compromised'
order revoke revoke "$(target "$WORK/renew.pem"), \"reason\": \"keyCompromise\""
carry_out revoke
becomes "$WORK/renew.pem" revoked
grep -q 'Reason: keyCompromise' "$WORK/ocsp.txt" || fail 'the reason should be keyCompromise'
becomes "$WORK/encryption.pem" revoked
tell 'and so is the other half of the pair'

step 'The next CRL says so too; openssl verifies it'
signet crl new "$ISSUER" >/dev/null
on_crl() {
    curl -fsS -o "$WORK/crl.der" "${SIGNET_CRL_URL%/*}/$ISSUER.crl" &&
        openssl crl -inform DER -in "$WORK/crl.der" -noout -text | grep -qi "Serial Number: $(serial_of "$WORK/renew.pem")"
}
tries=0
until on_crl; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || fail 'the serial is not on the CRL'
    sleep 0.2
done
openssl crl -inform DER -in "$WORK/crl.der" -noout -CAfile "$WORK/trust.pem" 2>&1 | grep -q 'verify OK' || fail 'the CRL does not verify'
tell "CRL number $(openssl crl -inform DER -in "$WORK/crl.der" -noout -crlnumber | cut -d= -f2), serial $(serial_of "$WORK/renew.pem") is on it"

printf '\n%sAll %d steps held.%s\n' "$BOLD" "$STEP" "$PLAIN"
