#!/bin/sh
# Files of a holder: what signet-key encrypts openssl decrypts, and the other way
# round, with RSA and elliptic curves, old keys too; what it signs openssl verifies;
# what was changed is refused and leaves nothing behind.
set -eu
. "$(dirname "$0")/lib.sh"
STATE=$WORK/state
mkdir "$STATE"
export SIGNET_USBKEY="$STATE/usbkeys/plugged"
export SIGNET_KEY_MODULE="$SIGNET_BUILD/bin/usbkey-sim.so"
# The module brings its own copy of the allocator's world: leaks of SoftHSM are not ours.
export ASAN_OPTIONS=detect_leaks=0
export LC_ALL=C.UTF-8
signet() { "$SIGNET" "$@" --state "$STATE"; }
tool() { pkcs11-tool --module "$SIGNET_KEY_MODULE" "$@" >/dev/null 2>&1; }
echo 12345678 >"$WORK/pin"
holder() { "$SIGNET_BUILD/bin/signet-key" --language en --pin-file "$WORK/pin" --ca-file "$WORK/ca.pem" "$@"; }

signet device new SIM-0001 >/dev/null
signet device plug SIM-0001
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/ca.key" -out "$WORK/ca.pem" \
    -subj '/O=Test/CN=Test CA' -days 30 2>/dev/null

# pair ID TYPE NAME USAGE: a key made on the device, and a certificate for it.
pair() {
    tool --login --pin 12345678 --keypairgen --key-type "$2" --id "$1" --label "$3"
    tool --read-object --type pubkey --id "$1" -o "$WORK/$3.pub"
    openssl pkey -pubin -inform DER -in "$WORK/$3.pub" -out "$WORK/$3.pub.pem"
    printf 'keyUsage=critical,%s\nsubjectKeyIdentifier=hash\n' "$4" >"$WORK/$3.ext"
    openssl x509 -new -force_pubkey "$WORK/$3.pub.pem" -subj "/O=Demo Unit/CN=$3" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" \
        -days 30 -extfile "$WORK/$3.ext" -out "$WORK/$3.pem" 2>/dev/null
    openssl x509 -in "$WORK/$3.pem" -outform DER -out "$WORK/$3.der"
    tool --login --pin 12345678 --write-object "$WORK/$3.der" --type cert --id "$1" --label "$3"
}
pair 01 rsa:2048 encryption-old keyEncipherment,dataEncipherment
pair 02 EC:prime256v1 encryption-new keyAgreement
pair 03 EC:prime256v1 signing digitalSignature,nonRepudiation

want 'status names the device' SIM-0001 "$(holder --json status | jq -r '.devices[0].serial')"
want 'list shows certificates with their keys' 'encryption encryption signing' \
    "$(holder --json list | jq -r '[.certificates[] | select(.has_key) | .purpose] | sort | join(" ")')"
want 'of several for encryption all but the newest are earlier ones' 1 "$(holder --json list | jq -r .earlier_keys)"
echo wrong-pin >"$WORK/wrong"
want 'a wrong PIN is told' 'wrong PIN' \
    "$("$SIGNET_BUILD/bin/signet-key" --language en --pin-file "$WORK/wrong" --json list | jq -r .what)"

head -c 3000000 /dev/urandom >"$WORK/file"
same() { cmp -s "$WORK/file" "$1" && rm -f "$1" && echo same || echo different; }

for name in encryption-old encryption-new; do
    for cipher in aes-256-cbc aes-128-cbc aes-256-gcm; do
        for stream in '' -stream; do
            openssl cms -encrypt -binary $stream -"$cipher" -in "$WORK/file" -outform DER -out "$WORK/by-openssl.p7m" "$WORK/$name.pem"
            holder decrypt "$WORK/by-openssl.p7m" --out "$WORK/clear" >/dev/null
            want "$name: openssl's $cipher $stream is decrypted" same "$(same "$WORK/clear")"
        done
    done
done
openssl cms -encrypt -binary -aes-256-cbc -keyid -in "$WORK/file" -outform DER -out "$WORK/id.p7m" "$WORK/encryption-old.pem"
holder decrypt "$WORK/id.p7m" --out "$WORK/clear" >/dev/null
want 'a recipient by key identifier' same "$(same "$WORK/clear")"
openssl cms -encrypt -binary -aes-256-cbc -in "$WORK/file" -outform DER -out "$WORK/oaep.p7m" \
    -recip "$WORK/encryption-old.pem" -keyopt rsa_padding_mode:oaep
holder decrypt "$WORK/oaep.p7m" --out "$WORK/clear" >/dev/null
want 'OAEP' same "$(same "$WORK/clear")"

# For others too: many recipients, each opens it with a key of its own kind.
for other in rsa ec; do
    case $other in rsa) key='rsa -pkeyopt rsa_keygen_bits:2048' ;; ec) key='ec -pkeyopt ec_paramgen_curve:P-384' ;; esac
    # shellcheck disable=SC2086
    openssl req -x509 -newkey $key -nodes -keyout "$WORK/$other.key" -out "$WORK/$other.pem" -subj "/CN=$other" -days 9 2>/dev/null
done
holder encrypt "$WORK/file" --to "$WORK/rsa.pem" --to "$WORK/ec.pem" --to "$WORK/encryption-new.der" >/dev/null
for other in rsa ec; do
    openssl cms -decrypt -binary -inform DER -in "$WORK/file.p7m" -recip "$WORK/$other.pem" -inkey "$WORK/$other.key" -out "$WORK/clear"
    want "openssl opens what is for $other" same "$(same "$WORK/clear")"
