#!/bin/sh
# A new generation of the issuing authority, while orders come in: none is refused, the
# new key signs what comes after, the old one's status goes on, links tie the two.
set -eu
. "$(dirname "$0")/lib-orders.sh"
own_state

issued_by() { # serial of the issuing key's certificate, by name
    openssl x509 -in "$STATE/public/$1.pem" -noout -ext subjectKeyIdentifier | tail -1 | tr -d ' :\n'
}
authority_key_of() { openssl x509 -in "$1" -noout -ext authorityKeyIdentifier | tail -1 | tr -d ' :\n' | sed 's/^keyid//'; }

new_order issue before ec-p256 | approve | submit >"$WORK/before.json"
pem_of "$WORK/before.json" >"$WORK/before.pem"
want 'the first generation signs' "$(issued_by issuing-1)" "$(authority_key_of "$WORK/before.pem")"

# Orders without a pause, one after another, until told to stop.
(
    n=0
    while [ ! -f "$WORK/stop" ]; do
        n=$((n + 1))
        (WORK=$WORK/load; mkdir -p "$WORK"; new_order issue "load-$n" ec-p256 | approve | submit >/dev/null) || {
            echo "order $n" >"$WORK/refused"
            break
        }
        echo "$n" >"$WORK/done"
    done
) &
load=$!
poll 30 test -s "$WORK/done"
cp "$SIGNET_SOURCE/config/ceremony/generation.xml" "$STATE/generation.xml"
signet ceremony check "$STATE/generation.xml" >"$WORK/check"
grep -q 'in the place of issuing-1' "$WORK/check" || fail 'the dry run does not tell what is replaced'
run_ceremony() {
    if [ "$(id -u)" = 0 ]; then
        SOFTHSM2_CONF=$STATE/softhsm2.conf setpriv --reuid=signet --regid=signet --clear-groups -- "$SIGNET_BUILD/bin/signet" --config "$STATE/signet.conf" "$@"
    else
        SOFTHSM2_CONF=$STATE/softhsm2.conf "$SIGNET_BUILD/bin/signet" --config "$STATE/signet.conf" "$@"
    fi
}
run_ceremony ceremony rollover "$STATE/generation.xml" --out "$STATE"
during=$(cat "$WORK/done")
more() { [ "$(cat "$WORK/done")" -gt "$((during + 5))" ]; }
poll 30 more || fail 'no orders after the switch'
touch "$WORK/stop"
wait "$load"
[ ! -f "$WORK/refused" ] || fail "refused during the switch: $(cat "$WORK/refused")"
echo "ok $(cat "$WORK/done") orders went through the switch"

signs_new() {
    new_order issue after ec-p256 | approve | submit >"$WORK/after.json"
    pem_of "$WORK/after.json" >"$WORK/after.pem"
    [ "$(issued_by issuing-2)" = "$(authority_key_of "$WORK/after.pem")" ]
}
poll 10 signs_new || fail 'the second generation does not sign'
echo 'ok the second generation signs'
openssl verify -x509_strict -CAfile "$STATE/public/root.pem" -untrusted "$STATE/public/issuing-2.pem" "$WORK/after.pem"
openssl verify -x509_strict -partial_chain -trusted "$STATE/public/issuing-1.pem" \
    -untrusted "$STATE/public/link-issuing-2-by-issuing-1.pem" "$WORK/after.pem"
openssl verify -x509_strict -partial_chain -trusted "$STATE/public/issuing-2.pem" \
    -untrusted "$STATE/public/link-issuing-1-by-issuing-2.pem" "$WORK/before.pem"

status() { # ISSUER CERT
    openssl ocsp -issuer "$STATE/public/$1.pem" -cert "$2" -url "$SIGNET_OCSP_URL" -CAfile "$STATE/public/bundle.pem" 2>/dev/null |
        sed -n "s|^$2: ||p"
}
is_good() { [ "$(status "$1" "$2")" = good ]; }
poll 10 is_good issuing-1 "$WORK/before.pem" || fail 'OCSP of the first generation'
poll 10 is_good issuing-2 "$WORK/after.pem" || fail 'OCSP of the second generation'
echo 'ok both generations have status'
for name in issuing-1 issuing-2; do
    poll 10 curl -fsS -o "$WORK/$name.crl" "${SIGNET_CRL_URL%/*}/$name.crl" || fail "no CRL of $name"
    openssl crl -inform DER -in "$WORK/$name.crl" -CAfile "$STATE/public/$name.pem" -noout 2>&1 | grep -q 'verify OK' || fail "CRL of $name"
done
echo 'ok both generations have CRLs'
openssl dgst -sha256 -verify "$STATE/public/log.pem" -signature "$STATE/protocol/ceremony-5d2f1f0a-96d7-4b3e-8a55-2b7f0d3c9e02.sig" \
    "$STATE/protocol/ceremony-5d2f1f0a-96d7-4b3e-8a55-2b7f0d3c9e02.json"
