#!/bin/sh
# Foreign judges over one certificate's life: openssl, GnuTLS, NSS, the JDK and curl
# share no code with us and must all agree.
set -eu
. "$(dirname "$0")/lib-orders.sh"
need_state
javac -d "$WORK/java" "$SIGNET_SOURCE/tests/e2e/java/Relying.java"

new_order issue leaf ec-p256 | approve | submit >"$WORK/leaf.json"
serial=$(jq -r '.certificates[0].serial' "$WORK/leaf.json")
jq -r '.certificates[0].der' "$WORK/leaf.json" | base64 -d | openssl x509 -inform DER -out "$WORK/leaf.pem"
cat "$SIGNET_ISSUER" "$SIGNET_ROOT" >"$WORK/chain.pem"
crl() { curl -sSf -o "$WORK/issuing.crl" "$SIGNET_CRL_URL"; }

# --- the certificate itself
want 'openssl verify' "$WORK/leaf.pem: OK" "$(openssl verify -x509_strict -CAfile "$SIGNET_ROOT" -untrusted "$SIGNET_ISSUER" "$WORK/leaf.pem")"
cat "$WORK/leaf.pem" "$SIGNET_ISSUER" >"$WORK/leaf.chain"
certtool --verify --load-ca-certificate "$SIGNET_ROOT" --infile "$WORK/leaf.chain" >"$WORK/out" 2>&1 || { cat "$WORK/out"; fail 'certtool refuses the chain'; }
echo 'ok certtool'
mkdir "$WORK/nss"
certutil -N -d "sql:$WORK/nss" --empty-password
certutil -A -d "sql:$WORK/nss" -n root -t 'CT,C,C' -i "$SIGNET_ROOT"
certutil -A -d "sql:$WORK/nss" -n issuing -t ',,' -i "$SIGNET_ISSUER"
certutil -A -d "sql:$WORK/nss" -n leaf -t ',,' -i "$WORK/leaf.pem"
want 'NSS' 'certutil: certificate is valid' "$(certutil -V -d "sql:$WORK/nss" -n leaf -u C -e 2>&1 | tail -1)"

# --- its status, in every judge's words; $1: good or revoked
openssl_says() {
    openssl ocsp -issuer "$SIGNET_ISSUER" -cert "$WORK/leaf.pem" -url "$SIGNET_OCSP_URL" -CAfile "$SIGNET_ROOT" \
        -verify_other "$SIGNET_ISSUER" "$@" >"$WORK/out" 2>&1
    grep -q 'Response verify OK' "$WORK/out" || { cat "$WORK/out"; fail 'openssl does not accept the answer'; }
    ! grep -q WARNING "$WORK/out" || { cat "$WORK/out"; fail 'openssl warns'; }
    sed -n "s|^$WORK/leaf.pem: ||p" "$WORK/out"
}
get_says() { # the same by GET, as the JDK and browsers ask
    openssl ocsp -issuer "$SIGNET_ISSUER" -cert "$WORK/leaf.pem" -no_nonce -reqout "$WORK/request" >/dev/null 2>&1
    path=$(base64 -w0 <"$WORK/request" | sed 's/+/%2B/g; s|/|%2F|g; s/=/%3D/g')
    curl -sSf -o "$WORK/response" "$SIGNET_OCSP_URL/$path"
    openssl ocsp -respin "$WORK/response" -issuer "$SIGNET_ISSUER" -cert "$WORK/leaf.pem" -no_nonce -CAfile "$SIGNET_ROOT" \
        -verify_other "$SIGNET_ISSUER" 2>/dev/null | sed -n "s|^$WORK/leaf.pem: ||p"
}
gnutls_says() {
    ocsptool "--ask=$SIGNET_OCSP_URL" --load-cert "$WORK/leaf.pem" --load-issuer "$SIGNET_ISSUER" --load-trust "$SIGNET_ROOT" >"$WORK/out" 2>&1 || true
    sed -n 's/.*Certificate Status: *//p' "$WORK/out" | head -1
}
nss_says() {
    ocspclnt -d "sql:$WORK/nss" -S leaf >"$WORK/out" 2>&1 || true
    if grep -q succeeded "$WORK/out"; then echo good; elif grep -q 'has been revoked' "$WORK/out"; then echo revoked; else tail -1 "$WORK/out"; fi
}
java_says() { java -cp "$WORK/java" Relying "$1" "$SIGNET_ROOT" "$WORK/leaf.pem" "$SIGNET_ISSUER"; }
crl_says() {
    crl
    openssl crl -inform DER -in "$WORK/issuing.crl" -CAfile "$SIGNET_ISSUER" -noout 2>&1 | grep -q 'verify OK' || fail 'the CRL does not verify'
    if openssl crl -inform DER -in "$WORK/issuing.crl" -noout -text | grep -qi "Serial Number: 0*$serial"; then echo revoked; else echo good; fi
}

judge() {
    want "openssl POST with nonce: $1" "$1" "$(openssl_says -nonce | head -1)"
    want "openssl POST without nonce: $1" "$1" "$(openssl_says -no_nonce | head -1)"
    want "openssl SHA-256 CertID: $1" "$1" "$(openssl ocsp -sha256 -issuer "$SIGNET_ISSUER" -cert "$WORK/leaf.pem" -url "$SIGNET_OCSP_URL" \
        -CAfile "$SIGNET_ROOT" -verify_other "$SIGNET_ISSUER" 2>/dev/null | sed -n "s|^$WORK/leaf.pem: ||p")"
    want "GET: $1" "$1" "$(get_says | head -1)"
    want "GnuTLS: $1" "$1" "$(gnutls_says)"
    want "NSS: $1" "$1" "$(nss_says)"
    case $1 in
    good)
        want 'JDK by OCSP: valid' valid "$(java_says ocsp)"
        want 'JDK by CRL: valid' valid "$(java_says crl)"
        ;;
    *)
        want 'JDK by OCSP: revoked' "revoked $2" "$(java_says ocsp)"
        want 'JDK by CRL: revoked' "revoked $2" "$(java_says crl)"
        ;;
    esac
}

judge good
want 'CRL before' good "$(crl_says)"

new_revocation revoke "$serial" cessationOfOperation | approve | submit >"$WORK/revoked.json"
revoked_ms=$(date +%s%3N)
poll 3 sh -c "openssl ocsp -issuer '$SIGNET_ISSUER' -cert '$WORK/leaf.pem' -url '$SIGNET_OCSP_URL' -CAfile '$SIGNET_ROOT' 2>/dev/null | grep -q revoked" ||
    fail 'OCSP still says good after 3 s'
took=$(($(date +%s%3N) - revoked_ms))
[ "$took" -lt 1500 ] || fail "OCSP knew only after $took ms"
signet crl new issuing-1 >/dev/null
poll 3 sh -c "curl -sSf '$SIGNET_CRL_URL' | openssl crl -inform DER -noout -text | grep -qi '$serial'" || fail 'the CRL does not list it'
judge revoked CESSATION_OF_OPERATION
want 'CRL after' revoked "$(crl_says)"

# --- a serial never issued is unknown, never good
want 'never issued' unknown "$(openssl ocsp -issuer "$SIGNET_ISSUER" -serial 0x0123456789abcdef0123456789abcdef -url "$SIGNET_OCSP_URL" \
    -CAfile "$SIGNET_ROOT" -verify_other "$SIGNET_ISSUER" 2>/dev/null | sed -n 's/^0x[^:]*: //p')"
