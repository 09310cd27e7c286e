#!/bin/sh
# Between the last decision and the CA's answer anything may stop: the application
# is `issuing` until it is `issued`, never failed, and there is one certificate.
set -eu
. "$(dirname "$0")/../e2e/lib-orders.sh"
. "$(dirname "$0")/lib-faults.sh"
own_state

pid_of() { awk -v name="$1" '$1 == name { print $2 }' "$STATE/run/supervisor.status"; }
in_state() { [ "$(sql "SELECT state FROM ra.application WHERE number = '$number'")" = "$1" ]; }
ra() { # PATH OFFICER CURL-OPTION...
    path=$1 folder=$STATE/officers/$2
    shift 2
    curl -sS --cacert "$SIGNET_CA_BUNDLE" --cert "$folder/cert.pem" --key "$folder/key.pem" -m 90 "$@" "$SIGNET_RA_URL$path"
}

# An application of its own that waits for the second review.
before_the_last_decision() { # NAME
    signet account create "away-$1" --officer "$STATE/officers/admin-a" --token-file "$WORK/token"
    csr_of "$1" ec-p256 >/dev/null
    openssl req -new -key "$WORK/$1.key" -subj /CN=away -out "$WORK/$1.csr"
    jq -n --arg unit "断线测试 $1 有限公司" '{unit_name: $unit, uscc: "91350100M000100Y43", kind: "company",
        domicile: {country: "CN", province: "福建省", locality: "福州市", street: "五四路 1 号"},
        handler: {name: "郑经办", person: "H-0300", mobile: "13800000003"}}' >"$WORK/record"
    number=$(signet application new --token-file "$WORK/token" --record "$WORK/record" --csr "$WORK/$1.csr")
    signet application submit "$number" --token-file "$WORK/token" >/dev/null
    signet review enter "$number" --officer "$STATE/officers/clerk" >/dev/null
    signet review approve "$number" --step first-review --officer "$STATE/officers/first" >/dev/null
    ra "/v1/applications/$number/review" second -f >"$WORK/review"
    decision "$(jq -c .order "$WORK/review")" second-review second >"$WORK/last"
}

# The last decision while signet-ca stands still: it has been asked, and is silent.
decide_into_silence() {
    ra "/v1/applications/$number" second -f -o /dev/null # the RA knows its officers for the next seconds
    kill -STOP "$(pid_of signet-ca)"
    ra "/v1/applications/$number/decisions" second -o "$WORK/answer" -H 'Content-Type: application/json' --data-binary "@$WORK/last" 2>/dev/null &
    decide=$!
    poll 20 in_state issuing || fail 'the decision does not stand'
    sleep 1 # the order is out
}

issued_once() { # NAME
    poll 120 in_state issued || fail "$1: $(sql "SELECT state, send_problem FROM ra.application WHERE number = '$number'")"
    wait "$decide" || true
    none "$1: never called refused" "SELECT count(*) FROM log.entry WHERE event = 'application.refused'"
    want "$1: one certificate" 1 "$(sql "SELECT count(*) FROM ca.certificate WHERE order_id = (SELECT order_id FROM ra.application WHERE number = '$number')")"
    want "$1: the applicant has it" "$(sql "SELECT encode(sha256(der), 'hex') FROM ca.certificate WHERE order_id = (SELECT order_id FROM ra.application WHERE number = '$number')")" \
        "$(signet application certificate "$number" --token-file "$WORK/token" --out "$WORK/chain" && openssl x509 -in "$WORK/chain" -outform DER | sha256sum | cut -d' ' -f1)"
}

before_the_last_decision silent
decide_into_silence
kill -CONT "$(pid_of signet-ca)"
issued_once 'the CA answers late'

before_the_last_decision killed
decide_into_silence
kill -KILL "$(pid_of signet-ca)"
issued_once 'the CA dies and comes back'

before_the_last_decision restart
decide_into_silence
kill -KILL "$(pid_of signet-ra)"
kill -CONT "$(pid_of signet-ca)"
poll 60 ra /health second -f || fail 'signet-ra does not come back'
issued_once 'the RA dies and comes back'
check_invariants