done
holder decrypt "$WORK/file.p7m" --out "$WORK/clear" >/dev/null
want 'and the holder does' same "$(same "$WORK/clear")"
holder encrypt "$WORK/file" --to "$WORK/rsa.pem" >"$WORK/out" 2>&1 && fail 'a file is written over'
grep -q -- --force "$WORK/out" || fail 'it is not told how'

# By name: of a pair the certificate for encryption is meant, never that for signing.
mkdir "$WORK/book"
cp "$WORK/signing.pem" "$WORK/encryption-new.pem" "$WORK/book"
holder encrypt "$WORK/file" --to 'Demo Unit' --certificates "$WORK/book" --out "$WORK/named.p7m" >/dev/null
holder decrypt "$WORK/named.p7m" --out "$WORK/clear" >/dev/null
want 'the name of a holder finds the certificate for encryption' same "$(same "$WORK/clear")"
cat "$WORK/signing.pem" "$WORK/encryption-new.pem" >"$WORK/book/unit.pem"
holder encrypt "$WORK/file" --to unit --certificates "$WORK/book" --out "$WORK/both.p7m" >/dev/null
holder decrypt "$WORK/both.p7m" --out "$WORK/clear" >/dev/null
want 'so does a file that holds both' same "$(same "$WORK/clear")"
want 'nothing is encrypted for a signing key' input \
    "$(holder --json encrypt "$WORK/file" --to signing --certificates "$WORK/book" --out "$WORK/none.p7m" | jq -r .error)"
want 'nor for who is not known' not_found \
    "$(holder --json encrypt "$WORK/file" --to nobody --certificates "$WORK/book" --out "$WORK/none.p7m" | jq -r .error)"

# Not for this holder; changed; cut; longer: refused, and nothing is left.
holder encrypt "$WORK/file" --to "$WORK/rsa.pem" --out "$WORK/not-mine.p7m" >/dev/null
refused() {
    if holder decrypt "$1" --out "$WORK/clear" >"$WORK/out" 2>&1; then fail "$2 was decrypted"; fi
    [ ! -e "$WORK/clear" ] && [ ! -e "$WORK/clear.part" ] || fail "$2 left a file"
    echo "ok $2: $(cat "$WORK/out")"
}
refused "$WORK/not-mine.p7m" 'a file for others'
size=$(stat -c %s "$WORK/file.p7m")
for at in 1000000 $((size - 40)) $((size - 10)); do
    cp "$WORK/file.p7m" "$WORK/bad.p7m"
    printf '\377' | dd of="$WORK/bad.p7m" bs=1 seek="$at" conv=notrunc 2>/dev/null
    cmp -s "$WORK/file.p7m" "$WORK/bad.p7m" || refused "$WORK/bad.p7m" "a file changed at $at"
done
head -c $((size - 1)) "$WORK/file.p7m" >"$WORK/bad.p7m"
refused "$WORK/bad.p7m" 'a file that was cut'
{ cat "$WORK/file.p7m" && echo; } >"$WORK/bad.p7m"
refused "$WORK/bad.p7m" 'a file that goes on'
refused "$WORK/file" 'what is no CMS file'
refused "$WORK/none" 'no file at all'

# Signatures.
holder sign "$WORK/file" >/dev/null
openssl cms -verify -binary -inform DER -in "$WORK/file.p7s" -content "$WORK/file" -CAfile "$WORK/ca.pem" -purpose any \
    -out /dev/null 2>/dev/null || fail 'openssl does not verify the signature'
openssl cms -verify -cades -binary -inform DER -in "$WORK/file.p7s" -content "$WORK/file" -CAfile "$WORK/ca.pem" -purpose any \
    -out /dev/null 2>/dev/null || fail 'openssl does not verify it as CAdES'
want 'signet-key verifies it and names the signer' 'CN=signing,O=Demo Unit' "$(holder --json verify "$WORK/file.p7s" "$WORK/file" | jq -r .signer)"
openssl cms -sign -binary -signer "$WORK/rsa.pem" -inkey "$WORK/rsa.key" -in "$WORK/file" -outform DER -out "$WORK/other.p7s" 2>/dev/null
want 'another signer is trusted by his own root only' false "$(holder --json verify "$WORK/other.p7s" "$WORK/file" | jq -r .ok)"
want 'with it he is' true "$("$SIGNET_BUILD/bin/signet-key" --ca-file "$WORK/rsa.pem" --json verify "$WORK/other.p7s" "$WORK/file" | jq -r .ok)"
printf x >>"$WORK/file"
want 'a changed file is refused' false "$(holder --json verify "$WORK/file.p7s" "$WORK/file" | jq -r .ok)"

# PINs.
printf '12345678\nonlylower1\n' >"$WORK/pins"
want 'a weak PIN is refused' false "$("$SIGNET_BUILD/bin/signet-key" --language en --pin-file "$WORK/pins" --json change-pin | jq -r .ok)"
printf '12345678\nFresh-1234\n' >"$WORK/pins"
"$SIGNET_BUILD/bin/signet-key" --language en --pin-file "$WORK/pins" change-pin >/dev/null
echo 'Fresh-1234' >"$WORK/pin"
want 'the new PIN is the PIN' true "$(holder --json list | jq -r .ok)"
