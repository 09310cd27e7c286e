#!/bin/sh
# A recovered key in a PKCS #12 (`signet kmc pkcs12`): programs that share no code with us
# open it with the password that was drawn, and none with another; nobody but whom the
# CMS is for can make one, and none for a certificate of another key.
set -eu
. "$(dirname "$0")/lib.sh"
need_state
mkdir "$WORK/officer"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/officer/key.pem" -out "$WORK/officer/cert.pem" -subj /CN=officer -days 2 2>/dev/null
answer() { # KEY.pem OUT: as signet-kmc gives it, the CMS made by openssl
    openssl pkcs8 -topk8 -nocrypt -in "$1" -outform DER |
        openssl cms -encrypt -binary -aes256 -outform DER -out "$WORK/cms" "$WORK/officer/cert.pem"
    jq -n --arg spki "$(openssl pkey -in "$1" -pubout -outform DER | base64 -w0)" --arg cms "$(base64 -w0 "$WORK/cms")" \
        '{keys: [{id: "1", key_type: "?", spki: $spki, cms: $cms}]}' >"$2"
}
same_key() { # NAME KEY.pem
    want "$1: it is the key of the certificate" "$(openssl x509 -in "$WORK/holder.pem" -noout -pubkey | openssl sha256)" \
        "$(openssl pkey -in "$2" -pubout | openssl sha256)"
}
for type in 'RSA -pkeyopt rsa_keygen_bits:2048' 'RSA -pkeyopt rsa_keygen_bits:3072' 'EC -pkeyopt ec_paramgen_curve:P-256'; do
    # shellcheck disable=SC2086
    openssl genpkey -algorithm $type -out "$WORK/holder.key" 2>/dev/null
    openssl req -x509 -new -key "$WORK/holder.key" -out "$WORK/holder.pem" -subj '/CN=供应商' -utf8 -days 2
    answer "$WORK/holder.key" "$WORK/answer.json"
    password=$(signet kmc pkcs12 "$WORK/answer.json" --certificate "$WORK/holder.pem" --officer "$WORK/officer" --out "$WORK/h.p12")
    want "$type: 24 characters" 24 "${#password}"
    want "$type: nobody else reads the file" 600 "$(stat -c %a "$WORK/h.p12")"
    openssl pkcs12 -in "$WORK/h.p12" -passin "pass:$password" -nocerts -nodes -out "$WORK/o.key"
    same_key "$type, openssl" "$WORK/o.key"
    ! openssl pkcs12 -in "$WORK/h.p12" -passin 'pass:another' -noout 2>/dev/null || fail 'openssl opens it with another password'
    openssl pkcs12 -in "$WORK/h.p12" -passin "pass:$password" -info -noout 2>"$WORK/info"
    want "$type: PBKDF2 with so many rounds" 2 "$(grep -c 'PBES2, PBKDF2, AES-256-CBC, Iteration 600000, PRF hmacWithSHA256' "$WORK/info")"
    certtool --p12-info --inder --infile "$WORK/h.p12" --password "$password" >"$WORK/g" 2>/dev/null
    sed -n '/BEGIN.*PRIVATE KEY/,/END.*PRIVATE KEY/p' "$WORK/g" >"$WORK/g.key"
    openssl pkey -in "$WORK/g.key" -passin "pass:$password" -out "$WORK/g2.key"
    same_key "$type, GnuTLS" "$WORK/g2.key"
    rm -rf "$WORK/nss" && mkdir "$WORK/nss"
    certutil -N -d "sql:$WORK/nss" --empty-password
    pk12util -i "$WORK/h.p12" -W "$password" -d "sql:$WORK/nss" >/dev/null
    certutil -K -d "sql:$WORK/nss" >"$WORK/nss.keys" 2>/dev/null
    want "$type, NSS: a private key" 1 "$(grep -c '^< 0>' "$WORK/nss.keys")"
    rm -f "$WORK/j.p12"
    keytool -importkeystore -noprompt -srckeystore "$WORK/h.p12" -srcstoretype PKCS12 -srcstorepass "$password" \
        -destkeystore "$WORK/j.p12" -deststoretype PKCS12 -deststorepass changeit >/dev/null 2>&1
    openssl pkcs12 -in "$WORK/j.p12" -passin pass:changeit -nocerts -nodes -out "$WORK/j.key" 2>/dev/null
    same_key "$type, Java" "$WORK/j.key"
done
refused() { # WHAT CERTIFICATE OFFICER ANSWER
    rm -f "$WORK/no.p12"
    ! signet kmc pkcs12 "$4" --certificate "$2" --officer "$3" --out "$WORK/no.p12" >"$WORK/out" 2>&1 || fail "$1: made"
    [ ! -e "$WORK/no.p12" ] || fail "$1: a file is left"
    echo "ok $1: $(cat "$WORK/out")"
}
refused 'a certificate of another key' "$WORK/officer/cert.pem" "$WORK/officer" "$WORK/answer.json"
jq --arg spki "$(openssl pkey -in "$WORK/officer/key.pem" -pubout -outform DER | base64 -w0)" '.keys[0].spki = $spki' "$WORK/answer.json" >"$WORK/lie.json"
refused 'an answer that lies about its key' "$WORK/officer/cert.pem" "$WORK/officer" "$WORK/lie.json"
mkdir "$WORK/other"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/other/key.pem" -out "$WORK/other/cert.pem" -subj /CN=other -days 2 2>/dev/null
refused 'whom it is not for' "$WORK/holder.pem" "$WORK/other" "$WORK/answer.json"
jq '.keys[0].cms |= .[0:400]' "$WORK/answer.json" >"$WORK/cut.json"
refused 'half a message' "$WORK/holder.pem" "$WORK/officer" "$WORK/cut.json"
